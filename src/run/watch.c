/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. While a plan is made the launcher reads files, which may lie on a file system that does not answer. A
 * process that waits for one in the kernel runs no handler, but a signal can end it by its default action. So the
 * launcher blocks the signals in question, and another thread polls for them and for the deadline. That thread writes
 * the report, and then gives the signal its default action, which ends the launcher too, wherever it waits.
 *
 * What must stay true: this thread takes no lock that the launcher may hold, so it calls neither the heap nor stdio's
 * streams; it takes no signal from the descriptor, so that a launch which has begun meanwhile still finds it; it blocks
 * all other signals, so that none is delivered here that the launcher's thread has blocked.
 */
#include "run/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "launch/wait.h"

enum { STACK = 256 * 1024 };

/* Whether the launcher's thread has come to clone. From there on it has all signals blocked, also those that end no
 * launch. */
static bool launch_has_begun(const struct mb_watch *watch) {
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/self/task/%d/status", watch->launcher);
    const char *line = mb_fd_read_file(path, text, sizeof(text)) < 0 ? NULL : strstr(text, "\nSigBlk:");
    unsigned long long blocked = 0;
    return line && sscanf(line, "\nSigBlk: %llx", &blocked) == 1 && blocked >> (SIGUSR1 - 1) & 1;
}

static void write_report(const struct mb_watch *watch, int status, const char *why) {
    const struct mb_outfile *report = atomic_load(&watch->report);
    char text[256];
    int length = snprintf(text, sizeof(text), "{\n  \"status\":%d,\n  \"error\":\"minibox: %s\\n\"\n}\n", status, why);
    if (report)
        mb_outfile_write(report, text, (size_t)length); /* minibox ends: it cannot report a failure of this any more */
}

/* A reader of standard error that takes nothing must not put off the end. */
static void say(const char *why) {
    struct pollfd errors = {STDERR_FILENO, POLLOUT, 0};
    char text[256];
    int length = snprintf(text, sizeof(text), "minibox: %s\n", why);
    if (poll(&errors, 1, 100) > 0)
        mb_fd_write_all(STDERR_FILENO, text, (size_t)length);
}

/* Returns only if the launch has begun while the report was written. That is written again at the end then. */
static void end_by_time(const struct mb_watch *watch) {
    static const char why[] = "the time limit was reached before the box was started";
    write_report(watch, watch->late_status, why);
    if (launch_has_begun(watch))
        return;
    say(why);
    _exit(watch->late_status);
}

static void end_by_signal(const struct mb_watch *watch, int signo) {
    char why[128];
    sigset_t set;
    snprintf(why, sizeof(why), "ended by signal %d before the box was started", signo);
    write_report(watch, MINIBOX_EXIT_SIGNAL + signo, why);
    if (launch_has_begun(watch))
        return;
    sigemptyset(&set);
    sigaddset(&set, signo);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* the signal is pending: its default action ends the process here */
    _exit(MINIBOX_EXIT_SIGNAL + signo);
}

/* The launcher's word may fail to wake this thread: it looks by itself now and then, so that nobody waits for ever. */
static void *watch_launch(void *argument) {
    enum { NOW_AND_THEN = 200000000 }; /* nanoseconds */
    const struct mb_watch *watch = argument;
    while (!atomic_load(&watch->has_stopped)) {
        struct pollfd fds[2] = {{watch->stop, POLLIN, 0}, {watch->signals->endings, POLLIN, 0}};
        uint64_t look = mb_wait_clock() + NOW_AND_THEN;
        bool is_last = watch->deadline && watch->deadline < look;
        int ready = mb_wait_poll(fds, 2, is_last ? watch->deadline : look);
        if (fds[0].revents || (ready >= 0 && launch_has_begun(watch)))
            return NULL;
        int signo = ready > 0 ? mb_signals_pending_ending() : 0;
        if (ready == 0 && is_last)
            end_by_time(watch);
        else if (signo)
            end_by_signal(watch, signo);
    }
    return NULL;
}

int mb_watch_start(struct mb_watch *watch, struct minibox_error *err) {
    pthread_attr_t attributes;
    sigset_t all;
    watch->launcher = gettid();
    watch->stop = eventfd(0, EFD_CLOEXEC);
    if (watch->stop < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot watch the launch", NULL);
    sigfillset(&all);
    mb_signals_block_endings();
    int number = pthread_attr_init(&attributes);
    if (number == 0) {
        pthread_attr_setstacksize(&attributes, STACK);
        number = pthread_attr_setsigmask_np(&attributes, &all);
        number = number ? number : pthread_create(&watch->thread, &attributes, watch_launch, watch);
        pthread_attr_destroy(&attributes);
    }
    if (number == 0)
        return 0;
    mb_fd_close(&watch->stop);
    return mb_error_host(err, NULL, MB_REMEDY_NONE, number, "cannot watch the launch", NULL);
}

void mb_watch_report(struct mb_watch *watch, const struct mb_outfile *report) {
    atomic_store(&watch->report, report);
}

void mb_watch_stop(struct mb_watch *watch) {
    static const uint64_t one = 1;
    if (watch->stop < 0)
        return;
    atomic_store(&watch->has_stopped, true);
    mb_fd_write_all(watch->stop, &one, sizeof(one)); /* so that it stops at once */
    pthread_join(watch->thread, NULL);
    mb_fd_close(&watch->stop);
}
