/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "show/show.h"

static char *help; /* as printed */
static char *flat; /* the same with every run of blanks and newlines made one blank */

static int capture_help(void **state) {
    (void)state;
    size_t size;
    FILE *out = open_memstream(&help, &size);
    if (!out)
        return -1;
    mb_help_print_run(out);
    fclose(out);
    flat = calloc(1, size + 1);
    char *to = flat;
    for (const char *c = help; *c; c++)
        if (*c != ' ' && *c != '\n')
            *to++ = *c;
        else if (to > flat && to[-1] != ' ')
            *to++ = ' ';
    return 0;
}

static int free_help(void **state) {
    (void)state;
    free(help);
    free(flat);
    return 0;
}

static void test_lines_fit_80_columns(void **state) {
    (void)state;
    assert_int_equal(help[strlen(help) - 1], '\n');
    for (const char *line = help; *line; line = strchr(line, '\n') + 1) {
        size_t length = strcspn(line, "\n");
        if (length > 80)
            fail_msg("%zu columns: %.*s", length, (int)length, line);
        if (length && line[length - 1] == ' ')
            fail_msg("blank at the end: %.*s", (int)length, line);
    }
    for (const char *c = help; *c; c++)
        assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
}

/* As the user reads it: "-v, --volume SRC[:DST][:MODE] show SRC of ...". */
static void test_every_option_with_its_whole_text(void **state) {
    (void)state;
    for (int i = 0; i < MB_OPTION_COUNT; i++) {
        const struct mb_option *row = &mb_options[i];
        char letter[8] = "", wanted[1024];
        if (row->letter)
            snprintf(letter, sizeof(letter), "-%c, ", row->letter);
        snprintf(wanted, sizeof(wanted), " %s--%s%s%s%s %s ", letter, row->name,
                 !row->argument ? ""
                 : row->bare    ? "[="
                                : " ",
                 row->argument ? row->argument : "", row->argument && row->bare ? "]" : "", row->about);
        if (!strstr(flat, wanted))
            fail_msg("not in the help: %s", wanted);
    }
}

static void test_groups_in_order_with_their_options(void **state) {
    (void)state;
    const char *title = help;
    for (int group = 0; group < MB_GROUP_COUNT; group++) {
        char wanted[128];
        snprintf(wanted, sizeof(wanted), "\n\n%s:\n", mb_option_groups[group]);
        title = strstr(title, wanted);
        if (!title)
            fail_msg("group is missing or out of order: %s", mb_option_groups[group]);
        const char *end = strstr(title + 2, "\n\n"), *last = title;
        for (int i = 0; i < MB_OPTION_COUNT; i++) {
            if ((int)mb_options[i].group != group)
                continue;
            snprintf(wanted, sizeof(wanted), "  %s--%s", mb_options[i].letter ? "" : "    ", mb_options[i].name);
            if (mb_options[i].letter)
                snprintf(wanted, sizeof(wanted), "\n  -%c, --%s", mb_options[i].letter, mb_options[i].name);
            last = strstr(last, wanted);
            if (!last || last > end)
                fail_msg("--%s is not in its group, or out of order", mb_options[i].name);
        }
    }
}

/* Names start in columns 3 and 7, texts in column 29: nothing else starts a line of an option. */
static void test_columns_are_aligned(void **state) {
    (void)state;
    const char *begin = strstr(help, mb_option_groups[0]), *end = strstr(help, "\nMay be repeated");
    assert_non_null(begin);
    assert_non_null(end);
    for (const char *line = strchr(begin, '\n') + 1; line < end; line = strchr(line, '\n') + 1) {
        size_t indent = strspn(line, " ");
        if (indent == 0) /* a title or an empty line */
            continue;
        assert_true(indent == 2 || indent == 6 || indent == 28);
        size_t length = strcspn(line, "\n"), name = strcspn(line + indent, "\n");
        if (indent < 28) { /* the text is in its column, or on the next line */
            const char *gap = memmem(line + indent, name, "  ", 2);
            bool beside = length > 28 && memcmp(line + 26, "  ", 2) == 0;
            assert_true(beside || (!gap && strncmp(line + length + 1, "                            ", 28) == 0));
        }
    }
}

static void test_texts_can_be_printed(void **state) {
    (void)state;
    for (int i = 0; i < MB_OPTION_COUNT; i++) {
        const struct mb_option *row = &mb_options[i];
        assert_non_null(row->about);
        assert_true(strlen(row->about) > 5);
        assert_null(strchr(row->about, '%'));
        assert_null(strstr(row->about, "  "));
        assert_true(row->argument || row->bare);
        assert_true(!row->bare || row->implied);
    }
}

static void test_lists_are_named(void **state) {
    (void)state;
    char wanted[1024] = " May be repeated, each adds:";
    for (int i = 0, count = 0; i < MB_OPTION_COUNT; i++)
        if (mb_options[i].list)
            snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "%s --%s", count++ ? "," : "",
                     mb_options[i].name);
    strcat(wanted, " Examples:");
    assert_non_null(strstr(flat, wanted));
}

/* What is shown must work: each example is parsed as a shell would hand it over. */
static void test_examples_parse(void **state) {
    (void)state;
    int count = 0;
    for (const char *line = strstr(help, "\nExamples:\n") + 11; *line; line = strchr(line, '\n') + 1) {
        assert_true(strncmp(line, "  # ", 4) == 0 || strncmp(line, "  minibox run ", 14) == 0);
        if (line[2] == '#')
            continue;
        char text[128], *argv[32] = {NULL}, *rest = text;
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(line + 14, "\n"), line + 14);
        int argc = 0;
        while ((argv[argc] = strsep(&rest, " ")))
            argc++;
        struct minibox_spec *spec;
        struct minibox_error err;
        assert_int_equal(minibox_spec_new(&spec, &err), 0);
        if (minibox_spec_parse_argv(spec, argc, argv, &err) || mb_spec_check(spec, &err))
            fail_msg("%.*s: %s %s", (int)strcspn(line, "\n"), line, err.what, err.object);
        minibox_spec_free(spec);
        count++;
    }
    assert_in_range(count, 3, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_fit_80_columns),
        cmocka_unit_test(test_every_option_with_its_whole_text),
        cmocka_unit_test(test_groups_in_order_with_their_options),
        cmocka_unit_test(test_columns_are_aligned),
        cmocka_unit_test(test_texts_can_be_printed),
        cmocka_unit_test(test_lists_are_named),
        cmocka_unit_test(test_examples_parse),
    };
    return cmocka_run_group_tests(tests, capture_help, free_help);
}
