/* SPDX-License-Identifier: Apache-2.0 */
/* Texts for people: names and files may hold any bytes, words may be mistyped, lines must fit a terminal. */
#ifndef MB_BASE_TEXT_H
#define MB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { MB_TEXT_COLUMNS = 80 };

/* The length in bytes of the UTF-8 character at `text`; 0: there is none, or the text ends. */
size_t mb_text_utf8_length(const char *text);

/* The same, but 0 also for control characters and direction marks, which would drive a terminal or reorder its text. */
size_t mb_text_printable(const char *text);

/* The nearest of `count` names to a mistyped one, or NULL when none is near. */
const char *mb_text_suggest(const char *word, const char *const *names, size_t count);

/* Whether `word` is one of the words of `list`, which are separated by blanks. */
bool mb_text_has_word(const char *list, const char *word);

/* Prints words from `column` of the present line on, later lines from `indent` on, up to MB_TEXT_COLUMNS. Returns the
 * column behind them, from which more words may be printed. */
int mb_text_print_words(FILE *out, const char *text, int indent, int column);

/* The same, and ends the line. */
void mb_text_print_wrapped(FILE *out, const char *text, int indent, int column);

#endif
