/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's waits: each ends with what is waited for, with the caller's wish, or with the time limit. */
#ifndef MB_LAUNCH_WAIT_H
#define MB_LAUNCH_WAIT_H

#include <poll.h>
#include <time.h>

#include "plan/plan.h"

struct mb_wait {
    const struct mb_plan *plan; /* for messages */
    struct minibox_error *err;
    int cancel_fd;     /* readable: the caller wishes the end; -1: none */
    uint64_t deadline; /* of mb_wait_clock(); 0: none */
};

/* Waits until one of `fds` has an event; behind them is room for one more. 0, or -1 with *err. */
int mb_wait_any(const struct mb_wait *wait, struct pollfd *fds, size_t count);
int mb_wait_fd(const struct mb_wait *wait, int fd);

/* A launch that nothing failed in ends: why, and the exit status. Returns -1. */
int mb_wait_interrupted(const struct mb_wait *wait, const char *why, int status);

/* Now, in nanoseconds of CLOCK_MONOTONIC. */
uint64_t mb_wait_clock(void);

/* How long it is until `deadline` on that clock, for ppoll(2). False: it is over. */
bool mb_wait_left(uint64_t deadline, struct timespec *ret_left);

#endif
