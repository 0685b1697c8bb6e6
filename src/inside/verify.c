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
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/stat.h>
#include <linux/utsname.h>
#include <stdbool.h>
#include <stddef.h>

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

static bool differs(struct mb_verdict *v, enum mb_check check, int index, uint64_t wanted, uint64_t seen) {
    if (wanted == seen)
        return false;
    *v = (struct mb_verdict){.check = check, .index = index, .wanted = wanted, .seen = seen};
    return true;
}

static bool cannot_read(struct mb_verdict *v, enum mb_check check, long result) {
    if (result >= 0)
        return false;
    *v = (struct mb_verdict){.check = check, .number = (int32_t)-result};
    return true;
}

/* ---- the process ---------------------------------------------------------------------------------------------- */

static int verify_ids(const struct mb_shared *shared, struct mb_verdict *v) {
    uint32_t uid[4], gid[4];
    if (cannot_read(v, MB_CHECK_UID, raw(SYS_getresuid, &uid[0], &uid[1], &uid[2])) ||
        cannot_read(v, MB_CHECK_GID, raw(SYS_getresgid, &gid[0], &gid[1], &gid[2])))
        return -1;
    uid[3] = (uint32_t)raw(SYS_setfsuid, -1); /* an id that cannot be set: only says what it is */
    gid[3] = (uint32_t)raw(SYS_setfsgid, -1);
    for (int i = 0; i < 4; i++)
        if (differs(v, MB_CHECK_UID, i, shared->uid, uid[i]) || differs(v, MB_CHECK_GID, i, shared->gid, gid[i]))
            return -1;
    return differs(v, MB_CHECK_GROUPS, 0, shared->group_count, (uint64_t)raw(SYS_getgroups, 0, 0)) ? -1 : 0;
}

static int verify_capabilities(const struct mb_shared *shared, struct mb_verdict *v) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (cannot_read(v, MB_CHECK_CAP_PERMITTED, raw(SYS_capget, &header, data)))
        return -1;
    uint64_t effective = data[0].effective | (uint64_t)data[1].effective << 32;
    uint64_t permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    uint64_t inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    uint64_t bounding = 0, ambient = 0, not_root = shared->uid ? shared->capabilities : 0;
    for (unsigned cap = 0; cap < 64; cap++) {
        long in_bounding = raw(SYS_prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
        if (in_bounding < 0) /* the first number that the kernel does not know */
            break;
        bounding |= (uint64_t)in_bounding << cap;
        /* The kernel keeps the ambient set within the permitted and the inheritable one. */
        if (permitted & inheritable & UINT64_C(1) << cap)
            ambient |= (uint64_t)raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) << cap;
    }
    return differs(v, MB_CHECK_CAP_EFFECTIVE, 0, shared->capabilities, effective) ||
                   differs(v, MB_CHECK_CAP_PERMITTED, 0, shared->capabilities, permitted) ||
                   differs(v, MB_CHECK_CAP_INHERITABLE, 0, not_root, inheritable) ||
                   differs(v, MB_CHECK_CAP_BOUNDING, 0, shared->capabilities, bounding) ||
                   differs(v, MB_CHECK_CAP_AMBIENT, 0, not_root, ambient) ||
                   differs(v, MB_CHECK_SECUREBITS, 0, 0, (uint64_t)raw(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0)) ||
                   differs(v, MB_CHECK_NO_NEW_PRIVS, 0, 1, (uint64_t)raw(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
               ? -1
               : 0;
}

static int verify_session(const struct mb_shared *shared, struct mb_verdict *v) {
    if (differs(v, MB_CHECK_DUMPABLE, 0, 0, (uint64_t)raw(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0)) ||
        differs(v, MB_CHECK_PERSONALITY, 0, 0, (uint64_t)raw(SYS_personality, 0xffffffff)) ||
        differs(v, MB_CHECK_SESSION, 0, (uint64_t)raw(SYS_getpid), (uint64_t)raw(SYS_getsid, 0)) ||
        differs(v, MB_CHECK_UMASK, 0, 022, (uint64_t)raw(SYS_umask, 022)))
        return -1;
    struct new_utsname name;
    if (shared->has_hostname && (cannot_read(v, MB_CHECK_HOSTNAME, raw(SYS_uname, &name)) ||
                                 differs(v, MB_CHECK_HOSTNAME, 0, 1, is_equal(name.nodename, shared->hostname))))
        return -1;
    if (!shared->own_session_keyring)
        return 0;
    long serial = raw(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
    if (cannot_read(v, MB_CHECK_KEYRING, serial))
        return -1;
    return differs(v, MB_CHECK_KEYRING, 0, 1, serial != shared->session_keyring) ? -1 : 0;
}

/* What the builder makes belongs to the ids that it has taken before. */
static int verify_root(const struct mb_shared *shared, struct mb_verdict *v) {
    struct statx root;
    if (!shared->own_root)
        return 0;
    return cannot_read(v, MB_CHECK_ROOT_OWNER, raw(SYS_statx, AT_FDCWD, "/", 0, STATX_UID | STATX_GID, &root)) ||
                   differs(v, MB_CHECK_ROOT_OWNER, 0, shared->root_uid, root.stx_uid) ||
                   differs(v, MB_CHECK_ROOT_OWNER, 1, shared->root_gid, root.stx_gid)
               ? -1
               : 0;
}

static int verify_workdir(const struct mb_shared *shared, struct mb_verdict *v) {
    struct statx planned, here;
    const char *path = mb_shared_at(shared, shared->workdir);
    if (cannot_read(v, MB_CHECK_WORKDIR, raw(SYS_getcwd, buffer, BUFFER_SIZE)) ||
        differs(v, MB_CHECK_WORKDIR, 1, '/', (uint64_t)buffer[0]) || /* "(unreachable)": outside of the root */
        cannot_read(v, MB_CHECK_WORKDIR, raw(SYS_statx, AT_FDCWD, ".", 0, STATX_INO, &here)) ||
        cannot_read(v, MB_CHECK_WORKDIR, raw(SYS_statx, AT_FDCWD, path, 0, STATX_INO, &planned)))
        return -1;
    return differs(v, MB_CHECK_WORKDIR, 2, planned.stx_ino, here.stx_ino) ||
                   differs(v, MB_CHECK_WORKDIR, 3, planned.stx_dev_major, here.stx_dev_major) ||
                   differs(v, MB_CHECK_WORKDIR, 4, planned.stx_dev_minor, here.stx_dev_minor)
               ? -1
               : 0;
}

/* What is open beyond the command's own is the sync pipe, which execve closes. Whatever else there is, is closed now:
 * the last word on descriptors is not whether all were closed, but this. */
static int verify_descriptors(const struct mb_shared *shared, struct mb_verdict *v) {
    unsigned sync = shared->preserve_fds + 3, last = shared->notify_fd > 0 ? sync + 1 : sync;
    struct mb_shared_stream first = {0};
    for (int fd = 0; fd < 3; fd++) {
        /* All three are the box's terminal; or what was asked for. */
        const struct mb_shared_stream *wanted = shared->terminal ? &first : &shared->streams[fd];
        struct statx seen;
        if (!shared->terminal && !wanted->is_known)
            continue;
        if (cannot_read(v, MB_CHECK_DESCRIPTORS, raw(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &seen)))
            return -1;
        if (!first.is_known)
            first = (struct mb_shared_stream){seen.stx_ino, seen.stx_dev_minor, 1};
        if (differs(v, MB_CHECK_DESCRIPTORS, fd, wanted->inode, seen.stx_ino) ||
            differs(v, MB_CHECK_DESCRIPTORS, fd, wanted->device, seen.stx_dev_minor))
            return -1;
    }
    return cannot_read(v, MB_CHECK_DESCRIPTORS, raw(SYS_close_range, last + 1, ~0u, 0)) ||
                   differs(v, MB_CHECK_DESCRIPTORS, (int)last, 1, (uint64_t)raw(SYS_fcntl, last, F_GETFD)) ||
                   differs(v, MB_CHECK_DESCRIPTORS, (int)sync, 1, (uint64_t)raw(SYS_fcntl, sync, F_GETFD))
               ? -1
               : 0;
}

int mb_verify_process(const struct mb_shared *shared, struct mb_verdict *ret_verdict) {
    return verify_ids(shared, ret_verdict) || verify_capabilities(shared, ret_verdict) ||
                   verify_session(shared, ret_verdict) || verify_root(shared, ret_verdict) ||
                   verify_workdir(shared, ret_verdict) || verify_descriptors(shared, ret_verdict)
               ? -1
               : 0;
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
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
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

/* One line: ID PARENT DEV ROOT TARGET OPTIONS [TAG...] - TYPE SOURCE OPTIONS, proc(5). Returns which planned mount it
 * is, -1 if none, -2 if something is wrong with it. */
static int verify_mount(const struct mb_shared *shared, const char *line, unsigned *roots, struct mb_verdict *v) {
    const struct mb_shared_mount *mounts = mb_shared_at(shared, shared->mounts);
    uint64_t id;
    const char *text = line;
    if (!read_number(&text, &id))
        return differs(v, MB_CHECK_READ, 0, 1, 0), -2;
    const char *target = next_field(next_field(next_field(next_field(line))));
    const char *options = next_field(target);
    const char *tag = next_field(options);
    uint64_t attributes = mb_verify_parse_attributes(options);
    *roots += starts_with(target, "/ ");
    if (!(attributes & MOUNT_ATTR_NOSUID))
        return differs(v, MB_CHECK_MOUNT_SUID, 0, MOUNT_ATTR_NOSUID, attributes), -2;
    if (!starts_with(tag, "- "))
        return differs(v, MB_CHECK_PROPAGATION, 0, 0, 1), -2;
    for (unsigned i = 0; i < shared->mount_count; i++) {
        if (mounts[i].id != id)
            continue;
        uint64_t wanted = mounts[i].attributes;
        return differs(v, MB_CHECK_MOUNT_FLAGS, (int)i, wanted, attributes & wanted) ? -2 : (int)i;
    }
    return -1;
}

/* The mounts of a box may be many: the file is read by pieces, each cut at its last whole line. */
int mb_verify_mounts(const struct mb_shared *shared, int proc, struct mb_verdict *ret_verdict) {
    /* Of this very mount: what a path of the box has mounted over it would not be the kernel's word. */
    long fd = mb_path_resolve(proc, "self/mountinfo", O_RDONLY, MB_PATH_IN_ROOT | RESOLVE_NO_XDEV), length = 0, n;
    unsigned roots = 0, found = 0;
    if (cannot_read(ret_verdict, MB_CHECK_READ, fd))
        return -1;
    while ((n = raw(SYS_read, fd, buffer + length, BUFFER_SIZE - 1 - length)) > 0) {
        length += n;
        buffer[length] = '\0';
        long start = 0, end = 0;
        for (; end < length; end++) {
            if (buffer[end] != '\n')
                continue;
            int mount = verify_mount(shared, buffer + start, &roots, ret_verdict);
            if (mount == -2)
                return -1;
            found += mount >= 0;
            start = end + 1;
        }
        for (long i = start; i < length; i++)
            buffer[i - start] = buffer[i];
        length -= start;
    }
    raw(SYS_close, fd);
    const struct mb_shared_mount *mounts = mb_shared_at(shared, shared->mounts);
    for (unsigned i = 0; i < shared->mount_count; i++)
        found += mounts[i].id == MB_SHARED_ABSENT;
    if (cannot_read(ret_verdict, MB_CHECK_READ, n) || differs(ret_verdict, MB_CHECK_READ, 0, 0, (uint64_t)length))
        return -1;
    return differs(ret_verdict, MB_CHECK_MOUNT, 0, shared->mount_count, found) ||
                   differs(ret_verdict, MB_CHECK_OLD_ROOT, 0, 1, roots)
               ? -1
               : 0;
}

uint32_t mb_verify_wait(const _Atomic uint32_t *word) {
    uint32_t value;
    while (!(value = atomic_load(word)))
        raw(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
    return value;
}
