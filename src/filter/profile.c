/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A profile is read into a table of rules, each an action and conditions on arguments, and into a list of
 * (system call number, rule), out of which bpf.c writes the program.
 *
 * Of the rules for one call the first in the file that matches decides; a call without a matching rule gets the default
 * action. For rules without conditions docker and libseccomp do the same. If one call has a rule with conditions and
 * one without, libseccomp drops the former, whatever their order: an ERRNO for TIOCSTI beside an ALLOW for ioctl is
 * silently lost. Here it counts.
 *
 * What must stay true: no mistake in a profile is ignored. A misspelt "args" would turn a narrow ALLOW into a wide one,
 * so unknown keys are errors; only names of system calls may be unknown, because profiles list those of other
 * architectures and of newer kernels.
 */
#include "filter/profile.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/count.h"
#include "base/fd.h"
#include "filter/bpf.h"
#include "kernel/calls.h"
#include "kernel/caps.h"

enum {
    MAX_ERRNO = 4095, /* the kernel cuts larger values */
    MAX_ENTRIES = 1 << 18,
};

struct compiler {
    struct mb_arena *arena;
    struct minibox_error *err;
    uint64_t capabilities;
    enum mb_set_id set_id;
    struct mb_bpf_rules rules;
};

struct mb_json_source mb_profile_source(const char *name, const struct mb_origin *origin, struct minibox_error *err) {
    return (struct mb_json_source){
        .cannot = "cannot use the seccomp profile", .name = name, .origin = origin, .err = err};
}

char *mb_profile_read(const char *path, const struct mb_origin *origin, struct minibox_error *err) {
    size_t length;
    char *text = mb_fd_read_text(path, &length);
    if (!text) {
        mb_error_host(err, origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot read the seccomp profile", path);
    } else if (strlen(text) != length) {
        mb_error_usage(err, origin, MB_REMEDY_NONE, "cannot use the seccomp profile", path, "it has NUL bytes");
        free(text);
        text = NULL;
    }
    return text;
}

/* ---- actions --------------------------------------------------------------------------------------------------- */

static const char *const action_names[] = {
    "SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP",  "SCMP_ACT_LOG",
};
static const uint32_t action_values[] = {
    SECCOMP_RET_ALLOW,        SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP,  SECCOMP_RET_LOG,
};
_Static_assert(MB_COUNT(action_names) == MB_COUNT(action_values), "one value a name");
static const struct mb_json_words actions = {"action", "SCMP_ACT_", action_names, MB_COUNT(action_names)};

/* The keys of an action, of its error as a number, and of its error as a name ("EPERM", as podman writes it). */
static const struct {
    const char *action, *number, *name;
} action_keys[] = {
    [MB_PROFILE_RULE] = {"action", "errnoRet", "errno"},
    [MB_PROFILE_DEFAULT] = {"defaultAction", "defaultErrnoRet", "defaultErrno"},
};

static int find_errno(const char *name) {
    for (int number = 1; number < 200; number++) {
        const char *known = strerrorname_np(number);
        if (known && strcmp(known, name) == 0)
            return number;
    }
    return -1;
}

int mb_profile_get_action(const struct mb_json_node *object, enum mb_profile_part part, uint32_t *ret_action) {
    struct mb_json_node action = mb_json_member(object, action_keys[part].action);
    struct mb_json_node number = mb_json_member(object, action_keys[part].number);
    struct mb_json_node name = mb_json_member(object, action_keys[part].name);
    const char *text = NULL, *error_name = NULL;
    uint64_t error = EPERM;
    if (mb_json_require(&action) < 0 || mb_json_get_text(&action, &text) < 0)
        return -1;
    if (mb_json_get_text(&name, &error_name) < 0)
        return -1;
    if (strcmp(text, "SCMP_ACT_NOTIFY") == 0 || strcmp(text, "SCMP_ACT_TRACE") == 0)
        return mb_json_fail(&action, "%s needs a supervisor outside of the box, and minibox runs none", text);
    int i = mb_json_find_word(&action, text, &actions);
    if (i < 0)
        return -1;
    *ret_action = action_values[i];
    if (*ret_action != SECCOMP_RET_ERRNO && number.value)
        return mb_json_fail(&number, "only SCMP_ACT_ERRNO has an error number, and the action is %s", text);
    if (*ret_action != SECCOMP_RET_ERRNO)
        return 0;
    if (mb_json_get_number(&number, MAX_ERRNO, &error) < 0)
        return -1;
    int named = error_name ? find_errno(error_name) : (int)error;
    if (named < 0)
        return mb_json_fail(&name, "\"%.40s\" is no error of errno(3)", error_name);
    if (number.value && (uint64_t)named != error)
        return mb_json_fail(&name, "%.40s is %d, but %s says otherwise", error_name, named, number.key);
    *ret_action |= (uint32_t)named;
    return 0;
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

static const char *const op_names[] = {
    [MB_BPF_NE] = "SCMP_CMP_NE",
    [MB_BPF_LT] = "SCMP_CMP_LT",
    [MB_BPF_LE] = "SCMP_CMP_LE",
    [MB_BPF_EQ] = "SCMP_CMP_EQ",
    [MB_BPF_GE] = "SCMP_CMP_GE",
    [MB_BPF_GT] = "SCMP_CMP_GT",
    [MB_BPF_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};
static const struct mb_json_words ops = {"comparison", "SCMP_CMP_", op_names, MB_COUNT(op_names)};

static int parse_condition(const struct mb_json_node *object, struct mb_bpf_condition *ret_condition) {
    static const char *const keys[] = {"index", "value", "valueTwo", "op", "comment"};
    if (mb_json_check_keys(object, keys, MB_COUNT(keys)) < 0)
        return -1;
    struct mb_json_node index_node = mb_json_member(object, "index"), value_node = mb_json_member(object, "value");
    struct mb_json_node two_node = mb_json_member(object, "valueTwo"), op_node = mb_json_member(object, "op");
    uint64_t index = 0, value = 0, two = 0;
    const char *text = NULL;
    if (mb_json_require(&index_node) < 0 || mb_json_get_number(&index_node, MB_BPF_ARGUMENTS - 1, &index) < 0)
        return -1;
    if (mb_json_require(&value_node) < 0 || mb_json_get_number(&value_node, UINT64_MAX, &value) < 0)
        return -1;
    if (mb_json_get_number(&two_node, UINT64_MAX, &two) < 0)
        return -1;
    if (mb_json_require(&op_node) < 0 || mb_json_get_text(&op_node, &text) < 0)
        return -1;
    int op = mb_json_find_word(&op_node, text, &ops);
    if (op < 0)
        return -1;
    if (op != MB_BPF_MASKED_EQ && two)
        return mb_json_fail(&two_node, "only SCMP_CMP_MASKED_EQ compares with a second value");
    if (op == MB_BPF_MASKED_EQ && (two & ~value))
        return mb_json_fail(&two_node, "has bits that the mask in value has not, so it can never match");
    *ret_condition = (struct mb_bpf_condition){.value = op == MB_BPF_MASKED_EQ ? two : value,
                                               .mask = value,
                                               .op = (enum mb_bpf_op)op,
                                               .index = (unsigned)index};
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
 * Adds rules for the conditions in "args". All of them must hold for the rule to match. But if two look at the same
 * argument, each becomes a rule of its own, of which one must match: runc and crun read it so, since libseccomp cannot
 * do otherwise, and profiles rely on it.
 */
static int parse_conditions(struct compiler *c, const struct mb_json_node *array, uint32_t action) {
    struct mb_bpf_condition all[MB_BPF_ARGUMENTS], condition = {0};
    size_t count = 0;
    unsigned seen = 0;
    bool repeated = false;
    if (mb_json_get_array(array, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct mb_json_node element = mb_json_element(array, i);
        if (parse_condition(&element, &condition) < 0)
            return -1;
        repeated |= seen >> condition.index & 1;
        seen |= 1U << condition.index;
        if (i < MB_BPF_ARGUMENTS)
            all[i] = condition;
    }
    if (!repeated)
        return add_rule(c, action, all, count);
    for (size_t i = 0; i < count; i++) {
        struct mb_json_node element = mb_json_element(array, i);
        if (parse_condition(&element, &condition) < 0 || add_rule(c, action, &condition, 1) < 0)
            return -1;
    }
    return 0;
}

/* ---- which rules apply ----------------------------------------------------------------------------------------- */

/* docker's names of architectures. */
static const char *const arch_names[] = {
    "amd64",     "arm64",   "x86",      "x32",         "386",       "arm",     "mips",     "mips64",
    "mips64n32", "mipsel",  "mipsel64", "mipsel64n32", "mips64p32", "mipsle",  "mips64le", "ppc",
    "ppc64",     "ppc64le", "riscv64",  "s390",        "s390x",     "loong64", "parisc",   "parisc64",
};
static const struct mb_json_words arches = {"architecture", "", arch_names, MB_COUNT(arch_names)};

static const char *const allow_names[] = {"suid"};
static const struct mb_json_words allows = {"value of --allow", "", allow_names, MB_COUNT(allow_names)};

/* How many entries a list has, and how many of them hold here. */
struct match {
    size_t listed, held;
};

/* Each tells whether an entry of a list holds here: 1 or 0, or -1 with an error if there is no such entry. */

static int holds_capability(const struct compiler *c, const struct mb_json_node *entry, const char *name) {
    bool is_whole = strncmp(name, "CAP_", 4) == 0 && !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")];
    int cap = is_whole ? mb_caps_find(name) : -1;
    if (cap < 0)
        return mb_json_fail(entry, "\"%.40s\" is no capability such as CAP_SYS_ADMIN", name);
    return c->capabilities >> cap & 1;
}

static int holds_arch(const struct compiler *c, const struct mb_json_node *entry, const char *name) {
    (void)c;
    return mb_json_find_word(entry, name, &arches) < 0 ? -1 : strcmp(name, MB_ARCH_NAME) == 0;
}

static int holds_allow(const struct compiler *c, const struct mb_json_node *entry, const char *name) {
    return mb_json_find_word(entry, name, &allows) < 0 ? -1 : c->set_id == MB_SET_ID_ALLOWED;
}

/* Flags of seccomp(2) that do nothing for one thread, log, or loosen: a filter without them refuses the same calls. */
static int holds_flag(const struct compiler *c, const struct mb_json_node *entry, const char *name) {
    static const char *const names[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                        "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
    static const struct mb_json_words flags = {"flag that can be had", "SECCOMP_FILTER_FLAG_", names, MB_COUNT(names)};
    (void)c;
    return mb_json_find_word(entry, name, &flags) < 0 ? -1 : 1;
}

static int match_list(const struct compiler *c, const struct mb_json_node *list,
                      int (*holds)(const struct compiler *, const struct mb_json_node *, const char *),
                      struct match *ret_match) {
    if (mb_json_get_texts(list, &ret_match->listed) < 0)
        return -1;
    for (size_t i = 0; i < ret_match->listed; i++) {
        struct mb_json_node entry = mb_json_element(list, i);
        int held = holds(c, &entry, mb_json_text_at(list, i));
        if (held < 0)
            return -1;
        ret_match->held += (size_t)held;
    }
    return 0;
}

static bool is_kernel_at_least(unsigned major, unsigned minor) {
    struct utsname name;
    unsigned own_major = 0, own_minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%u.%u", &own_major, &own_minor) == 2 &&
           (own_major > major || (own_major == major && own_minor >= minor));
}

static int match_kernel(const struct mb_json_node *version, struct match *ret_match) {
    const char *text = NULL;
    unsigned major, minor;
    char after;
    if (mb_json_get_text(version, &text) < 0)
        return -1;
    if (!text)
        return 0;
    if (sscanf(text, "%4u.%4u%c", &major, &minor, &after) != 2)
        return mb_json_fail(version, "\"%.40s\" is no kernel version such as 5.12", text);
    *ret_match = (struct match){.listed = 1, .held = is_kernel_at_least(major, minor)};
    return 0;
}

/* How the lists in a rule's "includes" or "excludes" match. */
struct choice {
    struct match capabilities, arches, allows, kernel;
};

static int parse_choice(const struct compiler *c, const struct mb_json_node *object, struct choice *ret_choice) {
    static const char *const keys[] = {"caps", "arches", "allow", "minKernel"};
    *ret_choice = (struct choice){0};
    if (!object->value)
        return 0;
    struct mb_json_node caps = mb_json_member(object, "caps"), kernel = mb_json_member(object, "minKernel");
    struct mb_json_node arch_list = mb_json_member(object, "arches"), allow_list = mb_json_member(object, "allow");
    if (mb_json_check_keys(object, keys, MB_COUNT(keys)) < 0)
        return -1;
    if (match_list(c, &caps, holds_capability, &ret_choice->capabilities) < 0)
        return -1;
    if (match_list(c, &arch_list, holds_arch, &ret_choice->arches) < 0)
        return -1;
    if (match_list(c, &allow_list, holds_allow, &ret_choice->allows) < 0)
        return -1;
    return match_kernel(&kernel, &ret_choice->kernel);
}

static bool is_all(struct match match) {
    return match.held == match.listed;
}

/* As docker selects rules: all of includes.caps and includes.allow must hold, one of includes.arches, and nothing that
 * is in excludes. */
static int select_rule(const struct compiler *c, const struct mb_json_node *rule, bool *ret_selected) {
    struct mb_json_node includes = mb_json_member(rule, "includes"), excludes = mb_json_member(rule, "excludes");
    struct choice in, out;
    if (parse_choice(c, &includes, &in) < 0 || parse_choice(c, &excludes, &out) < 0)
        return -1;
    bool is_included =
        is_all(in.capabilities) && is_all(in.allows) && is_all(in.kernel) && (in.arches.held || !in.arches.listed);
    bool is_excluded = out.capabilities.held || out.allows.held || out.kernel.held || out.arches.held;
    *ret_selected = is_included && !is_excluded;
    return 0;
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */

/* Makes rules[from..rule_count) apply to a call. An architecture that lacks the call needs none. */
static int add_call(struct compiler *c, const struct mb_json_node *names, const char *name, size_t from) {
    int number = mb_calls_find(name, MB_ARCH_NATIVE);
    for (size_t rule = from; number >= 0 && rule < c->rules.rule_count; rule++) {
        size_t order = c->rules.entry_count;
        if (order == MAX_ENTRIES)
            return mb_json_fail(names, "with these there are more than %d rules", MAX_ENTRIES);
        struct mb_bpf_entry *entry = mb_arena_push(c->arena, &c->rules.entries, &c->rules.entry_count, sizeof(*entry));
        if (!entry)
            return mb_error_memory(c->err);
        *entry = (struct mb_bpf_entry){.number = (uint32_t)number, .rule = (uint32_t)rule, .order = order};
    }
    return 0;
}

static int parse_rule(struct compiler *c, const struct mb_json_node *rule) {
    static const char *const keys[] = {"names", "name",     "action",   "errnoRet", "errno",
                                       "args",  "includes", "excludes", "comment"};
    struct mb_json_node names = mb_json_member(rule, "names"), one = mb_json_member(rule, "name");
    struct mb_json_node args = mb_json_member(rule, "args");
    const char *name = NULL;
    size_t count = 0, first = c->rules.rule_count;
    uint32_t action = 0;
    bool selected = false;
    if (mb_json_check_keys(rule, keys, MB_COUNT(keys)) < 0)
        return -1;
    if (mb_json_get_texts(&names, &count) < 0 || mb_json_get_text(&one, &name) < 0)
        return -1;
    if (!names.value && !name)
        return mb_json_fail(&names, "is missing");
    if (names.value && name)
        return mb_json_fail(&one, "there is names already");
    if (mb_profile_get_action(rule, MB_PROFILE_RULE, &action) < 0 || parse_conditions(c, &args, action) < 0)
        return -1;
    if (select_rule(c, rule, &selected) < 0)
        return -1;
    if (!selected)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (add_call(c, &names, mb_json_text_at(&names, i), first) < 0)
            return -1;
    return name ? add_call(c, &one, name, first) : 0;
}

/* ---- the document ---------------------------------------------------------------------------------------------- */

static int parse_document(struct compiler *c, const struct mb_json_node *document) {
    static const char *const keys[] = {"defaultAction",    "defaultErrnoRet", "defaultErrno", "architectures",
                                       "archMap",          "syscalls",        "flags",        "listenerPath",
                                       "listenerMetadata", "comment"};
    if (mb_json_check_keys(document, keys, MB_COUNT(keys)) < 0)
        return -1;
    struct mb_json_node path = mb_json_member(document, "listenerPath");
    struct mb_json_node metadata = mb_json_member(document, "listenerMetadata");
    struct mb_json_node flags = mb_json_member(document, "flags"), rules = mb_json_member(document, "syscalls");
    struct match known = {0};
    size_t count = 0;
    if (path.value || metadata.value)
        return mb_json_fail(&path, "a listener needs a supervisor outside of the box, and minibox runs none");
    if (mb_profile_get_action(document, MB_PROFILE_DEFAULT, &c->rules.default_action) < 0)
        return -1;
    /* Only the native architecture is compiled, whatever architectures and archMap say: calls of others are refused. */
    bool refuses = c->rules.default_action != SECCOMP_RET_ALLOW && c->rules.default_action != SECCOMP_RET_LOG;
    c->rules.other_arch_action = refuses ? c->rules.default_action : SECCOMP_RET_ERRNO | ENOSYS;
    if (match_list(c, &flags, holds_flag, &known) < 0 || mb_json_get_array(&rules, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct mb_json_node rule = mb_json_element(&rules, i);
        if (parse_rule(c, &rule) < 0)
            return -1;
    }
    return 0;
}

int mb_profile_compile(struct mb_arena *arena, const char *text, const char *name, uint64_t capabilities,
                       enum mb_set_id set_id, const struct mb_origin *origin, struct mb_filter *ret_filter,
                       struct minibox_error *err) {
    struct compiler c = {.arena = arena, .err = err, .capabilities = capabilities, .set_id = set_id};
    c.rules.arch = MB_ARCH_NATIVE;
    const struct mb_json_source source = mb_profile_source(name, origin, err);
    __attribute__((cleanup(mb_json_free))) struct mb_json_node document = {.source = &source};
    if (mb_json_parse(&source, text, &document) < 0 || parse_document(&c, &document) < 0)
        return -1;
    int result = mb_bpf_write(arena, &c.rules, ret_filter);
    if (result == -E2BIG)
        return mb_json_fail(&document, "it takes more than %d instructions, which the kernel does not allow",
                            MB_FILTER_MOST);
    return result ? mb_error_memory(err) : 0;
}
