/* SPDX-License-Identifier: Apache-2.0 */
/* The root file systems. */
#ifndef MB_PLAN_ROOTFS_H
#define MB_PLAN_ROOTFS_H

#include "plan/steps.h"

/* Finds the root file system and the accounts in it. */
int mb_rootfs_find(struct mb_compiler *c);
/* Its mounts and files; then, once the kernel's are there, the user's home and the resolver's settings. */
int mb_rootfs_plan(struct mb_compiler *c);
int mb_rootfs_plan_extras(struct mb_compiler *c);
/* Whether users other than root can reach the folder that is the root file system. */
bool mb_rootfs_is_reachable(struct mb_compiler *c);
extern const char *const mb_busybox_applets[];
extern const size_t mb_busybox_applet_count;

#endif
