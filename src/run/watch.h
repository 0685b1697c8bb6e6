/* SPDX-License-Identifier: Apache-2.0 */
/* Ends minibox before there is a box, at the time limit or by a signal, with a report of it. */
#ifndef MB_RUN_WATCH_H
#define MB_RUN_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "run/outfile.h"
#include "run/signals.h"

struct mb_watch {
    const struct mb_signals *signals;
    uint64_t deadline; /* of mb_wait_clock(); 0: none */
    int late_status;   /* minibox's exit status at the deadline */

    /* Set by the functions below. */
    _Atomic(const struct mb_outfile *) report; /* NULL: none, or not yet */
    atomic_bool has_stopped;
    int stop;     /* eventfd; -1: nothing is watched */
    int launcher; /* the thread that makes the box */
    pthread_t thread;
};

#define MB_WATCH_NONE ((struct mb_watch){.stop = -1})

/*
 * Blocks the signals that end a launch in the calling thread, which goes on to make the box, and starts another thread,
 * which ends minibox when one comes, or at the deadline. That does nothing once the calling thread has all signals
 * blocked, as mb_launch_start() has from before clone, since that watches by itself. 0, or -1 with *err.
 */
int mb_watch_start(struct mb_watch *watch, struct minibox_error *err);

/* From now on the thread writes to this file why it ends minibox. */
void mb_watch_report(struct mb_watch *watch, const struct mb_outfile *report);

/* Ends the thread, if one was started. The blocked signals stay blocked. */
void mb_watch_stop(struct mb_watch *watch);

#endif
