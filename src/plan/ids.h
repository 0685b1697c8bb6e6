/* SPDX-License-Identifier: Apache-2.0 */
/* Whose ids a box gets: names to numbers, subordinate ids, and the ranges that root's boxes take in turn. */
#ifndef MB_PLAN_IDS_H
#define MB_PLAN_IDS_H

#include "plan/plan.h"

/* Where names are looked up: the files of the box, `fd` its root (or -1 with the texts given). */
struct mb_accounts {
    const char *passwd, *group; /* contents; "" when there are none */
};

/* Reads /etc/passwd and (with_groups) /etc/group below the folder `root_fd`, with links resolved inside it. Missing:
 * "". */
int mb_ids_read_accounts(struct mb_arena *arena, int root_fd, bool with_groups, struct mb_accounts *ret_accounts,
                         struct minibox_error *err);

/* NAME, UID, or either with a group, as numbers. */
int mb_ids_find_user(const struct mb_accounts *accounts, const char *user, const char *group,
                     const struct mb_origin *origin, uint32_t *ret_uid, uint32_t *ret_gid, struct minibox_error *err);

/* Name and home of a uid ("" when unknown). */
void mb_ids_find_name(struct mb_arena *arena, const struct mb_accounts *accounts, uint32_t uid, const char **ret_name,
                      const char **ret_home);

/* Decides the maps: fills in map_writer, maps, ranges of *plan, whose uid, gid and flags are set. */
int mb_ids_plan_maps(const struct minibox_spec *spec, const struct mb_host *host, struct mb_plan *plan,
                     struct minibox_error *err);

/* Whether the caller has subordinate user and group ids: subuid(5), subgid(5). */
bool mb_ids_has_subordinates(const struct mb_host *host);

/* Whether the box has this id. */
bool mb_ids_is_mapped(const struct mb_plan *plan, uint32_t id, bool is_gid);

/*
 * Takes the first range of plan->ranges that no live box holds and puts it into maps[0] (uids)
 * and maps[1] (gids). The range is held by a lock on
 * *ret_fd, which vanishes with the last descriptor. Errors: all taken, or the runtime folder cannot be made.
 */
int mb_ids_reserve(struct mb_plan *plan, int *ret_fd, struct minibox_error *err);

#endif
