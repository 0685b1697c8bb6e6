/* SPDX-License-Identifier: Apache-2.0 */
/* A host that has nothing but an etc/ with files of accounts. Include <cmocka.h> before it. */
#ifndef MB_UNIT_ACCOUNTS_H
#define MB_UNIT_ACCOUNTS_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

static char root[64];

static inline void write_file(const char *path, const char *text, size_t length) {
    char full[256];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    unlink(full);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}
#define WRITE(path, text) write_file(path, text, strlen(text))

static inline int make_host(void **state) {
    (void)state;
    char etc[80];
    strcpy(root, "/tmp/minibox-unit-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(etc, sizeof(etc), "%s/etc", root);
    return mkdir(etc, 0755);
}

static inline int remove_host(void **state) {
    (void)state;
    return remove_tree(root);
}

#endif
