/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The entries are sorted by number; neighbouring numbers that are answered alike make a range. The
 * program is a binary search over these ranges, whose leaves are an answer or a jump to the rules that look at
 * arguments.
 *
 * Each launch pays for the program's size and depth: when it is loaded, the kernel runs it once for each number (to
 * know which calls are always allowed) and compiles it to machine code. And libseccomp would take 2 ms, half a launch,
 * to write its own, larger program.
 */
#include "filter/bpf.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>

#include "kernel/arch.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

enum { LOAD = BPF_LD | BPF_W | BPF_ABS };

/* The numbers from `first` up to the next range. For them the conditional rules of entries[start..start + count) are
 * tried, then `action` is the answer. */
struct range {
    uint32_t first, action;
    size_t start, count;
    size_t body; /* where its rules begin in the program, once they are written */
    bool written;
};

struct writer {
    struct mb_arena *arena;
    const struct mb_bpf_rules *rules;
    struct range *ranges;
    size_t range_count;
    struct sock_filter *code; /* room for BPF_MAXINSNS, filled from its end */
    size_t length;            /* may grow beyond the room: then the program is not used */
};

/* ---- ranges of numbers ---------------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b) {
    const struct mb_bpf_entry *x = a, *y = b;
    return x->number != y->number ? (x->number < y->number ? -1 : 1) : x->order < y->order ? -1 : x->order > y->order;
}

static bool is_alike(const struct writer *w, const struct range *a, const struct range *b) {
    if (a->action != b->action || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (w->rules->entries[a->start + i].rule != w->rules->entries[b->start + i].rule)
            return false;
    return true;
}

/* Begins a new range, unless it would be answered like the one before. */
static int add_range(struct writer *w, struct range range) {
    if (w->range_count && is_alike(w, &range, &w->ranges[w->range_count - 1]))
        return 0;
    struct range *new = mb_arena_push(w->arena, &w->ranges, &w->range_count, sizeof(*new));
    if (!new)
        return -ENOMEM;
    *new = range;
    return 0;
}

static int make_ranges(struct writer *w) {
    if (w->rules->entry_count)
        qsort(w->rules->entries, w->rules->entry_count, sizeof(*w->rules->entries), compare_entries);
    uint32_t next = 0;
    for (size_t i = 0, end; i < w->rules->entry_count; i = end) {
        struct range range = {.first = w->rules->entries[i].number, .action = w->rules->default_action, .start = i};
        for (end = i; end < w->rules->entry_count && w->rules->entries[end].number == range.first;)
            end++;
        size_t last = i; /* the first rule without conditions: no later one is ever reached */
        while (last < end && w->rules->rules[w->rules->entries[last].rule].count)
            last++;
        if (last < end)
            range.action = w->rules->rules[w->rules->entries[last].rule].action;
        while (last > i && w->rules->rules[w->rules->entries[last - 1].rule].action == range.action)
            last--; /* this rule changes nothing: the answer is the same whether or not it matches */
        range.count = last - i;
        if ((range.first > next && add_range(w, (struct range){.first = next, .action = w->rules->default_action})) ||
            add_range(w, range))
            return -ENOMEM;
        next = range.first + 1;
    }
    if (add_range(w, (struct range){.first = next, .action = w->rules->default_action}))
        return -ENOMEM;
    /* All numbers with the x32 ABI's bit are its own, except -1: by that a tracer skips a call. */
    if (!MB_ARCH_X32_BIT || w->rules->other_arch_action == w->rules->default_action)
        return 0;
    if (add_range(w, (struct range){.first = MB_ARCH_X32_BIT, .action = w->rules->other_arch_action}) ||
        add_range(w, (struct range){.first = UINT32_MAX, .action = w->rules->default_action}))
        return -ENOMEM;
    return 0;
}

/* ---- the program ---------------------------------------------------------------------------------------------- */

/*
 * BPF jumps forward only, so the program is written from its end to its start: the target of a jump is there already. A
 * position is the number of instructions behind an instruction; the one that was written last is at length - 1.
 */

static size_t emit(struct writer *w, unsigned code, uint32_t k, size_t jt, size_t jf) {
    if (w->length < BPF_MAXINSNS)
        w->code[BPF_MAXINSNS - 1 - w->length] = (struct sock_filter){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
    return w->length++;
}

static bool is_instruction(const struct writer *w, size_t position, unsigned code, uint32_t k) {
    if (position >= BPF_MAXINSNS || position >= w->length)
        return false;
    const struct sock_filter *instruction = &w->code[BPF_MAXINSNS - 1 - position];
    return instruction->code == code && instruction->k == k;
}

/* A conditional jump reaches 255 instructions; this leaves room for those that are written in between. */
enum { REACH = 250 };

/* A position that a conditional jump reaches, and from which the program goes on to `position`. */
static size_t bring_near(struct writer *w, size_t position) {
    if (w->length - position <= REACH)
        return position;
    return emit(w, BPF_JMP | BPF_JA, (uint32_t)(w->length - position - 1), 0, 0);
}

/* Uses a return that is near already, if there is one: each instruction costs the launch 0.2 microseconds. */
static size_t emit_return(struct writer *w, uint32_t action) {
    for (size_t back = 1; back <= REACH && back <= w->length; back++)
        if (is_instruction(w, w->length - back, BPF_RET | BPF_K, action))
            return w->length - back;
    return emit(w, BPF_RET | BPF_K, action, 0, 0);
}

static size_t emit_load(struct writer *w, size_t offset) {
    return emit(w, LOAD, (uint32_t)offset, 0, 0);
}

static size_t emit_test(struct writer *w, unsigned test, uint32_t value, size_t yes, size_t no) {
    yes = bring_near(w, yes);
    no = bring_near(w, no);
    return emit(w, BPF_JMP | test | BPF_K, value, w->length - yes - 1, w->length - no - 1);
}

/* Whether a condition is the only one of its rule, or has others beside it. */
enum sole { SOLE, BESIDE_OTHERS };

/*
 * Loads and tests half an argument. If it jumps to another load of the same half, it jumps behind that load. The other
 * load is removed if nothing else jumps to it (SOLE) and it was written last, so that no position changes.
 */
static size_t emit_compare(struct writer *w, size_t offset, unsigned test, uint32_t value, size_t yes, size_t no,
                           enum sole sole) {
    size_t top = w->length - 1;
    bool drop = sole == SOLE && (yes == top || no == top) && is_instruction(w, top, LOAD, (uint32_t)offset);
    if (is_instruction(w, yes, LOAD, (uint32_t)offset))
        yes--;
    if (is_instruction(w, no, LOAD, (uint32_t)offset))
        no--;
    if (drop)
        w->length--;
    emit_test(w, test, value, yes, no);
    return emit_load(w, offset);
}

/* (argument & mask) == value, each half of the register by itself. */
static size_t emit_masked(struct writer *w, uint64_t mask64, uint64_t value64, size_t low, size_t yes, size_t no,
                          enum sole sole) {
    if ((mask64 >> 32 == 0) == ((uint32_t)mask64 == 0)) /* both halves are tested, or none */
        sole = BESIDE_OTHERS;
    for (unsigned shift = 0; shift < 64; shift += 32) {
        uint32_t mask = (uint32_t)(mask64 >> shift), value = (uint32_t)(value64 >> shift);
        size_t offset = low + shift / 8;
        if (!mask)
            continue;
        if (!value) {
            yes = emit_compare(w, offset, BPF_JSET, mask, no, yes, sole);
        } else if (value == mask && (mask & (mask - 1)) == 0) {
            yes = emit_compare(w, offset, BPF_JSET, mask, yes, no, sole);
        } else if (mask == UINT32_MAX) {
            yes = emit_compare(w, offset, BPF_JEQ, value, yes, no, sole);
        } else {
            emit_test(w, BPF_JEQ, value, yes, no);
            emit(w, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
            yes = emit_load(w, offset);
        }
    }
    return yes;
}

/* argument > value or argument >= value: the upper halves decide, unless they are equal. */
static size_t emit_order(struct writer *w, unsigned test, uint64_t value, size_t low, size_t yes, size_t no) {
    uint32_t upper = (uint32_t)(value >> 32);
    size_t lower = emit_compare(w, low, test, (uint32_t)value, yes, no, BESIDE_OTHERS);
    size_t equal = emit_test(w, BPF_JEQ, upper, lower, no);
    return emit_compare(w, low + 4, BPF_JGT, upper, yes, equal, BESIDE_OTHERS);
}

static size_t emit_condition(struct writer *w, const struct mb_bpf_condition *condition, size_t yes, size_t no,
                             enum sole sole) {
    size_t low = offsetof(struct seccomp_data, args) + condition->index * sizeof(uint64_t);
    uint64_t value = condition->value;
    switch (condition->op) {
    case MB_BPF_NE:
        return emit_masked(w, UINT64_MAX, value, low, no, yes, BESIDE_OTHERS);
    case MB_BPF_LT:
        return emit_order(w, BPF_JGE, value, low, no, yes);
    case MB_BPF_LE:
        return emit_order(w, BPF_JGT, value, low, no, yes);
    case MB_BPF_GE:
        return emit_order(w, BPF_JGE, value, low, yes, no);
    case MB_BPF_GT:
        return emit_order(w, BPF_JGT, value, low, yes, no);
    case MB_BPF_EQ:
        return emit_masked(w, UINT64_MAX, value, low, yes, no, sole);
    case MB_BPF_MASKED_EQ:
        break;
    }
    return emit_masked(w, condition->mask, value, low, yes, no, sole);
}

/* The answer of a range, or its rules; these are written once for all ranges that have the same. */
static size_t emit_answer(struct writer *w, size_t index) {
    struct range *range = &w->ranges[index];
    if (!range->count)
        return emit_return(w, range->action);
    if (range->written)
        return range->body;
    const struct mb_bpf_entry *entries = &w->rules->entries[range->start];
    for (size_t i = 0; i < range->count; i++)
        emit_return(w, w->rules->rules[entries[i].rule].action);
    size_t next = emit_return(w, range->action);
    for (size_t i = range->count; i-- > 0 && w->length <= BPF_MAXINSNS;) {
        const struct mb_bpf_rule *rule = &w->rules->rules[entries[i].rule];
        size_t entry = emit_return(w, rule->action);
        for (size_t j = rule->count; j-- > 0;)
            entry = emit_condition(w, &rule->conditions[j], entry, next, rule->count == 1 ? SOLE : BESIDE_OTHERS);
        next = entry;
    }
    for (size_t i = 0; i < w->range_count; i++) {
        if (is_alike(w, &w->ranges[i], range)) {
            w->ranges[i].body = next;
            w->ranges[i].written = true;
        }
    }
    return next;
}

/*
 * How many ranges from `first` on make one answer with exceptions of a single number each: "allow 3 to 30 but not 8 and
 * 21". In such a group an exception costs one test for equality; in the search it would cost two tests.
 */
static size_t count_group(const struct writer *w, size_t first) {
    enum { MAX_EXCEPTIONS = 6 };
    size_t count = 1;
    while (count <= 2 * MAX_EXCEPTIONS - 1 && first + count + 1 < w->range_count &&
           w->ranges[first + count + 1].first == w->ranges[first + count].first + 1 &&
           is_alike(w, &w->ranges[first], &w->ranges[first + count + 1]))
        count += 2;
    return count;
}

/* A binary search among groups[first..end). */
static size_t emit_search(struct writer *w, const size_t *groups, size_t first, size_t end) {
    if (end - first > 1) {
        size_t middle = first + (end - first) / 2;
        size_t upper = emit_search(w, groups, middle, end), lower = emit_search(w, groups, first, middle);
        return emit_test(w, BPF_JGE, w->ranges[groups[middle]].first, upper, lower);
    }
    size_t position = emit_answer(w, groups[first]);
    for (size_t i = groups[first] + 1; i < groups[first + 1]; i += 2)
        position = emit_test(w, BPF_JEQ, w->ranges[i].first, emit_answer(w, i), position);
    return position;
}

static int emit_program(struct writer *w) {
    size_t count = 0, *groups = mb_arena_alloc(w->arena, (w->range_count + 1) * sizeof(*groups));
    w->code = mb_arena_alloc(w->arena, BPF_MAXINSNS * sizeof(*w->code));
    if (!w->code || !groups)
        return -ENOMEM;
    for (size_t i = 0; i < w->range_count; i += count_group(w, i))
        groups[count++] = i;
    groups[count] = w->range_count;

    size_t search = emit_search(w, groups, 0, count);
    if (search != w->length - 1)
        emit(w, BPF_JMP | BPF_JA, (uint32_t)(w->length - search - 1), 0, 0);
    size_t native = emit_load(w, offsetof(struct seccomp_data, nr));
    /* To programs of other architectures, as 32-bit ones, the same numbers are other calls. */
    emit_test(w, BPF_JEQ, w->rules->arch, native, emit_return(w, w->rules->other_arch_action));
    emit_load(w, offsetof(struct seccomp_data, arch));
    return w->length > MB_FILTER_MOST ? -E2BIG : 0;
}

int mb_bpf_write(struct mb_arena *arena, const struct mb_bpf_rules *rules, struct mb_filter *ret_filter) {
    struct writer w = {.arena = arena, .rules = rules};
    int result = make_ranges(&w);
    if (result == 0)
        result = emit_program(&w);
    if (result == 0)
        *ret_filter = (struct mb_filter){.code = w.code + BPF_MAXINSNS - w.length, .count = w.length};
    return result;
}
