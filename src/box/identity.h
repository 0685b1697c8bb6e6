/* SPDX-License-Identifier: Apache-2.0 */
/* The command's user and the box's ids: names are turned into numbers, and id maps are decided. */
#ifndef MB_BOX_IDENTITY_H
#define MB_BOX_IDENTITY_H

#include "box/fill.h"

/* Each box of root's has a range of MB_ID_RANGE ids, between those that distributions leave to containers: systemd,
 * UIDS-GIDS.md. */
enum { MB_ID_RANGE = 65536, MB_ID_FIRST = 0x80000, MB_ID_LAST = 0x6fff0000 };

/* Reads /etc/passwd and (with_groups) /etc/group below the directory `root_fd`, with links resolved inside it. A
 * missing one is "". 0, or -1 with *err. */
int mb_identity_read_accounts(struct mb_arena *arena, int root_fd, bool with_groups, struct mb_accounts *ret_accounts,
                              struct minibox_error *err);

/* Turns a user and, if not NULL, a group, which may be names or numbers, into numbers. Without a group it is the user's
 * own. On failure *ret_uid and *ret_gid are left alone. */
int mb_identity_find_user(const struct mb_accounts *accounts, const char *user, const char *group,
                          const struct mb_origin *origin, uint32_t *ret_uid, uint32_t *ret_gid,
                          struct minibox_error *err);

/* Finds name and home of a uid; "" if it is unknown. */
void mb_identity_find_name(struct mb_arena *arena, const struct mb_accounts *accounts, uint32_t uid,
                           const char **ret_name, const char **ret_home);

/* Decides the id maps: fills in box->maps, of a box whose flags, uid and gid are set. */
int mb_identity_plan_maps(const struct minibox_spec *spec, const struct mb_host *host, struct mb_box *box,
                          struct minibox_error *err);

/* Whether the caller has subordinate user and group ids: subuid(5), subgid(5). */
bool mb_identity_has_subordinates(const struct mb_host *host);

/* Whether the box has an id. */
bool mb_identity_is_mapped(const struct mb_box *box, uint32_t id, enum mb_id_kind kind);

#endif
