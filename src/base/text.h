/* SPDX-License-Identifier: Apache-2.0 */
/* Texts for people: bytes from names and files, which may be anything; likely words for mistyped ones; lines of a
 * terminal. */
#ifndef MB_BASE_TEXT_H
#define MB_BASE_TEXT_H

#include <stddef.h>
#include <stdio.h>

enum { MB_TEXT_COLUMNS = 80 };

/* Bytes of the UTF-8 character that starts at `text`; 0: what stands there is none (or the end). */
size_t mb_text_utf8_length(const char *text);

/* The same, but 0 also for what would drive a terminal or show text in another order: controls, direction marks. */
size_t mb_text_printable(const char *text);

/* The nearest of `count` names to a mistyped one, or NULL when none is near. */
const char *mb_text_suggest(const char *word, const char *const *names, size_t count);

/* Prints words from `column` of the present line on, later lines from `indent` on, up to MB_TEXT_COLUMNS, and ends the
 * line. */
void mb_text_print_wrapped(FILE *out, const char *text, int indent, int column);

#endif
