/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents. */
#ifndef MB_BASE_JSON_H
#define MB_BASE_JSON_H

#include <json-c/json.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"

/* A JSON string of names and words, which are any bytes: each byte that is not UTF-8 becomes U+FFFD. Out of memory:
 * arena->failed. */
struct json_object *mb_json_string(struct mb_arena *arena, const char *text);

/* Prints a document, and frees it. */
int mb_json_print(FILE *out, struct json_object *document, struct minibox_error *err);

#endif
