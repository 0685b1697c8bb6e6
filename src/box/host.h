/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the host that a plan depends on, read once. Tests fill in the struct themselves. */
#ifndef MB_BOX_HOST_H
#define MB_BOX_HOST_H

#include <sys/ioctl.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "kernel/flags.h"

enum { MB_HOST_NO_ID = UINT32_MAX }; /* (uid_t)-1 */

struct mb_host {
    const char *root; /* where the host's files are looked up: "" */
    uid_t uid;
    gid_t gid;
    size_t group_count;      /* supplementary groups of the caller */
    bool privileged;         /* may map any id and mount in the host's own namespaces: full root */
    bool maps_ids;           /* may write id maps with any ids that it has: root, of whichever user namespace */
    bool may_set_groups;     /* ... whose processes may change their supplementary groups */
    bool is_outer_root;      /* its own user or group id is root's outside of its user namespace, or may be */
    uint32_t outer_root_uid; /* what root's ids outside are inside; MB_HOST_NO_ID: it has none */
    uint32_t outer_root_gid;
    bool keyrings;           /* the kernel has them */
    bool terminal;           /* standard input and output are terminals */
    struct winsize window;   /* of that terminal; zeros: unknown */
    uint64_t capabilities;   /* bit n: the kernel knows capability n */
    int32_t session_keyring; /* serial, or 0 */
    const char *cwd;
    char *const *environment;
};

/* Fills in *host for the calling process; texts are the arena's. */
int mb_host_probe(struct mb_arena *arena, struct mb_host *ret_host, struct minibox_error *err);

/* Why the host refuses user namespaces: fills in detail and remedy of *err. False when no reason is found. Settings are
 * looked up below `root`, "" for the host's. */
bool mb_host_explain_userns(const char *root, struct minibox_error *err);

#endif
