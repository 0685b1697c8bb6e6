/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier's reading of /proc/self/mountinfo. Its source is part of init, not of the library: compiled in here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "base/count.h"
#include "inside/verify.c"

static void parses_options(void **state) {
    (void)state;
    static const struct {
        const char *options;
        uint64_t wanted;
    } cases[] = {
        {"", 0},
        {" ", 0},
        {"rw", 0},
        {"ro", MOUNT_ATTR_RDONLY},
        {"ro,nosuid,nodev,noexec,relatime",
         MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC},
        {"rw,nosuid,nodev,noatime,nosymfollow",
         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME | MOUNT_ATTR_NOSYMFOLLOW},
        {"rw,nosuid", MOUNT_ATTR_NOSUID},
        {"nosuid,rw", MOUNT_ATTR_NOSUID},
        /* the field ends at the blank: what follows are the file system's own options */
        {"rw,relatime - tmpfs tmpfs ro,nosuid,nodev", 0},
        {"ro shared:1 - ext4 /dev/x rw,nosuid", MOUNT_ATTR_RDONLY},
        /* neither the beginning of a word nor a longer one counts */
        {"ros", 0},
        {"r", 0},
        {"no", 0},
        {"nosui", 0},
        {"nosuid2", 0},
        {"xnosuid", 0},
        {"nodevil,noexecute,noatimes", 0},
        {"relatime,nodiratime,idmapped", MOUNT_ATTR_IDMAP},
        /* damaged */
        {",", 0},
        {",,,ro,,", MOUNT_ATTR_RDONLY},
        {"ro,ro,ro", MOUNT_ATTR_RDONLY},
        {"NOSUID", 0},
        {"ro\n", 0},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        uint64_t seen = mb_verify_parse_attributes(cases[i].options);
        if (seen != cases[i].wanted)
            fail_msg("\"%s\": saw 0x%llx, wanted 0x%llx", cases[i].options, (unsigned long long)seen,
                     (unsigned long long)cases[i].wanted);
    }
}

/* Every single attribute and every pair, in the kernel's spelling. */
static void parses_all_pairs(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t attribute;
    } words[] = {{"ro", MOUNT_ATTR_RDONLY},       {"nosuid", MOUNT_ATTR_NOSUID},
                 {"nodev", MOUNT_ATTR_NODEV},     {"noexec", MOUNT_ATTR_NOEXEC},
                 {"noatime", MOUNT_ATTR_NOATIME}, {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW}};
    enum { WORDS = MB_COUNT(words) };
    for (size_t i = 0; i < WORDS; i++) {
        for (size_t j = 0; j < WORDS; j++) {
            char text[64];
            snprintf(text, sizeof(text), "%s,%s", words[i].name, words[j].name);
            assert_int_equal(mb_verify_parse_attributes(text), words[i].attribute | words[j].attribute);
            snprintf(text, sizeof(text), "%s%s", words[i].name, words[j].name); /* no such word */
            assert_int_equal(mb_verify_parse_attributes(text), 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses_options), cmocka_unit_test(parses_all_pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
