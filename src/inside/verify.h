/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier's part inside the box: asks the kernel what the box is, and compares it with the plan. */
#ifndef MB_INSIDE_VERIFY_H
#define MB_INSIDE_VERIFY_H

#include "inside/shared.h"

/*
 * Compare what can be compared before the limits and the filter are set: the mounts, which init does, and the command's
 * process itself, which that does meanwhile; the launcher compares namespaces and id maps. `proc` is a descriptor of
 * /proc. Each returns 0, or -1 with the first difference in *ret_verdict.
 */
int mb_verify_mounts(const struct mb_shared *shared, int proc, struct mb_verdict *ret_verdict);
int mb_verify_process(const struct mb_shared *shared, struct mb_verdict *ret_verdict);

/* Sleeps until *word is not 0, and returns it. */
uint32_t mb_verify_wait(const _Atomic uint32_t *word);

/* What a mount lacks: its attributes as bits, read from its options in /proc/self/mountinfo. */
uint64_t mb_verify_parse_attributes(const char *options);

#endif
