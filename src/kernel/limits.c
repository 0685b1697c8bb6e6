/* SPDX-License-Identifier: Apache-2.0 */
/* How it works. Each limit of the kernel has a row; a test asks for every number. */
#include "kernel/limits.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
const struct mb_limit mb_limits[RLIM_NLIMITS] = {
    {"as", RLIMIT_AS, MB_LIMIT_BYTES},
    {"core", RLIMIT_CORE, MB_LIMIT_BYTES},
    {"cpu", RLIMIT_CPU, MB_LIMIT_NUMBER},
    {"data", RLIMIT_DATA, MB_LIMIT_BYTES},
    {"fsize", RLIMIT_FSIZE, MB_LIMIT_BYTES},
    {"locks", RLIMIT_LOCKS, MB_LIMIT_NUMBER},
    {"memlock", RLIMIT_MEMLOCK, MB_LIMIT_BYTES},
    {"msgqueue", RLIMIT_MSGQUEUE, MB_LIMIT_BYTES},
    {"nice", RLIMIT_NICE, MB_LIMIT_NUMBER},
    {"nofile", RLIMIT_NOFILE, MB_LIMIT_NUMBER},
    {"nproc", RLIMIT_NPROC, MB_LIMIT_NUMBER},
    {"rss", RLIMIT_RSS, MB_LIMIT_BYTES},
    {"rtprio", RLIMIT_RTPRIO, MB_LIMIT_NUMBER},
    {"rttime", RLIMIT_RTTIME, MB_LIMIT_NUMBER},
    {"sigpending", RLIMIT_SIGPENDING, MB_LIMIT_NUMBER},
    {"stack", RLIMIT_STACK, MB_LIMIT_BYTES},
};
/* clang-format on */

const struct mb_limit *mb_limits_find(const char *name) {
    for (size_t i = 0; i < RLIM_NLIMITS; i++)
        if (strcmp(mb_limits[i].name, name) == 0)
            return &mb_limits[i];
    return NULL;
}
