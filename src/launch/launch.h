/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's side: from a plan to a running box. */
#ifndef MB_LAUNCH_LAUNCH_H
#define MB_LAUNCH_LAUNCH_H

#include <sys/resource.h>

#include "inside/shared.h"
#include "launch/notify.h"
#include "launch/wait.h"
#include "plan/plan.h"

struct minibox_box {
    int pid, pidfd;
    int lock_fd;             /* holds the range of ids; -1: none */
    int terminal_fd;         /* master of the box's terminal, for who started it to take; -1: none */
    struct mb_notify notify; /* for who started it to serve */
    struct mb_shared *shared;
    size_t shared_size;
    bool ended;
    int status;          /* wait status, when it has ended */
    struct rusage usage; /* of all that was waited for in it */
};

/* Sees that the descriptors which the box would get are open, and none of them a folder. Before anything is opened. */
int mb_launch_check_descriptors(uint32_t preserve_fds, struct minibox_error *err);

/*
 * Executes the plan and returns once the command has been executed. cancel_fd (-1: none), when readable, ends the
 * launch; so does the plan's time limit, counted from `start` (CLOCK_MONOTONIC, nanoseconds). From before clone all
 * signals are blocked in the calling thread, and stay so on success. On failure nothing is left, *err says which step,
 * and err->status what to exit with.
 */
int mb_launch_start(struct mb_plan *plan, int cancel_fd, uint64_t start, struct minibox_box **ret_box,
                    struct minibox_error *err);

/* minibox_kill(), to the command's process group. Only with init, which passes it on. */
int mb_launch_kill_group(struct minibox_box *box, int signo, struct minibox_error *err);

/* Opens a STREAM step's file with the caller's rights, as a shell would; one file that is named for two is one open
 * file. */
int mb_launch_open_stream(const struct mb_plan *plan, struct mb_step *step, struct minibox_error *err);

#endif
