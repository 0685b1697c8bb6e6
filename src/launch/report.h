/* SPDX-License-Identifier: Apache-2.0 */
/* Fills in the error record of a launch that failed. */
#ifndef MB_LAUNCH_REPORT_H
#define MB_LAUNCH_REPORT_H

#include "inside/shared.h"
#include "plan/plan.h"

/* A step failed with the errno `number`: names the step, and finds the remedy. Returns -1. */
int mb_report_step(const struct mb_plan *plan, const struct mb_step *step, int number, struct minibox_error *err);

/* The same for the failure that the builder or init wrote into the shared memory. Returns -1. */
int mb_report_shared(const struct mb_plan *plan, const struct mb_shared *shared, struct minibox_error *err);

#endif
