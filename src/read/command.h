/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands of minibox. main.c has the table; what is read here, printed as help and offered by completion are
 * its rows.
 */
#ifndef MB_READ_COMMAND_H
#define MB_READ_COMMAND_H

#include "spec/options.h"

enum { MB_COMMAND_OPTIONS = 4 };

/* How the words behind the name of a subcommand are read. */
enum mb_command_form {
    MB_COMMAND_WORDS,         /* options and words, in any order; "--" ends the options */
    MB_COMMAND_BEHIND_DASHES, /* options alone; the words stand behind "--" and are not looked at here */
    MB_COMMAND_OWN,           /* `main` gets all of them as they stand */
};

/* What was read. */
struct mb_call {
    bool given[MB_COMMAND_OPTIONS]; /* the options of the row */
    bool help;
    int count;
    char *
        *words; /* beside the options; NULL: no "--" stood there, in that form. Borrowed from argv, which is changed */
};

struct mb_command {
    const char *name, *about;
    const char *usage; /* what follows "minibox NAME", one way of use a line */
    const char *text;  /* help's text below that */
    struct {
        const char *name, *about;  /* "--json" */
    } options[MB_COMMAND_OPTIONS]; /* up to the first without a name; --help is every subcommand's */
    enum mb_command_form form;
    int most;                         /* words that it takes, at most */
    const char *word;                 /* what a word is: "resource", "FILE" */
    const char *(*name_of)(size_t i); /* the i-th word that may stand there, NULL beyond the last; NULL: any may */
    int (*main)(const struct mb_call *call, int *ret_status, struct minibox_error *err);
};

/* Reads the words behind the name of a subcommand. */
int mb_command_read(const struct mb_command *command, int argc, char **argv, struct mb_call *ret_call,
                    struct minibox_error *err);

/* A word that is no subcommand, or NULL if there was none: says what may have been meant. Returns -1. */
int mb_command_refuse(const char *word, const struct mb_command *commands, size_t count, struct minibox_error *err);

#endif
