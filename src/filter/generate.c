/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp-generate PROFILE OUT.c: compiles the default profile while minibox is built, by the code that compiles
 * profiles at run time, and writes the programs and the profile's text as C. Numbers of system calls are those of the
 * machine that seccomp-generate is built for: cross builds run it under an emulator.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "filter/profile.h"

static void close_output(FILE **file) {
    if (*file)
        fclose(*file);
}

static void free_text(char **text) {
    free(*text);
}

static int write_filter(FILE *out, const char *text, const char *path, const char *name, enum mb_set_id set_id) {
    __attribute__((cleanup(mb_arena_free))) struct mb_arena arena = {0};
    struct mb_filter filter;
    struct minibox_error err;
    if (mb_profile_compile(&arena, text, path, 0, set_id, NULL, &filter, &err) < 0) {
        minibox_error_print(&err, stderr);
        return -1;
    }
    fprintf(out, "\nstatic const struct sock_filter %s_code[] = {\n", name);
    for (size_t i = 0; i < filter.count; i++)
        fprintf(out, "    {0x%02x, %u, %u, 0x%08x},\n", filter.code[i].code, filter.code[i].jt, filter.code[i].jf,
                filter.code[i].k);
    fprintf(out, "};\nconst struct mb_filter %s = {%s_code, %zu};\n", name, name, filter.count);
    return 0;
}

/* Writes a list of bytes, since a string literal of this size is longer than C permits. */
static void write_text(FILE *out, const char *text, size_t length) {
    fprintf(out, "\nconst char mb_seccomp_default_json[] = {");
    for (size_t i = 0; i <= length; i++)
        fprintf(out, "%s%d,", i % 24 ? " " : "\n    ", text[i]);
    fprintf(out, "\n};\n");
}

static int generate(const char *path, const char *out_path) {
    size_t length = 0;
    __attribute__((cleanup(free_text))) char *text = mb_fd_read_text(path, &length);
    if (!text || strlen(text) != length) {
        fprintf(stderr, "seccomp-generate: cannot read %s: %s\n", path, text ? "it has NULs" : strerror(errno));
        return -1;
    }
    __attribute__((cleanup(close_output))) FILE *out = fopen(out_path, "we");
    if (!out) {
        fprintf(stderr, "seccomp-generate: cannot write %s: %s\n", out_path, strerror(errno));
        return -1;
    }
    fprintf(out,
            "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by seccomp-generate from the default profile. */\n"
            "#include \"filter/filter.h\"\n");
    if (write_filter(out, text, path, "mb_seccomp_builtin", MB_SET_ID_REFUSED) < 0 ||
        write_filter(out, text, path, "mb_seccomp_builtin_allow_suid", MB_SET_ID_ALLOWED) < 0)
        return -1;
    write_text(out, text, length);
    if (fflush(out) != 0 || ferror(out)) {
        fprintf(stderr, "seccomp-generate: cannot write %s: %s\n", out_path, strerror(errno));
        return -1;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: seccomp-generate PROFILE OUT.c\n");
        return 2;
    }
    if (generate(argv[1], argv[2]) < 0) {
        remove(argv[2]); /* a build must not go on with half a file */
        return 1;
    }
    return 0;
}
