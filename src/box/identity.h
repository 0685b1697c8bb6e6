/* SPDX-License-Identifier: Apache-2.0 */
/* Who the command is, and whose ids a box gets: names to numbers, subordinate ids, the ids that root's boxes choose
 * from. */
#ifndef MB_BOX_IDENTITY_H
#define MB_BOX_IDENTITY_H

#include "box/fill.h"

/* A box of root's has a range of so many ids, from those that distributions leave to containers: systemd, UIDS-GIDS.md.
 */
enum { MB_ID_RANGE = 65536, MB_ID_FIRST = 0x80000, MB_ID_LAST = 0x6fff0000 };

enum mb_id_kind { MB_ID_USER, MB_ID_GROUP };

/* Reads /etc/passwd and (with_groups) /etc/group below the directory `root_fd`, with links resolved inside it. Missing:
 * "". */
int mb_identity_read_accounts(struct mb_arena *arena, int root_fd, bool with_groups, struct mb_accounts *ret_accounts,
                              struct minibox_error *err);

/* NAME, UID, or either with a group, as numbers. On failure *ret_uid and *ret_gid are as they were. */
int mb_identity_find_user(const struct mb_accounts *accounts, const char *user, const char *group,
                          const struct mb_origin *origin, uint32_t *ret_uid, uint32_t *ret_gid,
                          struct minibox_error *err);

/* Name and home of a uid ("" when unknown). */
void mb_identity_find_name(struct mb_arena *arena, const struct mb_accounts *accounts, uint32_t uid,
                           const char **ret_name, const char **ret_home);

/* Decides the id maps: fills in box->maps, of a box whose flags, uid and gid are set. */
int mb_identity_plan_maps(const struct minibox_spec *spec, const struct mb_host *host, struct mb_box *box,
                          struct minibox_error *err);

/* Whether the caller has subordinate user and group ids: subuid(5), subgid(5). */
bool mb_identity_has_subordinates(const struct mb_host *host);

/* Whether the box has this id. */
bool mb_identity_is_mapped(const struct mb_box *box, uint32_t id, enum mb_id_kind kind);

#endif
