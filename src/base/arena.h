/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once: a spec has one arena, a plan has another. */
#ifndef MB_BASE_ARENA_H
#define MB_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct mb_arena {
    struct mb_chunk *chunks;
    bool failed; /* an allocation has failed; it stays so, and what was built since must not be used */
};

/* Zeroed memory, aligned for any type; NULL, with arena->failed set, when there is none. */
void *mb_arena_alloc(struct mb_arena *arena, size_t size);

/* Both return a NUL-terminated text, never NULL: on failure it is "" and arena->failed is set, which the caller checks
 * once at the end. */
const char *mb_arena_copy(struct mb_arena *arena, const char *text, size_t length);
const char *mb_arena_printf(struct mb_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Appends one zeroed element to an array of elements of `size` bytes that lives in the arena and returns it, or NULL.
 * The array moves as it grows: keep indices, not pointers.
 */
void *mb_arena_push(struct mb_arena *arena, void *array_pointer, size_t *count, size_t size);

void mb_arena_free(struct mb_arena *arena);

#endif
