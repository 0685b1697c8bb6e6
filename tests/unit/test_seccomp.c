/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs are run by a small interpreter of the kernel's classic BPF, on the data that the kernel would give them.
 * Three sources must agree: what the policy says (tables here), a plain reading of the profile (the model), and
 * libseccomp's own compiler: on the default profile, of which it gets the rules with their order worked out, and on
 * random ones in which the order of rules does not matter.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/count.h"
#include "base/fd.h"
#include "filter/explain.h"
#include "filter/guard.h"
#include "filter/learn.h"
#include "filter/profile.h"
#include "kernel/calls.h"

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#define FOREIGN AUDIT_ARCH_I386
#else
#define NATIVE AUDIT_ARCH_AARCH64
#define FOREIGN AUDIT_ARCH_ARM
#endif
#define CAP(name) (UINT64_C(1) << CAP_##name)

static const uint32_t ALLOWED = SECCOMP_RET_ALLOW;
enum {
    REFUSED = SECCOMP_RET_ERRNO | EPERM,
    UNKNOWN = SECCOMP_RET_ERRNO | ENOSYS,
    NO_FAMILY = SECCOMP_RET_ERRNO | EAFNOSUPPORT
};
static const uint64_t BIT_32 = UINT64_C(1) << 32;

static char profile[1 << 20];
static struct mb_arena arena;
static struct mb_filter strict, suid; /* the default profile without and with --allow suid */

/* ---- running a program --------------------------------------------------------------------------------------------
 */

static uint32_t interpret(struct mb_filter filter, const struct seccomp_data *data) {
    uint32_t a = 0;
    for (size_t pc = 0; pc < filter.count; pc++) {
        const struct sock_filter *i = &filter.code[pc];
        bool holds = false;
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k % 4 == 0 && i->k < sizeof(*data));
            memcpy(&a, (const char *)data + i->k, sizeof(a));
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            continue;
        case BPF_JMP | BPF_JA:
            pc += i->k;
            continue;
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_JMP | BPF_JEQ | BPF_K:
            holds = a == i->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            holds = a >= i->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            holds = a > i->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            holds = a & i->k;
            break;
        default:
            fail_msg("instruction %zu has the unknown code %#x", pc, i->code);
        }
        pc += holds ? i->jt : i->jf;
    }
    fail_msg("the program runs over its end");
    return 0;
}

static int number_of(const char *name) {
    static const struct {
        const char *name;
        int number;
    } newer[] = {
        {"cachestat", 451},    {"fchmodat2", 452},    {"map_shadow_stack", 453}, {"futex_wait", 455},
        {"mseal", 462},        {"statmount", 457},    {"listmount", 458},        {"setxattrat", 463},
        {"getxattrat", 464},   {"listxattrat", 465},  {"removexattrat", 466},    {"open_tree_attr", 467},
        {"file_getattr", 468}, {"file_setattr", 469},
#ifdef __x86_64__
        {"uretprobe", 335},
#endif
    };
    for (size_t i = 0; i < MB_COUNT(newer); i++)
        if (strcmp(newer[i].name, name) == 0)
            return newer[i].number;
    return seccomp_syscall_resolve_name(name);
}

#define ARGS(...) ((const uint64_t[6]){__VA_ARGS__})
#define NO_ARGS ARGS(0)

static uint32_t decide(struct mb_filter filter, uint32_t arch, int number, const uint64_t *args) {
    struct seccomp_data data = {.nr = number, .arch = arch};
    memcpy(data.args, args, sizeof(data.args));
    return interpret(filter, &data);
}

/* A call that this architecture has not (open on arm64) cannot be made. */
static void check_decision(struct mb_filter filter, const char *name, const uint64_t *args, uint32_t wanted, int line) {
    int number = number_of(name);
    if (number < 0)
        return;
    uint32_t got = decide(filter, NATIVE, number, args);
    if (got != wanted)
        fail_msg("line %d: %s(%#llx, %#llx, %#llx, %#llx): %#x is wanted, not %#x", line, name,
                 (unsigned long long)args[0], (unsigned long long)args[1], (unsigned long long)args[2],
                 (unsigned long long)args[3], wanted, got);
}
#define check(filter, name, args, wanted) check_decision(filter, name, args, wanted, __LINE__)

static struct mb_filter compile(const char *text, uint64_t capabilities, bool allow_suid) {
    struct mb_filter filter = {0};
    struct minibox_error err;
    if (mb_profile_compile(&arena, text, "test", capabilities, allow_suid, NULL, &filter, &err) < 0) {
        minibox_error_print(&err, stderr);
        fail_msg("the profile was refused: %s", err.reason);
    }
    return filter;
}

/* ---- the default profile ------------------------------------------------------------------------------------------
 */

static void test_ordinary_calls_are_allowed(void **state) {
    (void)state;
    static const char *const names[] = {
        "read",
        "write",
        "close",
        "mmap",
        "mprotect",
        "brk",
        "execve",
        "execveat",
        "exit_group",
        "wait4",
        "fork",
        "vfork",
        "getpid",
        "rt_sigaction",
        "rt_sigreturn",
        "futex",
        "futex_waitv",
        "futex_wait",
        "rseq",
        "membarrier",
        "prctl",
        "seccomp",
        "landlock_create_ruleset",
        "landlock_add_rule",
        "landlock_restrict_self",
        "statx",
        "close_range",
        "faccessat2",
        "epoll_create1",
        "epoll_pwait2",
        "copy_file_range",
        "pidfd_open",
        "pidfd_send_signal",
        "process_madvise",
        "process_mrelease",
        "getrandom",
        "sync_file_range",
        "memfd_create",
        "memfd_secret",
        "mseal",
        "cachestat",
        "map_shadow_stack",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "kcmp",
        "adjtimex",
        "clock_adjtime",
        "sched_setattr",
        "setuid",
        "setgroups",
        "capset",
        "connect",
        "bind",
        "accept4",
        "sendmsg",
        "shmget",
        "io_setup",
        "getdents64",
        "renameat2",
        "setxattrat",
        "file_setattr",
        "restart_syscall",
        "clock_nanosleep",
        "set_robust_list",
        "mkdir",
        "mkdirat",
        "fanotify_mark",
        "inotify_init1",
        "pkey_alloc",
        "vmsplice",
        "remap_file_pages",
#ifdef __x86_64__
        "arch_prctl",
#endif
    };
    for (size_t i = 0; i < MB_COUNT(names); i++) {
        check(strict, names[i], NO_ARGS, ALLOWED);
        check(strict, names[i], ARGS(-1, -1, -1, -1, -1, -1), ALLOWED);
    }
}

static void test_unlisted_calls_do_not_exist(void **state) {
    (void)state;
    static const char *const names[] = {"uselib",          "ustat",  "sysfs",      "nfsservctl",    "_sysctl",
                                        "get_kernel_syms", "vm86",   "move_pages", "migrate_pages", "mbind",
                                        "get_mempolicy",   "clone3", "openat2"};
    static const int numbers[] = {470, 500, 512, 1000, 0x3fffffff, -1};
    for (size_t i = 0; i < MB_COUNT(names); i++)
        check(strict, names[i], NO_ARGS, UNKNOWN);
    for (size_t i = 0; i < MB_COUNT(numbers); i++)
        assert_int_equal(decide(strict, NATIVE, numbers[i], NO_ARGS), UNKNOWN);
}

static void test_known_calls_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        "mount",
        "umount2",
        "mount_setattr",
        "move_mount",
        "open_tree",
        "open_tree_attr",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "pivot_root",
        "chroot",
        "setns",
        "keyctl",
        "add_key",
        "request_key",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "kexec_load",
        "kexec_file_load",
        "init_module",
        "finit_module",
        "delete_module",
        "open_by_handle_at",
        "name_to_handle_at",
        "reboot",
        "swapon",
        "swapoff",
        "syslog",
        "acct",
        "settimeofday",
        "clock_settime",
        "quotactl",
        "quotactl_fd",
        "ioperm",
        "iopl",
        "vhangup",
        "lookup_dcookie",
        "modify_ldt",
        "pidfd_getfd",
        "fanotify_init",
        "sethostname",
        "setdomainname",
    };
    for (size_t i = 0; i < MB_COUNT(names); i++) {
        check(strict, names[i], NO_ARGS, REFUSED);
        check(suid, names[i], NO_ARGS, REFUSED);
    }
}

static void test_namespaces_are_refused(void **state) {
    (void)state;
    static const uint64_t namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                          CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
    for (size_t i = 0; i < MB_COUNT(namespaces); i++) {
        check(strict, "clone", ARGS(namespaces[i] | SIGCHLD), REFUSED);
        check(strict, "clone", ARGS(namespaces[i] | BIT_32), REFUSED);
        check(strict, "clone", ARGS(namespaces[i] | CLONE_VM | CLONE_VFORK), REFUSED);
        check(strict, "unshare", ARGS(namespaces[i]), REFUSED);
        check(strict, "unshare", ARGS(namespaces[i] | BIT_32), REFUSED);
    }
    check(strict, "clone", ARGS(SIGCHLD), ALLOWED);
    check(strict, "clone", ARGS(0xff), ALLOWED);
    check(strict, "clone",
          ARGS(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
               CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID),
          ALLOWED);
    check(strict, "clone", ARGS(CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_IO, CLONE_NEWUSER), ALLOWED);
    check(strict, "clone", ARGS(UINT64_C(0xffffffff00000000) | SIGCHLD), ALLOWED);
    check(strict, "unshare", ARGS(0), ALLOWED);
    check(strict, "unshare", ARGS(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | BIT_32), ALLOWED);
    check(strict, "unshare", ARGS(0x80 /* CLONE_NEWTIME */), REFUSED);
    check(strict, "unshare", ARGS(CLONE_FS | 0x00100000), REFUSED);
}

static void test_socket_families(void **state) {
    (void)state;
    for (uint64_t family = 0; family < 64; family++) {
        bool usual = family == 1 || family == 2 || family == 10 || family == 16;
        for (uint64_t dirt = 0; dirt < 3; dirt++) {
            uint64_t upper = dirt == 0 ? 0 : dirt == 1 ? BIT_32 : UINT64_C(0xffffffff00000000);
            check(strict, "socket", ARGS(family | upper, 1), usual ? ALLOWED : (uint32_t)NO_FAMILY);
            check(strict, "socketpair", ARGS(family | upper, 1), family == 1 ? ALLOWED : (uint32_t)NO_FAMILY);
        }
    }
    check(strict, "socket", ARGS(0x80000001), NO_FAMILY);
    check(strict, "socket", ARGS(UINT64_MAX), NO_FAMILY);
    struct mb_filter raw = compile(profile, CAP(NET_RAW), false);
    check(raw, "socket", ARGS(17), ALLOWED);
    check(raw, "socket", ARGS(40), NO_FAMILY);
}

static void test_terminal_injection_is_refused(void **state) {
    (void)state;
    static const uint64_t requests[] = {0x5412, 0x541C};
    for (size_t i = 0; i < MB_COUNT(requests); i++) {
        check(strict, "ioctl", ARGS(0, requests[i]), REFUSED);
        check(strict, "ioctl", ARGS(0, requests[i] | BIT_32), REFUSED);
        check(strict, "ioctl", ARGS(0, requests[i] | UINT64_C(0xffffffff00000000)), REFUSED);
        check(suid, "ioctl", ARGS(0, requests[i] | BIT_32), REFUSED);
        for (unsigned bit = 0; bit < 32; bit++)
            if ((requests[i] ^ UINT64_C(1) << bit) != requests[1 - i])
                check(strict, "ioctl", ARGS(requests[i], requests[i] ^ UINT64_C(1) << bit), ALLOWED);
    }
    check(strict, "ioctl", ARGS(0, 0x5401), ALLOWED);
    check(strict, "ioctl", ARGS(0, 0xffffffff80045430), ALLOWED);
}

static void test_personality(void **state) {
    (void)state;
    static const uint64_t known[] = {0, 8, 0x20000, 0x20008, 0x40000 /* ADDR_NO_RANDOMIZE */, 0xffffffff};
    for (size_t i = 0; i < MB_COUNT(known); i++) {
        check(strict, "personality", ARGS(known[i]), ALLOWED);
        check(strict, "personality", ARGS(known[i] | BIT_32), ALLOWED);
    }
    check(strict, "personality", ARGS(0x0040008), REFUSED);
    check(strict, "personality", ARGS(0x0440000), REFUSED);
    check(strict, "personality", ARGS(0x0400000), REFUSED);
    check(strict, "personality", ARGS(0x0400000 | BIT_32), REFUSED);
    check(strict, "personality", ARGS(9), REFUSED);
}

static void test_other_architectures_are_refused(void **state) {
    (void)state;
    struct mb_filter open_door = compile("{\"defaultAction\": \"SCMP_ACT_ALLOW\"}", 0, false);
    struct mb_filter closed_door = compile("{\"defaultAction\": \"SCMP_ACT_KILL_PROCESS\"}", 0, false);
    for (int number = 0; number < 470; number++) {
        assert_int_equal(decide(strict, FOREIGN, number, NO_ARGS), UNKNOWN);
        assert_int_equal(decide(open_door, FOREIGN, number, NO_ARGS), UNKNOWN);
        assert_int_equal(decide(open_door, NATIVE, number, NO_ARGS), ALLOWED);
#ifdef __x86_64__
        assert_int_equal(decide(strict, NATIVE, number | 0x40000000, NO_ARGS), UNKNOWN);
        assert_int_equal(decide(open_door, NATIVE, number | 0x40000000, NO_ARGS), UNKNOWN);
#endif
    }
    assert_int_equal(decide(open_door, 0, 0, NO_ARGS), UNKNOWN);
#ifdef __x86_64__
    assert_int_equal(decide(open_door, NATIVE, -2, NO_ARGS), UNKNOWN);
    assert_int_equal(decide(closed_door, NATIVE, 0x40000000, NO_ARGS), SECCOMP_RET_KILL_PROCESS);
#endif
    assert_int_equal(decide(open_door, NATIVE, -1, NO_ARGS), ALLOWED); /* a tracer skips the call */
    assert_int_equal(decide(closed_door, FOREIGN, 0, NO_ARGS), SECCOMP_RET_KILL_PROCESS);
}

static void test_suid_bits(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int flags, mode; /* positions of the arguments; -1: no flags */
    } calls[] = {
        {"chmod", -1, 1}, {"fchmod", -1, 1},  {"fchmodat", -1, 2}, {"fchmodat2", -1, 2}, {"mknod", -1, 1},
        {"creat", -1, 1}, {"mknodat", -1, 2}, {"open", 1, 2},      {"openat", 2, 3},
    };
    static const uint64_t creating[] = {0100 /* O_CREAT */, 020000000 /* O_TMPFILE's own bit */, 020200000 | O_RDWR,
                                        0100 | O_EXCL | O_WRONLY | O_CLOEXEC};
    static const uint64_t opening[] = {0, O_RDWR, O_DIRECTORY | O_CLOEXEC, O_PATH, O_TRUNC | O_WRONLY, BIT_32 << 6};
    static const uint64_t bad[] = {04000, 02000, 06000, 04755, 02755, 0104755, 07777, 04000 | BIT_32, UINT64_MAX};
    static const uint64_t good[] = {0, 0755, 01777, 0100644, 0x7fff0000, 0755 | BIT_32, BIT_32 << 11, ~UINT64_C(06000)};
    for (size_t i = 0; i < MB_COUNT(calls); i++) {
        uint64_t args[6] = {06000};
        for (size_t f = 0; f < (calls[i].flags < 0 ? 1 : MB_COUNT(creating)); f++) {
            if (calls[i].flags >= 0)
                args[calls[i].flags] = creating[f];
            for (size_t m = 0; m < MB_COUNT(bad); m++) {
                args[calls[i].mode] = bad[m];
                check(strict, calls[i].name, args, REFUSED);
                check(suid, calls[i].name, args, ALLOWED);
            }
            for (size_t m = 0; m < MB_COUNT(good); m++) {
                args[calls[i].mode] = good[m];
                check(strict, calls[i].name, args, ALLOWED);
                check(suid, calls[i].name, args, ALLOWED);
            }
        }
        for (size_t f = 0; calls[i].flags >= 0 && f < MB_COUNT(opening); f++) {
            args[calls[i].flags] = opening[f];
            for (size_t m = 0; m < MB_COUNT(bad); m++) {
                args[calls[i].mode] = bad[m];
                check(strict, calls[i].name, args, ALLOWED);
            }
        }
    }
}

static void test_capabilities_lift_refusals(void **state) {
    (void)state;
    static const struct {
        uint64_t capability;
        const char *calls;
    } rows[] = {
        {CAP(SYS_ADMIN),
         "mount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick "
         "pivot_root setns unshare clone bpf perf_event_open fanotify_init lookup_dcookie quotactl "
         "quotactl_fd sethostname setdomainname syslog"},
        {CAP(BPF), "bpf"},
        {CAP(PERFMON), "perf_event_open"},
        {CAP(SYSLOG), "syslog"},
        {CAP(SYS_CHROOT), "chroot"},
        {CAP(SYS_BOOT), "reboot"},
        {CAP(SYS_MODULE), "init_module finit_module delete_module"},
        {CAP(SYS_PACCT), "acct"},
        {CAP(SYS_PTRACE), "pidfd_getfd"},
        {CAP(SYS_RAWIO), "iopl ioperm"},
        {CAP(SYS_TIME), "settimeofday clock_settime"},
        {CAP(SYS_TTY_CONFIG), "vhangup"},
        {CAP(SYS_NICE), "mbind set_mempolicy get_mempolicy set_mempolicy_home_node"},
    };
    const uint64_t flags[6] = {CLONE_NEWNS | CLONE_NEWUSER};
    for (size_t i = 0; i < MB_COUNT(rows); i++) {
        struct mb_filter lifted = compile(profile, rows[i].capability, false);
        struct mb_filter others = compile(profile, ~(rows[i].capability | CAP(SYS_ADMIN)), false);
        char names[400], *rest = names;
        snprintf(names, sizeof(names), "%s", rows[i].calls);
        for (const char *name; (name = strsep(&rest, " "));) {
            check(lifted, name, flags, ALLOWED);
            if (number_of(name) >= 0)
                assert_int_not_equal(decide(strict, NATIVE, number_of(name), flags), ALLOWED);
            bool has_own =
                strcmp(name, "bpf") == 0 || strcmp(name, "perf_event_open") == 0 || strcmp(name, "syslog") == 0;
            if (number_of(name) >= 0 && !(rows[i].capability == CAP(SYS_ADMIN) && has_own))
                assert_int_not_equal(decide(others, NATIVE, number_of(name), flags), ALLOWED);
        }
        check(lifted, "clone3", NO_ARGS, UNKNOWN);
        check(lifted, "openat2", NO_ARGS, UNKNOWN);
        check(lifted, "chmod", ARGS(0, 04755), REFUSED);
        check(lifted, "ioctl", ARGS(0, 0x5412), REFUSED);
    }
    struct mb_filter all = compile(profile, UINT64_MAX, true);
    check(all, "keyctl", NO_ARGS, REFUSED);
    check(all, "kexec_load", NO_ARGS, REFUSED);
    check(all, "io_uring_setup", NO_ARGS, REFUSED);
    check(all, "chmod", ARGS(0, 04755), ALLOWED);
}

static void assert_same_program(struct mb_filter a, struct mb_filter b) {
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.code, b.code, a.count * sizeof(*a.code));
}

static void test_builtin_programs_are_fresh(void **state) {
    (void)state;
    assert_same_program(mb_seccomp_builtin, strict);
    assert_same_program(mb_seccomp_builtin_allow_suid, suid);
    assert_string_equal(mb_seccomp_default_json, profile);
    assert_true(strict.count < 128); /* 0.2 microseconds of each launch an instruction */
}

/* The kernel itself accepts the programs, and answers by them. */
static void test_kernel_takes_programs(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct mb_filter filter = i ? suid : strict;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct sock_fprog program = {(unsigned short)filter.count, (struct sock_filter *)(uintptr_t)filter.code};
            if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
                _exit(1);
            if (syscall(SYS_getppid) <= 0 || syscall(SYS_fchmod, -1, 0755) != -1 || errno != EBADF)
                _exit(2);
            if (syscall(SYS_fchmod, -1, 04755) != -1 || errno != (i ? EBADF : EPERM))
                _exit(3);
            if (syscall(SYS_ioctl, -1, 0x5412 | BIT_32, 0) != -1 || errno != EPERM)
                _exit(4);
            if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
                _exit(5);
            _exit(0);
        }
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* ---- the model ----------------------------------------------------------------------------------------------------
 */

/* Reads a profile as its text says: the first rule whose names, filters and conditions match. Slow and plain. */
static json_object *field(json_object *object, const char *key) {
    return json_object_object_get(object, key);
}

static bool holds(json_object *condition, const uint64_t *args) {
    const char *op = json_object_get_string(field(condition, "op"));
    uint64_t value = json_object_get_uint64(field(condition, "value")),
             arg = args[json_object_get_int(field(condition, "index"))];
    if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0)
        return (arg & value) == json_object_get_uint64(field(condition, "valueTwo"));
    return strcmp(op, "SCMP_CMP_EQ") == 0   ? arg == value
           : strcmp(op, "SCMP_CMP_NE") == 0 ? arg != value
           : strcmp(op, "SCMP_CMP_LT") == 0 ? arg < value
           : strcmp(op, "SCMP_CMP_LE") == 0 ? arg <= value
           : strcmp(op, "SCMP_CMP_GT") == 0 ? arg > value
                                            : arg >= value;
}

static uint64_t capability_of(json_object *name) {
    cap_value_t value;
    assert_int_equal(cap_from_name(json_object_get_string(name), &value), 0);
    return UINT64_C(1) << value;
}

static bool is_selected(json_object *rule, uint64_t capabilities, bool allow_suid) {
    json_object *includes = field(rule, "includes"), *excludes = field(rule, "excludes"),
                *arches = field(includes, "arches"), *caps = field(includes, "caps");
    if (excludes || field(includes, "minKernel"))
        fail_msg("the model knows neither excludes nor minKernel");
    if (field(includes, "allow") && !allow_suid)
        return false;
    for (size_t i = 0; caps && i < json_object_array_length(caps); i++)
        if (!(capabilities & capability_of(json_object_array_get_idx(caps, i))))
            return false;
    if (arches)
        return strcmp(json_object_get_string(json_object_array_get_idx(arches, 0)),
                      NATIVE == AUDIT_ARCH_X86_64 ? "amd64" : "arm64") == 0;
    return true;
}

static uint32_t model_action(json_object *object, const char *action_key, const char *errno_key) {
    const char *action = json_object_get_string(field(object, action_key));
    json_object *error = field(object, errno_key);
    return strcmp(action, "SCMP_ACT_ALLOW") == 0 ? ALLOWED
                                                 : SECCOMP_RET_ERRNO | (error ? json_object_get_int(error) : EPERM);
}

/* Compares with the model at every call that is named, and at the inputs given. */
static void compare_with_model(struct mb_filter filter, json_object *document, bool allow_suid,
                               const uint64_t (*inputs)[6], size_t input_count, size_t first, size_t end) {
    json_object *rules = field(document, "syscalls");
    for (size_t number = first; number < end; number++) {
        json_object *matching[100];
        size_t count = 0;
        for (size_t i = 0; i < json_object_array_length(rules); i++) {
            json_object *rule = json_object_array_get_idx(rules, i), *names = field(rule, "names");
            for (size_t j = 0; is_selected(rule, 0, allow_suid) && j < json_object_array_length(names); j++)
                if (number_of(json_object_get_string(json_object_array_get_idx(names, j))) == (int)number &&
                    count < MB_COUNT(matching))
                    matching[count++] = rule;
        }
        for (size_t input = 0; input < input_count; input++) {
            uint32_t wanted = model_action(document, "defaultAction", "defaultErrnoRet");
            for (size_t i = 0; i < count; i++) {
                json_object *args = field(matching[i], "args");
                size_t j = 0, length = args ? json_object_array_length(args) : 0;
                while (j < length && holds(json_object_array_get_idx(args, j), inputs[input]))
                    j++;
                if (j == length) {
                    wanted = model_action(matching[i], "action", "errnoRet");
                    break;
                }
            }
            uint32_t got = decide(filter, NATIVE, (int)number, inputs[input]);
            if (got != wanted)
                fail_msg("call %zu, input %zu (%#llx %#llx %#llx): %#x is wanted, not %#x", number, input,
                         (unsigned long long)inputs[input][0], (unsigned long long)inputs[input][1],
                         (unsigned long long)inputs[input][2], wanted, got);
        }
    }
}

static uint64_t random_state = 88172645463325252;

static uint64_t draw(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Values at which comparisons of halves go wrong, with neighbours. */
static uint64_t draw_value(void) {
    static const uint64_t edges[] = {
        0,          1,          0x5412,     04000,       02000,       0100,        020000000,
        0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x500000007, 0x5ffffffff, 0xffffffff00000000,
        UINT64_MAX};
    uint64_t value = edges[draw() % MB_COUNT(edges)];
    switch (draw() % 5) {
    case 0:
        return value + 1;
    case 1:
        return value - 1;
    case 2:
        return value ^ UINT64_C(1) << draw() % 64;
    default:
        return value;
    }
}

static void free_json(json_object **object) {
    json_object_put(*object);
}

static void test_default_profile_agrees_with_model(void **state) {
    (void)state;
    static uint64_t inputs[400][6];
    for (size_t i = 0; i < MB_COUNT(inputs); i++)
        for (size_t j = 0; j < 6; j++)
            inputs[i][j] = i ? draw_value() : 0;
    __attribute__((cleanup(free_json))) json_object *document = json_tokener_parse(profile);
    assert_non_null(document);
    compare_with_model(strict, document, false, (const uint64_t(*)[6])inputs, MB_COUNT(inputs), 0, 600);
    compare_with_model(suid, document, true, (const uint64_t(*)[6])inputs, MB_COUNT(inputs), 0, 600);
}

/* ---- random profiles ----------------------------------------------------------------------------------------------
 */

static const char *const op_names[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
                                       "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
static const enum scmp_compare ops[] = {SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE,       SCMP_CMP_EQ,
                                        SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ};

/* One rule for one call, of up to three conditions; also added to libseccomp's filter, if there is one. */
static void draw_rule(FILE *out, scmp_filter_ctx library, const char *name, bool conditional, unsigned errno_ret) {
    struct scmp_arg_cmp conditions[3];
    unsigned count = conditional ? 1 + (unsigned)(draw() % 3) : 0, first = (unsigned)(draw() % 4);
    fprintf(out, "{\"names\": [\"%s\"], \"action\": \"%s\"", name, errno_ret ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW");
    if (errno_ret)
        fprintf(out, ", \"errnoRet\": %u", errno_ret);
    fprintf(out, ", \"args\": [");
    for (unsigned i = 0; i < count; i++) {
        size_t op = draw() % MB_COUNT(ops);
        uint64_t value = draw_value(), two = ops[op] == SCMP_CMP_MASKED_EQ ? draw_value() & value : 0;
        conditions[i] = (struct scmp_arg_cmp){first + i, ops[op], value, two};
        fprintf(out, "%s{\"index\": %u, \"value\": %llu, \"valueTwo\": %llu, \"op\": \"%s\"}", i ? "," : "", first + i,
                (unsigned long long)value, (unsigned long long)two, op_names[op]);
    }
    fprintf(out, "]}");
    if (library)
        assert_int_equal(seccomp_rule_add_array(library, errno_ret ? SCMP_ACT_ERRNO(errno_ret) : SCMP_ACT_ALLOW,
                                                number_of(name), count, conditions),
                         0);
}

static void draw_inputs(uint64_t (*inputs)[6], size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < 6; j++)
            inputs[i][j] = draw_value();
}

/* Any rules in any order: first match, shared bodies, far jumps. */
static void test_random_profiles_agree_with_model(void **state) {
    (void)state;
    static uint64_t inputs[60][6];
    static char text[1 << 20];
    for (int round = 0; round < 12; round++) {
        FILE *out = fmemopen(text, sizeof(text), "w");
        assert_non_null(out);
        fprintf(out, "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [");
        size_t rules = 20 + draw() % 400;
        for (size_t i = 0; i < rules; i++) {
            char *name = NULL;
            while (!name)
                name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)(draw() % (round % 2 ? 40 : 440)));
            fprintf(out, "%s", i ? "," : "");
            draw_rule(out, NULL, name, draw() % 4, (unsigned)(draw() % 4));
            free(name);
        }
        fprintf(out, "]}");
        fclose(out);
        draw_inputs(inputs, MB_COUNT(inputs));
        __attribute__((cleanup(free_json))) json_object *document = json_tokener_parse(text);
        assert_non_null(document);
        compare_with_model(compile(text, 0, false), document, false, (const uint64_t(*)[6])inputs, MB_COUNT(inputs), 0,
                           600);
    }
}

/*
 * A few rules for one call, of few values, so that neighbours often test the same half of the same argument: there the
 * compiler leaves out loads.
 */
static void test_random_neighbours_agree_with_model(void **state) {
    (void)state;
    static const uint64_t masks[] = {0xffffffff, UINT64_C(0xffffffff00000000), UINT64_MAX, 0,
                                     06000,      UINT64_C(0x300000003)};
    static const uint64_t values[] = {
        0, 1, 2, UINT64_C(0x100000000), UINT64_C(0x200000001), 04000, 02000, UINT64_C(0x100000002)};
    static uint64_t inputs[MB_COUNT(values) * MB_COUNT(values)][6];
    static char text[4096];
    for (size_t i = 0; i < MB_COUNT(inputs); i++) {
        inputs[i][0] = values[i % MB_COUNT(values)];
        inputs[i][1] = values[i / MB_COUNT(values)];
    }
    for (int round = 0; round < 3000; round++) {
        FILE *out = fmemopen(text, sizeof(text), "w");
        assert_non_null(out);
        fprintf(out, "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [");
        size_t rules = 2 + draw() % 4;
        for (size_t i = 0; i < rules; i++) {
            fprintf(out, "%s{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": %zu, \"args\": [",
                    i ? "," : "", i + 1);
            size_t shape = draw() % 3; /* the first argument, the second, or both */
            for (size_t index = 0; index < 2; index++) {
                uint64_t mask = masks[draw() % MB_COUNT(masks)], value = values[draw() % MB_COUNT(values)] & mask;
                if (shape == 2 || shape == index)
                    fprintf(out,
                            "%s{\"index\": %zu, \"value\": %llu, \"valueTwo\": %llu, \"op\": \"SCMP_CMP_MASKED_EQ\"}",
                            index && shape == 2 ? "," : "", index, (unsigned long long)mask, (unsigned long long)value);
            }
            fprintf(out, "]}");
        }
        fprintf(out, "]}");
        fclose(out);
        __attribute__((cleanup(free_json))) json_object *document = json_tokener_parse(text);
        assert_non_null(document);
        compare_with_model(compile(text, 0, false), document, false, (const uint64_t(*)[6])inputs, MB_COUNT(inputs),
                           SYS_read, SYS_read + 1);
    }
}

static struct mb_filter export_library(scmp_filter_ctx library) {
    static struct sock_filter code[BPF_MAXINSNS];
    mb_autofd fd = memfd_create("filter", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(seccomp_export_bpf(library, fd), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    ssize_t size = read(fd, code, sizeof(code));
    assert_true(size > 0);
    return (struct mb_filter){code, (size_t)size / sizeof(code[0])};
}

/* One rule a call: libseccomp gives several of one call an order of its own. */
static void test_random_profiles_agree_with_libseccomp(void **state) {
    (void)state;
    static uint64_t inputs[80][6];
    static char text[1 << 18];
    for (int round = 0; round < 30; round++) {
        scmp_filter_ctx library = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        assert_non_null(library);
        FILE *out = fmemopen(text, sizeof(text), "w");
        assert_non_null(out);
        fprintf(out, "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 38, \"syscalls\": [");
        const char *comma = "";
        for (int number = 0; number < 440; number++) {
            char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
            if (name && draw() % 3) {
                fprintf(out, "%s", comma);
                draw_rule(out, library, name, draw() % 5 == 0, (unsigned)(draw() % 3));
                comma = ",";
            }
            free(name);
        }
        fprintf(out, "]}");
        fclose(out);
        if (round % 2)
            assert_int_equal(seccomp_attr_set(library, SCMP_FLTATR_CTL_OPTIMIZE, 2), 0);
        struct mb_filter theirs = export_library(library), ours = compile(text, 0, false);
        draw_inputs(inputs, MB_COUNT(inputs));
        for (int number = -1; number < 450; number++)
            for (size_t i = 0; i < MB_COUNT(inputs); i++) {
                uint32_t wanted = decide(theirs, NATIVE, number, inputs[i]),
                         got = decide(ours, NATIVE, number, inputs[i]);
                if (wanted != got)
                    fail_msg("round %d, call %d: libseccomp says %#x, minibox %#x", round, number, wanted, got);
            }
        assert_true(ours.count < theirs.count);
        seccomp_release(library);
    }
}

/* ---- the default profile and libseccomp -----------------------------------------------------------------------------
 */

/*
 * The first rule that matches decides here. libseccomp knows no order: where rules for one call meet it drops those
 * with conditions, or answers by whichever it wrote first. So it is given rules that never meet. All conditions of the
 * profile are masks, so what a rule matches is a cube: some bits of the arguments are fixed, all others free. What is
 * left of the arguments behind a rule is cubes again, which do not overlap. Nothing is left out: each call and each
 * rule that is selected is compared.
 */
struct cube {
    uint64_t mask[6], value[6];
};

static struct cube cube_of(json_object *rule) {
    struct cube cube = {0};
    json_object *args = field(rule, "args");
    for (size_t i = 0; args && i < json_object_array_length(args); i++) {
        json_object *condition = json_object_array_get_idx(args, i);
        int index = json_object_get_int(field(condition, "index"));
        if (strcmp(json_object_get_string(field(condition, "op")), "SCMP_CMP_MASKED_EQ") != 0 || cube.mask[index])
            fail_msg("a condition of the default profile that is no cube");
        cube.mask[index] = json_object_get_uint64(field(condition, "value"));
        cube.value[index] = json_object_get_uint64(field(condition, "valueTwo"));
    }
    return cube;
}

static bool meet(const struct cube *a, const struct cube *b, struct cube *ret) {
    for (size_t i = 0; i < 6; i++) {
        if ((a->value[i] ^ b->value[i]) & a->mask[i] & b->mask[i])
            return false;
        ret->mask[i] = a->mask[i] | b->mask[i];
        ret->value[i] = a->value[i] | b->value[i];
    }
    return true;
}

struct cubes {
    struct cube list[1024];
    size_t count;
};

/* What is left of `cube` without `hole`: bit by bit, the part in which the bit differs. */
static void cut(struct cubes *left, struct cube cube, const struct cube *hole) {
    for (size_t i = 0; i < 6; i++)
        for (uint64_t bit = 1; bit; bit <<= 1) {
            if (!(hole->mask[i] & ~cube.mask[i] & bit))
                continue;
            assert_true(left->count < MB_COUNT(left->list));
            struct cube *part = &left->list[left->count++];
            *part = cube;
            part->mask[i] |= bit;
            part->value[i] |= ~hole->value[i] & bit;
            cube.mask[i] |= bit;
            cube.value[i] |= hole->value[i] & bit;
        }
}

static void add_cube(scmp_filter_ctx library, int number, uint32_t action, const struct cube *cube) {
    struct scmp_arg_cmp conditions[6];
    unsigned count = 0;
    for (unsigned i = 0; i < 6; i++)
        if (cube->mask[i])
            conditions[count++] = (struct scmp_arg_cmp){i, SCMP_CMP_MASKED_EQ, cube->mask[i], cube->value[i]};
    if (action != (uint32_t)UNKNOWN) /* the default, which libseccomp refuses as a rule */
        assert_int_equal(seccomp_rule_add_exact_array(library, action, number, count, conditions), 0);
}

/* Gives libseccomp the rules of one call. *ret_used: the bits of the arguments that they look at. */
static void add_call_to_library(scmp_filter_ctx library, json_object *rules, int number, uint64_t capabilities,
                                bool allow_suid, struct cube *ret_used) {
    static struct cubes left, next;
    left = (struct cubes){.count = 1};
    for (size_t r = 0; r < json_object_array_length(rules); r++) {
        json_object *rule = json_object_array_get_idx(rules, r), *names = field(rule, "names");
        bool named = false;
        for (size_t i = 0; !named && i < json_object_array_length(names); i++)
            named = number_of(json_object_get_string(json_object_array_get_idx(names, i))) == number;
        if (!named || !is_selected(rule, capabilities, allow_suid))
            continue;
        struct cube cube = cube_of(rule), both;
        for (size_t i = 0; i < 6; i++)
            ret_used->mask[i] |= cube.mask[i];
        next.count = 0;
        for (size_t i = 0; i < left.count; i++)
            if (meet(&left.list[i], &cube, &both)) {
                add_cube(library, number, model_action(rule, "action", "errnoRet"), &both);
                cut(&next, left.list[i], &cube);
            } else {
                assert_true(next.count < MB_COUNT(next.list));
                next.list[next.count++] = left.list[i];
            }
        left = next;
    }
}

enum { CALLS = 600 };

/* What libseccomp makes of the default profile. used[n]: the bits that call n's rules look at. */
static struct mb_filter compile_by_library(json_object *document, uint64_t capabilities, bool allow_suid,
                                           struct cube *used) {
    scmp_filter_ctx library = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    assert_non_null(library);
    assert_int_equal(seccomp_attr_set(library, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)), 0);
    assert_int_equal(model_action(document, "defaultAction", "defaultErrnoRet"), UNKNOWN);
    memset(used, 0, CALLS * sizeof(*used));
    for (int number = 0; number < CALLS; number++)
        add_call_to_library(library, field(document, "syscalls"), number, capabilities, allow_suid, &used[number]);
    struct mb_filter filter = export_library(library);
    seccomp_release(library);
    return filter;
}

static size_t compared;

static void compare_programs(struct mb_filter ours, struct mb_filter theirs, uint32_t arch, int number,
                             const uint64_t *args) {
    uint32_t got = decide(ours, arch, number, args), wanted = decide(theirs, arch, number, args);
    if (got != wanted)
        fail_msg("architecture %#x, call %d(%#llx, %#llx, %#llx, %#llx): libseccomp says %#x, minibox %#x", arch,
                 number, (unsigned long long)args[0], (unsigned long long)args[1], (unsigned long long)args[2],
                 (unsigned long long)args[3], wanted, got);
    compared++;
}

/* Every value and mask of the profile's conditions, with what is beside it in either half, and each bit of it. */
static size_t list_boundaries(json_object *document, uint64_t *ret_values, size_t max) {
    size_t count = 0;
    json_object *rules = field(document, "syscalls");
    ret_values[count++] = 0;
    ret_values[count++] = UINT64_MAX;
    for (size_t r = 0; r < json_object_array_length(rules); r++) {
        json_object *args = field(json_object_array_get_idx(rules, r), "args");
        for (size_t i = 0; args && i < json_object_array_length(args); i++)
            for (int second = 0; second < 2; second++) {
                uint64_t value =
                    json_object_get_uint64(field(json_object_array_get_idx(args, i), second ? "valueTwo" : "value"));
                uint64_t near[8 + 64] = {value - 1,
                                         value,
                                         value + 1,
                                         value | BIT_32,
                                         value | UINT64_C(0xffffffff00000000),
                                         ~value,
                                         value << 32,
                                         value | UINT64_C(0x80000000)};
                size_t near_count = 8;
                for (uint64_t bit = 1; bit; bit <<= 1)
                    if (value & bit)
                        near[near_count++] = bit;
                for (size_t n = 0; n < near_count; n++) {
                    size_t known = 0;
                    while (known < count && ret_values[known] != near[n])
                        known++;
                    assert_true(known < max);
                    if (known == count)
                        ret_values[count++] = near[n];
                }
            }
    }
    return count;
}

/* One in so many of the inputs that could be left out, on an emulated machine: MINIBOX_TEST_SLOW. */
static size_t one_in(void) {
    const char *slow = getenv("MINIBOX_TEST_SLOW");
    size_t times = slow ? strtoul(slow, NULL, 10) : 1;
    return times > 1 ? times * 5 : 1;
}

/* All boundary values in the arguments that a call's rules look at, each with each; in the others, one at a time. */
static void compare_at_boundaries(struct mb_filter ours, struct mb_filter theirs, const struct cube *used,
                                  json_object *document) {
    static const uint32_t arches[] = {NATIVE,
                                      FOREIGN,
                                      AUDIT_ARCH_I386,
                                      AUDIT_ARCH_ARM,
                                      AUDIT_ARCH_S390X,
                                      AUDIT_ARCH_RISCV64,
                                      NATIVE ^ 1,
                                      NATIVE ^ 0x80000000,
                                      0,
                                      UINT32_MAX};
    static uint64_t values[512];
    size_t count = list_boundaries(document, values, MB_COUNT(values));
    for (int number = 0; number < CALLS; number++) {
        int indices[6], index_count = 0;
        for (int i = 0; i < 6; i++)
            if (used[number].mask[i])
                indices[index_count++] = i;
        assert_true(index_count <= 2);
        for (size_t v = 0; v < count; v++)
            for (int i = 0; i < 6; i++) {
                uint64_t args[6] = {0};
                args[i] = values[v];
                compare_programs(ours, theirs, NATIVE, number, args);
            }
        for (size_t pair = 0; index_count == 2 && pair < count * count; pair += one_in()) {
            uint64_t args[6] = {0};
            args[indices[0]] = values[pair % count];
            args[indices[1]] = values[pair / count];
            compare_programs(ours, theirs, NATIVE, number, args);
        }
    }
    for (int number = 0; number < CALLS; number++)
        for (size_t a = 0; a < MB_COUNT(arches); a++) {
            compare_programs(ours, theirs, arches[a], number, NO_ARGS);
            compare_programs(ours, theirs, arches[a], -number - 1, NO_ARGS);
            compare_programs(ours, theirs, arches[a], number | 0x40000000, NO_ARGS);
            compare_programs(ours, theirs, arches[a], number | INT32_MIN, NO_ARGS);
        }
}

/* Half of the inputs are calls whose rules look at arguments, with values near those that they compare. */
static void compare_at_random(struct mb_filter ours, struct mb_filter theirs, const struct cube *used,
                              json_object *document, size_t rounds) {
    static uint64_t values[512];
    size_t count = list_boundaries(document, values, MB_COUNT(values)), selective_count = 0;
    int selective[CALLS];
    for (int number = 0; number < CALLS; number++)
        if (memcmp(used[number].mask, (const uint64_t[6]){0}, sizeof(used[number].mask)) != 0)
            selective[selective_count++] = number;
    assert_true(selective_count >= 4);
    for (size_t round = 0; round < rounds; round++) {
        uint64_t args[6], dice = draw();
        for (size_t i = 0; i < 6; i++) {
            args[i] = values[draw() % count];
            switch (draw() % 4) {
            case 0:
                args[i] = draw();
                break;
            case 1:
                args[i] ^= UINT64_C(1) << draw() % 64;
            }
        }
        int number = dice % 2 ? selective[draw() % selective_count] : (int)(draw() % CALLS);
        number = dice % 64 == 0 ? (int)draw() : number;
        compare_programs(ours, theirs, dice % 128 == 1 ? (uint32_t)draw() : NATIVE, number, args);
    }
}

static void test_default_profile_equals_libseccomp(void **state) {
    (void)state;
    static struct cube used[CALLS];
    __attribute__((cleanup(free_json))) json_object *document = json_tokener_parse(profile);
    assert_non_null(document);
    compared = 0;
    for (int allow_suid = 0; allow_suid < 2; allow_suid++) {
        struct mb_filter ours = allow_suid ? mb_seccomp_builtin_allow_suid : mb_seccomp_builtin;
        struct mb_filter theirs = compile_by_library(document, 0, allow_suid, used);
        compare_at_boundaries(ours, theirs, used, document);
        compare_at_random(ours, theirs, used, document, 500000 / one_in());
    }
    assert_true(compared > 1000000 / one_in());
}

/* With each capability that the profile names, with all but that, and with all. */
static void test_capabilities_equal_libseccomp(void **state) {
    (void)state;
    static struct cube used[CALLS];
    __attribute__((cleanup(free_json))) json_object *document = json_tokener_parse(profile);
    assert_non_null(document);
    uint64_t named = 0;
    json_object *rules = field(document, "syscalls");
    for (size_t r = 0; r < json_object_array_length(rules); r++) {
        json_object *caps = field(field(json_object_array_get_idx(rules, r), "includes"), "caps");
        for (size_t i = 0; caps && i < json_object_array_length(caps); i++)
            named |= capability_of(json_object_array_get_idx(caps, i));
    }
    assert_true(named & CAP(SYS_ADMIN) && named & CAP(NET_RAW));
    uint64_t sets[2 * 64 + 1] = {UINT64_MAX};
    size_t count = 1;
    for (unsigned bit = 0; bit < 64; bit++)
        if (named >> bit & 1) {
            sets[count++] = UINT64_C(1) << bit;
            sets[count++] = ~(UINT64_C(1) << bit);
        }
    for (size_t i = 0; i < count; i += one_in())
        for (int allow_suid = 0; allow_suid < 2; allow_suid++) {
            struct mb_filter ours = compile(profile, sets[i], allow_suid);
            struct mb_filter theirs = compile_by_library(document, sets[i], allow_suid, used);
            for (int number = -1; number < CALLS; number++)
                compare_programs(ours, theirs, NATIVE, number, NO_ARGS);
            compare_at_random(ours, theirs, used, document, 10000 / one_in());
        }
}

/* ---- the format ---------------------------------------------------------------------------------------------------
 */

#define DENY "\"defaultAction\": \"SCMP_ACT_ERRNO\""
#define RULE(...) "{" DENY ", \"syscalls\": [{" __VA_ARGS__ "}]}"
#define READ_ALLOW "\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\""
#define ARG(text) RULE(READ_ALLOW ", \"args\": [{" text "}]")

static void test_format(void **state) {
    (void)state;
    check(compile("{" DENY "}", 0, false), "read", NO_ARGS, REFUSED);
    check(compile("{" DENY ", \"defaultErrnoRet\": 0}", 0, false), "read", NO_ARGS, SECCOMP_RET_ERRNO);
    check(compile("{" DENY ", \"defaultErrno\": \"ENOSYS\", \"defaultErrnoRet\": 38}", 0, false), "read", NO_ARGS,
          UNKNOWN);
    check(compile(RULE(READ_ALLOW), 0, false), "read", NO_ARGS, ALLOWED);
    check(compile(RULE("\"name\": \"read\", \"action\": \"SCMP_ACT_LOG\", \"args\": null, \"includes\": {}"), 0, false),
          "read", NO_ARGS, SECCOMP_RET_LOG);
    check(compile(RULE("\"names\": [\"nonesuch\", \"read\"], \"action\": \"SCMP_ACT_KILL\""), 0, false), "read",
          NO_ARGS, SECCOMP_RET_KILL_THREAD);
    check(compile(RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_TRAP\""), 0, false), "read", NO_ARGS,
          SECCOMP_RET_TRAP);
    check(compile(RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"EAGAIN\""), 0, false),
          "read", NO_ARGS, SECCOMP_RET_ERRNO | EAGAIN);
    check(compile(
              "{" DENY
              ", \"architectures\": [\"SCMP_ARCH_X86\"], \"flags\": [\"SECCOMP_FILTER_FLAG_LOG\"], \"syscalls\": null}",
              0, false),
          "read", NO_ARGS, REFUSED);
    check(compile(ARG("\"index\": 5, \"value\": 18446744073709551615, \"op\": \"SCMP_CMP_EQ\""), 0, false), "read",
          ARGS(0, 0, 0, 0, 0, UINT64_MAX), ALLOWED);
    /* One argument twice: either condition, as runc. */
    struct mb_filter either =
        compile(RULE(READ_ALLOW ", \"args\": [{\"index\": 0, \"value\": 3, \"op\": \"SCMP_CMP_EQ\"}, "
                                "{\"index\": 0, \"value\": 5, \"op\": \"SCMP_CMP_EQ\"}]"),
                0, false);
    check(either, "read", ARGS(3), ALLOWED);
    check(either, "read", ARGS(4), REFUSED);
    check(either, "read", ARGS(5), ALLOWED);
}

static void test_includes_and_excludes(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        uint64_t capabilities;
        bool allow_suid, selected;
    } rows[] = {
        {"\"includes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]}", CAP(SYS_ADMIN), false, false},
        {"\"includes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]}", CAP(SYS_ADMIN) | CAP(BPF), false, true},
        {"\"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]}", CAP(BPF), false, false},
        {"\"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BPF\"]}", CAP(CHOWN), false, true},
        {"\"includes\": {\"arches\": [\"s390\", \"amd64\", \"arm64\"]}", 0, false, true},
        {"\"includes\": {\"arches\": [\"s390\", \"s390x\"]}", 0, false, false},
        {"\"excludes\": {\"arches\": [\"s390\", \"amd64\", \"arm64\"]}", 0, false, false},
        {"\"excludes\": {\"arches\": [\"s390\"]}", 0, false, true},
        {"\"includes\": {\"allow\": [\"suid\"]}", 0, false, false},
        {"\"includes\": {\"allow\": [\"suid\"]}", 0, true, true},
        {"\"excludes\": {\"allow\": [\"suid\"]}", 0, false, true},
        {"\"excludes\": {\"allow\": [\"suid\"]}", 0, true, false},
        {"\"includes\": {\"minKernel\": \"4.8\"}", 0, false, true},
        {"\"includes\": {\"minKernel\": \"999.0\"}", 0, false, false},
        {"\"excludes\": {\"minKernel\": \"4.8\"}", 0, false, false},
        {"\"excludes\": {\"minKernel\": \"999.0\"}", 0, false, true},
        {"\"includes\": {\"caps\": [\"CAP_BPF\"]}, \"excludes\": {\"caps\": [\"CAP_CHOWN\"]}", CAP(BPF) | CAP(CHOWN),
         false, false},
    };
    for (size_t i = 0; i < MB_COUNT(rows); i++) {
        char text[400];
        snprintf(text, sizeof(text), RULE(READ_ALLOW ", %s"), rows[i].filter);
        uint32_t got = decide(compile(text, rows[i].capabilities, rows[i].allow_suid), NATIVE, SYS_read, NO_ARGS);
        if (got != (rows[i].selected ? ALLOWED : (uint32_t)REFUSED))
            fail_msg("%s: selected is %d, and %d is wanted", rows[i].filter, !rows[i].selected, rows[i].selected);
    }
}

static void test_first_match_decides(void **state) {
    (void)state;
    struct mb_filter f = compile("{" DENY ", \"defaultErrnoRet\": 38, \"syscalls\": ["
                                 "{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 0, "
                                 "\"value\": 7, \"op\": \"SCMP_CMP_EQ\"}]},"
                                 "{" READ_ALLOW "},"
                                 "{\"names\": [\"read\", \"write\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"},"
                                 "{\"names\": [\"write\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, "
                                 "\"value\": 7, \"op\": \"SCMP_CMP_EQ\"}]}]}",
                                 0, false);
    check(f, "read", ARGS(7), REFUSED);
    check(f, "read", ARGS(8), ALLOWED);
    check(f, "write", ARGS(7), SECCOMP_RET_KILL_PROCESS);
    check(f, "close", NO_ARGS, UNKNOWN);
}

static void test_mistakes_are_explained(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason, *remedy; /* parts of them */
    } rows[] = {
        {"", "line 1, column 1: unexpected end of data", ""},
        {"{" DENY, "unexpected end of data", ""},
        {"{" DENY "} x", "line 1, column 37: unexpected character", ""},
        {"{\n \"defaultAction\": 'x'}", "line 2, column 19: ", ""},
        {"[]", "an object is wanted, not an array", ""},
        {" null", "an object is wanted, not null", ""},
        {"{}", "defaultAction: is missing", ""},
        {"{\"defaultAction\": 3}", "defaultAction: a string is wanted, not an integer", ""},
        {"{\"defaultAction\": \"SCMP_ACT_ALOW\"}", "defaultAction: \"SCMP_ACT_ALOW\" is no action",
         "did you mean \"SCMP_ACT_ALLOW\"?"},
        {"{\"defaultAction\": \"deny\"}", "defaultAction: \"deny\" is no action", "\"SCMP_ACT_ALLOW\", for instance"},
        {"{" DENY ", \"syscall\": []}", "\"syscall\" is no key known here", "did you mean \"syscalls\"?"},
        {"{" DENY ", \"syscalls\": {}}", "syscalls: an array is wanted, not an object", ""},
        {"{" DENY ", \"syscalls\": [null]}", "syscalls[0]: an object is wanted, not null", ""},
        {"{" DENY ", \"defaultErrnoRet\": 4096}", "defaultErrnoRet: must be at most 4095", ""},
        {"{" DENY ", \"defaultErrnoRet\": -1}", "defaultErrnoRet: must not be negative", ""},
        {"{" DENY ", \"defaultErrno\": \"EFOO\"}", "defaultErrno: \"EFOO\" is no error of errno(3)", ""},
        {"{" DENY ", \"defaultErrno\": \"ENOSYS\", \"defaultErrnoRet\": 1}",
         "defaultErrno: ENOSYS is 38, but defaultErrnoRet says otherwise", ""},
        {"{" DENY ", \"listenerPath\": \"/run/x\"}", "listenerPath: a listener needs a supervisor", ""},
        {"{" DENY ", \"flags\": [\"SECCOMP_FILTER_FLAG_LOGG\"]}", "flags[0]: \"SECCOMP_FILTER_FLAG_LOGG\" is no flag",
         "did you mean \"SECCOMP_FILTER_FLAG_LOG\"?"},
        {RULE("\"action\": \"SCMP_ACT_ALLOW\""), "syscalls[0].names: is missing", ""},
        {RULE("\"names\": \"read\", \"action\": \"SCMP_ACT_ALLOW\""),
         "syscalls[0].names: an array is wanted, not a string", ""},
        {RULE("\"names\": [\"read\", 7], \"action\": \"SCMP_ACT_ALLOW\""),
         "syscalls[0].names[1]: a string is wanted, not an integer", ""},
        {RULE("\"names\": [\"\"], \"action\": \"SCMP_ACT_ALLOW\""), "syscalls[0].names[0]: the string is empty", ""},
        {RULE("\"names\": [\"read\\u0000\"], \"action\": \"SCMP_ACT_ALLOW\""), "syscalls[0].names[0]: there is a NUL",
         ""},
        {RULE("\"names\": [\"read\"], \"name\": \"write\", \"action\": \"SCMP_ACT_ALLOW\""),
         "syscalls[0].name: there is names already", ""},
        {RULE("\"names\": [\"read\"]"), "syscalls[0].action: is missing", ""},
        {RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_NOTIFY\""),
         "syscalls[0].action: SCMP_ACT_NOTIFY needs a supervisor", ""},
        {RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_TRACE\""),
         "syscalls[0].action: SCMP_ACT_TRACE needs a supervisor", ""},
        {RULE(READ_ALLOW ", \"errnoRet\": 1"), "syscalls[0].errnoRet: only SCMP_ACT_ERRNO has an error number", ""},
        {RULE(READ_ALLOW ", \"arg\": []"), "syscalls[0]: \"arg\" is no key known here", "did you mean \"args\"?"},
        {RULE(READ_ALLOW ", \"include\": {}"), "syscalls[0]: \"include\" is no key known here",
         "did you mean \"includes\"?"},
        {RULE(READ_ALLOW ", \"args\": {}"), "syscalls[0].args: an array is wanted, not an object", ""},
        {ARG(""), "syscalls[0].args[0].index: is missing", ""},
        {ARG("\"index\": 6"), "syscalls[0].args[0].index: must be at most 5", ""},
        {ARG("\"index\": 0, \"value\": 1.5"), "syscalls[0].args[0].value: an integer is wanted, not a fraction", ""},
        {ARG("\"index\": 0, \"value\": -1"), "syscalls[0].args[0].value: must not be negative", ""},
        {ARG("\"index\": 0, \"value\": 1"), "syscalls[0].args[0].op: is missing", ""},
        {ARG("\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_MASK_EQ\""),
         "syscalls[0].args[0].op: \"SCMP_CMP_MASK_EQ\" is no comparison", "did you mean \"SCMP_CMP_MASKED_EQ\"?"},
        {ARG("\"index\": 0, \"value\": 1, \"valueTwo\": 3, \"op\": \"SCMP_CMP_MASKED_EQ\""),
         "syscalls[0].args[0].valueTwo: has bits that the mask", ""},
        {ARG("\"index\": 0, \"value\": 1, \"valueTwo\": 3, \"op\": \"SCMP_CMP_EQ\""),
         "syscalls[0].args[0].valueTwo: only SCMP_CMP_MASKED_EQ", ""},
        {RULE(READ_ALLOW ", \"includes\": {\"caps\": [\"SYS_ADMIN\"]}"),
         "syscalls[0].includes.caps[0]: \"SYS_ADMIN\" is no capability", ""},
        {RULE(READ_ALLOW ", \"includes\": {\"caps\": [\"CAP_KILL,CAP_CHOWN\"]}"),
         "syscalls[0].includes.caps[0]: \"CAP_KILL,CAP_CHOWN\" is no capability", ""},
        {RULE(READ_ALLOW ", \"excludes\": {\"caps\": [\"CAP_SYS_ADMNI\"]}"),
         "syscalls[0].excludes.caps[0]: \"CAP_SYS_ADMNI\" is no capability", ""},
        {RULE(READ_ALLOW ", \"includes\": {\"arches\": [\"amd46\"]}"),
         "syscalls[0].includes.arches[0]: \"amd46\" is no architecture", "did you mean \"amd64\"?"},
        {RULE(READ_ALLOW ", \"includes\": {\"allow\": [\"sudi\"]}"),
         "syscalls[0].includes.allow[0]: \"sudi\" is no value of --allow", "\"suid\""},
        {RULE(READ_ALLOW ", \"includes\": {\"minKernel\": \"5\"}"),
         "syscalls[0].includes.minKernel: \"5\" is no kernel version", ""},
        {RULE(READ_ALLOW ", \"includes\": {\"cap\": []}"), "syscalls[0].includes: \"cap\" is no key known here",
         "did you mean \"caps\"?"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "column 17: nesting too deep", ""},
    };
    static const struct mb_origin origin = {.kind = MB_ORIGIN_ARGV, .name = "--seccomp", .line = 4};
    for (size_t i = 0; i < MB_COUNT(rows); i++) {
        struct mb_filter filter;
        struct minibox_error err = {0};
        if (mb_profile_compile(&arena, rows[i].text, "box.json", 0, false, &origin, &filter, &err) != -1)
            fail_msg("%s: was accepted", rows[i].text);
        if (!strstr(err.reason, rows[i].reason))
            fail_msg("%s: \"%s\" is wanted, not \"%s\"", rows[i].text, rows[i].reason, err.reason);
        if (rows[i].remedy[0] ? !strstr(err.remedy, rows[i].remedy)
                              : err.remedy[0] != '\0' && strstr(err.remedy, "did you mean"))
            fail_msg("%s: the remedy \"%s\" is wanted, not \"%s\"", rows[i].text, rows[i].remedy, err.remedy);
        assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
        assert_string_equal(err.object, "box.json");
        assert_string_equal(err.origin, "--seccomp (argument 4)");
    }
}

/* Programs that do not fit are refused, and never written past their room. */
static void test_size_limit(void **state) {
    (void)state;
    static char text[4 << 20];
    for (size_t rules = 500; rules <= 20000; rules += 1500) {
        FILE *out = fmemopen(text, sizeof(text), "w");
        assert_non_null(out);
        fprintf(out, "{" DENY ", \"syscalls\": [");
        for (size_t i = 0; i < rules; i++)
            fprintf(out,
                    "%s{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": "
                    "[{\"index\": %zu, \"value\": %zu, \"op\": \"SCMP_CMP_EQ\"}]}",
                    i ? "," : "", i % 6, i);
        fprintf(out, "]}");
        fclose(out);
        struct mb_filter filter;
        struct minibox_error err;
        if (mb_profile_compile(&arena, text, "box.json", 0, false, NULL, &filter, &err) == 0) {
            assert_true(filter.count <= BPF_MAXINSNS && rules < 2000);
            check(filter, "read", ARGS(0, 0, 0, 0, 0, 5), ALLOWED);
            check(filter, "read", ARGS(1, 0, 0, 0, 0, 6), REFUSED);
        } else
            assert_true(rules > 500 && strstr(err.reason, "more than 4091 instructions"));
    }
}

/* Whatever the text is, the answer is a program or an error. */
static void test_damaged_profiles(void **state) {
    (void)state;
    static char text[sizeof(profile)];
    size_t length = strlen(profile), accepted = 0;
    for (int round = 0; round < 3000; round++) {
        memcpy(text, profile, length + 1);
        for (size_t i = draw() % 3 + 1; i > 0; i--) {
            size_t at = draw() % length, size = draw() % 40;
            switch (draw() % 4) {
            case 0:
                text[at] = (char)draw();
                break;
            case 1:
                text[at] = "{}[]\",:0129-"[draw() % 12];
                break;
            case 2:
                text[at] = '\0';
                break;
            default: /* another part of the text over this one */
                if (at + size < length)
                    memcpy(text + at, profile + draw() % (length - 40), size);
            }
        }
        __attribute__((cleanup(mb_arena_free))) struct mb_arena own = {0};
        struct mb_filter filter;
        struct minibox_error err = {0};
        if (mb_profile_compile(&own, text, "damaged", draw(), draw() % 2, NULL, &filter, &err) == 0) {
            assert_true(filter.count > 0 && filter.count <= BPF_MAXINSNS);
            accepted++;
        } else
            assert_true(err.phase == MINIBOX_PHASE_USAGE && err.reason[0]);
    }
    assert_true(accepted > 0);
}

/* ---- the guard ------------------------------------------------------------------------------------------------- */

/* Calls that can set the bits, by their numbers as the kernel's tables have them; -1: the architecture has none. */
enum { X86_64, I386, AARCH64, ARM, ARCH_COUNT };
static const uint32_t arch_values[ARCH_COUNT] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
                                                 AUDIT_ARCH_ARM};
/* clang-format off */
static const struct {
    const char *name;
    int numbers[ARCH_COUNT];
    int flags, mode; /* positions of the arguments; -1: no flags; mode -1: in memory */
} set_id_calls[] = {
    {"chmod",          { 90,  15,  -1,  15}, -1,  1},
    {"fchmod",         { 91,  94,  52,  94}, -1,  1},
    {"fchmodat",       {268, 306,  53, 333}, -1,  2},
    {"fchmodat2",      {452, 452, 452, 452}, -1,  2},
    {"creat",          { 85,   8,  -1,   8}, -1,  1},
    {"mknod",          {133,  14,  -1,  14}, -1,  1},
    {"mknodat",        {259, 297,  33, 324}, -1,  2},
    {"open",           {  2,   5,  -1,   5},  1,  2},
    {"openat",         {257, 295,  56, 322},  2,  3},
    {"openat2",        {437, 437, 437, 437}, -1, -1},
    {"io_uring_setup", {425, 425, 425, 425}, -1, -1},
};
/* clang-format on */

/* How a program makes calls: the architecture that a filter sees, and a bit in the number. */
static const struct abi {
    int arch;
    int bit;
} abis[] = {
#ifdef __x86_64__
    {X86_64, 0},
    {X86_64, 0x40000000},
    {I386, 0},
#else
    {AARCH64, 0},
    {ARM, 0},
#endif
};

/* What the guard alone says of a call. */
static uint32_t guard_model(size_t call, const uint64_t *args, bool host_is_writable) {
    int flags = set_id_calls[call].flags, mode = set_id_calls[call].mode;
    if (mode < 0)
        return host_is_writable ? (uint32_t)UNKNOWN : ALLOWED;
    bool makes = flags < 0 || args[flags] & (0100 | 020000000);
    return makes && args[mode] & 06000 ? (uint32_t)REFUSED : ALLOWED;
}

/* With the guard before it, a program (count 0: none) answers as ever what the guard does not refuse. */
static void check_guarded(const char *name, struct mb_filter program, bool host_is_writable) {
    static const uint64_t flags[] = {0, O_RDWR, 0100, 020000000, 020200000, 0100 | O_EXCL, O_DIRECTORY, BIT_32 << 6};
    static const uint64_t modes[] = {0,     0755,  01777,          04000,        02000,
                                     06755, 07777, 04000 | BIT_32, BIT_32 << 11, UINT64_MAX};
    struct mb_filter guarded = program;
    assert_int_equal(mb_guard_put_before(&arena, host_is_writable, &guarded), 0);
    for (size_t a = 0; a < MB_COUNT(abis); a++) {
        uint32_t arch = arch_values[abis[a].arch];
        for (size_t i = 0; i < MB_COUNT(set_id_calls) * MB_COUNT(flags) * MB_COUNT(modes); i++) {
            size_t call = i % MB_COUNT(set_id_calls), rest = i / MB_COUNT(set_id_calls);
            int number = set_id_calls[call].numbers[abis[a].arch];
            uint64_t args[6] = {06000};
            if (set_id_calls[call].flags >= 0)
                args[set_id_calls[call].flags] = flags[rest % MB_COUNT(flags)];
            if (set_id_calls[call].mode >= 0)
                args[set_id_calls[call].mode] = modes[rest / MB_COUNT(flags)];
            if (number < 0)
                continue;
            uint32_t own = program.count ? decide(program, arch, number | abis[a].bit, args) : ALLOWED;
            uint32_t said = guard_model(call, args, host_is_writable), wanted = said == ALLOWED ? own : said;
            uint32_t got = decide(guarded, arch, number | abis[a].bit, args);
            if (got != wanted)
                fail_msg("%s, architecture %#x, bit %#x, %s(%#llo, %#llo, %#llo, %#llo): %#x is wanted, not %#x", name,
                         arch, abis[a].bit, set_id_calls[call].name, (unsigned long long)args[0],
                         (unsigned long long)args[1], (unsigned long long)args[2], (unsigned long long)args[3], wanted,
                         got);
        }
        for (int number = -1; number < 600; number++) { /* with modes that have no bits, and flags that make nothing */
            uint64_t args[6] = {06000, 0, 0, 0, 06000, 06000};
            bool is_unseen = host_is_writable && (number == 437 || number == 425);
            uint32_t own = program.count ? decide(program, arch, number | abis[a].bit, args) : ALLOWED;
            assert_int_equal(decide(guarded, arch, number | abis[a].bit, args), is_unseen ? (uint32_t)UNKNOWN : own);
        }
    }
    uint32_t own = program.count ? decide(program, AUDIT_ARCH_S390X, 15, ARGS(0, 04755)) : ALLOWED;
    assert_int_equal(decide(guarded, AUDIT_ARCH_S390X, 15, ARGS(0, 04755)), own);
}

static void test_guard_stands_before_any_profile(void **state) {
    (void)state;
    static const struct {
        const char *name, *text; /* NULL: no filter but the guard */
    } rows[] = {
        {"no profile", NULL},
        {"allow all", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}"},
        {"kill some", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"chmod\", \"fchmod\", "
                      "\"openat\", \"openat2\", \"mknodat\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"}]}"},
        {"kill all", "{\"defaultAction\": \"SCMP_ACT_KILL\"}"},
        {"log all", "{\"defaultAction\": \"SCMP_ACT_LOG\"}"},
        {"default", profile},
    };
    for (size_t i = 0; i < MB_COUNT(rows); i++)
        for (int host_is_writable = 0; host_is_writable < 2; host_is_writable++) {
            struct mb_filter none = {0};
            check_guarded(rows[i].name, rows[i].text ? compile(rows[i].text, UINT64_MAX, true) : none,
                          host_is_writable);
        }
}

/* The kernel takes the whole, and answers by it. */
static void test_kernel_takes_guard(void **state) {
    (void)state;
    struct mb_filter guarded = {0};
    assert_int_equal(mb_guard_put_before(&arena, true, &guarded), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sock_fprog program = {(unsigned short)guarded.count, (struct sock_filter *)(uintptr_t)guarded.code};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
            _exit(1);
        if (syscall(SYS_fchmod, -1, 04755) != -1 || errno != EPERM)
            _exit(2);
        if (syscall(SYS_fchmod, -1, 0755) != -1 || errno != EBADF)
            _exit(3);
        if (syscall(SYS_openat2, -1, "", NULL, 0) != -1 || errno != ENOSYS)
            _exit(4);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_guard_is_known_by_number(void **state) {
    (void)state;
    size_t count = 0, wanted = 0;
    for (size_t i = 0; i < MB_COUNT(set_id_calls); i++) {
        int number = set_id_calls[i].numbers[abis[0].arch];
        wanted += number >= 0;
        assert_true(number < 0 || mb_guard_refuses((uint32_t)number));
    }
    for (uint32_t number = 0; number < 600; number++)
        count += mb_guard_refuses(number);
    assert_int_equal(count, wanted);
    assert_false(mb_guard_refuses(UINT32_MAX));
}

static void test_guard_needs_room(void **state) {
    (void)state;
    static struct sock_filter code[MB_FILTER_MOST];
    for (size_t i = 0; i < MB_COUNT(code); i++)
        code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct mb_filter small = {code, 1}, large = {code, MB_COUNT(code)};
    assert_int_equal(mb_guard_put_before(&arena, true, &small), 0);
    size_t own = small.count - 1;
    large.count -= own;
    assert_int_equal(mb_guard_put_before(&arena, true, &large), 0);
    assert_int_equal(large.count, MB_FILTER_MOST);
    large = (struct mb_filter){code, MB_COUNT(code) - own + 1};
    assert_int_equal(mb_guard_put_before(&arena, true, &large), -E2BIG);
    assert_ptr_equal(large.code, code);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static void test_calls_by_name_and_number(void **state) {
    (void)state;
    char name[MB_CALLS_NAME_SIZE];
    for (size_t i = 0; i < MB_COUNT(set_id_calls); i++)
        for (int arch = 0; arch < ARCH_COUNT; arch++)
            assert_int_equal(mb_calls_find(set_id_calls[i].name, arch_values[arch]), set_id_calls[i].numbers[arch]);
    static const char *const newer[] = {"mseal", "cachestat", "futex_wake", "statmount", "file_setattr"};
    for (size_t i = 0; i < MB_COUNT(newer); i++) {
        assert_in_range(mb_calls_find(newer[i], NATIVE), 451, 469);
        assert_int_equal(mb_calls_find(newer[i], FOREIGN), mb_calls_find(newer[i], NATIVE));
    }
    assert_int_equal(mb_calls_find("uretprobe", AUDIT_ARCH_X86_64), 335);
    assert_int_equal(mb_calls_find("uretprobe", AUDIT_ARCH_AARCH64), -1);
    assert_int_equal(mb_calls_find("nonesuch", NATIVE), -1);
    /* Each number has a name that is this number's alone, or is its own name. */
    for (uint32_t number = 0; number < 700; number++) {
        char digits[16];
        snprintf(digits, sizeof(digits), "%u", number);
        mb_calls_name(number, name);
        if (strcmp(name, digits) != 0)
            assert_int_equal(mb_calls_find(name, NATIVE), number);
        else
            assert_true(number > 469 || NATIVE != AUDIT_ARCH_X86_64 || (number > 335 && number < 424));
    }
    mb_calls_name(462, name);
    assert_string_equal(name, "mseal");
    mb_calls_name(UINT32_MAX, name);
    assert_string_equal(name, "4294967295");
}

/* ---- learning -------------------------------------------------------------------------------------------------- */

static char *learn(const uint32_t *counts, size_t size) {
    struct minibox_error err;
    char *text = mb_learn_make(counts, size, &err);
    assert_non_null(text);
    return text;
}

/* What is learned allows each call that was used, newer ones than libseccomp knows too, and never more than the
 * default. */
static void test_learned_profile(void **state) {
    (void)state;
    enum { SIZE = 512 };
    for (int number = 0; number < SIZE; number++) {
        uint32_t counts[SIZE] = {0};
        counts[number] = 1;
        char *text = learn(counts, SIZE);
        struct mb_filter learned = compile(text, 0, false);
        free(text);
        for (int other = 0; other < SIZE; other++) {
            uint32_t all = decide(strict, NATIVE, other, NO_ARGS), got = decide(learned, NATIVE, other, NO_ARGS);
            bool is_right = other == number || all != ALLOWED ? got == all : got != ALLOWED;
            if (!is_right)
                fail_msg("call %d was used: the answer to call %d was %#x and is %#x", number, other, all, got);
        }
    }
    uint32_t none[SIZE] = {0};
    char *text = learn(none, 0);
    struct mb_filter learned = compile(text, 0, false);
    free(text);
    check(learned, "read", NO_ARGS, UNKNOWN);
    check(learned, "mount", NO_ARGS, REFUSED);
}

/* ---- in words -------------------------------------------------------------------------------------------------- */

static void test_profiles_in_words(void **state) {
    (void)state;
    static const struct {
        const char *text, *wanted; /* a part of what is printed */
    } rows[] = {
        {"{\"defaultAction\": \"SCMP_ACT_ERRNO\"}", "A call that no rule names is refused, EPERM."},
        {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 38}", "names is refused, ENOSYS."},
        {"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"ENOSYS\"}", "names is refused, ENOSYS."},
        {"{\"defaultAction\": \"SCMP_ACT_KILL\"}", "A call that no rule names is answered by death."},
        {RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"EAGAIN\""),
         "\nrefused, EAGAIN:\n      read\n"},
        {RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 13"), "\nrefused, EACCES:\n"},
        {RULE("\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 4095"),
         "\nrefused, with an errno that has no name:\n"},
        {RULE("\"name\": \"read\", \"action\": \"SCMP_ACT_LOG\""), "\nallowed and logged:\n      read\n"},
        {RULE("\"name\": \"read\", \"action\": \"SCMP_ACT_TRAP\""), "\nanswered by SIGSYS:\n"},
        {RULE(READ_ALLOW ", \"includes\": {\"caps\": [\"CAP_KILL\", \"CAP_BPF\"], \"minKernel\": \"5.1\"}"),
         "\nallowed, with CAP_KILL or CAP_BPF, with Linux 5.1:\n"},
        {RULE(READ_ALLOW ", \"excludes\": {\"allow\": [\"suid\"], \"arches\": [\"arm\"]}"),
         "\nallowed, without --allow suid, without arm:\n"},
        {RULE(READ_ALLOW ", \"args\": [{\"index\": 1, \"value\": 18446744073709551615, \"op\": \"SCMP_CMP_LE\"}, "
                         "{\"index\": 2, \"value\": 15, \"valueTwo\": 8, \"op\": \"SCMP_CMP_MASKED_EQ\"}]"),
         "\nallowed, if argument 1 <= 18446744073709551615 and argument 2 & 0xf == 0x8:\n"},
    };
    for (size_t i = 0; i < MB_COUNT(rows); i++) {
        char *text = NULL;
        size_t length;
        struct minibox_error err;
        compile(rows[i].text, 0, false); /* only what is a profile is printed */
        FILE *out = open_memstream(&text, &length);
        assert_non_null(out);
        assert_int_equal(mb_explain_print(rows[i].text, out, &err), 0);
        fclose(out);
        if (!strstr(text, rows[i].wanted))
            fail_msg("%s: \"%s\" is wanted, not \"%s\"", rows[i].text, rows[i].wanted, text);
        free(text);
    }
}

static int set_up(void **state) {
    (void)state;
    if (mb_fd_read_file(MINIBOX_SOURCE_DIR "/configs/seccomp/default.json", profile, sizeof(profile)) < 0)
        return -1;
    struct minibox_error err;
    if (mb_profile_compile(&arena, profile, "default.json", 0, false, NULL, &strict, &err) < 0 ||
        mb_profile_compile(&arena, profile, "default.json", 0, true, NULL, &suid, &err) < 0) {
        minibox_error_print(&err, stderr);
        return -1;
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mb_arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_calls_are_allowed),
        cmocka_unit_test(test_unlisted_calls_do_not_exist),
        cmocka_unit_test(test_known_calls_are_refused),
        cmocka_unit_test(test_namespaces_are_refused),
        cmocka_unit_test(test_socket_families),
        cmocka_unit_test(test_terminal_injection_is_refused),
        cmocka_unit_test(test_personality),
        cmocka_unit_test(test_other_architectures_are_refused),
        cmocka_unit_test(test_suid_bits),
        cmocka_unit_test(test_capabilities_lift_refusals),
        cmocka_unit_test(test_builtin_programs_are_fresh),
        cmocka_unit_test(test_kernel_takes_programs),
        cmocka_unit_test(test_default_profile_agrees_with_model),
        cmocka_unit_test(test_random_profiles_agree_with_model),
        cmocka_unit_test(test_random_neighbours_agree_with_model),
        cmocka_unit_test(test_random_profiles_agree_with_libseccomp),
        cmocka_unit_test(test_default_profile_equals_libseccomp),
        cmocka_unit_test(test_capabilities_equal_libseccomp),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_includes_and_excludes),
        cmocka_unit_test(test_first_match_decides),
        cmocka_unit_test(test_mistakes_are_explained),
        cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_damaged_profiles),
        cmocka_unit_test(test_guard_stands_before_any_profile),
        cmocka_unit_test(test_kernel_takes_guard),
        cmocka_unit_test(test_guard_is_known_by_number),
        cmocka_unit_test(test_guard_needs_room),
        cmocka_unit_test(test_calls_by_name_and_number),
        cmocka_unit_test(test_learned_profile),
        cmocka_unit_test(test_profiles_in_words),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
