/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The file's directory is held open from before the launch, so that the file is removed where it was
 * made, wherever its path leads by then. It is made when there is a box: until then a signal ends minibox at once, and
 * would leave the file behind.
 */
#include "run/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/error.h"
#include "base/fd.h"

int mb_pidfile_open(struct mb_pidfile *file, const char *path, struct minibox_error *err) {
    struct stat st;
    *file = MB_PIDFILE_NONE;
    if (!path)
        return 0;
    file->path = path;
    file->directory = mb_fd_open_directory_of(path, &file->name);
    bool is_there = file->directory >= 0 && fstatat(file->directory, file->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there)
        return mb_error_host(err, NULL, MB_REMEDY_PID_FILE, EEXIST, "cannot make the pid file", path);
    if (file->directory < 0 || errno != ENOENT)
        return mb_error_host(err, NULL, MB_REMEDY_NO_SUCH_PATH, errno, "cannot make the pid file", path);
    return 0;
}

int mb_pidfile_write(struct mb_pidfile *file, int pid, struct minibox_error *err) {
    char text[16];
    int length = snprintf(text, sizeof(text), "%d\n", pid);
    if (file->directory < 0)
        return 0;
    mb_autofd fd = openat(file->directory, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &file->made) < 0 || mb_fd_write_all(fd, text, (size_t)length) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot write the pid file", file->path);
    return 0;
}

void mb_pidfile_remove(struct mb_pidfile *file) {
    struct stat now;
    if (file->directory < 0)
        return;
    if (file->made.st_ino && fstatat(file->directory, file->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        now.st_ino == file->made.st_ino && now.st_dev == file->made.st_dev)
        unlinkat(file->directory, file->name, 0);
    mb_fd_close(&file->directory);
}
