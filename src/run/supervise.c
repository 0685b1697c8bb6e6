/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. One poll loop watches the box's pidfd, the signals, its terminal, its output and its filter's listener.
 * Each turn prepares the descriptors, polls, and handles those that are ready. The loop ends when the box has ended and
 * its last output is written.
 *
 * What must stay true: no turn waits beyond the deadline, and no flood of events puts it off; nothing here blocks.
 */
#include "run/supervise.h"

#include <errno.h>
#include <signal.h>

#include "base/error.h"
#include "base/fd.h"

enum { DEATH, SIGNAL, TERMINAL, OUTPUT = TERMINAL + MB_TERMINAL_FDS, NOTIFY = OUTPUT + MB_OUTPUT_FDS, FDS };
enum { SECOND = 1000000000, SILENCE = 200000000 }; /* nanoseconds */

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

/* When the turn ends though nothing is ready; 0: never. Once the box has ended it need not wait long: a process outside
 * of the box may hold its terminal open without writing anything more. */
static uint64_t end_of_turn(const struct mb_supervisor *s) {
    if (!s->has_ended || s->terminal->output_length || s->output->length)
        return s->deadline;
    uint64_t soon = mb_wait_clock() + SILENCE;
    return s->deadline && s->deadline < soon ? s->deadline : soon;
}

/* Kills the box, and gives its last output a second to be read. */
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

/* A call without an answer would make the box wait for ever. */
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
        if (signal.is_resize && s->terminal->master >= 0) { /* the kernel then signals the box's processes itself */
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

/* After a signal that asks minibox to end, a reader that takes no output is waited for no longer than a second. */
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
        int ready = mb_wait_poll(fds, FDS, end_of_turn(s));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot watch the box", NULL);
        bool is_enough = s->output->is_reached && !s->output->length; /* output beyond the limit is dropped */
        if (s->has_ended && (!ready || is_enough))
            return 0;
        if (ready ? take_turn(s, fds, err) : end_by_deadline(s, err))
            return -1;
    }
    return 0;
}
