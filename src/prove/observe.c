/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. An experiment is a row of a table: a resource, and the flags that share or isolate it. Each is done
 * twice, with the flags and without, by an observer, a process of its own: it prepares the resource, makes a child with
 * minibox_clone(), lets it change the resource, and looks. So prepare(), change() and look() hold one case for each
 * experiment; whether the resource was shared is always what look() found, never what the table says.
 *
 * The observers live in an outer child with namespaces of its own: a host name or a mount that is changed there is not
 * the host's, and an ordinary user has the right to change it. All share a page with their ancestors, the scene.
 *
 * What must stay true: change() may run in its parent's memory, so it makes raw system calls only; no wait is without
 * an end (each process dies with its parent, and the outer child with its time).
 */
#include "base/text.h"
#include "prove/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/raw.h"
#include "show/show.h"
#include "launch/clone.h"
#include "launch/launch.h"
#include "prove/userns.h"

enum experiment_id {
    LISTINGS,
    VARIABLE,
    PAGES,
    DESCRIPTOR,
    DIRECTORY,
    UMASK,
    ROOT,
    HANDLER,
    IO,
    SEMAPHORE,
    SLEEP_END,
    SLEEP_EXEC,
    THREAD,
    PARENT,
    MOUNT,
    PID,
    HOSTNAME,
    INTERFACE,
    QUEUE,
    IDS,
    CGROUP,
    CLOCK,
    EXPERIMENTS
};

static const struct experiment {
    const char *resource;
    uint64_t flags; /* of the child that is made with them */
    uint64_t also;  /* of both children: what the kernel demands beside */
} experiments[EXPERIMENTS] = {
    [LISTINGS] = {"variable, open file", CLONE_VM | CLONE_FILES, 0},
    [VARIABLE] = {"variable", CLONE_VM, 0},
    [PAGES] = {"64 MiB of memory", CLONE_VM, 0},
    [DESCRIPTOR] = {"open file", CLONE_FILES, 0},
    [DIRECTORY] = {"working directory", CLONE_FS, 0},
    [UMASK] = {"umask", CLONE_FS, 0},
    [ROOT] = {"root directory", CLONE_FS, 0},
    [HANDLER] = {"handler of SIGUSR1", CLONE_SIGHAND, CLONE_VM},
    [IO] = {"I/O context", CLONE_IO, 0},
    [SEMAPHORE] = {"semaphore undo list", CLONE_SYSVSEM, 0},
    [SLEEP_END] = {"sleep until its end", CLONE_VFORK, 0},
    [SLEEP_EXEC] = {"sleep until execve", CLONE_VFORK, 0},
    [THREAD] = {"process id", CLONE_THREAD, CLONE_VM | CLONE_SIGHAND},
    [PARENT] = {"parent", CLONE_PARENT, 0},
    [MOUNT] = {"mount on /tmp", CLONE_NEWNS, 0},
    [PID] = {"number of the child", CLONE_NEWPID, 0},
    [HOSTNAME] = {"host name", CLONE_NEWUTS, 0},
    [INTERFACE] = {"interface lo", CLONE_NEWNET, 0},
    [QUEUE] = {"message queue's key", CLONE_NEWIPC, 0},
    [IDS] = {"user id", CLONE_NEWUSER, 0},
    [CGROUP] = {"root of the cgroups", CLONE_NEWCGROUP, 0},
    [CLOCK] = {"boot clock", CLONE_NEWTIME, 0},
};

static const uint64_t costs[] = {0,
                                 CLONE_VM,
                                 CLONE_VM | CLONE_VFORK,
                                 CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND,
                                 CLONE_VM | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP,
                                 CLONE_VM | CLONE_NEWNET};
enum { COSTS = sizeof(costs) / sizeof(costs[0]), SIZES = 2, LARGE_MIB = 256, ROUNDS = 31, KEY = 0x6d626f78 };
enum { PAGE_COUNT = 16384, PAUSE_MS = 20, LIMIT_MS = 60000 };
static const size_t page_size = 4096; /* the unit of the figures; a kernel with larger pages copies more of them */

/* Of one child: shared by all processes that have to do with it. */
struct scene {
    _Atomic uint32_t changed, finished; /* futexes */
    _Atomic uint64_t ended;             /* VFORK: when the child was at its end; nanoseconds */
    long value, second;                 /* what the child found */
    int number;                         /* errno of what the kernel refused; 0: none */
    bool is_seen, is_shared;
    char text[200]; /* what the parent saw */
    char path[200]; /* CGROUP */
};

struct results {
    struct scene scenes[EXPERIMENTS][2];
    double costs[COSTS][SIZES]; /* microseconds, median; 0: could not be measured */
    int outer_number;           /* errno: why there are no outer namespaces; 0: there are */
};

/* What an observer and its child share or do not share: both have the same address of it. */
struct stage {
    enum experiment_id id;
    bool with;
    struct scene *scene;
    volatile int variable;
    int fd, pipe[2];
    unsigned char *pages;
    struct stat before;
    uint64_t started, cloned; /* nanoseconds: when clone was called, and when it had returned */
};

static void wake(_Atomic uint32_t *word) {
    atomic_store(word, 1);
    raw(SYS_futex, word, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

static void wait_for(_Atomic uint32_t *word) {
    while (!atomic_load(word))
        raw(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
}

/* Notes that the kernel refuses something. */
static bool refuses(struct stage *st, long result) {
    if (result < 0 && !st->scene->number)
        st->scene->number = (int)-result;
    return result < 0;
}

/* ---- before: the observer ------------------------------------------------------------------------------------- */

static int set_loopback(bool up) {
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
    long fd = raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    long result = fd < 0 ? fd : raw(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
    if (fd >= 0)
        raw(SYS_close, fd);
    return (int)result;
}

static bool is_loopback_up(void) {
    struct ifreq request = {.ifr_name = "lo"};
    mb_autofd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP);
}

/* Between two pages that nobody may touch: so the kernel does not join them with a neighbour, and reports on them
 * alone. */
static long make_pages(struct stage *st) {
    size_t size = PAGE_COUNT * page_size, guard = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *start = mmap(NULL, size + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + guard, size, PROT_READ | PROT_WRITE) < 0)
        return -errno;
    st->pages = start + guard;
    madvise(st->pages, size, MADV_NOHUGEPAGE); /* or a write would copy 2 MiB */
    memset(st->pages, 1, size);
    return 0;
}

/* A System V semaphore that is to be undone, so that there is an undo list that can be shared. */
static long take_semaphore(struct stage *st) {
    struct sembuf up = {0, 1, SEM_UNDO};
    st->fd = semget(IPC_PRIVATE, 1, 0600);
    return st->fd < 0 || semop(st->fd, &up, 1) < 0 ? -errno : 0;
}

static long prepare(struct stage *st) {
    struct stat *before = &st->before;
    st->variable = 1;
    st->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    switch (st->id) {
    case PAGES:
        return make_pages(st);
    case DIRECTORY:
        return chdir("/") < 0 ? -errno : 0;
    case UMASK:
        umask(022);
        return 0;
    case ROOT:
        return stat("/", before) < 0 ? -errno : 0;
    case MOUNT:
        return stat("/tmp", before) < 0 ? -errno : 0;
    case HANDLER:
        return signal(SIGUSR1, SIG_DFL) == SIG_ERR ? -errno : 0;
    case IO:
        return raw(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 5));
    case SEMAPHORE:
        return take_semaphore(st);
    case SLEEP_EXEC: /* what is executed will write to a pipe that is full: it waits there until it has been seen */
        if (pipe(st->pipe) < 0 || fcntl(st->pipe[1], F_SETFL, O_NONBLOCK) < 0)
            return -errno;
        for (char block[512] = {0}; write(st->pipe[1], block, sizeof(block)) > 0;)
            ;
        return fcntl(st->pipe[1], F_SETFL, 0) < 0 ? -errno : 0;
    case HOSTNAME:
        return raw(SYS_sethostname, "before", 6);
    case INTERFACE:
        return set_loopback(false);
    case QUEUE:
        msgctl(msgget(KEY, 0), IPC_RMID, NULL);
        return 0;
    default:
        return 0;
    }
}

/* ---- meanwhile: the child ------------------------------------------------------------------------------------- */

static long write_file(const char *path, const char *text) {
    long fd = raw(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0), size = 0;
    while (text[size])
        size++;
    long result = fd < 0 ? fd : raw(SYS_write, fd, text, size);
    if (fd >= 0)
        raw(SYS_close, fd);
    return result;
}

/* The first of the process's cgroups that is not the root, or the root. */
static long read_cgroup(char *path, size_t size) {
    char text[4096] = "";
    long fd = raw(SYS_openat, AT_FDCWD, "/proc/self/cgroup", O_RDONLY | O_CLOEXEC, 0);
    long length = fd < 0 ? fd : raw(SYS_read, fd, text, sizeof(text) - 1), at = 0;
    if (fd >= 0)
        raw(SYS_close, fd);
    path[0] = '/', path[1] = '\0';
    while (at < length && path[1] == '\0') {
        for (int colons = 0; at < length && colons < 2;)
            colons += text[at++] == ':';
        size_t n = 0;
        for (; at < length && text[at] != '\n'; at++)
            if (n + 1 < size)
                path[n++] = text[at];
        path[n] = '\0';
        at++;
    }
    return length;
}

static long inode_of(const char *path) {
    struct stat st = {0};
    return raw(SYS_newfstatat, AT_FDCWD, path, &st, 0) < 0 ? 0 : (long)st.st_ino;
}

static void sleep_ms(long ms) {
    struct timespec t = {0, ms * 1000000};
    raw(SYS_nanosleep, &t, 0);
}

/* In a time namespace are the children of who made it. */
static long read_clock(struct stage *st) {
    long result = st->with ? raw(SYS_unshare, CLONE_NEWTIME) : 0;
    if (result >= 0 && st->with)
        result = write_file("/proc/self/timens_offsets", "boottime 86400 0");
    if (result < 0)
        return result;
    long child = raw(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        struct timespec t = {0, 0};
        raw(SYS_clock_gettime, CLOCK_BOOTTIME, &t);
        st->scene->value = t.tv_sec;
        raw(SYS_exit_group, 0);
    }
    return child < 0 ? child : raw(SYS_wait4, child, 0, 0, 0);
}

static long execute_self(struct stage *st) {
    const char *words[] = {"minibox", "help", NULL}, *none[] = {NULL};
    sleep_ms(PAUSE_MS);
    st->scene->value = 1;
    long result = raw(SYS_dup3, st->pipe[1], 1, 0);
    raw(SYS_close, st->pipe[0]);
    raw(SYS_close, st->pipe[1]);
    return result < 0 ? result : raw(SYS_execve, "/proc/self/exe", words, none);
}

static long change(struct stage *st) {
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } ignore = {SIG_IGN, 0, 0, 0};
    struct scene *scene = st->scene;
    long result = 0;
    switch (st->id) {
    case LISTINGS:
    case VARIABLE:
        st->variable = 2;
        return st->id == LISTINGS ? raw(SYS_close, st->fd) : 0;
    case PAGES:
        st->pages[0] = 2;
        return 0;
    case DESCRIPTOR:
        return raw(SYS_close, st->fd);
    case DIRECTORY:
        return raw(SYS_chdir, "/proc");
    case UMASK:
        raw(SYS_umask, 077);
        return 0;
    case ROOT:
        return raw(SYS_chroot, "/proc");
    case HANDLER:
        return raw(SYS_rt_sigaction, SIGUSR1, &ignore, 0, 8);
    case SLEEP_END:
        sleep_ms(PAUSE_MS);
        atomic_store(&scene->ended, mb_wait_clock());
        return 0;
    case SLEEP_EXEC:
        return execute_self(st);
    case THREAD:
    case PID:
        scene->value = raw(SYS_getpid);
        scene->second = raw(SYS_gettid);
        return 0;
    case PARENT:
        scene->value = raw(SYS_getppid);
        return 0;
    case MOUNT:
        return raw(SYS_mount, "tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k");
    case HOSTNAME:
        return raw(SYS_sethostname, "after", 5);
    case INTERFACE:
        return set_loopback(true);
    case QUEUE:
        return raw(SYS_msgget, KEY, IPC_CREAT | 0600);
    case IDS:
        if (st->with && (result = write_file("/proc/self/setgroups", "deny")) >= 0)
            result = write_file("/proc/self/uid_map", "1000 0 1");
        scene->value = raw(SYS_geteuid);
        return result;
    case CGROUP:
        scene->value = inode_of("/proc/self/ns/cgroup");
        return read_cgroup(scene->path, sizeof(scene->path));
    case CLOCK:
        return read_clock(st);
    case IO: /* the kernel is asked about the two */
    case SEMAPHORE:
    case EXPERIMENTS:
        break;
    }
    return result;
}

static int act(void *argument) {
    struct stage *st = argument;
    raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    refuses(st, change(st));
    wake(&st->scene->changed);
    if (st->id != SLEEP_END && st->id != SLEEP_EXEC)
        wait_for(&st->scene->finished);
    raw(SYS_exit, 0); /* not exit_group, which would end the thread's process */
    return 0;
}

/* ---- after: the observer -------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void see(struct stage *st, bool is_shared, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(st->scene->text, sizeof(st->scene->text), format, list);
    va_end(list);
    st->scene->is_shared = is_shared;
    st->scene->is_seen = true;
}

/* Of the child's 64 MiB, what the kernel says is mapped by nobody else: proc(5), /proc/PID/smaps. In KiB; -1: unknown.
 */
static long private_kib(const struct stage *st, int pid) {
    char path[48], line[512], start[32];
    long kib = -1, clean = 0, dirty = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
    snprintf(start, sizeof(start), "%lx-", (long)st->pages);
    FILE *file = fopen(path, "re");
    bool is_ours = false;
    while (file && fgets(line, sizeof(line), file)) {
        if (strchr(line, '-') && strchr(line, '-') < strchr(line, ' '))
            is_ours = strncmp(line, start, strlen(start)) == 0;
        if (is_ours &&
            (sscanf(line, "Private_Clean: %ld", &clean) == 1 || sscanf(line, "Private_Dirty: %ld", &dirty) == 1))
            kib = clean + dirty;
    }
    if (file)
        fclose(file);
    return kib;
}

static void look_at_pages(struct stage *st, int pid) {
    long kib = private_kib(st, pid);
    if (kib < 0) {
        st->scene->number = ENOSYS;
        return;
    }
    bool is_changed = st->pages[0] == 2;
    if (is_changed)
        see(st, true, "the child's byte; no page was copied");
    else if (kib == sysconf(_SC_PAGESIZE) / 1024)
        see(st, false, "its own byte; %ld KiB of %ld were copied for the child, one page", kib,
            PAGE_COUNT * page_size / 1024);
    else
        see(st, true, "its own byte, but %ld KiB are the child's alone", kib);
}

static void compare(struct stage *st, int pid, int type, const char *what) {
    long result = raw(SYS_kcmp, getpid(), pid, type, 0, 0);
    if (!refuses(st, result))
        see(st, result == 0, "%s %s, says kcmp(2)", result == 0 ? "the same" : "another", what);
}

static void look_at_sleep(struct stage *st, const struct minibox_child *child) {
    uint64_t ended = atomic_load(&st->scene->ended);
    struct pollfd death = {.fd = child->pidfd, .events = POLLIN};
    bool has_slept = st->id == SLEEP_END ? ended && ended <= st->cloned : st->scene->value == 1;
    if (st->id == SLEEP_EXEC) {
        if (has_slept && poll(&death, 1, 0) != 0 && refuses(st, -ENOEXEC)) /* it could not execute anything */
            return;
        close(st->pipe[0]); /* what it executes can go on now, and ends */
        close(st->pipe[1]);
    }
    see(st, has_slept, "clone took %.1f ms, %s", (double)(st->cloned - st->started) / 1e6,
        !has_slept            ? "the child goes on beside"
        : st->id == SLEEP_END ? "until the child was at its end"
                              : "until the child, which goes on, had executed a program");
}

static void look_at_ids(struct stage *st, int pid) {
    char path[48], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    const char *line = mb_fd_read_file(path, text, sizeof(text)) < 0 ? NULL : strstr(text, "\nUid:");
    long outside = line ? strtol(line + 5, NULL, 10) : -1;
    see(st, st->scene->value == outside, "uid %ld from outside; the child says %ld", outside, st->scene->value);
}

static void look_at_cgroup(struct stage *st) {
    char path[sizeof(st->scene->path)];
    long own = inode_of("/proc/self/ns/cgroup");
    read_cgroup(path, sizeof(path));
    if (!own || !st->scene->value) {
        st->scene->number = ENOSYS;
        return;
    }
    bool is_same = own == st->scene->value;
    if (path[1])
        see(st, is_same && strcmp(path, st->scene->path) == 0, "%.24s...; the child says %.24s%s", path,
            st->scene->path, st->scene->path[1] ? "..." : "");
    else
        see(st, is_same, "%s namespace, both at its root", is_same ? "the same" : "another");
}

static void look_at_clock(struct stage *st) {
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_BOOTTIME, &t);
    long ahead = st->scene->value - t.tv_sec;
    see(st, ahead < 100, "the child's boot clock is %ld s ahead", ahead);
}

static void look(struct stage *st, const struct minibox_child *child) {
    struct scene *scene = st->scene;
    bool is_closed = fcntl(st->fd, F_GETFD) < 0, is_new = false;
    struct stat after = {0};
    struct sigaction action = {0};
    struct utsname name = {0};
    char text[64] = "";
    int mask = 0;
    switch (st->id) {
    case LISTINGS:
        see(st, st->variable == 2 && is_closed, "variable %d, file %s", st->variable, is_closed ? "closed" : "open");
        if ((st->variable == 2) != is_closed) /* one of the two: neither answer is right */
            scene->is_shared = !st->with;
        break;
    case VARIABLE:
        see(st, st->variable == 2, "%d, it was 1", st->variable);
        break;
    case PAGES:
        look_at_pages(st, child->pid);
        break;
    case DESCRIPTOR:
        see(st, is_closed, "descriptor %d is %s", st->fd, is_closed ? "closed" : "open");
        break;
    case DIRECTORY:
        see(st, !getcwd(text, sizeof(text)) || strcmp(text, "/") != 0, "%s, it was /", text);
        break;
    case UMASK:
        mask = (int)umask(022);
        see(st, mask != 022, "%03o, it was 022", (unsigned)mask);
        break;
    case ROOT:
    case MOUNT:
        stat(st->id == ROOT ? "/" : "/tmp", &after);
        is_new = after.st_dev != st->before.st_dev || after.st_ino != st->before.st_ino;
        see(st, is_new, is_new ? "another file system than before" : "the same folder as before");
        break;
    case HANDLER:
        sigaction(SIGUSR1, NULL, &action);
        see(st, action.sa_handler != SIG_DFL,
            action.sa_handler == SIG_IGN ? "ignored, it was the default" : "the default, as before");
        break;
    case IO:
        compare(st, child->pid, KCMP_IO, "context");
        break;
    case SEMAPHORE:
        compare(st, child->pid, KCMP_SYSVSEM, "list");
        semctl(st->fd, 0, IPC_RMID);
        break;
    case SLEEP_END:
    case SLEEP_EXEC:
        look_at_sleep(st, child);
        break;
    case THREAD:
        see(st, scene->value == getpid(), "the child has %s pid, and %s tid",
            scene->value == getpid() ? "its" : "another", scene->second == gettid() ? "its" : "another");
        break;
    case PARENT:
        see(st, scene->value == getppid(),
            scene->value == getpid() ? "itself is the child's parent" : "its own parent is the child's");
        break;
    case PID:
        see(st, scene->value == child->pid, "%d; the child says %ld", child->pid, scene->value);
        break;
    case HOSTNAME:
        uname(&name);
        see(st, strcmp(name.nodename, "before") != 0, "\"%s\", it was \"before\"", name.nodename);
        break;
    case INTERFACE:
        is_new = is_loopback_up();
        see(st, is_new, "lo is %s, it was down", is_new ? "up" : "down");
        break;
    case QUEUE:
        is_new = msgget(KEY, 0) >= 0;
        see(st, is_new, is_new ? "the child's queue" : "no queue of that key");
        break;
    case IDS:
        look_at_ids(st, child->pid);
        break;
    case CGROUP:
        look_at_cgroup(st);
        break;
    case CLOCK:
        look_at_clock(st);
        break;
    case EXPERIMENTS:
        break;
    }
}

/* ---- processes ------------------------------------------------------------------------------------------------ */

/* minibox_clone() makes no threads: they need storage of the C library, which act() does without. */
static long clone_thread(struct stage *st, uint64_t flags) {
    static const size_t size = 65536;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    return stack == MAP_FAILED || clone(act, stack + size, (int)flags, st) < 0 ? -errno : 0;
}

static void observe_one(struct results *results, enum experiment_id id, bool with) {
    const struct experiment *e = &experiments[id];
    struct stage st = {.id = id, .with = with, .scene = &results->scenes[id][with]};
    struct minibox_child child = {.pidfd = -1};
    struct minibox_error err = {0};
    uint64_t flags = e->also | (with ? e->flags & ~(uint64_t)CLONE_NEWTIME : 0);
    if (refuses(&st, prepare(&st)))
        return;
    st.started = mb_wait_clock();
    if (flags & CLONE_THREAD) {
        if (refuses(&st, clone_thread(&st, flags)))
            return;
    } else if (minibox_clone(act, &st, flags | SIGCHLD, 0, &child, &err)) {
        refuses(&st, err.number ? -err.number : -EINVAL);
        return;
    }
    st.cloned = mb_wait_clock();
    if (id != SLEEP_END && id != SLEEP_EXEC)
        wait_for(&st.scene->changed);
    if (!st.scene->number)
        look(&st, &child);
    wake(&st.scene->finished);
}

/* In a process of its own, which takes what was changed with it when it ends; its child dies with it, or has ended. */
static void observe_apart(struct results *results, enum experiment_id id, bool with) {
    struct scene *scene = &results->scenes[id][with];
    pid_t outer = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == outer)
            observe_one(results, id, with);
        _exit(0);
    }
    if (pid < 0)
        scene->number = errno;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) /* the sibling that PARENT made */
        ;
}

/* ---- cost ----------------------------------------------------------------------------------------------------- */

static int note_start(void *argument) {
    struct scene *scene = argument;
    atomic_store(&scene->ended, mb_wait_clock());
    return 0;
}

static int compare_numbers(const void *a, const void *b) {
    return (*(const uint64_t *)a > *(const uint64_t *)b) - (*(const uint64_t *)a < *(const uint64_t *)b);
}

/* From the call of clone until the child's first instruction: the median, in microseconds; 0 if it cannot be done. */
static double measure(struct scene *scene, uint64_t flags) {
    uint64_t times[ROUNDS];
    struct minibox_child child;
    struct minibox_error err;
    int status;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = mb_wait_clock();
        if (mb_clone(note_start, scene, flags | SIGCHLD, 0, &child, &err) ||
            minibox_clone_wait(&child, &status, &err) || status)
            return 0;
        times[i] = atomic_load(&scene->ended) - before;
    }
    qsort(times, ROUNDS, sizeof(times[0]), compare_numbers);
    return (double)times[ROUNDS / 2] / 1e3;
}

static void measure_costs(struct results *results) {
    for (int size = 0; size < SIZES; size++) {
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            size_t bytes = (size_t)LARGE_MIB << 20;
            char *memory = size ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
            if (memory == MAP_FAILED)
                _exit(1);
            if (memory) {
                madvise(memory, bytes, MADV_NOHUGEPAGE);
                memset(memory, 1, bytes);
            }
            struct scene *scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
            for (int i = 0; scene != MAP_FAILED && i < COSTS; i++)
                results->costs[i][size] = measure(scene, costs[i]);
            _exit(0);
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------ */

struct request {
    struct results *results;
    uint64_t rows;
    pid_t parent;
    uid_t uid;
    gid_t gid;
    bool own_user;
};

static bool is_wanted(uint64_t rows, enum experiment_id id) {
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if ((rows >> i & 1) && (mb_flags[i].flag & experiments[id].flags))
            return true;
    return false;
}

static int observe_all(void *argument) {
    const struct request *request = argument;
    struct results *results = request->results;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != request->parent)
        return 1;
    bool is_apart = results->outer_number == 0;
    if (is_apart && request->own_user && mb_userns_become_root(request->uid, request->gid))
        return 1;
    if (is_apart && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 1;
    for (int id = 0; id < EXPERIMENTS; id++) {
        for (int with = 0; is_wanted(request->rows, id) && with < 2; with++) {
            if (!is_apart && id >= MOUNT) /* it would be the host's */
                results->scenes[id][with].number = results->outer_number;
            else
                observe_apart(results, id, with);
        }
    }
    if (request->rows + 1 == UINT64_C(1) << MB_FLAG_COUNT)
        measure_costs(results);
    return 0;
}

/* The outer child, in as many namespaces as there are to be had, and until it has ended. */
static int run_outer(struct request *request, struct minibox_error *err) {
    const uint64_t apart = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
    const uint64_t tries[] = {apart | CLONE_NEWUSER, apart, 0};
    struct minibox_child child;
    int status = 0;
    for (size_t i = 0;; i++) {
        request->own_user = tries[i] & CLONE_NEWUSER;
        if (minibox_clone(observe_all, request, tries[i] | SIGCHLD, 1 << 20, &child, err) == 0)
            break;
        if (i + 1 == sizeof(tries) / sizeof(tries[0]))
            return -1;
        if (i + 2 == sizeof(tries) / sizeof(tries[0]))
            request->results->outer_number = err->number;
    }
    struct pollfd death = {.fd = child.pidfd, .events = POLLIN};
    bool is_late = poll(&death, 1, LIMIT_MS) == 0;
    if (is_late)
        kill(child.pid, SIGKILL);
    if (minibox_clone_wait(&child, &status, err))
        return -1;
    if (is_late || status)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, is_late ? ETIME : 0, "the observers did not come to their end",
                             NULL);
    return 0;
}

static void name_flags(uint64_t flags, char *ret_text, size_t size) {
    size_t used = 0;
    ret_text[0] = '\0';
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (flags & mb_flags[i].flag)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s", used ? "," : "", mb_flags[i].name);
    if (!used)
        snprintf(ret_text, size, "-");
}

/* What the table says of a child with these flags, or without them. */
static bool is_shared_by_table(enum experiment_id id, bool with) {
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (mb_flags[i].flag & experiments[id].flags)
            return (mb_flags[i].polarity == MB_FLAG_SHARES) == with;
    return false;
}

enum verdict { AS_TABLE, OTHERWISE, NOT_OFFERED, VERDICTS };

static enum verdict judge(const struct results *results, enum experiment_id id, bool with) {
    const struct scene *scene = &results->scenes[id][with];
    if (scene->number)
        return NOT_OFFERED;
    return scene->is_seen && scene->is_shared == is_shared_by_table(id, with) ? AS_TABLE : OTHERWISE;
}

static void print_scene(FILE *out, const struct results *results, enum experiment_id id, bool with) {
    const struct scene *scene = &results->scenes[id][with];
    enum verdict verdict = judge(results, id, with);
    char flags[32], text[300];
    name_flags(with ? experiments[id].flags : 0, flags, sizeof(flags));
    snprintf(text, sizeof(text), "%s%s",
             verdict == NOT_OFFERED ? "not offered here: "
             : verdict == OTHERWISE ? "NOT AS THE TABLE SAYS: "
                                    : "",
             verdict == NOT_OFFERED ? strerrordesc_np(scene->number)
             : scene->is_seen       ? scene->text
                                    : "nothing");
    int column = fprintf(out, "%-20s %-9s %-6s", with ? "" : experiments[id].resource, flags,
                         !scene->is_seen    ? "?"
                         : scene->is_shared ? "yes"
                                            : "no");
    mb_text_print_wrapped(out, text, 38, column);
}

static void print_costs(FILE *out, const struct results *results) {
    fprintf(out,
            "\nMaking a child, until its first instruction, in microseconds (median of %d):\n\n"
            "%-36s %12s %12s\n",
            ROUNDS, "FLAGS", "SMALL PARENT", "OF 256 MiB");
    for (int i = 0; i < COSTS; i++) {
        char flags[64];
        name_flags(costs[i], flags, sizeof(flags));
        fprintf(out, "%-36s", flags);
        for (int size = 0; size < SIZES; size++) {
            if (results->costs[i][size] > 0)
                fprintf(out, " %12.1f", results->costs[i][size]);
            else
                fprintf(out, " %12s", "not possible");
        }
        fputc('\n', out);
    }
}

static void print_text(FILE *out, const struct results *results, uint64_t rows, const int *counts) {
    fprintf(out, "%-20s %-9s %-6s %s\n", "RESOURCE", "FLAGS", "SHARED", "WHAT THE PARENT SAW");
    for (int id = 0; id < EXPERIMENTS; id++)
        for (int with = 0; is_wanted(rows, id) && with < 2; with++)
            print_scene(out, results, id, with);
    if (rows + 1 == UINT64_C(1) << MB_FLAG_COUNT)
        print_costs(out, results);
    fprintf(out, "\n%d as the table says, %d otherwise, %d not offered here\n", counts[AS_TABLE], counts[OTHERWISE],
            counts[NOT_OFFERED]);
}

static int print_json(FILE *out, const struct results *results, uint64_t rows, const int *counts,
                      struct minibox_error *err) {
    static const char *const verdicts[] = {"as the table says", "otherwise", "not offered"};
    struct json_object *document = json_object_new_object(), *seen = json_object_new_array(),
                       *cost = json_object_new_array();
    char flags[64];
    for (int id = 0; id < EXPERIMENTS; id++) {
        for (int with = 0; is_wanted(rows, id) && with < 2; with++) {
            const struct scene *scene = &results->scenes[id][with];
            struct json_object *item = json_object_new_object();
            name_flags(experiments[id].flags, flags, sizeof(flags));
            json_object_object_add(item, "resource", json_object_new_string(experiments[id].resource));
            json_object_object_add(item, "flags", json_object_new_string(flags));
            json_object_object_add(item, "set", json_object_new_boolean(with));
            json_object_object_add(item, "shared", scene->is_seen ? json_object_new_boolean(scene->is_shared) : NULL);
            json_object_object_add(
                item, "saw", json_object_new_string(scene->number ? strerrordesc_np(scene->number) : scene->text));
            json_object_object_add(item, "verdict", json_object_new_string(verdicts[judge(results, id, with)]));
            json_object_array_add(seen, item);
        }
    }
    json_object_object_add(document, "observations", seen);
    for (int i = 0; rows + 1 == UINT64_C(1) << MB_FLAG_COUNT && i < COSTS; i++) {
        struct json_object *item = json_object_new_object();
        name_flags(costs[i], flags, sizeof(flags));
        json_object_object_add(item, "flags", json_object_new_string(flags));
        json_object_object_add(item, "microseconds", json_object_new_double(results->costs[i][0]));
        json_object_object_add(item, "microseconds_of_256_mib", json_object_new_double(results->costs[i][1]));
        json_object_array_add(cost, item);
    }
    json_object_object_add(document, "cost", cost);
    for (int i = 0; i < VERDICTS; i++)
        json_object_object_add(document, verdicts[i], json_object_new_int(counts[i]));
    return mb_json_print(out, document, err);
}

int mb_observe(uint64_t rows, bool json, FILE *out, int *ret_status, struct minibox_error *err) {
    struct results *results = mmap(NULL, sizeof(*results), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        return mb_error_memory(err);
    struct request request = {.results = results, .rows = rows, .parent = getpid(), .uid = geteuid(), .gid = getegid()};
    int counts[VERDICTS] = {0}, result = run_outer(&request, err);
    for (int id = 0; id < EXPERIMENTS; id++)
        for (int with = 0; is_wanted(rows, id) && with < 2; with++)
            counts[judge(results, id, with)]++;
    if (result == 0 && json)
        result = print_json(out, results, rows, counts, err);
    else if (result == 0)
        print_text(out, results, rows, counts);
    *ret_status = counts[OTHERWISE] || !counts[AS_TABLE];
    munmap(results, sizeof(*results));
    return result;
}
