/* SPDX-License-Identifier: Apache-2.0 */
/* `minibox check`: what this host offers, found by trying. */
#ifndef MB_PROVE_CHECK_H
#define MB_PROVE_CHECK_H

#include <stdio.h>

#include "spec/spec.h"

/*
 * Tries what boxes are made of, as the user who calls, and prints a line for each: whether it works, what it means,
 * what to do. With `spec` only whether that launch would work: all of it is done but the execve. *ret_status: 0 if a
 * box can be made, else 1.
 */
int mb_check(const struct minibox_spec *spec, bool json, FILE *out, int *ret_status, struct minibox_error *err);

#endif
