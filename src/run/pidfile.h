/* SPDX-License-Identifier: Apache-2.0 */
/* --pid-file: the pid of the box's first process, in a file that exists as long as the box. */
#ifndef MB_RUN_PIDFILE_H
#define MB_RUN_PIDFILE_H

#include <sys/stat.h>

#include "minibox/minibox.h"

struct mb_pidfile {
    int directory; /* -1: no file was asked for */
    const char *path, *name;
    struct stat made; /* st_ino 0: it is not made yet */
};

#define MB_PIDFILE_NONE ((struct mb_pidfile){.directory = -1})

/* Checks that the file does not exist and can be made. `path` must live as long; NULL: none is asked for. */
int mb_pidfile_open(struct mb_pidfile *file, const char *path, struct minibox_error *err);

/* Makes and writes the file, if one is asked for. */
int mb_pidfile_write(struct mb_pidfile *file, int pid, struct minibox_error *err);

/* Removes the file, if it is still the one that was made. */
void mb_pidfile_remove(struct mb_pidfile *file);

#endif
