/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. mb_plan_compile() reads as the table of contents of a box: each function it calls appends the steps of
 * one part. Nothing on the host is changed, and everything that can be refused is refused here.
 *
 * What must stay true: a host path that a step names has been looked at, and its device and inode are in the step, so
 * that the launch can tell that it mounts what was planned; a path of the box is never resolved on the host; whatever
 * memory could not be had is noticed once, at the end (arena.failed).
 */
#include <errno.h>
#include <fcntl.h>
#include <elf.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "plan/ids.h"
#include "plan/rootfs.h"

#ifndef MINIBOX_DATADIR
#define MINIBOX_DATADIR "/usr/local/share/minibox"
#endif

struct compiler {
    const struct minibox_spec *spec;
    const struct mb_host *host;
    struct mb_plan *plan;
    struct minibox_error *err;
    struct mb_accounts accounts;
    enum mb_rootfs rootfs;      /* a ready-made busybox tree is a DIR */
    const char *rootfs_path;    /* DIR */
    int root_fd;                /* DIR: for looking at it; never used in the box */
    bool joins_user;
    unsigned overlays;          /* how many layers the staging tmpfs holds so far */
    struct mb_step scrap;       /* written to when there is no memory; the plan is then not used */
};

static const struct mb_origin by_default = {.kind = MB_ORIGIN_DEFAULT};

enum {
    NOSUID_NODEV = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    SAFE = NOSUID_NODEV | MOUNT_ATTR_NOEXEC,
};

/* ---- appending ------------------------------------------------------------------------------------------------ */

/* The new step, to be filled in. Valid until the next one is added. */
static struct mb_step *add(struct compiler *c, enum mb_step_kind kind, enum mb_side side, const struct mb_origin *origin) {
    struct mb_step *step = mb_arena_push(&c->plan->arena, &c->plan->steps, &c->plan->step_count, sizeof(*step));
    if (!step)
        step = &c->scrap;
    *step = (struct mb_step){.kind = kind, .side = side, .origin = origin ? origin : &by_default, .fd = -1, .mount = -1};
    return step;
}

static struct mb_step *add_at(struct compiler *c, enum mb_step_kind kind, const struct mb_origin *origin, enum mb_slot at,
                              const char *target, const char *path) {
    struct mb_step *step = add(c, kind, MB_SIDE_BUILDER, origin);
    step->at = at;
    step->target = target;
    step->path = path;
    return step;
}

/* A step on an absolute path of the box's root. */
static struct mb_step *add_in_root(struct compiler *c, enum mb_step_kind kind, const struct mb_origin *origin,
                                   const char *target) {
    return add_at(c, kind, origin, MB_SLOT_ROOT, target, target + strspn(target, "/"));
}

static void set_options(struct compiler *c, struct mb_step *step, const struct mb_mount_option *options, size_t count) {
    struct mb_mount_option *copy = mb_arena_alloc(&c->plan->arena, count * sizeof(*copy));
    if (!copy)
        return;
    memcpy(copy, options, count * sizeof(*copy));
    step->options = copy;
    step->option_count = count;
}
#define OPTIONS(c, step, ...)                                                                                          \
    set_options(c, step, (const struct mb_mount_option[]){__VA_ARGS__},                                                \
                sizeof((const struct mb_mount_option[]){__VA_ARGS__}) / sizeof(struct mb_mount_option))

#define TEXT(c, ...) mb_arena_printf(&(c)->plan->arena, __VA_ARGS__)

static void add_absent(struct compiler *c, const char *what) {
    const char **slot = mb_arena_push(&c->plan->arena, &c->plan->absent, &c->plan->absent_count, sizeof(*slot));
    if (slot)
        *slot = what;
}

static void add_directory(struct compiler *c, const char *target, uint32_t mode) {
    add_in_root(c, MB_STEP_DIRECTORY, NULL, target)->mode = S_IFDIR | mode;
}

static void add_link(struct compiler *c, const char *target, const char *text) {
    add_in_root(c, MB_STEP_LINK, NULL, target)->source = text;
}

static void add_file(struct compiler *c, const char *target, const char *content) {
    struct mb_step *step = add_in_root(c, MB_STEP_FILE, NULL, target);
    step->source = content;
    step->mode = S_IFREG | 0644;
}

static void add_tmpfs(struct compiler *c, const struct mb_origin *origin, const char *target, uint32_t mode, uint64_t size,
                      uint64_t attributes) {
    struct mb_step *step = add_in_root(c, MB_STEP_MOUNT, origin, target);
    step->source = "tmpfs";
    step->attributes = NOSUID_NODEV | attributes;
    step->is_directory = true;
    const char *mode_text = TEXT(c, "%04o", mode);
    if (size)
        OPTIONS(c, step, {"mode", mode_text}, {"size", TEXT(c, "%llu", (unsigned long long)size)});
    else
        OPTIONS(c, step, {"mode", mode_text});
}

/* ---- looking at the host -------------------------------------------------------------------------------------- */

/* Looks at a source on the host, so that the launch can tell that it still is the same. */
static int identify(struct compiler *c, struct mb_step *step, const char *path) {
    struct statx st;
    if (statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_TYPE | STATX_MODE | STATX_INO, &st) < 0)
        return mb_error_host(c->err, step->origin, errno == EACCES ? MB_REMEDY_VOLUME_DENIED : MB_REMEDY_NO_SUCH_PATH, errno,
                             "cannot show", path);
    step->device = makedev(st.stx_dev_major, st.stx_dev_minor);
    step->inode = st.stx_ino;
    step->is_directory = S_ISDIR(st.stx_mode);
    step->mode = st.stx_mode & S_IFMT;
    step->node = (uint32_t)makedev(st.stx_rdev_major, st.stx_rdev_minor);
    return 0;
}

static bool exists_on_host(struct compiler *c, const char *path) {
    struct stat st;
    return lstat(TEXT(c, "%s%s", c->host->root, path), &st) == 0;
}

/* Binds a path of the host, read-only but for what `attributes` takes back. */
static int add_bind(struct compiler *c, const struct mb_origin *origin, const char *source, const char *target,
                    enum mb_access access, uint64_t attributes) {
    struct mb_step *step = add_in_root(c, MB_STEP_BIND, origin, target);
    step->source = source;
    step->attributes = NOSUID_NODEV | attributes | (access == MB_ACCESS_RW ? 0 : MOUNT_ATTR_RDONLY);
    step->recursive = true;
    return identify(c, step, source);
}

/* Owners on the host are seen as the same numbers inside: what a user of docker expects of a folder. */
static void add_idmap(struct compiler *c, bool optional) {
    struct mb_plan *plan = c->plan;
    struct mb_step *step = plan->step_count ? &plan->steps[plan->step_count - 1] : &c->scrap;
    if (!plan->privileged || !(plan->flags & CLONE_NEWUSER))
        return;
    step->idmap = true;
    step->idmap_optional = optional;
}

/* ---- overlays ------------------------------------------------------------------------------------------------- */

static void add_stage(struct compiler *c, const struct mb_origin *origin) {
    struct mb_step *step = add_at(c, MB_STEP_MOUNT, origin, MB_SLOT_NONE, "(staging)", "");
    step->source = "tmpfs";
    step->attributes = NOSUID_NODEV;
    step->keep = MB_SLOT_STAGE;
    step->is_directory = true;
    OPTIONS(c, step, {"mode", "0700"});
}

/* The lower layer is bound into the staging tmpfs, so that its name needs no escaping in overlay's options; the staging
 * tmpfs goes with the old root, and overlay keeps what it needs of it. */
static int add_overlay(struct compiler *c, const struct mb_origin *origin, const char *source, const char *target,
                       uint64_t attributes, enum mb_slot keep) {
    static const char *const layers[] = {"lower", "upper", "work"};
    unsigned n = c->overlays++;
    const char *names[3];
    for (int i = 0; i < 3; i++) {
        names[i] = TEXT(c, "%s%u", layers[i], n);
        add_at(c, MB_STEP_DIRECTORY, origin, MB_SLOT_STAGE, TEXT(c, "(staging)/%s", names[i]), names[i])->mode = S_IFDIR | 0755;
    }
    struct mb_step *bind = add_at(c, MB_STEP_BIND, origin, MB_SLOT_STAGE, TEXT(c, "(staging)/%s", names[0]), names[0]);
    bind->source = source;
    bind->attributes = NOSUID_NODEV | MOUNT_ATTR_RDONLY;
    bind->recursive = true;
    if (identify(c, bind, source))
        return -1;
    if (!bind->is_directory)
        return mb_error_host(c->err, origin, MB_REMEDY_NONE, ENOTDIR, "cannot put an overlay over", source);
    add_idmap(c, false);

    struct mb_step *step = keep ? add_at(c, MB_STEP_OVERLAY, origin, MB_SLOT_NONE, target, "")
                                : add_in_root(c, MB_STEP_OVERLAY, origin, target);
    step->source = "overlay";
    step->attributes = NOSUID_NODEV | attributes;
    step->keep = keep;
    step->is_directory = true;
    if (c->plan->flags & CLONE_NEWUSER)
        OPTIONS(c, step, {"lowerdir", names[0]}, {"upperdir", names[1]}, {"workdir", names[2]}, {"userxattr", NULL});
    else
        OPTIONS(c, step, {"lowerdir", names[0]}, {"upperdir", names[1]}, {"workdir", names[2]});
    return 0;
}

/* ---- the parts of a box, in order ----------------------------------------------------------------------------- */

static int plan_identity(struct compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    bool caller_name = c->rootfs == MB_ROOTFS_HOST && (!plan->privileged || !(plan->flags & CLONE_NEWUSER));

    plan->uid = caller_name || spec->userns == MB_USERNS_KEEP_ID ? c->host->uid : 0;
    plan->gid = caller_name || spec->userns == MB_USERNS_KEEP_ID ? c->host->gid : 0;
    if (spec->user && mb_ids_find_user(&c->accounts, spec->user, spec->group, &spec->origin[MB_OPTION_USER], &plan->uid,
                                       &plan->gid, c->err))
        return -1;
    if (mb_ids_plan_maps(spec, c->host, plan, c->err))
        return -1;
    if (spec->userns == MB_USERNS_MAP && !spec->user && plan->map_count && !mb_ids_is_mapped(plan, plan->uid, false)) {
        /* A map without the default user: its first ids are what was meant. */
        for (size_t i = plan->map_count; i-- > 0;) {
            if (plan->maps[i].uids)
                plan->uid = plan->maps[i].inside;
            if (plan->maps[i].gids)
                plan->gid = plan->maps[i].inside;
        }
    }
    if (!mb_ids_is_mapped(plan, plan->uid, false) || !mb_ids_is_mapped(plan, plan->gid, true))
        return mb_error_usage(c->err, &spec->origin[spec->user ? MB_OPTION_USER : MB_OPTION_USERNS],
                              MB_REMEDY_ID_NOT_MAPPED, "cannot be that user in the box",
                              TEXT(c, "%u:%u", plan->uid, plan->gid), NULL);
    bool may_drop = plan->privileged || plan->map_writer == MB_MAPS_HELPER;
    plan->group_count = may_drop ? 0 : c->host->group_count;
    plan->capabilities = spec->cap_add & ~spec->cap_drop & c->host->capabilities;
    uint64_t unknown = spec->cap_add & ~spec->cap_drop & ~c->host->capabilities;
    if (unknown && spec->cap_add != UINT64_MAX)
        return mb_error_usage(c->err, &spec->origin[MB_OPTION_CAP_ADD], MB_REMEDY_OLD_KERNEL,
                              "this kernel does not know a capability of", "--cap-add", NULL);
    return 0;
}

static int plan_namespaces(struct compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    if (mb_spec_flags(spec, &plan->flags, c->err))
        return -1;
    for (size_t i = 0; i < spec->join_count; i++) {
        struct stat st;
        const struct mb_join *join = &spec->joins[i];
        if (stat(join->path, &st) < 0)
            return mb_error_host(c->err, &join->origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot join", join->path);
        plan->joined[join->flag] = st.st_ino;
        c->joins_user |= join->flag == MB_FLAG_USER;
    }
    if (!(plan->flags & CLONE_NEWUSER) && !c->joins_user && !plan->privileged) {
        mb_error_usage(c->err, &spec->origin[MB_OPTION_SHARE], MB_REMEDY_NONE, "refusing to share", "user",
                       "an ordinary user may make other namespaces only inside a user namespace");
        mb_error_remedy(c->err, "leave out user, or run as root");
        return -1;
    }

    plan->memory = MB_MEMORY_SHARED;
    if (spec->join_count || !(plan->flags & CLONE_NEWPID) || !(plan->flags & CLONE_VM))
        plan->memory = MB_MEMORY_COPY; /* who is already in there could trace a builder that shares our memory */
    if (!(plan->flags & CLONE_VFORK))
        return 0;
    if (plan->memory == MB_MEMORY_COPY || plan->privileged || plan->terminal)
        return mb_error_usage(c->err, &spec->origin[MB_OPTION_SHARE], MB_REMEDY_FLAG_NOT_FOR_EXEC, "cannot share", "vfork",
                              plan->terminal                     ? "the parent must fetch the box's terminal meanwhile"
                              : plan->memory == MB_MEMORY_COPY ? "the builder works in a copy of the memory"
                                                                 : "the parent must write root's id maps meanwhile");
    plan->memory = MB_MEMORY_VFORK;
    return 0;
}

/* Where setgroups(2) is forbidden: in a map that a user wrote itself; and where it may be: in a user namespace to join,
 * before which root has dropped them. */
static bool keeps_groups(const struct compiler *c) {
    return c->joins_user || (!c->plan->privileged && c->plan->map_writer != MB_MAPS_HELPER);
}

static void plan_start(struct compiler *c) {
    struct mb_plan *plan = c->plan;
    if (c->joins_user && plan->privileged)
        add(c, MB_STEP_DROP_GROUPS, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_JOIN]);
    for (size_t i = 0; i < c->spec->join_count; i++) {
        const struct mb_join *join = &c->spec->joins[i];
        /* The user namespace first: it gives the right to enter the others. */
        if (join->flag == MB_FLAG_USER) {
            struct mb_step *step = add(c, MB_STEP_JOIN, MB_SIDE_BUILDER, &join->origin);
            step->source = join->path;
            step->flags = CLONE_NEWUSER;
        }
    }
    for (size_t i = 0; i < c->spec->join_count; i++) {
        const struct mb_join *join = &c->spec->joins[i];
        if (join->flag != MB_FLAG_USER) {
            struct mb_step *step = add(c, MB_STEP_JOIN, MB_SIDE_BUILDER, &join->origin);
            step->source = join->path;
            step->flags = mb_flags[join->flag].flag;
        }
    }
    add(c, MB_STEP_CLONE, MB_SIDE_PARENT, &c->spec->origin[c->spec->share ? MB_OPTION_SHARE : MB_OPTION_ISOLATE])->flags =
        plan->flags;
    if (plan->die_with_launcher)
        add(c, MB_STEP_DIE_WITH, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_DIE_WITH_LAUNCHER]);
    add(c, MB_STEP_CLOSE, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_PRESERVE_FDS]);
    const struct mb_origin *userns = &c->spec->origin[MB_OPTION_USERNS];
    if (plan->map_writer == MB_MAPS_SELF)
        add(c, MB_STEP_SELF_MAPS, MB_SIDE_BUILDER, userns);
    else if (plan->map_writer != MB_MAPS_NONE)
        add(c, MB_STEP_WRITE_MAPS, MB_SIDE_PARENT, userns);

    /* What needs no id goes on while the parent writes the maps. */
    add(c, MB_STEP_PRIVATE, MB_SIDE_BUILDER, NULL);
    if (plan->flags & CLONE_NEWUTS) {
        plan->hostname = c->spec->hostname ? c->spec->hostname : plan->name;
        add(c, MB_STEP_HOSTNAME, MB_SIDE_BUILDER, &c->spec->origin[c->spec->hostname ? MB_OPTION_HOSTNAME : MB_OPTION_NAME])
            ->source = plan->hostname;
    }
    if (plan->flags & CLONE_NEWNET)
        add(c, MB_STEP_LOOPBACK, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_NETWORK]);
    if (plan->flags & CLONE_NEWTIME)
        add(c, MB_STEP_TIME, MB_SIDE_BUILDER, NULL);

    bool waits = plan->map_writer == MB_MAPS_PARENT || plan->map_writer == MB_MAPS_HELPER;
    if (waits)
        add(c, MB_STEP_WAIT_MAPS, MB_SIDE_BUILDER, userns);
    if (waits || c->joins_user) {
        struct mb_step *step = add(c, MB_STEP_BECOME_ROOT, MB_SIDE_BUILDER, userns);
        /* Its files in the box's own mounts belong to the box's root, or to the one who is there instead. */
        step->uid = mb_ids_is_mapped(plan, 0, false) ? 0 : plan->uid;
        step->gid = mb_ids_is_mapped(plan, 0, true) ? 0 : plan->gid;
        step->keep_groups = keeps_groups(c);
    }
}

static struct mb_step *add_root_tmpfs(struct compiler *c) {
    struct mb_step *step = add_at(c, MB_STEP_MOUNT, &c->spec->origin[MB_OPTION_ROOTFS], MB_SLOT_NONE, "/", "");
    step->source = "tmpfs";
    step->attributes = NOSUID_NODEV;
    step->keep = MB_SLOT_ROOT;
    step->is_directory = true;
    OPTIONS(c, step, {"mode", "0755"});
    return step;
}

/* Finds the host's busybox and sees that it is static. */
static int find_busybox(struct compiler *c, const char **ret_path) {
    static const char *const places[] = {"/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"};
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_ROOTFS];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *path = TEXT(c, "%s%s", c->host->root, places[i]);
        mb_autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        union {
            Elf64_Ehdr header;
            char bytes[4096];
        } file;
        ssize_t length = read(fd, &file, sizeof(file));
        if (length < (ssize_t)sizeof(file.header) || memcmp(file.header.e_ident, ELFMAG, SELFMAG) != 0 ||
            file.header.e_phentsize != sizeof(Elf64_Phdr))
            return mb_error_host(c->err, origin, MB_REMEDY_NO_BUSYBOX, ENOEXEC, "cannot use", path);
        for (size_t n = 0; n < file.header.e_phnum; n++) {
            Elf64_Phdr program;
            size_t offset = file.header.e_phoff + n * sizeof(program);
            if (offset > (size_t)length || (size_t)length - offset < sizeof(program))
                break;
            memcpy(&program, file.bytes + offset, sizeof(program));
            if (program.p_type == PT_INTERP)
                return mb_error_host(c->err, origin, MB_REMEDY_BUSYBOX_DYNAMIC, ENOEXEC, "cannot use", path);
        }
        *ret_path = path;
        return 0;
    }
    return mb_error_host(c->err, origin, MB_REMEDY_NO_BUSYBOX, ENOENT, "cannot find a busybox for", "--rootfs busybox");
}

/* The host's resolver settings, where the host's network is shared: the text, or "" */
static const char *read_resolv_conf(struct compiler *c) {
    char text[16384];
    if ((c->plan->flags & CLONE_NEWNET) ||
        mb_fd_read_file(TEXT(c, "%s/etc/resolv.conf", c->host->root), text, sizeof(text)) <= 0)
        return "";
    return TEXT(c, "%s", text);
}

static const char busybox_passwd[] = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
static const char busybox_group[] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";

static int plan_root_busybox(struct compiler *c) {
    const char *busybox;
    if (find_busybox(c, &busybox))
        return -1;
    add_root_tmpfs(c);
    static const char *const folders[] = {"/bin", "/usr", "/etc", "/root", "/home", "/var", "/run"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        add_directory(c, folders[i], 0755);
    add_link(c, "/sbin", "bin");
    add_link(c, "/usr/bin", "../bin");
    add_link(c, "/usr/sbin", "../bin");
    add_link(c, "/var/run", "../run");
    add_link(c, "/var/tmp", "../tmp");
    if (add_bind(c, &c->spec->origin[MB_OPTION_ROOTFS], busybox, "/bin/busybox", MB_ACCESS_RO, 0))
        return -1;
    struct mb_step *links = add_in_root(c, MB_STEP_LINK, NULL, "/bin");
    links->source = "busybox";
    links->names = mb_busybox_applets;
    links->name_count = mb_busybox_applet_count;
    add_file(c, "/etc/passwd", c->plan->uid == 0 || c->plan->uid == 65534
                                   ? busybox_passwd
                                   : TEXT(c, "%suser:x:%u:%u:user:/:/bin/sh\n", busybox_passwd, c->plan->uid, c->plan->gid));
    add_file(c, "/etc/group", busybox_group);
    const char *name = c->plan->hostname ? c->plan->hostname : "localhost";
    add_file(c, "/etc/hosts", TEXT(c, "127.0.0.1\tlocalhost %s\n::1\tlocalhost %s\n", name, name));
    add_file(c, "/etc/resolv.conf", read_resolv_conf(c));
    return 0;
}

/* The allow-list: what of the host is in the box at all. */
static int plan_root_host(struct compiler *c) {
    static const char *const folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix",
                                          "/gnu"};
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_ROOTFS];
    add_root_tmpfs(c);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const char *path = TEXT(c, "%s%s", c->host->root, folders[i]);
        struct stat st;
        char text[256];
        ssize_t length;
        if (lstat(path, &st) < 0)
            continue;
        if (S_ISLNK(st.st_mode) && (length = readlink(path, text, sizeof(text) - 1)) > 0)
            add_link(c, folders[i], mb_arena_copy(&c->plan->arena, text, (size_t)length));
        else if (S_ISDIR(st.st_mode) && add_bind(c, origin, path, folders[i], MB_ACCESS_RO, 0))
            return -1;
    }
    add_directory(c, "/home", 0755);
    add_directory(c, "/root", 0700);
    add_directory(c, "/var", 0755);
    add_link(c, "/var/run", "../run");
    add_tmpfs(c, origin, "/run", 0755, 0, 0);
    add_tmpfs(c, origin, "/var/tmp", 01777, 0, 0);
    return 0;
}

static int plan_root_dir(struct compiler *c) {
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_ROOTFS];
    if (c->spec->rootfs_access == MB_ACCESS_OVERLAY)
        return add_overlay(c, origin, c->rootfs_path, "/", 0, MB_SLOT_ROOT);
    struct mb_step *step = add_at(c, MB_STEP_BIND, origin, MB_SLOT_NONE, "/", "");
    step->source = c->rootfs_path;
    step->attributes = NOSUID_NODEV | (c->spec->rootfs_access == MB_ACCESS_RO ? MOUNT_ATTR_RDONLY : 0);
    step->keep = MB_SLOT_ROOT;
    step->recursive = true;
    add_idmap(c, c->spec->rootfs_access == MB_ACCESS_RO);
    return identify(c, step, c->rootfs_path);
}

static bool uses_overlay(const struct minibox_spec *spec) {
    bool uses = spec->rootfs == MB_ROOTFS_DIR && spec->rootfs_access == MB_ACCESS_OVERLAY;
    for (size_t i = 0; i < spec->volume_count; i++)
        uses |= spec->volumes[i].access == MB_ACCESS_OVERLAY;
    return uses;
}

/* A volume's place in the box; NULL after an error. */
static const char *volume_target(struct compiler *c, const struct mb_volume *volume) {
    if (volume->target)
        return volume->target;
    char *path = realpath(volume->source, NULL);
    const char *target = path ? mb_arena_copy(&c->plan->arena, path, strlen(path)) : NULL;
    free(path);
    if (!target)
        mb_error_host(c->err, &volume->origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot show", volume->source);
    return target;
}

/* Whether something is mounted at or above a path of the box, so that what the root has there does not count. */
static bool is_covered(struct compiler *c, const char *path) {
    for (size_t i = 0; i < c->plan->step_count; i++) {
        const struct mb_step *step = &c->plan->steps[i];
        size_t length = step->target && step->at == MB_SLOT_ROOT && step->is_directory ? strlen(step->target) : 0;
        if (length && strncmp(step->target, path, length) == 0 && path[length] == '/')
            return true;
    }
    return false;
}

/* A read-only root must have the mount point already. */
static int check_mount_point(struct compiler *c, const char *target, const struct mb_origin *origin) {
    if (c->root_fd < 0 || c->spec->rootfs_access != MB_ACCESS_RO || is_covered(c, target))
        return 0;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    mb_autofd fd = (int)syscall(SYS_openat2, c->root_fd, target + strspn(target, "/"), &how, sizeof(how));
    if (fd >= 0)
        return 0;
    if (errno == ENOSYS)
        return mb_error_host(c->err, origin, MB_REMEDY_OLD_KERNEL, errno, "cannot resolve paths safely", "openat2");
    mb_error_host(c->err, origin, MB_REMEDY_NO_MOUNT_POINT, errno, "cannot mount in the root file system on", target);
    if (errno == ENOENT)
        mb_error_remedy(c->err, "mkdir -p %s%s, or --rootfs %s:overlay", c->rootfs_path, target, c->rootfs_path);
    return -1;
}

static int plan_kernel_mounts(struct compiler *c) {
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const own[] = {"/proc", "/dev", "/tmp"};
    bool own_sys = c->plan->flags & CLONE_NEWNET;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (check_mount_point(c, own[i], &by_default))
            return -1;
    if (own_sys && check_mount_point(c, "/sys", &by_default))
        return -1;

    struct mb_step *step;
    if (c->plan->flags & CLONE_NEWPID) {
        step = add_in_root(c, MB_STEP_MOUNT, NULL, "/proc");
        step->source = "proc";
        step->attributes = SAFE;
        step->is_directory = true;
    } else { /* a new one would show the host's processes all the same, and only root may make it */
        if (add_bind(c, NULL, TEXT(c, "%s/proc", c->host->root), "/proc", MB_ACCESS_RW, MOUNT_ATTR_NOEXEC))
            return -1;
        step = &c->plan->steps[c->plan->step_count - 1];
    }
    step->keep = MB_SLOT_PROC;
    step->no_links = true;

    if (own_sys) {
        step = add_in_root(c, MB_STEP_MOUNT, NULL, "/sys");
        step->source = "sysfs";
        step->attributes = SAFE | MOUNT_ATTR_RDONLY;
        step->keep = MB_SLOT_SYS;
        step->no_links = step->is_directory = true;
    } else {
        add_absent(c, "/sys: the network is shared, and sysfs would show the host's");
    }
    add_tmpfs(c, NULL, "/tmp", 01777, 0, 0);
    add_tmpfs(c, NULL, "/dev", 0755, 0, MOUNT_ATTR_NOEXEC);
    step = c->plan->step_count ? &c->plan->steps[c->plan->step_count - 1] : &c->scrap;
    step->keep = MB_SLOT_DEV;
    step->no_links = true;
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        step = add_at(c, MB_STEP_DEVICE, NULL, MB_SLOT_DEV, TEXT(c, "/dev/%s", devices[i]), devices[i]);
        step->source = TEXT(c, "%s/dev/%s", c->host->root, devices[i]);
        step->attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
        static const uint8_t minors[] = {3, 5, 7, 8, 9, 0};
        if (identify(c, step, step->source))
            return -1;
        if (step->mode != S_IFCHR || step->node != makedev(i < 5 ? 1 : 5, minors[i]))
            return mb_error_host(c->err, NULL, MB_REMEDY_NONE, ENODEV, "this is not the device that its name says",
                                 step->source);
    }
    static const char *const links[][2] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
                                           {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
                                           {"ptmx", "pts/ptmx"}};
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        add_at(c, MB_STEP_LINK, NULL, MB_SLOT_DEV, TEXT(c, "/dev/%s", links[i][0]), links[i][0])->source = links[i][1];

    step = add_at(c, MB_STEP_MOUNT, NULL, MB_SLOT_DEV, "/dev/pts", "pts");
    step->source = "devpts";
    step->attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    step->keep = MB_SLOT_PTS;
    step->is_directory = true;
    if (!c->joins_user && mb_ids_is_mapped(c->plan, 5, true)) /* the group tty, where the box is known to have it */
        OPTIONS(c, step, {"mode", "0620"}, {"ptmxmode", "0666"}, {"gid", "5"});
    else
        OPTIONS(c, step, {"mode", "0600"}, {"ptmxmode", "0666"});
    step = add_at(c, MB_STEP_MOUNT, NULL, MB_SLOT_DEV, "/dev/shm", "shm");
    step->source = "tmpfs";
    step->attributes = SAFE;
    step->is_directory = true;
    OPTIONS(c, step, {"mode", "1777"});
    return 0;
}

/* Kernel files that show or change more than the box: hidden, or made read-only. */
static void plan_masks(struct compiler *c) {
    static const struct {
        const char *path;
        enum mb_slot at;
        bool read_only;
    } masks[] = {
        {"/proc/acpi", MB_SLOT_PROC, false},          {"/proc/asound", MB_SLOT_PROC, false},
        {"/proc/interrupts", MB_SLOT_PROC, false},    {"/proc/kallsyms", MB_SLOT_PROC, false},
        {"/proc/kcore", MB_SLOT_PROC, false},         {"/proc/keys", MB_SLOT_PROC, false},
        {"/proc/latency_stats", MB_SLOT_PROC, false}, {"/proc/sched_debug", MB_SLOT_PROC, false},
        {"/proc/scsi", MB_SLOT_PROC, false},          {"/proc/timer_list", MB_SLOT_PROC, false},
        {"/proc/timer_stats", MB_SLOT_PROC, false},   {"/proc/bus", MB_SLOT_PROC, true},
        {"/proc/fs", MB_SLOT_PROC, true},             {"/proc/irq", MB_SLOT_PROC, true},
        {"/proc/sys", MB_SLOT_PROC, true},            {"/proc/sysrq-trigger", MB_SLOT_PROC, true},
        {"/sys/firmware", MB_SLOT_SYS, false},        {"/sys/devices/virtual/powercap", MB_SLOT_SYS, false},
    };
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        if (masks[i].at == MB_SLOT_SYS && !(c->plan->flags & CLONE_NEWNET))
            continue;
        if (!exists_on_host(c, masks[i].path)) {
            add_absent(c, TEXT(c, "%s: this kernel has none", masks[i].path));
            continue;
        }
        struct mb_step *step = add_at(c, masks[i].read_only ? MB_STEP_READONLY : MB_STEP_MASK, NULL, masks[i].at,
                                      masks[i].path, strchr(masks[i].path + 1, '/') + 1);
        step->attributes = SAFE | MOUNT_ATTR_RDONLY;
    }
}

/* ---- what the user adds --------------------------------------------------------------------------------------- */

static unsigned depth_of(const char *path) {
    unsigned depth = 0;
    for (const char *p = path; *p; p++)
        depth += p[0] == '/' && p[1] != '/' && p[1] != '\0';
    return depth;
}

static int plan_volume(struct compiler *c, const struct mb_volume *volume, const char *target) {
    if (check_mount_point(c, target, &volume->origin))
        return -1;
    if (volume->access == MB_ACCESS_OVERLAY)
        return add_overlay(c, &volume->origin, volume->source, target, volume->attributes, MB_SLOT_NONE);
    if (add_bind(c, &volume->origin, volume->source, target, volume->access, volume->attributes))
        return -1;
    add_idmap(c, volume->access != MB_ACCESS_RW);
    return 0;
}

static int plan_device(struct compiler *c, const struct mb_path *device) {
    static const char dev[] = "/dev/";
    bool in_dev = strncmp(device->target, dev, sizeof(dev) - 1) == 0;
    if (!in_dev && check_mount_point(c, device->target, &device->origin))
        return -1;
    struct mb_step *step = in_dev ? add_at(c, MB_STEP_DEVICE, &device->origin, MB_SLOT_DEV, device->target,
                                           device->target + sizeof(dev) - 1)
                                  : add_in_root(c, MB_STEP_DEVICE, &device->origin, device->target);
    step->source = device->source;
    step->attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    if (identify(c, step, device->source))
        return -1;
    if (step->mode != S_IFCHR && step->mode != S_IFBLK)
        return mb_error_host(c->err, &device->origin, MB_REMEDY_NONE, ENODEV, "this is no device node", device->source);
    return 0;
}

/* Volumes, tmpfs and devices in the order of their depth, so that what contains comes before what is contained. */
static int plan_user_mounts(struct compiler *c) {
    const struct minibox_spec *spec = c->spec;
    const char **targets = mb_arena_alloc(&c->plan->arena, (spec->volume_count + 1) * sizeof(*targets));
    if (!targets)
        return mb_error_memory(c->err);
    unsigned deepest = 0;
    for (size_t i = 0; i < spec->volume_count; i++) {
        if (!(targets[i] = volume_target(c, &spec->volumes[i])))
            return -1;
        if (targets[i][strspn(targets[i], "/")] == '\0')
            return mb_error_usage(c->err, &spec->volumes[i].origin, MB_REMEDY_NONE, "a volume cannot be the root", targets[i],
                                  "use --rootfs");
        deepest = depth_of(targets[i]) > deepest ? depth_of(targets[i]) : deepest;
    }
    for (size_t i = 0; i < spec->tmpfs_count; i++) {
        if (spec->tmpfs[i].target[strspn(spec->tmpfs[i].target, "/")] == '\0')
            return mb_error_usage(c->err, &spec->tmpfs[i].origin, MB_REMEDY_NONE, "a tmpfs cannot be the root",
                                  spec->tmpfs[i].target, "use --rootfs");
        deepest = depth_of(spec->tmpfs[i].target) > deepest ? depth_of(spec->tmpfs[i].target) : deepest;
    }
    for (unsigned depth = 0; depth <= deepest; depth++) {
        for (size_t i = 0; i < spec->tmpfs_count; i++) {
            const struct mb_tmpfs *tmpfs = &spec->tmpfs[i];
            if (depth_of(tmpfs->target) != depth)
                continue;
            if (check_mount_point(c, tmpfs->target, &tmpfs->origin))
                return -1;
            add_tmpfs(c, &tmpfs->origin, tmpfs->target, tmpfs->mode, tmpfs->size, tmpfs->attributes);
        }
        for (size_t i = 0; i < spec->volume_count; i++)
            if (depth_of(targets[i]) == depth && plan_volume(c, &spec->volumes[i], targets[i]))
                return -1;
    }
    for (size_t i = 0; i < spec->device_count; i++)
        if (plan_device(c, &spec->devices[i]))
            return -1;
    for (size_t i = 0; i < spec->mask_count; i++) {
        const char *target = spec->masks[i].target;
        if (strncmp(target, "/proc/", 6) == 0)
            add_at(c, MB_STEP_MASK, &spec->masks[i].origin, MB_SLOT_PROC, target, target + 6)->attributes = SAFE | MOUNT_ATTR_RDONLY;
        else
            add_in_root(c, MB_STEP_MASK, &spec->masks[i].origin, target)->attributes = SAFE | MOUNT_ATTR_RDONLY;
    }
    return 0;
}

/* Names are looked up over the network that is shared: the host's resolver settings belong to it. */
static int plan_resolver(struct compiler *c) {
    struct stat st;
    if (c->plan->flags & CLONE_NEWNET || c->rootfs == MB_ROOTFS_BUSYBOX)
        return 0;
    const char *link = TEXT(c, "%s/etc/resolv.conf", c->host->root);
    char *real = realpath(link, NULL);
    const char *path = real ? mb_arena_copy(&c->plan->arena, real, strlen(real)) : NULL;
    free(real);
    if (!path || stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        add_absent(c, "/etc/resolv.conf: the host has none");
        return 0;
    }
    if (c->rootfs == MB_ROOTFS_HOST) { /* where the host's link leads to, if that is not in what is shown already */
        const char *target = path + strlen(c->host->root);
        return strncmp(target, "/run/", 5) == 0 ? add_bind(c, &c->spec->origin[MB_OPTION_ROOTFS], path, target, MB_ACCESS_RO, 0)
                                                : 0;
    }
    if (fstatat(c->root_fd, "etc/resolv.conf", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
        add_absent(c, "/etc/resolv.conf: the root file system has none to put the host's on");
        return 0;
    }
    return add_bind(c, &c->spec->origin[MB_OPTION_NETWORK], path, "/etc/resolv.conf", MB_ACCESS_RO, 0);
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *find_variable(char *const *environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static void set_variable(struct compiler *c, size_t *count, const char *name, const char *value) {
    char **environment = c->plan->environment;
    size_t length = strlen(name), i = 0;
    while (i < *count && !(strncmp(environment[i], name, length) == 0 && environment[i][length] == '='))
        i++;
    environment[i] = (char *)TEXT(c, "%s=%s", name, value);
    *count += i == *count;
}

static int plan_environment(struct compiler *c) {
    const struct minibox_spec *spec = c->spec;
    const char *name, *home;
    size_t count = 0;
    c->plan->environment = mb_arena_alloc(&c->plan->arena, (spec->env_count + 8) * sizeof(char *));
    if (!c->plan->environment)
        return mb_error_memory(c->err);
    mb_ids_find_name(&c->plan->arena, &c->accounts, c->plan->uid, &name, &home);
    set_variable(c, &count, "PATH", default_path);
    set_variable(c, &count, "HOME", home[0] ? home : "/");
    set_variable(c, &count, "container", "minibox");
    if (name[0])
        set_variable(c, &count, "USER", name);
    const char *term = find_variable(c->host->environment, "TERM");
    if (c->plan->terminal)
        set_variable(c, &count, "TERM", term ? term : "xterm");
    for (size_t i = 0; i < spec->env_count; i++) {
        const char *value = spec->env[i].value ? spec->env[i].value : find_variable(c->host->environment, spec->env[i].name);
        if (value) /* what the caller has not, the box has not: as docker's */
            set_variable(c, &count, spec->env[i].name, value);
    }
    return 0;
}

/* Where execve is tried: the name itself if it has a slash, else in each folder of the box's PATH. */
static int plan_candidates(struct compiler *c) {
    struct mb_plan *plan = c->plan;
    const char *name = plan->command[0];
    const char *path = find_variable(plan->environment, "PATH");
    bool search = !strchr(name, '/');
    for (const char *part = search && path ? path : name; part;) {
        size_t length = search ? strcspn(part, ":") : strlen(part);
        const char **slot = mb_arena_push(&plan->arena, &plan->candidates, &plan->candidate_count, sizeof(*slot));
        if (!slot)
            return mb_error_memory(c->err);
        *slot = search ? TEXT(c, "%.*s%s%s", (int)length, part, length ? "/" : "", name) : name;
        part = search && part[length] ? part + length + 1 : NULL;
    }
    return 0;
}

static const char *workdir_of(struct compiler *c) {
    const char *workdir = c->spec->workdir;
    if (!workdir || workdir[0] == '/')
        return workdir ? workdir : "/";
    if (!c->host->cwd)
        return NULL;
    while (strncmp(workdir, "./", 2) == 0)
        workdir += 2;
    return strcmp(workdir, ".") == 0 ? c->host->cwd : TEXT(c, "%s/%s", c->host->cwd, workdir);
}

static int plan_end(struct compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    struct mb_step *step;
    if (plan->terminal)
        add_at(c, MB_STEP_TERMINAL, &spec->origin[MB_OPTION_TTY], MB_SLOT_PTS, "/dev/pts/0", "ptmx")->uid = plan->uid;
    step = add_at(c, MB_STEP_READONLY, NULL, MB_SLOT_DEV, "/dev", "");
    step->attributes = SAFE | MOUNT_ATTR_RDONLY;
    if (c->rootfs != MB_ROOTFS_DIR && spec->rootfs_access == MB_ACCESS_RO) {
        step = add_at(c, MB_STEP_READONLY, &spec->origin[MB_OPTION_ROOTFS], MB_SLOT_ROOT, "/", "");
        step->attributes = NOSUID_NODEV | MOUNT_ATTR_RDONLY;
    }
    add(c, MB_STEP_PIVOT, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_ROOTFS])->target = "/";
    plan->workdir = workdir_of(c);
    if (!plan->workdir)
        return mb_error_host(c->err, &spec->origin[MB_OPTION_WORKDIR], MB_REMEDY_WORKDIR, ENOENT,
                             "cannot tell the present working directory for", spec->workdir);
    add(c, MB_STEP_WORKDIR, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_WORKDIR])->target = plan->workdir;
    if (c->host->keyrings) {
        plan->own_session_keyring = true;
        plan->session_keyring = c->host->session_keyring;
        add(c, MB_STEP_KEYRING, MB_SIDE_BUILDER, NULL);
    }
    for (size_t i = 0; i < spec->ulimit_count; i++) {
        struct rlimit now;
        const struct mb_ulimit *limit = &spec->ulimits[i];
        if (getrlimit(limit->resource, &now) < 0)
            return mb_error_host(c->err, &limit->origin, MB_REMEDY_NONE, errno, "cannot read the limit", limit->name);
        if (limit->hard <= now.rlim_max)
            continue;
        step = add(c, MB_STEP_RAISE_LIMIT, MB_SIDE_BUILDER, &limit->origin);
        *step = (struct mb_step){.kind = step->kind, .side = step->side, .origin = step->origin, .source = limit->name,
                                 .resource = limit->resource, .soft = limit->soft, .hard = limit->hard, .fd = -1, .mount = -1};
    }
    add(c, MB_STEP_UMASK, MB_SIDE_BUILDER, NULL);
    step = add(c, MB_STEP_IDS, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_USER]);
    step->uid = plan->uid;
    step->gid = plan->gid;
    step->keep_groups = keeps_groups(c);
    step = add(c, MB_STEP_CAPABILITIES, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_CAP_ADD]);
    step->flags = plan->capabilities;
    step->uid = plan->uid;
    add(c, MB_STEP_NO_NEW_PRIVS, MB_SIDE_BUILDER, NULL);
    add(c, MB_STEP_INIT, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_INIT]);
    add(c, MB_STEP_SESSION, MB_SIDE_COMMAND, NULL);
    add(c, MB_STEP_VERIFY, MB_SIDE_COMMAND, NULL);
    for (size_t i = 0; i < spec->ulimit_count; i++) {
        const struct mb_ulimit *limit = &spec->ulimits[i];
        bool last = true; /* of those for this resource: it is the one that counts */
        for (size_t j = i + 1; j < spec->ulimit_count; j++)
            last &= spec->ulimits[j].resource != limit->resource;
        if (!last)
            continue;
        step = add(c, MB_STEP_LIMIT, MB_SIDE_COMMAND, &limit->origin);
        step->source = limit->name;
        step->resource = limit->resource;
        step->soft = limit->soft;
        step->hard = limit->hard;
    }
    if (plan->filter.count)
        add(c, MB_STEP_FILTER, MB_SIDE_COMMAND, &spec->origin[MB_OPTION_SECCOMP]);
    add(c, MB_STEP_EXEC, MB_SIDE_COMMAND, NULL)->target = plan->command[0];
    return 0;
}

static int plan_filter(struct compiler *c) {
    enum { MAX_PROFILE = 4 << 20 };
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    if (spec->seccomp == MB_SECCOMP_OFF)
        return 0;
    const struct mb_origin *origin = &spec->origin[MB_OPTION_SECCOMP];
    if (spec->seccomp == MB_SECCOMP_DEFAULT) {
        plan->filter = spec->allow_suid ? mb_seccomp_builtin_allow_suid : mb_seccomp_builtin;
        return plan->capabilities ? mb_seccomp_compile(&plan->arena, mb_seccomp_default_json, "the default profile",
                                                       plan->capabilities, spec->allow_suid, origin, &plan->filter, c->err)
                                  : 0;
    }
    char *text = malloc(MAX_PROFILE);
    if (!text)
        return mb_error_memory(c->err);
    int result = 0;
    if (mb_fd_read_file(spec->seccomp_file, text, MAX_PROFILE) < 0)
        result = mb_error_host(c->err, origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot read the seccomp profile",
                               spec->seccomp_file);
    else
        result = mb_seccomp_compile(&plan->arena, text, spec->seccomp_file, plan->capabilities, spec->allow_suid, origin,
                                    &plan->filter, c->err);
    free(text);
    return result;
}

/* Where the root file system comes from, and the accounts that are in it. */
static int plan_rootfs_source(struct compiler *c) {
    const struct minibox_spec *spec = c->spec;
    const struct mb_origin *origin = &spec->origin[MB_OPTION_ROOTFS];
    struct stat st;
    c->rootfs = spec->rootfs;
    c->rootfs_path = spec->rootfs_path;
    c->accounts = (struct mb_accounts){busybox_passwd, busybox_group};
    if (spec->rootfs == MB_ROOTFS_BUSYBOX && spec->rootfs_access == MB_ACCESS_RO) {
        c->rootfs_path = TEXT(c, "%s%s/busybox", c->host->root, MINIBOX_DATADIR);
        if (stat(TEXT(c, "%s/bin/busybox", c->rootfs_path), &st) == 0)
            c->rootfs = MB_ROOTFS_DIR;
    }
    if (c->rootfs == MB_ROOTFS_BUSYBOX)
        return 0;
    const char *path = c->rootfs == MB_ROOTFS_HOST ? TEXT(c, "%s/", c->host->root) : c->rootfs_path;
    mb_autofd fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return mb_error_host(c->err, origin, errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                             "cannot use as a root file system", path);
    if (mb_ids_read_accounts(&c->plan->arena, fd, &c->accounts, c->err))
        return -1;
    if (c->rootfs == MB_ROOTFS_HOST)
        return 0;
    struct stat root;
    if (fstat(fd, &st) < 0 || stat("/", &root) < 0)
        return mb_error_host(c->err, origin, MB_REMEDY_NONE, errno, "cannot look at", path);
    if (st.st_dev == root.st_dev && st.st_ino == root.st_ino) {
        mb_error_usage(c->err, origin, MB_REMEDY_NONE, "refusing to show the whole host by --rootfs", path, NULL);
        mb_error_remedy(c->err, "--rootfs host, which shows its system folders only");
        return -1;
    }
    c->root_fd = mb_fd_steal(&fd);
    return 0;
}

/* In the host's root file system a user's home is there, but empty: programs expect to be able to write to it. */
static void plan_home(struct compiler *c) {
    const char *home = find_variable(c->plan->environment, "HOME");
    if (c->rootfs != MB_ROOTFS_HOST || !home)
        return;
    if (strncmp(home, "/home/", 6) == 0 || strcmp(home, "/root") == 0)
        add_tmpfs(c, &c->spec->origin[MB_OPTION_ROOTFS], home, 0700, 0, 0);
}

static int compile(struct compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    plan->privileged = c->host->privileged;
    plan->init = spec->init == MB_YES;
    plan->die_with_launcher = spec->die_with_launcher == MB_YES;
    plan->terminal = spec->tty == MB_YES || (spec->tty == MB_AUTO && c->host->terminal);
    plan->preserve_fds = spec->preserve_fds;
    plan->timeout = spec->timeout;
    plan->name = spec->name;
    plan->pid_file = spec->pid_file;
    plan->command = spec->command;

    if (plan_namespaces(c) || plan_rootfs_source(c) || plan_identity(c) || plan_environment(c) || plan_filter(c))
        return -1;
    plan_start(c);
    if (uses_overlay(spec))
        add_stage(c, &spec->origin[MB_OPTION_ROOTFS]);
    if (c->rootfs == MB_ROOTFS_BUSYBOX ? plan_root_busybox(c) : c->rootfs == MB_ROOTFS_HOST ? plan_root_host(c) : plan_root_dir(c))
        return -1;
    if (plan_kernel_mounts(c))
        return -1;
    plan_masks(c);
    plan_home(c);
    if (plan_resolver(c) || plan_user_mounts(c) || plan_end(c) || plan_candidates(c))
        return -1;
    return plan->arena.failed ? mb_error_memory(c->err) : 0;
}

int mb_plan_compile(const struct minibox_spec *spec, const struct mb_host *host, struct mb_plan *ret_plan,
                    struct minibox_error *err) {
    struct compiler c = {.spec = spec, .host = host, .plan = ret_plan, .err = err, .root_fd = -1};
    *ret_plan = (struct mb_plan){0};
    if (mb_spec_check(spec, err))
        return -1;
    int result = compile(&c);
    mb_fd_close(&c.root_fd);
    if (result)
        mb_plan_free(ret_plan);
    return result;
}

void mb_plan_free(struct mb_plan *plan) {
    mb_arena_free(&plan->arena);
    *plan = (struct mb_plan){0};
}
