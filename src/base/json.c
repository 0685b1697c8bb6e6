/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. json-c parses and prints. A place is a chain of nodes on the stacks of the reading functions, from a
 * value up to the document, so it costs nothing until an error needs its text.
 *
 * What must stay true: json-c gives NULL for null, for what is absent, and for what it had no memory for. Reading tells
 * the third from the others in mb_json_parse(); writing makes null on purpose in mb_json_add_null() only.
 */
#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { MAX_DEPTH = 16 };

/* ---- places and errors ----------------------------------------------------------------------------------------- */

/* Returns the length that the text has or would have, as snprintf() does. */
static int print_place(const struct mb_json_node *node, char *text, size_t size) {
    if (!node->up)
        return 0;
    int used = print_place(node->up, text, size);
    if (used < 0 || (size_t)used >= size)
        return used;
    text += used;
    size -= (size_t)used;
    if (!node->key)
        return used + snprintf(text, size, "[%zu]", node->index);
    return used + snprintf(text, size, "%s%.40s", used ? "." : "", node->key);
}

int mb_json_fail(const struct mb_json_node *node, const char *format, ...) {
    const struct mb_json_source *source = node->source;
    char place[128] = "", reason[160];
    print_place(node, place, sizeof(place));
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    return mb_error_usage(source->err, source->origin, MB_REMEDY_NONE, source->cannot, source->name, "%s%s%s", place,
                          place[0] ? ": " : "", reason);
}

int mb_json_find_word(const struct mb_json_node *node, const char *word, const struct mb_json_words *words) {
    enum { MOST = 64 };
    const char *tails[MOST];
    size_t prefix = strlen(words->prefix), count = words->count < MOST ? words->count : MOST;
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->names[i], word) == 0)
            return (int)i;
    mb_json_fail(node, "\"%.60s\" is no %s", word, words->kind);
    for (size_t i = 0; i < count; i++)
        tails[i] = words->names[i] + prefix;
    const char *tail = strncmp(word, words->prefix, prefix) == 0 ? word + prefix : word;
    const char *nearest = tail[0] ? mb_text_suggest(tail, tails, count) : NULL;
    if (nearest)
        mb_error_remedy(node->source->err, "did you mean \"%s\"?", nearest - prefix);
    else
        mb_error_remedy(node->source->err, "\"%s\", for instance", words->names[0]);
    return -1;
}

/* ---- the document ---------------------------------------------------------------------------------------------- */

static void free_tokener(json_tokener **tokener) {
    if (*tokener)
        json_tokener_free(*tokener);
}

/* json-c could not read on from byte `end`. Returns -1. */
static int fail_syntax(const struct mb_json_node *document, const char *text, size_t end,
                       enum json_tokener_error error) {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < end && text[i]; i++) {
        line += text[i] == '\n';
        column = text[i] == '\n' ? 1 : column + 1;
    }
    return mb_json_fail(document, "line %zu, column %zu: %s", line, column, json_tokener_error_desc(error));
}

int mb_json_parse(const struct mb_json_source *source, const char *text, struct mb_json_node *ret_document) {
    struct mb_json_node document = {.source = source};
    size_t length = strlen(text);
    if (length >= INT32_MAX)
        return mb_json_fail(&document, "it is too large");
    __attribute__((cleanup(free_tokener))) json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    if (!tokener)
        return mb_error_memory(source->err);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    /* json-c gets the text's final NUL too: it tells that nothing follows. */
    document.value = json_tokener_parse_ex(tokener, text, (int)length + 1);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error != json_tokener_success)
        return fail_syntax(&document, text, json_tokener_get_parse_end(tokener), error);
    /* Without memory json-c gives neither a document nor an error, as it does for "null". */
    if (!document.value && text[strspn(text, " \t\r\n")] != 'n')
        return mb_error_memory(source->err);
    *ret_document = document;
    return 0;
}

void mb_json_free(struct mb_json_node *document) {
    json_object_put(document->value);
    document->value = NULL;
}

struct mb_json_node mb_json_member(const struct mb_json_node *object, const char *key) {
    struct mb_json_node member = {.source = object->source, .up = object, .key = key};
    if (json_object_is_type(object->value, json_type_object))
        json_object_object_get_ex(object->value, key, &member.value);
    return member;
}

struct mb_json_node mb_json_element(const struct mb_json_node *array, size_t index) {
    struct mb_json_node element = {.source = array->source, .up = array, .index = index};
    if (json_object_is_type(array->value, json_type_array))
        element.value = json_object_array_get_idx(array->value, index);
    return element;
}

/* ---- typed getters --------------------------------------------------------------------------------------------- */

/* clang-format off */
static const char *const type_names[] = {
    [json_type_null]    = "null",
    [json_type_boolean] = "a truth value",
    [json_type_double]  = "a fraction",
    [json_type_int]     = "an integer",
    [json_type_object]  = "an object",
    [json_type_array]   = "an array",
    [json_type_string]  = "a string",
};
/* clang-format on */

static int check_type(const struct mb_json_node *node, json_type type) {
    if (json_object_is_type(node->value, type))
        return 0;
    return mb_json_fail(node, "%s is wanted, not %s", type_names[type], type_names[json_object_get_type(node->value)]);
}

int mb_json_require(const struct mb_json_node *node) {
    return node->value ? 0 : mb_json_fail(node, "is missing");
}

int mb_json_get_text(const struct mb_json_node *node, const char **ret_text) {
    if (!node->value)
        return 0;
    if (check_type(node, json_type_string) < 0)
        return -1;
    const char *text = json_object_get_string(node->value);
    if (strlen(text) != (size_t)json_object_get_string_len(node->value))
        return mb_json_fail(node, "there is a NUL in the string");
    if (!text[0])
        return mb_json_fail(node, "the string is empty");
    *ret_text = text;
    return 0;
}

int mb_json_get_number(const struct mb_json_node *node, uint64_t max, uint64_t *ret_number) {
    if (!node->value)
        return 0;
    if (check_type(node, json_type_int) < 0)
        return -1;
    if (json_object_get_int64(node->value) < 0)
        return mb_json_fail(node, "must not be negative");
    uint64_t number = json_object_get_uint64(node->value);
    if (number > max)
        return mb_json_fail(node, "must be at most %llu", (unsigned long long)max);
    *ret_number = number;
    return 0;
}

int mb_json_get_array(const struct mb_json_node *node, size_t *ret_count) {
    if (!node->value)
        return 0;
    if (check_type(node, json_type_array) < 0)
        return -1;
    *ret_count = json_object_array_length(node->value);
    return 0;
}

int mb_json_get_texts(const struct mb_json_node *node, size_t *ret_count) {
    size_t count = 0;
    if (mb_json_get_array(node, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct mb_json_node element = mb_json_element(node, i);
        const char *text;
        if (check_type(&element, json_type_string) < 0 || mb_json_get_text(&element, &text) < 0)
            return -1;
    }
    if (node->value)
        *ret_count = count;
    return 0;
}

const char *mb_json_text_at(const struct mb_json_node *texts, size_t index) {
    return json_object_get_string(json_object_array_get_idx(texts->value, index));
}

int mb_json_check_keys(const struct mb_json_node *node, const char *const keys[], size_t count) {
    const struct mb_json_words known = {.kind = "key known here", .prefix = "", .names = keys, .count = count};
    if (check_type(node, json_type_object) < 0)
        return -1;
    json_object_object_foreach(node->value, key, value) {
        (void)value;
        if (mb_json_find_word(node, key, &known) < 0)
            return -1;
    }
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Adds a value; the writer becomes its owner. NULL is null. */
static void add(struct mb_json_writer *writer, const char *key, struct json_object *value) {
    struct json_object *into = writer->failed || !writer->depth ? NULL : writer->open[writer->depth - 1];
    int result = !into ? -1 : key ? json_object_object_add(into, key, value) : json_object_array_add(into, value);
    if (result == 0)
        return;
    json_object_put(value);
    writer->failed = true;
}

/* Adds a value that json-c has made. NULL means that it had no memory. */
static void add_made(struct mb_json_writer *writer, const char *key, struct json_object *value) {
    if (value)
        add(writer, key, value);
    else
        writer->failed = true;
}

/* Adds an object or array, into which the next values go. Without memory for it, they go nowhere. */
static void begin(struct mb_json_writer *writer, const char *key, struct json_object *value) {
    if (!writer->document)
        writer->document = value;
    else
        add_made(writer, key, value);
    writer->failed |= !value || writer->depth == MB_JSON_WRITER_DEPTH;
    if (writer->depth < MB_JSON_WRITER_DEPTH)
        writer->open[writer->depth] = writer->failed ? NULL : value;
    writer->depth++;
}

void mb_json_begin_object(struct mb_json_writer *writer, const char *key) {
    begin(writer, key, json_object_new_object());
}

void mb_json_begin_array(struct mb_json_writer *writer, const char *key) {
    begin(writer, key, json_object_new_array());
}

void mb_json_end(struct mb_json_writer *writer) {
    writer->failed |= !writer->depth;
    writer->depth -= writer->depth > 0;
}

/* Copies a text; the caller frees it. NULL: out of memory. */
static char *make_utf8(const char *text) {
    static const char replacement[] = "\xef\xbf\xbd";
    char *copy = malloc(strlen(text) * strlen(replacement) + 1), *to = copy;
    for (const char *from = text; copy && *from;) {
        size_t size = mb_text_utf8_length(from);
        to = size ? mempcpy(to, from, size) : stpcpy(to, replacement);
        from += size ? size : 1;
    }
    if (copy)
        *to = '\0';
    return copy;
}

void mb_json_add_text(struct mb_json_writer *writer, const char *key, const char *text) {
    if (!text) {
        mb_json_add_null(writer, key);
        return;
    }
    char *copy = make_utf8(text);
    add_made(writer, key, copy ? json_object_new_string(copy) : NULL);
    free(copy);
}

void mb_json_add_number(struct mb_json_writer *writer, const char *key, int64_t number) {
    add_made(writer, key, json_object_new_int64(number));
}

void mb_json_add_fraction(struct mb_json_writer *writer, const char *key, double number) {
    char text[512];
    snprintf(text, sizeof(text), "%.6f", number);
    add_made(writer, key, json_object_new_double_s(number, text));
}

void mb_json_add_flag(struct mb_json_writer *writer, const char *key, bool flag) {
    add_made(writer, key, json_object_new_boolean(flag));
}

void mb_json_add_null(struct mb_json_writer *writer, const char *key) {
    add(writer, key, NULL);
}

void mb_json_add_node(struct mb_json_writer *writer, const char *key, const struct mb_json_node *node) {
    add(writer, key, json_object_get(node->value));
}

char *mb_json_finish_text(struct mb_json_writer *writer, struct minibox_error *err) {
    const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;
    const char *text = writer->failed ? NULL : json_object_to_json_string_ext(writer->document, flags);
    char *copy = NULL;
    if (!text || asprintf(&copy, "%s\n", text) < 0) {
        copy = NULL;
        mb_error_memory(err);
    }
    json_object_put(writer->document);
    *writer = (struct mb_json_writer){0};
    return copy;
}

int mb_json_finish(struct mb_json_writer *writer, FILE *out, struct minibox_error *err) {
    char *text = mb_json_finish_text(writer, err);
    if (!text)
        return -1;
    int result = fputs(text, out) < 0 ? mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot print", "JSON") : 0;
    free(text);
    return result;
}
