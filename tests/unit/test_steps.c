/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a plan as they are appended: what they are before anything is filled in, and paths cut into their parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/count.h"
#include "plan/steps.h"

static const struct mb_origin origin = {MB_ORIGIN_ARGV, "--volume", 3, 0};

static void a_new_step_says_nothing_yet(void **state) {
    (void)state;
    struct mb_plan plan = {0};
    struct mb_compiler c = {.plan = &plan, .root_fd = -1};
    const struct mb_step *step = mb_steps_add(&c, MB_STEP_UMASK, MB_SIDE_BUILDER, &origin);
    assert_ptr_equal(step, &plan.steps[0]);
    assert_int_equal(step->kind, MB_STEP_UMASK);
    assert_int_equal(step->side, MB_SIDE_BUILDER);
    assert_ptr_equal(step->origin, &origin);
    assert_int_equal(step->mount, -1);
    assert_int_equal(step->part_count, 0);
    assert_null(step->path);
    step = mb_steps_add(&c, MB_STEP_EXEC, MB_SIDE_COMMAND, NULL);
    assert_ptr_equal(step, &plan.steps[1]);
    assert_int_equal(step->origin->kind, MB_ORIGIN_DEFAULT); /* nobody asked for it */
    assert_int_equal(plan.step_count, 2);
    assert_int_equal(mb_plan_number(&plan, step), 2);
    assert_ptr_equal(mb_plan_find(&plan, MB_STEP_EXEC), step);
    assert_null(mb_plan_find(&plan, MB_STEP_INIT));
    mb_plan_free(&plan);
    assert_null(plan.steps);
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

enum { MOST = 100 };

struct cut {
    const char *path;
    size_t count;
    const char *parts[4][2]; /* directory and name */
};

static void paths_are_cut(void **state) {
    (void)state;
    static const struct cut cases[] = {
        {"", 0, {{NULL}}},
        {"/", 0, {{NULL}}},
        {"///", 0, {{NULL}}},
        {"a", 1, {{"", "a"}}},
        {"a/", 1, {{"", "a"}}},
        {"a//b/", 2, {{"", "a"}, {"a", "b"}}},
        {"/a/b", 2, {{"", "a"}, {"a", "b"}}}, /* below the slot: never from the builder's own root */
        {"//a///b", 2, {{"", "a"}, {"a", "b"}}},
        {"usr/lib", 2, {{"", "usr"}, {"usr", "lib"}}},
        {"a/bb/ccc/dddd", 4, {{"", "a"}, {"a", "bb"}, {"a/bb", "ccc"}, {"a/bb/ccc", "dddd"}}},
        {"a//b//c", 3, {{"", "a"}, {"a", "b"}, {"a//b", "c"}}}, /* as good a path as a/b */
        {"a/./b", 3, {{"", "a"}, {"a", "."}, {"a/.", "b"}}},
        {" / ", 2, {{"", " "}, {" ", " "}}},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct mb_plan plan = {0};
        struct mb_compiler c = {.plan = &plan, .root_fd = -1};
        const struct mb_step *step =
            mb_steps_add_at(&c, MB_STEP_DIRECTORY, &origin, MB_SLOT_DEV, "/seen", cases[i].path);
        assert_int_equal(step->side, MB_SIDE_BUILDER);
        assert_int_equal(step->at, MB_SLOT_DEV);
        assert_string_equal(step->target, "/seen");
        assert_string_equal(step->path, cases[i].path);
        if (step->part_count != cases[i].count)
            fail_msg("\"%s\": %zu parts, wanted %zu", cases[i].path, step->part_count, cases[i].count);
        for (size_t n = 0; n < step->part_count; n++) {
            const struct mb_path_part *part = &step->parts[n];
            if (strcmp(part->directory, cases[i].parts[n][0]) != 0 || strcmp(part->name, cases[i].parts[n][1]) != 0)
                fail_msg("\"%s\", part %zu: \"%s\" in \"%s\", wanted \"%s\" in \"%s\"", cases[i].path, n, part->name,
                         part->directory, cases[i].parts[n][1], cases[i].parts[n][0]);
        }
        mb_plan_free(&plan);
    }
}

/* As many parts as a path of a box may have, of different lengths: each text ends, and none lies over another. */
static void a_deep_path_is_cut(void **state) {
    (void)state;
    struct mb_plan plan = {0};
    struct mb_compiler c = {.plan = &plan, .root_fd = -1};
    char path[4096] = "", names[MOST][32];
    for (int n = 0; n < MOST; n++) {
        snprintf(names[n], sizeof(names[n]), "%.*sn%d", n % 20, "xxxxxxxxxxxxxxxxxxxx", n);
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s%s", n ? "/" : "", names[n]);
    }
    const struct mb_step *step = mb_steps_add_at(&c, MB_STEP_DIRECTORY, NULL, MB_SLOT_ROOT, path, path);
    assert_int_equal(step->part_count, MOST);
    char before[4096] = "";
    for (int n = 0; n < MOST; n++) {
        assert_string_equal(step->parts[n].directory, before);
        assert_string_equal(step->parts[n].name, names[n]);
        snprintf(before + strlen(before), sizeof(before) - strlen(before), "%s%s", n ? "/" : "", names[n]);
    }
    mb_plan_free(&plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_step_says_nothing_yet),
        cmocka_unit_test(paths_are_cut),
        cmocka_unit_test(a_deep_path_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
