/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The profile is read once more as a document, rule by rule, since its order and its comments are for
 * people. The code that compiles a rule also says here what the rule answers, so the filter does what is printed.
 */
#include "filter/explain.h"

#include <inttypes.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/json.h"
#include "base/text.h"
#include "filter/filter.h"
#include "filter/profile.h"

/* The value as text, "" if it is absent. */
static const char *member_text(const struct mb_json_node *object, const char *key) {
    struct mb_json_node value = mb_json_member(object, key);
    return value.value ? json_object_get_string(value.value) : "";
}

static uint64_t member_number(const struct mb_json_node *object, const char *key) {
    return json_object_get_uint64(mb_json_member(object, key).value);
}

static size_t length_of(const struct mb_json_node *array) {
    return json_object_is_type(array->value, json_type_array) ? json_object_array_length(array->value) : 0;
}

/* ---- print ----------------------------------------------------------------------------------------------------- */

static void print_action(FILE *out, uint32_t action) {
    const char *error = strerrorname_np((int)(action & SECCOMP_RET_DATA));
    switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
        fputs("allowed", out);
        break;
    case SECCOMP_RET_LOG:
        fputs("allowed and logged", out);
        break;
    case SECCOMP_RET_TRAP:
        fputs("answered by SIGSYS", out);
        break;
    case SECCOMP_RET_ERRNO:
        fprintf(out, "refused, %s", error ? error : "with an errno that has no name");
        break;
    default:
        fputs("answered by death", out);
    }
}

/* Prints ", with CAP_SYS_ADMIN or CAP_BPF" for each list in what a rule includes or excludes. */
static void print_choices(FILE *out, const struct mb_json_node *rule, const char *key, const char *word) {
    struct mb_json_node choice = mb_json_member(rule, key);
    if (!choice.value)
        return;
    json_object_object_foreach(choice.value, name, value) {
        struct mb_json_node list = mb_json_member(&choice, name);
        const char *before = strcmp(name, "allow") == 0 ? "--allow " : "";
        if (value && !json_object_is_type(value, json_type_array))
            fprintf(out, ", %sLinux %s", word, json_object_get_string(value)); /* minKernel */
        for (size_t i = 0; i < length_of(&list); i++)
            fprintf(out, "%s%s%s%s", i ? " or " : ", ", i ? "" : word, i ? "" : before, mb_json_text_at(&list, i));
    }
}

static void print_conditions(FILE *out, const struct mb_json_node *rule) {
    static const char *const signs[][2] = {{"SCMP_CMP_NE", "!="}, {"SCMP_CMP_LT", "<"},  {"SCMP_CMP_LE", "<="},
                                           {"SCMP_CMP_EQ", "=="}, {"SCMP_CMP_GE", ">="}, {"SCMP_CMP_GT", ">"}};
    struct mb_json_node args = mb_json_member(rule, "args");
    for (size_t i = 0; i < length_of(&args); i++) {
        struct mb_json_node arg = mb_json_element(&args, i);
        const char *op = member_text(&arg, "op");
        uint64_t value = member_number(&arg, "value");
        fprintf(out, "%s argument %s", i ? " and" : ", if", member_text(&arg, "index"));
        if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0)
            fprintf(out, " & 0x%" PRIx64 " == 0x%" PRIx64, value, member_number(&arg, "valueTwo"));
        for (size_t n = 0; n < MB_COUNT(signs); n++)
            if (strcmp(op, signs[n][0]) == 0)
                fprintf(out, " %s %" PRIu64, signs[n][1], value);
    }
}

static int print_rule(FILE *out, const struct mb_json_node *rule) {
    const char *comment = member_text(rule, "comment");
    struct mb_json_node names = mb_json_member(rule, "names");
    uint32_t action = 0;
    if (mb_profile_get_action(rule, MB_PROFILE_RULE, &action) < 0)
        return -1;
    fputc('\n', out);
    print_action(out, action);
    print_choices(out, rule, "includes", "with ");
    print_choices(out, rule, "excludes", "without ");
    print_conditions(out, rule);
    fputs(":\n", out);
    if (comment[0])
        mb_text_print_wrapped(out, comment, 2, fprintf(out, " "));
    int column = mb_text_print_words(out, member_text(rule, "name"), 6, fprintf(out, "     "));
    for (size_t i = 0; i < length_of(&names); i++)
        column = mb_text_print_words(out, mb_json_text_at(&names, i), 6, column);
    fputc('\n', out);
    return 0;
}

int mb_explain_print(const char *text, FILE *out, struct minibox_error *err) {
    const struct mb_json_source source = mb_profile_source("the profile", NULL, err);
    __attribute__((cleanup(mb_json_free))) struct mb_json_node profile = {.source = &source};
    uint32_t action = 0;
    if (mb_json_parse(&source, text, &profile) < 0 || mb_profile_get_action(&profile, MB_PROFILE_DEFAULT, &action) < 0)
        return -1;
    fputs("A call that no rule names is ", out);
    print_action(out, action);
    fputs(". The first matching rule decides.\n", out);
    struct mb_json_node rules = mb_json_member(&profile, "syscalls");
    for (size_t i = 0; i < length_of(&rules); i++) {
        struct mb_json_node rule = mb_json_element(&rules, i);
        if (print_rule(out, &rule) < 0)
            return -1;
    }
    return 0;
}

/* ---- permit ---------------------------------------------------------------------------------------------------- */

static bool has_name(const struct mb_json_node *rule, const char *call) {
    struct mb_json_node names = mb_json_member(rule, "names");
    for (size_t i = 0; i < length_of(&names); i++)
        if (strcmp(mb_json_text_at(&names, i), call) == 0)
            return true;
    return false;
}

void mb_explain_permit(const char *call, char *ret_text, size_t size) {
    struct minibox_error ignored; /* without memory the general answer stays */
    const struct mb_json_source source = mb_profile_source("the default profile", NULL, &ignored);
    __attribute__((cleanup(mb_json_free))) struct mb_json_node profile = {.source = &source};
    snprintf(ret_text, size, "--seccomp FILE with a profile that allows it, or --seccomp off");
    if (mb_json_parse(&source, mb_seccomp_default_json, &profile) < 0)
        return;
    struct mb_json_node rules = mb_json_member(&profile, "syscalls");
    for (size_t i = 0; i < length_of(&rules); i++) {
        struct mb_json_node rule = mb_json_element(&rules, i), choice = mb_json_member(&rule, "includes");
        struct mb_json_node caps = mb_json_member(&choice, "caps"), allow = mb_json_member(&choice, "allow");
        if (strcmp(member_text(&rule, "action"), "SCMP_ACT_ALLOW") != 0 || !has_name(&rule, call))
            continue;
        if (length_of(&caps)) {
            const char *name = mb_json_text_at(&caps, 0);
            snprintf(ret_text, size, "--cap-add %s", strncmp(name, "CAP_", 4) == 0 ? name + 4 : name);
            return;
        }
        if (length_of(&allow)) {
            snprintf(ret_text, size, "--allow %s", mb_json_text_at(&allow, 0));
            return;
        }
    }
}
