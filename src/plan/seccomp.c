/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A profile is read into a table of rules, each an action and conditions on arguments, and into a list of
 * (system call number, rule). Sorted by number, the list gives ranges of numbers that are treated alike. The program is
 * a binary search over these ranges, whose leaves are an answer or a jump to the rules that look at arguments.
 *
 * Of the rules for one call the first that matches decides, in the order of the file; a call without a matching rule gets
 * the default action. For rules without conditions this is what docker and libseccomp do. Where a rule with conditions
 * and one without meet, libseccomp drops the former, whatever their order: an ERRNO for TIOCSTI beside an ALLOW for ioctl
 * is silently lost. Here it counts.
 *
 * libseccomp gives the numbers of the names only. The kernel runs a filter once for each number as it is loaded (to know
 * which calls are always allowed) and compiles it to machine code, so the size and depth of the program are paid for by
 * each launch; and libseccomp takes 2 ms to write its larger program, half as long as a whole launch.
 *
 * What must stay true: a mistake in a profile is never passed over. A misspelt "args" would turn a narrow ALLOW into a
 * wide one, so unknown keys are errors; only names of system calls may be unknown, because profiles list those of other
 * architectures and of newer kernels.
 */
#include "plan/seccomp.h"
#include "base/suggest.h"

#include <errno.h>
#include <json-c/json.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define NATIVE_NAME "amd64"
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define NATIVE_NAME "arm64"
#else
#error "minibox knows the system call numbers of x86-64 and arm64 only"
#endif
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_ERRNO = 4095, /* the kernel's: it cuts larger values */
    MAX_DEPTH = 16,
    ARGUMENTS = 6,
    MAX_ENTRIES = 1 << 18,
    LOAD = BPF_LD | BPF_W | BPF_ABS
};

enum op { NE, LT, LE, EQ, GE, GT, MASKED_EQ };

struct condition {
    uint64_t value, mask; /* MASKED_EQ: (argument & mask) == value; the mask counts for no other */
    enum op op;
    unsigned index;
};

struct rule {
    uint32_t action;
    size_t count;
    struct condition conditions[ARGUMENTS];
};

/* A rule applies to a call. `order` is the position in the file, since qsort() is not stable. */
struct entry {
    uint32_t number, rule;
    size_t order;
};

/* The numbers from `first` up to the next range: the conditional rules of entries[start..start + count), then `action`. */
struct range {
    uint32_t first, action;
    size_t start, count;
    size_t body; /* where its rules begin in the program, once they are written */
    bool written;
};

struct compiler {
    struct mb_arena *arena;
    const char *name;
    const struct mb_origin *origin;
    struct minibox_error *err;
    uint64_t capabilities;
    bool allow_suid;

    uint32_t default_action, other_arch_action;
    struct rule *rules;
    struct entry *entries;
    struct range *ranges;
    size_t rule_count, entry_count, range_count;

    struct sock_filter *code; /* room for BPF_MAXINSNS, filled from its end */
    size_t length;            /* may grow beyond the room: then the program is not used */
};

/* ---- errors ----------------------------------------------------------------------------------------------------- */

/* A place in the document: a chain of keys and indices that lives on the stack. The document itself is NULL. */
struct place {
    const struct place *up;
    const char *key; /* NULL: an index */
    size_t index;
};

static int print_place(const struct place *place, char *text, size_t size) {
    if (!place)
        return 0;
    int used = print_place(place->up, text, size);
    if (used < 0 || (size_t)used >= size)
        return used;
    text += used;
    size -= (size_t)used;
    return used + (place->key ? snprintf(text, size, "%s%.40s", used ? "." : "", place->key)
                              : snprintf(text, size, "[%zu]", place->index));
}

/* Returns -1. */
__attribute__((format(printf, 3, 4))) static int fail(struct compiler *c, const struct place *place, const char *format,
                                                      ...) {
    char where[128] = "", reason[160];
    print_place(place, where, sizeof(where));
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    return mb_error_usage(c->err, c->origin, MB_REMEDY_NONE, "cannot use the seccomp profile", c->name, "%s%s%s", where,
                          where[0] ? ": " : "", reason);
}

/* The place of `word` in a table; or -1, with a remedy that names the nearest one, to which the prefix of the table's words may be missing. */
static int find_word(struct compiler *c, const struct place *place, const char *word, const char *prefix,
                     const char *const words[], size_t count, const char *kind) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    fail(c, place, "\"%.60s\" is no %s", word, kind);
    char whole[64];
    snprintf(whole, sizeof(whole), "%s%s", strncmp(word, prefix, strlen(prefix)) == 0 ? "" : prefix, word);
    const char *nearest = mb_suggest(whole, words, count);
    mb_error_remedy(c->err, nearest ? "did you mean \"%s\"?" : "\"%s\", for instance", nearest ? nearest : words[0]);
    return -1;
}

/* ---- values of the document --------------------------------------------------------------------------------------- */

static const char *const type_names[] = {
    [json_type_null] = "null",       [json_type_boolean] = "a truth value", [json_type_double] = "a fraction",
    [json_type_int] = "an integer",  [json_type_object] = "an object",      [json_type_array] = "an array",
    [json_type_string] = "a string",
};

static int check_type(struct compiler *c, const struct place *place, json_object *value, json_type type) {
    if (json_object_is_type(value, type))
        return 0;
    return fail(c, place, "%s is wanted, not %s", type_names[type], type_names[json_object_get_type(value)]);
}

/* NULL if it is absent, or null, which means the same in Go programs' JSON. */
static json_object *get(json_object *object, const char *key) {
    json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

/* *ret_text is "" if the value is absent, and borrowed from the document. */
static int get_string(struct compiler *c, const struct place *place, json_object *value, const char **ret_text) {
    *ret_text = "";
    if (!value)
        return 0;
    if (check_type(c, place, value, json_type_string) < 0)
        return -1;
    *ret_text = json_object_get_string(value);
    if (strlen(*ret_text) != (size_t)json_object_get_string_len(value))
        return fail(c, place, "there is a NUL in the string");
    if (!(*ret_text)[0])
        return fail(c, place, "the string is empty");
    return 0;
}

static int get_number(struct compiler *c, const struct place *place, json_object *value, uint64_t max,
                      uint64_t *ret_number) {
    if (!value)
        return fail(c, place, "is missing");
    if (check_type(c, place, value, json_type_int) < 0)
        return -1;
    *ret_number = json_object_get_uint64(value);
    if (json_object_get_int64(value) < 0)
        return fail(c, place, "must not be negative");
    if (*ret_number > max)
        return fail(c, place, "must be at most %llu", (unsigned long long)max);
    return 0;
}

/* The length of an array of strings, 0 if it is absent. */
static int check_strings(struct compiler *c, const struct place *place, json_object *array, size_t *ret_count) {
    *ret_count = 0;
    if (!array)
        return 0;
    if (check_type(c, place, array, json_type_array) < 0)
        return -1;
    *ret_count = json_object_array_length(array);
    for (size_t i = 0; i < *ret_count; i++) {
        const struct place element = {place, NULL, i};
        const char *text;
        json_object *value = json_object_array_get_idx(array, i);
        if (!value)
            return fail(c, &element, "a string is wanted, not null");
        if (get_string(c, &element, value, &text) < 0)
            return -1;
    }
    return 0;
}

static const char *string_at(json_object *array, size_t index) {
    return json_object_get_string(json_object_array_get_idx(array, index));
}

static int check_keys(struct compiler *c, const struct place *place, json_object *object, const char *const keys[],
                      size_t count) {
    if (check_type(c, place, object, json_type_object) < 0)
        return -1;
    json_object_object_foreach(object, key, value) {
        (void)value;
        if (find_word(c, place, key, "", keys, count, "key known here") < 0)
            return -1;
    }
    return 0;
}

/* ---- actions ------------------------------------------------------------------------------------------------------ */

static const char *const action_names[] = {
    "SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP",  "SCMP_ACT_LOG",
};
static const uint32_t action_values[] = {
    SECCOMP_RET_ALLOW,        SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP,  SECCOMP_RET_LOG,
};
_Static_assert(COUNT(action_names) == COUNT(action_values), "one value a name");

/* podman's profiles also give the error by name: "EPERM". */
static int find_errno(const char *name) {
    for (int number = 1; number < 200; number++) {
        const char *known = strerrorname_np(number);
        if (known && strcmp(known, name) == 0)
            return number;
    }
    return -1;
}

/* Reads an action and its error number, whose keys differ between a rule and the default. */
static int parse_action(struct compiler *c, const struct place *place, json_object *object, const char *action_key,
                        const char *number_key, const char *errno_key, uint32_t *ret_action) {
    const struct place action_place = {place, action_key, 0}, number_place = {place, number_key, 0};
    const struct place errno_place = {place, errno_key, 0};
    json_object *action = get(object, action_key), *number = get(object, number_key), *by_name = get(object, errno_key);
    const char *text, *errno_name;
    if (!action)
        return fail(c, &action_place, "is missing");
    if (get_string(c, &action_place, action, &text) < 0 || get_string(c, &errno_place, by_name, &errno_name) < 0)
        return -1;
    if (strcmp(text, "SCMP_ACT_NOTIFY") == 0 || strcmp(text, "SCMP_ACT_TRACE") == 0)
        return fail(c, &action_place, "%s needs a supervisor outside of the box, and minibox runs none", text);
    int i = find_word(c, &action_place, text, "SCMP_ACT_", action_names, COUNT(action_names), "action");
    if (i < 0)
        return -1;
    *ret_action = action_values[i];
    if (*ret_action != SECCOMP_RET_ERRNO && number)
        return fail(c, &number_place, "only SCMP_ACT_ERRNO has an error number, and the action is %s", text);
    if (*ret_action != SECCOMP_RET_ERRNO)
        return 0;
    uint64_t error = EPERM;
    if (number && get_number(c, &number_place, number, MAX_ERRNO, &error) < 0)
        return -1;
    if (by_name) {
        int found = find_errno(errno_name);
        if (found < 0)
            return fail(c, &errno_place, "\"%.40s\" is no error of errno(3)", errno_name);
        if (number && (uint64_t)found != error)
            return fail(c, &errno_place, "%.40s is %d, but %s says otherwise", errno_name, found, number_key);
        error = (uint64_t)found;
    }
    *ret_action |= (uint32_t)error;
    return 0;
}

/* ---- conditions --------------------------------------------------------------------------------------------------- */

static const char *const op_names[] = {
    [NE] = "SCMP_CMP_NE",
    [LT] = "SCMP_CMP_LT",
    [LE] = "SCMP_CMP_LE",
    [EQ] = "SCMP_CMP_EQ",
    [GE] = "SCMP_CMP_GE",
    [GT] = "SCMP_CMP_GT",
    [MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

static int parse_condition(struct compiler *c, const struct place *place, json_object *object,
                           struct condition *ret_condition) {
    static const char *const keys[] = {"index", "value", "valueTwo", "op", "comment"};
    const struct place index_place = {place, "index", 0}, value_place = {place, "value", 0};
    const struct place two_place = {place, "valueTwo", 0}, op_place = {place, "op", 0};
    if (check_keys(c, place, object, keys, COUNT(keys)) < 0)
        return -1;
    uint64_t index = 0, value = 0, two = 0;
    json_object *value_two = get(object, "valueTwo"), *op = get(object, "op");
    const char *text;
    if (get_number(c, &index_place, get(object, "index"), ARGUMENTS - 1, &index) < 0 ||
        get_number(c, &value_place, get(object, "value"), UINT64_MAX, &value) < 0 ||
        (value_two && get_number(c, &two_place, value_two, UINT64_MAX, &two) < 0) ||
        get_string(c, &op_place, op, &text) < 0)
        return -1;
    if (!op)
        return fail(c, &op_place, "is missing");
    int i = find_word(c, &op_place, text, "SCMP_CMP_", op_names, COUNT(op_names), "comparison");
    if (i < 0)
        return -1;
    if (i != MASKED_EQ && two)
        return fail(c, &two_place, "only SCMP_CMP_MASKED_EQ compares with a second value");
    if (i == MASKED_EQ && (two & ~value))
        return fail(c, &two_place, "has bits that the mask in value has not, so it can never match");
    *ret_condition = (struct condition){
        .value = i == MASKED_EQ ? two : value, .mask = value, .op = (enum op)i, .index = (unsigned)index};
    return 0;
}

static int add_rule(struct compiler *c, uint32_t action, const struct condition *conditions, size_t count) {
    struct rule *rule = mb_arena_push(c->arena, &c->rules, &c->rule_count, sizeof(*rule));
    if (!rule)
        return mb_error_memory(c->err);
    *rule = (struct rule){.action = action, .count = count};
    if (count)
        memcpy(rule->conditions, conditions, count * sizeof(*conditions));
    return 0;
}

/*
 * Adds what "args" says as rules. All conditions must hold; but if two look at the same argument, each is a rule of its
 * own, one of which must hold: runc and crun read it so, since libseccomp cannot do otherwise, and profiles rely on it.
 */
static int parse_conditions(struct compiler *c, const struct place *place, json_object *array, uint32_t action) {
    if (!array)
        return add_rule(c, action, NULL, 0);
    if (check_type(c, place, array, json_type_array) < 0)
        return -1;
    size_t count = json_object_array_length(array);
    struct condition all[ARGUMENTS], condition;
    unsigned seen = 0;
    bool repeated = false;
    for (size_t i = 0; i < count; i++) {
        const struct place element = {place, NULL, i};
        if (parse_condition(c, &element, json_object_array_get_idx(array, i), &condition) < 0)
            return -1;
        repeated |= seen >> condition.index & 1;
        seen |= 1U << condition.index;
        if (i < ARGUMENTS)
            all[i] = condition;
    }
    if (!repeated)
        return add_rule(c, action, all, count);
    for (size_t i = 0; i < count; i++)
        if (parse_condition(c, place, json_object_array_get_idx(array, i), &condition) < 0 ||
            add_rule(c, action, &condition, 1) < 0)
            return -1;
    return 0;
}

/* ---- which rules apply -------------------------------------------------------------------------------------------- */

/* As docker names architectures. */
static const char *const arch_names[] = {
    "amd64",     "arm64",   "x86",      "x32",         "386",       "arm",     "mips",     "mips64",
    "mips64n32", "mipsel",  "mipsel64", "mipsel64n32", "mips64p32", "mipsle",  "mips64le", "ppc",
    "ppc64",     "ppc64le", "riscv64",  "s390",        "s390x",     "loong64", "parisc",   "parisc64",
};

static bool is_kernel_at_least(unsigned major, unsigned minor) {
    struct utsname name;
    unsigned own_major = 0, own_minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%u.%u", &own_major, &own_minor) == 2 &&
           (own_major > major || (own_major == major && own_minor >= minor));
}

/* How much of a filter's lists holds here. */
struct filter_match {
    size_t caps, caps_held, arches, allow, allow_given;
    bool arch_native, has_kernel, kernel_reached;
};

static int match_filter(struct compiler *c, const struct place *place, json_object *object, struct filter_match *ret) {
    static const char *const keys[] = {"caps", "arches", "allow", "minKernel"};
    static const char *const allows[] = {"suid"};
    const struct place caps_place = {place, "caps", 0}, arches_place = {place, "arches", 0};
    const struct place allow_place = {place, "allow", 0}, kernel_place = {place, "minKernel", 0};
    *ret = (struct filter_match){0};
    if (!object)
        return 0;
    if (check_keys(c, place, object, keys, COUNT(keys)) < 0)
        return -1;
    json_object *caps = get(object, "caps"), *arches = get(object, "arches"), *allow = get(object, "allow");
    const char *kernel;
    if (check_strings(c, &caps_place, caps, &ret->caps) < 0 ||
        check_strings(c, &arches_place, arches, &ret->arches) < 0 ||
        check_strings(c, &allow_place, allow, &ret->allow) < 0 ||
        get_string(c, &kernel_place, get(object, "minKernel"), &kernel) < 0)
        return -1;
    for (size_t i = 0; i < ret->caps; i++) {
        const struct place element = {&caps_place, NULL, i};
        const char *name = string_at(caps, i);
        cap_value_t value;
        /* libcap takes "CAP_KILL,CAP_CHOWN" for the first alone. */
        if (strncmp(name, "CAP_", 4) != 0 || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] ||
            cap_from_name(name, &value) < 0 || value < 0 || value > 63)
            return fail(c, &element, "\"%.40s\" is no capability such as CAP_SYS_ADMIN", name);
        ret->caps_held += c->capabilities >> value & 1;
    }
    for (size_t i = 0; i < ret->arches; i++) {
        const struct place element = {&arches_place, NULL, i};
        const char *name = string_at(arches, i);
        if (find_word(c, &element, name, "", arch_names, COUNT(arch_names), "architecture") < 0)
            return -1;
        ret->arch_native |= strcmp(name, NATIVE_NAME) == 0;
    }
    for (size_t i = 0; i < ret->allow; i++) {
        const struct place element = {&allow_place, NULL, i};
        if (find_word(c, &element, string_at(allow, i), "", allows, COUNT(allows), "value of --allow") < 0)
            return -1;
        ret->allow_given += c->allow_suid;
    }
    unsigned major, minor;
    char after;
    ret->has_kernel = kernel[0];
    if (ret->has_kernel && sscanf(kernel, "%4u.%4u%c", &major, &minor, &after) != 2)
        return fail(c, &kernel_place, "\"%.40s\" is no kernel version such as 5.12", kernel);
    ret->kernel_reached = ret->has_kernel && is_kernel_at_least(major, minor);
    return 0;
}

/* docker's rules: all of includes.caps and includes.allow, one of includes.arches; none of what is in excludes. */
static int select_rule(struct compiler *c, const struct place *place, json_object *object, bool *ret_selected) {
    const struct place includes_place = {place, "includes", 0}, excludes_place = {place, "excludes", 0};
    struct filter_match in, out;
    if (match_filter(c, &includes_place, get(object, "includes"), &in) < 0 ||
        match_filter(c, &excludes_place, get(object, "excludes"), &out) < 0)
        return -1;
    *ret_selected = in.caps_held == in.caps && in.allow_given == in.allow && (!in.arches || in.arch_native) &&
                    (!in.has_kernel || in.kernel_reached) && !out.caps_held && !out.allow_given && !out.arch_native &&
                    !out.kernel_reached;
    return 0;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* Calls that are younger than Debian 12's libseccomp. Since 424 all architectures use the same numbers. */
static const struct {
    const char *name;
    int number;
} newer_calls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},         {"map_shadow_stack", 453}, {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},     {"statmount", 457},        {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},        {"listxattrat", 465},      {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},      {"file_setattr", 469},
#ifdef __x86_64__
    {"uretprobe", 335},
#endif
};

/* Negative if this architecture has no such call. */
static int resolve_call(const char *name) {
    int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, name);
    for (size_t i = 0; number == __NR_SCMP_ERROR && i < COUNT(newer_calls); i++)
        if (strcmp(newer_calls[i].name, name) == 0)
            return newer_calls[i].number;
    return number;
}

/* Lets rules[from..rule_count) apply to a call. */
static int add_call(struct compiler *c, const char *name, size_t from) {
    int number = resolve_call(name);
    if (number < 0)
        return 0;
    for (size_t rule = from; rule < c->rule_count; rule++) {
        size_t order = c->entry_count;
        if (order == MAX_ENTRIES)
            return fail(c, NULL, "it has more than %d rules", MAX_ENTRIES);
        struct entry *entry = mb_arena_push(c->arena, &c->entries, &c->entry_count, sizeof(*entry));
        if (!entry)
            return mb_error_memory(c->err);
        *entry = (struct entry){.number = (uint32_t)number, .rule = (uint32_t)rule, .order = order};
    }
    return 0;
}

static int parse_rule(struct compiler *c, const struct place *place, json_object *object) {
    static const char *const keys[] = {"names", "name",     "action",   "errnoRet", "errno",
                                       "args",  "includes", "excludes", "comment"};
    const struct place names_place = {place, "names", 0}, name_place = {place, "name", 0},
                       args_place = {place, "args", 0};
    if (check_keys(c, place, object, keys, COUNT(keys)) < 0)
        return -1;
    json_object *names = get(object, "names");
    const char *name;
    size_t count, first = c->rule_count;
    uint32_t action = 0;
    bool selected = false;
    if (check_strings(c, &names_place, names, &count) < 0 || get_string(c, &name_place, get(object, "name"), &name) < 0)
        return -1;
    if (!names && !name[0])
        return fail(c, &names_place, "is missing");
    if (names && name[0])
        return fail(c, &name_place, "there is names already");
    if (parse_action(c, place, object, "action", "errnoRet", "errno", &action) < 0 ||
        parse_conditions(c, &args_place, get(object, "args"), action) < 0 ||
        select_rule(c, place, object, &selected) < 0)
        return -1;
    if (!selected)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (add_call(c, string_at(names, i), first) < 0)
            return -1;
    return name[0] ? add_call(c, name, first) : 0;
}

/* ---- the document ------------------------------------------------------------------------------------------------- */

/* Flags of seccomp(2) that do nothing for one thread, log, or loosen: a filter without them refuses the same calls. */
static int check_flags(struct compiler *c, json_object *array) {
    static const char *const flags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                        "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
    const struct place place = {NULL, "flags", 0};
    size_t count;
    if (check_strings(c, &place, array, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct place element = {&place, NULL, i};
        if (find_word(c, &element, string_at(array, i), "SECCOMP_FILTER_FLAG_", flags, COUNT(flags),
                      "flag that can be had") < 0)
            return -1;
    }
    return 0;
}

static int parse_document(struct compiler *c, json_object *document) {
    static const char *const keys[] = {"defaultAction",    "defaultErrnoRet", "defaultErrno", "architectures",
                                       "archMap",          "syscalls",        "flags",        "listenerPath",
                                       "listenerMetadata", "comment"};
    const struct place syscalls_place = {NULL, "syscalls", 0}, listener_place = {NULL, "listenerPath", 0};
    if (check_keys(c, NULL, document, keys, COUNT(keys)) < 0)
        return -1;
    if (get(document, "listenerPath") || get(document, "listenerMetadata"))
        return fail(c, &listener_place, "a listener needs a supervisor outside of the box, and minibox runs none");
    json_object *rules = get(document, "syscalls");
    if (parse_action(c, NULL, document, "defaultAction", "defaultErrnoRet", "defaultErrno", &c->default_action) < 0)
        return -1;
    bool refuses = c->default_action != SECCOMP_RET_ALLOW && c->default_action != SECCOMP_RET_LOG;
    c->other_arch_action = refuses ? c->default_action : SECCOMP_RET_ERRNO | ENOSYS;
    /* Only this machine's own architecture is compiled, whatever architectures and archMap say: the others are refused. */
    if (check_flags(c, get(document, "flags")) < 0 ||
        (rules && check_type(c, &syscalls_place, rules, json_type_array) < 0))
        return -1;
    for (size_t i = 0; rules && i < json_object_array_length(rules); i++) {
        const struct place element = {&syscalls_place, NULL, i};
        if (parse_rule(c, &element, json_object_array_get_idx(rules, i)) < 0)
            return -1;
    }
    return 0;
}

static void free_tokener(json_tokener **tokener) {
    if (*tokener)
        json_tokener_free(*tokener);
}

static void free_document(json_object **document) {
    json_object_put(*document);
}

static int parse_text(struct compiler *c, const char *text) {
    __attribute__((cleanup(free_tokener))) json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    if (!tokener)
        return mb_error_memory(c->err);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    size_t length = strlen(text);
    if (length >= INT32_MAX)
        return fail(c, NULL, "it is too large");
    /* With its final NUL, which tells json-c that nothing follows. */
    __attribute__((cleanup(free_document))) json_object *document =
        json_tokener_parse_ex(tokener, text, (int)length + 1);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    /* Without memory json-c gives no document and no error either, as for "null". */
    if (error == json_tokener_success && !document && text[strspn(text, " \t\r\n")] != 'n')
        return mb_error_memory(c->err);
    if (error == json_tokener_success)
        return parse_document(c, document);
    size_t line = 1, column = 1, end = json_tokener_get_parse_end(tokener);
    for (size_t i = 0; i < end && i < length; i++) {
        line += text[i] == '\n';
        column = text[i] == '\n' ? 1 : column + 1;
    }
    return fail(c, NULL, "line %zu, column %zu: %s", line, column, json_tokener_error_desc(error));
}

/* ---- ranges of numbers -------------------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return x->number != y->number ? (x->number < y->number ? -1 : 1) : x->order < y->order ? -1 : x->order > y->order;
}

static bool is_alike(const struct compiler *c, const struct range *a, const struct range *b) {
    if (a->action != b->action || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (c->entries[a->start + i].rule != c->entries[b->start + i].rule)
            return false;
    return true;
}

/* From here on; a range that is treated like the one before is the same range. */
static int add_range(struct compiler *c, struct range range) {
    if (c->range_count && is_alike(c, &range, &c->ranges[c->range_count - 1]))
        return 0;
    struct range *new = mb_arena_push(c->arena, &c->ranges, &c->range_count, sizeof(*new));
    if (!new)
        return mb_error_memory(c->err);
    *new = range;
    return 0;
}

static int make_ranges(struct compiler *c) {
    if (c->entry_count)
        qsort(c->entries, c->entry_count, sizeof(*c->entries), compare_entries);
    uint32_t next = 0;
    for (size_t i = 0, end; i < c->entry_count; i = end) {
        struct range range = {.first = c->entries[i].number, .action = c->default_action, .start = i};
        for (end = i; end < c->entry_count && c->entries[end].number == range.first;)
            end++;
        size_t last = i; /* the first rule without conditions: none behind it is ever reached */
        while (last < end && c->rules[c->entries[last].rule].count)
            last++;
        if (last < end)
            range.action = c->rules[c->entries[last].rule].action;
        while (last > i && c->rules[c->entries[last - 1].rule].action == range.action)
            last--; /* whether or not it matches, the answer is the same */
        range.count = last - i;
        if ((range.first > next && add_range(c, (struct range){.first = next, .action = c->default_action}) < 0) ||
            add_range(c, range) < 0)
            return -1;
        next = range.first + 1;
    }
    if (add_range(c, (struct range){.first = next, .action = c->default_action}) < 0)
        return -1;
#ifdef __x86_64__
    /* The x32 ABI has the same architecture value, and this bit. -1 is not of it: a tracer skips a call by it. */
    enum { X32_BIT = 0x40000000 };
    if (add_range(c, (struct range){.first = X32_BIT, .action = c->other_arch_action}) < 0 ||
        add_range(c, (struct range){.first = UINT32_MAX, .action = c->default_action}) < 0)
        return -1;
#endif
    return 0;
}

/* ---- the program -------------------------------------------------------------------------------------------------- */

/*
 * It is written from its end to its start, as jumps of BPF go forward only: where they go to is there already. A position
 * is therefore the number of instructions behind it; an instruction that was just written is at length - 1.
 */

static size_t emit(struct compiler *c, unsigned code, uint32_t k, size_t jt, size_t jf) {
    if (c->length < BPF_MAXINSNS)
        c->code[BPF_MAXINSNS - 1 - c->length] = (struct sock_filter){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
    return c->length++;
}

static bool is_instruction(const struct compiler *c, size_t position, unsigned code, uint32_t k) {
    if (position >= BPF_MAXINSNS || position >= c->length)
        return false;
    const struct sock_filter *instruction = &c->code[BPF_MAXINSNS - 1 - position];
    return instruction->code == code && instruction->k == k;
}

/* A conditional jump reaches 255 instructions; this leaves some for what is put between. */
enum { REACH = 250 };

static size_t bring_near(struct compiler *c, size_t position) {
    if (c->length - position <= REACH)
        return position;
    return emit(c, BPF_JMP | BPF_JA, (uint32_t)(c->length - position - 1), 0, 0);
}

/* One that is near already, if there is one: each instruction costs the launch 0.2 microseconds. */
static size_t emit_return(struct compiler *c, uint32_t action) {
    for (size_t back = 1; back <= REACH && back <= c->length; back++)
        if (is_instruction(c, c->length - back, BPF_RET | BPF_K, action))
            return c->length - back;
    return emit(c, BPF_RET | BPF_K, action, 0, 0);
}

static size_t emit_load(struct compiler *c, size_t offset) {
    return emit(c, LOAD, (uint32_t)offset, 0, 0);
}

static size_t emit_test(struct compiler *c, unsigned test, uint32_t value, size_t yes, size_t no) {
    yes = bring_near(c, yes);
    no = bring_near(c, no);
    return emit(c, BPF_JMP | test | BPF_K, value, c->length - yes - 1, c->length - no - 1);
}

/*
 * Loads and tests half an argument. Where it goes on to a load of the same half, that is passed over; and left out
 * altogether if nothing else gets there (`sole`) and it was written last, so that no other position has moved.
 */
static size_t emit_compare(struct compiler *c, size_t offset, unsigned test, uint32_t value, size_t yes, size_t no,
                           bool sole) {
    size_t top = c->length - 1;
    bool drop = sole && (yes == top || no == top) && is_instruction(c, top, LOAD, (uint32_t)offset);
    if (is_instruction(c, yes, LOAD, (uint32_t)offset))
        yes--;
    if (is_instruction(c, no, LOAD, (uint32_t)offset))
        no--;
    if (drop)
        c->length--;
    emit_test(c, test, value, yes, no);
    return emit_load(c, offset);
}

/* (argument & mask) == value, each half of the register by itself. */
static size_t emit_masked(struct compiler *c, uint64_t mask64, uint64_t value64, size_t low, size_t yes, size_t no,
                          bool sole) {
    sole &= (mask64 >> 32 == 0) != ((uint32_t)mask64 == 0);
    for (unsigned shift = 0; shift < 64; shift += 32) {
        uint32_t mask = (uint32_t)(mask64 >> shift), value = (uint32_t)(value64 >> shift);
        size_t offset = low + shift / 8;
        if (!mask)
            continue;
        if (!value) {
            yes = emit_compare(c, offset, BPF_JSET, mask, no, yes, sole);
        } else if (value == mask && (mask & (mask - 1)) == 0) {
            yes = emit_compare(c, offset, BPF_JSET, mask, yes, no, sole);
        } else if (mask == UINT32_MAX) {
            yes = emit_compare(c, offset, BPF_JEQ, value, yes, no, sole);
        } else {
            emit_test(c, BPF_JEQ, value, yes, no);
            emit(c, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
            yes = emit_load(c, offset);
        }
    }
    return yes;
}

/* argument > value or >= value, by its upper half unless that is equal. */
static size_t emit_order(struct compiler *c, unsigned test, uint64_t value, size_t low, size_t yes, size_t no) {
    uint32_t upper = (uint32_t)(value >> 32);
    size_t lower = emit_compare(c, low, test, (uint32_t)value, yes, no, false);
    size_t equal = emit_test(c, BPF_JEQ, upper, lower, no);
    return emit_compare(c, low + 4, BPF_JGT, upper, yes, equal, false);
}

/* `sole`: the rule has no other condition. */
static size_t emit_condition(struct compiler *c, const struct condition *condition, size_t yes, size_t no, bool sole) {
    size_t low = offsetof(struct seccomp_data, args) + condition->index * sizeof(uint64_t);
    uint64_t value = condition->value;
    switch (condition->op) {
    case NE:
        return emit_masked(c, UINT64_MAX, value, low, no, yes, false);
    case LT:
        return emit_order(c, BPF_JGE, value, low, no, yes);
    case LE:
        return emit_order(c, BPF_JGT, value, low, no, yes);
    case GE:
        return emit_order(c, BPF_JGE, value, low, yes, no);
    case GT:
        return emit_order(c, BPF_JGT, value, low, yes, no);
    case EQ:
        return emit_masked(c, UINT64_MAX, value, low, yes, no, sole);
    case MASKED_EQ:
        break;
    }
    return emit_masked(c, condition->mask, value, low, yes, no, sole);
}

/* The answer of a range, or its rules: written once for all ranges that have the same. */
static size_t emit_answer(struct compiler *c, size_t index) {
    struct range *range = &c->ranges[index];
    if (!range->count)
        return emit_return(c, range->action);
    if (range->written)
        return range->body;
    const struct entry *entries = &c->entries[range->start];
    for (size_t i = 0; i < range->count; i++)
        emit_return(c, c->rules[entries[i].rule].action);
    size_t next = emit_return(c, range->action);
    for (size_t i = range->count; i-- > 0 && c->length <= BPF_MAXINSNS;) {
        const struct rule *rule = &c->rules[entries[i].rule];
        size_t entry = emit_return(c, rule->action);
        for (size_t j = rule->count; j-- > 0;)
            entry = emit_condition(c, &rule->conditions[j], entry, next, rule->count == 1);
        next = entry;
    }
    for (size_t i = 0; i < c->range_count; i++) {
        if (is_alike(c, &c->ranges[i], range)) {
            c->ranges[i].body = next;
            c->ranges[i].written = true;
        }
    }
    return next;
}

/*
 * How many ranges from `first` on are one answer with exceptions of a single number each: "allow 3 to 30 but not 8 and
 * 21". An exception takes one test for equality there, and two in a search.
 */
static size_t count_group(const struct compiler *c, size_t first) {
    enum { MAX_EXCEPTIONS = 6 };
    size_t count = 1;
    while (count <= 2 * MAX_EXCEPTIONS - 1 && first + count + 1 < c->range_count &&
           c->ranges[first + count + 1].first == c->ranges[first + count].first + 1 &&
           is_alike(c, &c->ranges[first], &c->ranges[first + count + 1]))
        count += 2;
    return count;
}

/* A binary search among groups[first..end). */
static size_t emit_search(struct compiler *c, const size_t *groups, size_t first, size_t end) {
    if (end - first > 1) {
        size_t middle = first + (end - first) / 2;
        size_t upper = emit_search(c, groups, middle, end), lower = emit_search(c, groups, first, middle);
        return emit_test(c, BPF_JGE, c->ranges[groups[middle]].first, upper, lower);
    }
    size_t position = emit_answer(c, groups[first]);
    for (size_t i = groups[first] + 1; i < groups[first + 1]; i += 2)
        position = emit_test(c, BPF_JEQ, c->ranges[i].first, emit_answer(c, i), position);
    return position;
}

static int emit_program(struct compiler *c) {
    size_t count = 0, *groups = mb_arena_alloc(c->arena, (c->range_count + 1) * sizeof(*groups));
    c->code = mb_arena_alloc(c->arena, BPF_MAXINSNS * sizeof(*c->code));
    if (!c->code || !groups)
        return mb_error_memory(c->err);
    for (size_t i = 0; i < c->range_count; i += count_group(c, i))
        groups[count++] = i;
    groups[count] = c->range_count;

    size_t search = emit_search(c, groups, 0, count);
    if (search != c->length - 1)
        emit(c, BPF_JMP | BPF_JA, (uint32_t)(c->length - search - 1), 0, 0);
    size_t native = emit_load(c, offsetof(struct seccomp_data, nr));
    /* Programs of other architectures, as 32-bit ones: the same numbers are other calls there. */
    emit_test(c, BPF_JEQ, NATIVE_ARCH, native, emit_return(c, c->other_arch_action));
    emit_load(c, offsetof(struct seccomp_data, arch));
    if (c->length > MB_FILTER_MOST)
        return fail(c, NULL, "it takes more than %d instructions, which the kernel does not allow", MB_FILTER_MOST);
    return 0;
}

int mb_seccomp_compile(struct mb_arena *arena, const char *text, const char *name, uint64_t capabilities,
                       bool allow_suid, const struct mb_origin *origin, struct mb_filter *ret_filter,
                       struct minibox_error *err) {
    struct compiler c = {.arena = arena, .name = name, .origin = origin, .err = err};
    c.capabilities = capabilities;
    c.allow_suid = allow_suid;
    if (parse_text(&c, text) < 0 || make_ranges(&c) < 0 || emit_program(&c) < 0)
        return -1;
    *ret_filter = (struct mb_filter){.code = c.code + BPF_MAXINSNS - c.length, .count = c.length};
    return 0;
}
