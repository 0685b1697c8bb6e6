/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. One poll loop watches the box's pidfd, the signals, its terminal, its output and its filter's listener.
 * Each turn prepares what to poll for, waits, and does what the answer says. The loop ends when the box has ended and
 * its last output is written.
 *
 * What must stay true: no turn waits beyond the deadline, nor a flood of what is ready puts it off; nothing here
 * blocks.
 */
#include "run/supervise.h"

#include <errno.h>
#include <signal.h>

#include "base/error.h"
#include "base/fd.h"

enum { DEATH, SIGNAL, TERMINAL, OUTPUT = TERMINAL + MB_TERMINAL_FDS, NOTIFY = OUTPUT + MB_OUTPUT_FDS, FDS };
enum { SECOND = 1000000000, SILENCE = 200000000 }; /* nanoseconds */

/* What a turn waited for. */
enum turn { TURN_READY, TURN_LATE, TURN_AGAIN, TURN_FAILED };

static bool goes_on(const struct mb_supervisor *s) {
    return !s->has_ended || mb_terminal_has_output(s->terminal) || mb_output_has_more(s->output);
}

static void prepare_turn(const struct mb_supervisor *s, struct pollfd *fds) {
    fds[DEATH] = (struct pollfd){s->has_ended ? -1 : minibox_box_pidfd(s->box), POLLIN, 0};
    fds[SIGNAL] = (struct pollfd){s->signals->all, POLLIN, 0};
    mb_terminal_prepare(s->terminal, &fds[TERMINAL]);
    mb_output_prepare(s->output, &fds[OUTPUT]);
    fds[NOTIFY] = (struct pollfd){s->box->notify.fd, POLLIN, 0};
}

static enum turn wait_for_any(const struct mb_supervisor *s, struct pollfd *fds) {
    struct timespec left = {0, 0};
    if (s->deadline && !mb_wait_left(s->deadline, &left))
        return TURN_LATE;
    /* Some process outside of the box may hold its terminal open, and say nothing more. */
    bool is_silent = s->has_ended && !s->terminal->output_length && !s->output->length;
    if (is_silent)
        left = (struct timespec){0, SILENCE};
    int count = ppoll(fds, FDS, s->deadline || is_silent ? &left : NULL, NULL);
    if (count < 0)
        return errno == EINTR ? TURN_AGAIN : TURN_FAILED;
    return count ? TURN_READY : TURN_LATE;
}

/* The deadline kills the box, which then has a second for its last output. */
static int end_by_deadline(struct mb_supervisor *s, struct minibox_error *err) {
    s->timed_out = true;
    s->deadline = mb_wait_clock() + SECOND;
    return minibox_kill(s->box, SIGKILL, err);
}

static int pass_bytes(struct mb_supervisor *s, const struct pollfd *fds, struct minibox_error *err) {
    mb_terminal_forward(s->terminal, &fds[TERMINAL]);
    mb_output_forward(s->output, &fds[OUTPUT]);
    return s->output->is_reached && !s->has_ended ? minibox_kill(s->box, SIGKILL, err) : 0;
}

/* A call that is not answered would let the box wait for ever. */
static int answer_calls(struct mb_supervisor *s, const struct pollfd *notify, struct minibox_error *err) {
    if (notify->revents & POLLIN && mb_notify_serve(&s->box->notify))
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot answer the box's system calls", NULL);
    if (notify->revents && !(notify->revents & POLLIN)) /* no process with this filter is left */
        mb_fd_close(&s->box->notify.fd);
    return 0;
}

static int pass_signals(struct mb_supervisor *s, struct minibox_error *err) {
    struct mb_signal signal;
    while (mb_signals_next(s->signals, &signal)) {
        if (signal.is_resize && s->terminal->master >= 0) { /* the kernel tells those on the box's terminal */
            mb_terminal_resize(s->terminal);
            continue;
        }
        s->is_ending |= signal.is_ending;
        int result = signal.is_for_group && s->has_init ? mb_launch_kill_group(s->box, signal.signo, err)
                                                        : minibox_kill(s->box, signal.signo, err);
        if (result)
            return -1;
    }
    return 0;
}

static void note_death(struct mb_supervisor *s) {
    s->has_ended = true;
    mb_terminal_end(s->terminal);
}

/* Who asked for the end waits for nobody that takes no output, but for a second. */
static void hurry(struct mb_supervisor *s) {
    uint64_t soon = mb_wait_clock() + SECOND;
    if (!s->has_ended || !s->is_ending || s->is_hurried || (s->deadline && s->deadline <= soon))
        return;
    s->deadline = soon;
    s->is_hurried = true;
}

static int take_turn(struct mb_supervisor *s, const struct pollfd *fds, struct minibox_error *err) {
    if (pass_bytes(s, fds, err))
        return -1;
    if (answer_calls(s, &fds[NOTIFY], err))
        return -1;
    if (fds[SIGNAL].revents && pass_signals(s, err))
        return -1;
    if (fds[DEATH].revents && !s->has_ended)
        note_death(s);
    hurry(s);
    return 0;
}

int mb_supervise(struct mb_supervisor *s, struct minibox_error *err) {
    while (goes_on(s)) {
        struct pollfd fds[FDS];
        prepare_turn(s, fds);
        enum turn turn = wait_for_any(s, fds);
        if (turn == TURN_FAILED)
            return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot watch the box", NULL);
        if (turn == TURN_AGAIN)
            continue;
        bool is_enough = s->has_ended && s->output->is_reached && !s->output->length; /* the rest is not wanted */
        if (s->has_ended && (turn == TURN_LATE || is_enough))
            return 0;
        if (turn == TURN_LATE ? end_by_deadline(s, err) : take_turn(s, fds, err))
            return -1;
    }
    return 0;
}
