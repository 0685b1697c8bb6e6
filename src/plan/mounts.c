/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box's list of mounts as steps, in the same order. Sources on the host are looked at here and recognised again at
 * launch; targets are resolved in the box only. What lies on a file system of the kernel's is reached through the
 * descriptor of the mount that the builder made (a slot), so that no link of an image leads elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/count.h"
#include "base/fd.h"
#include "base/path.h"
#include "plan/steps.h"

/* Places whose mount is kept: by the entry that makes it, if no link may lead there. */
static const char *const kept[MB_SLOT_COUNT] = {[MB_SLOT_ROOT] = "/",
                                                [MB_SLOT_PROC] = "/proc",
                                                [MB_SLOT_SYS] = "/sys",
                                                [MB_SLOT_DEV] = "/dev",
                                                [MB_SLOT_PTS] = "/dev/pts"};

/* ---- places --------------------------------------------------------------------------------------------------- */

static enum mb_slot slot_to_keep(const struct mb_mount *mount) {
    for (enum mb_slot slot = MB_SLOT_ROOT; slot < MB_SLOT_COUNT; slot++)
        if (kept[slot] && strcmp(kept[slot], mount->target) == 0 && (mount->no_links || slot == MB_SLOT_ROOT))
            return slot;
    return MB_SLOT_NONE;
}

/* What is left of `path` at the directory `above` or below it, whatever slashes the user has put into either; NULL: it
 * is elsewhere. */
static const char *path_from(const char *above, const char *path) {
    for (;;) {
        above += strspn(above, "/");
        path += strspn(path, "/");
        if (!*above)
            return path;
        size_t length = strcspn(above, "/");
        if (strncmp(above, path, length) != 0 || (path[length] != '\0' && path[length] != '/'))
            return NULL;
        above += length;
        path += length;
    }
}

/* The same, but NULL for the directory itself. */
static const char *path_below(const char *above, const char *path) {
    const char *rest = path_from(above, path);
    return rest && *rest ? rest : NULL;
}

/* A step at the entry's target, reached through the innermost mount that is kept, or through the root. */
static struct mb_step *add_step(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_mount *mount) {
    enum mb_slot at = MB_SLOT_ROOT;
    const char *path = mount->target + strspn(mount->target, "/");
    for (enum mb_slot slot = MB_SLOT_PROC; mount->no_links && slot < MB_SLOT_COUNT; slot++) {
        const char *below = c->slots[slot] ? path_below(c->slots[slot], mount->target) : NULL;
        if (!below)
            continue;
        at = slot;
        path = below;
    }
    if (!*path && kind != MB_STEP_REMOUNT)
        at = MB_SLOT_NONE;
    struct mb_step *step = mb_steps_add_at(c, kind, mount->origin, at, mount->target, path);
    step->source = mount->source;
    step->set = mount->set;
    step->clear = mount->clear;
    step->propagation = mount->propagation;
    step->no_links = mount->no_links;
    step->optional = mount->optional;
    return step;
}

/* The step makes a mount that the verifier looks for, and that later entries may lie on. A directory that the user puts
 * over a kept mount is what they mean by that path from here on. */
static void makes_mount(struct mb_compiler *c, struct mb_step *step, const struct mb_mount *mount) {
    step->mount = (int)c->plan->mount_count++;
    step->keep = slot_to_keep(mount);
    if (step->keep)
        c->slots[step->keep] = mount->target;
    for (enum mb_slot slot = MB_SLOT_PROC; !step->keep && step->is_directory && slot < MB_SLOT_COUNT; slot++)
        if (c->slots[slot] && path_from(step->target, c->slots[slot]))
            c->slots[slot] = NULL;
}

/* ---- sources -------------------------------------------------------------------------------------------------- */

static int look_at(const char *path, struct mb_identity *ret) {
    struct statx st;
    if (statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_TYPE | STATX_MODE | STATX_INO, &st) < 0)
        return -1;
    *ret = (struct mb_identity){.inode = st.stx_ino,
                                .major = st.stx_dev_major,
                                .minor = st.stx_dev_minor,
                                .node_major = st.stx_rdev_major,
                                .node_minor = st.stx_rdev_minor,
                                .type = st.stx_mode & S_IFMT};
    return 0;
}

/* Looks at the plan's place and at the directories above it, once. */
static int look_above_place(struct mb_compiler *c) {
    const char *place = c->plan->place;
    for (size_t end = strlen(place) + 1; end-- > 0;) {
        if (place[end] != '\0' && place[end] != '/')
            continue;
        const char *path = end ? mb_arena_printf(&c->plan->arena, "%.*s", (int)end, place) : "/";
        if (c->above_count == MB_COUNT(c->above_place) || look_at(path, &c->above_place[c->above_count++]) < 0)
            return mb_error_host(c->err, NULL, MB_REMEDY_NONE, errno, "cannot look at", path);
    }
    return 0;
}

/* Looks at a source on the host, so that the launch can tell that it still is the same. A tree that the builder opens
 * may have the plan's place in it: only if it is one of the directories above that. */
static int identify(struct mb_compiler *c, struct mb_step *step) {
    if (look_at(step->source, &step->identity) < 0)
        return mb_error_host(c->err, step->origin, errno == EACCES ? MB_REMEDY_VOLUME_DENIED : MB_REMEDY_NO_SUCH_PATH,
                             errno, "cannot show", step->source);
    step->is_directory = step->identity.type == S_IFDIR;
    if (!step->is_directory || !step->recursive || step->by_parent)
        return 0;
    if (!c->above_count && look_above_place(c))
        return -1;
    for (size_t i = 0; i < c->above_count; i++) {
        const struct mb_identity *above = &c->above_place[i], *source = &step->identity;
        step->shows_place |=
            above->inode == source->inode && above->major == source->major && above->minor == source->minor;
    }
    return 0;
}

static void set_source(struct mb_compiler *c, struct mb_step *step, const struct mb_mount *mount) {
    bool privileged = c->box->host->privileged;
    step->recursive = mount->recursive;
    step->by_parent = mount->by_caller && privileged;
    if (privileged && mb_box_has_own(c->box, CLONE_NEWUSER))
        step->owners = mount->owners;
}

/* ---- mount points --------------------------------------------------------------------------------------------- */

/* Whether something is mounted at or above a path of the box, so that what the root has there does not count. */
static bool is_covered(const struct mb_compiler *c, const char *path, const struct mb_step *until) {
    for (const struct mb_step *step = c->plan->steps; step < until; step++)
        if (step->target && step->at == MB_SLOT_ROOT && step->is_directory && path_below(step->target, path))
            return true;
    return false;
}

static int refuse_root(struct mb_compiler *c, const struct mb_origin *origin, const char *target) {
    return mb_error_usage(c->err, origin, MB_REMEDY_NONE, "cannot mount on", target,
                          "there it leads to the root itself, which --rootfs chooses");
}

/* Nothing is mounted on the root itself, wherever a link of the image leads. */
static int check_not_root(struct mb_compiler *c, int fd, const struct mb_step *step) {
    bool is_root = fd >= 0 && mb_fd_is_same(fd, c->root_fd);
    return is_root ? refuse_root(c, step->origin, step->target) : 0;
}

/* The first entry makes the root. A later one on it would be attached where the root waits for the pivot, and be the
 * root. */
static int check_only_root(struct mb_compiler *c, const struct mb_mount *mount) {
    bool is_root = mount->target[strspn(mount->target, "/")] == '\0';
    bool is_first = mount == c->box->mounts;
    if (is_root == is_first || mount->kind == MB_MOUNT_REMOUNT)
        return 0;
    return is_root ? refuse_root(c, mount->origin, mount->target)
                   : mb_error_usage(c->err, mount->origin, MB_REMEDY_NONE, "the root must be mounted before",
                                    mount->target, NULL);
}

static int refuse_mount_point(struct mb_compiler *c, const struct mb_step *step, int number) {
    if (number == ENOSYS)
        return mb_error_host(c->err, step->origin, MB_REMEDY_OLD_KERNEL, number, "cannot resolve paths safely",
                             "openat2");
    bool is_missing = number == ENOENT;
    mb_autofd link = is_missing ? (int)mb_path_resolve(c->root_fd, step->path, O_PATH, MB_PATH_NO_LINKS) : -1;
    bool is_over_link = link == -ELOOP;
    enum mb_remedy remedy = is_over_link ? MB_REMEDY_DANGLING_LINK
                            : is_missing ? MB_REMEDY_NO_MOUNT_POINT
                                         : MB_REMEDY_NO_SUCH_PATH;
    mb_error_host(c->err, step->origin, remedy, number, "cannot mount in the root file system on", step->target);
    if (is_missing && !is_over_link)
        mb_error_remedy(c->err, "%s %s%s, or --rootfs %s:overlay", step->is_directory ? "mkdir -p" : "touch",
                        c->box->root_path, step->target, c->box->root_path);
    return -1;
}

/* A read-only root must have the mount point already. What else is there, only the builder can tell: links of the image
 * may lead to other mounts of the box, and the box's root may see what an ordinary user may not. */
static int check_mount_point(struct mb_compiler *c, const struct mb_step *step) {
    if (c->root_fd < 0 || step->at != MB_SLOT_ROOT || c->plan->arena.failed || is_covered(c, step->target, step))
        return 0;
    mb_autofd fd = mb_path_open(c->root_fd, step->path, O_PATH);
    int number = errno;
    bool is_unknown = number == EACCES && !c->box->host->privileged;
    if (fd >= 0 || !c->box->root_is_read_only || is_unknown || step->optional || step->kind == MB_STEP_MASK)
        return check_not_root(c, fd, step);
    return refuse_mount_point(c, step, number);
}

/* ---- one entry ------------------------------------------------------------------------------------------------ */

static int plan_new(struct mb_compiler *c, const struct mb_mount *mount) {
    struct mb_step *step = add_step(c, MB_STEP_MOUNT, mount);
    step->source = mount->type;
    step->options = mount->options;
    step->option_count = mount->option_count;
    step->is_directory = true;
    makes_mount(c, step, mount);
    return check_mount_point(c, step);
}

static int plan_bind(struct mb_compiler *c, const struct mb_mount *mount) {
    struct mb_step *step = add_step(c, MB_STEP_BIND, mount);
    set_source(c, step, mount);
    if (identify(c, step))
        return -1;
    makes_mount(c, step, mount);
    return check_mount_point(c, step);
}

static int plan_device(struct mb_compiler *c, const struct mb_mount *mount) {
    struct mb_step *step = add_step(c, MB_STEP_DEVICE, mount);
    set_source(c, step, mount);
    makes_mount(c, step, mount);
    if (identify(c, step))
        return -1;
    const struct mb_identity *seen = &step->identity;
    if (seen->type != S_IFCHR && seen->type != S_IFBLK)
        return mb_error_host(c->err, step->origin, MB_REMEDY_NONE, ENODEV, "this is no device node", step->source);
    bool is_named = seen->type == S_IFCHR && seen->node_major == mount->major && seen->node_minor == mount->minor;
    if (mount->has_number && !is_named)
        return mb_error_host(c->err, step->origin, MB_REMEDY_NONE, ENODEV, "this is not the device that its name says",
                             step->source);
    return check_mount_point(c, step);
}

/* The lower layer is bound into the staging tmpfs, so that its name needs no escaping in overlay's options; the staging
 * tmpfs goes with the old root, and overlay keeps what it needs of it. */
static int plan_overlay(struct mb_compiler *c, const struct mb_mount *mount) {
    enum { LOWER, UPPER, WORK, LAYERS };
    static const char *const keys[LAYERS] = {"lowerdir", "upperdir", "workdir"};
    static const char *const names[LAYERS] = {"lower", "upper", "work"};
    struct mb_arena *arena = &c->plan->arena;
    struct mb_mount_option *options = mb_arena_alloc(arena, (LAYERS + 1) * sizeof(*options));
    if (!options)
        return mb_error_memory(c->err);
    for (int i = 0; i < LAYERS; i++) {
        const char *name = mb_arena_printf(arena, "%s%u", names[i], c->overlays);
        const char *target = mb_arena_printf(arena, "(staging)/%s", name);
        mb_steps_add_at(c, MB_STEP_DIRECTORY, mount->origin, MB_SLOT_STAGE, target, name)->mode = 0755;
        options[i] = (struct mb_mount_option){keys[i], name};
    }
    options[LAYERS] = (struct mb_mount_option){"userxattr", NULL};
    c->overlays++;

    const char *target = mb_arena_printf(arena, "(staging)/%s", options[LOWER].value);
    struct mb_step *lower =
        mb_steps_add_at(c, MB_STEP_BIND, mount->origin, MB_SLOT_STAGE, target, options[LOWER].value);
    lower->source = mount->source;
    lower->set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY;
    lower->propagation = mount->propagation;
    set_source(c, lower, mount);
    if (identify(c, lower))
        return -1;
    if (!lower->is_directory)
        return mb_error_host(c->err, mount->origin, MB_REMEDY_NONE, ENOTDIR, "cannot put an overlay over",
                             mount->source);

    struct mb_step *step = add_step(c, MB_STEP_OVERLAY, mount);
    step->source = "overlay";
    step->is_directory = true;
    step->options = options;
    step->option_count = mb_box_has_own(c->box, CLONE_NEWUSER) ? LAYERS + 1 : LAYERS;
    makes_mount(c, step, mount);
    return check_mount_point(c, step);
}

static int plan_covering(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_mount *mount) {
    struct mb_step *step = add_step(c, kind, mount);
    step->is_directory = kind == MB_STEP_SELF;
    makes_mount(c, step, mount);
    return check_mount_point(c, step);
}

static int plan_remount(struct mb_compiler *c, const struct mb_mount *mount) {
    for (enum mb_slot slot = MB_SLOT_ROOT; slot < MB_SLOT_COUNT; slot++) {
        if (!kept[slot] || strcmp(kept[slot], mount->target) != 0)
            continue;
        struct mb_step *step = mb_steps_add_at(c, MB_STEP_REMOUNT, mount->origin, slot, mount->target, "");
        step->set = mount->set;
        step->clear = mount->clear;
        step->propagation = mount->propagation;
        return 0;
    }
    return mb_error_host(c->err, mount->origin, MB_REMEDY_NONE, EINVAL, "cannot change the mount flags of",
                         mount->target);
}

static void plan_made(struct mb_compiler *c, enum mb_step_kind kind, const struct mb_mount *mount) {
    struct mb_step *step = add_step(c, kind, mount);
    step->is_directory = kind == MB_STEP_DIRECTORY;
    step->mode = mount->mode;
    step->uid = mount->uid;
    step->gid = mount->gid;
    step->names = mount->names;
    step->name_count = mount->name_count;
}

static int plan_entry(struct mb_compiler *c, const struct mb_mount *mount) {
    switch (mount->kind) {
    case MB_MOUNT_NEW:
        return plan_new(c, mount);
    case MB_MOUNT_BIND:
        return plan_bind(c, mount);
    case MB_MOUNT_OVERLAY:
        return plan_overlay(c, mount);
    case MB_MOUNT_DEVICE:
        return plan_device(c, mount);
    case MB_MOUNT_SELF:
        return plan_covering(c, MB_STEP_SELF, mount);
    case MB_MOUNT_MASK:
        return plan_covering(c, MB_STEP_MASK, mount);
    case MB_MOUNT_REMOUNT:
        return plan_remount(c, mount);
    case MB_MOUNT_DIRECTORY:
        plan_made(c, MB_STEP_DIRECTORY, mount);
        return 0;
    case MB_MOUNT_LINK:
        plan_made(c, MB_STEP_LINK, mount);
        return 0;
    case MB_MOUNT_FILE:
        plan_made(c, MB_STEP_FILE, mount);
        return 0;
    }
    return mb_error_host(c->err, mount->origin, MB_REMEDY_NONE, EINVAL, "no such kind of mount at", mount->target);
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

/* Whether the place is a directory of the host, and no source of the box is in it. */
static bool is_place(const struct mb_compiler *c, const char *place) {
    struct stat st;
    for (size_t i = 0; i < c->box->mount_count; i++)
        if (c->box->mounts[i].source && path_from(place, c->box->mounts[i].source))
            return false;
    return stat(place, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Directories that nearly every host has, and that nobody shows in a box: the kernel's first. */
static int pick_place(struct mb_compiler *c) {
    static const char *const places[] = {"/proc/driver", "/sys/kernel", "/dev/shm", "/run", "/tmp", "/usr"};
    for (size_t i = 0; i < MB_COUNT(places); i++) {
        if (!is_place(c, places[i]))
            continue;
        c->plan->place = places[i];
        return 0;
    }
    return mb_error_host(c->err, mb_box_origin(c->box, MB_OPTION_ROOTFS), MB_REMEDY_NONE, ENOENT,
                         "cannot find a directory of the host to attach the new root at, as", places[0]);
}

/* A tmpfs for the layers of overlays, which goes with the old root. */
static void plan_stage(struct mb_compiler *c) {
    static const struct mb_mount_option mode = {"mode", "0700"};
    bool is_needed = false;
    for (size_t i = 0; i < c->box->mount_count; i++)
        is_needed |= c->box->mounts[i].kind == MB_MOUNT_OVERLAY;
    if (!is_needed)
        return;
    struct mb_step *step =
        mb_steps_add_at(c, MB_STEP_MOUNT, mb_box_origin(c->box, MB_OPTION_ROOTFS), MB_SLOT_NONE, "(staging)", "");
    step->source = "tmpfs";
    step->set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    step->propagation = MS_PRIVATE;
    step->keep = MB_SLOT_STAGE;
    step->is_directory = true;
    step->options = &mode;
    step->option_count = 1;
}

int mb_plan_mounts(struct mb_compiler *c) {
    if (pick_place(c))
        return -1;
    plan_stage(c);
    for (size_t i = 0; i < c->box->mount_count; i++)
        if (check_only_root(c, &c->box->mounts[i]) || plan_entry(c, &c->box->mounts[i]))
            return -1;
    if (c->box->process.terminal) {
        const struct mb_origin *origin = mb_box_origin(c->box, MB_OPTION_TTY);
        mb_steps_add_at(c, MB_STEP_TERMINAL, origin, MB_SLOT_PTS, "/dev/pts/0", "ptmx");
    }
    return 0;
}
