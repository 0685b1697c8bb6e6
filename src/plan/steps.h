/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the compiler share, and how they append steps. */
#ifndef MB_PLAN_STEPS_H
#define MB_PLAN_STEPS_H

#include <sys/mount.h>

#include "plan/ids.h"

struct mb_compiler {
    const struct minibox_spec *spec;
    const struct mb_host *host;
    struct mb_plan *plan;
    struct minibox_error *err;
    struct mb_accounts accounts;
    enum mb_rootfs rootfs;   /* a ready-made busybox tree is a DIR */
    const char *rootfs_path; /* DIR */
    int root_fd;             /* DIR: for looking at it; never used in the box */
    const char *home;        /* of the command's user, in the box */
    bool joins_user;
    unsigned overlays;    /* how many layers the staging tmpfs holds so far */
    struct mb_step scrap; /* written to when there is no memory; the plan is then not used */
};

extern const struct mb_origin mb_steps_default; /* for what nobody asked for */

enum {
    MB_NOSUID_NODEV = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    MB_SAFE = MB_NOSUID_NODEV | MOUNT_ATTR_NOEXEC,
};

/* Appending to the plan. A step is valid until the next one is added. */

/* origin NULL: by default. */
struct mb_step *mb_steps_add(struct mb_compiler *c, enum mb_step_kind kind, enum mb_side side,
                             const struct mb_origin *origin);
/* A builder's step on `path` below a slot, shown to users as `target`. */
struct mb_step *mb_steps_add_at(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                enum mb_slot at, const char *target, const char *path);
/* A builder's step on an absolute path of the box's root. */
struct mb_step *mb_steps_add_in_root(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                     const char *target);
struct mb_step *mb_steps_last(struct mb_compiler *c);
void mb_steps_add_absent(struct mb_compiler *c, const char *what);
void mb_steps_set_options(struct mb_compiler *c, struct mb_step *step, const struct mb_mount_option *options,
                          size_t count);
#define MB_OPTIONS(c, step, ...)                                                                                       \
    mb_steps_set_options(c, step, (const struct mb_mount_option[]){__VA_ARGS__},                                       \
                         sizeof((const struct mb_mount_option[]){__VA_ARGS__}) / sizeof(struct mb_mount_option))
#define MB_TEXT(c, ...) mb_arena_printf(&(c)->plan->arena, __VA_ARGS__)
/* A folder of the box's root, with this mode. */
void mb_steps_add_folder(struct mb_compiler *c, const char *target, uint32_t mode);

#endif
