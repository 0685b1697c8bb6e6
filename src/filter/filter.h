/* SPDX-License-Identifier: Apache-2.0 */
/* System call filters: what they are, and those that are part of minibox. */
#ifndef MB_FILTER_FILTER_H
#define MB_FILTER_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

/* A compiled program, of at most MB_FILTER_MOST instructions. Its code is constant, or lies in an arena. */
struct mb_filter {
    const struct sock_filter *code;
    size_t count;
};

/* The kernel's limit, less the instructions that are put before a program when it is loaded: MB_SHARED_QUESTION in
 * inside/shared.h. */
enum { MB_FILTER_MOST = BPF_MAXINSNS - 5 };

/* Whether a command may set set-user-id and set-group-id bits: --allow suid. */
enum mb_set_id { MB_SET_ID_REFUSED, MB_SET_ID_ALLOWED };

/* configs/seccomp/default.json with no capability, compiled while minibox was built. */
extern const struct mb_filter mb_seccomp_builtin, mb_seccomp_builtin_allow_suid;

/* The text of configs/seccomp/default.json: with --cap-add it is compiled anew. */
extern const char mb_seccomp_default_json[];

#endif
