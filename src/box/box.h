/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box: a complete description of what is wanted. Defaults have become entries of its lists like all else; how it is
 * made is not in it: plan/ makes steps of it. mb_box_fill() fills it for `minibox run`, from options and their
 * defaults. A front end that reads a complete description, as a bundle's config.json, fills it directly.
 *
 * A box is read-only once it is filled. It owns the memory in its arena and borrows the rest (options, host), which
 * must outlive it. Every value that a user may have asked for has its origin, for messages.
 */
#ifndef MB_BOX_BOX_H
#define MB_BOX_BOX_H

#include <sys/mount.h>

#include "box/host.h"
#include "box/process.h"
#include "filter/filter.h"
#include "spec/spec.h"

/* What a box has at a place. */
enum mb_mount_kind {
    MB_MOUNT_NEW,       /* a new file system of `type` */
    MB_MOUNT_BIND,      /* the host's file or directory `source` */
    MB_MOUNT_OVERLAY,   /* the host's directory `source`; what is written to it goes to memory */
    MB_MOUNT_DEVICE,    /* the host's device node `source` */
    MB_MOUNT_SELF,      /* the file or directory that is there, bound onto itself with attributes of its own */
    MB_MOUNT_MASK,      /* a file that cannot be opened, or an empty directory, over the one that is there */
    MB_MOUNT_REMOUNT,   /* the mount that an earlier entry made there, with these attributes too */
    MB_MOUNT_DIRECTORY, /* a new directory; this and the next two only in a root that is made for the box */
    MB_MOUNT_LINK, /* a symbolic link with the text `source`; with `names`: links of these names in the directory */
    MB_MOUNT_FILE, /* a new file with the content `source` */
};

/* Which ids of the box own the files of a source. */
enum mb_owners {
    MB_OWNERS_HOST,         /* the host's ids; files of an id that the box lacks are nobody's */
    MB_OWNERS_BOX,          /* the ids of the box that have the same numbers as the host's */
    MB_OWNERS_BOX_IF_CAN_BE /* the same if the file system has idmapped mounts, else the host's */
};

struct mb_mount_option {
    const char *key, *value; /* value NULL: a flag */
};

struct mb_mount {
    enum mb_mount_kind kind;
    const struct mb_origin *origin;
    const char *target; /* absolute path in the box; "/": the root, which is the first entry */
    const char *type;   /* NEW */
    const char *source;
    const struct mb_mount_option *options; /* NEW: the file system's own */
    size_t option_count;
    uint64_t set, clear;  /* MOUNT_ATTR_* */
    uint64_t propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE */
    uint32_t mode;        /* DIRECTORY, FILE: permissions */
    uint32_t uid, gid;    /* DIRECTORY: owner, as an id of the box */
    uint32_t major, minor;
    bool has_number; /* DEVICE: the node must be the character device major:minor */
    bool recursive;  /* BIND: the mounts below source are shown too */
    bool by_caller;  /* source is reached with the rights of the caller, not with those of the box's ids */
    bool no_links;   /* no part of target may be a symbolic link */
    bool optional;   /* SELF, MASK: target need not exist */
    enum mb_owners owners;
    const char *const *names; /* LINK */
    size_t name_count;
};

/* Who writes the id maps of the box's user namespace. */
enum mb_map_writer {
    MB_MAPS_NONE,   /* it has no user namespace of its own */
    MB_MAPS_SELF,   /* the box itself: one id, the caller's own */
    MB_MAPS_PARENT, /* the launcher, which may map the ids */
    MB_MAPS_HELPER, /* newuidmap(1) and newgidmap(1) */
};

/* `count` ids from `uid` (user ids) and from `gid` (group ids) on. */
struct mb_id_range {
    uint32_t uid, gid, count;
};

struct mb_id_maps {
    enum mb_map_writer writer;
    struct mb_id_map *list;
    size_t count;
    bool has_range; /* the outside ids count from the start of a range that no other box has: see launch/range.h */
    struct mb_id_range *own; /* root's own subordinate ids, among which the range is looked for first */
    size_t own_count;
    struct mb_id_range *taken; /* ids that another range must not touch; `uid` and `count` only */
    size_t taken_count;
};

struct mb_box {
    struct mb_arena arena;
    const struct minibox_spec *spec; /* for origins only: the box has all values itself */
    const struct mb_host *host;

    uint64_t flags; /* CLONE_*: namespaces that are made (CLONE_NEWTIME too), and what is shared */
    const struct mb_join *joins;
    size_t join_count;
    uint64_t joined[MB_FLAG_COUNT]; /* inode of the namespace that is joined; 0: none of this kind */
    struct mb_id_maps maps;

    struct mb_process process;
    bool keep_groups; /* the supplementary groups cannot be dropped */
    struct mb_mount *mounts;
    size_t mount_count;
    const char *const *absent; /* things left out since the host has none, for --dry-run */
    size_t absent_count;

    char *const *command;
    char **environment; /* NULL-terminated */
    const char *workdir;
    const char *streams[3];         /* files for standard input, output and error; NULL: the caller's */
    struct winsize window;          /* of the box's terminal; zeros: unknown */
    const struct mb_ulimit *limits; /* one a resource */
    size_t limit_count;
    struct mb_filter filter; /* count 0: none */

    const char *name;
    uint64_t timeout;      /* nanoseconds; 0: none */
    uint64_t output_limit; /* bytes of standard output and error together; 0: none */

    /* For looking at the root file system while the box is filled and planned. */
    const char *root_path; /* the host's directory that is the root; NULL: a root of the box's own */
    bool root_is_read_only;
};

static inline const struct mb_origin *mb_box_origin(const struct mb_box *box, enum mb_option_id id) {
    return &box->spec->origin[id];
}

/* Whether the box has a namespace of its own of the kind: a CLONE_NEW* flag. */
static inline bool mb_box_has_own(const struct mb_box *box, uint64_t flag) {
    return box->flags & flag;
}

/* Whether the box enters an existing namespace of the kind. */
static inline bool mb_box_joins(const struct mb_box *box, enum mb_flag_id flag) {
    return box->joined[flag];
}

/*
 * Fills *ret_box for `minibox run`, from its options and defaults. Looks at the host and changes nothing on it. On
 * failure *ret_box need not be freed. Errors: MINIBOX_PHASE_USAGE and _PLAN.
 */
int mb_box_fill(const struct minibox_spec *spec, const struct mb_host *host, struct mb_box *ret_box,
                struct minibox_error *err);
void mb_box_free(struct mb_box *box);

#endif
