/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A table has a row for each signal that is treated in a way of its own; all others are forwarded to the
 * command. Signals are blocked and read from descriptors, and no handler is ever installed: so a signal that is not
 * blocked has its default action, which ends even a process that hangs on a dead network file system.
 */
#include "run/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

enum { SIGNALS = 65 };

static const struct {
    bool ends;      /* asks minibox to end: it ends a launch, and is forwarded to a command that runs */
    bool is_key;    /* the kernel sends it for a key, or for a terminal that is gone */
    bool stops;     /* stops minibox itself, and is not forwarded */
    bool is_own;    /* concerns minibox alone */
    bool resizes;   /* the window has another size */
    bool is_writes; /* not forwarded if minibox itself caused it, by writing to a pipe without a reader */
} table[SIGNALS] = {
    [SIGINT] = {.ends = true, .is_key = true},
    [SIGTERM] = {.ends = true},
    [SIGHUP] = {.ends = true, .is_key = true},
    [SIGQUIT] = {.ends = true, .is_key = true},
    [SIGTSTP] = {.stops = true},
    [SIGTTIN] = {.stops = true},
    [SIGTTOU] = {.stops = true},
    [SIGCHLD] = {.is_own = true},
    [SIGWINCH] = {.resizes = true},
    [SIGPIPE] = {.is_writes = true},
};

/* An ignored signal (nohup) stays ignored: it ends no launch and is not forwarded. */
static bool is_ignored(int signo) {
    struct sigaction action;
    return sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static bool is_ending(int signo) {
    return table[signo].ends && !is_ignored(signo);
}

static bool is_stop(int signo) {
    return table[signo].stops;
}

static bool is_no_stop(int signo) {
    return !table[signo].stops;
}

static sigset_t set_of(bool (*is_in)(int signo)) {
    sigset_t set;
    sigemptyset(&set);
    for (int signo = 1; signo < SIGNALS; signo++)
        if (is_in(signo))
            sigaddset(&set, signo);
    return set;
}

int mb_signals_open(struct mb_signals *signals, struct minibox_error *err) {
    const sigset_t endings = set_of(is_ending), all = set_of(is_no_stop);
    signals->endings = signalfd(-1, &endings, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->all = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals->endings < 0 || signals->all < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot receive signals", NULL);
    return 0;
}

void mb_signals_close(struct mb_signals *signals) {
    mb_fd_close(&signals->all);
    mb_fd_close(&signals->endings);
}

bool mb_signals_next(const struct mb_signals *signals, struct mb_signal *ret_signal) {
    struct signalfd_siginfo info;
    while (read(signals->all, &info, sizeof(info)) == sizeof(info)) {
        int signo = (int)info.ssi_signo;
        bool is_known = signo > 0 && signo < SIGNALS;
        bool is_by_own_write = is_known && table[signo].is_writes && info.ssi_pid == (uint32_t)getpid();
        if (!is_known || table[signo].is_own || is_by_own_write || is_ignored(signo))
            continue;
        *ret_signal = (struct mb_signal){.signo = signo,
                                         .is_ending = table[signo].ends,
                                         .is_for_group = table[signo].is_key && info.ssi_code == SI_KERNEL,
                                         .is_resize = table[signo].resizes};
        return true;
    }
    return false;
}

int mb_signals_take_ending(const struct mb_signals *signals) {
    struct signalfd_siginfo info;
    return read(signals->endings, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

int mb_signals_pending_ending(void) {
    sigset_t pending;
    sigpending(&pending);
    for (int signo = 1; signo < SIGNALS; signo++)
        if (is_ending(signo) && sigismember(&pending, signo) == 1)
            return signo;
    return 0;
}

void mb_signals_block_endings(void) {
    const sigset_t endings = set_of(is_ending);
    sigprocmask(SIG_SETMASK, &endings, NULL);
}

void mb_signals_block_none(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void mb_signals_unblock_stops(void) {
    const sigset_t stops = set_of(is_stop);
    sigprocmask(SIG_UNBLOCK, &stops, NULL);
}
