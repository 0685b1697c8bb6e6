/* SPDX-License-Identifier: Apache-2.0 */
/* For the parts that fill a box from options, which are in several files. */
#ifndef MB_BOX_FILL_H
#define MB_BOX_FILL_H

#include "box/box.h"

/* Contents of the account files of the box's root file system; "" when there are none. */
struct mb_accounts {
    const char *passwd, *group;
};

struct mb_filler {
    const struct minibox_spec *spec;
    const struct mb_host *host;
    struct mb_box *box;
    struct minibox_error *err;
    enum mb_rootfs rootfs; /* a busybox tree that was installed beside minibox counts as DIR */
    int root_fd;           /* DIR: for looking at it; -1: none */
    struct mb_accounts accounts;
    const char *home;      /* of the command's user, in the box */
    struct mb_mount scrap; /* written to when there is no memory; the box is then not used */
};

enum {
    MB_NOSUID_NODEV = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    MB_SAFE = MB_NOSUID_NODEV | MOUNT_ATTR_NOEXEC,
};

#define MB_TEXT(f, ...) mb_arena_printf(&(f)->box->arena, __VA_ARGS__)

/* The parts, in the order in which mb_box_fill() calls them. Each returns 0, or -1 with *err. */
int mb_fill_find_root(struct mb_filler *f); /* finds the root file system, and reads its account files */
int mb_fill_identity(struct mb_filler *f);
int mb_fill_environment(struct mb_filler *f);
int mb_fill_confinement(struct mb_filler *f);
int mb_fill_limits(struct mb_filler *f);
int mb_fill_root(struct mb_filler *f);
int mb_fill_kernel_mounts(struct mb_filler *f);
int mb_fill_extras(struct mb_filler *f); /* the user's home, the resolver's settings */
int mb_fill_user_mounts(struct mb_filler *f);
int mb_fill_end_of_mounts(struct mb_filler *f); /* makes read-only what was written to until here */

/* Appends an entry to the list of mounts, which is valid until the next one is appended. origin NULL: it is a default.
 */
struct mb_mount *mb_fill_mount(struct mb_filler *f, enum mb_mount_kind kind, const struct mb_origin *origin,
                               const char *target);
void mb_fill_options(struct mb_filler *f, struct mb_mount *mount, const struct mb_mount_option *options, size_t count);
#define MB_OPTIONS(f, mount, ...)                                                                                      \
    mb_fill_options(f, mount, (const struct mb_mount_option[]){__VA_ARGS__},                                           \
                    sizeof((const struct mb_mount_option[]){__VA_ARGS__}) / sizeof(struct mb_mount_option))

/* Appends a path of the host, with the mounts below it. */
struct mb_mount *mb_fill_bind(struct mb_filler *f, const struct mb_origin *origin, const char *source,
                              const char *target, enum mb_access access);

/* The same for a directory that the caller named: it is reached with the caller's rights, and its files get owners of
 * the box. */
struct mb_mount *mb_fill_directory(struct mb_filler *f, const struct mb_origin *origin, const char *source,
                                   const char *target, enum mb_access access);

/* Appends a directory that can be written to though the root is read-only; its content goes with the box. The owner is
 * an id of the box. */
struct mb_scratch {
    const char *target;
    uint32_t mode, uid, gid;
    uint64_t set; /* MOUNT_ATTR_*, beyond nosuid and nodev */
};
struct mb_mount *mb_fill_scratch(struct mb_filler *f, const struct mb_origin *origin, struct mb_scratch scratch);

struct mb_mount *mb_fill_tmpfs(struct mb_filler *f, const struct mb_origin *origin, const struct mb_tmpfs *tmpfs);

/* Notes, for --dry-run, what is left out and why. */
void mb_fill_absent(struct mb_filler *f, const char *what);

/* Whether users other than root can reach the host's directory. */
bool mb_root_is_reachable(const char *directory);

/* The value of a variable in `environment`, or NULL. */
const char *mb_box_variable(char *const *environment, const char *name);

extern const char *const mb_busybox_applets[];
extern const size_t mb_busybox_applet_count;

#endif
