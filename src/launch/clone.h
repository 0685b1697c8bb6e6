/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MB_LAUNCH_CLONE_H
#define MB_LAUNCH_CLONE_H

#include <sys/wait.h>

#include "base/error.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* minibox_clone() without the report of an overflow, whose handler and stack cost a launch some microseconds. */
int mb_clone(int (*fn)(void *), void *arg, uint64_t flags, size_t stack_size, struct minibox_child *ret_child,
             struct minibox_error *err);

/* What waitid(2) says of an end, as waitpid(2) would have said it. */
int mb_clone_status(const siginfo_t *info);

#endif
