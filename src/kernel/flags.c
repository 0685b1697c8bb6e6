/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A classic flag, set, shares a resource; a namespace flag, set, isolates one. Both are one bit in the
 * same word, so both are rows of one table. --share and --isolate edit that word row by row; mb_flags_check() holds
 * the result against the rules before the kernel is asked. A test holds the rules against the running kernel.
 */
#include "kernel/flags.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

const struct mb_flag mb_flags[MB_FLAG_COUNT] = {
    [MB_FLAG_VM] =
        {"vm", "CLONE_VM", CLONE_VM, MB_FLAG_SHARES, true, false, "memory, until execve", "2.0", "clone(2)",
         "Parent and child use the same memory: what one writes the other reads, so each needs a stack of its own. "
         "Without the flag the child has a copy, of which the kernel copies each page when one of them writes to it. "
         "execve always gives a program new memory: minibox shares its own only with the builder of a box.",
         "kcmp(2), KCMP_VM"},
    [MB_FLAG_FILES] =
        {"files", "CLONE_FILES", CLONE_FILES, MB_FLAG_SHARES, false, false, "open descriptors", "2.0", "clone(2)",
         "One table of descriptors: what one opens, closes or marks close-on-exec is so for the other. Without the "
         "flag the child has a copy of the table; the files themselves, and their offsets, are the same either way.",
         "kcmp(2), KCMP_FILES; ls -l /proc/PID/fd", "execve(2) gives the program a table of descriptors of its own"},
    [MB_FLAG_FS] = {"fs", "CLONE_FS", CLONE_FS, MB_FLAG_SHARES, false, false, "root, cwd, umask", "2.0", "clone(2)",
                    "chdir, chroot and umask of one work for both.",
                    "kcmp(2), KCMP_FS; ls -l /proc/PID/cwd /proc/PID/root",
                    "the kernel refuses it together with a mount namespace, which every box has"},
    [MB_FLAG_SIGHAND] =
        {"sighand", "CLONE_SIGHAND", CLONE_SIGHAND, MB_FLAG_SHARES, false, false, "signal handlers", "2.0", "clone(2)",
         "sigaction of one changes the handler of both. Which signals are blocked or pending stays each one's own.",
         "kcmp(2), KCMP_SIGHAND; SigCgt in /proc/PID/status",
         "execve(2) gives the program a table of handlers of its own"},
    [MB_FLAG_IO] =
        {"io", "CLONE_IO", CLONE_IO, MB_FLAG_SHARES, false, false, "I/O context", "2.6.25", "clone(2)",
         "To the I/O scheduler both are one: they share a priority and a turn. Worth it for processes that read one "
         "file together.",
         "kcmp(2), KCMP_IO"},
    [MB_FLAG_SYSVSEM] =
        {"sysvsem", "CLONE_SYSVSEM", CLONE_SYSVSEM, MB_FLAG_SHARES, false, false, "semaphore undo list", "2.5.10",
         "clone(2)",
         "One list of what is to be undone of System V semaphores (SEM_UNDO): it is done when the last that shares "
         "it has ended. Without the flag the child starts with an empty one.",
         "kcmp(2), KCMP_SYSVSEM"},
    [MB_FLAG_VFORK] =
        {"vfork", "CLONE_VFORK", CLONE_VFORK, MB_FLAG_SHARES, false, false, "sleep of the parent", "2.2", "clone(2)",
         "The parent sleeps until the child has executed a program or ended. With vm this is vfork(2): the cheapest "
         "way to start a program, as nothing is copied and nobody writes at the same time.",
         "the State of the parent in /proc/PID/status: D"},
    [MB_FLAG_THREAD] =
        {"thread", "CLONE_THREAD", CLONE_THREAD, MB_FLAG_SHARES, false, false, "process id", "2.4", "clone(2)",
         "The child is a thread of the caller's process: the same getpid(), another gettid(). Nobody can wait for "
         "it, and an execve by any thread ends all others.",
         "ls /proc/PID/task", "execve(2) by a thread ends all other threads, the launcher's among them"},
    [MB_FLAG_PARENT] = {"parent", "CLONE_PARENT", CLONE_PARENT, MB_FLAG_SHARES, false, false, "the parent", "2.3.12",
                        "clone(2)",
                        "The child's parent is the caller's parent: a sibling, for which the caller cannot wait.",
                        "PPid in /proc/PID/status", "the launcher could not wait for a box that is its sibling"},
    [MB_FLAG_CLONE_PID] =
        {"clone_pid", "CLONE_PID", 0, MB_FLAG_SHARES, false, false, "gone: process id", "2.0 to 2.5.15", "clone(2)",
         "The article's flag gave the child the number of its parent. No program could use two processes of "
         "one number; from 2.3.21 on only the kernel's start was allowed to, and 2.5.16 removed it. Its bit "
         "means CLONE_PIDFD since 5.2. Who wants a number of its own choosing uses pid; who wants to be one process, "
         "thread.",
         "not any more", "no kernel since Linux 2.5.16 has it; pid and thread are what came of it"},
    [MB_FLAG_MNT] =
        {"mnt", "CLONE_NEWNS", CLONE_NEWNS, MB_FLAG_ISOLATES, true, false, "mounts", "2.4.19", "mount_namespaces(7)",
         "The child has a copy of the mounts, and what it mounts or unmounts is its own - unless mounts are shared, "
         "as systemd makes them: a box stops that first. With pivot_root(2) this is what gives a box its files.",
         "readlink /proc/PID/ns/mnt; /proc/PID/mountinfo",
         "a box without a mount namespace would change the host's mounts"},
    [MB_FLAG_PID] =
        {"pid", "CLONE_NEWPID", CLONE_NEWPID, MB_FLAG_ISOLATES, true, true, "process ids", "2.6.24",
         "pid_namespaces(7)",
         "The child is process 1 of its own numbers, and sees and signals only what is below it; from outside it has "
         "another number too. When it ends the kernel kills all others in there.",
         "readlink /proc/PID/ns/pid; NSpid in /proc/PID/status"},
    [MB_FLAG_UTS] = {"uts", "CLONE_NEWUTS", CLONE_NEWUTS, MB_FLAG_ISOLATES, true, true, "host and domain name",
                     "2.6.19", "uts_namespaces(7)", "sethostname is the child's own.", "readlink /proc/PID/ns/uts"},
    [MB_FLAG_NET] =
        {"net", "CLONE_NEWNET", CLONE_NEWNET, MB_FLAG_ISOLATES, true, true, "interfaces, routes, ports", "2.6.24",
         "network_namespaces(7)",
         "The child has only a loopback interface, which is down, and its own addresses, routes, firewall, ports and "
         "abstract UNIX sockets. The dearest namespace to make.",
         "readlink /proc/PID/ns/net; /proc/PID/net/dev"},
    [MB_FLAG_IPC] =
        {"ipc", "CLONE_NEWIPC", CLONE_NEWIPC, MB_FLAG_ISOLATES, true, true, "System V IPC, POSIX queues", "2.6.19",
         "ipc_namespaces(7)",
         "Keys of shared memory, semaphores and message queues are the child's own, and POSIX queues. What is in there "
         "goes with its last process.",
         "readlink /proc/PID/ns/ipc; ipcs"},
    [MB_FLAG_USER] =
        {"user", "CLONE_NEWUSER", CLONE_NEWUSER, MB_FLAG_ISOLATES, true, true, "ids and capabilities", "3.8",
         "user_namespaces(7)",
         "User and group ids inside are others than outside, as uid_map says, and capabilities count only for what "
         "belongs to the namespace. So an ordinary user may make all the others.",
         "readlink /proc/PID/ns/user; /proc/PID/uid_map"},
    [MB_FLAG_CGROUP] =
        {"cgroup", "CLONE_NEWCGROUP", CLONE_NEWCGROUP, MB_FLAG_ISOLATES, true, true, "view of the cgroup tree", "4.6",
         "cgroup_namespaces(7)",
         "The cgroup in which the child was made looks like the root of the tree. It limits nothing by itself.",
         "readlink /proc/PID/ns/cgroup; /proc/PID/cgroup"},
    [MB_FLAG_TIME] =
        {"time", "CLONE_NEWTIME", CLONE_NEWTIME, MB_FLAG_ISOLATES, true, true, "boot and monotonic clocks", "5.6",
         "time_namespaces(7)",
         "CLOCK_BOOTTIME and CLOCK_MONOTONIC differ by an offset that is set before the first process is in there; "
         "the time of day is not isolated. clone(2) cannot ask for it, since the bit lies in the exit signal's byte: "
         "unshare(2) and clone3(2) can.",
         "readlink /proc/PID/ns/time; /proc/PID/timens_offsets"},
};

const struct mb_flag_rule mb_flag_rules[] = {
    {CLONE_SIGHAND, CLONE_VM, true, false, "shared handlers are addresses in shared memory"},
    {CLONE_THREAD, CLONE_SIGHAND, true, false, "the threads of a process share its handlers"},
    {CLONE_NEWNS, CLONE_FS, false, false, "a shared root directory can be in one mount namespace only"},
    {CLONE_NEWUSER, CLONE_FS, false, false, "a shared root could be changed with the child's new privileges"},
    {CLONE_NEWUSER, CLONE_THREAD, false, false, "the threads of a process are in one user namespace"},
    {CLONE_NEWPID, CLONE_THREAD, false, false, "the threads of a process are in one pid namespace"},
    {CLONE_NEWIPC, CLONE_SYSVSEM, false, false, "a shared undo list would refer to another namespace's semaphores"},
    {CLONE_PARENT, 0, false, true, "a sibling of process 1 would have nobody in its namespace to reap it"},
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
    return !flag->unfit || (flag->flag && sets == flag->by_default);
}

const char *mb_flags_name(uint64_t flag) {
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (flag && mb_flags[i].flag == flag)
            return mb_flags[i].name;
    return "?";
}

int mb_flags_check(uint64_t flags, const struct mb_origin *origin, struct minibox_error *err) {
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        const char *name = mb_flags_name(rule->flag), *other = mb_flags_name(rule->other);
        bool is_broken = rule->by_init ? getpid() == 1 : !(flags & rule->other) == rule->missing;
        if (!(flags & rule->flag) || !is_broken)
            continue;
        mb_error_usage(err, origin, MB_REMEDY_NONE, "the kernel refuses", NULL,
                       rule->by_init ? "%s by process 1%s%s, because %s" : "%s %s %s, because %s", name,
                       rule->by_init   ? ""
                       : rule->missing ? "without"
                                       : "together with",
                       rule->by_init ? "" : other, rule->why);
        err->number = EINVAL;
        if (rule->by_init)
            mb_error_remedy(err, "leave %s out", name);
        else if (rule->missing)
            mb_error_remedy(err, "share %s too", other);
        else
            mb_error_remedy(err, "leave %s out, or share %s too", other, name);
        return -1;
    }
    return 0;
}
