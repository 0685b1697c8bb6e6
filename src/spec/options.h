/* SPDX-License-Identifier: Apache-2.0 */
/* The options table: the single source of argv parsing, help, and whatever else lists options. */
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

/* The form of an option's value. */
enum mb_option_form {
    MB_FORM_CUSTOM,   /* has a parser of its own in options.c */
    MB_FORM_TEXT,     /* const char *, not empty */
    MB_FORM_YES_NO,   /* int: enum mb_choice */
    MB_FORM_COUNT,    /* uint32_t */
    MB_FORM_SIZE,     /* uint64_t bytes above zero: 512, 64k, 10m, 1g */
    MB_FORM_DURATION, /* uint64_t nanoseconds: 10, 1.5s, 200ms, 2m, 1h */
};

struct mb_option {
    const char *name;
    char letter;          /* short option, or 0 */
    bool bare;            /* the value may be left out; `implied` is used */
    bool list;            /* may be repeated; each adds */
    const char *argument; /* how help names the value; NULL: bare flag */
    const char *values;   /* what completion offers for it, where `argument` does not say that: see completion.c */
    const char *implied;
    enum mb_option_group group;
    enum mb_option_form form;
    size_t offset;     /* of the field in struct minibox_spec, for all forms but CUSTOM */
    const char *about; /* help text; %s-free, may be longer than a line */
};
extern const struct mb_option mb_options[MB_OPTION_COUNT];

/* Row of that long name, or -1. */
int mb_options_find(const char *name);

/* Name of the resource limit of that number, or NULL beyond the last. */
const char *mb_options_limit(size_t i);

/* Fills in the defaults. */
int mb_options_defaults(struct minibox_spec *spec, struct minibox_error *err);

/* Whether it is a path for the box: absolute, without "..", and not too deep. */
bool mb_options_is_box_path(const char *path);

/* A path of the host in a value, "busybox" and its like aside, as seen from the folder of `file`; or the value as it
 * is. NULL: out of memory. */
const char *mb_options_rebase(struct mb_arena *arena, enum mb_option_id id, const char *value, const char *file);

/* Sets one option from text. The text is copied. */
int mb_options_set(struct minibox_spec *spec, enum mb_option_id id, const char *text, struct mb_origin origin,
                   struct minibox_error *err);

#endif
