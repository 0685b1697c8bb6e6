/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that stand before a profile which is not minibox's own. A profile says what the command may do; who may become
 * the owner of a file on the host is no matter of it. A set-user-id program that root's box leaves in a writable volume
 * runs as the host's root for anybody who finds it there, so no call may set the bits, whatever the profile says,
 * unless
 * `--allow suid` does. (The default profile has the same refusals among its own rules.)
 *
 * How it works. For each architecture whose programs the kernel may run here there is a program of its own: it answers
 * what it refuses, and otherwise ends in a jump behind its end, where the next one begins. The last one is the profile.
 */
#include "filter/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "filter/bpf.h"

/* Where a call takes the mode of a file, or what else is wrong with it. */
enum form {
    FORM_MODE_1,  /* the mode is argument 1 */
    FORM_MODE_2,  /* ... 2 */
    FORM_FLAGS_1, /* open(2): flags are argument 1, the mode is argument 2 and counts where a file is made */
    FORM_FLAGS_2, /* openat(2): the same, one further */
    FORM_UNSEEN,  /* the mode is in memory, where no filter sees it */
    FORM_COUNT,
};

struct call {
    uint32_t number;
    enum form form;
};

enum { X32_BIT = 0x40000000 };

#if defined(__x86_64__)
enum { NATIVE = AUDIT_ARCH_X86_64, COMPATIBLE = AUDIT_ARCH_I386 };
/* By their numbers: the headers of this architecture do not name those of the other. */
static const struct call compatible_calls[] = {
    {15, FORM_MODE_1},  {94, FORM_MODE_1},   {8, FORM_MODE_1},   {14, FORM_MODE_1}, /* chmod, fchmod, creat, mknod */
    {306, FORM_MODE_2}, {452, FORM_MODE_2},  {297, FORM_MODE_2},                    /* fchmodat, fchmodat2, mknodat */
    {5, FORM_FLAGS_1},  {295, FORM_FLAGS_2},                                        /* open, openat */
    {437, FORM_UNSEEN}, {425, FORM_UNSEEN},                                         /* openat2, io_uring_setup */
};
#elif defined(__aarch64__)
enum { NATIVE = AUDIT_ARCH_AARCH64, COMPATIBLE = AUDIT_ARCH_ARM };
static const struct call compatible_calls[] = {
    {15, FORM_MODE_1},  {94, FORM_MODE_1},   {8, FORM_MODE_1},   {14, FORM_MODE_1}, /* chmod, fchmod, creat, mknod */
    {333, FORM_MODE_2}, {452, FORM_MODE_2},  {324, FORM_MODE_2},                    /* fchmodat, fchmodat2, mknodat */
    {5, FORM_FLAGS_1},  {322, FORM_FLAGS_2},                                        /* open, openat */
    {437, FORM_UNSEEN}, {425, FORM_UNSEEN},                                         /* openat2, io_uring_setup */
};
#endif

static const struct call native_calls[] = {
#ifdef SYS_chmod
    {SYS_chmod, FORM_MODE_1},   {SYS_creat, FORM_MODE_1},
    {SYS_mknod, FORM_MODE_1},   {SYS_open, FORM_FLAGS_1},
#endif
    {SYS_fchmod, FORM_MODE_1},  {SYS_fchmodat, FORM_MODE_2},
    {452, FORM_MODE_2}, /* fchmodat2, younger than the C library's headers may be */
    {SYS_mknodat, FORM_MODE_2}, {SYS_openat, FORM_FLAGS_2},
    {SYS_openat2, FORM_UNSEEN}, {SYS_io_uring_setup, FORM_UNSEEN},
};

enum { SET_ID = S_ISUID | S_ISGID, MAKES = O_CREAT | (O_TMPFILE & ~O_DIRECTORY), MOST_RULES = 3 };

#define ALLOW_WITHOUT(bits, argument)                                                                                  \
    {                                                                                                                  \
        SECCOMP_RET_ALLOW, 1, {                                                                                        \
            { 0, bits, MB_BPF_MASKED_EQ, argument }                                                                    \
        }                                                                                                              \
    }
#define REFUSE(number)                                                                                                 \
    {                                                                                                                  \
        SECCOMP_RET_ERRNO | (number), 0, {                                                                             \
            { 0, 0, MB_BPF_EQ, 0 }                                                                                     \
        }                                                                                                              \
    }
/* The first that fits is the answer. As an option that the kernel lacks, an unseen mode is ENOSYS: programs have
 * another way. */
static const struct {
    size_t count;
    struct mb_bpf_rule rules[MOST_RULES];
} forms[FORM_COUNT] = {
    [FORM_MODE_1] = {2, {ALLOW_WITHOUT(SET_ID, 1), REFUSE(EPERM)}},
    [FORM_MODE_2] = {2, {ALLOW_WITHOUT(SET_ID, 2), REFUSE(EPERM)}},
    [FORM_FLAGS_1] = {3, {ALLOW_WITHOUT(MAKES, 1), ALLOW_WITHOUT(SET_ID, 2), REFUSE(EPERM)}},
    [FORM_FLAGS_2] = {3, {ALLOW_WITHOUT(MAKES, 2), ALLOW_WITHOUT(SET_ID, 3), REFUSE(EPERM)}},
    [FORM_UNSEEN] = {1, {REFUSE(ENOSYS)}},
};

static int write_program(struct mb_arena *arena, uint32_t arch, const struct call *calls, size_t call_count,
                         bool host_is_writable, struct mb_filter *ret_filter) {
    struct mb_bpf_rule rules[FORM_COUNT * MOST_RULES];
    struct mb_bpf_entry entries[2 * MOST_RULES * (sizeof(native_calls) / sizeof(native_calls[0]))];
    struct mb_bpf_rules all = {.arch = arch,
                               .default_action = SECCOMP_RET_ALLOW,
                               .other_arch_action = SECCOMP_RET_ALLOW,
                               .rules = rules,
                               .entries = entries,
                               .rule_count = FORM_COUNT * MOST_RULES};
    for (size_t form = 0; form < FORM_COUNT; form++)
        memcpy(&rules[form * MOST_RULES], forms[form].rules, sizeof(forms[form].rules));
    for (size_t i = 0; i < call_count; i++) {
        if (calls[i].form == FORM_UNSEEN && !host_is_writable)
            continue;
        for (uint32_t n = 0; n < forms[calls[i].form].count; n++) {
            struct mb_bpf_entry entry = {calls[i].number, (uint32_t)calls[i].form * MOST_RULES + n, n};
            entries[all.entry_count++] = entry;
            if (arch != AUDIT_ARCH_X86_64)
                continue;
            entry.number |= X32_BIT; /* the same call of the x32 ABI, which has the same architecture value */
            entries[all.entry_count++] = entry;
        }
    }
    return mb_bpf_write(arena, &all, ret_filter);
}

/* Appends a program; where it would allow a call it goes on behind its own end if `goes_on`. */
static void append(struct sock_filter *code, size_t *length, const struct mb_filter *program, bool goes_on) {
    for (size_t i = 0; i < program->count; i++, ++*length) {
        code[*length] = program->code[i];
        if (goes_on && program->code[i].code == (BPF_RET | BPF_K) && program->code[i].k == SECCOMP_RET_ALLOW)
            code[*length] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, (uint32_t)(program->count - i - 1), 0, 0);
    }
}

int mb_guard_put_before(struct mb_arena *arena, bool host_is_writable, struct mb_filter *filter) {
    static const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct mb_filter native, compatible, last = filter->count ? *filter : (struct mb_filter){&allow, 1};
    int result = write_program(arena, NATIVE, native_calls, sizeof(native_calls) / sizeof(native_calls[0]),
                               host_is_writable, &native);
    if (result == 0)
        result = write_program(arena, COMPATIBLE, compatible_calls,
                               sizeof(compatible_calls) / sizeof(compatible_calls[0]), host_is_writable, &compatible);
    if (result)
        return result;
    size_t length = 0, whole = native.count + compatible.count + last.count;
    struct sock_filter *code = whole <= MB_FILTER_MOST ? mb_arena_alloc(arena, whole * sizeof(*code)) : NULL;
    if (!code)
        return whole <= MB_FILTER_MOST ? -ENOMEM : -E2BIG;
    append(code, &length, &native, true);
    append(code, &length, &compatible, true);
    append(code, &length, &last, false);
    *filter = (struct mb_filter){code, length};
    return 0;
}

bool mb_guard_refuses(uint32_t number) {
    for (size_t i = 0; i < sizeof(native_calls) / sizeof(native_calls[0]); i++)
        if (native_calls[i].number == number)
            return true;
    return false;
}
