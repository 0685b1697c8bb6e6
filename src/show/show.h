/* SPDX-License-Identifier: Apache-2.0 */
/* Prints minibox's tables: help, the flag model, completion. */
#ifndef MB_SHOW_SHOW_H
#define MB_SHOW_SHOW_H

#include <stdio.h>

#include "read/command.h"

/* `minibox --help`: the subcommands. All of help is at most 80 columns wide. */
void mb_help_print(FILE *out, const struct mb_command *commands, size_t count);

/* `minibox NAME --help`: the use of one of them, and its options. */
void mb_help_print_command(FILE *out, const struct mb_command *command);

/* `minibox run --help`: the options by groups. */
void mb_help_print_run(FILE *out);

/* `minibox flags`: the rows (bit n: row n) as a table, one in words, or as JSON. */
void mb_flags_print(FILE *out, uint64_t rows);
void mb_flags_explain(FILE *out, enum mb_flag_id id);
int mb_flags_print_json(FILE *out, uint64_t rows, struct minibox_error *err);

/* The i-th shell that minibox has a script for, or NULL beyond the last. */
const char *mb_completion_shell(size_t i);

/* `minibox completion SHELL`: prints a script that makes that shell complete the words of minibox. 0, or -1 with *err.
 */
int mb_completion_print(FILE *out, const char *shell, const struct mb_command *commands, size_t count,
                        struct minibox_error *err);

#endif
