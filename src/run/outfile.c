/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The file's directory is opened before the launch and held open, so that the file is written there,
 * wherever its path leads by then. A new file is written beside the old one, under a name of its own, and renamed over
 * the old one when it is whole. So a launch that fails, or is killed at any moment, leaves the old content. A file that
 * cannot or must not be replaced is held open instead, and emptied when it is written.
 */
#include "run/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* A mount point cannot be replaced; it is known by a mount other than its directory's. */
static bool is_mount_point(int directory, const char *name) {
    struct statx file, above;
    return statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &file) < 0 ||
           statx(directory, "", AT_EMPTY_PATH, STATX_MNT_ID, &above) < 0 || file.stx_mnt_id != above.stx_mnt_id;
}

/* Whether the caller may give a file of its own this group. */
static bool has_group(gid_t group) {
    return geteuid() == 0 || getegid() == group || group_member(group);
}

/* To replace another user's file would make it the caller's own; one of a group that is not the caller's would lose it;
 * a link, or a file with several names, would lose its connection to the rest. */
static bool may_replace(struct mb_outfile *file) {
    struct stat st;
    if (!file->name[0] || faccessat(file->directory, ".", W_OK | X_OK, AT_EACCESS) < 0)
        return false;
    if (fstatat(file->directory, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT;
    file->is_there = true;
    file->mode = st.st_mode & 0777;
    file->group = st.st_gid;
    return S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid() && has_group(st.st_gid) &&
           !is_mount_point(file->directory, file->name);
}

int mb_outfile_open(struct mb_outfile *file, const char *path, enum mb_purpose purpose) {
    *file = MB_OUTFILE_NONE;
    if (mb_fd_may_write(path) < 0)
        return -1;
    if (purpose == MB_TO_TRY)
        return 0;
    file->directory = mb_fd_open_directory_of(path, &file->name);
    if (file->directory < 0)
        return -1;
    if (may_replace(file))
        return 0;
    mb_fd_close(&file->directory);
    file->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    return file->fd < 0 ? -1 : 0;
}

static bool is_same_file(int fd, const struct stat *wanted) {
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_ino == wanted->st_ino && st.st_dev == wanted->st_dev;
}

/* If the file is where standard output goes too (/dev/stdout), the text follows that output, and nothing is emptied. */
static int write_through(int fd, const char *text, size_t length) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    for (int standard = STDOUT_FILENO; S_ISREG(st.st_mode) && standard <= STDERR_FILENO; standard++)
        if (is_same_file(standard, &st))
            return mb_fd_write_all(standard, text, length);
    if (S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
        return -1;
    return mb_fd_write_all(fd, text, length);
}

/* Makes a file under a new name, for the caller to rename or remove. */
static int make_beside(const struct mb_outfile *file, char *ret_name, size_t size) {
    for (int tries = 0; tries < 100; tries++) {
        uint64_t number;
        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
            return -1;
        snprintf(ret_name, size, ".minibox-%016llx", (unsigned long long)number);
        int fd = openat(file->directory, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static int fill_beside(const struct mb_outfile *file, int fd, const char *text, size_t length) {
    struct stat st;
    if (file->is_there && (fstat(fd, &st) < 0 || (st.st_gid != file->group && fchown(fd, (uid_t)-1, file->group) < 0) ||
                           fchmod(fd, file->mode) < 0))
        return -1;
    return mb_fd_write_all(fd, text, length);
}

int mb_outfile_write(const struct mb_outfile *file, const char *text, size_t length) {
    char name[32];
    if (file->fd >= 0)
        return write_through(file->fd, text, length);
    mb_autofd fd = make_beside(file, name, sizeof(name));
    if (fd < 0)
        return -1;
    if (fill_beside(file, fd, text, length) == 0 && renameat(file->directory, name, file->directory, file->name) == 0)
        return 0;
    int number = errno;
    unlinkat(file->directory, name, 0);
    errno = number;
    return -1;
}

void mb_outfile_close(struct mb_outfile *file) {
    mb_fd_close(&file->fd);
    mb_fd_close(&file->directory);
}
