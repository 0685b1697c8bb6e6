/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted in a box besides its root. */
#ifndef MB_PLAN_MOUNTS_H
#define MB_PLAN_MOUNTS_H

#include "plan/steps.h"

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
void mb_mounts_add_tmpfs(struct mb_compiler *c, const struct mb_origin *origin, const char *target, uint32_t mode,
                         uint64_t size, uint64_t attributes);
/* A folder that can be written to, though its root is read-only; whatever is in it goes with the box. */
void mb_mounts_add_scratch(struct mb_compiler *c, const struct mb_origin *origin, const char *target, uint32_t mode,
                           uint64_t attributes);

/* The staging tmpfs, if an overlay needs it; /proc, /sys, /dev, /tmp; masks; what the user asked for. */
void mb_mounts_plan_stage(struct mb_compiler *c);
int mb_mounts_plan_kernel(struct mb_compiler *c);
int mb_mounts_plan_user(struct mb_compiler *c);

#endif
