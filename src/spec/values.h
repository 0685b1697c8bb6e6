/* SPDX-License-Identifier: Apache-2.0 */
/* The values of options: the rows of the table name a parser for each form, and a function that finds a path of the
 * host in a value. */
#ifndef MB_SPEC_VALUES_H
#define MB_SPEC_VALUES_H

#include "spec/options.h"

/* A value that is to be parsed, and the spec that it goes into. */
struct mb_value {
    struct minibox_spec *spec;
    enum mb_option_id id;
    const char *text; /* in the spec's arena */
    struct mb_origin origin;
    struct minibox_error *err;
    char scrap[1]; /* takes the place of a copy when there is no memory for one */
};

/*
 * Each returns 0, or -1 with the error set. When memory runs out they may return either: mb_options_set() asks the
 * arena afterwards.
 */
int mb_value_text(struct mb_value *v);     /* const char *, not empty */
int mb_value_word(struct mb_value *v);     /* int: the number of one of the row's words */
int mb_value_count(struct mb_value *v);    /* uint32_t, at most 1000 */
int mb_value_size(struct mb_value *v);     /* uint64_t bytes above zero: 512, 64k, 10m, 1g */
int mb_value_duration(struct mb_value *v); /* uint64_t nanoseconds: 10, 1.5s, 200ms, 2m, 1h */
int mb_value_file(struct mb_value *v);
int mb_value_rootfs(struct mb_value *v);
int mb_value_volume(struct mb_value *v);
int mb_value_tmpfs(struct mb_value *v);
int mb_value_device(struct mb_value *v);
int mb_value_mask(struct mb_value *v);
int mb_value_env(struct mb_value *v);
int mb_value_env_file(struct mb_value *v);
int mb_value_user(struct mb_value *v);
int mb_value_userns(struct mb_value *v);
int mb_value_hostname(struct mb_value *v);
int mb_value_capability(struct mb_value *v); /* uint64_t: adds a bit */
int mb_value_seccomp(struct mb_value *v);
int mb_value_ulimit(struct mb_value *v);
int mb_value_flags(struct mb_value *v); /* uint64_t: adds CLONE_* flags */
int mb_value_join(struct mb_value *v);
int mb_value_name(struct mb_value *v);

/* Where the path of the host begins in a value; NULL: it has none. What follows the path is left behind it. */
const char *mb_value_path(const char *value);
const char *mb_value_rootfs_path(const char *value);
const char *mb_value_seccomp_path(const char *value);
const char *mb_value_join_path(const char *value);

#endif
