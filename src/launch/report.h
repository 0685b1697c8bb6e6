/* SPDX-License-Identifier: Apache-2.0 */
/* From what went wrong in a launch to the error record. */
#ifndef MB_LAUNCH_REPORT_H
#define MB_LAUNCH_REPORT_H

#include "inside/shared.h"
#include "plan/plan.h"

/* A step failed with this errno: names it, and finds the remedy for its kind. Returns -1. */
int mb_report_step(const struct mb_plan *plan, const struct mb_step *step, int number, struct minibox_error *err);

/* The failure that the builder or init wrote into the shared box. Returns -1. */
int mb_report_shared(const struct mb_plan *plan, const struct mb_shared *shared, struct minibox_error *err);

/* Replaces detail and remedy, where one row of a step's kind and errno does not say enough. */
void mb_report_remedy(struct minibox_error *err, enum mb_remedy remedy);

#endif
