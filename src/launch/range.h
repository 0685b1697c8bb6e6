/* SPDX-License-Identifier: Apache-2.0 */
/* The range of ids that a box of root's has for itself while it lives. */
#ifndef MB_LAUNCH_RANGE_H
#define MB_LAUNCH_RANGE_H

#include "plan/plan.h"

/*
 * Takes the first range of the candidates in `maps` that no live box holds. The lock on *ret_fd holds it; the lock goes
 * with the last copy of that descriptor. Errors: all ranges are taken, or the file of locks cannot be opened.
 */
int mb_range_reserve(const struct mb_id_maps *maps, struct mb_id_range *ret_range, int *ret_fd,
                     struct minibox_error *err);

/* A map's first id outside, once the range is known. */
static inline uint32_t mb_range_outside(const struct mb_id_maps *maps, const struct mb_id_map *map,
                                        const struct mb_id_range *range) {
    if (!maps->has_range)
        return map->outside;
    return map->outside + (map->uids ? range->uid : range->gid);
}

#endif
