/* SPDX-License-Identifier: Apache-2.0 */
/* A file that minibox writes for its caller: a report, a learned profile. */
#ifndef MB_RUN_OUTFILE_H
#define MB_RUN_OUTFILE_H

#include "launch/launch.h"

struct mb_outfile {
    int fd;           /* of the file, if it is written in its place; -1: it is replaced */
    int directory;    /* of the file, if it is replaced; -1: it is written in its place, or none was asked for */
    const char *name; /* in that directory; part of the caller's path */
    bool is_there;    /* there is an old file, whose mode and group the new one gets */
    mode_t mode;
    gid_t group;
};

#define MB_OUTFILE_NONE ((struct mb_outfile){.fd = -1, .directory = -1})

/*
 * Prepares to write the file at `path`, which must live as long; its content is left alone. MB_TO_TRY: only looks
 * whether it could be written, and opens nothing. Waits if the path is a FIFO without a reader. 0, or -1 with errno.
 */
int mb_outfile_open(struct mb_outfile *file, const char *path, enum mb_purpose purpose);

static inline bool mb_outfile_is_open(const struct mb_outfile *file) {
    return file->fd >= 0 || file->directory >= 0;
}

/*
 * Writes the whole file. It is replaced if it is the caller's own regular file, with one name, in a directory where the
 * caller may make files, or does not exist yet: so it has its old content or all of the new one at every moment.
 * Anything else (a device, a FIFO, the target of a link) is written in its place. Async-signal-safe. 0, or -1 with
 * errno.
 */
int mb_outfile_write(const struct mb_outfile *file, const char *text, size_t length);

void mb_outfile_close(struct mb_outfile *file);

#endif
