/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A classic flag, set, shares a resource; a namespace flag, set, isolates one. Both are one bit in the
 * same word, so both are rows of one table. --share and --isolate edit that word row by row; mb_flags_check() holds
 * the result against the rules before the kernel is asked. A test holds the rules against the running kernel.
 */
#include "spec/flags.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

const struct mb_flag mb_flags[MB_FLAG_COUNT] = {
    [MB_FLAG_VM] = {"vm", CLONE_VM, MB_FLAG_SHARES, true, false, NULL,
                    "memory, until execve: the builder works in the launcher's (clone(2), CLONE_VM)"},
    [MB_FLAG_FILES] = {"files", CLONE_FILES, MB_FLAG_SHARES, false, false,
                       "execve(2) gives the program a table of descriptors of its own",
                       "the table of open descriptors (clone(2), CLONE_FILES)"},
    [MB_FLAG_FS] = {"fs", CLONE_FS, MB_FLAG_SHARES, false, false,
                    "the kernel refuses it together with a mount namespace, which every box has",
                    "root, working directory, umask (clone(2), CLONE_FS)"},
    [MB_FLAG_SIGHAND] = {"sighand", CLONE_SIGHAND, MB_FLAG_SHARES, false, false,
                         "execve(2) gives the program a table of handlers of its own",
                         "the table of signal handlers (clone(2), CLONE_SIGHAND)"},
    [MB_FLAG_IO] = {"io", CLONE_IO, MB_FLAG_SHARES, false, false, NULL, "the I/O scheduler's context (clone(2), CLONE_IO)"},
    [MB_FLAG_SYSVSEM] = {"sysvsem", CLONE_SYSVSEM, MB_FLAG_SHARES, false, false, NULL,
                         "System V semaphore undo lists (clone(2), CLONE_SYSVSEM)"},
    [MB_FLAG_VFORK] = {"vfork", CLONE_VFORK, MB_FLAG_SHARES, false, false, NULL,
                       "the parent sleeps until execve (clone(2), CLONE_VFORK)"},
    [MB_FLAG_THREAD] = {"thread", CLONE_THREAD, MB_FLAG_SHARES, false, false,
                        "execve(2) by a thread ends all other threads, the launcher's among them",
                        "the thread group (clone(2), CLONE_THREAD)"},
    [MB_FLAG_PARENT] = {"parent", CLONE_PARENT, MB_FLAG_SHARES, false, false,
                        "the launcher could not wait for a box that is its sibling",
                        "the caller's parent (clone(2), CLONE_PARENT)"},
    [MB_FLAG_MNT] = {"mnt", CLONE_NEWNS, MB_FLAG_ISOLATES, true, false,
                     "a box without a mount namespace would change the host's mounts",
                     "mounts (mount_namespaces(7), CLONE_NEWNS)"},
    [MB_FLAG_PID] = {"pid", CLONE_NEWPID, MB_FLAG_ISOLATES, true, true, NULL,
                     "process ids (pid_namespaces(7), CLONE_NEWPID); the article's CLONE_PID, removed in Linux 2.5"},
    [MB_FLAG_UTS] = {"uts", CLONE_NEWUTS, MB_FLAG_ISOLATES, true, true, NULL,
                     "host and domain name (uts_namespaces(7), CLONE_NEWUTS)"},
    [MB_FLAG_NET] = {"net", CLONE_NEWNET, MB_FLAG_ISOLATES, true, true, NULL,
                     "interfaces, routes, ports (network_namespaces(7), CLONE_NEWNET)"},
    [MB_FLAG_IPC] = {"ipc", CLONE_NEWIPC, MB_FLAG_ISOLATES, true, true, NULL,
                     "System V IPC, POSIX queues (ipc_namespaces(7), CLONE_NEWIPC)"},
    [MB_FLAG_USER] = {"user", CLONE_NEWUSER, MB_FLAG_ISOLATES, true, true, NULL,
                      "user and group ids, capabilities (user_namespaces(7), CLONE_NEWUSER)"},
    [MB_FLAG_CGROUP] = {"cgroup", CLONE_NEWCGROUP, MB_FLAG_ISOLATES, true, true, NULL,
                        "the view of the cgroup tree (cgroup_namespaces(7), CLONE_NEWCGROUP)"},
    [MB_FLAG_TIME] = {"time", CLONE_NEWTIME, MB_FLAG_ISOLATES, true, true, NULL,
                      "boot and monotonic clocks (time_namespaces(7), CLONE_NEWTIME)"},
};

const struct mb_flag_rule mb_flag_rules[] = {
    {CLONE_SIGHAND, CLONE_VM, true, "shared handlers are addresses in shared memory"},
    {CLONE_THREAD, CLONE_SIGHAND, true, "the threads of a process share its handlers"},
    {CLONE_NEWNS, CLONE_FS, false, "a shared root directory can be in one mount namespace only"},
    {CLONE_NEWUSER, CLONE_FS, false, "a shared root could be changed with the child's new privileges"},
    {CLONE_NEWUSER, CLONE_THREAD, false, "the threads of a process are in one user namespace"},
    {CLONE_NEWPID, CLONE_THREAD, false, "the threads of a process are in one pid namespace"},
    {CLONE_NEWIPC, CLONE_SYSVSEM, false, "a shared undo list would refer to another namespace's semaphores"},
};
const size_t mb_flag_rule_count = sizeof(mb_flag_rules) / sizeof(mb_flag_rules[0]);

int mb_flags_find(const char *name) {
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (strcmp(mb_flags[i].name, name) == 0)
            return i;
    return -1;
}

bool mb_flags_fit(const struct mb_flag *flag, bool share) {
    bool sets = (flag->polarity == MB_FLAG_SHARES) == share;
    return !flag->unfit || sets == flag->by_default;
}

static const char *name_of(uint64_t flag) {
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (mb_flags[i].flag == flag)
            return mb_flags[i].name;
    return "?";
}

int mb_flags_check(uint64_t flags, const struct mb_origin *origin, struct minibox_error *err) {
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        if (!(flags & rule->flag) || !(flags & rule->other) != rule->missing)
            continue;
        mb_error_usage(err, origin, MB_REMEDY_NONE, "the kernel refuses", NULL, "%s %s %s, because %s", name_of(rule->flag),
                       rule->missing ? "without" : "together with", name_of(rule->other), rule->why);
        err->number = EINVAL;
        if (rule->missing)
            mb_error_remedy(err, "share %s too", name_of(rule->other));
        else
            mb_error_remedy(err, "leave %s out, or share %s too", name_of(rule->other), name_of(rule->flag));
        return -1;
    }
    return 0;
}
