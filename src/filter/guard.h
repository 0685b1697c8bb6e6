/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals that are made for the host's sake, whatever the profile says: set-user-id and set-group-id bits. */
#ifndef MB_FILTER_GUARD_H
#define MB_FILTER_GUARD_H

#include "filter/filter.h"

/*
 * Puts the refusals before the profile's program (count 0: there is none, all else is allowed). host_is_writable: the
 * box can write to a directory of the host; then calls whose mode no filter sees, openat2(2) and io_uring's, do not
 * exist either. 0; -ENOMEM; -E2BIG: together they would be more than MB_FILTER_MOST instructions.
 */
int mb_guard_put_before(struct mb_arena *arena, bool host_is_writable, struct mb_filter *filter);

/* Whether the refusals concern the call of that number, of this machine's architecture. */
bool mb_guard_refuses(uint32_t number);

#endif
