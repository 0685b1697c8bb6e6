/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: how a box is made, as data. A flat list of steps in the order in which they happen, made of a box by one
 * function, printed by --dry-run, executed by launch/ and inside/. Whatever can be found out beforehand has been: every
 * host path exists and is identified by device and inode, every path of the box is cut into its parts, every name is a
 * number.
 *
 * A plan is constant once it is compiled: it can be kept, printed, and launched more than once. What is found while it
 * is launched (descriptors, mounts, the range of ids) lies in the launch.
 */
#ifndef MB_PLAN_PLAN_H
#define MB_PLAN_PLAN_H

#include "box/box.h"

/* The process that executes a step. */
enum mb_side {
    MB_SIDE_PARENT,  /* the launcher */
    MB_SIDE_BUILDER, /* the cloned child, before it becomes init */
    MB_SIDE_COMMAND, /* the command's process, before execve */
};

enum mb_step_kind {
    MB_STEP_DROP_GROUPS, /* while the privilege is there: the user namespace to join may forbid it */
    MB_STEP_JOIN,        /* enter the namespace `source`, of the kind `flags` */
    MB_STEP_CLONE,       /* parent: make the child, in the new namespaces `flags` */
    MB_STEP_DIE_WITH,    /* arm the parent-death signal, and see that the launcher lives */
    MB_STEP_STREAM,      /* the host's file source becomes descriptor `stream` */
    MB_STEP_CLOSE,       /* close every descriptor that the box does not need */
    MB_STEP_SELF_MAPS,   /* builder: write its own id maps, one id each */
    MB_STEP_WRITE_MAPS,  /* parent: write the id maps */
    MB_STEP_RAISE_LIMIT, /* parent: raise the hard limit `limit` while the privilege is there */
    MB_STEP_UNSHARE,     /* make the namespaces in `flags` too */
    MB_STEP_PRIVATE,     /* stop mount propagation to and from the host */
    MB_STEP_HOSTNAME,    /* source */
    MB_STEP_LOOPBACK,    /* bring lo up */
    MB_STEP_GATE,        /* builder: wait until the launcher has done its part from outside */
    MB_STEP_BECOME_ROOT, /* builder: take the box's ids 0, no groups */
    MB_STEP_MOUNT,       /* a new file system of type source with `options` at target */
    MB_STEP_BIND,        /* the host's file or directory source at target */
    MB_STEP_OVERLAY,     /* an overlay of the directories in the staging tmpfs that `options` name, at target */
    MB_STEP_DIRECTORY,   /* make the directory target */
    MB_STEP_LINK,        /* make links `names` (or target alone) with text source in the directory target */
    MB_STEP_FILE,        /* make the file target with content source */
    MB_STEP_DEVICE,      /* the host's device node source at target */
    MB_STEP_MASK,        /* hide target: an empty read-only directory, or /dev/null */
    MB_STEP_SELF,        /* bind target onto itself, with attributes of its own */
    MB_STEP_REMOUNT,     /* give the mount of slot `at` further attributes */
    MB_STEP_TERMINAL,    /* open a pseudo-terminal, send its master to the launcher */
    MB_STEP_PIVOT,       /* make SLOT_ROOT the root, let the old one go */
    MB_STEP_WORKDIR,     /* chdir to target */
    MB_STEP_KEYRING,     /* a session keyring of its own */
    MB_STEP_UMASK,
    MB_STEP_IDS,          /* set uid, gid, no groups */
    MB_STEP_CAPABILITIES, /* the five sets */
    MB_STEP_NO_NEW_PRIVS,
    MB_STEP_INIT,    /* execute init, from a sealed memory file */
    MB_STEP_SESSION, /* command: new session, controlling terminal, default signals */
    MB_STEP_VERIFY,  /* command: compare what the kernel says with the box */
    MB_STEP_LIMIT,   /* command: the resource limit `limit` */
    MB_STEP_FILTER,  /* command: load the seccomp filter */
    MB_STEP_EXEC,    /* command: execve */
    MB_STEP_COUNT
};

/* Mounts whose descriptor the builder keeps, so that what lies on them is reached without walking the box's paths.
 * NONE: the
 * plan's place on the host. */
enum mb_slot {
    MB_SLOT_NONE,
    MB_SLOT_ROOT,
    MB_SLOT_PROC,
    MB_SLOT_SYS,
    MB_SLOT_DEV,
    MB_SLOT_PTS,
    MB_SLOT_STAGE,
    MB_SLOT_COUNT
};

/* A part of a path: the name, and the path of the directory that it is in. */
struct mb_path_part {
    const char *directory; /* below the slot; "": the slot's own mount */
    const char *name;
};

/* What a source was when it was planned, statx(2). */
struct mb_identity {
    uint64_t inode;
    uint32_t major, minor;           /* of its file system */
    uint32_t node_major, node_minor; /* of the device that a node stands for; else 0 */
    uint32_t type;                   /* S_IFDIR, ... */
};

/* The form of a step is common to all kinds, so that one printer and one report serve all. */
struct mb_step {
    enum mb_step_kind kind;
    enum mb_side side;
    const struct mb_origin *origin;

    /* A place of the box. */
    const char *target;               /* as a user sees it, absolute */
    const char *path;                 /* the same below slot `at`: relative; "": the slot's own mount */
    const struct mb_path_part *parts; /* `path` cut up */
    size_t part_count;
    enum mb_slot at, keep;
    bool is_directory; /* what source is, and so what target must be */
    bool no_links;     /* target must not lead over a symbolic link */
    bool optional;     /* MASK, SELF: the kernel need not have target */

    /* A mount. */
    const char *source; /* host path, file system type, link text, content, name: see the kinds */
    const struct mb_mount_option *options;
    size_t option_count;
    uint64_t set, clear, propagation; /* as of struct mb_mount */
    struct mb_identity identity;      /* BIND, DEVICE: of source */
    bool recursive;                   /* with what is mounted below source */
    bool shows_place;                 /* ... which the plan's place is */
    bool by_parent;                   /* only the launcher may reach source; it opens it before clone */
    enum mb_owners owners;            /* BOX: by an idmapped mount */
    int mount; /* which of the box's mounts the step makes, counted from 0, for the verifier; -1: none */

    /* What is made. */
    uint32_t mode;            /* DIRECTORY, FILE: permissions */
    uint32_t uid, gid;        /* BECOME_ROOT: the box's ids; DIRECTORY: of the owner */
    const char *const *names; /* LINK */
    size_t name_count;

    /* The rest. */
    uint64_t flags;                /* CLONE, UNSHARE: CLONE_*; JOIN: the one CLONE_NEW* flag */
    const struct mb_ulimit *limit; /* LIMIT, RAISE_LIMIT */
    int stream;                    /* STREAM: 0 to 2 */
};

/* How the builder's memory relates to the launcher's. */
enum mb_memory { MB_MEMORY_SHARED, MB_MEMORY_VFORK, MB_MEMORY_COPY };

struct mb_plan {
    struct mb_arena arena;
    const struct mb_box *box; /* borrowed */
    enum mb_memory memory;
    /* A directory of the host where the new root and the staging tmpfs are attached until the pivot. Not "/": who
     * enters the mount namespace from outside (setns(2)) lands on what is mounted there, and would be in the box. No
     * source is in it. */
    const char *place;
    struct mb_step *steps;
    size_t step_count;
    size_t mount_count;            /* of steps that make one which the verifier looks for */
    const char *const *candidates; /* absolute paths to try for the command, in order */
    size_t candidate_count;
};

/*
 * Makes a plan of a box, which must outlive it. Looks at the host and changes nothing on it. On failure *ret_plan need
 * not be freed. Errors: MINIBOX_PHASE_USAGE and _PLAN.
 */
int mb_plan_compile(const struct mb_box *box, struct mb_plan *ret_plan, struct minibox_error *err);
void mb_plan_free(struct mb_plan *plan);

/* How the builder will be cloned; known of a box before it is planned. */
enum mb_memory mb_plan_memory(const struct mb_box *box);

/* The first step of a kind, or NULL. */
const struct mb_step *mb_plan_find(const struct mb_plan *plan, enum mb_step_kind kind);

/* A step's number as users see it, counted from 1. */
int mb_plan_number(const struct mb_plan *plan, const struct mb_step *step);

#endif
