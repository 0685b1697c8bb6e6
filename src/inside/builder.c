/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The builder. It is cloned with CLONE_VM: until it executes init it works in the launcher's memory, on a stack of its
 * own, while the launcher goes on. Hence the rules of this file: raw system calls alone; no allocation, no stdio, no
 * errno, no lock, nothing of the C library but memcpy, memset and memmove (a test asks nm); it writes only to its own
 * stack, to *builder's slots, and to the shared box. It is built -ffreestanding, without stack protector or sanitizers.
 *
 * It reads as a list: one case a kind of step, each a few system calls. What can be computed has been, in plan/.
 * A step that fails stores its number and errno in the box and ends the process; nothing is undone here, since all
 * that was made lives in namespaces that die with it.
 */
#include "inside/builder.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <linux/tty.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <asm/ioctls.h>
#include <linux/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/path.h"
#include "base/raw.h"
#include "inside/send.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#define MNT_DETACH 2

enum { PATH_SIZE = 4096 };

static const char here[] = "";

/* ---- paths of the box ----------------------------------------------------------------------------------------- */

/* Links are followed in the box's root. In the kernel's own file systems, and where the place itself matters, they are
 * not. */
static long resolve(const struct mb_builder *b, const struct mb_step *step, const char *path, uint64_t flags) {
    bool links = step->at == MB_SLOT_ROOT && !step->no_links;
    return mb_path_resolve(b->slots[step->at], path, flags, links ? MB_PATH_IN_ROOT : MB_PATH_NO_LINKS);
}

/* Cuts the last name off `path`, in place: returns it; what is left of `path` is the parent. */
static char *split_last(char *path) {
    char *last = path;
    for (char *c = path; *c; c++)
        if (c[0] == '/' && c[1] != '\0')
            last = c + 1;
    return last;
}

/* Makes a missing file or folder, and the folders above it. `path` is cut up. What exists is never followed at the last
 * name and never replaced: O_EXCL and mkdir both refuse. */
static long make_path(const struct mb_builder *b, const struct mb_step *step, char *path, bool is_directory) {
    int root = b->slots[step->at];
    size_t length = 0;
    for (char *c = path; *c; c++)
        length++;
    while (length && path[length - 1] == '/')
        path[--length] = '\0';
    char *name = split_last(path);
    long parent;
    if (name == path) {
        parent = root;
    } else {
        char saved = name[-1];
        name[-1] = '\0';
        parent = resolve(b, step, path, O_PATH | O_DIRECTORY);
        if (parent ==
            -ENOENT) /* the recursion cuts only the parent's part, which ends before `name`; depth is limited */
            parent = make_path(b, step, path, true);
        name[-1] = saved;
    }
    if (parent < 0)
        return parent;
    long result;
    if (is_directory) {
        result = raw(SYS_mkdirat, parent, name, 0755);
        if (result == 0)
            result = raw(SYS_openat, parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    } else {
        result = raw(SYS_openat, parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
    }
    if (parent != root)
        raw(SYS_close, parent);
    return result;
}

/* The place that a step names: a descriptor of it, made if it is missing, or -errno. Another box in the same tree may
 * make it first, each part of the path: then it is looked for again. */
static long open_target(const struct mb_builder *b, const struct mb_step *step) {
    enum { TRIES = 100 }; /* no path has more parts */
    bool is_new =
        step->at == MB_SLOT_DEV || step->at == MB_SLOT_STAGE; /* minibox's own, and empty but for what it made */
    long fd = -EEXIST;
    for (int tries = 0; fd == -EEXIST && tries < TRIES; tries++) {
        fd = is_new && !tries ? -ENOENT : resolve(b, step, step->path, O_PATH | (step->is_directory ? O_DIRECTORY : 0));
        if (fd != -ENOENT)
            return fd;
        char path[PATH_SIZE];
        size_t n = 0;
        for (; step->path[n] && n + 1 < sizeof(path); n++)
            path[n] = step->path[n];
        if (step->path[n])
            return -ENAMETOOLONG;
        path[n] = '\0';
        fd = make_path(b, step, path, step->is_directory);
    }
    return fd;
}

/* The folder in which a step makes something, and the name to make there. Only below slots of minibox's own. */
static long open_parent(const struct mb_builder *b, const struct mb_step *step, const char **ret_name) {
    const char *name = step->path;
    for (const char *c = step->path; *c; c++)
        if (*c == '/')
            name = c + 1;
    *ret_name = name;
    char path[PATH_SIZE];
    size_t length = (size_t)(name - step->path);
    if (length >= sizeof(path))
        return -ENAMETOOLONG;
    for (size_t i = 0; i < length; i++)
        path[i] = step->path[i];
    path[length] = '\0';
    return length ? resolve(b, step, path, O_PATH | O_DIRECTORY) : b->slots[step->at];
}

static void close_parent(const struct mb_builder *b, const struct mb_step *step, long parent) {
    if (parent != b->slots[step->at])
        raw(SYS_close, parent);
}

/* ---- mounts --------------------------------------------------------------------------------------------------- */

/* Private, too: a copy of a shared mount, which most hosts' are, would be its peer. */
static long set_attributes(int fd, uint64_t attributes, bool recursive) {
    struct mount_attr attr = {.attr_set = attributes,
                              .attr_clr = attributes & MOUNT_ATTR_NOATIME ? MOUNT_ATTR__ATIME : 0,
                              .propagation = MS_PRIVATE};
    return raw(SYS_mount_setattr, fd, here, AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr));
}

/* Notes which mount a step made, for the verifier. */
static long note_mount(const struct mb_builder *b, const struct mb_step *step, long fd) {
    struct statx st;
    if (step->mount < 0)
        return 0;
    long result = raw(SYS_statx, fd, here, AT_EMPTY_PATH, STATX_MNT_ID, &st);
    if (result < 0)
        return result;
    if (!(st.stx_mask & STATX_MNT_ID))
        return -ENOSYS;
    ((struct mb_shared_mount *)mb_shared_at(b->shared, b->shared->mounts))[step->mount].id = st.stx_mnt_id;
    return 0;
}

/* Attaches a detached mount at the step's target and keeps or closes its descriptor. */
static long attach(struct mb_builder *b, const struct mb_step *step, long mount) {
    if (mount < 0)
        return mount;
    long result = note_mount(b, step, mount);
    if (result < 0)
        return result;
    if (step->at == MB_SLOT_NONE) {
        /* On top of the root of this mount namespace: a place that every host has and that nobody's paths lead to. */
        result = raw(SYS_move_mount, mount, here, AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    } else {
        long target = open_target(b, step);
        if (target < 0)
            return target;
        result = raw(SYS_move_mount, mount, here, target, here, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        raw(SYS_close, target);
    }
    if (result < 0)
        return result;
    if (step->keep)
        b->slots[step->keep] = (int)mount;
    else
        raw(SYS_close, mount);
    return 0;
}

static long make_mount(const char *type, const struct mb_mount_option *options, size_t count, uint64_t attributes) {
    long context = raw(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (context < 0)
        return context;
    long result = raw(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", type, 0);
    for (size_t i = 0; result >= 0 && i < count; i++)
        result = options[i].value ? raw(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[i].key, options[i].value, 0)
                                  : raw(SYS_fsconfig, context, FSCONFIG_SET_FLAG, options[i].key, 0, 0);
    if (result >= 0)
        result = raw(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (result >= 0)
        result = raw(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
    raw(SYS_close, context);
    return result;
}

long mb_builder_open_tree(const struct mb_step *step) {
    long fd = raw(SYS_open_tree, AT_FDCWD, step->source,
                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step->recursive ? AT_RECURSIVE : 0));
    if (fd < 0)
        return fd;
    struct statx st;
    long result = raw(SYS_statx, fd, here, AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &st);
    if (result >= 0) {
        /* glibc's makedev(), which the plan used */
        uint64_t device = ((uint64_t)(st.stx_dev_major & 0xfffff000u) << 32) |
                          ((uint64_t)(st.stx_dev_major & 0xfffu) << 8) |
                          ((uint64_t)(st.stx_dev_minor & 0xffffff00u) << 12) | (st.stx_dev_minor & 0xffu);
        uint32_t node = (uint32_t)(((st.stx_rdev_major & 0xfffu) << 8) | ((st.stx_rdev_minor & 0xffffff00u) << 12) |
                                   (st.stx_rdev_minor & 0xffu));
        if (device != step->device || st.stx_ino != step->inode || (st.stx_mode & 0170000) != (step->mode & 0170000) ||
            node != step->node)
            result = -ESTALE;
    }
    if (result >= 0)
        result = set_attributes((int)fd, step->attributes, step->recursive);
    if (result < 0) {
        raw(SYS_close, fd);
        return result;
    }
    return fd;
}

/* Overlay takes its layers as names below the working directory: the staging tmpfs. */
static long mount_overlay(struct mb_builder *b, const struct mb_step *step) {
    long before =
        raw(SYS_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0); /* relative sources are from there */
    if (before < 0)
        return before;
    long result = raw(SYS_fchdir, b->slots[MB_SLOT_STAGE]);
    if (result < 0)
        return result;
    long mount = make_mount(step->source, step->options, step->option_count, step->attributes);
    result = raw(SYS_fchdir, before);
    raw(SYS_close, before);
    return result < 0 ? result : attach(b, step, mount);
}

/* What it means that a target could not be opened: nothing, if it may be missing and is. The kernel is asked in two
 * ways, and the verifier told. */
static long accept_absent(const struct mb_builder *b, const struct mb_step *step, long result) {
    struct statx st;
    if (!step->optional || result != -ENOENT)
        return result;
    long again = raw(SYS_statx, b->slots[step->at], step->path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st);
    if (again != -ENOENT)
        return again < 0 ? again : result;
    ((struct mb_shared_mount *)mb_shared_at(b->shared, b->shared->mounts))[step->mount].id = MB_SHARED_ABSENT;
    return 0;
}

/*
 * A file is hidden behind the box's /dev/null, a folder behind an empty one that is removed as soon as it is mounted,
 * so that nothing can ever be put into it. It lies on the box's /dev: a file system of its own costs more than the rest
 * of the mask.
 */
static long mask(struct mb_builder *b, const struct mb_step *step) {
    static const char empty[] = ".empty";
    int dev = b->slots[MB_SLOT_DEV];
    long target = resolve(b, step, step->path, O_PATH);
    if (target < 0)
        return accept_absent(b, step, target);
    struct statx st;
    long result = raw(SYS_statx, target, here, AT_EMPTY_PATH, STATX_TYPE, &st);
    bool is_directory = result >= 0 && (st.stx_mode & 0170000) == 0040000;
    if (is_directory)
        result = raw(SYS_mkdirat, dev, empty, 0555);
    if (result < 0)
        return result;
    long mount = raw(SYS_open_tree, dev, is_directory ? empty : "null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (mount < 0)
        return mount;
    result = set_attributes((int)mount, step->attributes, false);
    if (result >= 0)
        result = note_mount(b, step, mount);
    if (result >= 0)
        result = raw(SYS_move_mount, mount, here, target, here, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (result >= 0 && is_directory)
        result = raw(SYS_unlinkat, dev, empty, AT_REMOVEDIR);
    raw(SYS_close, mount);
    raw(SYS_close, target);
    return result;
}

static long remount(struct mb_builder *b, const struct mb_step *step) {
    int slot = b->slots[step->at];
    if (!step->path[0])
        return set_attributes(slot, step->attributes, false);
    long target = resolve(b, step, step->path, O_PATH);
    if (target < 0)
        return accept_absent(b, step, target);
    long mount = raw(SYS_open_tree, target, here, AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    long result = mount;
    if (mount >= 0 && (result = set_attributes((int)mount, step->attributes, true)) >= 0 &&
        (result = note_mount(b, step, mount)) >= 0)
        result = raw(SYS_move_mount, mount, here, target, here, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (result >= 0 && step->keep)
        b->slots[step->keep] = (int)mount;
    else if (mount >= 0)
        raw(SYS_close, mount);
    raw(SYS_close, target);
    return result;
}

/* By descriptor, too: over one of /proc's magic links the way would lead to what is still open of the outside,
 * CVE-2024-21626. */
static long change_directory(const struct mb_builder *b, const struct mb_step *step) {
    long folder = resolve(b, step, step->target, O_PATH | O_DIRECTORY);
    if (folder < 0)
        return folder;
    long result = raw(SYS_fchdir, folder);
    raw(SYS_close, folder);
    return result;
}

static long pivot(const struct mb_builder *b) {
    long result = raw(SYS_fchdir, b->slots[MB_SLOT_ROOT]);
    if (result >= 0)
        result = raw(SYS_pivot_root, ".", "."); /* the old root is now on top of the new one, pivot_root(2) */
    if (result >= 0)
        result = raw(SYS_umount2, ".", MNT_DETACH);
    if (result >= 0 && b->slots[MB_SLOT_STAGE]) /* that was the staging tmpfs, on top of the old root */
        result = raw(SYS_umount2, ".", MNT_DETACH);
    return result < 0 ? result : raw(SYS_chdir, "/");
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

static size_t length_of(const char *text) {
    size_t n = 0;
    while (text[n])
        n++;
    return n;
}

static long write_text(int folder, const char *name, uint64_t flags, uint32_t mode, const char *text) {
    long fd = raw(SYS_openat, folder, name, flags | O_WRONLY | O_CLOEXEC, mode);
    if (fd < 0)
        return fd;
    size_t length = length_of(text);
    long n = raw(SYS_write, fd, text, length);
    raw(SYS_close, fd);
    return n < 0 ? n : n == (long)length ? 0 : -EIO;
}

static long make_directory(const struct mb_builder *b, const struct mb_step *step) {
    const char *name;
    long parent = open_parent(b, step, &name);
    if (parent < 0)
        return parent;
    long result = raw(SYS_mkdirat, parent, name, step->mode & 07777);
    if (result >= 0 && (step->uid || step->gid))
        result = raw(SYS_fchownat, parent, name, step->uid, step->gid, AT_SYMLINK_NOFOLLOW);
    close_parent(b, step, parent);
    return result;
}

static long make_file(const struct mb_builder *b, const struct mb_step *step) {
    const char *name;
    long parent = open_parent(b, step, &name);
    if (parent < 0)
        return parent;
    long result = write_text((int)parent, name, O_CREAT | O_EXCL | O_NOFOLLOW, step->mode & 07777, step->source);
    close_parent(b, step, parent);
    return result;
}

static long make_links(const struct mb_builder *b, const struct mb_step *step) {
    const char *name;
    long result = 0;
    if (step->names) {
        long folder = resolve(b, step, step->path, O_PATH | O_DIRECTORY);
        if (folder < 0)
            return folder;
        for (size_t i = 0; result >= 0 && i < step->name_count; i++)
            result = raw(SYS_symlinkat, step->source, folder, step->names[i]);
        raw(SYS_close, folder);
        return result;
    }
    long parent = open_parent(b, step, &name);
    if (parent < 0)
        return parent;
    result = raw(SYS_symlinkat, step->source, parent, name);
    close_parent(b, step, parent);
    return result;
}

/* ---- ids ------------------------------------------------------------------------------------------------------ */

static char *put_number(char *to, uint32_t value, char after) {
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *to++ = digits[--n];
    *to++ = after;
    return to;
}

/* An ordinary user may map one id, its own, once setgroups is given up: user_namespaces(7). */
static long write_own_maps(const struct mb_plan *plan) {
    long result = write_text(AT_FDCWD, "/proc/self/setgroups", 0, 0, "deny");
    for (size_t i = 0; result >= 0 && i < plan->map_count; i++) {
        const struct mb_id_map *map = &plan->maps[i];
        char line[40], *end = line;
        end = put_number(end, map->inside, ' ');
        end = put_number(end, map->outside, ' ');
        end = put_number(end, map->count, '\n');
        *end = '\0';
        result = write_text(AT_FDCWD, map->uids ? "/proc/self/uid_map" : "/proc/self/gid_map", 0, 0, line);
    }
    return result;
}

static long set_ids(const struct mb_builder *b, const struct mb_step *step) {
    long result = raw(SYS_setresgid, step->gid, step->gid, step->gid);
    if (result >= 0 && !step->keep_groups)
        result = raw(SYS_setgroups, 0, 0);
    /* The capabilities of the namespace survive a change away from its uid 0, until the step that sets them. */
    if (result >= 0)
        result = raw(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (result >= 0)
        result = raw(SYS_setresuid, step->uid, step->uid, step->uid);
    if (result >= 0 && b->joins) /* where fs.suid_dumpable is 1 the change of ids has opened it to tracing */
        result = raw(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    return result;
}

static long write_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(effective >> (32 * i));
        data[i].permitted = (uint32_t)(permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
    }
    return raw(SYS_capset, &header, data);
}

/* All five sets. For uid 0 execve computes the permitted set from the bounding set; another uid keeps it only through
 * the ambient one: capabilities(7), "Transformation of capabilities during execve()". */
static long set_capabilities(const struct mb_step *step) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct now[2];
    long result = raw(SYS_capget, &header, now);
    if (result < 0)
        return result;
    uint64_t permitted = now[0].permitted | (uint64_t)now[1].permitted << 32;
    result = write_capabilities(permitted, permitted, 0);
    if (result >= 0)
        result = raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* The bounding set: up to the first number that the kernel does not know. */
    for (unsigned cap = 0; result >= 0 && cap < 64; cap++) {
        if (step->flags >> cap & 1)
            continue;
        result = raw(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
        if (result != -EINVAL)
            continue;
        long known = raw(SYS_prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
        result = known == -EINVAL ? 0 : known < 0 ? known : result;
        if (result == 0)
            break;
    }
    uint64_t inheritable = step->uid ? step->flags : 0;
    if (result >= 0)
        result = write_capabilities(step->flags, step->flags, inheritable);
    for (unsigned cap = 0; result >= 0 && cap < 64; cap++)
        if (inheritable >> cap & 1)
            result = raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
    return result < 0 ? result : raw(SYS_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

/* ---- the rest ------------------------------------------------------------------------------------------------- */

/* The signal may have been due before it was armed: then the launcher is a zombie, and its pidfd readable. */
static long die_with_launcher(const struct mb_builder *b) {
    long result = raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (result < 0)
        return result;
    struct pollfd poll = {.fd = b->launcher_fd, .events = POLLIN};
    struct timespec now = {0, 0};
    result = raw(SYS_ppoll, &poll, 1, &now, 0, 0);
    return result > 0 ? -EOWNERDEAD : result;
}

static long close_others(const struct mb_builder *b) {
    unsigned next = 0;
    for (size_t i = 0; i < b->keep_count; i++) {
        unsigned fd = (unsigned)b->keep[i];
        if (fd > next) {
            long result = raw(SYS_close_range, next, fd - 1, 0);
            if (result < 0)
                return result;
        }
        next = fd + 1;
    }
    return raw(SYS_close_range, next, ~0u, 0);
}

static long wait_for_maps(const struct mb_builder *b) {
    uint32_t written;
    while (!(written = atomic_load(&b->shared->maps_written))) {
        long result = raw(SYS_futex, &b->shared->maps_written, FUTEX_WAIT, 0, 0, 0, 0);
        if (result < 0 && result != -EAGAIN && result != -EINTR)
            return result;
    }
    return written == MB_SHARED_GO ? 0 : -ECANCELED;
}

static long bring_loopback_up(void) {
    long fd = raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    long result = raw(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
    raw(SYS_close, fd);
    return result;
}

/* Of a new time namespace only children are members, and since Linux 6.3 what execve(2) makes: a command that is no
 * child, as without init, enters it itself. */
static long unshare_late(const struct mb_builder *b, const struct mb_step *step) {
    long result = raw(SYS_unshare, step->flags);
    if (result < 0 || b->plan->init || !(step->flags & CLONE_NEWTIME))
        return result;
    long fd = raw(SYS_openat, AT_FDCWD, "/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    result = raw(SYS_setns, fd, CLONE_NEWTIME);
    raw(SYS_close, fd);
    return result;
}

/* Sends the launcher a descriptor, and closes it here. */
static long hand_over(const struct mb_builder *b, enum mb_shared_descriptor which, long fd) {
    long result = mb_send_descriptor(b->channel_fd, which, fd);
    raw(SYS_close, fd);
    return result < 0 ? result : 0;
}

/* The box's terminal: the slave becomes standard input, output and error; the master goes to the launcher. */
static long open_terminal(struct mb_builder *b, const struct mb_step *step) {
    long master = resolve(b, step, step->path, O_RDWR | O_NOCTTY);
    if (master < 0)
        return master;
    int unlock = 0;
    long slave = raw(SYS_ioctl, master, TIOCSPTLCK, &unlock);
    if (slave >= 0)
        slave = raw(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return slave;
    long result = raw(SYS_ioctl, master, TIOCSWINSZ, &b->plan->window);
    if (result >= 0)
        result = raw(SYS_fchown, slave, step->uid, -1);
    for (int fd = 0; result >= 0 && fd < 3; fd++)
        result = raw(SYS_dup3, slave, fd, 0);
    if (result < 0)
        return result;
    raw(SYS_close, slave);
    return hand_over(b, MB_SHARED_TERMINAL, master);
}

/*
 * The sync pipe tells the launcher of the command's execve, by the end of its last copy. It is made here, where nobody
 * else can have one: of the launcher's own, a child that another of its threads forks meanwhile would hold a copy for
 * all its life.
 */
static long make_sync_pipe(struct mb_builder *b) {
    int ends[2];
    long result = raw(SYS_pipe2, ends, 0);
    if (result < 0)
        return result;
    b->shared->sync_fd = ends[1];
    return hand_over(b, MB_SHARED_SYNC, ends[0]);
}

static long exec_init(struct mb_builder *b) {
    const int keep[] = {b->shared_fd, b->launcher_fd, b->lock_fd, b->notify_fd};
    long result = make_sync_pipe(b);
    for (size_t i = 0; result >= 0 && i < sizeof(keep) / sizeof(keep[0]); i++)
        result = keep[i] < 0 ? 0 : raw(SYS_fcntl, keep[i], F_SETFD, 0);
    if (result < 0)
        return result;
    for (uint32_t i = 0; i < b->plan->preserve_fds; i++) {
        result = raw(SYS_fcntl, 3 + i, F_SETFD, 0);
        if (result < 0)
            return result;
    }
    /* /proc, for the verifier, by a descriptor: the box's paths are not trusted to lead there. */
    b->shared->proc_fd = b->slots[MB_SLOT_PROC];
    result = raw(SYS_fcntl, b->shared->proc_fd, F_SETFD, 0);
    if (result < 0)
        return result;
    return raw(SYS_execveat, b->init_fd, here, b->argv, b->environment, AT_EMPTY_PATH);
}

static long execute(struct mb_builder *b, const struct mb_step *step) {
    switch (step->kind) {
    case MB_STEP_DROP_GROUPS:
        return raw(SYS_setgroups, 0, 0);
    case MB_STEP_JOIN:
        return raw(SYS_setns, step->fd, step->flags);
    case MB_STEP_DIE_WITH:
        return die_with_launcher(b);
    case MB_STEP_STREAM:
        return raw(SYS_dup3, step->fd, step->stream, 0);
    case MB_STEP_CLOSE:
        return close_others(b);
    case MB_STEP_SELF_MAPS:
        return write_own_maps(b->plan);
    case MB_STEP_PRIVATE:
        return raw(SYS_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0);
    case MB_STEP_HOSTNAME:
        return raw(SYS_sethostname, step->source, length_of(step->source));
    case MB_STEP_LOOPBACK:
        return bring_loopback_up();
    case MB_STEP_WAIT_MAPS:
        return wait_for_maps(b);
    case MB_STEP_BECOME_ROOT: {
        long result = set_ids(b, step);
        /* setresuid disarmed the parent-death signal */
        return result < 0 ? result : die_with_launcher(b);
    }
    case MB_STEP_UNSHARE:
        return unshare_late(b, step);
    case MB_STEP_MOUNT:
        return attach(b, step, make_mount(step->source, step->options, step->option_count, step->attributes));
    case MB_STEP_BIND:
    case MB_STEP_DEVICE:
        return attach(b, step, step->fd >= 0 ? step->fd : mb_builder_open_tree(step));
    case MB_STEP_OVERLAY:
        return mount_overlay(b, step);
    case MB_STEP_DIRECTORY:
        return make_directory(b, step);
    case MB_STEP_LINK:
        return make_links(b, step);
    case MB_STEP_FILE:
        return make_file(b, step);
    case MB_STEP_MASK:
        return mask(b, step);
    case MB_STEP_REMOUNT:
        return remount(b, step);
    case MB_STEP_TERMINAL:
        return open_terminal(b, step);
    case MB_STEP_PIVOT:
        return pivot(b);
    case MB_STEP_WORKDIR:
        return change_directory(b, step);
    case MB_STEP_KEYRING: {
        long serial = raw(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
        return serial < 0 ? serial : 0;
    }
    case MB_STEP_UMASK:
        raw(SYS_umask, 022);
        return 0;
    case MB_STEP_IDS: {
        long result = set_ids(b, step);
        return result < 0 ? result : die_with_launcher(b);
    }
    case MB_STEP_CAPABILITIES:
        return set_capabilities(step);
    case MB_STEP_NO_NEW_PRIVS:
        return raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case MB_STEP_INIT:
        return exec_init(b);
    default:
        return -ENOSYS; /* not a builder's step: the plan is wrong */
    }
}

static __attribute__((noreturn)) void quit(int status) {
    for (;;)
        raw(SYS_exit_group, status);
}

static __attribute__((noreturn)) void fail(const struct mb_builder *b, size_t step, long result) {
    b->shared->failed_number = (int32_t)-result;
    b->shared->failed_step = (int32_t)step + 1; /* last: who sees it finds the rest */
    quit(125);
}

/* Executes the builder's steps from `first` on, up to the clone of a joiner if `joining`. */
static void execute_from(struct mb_builder *b, size_t first, bool joining) {
    const struct mb_plan *plan = b->plan;
    for (size_t i = first; i < plan->step_count; i++) {
        const struct mb_step *step = &plan->steps[i];
        if (joining && step->kind == MB_STEP_CLONE)
            return;
        if (step->side != MB_SIDE_BUILDER)
            continue;
        long result = execute(b, step);
        if (result < 0)
            fail(b, i, result);
    }
}

/*
 * The joiner enters the namespaces to join, then makes the builder as its own sibling, so that the launcher is the
 * builder's parent. It is closed to tracing before it enters: processes that are in there already must not get hold of
 * it.
 */
static void join_and_clone(struct mb_builder *b) {
    const struct mb_plan *plan = b->plan;
    long result = raw(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    size_t clone_step = 0;
    while (plan->steps[clone_step].kind != MB_STEP_CLONE)
        clone_step++;
    if (result >= 0)
        execute_from(b, 0, true);
    if (result >= 0)
        result =
            raw(SYS_clone, (plan->steps[clone_step].flags & ~(uint64_t)CLONE_VM) | CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (result < 0)
        fail(b, clone_step, result);
    if (result > 0) {
        b->shared->builder_pid = (int32_t)result;
        quit(0);
    }
    execute_from(b, clone_step, false);
}

int mb_builder_run(void *argument) {
    struct mb_builder *b = argument;
    raw(SYS_umask, 0); /* what is made has the planned mode, whatever the caller's umask; a later step sets the box's */
    if (raw(SYS_umask, 0) != 0)
        quit(125);
    if (b->joins)
        join_and_clone(b);
    else
        execute_from(b, 0, false);
    quit(125); /* execve does not return, and a plan ends with it */
}
