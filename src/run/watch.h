/* SPDX-License-Identifier: Apache-2.0 */
/* What ends minibox before there is a box: the time limit, and signals, with a report of it. */
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
    int late_status;   /* what minibox exits with at the deadline */

    _Atomic(const struct mb_outfile *) report; /* NULL: none, or not yet */
    int stop;                                  /* eventfd; -1: nothing is watched */
    int launcher;                              /* the thread that makes the box */
    pthread_t thread;
};

#define MB_WATCH_NONE ((struct mb_watch){.stop = -1})

/*
 * From here on the calling thread, which goes on to make the box, has the signals that end a launch blocked, and a
 * thread of minibox's own ends minibox when one comes, or at the deadline. It does nothing once the calling thread has
 * all signals blocked, as mb_launch_start() has from before clone: that watches by itself. The fields above the line
 * are the caller's to set.
 */
int mb_watch_start(struct mb_watch *watch, struct minibox_error *err);

/* To this file goes why, from here on. */
void mb_watch_report(struct mb_watch *watch, const struct mb_outfile *report);

/* Ends the thread; what is blocked stays so. Nothing, if none was started. */
void mb_watch_stop(struct mb_watch *watch);

#endif
