/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/host.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

extern char **environ;

/* Capabilities that root needs to make boxes: to mount and clone, to take the box's ids and drop its rights, and to signal
 * a process of another user (the parent-death signal checks that too). */
static const cap_value_t needed[] = {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL};

/*
 * Whether this is full root: every id of the host is its own, and it has the capabilities. A root that is not could only
 * map its own id into a box; that is refused if it is the host's root. 1 yes, 0 no, -1 with *err.
 */
static int probe_privilege(uid_t uid, struct minibox_error *err) {
    char map[4096];
    unsigned inside, outside, count;
    if (uid != 0)
        return 0;
    if (mb_fd_read_file("/proc/self/uid_map", map, sizeof(map)) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read", "/proc/self/uid_map");
    if (sscanf(map, "%u %u %u", &inside, &outside, &count) != 3 || inside != 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, EPROTO, "cannot understand", "/proc/self/uid_map");
    cap_t caps = cap_get_proc();
    bool has_all = true;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        cap_flag_value_t value = CAP_CLEAR;
        if (!caps || cap_get_flag(caps, needed[i], CAP_EFFECTIVE, &value) < 0) {
            cap_free(caps);
            return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read the capabilities", NULL);
        }
        has_all &= value == CAP_SET;
    }
    cap_free(caps);
    if (has_all && outside == 0 && count == UINT32_MAX)
        return 1;
    if (outside != 0)
        return 0;
    return mb_error_host(err, NULL, MB_REMEDY_WEAK_ROOT, EPERM, "cannot make a box as this root", NULL);
}

int mb_host_probe(struct mb_arena *arena, struct mb_host *ret_host, struct minibox_error *err) {
    struct mb_host host = {.root = "", .uid = geteuid(), .gid = getegid(), .environment = environ};
    int groups = getgroups(0, NULL);
    if (groups < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read the supplementary groups", NULL);
    host.group_count = (size_t)groups;
    int privilege = probe_privilege(host.uid, err);
    if (privilege < 0)
        return -1;
    host.privileged = privilege;
    host.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &host.window) < 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &host.window) < 0)
        host.window = (struct winsize){0};
    int bits = cap_max_bits();
    host.capabilities = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

    long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    host.keyrings = serial >= 0 || errno != ENOSYS;
    host.session_keyring = serial > 0 ? (int32_t)serial : 0;

    char cwd[4096];
    host.cwd = getcwd(cwd, sizeof(cwd)) ? mb_arena_copy(arena, cwd, strlen(cwd)) : NULL;
    *ret_host = host;
    return arena->failed ? mb_error_memory(err) : 0;
}
