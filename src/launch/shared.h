/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the memory that launcher, builder and init share. */
#ifndef MB_LAUNCH_SHARED_H
#define MB_LAUNCH_SHARED_H

#include "inside/shared.h"
#include "launch/launch.h"

/*
 * Makes and fills the shared memory. `streams` are the files that become descriptors 0 to 2 (-1: the caller's). *ret_fd
 * is its sealed memory file, -1: none could be made. Also after an error the caller unmaps and closes what there is. 0,
 * or -1 with *err.
 */
int mb_shared_make(const struct mb_plan *plan, const struct mb_launch_options *options, const int *streams,
                   struct mb_shared **ret_shared, size_t *ret_size, int *ret_fd, struct minibox_error *err);

#endif
