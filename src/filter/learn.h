/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a profile of the calls that a command made, out of the default profile. */
#ifndef MB_FILTER_LEARN_H
#define MB_FILTER_LEARN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The text of the default profile without the calls that were not made: call n was if n is below `size` and counts[n]
 * is not 0. The names that are left keep their conditions, and refusals stay, so the result never allows more. The
 * caller frees it; NULL with *err. */
char *mb_learn_make(const uint32_t *counts, size_t size, struct minibox_error *err);

#endif
