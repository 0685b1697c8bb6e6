/* SPDX-License-Identifier: Apache-2.0 */
/* Front ends write the spec: argv here. And what is printed out of the options table. */
#ifndef MB_FRONT_FRONT_H
#define MB_FRONT_FRONT_H

#include <stdio.h>

#include "spec/options.h"

/* `minibox run --help`: the options by groups, at most 80 columns wide. */
void mb_help_print_run(FILE *out);

/* A row of a list: a name, a mark beside it, and a text that is wrapped at 80 columns. */
void mb_help_print_row(FILE *out, const char *mark, const char *name, const char *about);

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
