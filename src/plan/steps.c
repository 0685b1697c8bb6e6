/* SPDX-License-Identifier: Apache-2.0 */
/* Appending to a plan. What cannot be had for want of memory goes to a scrap step; the compiler notices at the end. */
#include "plan/steps.h"

#include <string.h>
#include <sys/stat.h>

const struct mb_origin mb_steps_default = {.kind = MB_ORIGIN_DEFAULT};

/* The new step, to be filled in. Valid until the next one is added. */
struct mb_step *mb_steps_add(struct mb_compiler *c, enum mb_step_kind kind, enum mb_side side,
                             const struct mb_origin *origin) {
    struct mb_step *step = mb_arena_push(&c->plan->arena, &c->plan->steps, &c->plan->step_count, sizeof(*step));
    if (!step)
        step = &c->scrap;
    *step = (struct mb_step){
        .kind = kind, .side = side, .origin = origin ? origin : &mb_steps_default, .fd = -1, .mount = -1};
    return step;
}

struct mb_step *mb_steps_add_at(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                enum mb_slot at, const char *target, const char *path) {
    struct mb_step *step = mb_steps_add(c, kind, MB_SIDE_BUILDER, origin);
    step->at = at;
    step->target = target;
    step->path = path;
    return step;
}

/* A step on an absolute path of the box's root. */
struct mb_step *mb_steps_add_in_root(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                     const char *target) {
    return mb_steps_add_at(c, kind, origin, MB_SLOT_ROOT, target, target + strspn(target, "/"));
}

void mb_steps_set_options(struct mb_compiler *c, struct mb_step *step, const struct mb_mount_option *options,
                          size_t count) {
    struct mb_mount_option *copy = mb_arena_alloc(&c->plan->arena, count * sizeof(*copy));
    if (!copy)
        return;
    memcpy(copy, options, count * sizeof(*copy));
    step->options = copy;
    step->option_count = count;
}
void mb_steps_add_absent(struct mb_compiler *c, const char *what) {
    const char **slot = mb_arena_push(&c->plan->arena, &c->plan->absent, &c->plan->absent_count, sizeof(*slot));
    if (slot)
        *slot = what;
}

struct mb_step *mb_steps_last(struct mb_compiler *c) {
    return c->plan->step_count ? &c->plan->steps[c->plan->step_count - 1] : &c->scrap;
}

void mb_steps_add_folder(struct mb_compiler *c, const char *target, uint32_t mode) {
    mb_steps_add_in_root(c, MB_STEP_DIRECTORY, NULL, target)->mode = S_IFDIR | mode;
}
