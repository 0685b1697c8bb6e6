/* SPDX-License-Identifier: Apache-2.0 */
/* Runs programs of the host for the launcher, as newuidmap(1). */
#ifndef MB_LAUNCH_HELPER_H
#define MB_LAUNCH_HELPER_H

#include "launch/wait.h"

/*
 * Runs a program, found by the caller's PATH, and waits for its end; if the wait is ended before, the program is
 * killed. ret_text gets the first line that it writes to standard error. 0: it exited with 0; 1: it did not; -1 with
 * wait->err: it could not be run or waited for. `origin` and `missing`, the remedy if it is not there, are for
 * messages. The caller has all signals blocked; the program has none.
 */
int mb_helper_run(char *const *argv, const struct mb_origin *origin, enum mb_remedy missing, const struct mb_wait *wait,
                  char *ret_text, size_t size);

#endif
