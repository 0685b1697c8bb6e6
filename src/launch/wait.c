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

bool mb_wait_left(uint64_t deadline, struct timespec *ret_left) {
    uint64_t now = mb_wait_clock(), left = deadline > now ? deadline - now : 0;
    *ret_left = (struct timespec){(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    return left > 0;
}

int mb_wait_interrupted(const struct mb_wait *wait, const char *why, int status) {
    mb_error_host(wait->err, NULL, MB_REMEDY_NONE, 0, why, NULL);
    wait->err->phase = MINIBOX_PHASE_LAUNCH;
    wait->err->status = status;
    return -1;
}

int mb_wait_any(const struct mb_wait *wait, struct pollfd *fds, size_t count) {
    fds[count] = (struct pollfd){wait->cancel_fd, POLLIN, 0};
    for (;;) {
        struct timespec left = {0, 0};
        bool is_late = wait->deadline && !mb_wait_left(wait->deadline, &left);
        int n = is_late ? 0 : ppoll(fds, count + 1, wait->deadline ? &left : NULL, NULL);
        if ((n < 0 && errno == EINTR) || (n == 0 && !is_late)) /* too early: looked at again */
            continue;
        if (n < 0)
            return mb_report_step(wait->plan, mb_plan_find(wait->plan, MB_STEP_CLONE), errno, wait->err);
        if (n == 0)
            return mb_wait_interrupted(wait, "the time limit was reached before the command was executed",
                                       MINIBOX_EXIT_TIMEOUT);
        bool is_cancelled = fds[count].revents;
        if (n == 1 && is_cancelled)
            return mb_wait_interrupted(wait, "interrupted before the command was executed", MINIBOX_EXIT_FAILED);
        return 0;
    }
}

int mb_wait_fd(const struct mb_wait *wait, int fd) {
    struct pollfd fds[2] = {{fd, POLLIN, 0}};
    return mb_wait_any(wait, fds, 1);
}
