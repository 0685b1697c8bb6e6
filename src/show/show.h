/* SPDX-License-Identifier: Apache-2.0 */
/* What minibox prints out of its tables: help, the flag model, completion. */
#ifndef MB_SHOW_SHOW_H
#define MB_SHOW_SHOW_H

#include <stdio.h>

#include "spec/options.h"

/* `minibox run --help`: the options by groups, at most 80 columns wide. */
void mb_help_print_run(FILE *out);

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

#endif
