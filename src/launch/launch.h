/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher: executes a plan, until the box runs. */
#ifndef MB_LAUNCH_LAUNCH_H
#define MB_LAUNCH_LAUNCH_H

#include <sys/resource.h>

#include "inside/shared.h"
#include "launch/notify.h"
#include "launch/wait.h"
#include "plan/plan.h"

/* A box that was launched. */
struct minibox_box {
    int pid, pidfd;
    int lock_fd;             /* holds the range of ids; -1: none */
    int terminal_fd;         /* master of the box's terminal, which the caller may take; -1: none */
    struct mb_notify notify; /* whose listener the caller serves */
    struct mb_shared *shared;
    size_t shared_size;
    bool ended;
    int status;          /* wait status, when it has ended */
    struct rusage usage; /* of all processes that init waited for, and its own */
};

/* A plan is launched to run the command; or to try whether that would work: then all is done but the execve, and no
 * file of the host is changed. */
enum mb_purpose { MB_TO_RUN, MB_TO_TRY };

/* What differs between launches of one plan. */
struct mb_launch_options {
    int cancel_fd;    /* when it is readable, the launch is to end; -1: none */
    uint64_t started; /* when the time limit began to count: CLOCK_MONOTONIC, nanoseconds */
    enum mb_purpose purpose;
    enum mb_notify_what notify;
    int streams[3]; /* descriptors for standard input, output and error; all -1: the files that the box names */
};

/* Checks that the descriptors which the box gets are open, and none of them a directory. It is called before minibox
 * opens anything, since that would get the number of a closed one. */
int mb_launch_check_descriptors(uint32_t preserve_fds, struct minibox_error *err);

/*
 * Opens the files that the box names for its standard descriptors, with the caller's rights, as a shell would; a file
 * that is named for two is opened once. ret_streams[i] is -1 where the box names none; the caller closes the others. On
 * failure none is open.
 */
int mb_launch_open_streams(const struct mb_plan *plan, enum mb_purpose purpose, int ret_streams[3],
                           struct minibox_error *err);

/* Closes those that are open, and notes that they are not. */
void mb_launch_close_streams(int streams[3]);

enum mb_launch_outcome {
    MB_LAUNCHED,      /* the command has been executed */
    MB_LAUNCH_FAILED, /* nothing is left of the box */
    MB_LAUNCH_LOST,   /* it failed, and the builder may still live and read plan and box: they must not be freed */
};

/*
 * Executes the plan and returns once the command has been executed. From before clone all signals are blocked in the
 * calling thread, and stay so on success. On failure *err names the step, and err->status is the exit status.
 */
enum mb_launch_outcome mb_launch_start(const struct mb_plan *plan, const struct mb_launch_options *options,
                                       struct minibox_box **ret_box, struct minibox_error *err);

/* minibox_kill() to the command's process group. The box must have an init, which passes the signal on. */
int mb_launch_kill_group(struct minibox_box *box, int signo, struct minibox_error *err);

#endif
