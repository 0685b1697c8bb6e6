/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: asks the kernel what the box is, and compares it with the plan. Runs in the command's process. */
#ifndef MB_LAUNCH_VERIFY_H
#define MB_LAUNCH_VERIFY_H

#include "launch/box.h"

/* Compares all that can be compared before the limits and the filter are set. `proc` is a descriptor of /proc, which with
 * the sync pipe is the last that is open. Returns 0, or -1 with failed_check, failed_index, wanted and seen in the box. */
int mb_verify_box(struct mb_box *box, int proc);

/* What a mount lacks: its attributes as bits, read from its options in /proc/self/mountinfo. */
uint64_t mb_verify_parse_attributes(const char *options);

#endif
