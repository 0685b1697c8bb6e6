/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. While the plan is made there is nothing yet to clean up: a signal ends the process, and so does the
 * alarm of the time limit. From clone on all signals are blocked and read from a signalfd, so there are no races: a
 * request to end stops the launch; afterwards every signal is forwarded to the command. One poll loop watches the box's
 * pidfd, the signals, the time limit and the terminal, until the box has ended and its last output is written.
 */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "read/read.h"
#include "launch/launch.h"
#include "filter/guard.h"
#include "filter/explain.h"
#include "filter/learn.h"
#include "kernel/calls.h"
#include "run/output.h"
#include "run/record.h"
#include "run/terminal.h"
#include "show/plan.h"

struct run {
    struct mb_box box_;
    struct mb_plan plan;
    const char *pid_path;
    enum mb_notify_what notify;
    struct minibox_box *box;
    struct mb_terminal terminal;
    struct mb_output output;
    struct mb_record record;
    FILE *learned; /* --seccomp learn=FILE; NULL: not asked for */
    struct minibox_error *err;
    int signals, endings;       /* signalfds: of all signals, and of those that end a launch */
    uint64_t started, launched; /* nanoseconds, CLOCK_MONOTONIC */
    bool timed_out;
    bool is_ending;       /* a signal asked minibox itself to end */
    int pid_folder;       /* -1: no pid file was asked for */
    const char *pid_name; /* in that folder */
    struct stat pid_file;
};

/* Signals whose default action stops this process: for the launcher itself, since the user's shell expects it of its
 * job. */
static const int stopping[] = {SIGTSTP, SIGTTIN, SIGTTOU};

/* Signals that ask minibox to end. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* The time limit while the plan is made, where nothing polls: files may lie on a network that is gone. */
static void end_by_alarm(int signo) {
    static const char text[] = "minibox: the time limit was reached before the box was started\n";
    (void)signo;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(MINIBOX_EXIT_TIMEOUT);
    _exit(MINIBOX_EXIT_TIMEOUT);
}

static void set_alarm(uint64_t nanoseconds) {
    struct itimerval timer = {
        .it_value = {(time_t)(nanoseconds / 1000000000u), (suseconds_t)(nanoseconds / 1000 % 1000000)}};
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    signal(SIGALRM, end_by_alarm);
    if (nanoseconds)
        sigprocmask(SIG_UNBLOCK, &alarm, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* An ignored signal (nohup) stays ignored: it ends no launch and is not forwarded. */
static bool is_ignored(int signo) {
    struct sigaction action;
    return sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int open_signals(struct run *run) {
    sigset_t endings, all;
    sigemptyset(&endings);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        if (!is_ignored(ending[i]))
            sigaddset(&endings, ending[i]);
    sigfillset(&all);
    for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
        sigdelset(&all, stopping[i]);
    run->endings = signalfd(-1, &endings, SFD_CLOEXEC | SFD_NONBLOCK);
    run->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->endings < 0 || run->signals < 0)
        return mb_error_host(run->err, NULL, MB_REMEDY_NONE, errno, "cannot receive signals", NULL);
    return 0;
}

static int forward_signals(struct run *run) {
    struct signalfd_siginfo info;
    while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
        int signo = (int)info.ssi_signo;
        if (signo == SIGWINCH)
            mb_terminal_resize(&run->terminal);
        bool is_own_alarm = signo == SIGALRM && info.ssi_code == SI_KERNEL; /* set_alarm()'s, late */
        if (signo == SIGCHLD || is_own_alarm || (signo == SIGWINCH && run->terminal.master >= 0) || is_ignored(signo))
            continue;
        run->is_ending |= signo == SIGTERM || signo == SIGHUP || signo == SIGINT || signo == SIGQUIT;
        /* A key was pressed, or the terminal is gone: that is meant for all that the command has started, as without a
         * box. */
        bool is_keyboard = info.ssi_code == SI_KERNEL && (signo == SIGINT || signo == SIGQUIT || signo == SIGHUP);
        if (is_keyboard && run->box_.process.init ? mb_launch_kill_group(run->box, signo, run->err)
                                          : minibox_kill(run->box, signo, run->err))
            return -1;
    }
    return 0;
}

/* Before the box is made only whether the file can be: until clone a signal ends this process, and would leave it. */
static int check_pid_file(struct run *run) {
    const char *path = run->pid_path, *name = strrchr(path, '/');
    char folder[4096];
    struct stat st;
    run->pid_name = name ? name + 1 : path;
    run->pid_folder =
        mb_fd_folder_of(path, folder, sizeof(folder)) ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    int number = run->pid_folder < 0                                                      ? errno
                 : fstatat(run->pid_folder, run->pid_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? EEXIST
                 : errno == ENOENT                                                        ? 0
                                                                                          : errno;
    if (number)
        return mb_error_host(run->err, NULL, number == EEXIST ? MB_REMEDY_PID_FILE : MB_REMEDY_NO_SUCH_PATH, number,
                             "cannot make the pid file", path);
    return 0;
}

/* A new file, through the descriptor of its folder, so that what is removed at the end is what was made here, wherever
 * the path leads by then. */
static int write_pid_file(struct run *run) {
    char text[16];
    int length = snprintf(text, sizeof(text), "%d\n", minibox_box_pid(run->box));
    mb_autofd fd = openat(run->pid_folder, run->pid_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &run->pid_file) < 0 || mb_fd_write_all(fd, text, (size_t)length) < 0)
        return mb_error_host(run->err, NULL, MB_REMEDY_NONE, errno, "cannot write the pid file", run->pid_path);
    return 0;
}

static void remove_pid_file(struct run *run) {
    struct stat now;
    if (run->pid_folder < 0)
        return;
    if (run->pid_file.st_ino && fstatat(run->pid_folder, run->pid_name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        now.st_ino == run->pid_file.st_ino && now.st_dev == run->pid_file.st_dev)
        unlinkat(run->pid_folder, run->pid_name, 0);
    mb_fd_close(&run->pid_folder);
}

/* Waits for the end of the box, and does what is to be done meanwhile. What the box wrote last is still read from its
 * terminal; a reader that takes nothing is waited for until the time limit, or a second once a signal asked for the
 * end. */
static int supervise(struct run *run) {
    enum { DEATH, SIGNAL, TERMINAL, OUTPUT = TERMINAL + MB_TERMINAL_FDS, NOTIFY = OUTPUT + MB_OUTPUT_FDS, FDS };
    uint64_t deadline = run->box_.timeout ? run->started + run->box_.timeout : 0;
    bool has_ended = false, is_hurried = false;
    while (!has_ended || mb_terminal_has_output(&run->terminal) || mb_output_has_more(&run->output)) {
        struct pollfd fds[FDS] = {
            [DEATH] = {has_ended ? -1 : minibox_box_pidfd(run->box), POLLIN, 0}, [SIGNAL] = {run->signals, POLLIN, 0}};
        mb_terminal_prepare(&run->terminal, &fds[TERMINAL]);
        mb_output_prepare(&run->output, &fds[OUTPUT]);
        fds[NOTIFY] = (struct pollfd){run->box->notify.fd, POLLIN, 0};
        struct timespec left = {0, 0};
        bool is_late =
            deadline && !mb_wait_left(deadline, &left); /* a flood of what is ready must not put off the end */
        /* Some process outside of the box may hold its terminal open, and say nothing more. */
        bool is_silent = has_ended && !run->terminal.output_length && !run->output.length;
        if (is_silent)
            left = (struct timespec){0, 200000000};
        int count = is_late ? 0 : ppoll(fds, FDS, deadline || is_silent ? &left : NULL, NULL);
        if (count < 0 && errno != EINTR)
            return mb_error_host(run->err, NULL, MB_REMEDY_NONE, errno, "cannot watch the box", NULL);
        if (count < 0)
            continue;
        if (count == 0 && has_ended)
            return 0;
        if (count == 0) {
            run->timed_out = true;
            deadline = mb_wait_clock() + 1000000000u; /* for its last output */
            if (minibox_kill(run->box, SIGKILL, run->err))
                return -1;
            continue;
        }
        if (has_ended && run->output.is_reached && !run->output.length) /* the rest is not wanted */
            return 0;
        mb_terminal_forward(&run->terminal, &fds[TERMINAL]);
        mb_output_forward(&run->output, &fds[OUTPUT]);
        if (fds[NOTIFY].revents & POLLIN && mb_notify_serve(&run->box->notify)) /* the box would wait for ever */
            return mb_error_host(run->err, NULL, MB_REMEDY_NONE, errno, "cannot answer the box's system calls", NULL);
        if (fds[NOTIFY].revents && !(fds[NOTIFY].revents & POLLIN)) /* nobody is left */
            mb_fd_close(&run->box->notify.fd);
        if (run->output.is_reached && !has_ended && minibox_kill(run->box, SIGKILL, run->err))
            return -1;
        if (fds[SIGNAL].revents && forward_signals(run))
            return -1;
        if (fds[DEATH].revents && !has_ended)
            mb_terminal_end(&run->terminal);
        has_ended |= fds[DEATH].revents != 0;
        uint64_t soon = mb_wait_clock() + 1000000000u;
        if (has_ended && run->is_ending && (!deadline || deadline > soon) && !is_hurried) {
            deadline = soon;
            is_hurried = true;
        }
    }
    return 0;
}

static int exit_status(const struct run *run, int status) {
    if (run->timed_out)
        return MINIBOX_EXIT_TIMEOUT;
    if (run->output.is_reached)
        return MINIBOX_EXIT_SIGNAL + SIGXFSZ;
    return WIFSIGNALED(status) ? MINIBOX_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What the filter refused, which the command may not have said, and how it is permitted. */
static void print_refused(const struct run *run, const struct minibox_spec *spec) {
    for (int i = 0; run->notify == MB_NOTIFY_REFUSED && i < MB_NOTIFY_CALLS; i++) {
        char text[128],
            *name = run->box->notify.counts[i] ? seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i) : NULL;
        if (!name)
            continue;
        bool is_set_id = spec->seccomp != MB_SECCOMP_DEFAULT && !spec->allow_suid && mb_guard_refuses((uint32_t)i);
        if (spec->seccomp == MB_SECCOMP_FILE)
            snprintf(text, sizeof(text), "allow it in %.80s%s", spec->seccomp_file,
                     is_set_id ? ", and --allow suid" : "");
        else if (is_set_id)
            snprintf(text, sizeof(text), "--allow suid");
        else
            mb_explain_permit(name, text, sizeof(text));
        fprintf(stderr, "minibox: the filter refused %s (%u times); to permit it: %s\n", name,
                run->box->notify.counts[i], text);
    }
}

static void print_end(const struct run *run, int status) {
    if (run->timed_out)
        fprintf(stderr, "minibox: the time limit was reached: the box was killed\n");
    else if (run->output.is_reached)
        fprintf(stderr, "minibox: the output limit was reached: the box was killed\n");
    else if (WIFSIGNALED(status))
        fprintf(stderr, "minibox: the command died of signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "minibox: the command exited with %d\n", WEXITSTATUS(status));
    fprintf(stderr, "minibox: it ran for %.3f ms\n", (double)(mb_wait_clock() - run->launched) / 1e6);
}

static int fail_profile(const struct minibox_spec *spec, enum mb_remedy remedy, struct minibox_error *err) {
    return mb_error_host(err, &spec->origin[MB_OPTION_SECCOMP], remedy, errno, "cannot write the profile",
                         spec->seccomp_file);
}

static int open_learned(struct run *run, const struct minibox_spec *spec) {
    if (spec->seccomp != MB_SECCOMP_LEARN)
        return 0;
    run->learned = fopen(spec->seccomp_file, "we");
    return run->learned ? 0 : fail_profile(spec, MB_REMEDY_NO_SUCH_PATH, run->err);
}

static int write_learned(struct run *run, const struct minibox_spec *spec) {
    bool is_lost =
        run->learned && (mb_learn_write(run->box->notify.counts, MB_NOTIFY_CALLS, run->learned, run->err) ||
                         fflush(run->learned) != 0 || ferror(run->learned));
    return is_lost ? fail_profile(spec, MB_REMEDY_NONE, run->err) : 0;
}

static int run_box(struct run *run, const struct minibox_spec *spec, int *ret_status) {
    int status, streams[3];
    if (open_signals(run) || (run->pid_path && check_pid_file(run)) || open_learned(run, spec) ||
        mb_output_open(&run->output, &run->plan, false, streams, run->err))
        return -1;
    if (spec->verbose)
        mb_plan_print(&run->plan, stderr);
    const struct mb_launch_options options = {.cancel_fd=run->endings, .started=run->started, .notify=run->notify, .streams={streams[0],streams[1],streams[2]}};
    int launched = mb_launch_start(&run->plan, &options, &run->box, run->err);
    for (int i = 0; i < 3; i++) mb_fd_close(&streams[i]);
    if (launched) {
        struct signalfd_siginfo info; /* what ended the launch is what minibox ends with */
        if (read(run->endings, &info, sizeof(info)) == sizeof(info) && !run->err->step)
            run->err->status = MINIBOX_EXIT_SIGNAL + (int)info.ssi_signo;
        return -1;
    }
    run->launched = mb_wait_clock();
    set_alarm(0);
    sigset_t own;
    sigemptyset(&own);
    for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
        sigaddset(&own, stopping[i]);
    sigprocmask(SIG_UNBLOCK, &own, NULL);
    if (spec->verbose)
        fprintf(stderr, "minibox: executed the command after %.3f ms; process 1 of the box is %d\n",
                (double)(run->launched - run->started) / 1e6, minibox_box_pid(run->box));
    if (run->box->terminal_fd >= 0 && mb_terminal_open(&run->terminal, mb_fd_steal(&run->box->terminal_fd)) < 0)
        return mb_error_host(run->err, &spec->origin[MB_OPTION_TTY], MB_REMEDY_NONE, errno, "cannot use the terminal",
                             NULL);
    if ((run->pid_path && write_pid_file(run)) || supervise(run) || minibox_wait(run->box, &status, run->err))
        return -1;
    *ret_status = exit_status(run, status);
    run->record.has_ended = true;
    if (run->notify == MB_NOTIFY_REFUSED)
        memcpy(run->record.refused, run->box->notify.counts, sizeof(run->record.refused));
    run->record.status = status;
    run->record.wall = (double)(mb_wait_clock() - run->launched) / 1e9;
    run->record.usage = run->box->usage;
    run->record.peak = run->box->shared->peak_kib * 1024;
    run->record.timed_out = run->timed_out;
    run->record.output_limit_reached = run->output.is_reached;
    mb_terminal_close(&run->terminal); /* before any line of our own: it is for a terminal as the user left it */
    struct pollfd errors = {STDERR_FILENO, POLLOUT, 0}; /* a terminal that nobody reads would hold us here */
    bool may_write = poll(&errors, 1, 100) > 0;
    if (may_write)
        print_refused(run, spec);
    if ((spec->verbose || run->timed_out || run->output.is_reached) && may_write)
        print_end(run, status);
    if (write_learned(run, spec))
        return -1;
    int lost = run->output.lost ? run->output.lost : run->terminal.lost;
    if (lost && !run->timed_out && !run->output.is_reached) /* those say already that there may be less than all */
        return mb_error_host(run->err, NULL, MB_REMEDY_NONE, lost, "cannot pass on the command's output", NULL);
    return 0;
}

void mb_run_refuse(const struct minibox_spec *spec, const struct minibox_error *err) {
    struct mb_record record;
    struct minibox_error ignored;
    if (!spec->dry_run && mb_record_open(&record, spec, &ignored) == 0)
        mb_record_write(&record, spec, err->status, err, &ignored);
}

int mb_run(const struct minibox_spec *spec, int *ret_status, struct minibox_error *err) {
    struct run run = {.err = err,
                      .signals = -1,
                      .endings = -1,
                      .terminal = {.master = -1, .slave = -1},
                      .pid_folder = -1,
                      .output = {.from = {-1, -1}, .to = {-1, -1}},
                      .record = {.fd = -1},
                      .started = mb_wait_clock()};
    struct mb_arena arena = {0};
    struct mb_host host;
    signal(SIGCHLD, SIG_DFL); /* a caller that ignored it would take the box's status from us */
    if (spec->timeout)
        set_alarm(spec->timeout);
    /* Before anything is opened; and whatever fails from here on is in the record, not what an earlier run left in the
     * file. */
    int result = spec->dry_run ? 0 : mb_launch_check_descriptors(spec->preserve_fds, err);
    struct minibox_error second = {0};
    if (!spec->dry_run && mb_record_open(&run.record, spec, result ? &second : err))
        result = -1;
    if (result == 0)
        result = mb_host_probe(&arena, &host, err) || mb_box_fill(spec, &host, &run.box_, err) || mb_plan_compile(&run.box_, &run.plan, err) ? -1 : 0;
    run.pid_path = spec->pid_file;
    run.notify = spec->seccomp == MB_SECCOMP_LEARN ? MB_NOTIFY_ALLOWED : (spec->report || spec->verbose == MB_YES) && run.box_.process.init && run.box_.filter.count ? MB_NOTIFY_REFUSED : MB_NOTIFY_NONE;
    *ret_status = 0;
    if (result == 0 && spec->dry_run == MB_DRY_RUN_JSON)
        result = mb_plan_print_json(&run.plan, stdout, err);
    else if (result == 0 && spec->dry_run == MB_DRY_RUN_CONFIG)
        mb_file_print(spec, host.cwd ? host.cwd : "", stdout);
    else if (result == 0 && spec->dry_run == MB_DRY_RUN_TEXT)
        mb_plan_print(&run.plan, stdout);
    else if (result == 0)
        result = run_box(&run, spec, ret_status);
    mb_terminal_close(&run.terminal);
    mb_output_close(&run.output);
    if (run.learned)
        fclose(run.learned);
    minibox_box_free(run.box);
    remove_pid_file(&run);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* whatever is written now, a signal may interrupt */
    struct minibox_error failure = *err;
    if (mb_record_write(&run.record, spec, result ? err->status : *ret_status, result ? &failure : NULL,
                        result ? &failure : err) &&
        !result)
        result = -1;
    mb_fd_close(&run.signals);
    mb_fd_close(&run.endings);
    mb_plan_free(&run.plan);
    mb_box_free(&run.box_);
    mb_arena_free(&arena);
    return result;
}

/* Whether the files of the launcher's own could be written, for a trial, which writes none. */
static int check_files(const struct minibox_spec *spec, struct minibox_error *err) {
    struct run run = {.pid_path = spec->pid_file, .err = err, .pid_folder = -1};
    int result = spec->pid_file ? check_pid_file(&run) : 0;
    mb_fd_close(&run.pid_folder);
    if (result == 0 && spec->report && mb_fd_may_write(spec->report))
        result = mb_error_host(err, &spec->origin[MB_OPTION_REPORT], MB_REMEDY_NO_SUCH_PATH, errno,
                               "cannot write the report", spec->report);
    if (result == 0 && spec->seccomp == MB_SECCOMP_LEARN && mb_fd_may_write(spec->seccomp_file))
        result = fail_profile(spec, MB_REMEDY_NO_SUCH_PATH, err);
    return result;
}

/* The library's launch: without a terminal, without forwarding. */
static int launch(const struct minibox_spec *spec, bool trial, struct minibox_box **ret_box,
                  struct minibox_error *err) {
    struct mb_arena arena = {0};
    struct mb_host host;
    struct mb_plan plan = {0};
    struct mb_box box = {0};
    sigset_t before;
    uint64_t started = mb_wait_clock();
    if (spec->tty == MB_YES)
        return mb_error_usage(err, &spec->origin[MB_OPTION_TTY], MB_REMEDY_NONE, "no terminal can be made", NULL,
                              "the library starts boxes on the caller's descriptors");
    if (spec->output_limit && !trial)
        return mb_error_usage(err, &spec->origin[MB_OPTION_OUTPUT_LIMIT], MB_REMEDY_NONE, "no output is passed on",
                              NULL, "the library starts boxes on the caller's descriptors");
    int result = mb_host_probe(&arena, &host, err);
    host.terminal = false;
    if (result == 0)
        result = mb_box_fill(spec, &host, &box, err);
    if (result == 0)
        result = mb_plan_compile(&box, &plan, err);
    if (spec->seccomp == MB_SECCOMP_LEARN && !trial && result == 0)
        result = mb_error_usage(err, &spec->origin[MB_OPTION_SECCOMP], MB_REMEDY_NONE, "nothing can be learned", NULL,
                                "the library does not stay beside the box");
    if (result == 0)
        result = mb_launch_check_descriptors(spec->preserve_fds, err);
    if (result == 0 && trial)
        result = check_files(spec, err);
    if (result == 0) {
        pthread_sigmask(SIG_SETMASK, NULL, &before);
        const struct mb_launch_options options = {.cancel_fd=-1, .started=started, .trial=trial, .streams={-1,-1,-1}};
        result = mb_launch_start(&plan, &options, ret_box, err);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    mb_plan_free(&plan);
    mb_box_free(&box);
    mb_arena_free(&arena);
    return result;
}

int minibox_launch(const struct minibox_spec *spec, struct minibox_box **ret_box, struct minibox_error *err) {
    return launch(spec, false, ret_box, err);
}

int mb_run_trial(const struct minibox_spec *spec, struct minibox_error *err) {
    struct minibox_box *box = NULL;
    int status = 0, result = launch(spec, true, &box, err);
    if (result)
        return -1;
    result = minibox_wait(box, &status, err);
    minibox_box_free(box);
    if (result == 0 && status)
        result = mb_error_host(err, NULL, MB_REMEDY_NONE, 0, "the box ended before its time", NULL);
    return result;
}
