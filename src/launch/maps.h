/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the id maps of a box, and gives the trees that the launcher mounts into it the box's owners. */
#ifndef MB_LAUNCH_MAPS_H
#define MB_LAUNCH_MAPS_H

#include "inside/shared.h"
#include "launch/wait.h"

/*
 * Executes the plan's WRITE_MAPS, if it has one, for the builder `pid`, which waits at the gate; then gives the
 * detached trees in `fds` (one for each step) owners of the box. 0, or -1 with wait->err.
 */
int mb_maps_write(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared, const int *fds,
                  int pid, const struct mb_wait *wait);

#endif
