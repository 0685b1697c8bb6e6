/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles in docker's JSON format: from a file to rules to the kernel's BPF. */
#ifndef MB_FILTER_PROFILE_H
#define MB_FILTER_PROFILE_H

#include "base/arena.h"
#include "base/json.h"
#include "filter/filter.h"

/* The text of a profile's file, to be freed; NULL with *err. */
char *mb_profile_read(const char *path, const struct mb_origin *origin, struct minibox_error *err);

/*
 * Compiles a profile for this machine's architecture.
 *
 * text: the JSON document, NUL-terminated; name: where it came from, for errors.
 * capabilities: bit n set if the command has capability n; selects rules by includes.caps and excludes.caps.
 * allow_suid: selects rules by includes.allow ["suid"] and excludes.allow ["suid"], minibox's one addition to the
 * format. Errors: MINIBOX_PHASE_USAGE with the JSON path of what is wrong in *err (`origin` says which option named the
 * file).
 */
int mb_profile_compile(struct mb_arena *arena, const char *text, const char *name, uint64_t capabilities,
                       bool allow_suid, const struct mb_origin *origin, struct mb_filter *ret_filter,
                       struct minibox_error *err);

/* ---- for those who read a profile as a document: explain, learn ------------------------------------------------ */

/* What errors about a profile say. */
struct mb_json_source mb_profile_source(const char *name, const struct mb_origin *origin, struct minibox_error *err);

/* What a rule answers, or the profile to calls that no rule matches: SECCOMP_RET_*, with the error number. 0 or -1. */
enum mb_profile_part { MB_PROFILE_RULE, MB_PROFILE_DEFAULT };
int mb_profile_get_action(const struct mb_json_node *object, enum mb_profile_part part, uint32_t *ret_action);

#endif
