/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of the box. Each is made detached, gets its attributes, is noted for the verifier, and only then attached, at
 * a place that is a descriptor: so at no moment a mount is there that can do more than it may.
 */
#include <fcntl.h>
#include <linux/errno.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <sched.h>

#include "base/count.h"
#include "base/path.h"
#include "inside/pieces.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

static const char here[] = "";

enum depth { THIS_ONE, WITH_WHAT_IS_BELOW };

static long set_attributes(long fd, const struct mb_step *step, enum depth depth) {
    struct mount_attr attr = {.attr_set = step->set, .attr_clr = step->clear, .propagation = step->propagation};
    int below = depth == WITH_WHAT_IS_BELOW ? AT_RECURSIVE : 0;
    return raw(SYS_mount_setattr, fd, here, AT_EMPTY_PATH | below, &attr, sizeof(attr));
}

/* Notes which mount a step made, for the verifier. */
static long note_mount(const struct mb_builder *b, const struct mb_step *step, long fd) {
    struct statx st;
    if (step->mount < 0)
        return 0;
    TRY(raw(SYS_statx, fd, here, AT_EMPTY_PATH, STATX_MNT_ID, &st));
    if (!(st.stx_mask & STATX_MNT_ID))
        return -ENOSYS;
    mb_shared_mounts(b->shared)[step->mount].id = st.stx_mnt_id;
    return 0;
}

static long move_to(long mount, long target) {
    return raw(SYS_move_mount, mount, here, target, here, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* Keeps the descriptor of a mount that has a slot, or closes it. */
static void keep_or_close(struct mb_builder *b, const struct mb_step *step, long mount) {
    if (step->keep)
        b->slots[step->keep] = (int)mount;
    else
        raw(SYS_close, mount);
}

/* Attaches a detached mount at the step's target. */
static long attach(struct mb_builder *b, const struct mb_step *step, long mount) {
    TRY(note_mount(b, step, mount));
    if (step->at == MB_SLOT_NONE) {
        TRY(raw(SYS_move_mount, mount, here, AT_FDCWD, b->plan->place, MOVE_MOUNT_F_EMPTY_PATH));
    } else {
        long target = mb_place_open_or_make(b, step);
        TRY(target);
        TRY(move_to(mount, target));
        raw(SYS_close, target);
    }
    keep_or_close(b, step, mount);
    return 0;
}

/* A detached mount of a new file system. */
static long make_file_system(const struct mb_step *step) {
    long context = raw(SYS_fsopen, step->source, FSOPEN_CLOEXEC);
    TRY(context);
    TRY(raw(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", step->source, 0));
    for (size_t i = 0; i < step->option_count; i++) {
        const struct mb_mount_option *option = &step->options[i];
        int command = option->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
        TRY(raw(SYS_fsconfig, context, command, option->key, option->value, 0));
    }
    TRY(raw(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
    long mount = raw(SYS_fsmount, context, FSMOUNT_CLOEXEC, step->set);
    raw(SYS_close, context);
    return mount;
}

long mb_mount_new(struct mb_builder *b, const struct mb_step *step) {
    long mount = make_file_system(step);
    TRY(mount);
    return attach(b, step, mount);
}

/* Overlay takes its layers as names below the working directory: the staging tmpfs. */
long mb_mount_overlay(struct mb_builder *b, const struct mb_step *step) {
    long before =
        raw(SYS_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0); /* relative sources are from there */
    TRY(before);
    TRY(raw(SYS_fchdir, b->slots[MB_SLOT_STAGE]));
    long mount = make_file_system(step);
    TRY(mount);
    TRY(raw(SYS_fchdir, before));
    raw(SYS_close, before);
    return attach(b, step, mount);
}

/* ---- sources on the host -------------------------------------------------------------------------------------- */

static long check_identity(long fd, const struct mb_identity *planned) {
    struct statx st;
    TRY(raw(SYS_statx, fd, here, AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &st));
    bool is_same = st.stx_ino == planned->inode && st.stx_dev_major == planned->major &&
                   st.stx_dev_minor == planned->minor && st.stx_rdev_major == planned->node_major &&
                   st.stx_rdev_minor == planned->node_minor && (st.stx_mode & 0170000) == planned->type;
    return is_same ? 0 : -ESTALE;
}

long mb_builder_open_tree(const struct mb_step *step) {
    long fd = raw(SYS_open_tree, AT_FDCWD, step->source,
                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step->recursive ? AT_RECURSIVE : 0));
    TRY(fd);
    long result = check_identity(fd, &step->identity);
    if (result >= 0)
        result = set_attributes(fd, step, step->recursive ? WITH_WHAT_IS_BELOW : THIS_ONE);
    if (result >= 0)
        return fd;
    raw(SYS_close, fd); /* the launcher lives on */
    return result;
}

/*
 * Until the pivot the box's own mounts hang at the plan's place. A source that has this place below it must not show
 * them there: they would be the root as it is now, without the masks and the read-only flag that come later. A
 * recursive copy leaves out what is unbindable, with all that is mounted on it.
 */
static long set_own_mounts(const struct mb_builder *b, uint64_t propagation) {
    static const enum mb_slot own[] = {MB_SLOT_STAGE, MB_SLOT_ROOT};
    struct mount_attr attr = {.propagation = propagation};
    for (size_t i = 0; i < MB_COUNT(own); i++)
        if (b->slots[own[i]] >= 0)
            TRY(raw(SYS_mount_setattr, b->slots[own[i]], here, AT_EMPTY_PATH, &attr, sizeof(attr)));
    return 0;
}

long mb_mount_source(struct mb_builder *b, const struct mb_step *step, int fd) {
    if (fd >= 0)
        return attach(b, step, fd);
    if (step->shows_place)
        TRY(set_own_mounts(b, MS_UNBINDABLE));
    long mount = mb_builder_open_tree(step);
    TRY(mount);
    if (step->shows_place)
        TRY(set_own_mounts(b, MS_PRIVATE));
    return attach(b, step, mount);
}

/* ---- what is covered ------------------------------------------------------------------------------------------ */

/* A target could not be opened. ENOENT is fine where nothing need be there: the kernel is asked again, in another way,
 * and the verifier is told. */
static long accept_absent(const struct mb_builder *b, const struct mb_step *step, long result) {
    struct statx st;
    if (!step->optional || result != -ENOENT)
        return result;
    long again = raw(SYS_statx, b->slots[step->at], step->path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st);
    if (again != -ENOENT)
        return again < 0 ? again : result;
    mb_shared_mounts(b->shared)[step->mount].id = MB_SHARED_ABSENT;
    return 0;
}

/*
 * A file is hidden behind the box's /dev/null, a directory behind an empty one that is removed as soon as it is
 * mounted, so that nothing can ever be put into it. It lies on the box's /dev: a file system of its own costs more than
 * the rest of the mask.
 */
long mb_mount_mask(struct mb_builder *b, const struct mb_step *step) {
    static const char empty[] = ".empty";
    int dev = b->slots[MB_SLOT_DEV];
    struct statx st;
    long target = mb_place_open(b, step, O_PATH);
    if (target < 0)
        return accept_absent(b, step, target);
    TRY(raw(SYS_statx, target, here, AT_EMPTY_PATH, STATX_TYPE, &st));
    bool is_directory = (st.stx_mode & 0170000) == 0040000;
    if (is_directory)
        TRY(raw(SYS_mkdirat, dev, empty, 0555));
    long mount = raw(SYS_open_tree, dev, is_directory ? empty : "null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    TRY(mount);
    TRY(set_attributes(mount, step, THIS_ONE));
    TRY(note_mount(b, step, mount));
    TRY(move_to(mount, target));
    if (is_directory)
        TRY(raw(SYS_unlinkat, dev, empty, AT_REMOVEDIR));
    raw(SYS_close, mount);
    raw(SYS_close, target);
    return 0;
}

long mb_mount_self(struct mb_builder *b, const struct mb_step *step) {
    long target = mb_place_open(b, step, O_PATH);
    if (target < 0)
        return accept_absent(b, step, target);
    long mount = raw(SYS_open_tree, target, here, AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    TRY(mount);
    TRY(set_attributes(mount, step, WITH_WHAT_IS_BELOW));
    TRY(note_mount(b, step, mount));
    TRY(move_to(mount, target));
    raw(SYS_close, target);
    keep_or_close(b, step, mount);
    return 0;
}

long mb_mount_remount(const struct mb_builder *b, const struct mb_step *step) {
    return set_attributes(b->slots[step->at], step, THIS_ONE);
}

/* ---- the root ------------------------------------------------------------------------------------------------- */

long mb_mount_pivot(const struct mb_builder *b) {
    TRY(raw(SYS_fchdir, b->slots[MB_SLOT_ROOT]));
    TRY(raw(SYS_pivot_root, ".", ".")); /* the old root is now on top of the new one: pivot_root(2) */
    TRY(raw(SYS_umount2, ".", MNT_DETACH));
    return raw(SYS_chdir, "/");
}
