/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of the builder. Each returns 0 or more, or -errno, which ends the builder: what a piece has opened need
 * not be closed then, and what it has made lives in namespaces that die with it.
 */
#ifndef MB_INSIDE_PIECES_H
#define MB_INSIDE_PIECES_H

#include "base/raw.h"
#include "inside/builder.h"

/* Ends the piece with what the call says, if that is an error. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        long try_result = (call);                                                                                      \
        if (try_result < 0)                                                                                            \
            return try_result;                                                                                         \
    } while (0)

/* place.c: opens the place that a step names; makes what is missing of it. */
long mb_place_open(const struct mb_builder *b, const struct mb_step *step, uint64_t flags);
long mb_place_open_or_make(const struct mb_builder *b, const struct mb_step *step);
long mb_place_open_parent(const struct mb_builder *b, const struct mb_step *step, const char **ret_name);
long mb_place_make_directory(const struct mb_builder *b, const struct mb_step *step);
long mb_place_make_file(const struct mb_builder *b, const struct mb_step *step);
long mb_place_make_links(const struct mb_builder *b, const struct mb_step *step);
long mb_place_change_to(const struct mb_builder *b, const struct mb_step *step);

/* mount.c */
long mb_mount_new(struct mb_builder *b, const struct mb_step *step);
long mb_mount_source(struct mb_builder *b, const struct mb_step *step, int fd);
long mb_mount_overlay(struct mb_builder *b, const struct mb_step *step);
long mb_mount_mask(struct mb_builder *b, const struct mb_step *step);
long mb_mount_self(struct mb_builder *b, const struct mb_step *step);
long mb_mount_remount(const struct mb_builder *b, const struct mb_step *step);
long mb_mount_pivot(const struct mb_builder *b);

/* identity.c */
long mb_ids_write_maps(const struct mb_id_maps *maps);
long mb_ids_set(const struct mb_builder *b, const struct mb_step *step);
long mb_ids_set_capabilities(const struct mb_capabilities *wanted);

/* life.c: what ties the box to its launcher, and what goes between them. */
long mb_life_die_with_launcher(const struct mb_builder *b);
long mb_life_close_others(const struct mb_builder *b);
long mb_life_wait_at_gate(const struct mb_builder *b);
long mb_life_open_terminal(const struct mb_builder *b, const struct mb_step *step);
long mb_life_execute_init(struct mb_builder *b);

static inline size_t mb_length(const char *text) {
    size_t n = 0;
    while (text[n])
        n++;
    return n;
}

/* Writes a text to a file, which it opens below `directory` with these flags and mode. */
static inline long mb_write_text(int directory, const char *name, uint64_t flags, uint32_t mode, const char *text) {
    long fd = raw(SYS_openat, directory, name, flags | O_WRONLY | O_CLOEXEC, mode);
    TRY(fd);
    size_t length = mb_length(text);
    long n = raw(SYS_write, fd, text, length);
    TRY(n);
    raw(SYS_close, fd);
    return n == (long)length ? 0 : -EIO;
}

#endif
