/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"

int mb_path_open(int root, const char *path, uint64_t flags) {
    long fd = mb_path_resolve(root, path, flags, MB_PATH_IN_ROOT);
    if (fd < 0)
        errno = (int)-fd;
    return fd < 0 ? -1 : (int)fd;
}

int mb_path_open_regular(int root, const char *path) {
    struct stat st;
    char again[32];
    mb_autofd fd = mb_path_open(root, path, O_PATH);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    snprintf(again, sizeof(again), "/proc/self/fd/%d", fd); /* this leads to the file that was looked at */
    return open(again, O_RDONLY | O_CLOEXEC);
}
