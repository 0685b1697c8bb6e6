/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of minibox. Their table is in main.c; words are read, help is printed and completion offered by it.
 */
#ifndef MB_READ_COMMAND_H
#define MB_READ_COMMAND_H

#include "spec/options.h"

enum { MB_COMMAND_OPTIONS = 4 };

/* How the words behind the name of a subcommand are read. */
enum mb_command_form {
    MB_COMMAND_WORDS,         /* options and words, in any order; "--" ends the options */
    MB_COMMAND_BEHIND_DASHES, /* options alone; the words behind "--" are `main`'s to read */
    MB_COMMAND_OWN,           /* all words are `main`'s to read */
};

/* The words of a call, read by the row of its subcommand. */
struct mb_call {
    bool given[MB_COMMAND_OPTIONS]; /* the options of the row */
    bool help;
    int count;
    char **words; /* those that are no options, in argv, which is changed. NULL: BEHIND_DASHES, and there was no "--" */
};

struct mb_command {
    const char *name, *about;
    const char *usage; /* help: the words that may follow "minibox NAME", a line for each way of use */
    const char *text;  /* help: the text below that */
    struct {
        const char *name, *about;  /* "--json" */
    } options[MB_COMMAND_OPTIONS]; /* up to the first without a name; every subcommand has --help besides */
    enum mb_command_form form;
    int most;                         /* words that it takes, at most */
    const char *word;                 /* how messages call such a word: "resource", "FILE" */
    const char *(*name_of)(size_t i); /* the i-th word that it takes, NULL beyond the last; NULL: it takes any word */
    int (*main)(const struct mb_call *call, int *ret_status, struct minibox_error *err);
};

/* Reads the words behind the name of a subcommand. 0, or -1 with *err. */
int mb_command_read(const struct mb_command *command, int argc, char **argv, struct mb_call *ret_call,
                    struct minibox_error *err);

/* Records that `word` is no subcommand (NULL: none was given), and suggests one. Returns -1. */
int mb_command_refuse(const char *word, const struct mb_command *commands, size_t count, struct minibox_error *err);

#endif
