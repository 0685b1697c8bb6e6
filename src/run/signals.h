/* SPDX-License-Identifier: Apache-2.0 */
/* The signals that minibox gets while it starts a box and stays beside it. */
#ifndef MB_RUN_SIGNALS_H
#define MB_RUN_SIGNALS_H

#include <stdbool.h>

#include "minibox/minibox.h"

struct mb_signals {
    int all;     /* signalfd that mb_signals_next() reads; -1: not open */
    int endings; /* signalfd that is readable when a signal asks minibox to end; -1: not open */
};

#define MB_SIGNALS_NONE ((struct mb_signals){.all = -1, .endings = -1})

/* A signal that concerns the box. */
struct mb_signal {
    int signo;
    bool is_ending;    /* it asks minibox itself to end, too */
    bool is_for_group; /* a key or a lost terminal caused it, so it is for all processes that the command has started */
    bool is_resize;    /* the window has another size */
};

/* Opens the descriptors; blocks no signal. Signals that minibox's caller has ignored stay ignored. 0, or -1 with *err.
 */
int mb_signals_open(struct mb_signals *signals, struct minibox_error *err);
void mb_signals_close(struct mb_signals *signals);

/* Takes the next signal that has come; false: there is none. All signals must be blocked in the calling thread. */
bool mb_signals_next(const struct mb_signals *signals, struct mb_signal *ret_signal);

/* Takes a signal that asks minibox to end; 0: there is none. */
int mb_signals_take_ending(const struct mb_signals *signals);

/* The same, for any thread, but leaves the signal pending, so that it comes when it is unblocked. */
int mb_signals_pending_ending(void);

/* Makes the calling thread block only the signals that ask minibox to end; or none. */
void mb_signals_block_endings(void);
void mb_signals_block_none(void);

/* Unblocks the signals that stop minibox itself, since its caller's shell expects that of a job. */
void mb_signals_unblock_stops(void);

#endif
