/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the compiler share: compile.c (the order, identity, the command), rootfs.c, mounts.c. */
#ifndef MB_PLAN_COMPILE_H
#define MB_PLAN_COMPILE_H

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
    bool joins_user;
    unsigned overlays;       /* how many layers the staging tmpfs holds so far */
    struct mb_step scrap;    /* written to when there is no memory; the plan is then not used */
};

extern const struct mb_origin mb_compile_default; /* for what nobody asked for */

enum {
    MB_NOSUID_NODEV = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    MB_SAFE = MB_NOSUID_NODEV | MOUNT_ATTR_NOEXEC,
};

/* ---- compile.c: appending to the plan. A step is valid until the next one is added. ---- */

/* origin NULL: by default. */
struct mb_step *mb_compile_add(struct mb_compiler *c, enum mb_step_kind kind, enum mb_side side, const struct mb_origin *origin);
/* A builder's step on `path` below a slot, shown to users as `target`. */
struct mb_step *mb_compile_add_at(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                  enum mb_slot at, const char *target, const char *path);
/* A builder's step on an absolute path of the box's root. */
struct mb_step *mb_compile_add_in_root(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                       const char *target);
struct mb_step *mb_compile_last(struct mb_compiler *c);
void mb_compile_add_absent(struct mb_compiler *c, const char *what);
void mb_compile_set_options(struct mb_compiler *c, struct mb_step *step, const struct mb_mount_option *options, size_t count);
#define MB_OPTIONS(c, step, ...)                                                                                       \
    mb_compile_set_options(c, step, (const struct mb_mount_option[]){__VA_ARGS__},                                     \
                           sizeof((const struct mb_mount_option[]){__VA_ARGS__}) / sizeof(struct mb_mount_option))
#define MB_TEXT(c, ...) mb_arena_printf(&(c)->plan->arena, __VA_ARGS__)
const char *mb_compile_find_variable(char *const *environment, const char *name);

/* ---- mounts.c ---- */

/* Binds a path of the host, read-only unless access says otherwise; looks at it now, to recognise it later. */
int mb_mounts_add_bind(struct mb_compiler *c, const struct mb_origin *origin, const char *source, const char *target,
                       enum mb_access access, uint64_t attributes);
int mb_mounts_identify(struct mb_compiler *c, struct mb_step *step, const char *path);
/* The last step's owners on the host are seen as the same numbers inside: what a user of docker expects of a folder.
 * optional: where the file system cannot, they are seen as nobody. */
void mb_mounts_add_idmap(struct mb_compiler *c, bool optional);
/* An overlay over a folder of the host; keep: the slot of its mount, MB_SLOT_ROOT making it the root. */
int mb_mounts_add_overlay(struct mb_compiler *c, const struct mb_origin *origin, const char *source, const char *target,
                          uint64_t attributes, enum mb_slot keep);
void mb_mounts_add_tmpfs(struct mb_compiler *c, const struct mb_origin *origin, const char *target, uint32_t mode, uint64_t size,
                         uint64_t attributes);
/* A folder that can be written to, though its root is read-only; whatever is in it goes with the box. */
void mb_mounts_add_scratch(struct mb_compiler *c, const struct mb_origin *origin, const char *target, uint32_t mode,
                           uint64_t attributes);

/* The staging tmpfs, if an overlay needs it; /proc, /sys, /dev, /tmp; masks; what the user asked for. */
void mb_mounts_plan_stage(struct mb_compiler *c);
int mb_mounts_plan_kernel(struct mb_compiler *c);
int mb_mounts_plan_user(struct mb_compiler *c);

/* ---- rootfs.c ---- */

/* Finds the root file system and the accounts in it. */
int mb_rootfs_find(struct mb_compiler *c);
/* Its mounts and files; then, once the kernel's are there, the user's home and the resolver's settings. */
int mb_rootfs_plan(struct mb_compiler *c);
int mb_rootfs_plan_extras(struct mb_compiler *c);
/* Whether users other than root can reach the folder that is the root file system. */
bool mb_rootfs_is_reachable(struct mb_compiler *c);
void mb_rootfs_plan_folder(struct mb_compiler *c, const char *target, uint32_t mode);

extern const char *const mb_busybox_applets[];
extern const size_t mb_busybox_applet_count;

#endif
