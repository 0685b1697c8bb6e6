/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp-generate PROFILE OUT.c: compiles the default profile while minibox is built, by the code that compiles
 * profiles at run time, and writes the programs and the profile's text as C. It runs on the machine that minibox is
 * built on, and numbers of system calls are that machine's: cross builds run it under an emulator.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "filter/profile.h"

enum { MAX_PROFILE = 4 << 20 };

static void close_file(FILE **file) {
    if (*file)
        fclose(*file);
}

static void free_text(char **text) {
    free(*text);
}

static int write_filter(FILE *out, const char *text, const char *path, const char *name, bool allow_suid) {
    __attribute__((cleanup(mb_arena_free))) struct mb_arena arena = {0};
    struct mb_filter filter;
    struct minibox_error err;
    if (mb_profile_compile(&arena, text, path, 0, allow_suid, NULL, &filter, &err) < 0) {
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

/* As bytes: a string literal of this size is beyond what C promises. */
static void write_text(FILE *out, const char *text, size_t length) {
    fprintf(out, "\nconst char mb_seccomp_default_json[] = {");
    for (size_t i = 0; i <= length; i++)
        fprintf(out, "%s%d,", i % 24 ? " " : "\n    ", text[i]);
    fprintf(out, "\n};\n");
}

static int generate(const char *path, const char *out_path) {
    __attribute__((cleanup(free_text))) char *text = malloc(MAX_PROFILE);
    if (!text) {
        fprintf(stderr, "seccomp-generate: out of memory\n");
        return -1;
    }
    ssize_t length = mb_fd_read_file(path, text, MAX_PROFILE);
    if (length < 0 || strlen(text) != (size_t)length) {
        fprintf(stderr, "seccomp-generate: cannot read %s: %s\n", path, length < 0 ? strerror(errno) : "it has NULs");
        return -1;
    }
    __attribute__((cleanup(close_file))) FILE *out = fopen(out_path, "we");
    if (!out) {
        fprintf(stderr, "seccomp-generate: cannot write %s: %s\n", out_path, strerror(errno));
        return -1;
    }
    fprintf(out,
            "/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by seccomp-generate from the default profile. */\n"
            "#include \"filter/filter.h\"\n");
    if (write_filter(out, text, path, "mb_seccomp_builtin", false) < 0 ||
        write_filter(out, text, path, "mb_seccomp_builtin_allow_suid", true) < 0)
        return -1;
    write_text(out, text, (size_t)length);
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
        remove(argv[2]); /* a build must not go on with half of it */
        return 1;
    }
    return 0;
}
