/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MB_BASE_SUGGEST_H
#define MB_BASE_SUGGEST_H

#include <stddef.h>

/* The nearest name to a mistyped one, or NULL when none is near. `names` yields count strings by index. */
const char *mb_suggest(const char *word, const char *const *names, size_t count);

#endif
