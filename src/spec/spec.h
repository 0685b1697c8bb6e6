/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spec: the choices of the user. It is plain data, without descriptors and without facts about the host. Every
 * front end writes it through mb_options_set(), so each value has passed the same checks and has an origin.
 */
#ifndef MB_SPEC_SPEC_H
#define MB_SPEC_SPEC_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "kernel/flags.h"

enum mb_option_id {
    MB_OPTION_FILE,
    MB_OPTION_ROOTFS,
    MB_OPTION_VOLUME,
    MB_OPTION_TMPFS,
    MB_OPTION_DEVICE,
    MB_OPTION_MASK,
    MB_OPTION_WORKDIR,
    MB_OPTION_ENV,
    MB_OPTION_ENV_FILE,
    MB_OPTION_TTY,
    MB_OPTION_INIT,
    MB_OPTION_STDIN,
    MB_OPTION_STDOUT,
    MB_OPTION_STDERR,
    MB_OPTION_OUTPUT_LIMIT,
    MB_OPTION_PRESERVE_FDS,
    MB_OPTION_USER,
    MB_OPTION_USERNS,
    MB_OPTION_HOSTNAME,
    MB_OPTION_CAP_ADD,
    MB_OPTION_CAP_DROP,
    MB_OPTION_SECCOMP,
    MB_OPTION_ALLOW,
    MB_OPTION_ULIMIT,
    MB_OPTION_NETWORK,
    MB_OPTION_SHARE,
    MB_OPTION_ISOLATE,
    MB_OPTION_JOIN,
    MB_OPTION_TIMEOUT,
    MB_OPTION_DIE_WITH_LAUNCHER,
    MB_OPTION_NAME,
    MB_OPTION_PID_FILE,
    MB_OPTION_REPORT,
    MB_OPTION_DRY_RUN,
    MB_OPTION_VERBOSE,
    MB_OPTION_HELP,
    MB_OPTION_COUNT
};

enum mb_rootfs { MB_ROOTFS_BUSYBOX, MB_ROOTFS_HOST, MB_ROOTFS_DIR };
enum mb_access { MB_ACCESS_RO, MB_ACCESS_RW, MB_ACCESS_OVERLAY };
enum mb_choice { MB_NO, MB_YES, MB_AUTO };
enum mb_userns { MB_USERNS_AUTO, MB_USERNS_KEEP_ID, MB_USERNS_MAP };
enum mb_seccomp { MB_SECCOMP_DEFAULT, MB_SECCOMP_OFF, MB_SECCOMP_FILE, MB_SECCOMP_LEARN };
enum mb_network { MB_NETWORK_DEFAULT, MB_NETWORK_NONE, MB_NETWORK_HOST };
enum mb_dry_run { MB_DRY_RUN_NO, MB_DRY_RUN_TEXT, MB_DRY_RUN_JSON, MB_DRY_RUN_CONFIG };

struct mb_volume {
    const char *source, *target; /* target: absolute, in the box */
    enum mb_access access;
    uint64_t attributes; /* MOUNT_ATTR_*, beyond nosuid and nodev */
    struct mb_origin origin;
};

struct mb_tmpfs {
    const char *target;
    uint64_t size; /* bytes; 0: the kernel's default, half of memory */
    uint32_t mode;
    uint64_t attributes;
    struct mb_origin origin;
};

struct mb_path {
    const char *source, *target; /* --device has both, --mask only the target */
    struct mb_origin origin;
};

struct mb_env {
    const char *name, *value; /* value NULL: the caller's value is passed on */
    struct mb_origin origin;
};

struct mb_ulimit {
    int resource;        /* RLIMIT_* */
    uint64_t soft, hard; /* in the resource's unit, setrlimit(2); RLIM_INFINITY: unlimited */
    const char *name;
    struct mb_origin origin;
};

struct mb_id_map {
    uint32_t inside, outside, count;
    bool uids, gids; /* it maps user ids, group ids, or both */
    struct mb_origin origin;
};

enum mb_id_kind { MB_ID_USER, MB_ID_GROUP };

static inline bool mb_id_map_is_for(const struct mb_id_map *map, enum mb_id_kind kind) {
    return kind == MB_ID_GROUP ? map->gids : map->uids;
}

struct mb_join {
    enum mb_flag_id flag;
    const char *path; /* of a namespace file */
    struct mb_origin origin;
};

/* A file of options that was read; none is read twice. */
struct mb_file {
    dev_t device;
    ino_t inode;
};

/* Every setting, in order, for --dry-run=config. */
struct mb_setting {
    enum mb_option_id id;
    const char *text; /* the value; paths in it are absolute, or relative to the caller's working directory */
    struct mb_origin origin;
};

struct minibox_spec {
    struct mb_arena arena;
    struct mb_setting *settings;
    size_t setting_count;
    struct mb_file *files;
    size_t file_count;
    struct mb_origin origin[MB_OPTION_COUNT]; /* of the value that counts; of a list, its last element's */

    char *const *command; /* the caller's words, NULL-terminated; NULL: none given */

    enum mb_rootfs rootfs;
    const char *rootfs_path; /* MB_ROOTFS_DIR */
    enum mb_access rootfs_access;
    struct mb_volume *volumes;
    size_t volume_count;
    struct mb_tmpfs *tmpfs;
    size_t tmpfs_count;
    struct mb_path *devices;
    size_t device_count;
    struct mb_path *masks;
    size_t mask_count;

    const char *workdir; /* NULL: / */
    struct mb_env *env;
    size_t env_count;
    int tty;                /* enum mb_choice */
    int init;               /* MB_YES or MB_NO, as all int fields below */
    const char *streams[3]; /* files for standard input, output and error; NULL: the caller's */
    uint64_t output_limit;  /* bytes; 0: none */
    uint32_t preserve_fds;

    const char *user, *group; /* NULL: not given */
    enum mb_userns userns;
    struct mb_id_map *id_maps;
    size_t id_map_count;
    const char *hostname; /* NULL: the name */

    uint64_t cap_add, cap_drop; /* bit n: capability n; the command gets cap_add & ~cap_drop */
    enum mb_seccomp seccomp;
    const char *seccomp_file; /* FILE: the profile that is read; LEARN: the one that is written */
    int allow_suid;
    struct mb_ulimit *ulimits;
    size_t ulimit_count;

    uint64_t share, isolate; /* CLONE_* flags of the rows named by --share and --isolate */
    enum mb_network network;
    struct mb_join *joins;
    size_t join_count;

    uint64_t timeout; /* nanoseconds; 0: none */
    int die_with_launcher;
    const char *name;
    const char *pid_file;
    const char *report; /* file; NULL: none */
    enum mb_dry_run dry_run;
    int verbose;
    int help;
};

/* The CLONE_* flags of the box, after --share, --isolate, --network and --join. An error if the kernel refuses them. */
int mb_spec_flags(const struct minibox_spec *spec, uint64_t *ret_flags, struct minibox_error *err);

/* Checks options that depend on each other, and that there is a command. */
int mb_spec_check(const struct minibox_spec *spec, struct minibox_error *err);

#endif
