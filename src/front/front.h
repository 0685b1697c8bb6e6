/* SPDX-License-Identifier: Apache-2.0 */
/* Front ends write the spec: argv here. And what is printed out of the options table. */
#ifndef MB_FRONT_FRONT_H
#define MB_FRONT_FRONT_H

#include <stdio.h>

#include "spec/options.h"

struct json_object;

/* `minibox run --help`: the options by groups, at most 80 columns wide. */
void mb_help_print_run(FILE *out);

/* Prints words from `column` of the present line on, later lines from `indent` on, up to column 80, and ends the line. */
void mb_help_print_wrapped(FILE *out, const char *text, int indent, int column);

/* A JSON string of names and words, which are any bytes: what is not UTF-8 becomes U+FFFD, byte by byte. Out of memory: arena->failed. */
struct json_object *mb_help_new_string(struct mb_arena *arena, const char *text);

/* Prints a JSON document, and frees it. */
int mb_help_print_json(FILE *out, struct json_object *document, struct minibox_error *err);

/* `minibox flags`: the rows (bit n: row n) as a table, one in words, or as JSON. */
void mb_flags_print(FILE *out, uint64_t rows);
void mb_flags_explain(FILE *out, enum mb_flag_id id);
int mb_flags_print_json(FILE *out, uint64_t rows, struct minibox_error *err);

/* A subcommand of minibox, for what lists them. */
struct mb_command {
    const char *name, *about;
    const char *values; /* what completion offers behind it, as in struct mb_option; NULL: nothing */
    int (*main)(int argc, char **argv, int *ret_status, struct minibox_error *err); /* argv: the words after the name */
};

/* `minibox completion SHELL`: prints a script that makes bash, zsh or fish complete the words of minibox. */
int mb_completion_print(FILE *out, const char *shell, const struct mb_command *commands, size_t count,
                        struct minibox_error *err);

/* The options of a spec as minibox_spec_parse_file() reads them, each with where it came from as a comment; relative paths
 * as seen from `cwd`. */
void mb_file_print(const struct minibox_spec *spec, const char *cwd, FILE *out);

#endif
