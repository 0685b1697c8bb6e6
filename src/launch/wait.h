/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's waits: each ends with the awaited event, when the caller cancels the launch, or at the time limit. */
#ifndef MB_LAUNCH_WAIT_H
#define MB_LAUNCH_WAIT_H

#include <poll.h>

#include "plan/plan.h"

struct mb_wait {
    const struct mb_plan *plan; /* for messages */
    struct minibox_error *err;
    int cancel_fd;     /* when it is readable, the caller cancels the launch; -1: none */
    uint64_t deadline; /* of mb_wait_clock(); 0: none */
};

/* Waits until one of `fds` has an event; behind them is room for one more. 0, or -1 with *err. */
int mb_wait_any(const struct mb_wait *wait, struct pollfd *fds, size_t count);
int mb_wait_fd(const struct mb_wait *wait, int fd);

/* Records why a launch ends in which no step has failed, and the exit status. Returns -1. */
int mb_wait_interrupted(const struct mb_wait *wait, const char *why, int status);

/* Now, in nanoseconds of CLOCK_MONOTONIC. */
uint64_t mb_wait_clock(void);

/* poll(2) until a deadline on that clock (0: none). Returns 0 only if that was reached. */
int mb_wait_poll(struct pollfd *fds, size_t count, uint64_t deadline);

#endif
