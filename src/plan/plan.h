/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: what will be done, as data. A flat list of steps in the order in which they happen, plus what they need.
 * Compiled from a spec and facts about the host by one function; printed by --dry-run; executed by launch/. Whatever
 * can be found out beforehand has been: every host path exists and is identified by device and inode, every name is a
 * number, every text is built, the filter is compiled.
 */
#ifndef MB_PLAN_PLAN_H
#define MB_PLAN_PLAN_H

#include <stdio.h>
#include <sys/types.h>

#include "plan/host.h"
#include "filter/filter.h"
#include "spec/spec.h"

/* Who executes a step. */
enum mb_side {
    MB_SIDE_PARENT,  /* the launcher */
    MB_SIDE_BUILDER, /* the cloned child, before it becomes init */
    MB_SIDE_COMMAND, /* the command's process, before execve */
};

enum mb_step_kind {
    MB_STEP_DROP_GROUPS,  /* while the privilege is there: the user namespace to join may forbid it */
    MB_STEP_JOIN,         /* enter the namespace `fd`, opened from source */
    MB_STEP_CLONE,        /* parent: make the child in its new namespaces */
    MB_STEP_WRITE_MAPS,   /* parent: write the id maps, then let the builder go on */
    MB_STEP_DIE_WITH,     /* arm the parent-death signal, and see that the launcher lives */
    MB_STEP_STREAM,       /* the host's file source becomes descriptor `stream` */
    MB_STEP_CLOSE,        /* close every descriptor that the box does not need */
    MB_STEP_SELF_MAPS,    /* builder: write its own id maps, one id each */
    MB_STEP_PRIVATE,      /* stop mount propagation to and from the host */
    MB_STEP_HOSTNAME,     /* source */
    MB_STEP_LOOPBACK,     /* bring lo up */
    MB_STEP_WAIT_MAPS,    /* builder: wait for WRITE_MAPS */
    MB_STEP_BECOME_ROOT,  /* builder: take the box's ids 0, no groups */
    MB_STEP_UNSHARE,      /* make the namespaces in `flags` too */
    MB_STEP_MOUNT,        /* a new file system of type source with `options` at target */
    MB_STEP_BIND,         /* the host's file or folder source at target */
    MB_STEP_OVERLAY,      /* an overlay of the folder at lower, upper and work in the staging tmpfs, at target */
    MB_STEP_DIRECTORY,    /* make folder target */
    MB_STEP_LINK,         /* make links `names` (or target alone) with text source in folder target */
    MB_STEP_FILE,         /* make file target with content source */
    MB_STEP_DEVICE,       /* the host's device node source, checked for its kind and number, at target */
    MB_STEP_MASK,         /* hide target: an empty read-only folder, or /dev/null */
    MB_STEP_REMOUNT,      /* give target a mount of its own with other flags; path "": the mount of slot `at` itself */
    MB_STEP_TERMINAL,     /* open a pseudo-terminal, send its master to the launcher */
    MB_STEP_PIVOT,        /* make SLOT_ROOT the root, let the old one go */
    MB_STEP_WORKDIR,      /* chdir to target */
    MB_STEP_KEYRING,      /* a session keyring of its own */
    MB_STEP_RAISE_LIMIT,  /* raise a hard limit while the privilege is there */
    MB_STEP_UMASK,        /* 022 */
    MB_STEP_IDS,          /* set uid, gid, no groups */
    MB_STEP_CAPABILITIES, /* the five sets */
    MB_STEP_NO_NEW_PRIVS,
    MB_STEP_INIT,    /* execute init, from a sealed memory file */
    MB_STEP_SESSION, /* command: new session, controlling terminal, default signals */
    MB_STEP_VERIFY,  /* command: compare what the kernel says with the plan */
    MB_STEP_LIMIT,   /* command: one resource limit */
    MB_STEP_FILTER,  /* command: load the seccomp filter */
    MB_STEP_EXEC,    /* command: execve */
    MB_STEP_COUNT
};

/* Mounts whose descriptor the builder keeps, so that what lies on them is reached without walking the box's paths. */
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

struct mb_mount_option {
    const char *key, *value; /* value NULL: a flag */
};

/* The form of a step is common to all kinds, so that one printer and one report serve all. */
struct mb_step {
    enum mb_step_kind kind;
    enum mb_side side;
    const struct mb_origin *origin;
    const char *target; /* path in the box as a user sees it, absolute */
    const char *path;   /* the same below slot `at`: relative; "" is the slot's own mount */
    const char *source; /* host path, file system type, link text, content, name: see the kinds */
    const struct mb_mount_option *options;
    size_t option_count;
    const char *const *names; /* LINK */
    size_t name_count;
    uint64_t attributes;    /* MOUNT_ATTR_* of the mount */
    uint64_t flags;         /* CLONE: CLONE_*; JOIN: the one CLONE_NEW* flag; CAPABILITIES: the set */
    uint64_t soft, hard;    /* LIMIT, RAISE_LIMIT */
    uint64_t device, inode; /* of source, when it was planned */
    uint32_t node;          /* DEVICE: st_rdev's number */
    uint32_t mode;          /* of what is made; a directory's S_IFDIR and a file's S_IFREG included */
    uint32_t uid, gid;      /* IDS, BECOME_ROOT: the box's ids; DIRECTORY, TERMINAL: of the owner */
    int resource;           /* LIMIT, RAISE_LIMIT */
    int stream;             /* STREAM: 0 to 2 */
    enum mb_slot at, keep;
    bool is_directory;          /* what source is, and so what target must be */
    bool no_links;              /* target must not lead over a symbolic link */
    bool optional;              /* MASK, REMOUNT: the kernel need not have target */
    bool recursive;             /* with what is mounted below source */
    bool by_parent;             /* BIND, DEVICE: only the launcher may reach source; it opens it before clone */
    bool idmap, idmap_optional; /* owners as the box's user namespace maps them; optional: where the file system can */
    bool keep_groups;           /* IDS, BECOME_ROOT: the kernel forbids dropping the groups */
    /* Run time, set by launch/ in its own copy: */
    int fd;    /* JOIN: the namespace; BIND, DEVICE: a detached tree; STREAM: the file; -1: none */
    int mount; /* which of the box's mounts this step makes, for the verifier; -1: none */
};

/* How the builder's memory relates to the launcher's. */
enum mb_memory { MB_MEMORY_SHARED, MB_MEMORY_VFORK, MB_MEMORY_COPY };

/* Which calls the filter tells the launcher of. */
enum mb_notify_what { MB_NOTIFY_NONE, MB_NOTIFY_ALLOWED, MB_NOTIFY_REFUSED };

/* Who writes the id maps. */
enum mb_map_writer { MB_MAPS_NONE, MB_MAPS_SELF, MB_MAPS_PARENT, MB_MAPS_HELPER };

/* `count` ids from `uid` (user ids) and from `gid` (group ids) on. */
struct mb_id_range {
    uint32_t uid, gid, count;
};

struct mb_plan {
    struct mb_arena arena;
    struct mb_step *steps;
    size_t step_count;

    uint64_t flags; /* CLONE_* of the box, CLONE_NEWTIME included */
    enum mb_memory memory;
    bool privileged, init, die_with_launcher, terminal;
    bool trial; /* set after compiling: all is done but the execve */
    uint32_t preserve_fds;
    uint64_t timeout;      /* nanoseconds; 0: none */
    uint64_t output_limit; /* bytes; 0: none */
    struct winsize window; /* of the box's terminal */
    const char *name, *pid_file;

    enum mb_map_writer map_writer;
    struct mb_id_map *maps; /* outside ids are final but for a reserved range */
    size_t map_count;
    bool reserve_range;         /* maps[0] and maps[1] get their outside ids from mb_ids_reserve() */
    struct mb_id_range *ranges; /* root's own subordinate ids, the first choice */
    size_t range_count;
    struct mb_id_range *taken; /* what no other range may touch; `uid` and `count` only */
    size_t taken_count;

    uint32_t uid, gid;     /* of the command, in the box */
    size_t group_count;    /* supplementary groups that could not be dropped */
    uint64_t capabilities; /* of the command */
    const char *hostname;  /* NULL: shared */
    const char *workdir;
    bool own_session_keyring;
    int32_t session_keyring;        /* the launcher's, which the box must not have */
    uint64_t joined[MB_FLAG_COUNT]; /* inode of the namespace to join; 0: none of this kind */

    struct mb_filter filter; /* count 0: none */
    enum mb_notify_what notify;
    char *const *command;
    char **environment;            /* NULL-terminated */
    const char *const *candidates; /* absolute paths to try for command[0], in order */
    size_t candidate_count;
    const char *const *absent; /* what was not done because the host has none, for --dry-run */
    size_t absent_count;
};

/*
 * Compiles spec and host into a plan. Nothing on the host is changed. The plan borrows from both, which must outlive
 * it. Errors: MINIBOX_PHASE_USAGE and _PLAN.
 */
int mb_plan_compile(const struct minibox_spec *spec, const struct mb_host *host, struct mb_plan *ret_plan,
                    struct minibox_error *err);
void mb_plan_free(struct mb_plan *plan);

/* The first step of a kind, or NULL. */
const struct mb_step *mb_plan_find(const struct mb_plan *plan, enum mb_step_kind kind);

/* Kind of a step as shown ("mount"), and the words of an error ("cannot mount tmpfs on" "/tmp"). */
const char *mb_step_name(enum mb_step_kind kind);
void mb_step_describe(const struct mb_plan *plan, const struct mb_step *step, char *ret_text, size_t size);
void mb_step_fill_error(const struct mb_step *step, struct minibox_error *err);

void mb_plan_print(const struct mb_plan *plan, FILE *out);
int mb_plan_print_json(const struct mb_plan *plan, FILE *out, struct minibox_error *err);

#endif
