/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles rules, which say what is answered to which system call, into the kernel's BPF. */
#ifndef MB_FILTER_BPF_H
#define MB_FILTER_BPF_H

#include <stdint.h>

#include "base/arena.h"
#include "filter/filter.h"

enum { MB_BPF_ARGUMENTS = 6 };

enum mb_bpf_op { MB_BPF_NE, MB_BPF_LT, MB_BPF_LE, MB_BPF_EQ, MB_BPF_GE, MB_BPF_GT, MB_BPF_MASKED_EQ };

struct mb_bpf_condition {
    uint64_t value, mask; /* MB_BPF_MASKED_EQ: (argument & mask) == value; the mask counts for no other */
    enum mb_bpf_op op;
    unsigned index;
};

struct mb_bpf_rule {
    uint32_t action;
    size_t count;
    struct mb_bpf_condition conditions[MB_BPF_ARGUMENTS];
};

/* Says that a rule applies to a call. `order` is the position in the file, since qsort() is not stable. */
struct mb_bpf_entry {
    uint32_t number, rule;
    size_t order;
};

struct mb_bpf_rules {
    uint32_t arch;                              /* AUDIT_ARCH_* of the calls */
    uint32_t default_action, other_arch_action; /* SECCOMP_RET_*; of other architectures' calls */
    struct mb_bpf_rule *rules;
    struct mb_bpf_entry *entries;
    size_t rule_count, entry_count;
};

/*
 * Sorts the entries, and writes the program into the arena. 0; -ENOMEM; -E2BIG: it would take more than MB_FILTER_MOST
 * instructions.
 */
int mb_bpf_write(struct mb_arena *arena, const struct mb_bpf_rules *rules, struct mb_filter *ret_filter);

#endif
