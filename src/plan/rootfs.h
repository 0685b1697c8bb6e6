/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of what root file systems are made of. */
#ifndef MB_PLAN_ROOTFS_H
#define MB_PLAN_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>

extern const char *const mb_busybox_applets[];
extern const size_t mb_busybox_applet_count;

#endif
