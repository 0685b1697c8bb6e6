/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/host.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

extern char **environ;

const char *mb_host_namespace_name(enum mb_flag_id flag) {
    return flag >= MB_FLAG_FIRST_NAMESPACE ? mb_flags[flag].name : NULL;
}

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

    for (int i = MB_FLAG_FIRST_NAMESPACE; i < MB_FLAG_COUNT; i++) {
        char path[32];
        struct stat st;
        snprintf(path, sizeof(path), "/proc/self/ns/%s", mb_host_namespace_name((enum mb_flag_id)i));
        if (stat(path, &st) == 0)
            host.namespaces[i] = st.st_ino;
        else if (errno != ENOENT)
            return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot look at", path);
    }
    if (!host.namespaces[MB_FLAG_MNT])
        return mb_error_host(err, NULL, MB_REMEDY_NONE, ENOENT, "cannot find the namespaces of this process in", "/proc");
    char cwd[4096];
    host.cwd = getcwd(cwd, sizeof(cwd)) ? mb_arena_copy(arena, cwd, strlen(cwd)) : NULL;
    *ret_host = host;
    return arena->failed ? mb_error_memory(err) : 0;
}
