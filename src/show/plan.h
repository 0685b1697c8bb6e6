/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and their steps in words. */
#ifndef MB_SHOW_PLAN_H
#define MB_SHOW_PLAN_H

#include <stdio.h>

#include "plan/plan.h"

/* The name of a kind of step, as --dry-run shows it: "mount". */
const char *mb_step_name(enum mb_step_kind kind);

/* Fills in what could not be done, on which object, and the step's kind: "cannot mount tmpfs on", "/tmp", "mount". */
void mb_step_fill_error(const struct mb_step *step, struct minibox_error *err);

/* --dry-run, in lines and as JSON. */
void mb_plan_print(const struct mb_plan *plan, FILE *out);
int mb_plan_print_json(const struct mb_plan *plan, FILE *out, struct minibox_error *err);

#endif
