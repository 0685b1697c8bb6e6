/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. Each function asks the kernel about one property of the box, from inside, and compares it with what the
 * launcher wrote into the shared box. Nothing here trusts that a step was done because it returned 0. The first
 * difference ends the launch; the numbers are reported.
 *
 * /proc is read through a descriptor that the builder kept of the mount it made, never by a path of the box.
 * Freestanding: part of init.
 */
#include "launch/verify.h"

#include <fcntl.h>
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

static const char *next_line(const char *text) {
    while (*text && *text != '\n')
        text++;
    return *text ? text + 1 : text;
}

/* Reads a number after blanks; *text moves behind it. False when there is none on this line. */
static bool read_number(const char **text, unsigned base, uint64_t *ret_value) {
    uint64_t value = 0;
    while (**text == ' ' || **text == '\t')
        (*text)++;
    const char *start = *text;
    for (;; (*text)++) {
        char c = **text;
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (*text == start)
        return false;
    *ret_value = value;
    return true;
}

/* Reads a whole file of /proc into the buffer. */
static long read_proc(int proc, const char *path) {
    long fd = raw(SYS_openat, proc, path, O_RDONLY | O_CLOEXEC, 0), length = 0, n = 1;
    if (fd < 0)
        return fd;
    while (n > 0 && length < BUFFER_SIZE - 1) {
        n = raw(SYS_read, fd, buffer + length, BUFFER_SIZE - 1 - length);
        length += n > 0 ? n : 0;
    }
    raw(SYS_close, fd);
    buffer[length] = '\0';
    return n < 0 ? n : n > 0 ? -EFBIG : length;
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

/* Four ids on a line: real, effective, saved, file system. */
static bool ids_differ(struct mb_verdict *v, enum mb_check check, const char *line, uint64_t wanted) {
    for (int i = 0; i < 4; i++) {
        uint64_t seen = ~wanted;
        read_number(&line, 10, &seen);
        if (differs(v, check, i, wanted, seen))
            return true;
    }
    return false;
}

static int verify_status(const struct mb_box *box, int proc, struct mb_verdict *v) {
    if (cannot_read(v, MB_CHECK_READ, read_proc(proc, "self/status")))
        return -1;
    uint64_t not_root = box->uid ? box->capabilities : 0;
    const struct {
        const char *name;
        enum mb_check check;
        uint64_t wanted;
    } fields[] = {
        {"CapInh:", MB_CHECK_CAP_INHERITABLE, not_root}, {"CapPrm:", MB_CHECK_CAP_PERMITTED, box->capabilities},
        {"CapEff:", MB_CHECK_CAP_EFFECTIVE, box->capabilities}, {"CapBnd:", MB_CHECK_CAP_BOUNDING, box->capabilities},
        {"CapAmb:", MB_CHECK_CAP_AMBIENT, not_root}, {"NoNewPrivs:", MB_CHECK_NO_NEW_PRIVS, 1},
        {"SigIgn:", MB_CHECK_SIGNALS_IGNORED, 0}, {"SigCgt:", MB_CHECK_SIGNALS_CAUGHT, 0},
    };
    enum { FIELDS = sizeof(fields) / sizeof(fields[0]), UID = 1 << FIELDS, GID = UID << 1, GROUPS = GID << 1 };
    unsigned seen_fields = 0;
    for (const char *line = buffer; *line; line = next_line(line)) {
        uint64_t value;
        if (starts_with(line, "Uid:")) {
            if (ids_differ(v, MB_CHECK_UID, line + 4, box->uid))
                return -1;
            seen_fields |= UID;
        } else if (starts_with(line, "Gid:")) {
            if (ids_differ(v, MB_CHECK_GID, line + 4, box->gid))
                return -1;
            seen_fields |= GID;
        } else if (starts_with(line, "Groups:")) {
            const char *text = line + 7;
            uint64_t count = 0;
            while (read_number(&text, 10, &value))
                count++;
            if (differs(v, MB_CHECK_GROUPS, 0, box->group_count, count))
                return -1;
            seen_fields |= GROUPS;
        }
        for (unsigned i = 0; i < FIELDS; i++) {
            if (!starts_with(line, fields[i].name))
                continue;
            const char *text = line;
            while (*text++ != ':')
                ;
            if (!read_number(&text, 16, &value) || differs(v, fields[i].check, 0, fields[i].wanted, value))
                return -1;
            seen_fields |= 1u << i;
        }
    }
    return differs(v, MB_CHECK_READ, 0, (GROUPS << 1) - 1, seen_fields) ? -1 : 0;
}

static int verify_process(const struct mb_box *box, struct mb_verdict *v) {
    if (differs(v, MB_CHECK_SECUREBITS, 0, 0, (uint64_t)raw(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0)) ||
        differs(v, MB_CHECK_DUMPABLE, 0, 0, (uint64_t)raw(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0)) ||
        differs(v, MB_CHECK_SESSION, 0, (uint64_t)raw(SYS_getpid), (uint64_t)raw(SYS_getsid, 0)) ||
        differs(v, MB_CHECK_UMASK, 0, 022, (uint64_t)raw(SYS_umask, 022)))
        return -1;
    if (box->own_session_keyring) {
        long serial = raw(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
        if (cannot_read(v, MB_CHECK_KEYRING, serial))
            return -1;
        if (serial == box->session_keyring)
            return differs(v, MB_CHECK_KEYRING, 0, 0, (uint64_t)serial), -1;
    }
    return 0;
}

static int verify_hostname(const struct mb_box *box, struct mb_verdict *v) {
    struct new_utsname name;
    if (box->has_hostname && (cannot_read(v, MB_CHECK_HOSTNAME, raw(SYS_uname, &name)) ||
                              differs(v, MB_CHECK_HOSTNAME, 0, 1, is_equal(name.nodename, box->hostname))))
        return -1;
    return 0;
}

static int verify_namespaces(const struct mb_box *box, int proc, struct mb_verdict *v) {
    mb_verify_wait(&box->facts_written);
    for (int i = 0; i < MB_BOX_NAMESPACES; i++) {
        const struct mb_box_namespace *namespace = &box->namespaces[i];
        if (!namespace->name[0])
            continue;
        char path[24] = "self/ns/";
        for (int n = 0; n < 8; n++)
            path[8 + n] = namespace->name[n];
        struct statx st;
        if (cannot_read(v, MB_CHECK_NAMESPACE, raw(SYS_statx, proc, path, 0, STATX_INO, &st)))
            return -1;
        if ((st.stx_ino == namespace->inode) != (namespace->same != 0)) {
            differs(v, MB_CHECK_NAMESPACE, i, namespace->same ? namespace->inode : 0, st.stx_ino);
            return -1;
        }
    }
    return 0;
}

static int verify_id_maps(const struct mb_box *box, int proc, struct mb_verdict *v) {
    const struct mb_box_id_map *maps = mb_box_at(box, box->id_maps);
    uint64_t lines = 0;
    if (!box->id_map_count)
        return 0;
    for (unsigned gids = 0; gids < 2; gids++) {
        if (cannot_read(v, MB_CHECK_ID_MAP, read_proc(proc, gids ? "self/gid_map" : "self/uid_map")))
            return -1;
        for (const char *line = buffer; *line; line = next_line(line), lines++) {
            uint64_t inside, outside, count;
            const char *text = line;
            bool known = false;
            if (!read_number(&text, 10, &inside) || !read_number(&text, 10, &outside) || !read_number(&text, 10, &count))
                return differs(v, MB_CHECK_ID_MAP, 0, 3, 0), -1;
            for (unsigned i = 0; i < box->id_map_count; i++)
                known |= maps[i].is_gid == gids && maps[i].inside == inside && maps[i].outside == outside &&
                         maps[i].count == count;
            if (!known)
                return differs(v, MB_CHECK_ID_MAP, (int)gids, ~outside, outside), -1;
        }
    }
    return differs(v, MB_CHECK_ID_MAP, 0, box->id_map_count, lines) ? -1 : 0;
}

/* ---- mounts --------------------------------------------------------------------------------------------------- */

uint64_t mb_verify_parse_attributes(const char *options) {
    static const struct {
        char name[12]; /* no pointer: it would be a relocation */
        uint64_t attribute;
    } known[] = {{"ro", MOUNT_ATTR_RDONLY},     {"nosuid", MOUNT_ATTR_NOSUID},   {"nodev", MOUNT_ATTR_NODEV},
                 {"noexec", MOUNT_ATTR_NOEXEC}, {"noatime", MOUNT_ATTR_NOATIME}, {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW}};
    uint64_t attributes = 0;
    for (const char *word = options; *word && *word != ' ';) {
        size_t length = 0;
        while (word[length] && word[length] != ',' && word[length] != ' ')
            length++;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (starts_with(word, known[i].name) && known[i].name[length] == '\0')
                attributes |= known[i].attribute;
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
static int verify_mount(const struct mb_box *box, const char *line, unsigned *roots, struct mb_verdict *v) {
    const struct mb_box_mount *mounts = mb_box_at(box, box->mounts);
    uint64_t id;
    const char *text = line;
    if (!read_number(&text, 10, &id))
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
    for (unsigned i = 0; i < box->mount_count; i++) {
        if (mounts[i].id != id)
            continue;
        uint64_t wanted = mounts[i].attributes;
        return differs(v, MB_CHECK_MOUNT_FLAGS, (int)i, wanted, attributes & wanted) ? -2 : (int)i;
    }
    return -1;
}

/* The mounts of a box may be many: the file is read by pieces, each cut at its last whole line. */
static int verify_mounts(const struct mb_box *box, int proc, struct mb_verdict *v) {
    long fd = raw(SYS_openat, proc, "self/mountinfo", O_RDONLY | O_CLOEXEC, 0), length = 0, n;
    unsigned roots = 0, found = 0;
    if (cannot_read(v, MB_CHECK_READ, fd))
        return -1;
    while ((n = raw(SYS_read, fd, buffer + length, BUFFER_SIZE - 1 - length)) > 0) {
        length += n;
        buffer[length] = '\0';
        long start = 0, end = 0;
        for (; end < length; end++) {
            if (buffer[end] != '\n')
                continue;
            int mount = verify_mount(box, buffer + start, &roots, v);
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
    if (cannot_read(v, MB_CHECK_READ, n) || differs(v, MB_CHECK_READ, 0, 0, (uint64_t)length))
        return -1;
    return differs(v, MB_CHECK_MOUNT, 0, box->mount_count, found) || differs(v, MB_CHECK_OLD_ROOT, 0, 1, roots) ? -1 : 0;
}

/* ---- the working directory and the descriptors ---------------------------------------------------------------- */

static int verify_workdir(const struct mb_box *box, struct mb_verdict *v) {
    struct statx planned, here;
    const char *path = mb_box_at(box, box->workdir);
    if (cannot_read(v, MB_CHECK_WORKDIR, raw(SYS_getcwd, buffer, BUFFER_SIZE)) ||
        differs(v, MB_CHECK_WORKDIR, 1, '/', (uint64_t)buffer[0]) || /* "(unreachable)": outside of the root */
        cannot_read(v, MB_CHECK_WORKDIR, raw(SYS_statx, AT_FDCWD, ".", 0, STATX_INO, &here)) ||
        cannot_read(v, MB_CHECK_WORKDIR, raw(SYS_statx, AT_FDCWD, path, 0, STATX_INO, &planned)))
        return -1;
    return differs(v, MB_CHECK_WORKDIR, 2, planned.stx_ino, here.stx_ino) ||
                   differs(v, MB_CHECK_WORKDIR, 3, planned.stx_dev_minor, here.stx_dev_minor)
               ? -1
               : 0;
}

/* Open are: what the command gets, the sync pipe and /proc behind that, and the folder that is being read. */
static int verify_descriptors(const struct mb_box *box, int proc, struct mb_verdict *v) {
    struct entry {
        uint64_t inode;
        int64_t offset;
        unsigned short length;
        unsigned char type;
        char name[];
    };
    long fd = raw(SYS_openat, proc, "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), n;
    if (cannot_read(v, MB_CHECK_READ, fd))
        return -1;
    uint64_t last = box->preserve_fds + 5;
    while ((n = raw(SYS_getdents64, fd, buffer, BUFFER_SIZE)) > 0) {
        for (long at = 0; at < n;) {
            const struct entry *entry = (const struct entry *)(const void *)(buffer + at);
            const char *name = entry->name;
            uint64_t number;
            if (read_number(&name, 10, &number) && number > last)
                return differs(v, MB_CHECK_DESCRIPTORS, 0, last, number), -1;
            at += entry->length;
        }
    }
    raw(SYS_close, fd);
    if (cannot_read(v, MB_CHECK_READ, n))
        return -1;
    int sync = (int)box->preserve_fds + 3;
    return differs(v, MB_CHECK_DESCRIPTORS, 1, 1, (uint64_t)raw(SYS_fcntl, sync, F_GETFD)) ||
                   differs(v, MB_CHECK_DESCRIPTORS, 2, 1, (uint64_t)raw(SYS_fcntl, proc, F_GETFD))
               ? -1
               : 0;
}

int mb_verify_box(const struct mb_box *box, int proc, struct mb_verdict *ret_verdict) {
    return verify_mounts(box, proc, ret_verdict) || verify_id_maps(box, proc, ret_verdict) ||
                   verify_hostname(box, ret_verdict) || verify_namespaces(box, proc, ret_verdict)
               ? -1
               : 0;
}

int mb_verify_process(const struct mb_box *box, int proc, struct mb_verdict *ret_verdict) {
    return verify_status(box, proc, ret_verdict) || verify_process(box, ret_verdict) || verify_workdir(box, ret_verdict) ||
                   verify_descriptors(box, proc, ret_verdict)
               ? -1
               : 0;
}

uint32_t mb_verify_wait(const _Atomic uint32_t *word) {
    uint32_t value;
    while (!(value = atomic_load(word)))
        raw(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
    return value;
}
