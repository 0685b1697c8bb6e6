/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a process in /proc, see proc(5). In all of them `pid` 0 is the caller itself. */
#ifndef MB_PROVE_PROC_H
#define MB_PROVE_PROC_H

#include <sys/types.h>

/* Writes `text` to /proc/PID/NAME. 0, or -1 with errno. */
int mb_proc_write(pid_t pid, const char *name, const char *text);

/* The number behind the first `key` that comes after the first `section` in /proc/PID/NAME. -1: there is none. */
long mb_proc_number(pid_t pid, const char *name, const char *section, const char *key);

/*
 * Maps, in the process's user namespace, which has no maps yet, the id `inside` to the user `uid` and the group `gid`
 * outside. A process may write such maps of one id for itself if setgroups(2) is denied there first, so it is. 0, or -1
 * with errno.
 */
int mb_proc_map_one(pid_t pid, uid_t inside, uid_t uid, gid_t gid);

#endif
