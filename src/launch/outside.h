/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's part of the verification: it looks at the box from outside. */
#ifndef MB_LAUNCH_OUTSIDE_H
#define MB_LAUNCH_OUTSIDE_H

#include "inside/shared.h"
#include "plan/plan.h"

/* Compares the namespaces and id maps of the box's process 1, `pid` here, with the plan, and lets the command's process
 * go on. 0, or -1 with *err: then the box must be killed. */
int mb_outside_verify(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared, int pid,
                      struct minibox_error *err);

#endif
