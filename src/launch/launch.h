/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's side: from a plan to a running box. */
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
    int terminal_fd;         /* master of the box's terminal, for who started it to take; -1: none */
    struct mb_notify notify; /* for who started it to serve */
    struct mb_shared *shared;
    size_t shared_size;
    bool ended;
    int status;          /* wait status, when it has ended */
    struct rusage usage; /* of all that was waited for in it */
};

/* How a plan is launched this time. */
struct mb_launch_options {
    int cancel_fd;    /* readable: the launch is to end; -1: none */
    uint64_t started; /* when the time limit began to count: CLOCK_MONOTONIC, nanoseconds */
    bool trial;       /* all is done but the execve, and no file of the host is changed */
    enum mb_notify_what notify;
    int streams[3]; /* what becomes standard input, output and error in place of the files that the box names; -1: those
                     */
};

/* Sees that the descriptors which the box would get are open, and none of them a directory. Before anything is opened.
 */
int mb_launch_check_descriptors(uint32_t preserve_fds, struct minibox_error *err);

/*
 * Opens the files that the box names for its standard descriptors, with the caller's rights, as a shell would; one file
 * that is named for two is one open file. `trial`: those that would be written to are not changed. ret_streams[i] is -1
 * where the box names none; the caller closes the others. On failure none is open.
 */
int mb_launch_open_streams(const struct mb_plan *plan, bool trial, int ret_streams[3], struct minibox_error *err);

enum mb_launch_outcome {
    MB_LAUNCHED,      /* the command has been executed */
    MB_LAUNCH_FAILED, /* nothing is left */
    MB_LAUNCH_LOST,   /* it failed, and the builder's death could not be seen: plan and box must not be freed, it reads
                         them */
};

/*
 * Executes the plan and returns once the command has been executed. From before clone all signals are blocked in the
 * calling thread, and stay so on success. If it fails, *err says which step, and err->status what to exit with.
 */
enum mb_launch_outcome mb_launch_start(const struct mb_plan *plan, const struct mb_launch_options *options,
                                       struct minibox_box **ret_box, struct minibox_error *err);

/* minibox_kill(), to the command's process group. Only with init, which passes it on. */
int mb_launch_kill_group(struct minibox_box *box, int signo, struct minibox_error *err);

#endif
