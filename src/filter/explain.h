/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles in words. */
#ifndef MB_FILTER_EXPLAIN_H
#define MB_FILTER_EXPLAIN_H

#include <stdio.h>

#include "base/error.h"

/* Prints the rules of a profile, of which mb_profile_compile() has found that it is one, in their order. 0 or -1. */
int mb_explain_print(const char *text, FILE *out, struct minibox_error *err);

/* How a call that the default profile refuses is permitted: "--cap-add SYS_ADMIN", "--allow suid", or what is left. */
void mb_explain_permit(const char *call, char *ret_text, size_t size);

#endif
