/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted in a box besides its root: the kernel's own file systems, masks over parts of them, and what the user
 * asked for. Sources on the host are looked at here and recognised again at launch; targets are resolved in the box
 * only.
 */
#include "plan/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/path.h"
#include "spec/options.h"

/* Of a device's mount: read-only is the node, whose owner and mode are the host's, not the device. */
enum { DEVICE = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };

/* ---- parts ---------------------------------------------------------------------------------------------------- */

void mb_mounts_add_tmpfs(struct mb_compiler *c, const struct mb_origin *origin, const char *target, uint32_t mode,
                         uint64_t size, uint64_t attributes) {
    struct mb_step *step = mb_steps_add_in_root(c, MB_STEP_MOUNT, origin, target);
    step->source = "tmpfs";
    step->attributes = MB_NOSUID_NODEV | attributes;
    step->is_directory = true;
    const char *mode_text = MB_TEXT(c, "%04o", mode);
    if (size)
        MB_OPTIONS(c, step, {"mode", mode_text}, {"size", MB_TEXT(c, "%llu", (unsigned long long)size)});
    else
        MB_OPTIONS(c, step, {"mode", mode_text});
}

void mb_mounts_add_scratch(struct mb_compiler *c, const struct mb_origin *origin, const char *target, uint32_t mode,
                           uint64_t attributes) {
    if (c->rootfs == MB_ROOTFS_DIR) {
        mb_mounts_add_tmpfs(c, origin, target, mode, 0, attributes);
        return;
    }
    /* The root is a tmpfs of the box: another one would cost more than the folder of it that is mounted here again. */
    mb_steps_add_folder(c, target, mode);
    mb_steps_add_in_root(c, MB_STEP_REMOUNT, origin, target)->attributes = MB_NOSUID_NODEV | attributes;
}

/* Looks at a source on the host, so that the launch can tell that it still is the same. */
int mb_mounts_identify(struct mb_compiler *c, struct mb_step *step, const char *path) {
    struct statx st;
    if (statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_TYPE | STATX_MODE | STATX_INO, &st) < 0)
        return mb_error_host(c->err, step->origin, errno == EACCES ? MB_REMEDY_VOLUME_DENIED : MB_REMEDY_NO_SUCH_PATH,
                             errno, "cannot show", path);
    step->device = makedev(st.stx_dev_major, st.stx_dev_minor);
    step->inode = st.stx_ino;
    step->is_directory = S_ISDIR(st.stx_mode);
    step->mode = st.stx_mode & S_IFMT;
    step->node = (uint32_t)makedev(st.stx_rdev_major, st.stx_rdev_minor);
    return 0;
}

/* Binds a path of the host, read-only but for what `attributes` takes back. */
int mb_mounts_add_bind(struct mb_compiler *c, const struct mb_origin *origin, const char *source, const char *target,
                       enum mb_access access, uint64_t attributes) {
    struct mb_step *step = mb_steps_add_in_root(c, MB_STEP_BIND, origin, target);
    step->source = source;
    step->attributes = MB_NOSUID_NODEV | attributes | (access == MB_ACCESS_RW ? 0 : MOUNT_ATTR_RDONLY);
    step->recursive = true;
    return mb_mounts_identify(c, step, source);
}

/* Owners on the host are seen as the same numbers inside: what a user of docker expects of a folder. */
void mb_mounts_add_idmap(struct mb_compiler *c, bool optional) {
    struct mb_plan *plan = c->plan;
    struct mb_step *step = mb_steps_last(c);
    step->by_parent = plan->privileged; /* root's own folders are closed to the box's ids, which are another user's */
    if (!plan->privileged || !(plan->flags & CLONE_NEWUSER))
        return;
    step->idmap = true;
    step->idmap_optional = optional;
}

/* ---- overlays ------------------------------------------------------------------------------------------------- */

static bool uses_overlay(const struct mb_compiler *c) {
    bool uses = c->rootfs == MB_ROOTFS_DIR && c->spec->rootfs_access == MB_ACCESS_OVERLAY;
    for (size_t i = 0; i < c->spec->volume_count; i++)
        uses |= c->spec->volumes[i].access == MB_ACCESS_OVERLAY;
    return uses;
}

void mb_mounts_plan_stage(struct mb_compiler *c) {
    if (!uses_overlay(c))
        return;
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_ROOTFS];
    struct mb_step *step = mb_steps_add_at(c, MB_STEP_MOUNT, origin, MB_SLOT_NONE, "(staging)", "");
    step->source = "tmpfs";
    step->attributes = MB_NOSUID_NODEV;
    step->keep = MB_SLOT_STAGE;
    step->is_directory = true;
    MB_OPTIONS(c, step, {"mode", "0700"});
}

/* The lower layer is bound into the staging tmpfs, so that its name needs no escaping in overlay's options; the staging
 * tmpfs goes with the old root, and overlay keeps what it needs of it. */
int mb_mounts_add_overlay(struct mb_compiler *c, const struct mb_origin *origin, const char *source, const char *target,
                          uint64_t attributes, enum mb_slot keep) {
    static const char *const layers[] = {"lower", "upper", "work"};
    unsigned n = c->overlays++;
    const char *names[3];
    for (int i = 0; i < 3; i++) {
        names[i] = MB_TEXT(c, "%s%u", layers[i], n);
        mb_steps_add_at(c, MB_STEP_DIRECTORY, origin, MB_SLOT_STAGE, MB_TEXT(c, "(staging)/%s", names[i]), names[i])
            ->mode = S_IFDIR | 0755;
    }
    struct mb_step *bind =
        mb_steps_add_at(c, MB_STEP_BIND, origin, MB_SLOT_STAGE, MB_TEXT(c, "(staging)/%s", names[0]), names[0]);
    bind->source = source;
    bind->attributes = MB_NOSUID_NODEV | MOUNT_ATTR_RDONLY;
    bind->recursive = true;
    if (mb_mounts_identify(c, bind, source))
        return -1;
    if (!bind->is_directory)
        return mb_error_host(c->err, origin, MB_REMEDY_NONE, ENOTDIR, "cannot put an overlay over", source);
    mb_mounts_add_idmap(c, false);

    struct mb_step *step = keep ? mb_steps_add_at(c, MB_STEP_OVERLAY, origin, MB_SLOT_NONE, target, "")
                                : mb_steps_add_in_root(c, MB_STEP_OVERLAY, origin, target);
    step->source = "overlay";
    step->attributes = MB_NOSUID_NODEV | attributes;
    step->keep = keep;
    step->is_directory = true;
    if (c->plan->flags & CLONE_NEWUSER)
        MB_OPTIONS(c, step, {"lowerdir", names[0]}, {"upperdir", names[1]}, {"workdir", names[2]}, {"userxattr", NULL});
    else
        MB_OPTIONS(c, step, {"lowerdir", names[0]}, {"upperdir", names[1]}, {"workdir", names[2]});
    return 0;
}

/* Whether something is mounted at or above a path of the box, so that what the root has there does not count. */
static bool is_covered(struct mb_compiler *c, const char *path) {
    for (size_t i = 0; i < c->plan->step_count; i++) {
        const struct mb_step *step = &c->plan->steps[i];
        size_t length = step->target && step->at == MB_SLOT_ROOT && step->is_directory ? strlen(step->target) : 0;
        while (length && step->target[length - 1] == '/')
            length--;
        if (length && strncmp(step->target, path, length) == 0 && path[length] == '/')
            return true;
    }
    return false;
}

/* Nothing is mounted on the root itself, wherever a link of the image leads. */
static int check_not_root(struct mb_compiler *c, int fd, const char *target, const struct mb_origin *origin) {
    if (fd < 0 || !mb_fd_is_same(fd, c->root_fd))
        return 0;
    return mb_error_usage(c->err, origin, MB_REMEDY_NONE, "cannot mount on", target,
                          "there it leads to the root itself, which --rootfs chooses");
}

/* A read-only root must have the mount point of the last step already. What else is there, only the builder can tell:
 * links of the image may lead to other mounts of the box, and the box's root may see what an ordinary user may not. */
static int check_mount_point(struct mb_compiler *c) {
    const struct mb_step *step = mb_steps_last(c);
    const char *target = step->target;
    if (c->root_fd < 0 || c->plan->arena.failed || is_covered(c, target))
        return 0;
    mb_autofd fd = mb_path_open(c->root_fd, target, O_PATH);
    int number = errno;
    if (fd >= 0 || c->spec->rootfs_access != MB_ACCESS_RO || (number == EACCES && !c->plan->privileged))
        return check_not_root(c, fd, target, step->origin);
    if (number == ENOSYS)
        return mb_error_host(c->err, step->origin, MB_REMEDY_OLD_KERNEL, number, "cannot resolve paths safely",
                             "openat2");
    bool is_missing = number == ENOENT;
    mb_autofd link =
        is_missing ? (int)mb_path_resolve(c->root_fd, target + strspn(target, "/"), O_PATH, MB_PATH_NO_LINKS) : -1;
    bool over_link = link == -ELOOP;
    mb_error_host(c->err, step->origin,
                  over_link    ? MB_REMEDY_DANGLING_LINK
                  : is_missing ? MB_REMEDY_NO_MOUNT_POINT
                               : MB_REMEDY_NO_SUCH_PATH,
                  number, "cannot mount in the root file system on", target);
    if (is_missing && !over_link)
        mb_error_remedy(c->err, "%s %s%s, or --rootfs %s:overlay", step->is_directory ? "mkdir -p" : "touch",
                        c->rootfs_path, target, c->rootfs_path);
    return -1;
}

/* ---- the kernel's ---------------------------------------------------------------------------------------------- */

/* Kernel files that show or change more than the box: hidden, or made read-only. */
static void plan_masks(struct mb_compiler *c) {
    enum how { HIDE, HIDE_FROM_ROOT, CLOSE }; /* the second: what only the host's root may read, if a box has its ids */
    static const struct {
        const char *path;
        enum mb_slot at;
        enum how how;
    } masks[] = {
        {"/proc/acpi", MB_SLOT_PROC, HIDE},
        {"/proc/asound", MB_SLOT_PROC, HIDE},
        {"/proc/interrupts", MB_SLOT_PROC, HIDE},
        {"/proc/kallsyms", MB_SLOT_PROC, HIDE},
        {"/proc/kcore", MB_SLOT_PROC, HIDE},
        {"/proc/keys", MB_SLOT_PROC, HIDE},
        {"/proc/latency_stats", MB_SLOT_PROC, HIDE},
        {"/proc/sched_debug", MB_SLOT_PROC, HIDE},
        {"/proc/scsi", MB_SLOT_PROC, HIDE},
        {"/proc/timer_list", MB_SLOT_PROC, HIDE},
        {"/proc/kpagecgroup", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/kpagecount", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/kpageflags", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/mtrr", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/pagetypeinfo", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/slabinfo", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/vmallocinfo", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/tty/driver", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/allocinfo", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/vmcore", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/lock_stat", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/proc/dynamic_debug", MB_SLOT_PROC, HIDE_FROM_ROOT},
        {"/sys/kernel/slab", MB_SLOT_SYS, HIDE_FROM_ROOT},
        {"/proc/bus", MB_SLOT_PROC, CLOSE},
        {"/proc/fs", MB_SLOT_PROC, CLOSE},
        {"/proc/irq", MB_SLOT_PROC, CLOSE},
        {"/proc/sys", MB_SLOT_PROC, CLOSE},
        {"/proc/sysrq-trigger", MB_SLOT_PROC, CLOSE},
        {"/proc/pressure", MB_SLOT_PROC, CLOSE},
        {"/sys/firmware", MB_SLOT_SYS, HIDE},
        {"/sys/devices/virtual/powercap", MB_SLOT_SYS, HIDE},
    };
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        if ((masks[i].at == MB_SLOT_SYS && !(c->plan->flags & CLONE_NEWNET)) ||
            (masks[i].how == HIDE_FROM_ROOT && c->plan->flags & CLONE_NEWUSER))
            continue;
        struct mb_step *step = mb_steps_add_at(c, masks[i].how == CLOSE ? MB_STEP_REMOUNT : MB_STEP_MASK, NULL,
                                               masks[i].at, masks[i].path, strchr(masks[i].path + 1, '/') + 1);
        step->attributes = MB_SAFE | MOUNT_ATTR_RDONLY;
        step->optional = true; /* which of them there are, only the box's own /proc can tell */
    }
}

int mb_mounts_plan_kernel(struct mb_compiler *c) {
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
    bool own_sys = c->plan->flags & CLONE_NEWNET;
    struct mb_step *step;
    if ((c->plan->flags & CLONE_NEWPID) || c->plan->joined[MB_FLAG_PID]) {
        step = mb_steps_add_in_root(c, MB_STEP_MOUNT, NULL, "/proc");
        step->source = "proc";
        step->attributes = MB_SAFE;
        step->is_directory = true;
    } else { /* a new one would show the host's processes all the same, and only root may make it */
        if (mb_mounts_add_bind(c, NULL, MB_TEXT(c, "%s/proc", c->host->root), "/proc", MB_ACCESS_RW, MOUNT_ATTR_NOEXEC))
            return -1;
        step = mb_steps_last(c);
    }
    step->keep = MB_SLOT_PROC;
    step->no_links = true;
    if (check_mount_point(c))
        return -1;

    if (own_sys) {
        step = mb_steps_add_in_root(c, MB_STEP_MOUNT, NULL, "/sys");
        step->source = "sysfs";
        step->attributes = MB_SAFE | MOUNT_ATTR_RDONLY;
        step->keep = MB_SLOT_SYS;
        step->no_links = step->is_directory = true;
        if (check_mount_point(c))
            return -1;
    } else {
        mb_steps_add_absent(c, "/sys: the network is shared, and sysfs would show the host's");
    }
    mb_mounts_add_scratch(c, NULL, "/tmp", 01777, 0);
    if (check_mount_point(c))
        return -1;
    mb_mounts_add_scratch(c, NULL, "/dev", 0755, MOUNT_ATTR_NOEXEC);
    if (check_mount_point(c))
        return -1;
    step = mb_steps_last(c);
    step->keep = MB_SLOT_DEV;
    step->no_links = true;
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        step = mb_steps_add_at(c, MB_STEP_DEVICE, NULL, MB_SLOT_DEV, MB_TEXT(c, "/dev/%s", devices[i]), devices[i]);
        step->source = MB_TEXT(c, "%s/dev/%s", c->host->root, devices[i]);
        step->attributes = DEVICE;
        static const uint8_t minors[] = {3, 5, 7, 8, 9, 0};
        if (mb_mounts_identify(c, step, step->source))
            return -1;
        if (step->mode != S_IFCHR || step->node != makedev(i < 5 ? 1 : 5, minors[i]))
            return mb_error_host(c->err, NULL, MB_REMEDY_NONE, ENODEV, "this is not the device that its name says",
                                 step->source);
    }
    static const char *const links[][2] = {{"fd", "/proc/self/fd"},
                                           {"stdin", "/proc/self/fd/0"},
                                           {"stdout", "/proc/self/fd/1"},
                                           {"stderr", "/proc/self/fd/2"},
                                           {"ptmx", "pts/ptmx"}};
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        mb_steps_add_at(c, MB_STEP_LINK, NULL, MB_SLOT_DEV, MB_TEXT(c, "/dev/%s", links[i][0]), links[i][0])->source =
            links[i][1];

    step = mb_steps_add_at(c, MB_STEP_MOUNT, NULL, MB_SLOT_DEV, "/dev/pts", "pts");
    step->source = "devpts";
    step->attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    step->keep = MB_SLOT_PTS;
    step->is_directory = true;
    if (!c->joins_user && mb_ids_is_mapped(c->plan, 5, true)) /* the group tty, where the box is known to have it */
        MB_OPTIONS(c, step, {"mode", "0620"}, {"ptmxmode", "0666"}, {"gid", "5"});
    else
        MB_OPTIONS(c, step, {"mode", "0600"}, {"ptmxmode", "0666"});
    mb_steps_add_at(c, MB_STEP_DIRECTORY, NULL, MB_SLOT_DEV, "/dev/shm", "shm")->mode = S_IFDIR | 01777;
    mb_steps_add_at(c, MB_STEP_REMOUNT, NULL, MB_SLOT_DEV, "/dev/shm", "shm")->attributes = MB_SAFE;
    plan_masks(c);
    return 0;
}

/* ---- what the user asked for ---------------------------------------------------------------------------------- */

/* A volume's place in the box; NULL after an error. */
static const char *volume_target(struct mb_compiler *c, const struct mb_volume *volume) {
    if (volume->target)
        return volume->target;
    char *path = realpath(volume->source, NULL);
    const char *target = path ? mb_arena_copy(&c->plan->arena, path, strlen(path)) : NULL;
    free(path);
    if (!target)
        mb_error_host(c->err, &volume->origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot show", volume->source);
    else if (!mb_options_is_box_path(target)) {
        mb_error_usage(c->err, &volume->origin, MB_REMEDY_NONE, "too deep for the box:", target, NULL);
        mb_error_remedy(c->err, "-v SRC:DST with a shorter DST");
        return NULL;
    }
    return target;
}

static unsigned depth_of(const char *path) {
    unsigned depth = 0;
    for (const char *p = path; *p; p++)
        depth += p[0] == '/' && p[1] != '/' && p[1] != '\0';
    return depth;
}

static int plan_volume(struct mb_compiler *c, const struct mb_volume *volume, const char *target) {
    if ((volume->attributes & MOUNT_ATTR_NOATIME) && !c->plan->privileged)
        return mb_error_usage(c->err, &volume->origin, MB_REMEDY_LOCKED_ATIME, "cannot change the access times of",
                              target, NULL);
    if (volume->access == MB_ACCESS_OVERLAY)
        return mb_mounts_add_overlay(c, &volume->origin, volume->source, target, volume->attributes, MB_SLOT_NONE)
                   ? -1
                   : check_mount_point(c);
    if (mb_mounts_add_bind(c, &volume->origin, volume->source, target, volume->access, volume->attributes))
        return -1;
    mb_mounts_add_idmap(c, volume->access != MB_ACCESS_RW);
    return check_mount_point(c);
}

static int plan_device(struct mb_compiler *c, const struct mb_path *device) {
    static const char dev[] = "/dev/";
    bool in_dev = strncmp(device->target, dev, sizeof(dev) - 1) == 0;
    const char *below = in_dev ? device->target + sizeof(dev) - 1 : "";
    struct mb_step *step = in_dev ? mb_steps_add_at(c, MB_STEP_DEVICE, &device->origin, MB_SLOT_DEV, device->target,
                                                    below + strspn(below, "/"))
                                  : mb_steps_add_in_root(c, MB_STEP_DEVICE, &device->origin, device->target);
    step->source = device->source;
    step->attributes = DEVICE;
    step->by_parent = c->plan->privileged;
    if (mb_mounts_identify(c, step, device->source))
        return -1;
    if (step->mode != S_IFCHR && step->mode != S_IFBLK)
        return mb_error_host(c->err, &device->origin, MB_REMEDY_NONE, ENODEV, "this is no device node", device->source);
    return in_dev ? 0 : check_mount_point(c);
}

/* Volumes, tmpfs and devices in the order of their depth, so that what contains comes before what is contained. */
int mb_mounts_plan_user(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    const char **targets = mb_arena_alloc(&c->plan->arena, (spec->volume_count + 1) * sizeof(*targets));
    if (!targets)
        return mb_error_memory(c->err);
    unsigned deepest = 0;
    for (size_t i = 0; i < spec->volume_count; i++) {
        if (!(targets[i] = volume_target(c, &spec->volumes[i])))
            return -1;
        if (targets[i][strspn(targets[i], "/")] == '\0')
            return mb_error_usage(c->err, &spec->volumes[i].origin, MB_REMEDY_NONE, "a volume cannot be the root",
                                  targets[i], "use --rootfs");
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
            mb_mounts_add_tmpfs(c, &tmpfs->origin, tmpfs->target, tmpfs->mode, tmpfs->size, tmpfs->attributes);
            if (check_mount_point(c))
                return -1;
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
        mb_autofd fd = c->root_fd < 0 || is_covered(c, target) ? -1 : mb_path_open(c->root_fd, target, O_PATH);
        if (check_not_root(c, fd, target, &spec->masks[i].origin))
            return -1;
        if (strncmp(target, "/proc/", 6) == 0)
            mb_steps_add_at(c, MB_STEP_MASK, &spec->masks[i].origin, MB_SLOT_PROC, target,
                            target + 5 + strspn(target + 5, "/"))
                ->attributes = MB_SAFE | MOUNT_ATTR_RDONLY;
        else
            mb_steps_add_in_root(c, MB_STEP_MASK, &spec->masks[i].origin, target)->attributes =
                MB_SAFE | MOUNT_ATTR_RDONLY;
    }
    return 0;
}
