/* SPDX-License-Identifier: Apache-2.0 */
/* `minibox flags --observe`: tries each flag of clone(2) on the running kernel. */
#ifndef MB_PROVE_OBSERVE_H
#define MB_PROVE_OBSERVE_H

#include <stdio.h>

#include "kernel/flags.h"

/*
 * Makes two children for each resource of the rows in `rows` (bit n: row n of mb_flags), one with the flag and one
 * without, and prints what their parent saw; with all rows, also how long it takes to make a child. *ret_status: 0 if
 * the kernel did what the table says, else 1. The host is left as it was. Takes about a second. 0, or -1 with *err.
 */
int mb_observe(uint64_t rows, bool json, FILE *out, int *ret_status, struct minibox_error *err);

#endif
