/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths in a root file system are hostile: a link in it may lead anywhere. The launcher looks at them through this alone;
 * the builder, which has no C library, through the same system call in builder.c.
 */
#ifndef MB_BASE_PATH_H
#define MB_BASE_PATH_H

#include <stdint.h>

enum { MB_PATH_TRIES = 10000 }; /* of openat2(2), while mounts and renames elsewhere interrupt it */

/* Opens `path` as if the folder `root` were /: links are followed inside it, /proc's magic ones never. flags: open(2).
 * Returns a descriptor, or -1 with errno (ENOSYS: Linux older than 5.6). */
int mb_path_open(int root, const char *path, uint64_t flags);

/* The same for a regular file that is to be read: nothing else is ever opened, since opening a device or a FIFO acts.
 * EISDIR: it is something else. */
int mb_path_open_regular(int root, const char *path);

#endif
