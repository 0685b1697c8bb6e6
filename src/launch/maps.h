/* SPDX-License-Identifier: Apache-2.0 */
/* Who is who in the box: its id maps, and the owners of what the launcher mounts into it. */
#ifndef MB_LAUNCH_MAPS_H
#define MB_LAUNCH_MAPS_H

#include "inside/shared.h"
#include "launch/wait.h"

/*
 * Executes the plan's WRITE_MAPS, if it has one, for the builder `pid`, which waits at the gate; then gives the
 * detached trees in `fds` (one a step) the owners that the box has. 0, or -1 with wait->err.
 */
int mb_maps_write(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared, const int *fds,
                  int pid, const struct mb_wait *wait);

#endif
