/* SPDX-License-Identifier: Apache-2.0 */
/* The ranges of ids that root's boxes have in turn. */
#ifndef MB_LAUNCH_RANGE_H
#define MB_LAUNCH_RANGE_H

#include "plan/plan.h"

/*
 * Takes the first range of the candidates in `maps` that no live box holds: *ret_range. It is held by a lock on
 * *ret_fd, which vanishes with the last descriptor of it. Errors: all are taken, or the runtime directory cannot be
 * made.
 */
int mb_range_reserve(const struct mb_id_maps *maps, struct mb_id_range *ret_range, int *ret_fd,
                     struct minibox_error *err);

/* What a map's outside id is, once the range is known. */
static inline uint32_t mb_range_outside(const struct mb_id_maps *maps, const struct mb_id_map *map,
                                        const struct mb_id_range *range) {
    if (!maps->has_range)
        return map->outside;
    return map->outside + (map->uids ? range->uid : range->gid);
}

#endif
