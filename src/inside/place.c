/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of the box: opened, and made where they are missing.
 *
 * What must stay true: a path in a root file system is walked by the one resolver only (base/path.h), below the root or
 * below a mount that the builder made, and what comes of it is used by descriptor; what exists is never followed at its
 * last name when something is made there, and never replaced.
 */
#include <fcntl.h>
#include <linux/errno.h>

#include "base/path.h"
#include "inside/pieces.h"

/* Links are followed in the box's root. In the kernel's own file systems, and where the place itself matters, they are
 * not. */
static long resolve(const struct mb_builder *b, const struct mb_step *step, const char *path, uint64_t flags) {
    bool follows = step->at == MB_SLOT_ROOT && !step->no_links;
    return mb_path_resolve(b->slots[step->at], path, flags, follows ? MB_PATH_IN_ROOT : MB_PATH_NO_LINKS);
}

long mb_place_open(const struct mb_builder *b, const struct mb_step *step, uint64_t flags) {
    return resolve(b, step, step->path, flags);
}

/* The directory that a part of the path is in; the slot's own descriptor where that is it. */
static long open_directory(const struct mb_builder *b, const struct mb_step *step, const struct mb_path_part *part) {
    if (!part->directory[0])
        return b->slots[step->at];
    return resolve(b, step, part->directory, O_PATH | O_DIRECTORY);
}

static void close_directory(const struct mb_builder *b, const struct mb_step *step, long directory) {
    if (directory != b->slots[step->at])
        raw(SYS_close, directory);
}

static long make_directory_at(long parent, const char *name) {
    TRY(raw(SYS_mkdirat, parent, name, 0755));
    return raw(SYS_openat, parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

static long make_file_at(long parent, const char *name) {
    return raw(SYS_openat, parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
}

/* Makes the missing parts of the path, from the innermost directory that is there. */
static long make_path(const struct mb_builder *b, const struct mb_step *step) {
    size_t n = step->part_count;
    if (!n)
        return -ENOENT;
    long parent;
    do
        parent = open_directory(b, step, &step->parts[--n]);
    while (parent == -ENOENT && n > 0);
    TRY(parent);
    for (; n < step->part_count; n++) {
        bool is_last = n + 1 == step->part_count;
        const char *name = step->parts[n].name;
        long made = is_last && !step->is_directory ? make_file_at(parent, name) : make_directory_at(parent, name);
        close_directory(b, step, parent);
        TRY(made);
        parent = made;
    }
    return parent;
}

/* Another box in the same tree may make any part of the path first: then this one looks for it again. */
long mb_place_open_or_make(const struct mb_builder *b, const struct mb_step *step) {
    enum { TRIES = 100 };                                               /* no path has more parts */
    bool is_new = step->at == MB_SLOT_DEV || step->at == MB_SLOT_STAGE; /* minibox's own: empty but for what it made */
    long fd = -EEXIST;
    for (int tries = 0; fd == -EEXIST && tries < TRIES; tries++) {
        fd = -ENOENT;
        if (!is_new || tries)
            fd = mb_place_open(b, step, O_PATH | (step->is_directory ? O_DIRECTORY : 0));
        if (fd == -ENOENT)
            fd = make_path(b, step);
    }
    return fd;
}

long mb_place_open_parent(const struct mb_builder *b, const struct mb_step *step, const char **ret_name) {
    const struct mb_path_part *last = &step->parts[step->part_count - 1];
    *ret_name = last->name;
    return open_directory(b, step, last);
}

/* ---- what is made in a root of the box's own ------------------------------------------------------------------ */

long mb_place_make_directory(const struct mb_builder *b, const struct mb_step *step) {
    const char *name;
    long parent = mb_place_open_parent(b, step, &name);
    TRY(parent);
    TRY(raw(SYS_mkdirat, parent, name, step->mode));
    if (step->uid || step->gid)
        TRY(raw(SYS_fchownat, parent, name, step->uid, step->gid, AT_SYMLINK_NOFOLLOW));
    close_directory(b, step, parent);
    return 0;
}

long mb_place_make_file(const struct mb_builder *b, const struct mb_step *step) {
    const char *name;
    long parent = mb_place_open_parent(b, step, &name);
    TRY(parent);
    TRY(mb_write_text((int)parent, name, O_CREAT | O_EXCL | O_NOFOLLOW, step->mode, step->source));
    close_directory(b, step, parent);
    return 0;
}

long mb_place_make_links(const struct mb_builder *b, const struct mb_step *step) {
    const char *name;
    if (!step->names) {
        long parent = mb_place_open_parent(b, step, &name);
        TRY(parent);
        TRY(raw(SYS_symlinkat, step->source, parent, name));
        close_directory(b, step, parent);
        return 0;
    }
    long directory = mb_place_open(b, step, O_PATH | O_DIRECTORY);
    TRY(directory);
    for (size_t i = 0; i < step->name_count; i++)
        TRY(raw(SYS_symlinkat, step->source, directory, step->names[i]));
    raw(SYS_close, directory);
    return 0;
}

/* By descriptor, too: over one of /proc's magic links the way would lead to what is still open of the outside:
 * CVE-2024-21626. */
long mb_place_change_to(const struct mb_builder *b, const struct mb_step *step) {
    long directory = step->path[0] ? mb_place_open(b, step, O_PATH | O_DIRECTORY) : b->slots[step->at];
    TRY(directory);
    TRY(raw(SYS_fchdir, directory));
    close_directory(b, step, directory);
    return 0;
}
