/* SPDX-License-Identifier: Apache-2.0 */
/* --seccomp learn=FILE: a profile of the system calls that a command made. */
#ifndef MB_RUN_LEARNED_H
#define MB_RUN_LEARNED_H

#include "launch/notify.h"
#include "run/outfile.h"
#include "spec/spec.h"

/* Opens the profile's file, if there is one: mb_outfile_open(). */
int mb_learned_open(struct mb_outfile *profile, const struct minibox_spec *spec, enum mb_purpose purpose,
                    struct minibox_error *err);

/* Writes it, if it is open. */
int mb_learned_write(const struct mb_outfile *profile, const struct minibox_spec *spec, const struct mb_notify *notify,
                     struct minibox_error *err);

#endif
