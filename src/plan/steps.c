/* SPDX-License-Identifier: Apache-2.0 */
/* Appending to a plan. A step for which there is no memory is a scrap one; the compiler notices at the end. */
#include "plan/steps.h"

#include <string.h>

struct mb_step *mb_steps_add(struct mb_compiler *c, enum mb_step_kind kind, enum mb_side side,
                             const struct mb_origin *origin) {
    static const struct mb_origin by_default = {.kind = MB_ORIGIN_DEFAULT};
    struct mb_step *step = mb_arena_push(&c->plan->arena, &c->plan->steps, &c->plan->step_count, sizeof(*step));
    if (!step)
        step = &c->scrap;
    *step = (struct mb_step){.kind = kind, .side = side, .origin = origin ? origin : &by_default, .mount = -1};
    return step;
}

/* Cuts a path into its parts: "usr/lib" is {"", "usr"}, {"usr", "lib"}. One piece of memory holds them and their texts.
 */
static void cut_path(struct mb_compiler *c, struct mb_step *step) {
    const char *path = step->path + strspn(step->path, "/"); /* a directory is below the slot, never below / */
    size_t count = 0, length = strlen(path);
    for (const char *p = path; *p; p++)
        count += *p != '/' && (p == path || p[-1] == '/');
    struct mb_path_part *parts = count ? mb_arena_alloc(&c->plan->arena, count * (sizeof(*parts) + length + 2)) : NULL;
    if (!parts)
        return;
    char *text = (char *)(parts + count);
    size_t n = 0;
    for (const char *p = path; *p; n++) {
        size_t before = (size_t)(p - path), size = strcspn(p, "/");
        while (before && path[before - 1] == '/')
            before--;
        parts[n] = (struct mb_path_part){.directory = text, .name = text + before + 1};
        memcpy(text, path, before);
        memcpy(text + before + 1, p, size);
        text += before + 1 + size + 1; /* the memory is zeroed: both texts end */
        p += size;
        p += strspn(p, "/");
    }
    step->parts = parts;
    step->part_count = n;
}

struct mb_step *mb_steps_add_at(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                enum mb_slot at, const char *target, const char *path) {
    struct mb_step *step = mb_steps_add(c, kind, MB_SIDE_BUILDER, origin);
    step->at = at;
    step->target = target;
    step->path = path;
    cut_path(c, step);
    return step;
}
