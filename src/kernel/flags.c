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

#include "base/count.h"

/* clang-format off */
const struct mb_flag mb_flags[MB_FLAG_COUNT] = {
    [MB_FLAG_VM] = {
        .name = "vm", .symbol = "CLONE_VM", .flag = CLONE_VM, .polarity = MB_FLAG_SHARES, .by_default = true,
        .about = "memory, until execve", .since = "2.0", .manual = "clone(2)",
        .text = "Parent and child use the same memory: what one writes the other reads, so each needs a stack of its "
                "own. Without the flag the child has a copy, of which the kernel copies each page when one of them "
                "writes to it. execve always gives a program new memory: minibox shares its own only with the builder "
                "of a box.",
        .see = "kcmp(2), KCMP_VM",
    },
    [MB_FLAG_FILES] = {
        .name = "files", .symbol = "CLONE_FILES", .flag = CLONE_FILES, .polarity = MB_FLAG_SHARES,
        .about = "open descriptors", .since = "2.0", .manual = "clone(2)",
        .text = "One table of descriptors: what one opens, closes or marks close-on-exec is so for the other. Without "
                "the flag the child has a copy of the table; the files themselves, and their offsets, are the same "
                "either way.",
        .see = "kcmp(2), KCMP_FILES; ls -l /proc/PID/fd",
        .unfit = "execve(2) gives the program a table of descriptors of its own",
    },
    [MB_FLAG_FS] = {
        .name = "fs", .symbol = "CLONE_FS", .flag = CLONE_FS, .polarity = MB_FLAG_SHARES,
        .about = "root, cwd, umask", .since = "2.0", .manual = "clone(2)",
        .text = "chdir, chroot and umask of one work for both.",
        .see = "kcmp(2), KCMP_FS; ls -l /proc/PID/cwd /proc/PID/root",
        .unfit = "the kernel refuses it together with a mount namespace, which every box has",
    },
    [MB_FLAG_SIGHAND] = {
        .name = "sighand", .symbol = "CLONE_SIGHAND", .flag = CLONE_SIGHAND, .polarity = MB_FLAG_SHARES,
        .about = "signal handlers", .since = "2.0", .manual = "clone(2)",
        .text = "sigaction of one changes the handler of both. Which signals are blocked or pending stays each one's "
                "own.",
        .see = "kcmp(2), KCMP_SIGHAND; SigCgt in /proc/PID/status",
        .unfit = "execve(2) gives the program a table of handlers of its own",
    },
    [MB_FLAG_IO] = {
        .name = "io", .symbol = "CLONE_IO", .flag = CLONE_IO, .polarity = MB_FLAG_SHARES,
        .about = "I/O context", .since = "2.6.25", .manual = "clone(2)",
        .text = "To the I/O scheduler both are one: they share a priority and a turn. Worth it for processes that "
                "read one file together.",
        .see = "kcmp(2), KCMP_IO",
    },
    [MB_FLAG_SYSVSEM] = {
        .name = "sysvsem", .symbol = "CLONE_SYSVSEM", .flag = CLONE_SYSVSEM, .polarity = MB_FLAG_SHARES,
        .about = "semaphore undo list", .since = "2.5.10", .manual = "clone(2)",
        .text = "One list of operations on System V semaphores that the kernel undoes (SEM_UNDO) when the last process "
                "that shares the list has ended. Without the flag the child starts with an empty one.",
        .see = "kcmp(2), KCMP_SYSVSEM",
    },
    [MB_FLAG_VFORK] = {
        .name = "vfork", .symbol = "CLONE_VFORK", .flag = CLONE_VFORK, .polarity = MB_FLAG_SHARES,
        .about = "sleep of the parent", .since = "2.2", .manual = "clone(2)",
        .text = "The parent sleeps until the child has executed a program or ended. With vm this is vfork(2): the "
                "cheapest way to start a program, as nothing is copied and nobody writes at the same time.",
        .see = "the State of the parent in /proc/PID/status: D",
    },
    [MB_FLAG_THREAD] = {
        .name = "thread", .symbol = "CLONE_THREAD", .flag = CLONE_THREAD, .polarity = MB_FLAG_SHARES,
        .about = "process id", .since = "2.4", .manual = "clone(2)",
        .text = "The child is a thread of the caller's process: the same getpid(), another gettid(). Nobody can wait "
                "for it, and an execve by any thread ends all others.",
        .see = "ls /proc/PID/task",
        .unfit = "execve(2) by a thread ends all other threads, the launcher's among them",
    },
    [MB_FLAG_PARENT] = {
        .name = "parent", .symbol = "CLONE_PARENT", .flag = CLONE_PARENT, .polarity = MB_FLAG_SHARES,
        .about = "the parent", .since = "2.3.12", .manual = "clone(2)",
        .text = "The child's parent is the caller's parent: a sibling, for which the caller cannot wait.",
        .see = "PPid in /proc/PID/status",
        .unfit = "the launcher could not wait for a box that is its sibling",
    },
    [MB_FLAG_CLONE_PID] = {
        .name = "clone_pid", .symbol = "CLONE_PID", .polarity = MB_FLAG_SHARES,
        .about = "gone: process id", .since = "2.0 to 2.5.15", .manual = "clone(2)",
        .text = "The article's flag gave the child the number of its parent. No program could use two processes of "
                "one number; from 2.3.21 on only the kernel's start was allowed to, and 2.5.16 removed it. Its bit "
                "means CLONE_PIDFD since 5.2. A child that needs a number of its own choosing is made with pid, one "
                "that is to be the same process with thread.",
        .see = "not any more",
        .unfit = "no kernel since Linux 2.5.16 has it; pid and thread took its place",
    },
    [MB_FLAG_MNT] = {
        .name = "mnt", .symbol = "CLONE_NEWNS", .flag = CLONE_NEWNS, .polarity = MB_FLAG_ISOLATES, .by_default = true,
        .about = "mounts", .since = "2.4.19", .manual = "mount_namespaces(7)",
        .text = "The child has a copy of the mounts, and what it mounts or unmounts is its own - unless mounts are "
                "shared, as systemd makes them: a box stops that first. With pivot_root(2) it gives a box its files.",
        .see = "readlink /proc/PID/ns/mnt; /proc/PID/mountinfo",
        .unfit = "a box without a mount namespace would change the host's mounts",
    },
    [MB_FLAG_PID] = {
        .name = "pid", .symbol = "CLONE_NEWPID", .flag = CLONE_NEWPID, .polarity = MB_FLAG_ISOLATES,
        .by_default = true, .joins = true,
        .about = "process ids", .since = "2.6.24", .manual = "pid_namespaces(7)",
        .text = "The child is process 1 of its own numbers, and sees and signals only its descendants; from outside it "
                "has another number too. When it ends the kernel kills all other processes of the namespace.",
        .see = "readlink /proc/PID/ns/pid; NSpid in /proc/PID/status",
    },
    [MB_FLAG_UTS] = {
        .name = "uts", .symbol = "CLONE_NEWUTS", .flag = CLONE_NEWUTS, .polarity = MB_FLAG_ISOLATES,
        .by_default = true, .joins = true,
        .about = "host and domain name", .since = "2.6.19", .manual = "uts_namespaces(7)",
        .text = "sethostname is the child's own.",
        .see = "readlink /proc/PID/ns/uts",
    },
    [MB_FLAG_NET] = {
        .name = "net", .symbol = "CLONE_NEWNET", .flag = CLONE_NEWNET, .polarity = MB_FLAG_ISOLATES,
        .by_default = true, .joins = true,
        .about = "interfaces, routes, ports", .since = "2.6.24", .manual = "network_namespaces(7)",
        .text = "The child has only a loopback interface, which is down, and its own addresses, routes, firewall, "
                "ports and abstract UNIX sockets. The dearest namespace to make.",
        .see = "readlink /proc/PID/ns/net; /proc/PID/net/dev",
    },
    [MB_FLAG_IPC] = {
        .name = "ipc", .symbol = "CLONE_NEWIPC", .flag = CLONE_NEWIPC, .polarity = MB_FLAG_ISOLATES,
        .by_default = true, .joins = true,
        .about = "System V IPC, POSIX queues", .since = "2.6.19", .manual = "ipc_namespaces(7)",
        .text = "Keys of shared memory, semaphores and message queues are the child's own, and POSIX queues. They go "
                "with the namespace's last process.",
        .see = "readlink /proc/PID/ns/ipc; ipcs",
    },
    [MB_FLAG_USER] = {
        .name = "user", .symbol = "CLONE_NEWUSER", .flag = CLONE_NEWUSER, .polarity = MB_FLAG_ISOLATES,
        .by_default = true, .joins = true,
        .about = "ids and capabilities", .since = "3.8", .manual = "user_namespaces(7)",
        .text = "User and group ids differ inside and outside, as uid_map says, and capabilities count only for what "
                "belongs to the namespace. So an ordinary user may make all the other namespaces inside one.",
        .see = "readlink /proc/PID/ns/user; /proc/PID/uid_map",
    },
    [MB_FLAG_CGROUP] = {
        .name = "cgroup", .symbol = "CLONE_NEWCGROUP", .flag = CLONE_NEWCGROUP, .polarity = MB_FLAG_ISOLATES,
        .by_default = true, .joins = true,
        .about = "view of the cgroup tree", .since = "4.6", .manual = "cgroup_namespaces(7)",
        .text = "The cgroup in which the child was made looks like the root of the tree. It limits nothing by itself.",
        .see = "readlink /proc/PID/ns/cgroup; /proc/PID/cgroup",
    },
    [MB_FLAG_TIME] = {
        .name = "time", .symbol = "CLONE_NEWTIME", .flag = CLONE_NEWTIME, .polarity = MB_FLAG_ISOLATES,
        .by_default = true, .joins = true,
        .about = "boot and monotonic clocks", .since = "5.6", .manual = "time_namespaces(7)",
        .text = "CLOCK_BOOTTIME and CLOCK_MONOTONIC differ by an offset that is set before the first process enters; "
                "the time of day is not isolated. clone(2) cannot ask for it, since the bit lies in the exit signal's "
                "byte: unshare(2) and clone3(2) can.",
        .see = "readlink /proc/PID/ns/time; /proc/PID/timens_offsets",
    },
};
/* clang-format on */

/* clang-format off */
const struct mb_flag_rule mb_flag_rules[] = {
    {.flag = CLONE_SIGHAND, .kind = MB_RULE_NEEDS, .other = CLONE_VM,
     .why = "shared handlers are addresses in shared memory"},
    {.flag = CLONE_THREAD, .kind = MB_RULE_NEEDS, .other = CLONE_SIGHAND,
     .why = "the threads of a process share its handlers"},
    {.flag = CLONE_NEWNS, .kind = MB_RULE_NOT_WITH, .other = CLONE_FS,
     .why = "a shared root directory can be in one mount namespace only"},
    {.flag = CLONE_NEWUSER, .kind = MB_RULE_NOT_WITH, .other = CLONE_FS,
     .why = "a shared root could be changed with the child's new privileges"},
    {.flag = CLONE_NEWUSER, .kind = MB_RULE_NOT_WITH, .other = CLONE_THREAD,
     .why = "the threads of a process are in one user namespace"},
    {.flag = CLONE_NEWPID, .kind = MB_RULE_NOT_WITH, .other = CLONE_THREAD,
     .why = "the threads of a process are in one pid namespace"},
    {.flag = CLONE_NEWIPC, .kind = MB_RULE_NOT_WITH, .other = CLONE_SYSVSEM,
     .why = "a shared undo list would refer to another namespace's semaphores"},
    {.flag = CLONE_PARENT, .kind = MB_RULE_NOT_BY_INIT,
     .why = "a sibling of process 1 would have nobody in its namespace to reap it"},
};
/* clang-format on */
const size_t mb_flag_rule_count = MB_COUNT(mb_flag_rules);

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

void mb_flags_names(uint64_t flags, char *ret_text, size_t size) {
    size_t used = 0;
    snprintf(ret_text, size, "-");
    for (int i = 0; i < MB_FLAG_COUNT && used < size; i++)
        if (flags & mb_flags[i].flag)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s", used ? "," : "", mb_flags[i].name);
}

const char *mb_flags_rule_other(const struct mb_flag_rule *rule) {
    return rule->kind == MB_RULE_NOT_BY_INIT ? "process 1" : mb_flags_name(rule->other);
}

static bool is_broken(const struct mb_flag_rule *rule, uint64_t flags) {
    if (!(flags & rule->flag))
        return false;
    switch (rule->kind) {
    case MB_RULE_NOT_WITH:
        return flags & rule->other;
    case MB_RULE_NEEDS:
        return !(flags & rule->other);
    case MB_RULE_NOT_BY_INIT:
        return getpid() == 1;
    }
    return true;
}

static int refuse_combination(const struct mb_flag_rule *rule, const struct mb_origin *origin,
                              struct minibox_error *err) {
    static const char *const relations[] = {
        [MB_RULE_NOT_WITH] = "together with", [MB_RULE_NEEDS] = "without", [MB_RULE_NOT_BY_INIT] = "by"};
    const char *name = mb_flags_name(rule->flag), *other = mb_flags_rule_other(rule);
    mb_error_usage(err, origin, MB_REMEDY_NONE, "the kernel refuses", NULL, "%s %s %s, because %s", name,
                   relations[rule->kind], other, rule->why);
    err->number = EINVAL;
    switch (rule->kind) {
    case MB_RULE_NOT_WITH:
        mb_error_remedy(err, "leave %s out, or share %s too", other, name);
        break;
    case MB_RULE_NEEDS:
        mb_error_remedy(err, "share %s too", other);
        break;
    case MB_RULE_NOT_BY_INIT:
        mb_error_remedy(err, "leave %s out", name);
        break;
    }
    return -1;
}

int mb_flags_check(uint64_t flags, const struct mb_origin *origin, struct minibox_error *err) {
    for (size_t i = 0; i < mb_flag_rule_count; i++)
        if (is_broken(&mb_flag_rules[i], flags))
            return refuse_combination(&mb_flag_rules[i], origin, err);
    return 0;
}
