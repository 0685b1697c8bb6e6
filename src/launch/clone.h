/* SPDX-License-Identifier: Apache-2.0 */
/* minibox_clone() for minibox's own children. */
#ifndef MB_LAUNCH_CLONE_H
#define MB_LAUNCH_CLONE_H

#include <sys/wait.h>

#include "base/error.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* minibox_clone() that does not report an overflow: the handler and its stack would cost a launch some microseconds. */
int mb_clone(int (*fn)(void *), void *arg, uint64_t flags, size_t stack_size, struct minibox_child *ret_child,
             struct minibox_error *err);

/* Turns the answer of waitid(2) into a wait status, as from waitpid(2). */
int mb_clone_status(const siginfo_t *info);

#endif
