/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, capabilities(7): their names as people write them (NET_ADMIN for CAP_NET_ADMIN), and the caller's. */
#ifndef MB_KERNEL_CAPS_H
#define MB_KERNEL_CAPS_H

#include <linux/capability.h>
#include <stdint.h>

enum { MB_CAP_COUNT = CAP_CHECKPOINT_RESTORE + 1 };

/* Index: the number of the capability. */
extern const char *const mb_caps[MB_CAP_COUNT];

/* The number of a capability by its whole name, in any case, with or without "CAP_"; or -1. */
int mb_caps_find(const char *name);

/* The sets of the calling thread; bit n: capability n. 0, or -1 with errno. */
int mb_caps_read(uint64_t *ret_effective, uint64_t *ret_permitted);

#endif
