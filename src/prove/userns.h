/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MB_PROVE_USERNS_H
#define MB_PROVE_USERNS_H

#include <sys/types.h>

/* In a new user namespace: makes the caller its root, by the one id that a process may map itself. `uid` and `gid` are
 * those outside. 0, or errno. */
int mb_userns_become_root(uid_t uid, gid_t gid);

#endif
