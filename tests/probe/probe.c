/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs inside a box and tries what a box must not allow. A table says what is tried; each attempt is made in a child of
 * its own, so that none can spoil the next, and ends with one of three answers:
 *
 *     pass    it was refused, or is not there
 *     FAIL    it worked, or came so far that only its arguments were wrong
 *     n/a     it cannot be asked here, and why. Never counted as passed
 *
 * One line an attempt: theme, what was tried, answer, what was seen, with tabs between. The last line is "end" and the
 * number of attempts: without it something ended the probe, and nothing that it said counts.
 *
 * What has to be there outside for a box to be closed against it (a file, a listener, a process) is made by `run`,
 * which says so in words KEY=VALUE. Nothing here does harm where it succeeds: arguments are such that a call which is
 * not refused fails on them later, or sets what is already so. Static; raw system calls, so that no C library decides.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct check {
    const char *theme, *name;
    void (*try)(const struct check *);
    const char *text; /* a path or a name */
    long number;      /* a system call, a flag, a bit */
    long arguments[6];
};

/* ---- answers
 * ---------------------------------------------------------------------------------------------------------- */

enum answer { NONE, PASS, FAIL, NOT_APPLICABLE };
static struct {
    enum answer answer;
    char saw[400];
} * verdict; /* shared with the child that tries */

static char **words;     /* KEY=VALUE, of the runner */
static char scratch[32]; /* a directory of the box that can be written to */
static char zeros[4096];

static __attribute__((noreturn, format(printf, 2, 3))) void answer(enum answer what, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(verdict->saw, sizeof(verdict->saw), format, list);
    va_end(list);
    verdict->answer = what;
    _exit(0);
}
#define pass(...) answer(PASS, __VA_ARGS__)
#define fail(...) answer(FAIL, __VA_ARGS__)
#define not_applicable(...) answer(NOT_APPLICABLE, __VA_ARGS__)

/* Refused is what says that it is not allowed; any other error says that the kernel went on to look at the arguments.
 */
static __attribute__((noreturn)) void want_refused(long result, int also) {
    int number = errno;
    if (result >= 0)
        fail("it worked (%ld)", result);
    if (number == EPERM || number == EACCES || number == ENOSYS || (also && number == also))
        pass("%s", strerror(number));
    fail("not refused: %s", strerror(number));
}

static __attribute__((noreturn)) void want_failed(long result) {
    if (result >= 0)
        fail("it worked (%ld)", result);
    pass("%s", strerror(errno));
}

static const char *given(const char *key) {
    size_t size = strlen(key);
    for (char **word = words; *word; word++)
        if (strncmp(*word, key, size) == 0 && (*word)[size] == '=')
            return *word + size + 1;
    not_applicable("no %s was given", key);
}

/* ---- helpers
 * ---------------------------------------------------------------------------------------------------------- */

static ssize_t read_file(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t filled = 0;
    ssize_t n = fd < 0 ? -1 : 0;
    while (fd >= 0 && filled < size - 1 && (n = read(fd, text + filled, size - 1 - filled)) > 0)
        filled += (size_t)n;
    int number = errno;
    if (fd >= 0)
        close(fd);
    text[filled] = '\0';
    errno = number;
    return n < 0 ? -1 : (ssize_t)filled;
}

static char *field_of(const char *path, const char *name) {
    static char text[65536];
    size_t size = strlen(name);
    if (read_file(path, text, sizeof(text)) < 0)
        not_applicable("%s: %s", path, strerror(errno));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, name, size) == 0 && line[size] == ':')
            return line + size + 1 + strspn(line + size + 1, " \t");
    not_applicable("%s has no %s", path, name);
}

/* Devices are used through these six, and terminals through devpts. */
static int is_usual_node(const char *name) {
    static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return 0;
}

struct mount {
    char root[512], target[512], options[256], tags[256], type[64];
};

static int next_mount(FILE *file, struct mount *mount) {
    char line[4096], *rest;
    if (!file || !fgets(line, sizeof(line), file))
        return 0;
    int used = 0;
    if (sscanf(line, "%*d %*d %*s %511s %511s %255s %n", mount->root, mount->target, mount->options, &used) != 3 ||
        !used)
        fail("a line of mountinfo that cannot be read: %s", line);
    rest = strstr(line + used - 1, " - ");
    if (!rest || sscanf(rest, " - %63s", mount->type) != 1)
        fail("a line of mountinfo that cannot be read: %s", line);
    *rest = '\0';
    snprintf(mount->tags, sizeof(mount->tags), "%s", line + used <= rest ? line + used : "");
    return 1;
}

static int has_option(const char *options, const char *name) {
    size_t size = strlen(name);
    for (const char *at = options; (at = strstr(at, name)); at += size)
        if ((at == options || at[-1] == ',') && (at[size] == ',' || !at[size]))
            return 1;
    return 0;
}

static int make_file(char *path, size_t size) {
    snprintf(path, size, "%s/file", scratch);
    unlink(path);
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0700);
    if (fd < 0)
        not_applicable("no file in %s: %s", scratch, strerror(errno));
    return fd;
}

/* Process 1 is only touched where it is the box's own. */
static void need_own_init(void) {
    char mine[64];
    ssize_t size = readlink("/proc/self/ns/pid", mine, sizeof(mine) - 1);
    const char *host = given("host-ns-pid");
    if (size > 0 && strlen(host) == (size_t)size && strncmp(mine, host, (size_t)size) == 0)
        fail("process 1 is the host's");
    if (getppid() == 1)
        not_applicable("the command is process 1 itself");
}

/* The host's process that the runner names, unless the box has one of that number. */
static pid_t host_process(void) {
    pid_t pid = atoi(given("host-pid"));
    char path[64], text[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    if (read_file(path, text, sizeof(text)) > 0 && strncmp(text, given("host-comm"), strlen(given("host-comm"))) != 0)
        not_applicable("the box has a process %d of its own", pid);
    return pid;
}

/* ---- generic attempts
 * ------------------------------------------------------------------------------------------------- */

static void try_call(const struct check *c) {
    const long *a = c->arguments;
    want_refused(syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]), 0);
}

/* Not even an argument that is no id of the box makes these work. */
static void try_failing_call(const struct check *c) {
    const long *a = c->arguments;
    want_failed(syscall(c->number, a[0], a[1], a[2]));
}

/* Reading says something. A mask is a file that is empty, or an empty directory. */
static void try_read(const struct check *c) {
    struct stat st;
    char text[4096];
    if (lstat(c->text, &st) < 0)
        pass("%s", strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        DIR *directory = opendir(c->text);
        if (!directory)
            pass("%s", strerror(errno));
        for (struct dirent *entry; (entry = readdir(directory));)
            if (entry->d_name[0] != '.')
                fail("there is %s in it", entry->d_name);
        pass("empty");
    }
    ssize_t n =
        read_file(c->text, text, c->number ? (size_t)c->number + 1 : sizeof(text)); /* some take or give only so much */
    if (n < 0)
        pass("%s", strerror(errno));
    if (n > 0)
        fail("%zd bytes can be read", n);
    pass("empty");
}

static void try_open_to_write(const struct check *c) {
    want_failed(open(c->text, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

/* Addresses of the kernel: hexadecimal words of eight digits and more that are not zero. */
static void try_addresses(const struct check *c) {
    static char text[65536];
    if (read_file(c->text, text, sizeof(text)) < 0)
        pass("%s", strerror(errno));
    if (!text[0])
        pass("empty");
    for (char *word = strtok(text, " \n-:()"); word; word = strtok(NULL, " \n-:()")) {
        char *digits = strncmp(word, "0x", 2) == 0 ? word + 2 : word;
        if (strlen(digits) >= 8 && strspn(digits, "0123456789abcdef") == strlen(digits) &&
            strspn(digits, "0") != strlen(digits))
            fail("shows %s", word);
    }
    pass("only zeros");
}

static const char *tree_root;
static int tree_seen;
static int look_for_writable(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    if (ftw->level == 1 && strcmp(tree_root, "/proc") == 0) {
        const char *name = path + ftw->base;
        if ((name[0] >= '0' && name[0] <= '9') || strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0)
            return FTW_SKIP_SUBTREE;
    }
    if (kind != FTW_F || !S_ISREG(st->st_mode))
        return FTW_CONTINUE;
    tree_seen++;
    if (access(path, W_OK) == 0)
        fail("%s can be written to", path);
    return FTW_CONTINUE;
}
static void try_tree(const struct check *c) {
    tree_root = c->text;
    if (access(c->text, F_OK) < 0)
        pass("%s", strerror(errno));
    if (nftw(c->text, look_for_writable, 32, FTW_PHYS | FTW_ACTIONRETVAL) < 0)
        not_applicable("cannot be walked: %s", strerror(errno));
    pass("none of %d", tree_seen);
}

/* ---- ids
 * -------------------------------------------------------------------------------------------------------------- */

static void try_map(const struct check *c) {
    FILE *file = fopen(c->text, "re");
    long inside, outside, count;
    int lines = 0;
    while (file && fscanf(file, "%ld %ld %ld", &inside, &outside, &count) == 3) {
        lines++;
        if (outside == 0)
            fail("%ld to %ld are the host's", inside, inside + count - 1);
    }
    if (!lines)
        fail("no line");
    pass("%d lines, none with the host's 0", lines);
}

static void try_groups(const struct check *c) {
    (void)c;
    gid_t groups[256];
    int n = getgroups(256, groups), nameless = 0;
    for (int i = 0; i < n; i++)
        if (groups[i] == 65534)
            nameless++;
        else if (groups[i] != getegid())
            fail("group %d", (int)groups[i]);
    if (nameless)
        not_applicable("%d of the caller stay, nameless: the kernel lets an ordinary user drop none", nameless);
    pass("none");
}

static void try_write_text(const struct check *c) {
    int fd = open(c->text, O_WRONLY | O_CLOEXEC);
    const char *text = (const char *)c->arguments[0];
    if (fd < 0)
        want_failed(-1);
    want_failed(write(fd, text, strlen(text)));
}

static void try_fsuid(const struct check *c) {
    uid_t other = (uid_t)c->number;
    syscall(SYS_setfsuid, other);
    if ((uid_t)syscall(SYS_setfsuid, -1) == other)
        fail("it is %d now", (int)other);
    pass("unchanged");
}

static void try_chown(const struct check *c) {
    char path[64];
    int fd = make_file(path, sizeof(path));
    want_failed(fchown(fd, (uid_t)c->number, (gid_t)-1));
}

static void try_xattr(const struct check *c) {
    static const uint32_t capabilities[5] = {0x02000001, 0xffffffff, 0, 0xffffffff,
                                             0}; /* VFS_CAP_REVISION_2, effective */
    char path[64];
    int fd = make_file(path, sizeof(path));
    want_failed(fsetxattr(fd, c->text, capabilities, sizeof(capabilities), 0));
}

static void try_immutable(const struct check *c) {
    (void)c;
    char path[64];
    int fd = make_file(path, sizeof(path)), flags = 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        not_applicable("%s has no flags: %s", scratch, strerror(errno));
    flags |= FS_IMMUTABLE_FL;
    long result = ioctl(fd, FS_IOC_SETFLAGS, &flags);
    int number = errno;
    flags &= ~FS_IMMUTABLE_FL;
    if (result == 0)
        ioctl(fd, FS_IOC_SETFLAGS, &flags); /* the file has still to be removed */
    errno = number;
    want_refused(result, EOPNOTSUPP);
}

/* ---- privileges
 * ------------------------------------------------------------------------------------------------------- */

static void try_capabilities(const struct check *c) {
    const char *set = field_of(c->number ? "/proc/1/status" : "/proc/self/status", c->text);
    if (strtoull(set, NULL, 16))
        fail("%s", set);
    pass("empty");
}

static void try_status(const struct check *c) {
    const char *saw = field_of("/proc/self/status", c->text);
    if (strtol(saw, NULL, 10) != c->number)
        fail("%s", saw);
    pass("%s", saw);
}

static void try_capset(const struct check *c) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    data[c->number / 32].effective = data[c->number / 32].permitted = 1u << (c->number % 32);
    want_refused(syscall(SYS_capset, &header, data), 0);
}

static void try_prctl(const struct check *c) {
    want_failed(prctl((int)c->number, c->arguments[0], c->arguments[1], c->arguments[2], c->arguments[3]));
}

static void try_exe_file(const struct check *c) {
    (void)c;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    want_refused(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0), 0);
}

/* A filter of one's own that allows everything is added, and changes nothing. */
static void try_other_filter(const struct check *c) {
    (void)c;
    struct sock_filter all = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {1, &all};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        pass("%s", strerror(errno));
    want_refused(syscall(SYS_unshare, CLONE_NEWUSER), ENOSPC);
}

/* A tracer puts a refused call in place of a harmless one, after the filter has seen that. */
static void try_call_by_tracer(const struct check *c) {
    (void)c;
#if defined(__x86_64__)
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        syscall(SYS_getppid, 0);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        not_applicable("a child cannot be traced");
    struct user_regs_struct registers;
    for (int swapped = 0;
         ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);) {
        ptrace(PTRACE_GETREGS, pid, 0, &registers);
        if (swapped) {
            kill(pid, SIGKILL);
            errno = (int)-registers.rax;
            want_refused((long)registers.rax < 0 ? -1 : 0, ENOSPC);
        }
        if (registers.orig_rax == SYS_getppid) {
            registers.orig_rax = SYS_unshare;
            registers.rdi = CLONE_NEWUSER;
            ptrace(PTRACE_SETREGS, pid, 0, &registers);
            swapped = 1;
        }
    }
    not_applicable("the child ended: %#x", status);
#else
    not_applicable("x86-64 only");
#endif
}

static void try_nice(const struct check *c) {
    want_failed(setpriority(PRIO_PROCESS, 0, (int)c->number + getpriority(PRIO_PROCESS, 0)));
}

static void try_realtime(const struct check *c) {
    struct sched_param parameter = {.sched_priority = 1};
    want_failed(sched_setscheduler(0, (int)c->number, &parameter));
}

static void try_hard_limit(const struct check *c) {
    struct rlimit limit;
    getrlimit((__rlimit_resource_t)c->number, &limit);
    if (limit.rlim_max == RLIM_INFINITY) {
        limit.rlim_cur = limit.rlim_max = 1000;
        if (setrlimit((__rlimit_resource_t)c->number, &limit) < 0)
            not_applicable("%s", strerror(errno));
    }
    limit.rlim_max++;
    want_failed(setrlimit((__rlimit_resource_t)c->number, &limit));
}

/* ---- namespaces
 * ------------------------------------------------------------------------------------------------------- */

static void try_namespace(const struct check *c) {
    char key[32], path[64], saw[64] = "";
    snprintf(key, sizeof(key), "host-ns-%s", c->text);
    snprintf(path, sizeof(path), "/proc/self/ns/%s", c->text);
    ssize_t n = readlink(path, saw, sizeof(saw) - 1);
    if (n <= 0)
        not_applicable("%s: %s", path, strerror(errno));
    if (strcmp(saw, given(key)) == 0)
        fail("%s is the host's", saw);
    pass("%s", saw);
}

static void try_unshare(const struct check *c) {
    want_refused(syscall(SYS_unshare, c->number), ENOSPC); /* ENOSPC: the host allows none */
}

static void try_clone(const struct check *c) {
    long pid = syscall(SYS_clone, c->number | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    want_refused(pid, ENOSPC);
}

static void try_clone3(const struct check *c) {
    uint64_t arguments[11] = {(uint64_t)c->number, 0, 0, 0, SIGCHLD};
    long pid = syscall(SYS_clone3, arguments, sizeof(arguments));
    if (pid == 0)
        _exit(0);
    want_refused(pid, ENOSPC);
}

static void try_setns(const struct check *c) {
    int fd = open(c->text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        pass("%s", strerror(errno));
    /* The kernel answers EINVAL to who wants into the user namespace that he is in. */
    want_refused(syscall(SYS_setns, fd, 0), strcmp(c->text, "/proc/self/ns/user") == 0 ? EINVAL : 0);
}

static void try_setns_process(const struct check *c) {
    int fd = (int)syscall(SYS_pidfd_open, 1, 0);
    if (fd < 0)
        pass("%s", strerror(errno));
    want_refused(syscall(SYS_setns, fd, c->number), 0);
}

static void try_namespace_ioctl(const struct check *c) {
    int fd = open(c->text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        pass("%s", strerror(errno));
    want_failed(ioctl(fd, (unsigned long)c->number, zeros));
}

/* ---- processes
 * -------------------------------------------------------------------------------------------------------- */

static void try_process_list(const struct check *c) {
    (void)c;
    DIR *directory = opendir("/proc");
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char path[300], text[512];
        int pid = atoi(entry->d_name), parent;
        if (pid <= 0)
            continue;
        count++;
        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        char *end = read_file(path, text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
        if (!end)
            continue;
        parent = atoi(end + 4);
        /* What an attempt leaves behind is init's for a moment. */
        if (end[2] != 'Z' && pid != 1 && pid != getpid() && pid != getppid())
            fail("there is %d %s of %d", pid, strchr(text, '('), parent);
    }
    if (!count)
        not_applicable("no /proc");
    pass("%d, the box's own", count);
}

static void try_host_process(const struct check *c) {
    pid_t pid = host_process();
    char text[64], byte;
    struct iovec mine = {&byte, 1}, its = {NULL, 1}; /* nothing is mapped there: who is allowed to is told EFAULT */
    switch (c->number) {
    case SYS_kill:
        want_refused(kill(pid, 0), ESRCH);
    case SYS_pidfd_open:
        want_refused(syscall(SYS_pidfd_open, pid, 0), ESRCH);
    case SYS_ptrace:
        want_refused(ptrace(PTRACE_SEIZE, pid, 0, 0), ESRCH);
    case SYS_process_vm_readv:
    case SYS_process_vm_writev:
        want_refused(syscall(c->number, pid, &mine, 1, &its, 1, 0), ESRCH);
    case SYS_prlimit64:
        want_refused(syscall(SYS_prlimit64, pid, RLIMIT_CORE, NULL, zeros), ESRCH);
    case SYS_sched_getaffinity:
        want_refused(syscall(SYS_sched_getaffinity, pid, sizeof(zeros), zeros), ESRCH);
    case SYS_kcmp:
        want_refused(syscall(SYS_kcmp, pid, getpid(), 0, 0, 0), ESRCH);
    case SYS_getpgid:
        want_refused(getpgid(pid), ESRCH);
    case SYS_get_robust_list:
        want_refused(syscall(SYS_get_robust_list, pid, zeros, zeros + 8), ESRCH);
    default:
        snprintf(text, sizeof(text), "/proc/%d/%s", pid, c->text);
        want_failed(open(text, O_RDONLY | O_CLOEXEC));
    }
}

static void try_init_open(const struct check *c) {
    need_own_init();
    want_failed(open(c->text, (int)c->number | O_NONBLOCK | O_CLOEXEC));
}

/* Anyone may open these; what counts is what they show. */
static void try_init_read(const struct check *c) {
    need_own_init();
    try_read(c);
}

static void try_init_link(const struct check *c) {
    need_own_init();
    char text[256];
    want_failed(readlink(c->text, text, sizeof(text)));
}

static void try_init_trace(const struct check *c) {
    need_own_init();
    long result = ptrace((enum __ptrace_request)c->number, 1, 0, 0);
    int number = errno, status;
    if (result == 0 && c->number == PTRACE_ATTACH && waitpid(1, &status, __WALL) == 1)
        ptrace(PTRACE_DETACH, 1, 0, 0); /* else it would stay stopped */
    errno = number;
    want_refused(result, 0);
}

static void try_init_memory(const struct check *c) {
    need_own_init();
    char byte;
    struct iovec mine = {&byte, 1}, its = {(void *)0x400000, 1};
    want_refused(syscall(c->number, 1, &mine, 1, &its, 1, 0), 0);
}

static void try_init_pidfd_getfd(const struct check *c) {
    (void)c;
    need_own_init();
    want_refused(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0), 0);
}

static void try_init_call(const struct check *c) {
    need_own_init();
    const long *a = c->arguments;
    want_refused(syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]), 0);
}

/* A signal that ends init ends the whole box: then there is no answer, and no "end" either. */
static void try_init_signal(const struct check *c) {
    need_own_init();
    kill(1, (int)c->number);
    usleep(2000);
    const char *state = field_of("/proc/1/status", "State");
    if (state[0] != 'S' && state[0] != 'R') {
        kill(1, SIGCONT);
        fail("its state is %s", state);
    }
    pass("it goes on");
}

/* ---- mounts and files
 * ------------------------------------------------------------------------------------------------- */

static void try_root_mount(const struct check *c) {
    FILE *file = fopen("/proc/self/mountinfo", "re");
    int roots = 0;
    for (struct mount mount; next_mount(file, &mount);)
        if (strcmp(mount.target, "/") == 0) {
            roots++;
            if (!has_option(mount.options, c->text))
                fail("%s", mount.options);
        }
    if (roots != 1)
        fail("%d mounts on /", roots);
    pass("%s", c->text);
}

static void try_mount_options(const struct check *c) {
    FILE *file = fopen("/proc/self/mountinfo", "re");
    int count = 0;
    for (struct mount mount; next_mount(file, &mount); count++) {
        int has_devices = strncmp(mount.target, "/dev/", 5) == 0 &&
                          (is_usual_node(mount.target + 5) || strcmp(mount.type, "devpts") == 0);
        if (!(has_devices && strcmp(c->text, "nodev") == 0) && !has_option(mount.options, c->text))
            fail("%s: %s", mount.target, mount.options);
    }
    if (!count)
        not_applicable("no mountinfo");
    pass("%d of %d", count, count);
}

static void try_mount_private(const struct check *c) {
    (void)c;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    int count = 0;
    for (struct mount mount; next_mount(file, &mount); count++)
        if (mount.tags[0] && strcmp(mount.tags, " ") != 0)
            fail("%s: %s", mount.target, mount.tags);
    if (!count)
        not_applicable("no mountinfo");
    pass("%d private", count);
}

/* What can be written to is memory, and the box's own. */
static void try_mount_writable(const struct check *c) {
    (void)c;
    static const char *const own[] = {"tmpfs", "devpts", "proc", "mqueue", "devtmpfs"};
    FILE *file = fopen("/proc/self/mountinfo", "re");
    int count = 0;
    for (struct mount mount; next_mount(file, &mount); count++) {
        int known = !has_option(mount.options, "rw");
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
            known |= strcmp(mount.type, own[i]) == 0;
        if (!known)
            fail("%s, a %s", mount.target, mount.type);
    }
    if (!count)
        not_applicable("no mountinfo");
    pass("none of %d", count);
}

/* Where mounting is allowed, so is a mount namespace for it, in which it is in nobody's way. */
static void stand_apart(void) {
    if (syscall(SYS_unshare, CLONE_NEWNS) == 0)
        syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static void try_mount(const struct check *c) {
    const long *a = c->arguments;
    stand_apart();
    want_refused(syscall(SYS_mount, a[0], c->text, a[1], c->number, a[2]), 0);
}

/* With MNT_EXPIRE nothing is taken away the first time: who may umount is told EAGAIN or EBUSY. */
static void try_umount_all(const struct check *c) {
    (void)c;
    stand_apart();
    FILE *file = fopen("/proc/self/mountinfo", "re");
    int count = 0;
    for (struct mount mount; next_mount(file, &mount); count++) {
        long result = syscall(SYS_umount2, mount.target, MNT_EXPIRE);
        if (result == 0 || (errno != EPERM && errno != EACCES && errno != ENOSYS && errno != ENOENT))
            fail("%s: %s", mount.target, result ? strerror(errno) : "gone");
    }
    if (!count)
        not_applicable("no mountinfo");
    pass("%d refused", count);
}

static void try_move_up(const struct check *c) {
    (void)c;
    struct stat root, here;
    stat("/", &root);
    if (chdir(scratch) < 0)
        not_applicable("%s", strerror(errno));
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0)
            pass("%s", strerror(errno));
    stat(".", &here);
    if (root.st_ino != here.st_ino || root.st_dev != here.st_dev)
        fail("it ends elsewhere than at /");
    pass("ends at /");
}

static void try_cwd(const struct check *c) {
    (void)c;
    char path[4096];
    if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
        pass("%s", strerror(errno));
    if (path[0] != '/')
        fail("%s", path);
    pass("%s", path);
}

/* The classic way out: a new root below, while the working directory stays above. */
static void try_chroot_escape(const struct check *c) {
    (void)c;
    want_refused(chroot(scratch), 0);
}

static void try_handle(const struct check *c) {
    (void)c;
    struct {
        unsigned bytes;
        int type;
        uint32_t inode[2];
    } handle = {8, 1, {2, 0}}; /* the root of an ext4 */
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    want_refused(syscall(SYS_open_by_handle_at, fd, &handle, O_RDONLY), 0);
}

static void try_mknod(const struct check *c) {
    char path[64];
    snprintf(path, sizeof(path), "%s/node", scratch);
    dev_t device = makedev((unsigned)c->arguments[0], (unsigned)c->arguments[1]);
    want_refused(syscall(SYS_mknodat, AT_FDCWD, path, c->number | 0600, device), 0);
}

static void try_create(const struct check *c) {
    char path[256];
    snprintf(path, sizeof(path), "%s/made-by-probe", c->text);
    if (access(c->text, F_OK) < 0)
        not_applicable("there is no %s", c->text);
    long fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        unlink(path);
    want_failed(fd);
}

static void try_existing(const struct check *c) {
    static const char *const files[] = {"/bin/busybox", "/usr/bin/env", "/etc/passwd", "/bin/sh"};
    const char *path = NULL;
    for (size_t i = 0; !path && i < sizeof(files) / sizeof(files[0]); i++)
        if (access(files[i], F_OK) == 0)
            path = files[i];
    if (!path)
        not_applicable("none of the usual files is there");
    if (c->number == SYS_openat)
        want_failed(open(path, O_WRONLY | O_CLOEXEC));
    char other[64];
    snprintf(other, sizeof(other), "%s/link", scratch);
    want_failed(link(path, other));
}

static int contains_token(const char *path) {
    char text[256];
    const char *token = given("token");
    return read_file(path, text, sizeof(text)) > 0 && strstr(text, token) != NULL;
}

static void try_secret(const struct check *c) {
    static const char *const roots[] = {"",          "/proc/1/root",           "/proc/self/root", "/proc/1/cwd",
                                        "/../../..", "/proc/self/cwd/../../.."};
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        char path[300];
        snprintf(path, sizeof(path), "%s%s/%s", roots[i], c->text, given("token"));
        if (contains_token(path))
            fail("%s can be read", path);
    }
    pass("not there");
}

static void try_cwd_secret(const struct check *c) {
    (void)c;
    if (contains_token(given("token")))
        fail("the caller's working directory is the box's");
    pass("not there");
}

/* A file that only the host's root, or nobody of the box, may read. */
static void try_private(const struct check *c) {
    char text[16];
    ssize_t n = read_file(c->text, text, sizeof(text));
    struct stat st;
    if (n > 0 && stat(c->text, &st) == 0 && st.st_uid == getuid())
        not_applicable("the box's root file system has one of its own");
    want_failed(n);
}

static void try_listing(const struct check *c) {
    DIR *directory = opendir(c->text);
    if (!directory)
        pass("%s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            fail("there is %s in it", entry->d_name);
    pass("empty");
}

/* ---- set-id bits
 * ------------------------------------------------------------------------------------------------------ */

enum way { CHMOD, FCHMOD, FCHMODAT, FCHMODAT2, CREAT, OPEN, OPENAT, OPENAT2, TMPFILE, MKNOD, MKNODAT, LIBRARY, UMASK };

/* Whatever the call answered, what counts is the file. */
static void try_bits(const struct check *c) {
    char path[64], made[64];
    int fd = make_file(path, sizeof(path)), new = -1;
    long mode = c->arguments[0];
    struct stat st = {0}, other = {0};
    uint64_t how[3] = {O_CREAT | O_WRONLY, (uint64_t)mode & 07777, 0};
    snprintf(made, sizeof(made), "%s/made", scratch);
    unlink(made);
    errno = 0;
    long result = -1;
    switch ((enum way)c->number) {
#ifdef SYS_chmod
    case CHMOD:
        result = syscall(SYS_chmod, path, mode);
        break;
    case CREAT:
        result = syscall(SYS_creat, made, mode);
        break;
    case OPEN:
        result = syscall(SYS_open, made, O_CREAT | O_WRONLY, mode);
        break;
    case MKNOD:
        result = syscall(SYS_mknod, made, S_IFREG | mode, 0);
        break;
#else
    case CHMOD:
    case CREAT:
    case OPEN:
    case MKNOD:
        not_applicable("not a call of this architecture");
#endif
    case FCHMOD:
        result = syscall(SYS_fchmod, fd, mode);
        break;
    case FCHMODAT:
        result = syscall(SYS_fchmodat, AT_FDCWD, path, mode);
        break;
    case FCHMODAT2:
        result = syscall(452, AT_FDCWD, path, mode, 0);
        break;
    case OPENAT:
        result = syscall(SYS_openat, AT_FDCWD, made, O_CREAT | O_WRONLY, mode);
        break;
    case OPENAT2:
        result = syscall(SYS_openat2, AT_FDCWD, made, how, sizeof(how));
        break;
    case TMPFILE:
        result = new = (int)syscall(SYS_openat, AT_FDCWD, scratch, O_TMPFILE | O_WRONLY, mode);
        break;
    case MKNODAT:
        result = syscall(SYS_mknodat, AT_FDCWD, made, S_IFREG | mode, 0);
        break;
    case LIBRARY:
        result = fchmodat(AT_FDCWD, path, (mode_t)mode, AT_SYMLINK_NOFOLLOW);
        break;
    case UMASK:
        umask(0);
        result = mkdir(made, (mode_t)mode);
        break;
    }
    int number = errno;
    if (new >= 0 ? fstat(new, &other) < 0 : stat(made, &other) < 0)
        other.st_mode = 0;
    fstat(fd, &st);
    unlink(made);
    rmdir(made);
    if ((st.st_mode | other.st_mode) & (S_ISUID | S_ISGID))
        fail("mode %04o", (unsigned)(st.st_mode | other.st_mode) & 07777);
    pass("%s", result < 0 ? strerror(number) : "not set");
}

/* ---- devices
 * ---------------------------------------------------------------------------------------------------------- */

static int is_null(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static void try_device(const struct check *c) {
    struct stat st;
    if (lstat(c->text, &st) < 0)
        pass("%s", strerror(errno));
    if (is_null(c->text))
        pass("masked");
    if (c->number) /* opening it would already do something */
        fail("it exists");
    want_failed(open(c->text, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

static void try_device_nodes(const struct check *c) {
    char path[300];
    DIR *directory = opendir(c->text);
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", c->text, entry->d_name);
        if (lstat(path, &st) < 0 || !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
            continue;
        count++;
        if (!is_usual_node(entry->d_name))
            fail("%s", path);
    }
    if (!count)
        not_applicable("no node at all");
    pass("%d nodes", count);
}

static void try_nodev(const struct check *c) {
    struct statvfs fs;
    if (statvfs(c->text, &fs) < 0)
        pass("%s", strerror(errno));
    if (!(fs.f_flag & ST_NODEV))
        fail("devices can be used on it");
    pass("nodev");
}

static void try_terminals(const struct check *c) {
    (void)c;
    DIR *directory = opendir("/dev/pts");
    if (!directory)
        pass("%s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            fail("there is terminal %s", entry->d_name);
    pass("none");
}

/* On a terminal of the box's own, so that nothing but the request can be refused. */
static void try_terminal_request(const struct check *c) {
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), lock = 0, slave = -1;
    if (master >= 0 && ioctl(master, TIOCSPTLCK, &lock) == 0)
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    if (slave < 0)
        not_applicable("no terminal can be made: %s", strerror(errno));
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    want_refused(syscall(SYS_ioctl, slave, c->number, c->text), c->number == TIOCSTI ? EIO : 0);
}

/* ---- system calls
 * ----------------------------------------------------------------------------------------------------- */

static void try_clock(const struct check *c) {
    struct timex state = {0};
    struct timespec now;
    if (c->number == SYS_adjtimex) {
        if (syscall(SYS_adjtimex, &state) < 0)
            pass("%s", strerror(errno));
        state.modes = ADJ_MAXERROR;
        want_refused(syscall(SYS_adjtimex, &state), 0);
    }
    if (c->number == SYS_clock_adjtime) {
        syscall(SYS_clock_adjtime, CLOCK_REALTIME, &state);
        state.modes = ADJ_MAXERROR;
        want_refused(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &state), 0);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    if (c->number == SYS_settimeofday) {
        struct timeval value = {now.tv_sec, now.tv_nsec / 1000};
        want_refused(syscall(SYS_settimeofday, &value, NULL), 0);
    }
    want_refused(syscall(SYS_clock_settime, CLOCK_REALTIME, &now), 0);
}

static void try_name(const struct check *c) {
    char name[65] = "", domain[65] = "";
    gethostname(name, sizeof(name));
    if (c->number == SYS_sethostname)
        want_refused(syscall(SYS_sethostname, name, strlen(name)), 0);
    if (getdomainname(domain, sizeof(domain)) < 0)
        not_applicable("%s", strerror(errno));
    want_refused(syscall(SYS_setdomainname, domain, strlen(domain)), 0);
}

/* In a session without a terminal: what is hung up would be where the answers go to. */
static void try_vhangup(const struct check *c) {
    (void)c;
    setsid();
    want_refused(syscall(SYS_vhangup), 0);
}

static void try_personality(const struct check *c) {
    want_refused(syscall(SYS_personality, c->number), 0);
}

static __attribute__((noreturn)) void no_gate(int signo) {
    pass("%s", strsignal(signo));
}

static void try_foreign(const struct check *c) {
    signal(SIGSEGV, no_gate);
    signal(SIGSYS, no_gate);
#if defined(__x86_64__)
    if (c->number) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(c->number) : "memory", "r8", "r9", "r10", "r11");
        errno = (int)-result;
        want_refused(result < 0 && result > -4096 ? -1 : result, 0);
    }
    want_refused(syscall(0x40000000 | SYS_getpid), 0);
#else
    (void)c;
    not_applicable("x86-64 only");
#endif
}

/* Numbers that the kernels of today do not know: a filter that lets them through lets through what they will become. */
static void try_unknown_calls(const struct check *c) {
    if (field_of("/proc/self/status", "Seccomp")[0] != '2')
        fail("no filter");
    for (long number = c->number; number < c->number + 200; number++)
        if (syscall(number, 0, 0, 0, 0, 0, 0) >= 0 || (errno != ENOSYS && errno != EPERM))
            fail("call %ld: %s", number, strerror(errno));
    pass("ENOSYS or EPERM");
}

/* ---- network
 * ---------------------------------------------------------------------------------------------------------- */

static void try_socket(const struct check *c) {
    want_failed(socket((int)c->arguments[0], (int)c->arguments[1], (int)c->arguments[2]));
}

static void try_interfaces(const struct check *c) {
    (void)c;
    struct if_nameindex *list = if_nameindex();
    if (!list)
        not_applicable("they cannot be listed: %s", strerror(errno));
    for (struct if_nameindex *i = list; i->if_index; i++)
        if (strcmp(i->if_name, "lo") != 0)
            fail("there is %s", i->if_name);
    pass("lo alone");
}

static void try_connect(const struct check *c) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(c->number ? "53" : given("port")))};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = to.sin_port, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int six = strcmp(c->text, "::1") == 0;
    const char *address = strcmp(c->text, "address") == 0 ? given("address") : c->text;
    int fd = socket(six ? AF_INET6 : AF_INET, c->number ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0)
        pass("%s", strerror(errno));
    if (six)
        want_failed(connect(fd, (struct sockaddr *)&to6, sizeof(to6)));
    inet_pton(AF_INET, address, &to.sin_addr);
    want_failed(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static void try_unix(const struct check *c) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int abstract = c->text[0] == '@';
    int size = abstract ? snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "%s", given("token")) + 1
                        : snprintf(to.sun_path, sizeof(to.sun_path), c->text, given("token"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        pass("%s", strerror(errno));
    want_failed(
        connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size)));
}

static void try_table(const struct check *c) {
    static char text[262144];
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "%s", given("token"));
    if (c->number)
        snprintf(wanted, sizeof(wanted), ":%04X", (unsigned)atoi(given("port")));
    if (read_file(c->text, text, sizeof(text)) < 0)
        pass("%s", strerror(errno));
    if (strstr(text, wanted))
        fail("the host's listener is in it");
    pass("the host's listener is not in it");
}

/* The kernel asks for the privilege before it looks at a message of zeros. */
static void try_netlink(const struct check *c) {
    struct {
        struct nlmsghdr header;
        char body[64];
    } message = {{sizeof(message), (uint16_t)c->number, NLM_F_REQUEST | NLM_F_ACK, 1, 0}, {0}};
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } reply;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)c->arguments[0]);
    if (fd < 0)
        pass("%s", strerror(errno));
    struct timeval patience = {0, 300000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (send(fd, &message, sizeof(message), 0) < 0)
        pass("%s", strerror(errno));
    ssize_t n = recv(fd, &reply, sizeof(reply), 0);
    if (n < (ssize_t)(sizeof(reply.header) + sizeof(int)) || reply.header.nlmsg_type != NLMSG_ERROR)
        not_applicable("no answer");
    errno = -reply.error.error;
    want_refused(errno ? -1 : 0, ECONNREFUSED); /* so answers audit outside of its namespace */
}

/* Anyone may subscribe to the starts of processes, in the network namespace that the kernel tells them in: so what
   counts is whether one is told. */
static void try_process_events(const struct check *c) {
    (void)c;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    struct { /* struct cn_msg ends in an array, and so cannot stand in one */
        struct nlmsghdr header;
        uint32_t index, value, sequence, acknowledged;
        uint16_t length, flags;
        uint32_t listen;
    } request = {{sizeof(request), NLMSG_DONE, 0, 0, 0}, CN_IDX_PROC, CN_VAL_PROC, 0, 0, 4, 0, PROC_CN_MCAST_LISTEN};
    _Static_assert(offsetof(__typeof__(request), listen) == NLMSG_HDRLEN + sizeof(struct cn_msg),
                   "the kernel's layout");
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        pass("%s", strerror(errno));
    struct timeval patience = {0, 50000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (send(fd, &request, sizeof(request), 0) < 0)
        pass("%s", strerror(errno));
    if (fork() == 0)
        _exit(0);
    ssize_t n = recv(fd, zeros, sizeof(zeros), 0);
    if (n >= 0)
        fail("%zd bytes heard", n);
    pass("nothing is heard");
}

static void try_interface_request(const struct check *c) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        pass("%s", strerror(errno));
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&request.ifr_addr;
    if (c->number == SIOCSIFADDR) {
        address->sin_family = AF_INET;
        inet_pton(AF_INET, "127.0.0.1", &address->sin_addr);
    }
    if (c->number == SIOCSIFFLAGS)
        ioctl(fd, SIOCGIFFLAGS, &request);
    want_refused(ioctl(fd, (unsigned long)c->number, &request), 0);
}

static void try_socket_option(const struct check *c) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        pass("%s", strerror(errno));
    /* Where netfilter's tables are not built in there is no such option. */
    want_refused(setsockopt(fd, (int)c->arguments[0], (int)c->arguments[1], zeros, 128), ENOPROTOOPT);
}

static void try_low_port(const struct check *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->number)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        pass("%s", strerror(errno));
    want_failed(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

/* ---- what may be left of the caller
 * ----------------------------------------------------------------------------------- */

static void try_descriptors(const struct check *c) {
    (void)c;
    char path[64], text[200];
    for (int fd = 3; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0) {
            snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
            ssize_t n = readlink(path, text, sizeof(text));
            fail("%d: %.*s", fd, n > 0 ? (int)n : 1, n > 0 ? text : "?");
        }
    pass("none above 2");
}

static void try_standard_directories(const struct check *c) {
    (void)c;
    struct stat st;
    for (int fd = 0; fd < 3; fd++)
        if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
            fail("%d is a directory", fd);
    pass("none");
}

static void try_environment(const struct check *c) {
    for (char **word = environ; *word; word++)
        if (strncmp(*word, c->text, strlen(c->text)) == 0)
            fail("%s", *word);
    pass("not there");
}

static void try_signals(const struct check *c) {
    (void)c;
    for (int signo = 1; signo <= 64; signo++) {
        struct sigaction action;
        if (signo != 32 && signo != 33 && sigaction(signo, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            fail("%s is not", strsignal(signo));
    }
    pass("all");
}

static void try_blocked(const struct check *c) {
    (void)c;
    const char *set = field_of("/proc/self/status", "SigBlk");
    if (strtoull(set, NULL, 16))
        fail("%s", set);
    pass("none");
}

static void try_umask(const struct check *c) {
    (void)c;
    mode_t mask = umask(022);
    if ((mask & 022) != 022)
        fail("%03o", (unsigned)mask);
    pass("%03o", (unsigned)mask);
}

static void try_core(const struct check *c) {
    (void)c;
    struct rlimit limit;
    getrlimit(RLIMIT_CORE, &limit);
    if (limit.rlim_max)
        fail("up to %lld bytes", (long long)limit.rlim_max);
    pass("0");
}

static void try_session(const struct check *c) {
    pid_t leader = c->number ? getpgid(0) : getsid(0);
    if (leader == 0)
        fail("its leader is outside of the box");
    if (kill(leader, 0) < 0 && errno == ESRCH)
        fail("its leader %d is not in the box", leader);
    pass("of %d", leader);
}

static void try_terminal(const struct check *c) {
    want_failed(open(c->text, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static void try_inherited_personality(const struct check *c) {
    long now = syscall(SYS_personality, 0xffffffffL);
    if (now >= 0 && (now & c->number))
        fail("%#lx", (unsigned long)now);
    pass("%s", now < 0 ? strerror(errno) : "not set");
}

static void try_cgroup_view(const struct check *c) {
    (void)c;
    char text[8192];
    if (read_file("/proc/self/cgroup", text, sizeof(text)) < 0)
        pass("%s", strerror(errno));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *path = strchr(line, '/');
        if (path && strcmp(path, "/") != 0)
            fail("%s", line);
    }
    pass("/");
}

/* ---- the host's things
 * ------------------------------------------------------------------------------------------------ */

static void try_hostname(const struct check *c) {
    (void)c;
    char name[65] = "";
    gethostname(name, sizeof(name));
    if (strcmp(name, given("hostname")) == 0)
        fail("%s", name);
    pass("%s", name);
}

static void try_ipc(const struct check *c) {
    key_t key = (key_t)atoi(given("ipc-key"));
    switch (c->number) {
    case SYS_shmget:
        want_failed(shmget(key, 0, 0));
    case SYS_semget:
        want_failed(semget(key, 0, 0));
    case SYS_msgget:
        want_failed(msgget(key, 0));
    default: {
        char name[64];
        snprintf(name, sizeof(name), "/%s", given("token"));
        want_failed(mq_open(name, O_RDONLY));
    }
    }
}

static void try_path_is_absent(const struct check *c) {
    struct stat st;
    if (lstat(c->text, &st) < 0)
        pass("%s", strerror(errno));
    if (S_ISDIR(st.st_mode))
        try_listing(c);
    fail("it is there");
}

/* ---- the table
 * -------------------------------------------------------------------------------------------------------- */

#define ID(name, ...)                                                                                                  \
    { "ids", name, __VA_ARGS__ }
#define PRIVILEGE(name, ...)                                                                                           \
    { "privileges", name, __VA_ARGS__ }
#define NAMESPACE(name, ...)                                                                                           \
    { "namespaces", name, __VA_ARGS__ }
#define PROCESS(name, ...)                                                                                             \
    { "processes", name, __VA_ARGS__ }
#define MOUNT(name, ...)                                                                                               \
    { "mounts and files", name, __VA_ARGS__ }
#define BITS(name, ...)                                                                                                \
    { "set-id bits", name, __VA_ARGS__ }
#define KERNEL(name, ...)                                                                                              \
    { "/proc and /sys", name, __VA_ARGS__ }
#define DEVICE(name, ...)                                                                                              \
    { "devices", name, __VA_ARGS__ }
#define CALL(name, ...)                                                                                                \
    { "system calls", name, try_call, .number = __VA_ARGS__ }
#define OTHER_CALL(name, ...)                                                                                          \
    { "system calls", name, __VA_ARGS__ }
#define NETWORK(name, ...)                                                                                             \
    { "network", name, __VA_ARGS__ }
#define INHERITED(name, ...)                                                                                           \
    { "inherited", name, __VA_ARGS__ }
#define HOST(name, ...)                                                                                                \
    { "the host", name, __VA_ARGS__ }
#define PROCESS_1(name, file) PROCESS("init's " name, try_init_open, "/proc/1/" file, O_RDONLY)
#define ZEROS (long)zeros

static const struct check checks[] = {
    ID("the host's user 0 is a user of the box", try_map, "/proc/self/uid_map"),
    ID("the host's group 0 is a group of the box", try_map, "/proc/self/gid_map"),
    ID("be of supplementary groups of the caller", try_groups),
    ID("become another user", try_failing_call, .number = SYS_setresuid, .arguments = {12345, 12345, 12345}),
    ID("become another group", try_failing_call, .number = SYS_setresgid, .arguments = {12345, 12345, 12345}),
    ID("become a neighbouring user", try_failing_call, .number = SYS_setresuid, .arguments = {1, 1, 1}),
    ID("take a file system user", try_fsuid, .number = 1),
    ID("take supplementary groups", try_call, .number = SYS_setgroups, .arguments = {1, ZEROS}),
    ID("drop supplementary groups", try_call, .number = SYS_setgroups, .arguments = {0, 0}),
    ID("change the user map", try_write_text, "/proc/self/uid_map", .arguments = {(long)"0 0 1\n"}),
    ID("change the group map", try_write_text, "/proc/self/gid_map", .arguments = {(long)"0 0 1\n"}),
    ID("allow setgroups again", try_write_text, "/proc/self/setgroups", .arguments = {(long)"allow\n"}),
    ID("give a file to another user", try_chown, .number = 1),
    ID("give a file to an unmapped user", try_chown, .number = 123456789),
    ID("give a file capabilities", try_xattr, "security.capability"),
    ID("set a trusted attribute", try_xattr, "trusted.probe"),
    ID("make a file immutable", try_immutable),

    PRIVILEGE("have effective capabilities", try_capabilities, "CapEff"),
    PRIVILEGE("have permitted capabilities", try_capabilities, "CapPrm"),
    PRIVILEGE("have inheritable capabilities", try_capabilities, "CapInh"),
    PRIVILEGE("have bounding capabilities", try_capabilities, "CapBnd"),
    PRIVILEGE("have ambient capabilities", try_capabilities, "CapAmb"),
    PRIVILEGE("init has effective capabilities", try_capabilities, "CapEff", 1),
    PRIVILEGE("init has permitted capabilities", try_capabilities, "CapPrm", 1),
    PRIVILEGE("init has bounding capabilities", try_capabilities, "CapBnd", 1),
    PRIVILEGE("gain privileges by execve", try_status, "NoNewPrivs", 1),
    PRIVILEGE("run without a filter", try_status, "Seccomp", 2),
    PRIVILEGE("clear no_new_privs", try_prctl, .number = PR_SET_NO_NEW_PRIVS, .arguments = {0}),
    PRIVILEGE("leave the filter", try_prctl, .number = PR_SET_SECCOMP, .arguments = {SECCOMP_MODE_DISABLED}),
    PRIVILEGE("outvote the filter with another", try_other_filter),
    PRIVILEGE("put a call past the filter by tracing", try_call_by_tracer),
    PRIVILEGE("raise CAP_SYS_ADMIN", try_capset, .number = CAP_SYS_ADMIN),
    PRIVILEGE("raise CAP_CHOWN", try_capset, .number = CAP_CHOWN),
    PRIVILEGE("raise CAP_CHECKPOINT_RESTORE", try_capset, .number = CAP_CHECKPOINT_RESTORE),
    PRIVILEGE("raise an ambient capability", try_prctl, .number = PR_CAP_AMBIENT,
              .arguments = {PR_CAP_AMBIENT_RAISE, CAP_CHOWN}),
    PRIVILEGE("set secure bits", try_prctl, .number = PR_SET_SECUREBITS, .arguments = {1}),
    PRIVILEGE("replace /proc/self/exe", try_exe_file),
    PRIVILEGE("raise its priority", try_nice, .number = -1),
    PRIVILEGE("take a real-time priority", try_realtime, .number = SCHED_FIFO),
    PRIVILEGE("take a real-time priority for its disk", try_call, .number = SYS_ioprio_set,
              .arguments = {1, 0, 1 << 13}),
    PRIVILEGE("raise a hard limit on files", try_hard_limit, .number = RLIMIT_NOFILE),
    PRIVILEGE("raise a hard limit on processes", try_hard_limit, .number = RLIMIT_NPROC),
    PRIVILEGE("be spared when memory runs out", try_write_text, "/proc/self/oom_score_adj",
              .arguments = {(long)"-1000\n"}),

    NAMESPACE("be in the host's mount namespace", try_namespace, "mnt"),
    NAMESPACE("be in the host's pid namespace", try_namespace, "pid"),
    NAMESPACE("be in the host's network namespace", try_namespace, "net"),
    NAMESPACE("be in the host's user namespace", try_namespace, "user"),
    NAMESPACE("be in the host's uts namespace", try_namespace, "uts"),
    NAMESPACE("be in the host's ipc namespace", try_namespace, "ipc"),
    NAMESPACE("be in the host's cgroup namespace", try_namespace, "cgroup"),
    NAMESPACE("be in the host's time namespace", try_namespace, "time"),
    NAMESPACE("unshare user", try_unshare, .number = CLONE_NEWUSER),
    NAMESPACE("unshare mnt", try_unshare, .number = CLONE_NEWNS),
    NAMESPACE("unshare pid", try_unshare, .number = CLONE_NEWPID),
    NAMESPACE("unshare net", try_unshare, .number = CLONE_NEWNET),
    NAMESPACE("unshare uts", try_unshare, .number = CLONE_NEWUTS),
    NAMESPACE("unshare ipc", try_unshare, .number = CLONE_NEWIPC),
    NAMESPACE("unshare cgroup", try_unshare, .number = CLONE_NEWCGROUP),
    NAMESPACE("unshare time", try_unshare, .number = CLONE_NEWTIME),
    NAMESPACE("unshare user and mnt", try_unshare, .number = CLONE_NEWUSER | CLONE_NEWNS),
    NAMESPACE("clone user", try_clone, .number = CLONE_NEWUSER),
    NAMESPACE("clone mnt", try_clone, .number = CLONE_NEWNS),
    NAMESPACE("clone pid", try_clone, .number = CLONE_NEWPID),
    NAMESPACE("clone net", try_clone, .number = CLONE_NEWNET),
    NAMESPACE("clone uts", try_clone, .number = CLONE_NEWUTS),
    NAMESPACE("clone ipc", try_clone, .number = CLONE_NEWIPC),
    NAMESPACE("clone cgroup", try_clone, .number = CLONE_NEWCGROUP),
    NAMESPACE("clone user and net", try_clone, .number = CLONE_NEWUSER | CLONE_NEWNET),
    NAMESPACE("clone3 user", try_clone3, .number = CLONE_NEWUSER),
    NAMESPACE("clone3 time", try_clone3, .number = CLONE_NEWTIME),
    NAMESPACE("setns user", try_setns, "/proc/self/ns/user"),
    NAMESPACE("setns mnt", try_setns, "/proc/self/ns/mnt"),
    NAMESPACE("setns pid", try_setns, "/proc/self/ns/pid"),
    NAMESPACE("setns net", try_setns, "/proc/self/ns/net"),
    NAMESPACE("setns init's mnt", try_setns, "/proc/1/ns/mnt"),
    NAMESPACE("setns by a descriptor of init", try_setns_process, .number = CLONE_NEWNS | CLONE_NEWNET),
    NAMESPACE("get the user namespace above", try_namespace_ioctl, "/proc/self/ns/user", NS_GET_PARENT),
    NAMESPACE("get the pid namespace above", try_namespace_ioctl, "/proc/self/ns/pid", NS_GET_PARENT),
    NAMESPACE("get the next mount namespace", try_namespace_ioctl, "/proc/self/ns/mnt",
              (long)_IOR(0xb7, 11, uint64_t[2])),
    NAMESPACE("change clocks of a time namespace", try_write_text, "/proc/self/timens_offsets",
              .arguments = {(long)"monotonic 1 0\n"}),

    PROCESS("see processes that are not the box's", try_process_list),
    PROCESS("signal a process of the host", try_host_process, .number = SYS_kill),
    PROCESS("get a descriptor of a process of the host", try_host_process, .number = SYS_pidfd_open),
    PROCESS("trace a process of the host", try_host_process, .number = SYS_ptrace),
    PROCESS("read the memory of a process of the host", try_host_process, .number = SYS_process_vm_readv),
    PROCESS("write to the memory of a process of the host", try_host_process, .number = SYS_process_vm_writev),
    PROCESS("ask limits of a process of the host", try_host_process, .number = SYS_prlimit64),
    PROCESS("ask processors of a process of the host", try_host_process, .number = SYS_sched_getaffinity),
    PROCESS("compare with a process of the host", try_host_process, .number = SYS_kcmp),
    PROCESS("ask the group of a process of the host", try_host_process, .number = SYS_getpgid),
    PROCESS("ask the locks of a process of the host", try_host_process, .number = SYS_get_robust_list),
    PROCESS("see the arguments of a process of the host", try_host_process, "cmdline"),
    PROCESS("see the environment of a process of the host", try_host_process, "environ"),
    PROCESS("see the root of a process of the host", try_host_process, "root"),
    PROCESS("write to init's memory", try_init_open, "/proc/1/mem", O_RDWR),
    PROCESS("read init's memory", try_init_open, "/proc/1/mem", O_RDONLY),
    PROCESS_1("program", "exe"),
    PROCESS("overwrite init's program", try_init_open, "/proc/1/exe", O_WRONLY),
    PROCESS_1("root", "root"),
    PROCESS_1("working directory", "cwd"),
    PROCESS_1("standard input", "fd/0"),
    PROCESS("name init's program", try_init_link, "/proc/1/exe"),
    PROCESS("name init's root", try_init_link, "/proc/1/root"),
    PROCESS("name init's namespaces", try_init_link, "/proc/1/ns/net"),
    PROCESS("list init's descriptors", try_init_read, "/proc/1/fd"),
    PROCESS("list init's mapped files", try_init_read, "/proc/1/map_files"),
    PROCESS("read init's system call", try_init_read, "/proc/1/syscall"),
    PROCESS("read init's input and output", try_init_read, "/proc/1/io"),
    PROCESS("read init's environment", try_init_read, "/proc/1/environ"),
    PROCESS("read init's mappings", try_init_read, "/proc/1/maps"),
    PROCESS("read init's auxiliary vector", try_init_read, "/proc/1/auxv"),
    PROCESS("read init's stack", try_init_read, "/proc/1/stack"),
    PROCESS("attach to init", try_init_trace, .number = PTRACE_ATTACH),
    PROCESS("seize init", try_init_trace, .number = PTRACE_SEIZE),
    PROCESS("read init by process_vm_readv", try_init_memory, .number = SYS_process_vm_readv),
    PROCESS("write to init by process_vm_writev", try_init_memory, .number = SYS_process_vm_writev),
    PROCESS("take a descriptor of init", try_init_pidfd_getfd),
    PROCESS("compare with init", try_init_call, .number = SYS_kcmp, .arguments = {1, 1, 0, 0, 0}),
    PROCESS("ask the locks of init", try_init_call, .number = SYS_get_robust_list, .arguments = {1, ZEROS, ZEROS}),
    PROCESS("stop init", try_init_signal, .number = SIGSTOP),
    PROCESS("kill init", try_init_signal, .number = SIGKILL),

    MOUNT("root is not read-only", try_root_mount, "ro"),
    MOUNT("root is not nosuid", try_root_mount, "nosuid"),
    MOUNT("root is not nodev", try_root_mount, "nodev"),
    MOUNT("a mount is not nosuid", try_mount_options, "nosuid"),
    MOUNT("a mount is not nodev", try_mount_options, "nodev"),
    MOUNT("a mount is shared with the host", try_mount_private),
    MOUNT("a file system of the host can be written to", try_mount_writable),
    MOUNT("create in /", try_create, "/"),
    MOUNT("create in /etc", try_create, "/etc"),
    MOUNT("create in /bin", try_create, "/bin"),
    MOUNT("create in /dev", try_create, "/dev"),
    MOUNT("create in /sys", try_create, "/sys"),
    MOUNT("write to a program", try_existing, .number = SYS_openat),
    MOUNT("link a program elsewhere", try_existing, .number = SYS_linkat),
    MOUNT("mount a tmpfs", try_mount, "/tmp", 0, {(long)"none", (long)"tmpfs"}),
    MOUNT("mount a second proc", try_mount, "/tmp", 0, {(long)"none", (long)"proc"}),
    MOUNT("mount a second sysfs", try_mount, "/tmp", 0, {(long)"none", (long)"sysfs"}),
    MOUNT("mount an overlay", try_mount, "/tmp", 0,
          {(long)"none", (long)"overlay", (long)"lowerdir=/,upperdir=/tmp,workdir=/tmp"}),
    MOUNT("mount cgroups", try_mount, "/tmp", 0, {(long)"none", (long)"cgroup2"}),
    MOUNT("mount fuse", try_mount, "/tmp", 0,
          {(long)"none", (long)"fuse", (long)"fd=0,rootmode=40000,user_id=0,group_id=0"}),
    MOUNT("bind / elsewhere", try_mount, "/tmp", MS_BIND | MS_REC, {(long)"/", (long)"none"}),
    MOUNT("remount root read-write", try_mount, "/", MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, {(long)"none"}),
    MOUNT("remount /proc/sys read-write", try_mount, "/proc/sys", MS_REMOUNT | MS_BIND, {(long)"none"}),
    MOUNT("remount /sys read-write", try_mount, "/sys", MS_REMOUNT | MS_BIND, {(long)"none"}),
    MOUNT("make root's propagation another", try_mount, "/", MS_PRIVATE | MS_REC, {(long)"none"}),
    MOUNT("move a mount", try_mount, "/tmp", MS_MOVE, {(long)"/proc"}),
    MOUNT("umount anything", try_umount_all),
    MOUNT("pivot the root", try_call, .number = SYS_pivot_root, .arguments = {(long)".", (long)"."}),
    MOUNT("chroot", try_chroot_escape),
    MOUNT("open_tree", try_call, .number = SYS_open_tree, .arguments = {AT_FDCWD, (long)"/", 1}),
    MOUNT("fsopen", try_call, .number = SYS_fsopen, .arguments = {(long)"tmpfs", 0}),
    MOUNT("fspick", try_call, .number = SYS_fspick, .arguments = {AT_FDCWD, (long)"/", 0}),
    MOUNT("move_mount", try_call, .number = SYS_move_mount, .arguments = {-1, (long)"", -1, (long)"", 4}),
    MOUNT("mount_setattr", try_call, .number = SYS_mount_setattr, .arguments = {AT_FDCWD, (long)"/", 0, ZEROS, 32}),
    MOUNT("open_tree_attr", try_call, .number = 467, .arguments = {AT_FDCWD, (long)"/", 1, ZEROS, 32}),
    MOUNT("go above / by ..", try_move_up),
    MOUNT("start in a directory that is not in the box", try_cwd),
    MOUNT("open a file by its handle", try_handle),
    MOUNT("make a character device", try_mknod, .number = S_IFCHR, .arguments = {1, 1}),
    MOUNT("make a block device", try_mknod, .number = S_IFBLK, .arguments = {254, 0}),
    MOUNT("use devices on /tmp", try_nodev, "/tmp"),
    MOUNT("use devices on /dev/shm", try_nodev, "/dev/shm"),

    BITS("chmod", try_bits, .number = CHMOD, .arguments = {04755}),
    BITS("chmod, the group's", try_bits, .number = CHMOD, .arguments = {02755}),
    BITS("chmod, with a bit above the mode", try_bits, .number = CHMOD, .arguments = {0x100000000L | 04755}),
    BITS("fchmod", try_bits, .number = FCHMOD, .arguments = {04755}),
    BITS("fchmod, both", try_bits, .number = FCHMOD, .arguments = {06755}),
    BITS("fchmodat", try_bits, .number = FCHMODAT, .arguments = {04755}),
    BITS("fchmodat2", try_bits, .number = FCHMODAT2, .arguments = {04755}),
    BITS("fchmodat, by the C library and /proc/self/fd", try_bits, .number = LIBRARY, .arguments = {04755}),
    BITS("creat", try_bits, .number = CREAT, .arguments = {04755}),
    BITS("open", try_bits, .number = OPEN, .arguments = {04755}),
    BITS("openat", try_bits, .number = OPENAT, .arguments = {04755}),
    BITS("openat, the group's", try_bits, .number = OPENAT, .arguments = {02755}),
    BITS("openat2", try_bits, .number = OPENAT2, .arguments = {04755}),
    BITS("O_TMPFILE", try_bits, .number = TMPFILE, .arguments = {04755}),
    BITS("mknod", try_bits, .number = MKNOD, .arguments = {04755}),
    BITS("mknodat", try_bits, .number = MKNODAT, .arguments = {04755}),
    BITS("mkdir", try_bits, .number = UMASK, .arguments = {06755}),

    KERNEL("read /proc/kcore", try_read, "/proc/kcore", 8),
    KERNEL("read /proc/keys", try_read, "/proc/keys"),
    KERNEL("read /proc/timer_list", try_read, "/proc/timer_list"),
    KERNEL("read /proc/sched_debug", try_read, "/proc/sched_debug"),
    KERNEL("read /proc/interrupts", try_read, "/proc/interrupts"),
    KERNEL("read /proc/latency_stats", try_read, "/proc/latency_stats"),
    KERNEL("read /proc/timer_stats", try_read, "/proc/timer_stats"),
    KERNEL("read /proc/acpi", try_read, "/proc/acpi"),
    KERNEL("read /proc/asound", try_read, "/proc/asound"),
    KERNEL("read /proc/scsi", try_read, "/proc/scsi"),
    KERNEL("read /proc/kmsg", try_read, "/proc/kmsg", 8),
    KERNEL("read /proc/slabinfo", try_read, "/proc/slabinfo"),
    KERNEL("read /proc/vmallocinfo", try_read, "/proc/vmallocinfo"),
    KERNEL("read /proc/pagetypeinfo", try_read, "/proc/pagetypeinfo"),
    KERNEL("read /proc/kpageflags", try_read, "/proc/kpageflags", 8),
    KERNEL("read /proc/kpagecgroup", try_read, "/proc/kpagecgroup", 8),
    KERNEL("read /sys/firmware", try_read, "/sys/firmware"),
    KERNEL("read /sys/kernel/debug", try_read, "/sys/kernel/debug"),
    KERNEL("read /sys/kernel/tracing", try_read, "/sys/kernel/tracing"),
    KERNEL("read /sys/kernel/security", try_read, "/sys/kernel/security"),
    KERNEL("read /sys/fs/bpf", try_read, "/sys/fs/bpf"),
    KERNEL("read /sys/fs/pstore", try_read, "/sys/fs/pstore"),
    KERNEL("read /sys/devices/virtual/powercap", try_read, "/sys/devices/virtual/powercap"),
    KERNEL("see addresses in /proc/kallsyms", try_addresses, "/proc/kallsyms"),
    KERNEL("see addresses in /proc/modules", try_addresses, "/proc/modules"),
    KERNEL("see addresses in /proc/iomem", try_addresses, "/proc/iomem"),
    KERNEL("write to /proc/sysrq-trigger", try_open_to_write, "/proc/sysrq-trigger"),
    KERNEL("write to core_pattern", try_open_to_write, "/proc/sys/kernel/core_pattern"),
    KERNEL("write to kernel/modprobe", try_open_to_write, "/proc/sys/kernel/modprobe"),
    KERNEL("write to kernel/hotplug", try_open_to_write, "/proc/sys/kernel/hotplug"),
    KERNEL("write to kernel/hostname", try_open_to_write, "/proc/sys/kernel/hostname"),
    KERNEL("write to kernel/ns_last_pid", try_open_to_write, "/proc/sys/kernel/ns_last_pid"),
    KERNEL("write to kernel/shmmax", try_open_to_write, "/proc/sys/kernel/shmmax"),
    KERNEL("write to kernel/randomize_va_space", try_open_to_write, "/proc/sys/kernel/randomize_va_space"),
    KERNEL("write to vm/drop_caches", try_open_to_write, "/proc/sys/vm/drop_caches"),
    KERNEL("write to user/max_user_namespaces", try_open_to_write, "/proc/sys/user/max_user_namespaces"),
    KERNEL("write to net/ipv4/ip_forward", try_open_to_write, "/proc/sys/net/ipv4/ip_forward"),
    KERNEL("write to fs/binfmt_misc/register", try_open_to_write, "/proc/sys/fs/binfmt_misc/register"),
    KERNEL("write to uevent_helper", try_open_to_write, "/sys/kernel/uevent_helper"),
    KERNEL("write to a cgroup's release_agent", try_open_to_write, "/sys/fs/cgroup/release_agent"),
    KERNEL("write to cgroup.procs", try_open_to_write, "/sys/fs/cgroup/cgroup.procs"),
    KERNEL("write to /sys/power/state", try_open_to_write, "/sys/power/state"),
    KERNEL("write to /proc/mtrr", try_open_to_write, "/proc/mtrr"),
    KERNEL("write anywhere in /proc but to processes", try_tree, "/proc"),
    KERNEL("write anywhere in /sys", try_tree, "/sys"),

    DEVICE("nodes beside the six", try_device_nodes, "/dev"),
    DEVICE("terminals of others", try_terminals),
    DEVICE("/dev/mem", try_device, "/dev/mem"),
    DEVICE("/dev/port", try_device, "/dev/port"),
    DEVICE("/dev/kmsg", try_device, "/dev/kmsg"),
    DEVICE("/dev/console", try_device, "/dev/console", 1),
    DEVICE("/dev/tty0", try_device, "/dev/tty0"),
    DEVICE("/dev/vcs", try_device, "/dev/vcs"),
    DEVICE("/dev/loop-control", try_device, "/dev/loop-control"),
    DEVICE("/dev/loop0", try_device, "/dev/loop0"),
    DEVICE("/dev/net/tun", try_device, "/dev/net/tun"),
    DEVICE("/dev/fuse", try_device, "/dev/fuse"),
    DEVICE("/dev/kvm", try_device, "/dev/kvm"),
    DEVICE("/dev/vsock", try_device, "/dev/vsock"),
    DEVICE("/dev/userfaultfd", try_device, "/dev/userfaultfd"),
    DEVICE("/dev/vda", try_device, "/dev/vda"),
    DEVICE("/dev/sda", try_device, "/dev/sda"),
    DEVICE("/dev/mapper/control", try_device, "/dev/mapper/control"),
    DEVICE("/dev/watchdog", try_device, "/dev/watchdog", 1),
    DEVICE("/dev/uinput", try_device, "/dev/uinput"),
    DEVICE("/dev/hwrng", try_device, "/dev/hwrng"),
    DEVICE("/dev/dri", try_device, "/dev/dri"),
    DEVICE("TIOCSTI", try_terminal_request, "x", TIOCSTI),
    DEVICE("TIOCSTI with a bit above the request", try_terminal_request, "x", 0x100000000L | TIOCSTI),
    DEVICE("TIOCLINUX", try_terminal_request, "\2", TIOCLINUX),
    DEVICE("TIOCLINUX with a bit above the request", try_terminal_request, "\2", 0x100000000L | TIOCLINUX),
    DEVICE("TIOCCONS", try_terminal_request, "", TIOCCONS),

    CALL("bpf", SYS_bpf, {0, ZEROS, 64}),
    CALL("perf_event_open", SYS_perf_event_open, {ZEROS, 0, -1, -1, 0}),
    CALL("userfaultfd", SYS_userfaultfd, {1}),
    CALL("io_uring_setup", SYS_io_uring_setup, {1, ZEROS}),
    CALL("io_uring_enter", SYS_io_uring_enter, {-1}),
    CALL("io_uring_register", SYS_io_uring_register, {-1}),
    CALL("keyctl", SYS_keyctl, {KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING}),
    CALL("add_key", SYS_add_key, {(long)"user", (long)"x", (long)"y", 1, KEY_SPEC_SESSION_KEYRING}),
    CALL("request_key", SYS_request_key, {(long)"user", (long)"x", (long)"y", KEY_SPEC_SESSION_KEYRING}),
    CALL("kexec_load", SYS_kexec_load, {0, 0, 0, -1}),
    CALL("kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0, -1}),
    CALL("init_module", SYS_init_module, {ZEROS, 0, (long)""}),
    CALL("finit_module", SYS_finit_module, {-1, (long)"", 0}),
    CALL("delete_module", SYS_delete_module, {(long)"no-such-module", O_NONBLOCK}),
    CALL("quotactl", SYS_quotactl, {0x80000700L, (long)"/dev/null", 0, ZEROS}),
    CALL("quotactl_fd", SYS_quotactl_fd, {-1, 0, 0, 0}),
    CALL("swapon", SYS_swapon, {(long)"/no-such-file", 0}),
    CALL("swapoff", SYS_swapoff, {(long)"/no-such-file"}),
    CALL("reboot", SYS_reboot, {0, 0, 0, 0}), /* numbers that the kernel does not take */
    CALL("syslog", SYS_syslog, {3, ZEROS, sizeof(zeros)}),
    CALL("acct", SYS_acct, {(long)"/no-such-file"}),
    OTHER_CALL("settimeofday", try_clock, .number = SYS_settimeofday),
    OTHER_CALL("clock_settime", try_clock, .number = SYS_clock_settime),
    OTHER_CALL("adjtimex", try_clock, .number = SYS_adjtimex),
    OTHER_CALL("clock_adjtime", try_clock, .number = SYS_clock_adjtime),
    OTHER_CALL("sethostname", try_name, .number = SYS_sethostname),
    OTHER_CALL("setdomainname", try_name, .number = SYS_setdomainname),
    OTHER_CALL("personality READ_IMPLIES_EXEC", try_personality, .number = 0x0400000),
    OTHER_CALL("personality ADDR_COMPAT_LAYOUT", try_personality, .number = 0x0200000),
    OTHER_CALL("personality MMAP_PAGE_ZERO", try_personality, .number = 0x0100000),
    CALL("name_to_handle_at", SYS_name_to_handle_at, {AT_FDCWD, (long)"/", ZEROS, ZEROS, 0}),
    CALL("move_pages of init", SYS_move_pages, {1, 0, 0, 0, 0, 0}),
    CALL("migrate_pages of init", SYS_migrate_pages, {1, 0, 0, 0}),
    CALL("mbind", SYS_mbind, {0, 0, -1, 0, 0, 0}),
    CALL("set_mempolicy", SYS_set_mempolicy, {-1, 0, 0}),
    OTHER_CALL("vhangup", try_vhangup),
    CALL("fanotify_init", SYS_fanotify_init, {0, 0}),
    CALL("statmount", 457, {ZEROS, ZEROS, 0, 0}),
    CALL("listmount", 458, {ZEROS, ZEROS, 0, 0}),
    CALL("clone3", SYS_clone3, {ZEROS, 0}),
    CALL("openat2", SYS_openat2, {AT_FDCWD, (long)"/", ZEROS, 24}),
#if defined(__x86_64__)
    CALL("iopl", SYS_iopl, {3}),
    CALL("ioperm", SYS_ioperm, {0x80, 1, 1}),
    CALL("modify_ldt", SYS_modify_ldt, {1, ZEROS, 0}),
    CALL("uselib", SYS_uselib, {(long)"/no-such-file"}),
    CALL("ustat", SYS_ustat, {0, ZEROS}),
    CALL("sysfs", SYS_sysfs, {3}),
    CALL("_sysctl", SYS__sysctl, {ZEROS}),
    CALL("lookup_dcookie", SYS_lookup_dcookie, {0, ZEROS, 0}),
    CALL("nfsservctl", SYS_nfsservctl, {0, 0, 0}),
    CALL("create_module", SYS_create_module, {0, 0}),
#endif
    OTHER_CALL("a call of x32", try_foreign),
    OTHER_CALL("a call of i386", try_foreign, .number = 20),
    OTHER_CALL("calls that are not known yet", try_unknown_calls, .number = 480),

    NETWORK("interfaces beside lo", try_interfaces),
    NETWORK("reach an address outside", try_connect, "192.0.2.1", 1),
    NETWORK("reach the host's loopback", try_connect, "127.0.0.1"),
    NETWORK("reach the host's loopback by IPv6", try_connect, "::1"),
    NETWORK("reach the host's own address", try_connect, "address"),
    NETWORK("reach the host's abstract socket", try_unix, "@"),
    NETWORK("reach the host's socket in /tmp", try_unix, "/tmp/%s.sock"),
    NETWORK("reach the host's socket in /run", try_unix, "/run/%s.sock"),
    NETWORK("see the host's UNIX sockets", try_table, "/proc/net/unix"),
    NETWORK("see the host's TCP sockets", try_table, "/proc/net/tcp", 1),
    NETWORK("raw socket", try_socket, .arguments = {AF_INET, SOCK_RAW, IPPROTO_ICMP}),
    NETWORK("raw socket of IPv6", try_socket, .arguments = {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6}),
    NETWORK("packet socket", try_socket, .arguments = {AF_PACKET, SOCK_RAW, 0}),
    NETWORK("vsock socket", try_socket, .arguments = {AF_VSOCK, SOCK_STREAM, 0}),
    NETWORK("alg socket", try_socket, .arguments = {AF_ALG, SOCK_SEQPACKET, 0}),
    NETWORK("bluetooth socket", try_socket, .arguments = {AF_BLUETOOTH, SOCK_RAW, 1}),
    NETWORK("xdp socket", try_socket, .arguments = {44, SOCK_RAW, 0}),
    NETWORK("key socket", try_socket, .arguments = {AF_KEY, SOCK_RAW, 2}),
    NETWORK("tipc socket", try_socket, .arguments = {AF_TIPC, SOCK_STREAM, 0}),
    NETWORK("can socket", try_socket, .arguments = {AF_CAN, SOCK_RAW, 1}),
    NETWORK("rds socket", try_socket, .arguments = {AF_RDS, SOCK_SEQPACKET, 0}),
    NETWORK("kcm socket", try_socket, .arguments = {AF_KCM, SOCK_DGRAM, 0}),
    NETWORK("ax25 socket", try_socket, .arguments = {AF_AX25, SOCK_DGRAM, 0}),
    NETWORK("add a link", try_netlink, .number = RTM_NEWLINK, .arguments = {NETLINK_ROUTE}),
    NETWORK("add an address", try_netlink, .number = RTM_NEWADDR, .arguments = {NETLINK_ROUTE}),
    NETWORK("add a route", try_netlink, .number = RTM_NEWROUTE, .arguments = {NETLINK_ROUTE}),
    NETWORK("add a queueing discipline", try_netlink, .number = RTM_NEWQDISC, .arguments = {NETLINK_ROUTE}),
    NETWORK("add a firewall table", try_netlink, .number = 10 << 8, .arguments = {NETLINK_NETFILTER}),
    NETWORK("add an IPsec policy", try_netlink, .number = 0x13, .arguments = {NETLINK_XFRM}),
    NETWORK("set up auditing", try_netlink, .number = 1001, .arguments = {NETLINK_AUDIT}),
    NETWORK("listen to the starts of processes", try_process_events),
    NETWORK("set an address by ioctl", try_interface_request, .number = SIOCSIFADDR),
    NETWORK("set flags of an interface", try_interface_request, .number = SIOCSIFFLAGS),
    NETWORK("get the network namespace of a socket", try_interface_request, .number = 0x894c),
    NETWORK("replace iptables", try_socket_option, .arguments = {IPPROTO_IP, 64}),
    NETWORK("force a receive buffer", try_socket_option, .arguments = {SOL_SOCKET, SO_RCVBUFFORCE}),
    NETWORK("bind a port below 1024", try_low_port, .number = 80),

    INHERITED("descriptors", try_descriptors),
    INHERITED("standard input, output, error that are directories", try_standard_directories),
    INHERITED("a variable of the environment", try_environment, "PROBE_SECRET="),
    INHERITED("LD_PRELOAD", try_environment, "LD_PRELOAD="),
    INHERITED("signals that are not default", try_signals),
    INHERITED("blocked signals", try_blocked),
    INHERITED("umask 0", try_umask),
    INHERITED("core files", try_core),
    INHERITED("the caller's session", try_session),
    INHERITED("the caller's process group", try_session, .number = 1),
    INHERITED("the caller's terminal", try_terminal, "/dev/tty"),
    INHERITED("fixed addresses", try_inherited_personality, .number = 0x0040000),
    INHERITED("readable memory that is executable", try_inherited_personality, .number = 0x0400000),
    INHERITED("the caller's working directory", try_cwd_secret),
    INHERITED("the path of the caller's cgroup", try_cgroup_view),

    HOST("know the host's name", try_hostname),
    HOST("find a file of the host's /root", try_secret, "/root"),
    HOST("find a file of the host's /home", try_secret, "/home"),
    HOST("find a file of the host's /tmp", try_secret, "/tmp"),
    HOST("find a file of the host's /var/tmp", try_secret, "/var/tmp"),
    HOST("find a file of the host's /run", try_secret, "/run"),
    HOST("find a file of the host's /dev/shm", try_secret, "/dev/shm"),
    HOST("find the host's shared memory", try_ipc, .number = SYS_shmget),
    HOST("find the host's semaphores", try_ipc, .number = SYS_semget),
    HOST("find the host's message queue", try_ipc, .number = SYS_msgget),
    HOST("find the host's POSIX message queue", try_ipc, .number = SYS_mq_open),
    HOST("read /etc/shadow", try_private, "/etc/shadow"),
    HOST("read /etc/gshadow", try_private, "/etc/gshadow"),
    HOST("read /boot", try_path_is_absent, "/boot"),
    HOST("read /srv", try_path_is_absent, "/srv"),
    HOST("read /mnt", try_path_is_absent, "/mnt"),
    HOST("read /media", try_path_is_absent, "/media"),
    HOST("read /var/log", try_path_is_absent, "/var/log"),
    HOST("read /var/lib", try_path_is_absent, "/var/lib"),
    HOST("reach docker", try_path_is_absent, "/run/docker.sock"),
    HOST("reach dbus", try_path_is_absent, "/run/dbus"),
    HOST("list sessions", try_path_is_absent, "/run/utmp"),
};

/* ---- one after another
 * ------------------------------------------------------------------------------------------------ */

static void say(const struct check *c) {
    static const char *const answers[] = {[PASS] = "pass", [FAIL] = "FAIL", [NOT_APPLICABLE] = "n/a"};
    for (char *at = verdict->saw; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    printf("%s\t%s\t%s\t%s\n", c->theme, c->name, answers[verdict->answer], verdict->saw);
}

static void run(const struct check *c) {
    int status = 0;
    verdict->answer = NONE;
    verdict->saw[0] = '\0';
    fflush(stdout); /* so that a child has nothing to print again */
    pid_t pid = fork();
    if (pid == 0) {
        alarm(5);
        c->try(c);
        _exit(1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (verdict->answer == NONE) {
        verdict->answer = pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? PASS : FAIL;
        snprintf(verdict->saw, sizeof(verdict->saw), "no answer, but %s",
                 pid < 0               ? "fork failed"
                 : WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
                                       : "an end");
    }
    say(c);
}

int main(int argc, char **argv) {
    (void)argc;
    words = argv;
    verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdict == MAP_FAILED)
        return 1;
    static const char *const places[] = {"/tmp", "/dev/shm", "/run", "."};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(scratch, sizeof(scratch), "%s/probe-XXXXXX", places[i]);
        if (mkdtemp(scratch))
            break;
    }
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        run(&checks[i]);
    printf("end\t%zu\n", sizeof(checks) / sizeof(checks[0]));
    return 0;
}
