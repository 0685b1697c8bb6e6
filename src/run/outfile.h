/* SPDX-License-Identifier: Apache-2.0 */
/* A file that minibox writes for its caller: a report, a learned profile. */
#ifndef MB_RUN_OUTFILE_H
#define MB_RUN_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mb_outfile {
    int fd;           /* of the file itself, where it is written through; -1: it is replaced */
    int directory;    /* of the file that is replaced; -1: none was asked for, or it is written through */
    const char *name; /* in that directory; borrowed from the caller's path */
    bool is_there;    /* a file stands there, whose mode and group the new one gets */
    mode_t mode;
    gid_t group;
};

#define MB_OUTFILE_NONE ((struct mb_outfile){.fd = -1, .directory = -1})

/*
 * Sees whether the file can be written, and changes nothing. `path` is borrowed until mb_outfile_close(). Waits where
 * the path is a FIFO that nobody reads. 0, or -1 with errno.
 */
int mb_outfile_open(struct mb_outfile *file, const char *path);

/*
 * Writes the whole of it. A regular file, or one that is not there yet, has its old content or all of the new one at
 * every moment. What is not the caller's own regular file with one name in a directory where it may make files is
 * written through: a device, a FIFO, what a link leads to. Calls nothing that is not async-signal-safe. 0, or -1 with
 * errno.
 */
int mb_outfile_write(const struct mb_outfile *file, const char *text, size_t length);

void mb_outfile_close(struct mb_outfile *file);

#endif
