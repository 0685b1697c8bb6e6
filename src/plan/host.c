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

/* Full root: every id of the host is known to it, and it may mount. A root inside a user namespace is not. */
static bool has_privilege(uid_t uid) {
    char map[4096];
    unsigned inside, outside, count;
    if (uid != 0 || mb_fd_read_file("/proc/self/uid_map", map, sizeof(map)) <= 0)
        return false;
    if (sscanf(map, "%u %u %u", &inside, &outside, &count) != 3 || inside || outside || count != UINT32_MAX)
        return false;
    cap_t caps = cap_get_proc();
    cap_flag_value_t admin = CAP_CLEAR, setuid = CAP_CLEAR;
    if (caps) {
        cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &admin);
        cap_get_flag(caps, CAP_SETUID, CAP_EFFECTIVE, &setuid);
        cap_free(caps);
    }
    return admin == CAP_SET && setuid == CAP_SET;
}

int mb_host_probe(struct mb_arena *arena, struct mb_host *ret_host, struct minibox_error *err) {
    struct mb_host host = {.root = "", .uid = geteuid(), .gid = getegid(), .environment = environ};
    int groups = getgroups(0, NULL);
    if (groups < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read the supplementary groups", NULL);
    host.group_count = (size_t)groups;
    host.privileged = has_privilege(host.uid);
    host.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
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
