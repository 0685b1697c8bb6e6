/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the compiler share, and how they append steps. */
#ifndef MB_PLAN_STEPS_H
#define MB_PLAN_STEPS_H

#include "plan/plan.h"

struct mb_compiler {
    const struct mb_box *box;
    struct mb_plan *plan;
    struct minibox_error *err;
    int root_fd;                       /* of the host's directory that is the root, for looking at it; -1: none */
    unsigned overlays;                 /* how many the staging tmpfs holds the layers of so far */
    const char *slots[MB_SLOT_COUNT];  /* targets of the mounts that are kept so far */
    struct mb_identity above_place[4]; /* the plan's place, and the directories that it is below */
    size_t above_count;                /* 0: not looked at yet */
    struct mb_step scrap;              /* written to when there is no memory; the plan is then not used */
};

/* Both append a step and return it, to be filled in; it is valid until the next one is appended. */
struct mb_step *mb_steps_add(struct mb_compiler *c, enum mb_step_kind kind, enum mb_side side,
                             const struct mb_origin *origin);
/* A builder's step on `path` below a slot, which users see as `target`. */
struct mb_step *mb_steps_add_at(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                enum mb_slot at, const char *target, const char *path);

/* The parts of the plan, in order: before the gate; the mounts; from the pivot to execve. 0, or -1 with *err. */
int mb_plan_start(struct mb_compiler *c);
int mb_plan_mounts(struct mb_compiler *c);
int mb_plan_end(struct mb_compiler *c);

#endif
