/* SPDX-License-Identifier: Apache-2.0 */
/* The builder: the cloned child that executes the plan's builder steps and becomes init. */
#ifndef MB_INSIDE_BUILDER_H
#define MB_INSIDE_BUILDER_H

#include "inside/shared.h"
#include "plan/plan.h"

/* All that the builder may use. Built by the launcher before clone; lives until the builder has executed init. */
struct mb_builder {
    const struct mb_plan *plan;
    const int *fds; /* one a step; JOIN: the namespace; BIND, DEVICE: a detached tree; STREAM: the file; -1: none */
    struct mb_shared *shared;
    int shared_fd, init_fd, launcher_fd, channel_fd, lock_fd, notify_fd; /* -1: none */
    const int *keep;                                                     /* descriptors to leave open, ascending */
    size_t keep_count;
    char *const *argv;        /* of init */
    int slots[MB_SLOT_COUNT]; /* descriptors of the mounts that are kept; -1: not made yet */
    bool joins;               /* an intermediate process enters the namespaces, then clones the builder */
};

/* Entry point of the clone. Never returns to its caller's caller: ends in execveat or exit. */
int mb_builder_run(void *builder);

/*
 * Opens a detached copy of the mount that a BIND or DEVICE step names, checks that it is what was planned, and gives it
 * the step's attributes. Returns its descriptor or -errno (-ESTALE: something else is there now). Raw system calls
 * only; the launcher calls it too, for sources that only it can reach.
 */
long mb_builder_open_tree(const struct mb_step *step);

#endif
