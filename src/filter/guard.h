/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals that protect the host, whatever the profile says: no call may set set-user-id and set-group-id bits. */
#ifndef MB_FILTER_GUARD_H
#define MB_FILTER_GUARD_H

#include <stdint.h>

#include "base/arena.h"
#include "filter/filter.h"

/* What the box can write to: a directory of the host too, or only files of its own. */
enum mb_guard_reach { MB_GUARD_BOX_ALONE, MB_GUARD_HOST_TOO };

/*
 * Puts the refusals before a profile's program; count 0: there is no profile, and everything else is allowed. A box
 * that reaches the host's files gets no openat2(2) and no io_uring either, whose modes no filter sees. 0; -ENOMEM;
 * -E2BIG: the whole would have more than MB_FILTER_MOST instructions.
 */
int mb_guard_put_before(struct mb_arena *arena, enum mb_guard_reach reach, struct mb_filter *filter);

/* Whether the guard refuses the native call of that number, always or with some arguments. */
bool mb_guard_refuses(uint32_t number);

#endif
