/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a launch in which one thing goes wrong? This starts minibox under ptrace(2), again and again, and
 * each time disturbs it at one system call: of the launcher, the builder, init or the command's process, from main() to
 * the command's execve and beyond. `call` fails with an error, or is left out and said to have succeeded, or the
 * launcher is killed there, or told to end, or stopped for a while, or the process that calls is killed.
 *
 * How it works. A launch that nobody disturbs is traced first: it tells which calls each process makes, and, through
 * the command (posture.c), what the box is like. A process has a name by where it comes from: "L" is the launcher,
 * "L.1" its first child, "L.1x" what that executes, "L.1x.1" the first child of it. So a point (process, number of its
 * call) is the same in each launch, though the processes run beside each other. Once disturbed, nothing is traced any
 * more but births and deaths. The command traps when it has said what it sees: then the launcher is killed (every other
 * time), or the command may end.
 *
 * What may come of it: the same box; or exit 125 with an error that names the cause; and nothing that is left. That is
 * told from: a weaker box; an end without, or with the wrong, word; a hang; and what was left: processes, mounts,
 * files, a held range.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

enum { MOST_TRACEES = 64, NAME = 24, HANG_SECONDS = 20 };

/* ---- what is launched -------------------------------------------------------------------------------------------- */

/* Options of `minibox run`; @ is the work directory, % this program's process id. */
static const struct config {
    const char *name;
    bool as_user;
    bool relays; /* what the command says passes through the launcher, which so cannot be killed before it is heard */
    const char *options[20];
} configs[] = {
    {"root busybox", false, false, {NULL}},
    {"root host", false, false, {"--rootfs", "host"}},
    {"root DIR", false, false, {"--rootfs", "@/tree"}},
    {"root DIR:overlay", false, false, {"--rootfs", "@/tree:overlay", "--network", "host"}},
    {"root --tty", false, true, {"-t"}},
    {"root --init no", false, false, {"--init", "no"}},
    {"root --join", false, false, {"--join", "net=%", "--hostname", "joined"}},
    {"root many",
     false,
     false,
     {"--user", "1000", "--cap-add", "net_bind_service", "--ulimit", "nofile=64", "-v", "@/volume:/mnt:rw", "--tmpfs",
      "/srv:size=1m", "--report", "@/report", "--timeout", "1m"}},
    /* The filter's listener is sent by a process that then sets the limit for the command. */
    {"root --report, low limits",
     false,
     false,
     {"--report", "@/report", "--ulimit", "nproc=1", "--ulimit", "nofile=3"}},
    {"root --userns MAP", false, false, {"--userns", "0:300000:65536", "-v", "@/volume:/mnt:rw"}},
    {"user busybox", true, false, {NULL}},
    {"user host", true, false, {"--rootfs", "host"}},
    {"user DIR", true, false, {"--rootfs", "@/tree"}},
    {"user DIR:overlay", true, false, {"--rootfs", "@/tree:overlay"}},
    {"user --tty", true, true, {"-t"}},
    {"user --init no", true, false, {"--init", "no"}},
    {"user keep-id", true, false, {"--userns", "keep-id"}},
    {"user -u 5 --cap-add", true, false, {"--user", "5", "--cap-add", "net_bind_service"}},
    {"user many",
     true,
     true,
     {"--isolate", "vm", "-v", "@/volume:/mnt:rw", "--tmpfs", "/srv:size=1m", "--ulimit", "nofile=64", "--timeout",
      "1m", "--output-limit", "1m", "--network", "host"}},
};
enum { CONFIGS = sizeof(configs) / sizeof(configs[0]) };

/* ---- what is done to it ------------------------------------------------------------------------------------------ */

enum action { NOTHING, FAIL, PRETEND, KILL_LAUNCHER, KILL_CALLER, TERMINATE, STOP };
static const struct {
    const char *name;
    enum action action;
    int number;
} disturbances[] = {{"EPERM", FAIL, EPERM},
                    {"EIO", FAIL, EIO},
                    {"ENOMEM", FAIL, ENOMEM},
                    {"ENOSYS", FAIL, ENOSYS},
                    {"EINTR", FAIL, EINTR},
                    {"EINVAL", FAIL, EINVAL},
                    {"EAGAIN", FAIL, EAGAIN},
                    {"ENOSPC", FAIL, ENOSPC},
                    {"left out", PRETEND, 0},
                    {"kill -9 launcher", KILL_LAUNCHER, 0},
                    {"kill -9 caller", KILL_CALLER, 0},
                    {"SIGTERM", TERMINATE, 0},
                    {"SIGSTOP", STOP, 0}};
enum { DISTURBANCES = sizeof(disturbances) / sizeof(disturbances[0]), ERRORS = 8 };

/* ---- what may come of it ----------------------------------------------------------------------------------------- */

enum outcome { SAME_BOX, REFUSED, BEFORE_MAIN, AFTERWARDS, NOT_REACHED, UNCLEAR, WEAKER, HANG, LEFT, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {"same box", "refused", "before main", "after execve", "not reached",
                                                    "UNCLEAR",  "WEAKER",  "HANG",        "LEFT"};

enum phase { EARLY, SETUP, LATE }; /* before main(), up to the command's execve, after it */

struct point {
    uint8_t config, disturbance;
    char process[NAME];
    uint32_t number; /* of the process's call, from 1 */
    bool kill_at_end;
};

/* What was seen in one launch. */
struct result {
    enum phase phase; /* when it was disturbed */
    long call;
    bool reached, executed, ended_well, hung, left_processes;
    int status; /* of the launcher, as of wait(2) */
    char out[4096], err[4096], why[256];
};

struct call {
    char process[NAME];
    uint32_t number;
    long call;
    enum phase phase;
};
struct calls {
    struct call *list;
    size_t count, room;
};

struct tracee {
    pid_t pid;
    char process[NAME]; /* "": its parent has not told yet */
    uint32_t number;
    unsigned children, threads;
    bool payload, waits, inject, in_group_stop;
};

static char work[64], host_namespaces[512], mounts_before[1 << 16];
static const char *minibox, *posture;
static int out_fd, err_fd;
static long slowness = 1; /* MINIBOX_TEST_SLOW: how much longer all may take here */
static uid_t user_uid;
static gid_t user_gid;

static void die(const char *what) {
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void check(long result, const char *what) {
    if (result < 0)
        die(what);
}

/* ---- registers --------------------------------------------------------------------------------------------------- */

/* At the entry of a call: it shall not be made. */
static void leave_out(pid_t pid) {
#if defined(__x86_64__)
    check(ptrace(PTRACE_POKEUSER, pid, 15 * 8 /* orig_rax */, -1), "PTRACE_POKEUSER");
#else
    int none = -1;
    struct iovec part = {&none, sizeof(none)};
    check(ptrace(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &part), "PTRACE_SETREGSET");
#endif
}

/* At its exit: what it has returned. */
static void set_result(pid_t pid, long result) {
#if defined(__x86_64__)
    check(ptrace(PTRACE_POKEUSER, pid, 10 * 8 /* rax */, result), "PTRACE_POKEUSER");
#else
    unsigned long registers[34];
    struct iovec part = {registers, sizeof(registers)};
    check(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part), "PTRACE_GETREGSET");
    registers[0] = (unsigned long)result;
    check(ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part), "PTRACE_SETREGSET");
#endif
}

/* ---- one launch -------------------------------------------------------------------------------------------------- */

struct launch {
    const struct point *point; /* NULL: only watch */
    struct calls *calls;       /* where every call is noted, or NULL */
    struct result *result;
    struct tracee tracees[MOST_TRACEES];
    size_t count;
    pid_t launcher;
    bool disturbed, main_reached, launcher_ended, stopped;
    bool show;
};

static volatile sig_atomic_t alarms;
static void on_alarm(int signo) {
    (void)signo;
    alarms++;
}

static struct tracee *find(struct launch *l, pid_t pid) {
    for (size_t i = 0; i < l->count; i++)
        if (l->tracees[i].pid == pid)
            return &l->tracees[i];
    return NULL;
}

static struct tracee *add(struct launch *l, pid_t pid) {
    if (l->count == MOST_TRACEES)
        die("too many processes");
    l->tracees[l->count] = (struct tracee){.pid = pid};
    return &l->tracees[l->count++];
}

static void forget(struct launch *l, const struct tracee *t) {
    l->tracees[t - l->tracees] = l->tracees[--l->count];
}

/* Goes on: to its next call if that may matter, else to whatever happens to it. A process that is gone is seen by wait.
 */
static void resume(const struct launch *l, const struct tracee *t, int signo) {
    bool matters = l->calls || t->inject ||
                   (l->point && !l->disturbed && (strcmp(t->process, l->point->process) == 0 || !l->main_reached));
    ptrace(matters ? PTRACE_SYSCALL : PTRACE_CONT, t->pid, 0, signo);
}

static const char *const *make_arguments(const struct config *config, bool show) {
    static char texts[24][128], pid[16];
    static const char *argv[40];
    size_t n = 0, used = 0;
    snprintf(pid, sizeof(pid), "%d", getpid());
    argv[n++] = minibox;
    argv[n++] = "run";
    for (size_t i = 0; i < 20 && config->options[i]; i++) {
        const char *option = config->options[i], *mark = strpbrk(option, "@%");
        snprintf(texts[used], sizeof(texts[used]), "%.*s%s%s", mark ? (int)(mark - option) : 127, option,
                 !mark          ? ""
                 : *mark == '@' ? work
                                : pid,
                 mark ? mark + 1 : "");
        argv[n++] = texts[used++];
    }
    snprintf(texts[used], sizeof(texts[used]), "%s:/posture", posture);
    argv[n++] = "-v";
    argv[n++] = texts[used];
    argv[n++] = "/posture";
    argv[n++] = host_namespaces;
    if (show)
        argv[n++] = "text";
    argv[n] = NULL;
    return argv;
}

/* Does not return. Waits until it is traced, then becomes the caller, then minibox. */
static void be_launcher(const struct config *config, int ready, bool show) {
    static const gid_t groups[] = {60123, 60124};
    char byte;
    int ends[2];
    const char *const *argv = make_arguments(config, show);
    /* Descriptors of a kind that a call which was not made cannot harm: /dev/null would be the host's. */
    if (read(ready, &byte, 1) != 1 || pipe(ends) < 0 || dup2(ends[0], 0) < 0 || dup2(out_fd, 1) < 0 ||
        dup2(err_fd, 2) < 0)
        _exit(99);
    close_range(3, ~0u, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    if (chdir("/") < 0 || setgroups(2, groups) < 0)
        _exit(99);
    if (config->as_user && (setresgid(user_gid, user_gid, user_gid) < 0 || setresuid(user_uid, user_uid, user_uid) < 0))
        _exit(99);
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const environment[] = {path, NULL};
    execve(minibox, (char *const *)(uintptr_t)argv, environment);
    _exit(99);
}

/* A thread of the launcher's own is the launcher. */
static bool is_launchers_thread(const char *process) {
    return strncmp(process, "L.t", 3) == 0;
}

/* What the C library calls in a new thread before the thread's function: without it, it ends the process. */
static bool starts_thread(long call) {
    return call == SYS_rseq || call == SYS_set_robust_list;
}

static bool is_thread_of(pid_t parent, pid_t child) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d", parent, child);
    return access(path, F_OK) == 0;
}

static bool can_be_left_out(const char *process, long call) {
    /* A lie about these nobody could see: where the memory is, that the other was woken, that a name is gone, that
     * nobody has ended, that one is the child, that what was opened is standard input. */
    static const int unseen[] = {SYS_mmap, SYS_futex, SYS_unlinkat, SYS_wait4, SYS_clone, SYS_openat, SYS_openat2};
    for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
        if (unseen[i] == call)
            return false;
    /* What the launcher finds out before, it has from the kernel alone: told something else, it plans something else.
     */
    bool is_launcher = strcmp(process, "L") == 0 || is_launchers_thread(process);
    return !is_launcher || call == SYS_mount_setattr || call == SYS_write || call == SYS_fcntl || call == SYS_prctl ||
           call == SYS_rt_sigprocmask;
}

static void disturb(struct launch *l, struct tracee *t) {
    const struct point *p = l->point;
    l->disturbed = true;
    switch (disturbances[p->disturbance].action) {
    case FAIL:
    case PRETEND:
        leave_out(t->pid);
        t->inject = true;
        break;
    case KILL_LAUNCHER:
        kill(l->launcher, SIGKILL);
        break;
    case KILL_CALLER:
        kill(t->pid, SIGKILL);
        break;
    case TERMINATE:
        kill(l->launcher, SIGTERM);
        break;
    case STOP:
        kill(l->launcher, SIGSTOP);
        l->stopped = true;
        break;
    case NOTHING:
        break;
    }
}

static void note_call(struct launch *l, const struct tracee *t, long call, enum phase phase) {
    struct calls *calls = l->calls;
    if (calls->count == calls->room) {
        calls->room = calls->room ? calls->room * 2 : 4096;
        calls->list = realloc(calls->list, calls->room * sizeof(*calls->list));
        if (!calls->list)
            die("memory");
    }
    struct call *c = &calls->list[calls->count++];
    memcpy(c->process, t->process, NAME);
    c->number = t->number;
    c->call = call;
    c->phase = phase;
}

static void on_call(struct launch *l, struct tracee *t) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) < 0)
        return; /* killed meanwhile */
    if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->inject) {
        t->inject = false;
        /* brk(2) never says an error: it says where the end is, which has not moved. */
        int number = disturbances[l->point->disturbance].number;
        set_result(t->pid, l->result->call == SYS_brk && number ? 0 : -number);
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || t->payload)
        return;
    t->number++;
    long call = (long)info.entry.nr;
    if (t->pid == l->launcher && call == SYS_fcntl && info.entry.args[0] == 0 && info.entry.args[1] == F_GETFD)
        l->main_reached = true; /* the first call that main() makes */
    bool has_started = l->main_reached && !(is_launchers_thread(t->process) && starts_thread(call));
    enum phase phase = l->result->executed ? LATE : has_started ? SETUP : EARLY;
    if (l->calls)
        note_call(l, t, call, phase);
    if (l->disturbed || !l->point || t->number != l->point->number || strcmp(t->process, l->point->process) != 0)
        return;
    /* The order of calls is not always the same: it may be another than the one that was looked at when points were
     * chosen. */
    bool asks =
        call == SYS_rt_sigaction && !info.entry.args[1]; /* of what the kernel says there is no second witness */
    /* Nor of a copy of the host's mount that it would no longer share what is mounted on it. */
    asks |= call == SYS_mount_setattr && t->pid == l->launcher &&
            !(ptrace(PTRACE_PEEKDATA, t->pid, info.entry.args[3], 0) & MOUNT_ATTR_IDMAP);
    if (disturbances[l->point->disturbance].action == PRETEND && (asks || !can_be_left_out(t->process, call)))
        return;
    l->result->reached = true;
    l->result->phase = phase;
    l->result->call = call;
    disturb(l, t);
}

static void on_exec(struct launch *l, struct tracee *t) {
    char path[64], target[256];
    snprintf(path, sizeof(path), "/proc/%d/exe", t->pid);
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';
    t->number = 0;
    if (strcmp(t->process, "-") == 0) {
        strcpy(t->process, "L");
        return;
    }
    strncat(t->process, "x", NAME - 1 - strlen(t->process));
    if (strstr(target, "/posture")) {
        t->payload = true;
        l->result->executed = true;
    }
}

static void on_birth(struct launch *l, struct tracee *t) {
    unsigned long pid = 0;
    if (ptrace(PTRACE_GETEVENTMSG, t->pid, 0, &pid) < 0 || !pid)
        return;
    /* L.1 is the first process that L makes, L.t1 its first thread. */
    char process[NAME];
    bool is_thread = is_thread_of(t->pid, (pid_t)pid);
    snprintf(process, sizeof(process), "%.16s.%s%u", t->process, is_thread ? "t" : "",
             is_thread ? ++t->threads : ++t->children);
    struct tracee *child = find(l, (pid_t)pid);
    if (!child)
        child = add(l, (pid_t)pid);
    memcpy(child->process, process, NAME);
    if (child->waits) {
        child->waits = false;
        resume(l, child, 0);
    }
}

static void on_stop(struct launch *l, struct tracee *t, int status) {
    int signo = WSTOPSIG(status), event = status >> 16;
    if (signo == (SIGTRAP | 0x80)) {
        on_call(l, t);
        signo = 0;
    } else if (event == PTRACE_EVENT_EXEC) {
        on_exec(l, t);
        signo = 0;
    } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
        on_birth(l, t);
        signo = 0;
    } else if (event == PTRACE_EVENT_STOP) {
        bool is_group_stop = signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
        if (!t->process[0]) {
            t->waits = true;
            return;
        }
        if (is_group_stop) {
            ptrace(PTRACE_LISTEN, t->pid, 0, 0);
            return;
        }
        signo = 0;
    } else if (signo == SIGTRAP && t->payload) { /* it has said all */
        l->result->ended_well = true;
        if (l->point && l->point->kill_at_end)
            kill(l->launcher, SIGKILL);
        signo = 0;
    }
    resume(l, t, signo);
}

static void set_alarm(long milliseconds) {
    struct itimerval timer = {
        {0, 50000}, {milliseconds / 1000, milliseconds % 1000 * 1000}}; /* again: it may come before the wait */
    if (milliseconds == 0)
        timer.it_interval.tv_usec = 0;
    alarms = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Until all are gone, or too late. The list of tracees alone does not tell: a child that was being made while its
 * parent died has not stopped yet. */
static void watch(struct launch *l) {
    int status;
    unsigned stages = 0;
    long patience = HANG_SECONDS * 1000 * slowness;
    set_alarm(l->point && disturbances[l->point->disturbance].action == STOP ? 30 : patience);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == ECHILD)
            break;
        if (pid < 0 && errno == EINTR && alarms) {
            if (l->stopped) { /* long enough */
                l->stopped = false;
                kill(l->launcher, SIGCONT);
                set_alarm(patience);
                continue;
            }
            if (stages++ == 0 && l->point && disturbances[l->point->disturbance].action == STOP && !l->launcher_ended &&
                !l->disturbed) {
                set_alarm(patience);
                continue;
            }
            *(l->launcher_ended ? &l->result->left_processes : &l->result->hung) = true;
            for (size_t i = 0; i < l->count; i++) {
                size_t used = strlen(l->result->why);
                snprintf(l->result->why + used, sizeof(l->result->why) - used, "%s %d is there; ",
                         l->tracees[i].process, l->tracees[i].pid);
                kill(l->tracees[i].pid, SIGKILL);
            }
            set_alarm(patience);
            if (stages > 4)
                die("a process that cannot be killed");
            continue;
        }
        if (pid < 0 && errno == EINTR)
            continue;
        check(pid, "waitpid");
        struct tracee *t = find(l, pid);
        if (WIFSTOPPED(status)) {
            on_stop(l, t ? t : add(l, pid), status);
            t = NULL;
            if (!l->launcher_ended)
                continue;
        }
        if (pid == l->launcher && !l->launcher_ended) {
            l->launcher_ended = true;
            l->result->status = status;
            l->stopped = false;
            set_alarm(10000 * slowness); /* what is left must go now, on a busy machine too */
        }
        if (t) /* it has ended */
            forget(l, t);
        /* Who died while it made a process did not tell of it. */
        for (size_t i = 0; i < l->count; i++)
            if (l->tracees[i].waits && l->disturbed) {
                strcpy(l->tracees[i].process, "?");
                l->tracees[i].waits = false;
                resume(l, &l->tracees[i], 0);
            }
    }
    set_alarm(0);
}

static void read_back(int fd, char *text, size_t size) {
    ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        die("output file");
}

/* Starts minibox once. `result` says what was seen. */
static void run_once(const struct config *config, const struct point *point, struct calls *calls, bool show,
                     struct result *ret_result) {
    static struct launch l;
    int ready[2];
    l = (struct launch){.point = point, .calls = calls, .result = ret_result, .show = show};
    memset(ret_result, 0, sizeof(*ret_result));
    check(pipe2(ready, O_CLOEXEC), "pipe");
    fflush(NULL);
    l.launcher = fork();
    check(l.launcher, "fork");
    if (l.launcher == 0)
        be_launcher(config, ready[0], show);
    close(ready[0]);
    strcpy(add(&l, l.launcher)->process, "-");
    check(ptrace(PTRACE_SEIZE, l.launcher, 0,
                 PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL),
          "PTRACE_SEIZE");
    if (write(ready[1], "", 1) != 1)
        die("write");
    close(ready[1]);
    watch(&l);
    if (!show)
        read_back(out_fd, ret_result->out, sizeof(ret_result->out));
    read_back(err_fd, ret_result->err, sizeof(ret_result->err));
}

/* ---- what is left ------------------------------------------------------------------------------------------------ */

static void read_whole(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t n;
    while (fd >= 0 && (n = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)n;
    if (fd >= 0)
        close(fd);
    text[length] = '\0';
}

static bool holds_range(void) {
    struct flock lock = {.l_type = F_WRLCK};
    int fd = open("/run/minibox/ids", O_RDWR | O_CLOEXEC);
    bool is_held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    return is_held;
}

/* The list of mounts of this namespace, without the options of their file systems, which others use, too. */
static void read_mounts(char *text, size_t size) {
    static char all[sizeof(mounts_before)];
    size_t used = 0;
    read_whole("/proc/self/mountinfo", all, sizeof(all));
    for (char *line = all, *end; (end = strchr(line, '\n')); line = end + 1) {
        char *options = end;
        while (options > line && *options != ' ')
            options--;
        used += (size_t)snprintf(text + used, size - used, "%.*s\n", (int)(options - line), line);
        if (used >= size)
            die("too many mounts");
    }
    text[used] = '\0';
}

/* Whether the list has a line that the other has not. Who removes a directory takes the mounts on it away in all
 * namespaces, which is no box's doing: with must_exist, such mounts do not count. */
static bool has_more(const char *list, const char *other, bool must_exist) {
    char line[8192], place[4096];
    for (const char *end; (end = strchr(list, '\n')); list = end + 1) {
        snprintf(line, sizeof(line), "%.*s", (int)(end + 1 - list), list);
        const char *found = strstr(other, line);
        while (found && found != other && found[-1] != '\n')
            found = strstr(found + 1, line);
        bool is_gone = must_exist && sscanf(line, "%*s %*s %*s %*s %4095s", place) == 1 && access(place, F_OK) < 0;
        if (!found && !is_gone)
            return true;
    }
    return false;
}

/* The first thing that is there and should not be, or NULL. */
static const char *find_left(void) {
    static char now[sizeof(mounts_before)];
    static const char *const empty[] = {"/run/minibox", "volume", "tree/mnt", "tree/tmp", "tree/srv"};
    for (int tries = 0;; tries++) { /* of a directory that is removed the mounts go first */
        read_mounts(now, sizeof(now));
        if (!has_more(now, mounts_before, false) && !has_more(mounts_before, now, true))
            break;
        if (tries == 5)
            return "a mount";
        usleep(20000);
    }
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s%s", empty[i][0] == '/' ? "" : work, empty[i][0] == '/' ? "" : "/", empty[i]);
        DIR *directory = opendir(path);
        for (struct dirent *entry; directory && (entry = readdir(directory));)
            if (entry->d_name[0] != '.' && strcmp(entry->d_name, "ids") != 0)
                return "a file";
        if (directory)
            closedir(directory);
    }
    return holds_range() ? "a range of ids" : NULL;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

/* The steps that make a call, by the names that --dry-run gives them: an error that names another step is wrong. */
static const struct {
    int call;
    const char *steps;
} steps_of[] = {{SYS_sethostname, "hostname"},
                {SYS_pivot_root, "pivot"},
                {SYS_capset, "caps"},
                {SYS_fsopen, "mount overlay"},
                {SYS_fsconfig, "mount overlay"},
                {SYS_fsmount, "mount overlay"},
                {SYS_move_mount, "mount bind device mask remount overlay"},
                {SYS_setns, "join unshare"},
                {SYS_seccomp, "filter"},
                {SYS_setgroups, "ids become groups"},
                {SYS_execveat, "init"},
                {SYS_symlinkat, "link"}};

static const char *call_name(long call) {
    static char name[32];
    char *found = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)call);
    snprintf(name, sizeof(name), "%s", found ? found : "?");
    free(found);
    return name;
}

/* Calls of which the kernel never says that they failed: an error there is not believed, and need not be named. */
static bool cannot_fail(long call) {
    static const int calls[] = {SYS_getpid,        SYS_getppid,  SYS_gettid,    SYS_getuid, SYS_geteuid,
                                SYS_getgid,        SYS_getegid,  SYS_umask,     SYS_brk,    SYS_setfsuid,
                                SYS_clock_gettime, SYS_setfsgid, SYS_exit_group};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i] == call)
            return true;
    return false;
}

/* What is wrong with how it was refused, or NULL. */
static const char *judge_refusal(const struct point *p, const struct result *r) {
    int code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -1, lines = 0;
    int number = disturbances[p->disturbance].number;
    for (const char *c = r->err; *c; c++)
        lines += *c == '\n';
    enum action action = disturbances[p->disturbance].action;
    if (action == KILL_CALLER && code == 137) /* it was executing already: the box died of that */
        return NULL;
    /* The kernel has said that the time is over, or not what time it is. */
    if (code == 124 && ((action == PRETEND && r->call == SYS_ppoll) || r->call == SYS_clock_gettime))
        return NULL;
    /* The C library gives up, in words of its own, where futex(2) says what the kernel never does. */
    if (r->call == SYS_futex && WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGABRT)
        return NULL;
    if (code != 125 && !(r->call == SYS_execve && (code == 126 || code == 127)))
        return "not refused with 125";
    if (strncmp(r->err, "minibox: ", 9) != 0 || lines < 1 || lines > 4)
        return "no error of one to four lines";
    if (action != FAIL || cannot_fail(r->call))
        return NULL;
    /* pthread_create(3) has one error for all that can be short. */
    bool names_cause = strstr(r->err, strerror(number)) || strstr(r->err, "not as planned") ||
                       strstr(r->err, "died before") ||
                       (number == ENOMEM && strstr(r->err, "cannot watch the launch: Resource temporarily"));
    if (!names_cause)
        return "the error does not name the cause";
    const char *step = strstr(r->err, "  step ");
    char kind[32] = "";
    if (step && sscanf(step, "  step %*d of %*d (%31[^)])", kind) == 1 && strcmp(kind, "verify") != 0)
        for (size_t i = 0; i < sizeof(steps_of) / sizeof(steps_of[0]); i++)
            if (steps_of[i].call == r->call && strncmp(p->process, "L.", 2) == 0 && !strstr(steps_of[i].steps, kind))
                return "the error names another step";
    return NULL;
}

static bool makes_files(long call) {
    return call == SYS_symlinkat || call == SYS_mkdirat || call == SYS_write || call == SYS_fchownat ||
           call == SYS_fsconfig || call == SYS_ioctl || call == SYS_move_mount || call == SYS_mount_setattr;
}

/* Two postures, of which only `themes` may differ. */
static bool equal_but(const char *themes, const char *a, const char *b) {
    for (; *a && *b; a += strcspn(a, " ") + 1, b += strcspn(b, " ") + 1) {
        size_t name = strcspn(a, "="), word = strcspn(a, " ");
        if (strncmp(a, b, name) != 0 || (!memmem(themes, strlen(themes), a, name) && strncmp(a, b, word + 1) != 0))
            return false;
        if (a[word] == '\0' || b[strcspn(b, " ")] == '\0')
            return strcmp(a, b) == 0;
    }
    return *a == *b;
}

static enum outcome judge(const struct point *p, struct result *r, const char *wanted) {
    enum action action = disturbances[p->disturbance].action;
    const char *left = find_left();
    bool is_same = r->executed && strcmp(r->out, wanted) == 0;
    /* Links, directories and files, what fsconfig(2) says of a file system, that lo is up, where an overlay's layers
     * lie: known by what the call returned. Without its lower layer, or with that not idmapped, a root has the same
     * mounts and other files. */
    if (action == PRETEND && r->executed && makes_files(r->call))
        is_same = is_same || equal_but(r->call == SYS_fsconfig ? "mounts files"
                                       : r->call == SYS_ioctl  ? "network"
                                                               : "files",
                                       r->out, wanted);
    /* A read-only directory on a file system that has no idmapped mounts, which is what EINVAL says, is shown without:
     * its owners are nobody then, and the box can do less. */
    if (p->disturbance < ERRORS && disturbances[p->disturbance].number == EINVAL && r->call == SYS_mount_setattr &&
        r->executed)
        is_same = is_same || equal_but("mounts files", r->out, wanted);
    int status = r->status;
    if (r->hung)
        return HANG;
    if (r->left_processes || left) {
        if (left)
            snprintf(r->why, sizeof(r->why), "%s", left);
        return LEFT;
    }
    /* A box that was ended early, or whose launcher was that passes on what it says, has said less; never something
     * else. */
    bool ended_early = !is_same && (!r->ended_well || configs[p->config].relays);
    if (r->executed && !is_same && (!ended_early || strncmp(r->out, wanted, strlen(r->out)) != 0))
        return WEAKER;
    if (!r->reached)
        return is_same ? NOT_REACHED : UNCLEAR;
    if (r->phase == LATE)
        return AFTERWARDS;
    if (action == KILL_LAUNCHER || (r->ended_well && p->kill_at_end))
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? (r->ended_well ? SAME_BOX : REFUSED) : UNCLEAR;
    bool is_launcher = strcmp(p->process, "L") == 0 || is_launchers_thread(p->process);
    if (action == TERMINATE || (action == KILL_CALLER && is_launcher)) {
        bool as_told = (WIFEXITED(status) && WEXITSTATUS(status) == 143) || WIFSIGNALED(status);
        return r->ended_well ? SAME_BOX : as_told ? REFUSED : UNCLEAR;
    }
    if (is_same && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return SAME_BOX;
    if (r->phase == EARLY)
        return !r->executed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0) ? BEFORE_MAIN : UNCLEAR;
    if (r->executed && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        snprintf(r->why, sizeof(r->why), "the command ran, and nobody says that something is missing");
        return UNCLEAR;
    }
    if (r->executed) /* it was seen as executed only after the point */
        return AFTERWARDS;
    const char *wrong = judge_refusal(p, r);
    if (!wrong)
        return REFUSED;
    snprintf(r->why, sizeof(r->why), "%s", wrong);
    /* A call that only lets go of something, or ends: no box and nothing left is all that is asked. */
    bool lets_go = r->call == SYS_close || r->call == SYS_munmap || r->call == SYS_exit_group;
    return lets_go && !(WIFEXITED(status) && WEXITSTATUS(status) == 0) ? REFUSED : UNCLEAR;
}

/* ---- the sweep --------------------------------------------------------------------------------------------------- */

static struct shared { _Atomic uint32_t counts[DISTURBANCES][OUTCOMES], next, shown; } * shared;

static void print_point(FILE *out, const struct point *p) {
    fprintf(out, "%u:%s:%u:%u:%d", p->config, p->process, p->number, p->disturbance, p->kill_at_end);
}

static void complain(const struct point *p, const struct result *r, enum outcome outcome) {
    char line[8192];
    FILE *out = fmemopen(line, sizeof(line), "w");
    fprintf(out, "# %s: %s, %s of %s number %u, %s (--at ", outcome_names[outcome], configs[p->config].name,
            disturbances[p->disturbance].name, p->process, p->number, call_name(r->call));
    print_point(out, p);
    fprintf(out, "): status 0x%x%s%s\n", r->status, r->why[0] ? ": " : "", r->why);
    if (r->err[0])
        fprintf(out, "#   %.*s\n", (int)strcspn(r->err, "\n"), r->err);
    if (outcome == WEAKER)
        fprintf(out, "#   saw:  %.300s\n", r->out);
    fclose(out);
    if (shared->shown++ < 60 && write(1, line, strlen(line)) < 0)
        die("write");
}

static char wanted[CONFIGS][4096];
static struct calls made[CONFIGS];

/* Launches that nobody disturbs: what the box is like, twice the same; and which calls there are. */
static bool prepare_config(size_t i) {
    static struct result r;
    for (int round = 0; round < 3; round++) {
        run_once(&configs[i], NULL, round == 2 ? &made[i] : NULL, false, &r);
        bool good = r.ended_well && WIFEXITED(r.status) && WEXITSTATUS(r.status) == 0 && strstr(r.out, "end");
        if (good && round == 0)
            strcpy(wanted[i], r.out);
        if (!good || strcmp(wanted[i], r.out) != 0) {
            printf("# %s, undisturbed: status 0x%x, %s\n#   saw:    %s\n#   before: %s\n", configs[i].name, r.status,
                   r.err, r.out, wanted[i]);
            return false;
        }
        const char *left = find_left();
        if (left) {
            printf("# %s, undisturbed: %s is left\n", configs[i].name, left);
            return false;
        }
    }
    return true;
}

static void make_place(void) {
    char template[] = "/tmp/minibox-inject-XXXXXX", path[128];
    static const char *const directories[] = {"tree",      "tree/bin",  "tree/etc", "tree/proc", "tree/sys",
                                              "tree/dev",  "tree/tmp",  "tree/run", "tree/mnt",  "tree/srv",
                                              "tree/home", "tree/root", "volume"};
    if (!mkdtemp(template))
        die("mkdtemp");
    strcpy(work, template);
    check(chmod(work, 0755), "chmod");
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", work, directories[i]);
        check(mkdir(path, 0755), "mkdir");
        check(chmod(path, 0755), "chmod");
    }
    snprintf(path, sizeof(path), "%s/tree/posture", work);
    check(mknod(path, S_IFREG | 0755, 0), "mknod");
    snprintf(path, sizeof(path), "%s/volume", work);
    check(chmod(path, 01777), "chmod");
    snprintf(path, sizeof(path), "%s/tree/etc/passwd", work);
    FILE *passwd = fopen(path, "w");
    if (!passwd || fputs("root:x:0:0::/:/bin/sh\n", passwd) < 0 || fclose(passwd))
        die(path);
}

static void copy_into_work(const char **program, const char *name) {
    static char paths[2][128];
    static int used;
    char *to = paths[used++];
    snprintf(to, sizeof(paths[0]), "%s/%s", work, name);
    int from = open(*program, O_RDONLY | O_CLOEXEC), fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    struct stat st;
    if (from < 0 || fd < 0 || fstat(from, &st) < 0)
        die(*program);
    for (off_t left = st.st_size; left > 0;) {
        ssize_t n = sendfile(fd, from, NULL, (size_t)left);
        if (n <= 0)
            die(to);
        left -= n;
    }
    check(fchmod(fd, 0755), "chmod");
    close(fd);
    close(from);
    *program = to;
}

/* A mount namespace of one's own, whose mounts are shared with nobody but would show what a box lets out; an empty
 * /run. */
static void isolate(void) {
    check(prctl(PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER");
    check(unshare(CLONE_NEWNS), "unshare");
    check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount --make-rprivate");
    check(mount("none", "/", NULL, MS_REC | MS_SHARED, NULL), "mount --make-rshared");
    check(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"), "mount /run");
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    host_namespaces[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64], target[64];
        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        ssize_t n = readlink(path, target, sizeof(target) - 2);
        if (n > 0)
            strcat(strncat(host_namespaces, target, (size_t)n), ",");
    }
    out_fd = memfd_create("out", MFD_CLOEXEC);
    err_fd = memfd_create("err", MFD_CLOEXEC);
    check(out_fd < 0 ? -1 : err_fd, "memfd_create");
    read_mounts(mounts_before, sizeof(mounts_before));
}

static void try_points(const struct point *points, size_t count) {
    static struct result r;
    for (uint32_t i; (i = shared->next++) < count;) {
        const struct point *p = &points[i];
        run_once(&configs[p->config], p, NULL, false, &r);
        enum outcome outcome = judge(p, &r, wanted[p->config]);
        shared->counts[p->disturbance][outcome]++;
        if (outcome >= UNCLEAR)
            complain(p, &r, outcome);
        if (outcome == LEFT)
            _exit(4); /* what is left would be found again with every other point */
    }
}

static void remove_place(void) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", work);
    if (system(command) != 0)
        fprintf(stderr, "inject: %s is left\n", work);
}

/* Points that are few and have shown something: the death of the process that sends the filter's listener. */
static bool is_always_tried(const struct point *p) {
    return strcmp(p->process, "L.1x.1.1") == 0 && disturbances[p->disturbance].action == KILL_CALLER;
}

/* All points, or as many as are wanted, by chance. */
static struct point *choose(size_t samples, uint64_t only_disturbances, uint64_t only_configs, size_t *ret_count) {
    size_t room = 0, n = 0;
    for (size_t i = 0; i < CONFIGS; i++)
        room += made[i].count * DISTURBANCES;
    struct point *points = calloc(room + 1, sizeof(*points));
    if (!points)
        die("memory");
    for (uint8_t i = 0; i < CONFIGS; i++)
        for (size_t c = 0; c < made[i].count; c++)
            for (uint8_t d = 0; d < DISTURBANCES; d++) {
                const struct call *call = &made[i].list[c];
                if (!(only_disturbances >> d & 1) || !(only_configs >> i & 1))
                    continue;
                /* Helpers, newuidmap and newgidmap, are not minibox. */
                if (strncmp(call->process, "L.2", 3) == 0 || strncmp(call->process, "L.3", 3) == 0)
                    continue;
                if (disturbances[d].action == PRETEND && !can_be_left_out(call->process, call->call))
                    continue;
                points[n] = (struct point){.config = i,
                                           .disturbance = d,
                                           .number = call->number,
                                           .kill_at_end = (c + d) % 2 && !configs[i].relays};
                memcpy(points[n++].process, call->process, NAME);
            }
    for (size_t i = 0; i < n; i++) { /* in any order, so that no core has all that is slow */
        size_t other = i + (size_t)random() % (n - i);
        struct point p = points[i];
        points[i] = points[other];
        points[other] = p;
    }
    for (size_t i = 0, first = 0; i < n; i++) {
        struct point p = points[i];
        if (!is_always_tried(&p))
            continue;
        points[i] = points[first];
        points[first++] = p;
    }
    *ret_count = samples && samples < n ? samples : n;
    return points;
}

static void print_table(void) {
    uint32_t sums[OUTCOMES] = {0};
    printf("# %-18s", "");
    for (int o = 0; o < OUTCOMES; o++)
        printf("%13s", outcome_names[o]);
    printf("\n");
    for (int d = 0; d < DISTURBANCES; d++) {
        printf("# %-18s", disturbances[d].name);
        for (int o = 0; o < OUTCOMES; o++) {
            printf("%13u", shared->counts[d][o]);
            sums[o] += shared->counts[d][o];
        }
        printf("\n");
    }
    printf("# %-18s", "all");
    for (int o = 0; o < OUTCOMES; o++)
        printf("%13u", sums[o]);
    printf("\n");
}

static int show_point(const char *text) {
    static struct result r;
    struct point p = {0};
    unsigned config, disturbance, at_end;
    if (sscanf(text, "%u:%23[^:]:%u:%u:%u", &config, p.process, &p.number, &disturbance, &at_end) != 5 ||
        config >= CONFIGS || disturbance >= DISTURBANCES) {
        fprintf(stderr, "inject: --at wants CONFIG:PROCESS:NUMBER:DISTURBANCE:END, as in the list of what was found\n");
        return 2;
    }
    p.config = (uint8_t)config;
    p.disturbance = (uint8_t)disturbance;
    p.kill_at_end = at_end;
    isolate();
    if (!prepare_config(config))
        return 1;
    run_once(&configs[config], &p, NULL, false, &r);
    enum outcome outcome = judge(&p, &r, wanted[config]);
    printf("%s, %s of %s number %u: %s (%s), status 0x%x, %s\n%s", configs[config].name, disturbances[disturbance].name,
           p.process, p.number, outcome_names[outcome], r.reached ? call_name(r.call) : "not reached", r.status, r.why,
           r.err);
    dup2(1, out_fd);
    run_once(&configs[config], &p, NULL, true, &r);
    return outcome >= UNCLEAR;
}

int main(int argc, char **argv) {
    size_t samples = 300, jobs = 2, count = 0;
    uint64_t only_disturbances = ~0ull, only_configs = ~0ull;
    unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    const char *at = NULL;
    minibox = getenv("MINIBOX");
    posture = getenv("POSTURE");
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--full") == 0)
            samples = 0;
        else if (strcmp(argv[i], "--errors") == 0)
            only_disturbances = (1u << ERRORS) - 1;
        else if (strcmp(argv[i], "--kills") == 0)
            only_disturbances = ~0ull << (ERRORS + 1);
        else if (strcmp(argv[i], "--samples") == 0)
            samples = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--config") == 0)
            only_configs = (~only_configs ? only_configs : 0) | 1ull << strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--jobs") == 0)
            jobs = strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--seed") == 0)
            seed = (unsigned)strtoul(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--at") == 0)
            at = value, i++;
        else {
            fprintf(stderr, "inject: usage: [--full | --samples N] [--errors | --kills] [--config N] [--jobs N] "
                            "[--seed N] [--at POINT]\n");
            return 2;
        }
    }
    if (getenv("MINIBOX_TEST_SLOW"))
        slowness = strtol(getenv("MINIBOX_TEST_SLOW"), NULL, 10);
    struct passwd *user = getpwnam("mbtest");
    if (geteuid() != 0 || !minibox || !posture || !user) {
        fprintf(stderr, "skipped: needs root, MINIBOX, POSTURE and the user mbtest\n");
        return 77;
    }
    user_uid = user->pw_uid;
    user_gid = user->pw_gid;
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    make_place();
    copy_into_work(&minibox, "minibox");
    copy_into_work(&posture, "posture");
    if (at) {
        int status = show_point(at);
        remove_place();
        return status;
    }

    srandom(seed);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap");
    isolate();
    bool good = true;
    for (size_t i = 0; i < CONFIGS; i++)
        if (only_configs >> i & 1)
            good = prepare_config(i) && good;
    struct point *points = choose(samples, only_disturbances, only_configs, &count);
    printf("# --seed %u, %zu launches that are disturbed at one of", seed, count);
    for (size_t i = 0; i < CONFIGS; i++)
        printf(" %zu", made[i].count);
    printf(" calls\n");
    fflush(stdout);
    size_t workers = 0;
    pid_t *pids = calloc(jobs + 1, sizeof(*pids));
    if (!pids)
        die("memory");
    for (; good && workers < jobs; workers++) {
        pid_t pid = fork();
        check(pid, "fork");
        if (pid == 0) {
            isolate();
            try_points(points, count);
            _exit(0);
        }
        pids[workers] = pid;
    }
    bool ended_well = good;
    for (size_t i = 0; i < workers; i++) { /* of each, since orphans of one that ended early are children, too */
        int status = -1;
        ended_well = waitpid(pids[i], &status, 0) == pids[i] && status == 0 && ended_well;
    }
    print_table();
    uint32_t bad = 0, tried = 0;
    for (int d = 0; d < DISTURBANCES; d++)
        for (int o = 0; o < OUTCOMES; o++) {
            tried += shared->counts[d][o];
            bad += o >= UNCLEAR ? shared->counts[d][o] : 0;
        }
    ended_well = ended_well && tried == count && count > 0;
    printf("%sok 1 - launches disturbed once: %u, of these neither the same box nor refused: %u\n1..1\n",
           bad || !ended_well ? "not " : "", tried, bad);
    if (!ended_well)
        printf("# not all were tried\n");
    remove_place();
    return bad || !ended_well;
}
