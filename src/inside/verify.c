/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. Each function asks the kernel about one property of the box, from inside, and compares it with what the
 * launcher wrote into the shared box. Nothing here trusts that a step was done because it returned 0. The first
 * difference ends the launch; the numbers are reported.
 *
 * System calls are asked where there are any: the files of /proc/PID cost twice, when they are read and when the
 * process ends. The mounts are in /proc only, which is read through a descriptor that the builder kept of the mount it
 * made, never by a path of the box. Freestanding: part of init.
 */
#include "inside/verify.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/stat.h>
#include <linux/utsname.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/count.h"
#include "base/path.h"
#include "base/raw.h"

enum { BUFFER_SIZE = 32 << 10 };
static char buffer[BUFFER_SIZE];

/* ---- text ----------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *start) {
    while (*start)
        if (*text++ != *start++)
            return false;
    return true;
}

static bool is_equal(const char *a, const char *b) {
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* Reads a number after blanks; *text moves behind it. False when there is none on this line. */
static bool read_number(const char **text, uint64_t *ret_value) {
    uint64_t value = 0;
    while (**text == ' ' || **text == '\t')
        (*text)++;
    const char *start = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        value = value * 10 + (unsigned)(**text - '0');
    if (*text == start)
        return false;
    *ret_value = value;
    return true;
}

/* ---- comparing ------------------------------------------------------------------------------------------------ */

/* One look at the kernel: what it is about, and where the answer goes. */
struct look {
    const struct mb_shared *shared;
    struct mb_verdict *verdict;
};

/* Whether the kernel says something else than what is wanted; that is the verdict then. */
static bool differs(const struct look *l, enum mb_check check, int index, uint64_t wanted, uint64_t seen) {
    if (wanted == seen || MB_CHECK_IS_OFF(l->shared, check))
        return false;
    *l->verdict = (struct mb_verdict){.check = check, .index = index, .wanted = wanted, .seen = seen};
    return true;
}

static bool cannot_read(const struct look *l, enum mb_check check, long result) {
    if (result >= 0 || MB_CHECK_IS_OFF(l->shared, check))
        return false;
    *l->verdict = (struct mb_verdict){.check = check, .number = (int32_t)-result};
    return true;
}

/* The checks read as a list: the first that fails ends it. */
#define WANT(check, index, wanted, seen)                                                                               \
    do {                                                                                                               \
        if (differs(l, check, index, wanted, (uint64_t)(seen)))                                                        \
            return -1;                                                                                                 \
    } while (0)
#define CAN_READ(check, result)                                                                                        \
    do {                                                                                                               \
        if (cannot_read(l, check, result))                                                                             \
            return -1;                                                                                                 \
    } while (0)

/* ---- the process ---------------------------------------------------------------------------------------------- */

static int verify_ids(const struct look *l) {
    const struct mb_process *process = &l->shared->process;
    uint32_t uid[4], gid[4];
    CAN_READ(MB_CHECK_UID, raw(SYS_getresuid, &uid[0], &uid[1], &uid[2]));
    CAN_READ(MB_CHECK_GID, raw(SYS_getresgid, &gid[0], &gid[1], &gid[2]));
    uid[3] = (uint32_t)raw(SYS_setfsuid, -1); /* an id that cannot be set: the call only says what it is */
    gid[3] = (uint32_t)raw(SYS_setfsgid, -1);
    for (int i = 0; i < 4; i++) {
        WANT(MB_CHECK_UID, i, process->uid, uid[i]);
        WANT(MB_CHECK_GID, i, process->gid, gid[i]);
    }
    WANT(MB_CHECK_GROUPS, 0, process->group_count, raw(SYS_getgroups, 0, 0));
    return 0;
}

/* The bounding set, and of the ambient set what may be in it: the kernel keeps that within the permitted and the
 * inheritable one. */
static void read_bounding(struct mb_capabilities *seen) {
    for (unsigned cap = 0; cap < 64; cap++) {
        long in_bounding = raw(SYS_prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
        if (in_bounding < 0) /* the first number that the kernel does not know */
            return;
        seen->bounding |= (uint64_t)in_bounding << cap;
        if (seen->permitted & seen->inheritable & UINT64_C(1) << cap)
            seen->ambient |= (uint64_t)raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) << cap;
    }
}

static int verify_capabilities(const struct look *l) {
    const struct mb_process *process = &l->shared->process;
    const struct mb_capabilities *wanted = &process->capabilities;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    CAN_READ(MB_CHECK_CAP_PERMITTED, raw(SYS_capget, &header, data));
    struct mb_capabilities seen = {.effective = data[0].effective | (uint64_t)data[1].effective << 32,
                                   .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
                                   .inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32};
    read_bounding(&seen);
    WANT(MB_CHECK_CAP_EFFECTIVE, 0, wanted->effective, seen.effective);
    WANT(MB_CHECK_CAP_PERMITTED, 0, wanted->permitted, seen.permitted);
    WANT(MB_CHECK_CAP_INHERITABLE, 0, wanted->inheritable, seen.inheritable);
    WANT(MB_CHECK_CAP_BOUNDING, 0, wanted->bounding, seen.bounding);
    WANT(MB_CHECK_CAP_AMBIENT, 0, wanted->ambient, seen.ambient);
    WANT(MB_CHECK_SECUREBITS, 0, process->securebits, raw(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0));
    WANT(MB_CHECK_NO_NEW_PRIVS, 0, process->no_new_privs, raw(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 0;
}

static int verify_session(const struct look *l) {
    const struct mb_process *process = &l->shared->process;
    long self = raw(SYS_getpid), session = raw(SYS_getsid, 0);
    WANT(MB_CHECK_DUMPABLE, 0, process->dumpable, raw(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0));
    WANT(MB_CHECK_PERSONALITY, 0, process->personality, raw(SYS_personality, 0xffffffff));
    WANT(MB_CHECK_SESSION, 0, process->leads_session, session == self);
    WANT(MB_CHECK_UMASK, 0, process->umask, raw(SYS_umask, process->umask));
    return 0;
}

static int verify_names(const struct look *l) {
    const struct mb_process *process = &l->shared->process;
    struct new_utsname name;
    if (process->has_hostname) {
        CAN_READ(MB_CHECK_HOSTNAME, raw(SYS_uname, &name));
        WANT(MB_CHECK_HOSTNAME, 0, true, is_equal(name.nodename, process->hostname));
    }
    if (process->own_keyring) {
        long serial = raw(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
        CAN_READ(MB_CHECK_KEYRING, serial);
        WANT(MB_CHECK_KEYRING, 0, true, serial != process->callers_keyring);
    }
    return 0;
}

/* What the builder makes belongs to the ids that it has taken before. */
static int verify_root(const struct look *l) {
    struct statx root;
    if (!l->shared->own_root)
        return 0;
    CAN_READ(MB_CHECK_ROOT_OWNER, raw(SYS_statx, AT_FDCWD, "/", 0, STATX_UID | STATX_GID, &root));
    WANT(MB_CHECK_ROOT_OWNER, 0, l->shared->root_uid, root.stx_uid);
    WANT(MB_CHECK_ROOT_OWNER, 1, l->shared->root_gid, root.stx_gid);
    return 0;
}

static int verify_workdir(const struct look *l) {
    struct statx planned, here;
    const char *path = mb_shared_at(l->shared, l->shared->workdir);
    CAN_READ(MB_CHECK_WORKDIR, raw(SYS_getcwd, buffer, BUFFER_SIZE));
    WANT(MB_CHECK_WORKDIR, 1, '/', buffer[0]); /* "(unreachable)": outside of the root */
    CAN_READ(MB_CHECK_WORKDIR, raw(SYS_statx, AT_FDCWD, ".", 0, STATX_INO, &here));
    CAN_READ(MB_CHECK_WORKDIR, raw(SYS_statx, AT_FDCWD, path, 0, STATX_INO, &planned));
    WANT(MB_CHECK_WORKDIR, 2, planned.stx_ino, here.stx_ino);
    WANT(MB_CHECK_WORKDIR, 3, planned.stx_dev_major, here.stx_dev_major);
    WANT(MB_CHECK_WORKDIR, 4, planned.stx_dev_minor, here.stx_dev_minor);
    return 0;
}

/* Standard input, output and error: all three the box's terminal, or the files that were asked for. */
static int verify_streams(const struct look *l) {
    struct mb_shared_stream terminal = {0};
    for (int fd = 0; fd < 3; fd++) {
        const struct mb_shared_stream *wanted = l->shared->process.terminal ? &terminal : &l->shared->streams[fd];
        struct statx seen;
        if (!l->shared->process.terminal && !wanted->is_known)
            continue;
        CAN_READ(MB_CHECK_DESCRIPTORS, raw(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &seen));
        if (!terminal.is_known)
            terminal = (struct mb_shared_stream){seen.stx_ino, seen.stx_dev_minor, 1};
        WANT(MB_CHECK_DESCRIPTORS, fd, wanted->inode, seen.stx_ino);
        WANT(MB_CHECK_DESCRIPTORS, fd, wanted->device, seen.stx_dev_minor);
    }
    return 0;
}

/* Beyond the command's own descriptors the sync pipe is open, and the listener's socket where there is one; execve
 * closes both. Everything else is closed now, whatever earlier steps did. */
static int verify_descriptors(const struct look *l) {
    unsigned sync = l->shared->process.preserve_fds + 3, last = l->shared->notify_fd > 0 ? sync + 1 : sync;
    CAN_READ(MB_CHECK_DESCRIPTORS, raw(SYS_close_range, last + 1, ~0u, 0));
    WANT(MB_CHECK_DESCRIPTORS, (int)last, FD_CLOEXEC, raw(SYS_fcntl, last, F_GETFD));
    WANT(MB_CHECK_DESCRIPTORS, (int)sync, FD_CLOEXEC, raw(SYS_fcntl, sync, F_GETFD));
    return 0;
}

int mb_verify_process(const struct mb_shared *shared, struct mb_verdict *ret_verdict) {
    const struct look look = {shared, ret_verdict}, *l = &look;
    int result = verify_ids(l);
    if (result == 0)
        result = verify_capabilities(l);
    if (result == 0)
        result = verify_session(l);
    if (result == 0)
        result = verify_names(l);
    if (result == 0)
        result = verify_root(l);
    if (result == 0)
        result = verify_workdir(l);
    if (result == 0)
        result = verify_streams(l);
    return result == 0 ? verify_descriptors(l) : result;
}

/* ---- mounts --------------------------------------------------------------------------------------------------- */

uint64_t mb_verify_parse_attributes(const char *options) {
    static const struct {
        char name[12]; /* no pointer: it would be a relocation */
        uint64_t attribute;
    } known[] = {{"ro", MOUNT_ATTR_RDONLY},       {"nosuid", MOUNT_ATTR_NOSUID},
                 {"nodev", MOUNT_ATTR_NODEV},     {"noexec", MOUNT_ATTR_NOEXEC},
                 {"noatime", MOUNT_ATTR_NOATIME}, {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW},
                 {"idmapped", MOUNT_ATTR_IDMAP}};
    uint64_t attributes = 0;
    for (const char *word = options; *word && *word != ' ';) {
        size_t length = 0;
        while (word[length] && word[length] != ',' && word[length] != ' ')
            length++;
        for (size_t i = 0; i < MB_COUNT(known); i++) {
            size_t known_length = 0;
            while (known[i].name[known_length])
                known_length++;
            if (known_length == length && starts_with(word, known[i].name))
                attributes |= known[i].attribute;
        }
        word += length + (word[length] == ',');
    }
    return attributes;
}

static const char *next_field(const char *text) {
    while (*text && *text != ' ' && *text != '\n')
        text++;
    return *text == ' ' ? text + 1 : text;
}

/* What the lines of mountinfo have shown so far. */
struct tally {
    unsigned roots, found;
};

/* One line: ID PARENT DEV ROOT TARGET OPTIONS [TAG...] - TYPE SOURCE OPTIONS, proc(5). 0, or -1: something is wrong
 * with it. */
static int verify_mount(const struct look *l, const char *line, struct tally *tally) {
    const struct mb_process *process = &l->shared->process;
    const struct mb_shared_mount *mounts = mb_shared_mounts(l->shared);
    uint64_t id;
    const char *text = line;
    if (!read_number(&text, &id))
        return cannot_read(l, MB_CHECK_READ, -EPROTO) ? -1 : 0;
    const char *target = next_field(next_field(next_field(next_field(line))));
    const char *options = next_field(target);
    const char *tag = next_field(options);
    uint64_t attributes = mb_verify_parse_attributes(options);
    tally->roots += starts_with(target, "/ ");
    WANT(MB_CHECK_EVERY_MOUNT, 0, process->every_mount, attributes & process->every_mount);
    if (process->private_mounts)
        WANT(MB_CHECK_PROPAGATION, 0, true, starts_with(tag, "- "));
    for (unsigned i = 0; i < l->shared->mount_count; i++) {
        if (mounts[i].id != id)
            continue;
        WANT(MB_CHECK_MOUNT_FLAGS, (int)i, mounts[i].attributes, attributes & mounts[i].attributes);
        tally->found++;
        break;
    }
    return 0;
}

/* The mounts of a box may be many: the file is read by pieces, each cut at its last whole line. */
static int read_mounts(const struct look *l, int proc, struct tally *tally) {
    /* Of this very mount: what a path of the box has mounted over it would not be the kernel's word. */
    long fd = mb_path_resolve(proc, "self/mountinfo", O_RDONLY, MB_PATH_IN_ROOT | RESOLVE_NO_XDEV), length = 0, n;
    CAN_READ(MB_CHECK_READ, fd);
    while ((n = raw(SYS_read, fd, buffer + length, BUFFER_SIZE - 1 - length)) > 0) {
        length += n;
        buffer[length] = '\0';
        long start = 0;
        for (long end = 0; end < length; end++) {
            if (buffer[end] != '\n')
                continue;
            if (verify_mount(l, buffer + start, tally))
                return -1;
            start = end + 1;
        }
        for (long i = start; i < length; i++)
            buffer[i - start] = buffer[i];
        length -= start;
    }
    raw(SYS_close, fd);
    CAN_READ(MB_CHECK_READ, n);
    CAN_READ(MB_CHECK_READ, length ? -EPROTO : 0);
    return 0;
}

int mb_verify_mounts(const struct mb_shared *shared, int proc, struct mb_verdict *ret_verdict) {
    const struct look look = {shared, ret_verdict}, *l = &look;
    const struct mb_shared_mount *mounts = mb_shared_mounts(shared);
    struct tally tally = {0};
    if (read_mounts(l, proc, &tally))
        return -1;
    for (unsigned i = 0; i < shared->mount_count; i++)
        tally.found += mounts[i].id == MB_SHARED_ABSENT;
    WANT(MB_CHECK_MOUNT, 0, shared->mount_count, tally.found);
    WANT(MB_CHECK_OLD_ROOT, 0, 1, tally.roots);
    return 0;
}

uint32_t mb_verify_wait(const _Atomic uint32_t *word) {
    uint32_t value;
    while (!(value = atomic_load(word)))
        raw(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
    return value;
}
