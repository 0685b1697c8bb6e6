/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/wait.h"

#include <errno.h>
#include <time.h>

#include "launch/report.h"

uint64_t mb_wait_clock(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int mb_wait_poll(struct pollfd *fds, size_t count, uint64_t deadline) {
    for (;;) {
        uint64_t now = deadline ? mb_wait_clock() : 0, left = deadline - now;
        struct timespec time = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        if (deadline && deadline <= now)
            return 0;
        int n = ppoll(fds, count, deadline ? &time : NULL, NULL);
        if (n != 0)
            return n;
    }
}

int mb_wait_interrupted(const struct mb_wait *wait, const char *why, int status) {
    mb_error_host(wait->err, NULL, MB_REMEDY_NONE, 0, why, NULL);
    wait->err->phase = MINIBOX_PHASE_LAUNCH;
    wait->err->status = status;
    return -1;
}

int mb_wait_any(const struct mb_wait *wait, struct pollfd *fds, size_t count) {
    int n;
    fds[count] = (struct pollfd){wait->cancel_fd, POLLIN, 0};
    do
        n = mb_wait_poll(fds, count + 1, wait->deadline);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return mb_report_step(wait->plan, mb_plan_find(wait->plan, MB_STEP_CLONE), errno, wait->err);
    if (n == 0)
        return mb_wait_interrupted(wait, "the time limit was reached before the command was executed",
                                   MINIBOX_EXIT_TIMEOUT);
    if (n == 1 && fds[count].revents)
        return mb_wait_interrupted(wait, "interrupted before the command was executed", MINIBOX_EXIT_FAILED);
    return 0;
}

int mb_wait_fd(const struct mb_wait *wait, int fd) {
    struct pollfd fds[2] = {{fd, POLLIN, 0}};
    return mb_wait_any(wait, fds, 1);
}
