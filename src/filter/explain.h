/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles in words. */
#ifndef MB_FILTER_EXPLAIN_H
#define MB_FILTER_EXPLAIN_H

#include <stdio.h>

#include "base/error.h"

/* Prints the rules of a profile in their order. mb_profile_compile() must have accepted it. 0 or -1. */
int mb_explain_print(const char *text, FILE *out, struct minibox_error *err);

/* The option that permits a call which the default profile refuses: "--cap-add SYS_ADMIN", "--allow suid", or else a
 * profile of one's own. */
void mb_explain_permit(const char *call, char *ret_text, size_t size);

#endif
