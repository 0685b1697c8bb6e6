/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A profile is read into a table of rules, each an action and conditions on arguments, and into a list of
 * (system call number, rule), out of which bpf.c writes the program. libseccomp gives the numbers of the names only.
 *
 * Of the rules for one call the first that matches decides, in the order of the file; a call without a matching rule
 * gets the default action. For rules without conditions this is what docker and libseccomp do. Where a rule with
 * conditions and one without meet, libseccomp drops the former, whatever their order: an ERRNO for TIOCSTI beside an
 * ALLOW for ioctl is silently lost. Here it counts.
 *
 * What must stay true: a mistake in a profile is never passed over. A misspelt "args" would turn a narrow ALLOW into a
 * wide one, so unknown keys are errors; only names of system calls may be unknown, because profiles list those of other
 * architectures and of newer kernels.
 */
#include "filter/bpf.h"

#include <errno.h>
#include <json-c/json.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>

#include "base/text.h"

#if defined(__x86_64__)
#define NATIVE_NAME "amd64"
#elif defined(__aarch64__)
#define NATIVE_NAME "arm64"
#else
#error "minibox knows the system call numbers of x86-64 and arm64 only"
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_ERRNO = 4095, /* the kernel's: it cuts larger values */
    MAX_DEPTH = 16,
    MAX_ENTRIES = 1 << 18
};

struct compiler {
    struct mb_arena *arena;
    const char *name;
    const struct mb_origin *origin;
    struct minibox_error *err;
    uint64_t capabilities;
    bool allow_suid;

    struct mb_bpf_rules rules;
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

/* The place of `word` in a table; or -1, with a remedy that names the nearest one. They are compared behind the prefix
 * that all of the table have. */
static int find_word(struct compiler *c, const struct place *place, const char *word, const char *prefix,
                     const char *const words[], size_t count, const char *kind) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    fail(c, place, "\"%.60s\" is no %s", word, kind);
    enum { MOST = 64 };
    const char *tails[MOST], *nearest,
        *tail = strncmp(word, prefix, strlen(prefix)) == 0 ? word + strlen(prefix) : word;
    for (size_t i = 0; i < count && i < MOST; i++)
        tails[i] = words[i] + strlen(prefix);
    nearest = tail[0] ? mb_text_suggest(tail, tails, count < MOST ? count : MOST) : NULL;
    nearest = nearest ? nearest - strlen(prefix) : NULL;
    mb_error_remedy(c->err, nearest ? "did you mean \"%s\"?" : "\"%s\", for instance", nearest ? nearest : words[0]);
    return -1;
}

/* ---- values of the document ---------------------------------------------------------------------------------------
 */

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

/* ---- actions ------------------------------------------------------------------------------------------------------
 */

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

/* ---- conditions ---------------------------------------------------------------------------------------------------
 */

static const char *const op_names[] = {
    [MB_BPF_NE] = "SCMP_CMP_NE",
    [MB_BPF_LT] = "SCMP_CMP_LT",
    [MB_BPF_LE] = "SCMP_CMP_LE",
    [MB_BPF_EQ] = "SCMP_CMP_EQ",
    [MB_BPF_GE] = "SCMP_CMP_GE",
    [MB_BPF_GT] = "SCMP_CMP_GT",
    [MB_BPF_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

static int parse_condition(struct compiler *c, const struct place *place, json_object *object,
                           struct mb_bpf_condition *ret_condition) {
    static const char *const keys[] = {"index", "value", "valueTwo", "op", "comment"};
    const struct place index_place = {place, "index", 0}, value_place = {place, "value", 0};
    const struct place two_place = {place, "valueTwo", 0}, op_place = {place, "op", 0};
    if (check_keys(c, place, object, keys, COUNT(keys)) < 0)
        return -1;
    uint64_t index = 0, value = 0, two = 0;
    json_object *value_two = get(object, "valueTwo"), *op = get(object, "op");
    const char *text;
    if (get_number(c, &index_place, get(object, "index"), MB_BPF_ARGUMENTS - 1, &index) < 0 ||
        get_number(c, &value_place, get(object, "value"), UINT64_MAX, &value) < 0 ||
        (value_two && get_number(c, &two_place, value_two, UINT64_MAX, &two) < 0) ||
        get_string(c, &op_place, op, &text) < 0)
        return -1;
    if (!op)
        return fail(c, &op_place, "is missing");
    int i = find_word(c, &op_place, text, "SCMP_CMP_", op_names, COUNT(op_names), "comparison");
    if (i < 0)
        return -1;
    if (i != MB_BPF_MASKED_EQ && two)
        return fail(c, &two_place, "only SCMP_CMP_MASKED_EQ compares with a second value");
    if (i == MB_BPF_MASKED_EQ && (two & ~value))
        return fail(c, &two_place, "has bits that the mask in value has not, so it can never match");
    *ret_condition = (struct mb_bpf_condition){
        .value = i == MB_BPF_MASKED_EQ ? two : value, .mask = value, .op = (enum mb_bpf_op)i, .index = (unsigned)index};
    return 0;
}

static int add_rule(struct compiler *c, uint32_t action, const struct mb_bpf_condition *conditions, size_t count) {
    struct mb_bpf_rule *rule = mb_arena_push(c->arena, &c->rules.rules, &c->rules.rule_count, sizeof(*rule));
    if (!rule)
        return mb_error_memory(c->err);
    *rule = (struct mb_bpf_rule){.action = action, .count = count};
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
    struct mb_bpf_condition all[MB_BPF_ARGUMENTS], condition;
    unsigned seen = 0;
    bool repeated = false;
    for (size_t i = 0; i < count; i++) {
        const struct place element = {place, NULL, i};
        if (parse_condition(c, &element, json_object_array_get_idx(array, i), &condition) < 0)
            return -1;
        repeated |= seen >> condition.index & 1;
        seen |= 1U << condition.index;
        if (i < MB_BPF_ARGUMENTS)
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

/* ---- which rules apply --------------------------------------------------------------------------------------------
 */

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

/* ---- names --------------------------------------------------------------------------------------------------------
 */

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
    for (size_t rule = from; rule < c->rules.rule_count; rule++) {
        size_t order = c->rules.entry_count;
        if (order == MAX_ENTRIES)
            return fail(c, NULL, "it has more than %d rules", MAX_ENTRIES);
        struct mb_bpf_entry *entry = mb_arena_push(c->arena, &c->rules.entries, &c->rules.entry_count, sizeof(*entry));
        if (!entry)
            return mb_error_memory(c->err);
        *entry = (struct mb_bpf_entry){.number = (uint32_t)number, .rule = (uint32_t)rule, .order = order};
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
    size_t count, first = c->rules.rule_count;
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

/* ---- the document -------------------------------------------------------------------------------------------------
 */

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
    if (parse_action(c, NULL, document, "defaultAction", "defaultErrnoRet", "defaultErrno", &c->rules.default_action) <
        0)
        return -1;
    bool refuses = c->rules.default_action != SECCOMP_RET_ALLOW && c->rules.default_action != SECCOMP_RET_LOG;
    c->rules.other_arch_action = refuses ? c->rules.default_action : SECCOMP_RET_ERRNO | ENOSYS;
    /* Only this machine's own architecture is compiled, whatever architectures and archMap say: the others are refused.
     */
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

int mb_seccomp_compile(struct mb_arena *arena, const char *text, const char *name, uint64_t capabilities,
                       bool allow_suid, const struct mb_origin *origin, struct mb_filter *ret_filter,
                       struct minibox_error *err) {
    struct compiler c = {.arena = arena, .name = name, .origin = origin, .err = err};
    c.capabilities = capabilities;
    c.allow_suid = allow_suid;
    if (parse_text(&c, text))
        return -1;
    int result = mb_bpf_write(arena, &c.rules, ret_filter);
    return result == -ENOMEM ? mb_error_memory(err)
           : result
               ? fail(&c, NULL, "it takes more than %d instructions, which the kernel does not allow", MB_FILTER_MOST)
               : 0;
}
