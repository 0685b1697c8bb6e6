/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the host: the caller's rights, the kernel's features, and the settings that forbid user namespaces. */
#include "box/host.h"

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

#include "base/count.h"
#include "base/fd.h"
#include "kernel/caps.h"

extern char **environ;

#define BIT(cap) (UINT64_C(1) << (cap))

/* Root needs these capabilities to write id maps; and these to make boxes: to mount and clone, to take the box's ids
 * and drop its rights, and to signal a process of another user (the parent-death signal checks that too). */
static const uint64_t mapping = BIT(CAP_SETUID) | BIT(CAP_SETGID);
static const uint64_t needed =
    BIT(CAP_SYS_ADMIN) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_KILL);

/* The first user namespace's inode on every kernel: PROC_USER_INIT_INO of linux/proc_ns.h. The shape of its id map does
 * not tell it from others: containers exist that map all ids to themselves. */
enum { INITIAL_USER_NAMESPACE = 0xEFFFFFFDU };

/* Finds the id of the namespace that is id 0 of the one around it: a line of the map starts there, user_namespaces(7).
 */
static int find_outer_root(const char *path, uint32_t *ret_inside, struct minibox_error *err) {
    char map[16384], *end;
    if (mb_fd_read_file(path, map, sizeof(map)) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read", path);
    *ret_inside = MB_HOST_NO_ID;
    for (char *line = map; *line; line = end + (*end == '\n')) {
        unsigned long inside = strtoul(line, &end, 10), outside = strtoul(end, &end, 10);
        if (outside == 0)
            *ret_inside = (uint32_t)inside;
        end += strcspn(end, "\n");
    }
    return 0;
}

/*
 * Root of a user namespace that is not the first, as in a rootless container, is an ordinary user outside. It may
 * besides map the ids of that namespace, but for the one that is root outside: what that id is further out cannot be
 * told, and it may be the host's root.
 */
static int probe_inner_root(struct mb_host *host, uint64_t effective, struct minibox_error *err) {
    char setgroups[16];
    if (find_outer_root("/proc/self/uid_map", &host->outer_root_uid, err) ||
        find_outer_root("/proc/self/gid_map", &host->outer_root_gid, err))
        return -1;
    if (mb_fd_read_file("/proc/self/setgroups", setgroups, sizeof(setgroups)) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read", "/proc/self/setgroups");
    host->is_outer_root = host->outer_root_uid == host->uid || host->outer_root_gid == host->gid;
    host->may_set_groups = strncmp(setgroups, "allow", 5) == 0;
    host->maps_ids = (effective & mapping) == mapping;
    return 0;
}

/* Finds out what a caller with uid 0 may do. Root of the first user namespace, with its capabilities, has every right;
 * without them it could only map its own id, which is host uid 0: it is refused. */
static int probe_root(struct mb_host *host, struct minibox_error *err) {
    struct stat st;
    uint64_t effective, permitted;
    if (stat("/proc/self/ns/user", &st) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot look at", "/proc/self/ns/user");
    if (mb_caps_read(&effective, &permitted) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read the capabilities", NULL);
    if (st.st_ino != INITIAL_USER_NAMESPACE)
        return probe_inner_root(host, effective, err);
    if ((effective & needed) != needed)
        return mb_error_host(err, NULL, MB_REMEDY_WEAK_ROOT, EPERM, "cannot make a box as this root", NULL);
    host->privileged = host->maps_ids = host->may_set_groups = true;
    return 0;
}

int mb_host_probe(struct mb_arena *arena, struct mb_host *ret_host, struct minibox_error *err) {
    struct mb_host host = {.root = "",
                           .uid = geteuid(),
                           .gid = getegid(),
                           .environment = environ,
                           .outer_root_uid = MB_HOST_NO_ID,
                           .outer_root_gid = MB_HOST_NO_ID};
    int groups = getgroups(0, NULL);
    if (groups < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read the supplementary groups", NULL);
    host.group_count = (size_t)groups;
    if (host.uid == 0 && probe_root(&host, err))
        return -1;
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

/* Settings of the host that forbid user namespaces. The first row that applies explains a refusal. */
static const struct {
    const char *file, *content; /* it applies if the file, or one of its lines, begins with `content` */
    const char *detail, *remedy;
} obstacles[] = {
    {"/proc/sys/user/max_user_namespaces", "0\n", "the host's limit on user namespaces is zero",
     "sysctl user.max_user_namespaces=15000"},
    {"/proc/sys/kernel/unprivileged_userns_clone", "0\n", "the host lets only root make user namespaces",
     "sysctl kernel.unprivileged_userns_clone=1, or run as root"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
     "AppArmor lets only programs with a profile of their own make user namespaces (Ubuntu 23.10 and later)",
     "as root: printf 'abi <abi/4.0>,\\nprofile minibox %s flags=(unconfined) {\\n userns,\\n}\\n' "
     "\"$(command -v minibox)\" >/etc/apparmor.d/minibox; apparmor_parser -r /etc/apparmor.d/minibox"},
    {"/proc/self/status", "Seccomp:\t2", "a seccomp filter, as containers have, may refuse it",
     "start the outer container with --security-opt seccomp=unconfined, or run minibox outside of it"},
    {"/sys/fs/selinux/enforce", "1", "SELinux is enforcing, and its policy may refuse it",
     "ausearch -m avc -ts recent, or run as root"},
};

bool mb_host_explain_userns(const char *root, struct minibox_error *err) {
    char path[4096], text[16384];
    for (size_t i = 0; i < MB_COUNT(obstacles); i++) {
        snprintf(path, sizeof(path), "%s%s", root, obstacles[i].file);
        if (mb_fd_read_file(path, text, sizeof(text)) < 0)
            continue;
        size_t length = strlen(obstacles[i].content);
        const char *line = text;
        while (line && strncmp(line, obstacles[i].content, length) != 0) {
            const char *end = strchr(line, '\n');
            line = end ? end + 1 : NULL;
        }
        if (!line)
            continue;
        snprintf(err->detail, sizeof(err->detail), "%s", obstacles[i].detail);
        mb_error_remedy(err, "%s", obstacles[i].remedy);
        return true;
    }
    return false;
}
