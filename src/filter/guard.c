/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile says what the command may do in its box. But a set-user-id program that root's box leaves in a writable
 * volume runs as the host's root for any user of the host who executes it. So no call may set these bits, whatever a
 * profile says, unless the user asks for `--allow suid`. (The default profile has the same refusals among its own
 * rules, and needs no guard.)
 *
 * How it works. The guard has one program for each architecture whose programs the kernel may run here. Such a program
 * answers the calls that it refuses; with every other call it jumps behind its own end, where the next program begins.
 * The profile's program is the last.
 *
 * What must stay true: the guard's programs never allow a call by themselves, so the profile is asked about all that
 * the guard does not refuse.
 */
#include "filter/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/stat.h>

#include "base/count.h"
#include "filter/bpf.h"
#include "kernel/calls.h"

/* Where the mode of a file is among the arguments of a call. */
enum form {
    FORM_MODE_1,  /* in argument 1 */
    FORM_MODE_2,  /* in argument 2 */
    FORM_FLAGS_1, /* in argument 2, if the flags in argument 1 make a file */
    FORM_FLAGS_2, /* in argument 3, if the flags in argument 2 make a file */
    FORM_UNSEEN,  /* in memory, where no filter sees it */
    FORM_COUNT,
};

/* clang-format off */
static const struct {
    const char *name;
    enum form form;
} calls[] = {
    {"chmod",          FORM_MODE_1},
    {"fchmod",         FORM_MODE_1},
    {"fchmodat",       FORM_MODE_2},
    {"fchmodat2",      FORM_MODE_2},
    {"creat",          FORM_MODE_1},
    {"mknod",          FORM_MODE_1},
    {"mknodat",        FORM_MODE_2},
    {"open",           FORM_FLAGS_1},
    {"openat",         FORM_FLAGS_2},
    {"openat2",        FORM_UNSEEN},
    {"io_uring_setup", FORM_UNSEEN},
};

enum { SET_ID = S_ISUID | S_ISGID, MAKES = O_CREAT | (O_TMPFILE & ~O_DIRECTORY), MOST_RULES = 3 };

#define REFUSE(error)             {.action = SECCOMP_RET_ERRNO | (error)}
#define PASS_WITHOUT(bits, index) {.action = SECCOMP_RET_ALLOW, .count = 1, \
                                   .conditions = {{0, (bits), MB_BPF_MASKED_EQ, (index)}}}

/* The first rule that matches answers. A call whose mode is unseen gets ENOSYS, as if the kernel lacked it: then
 * programs take another way. */
static const struct {
    size_t count;
    struct mb_bpf_rule rules[MOST_RULES];
} forms[FORM_COUNT] = {
    [FORM_MODE_1]  = {2, {PASS_WITHOUT(SET_ID, 1), REFUSE(EPERM)}},
    [FORM_MODE_2]  = {2, {PASS_WITHOUT(SET_ID, 2), REFUSE(EPERM)}},
    [FORM_FLAGS_1] = {3, {PASS_WITHOUT(MAKES, 1), PASS_WITHOUT(SET_ID, 2), REFUSE(EPERM)}},
    [FORM_FLAGS_2] = {3, {PASS_WITHOUT(MAKES, 2), PASS_WITHOUT(SET_ID, 3), REFUSE(EPERM)}},
    [FORM_UNSEEN]  = {1, {REFUSE(ENOSYS)}},
};
/* clang-format on */

/* The rules of all forms, and which of them apply to which call. There is room for each call twice, with its native
 * number and with that of the x32 ABI. */
struct refusals {
    struct mb_bpf_rule rules[FORM_COUNT * MOST_RULES];
    struct mb_bpf_entry entries[2 * MOST_RULES * MB_COUNT(calls)];
    size_t entry_count;
};

static void add_refusal(struct refusals *refusals, uint32_t number, enum form form) {
    for (uint32_t i = 0; i < forms[form].count; i++)
        refusals->entries[refusals->entry_count++] =
            (struct mb_bpf_entry){.number = number, .rule = (uint32_t)form * MOST_RULES + i, .order = i};
}

/* Writes the program for calls of one architecture. A call that the architecture lacks needs no refusal: arm64 has no
 * chmod, creat, mknod and open. */
static int write_program(struct mb_arena *arena, uint32_t arch, enum mb_guard_reach reach,
                         struct mb_filter *ret_filter) {
    struct refusals refusals = {.entry_count = 0};
    for (size_t form = 0; form < FORM_COUNT; form++)
        memcpy(&refusals.rules[form * MOST_RULES], forms[form].rules, sizeof(forms[form].rules));
    for (size_t i = 0; i < MB_COUNT(calls); i++) {
        int number = mb_calls_find(calls[i].name, arch);
        if (number < 0 || (calls[i].form == FORM_UNSEEN && reach == MB_GUARD_BOX_ALONE))
            continue;
        add_refusal(&refusals, (uint32_t)number, calls[i].form);
        if (MB_ARCH_X32_BIT && arch == MB_ARCH_NATIVE)
            add_refusal(&refusals, (uint32_t)number | MB_ARCH_X32_BIT, calls[i].form);
    }
    const struct mb_bpf_rules all = {
        .arch = arch,
        .default_action = SECCOMP_RET_ALLOW,
        .other_arch_action = SECCOMP_RET_ALLOW,
        .rules = refusals.rules,
        .rule_count = MB_COUNT(refusals.rules),
        .entries = refusals.entries,
        .entry_count = refusals.entry_count,
    };
    return mb_bpf_write(arena, &all, ret_filter);
}

/* Appends a program, in which each "allow" becomes a jump behind its end. */
static void append_passing(struct sock_filter *code, size_t *length, const struct mb_filter *program) {
    for (size_t i = 0; i < program->count; i++) {
        struct sock_filter instruction = program->code[i];
        if (instruction.code == (BPF_RET | BPF_K) && instruction.k == SECCOMP_RET_ALLOW)
            instruction = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, (uint32_t)(program->count - i - 1), 0, 0);
        code[(*length)++] = instruction;
    }
}

int mb_guard_put_before(struct mb_arena *arena, enum mb_guard_reach reach, struct mb_filter *filter) {
    static const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct mb_filter last = filter->count ? *filter : (struct mb_filter){&allow, 1};
    struct mb_filter native, compatible;
    int result = write_program(arena, MB_ARCH_NATIVE, reach, &native);
    if (result == 0)
        result = write_program(arena, MB_ARCH_COMPATIBLE, reach, &compatible);
    if (result)
        return result;
    size_t length = 0, whole = native.count + compatible.count + last.count;
    if (whole > MB_FILTER_MOST)
        return -E2BIG;
    struct sock_filter *code = mb_arena_alloc(arena, whole * sizeof(*code));
    if (!code)
        return -ENOMEM;
    append_passing(code, &length, &native);
    append_passing(code, &length, &compatible);
    memcpy(code + length, last.code, last.count * sizeof(*code));
    *filter = (struct mb_filter){code, whole};
    return 0;
}

bool mb_guard_refuses(uint32_t number) {
    for (size_t i = 0; i < MB_COUNT(calls); i++)
        if (mb_calls_find(calls[i].name, MB_ARCH_NATIVE) == (int64_t)number)
            return true;
    return false;
}
