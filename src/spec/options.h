/* SPDX-License-Identifier: Apache-2.0 */
/* The options table. Argv parsing, files of options, help, manual and completion all read it. */
#ifndef MB_SPEC_OPTIONS_H
#define MB_SPEC_OPTIONS_H

#include "spec/spec.h"

enum mb_option_group {
    MB_GROUP_FILES,
    MB_GROUP_COMMAND,
    MB_GROUP_IDENTITY,
    MB_GROUP_CONFINEMENT,
    MB_GROUP_SHARING,
    MB_GROUP_LIFE,
    MB_GROUP_OTHER,
    MB_GROUP_COUNT
};
extern const char *const mb_option_groups[MB_GROUP_COUNT];

/* One word of a choice, and the number that stands for it in the spec. A list of them ends at a NULL word. */
struct mb_word {
    const char *word;
    int value;
};

struct mb_value;

struct mb_option {
    const char *name;
    char letter;                 /* of the short option, or 0 */
    bool bare;                   /* the value may be left out; then it is `implied` */
    bool list;                   /* may be repeated; each value adds to the list */
    bool argv_only;              /* no file of options may hold it */
    const char *argument;        /* how help names the value; NULL: the option takes none */
    const struct mb_word *words; /* all possible values, if they are a few words */
    const char *values;          /* what else completion offers, as "busybox|host|DIR": see completion.c */
    const char *implied;
    enum mb_option_group group;
    int (*parse)(struct mb_value *value);   /* spec/values.h */
    size_t offset;                          /* of the field that `parse` fills in; 0: `parse` knows the field */
    const char *(*path)(const char *value); /* where in a value a path of the host begins; NULL: never */
    const char *about;                      /* help text, which is wrapped when it is printed */
};
extern const struct mb_option mb_options[MB_OPTION_COUNT];

/* The row of that long name, or -1. */
int mb_options_find(const char *name);

/* The long name nearest to a mistyped one, or NULL when none is near. */
const char *mb_options_suggest(const char *name);

/* Sets the remedy for a word that is none of `names`: it names the nearest of them, or all. */
void mb_options_remedy_word(struct minibox_error *err, const char *word, const char *const *names, size_t count);

/* Fills in the defaults. */
int mb_options_defaults(struct minibox_spec *spec, struct minibox_error *err);

/* Whether `path` may be a path in the box: absolute, without "..", and not too deep. */
bool mb_options_is_box_path(const char *path);

/* The value with its path of the host, if it has one that is relative, taken from the directory of `file`. Without
 * memory it is "", and arena->failed is set. */
const char *mb_options_rebase(struct mb_arena *arena, enum mb_option_id id, const char *value, const char *file);

/* Sets one option from text. The text is copied. */
int mb_options_set(struct minibox_spec *spec, enum mb_option_id id, const char *text, struct mb_origin origin,
                   struct minibox_error *err);

#endif
