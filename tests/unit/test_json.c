/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as json.h reads and writes them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/count.h"
#include "base/json.h"

static const struct mb_origin origin = {.kind = MB_ORIGIN_ARGV, .name = "--bundle", .line = 2};
static struct minibox_error err;
static const struct mb_json_source source = {"cannot use the document", "x.json", &origin, &err};

static struct mb_json_node parse(const char *text) {
    struct mb_json_node document = {0};
    if (mb_json_parse(&source, text, &document) < 0)
        fail_msg("%s: %s", text, err.reason);
    return document;
}

/* The last error says so, with the document's name and where it came from; and a remedy, if `remedy` is not "". */
static void assert_error(const char *reason, const char *remedy) {
    assert_string_equal(err.reason, reason);
    assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
    assert_string_equal(err.object, "x.json");
    assert_string_equal(err.origin, "--bundle (argument 2)");
    if (remedy[0])
        assert_string_equal(err.remedy, remedy);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static void test_values_are_found(void **state) {
    (void)state;
    struct mb_json_node document =
        parse("{\"a\": {\"b\": [\"x\", 7, \"z\"]}, \"n\": null, \"big\": 18446744073709551615}");
    struct mb_json_node a = mb_json_member(&document, "a"), b = mb_json_member(&a, "b");
    struct mb_json_node x = mb_json_element(&b, 0), seven = mb_json_element(&b, 1), behind = mb_json_element(&b, 3);
    struct mb_json_node null = mb_json_member(&document, "n"), big = mb_json_member(&document, "big");
    const char *text = "default";
    uint64_t number = 3;
    size_t count = 0;
    assert_int_equal(mb_json_get_array(&b, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(mb_json_get_text(&x, &text), 0);
    assert_string_equal(text, "x");
    assert_int_equal(mb_json_get_number(&seven, 7, &number), 0);
    assert_int_equal(number, 7);
    assert_int_equal(mb_json_get_number(&big, UINT64_MAX, &number), 0);
    assert_true(number == UINT64_MAX);
    assert_int_equal(mb_json_require(&a), 0);
    assert_null(null.value);
    assert_null(behind.value);
    mb_json_free(&document);
}

/* What is absent, null, or in what is no object leaves the default, and is missing where it is required. */
static void test_absent_values(void **state) {
    (void)state;
    struct mb_json_node document = parse("{\"a\": [1], \"n\": null}");
    struct mb_json_node a = mb_json_member(&document, "a"), one = mb_json_element(&a, 0);
    struct mb_json_node absent[] = {mb_json_member(&document, "z"), mb_json_member(&document, "n"),
                                    mb_json_member(&a, "z"), mb_json_member(&one, "z"), mb_json_element(&one, 0)};
    for (size_t i = 0; i < MB_COUNT(absent); i++) {
        const char *text = "default";
        uint64_t number = 3;
        size_t count = 4, texts = 5;
        assert_int_equal(mb_json_get_text(&absent[i], &text), 0);
        assert_int_equal(mb_json_get_number(&absent[i], 9, &number), 0);
        assert_int_equal(mb_json_get_array(&absent[i], &count), 0);
        assert_int_equal(mb_json_get_texts(&absent[i], &texts), 0);
        assert_string_equal(text, "default");
        assert_true(number == 3 && count == 4 && texts == 5);
        assert_int_equal(mb_json_require(&absent[i]), -1);
    }
    assert_int_equal(mb_json_require(&absent[3]), -1);
    assert_error("a[0].z: is missing", "");
    mb_json_free(&document);
}

static void test_mistakes_name_their_place(void **state) {
    (void)state;
    struct mb_json_node document = parse("{\"list\": [{\"text\": 1, \"number\": -1, \"large\": 10, \"half\": 0.5}, "
                                         "[\"a\", null], \"\", \"a\\u0000b\"]}");
    struct mb_json_node list = mb_json_member(&document, "list"), object = mb_json_element(&list, 0);
    struct mb_json_node texts = mb_json_element(&list, 1), empty = mb_json_element(&list, 2);
    struct mb_json_node nul = mb_json_element(&list, 3);
    struct mb_json_node text_node = mb_json_member(&object, "text"), number_node = mb_json_member(&object, "number");
    struct mb_json_node large = mb_json_member(&object, "large"), half = mb_json_member(&object, "half");
    const char *text = "default";
    uint64_t number = 3;
    size_t count = 4;
    assert_int_equal(mb_json_get_text(&text_node, &text), -1);
    assert_error("list[0].text: a string is wanted, not an integer", "");
    assert_int_equal(mb_json_get_text(&empty, &text), -1);
    assert_error("list[2]: the string is empty", "");
    assert_int_equal(mb_json_get_text(&nul, &text), -1);
    assert_error("list[3]: there is a NUL in the string", "");
    assert_int_equal(mb_json_get_number(&number_node, 9, &number), -1);
    assert_error("list[0].number: must not be negative", "");
    assert_int_equal(mb_json_get_number(&large, 9, &number), -1);
    assert_error("list[0].large: must be at most 9", "");
    assert_int_equal(mb_json_get_number(&half, 9, &number), -1);
    assert_error("list[0].half: an integer is wanted, not a fraction", "");
    assert_int_equal(mb_json_get_array(&object, &count), -1);
    assert_error("list[0]: an array is wanted, not an object", "");
    assert_int_equal(mb_json_get_texts(&texts, &count), -1);
    assert_error("list[1][1]: a string is wanted, not null", "");
    assert_int_equal(mb_json_fail(&document, "it is %s", "odd"), -1);
    assert_error("it is odd", "");
    assert_string_equal(text, "default");
    assert_true(number == 3 && count == 4);
    mb_json_free(&document);
}

static void test_words_and_keys(void **state) {
    (void)state;
    static const char *const names[] = {"NET_LOOP", "NET_HOST"}, *const keys[] = {"mounts", "process"};
    static const struct mb_json_words words = {"network", "NET_", names, 2};
    struct mb_json_node document = parse("{\"a\": {\"mounts\": 1, \"process\": null}, \"b\": {\"mount\": 1}}");
    struct mb_json_node a = mb_json_member(&document, "a"), b = mb_json_member(&document, "b");
    assert_int_equal(mb_json_find_word(&a, "NET_HOST", &words), 1);
    assert_int_equal(mb_json_find_word(&a, "NET_HOTS", &words), -1);
    assert_error("a: \"NET_HOTS\" is no network", "did you mean \"NET_HOST\"?");
    assert_int_equal(mb_json_find_word(&a, "zzzzzz", &words), -1);
    assert_error("a: \"zzzzzz\" is no network", "\"NET_LOOP\", for instance");
    assert_int_equal(mb_json_check_keys(&a, keys, 2), 0);
    assert_int_equal(mb_json_check_keys(&b, keys, 2), -1);
    assert_error("b: \"mount\" is no key known here", "did you mean \"mounts\"?");
    mb_json_free(&document);
}

/* A place that is longer than any message is cut, and nothing else. */
static void test_deep_places(void **state) {
    (void)state;
    char text[2048] = "", key[101];
    memset(key, 'k', 100);
    key[100] = '\0';
    for (int i = 0; i < 15; i++)
        sprintf(text + strlen(text), "{\"%s\":", key);
    strcat(text, "1");
    for (int i = 0; i < 15; i++)
        strcat(text, "}");
    struct mb_json_node nodes[16] = {parse(text)};
    for (int i = 1; i < 16; i++)
        nodes[i] = mb_json_member(&nodes[i - 1], key);
    assert_non_null(nodes[15].value);
    assert_int_equal(mb_json_get_array(&nodes[15], &(size_t){0}), -1);
    assert_non_null(strstr(err.reason, "kkk.kkk"));
    mb_json_free(&nodes[0]);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static int finish(struct mb_json_writer *writer, char **ret_text) {
    size_t size;
    FILE *out = open_memstream(ret_text, &size);
    assert_non_null(out);
    int result = mb_json_finish(writer, out, &err);
    fclose(out);
    return result;
}

static void test_what_is_written(void **state) {
    (void)state;
    struct mb_json_node copied = parse("{\"k\": [1]}");
    struct mb_json_writer writer = {0};
    char *text = NULL;
    mb_json_begin_object(&writer, NULL);
    mb_json_add_text(&writer, "text", "a/b \xff\"\n\xc3\xa9");
    mb_json_add_text(&writer, "none", NULL);
    mb_json_add_number(&writer, "number", INT64_MIN);
    mb_json_add_fraction(&writer, "fraction", 1.5);
    mb_json_begin_array(&writer, "list");
    mb_json_add_flag(&writer, NULL, true);
    mb_json_add_null(&writer, NULL);
    mb_json_begin_object(&writer, NULL);
    mb_json_end(&writer);
    mb_json_end(&writer);
    mb_json_add_node(&writer, "copied", &copied);
    mb_json_end(&writer);
    mb_json_free(&copied);
    assert_int_equal(finish(&writer, &text), 0);
    assert_string_equal(text, "{\n  \"text\":\"a/b \xef\xbf\xbd\\\"\\n\xc3\xa9\",\n  \"none\":null,\n"
                              "  \"number\":-9223372036854775808,\n  \"fraction\":1.500000,\n  \"list\":[\n    true,\n"
                              "    null,\n    {\n    }\n  ],\n  \"copied\":{\n    \"k\":[\n      1\n    ]\n  }\n}\n");
    free(text);
}

/* A document that went wrong is not printed, wherever that was: here it has too many levels, or ends too often. */
static void test_failures_are_kept(void **state) {
    (void)state;
    struct mb_json_writer writer = {0};
    char *text = NULL;
    for (int i = 0; i < 2 * MB_JSON_WRITER_DEPTH; i++)
        mb_json_begin_array(&writer, NULL);
    mb_json_add_number(&writer, NULL, 1);
    for (int i = 0; i < 2 * MB_JSON_WRITER_DEPTH; i++)
        mb_json_end(&writer);
    assert_int_equal(finish(&writer, &text), -1);
    assert_string_equal(text, "");
    free(text);
    mb_json_begin_array(&writer, NULL);
    mb_json_end(&writer);
    mb_json_end(&writer);
    mb_json_add_number(&writer, NULL, 1);
    assert_int_equal(finish(&writer, &text), -1);
    assert_string_equal(text, "");
    free(text);
}

/* The same when memory runs out in the middle; afterwards there is enough again. */
static void test_memory_runs_out(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its allocator ends the program instead */
#endif
    enum { LARGE = 64 << 20 };
    char *large = malloc(LARGE);
    assert_non_null(large);
    memset(large, 'x', LARGE);
    large[LARGE - 1] = '\0';
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct mb_json_writer writer = {0};
        struct rlimit limit;
        mb_json_begin_object(&writer, NULL);
        getrlimit(RLIMIT_DATA, &limit);
        limit.rlim_cur = LARGE;
        setrlimit(RLIMIT_DATA, &limit);
        mb_json_begin_object(&writer, "object");
        mb_json_add_text(&writer, "text", large);
        mb_json_add_number(&writer, "number", 1);
        mb_json_end(&writer);
        mb_json_end(&writer);
        _exit(mb_json_finish(&writer, stdout, &err) == -1 && err.number == ENOMEM ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    free(large);
}

static void test_a_full_disk_is_told(void **state) {
    (void)state;
    FILE *out = fopen("/dev/full", "w");
    if (!out)
        skip();
    setvbuf(out, NULL, _IONBF, 0);
    struct mb_json_writer writer = {0};
    mb_json_begin_array(&writer, NULL);
    mb_json_end(&writer);
    assert_int_equal(mb_json_finish(&writer, out, &err), -1);
    assert_int_equal(err.number, ENOSPC);
    fclose(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_found),
        cmocka_unit_test(test_absent_values),
        cmocka_unit_test(test_mistakes_name_their_place),
        cmocka_unit_test(test_words_and_keys),
        cmocka_unit_test(test_deep_places),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_failures_are_kept),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
