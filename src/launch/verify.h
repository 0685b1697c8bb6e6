/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: asks the kernel what the box is, and compares it with the plan. Runs in the command's process. */
#ifndef MB_LAUNCH_VERIFY_H
#define MB_LAUNCH_VERIFY_H

#include "launch/box.h"

/*
 * Compare all that can be compared before the limits and the filter are set: of the box (namespaces, maps, mounts), which
 * init does while the command's process does its own part (ids, capabilities, session, descriptors). `proc` is a
 * descriptor of /proc; in the command's process it and the sync pipe are the last that are open. Each returns 0, or -1
 * with the first difference in *ret_verdict.
 */
int mb_verify_box(const struct mb_box *box, int proc, struct mb_verdict *ret_verdict);
int mb_verify_process(const struct mb_box *box, int proc, struct mb_verdict *ret_verdict);

/* Sleeps until *word is not 0, and returns it. */
uint32_t mb_verify_wait(const _Atomic uint32_t *word);

/* What a mount lacks: its attributes as bits, read from its options in /proc/self/mountinfo. */
uint64_t mb_verify_parse_attributes(const char *options);

#endif
