/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of a box besides its root. By default they are the kernel's own file systems, devices and masks; devices
 * and masks are rows of tables here. Then come the mounts that the user asked for. All are entries of one list, in the
 * order in which they are mounted.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "box/fill.h"
#include "box/identity.h"
#include "spec/options.h"

/* Attributes of a device's mount. RDONLY protects the owner and mode of the node, which is the host's; the device can
 * still be written to. */
enum { DEVICE = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };

/* ---- the kernel's file systems -------------------------------------------------------------------------------- */

static const char proc[] = "/proc", sys[] = "/sys", dev[] = "/dev";

static void fill_proc(struct mb_filler *f) {
    struct mb_mount *mount;
    if (mb_box_has_own(f->box, CLONE_NEWPID) || mb_box_joins(f->box, MB_FLAG_PID)) {
        mount = mb_fill_mount(f, MB_MOUNT_NEW, NULL, proc);
        mount->type = "proc";
    } else { /* a new one would show the host's processes too, and only root may make it */
        mount = mb_fill_bind(f, NULL, MB_TEXT(f, "%s/proc", f->host->root), proc, MB_ACCESS_RW);
    }
    mount->set |= MOUNT_ATTR_NOEXEC;
    mount->no_links = true;
}

static void fill_sys(struct mb_filler *f) {
    if (!mb_box_has_own(f->box, CLONE_NEWNET)) {
        mb_fill_absent(f, "/sys: the network is shared, and sysfs would show the host's");
        return;
    }
    struct mb_mount *mount = mb_fill_mount(f, MB_MOUNT_NEW, NULL, sys);
    mount->type = "sysfs";
    mount->set = MB_SAFE | MOUNT_ATTR_RDONLY;
    mount->no_links = true;
}

static void fill_devices(struct mb_filler *f) {
    static const struct {
        const char *name;
        uint32_t major, minor;
    } devices[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
    static const char *const links[][2] = {{"fd", "/proc/self/fd"},
                                           {"stdin", "/proc/self/fd/0"},
                                           {"stdout", "/proc/self/fd/1"},
                                           {"stderr", "/proc/self/fd/2"},
                                           {"ptmx", "pts/ptmx"}};
    for (size_t i = 0; i < MB_COUNT(devices); i++) {
        struct mb_mount *mount = mb_fill_mount(f, MB_MOUNT_DEVICE, NULL, MB_TEXT(f, "/dev/%s", devices[i].name));
        mount->source = MB_TEXT(f, "%s/dev/%s", f->host->root, devices[i].name);
        mount->set = DEVICE;
        mount->no_links = mount->has_number = true;
        mount->major = devices[i].major;
        mount->minor = devices[i].minor;
    }
    for (size_t i = 0; i < MB_COUNT(links); i++) {
        struct mb_mount *link = mb_fill_mount(f, MB_MOUNT_LINK, NULL, MB_TEXT(f, "/dev/%s", links[i][0]));
        link->source = links[i][1];
        link->no_links = true;
    }
}

static void fill_dev(struct mb_filler *f) {
    mb_fill_scratch(f, NULL, (struct mb_scratch){.target = dev, .mode = 0755, .set = MOUNT_ATTR_NOEXEC})->no_links =
        true;
    fill_devices(f);
    struct mb_mount *pts = mb_fill_mount(f, MB_MOUNT_NEW, NULL, "/dev/pts");
    pts->type = "devpts";
    pts->set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    pts->no_links = true;
    /* Terminals belong to the group tty, if the box is known to have that group. */
    if (!mb_box_joins(f->box, MB_FLAG_USER) && mb_identity_is_mapped(f->box, 5, MB_ID_GROUP))
        MB_OPTIONS(f, pts, {"mode", "0620"}, {"ptmxmode", "0666"}, {"gid", "5"});
    else
        MB_OPTIONS(f, pts, {"mode", "0600"}, {"ptmxmode", "0666"});
    struct mb_mount *shm = mb_fill_mount(f, MB_MOUNT_DIRECTORY, NULL, "/dev/shm");
    shm->mode = 01777;
    shm->no_links = true;
    shm = mb_fill_mount(f, MB_MOUNT_SELF, NULL, "/dev/shm");
    shm->set = MB_SAFE;
    shm->no_links = true;
}

/* Hides kernel files that show more than the box, and makes read-only those that change more. All are optional, since
 * only the box's own /proc and /sys can tell which of them there are. */
static void fill_masks(struct mb_filler *f) {
    enum how {
        HIDE,
        HIDE_FROM_ROOT, /* only the host's root can read it, so a box with a user namespace cannot */
        CLOSE           /* it becomes read-only */
    };
    static const struct {
        const char *path;
        enum how how;
    } masks[] = {
        {"/proc/acpi", HIDE},
        {"/proc/asound", HIDE},
        {"/proc/interrupts", HIDE},
        {"/proc/kallsyms", HIDE},
        {"/proc/kcore", HIDE},
        {"/proc/keys", HIDE},
        {"/proc/latency_stats", HIDE},
        {"/proc/sched_debug", HIDE},
        {"/proc/scsi", HIDE},
        {"/proc/timer_list", HIDE},
        {"/proc/kpagecgroup", HIDE_FROM_ROOT},
        {"/proc/kpagecount", HIDE_FROM_ROOT},
        {"/proc/kpageflags", HIDE_FROM_ROOT},
        {"/proc/mtrr", HIDE_FROM_ROOT},
        {"/proc/pagetypeinfo", HIDE_FROM_ROOT},
        {"/proc/slabinfo", HIDE_FROM_ROOT},
        {"/proc/vmallocinfo", HIDE_FROM_ROOT},
        {"/proc/tty/driver", HIDE_FROM_ROOT},
        {"/proc/allocinfo", HIDE_FROM_ROOT},
        {"/proc/vmcore", HIDE_FROM_ROOT},
        {"/proc/lock_stat", HIDE_FROM_ROOT},
        {"/proc/dynamic_debug", HIDE_FROM_ROOT},
        {"/sys/kernel/slab", HIDE_FROM_ROOT},
        {"/proc/bus", CLOSE},
        {"/proc/fs", CLOSE},
        {"/proc/irq", CLOSE},
        {"/proc/sys", CLOSE},
        {"/proc/sysrq-trigger", CLOSE},
        {"/proc/pressure", CLOSE},
        {"/sys/firmware", HIDE},
        {"/sys/devices/virtual/powercap", HIDE},
    };
    for (size_t i = 0; i < MB_COUNT(masks); i++) {
        if (strncmp(masks[i].path, sys, sizeof(sys) - 1) == 0 && !mb_box_has_own(f->box, CLONE_NEWNET))
            continue;
        if (masks[i].how == HIDE_FROM_ROOT && mb_box_has_own(f->box, CLONE_NEWUSER))
            continue;
        enum mb_mount_kind kind = masks[i].how == CLOSE ? MB_MOUNT_SELF : MB_MOUNT_MASK;
        struct mb_mount *mount = mb_fill_mount(f, kind, NULL, masks[i].path);
        mount->set = MB_SAFE | MOUNT_ATTR_RDONLY;
        mount->optional = mount->no_links = true;
    }
}

int mb_fill_kernel_mounts(struct mb_filler *f) {
    fill_proc(f);
    fill_sys(f);
    mb_fill_scratch(f, NULL, (struct mb_scratch){.target = "/tmp", .mode = 01777});
    fill_dev(f);
    fill_masks(f);
    return 0;
}

int mb_fill_end_of_mounts(struct mb_filler *f) {
    mb_fill_mount(f, MB_MOUNT_REMOUNT, NULL, dev)->set = MB_SAFE | MOUNT_ATTR_RDONLY;
    if (f->rootfs == MB_ROOTFS_DIR || !f->box->root_is_read_only)
        return 0;
    mb_fill_mount(f, MB_MOUNT_REMOUNT, &f->spec->origin[MB_OPTION_ROOTFS], "/")->set |= MOUNT_ATTR_RDONLY;
    return 0;
}

/* ---- what the user asked for ---------------------------------------------------------------------------------- */

/* The path of a volume in the box: as given, else that on the host with links resolved. NULL after an error. */
static const char *volume_target(struct mb_filler *f, const struct mb_volume *volume) {
    if (volume->target)
        return volume->target;
    char *path = realpath(volume->source, NULL);
    const char *target = path ? mb_arena_copy(&f->box->arena, path, strlen(path)) : NULL;
    free(path);
    if (!target) {
        mb_error_host(f->err, &volume->origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot show", volume->source);
        return NULL;
    }
    if (mb_options_is_box_path(target))
        return target;
    mb_error_usage(f->err, &volume->origin, MB_REMEDY_NONE, "too deep for the box:", target, NULL);
    mb_error_remedy(f->err, "-v SRC:DST with a shorter DST");
    return NULL;
}

static bool is_root(const char *path) {
    return path[strspn(path, "/")] == '\0';
}

/* A volume or a file system in memory, to be put in order. */
struct place {
    const char *target;
    const struct mb_volume *volume; /* NULL: it is `tmpfs` */
    const struct mb_tmpfs *tmpfs;
    unsigned depth; /* components of target */
};

static unsigned depth_of(const char *path) {
    unsigned depth = 0;
    for (const char *p = path; *p; p++)
        depth += p[0] == '/' && p[1] != '/' && p[1] != '\0';
    return depth;
}

static int fill_volume(struct mb_filler *f, const struct mb_volume *volume, const char *target) {
    if ((volume->attributes & MOUNT_ATTR_NOATIME) && !f->host->privileged)
        return mb_error_usage(f->err, &volume->origin, MB_REMEDY_LOCKED_ATIME, "cannot change the access times of",
                              target, NULL);
    struct mb_mount *mount = mb_fill_directory(f, &volume->origin, volume->source, target, volume->access);
    mount->set |= volume->attributes;
    mount->clear = volume->attributes & MOUNT_ATTR_NOATIME ? MOUNT_ATTR__ATIME : 0;
    return 0;
}

/* Fills `places` (room for all) and returns their number; -1 after an error. */
static int list_places(struct mb_filler *f, struct place *places) {
    int n = 0;
    for (size_t i = 0; i < f->spec->tmpfs_count; i++) {
        const struct mb_tmpfs *tmpfs = &f->spec->tmpfs[i];
        if (is_root(tmpfs->target))
            return mb_error_usage(f->err, &tmpfs->origin, MB_REMEDY_NONE, "a tmpfs cannot be the root", tmpfs->target,
                                  "use --rootfs");
        places[n++] = (struct place){.target = tmpfs->target, .tmpfs = tmpfs, .depth = depth_of(tmpfs->target)};
    }
    for (size_t i = 0; i < f->spec->volume_count; i++) {
        const struct mb_volume *volume = &f->spec->volumes[i];
        const char *target = volume_target(f, volume);
        if (!target)
            return -1;
        if (is_root(target))
            return mb_error_usage(f->err, &volume->origin, MB_REMEDY_NONE, "a volume cannot be the root", target,
                                  "use --rootfs");
        places[n++] = (struct place){.target = target, .volume = volume, .depth = depth_of(target)};
    }
    return n;
}

/* Sorts by depth, so that a directory comes before what is below it; places of the same depth keep their order. */
static void sort_places(struct place *places, int count) {
    for (int i = 1; i < count; i++) {
        struct place place = places[i];
        int j = i;
        for (; j > 0 && places[j - 1].depth > place.depth; j--)
            places[j] = places[j - 1];
        places[j] = place;
    }
}

static void fill_device(struct mb_filler *f, const struct mb_path *device) {
    struct mb_mount *mount = mb_fill_mount(f, MB_MOUNT_DEVICE, &device->origin, device->target);
    mount->source = device->source;
    mount->set = DEVICE;
    mount->by_caller = true;
    mount->no_links = strncmp(device->target, "/dev/", 5) == 0;
}

int mb_fill_user_mounts(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    struct place *places =
        mb_arena_alloc(&f->box->arena, (spec->volume_count + spec->tmpfs_count + 1) * sizeof(*places));
    if (!places)
        return mb_error_memory(f->err);
    int count = list_places(f, places);
    if (count < 0)
        return -1;
    sort_places(places, count);
    for (int i = 0; i < count; i++) {
        if (places[i].tmpfs)
            mb_fill_tmpfs(f, &places[i].tmpfs->origin, places[i].tmpfs);
        else if (fill_volume(f, places[i].volume, places[i].target))
            return -1;
    }
    for (size_t i = 0; i < spec->device_count; i++)
        fill_device(f, &spec->devices[i]);
    for (size_t i = 0; i < spec->mask_count; i++) {
        struct mb_mount *mask = mb_fill_mount(f, MB_MOUNT_MASK, &spec->masks[i].origin, spec->masks[i].target);
        mask->set = MB_SAFE | MOUNT_ATTR_RDONLY;
        mask->no_links = strncmp(mask->target, "/proc/", 6) == 0;
    }
    return 0;
}
