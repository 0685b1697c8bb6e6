/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/count.h"
#include "base/error.h"

static void assert_printed(const struct minibox_error *err, const char *wanted) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    minibox_error_print(err, out);
    fclose(out);
    assert_string_equal(text, wanted);
    assert_int_equal(size, strlen(text));
    int lines = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1, lines++)
        assert_true(strncmp(line, lines ? "  " : "minibox: ", lines ? 2 : 9) == 0);
    assert_in_range(lines, 1, 4);
    free(text);
}

/* Every text may be there or not. */
static void test_print_in_all_shapes(void **state) {
    (void)state;
    for (int shape = 0; shape < 64; shape++) {
        bool object = shape & 1, reason = shape & 2, step = shape & 4, origin = shape & 8, detail = shape & 16,
             remedy = shape & 32;
        struct minibox_error err = {
            .what = "cannot mount tmpfs on", .step = step ? 7 : 0, .steps = step ? 31 : 0, .kind = "mount"};
        strcpy(err.object, object ? "/tmp" : "");
        strcpy(err.reason, reason ? "Operation not permitted" : "");
        strcpy(err.origin, origin ? "box.conf:4:1" : "");
        strcpy(err.detail, detail ? "what it means" : "");
        strcpy(err.remedy, remedy ? "another way" : "");
        char wanted[512];
        snprintf(wanted, sizeof(wanted), "minibox: cannot mount tmpfs on%s%s%s%s%s%s\n", object ? " \"/tmp\"" : "",
                 reason ? ": Operation not permitted" : "",
                 step     ? "\n  step 7 of 31 (mount)"
                 : origin ? "\n  asked for at box.conf:4:1"
                          : "",
                 step && origin ? ", asked for at box.conf:4:1" : "", detail ? "\n  what it means" : "",
                 remedy ? "\n  try: another way" : "");
        assert_printed(&err, wanted);
    }
}

static void test_print_escapes_what_controls_a_terminal(void **state) {
    (void)state;
    static const struct {
        const char *object, *shown;
    } cases[] = {
        {"a\nb", "a\\x0ab"},
        {"\x1b[2J\r\t\a", "\\x1b[2J\\x0d\\x09\\x07"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"}, /* U+009B is ESC [ */
        {"\x9b"
         "31m",
         "\\x9b31m"}, /* and so is the byte, on a terminal of 8 bits */
        {"\xff\xfe\x80", "\\xff\\xfe\\x80"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa6", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa6"},
        {"cut \xe2\x82", "cut \\xe2\\x82"}, /* as by a text's fixed size */
        {"\xc2", "\\xc2"},
        {"\xc0\x8a", "\\xc0\\x8a"}, /* a newline, overlong */
        {"\xc2\xa0", "\xc2\xa0"},
        {" ~", " ~"},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_error err = {.step = 1, .steps = 2, .kind = "bind"};
        strcpy(err.what, cases[i].object);
        strcpy(err.object, cases[i].object);
        strcpy(err.reason, cases[i].object);
        strcpy(err.origin, cases[i].object);
        strcpy(err.detail, cases[i].object);
        strcpy(err.remedy, cases[i].object);
        const char *s = cases[i].shown;
        char wanted[512];
        snprintf(wanted, sizeof(wanted),
                 "minibox: %s \"%s\": %s\n  step 1 of 2 (bind), asked for at %s\n  %s\n  try: %s\n", s, s, s, s, s, s);
        assert_printed(&err, wanted);
    }
}

static void test_origin_forms(void **state) {
    (void)state;
    static const struct {
        struct mb_origin origin;
        const char *text;
    } cases[] = {
        {{MB_ORIGIN_DEFAULT, NULL, 0, 0}, "default"},
        {{MB_ORIGIN_ARGV, "--volume", 3, 0}, "--volume (argument 3)"},
        {{MB_ORIGIN_FILE, "box.conf", 4, 1}, "box.conf:4:1"},
        {{MB_ORIGIN_API, "hostname", 0, 0}, "hostname"},
        {{MB_ORIGIN_API, NULL, 0, 0}, ""},
    };
    char text[160];
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        mb_origin_print(&cases[i].origin, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
    mb_origin_print(NULL, text, sizeof(text));
    assert_string_equal(text, "default");
    char small[6] = "xxxxx";
    mb_origin_print(&cases[2].origin, small, sizeof(small));
    assert_string_equal(small, "box.c");
}

static void test_usage_error(void **state) {
    (void)state;
    struct minibox_error err;
    memset(&err, 0xff, sizeof(err));
    struct mb_origin origin = {MB_ORIGIN_ARGV, "--tmpfs", 4, 0};
    assert_int_equal(mb_error_usage(&err, &origin, MB_REMEDY_HELP, "bad value", "x", "must be %d", 5), -1);
    assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
    assert_int_equal(err.status, 125);
    assert_int_equal(err.number, 0);
    assert_int_equal(err.step, 0);
    assert_string_equal(err.kind, "");
    assert_printed(&err, "minibox: bad value \"x\": must be 5\n  asked for at --tmpfs (argument 4)\n"
                         "  try: minibox run --help\n");
    mb_error_remedy(&err, "did you mean %s?", "y");
    assert_string_equal(err.remedy, "did you mean y?");
    assert_int_equal(mb_error_usage(&err, NULL, MB_REMEDY_NONE, "w", NULL, NULL), -1);
    assert_printed(&err, "minibox: w\n");
}

static void test_host_error(void **state) {
    (void)state;
    struct minibox_error err;
    memset(&err, 0xff, sizeof(err));
    struct mb_origin origin = {.kind = MB_ORIGIN_DEFAULT}; /* not shown: nobody asked for it */
    assert_int_equal(mb_error_host(&err, &origin, MB_REMEDY_NO_SUCH_PATH, ENOENT, "cannot read", "/x"), -1);
    assert_int_equal(err.phase, MINIBOX_PHASE_PLAN);
    assert_int_equal(err.status, 125);
    assert_int_equal(err.number, ENOENT);
    assert_printed(&err, "minibox: cannot read \"/x\": No such file or directory\n"
                         "  try: make it first, or correct the path\n");
    mb_error_host(&err, NULL, MB_REMEDY_NONE, 0, "w", NULL);
    assert_string_equal(err.reason, "");
    mb_error_host(&err, NULL, MB_REMEDY_NONE, 99999, "w", NULL); /* no errno: no text, and no crash */
    assert_string_equal(err.reason, "");
    assert_int_equal(mb_error_memory(&err), -1);
    assert_int_equal(err.number, ENOMEM);
    assert_int_equal(err.status, 125);
    assert_printed(&err, "minibox: out of memory\n");
}

static void test_long_texts_are_cut(void **state) {
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct {
        struct minibox_error err;
        char after[8];
    } guarded = {.after = "canary"};
    struct minibox_error *err = &guarded.err;
    struct mb_origin origin = {MB_ORIGIN_API, text, 0, 0};
    mb_error_usage(err, &origin, MB_REMEDY_HELP, text, text, "%s", text);
    mb_error_remedy(err, "%s", text);
    assert_int_equal(strlen(err->what), sizeof(err->what) - 1);
    assert_int_equal(strlen(err->object), sizeof(err->object) - 1);
    assert_int_equal(strlen(err->reason), sizeof(err->reason) - 1);
    assert_int_equal(strlen(err->origin), sizeof(err->origin) - 1);
    assert_int_equal(strlen(err->remedy), sizeof(err->remedy) - 1);
    origin = (struct mb_origin){MB_ORIGIN_FILE, text, 1, 1};
    mb_error_host(err, &origin, MB_REMEDY_NONE, EPERM, text, text);
    assert_int_equal(strlen(err->what), sizeof(err->what) - 1);
    assert_int_equal(strlen(err->object), sizeof(err->object) - 1);
    assert_int_equal(strlen(err->origin), sizeof(err->origin) - 1);
    assert_string_equal(guarded.after, "canary");
}

static void test_every_remedy_has_text_that_fits(void **state) {
    (void)state;
    struct minibox_error err;
    for (int i = 0; i < MB_REMEDY_COUNT; i++) {
        const char *detail = mb_remedy_detail((enum mb_remedy)i), *text = mb_remedy_text((enum mb_remedy)i);
        assert_non_null(detail);
        assert_non_null(text);
        if (i == MB_REMEDY_NONE)
            assert_string_equal(text, "");
        else if (!text[0])
            fail_msg("remedy %d has no text", i);
        mb_error_usage(&err, NULL, (enum mb_remedy)i, "what", NULL, NULL);
        assert_string_equal(err.detail, detail);
        assert_string_equal(err.remedy, text);
        for (const char *c = text; *c; c++)
            assert_in_range(*c, 0x20, 0x7e);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print_in_all_shapes),
        cmocka_unit_test(test_print_escapes_what_controls_a_terminal),
        cmocka_unit_test(test_origin_forms),
        cmocka_unit_test(test_usage_error),
        cmocka_unit_test(test_host_error),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_every_remedy_has_text_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
