/* SPDX-License-Identifier: Apache-2.0 */
/* The resource limits of setrlimit(2), by the names of prlimit(1). */
#ifndef MB_KERNEL_LIMITS_H
#define MB_KERNEL_LIMITS_H

#include <sys/resource.h>

struct mb_limit {
    const char *name; /* "nofile" for RLIMIT_NOFILE */
    int resource;     /* RLIMIT_* */
    enum { MB_LIMIT_NUMBER, MB_LIMIT_BYTES } unit;
};
extern const struct mb_limit mb_limits[RLIM_NLIMITS]; /* in the order of their names */

/* The row of that name, or NULL. */
const struct mb_limit *mb_limits_find(const char *name);

#endif
