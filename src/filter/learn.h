/* SPDX-License-Identifier: Apache-2.0 */
/* A smaller profile, of what a command used of the default one. */
#ifndef MB_FILTER_LEARN_H
#define MB_FILTER_LEARN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* Writes the default profile without the calls that were not used: counts[n] of call n is 0, or n is not below size. A
 * name that is left keeps its conditions, and refusals stay, so it never allows more. 0 or -1. */
int mb_learn_write(const uint32_t *counts, size_t size, FILE *out, struct minibox_error *err);

#endif
