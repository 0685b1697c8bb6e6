/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals for the host's sake, which hold whatever the profile says: of set-user-id and set-group-id bits. */
#ifndef MB_FILTER_GUARD_H
#define MB_FILTER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "filter/filter.h"

/*
 * Puts the refusals before a profile's program; count 0: there is no profile, and everything else is allowed.
 * host_is_writable: the box can write to a directory of the host. Then it has no openat2(2) and no io_uring either,
 * whose modes no filter sees. 0; -ENOMEM; -E2BIG: together they would be more than MB_FILTER_MOST instructions.
 */
int mb_guard_put_before(struct mb_arena *arena, bool host_is_writable, struct mb_filter *filter);

/* Whether the refusals concern the call of that number, of this machine's architecture. */
bool mb_guard_refuses(uint32_t number);

#endif
