/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. An experiment is a row of the table at the end: a resource, the flags that share or isolate it, what
 * the observer does before it makes its child, what the child does, and how the observer then looks at the resource:
 * - Most rows have `read`. It puts into words what the observer sees, once before the child changes the resource and
 *   once afterwards. The resource was shared if the words differ.
 * - The others have `judge`. It compares what the child saw itself, or asks the kernel.
 *
 * What must stay true: a child that shares memory (CLONE_VM) makes raw system calls only; the others may call the C
 * library. A resource counts as shared only because that was seen, never because a table says so.
 */
#include "prove/experiments.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/count.h"
#include "base/fd.h"
#include "base/raw.h"
#include "launch/wait.h"
#include "prove/proc.h"

enum { PAGE_COUNT = 16384, PAUSE_MS = 20, KEY = 0x6d626f78 };
static const size_t page_size = 4096; /* the unit of the figures; a kernel with larger pages copies more of them */

__attribute__((format(printf, 2, 3))) static void say(struct mb_observer *o, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(o->outcome->text, sizeof(o->outcome->text), format, list);
    va_end(list);
}

/* ---- memory, descriptors ---------------------------------------------------------------------------------------- */

static long set_to_two(struct mb_observer *o) {
    o->variable = 2;
    return 0;
}

static void read_variable(struct mb_observer *o) {
    say(o, "%d, it was 1", o->variable);
}

static long close_file(struct mb_observer *o) {
    return raw(SYS_close, o->fd);
}

static const char *state_of_file(const struct mb_observer *o) {
    return fcntl(o->fd, F_GETFD) < 0 ? "closed" : "open";
}

static void read_descriptor(struct mb_observer *o) {
    say(o, "descriptor %d is %s", o->fd, state_of_file(o));
}

static long set_and_close(struct mb_observer *o) {
    set_to_two(o);
    return close_file(o);
}

static void read_variable_and_file(struct mb_observer *o) {
    say(o, "variable %d, file %s", o->variable, state_of_file(o));
}

/* Makes pages between two that nobody may touch: so the kernel does not join them with neighbours, and reports on them
 * alone. */
static long make_pages(struct mb_observer *o) {
    size_t size = PAGE_COUNT * page_size, guard = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *start = mmap(NULL, size + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + guard, size, PROT_READ | PROT_WRITE) < 0)
        return -errno;
    o->pages = start + guard;
    madvise(o->pages, size, MADV_NOHUGEPAGE); /* or a write would copy 2 MiB */
    memset(o->pages, 1, size);
    return 0;
}

static long write_to_page(struct mb_observer *o) {
    o->pages[0] = 2;
    return 0;
}

static bool judge_pages(struct mb_observer *o) {
    char section[32];
    snprintf(section, sizeof(section), "\n%lx-", (long)o->pages);
    long clean = mb_proc_number(o->child.pid, "smaps", section, "Private_Clean:"); /* what the child alone has */
    long dirty = mb_proc_number(o->child.pid, "smaps", section, "Private_Dirty:");
    if (clean < 0 || dirty < 0)
        return !mb_experiment_refuses(o, -ENOSYS);
    bool is_changed = o->pages[0] == 2, is_one = clean + dirty == sysconf(_SC_PAGESIZE) / 1024;
    if (is_changed)
        say(o, "the child's byte; no page was copied");
    else if (is_one)
        say(o, "its own byte; %ld KiB of %ld were copied for the child, one page", clean + dirty,
            PAGE_COUNT * page_size / 1024);
    else
        say(o, "its own byte, but %ld KiB are the child's alone", clean + dirty);
    return is_changed || !is_one;
}

/* ---- directories, umask, handlers ------------------------------------------------------------------------------- */

static void read_working_directory(struct mb_observer *o) {
    char path[64] = "";
    say(o, "%s, it was /", getcwd(path, sizeof(path)) ? path : "");
}

static void read_umask(struct mb_observer *o) {
    mode_t mask = umask(0);
    umask(mask);
    say(o, "%03o, it was 022", mask);
}

static void read_directory(struct mb_observer *o) {
    struct stat now = {0};
    stat(o->outcome->experiment->about, &now);
    if (!o->directory.st_ino)
        o->directory = now;
    bool is_same = now.st_dev == o->directory.st_dev && now.st_ino == o->directory.st_ino;
    say(o, is_same ? "the same directory as before" : "another file system than before");
}

/* What rt_sigaction(2) takes: handler, flags, restorer, mask. */
static const long by_default[4] = {(long)SIG_DFL}, ignore[4] = {(long)SIG_IGN};
enum { MASK_SIZE = 8 };

static void read_handler(struct mb_observer *o) {
    struct sigaction action = {0};
    sigaction(SIGUSR1, NULL, &action);
    say(o, action.sa_handler == SIG_IGN ? "ignored, it was the default" : "the default, as before");
}

/* ---- compared by kcmp(2) ---------------------------------------------------------------------------------------- */

static bool judge_by_kernel(struct mb_observer *o) {
    const struct mb_experiment *e = o->outcome->experiment;
    long result = raw(SYS_kcmp, getpid(), o->child.pid, e->kcmp, 0, 0);
    if (mb_experiment_refuses(o, result))
        return false;
    say(o, "%s %s, says kcmp(2)", result == 0 ? "the same" : "another", e->about);
    return result == 0;
}

/* The kernel gives the caller an undo list, which can be shared, with its first SEM_UNDO operation. The list stays when
 * the semaphore is removed. */
static long take_semaphore(struct mb_observer *o) {
    struct sembuf up = {0, 1, SEM_UNDO};
    int id = semget(IPC_PRIVATE, 1, 0600);
    (void)o;
    if (id < 0 || semop(id, &up, 1) < 0)
        return -errno;
    return semctl(id, 0, IPC_RMID) < 0 ? -errno : 0;
}

/* ---- the observer's sleep --------------------------------------------------------------------------------------- */

static long end_late(struct mb_observer *o) {
    usleep(PAUSE_MS * 1000);
    atomic_store(&o->outcome->ended, mb_wait_clock());
    return 0;
}

static bool has_slept(const struct mb_observer *o) {
    uint64_t ended = atomic_load(&o->outcome->ended);
    return ended && ended <= o->cloned;
}

static bool judge_sleep(struct mb_observer *o) {
    say(o, "clone took %.1f ms, %s", (double)(o->cloned - o->started) / 1e6,
        has_slept(o) ? o->outcome->experiment->about : "the child goes on beside");
    return has_slept(o);
}

/* The program that the child executes writes to a full pipe, so it waits there until the observer has seen it. */
static long fill_pipe(struct mb_observer *o) {
    char block[512] = {0};
    if (pipe(o->pipe) < 0 || fcntl(o->pipe[1], F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    while (write(o->pipe[1], block, sizeof(block)) > 0)
        ;
    return fcntl(o->pipe[1], F_SETFL, 0) < 0 ? -errno : 0;
}

static long execute_late(struct mb_observer *o) {
    static char minibox[] = "minibox", help[] = "help";
    char *const words[] = {minibox, help, NULL}, *const none[] = {NULL};
    end_late(o);
    if (dup2(o->pipe[1], 1) < 0)
        return -errno;
    close(o->pipe[0]);
    close(o->pipe[1]);
    execve("/proc/self/exe", words, none);
    return -errno;
}

static bool judge_execution(struct mb_observer *o) {
    struct pollfd death = {.fd = o->child.pidfd, .events = POLLIN};
    if (has_slept(o) && poll(&death, 1, 0) != 0) /* the child could not execute anything */
        return !mb_experiment_refuses(o, -ENOEXEC);
    close(o->pipe[0]); /* the program can go on now, and ends */
    close(o->pipe[1]);
    return judge_sleep(o);
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

static bool judge_thread(struct mb_observer *o) {
    bool is_process = o->outcome->said == getpid(), is_thread = o->child.pid == gettid();
    say(o, "the child has %s pid, and %s tid", is_process ? "its" : "another", is_thread ? "its" : "another");
    return is_process;
}

static bool judge_pid(struct mb_observer *o) {
    say(o, "%d; the child says %ld", o->child.pid, o->outcome->said);
    return o->outcome->said == o->child.pid;
}

static bool judge_parent(struct mb_observer *o) {
    long parent = o->outcome->said;
    say(o, parent == getpid() ? "itself is the child's parent" : "its own parent is the child's");
    return parent == getppid();
}

/* ---- host name, network, IPC ------------------------------------------------------------------------------------ */

static void read_host_name(struct mb_observer *o) {
    struct utsname name = {0};
    uname(&name);
    say(o, "\"%s\", it was \"before\"", name.nodename);
}

static long ask_loopback(unsigned long request, short flags) {
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = flags};
    mb_autofd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd < 0 || ioctl(fd, request, &lo) < 0 ? -errno : lo.ifr_flags;
}

static long raise_loopback(struct mb_observer *o) {
    (void)o;
    return ask_loopback(SIOCSIFFLAGS, IFF_UP);
}

/* The observer puts lo down again, since the next one must find it so. */
static void read_loopback(struct mb_observer *o) {
    long flags = ask_loopback(SIOCGIFFLAGS, 0);
    say(o, "lo is %s, it was down", flags > 0 && (flags & IFF_UP) ? "up" : "down");
    ask_loopback(SIOCSIFFLAGS, 0);
}

/* The queue is removed again, since the next observer must find none. */
static void read_queue(struct mb_observer *o) {
    int queue = msgget(KEY, 0);
    say(o, queue >= 0 ? "the child's queue" : "no queue of that key");
    if (queue >= 0)
        msgctl(queue, IPC_RMID, NULL);
}

/* ---- ids, cgroups, clocks --------------------------------------------------------------------------------------- */

static long tell_user(struct mb_observer *o) {
    if (o->outcome->with && mb_proc_map_one(0, 1000, 0, 0) < 0)
        return -errno;
    return geteuid();
}

static bool judge_user(struct mb_observer *o) {
    long outside = mb_proc_number(o->child.pid, "status", "", "\nUid:");
    say(o, "uid %ld from outside; the child says %ld", outside, o->outcome->said);
    return o->outcome->said == outside;
}

/* Returns the number of the caller's cgroup namespace. *ret_path: its first cgroup that is not the root, or the root.
 */
static long find_cgroup(char *ret_path, size_t size) {
    char text[8192], *rest = text, *line;
    struct stat st;
    if (stat("/proc/self/ns/cgroup", &st) < 0)
        return -ENOSYS;
    if (mb_fd_read_file("/proc/self/cgroup", text, sizeof(text)) < 0)
        return -errno;
    snprintf(ret_path, size, "/");
    while (ret_path[1] == '\0' && (line = strsep(&rest, "\n"))) {
        const char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (path)
            snprintf(ret_path, size, "%s", path + 1);
    }
    return (long)st.st_ino;
}

static long tell_cgroup(struct mb_observer *o) {
    return find_cgroup(o->outcome->said_path, sizeof(o->outcome->said_path));
}

static bool judge_cgroup(struct mb_observer *o) {
    char path[sizeof(o->outcome->said_path)] = "/", *said = o->outcome->said_path;
    long namespace = find_cgroup(path, sizeof(path));
    if (mb_experiment_refuses(o, namespace))
        return false;
    bool is_same = namespace == o->outcome->said;
    if (path[1] == '\0')
        say(o, "%s namespace, both at its root", is_same ? "the same" : "another");
    else
        say(o, "%.24s...; the child says %.24s%s", path, said, said[1] ? "..." : "");
    return is_same && strcmp(path, said) == 0;
}

static long read_clock(void) {
    struct timespec t = {0};
    return clock_gettime(CLOCK_BOOTTIME, &t) < 0 ? -errno : t.tv_sec;
}

/* unshare(2) does not move its caller into the new time namespace, only the children that it makes later. */
static long tell_clock(struct mb_observer *o) {
    if (o->outcome->with && unshare(CLONE_NEWTIME) < 0)
        return -errno;
    if (o->outcome->with && mb_proc_write(0, "timens_offsets", "boottime 86400 0") < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        o->outcome->said = read_clock();
        _exit(0);
    }
    return pid < 0 || waitpid(pid, NULL, 0) < 0 ? -errno : o->outcome->said;
}

static bool judge_clock(struct mb_observer *o) {
    long ahead = o->outcome->said - read_clock();
    say(o, "the child's boot clock is %ld s ahead", ahead);
    return ahead < 100;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

/* clang-format off */
const struct mb_experiment mb_experiments[] = {
    {.resource = "variable, open file", .flags = CLONE_VM | CLONE_FILES,
     .change = {.function = set_and_close},
     .read = read_variable_and_file, .whole = "variable 2, file closed"},
    {.resource = "variable", .flags = CLONE_VM,
     .change = {.function = set_to_two}, .read = read_variable},
    {.resource = "64 MiB of memory", .flags = CLONE_VM,
     .prepare = {.function = make_pages}, .change = {.function = write_to_page}, .judge = judge_pages},
    {.resource = "open file", .flags = CLONE_FILES,
     .change = {.function = close_file}, .read = read_descriptor},
    {.resource = "working directory", .flags = CLONE_FS,
     .prepare = {{SYS_chdir, (long)"/"}}, .change = {{SYS_chdir, (long)"/proc"}}, .read = read_working_directory},
    {.resource = "umask", .flags = CLONE_FS,
     .prepare = {{SYS_umask, 022}}, .change = {{SYS_umask, 077}}, .read = read_umask},
    {.resource = "root directory", .flags = CLONE_FS,
     .change = {{SYS_chroot, (long)"/proc"}}, .read = read_directory, .about = "/"},
    {.resource = "handler of SIGUSR1", .flags = CLONE_SIGHAND, .also = CLONE_VM,
     .prepare = {{SYS_rt_sigaction, SIGUSR1, (long)by_default, 0, MASK_SIZE}},
     .change = {{SYS_rt_sigaction, SIGUSR1, (long)ignore, 0, MASK_SIZE}}, .read = read_handler},
    {.resource = "I/O context", .flags = CLONE_IO,
     .prepare = {{SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | 5}},
     .judge = judge_by_kernel, .kcmp = KCMP_IO, .about = "context"},
    {.resource = "semaphore undo list", .flags = CLONE_SYSVSEM,
     .prepare = {.function = take_semaphore},
     .judge = judge_by_kernel, .kcmp = KCMP_SYSVSEM, .about = "list"},
    {.resource = "sleep until its end", .flags = CLONE_VFORK, .is_sleep = true,
     .change = {.function = end_late}, .judge = judge_sleep,
     .about = "until the child was at its end"},
    {.resource = "sleep until execve", .flags = CLONE_VFORK, .is_sleep = true,
     .prepare = {.function = fill_pipe}, .change = {.function = execute_late},
     .judge = judge_execution, .about = "until the child, which goes on, had executed a program"},
    {.resource = "process id", .flags = CLONE_THREAD, .also = CLONE_VM | CLONE_SIGHAND,
     .change = {{SYS_getpid}}, .judge = judge_thread},
    {.resource = "parent", .flags = CLONE_PARENT,
     .change = {{SYS_getppid}}, .judge = judge_parent},
    {.resource = "mount on /tmp", .flags = CLONE_NEWNS,
     .change = {{SYS_mount, (long)"tmpfs", (long)"/tmp", (long)"tmpfs", MS_NOSUID | MS_NODEV, (long)"size=64k"}},
     .read = read_directory, .about = "/tmp"},
    {.resource = "number of the child", .flags = CLONE_NEWPID,
     .change = {{SYS_getpid}}, .judge = judge_pid},
    {.resource = "host name", .flags = CLONE_NEWUTS,
     .prepare = {{SYS_sethostname, (long)"before", 6}}, .change = {{SYS_sethostname, (long)"after", 5}},
     .read = read_host_name},
    {.resource = "interface lo", .flags = CLONE_NEWNET,
     .change = {.function = raise_loopback}, .read = read_loopback},
    {.resource = "message queue's key", .flags = CLONE_NEWIPC,
     .change = {{SYS_msgget, KEY, IPC_CREAT | 0600}}, .read = read_queue},
    {.resource = "user id", .flags = CLONE_NEWUSER,
     .change = {.function = tell_user}, .judge = judge_user},
    {.resource = "root of the cgroups", .flags = CLONE_NEWCGROUP,
     .change = {.function = tell_cgroup}, .judge = judge_cgroup},
    {.resource = "boot clock", .flags = CLONE_NEWTIME,
     .change = {.function = tell_clock}, .judge = judge_clock},
};
/* clang-format on */
const size_t mb_experiment_count = MB_COUNT(mb_experiments);
