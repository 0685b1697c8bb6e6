/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of options: they are read or refused with a place in the file; what is read can be written and read
 * again, and is the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "front/front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static struct minibox_spec *read_bytes(const void *data, size_t size, struct minibox_error *err) {
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct minibox_error err = {0};
    struct minibox_spec *spec = read_bytes(data, size, &err);
    if (!spec) {
        expect(err.what[0] && err.status == 125, "an error says what");
        FILE *out = fopen("/dev/null", "w");
        minibox_error_print(&err, out);
        fclose(out);
        return 0;
    }
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    mb_file_print(spec, "/", out);
    fclose(out);
    struct minibox_spec *again = read_bytes(text, length, &err);
    expect(again != NULL, "what was written can be read");
    for (size_t i = 0; spec->command && spec->command[i]; i++)
        expect(again->command[i] && strcmp(spec->command[i], again->command[i]) == 0, "the same command");
    expect(again->env_count == spec->env_count, "the same environment");
    for (size_t i = 0; i < spec->env_count; i++)
        expect(strcmp(spec->env[i].name, again->env[i].name) == 0, "the same variables");
    expect(!spec->hostname || strcmp(spec->hostname, again->hostname) == 0, "the same host name");
    minibox_spec_free(again);
    minibox_spec_free(spec);
    free(text);
    return 0;
}
