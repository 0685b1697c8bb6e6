/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a test makes for itself. */
#ifndef MB_UNIT_FILES_H
#define MB_UNIT_FILES_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* Removes a directory with all that is below it. 0, or -1 with errno. */
static inline int remove_tree(const char *path) {
    return nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
