/* SPDX-License-Identifier: Apache-2.0 */
/* Who is who in the box: its id maps, and the owners of what the launcher mounts into it. */
#ifndef MB_LAUNCH_MAPS_H
#define MB_LAUNCH_MAPS_H

#include "inside/shared.h"
#include "launch/wait.h"

/* Executes the plan's WRITE_MAPS, if it has one, for the builder `pid`, which waits for it. 0, or -1 with wait->err. */
int mb_maps_write(struct mb_plan *plan, struct mb_shared *shared, int pid, const struct mb_wait *wait);

#endif
