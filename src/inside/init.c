/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box's process 1. The builder executes it from a sealed memory file, so that no process of the box ever shares
 * memory or an executable file with the launcher. It takes over the shared box, makes the command's process, reaps,
 * forwards signals, and hands on the command's wait status.
 *
 * What must stay true: it has no privilege that the command has not; it cannot be traced or looked into by the command
 * (not dumpable); it dies with the launcher; the command's process executes nothing unless the verifier agrees.
 *
 * argv: NAME, number of the box's descriptor, "--", then the command's own words, which are handed on where they are.
 * Freestanding: no C library, no relocations.
 */
#include <fcntl.h>
#include <linux/errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <asm/ioctls.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/count.h"
#include "base/raw.h"
#include "inside/send.h"
#include "inside/verify.h"
#include "kernel/arch.h"

/* The compiler may ask for these. */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *to, int value, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = (char)value;
    return to;
}

static __attribute__((noreturn)) void quit(int status) {
    for (;;)
        raw(SYS_exit_group, status);
}

static __attribute__((noreturn)) void fail(struct mb_shared *shared, int step, long result) {
    shared->failed_number = (int32_t)-result;
    shared->failed_step = step;
    quit(125);
}

static void check(struct mb_shared *shared, int step, long result) {
    if (result < 0)
        fail(shared, step, result);
}

/* init asks the kernel whether a setting is as it was made, as the verifier does with the rest. */
static void expect(struct mb_shared *shared, int step, enum mb_check what, int index, uint64_t wanted, uint64_t seen) {
    if (wanted == seen || MB_CHECK_IS_OFF(shared, what))
        return;
    shared->verdict = (struct mb_verdict){.check = what, .index = index, .wanted = wanted, .seen = seen};
    fail(shared, step, -EPROTO);
}

/* The kernel's sigaction, whose set is 8 bytes; not the C library's. */
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static void move_descriptor(struct mb_shared *shared, int from, unsigned to) {
    bool is_there = from == (int)to;
    check(shared, shared->step_session,
          is_there ? raw(SYS_fcntl, to, F_SETFD, FD_CLOEXEC) : raw(SYS_dup3, from, to, O_CLOEXEC));
}

/* Moves the sync pipe to the number behind the command's descriptors, and closes all others. */
static void arrange_descriptors(struct mb_shared *shared) {
    unsigned last = 3 + shared->process.preserve_fds;
    if (shared->notify_fd > 0) { /* neither may be overwritten by the other: first out of the way */
        long sync = raw(SYS_fcntl, shared->sync_fd, F_DUPFD_CLOEXEC, last + 2),
             notify = raw(SYS_fcntl, shared->notify_fd, F_DUPFD_CLOEXEC, last + 2);
        check(shared, shared->step_session, sync < 0 ? sync : notify);
        shared->sync_fd = (int32_t)sync;
        move_descriptor(shared, (int)notify, last + 1);
        shared->notify_fd = (int32_t)last + 1;
    }
    move_descriptor(shared, shared->sync_fd, last);
    check(shared, shared->step_session, raw(SYS_close_range, last + (shared->notify_fd > 0 ? 2 : 1), ~0u, 0));
}

/* What the launcher ignored (nohup) is no business of the box. execve has reset what was caught. */
static void reset_signals(struct mb_shared *shared) {
    struct kernel_sigaction by_default = {0}, now;
    for (int signo = 1; signo <= 64; signo++) {
        check(shared, shared->step_session, raw(SYS_rt_sigaction, signo, 0, &now, 8));
        if (!now.handler)
            continue;
        check(shared, shared->step_session,
              MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_SIGNALS, raw(SYS_rt_sigaction, signo, &by_default, 0, 8)));
        check(shared, shared->step_session, raw(SYS_rt_sigaction, signo, 0, &now, 8));
        expect(shared, shared->step_session, MB_CHECK_SIGNALS, signo, 0, (uint64_t)now.handler);
    }
}

static void start_session(struct mb_shared *shared) {
    if (shared->process.leads_session)
        check(shared, shared->step_session, MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_SESSION, raw(SYS_setsid)));
    if (shared->process.terminal) {
        int session = 0;
        check(shared, shared->step_session, raw(SYS_ioctl, 0, TIOCSCTTY, 0));
        check(shared, shared->step_session, raw(SYS_ioctl, 0, TIOCGSID, &session));
        if (session != raw(SYS_getpid))
            fail(shared, shared->step_session, -EPROTO);
    }
    reset_signals(shared);
}

/* Sets one limit of a process (0: this one). */
static void set_limit(struct mb_shared *shared, unsigned number, int32_t pid) {
    const struct mb_shared_limit *wanted = (struct mb_shared_limit *)mb_shared_at(shared, shared->limits) + number;
    struct rlimit limit = {wanted->soft, wanted->hard}, seen;
    check(shared, wanted->step,
          MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_LIMITS, raw(SYS_prlimit64, pid, wanted->resource, &limit, &seen)));
    check(shared, wanted->step, raw(SYS_prlimit64, pid, wanted->resource, 0, &seen));
    expect(shared, wanted->step, MB_CHECK_LIMIT, (int)number, limit.rlim_cur, seen.rlim_cur);
    expect(shared, wanted->step, MB_CHECK_LIMIT, (int)number, limit.rlim_max, seen.rlim_max);
}

/*
 * Where the launcher is told of system calls, the filter's listener still needs a descriptor, however few the command
 * may have: then the process that sends the listener sets that limit, when it has done so.
 */
enum when { BEFORE_THE_FILTER, WHEN_THE_LISTENER_IS_SENT };

static bool has_sender(const struct mb_shared *shared) {
    return shared->filter_count && shared->notify_fd > 0;
}

static void set_limits(struct mb_shared *shared, enum when when, int32_t pid) {
    const struct mb_shared_limit *limits = mb_shared_at(shared, shared->limits);
    for (unsigned i = 0; i < shared->limit_count; i++) {
        bool is_late = has_sender(shared) && limits[i].resource == RLIMIT_NOFILE;
        if (is_late == (when == WHEN_THE_LISTENER_IS_SENT))
            set_limit(shared, i, pid);
    }
}

static void verify_filter(struct mb_shared *shared) {
    bool answers = raw(SYS_prctl, MB_SHARED_ASK, 0, 0, 0, 0) == -MB_SHARED_ANSWER;
    expect(shared, shared->step_filter, MB_CHECK_FILTER, 0, true, answers);
}

/*
 * A command with CAP_SYS_PTRACE in the box can trace init after all, and would find a process without a filter. So init
 * gets a filter of its own that allows only the calls it still makes, before the command may be executed.
 */
static void allow_only(struct mb_shared *shared, const uint32_t *calls, unsigned count) {
    enum { MOST = 8, FIRST = 3 };
    struct sock_filter whole[MB_SHARED_QUESTION_LENGTH + FIRST + MOST + 2] = {MB_SHARED_QUESTION},
                                                                        *code = whole + MB_SHARED_QUESTION_LENGTH;
    code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MB_ARCH_NATIVE, 0, (uint8_t)(count + 1));
    code[2] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < count; i++)
        code[FIRST + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (uint8_t)(count - i), 0);
    code[FIRST + count] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    code[FIRST + count + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)(MB_SHARED_QUESTION_LENGTH + FIRST + count + 2), whole};
    check(shared, shared->step_filter,
          MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_OWN_FILTER, raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)));
    verify_filter(shared);
}

/* The kernel is to end this process together with its parent; it is asked whether it will. */
static void die_with_parent(struct mb_shared *shared) {
    int signo = 0;
    check(shared, shared->step_init,
          MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_DEATH_SIGNAL, raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)));
    check(shared, shared->step_init, raw(SYS_prctl, PR_GET_PDEATHSIG, &signo, 0, 0, 0));
    expect(shared, shared->step_init, MB_CHECK_DEATH_SIGNAL, 0, SIGKILL, (uint64_t)signo);
}

/*
 * Once the filter is there, this process may have to wait for the launcher with each call, which first needs the
 * listener. So another process sends it, which has another filter and, for as long as it takes, the same descriptors;
 * execve gives the command a table of its own. It is init's child, not the command's.
 */
static void start_sender(struct mb_shared *shared) {
    if (!has_sender(shared))
        return;
    shared->command_pid = (int32_t)raw(SYS_getpid);
    check(shared, shared->step_filter, shared->command_pid ? 0 : -EPROTO); /* 0 would set the sender's own limits */
    long sender = raw(SYS_clone, CLONE_FILES | CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    check(shared, shared->step_filter, sender);
    if (sender)
        return;
    struct timespec soon = {0, 1000000};
    const uint32_t calls[] = {SYS_futex, SYS_sendmsg, SYS_prlimit64, SYS_exit_group};
    die_with_parent(shared);
    allow_only(shared, calls, MB_COUNT(calls));
    while (!atomic_load(&shared->listener)) /* nobody could wake it: that would be a call */
        raw(SYS_futex, &shared->listener, FUTEX_WAIT, 0, &soon, 0, 0);
    check(shared, shared->step_filter,
          mb_send_descriptor(shared->notify_fd, MB_SHARED_LISTENER, atomic_load(&shared->listener)));
    set_limits(shared, WHEN_THE_LISTENER_IS_SENT, shared->command_pid);
    quit(0);
}

static void load_filter(struct mb_shared *shared) {
    if (!shared->filter_count)
        return;
    bool notifies = shared->notify_fd > 0;
    uint64_t flags = notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
    struct sock_fprog program = {(unsigned short)shared->filter_count, mb_shared_at(shared, shared->filter)};
    long listener =
        MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_FILTER, raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
    check(shared, shared->step_filter,
          notifies && listener == 0 ? -EPROTO : listener); /* 0 is open: it cannot be that */
    if (notifies) {
        /* Nothing is executed while the sender lives: its descriptors are the listener and the launcher's socket, and a
         * command could stop it and take them. Seen without a system call, which might have to wait for the launcher.
         */
        atomic_store(&shared->listener, (uint32_t)listener);
        while (!atomic_load(&shared->sender_gone))
            ;
        if (shared->failed_step) /* it has not done all; to exit would be a call */
            __builtin_trap();
    }
    verify_filter(shared);
}

enum { UNTRIED = 1 };

static __attribute__((noreturn)) void execute_traced(struct mb_shared *shared, long parent, const char *path,
                                                     char *const *argv, char *const *environment) {
    long result = raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (result == 0 && raw(SYS_getppid) == parent)
        result = raw(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
    shared->failed_number = -UNTRIED;
    if (result == 0)
        shared->failed_number = (int32_t)-raw(SYS_execve, path, argv, environment);
    quit(0);
}

/*
 * Only the kernel knows what it executes: all formats, interpreters and loaders, and its security modules. So a process
 * of its own calls execve(2), which stops before the first instruction since it is traced, and is killed there. 0,
 * -errno, or UNTRIED where the filter or a limit lets no process be made or traced.
 */
static long try_traced(struct mb_shared *shared, const char *path, char *const *argv, char *const *environment) {
    int status = 0;
    long self = raw(SYS_getpid), child = raw(SYS_clone, SIGCHLD, 0, 0, 0, 0), ended;
    if (child < 0)
        return UNTRIED;
    if (child == 0)
        execute_traced(shared, self, path, argv, environment);
    do
        ended = raw(SYS_wait4, child, &status, 0, 0);
    while (ended == -EINTR);
    if (ended == child && WIFEXITED(status)) {
        long result = -shared->failed_number;
        shared->failed_number = 0;
        return result;
    }
    bool has_stopped = ended == child && WIFSTOPPED(status);
    if (ended != child || has_stopped) {
        raw(SYS_kill, child, SIGKILL);
        raw(SYS_wait4, child, &status, 0, 0);
        return has_stopped ? 0 : UNTRIED;
    }
    quit(125); /* the filter kills a process that calls execve, or the program dies while it is loaded */
}

/* What can be seen of a file without its execution. A format that only binfmt_misc knows is not seen. No path at all is
 * ENOENT, unless it is the filter that answers. */
static long try_looking(const char *path) {
    struct statx st = {0};
    unsigned char first[4] = {0};
    long result = raw(SYS_execve, "", 0, 0);
    if (result != -ENOENT)
        return result;
    result = raw(SYS_faccessat, AT_FDCWD, path, X_OK);
    if (result < 0)
        return result;
    if (raw(SYS_statx, AT_FDCWD, path, 0, STATX_TYPE, &st) == 0 && !S_ISREG(st.stx_mode))
        return -EACCES;
    long fd = raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || raw(SYS_read, fd, first, sizeof(first)) < 0) /* it may be executed, and not be read */
        return 0;
    bool is_script = first[0] == '#' && first[1] == '!';
    bool is_elf = first[0] == 0x7f && first[1] == 'E' && first[2] == 'L' && first[3] == 'F';
    return is_script || is_elf ? 0 : -ENOEXEC;
}

static long try_execve(struct mb_shared *shared, const char *path, char *const *argv, char *const *environment) {
    if (!shared->trial)
        return raw(SYS_execve, path, argv, environment);
    long result = try_traced(shared, path, argv, environment);
    return result == UNTRIED ? try_looking(path) : result;
}

/* As execvp(3): a directory of PATH that has no such file is passed over, one that has it but refuses is remembered.
 * The filter is in force: whatever it refuses, the shared box still takes the error. */
static __attribute__((noreturn)) void execute(struct mb_shared *shared, char *const *argv, char *const *environment) {
    const char *candidate = mb_shared_at(shared, shared->candidates);
    long refused = -ENOENT;
    shared->executing = 1;
    for (unsigned i = 0; i < shared->candidate_count; i++) {
        long result = try_execve(shared, candidate, argv, environment);
        if (result == 0 && shared->trial)
            quit(0);
        if (result == 0) { /* execve returns only if it has failed, whatever it says */
            refused = -EPROTO;
            break;
        }
        if (result == -ENOENT || result == -ENOTDIR) {
            if (raw(SYS_faccessat, AT_FDCWD, candidate, 0) == 0) {
                shared->found_candidate = 1;
                refused = result;
                break;
            }
        } else {
            refused = result;
            if (result != -EACCES)
                break;
        }
        while (*candidate++)
            ;
    }
    fail(shared, shared->step_exec, refused);
}

static __attribute__((noreturn)) void refuse(struct mb_shared *shared, const struct mb_verdict *verdict) {
    shared->verdict = *verdict;
    fail(shared, shared->step_verify, verdict->number ? -verdict->number : -EPROTO);
}

/* Compares the mounts; in the command's own process when there is no init. */
static void verify_mounts(struct mb_shared *shared) {
    struct mb_verdict verdict;
    if (mb_verify_mounts(shared, shared->proc_fd, &verdict) == 0) {
        const uint32_t calls[] = {
            SYS_wait4,       SYS_rt_sigtimedwait, SYS_kill, SYS_exit_group, SYS_futex,
            SYS_close_range, SYS_restart_syscall, SYS_prctl}; /* the last only where the parent-death signal is still to
                                                                 be disarmed */
        if (shared->process.init && shared->filter_count)
            allow_only(shared, calls, MB_COUNT(calls) - (shared->process.die_with_launcher ? 1 : 0));
        atomic_store(&shared->init_verified, MB_SHARED_GO);
    } else {
        shared->verdict = verdict;
        shared->failed_number = verdict.number ? verdict.number : EPROTO;
        shared->failed_step = shared->step_verify;
        atomic_store(&shared->init_verified, MB_SHARED_STOP);
    }
    check(shared, shared->step_verify, raw(SYS_futex, &shared->init_verified, FUTEX_WAKE, 1, 0, 0, 0));
}

/* Until the launcher has agreed, the box dies with it, whatever was asked for: it would wait for ever. */
static void wait_for_launcher(struct mb_shared *shared, bool is_box) {
    if (mb_verify_wait(&shared->launcher_verified) != MB_SHARED_GO)
        quit(125);
    if (!shared->process.die_with_launcher && is_box) /* not the command's, which dies with init */
        check(shared, shared->step_init, raw(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0));
}

/* The command's process: nothing is executed unless launcher, init and this process itself have found what was planned.
 */
static __attribute__((noreturn)) void run_command(struct mb_shared *shared, char *const *argv,
                                                  char *const *environment) {
    struct mb_verdict verdict;
    if (!shared->process.init)
        verify_mounts(shared);
    arrange_descriptors(shared);
    start_session(shared);
    bool as_planned = mb_verify_process(shared, &verdict) == 0;
    if (mb_verify_wait(&shared->init_verified) != MB_SHARED_GO)
        quit(125); /* init has written down why */
    if (!as_planned)
        refuse(shared, &verdict);
    wait_for_launcher(shared, !shared->process.init);
    start_sender(shared);
    set_limits(shared, BEFORE_THE_FILTER, 0);
    uint64_t none = 0;
    uint64_t blocked = ~none;
    check(shared, shared->step_session,
          MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_SIGNAL_MASK, raw(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8)));
    check(shared, shared->step_session, raw(SYS_rt_sigprocmask, SIG_SETMASK, 0, &blocked, 8));
    expect(shared, shared->step_session, MB_CHECK_SIGNAL_MASK, 0, 0, blocked);
    load_filter(shared);
    execute(shared, argv, environment);
}

/* The sender has ended, which is the first of init's children to do so. If it was killed before it had sent the
 * listener and set the limit that it was left, nothing may be executed. */
static void note_sender(struct mb_shared *shared, int status) {
    if (!has_sender(shared) || atomic_load(&shared->sender_gone))
        return;
    if (status && !shared->failed_step) {
        shared->failed_number = ECHILD;
        shared->failed_step = shared->step_filter;
    }
    atomic_store(&shared->sender_gone, 1);
}

/* Ended children are reaped; returns whether the command was among them. */
static bool reap(struct mb_shared *shared, long command) {
    for (;;) {
        int status;
        struct rusage usage;
        long pid = raw(SYS_wait4, -1, &status, WNOHANG, &usage);
        if (pid == -EINTR)
            continue;
        if (pid == 0)
            return false;
        if (pid < 0) /* the command cannot be waited for: end with it rather than wait for ever */
            fail(shared, shared->step_init, pid);
        if ((uint64_t)usage.ru_maxrss > shared->peak_kib)
            shared->peak_kib = (uint64_t)usage.ru_maxrss;
        if (pid != command) {
            note_sender(shared, status);
            continue;
        }
        shared->status = status;
        shared->has_status = 1;
        return true;
    }
}

static __attribute__((noreturn)) void supervise(struct mb_shared *shared, long command) {
    uint64_t all = ~(uint64_t)0;
    verify_mounts(shared);
    wait_for_launcher(shared, true);
    /* No descriptor is left here: what the command closes is closed. */
    raw(SYS_close_range, 0, shared->lock_fd > 0 ? (unsigned)shared->lock_fd - 1 : ~0u, 0);
    if (shared->lock_fd > 0)
        raw(SYS_close_range, shared->lock_fd + 1, ~0u, 0);
    while (!reap(shared, command)) {
        siginfo_t info = {0};
        long signo = raw(SYS_rt_sigtimedwait, &all, &info, 0, 8);
        bool is_for_group =
            info.si_code == SI_QUEUE && info.si_value.sival_int == MB_SHARED_TO_GROUP; /* whose leader is the command */
        if (signo > 0 && signo != SIGCHLD)
            raw(SYS_kill, is_for_group ? -command : command, signo);
    }
    /* With the exit of process 1 the kernel ends all others of its pid namespace. */
    quit(0);
}

static struct mb_shared *map_shared(const char *number) {
    int fd = 0;
    while (*number)
        fd = fd * 10 + (*number++ - '0');
    long size = raw(SYS_lseek, fd, 0, SEEK_END);
    if (size < (long)sizeof(struct mb_shared))
        quit(125);
    long address = raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address < 0 && address > -4096)
        quit(125);
    raw(SYS_close, fd);
    return (struct mb_shared *)address;
}

static void die_with_launcher(struct mb_shared *shared) {
    die_with_parent(shared);
    struct pollfd poll = {.fd = shared->launcher_fd, .events = POLLIN};
    struct timespec now = {0, 0};
    long result = raw(SYS_ppoll, &poll, 1, &now, 0, 0);
    if (result != 0)
        fail(shared, shared->step_init, result < 0 ? result : -EOWNERDEAD);
}

__attribute__((noreturn, used)) void mb_init_main(long *stack);
void mb_init_main(long *stack) {
    long argc = stack[0];
    char **argv = (char **)(stack + 1), **environment = argv + argc + 1;
    if (argc < 4)
        quit(125);
    struct mb_shared *shared = map_shared(argv[1]);
    check(shared, shared->step_init,
          MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_DUMPABLE,
                             raw(SYS_prctl, PR_SET_DUMPABLE, shared->process.dumpable, 0, 0, 0)));
    check(shared, shared->step_init, raw(SYS_prctl, PR_SET_NAME, "minibox-init", 0, 0, 0));
    die_with_launcher(shared);
    long told = raw(SYS_write, shared->sync_fd, "", 1);
    check(shared, shared->step_init,
          told == 1  ? 0
          : told < 0 ? told
                     : -EIO);                 /* the launcher may look at the namespaces now */
    struct kernel_sigaction by_default = {0}; /* an ignored SIGCHLD would lose the command's status */
    check(shared, shared->step_init, raw(SYS_rt_sigaction, SIGCHLD, &by_default, 0, 8));
    /* Without the caller's read-implies-exec and fixed addresses. */
    check(shared, shared->step_init,
          MB_UNLESS_LEFT_OUT(shared, MB_LEAVE_PERSONALITY, raw(SYS_personality, shared->process.personality)));
    if (!shared->process.init)
        run_command(shared, argv + 3, environment);
    /* Out of the launcher's process group: a Ctrl-C on its terminal must reach the command once, not twice. */
    check(shared, shared->step_init, raw(SYS_setsid));
    uint64_t all = ~(uint64_t)0;
    check(shared, shared->step_init, raw(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8));
    long self = raw(SYS_getpid), command = raw(SYS_clone, shared->process.shared_with_init | SIGCHLD, 0, 0, 0, 0);
    check(shared, shared->step_init, command);
    if (command == 0) {
        /* In a shared pid namespace nobody else would end the command with init. */
        die_with_parent(shared);
        if (raw(SYS_getppid) != self)
            quit(125);
        run_command(shared, argv + 3, environment);
    }
    supervise(shared, command);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall mb_init_main\n\thlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tb mb_init_main\n");
#endif
