/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. An arena is a list of chunks; memory is taken from the newest one, and what does not fit begins a new
 * one. Nothing is freed or grown in place.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 16 << 10 };

struct mb_chunk {
    struct mb_chunk *next;
    size_t size, used;
    max_align_t memory[];
};

void *mb_arena_alloc(struct mb_arena *arena, size_t size) {
    if (size > SIZE_MAX / 4) {
        arena->failed = true;
        return NULL;
    }
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct mb_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof(*chunk) + room);
        if (!chunk) {
            arena->failed = true;
            return NULL;
        }
        *chunk = (struct mb_chunk){.next = arena->chunks, .size = room};
        arena->chunks = chunk;
    }
    void *memory = (char *)chunk->memory + chunk->used;
    chunk->used += size;
    return memset(memory, 0, size);
}

const char *mb_arena_copy(struct mb_arena *arena, const char *text, size_t length) {
    char *copy = mb_arena_alloc(arena, length + 1);
    return copy ? memcpy(copy, text, length) : "";
}

const char *mb_arena_printf(struct mb_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : mb_arena_alloc(arena, (size_t)length + 1);
    if (!text) {
        arena->failed = true;
        return "";
    }
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void *mb_arena_push(struct mb_arena *arena, void *array_pointer, size_t *count, size_t size) {
    void **array = array_pointer;
    /* The room doubles, so it is full whenever the count is zero or a power of two. */
    if ((*count & (*count - 1)) == 0) {
        void *bigger = mb_arena_alloc(arena, (*count ? *count * 2 : 1) * size);
        if (!bigger)
            return NULL;
        if (*count)
            memcpy(bigger, *array, *count * size);
        *array = bigger;
    }
    return (char *)*array + (*count)++ * size;
}

void mb_arena_free(struct mb_arena *arena) {
    for (struct mb_chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *arena = (struct mb_arena){0};
}
