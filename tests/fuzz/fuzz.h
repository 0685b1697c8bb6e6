/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets have in common. */
#ifndef MB_FUZZ_H
#define MB_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "read/read.h"
#include "show/show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void expect(int good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

/* The input as a text that ends with a NUL, to be freed; what stands behind an earlier NUL is not seen. */
static inline char *text_of(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    expect(text != NULL, "memory");
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* An error says what is wrong, and can be printed whatever the input was. */
static inline void expect_error(const struct minibox_error *err) {
    static FILE *out;
    out = out ? out : fopen("/dev/null", "w");
    expect(err->what[0] && err->status == MINIBOX_EXIT_FAILED, "an error says what");
    minibox_error_print(err, out);
}

/* Bytes as a file of options; NULL with *err. */
static inline struct minibox_spec *read_options(const void *data, size_t size, struct minibox_error *err) {
    struct minibox_spec *spec;
    char path[32];
    int fd = memfd_create("box.conf", 0);
    expect(fd >= 0 && write(fd, data, size) == (ssize_t)size && minibox_spec_new(&spec, err) == 0, "a file in memory");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int result = minibox_spec_parse_file(spec, path, err);
    close(fd);
    if (result == 0)
        return spec;
    minibox_spec_free(spec);
    return NULL;
}

/* A spec can be written as a file of options, and that, read again, is the same spec. */
static inline void expect_round_trip(const struct minibox_spec *spec) {
    struct minibox_error err = {0};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    mb_file_print(spec, "/", out);
    fclose(out);
    struct minibox_spec *again = read_options(text, length, &err);
    expect(again != NULL, "what was written can be read");
    for (size_t i = 0; spec->command && spec->command[i]; i++)
        expect(again->command[i] && strcmp(spec->command[i], again->command[i]) == 0, "the same command");
    expect(again->env_count == spec->env_count, "the same environment");
    for (size_t i = 0; i < spec->env_count; i++)
        expect(strcmp(spec->env[i].name, again->env[i].name) == 0, "the same variables");
    expect(!spec->hostname || strcmp(spec->hostname, again->hostname) == 0, "the same host name");
    expect(again->volume_count == spec->volume_count && again->tmpfs_count == spec->tmpfs_count &&
               again->id_map_count == spec->id_map_count && again->ulimit_count == spec->ulimit_count,
           "as many of each");
    expect(again->cap_add == spec->cap_add && again->cap_drop == spec->cap_drop && again->share == spec->share &&
               again->isolate == spec->isolate && again->timeout == spec->timeout &&
               again->allow_suid == spec->allow_suid && again->seccomp == spec->seccomp &&
               again->rootfs == spec->rootfs && again->rootfs_access == spec->rootfs_access,
           "the same confinement");
    minibox_spec_free(again);
    free(text);
}

#endif
