/* SPDX-License-Identifier: Apache-2.0 */
/* System call filters, and those that minibox has without reading a profile. */
#ifndef MB_FILTER_FILTER_H
#define MB_FILTER_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

/* A compiled program, of at most MB_FILTER_MOST instructions. The memory is the arena's or constant. */
struct mb_filter {
    const struct sock_filter *code;
    size_t count;
};

/* The kernel's limit, less what is put before a program when it is loaded: MB_SHARED_QUESTION in inside/shared.h. */
enum { MB_FILTER_MOST = BPF_MAXINSNS - 5 };

/* configs/seccomp/default.json with no capability, compiled while minibox was built. */
extern const struct mb_filter mb_seccomp_builtin, mb_seccomp_builtin_allow_suid;

/* The text of configs/seccomp/default.json, for --cap-add, which needs it compiled anew. */
extern const char mb_seccomp_default_json[];

#endif
