/* SPDX-License-Identifier: Apache-2.0 */
/* System call filters: a profile in docker's JSON format, compiled to the kernel's BPF. */
#ifndef MB_FILTER_FILTER_H
#define MB_FILTER_FILTER_H

#include <linux/filter.h>

#include "base/arena.h"
#include "base/error.h"

/* A compiled program, of at most MB_FILTER_MOST instructions. The memory is the arena's or constant. */
struct mb_filter {
    const struct sock_filter *code;
    size_t count;
};

/* The kernel's limit, less what is put before a program when it is loaded: launch/box.h. */
enum { MB_FILTER_MOST = BPF_MAXINSNS - 5 };

/*
 * Compiles a profile for this machine's architecture.
 *
 * text: the JSON document, NUL-terminated; name: where it came from, for errors.
 * capabilities: bit n set if the command has capability n; selects rules by includes.caps and excludes.caps.
 * allow_suid: selects rules by includes.allow ["suid"] and excludes.allow ["suid"], minibox's one addition to the
 * format. Errors: MINIBOX_PHASE_USAGE with the JSON path of what is wrong in *err (`origin` says which option named the
 * file).
 */
int mb_seccomp_compile(struct mb_arena *arena, const char *text, const char *name, uint64_t capabilities,
                       bool allow_suid, const struct mb_origin *origin, struct mb_filter *ret_filter,
                       struct minibox_error *err);

/* configs/seccomp/default.json with no capability, compiled while minibox was built. */
extern const struct mb_filter mb_seccomp_builtin, mb_seccomp_builtin_allow_suid;

/* The text of configs/seccomp/default.json, for --cap-add, which needs it compiled anew. */
extern const char mb_seccomp_default_json[];

#endif
