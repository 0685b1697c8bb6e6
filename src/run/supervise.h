/* SPDX-License-Identifier: Apache-2.0 */
/* Serves a box while it runs. Knows descriptors and a deadline, but no options. */
#ifndef MB_RUN_SUPERVISE_H
#define MB_RUN_SUPERVISE_H

#include "launch/launch.h"
#include "run/output.h"
#include "run/signals.h"
#include "run/terminal.h"

struct mb_supervisor {
    struct minibox_box *box;
    const struct mb_signals *signals; /* all signals are blocked in the calling thread */
    struct mb_terminal *terminal;
    struct mb_output *output;
    uint64_t deadline; /* of mb_wait_clock(), when the box is killed; 0: none */
    bool has_init;     /* init passes a signal on to the command's process group */

    /* Set by mb_supervise(). */
    bool timed_out; /* the deadline was reached */
    bool has_ended;
    bool is_ending; /* a signal asked minibox itself to end */
    bool is_hurried;
};

/*
 * Waits for the end of the box: passes on signals, its terminal's bytes and its output, answers for its filter, and
 * kills it at the deadline or the output limit. The box's last output is still passed on; a reader that takes nothing
 * is waited for until the deadline, or for a second once a signal asked minibox to end. 0, or -1 with *err: the box may
 * still live.
 */
int mb_supervise(struct mb_supervisor *supervisor, struct minibox_error *err);

#endif
