/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and their steps in words. */
#ifndef MB_SHOW_PLAN_H
#define MB_SHOW_PLAN_H

#include <stdio.h>

#include "plan/plan.h"

/* Kind of a step as shown ("mount"), and the words of an error ("cannot mount tmpfs on" "/tmp"). */
const char *mb_step_name(enum mb_step_kind kind);
void mb_step_fill_error(const struct mb_step *step, struct minibox_error *err);

/* What a step does, without its number and kind; what does not fit is cut. */
void mb_step_describe(const struct mb_plan *plan, const struct mb_step *step, char *ret_text, size_t size);

/* --dry-run, in lines and as JSON. */
void mb_plan_print(const struct mb_plan *plan, FILE *out);
int mb_plan_print_json(const struct mb_plan *plan, FILE *out, struct minibox_error *err);

#endif
