/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles as documents: what one permits, and a smaller one of what was used. Compiling them: seccomp.h. */
#ifndef MB_FILTER_EXPLAIN_H
#define MB_FILTER_EXPLAIN_H

#include <stdio.h>

#include "base/error.h"

/* The text of a profile's file, to be freed; NULL with *err. */
char *mb_profile_read(const char *path, const struct mb_origin *origin, struct minibox_error *err);

/* Prints the rules of a profile, of which mb_seccomp_compile() has found that it is one, in their order. */
void mb_profile_print(const char *text, FILE *out);

/* How a call that the default profile refuses is permitted: "--cap-add SYS_ADMIN", "--allow suid", or what is left. */
void mb_profile_permit(const char *call, char *ret_text, size_t size);

/* Writes the default profile without the calls that were not used: counts[n] is 0. A name that is left keeps its
 * conditions, and refusals stay, so it never allows more. */
int mb_profile_write_used(const uint32_t *counts, size_t size, FILE *out, struct minibox_error *err);

#endif
