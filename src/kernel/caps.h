/* SPDX-License-Identifier: Apache-2.0 */
/* The names of capabilities(7), one for each number, as people write them: NET_ADMIN for CAP_NET_ADMIN. */
#ifndef MB_KERNEL_CAPS_H
#define MB_KERNEL_CAPS_H

#include <linux/capability.h>

enum { MB_CAP_COUNT = CAP_CHECKPOINT_RESTORE + 1 };

/* Index: the number of the capability. */
extern const char *const mb_caps[MB_CAP_COUNT];

/* The number of a capability by its whole name, in any case, with or without "CAP_"; or -1. */
int mb_caps_find(const char *name);

#endif
