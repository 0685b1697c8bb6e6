/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths in a root file system are hostile: a link in it may lead anywhere, and may be another one a moment later. They
 * are walked here alone, by launcher, builder and init: the kernel keeps the walk below the root, and what comes of it
 * is a descriptor, which stays what it is. (A test asks that openat2(2) is called nowhere else.)
 */
#ifndef MB_BASE_PATH_H
#define MB_BASE_PATH_H

#include <fcntl.h>
#include <linux/errno.h>
#include <linux/openat2.h>
#include <stdint.h>

#include "base/raw.h"

/* How links are followed: as if the root were /, /proc's magic ones never; or not at all. */
#define MB_PATH_IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define MB_PATH_NO_LINKS (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)

/* Opens `path` below the directory `root`. flags: open(2). Returns a descriptor or -errno (ENOSYS: Linux older
 * than 5.6).
 */
static inline long mb_path_resolve(int root, const char *path, uint64_t flags, uint64_t links) {
    enum { TRIES = 10000 };
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = links};
    /* EAGAIN: somewhere on the system a mount or rename happened meanwhile, and a link or ".." cannot be trusted to
     * have stayed below the root. openat2(2): try again. Not for ever: that would be someone's doing. */
    long fd = -EAGAIN;
    for (int tries = 0; fd == -EAGAIN && tries < TRIES; tries++)
        fd = raw(SYS_openat2, root, path, &how, sizeof(how));
    return fd;
}

/* The same as MB_PATH_IN_ROOT for who has a C library: -1 with errno on failure. */
int mb_path_open(int root, const char *path, uint64_t flags);

/* The same for a regular file that is to be read: nothing else is ever opened, since opening a device or a FIFO acts.
 * EISDIR: it is something else. */
int mb_path_open_regular(int root, const char *path);

#endif
