/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/count.h"

struct odd { /* no power of two */
    char byte[12];
    uint32_t value;
    void *self;
    char more[9];
};

static void test_memory_is_aligned_and_zeroed(void **state) {
    (void)state;
    struct mb_arena arena = {0};
    static const char zeros[70000];
    static const size_t sizes[] = {1, 0, 2, 15, 16, 17, 4096, 16383, 16384, 16385, 70000, 1, 3};
    /* Twice: what is filled with 0xff the first time must not be handed out again. */
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < MB_COUNT(sizes); i++) {
            char *memory = mb_arena_alloc(&arena, sizes[i]);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
            assert_memory_equal(memory, zeros, sizes[i]);
            memset(memory, 0xff, sizes[i]);
        }
    assert_false(arena.failed);
    mb_arena_free(&arena);
}

static void test_too_much_fails_and_sticks(void **state) {
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 4 + 1};
    for (size_t i = 0; i < MB_COUNT(sizes); i++) {
        struct mb_arena arena = {0};
        assert_null(mb_arena_alloc(&arena, sizes[i]));
        assert_true(arena.failed);
        assert_non_null(mb_arena_alloc(&arena, 1)); /* later success must not hide it */
        assert_true(arena.failed);
        mb_arena_free(&arena);
        assert_false(arena.failed);
        assert_null(arena.chunks);
    }
}

static void test_copy(void **state) {
    (void)state;
    struct mb_arena arena = {0};
    char text[] = "abcdef";
    const char *copy = mb_arena_copy(&arena, text, 3);
    text[0] = 'X';
    assert_string_equal(copy, "abc");
    assert_string_equal(mb_arena_copy(&arena, text, 0), "");
    const char *bytes = mb_arena_copy(&arena, "a\0b", 3);
    assert_memory_equal(bytes, "a\0b\0", 4);
    assert_string_equal(mb_arena_copy(&arena, "", SIZE_MAX / 2), ""); /* cannot be had: refused before it is read */
    assert_true(arena.failed);
    mb_arena_free(&arena);
}

static void test_printf(void **state) {
    (void)state;
    struct mb_arena arena = {0};
    assert_string_equal(mb_arena_printf(&arena, "%s/%d", "a", -7), "a/-7");
    assert_string_equal(mb_arena_printf(&arena, "%s", ""), "");
    const char *wide = mb_arena_printf(&arena, "%*d", 50000, 1);
    assert_int_equal(strlen(wide), 50000);
    assert_int_equal(wide[49999], '1');
    assert_false(arena.failed);
    mb_arena_free(&arena);
}

static void test_push_keeps_elements(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    struct mb_arena arena = {0};
    struct odd *odd = NULL;
    char *bytes = NULL;
    size_t odds = 0, byte_count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct odd *slot = mb_arena_push(&arena, &odd, &odds, sizeof(*odd));
        char *byte = mb_arena_push(&arena, &bytes, &byte_count, 1);
        assert_ptr_equal(slot, &odd[i]);
        assert_int_equal(odds, i + 1);
        assert_int_equal(slot->value, 0);
        assert_null(slot->self);
        assert_int_equal(*byte, 0);
        memset(slot, 0xa5, sizeof(*slot));
        slot->value = i;
        *byte = (char)i;
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(odd[i].value, i);
        assert_int_equal((unsigned char)odd[i].more[8], 0xa5);
        assert_int_equal(bytes[i], (char)i);
    }
    mb_arena_free(&arena);
}

static void test_push_that_fails_changes_nothing(void **state) {
    (void)state;
    struct mb_arena arena = {0};
    int *array = NULL;
    size_t count = 0;
    assert_null(mb_arena_push(&arena, &array, &count, SIZE_MAX));
    assert_int_equal(count, 0);
    assert_null(array);
    assert_true(arena.failed);
    mb_arena_free(&arena);
}

static void test_free_leaves_an_empty_arena(void **state) {
    (void)state;
    struct mb_arena arena = {0};
    mb_arena_free(&arena);
    assert_non_null(mb_arena_alloc(&arena, 100000));
    mb_arena_free(&arena);
    assert_null(arena.chunks);
    assert_string_equal(mb_arena_printf(&arena, "again"), "again");
    mb_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_aligned_and_zeroed),
        cmocka_unit_test(test_too_much_fails_and_sticks),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_push_keeps_elements),
        cmocka_unit_test(test_push_that_fails_changes_nothing),
        cmocka_unit_test(test_free_leaves_an_empty_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
