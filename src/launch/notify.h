/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of which the filter tells the launcher before they are done: seccomp(2), SECCOMP_RET_USER_NOTIF; see
 * seccomp_unotify(2). To learn what a command calls, or to count what it is refused. Nothing is decided here: what the
 * filter allows goes on, what it refuses gets the filter's own error.
 */
#ifndef MB_LAUNCH_NOTIFY_H
#define MB_LAUNCH_NOTIFY_H

#include <linux/seccomp.h>
#include <stdint.h>

#include "filter/filter.h"

/* Which calls the filter tells the launcher of, instead of answering them. */
enum mb_notify_what { MB_NOTIFY_NONE, MB_NOTIFY_ALLOWED, MB_NOTIFY_REFUSED };

enum { MB_NOTIFY_CALLS = 512 }; /* numbers of system calls, from 0 on; later ones are not counted one by one */

struct mb_notify {
    int fd; /* the listener; -1: none, or nobody left to listen to */
    struct mb_filter filter;
    uint32_t counts[MB_NOTIFY_CALLS]; /* of each call that was reported */
};

/* What the filter says of a call: SECCOMP_RET_*. */
uint32_t mb_notify_evaluate(const struct mb_filter *filter, const struct seccomp_data *data);

/* Answers one report; to be called when `fd` is readable. -1 with errno: it could not, and who asked waits. */
int mb_notify_serve(struct mb_notify *notify);

#endif
