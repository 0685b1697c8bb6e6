/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs inside a box and says what it finds, one fact a line: "fact NAME VALUE", "try NAME ERRNO" (0: it was allowed), or a
 * file between "begin NAME" and "end NAME". posture.py compares. Static; raw system calls, so that no C library decides.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void dump(const char *name, const char *path) {
    char buffer[65536];
    int fd = open(path, O_RDONLY);
    printf("begin %s\n", name);
    fflush(stdout);
    for (ssize_t n; fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0;)
        if (write(1, buffer, (size_t)n) != n)
            _exit(3);
    if (fd >= 0)
        close(fd);
    printf("end %s\n", name);
}

static void report(const char *name, long result) {
    printf("try %s %d\n", name, result < 0 ? errno : 0);
}
#define TRY(name, call) report(name, (long)(call))

/* An attempt that, if allowed, would change this process or kill it. */
static void try_apart(const char *name, long (*attempt)(void)) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        long result = attempt();
        _exit(result < 0 ? errno : 0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        printf("try %s fork-failed\n", name);
    else if (WIFSIGNALED(status))
        printf("try %s signal-%d\n", name, WTERMSIG(status));
    else
        printf("try %s %d\n", name, WEXITSTATUS(status));
}

static long do_unshare_user(void) { return syscall(SYS_unshare, CLONE_NEWUSER); }
static long do_unshare_mnt(void) { return syscall(SYS_unshare, CLONE_NEWNS); }
static long do_unshare_net(void) { return syscall(SYS_unshare, CLONE_NEWNET); }
static long clone_with(unsigned long flags) {
    long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
    return pid;
}
static long do_clone_user(void) { return clone_with(CLONE_NEWUSER); }
static long do_clone_pid(void) { return clone_with(CLONE_NEWUSER | CLONE_NEWPID); }
static long do_clone3(void) {
    uint64_t args[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
    long pid = syscall(SYS_clone3, args, sizeof(args));
    if (pid == 0)
        _exit(0);
    return pid;
}
static long do_chroot(void) { return syscall(SYS_chroot, "/tmp"); }
static long do_setuid(void) { return syscall(SYS_setresuid, 12345, 12345, 12345); }
static long do_setgroups(void) {
    gid_t group = 0;
    return syscall(SYS_setgroups, 1, &group);
}
static long do_personality(void) { return syscall(SYS_personality, 0x0008); }
#if defined(__x86_64__)
static long do_x32(void) { return syscall(0x40000000 | SYS_getpid); }
static long do_int80(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
#endif

static long open_and_close(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd;
}

/* Opening may be allowed where reading says nothing. */
static void try_read(const char *name, const char *path) {
    struct stat st;
    char byte;
    if (lstat(path, &st) < 0) {
        printf("read %s absent\n", name);
        return;
    }
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        printf("read %s error-%d\n", name, errno);
        return;
    }
    if (S_ISDIR(st.st_mode)) {
        int entries = 0;
        DIR *folder = fdopendir(fd);
        for (struct dirent *entry; folder && (entry = readdir(folder));)
            entries += entry->d_name[0] != '.';
        printf("read %s entries-%d\n", name, entries);
        if (folder)
            closedir(folder);
        return;
    }
    ssize_t n = read(fd, &byte, 1);
    if (n < 0)
        printf("read %s error-%d\n", name, errno);
    else
        printf("read %s bytes-%zd\n", name, n);
    close(fd);
}

static void show_processes(void) {
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[300], text[512];
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
            close(fd);
        if (n <= 0)
            continue;
        text[n] = '\0';
        char *name = strchr(text, '('), *end = strrchr(text, ')');
        *end = '\0';
        printf("process %s %d %s\n", entry->d_name, atoi(end + 4), name + 1);
    }
    if (folder)
        closedir(folder);
}

static void show_descriptors(void) {
    for (int fd = 0; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("descriptor %d\n", fd);
}

static void show_namespaces(void) {
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64], text[128];
        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        ssize_t n = readlink(path, text, sizeof(text) - 1);
        printf("namespace %s %.*s\n", names[i], n > 0 ? (int)n : 1, n > 0 ? text : "-");
    }
}

static void show_process(void) {
    struct rlimit core;
    char name[65];
    gid_t groups[128];
    getrlimit(RLIMIT_CORE, &core);
    gethostname(name, sizeof(name));
    printf("fact pid %d\nfact sid %d\nfact pgrp %d\n", getpid(), (int)getsid(0), (int)getpgrp());
    printf("fact umask %04o\n", umask(022));
    printf("fact core %llu %llu\n", (unsigned long long)core.rlim_cur, (unsigned long long)core.rlim_max);
    printf("fact hostname %s\n", name);
    printf("fact ids %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
    printf("fact groups %d\n", getgroups(128, groups));
    for (char **word = environ; *word; word++)
        printf("environment %s\n", *word);
    int ignored = 0, caught = 0;
    for (int signo = 1; signo <= 64; signo++) {
        struct sigaction action;
        if (signo == 32 || signo == 33 || sigaction(signo, NULL, &action) < 0)
            continue;
        ignored += action.sa_handler == SIG_IGN;
        caught += action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL;
    }
    printf("fact signals %d ignored %d caught\n", ignored, caught);
}

static void show_network(void) {
    struct if_nameindex *list = if_nameindex();
    for (struct if_nameindex *i = list; i && i->if_index; i++)
        printf("interface %s\n", i->if_name);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {.ifr_name = "lo"};
    if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0)
        printf("fact lo %s\n", request.ifr_flags & IFF_UP ? "up" : "down");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x08080808)};
    TRY("connect-outside", connect(fd, (struct sockaddr *)&address, sizeof(address)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    TRY("connect-loopback", connect(fd, (struct sockaddr *)&address, sizeof(address)));
    close(fd);
}

static void try_init(void) {
    char text[256];
    int fd;
    TRY("init-mem", open_and_close("/proc/1/mem", O_RDWR));
    TRY("init-exe-read", open_and_close("/proc/1/exe", O_RDONLY));
    TRY("init-exe-link", readlink("/proc/1/exe", text, sizeof(text)));
    TRY("init-fd", open_and_close("/proc/1/fd/0", O_RDONLY));
    try_read("/proc/1/fd", "/proc/1/fd");
    TRY("init-root", open_and_close("/proc/1/root", O_RDONLY));
    TRY("init-root-link", readlink("/proc/1/root", text, sizeof(text)));
    TRY("init-root-below", open_and_close("/proc/1/root/etc", O_RDONLY));
    TRY("init-cwd", open_and_close("/proc/1/cwd", O_RDONLY));
    /* These can be opened by anyone; what counts is what they show. */
    fd = open("/proc/1/environ", O_RDONLY);
    TRY("init-environ", fd < 0 ? -1 : read(fd, text, sizeof(text)) == 0 ? (errno = ENODATA, -1) : 0);
    fd = open("/proc/1/maps", O_RDONLY);
    TRY("init-maps", fd < 0 ? -1 : read(fd, text, sizeof(text)) == 0 ? (errno = ENODATA, -1) : 0);
    TRY("init-ptrace-attach", ptrace(PTRACE_ATTACH, 1, 0, 0));
    TRY("init-ptrace-seize", ptrace(PTRACE_SEIZE, 1, 0, 0));
    struct iovec mine = {text, 1}, its = {(void *)0x400000, 1};
    TRY("init-vm-read", syscall(SYS_process_vm_readv, 1, &mine, 1, &its, 1, 0));
    TRY("init-pidfd-getfd", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
    kill(1, SIGKILL);
    kill(1, SIGSTOP);
    printf("fact survived yes\n");
}

static void try_kernel(void) {
    char buffer[4096] = {0};
    TRY("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
    TRY("umount", syscall(SYS_umount2, "/proc", 2));
    TRY("pivot_root", syscall(SYS_pivot_root, ".", "."));
    TRY("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
    TRY("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    TRY("move_mount", syscall(SYS_move_mount, -1, "", -1, "", 4));
    TRY("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, buffer, 32));
    try_apart("unshare-user", do_unshare_user);
    try_apart("unshare-mnt", do_unshare_mnt);
    try_apart("unshare-net", do_unshare_net);
    try_apart("clone-user", do_clone_user);
    try_apart("clone-pid", do_clone_pid);
    try_apart("clone3", do_clone3);
    try_apart("chroot", do_chroot);
    try_apart("setuid", do_setuid);
    try_apart("setgroups", do_setgroups);
    try_apart("personality", do_personality);
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    TRY("setns", syscall(SYS_setns, fd, 0));
    close(fd);
    TRY("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
    TRY("add_key", syscall(SYS_add_key, "user", "x", "y", 1, KEY_SPEC_SESSION_KEYRING));
    TRY("request_key", syscall(SYS_request_key, "user", "x", "y", KEY_SPEC_SESSION_KEYRING));
    TRY("bpf", syscall(SYS_bpf, 0, buffer, 64));
    TRY("perf_event_open", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
    TRY("userfaultfd", syscall(SYS_userfaultfd, 1));
    TRY("io_uring_setup", syscall(SYS_io_uring_setup, 1, buffer));
    TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, 0));
    TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
    TRY("init_module", syscall(SYS_init_module, buffer, 0, ""));
    TRY("openat2", syscall(SYS_openat2, AT_FDCWD, "/", buffer, 24));
    TRY("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
    TRY("swapon", syscall(SYS_swapon, "/tmp", 0));
    TRY("acct", syscall(SYS_acct, 0));
    TRY("sethostname", syscall(SYS_sethostname, "x", 1));
    TRY("mknod-device", syscall(SYS_mknodat, AT_FDCWD, "/tmp/node", S_IFCHR | 0666, makedev(1, 3)));
    TRY("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
    TRY("socket-vsock", socket(40, SOCK_STREAM, 0));
    TRY("socket-alg", socket(38, SOCK_SEQPACKET, 0));
    TRY("socket-raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    TRY("tiocsti", syscall(SYS_ioctl, 0, 0x5412UL, "x"));
    TRY("tiocsti-bit-32", syscall(SYS_ioctl, 0, 0x100005412UL, "x"));
    TRY("tioclinux", syscall(SYS_ioctl, 0, 0x541cUL, "\2"));
#if defined(__x86_64__)
    try_apart("x32", do_x32);
    try_apart("int80", do_int80);
#endif
}

static void try_suid(const char *folder) {
    char path[256], other[300];
    snprintf(path, sizeof(path), "%s/suid-probe", folder);
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0755);
    printf("fact suid-file %s\n", fd >= 0 ? "made" : "not-made");
#ifdef SYS_chmod
    TRY("suid-chmod", syscall(SYS_chmod, path, 04755));
    TRY("sgid-chmod", syscall(SYS_chmod, path, 02755));
    snprintf(other, sizeof(other), "%s.creat", path);
    TRY("suid-creat", syscall(SYS_creat, other, 04755));
    snprintf(other, sizeof(other), "%s.open", path);
    TRY("suid-open", syscall(SYS_open, other, O_CREAT | O_WRONLY, 04755));
    snprintf(other, sizeof(other), "%s.mknod", path);
    TRY("suid-mknod", syscall(SYS_mknod, other, S_IFREG | 04755, 0));
#endif
    TRY("suid-fchmod", syscall(SYS_fchmod, fd, 04755));
    TRY("suid-fchmodat", syscall(SYS_fchmodat, AT_FDCWD, path, 04755));
    TRY("suid-fchmodat2", syscall(452, AT_FDCWD, path, 04755, 0));
    snprintf(other, sizeof(other), "%s.openat", path);
    TRY("suid-openat", syscall(SYS_openat, AT_FDCWD, other, O_CREAT | O_WRONLY, 04755));
    snprintf(other, sizeof(other), "%s.mknodat", path);
    TRY("suid-mknodat", syscall(SYS_mknodat, AT_FDCWD, other, S_IFREG | 04755, 0));
    uint64_t how[3] = {O_CREAT | O_WRONLY, 04755, 0};
    snprintf(other, sizeof(other), "%s.openat2", path);
    TRY("suid-openat2", syscall(SYS_openat2, AT_FDCWD, other, how, sizeof(how)));
    TRY("plain-chmod", syscall(SYS_fchmodat, AT_FDCWD, path, 0700));
    close(fd);
    DIR *list = opendir(folder);
    int bits = 0;
    for (struct dirent *entry; list && (entry = readdir(list));) {
        struct stat st;
        if (strncmp(entry->d_name, "suid-probe", 10) == 0 && fstatat(dirfd(list), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            bits += (st.st_mode & 06000) != 0;
    }
    if (list)
        closedir(list);
    printf("fact suid-bits %d\n", bits);
}

static void try_files(void) {
    static const char *const masked[] = {"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kallsyms", "/proc/kcore",
                                         "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
                                         "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
                                         "/sys/devices/virtual/powercap"};
    static const char *const not_writable[] = {"/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern",
                                               "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger",
                                               "/proc/sys/vm/drop_caches", "/proc/sys/kernel/ns_last_pid"};
    for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
        try_read(masked[i], masked[i]);
    for (size_t i = 0; i < sizeof(not_writable) / sizeof(not_writable[0]); i++)
        printf("write %s %d\n", not_writable[i], open_and_close(not_writable[i], O_WRONLY) < 0 ? errno : 0);
    TRY("root-mkdir", mkdir("/made-by-probe", 0755));
    TRY("etc-create", open_and_close("/etc/made-by-probe", O_CREAT | O_WRONLY));
    TRY("dev-create", open_and_close("/dev/made-by-probe", O_CREAT | O_WRONLY));
    TRY("sys-write", open_and_close("/sys/made-by-probe", O_CREAT | O_WRONLY));
    TRY("tmp-mkdir", mkdir("/tmp/made-by-probe", 0755));
    TRY("shm-create", open_and_close("/dev/shm/made-by-probe", O_CREAT | O_WRONLY));
    TRY("null-write", open_and_close("/dev/null", O_RDWR));
    TRY("urandom-read", open_and_close("/dev/urandom", O_RDONLY));
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "keyring") == 0) {
        printf("keyring %ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "die") == 0 && argc > 2) {
        if (atoi(argv[2]) == SIGABRT)
            abort();
        if (atoi(argv[2]) == SIGPIPE) { /* as it comes about */
            int ends[2];
            if (pipe(ends) == 0 && close(ends[0]) == 0 && write(ends[1], "x", 1) < 0)
                return 99;
        }
        if (atoi(argv[2]) == SIGALRM)
            alarm(1), pause();
        raise(atoi(argv[2]));
        return 98;
    }
    dump("status", "/proc/self/status");
    show_descriptors();
    show_process();
    show_namespaces();
    show_processes();
    dump("init-status", "/proc/1/status");
    dump("init-comm", "/proc/1/comm");
    dump("mountinfo", "/proc/self/mountinfo");
    show_network();
    try_init();
    try_kernel();
    try_suid(argc > 1 ? argv[1] : "/tmp");
    try_files();
    printf("fact end yes\n");
    return 0;
}
