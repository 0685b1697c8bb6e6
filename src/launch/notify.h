/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that the kernel reports to the launcher before they are done (SECCOMP_RET_USER_NOTIF,
 * seccomp_unotify(2)), so that it learns which calls a command makes, or counts those that are refused. The launcher
 * decides nothing: it answers as the filter itself would.
 */
#ifndef MB_LAUNCH_NOTIFY_H
#define MB_LAUNCH_NOTIFY_H

#include <stdint.h>

#include "filter/filter.h"

/* The calls that are reported to the launcher. */
enum mb_notify_what { MB_NOTIFY_NONE, MB_NOTIFY_ALLOWED, MB_NOTIFY_REFUSED };

enum { MB_NOTIFY_CALLS = 512 }; /* calls with numbers below are counted */

struct mb_notify {
    int fd; /* the listener; -1: there is none, or no process with the filter is left */
    struct mb_filter filter;
    uint32_t counts[MB_NOTIFY_CALLS]; /* how often each call was reported */
};

/* Answers one report. It is called when `fd` is readable. -1 with errno: it could not, and the calling process waits.
 */
int mb_notify_serve(struct mb_notify *notify);

#endif
