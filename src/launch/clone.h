/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MB_LAUNCH_CLONE_H
#define MB_LAUNCH_CLONE_H

#include "base/error.h"

/* minibox_clone() without the report of an overflow, whose handler and stack cost a launch some microseconds. */
int mb_clone(int (*fn)(void *), void *arg, uint64_t flags, size_t stack_size, struct minibox_child *ret_child,
             struct minibox_error *err);

#endif
