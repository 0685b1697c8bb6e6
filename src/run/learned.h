/* SPDX-License-Identifier: Apache-2.0 */
/* --seccomp learn=FILE: a profile of the system calls that a command made. */
#ifndef MB_RUN_LEARNED_H
#define MB_RUN_LEARNED_H

#include <stdbool.h>

#include "launch/notify.h"
#include "run/outfile.h"
#include "spec/spec.h"

struct mb_learned {
    bool is_open; /* else nothing is learned */
    struct mb_outfile file;
};

#define MB_LEARNED_NONE ((struct mb_learned){.file = MB_OUTFILE_NONE})

/* Sees whether the profile can be written, and changes nothing. */
int mb_learned_open(struct mb_learned *learned, const struct minibox_spec *spec, struct minibox_error *err);

/* The same for a launch that is only tried: nothing is opened. */
int mb_learned_check(const struct minibox_spec *spec, struct minibox_error *err);

int mb_learned_write(const struct mb_learned *learned, const struct minibox_spec *spec, const struct mb_notify *notify,
                     struct minibox_error *err);

void mb_learned_close(struct mb_learned *learned);

#endif
