/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. All signals are blocked and read from a signalfd, so there are no handlers and no races: while the box is
 * set up a request to end stops the launch; afterwards every signal is forwarded to the command. One poll loop watches
 * the box's pidfd, the signals, the time limit and the terminal.
 */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "launch/launch.h"
#include "run/terminal.h"

struct run {
    struct mb_plan plan;
    struct minibox_box *box;
    struct mb_terminal terminal;
    struct minibox_error *err;
    int signals, endings; /* signalfds: of all signals, and of those that end a launch */
    uint64_t started, launched; /* nanoseconds, CLOCK_MONOTONIC */
    bool timed_out;
    bool has_pid_file;
};

static int open_signals(struct run *run) {
    sigset_t endings, all;
    sigemptyset(&endings);
    sigaddset(&endings, SIGINT);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGHUP);
    sigaddset(&endings, SIGQUIT);
    sigfillset(&all);
    /* Stopping is for the launcher itself: the user's shell expects it of its job. */
    sigdelset(&all, SIGTSTP);
    sigdelset(&all, SIGTTIN);
    sigdelset(&all, SIGTTOU);
    run->endings = signalfd(-1, &endings, SFD_CLOEXEC | SFD_NONBLOCK);
    run->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->endings < 0 || run->signals < 0)
        return mb_error_host(run->err, NULL, MB_REMEDY_NONE, errno, "cannot receive signals", NULL);
    return 0;
}

/* An ignored signal (nohup) stays ignored: it is not forwarded. */
static bool is_ignored(int signo) {
    struct sigaction action;
    return sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int forward_signals(struct run *run) {
    struct signalfd_siginfo info;
    ssize_t n;
    while ((n = read(run->signals, &info, sizeof(info))) == sizeof(info)) {
        int signo = (int)info.ssi_signo;
        if (signo == SIGWINCH)
            mb_terminal_resize(&run->terminal);
        if (signo == SIGCHLD || (signo == SIGWINCH && run->terminal.master >= 0) || is_ignored(signo))
            continue;
        if (minibox_kill(run->box, signo, run->err))
            return -1;
    }
    return 0;
}

static int write_pid_file(struct run *run) {
    const char *path = run->plan.pid_file;
    char text[16];
    if (!path)
        return 0;
    mb_autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    run->has_pid_file = fd >= 0;
    int length = snprintf(text, sizeof(text), "%d\n", minibox_box_pid(run->box));
    if (fd < 0 || mb_fd_write_all(fd, text, (size_t)length) < 0)
        return mb_error_host(run->err, NULL, MB_REMEDY_NO_SUCH_PATH, errno, "cannot write the pid file", path);
    return 0;
}

/* Waits for the end of the box, and does what is to be done meanwhile. */
static int supervise(struct run *run) {
    enum { DEATH, SIGNAL, TERMINAL, FDS = TERMINAL + MB_TERMINAL_FDS };
    uint64_t deadline = run->plan.timeout ? run->started + run->plan.timeout : 0;
    for (;;) {
        struct pollfd fds[FDS] = {[DEATH] = {minibox_box_pidfd(run->box), POLLIN, 0}, [SIGNAL] = {run->signals, POLLIN, 0}};
        mb_terminal_prepare(&run->terminal, &fds[TERMINAL]);
        struct timespec left = {0, 0};
        uint64_t now = deadline ? mb_launch_clock() : 0;
        if (deadline > now)
            left = (struct timespec){(time_t)((deadline - now) / 1000000000u), (long)((deadline - now) % 1000000000u)};
        int count = ppoll(fds, FDS, deadline ? &left : NULL, NULL);
        if (count < 0 && errno != EINTR)
            return mb_error_host(run->err, NULL, MB_REMEDY_NONE, errno, "cannot watch the box", NULL);
        if (count < 0)
            continue;
        if (count == 0 && deadline) {
            run->timed_out = true;
            deadline = 0;
            if (minibox_kill(run->box, SIGKILL, run->err))
                return -1;
            continue;
        }
        mb_terminal_forward(&run->terminal, &fds[TERMINAL]);
        if (fds[SIGNAL].revents && forward_signals(run))
            return -1;
        if (fds[DEATH].revents)
            return 0;
    }
}

static int exit_status(const struct run *run, int status) {
    if (run->timed_out)
        return MINIBOX_EXIT_TIMEOUT;
    return WIFSIGNALED(status) ? MINIBOX_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

static void print_end(const struct run *run, int status) {
    if (run->timed_out)
        fprintf(stderr, "minibox: the time limit was reached: the box was killed\n");
    else if (WIFSIGNALED(status))
        fprintf(stderr, "minibox: the command died of signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "minibox: the command exited with %d\n", WEXITSTATUS(status));
    fprintf(stderr, "minibox: it ran for %.3f ms\n", (double)(mb_launch_clock() - run->launched) / 1e6);
}

static int run_box(struct run *run, const struct minibox_spec *spec, int *ret_status) {
    int status;
    if (open_signals(run))
        return -1;
    if (spec->verbose)
        mb_plan_print(&run->plan, stderr);
    if (mb_launch_start(&run->plan, run->endings, run->started, &run->box, run->err)) {
        struct signalfd_siginfo info; /* what ended the launch is what minibox ends with */
        if (read(run->endings, &info, sizeof(info)) == sizeof(info) && !run->err->step)
            run->err->status = MINIBOX_EXIT_SIGNAL + (int)info.ssi_signo;
        return -1;
    }
    run->launched = mb_launch_clock();
    if (spec->verbose)
        fprintf(stderr, "minibox: executed %s after %.3f ms; process 1 of the box is %d\n", run->plan.command[0],
                (double)(run->launched - run->started) / 1e6, minibox_box_pid(run->box));
    if (run->box->terminal_fd >= 0 && mb_terminal_open(&run->terminal, mb_fd_steal(&run->box->terminal_fd)) < 0)
        return mb_error_host(run->err, &spec->origin[MB_OPTION_TTY], MB_REMEDY_NONE, errno, "cannot use the terminal", NULL);
    if (write_pid_file(run) || supervise(run) || minibox_wait(run->box, &status, run->err))
        return -1;
    *ret_status = exit_status(run, status);
    if (spec->verbose || run->timed_out) {
        mb_terminal_close(&run->terminal); /* first: the line is for a terminal as the user left it */
        print_end(run, status);
    }
    return 0;
}

int mb_run(const struct minibox_spec *spec, int *ret_status, struct minibox_error *err) {
    struct run run = {.err = err, .signals = -1, .endings = -1, .terminal.master = -1, .started = mb_launch_clock()};
    struct mb_arena arena = {0};
    struct mb_host host;
    sigset_t all, before;
    if (mb_host_probe(&arena, &host, err) || mb_plan_compile(spec, &host, &run.plan, err)) {
        mb_arena_free(&arena);
        return -1;
    }
    int result = 0;
    if (spec->dry_run != MB_DRY_RUN_NO) {
        if (spec->dry_run == MB_DRY_RUN_JSON)
            result = mb_plan_print_json(&run.plan, stdout, err);
        else
            mb_plan_print(&run.plan, stdout);
        *ret_status = 0;
    } else {
        sigfillset(&all);
        sigdelset(&all, SIGTSTP);
        sigdelset(&all, SIGTTIN);
        sigdelset(&all, SIGTTOU);
        sigprocmask(SIG_BLOCK, &all, &before);
        result = run_box(&run, spec, ret_status);
        mb_terminal_close(&run.terminal);
        minibox_box_free(run.box);
        if (run.has_pid_file)
            unlink(run.plan.pid_file);
        mb_fd_close(&run.signals);
        mb_fd_close(&run.endings);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    mb_plan_free(&run.plan);
    mb_arena_free(&arena);
    return result;
}

/* The library's launch: without a terminal, without forwarding. */
int minibox_launch(const struct minibox_spec *spec, struct minibox_box **ret_box, struct minibox_error *err) {
    struct mb_arena arena = {0};
    struct mb_host host;
    struct mb_plan plan;
    sigset_t all, before;
    uint64_t started = mb_launch_clock();
    if (mb_host_probe(&arena, &host, err)) {
        mb_arena_free(&arena);
        return -1;
    }
    host.terminal = false;
    int result = spec->tty == MB_YES
                     ? mb_error_usage(err, &spec->origin[MB_OPTION_TTY], MB_REMEDY_NONE, "no terminal can be made", NULL,
                                      "the library starts boxes on the caller's descriptors")
                     : mb_plan_compile(spec, &host, &plan, err);
    if (result == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        result = mb_launch_start(&plan, -1, started, ret_box, err);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        mb_plan_free(&plan);
    }
    mb_arena_free(&arena);
    return result;
}
