/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents, read and written.
 *
 * A node is a value together with its place in the document. A reader of some format asks nodes for the members that
 * the format has there; a mistake is reported with its place, as in `cannot use the seccomp profile "box.json":
 * syscalls[3].args[0].op: is missing`.
 */
#ifndef MB_BASE_JSON_H
#define MB_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* What errors about a document say, and where they are recorded. */
struct mb_json_source {
    const char *cannot;             /* how an error begins: "cannot use the seccomp profile" */
    const char *name;               /* of the document: its path */
    const struct mb_origin *origin; /* the option that named it; may be NULL */
    struct minibox_error *err;
};

struct mb_json_node {
    const struct mb_json_source *source;
    const struct mb_json_node *up; /* the object or array that it is in; NULL: it is the document itself */
    const char *key;               /* in an object; NULL: it is in an array, at `index` */
    size_t index;
    struct json_object *value; /* the document's; NULL: absent, or null, which means the same to Go programs */
};

/* The strings that may stand at a place. All begin with `prefix`; the nearest to a mistyped one is looked for by what
 * follows it. */
struct mb_json_words {
    const char *kind; /* for messages: "is no action" */
    const char *prefix;
    const char *const *names;
    size_t count;
};

/* Reads a text, strictly by RFC 8259. 0, with the document in *ret_document, which the caller frees with
 * mb_json_free(); or -1. *source must live as long as the nodes. */
int mb_json_parse(const struct mb_json_source *source, const char *text, struct mb_json_node *ret_document);
void mb_json_free(struct mb_json_node *document);

/* The member of an object, or the element of an array. The node above must stay where it is: the place refers to it. A
 * value of another type, and an absent one, has no members. */
struct mb_json_node mb_json_member(const struct mb_json_node *object, const char *key);
struct mb_json_node mb_json_element(const struct mb_json_node *array, size_t index);

/* Records that the value of a node is wrong, and how. Returns -1. */
int mb_json_fail(const struct mb_json_node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* 0, or -1 with an error if the value is absent. */
int mb_json_require(const struct mb_json_node *node);

/*
 * Typed getters: 0, or -1 with an error if the value is of another type. If it is absent, and on failure, *ret_... is
 * left alone: the caller has put the default there. Texts are the document's; an empty one, or one with a NUL in it, is
 * a mistake. So is a null among texts; in any other array a null is absent, as everywhere.
 */
int mb_json_get_text(const struct mb_json_node *node, const char **ret_text);
int mb_json_get_number(const struct mb_json_node *node, uint64_t max, uint64_t *ret_number);
int mb_json_get_array(const struct mb_json_node *node, size_t *ret_count);
int mb_json_get_texts(const struct mb_json_node *node, size_t *ret_count); /* an array of texts */

/* An element of an array that mb_json_get_texts() has checked. */
const char *mb_json_text_at(const struct mb_json_node *texts, size_t index);

/* The position of `word` among words, or -1 with an error about the node that suggests the nearest one. */
int mb_json_find_word(const struct mb_json_node *node, const char *word, const struct mb_json_words *words);

/* 0 if the node is an object without other keys than these, or -1 with an error that suggests the nearest. */
int mb_json_check_keys(const struct mb_json_node *node, const char *const keys[], size_t count);

/* ---- writing --------------------------------------------------------------------------------------------------- */

enum { MB_JSON_WRITER_DEPTH = 8 };

/*
 * A document that is being made; {0} is an empty one. A value is added to the end of the object or array that was begun
 * last; its key is NULL in an array. When memory runs out the writer remembers that, later values may be added all the
 * same, and mb_json_finish() reports it.
 */
struct mb_json_writer {
    struct json_object *document;
    struct json_object *open[MB_JSON_WRITER_DEPTH]; /* from the document down to where things are added */
    size_t depth;
    bool failed;
};

void mb_json_begin_object(struct mb_json_writer *writer, const char *key);
void mb_json_begin_array(struct mb_json_writer *writer, const char *key);
void mb_json_end(struct mb_json_writer *writer);

/* The text may be any bytes: each that is not UTF-8 becomes U+FFFD. NULL is null. */
void mb_json_add_text(struct mb_json_writer *writer, const char *key, const char *text);
void mb_json_add_number(struct mb_json_writer *writer, const char *key, int64_t number);
void mb_json_add_fraction(struct mb_json_writer *writer, const char *key, double number); /* with six decimals */
void mb_json_add_flag(struct mb_json_writer *writer, const char *key, bool flag);
void mb_json_add_null(struct mb_json_writer *writer, const char *key);
void mb_json_add_node(struct mb_json_writer *writer, const char *key, const struct mb_json_node *node); /* as it is */

/* Prints the document with a final line break, and frees it. 0, or -1 with *err: memory had run out, or `out` could not
 * be written to. */
int mb_json_finish(struct mb_json_writer *writer, FILE *out, struct minibox_error *err);

/* The same, but returns the text, which the caller frees; NULL with *err. */
char *mb_json_finish_text(struct mb_json_writer *writer, struct minibox_error *err);

#endif
