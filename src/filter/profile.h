/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles in docker's JSON format, compiled into the kernel's BPF. */
#ifndef MB_FILTER_PROFILE_H
#define MB_FILTER_PROFILE_H

#include "base/arena.h"
#include "base/json.h"
#include "filter/filter.h"

/* The text of a profile's file, which the caller frees; NULL with *err. */
char *mb_profile_read(const char *path, const struct mb_origin *origin, struct minibox_error *err);

/*
 * Compiles a profile for the native architecture.
 *
 * text: the JSON document, NUL-terminated; name: its path, for errors; origin: the option that named it, or NULL.
 * capabilities: bit n set if the command has capability n; selects rules by includes.caps and excludes.caps.
 * set_id: selects rules by includes.allow ["suid"] and excludes.allow ["suid"], minibox's one addition to the format.
 * Errors: MINIBOX_PHASE_USAGE with the place of the mistake in the document.
 */
int mb_profile_compile(struct mb_arena *arena, const char *text, const char *name, uint64_t capabilities,
                       enum mb_set_id set_id, const struct mb_origin *origin, struct mb_filter *ret_filter,
                       struct minibox_error *err);

/* ---- for explain.c and learn.c, which read a profile as a document --------------------------------------------- */

/* How errors about a profile begin. */
struct mb_json_source mb_profile_source(const char *name, const struct mb_origin *origin, struct minibox_error *err);

/* The answer of a rule, or of the profile to calls that no rule matches: SECCOMP_RET_*, with the error number. 0 or -1.
 */
enum mb_profile_part { MB_PROFILE_RULE, MB_PROFILE_DEFAULT };
int mb_profile_get_action(const struct mb_json_node *object, enum mb_profile_part part, uint32_t *ret_action);

#endif
