/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths in a root file system are hostile: a link in it may lead anywhere, and may be another one a moment later. So
 * launcher, builder and init all walk them by the function below: the kernel keeps the walk under the root, and the
 * result is a descriptor, which stays what it is. (A test asks that openat2(2) is called nowhere else.)
 */
#ifndef MB_BASE_PATH_H
#define MB_BASE_PATH_H

#include <fcntl.h>
#include <linux/errno.h>
#include <linux/openat2.h>
#include <stdint.h>

#include "base/raw.h"

/* Links are followed as if the root were /, except /proc's magic ones; or not at all. */
#define MB_PATH_IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define MB_PATH_NO_LINKS (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)

/* Opens `path` below the directory `root`. flags: of open(2). Returns a descriptor or -errno (ENOSYS: the kernel is
 * older than Linux 5.6). */
static inline long mb_path_resolve(int root, const char *path, uint64_t flags, uint64_t links) {
    enum { TRIES = 10000 };
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = links};
    /* EAGAIN: somewhere on the system a mount or rename happened meanwhile, so the kernel cannot tell whether a link or
     * ".." stayed below the root, and wants another try. If that goes on for ever, somebody causes it. */
    long fd = -EAGAIN;
    for (int tries = 0; fd == -EAGAIN && tries < TRIES; tries++)
        fd = raw(SYS_openat2, root, path, &how, sizeof(how));
    return fd;
}

/* The same with MB_PATH_IN_ROOT, for callers with a C library: -1 with errno on failure. */
int mb_path_open(int root, const char *path, uint64_t flags);

/* The same, for reading a regular file. Anything else is not opened, since opening a device or a FIFO has effects:
 * EISDIR. */
int mb_path_open_regular(int root, const char *path);

#endif
