/* SPDX-License-Identifier: Apache-2.0 */
/* `minibox check`: tries out what this host offers. */
#ifndef MB_PROVE_CHECK_H
#define MB_PROVE_CHECK_H

#include <stdio.h>

#include "spec/spec.h"

/*
 * Tries, as the calling user, everything that boxes are made of, and prints a line for each: whether it works, what it
 * means, what to do. With `spec` it only tries that launch, all of it but the execve. *ret_status: 0 if a box can be
 * made, else 1. 0, or -1 with *err.
 */
int mb_check(const struct minibox_spec *spec, bool json, FILE *out, int *ret_status, struct minibox_error *err);

#endif
