/* SPDX-License-Identifier: Apache-2.0 */
/* The signals that minibox gets while it starts a box and stays beside it. */
#ifndef MB_RUN_SIGNALS_H
#define MB_RUN_SIGNALS_H

#include <stdbool.h>

#include "minibox/minibox.h"

struct mb_signals {
    int all;     /* signalfd of what mb_signals_next() tells of; -1: not open */
    int endings; /* signalfd of the signals that end a launch, to be polled; -1: not open */
};

#define MB_SIGNALS_NONE ((struct mb_signals){.all = -1, .endings = -1})

/* A signal that concerns the box. */
struct mb_signal {
    int signo;
    bool is_ending;    /* it asks minibox itself to end, too */
    bool is_for_group; /* it comes from the keyboard or a terminal that is gone: for all that the command has started */
    bool is_resize;    /* the window has another size */
};

/* Nothing is blocked by this. What minibox was started to ignore stays ignored, and is told by neither. */
int mb_signals_open(struct mb_signals *signals, struct minibox_error *err);
void mb_signals_close(struct mb_signals *signals);

/* The next signal that has come; false: none. For a thread in which all are blocked. */
bool mb_signals_next(const struct mb_signals *signals, struct mb_signal *ret_signal);

/* The signal that ends the launch, taken from those that wait; 0: none does. */
int mb_signals_take_ending(const struct mb_signals *signals);
/* The same, but left where it is, so that it comes when it is unblocked. For any thread. */
int mb_signals_pending_ending(void);

/* What is blocked in the calling thread: only the endings; nothing. */
void mb_signals_block_endings(void);
void mb_signals_block_none(void);

/* Lets through the signals that stop minibox itself, since its caller's shell expects that of a job. */
void mb_signals_unblock_stops(void);

#endif
