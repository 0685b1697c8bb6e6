/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the host that a plan depends on. They are read once; tests fill in the struct themselves. */
#ifndef MB_BOX_HOST_H
#define MB_BOX_HOST_H

#include <sys/ioctl.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "kernel/flags.h"

enum { MB_HOST_NO_ID = UINT32_MAX }; /* (uid_t)-1 */

struct mb_host {
    const char *root; /* the directory below which the host's files are looked up: "" */
    uid_t uid;
    gid_t gid;
    size_t group_count;      /* supplementary groups of the caller */
    bool privileged;         /* may map any id and mount in the host's own namespaces: full root */
    bool maps_ids;           /* may write id maps with any id of its user namespace: root of any */
    bool may_set_groups;     /* ... whose processes may change their supplementary groups */
    bool is_outer_root;      /* its own user or group id is root's outside of its user namespace */
    uint32_t outer_root_uid; /* the ids of its namespace that are root's outside; MB_HOST_NO_ID: none is */
    uint32_t outer_root_gid;
    bool keyrings;           /* the kernel has keyrings */
    bool terminal;           /* standard input and output are terminals */
    struct winsize window;   /* of that terminal; zeros: unknown */
    uint64_t capabilities;   /* bit n: the kernel knows capability n */
    int32_t session_keyring; /* serial number; 0: none */
    const char *cwd;         /* NULL: it cannot be found out */
    char *const *environment;
};

/* Fills in *ret_host for the calling process; texts go into the arena. 0, or -1 with *err. */
int mb_host_probe(struct mb_arena *arena, struct mb_host *ret_host, struct minibox_error *err);

/* Fills in detail and remedy of *err with the reason why the host refuses user namespaces. False when none is found.
 * Settings are looked up below `root`, "" for the host's. */
bool mb_host_explain_userns(const char *root, struct minibox_error *err);

#endif
