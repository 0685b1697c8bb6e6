/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the host that the launcher needs, as newuidmap(1). */
#ifndef MB_LAUNCH_HELPER_H
#define MB_LAUNCH_HELPER_H

#include "launch/wait.h"

/*
 * Runs a program, found by the caller's PATH, and waits for its end; it dies with the wait. ret_text gets the beginning
 * of what it says on standard error. 0: it exited with 0; 1: it did not; -1 with wait->err: it could not be run or
 * waited for. `origin` is for messages. All signals are blocked in the calling thread meanwhile, and none in the
 * program.
 */
int mb_helper_run(char *const *argv, const struct mb_origin *origin, enum mb_remedy missing, const struct mb_wait *wait,
                  char *ret_text, size_t size);

#endif
