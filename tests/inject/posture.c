/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command of the boxes that inject.c starts: it says what the box is, as seen from inside, in a form that is equal
 * for equal boxes. Numbers that differ from box to box (mounts, devices, the outside of root's id maps) are replaced by
 * what matters of them. argv[1]: the namespaces of the host, as "mnt:[1],pid:[2],"; argv[2], any: text instead of one
 * hash a theme.
 *
 * After the last word it stops in a trap, where its tracer decides how the box shall end. Static.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <net/if.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;
static char text[1 << 17], file[1 << 16];
static size_t length;
static bool in_words;

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text + length, sizeof(text) - length, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof(text) - length)
        _exit(3);
    length += (size_t)n;
}

/* Ends a theme: its name and hash (FNV-1a), or all that was said. */
static void end_theme(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    if (in_words)
        printf("== %s\n%.*s", name, (int)length, text);
    else
        printf("%s=%016llx ", name, (unsigned long long)hash);
    length = 0;
}

static const char *read_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0, size = 0;
    while (fd >= 0 && (n = read(fd, file + size, sizeof(file) - 1 - (size_t)size)) > 0)
        size += n;
    if (fd < 0 || n < 0)
        return snprintf(file, sizeof(file), "errno %d\n", errno), file;
    close(fd);
    file[size] = '\0';
    return file;
}

static void say_status(const char *path) {
    static const char *const fields[] = {
        "Uid:",    "Gid:",    "Groups:", "NSpid:",  "SigBlk:",     "SigIgn:",  "CapInh:",
        "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp:", "Seccomp_filters:"};
    read_file(path);
    say("%s\n", path);
    for (char *line = strtok(file, "\n"); line; line = strtok(NULL, "\n"))
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            /* init's mask changes: what it waits for is let through while it waits */
            if (strncmp(line, fields[i], strlen(fields[i])) == 0 &&
                !(strcmp(path, "/proc/1/status") == 0 && strcmp(fields[i], "SigBlk:") == 0))
                say("%s\n", line);
}

static void say_map(const char *path) {
    unsigned long inside, outside, count;
    int n;
    for (const char *line = read_file(path); sscanf(line, "%lu %lu %lu%n", &inside, &outside, &count, &n) == 3;
         line += n)
        say("%lu %s %lu\n", inside, outside == 0 ? "host root" : outside >= 65536 ? "range" : "id", count);
}

static void ids(void) {
    uid_t u[3];
    gid_t g[3];
    if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
        _exit(3);
    say("%u %u %u, %u %u %u, %d groups\n", u[0], u[1], u[2], g[0], g[1], g[2], getgroups(0, NULL));
    say_map("/proc/self/uid_map");
    say_map("/proc/self/gid_map");
    say("%s", read_file("/proc/self/setgroups"));
}

static void namespaces(const char *host) {
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64], target[64];
        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        ssize_t n = readlink(path, target, sizeof(target) - 2);
        if (n < 0)
            n = 0;
        memcpy(target + n, ",", 2);
        say("%s %s\n", names[i], n == 0 ? "absent" : strstr(host, target) ? "host's" : "own");
    }
    say("%s", read_file("/proc/self/timens_offsets"));
    say("%s", read_file("/proc/self/cgroup"));
}

/* Numbers of mounts become their place in the list; device numbers and the ids that tmpfs tells of go. */
static void mounts(void) {
    unsigned long numbers[256], id, parent;
    size_t count = 0;
    int n;
    read_file("/proc/self/mountinfo");
    for (char *line = strtok(file, "\n"); line && count < 256; line = strtok(NULL, "\n")) {
        if (sscanf(line, "%lu %lu %*s%n", &id, &parent, &n) != 2)
            _exit(3);
        size_t above = 0;
        while (above < count && numbers[above] != parent)
            above++;
        numbers[count++] = id;
        for (char *c = line + n; (c = strstr(c, "id=")); c += 3) { /* one mark, however many digits: */
            size_t digits = strspn(c + 3, "0123456789");           /* that depends on who else has a range */
            if (digits == 0)
                continue;
            c[3] = '#';
            memmove(c + 4, c + 3 + digits, strlen(c + 3 + digits) + 1);
        }
        char *unique = strstr(line, "minibox-inject-"); /* the work directory's name */
        if (unique)
            memset(unique + 15, '#', 6);
        say("%zu%s\n", above, line + n);
    }
}

static void process(void) {
    char directory[256];
    mode_t mask = umask(022);
    int signal_of_death = -1, tty = open("/dev/tty", O_RDONLY | O_NOCTTY);
    say("umask %o, directory %s, session %d, group %d, terminal %s\n", mask,
        getcwd(directory, sizeof(directory)) ? directory : "?", getsid(0) == getpid(), getpgid(0) == getpid(),
        tty >= 0 ? "yes" : strerrorname_np(errno));
    if (tty >= 0)
        close(tty);
    prctl(PR_GET_PDEATHSIG, &signal_of_death);
    say("personality %x, dumpable %d, securebits %x, pdeathsig %d, nice %d, policy %d, slack %d\n",
        (unsigned)personality(0xffffffff), prctl(PR_GET_DUMPABLE), (unsigned)prctl(PR_GET_SECUREBITS), signal_of_death,
        getpriority(PRIO_PROCESS, 0), sched_getscheduler(0), prctl(PR_GET_TIMERSLACK));
    say("oom %s", read_file("/proc/self/oom_score_adj"));
    for (int signo = 1; signo < 65; signo++) {
        struct sigaction now;
        if (sigaction(signo, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
            say("signal %d is not default\n", signo);
    }
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)i, &limit) == 0)
            say("limit %d %llx %llx\n", i, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
    }
    for (char **word = environ; *word; word++)
        say("%s\n", *word);
    struct utsname names;
    if (uname(&names) == 0)
        say("%s %s\n", names.nodename, names.domainname);
}

/* Then standard input is closed: where the command may have no more than three descriptors, the rest needs one. */
static void descriptors(void) {
    for (int fd = 0; fd < 256; fd++) {
        struct stat st;
        if (fstat(fd, &st) == 0)
            say("descriptor %d: %o, flags %x\n", fd, st.st_mode & S_IFMT, fcntl(fd, F_GETFL) & ~O_APPEND);
    }
    close(0);
}

static const char *try_open(const char *path, int flags) {
    int fd = open(path, flags | O_WRONLY, 0600);
    if (fd < 0)
        return strerrorname_np(errno);
    close(fd);
    return "can be written to";
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void directory(const char *path) {
    struct dirent **list;
    int n = scandir(path, &list, NULL, compare_names);
    say("%s: %d\n", path, n < 0 ? -errno : n);
    for (int i = 0; i < n; i++) {
        char name[512], target[64] = "";
        struct stat st;
        snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
        if (lstat(name, &st) < 0)
            continue; /* a process that ended */
        if (S_ISLNK(st.st_mode) && readlink(name, target, sizeof(target) - 1) < 0)
            target[0] = '\0';
        say("%s %o %u:%u %s\n", list[i]->d_name, st.st_mode, st.st_uid, st.st_gid, target);
    }
}

static void files(void) {
    static const char *const hidden[] = {
        "/proc/kcore",         "/proc/keys",       "/proc/kallsyms",    "/proc/kmsg",
        "/proc/sysrq-trigger", "/proc/timer_list", "/proc/sched_debug", "/proc/config.gz",
        "/proc/acpi",          "/proc/scsi",       "/proc/asound",      "/proc/interrupts",
        "/sys/firmware",       "/sys/kernel",      "/proc/1/root/",     "/proc/1/environ"};
    directory("/");
    directory("/dev");
    directory("/dev/shm");
    directory("/tmp");
    directory("/run");
    directory("/home");
    directory("/sys");
    directory("/mnt");
    static const char *const made[] = {"/etc", "/etc/passwd", "/etc/group", "/etc/hosts",
                                       "/etc/resolv.conf"}; /* others there may be the host's */
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        struct stat st;
        int result = stat(made[i], &st);
        say("%s %d %o %u:%u\n", made[i], result, result ? 0 : st.st_mode, result ? 0 : st.st_uid,
            result ? 0 : st.st_gid);
    }
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        char bytes[64];
        int fd = open(hidden[i], O_RDONLY | O_NONBLOCK);
        ssize_t n = fd < 0 ? -errno : read(fd, bytes, sizeof(bytes)) < 0 ? -errno : 0;
        say("%s %zd\n", hidden[i], n);
        if (fd >= 0)
            close(fd);
    }
    static const char *const closed[] = {"/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern",
                                         "/proc/irq/default_smp_affinity", "/proc/sysrq-trigger"};
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
        say("%s %s\n", closed[i], try_open(closed[i], 0));
    static const char *const directories[] = {"/", "/etc", "/dev", "/mnt",
                                              "/tmp"}; /* a file without a name leaves nothing */
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        say("%s %s\n", directories[i], try_open(directories[i], O_TMPFILE));
}

static void calls(void) {
    const struct {
        const char *name;
        long result;
    } tried[] = {{"mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0)},
                 {"unshare", syscall(SYS_unshare, CLONE_NEWUSER)},
                 {"setns", syscall(SYS_setns, 0, 0)},
                 {"bpf", syscall(SYS_bpf, 0, 0, 0)},
                 {"keyctl", syscall(SYS_keyctl, 0, -3, 0)},
                 {"chroot", syscall(SYS_chroot, "/tmp")},
                 {"perf", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0)},
                 {"packet", syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0)},
                 {"raw", syscall(SYS_socket, AF_INET, SOCK_RAW, 1)},
                 {"chmod", syscall(SYS_fchmodat, AT_FDCWD, "/dev/null", 04755)},
                 {"sethostname", syscall(SYS_sethostname, "x", 1)},
                 {"setuid", syscall(SYS_setuid, 12345)},
                 {"setgroups", syscall(SYS_setgroups, 0, 0)},
                 {"mknod", syscall(SYS_mknodat, AT_FDCWD, "/tmp/n", S_IFCHR | 0600, 0x103)}};
    for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++)
        say("%s %s\n", tried[i].name, tried[i].result < 0 ? "refused" : "allowed");
}

static void network(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    say("lo %s", fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP ? "up" : "down");
    if (fd >= 0)
        close(fd);
    struct if_nameindex *list = if_nameindex();
    for (struct if_nameindex *i = list; i && i->if_name; i++)
        say(" %s", i->if_name);
    say("\n");
}

int main(int argc, char **argv) {
    in_words = argc > 2;
    descriptors();
    end_theme("descriptors");
    ids();
    end_theme("ids");
    say_status("/proc/self/status");
    say_status("/proc/1/status");
    end_theme("status");
    namespaces(argc > 1 ? argv[1] : "");
    end_theme("namespaces");
    mounts();
    end_theme("mounts");
    process();
    end_theme("process");
    files();
    end_theme("files");
    calls();
    end_theme("calls");
    network();
    end_theme("network");
    printf("end\n");
    fflush(stdout);
    raise(SIGTRAP);
    return 0;
}
