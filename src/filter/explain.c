/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "base/json.h"
#include "filter/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "filter/filter.h"

/* "" if it is absent, or null. */
static const char *text_of(struct json_object *rule, const char *key) {
    struct json_object *value;
    const char *text = json_object_object_get_ex(rule, key, &value) ? json_object_get_string(value) : NULL;
    return text ? text : "";
}

static bool is_allowed(struct json_object *rule) {
    return strcmp(text_of(rule, "action"), "SCMP_ACT_ALLOW") == 0;
}

char *mb_profile_read(const char *path, const struct mb_origin *origin, struct minibox_error *err) {
    enum { MAX_PROFILE = 4 << 20 };
    char *text = malloc(MAX_PROFILE);
    if (text && mb_fd_read_file(path, text, MAX_PROFILE) >= 0)
        return text;
    if (text)
        mb_error_host(err, origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot read the seccomp profile", path);
    else
        mb_error_memory(err);
    free(text);
    return NULL;
}

/* ---- print ----------------------------------------------------------------------------------------------------- */

static void print_action(FILE *out, const char *action, struct json_object *number) {
    static const char *const words[][2] = {
        {"SCMP_ACT_ALLOW", "allowed"}, {"SCMP_ACT_LOG", "allowed and logged"}, {"SCMP_ACT_TRAP", "answered by SIGSYS"}};
    const char *name = strerrorname_np(number ? json_object_get_int(number) : 1);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(action, words[i][0]) == 0) {
            fputs(words[i][1], out);
            return;
        }
    if (strcmp(action, "SCMP_ACT_ERRNO") == 0)
        fprintf(out, "refused, %s", name ? name : "with an errno that has no name");
    else
        fputs("answered by death", out);
}

/* "CAP_SYS_ADMIN or CAP_BPF", of an array. */
static void print_words(FILE *out, const char *before, struct json_object *array) {
    for (size_t i = 0; array && i < json_object_array_length(array); i++)
        fprintf(out, "%s%s", i ? " or " : before, json_object_get_string(json_object_array_get_idx(array, i)));
}

static void print_choice(FILE *out, struct json_object *rule, const char *key, const char *word) {
    struct json_object *choice;
    char before[32];
    if (!json_object_object_get_ex(rule, key, &choice) || !choice)
        return;
    json_object_object_foreach(choice, name, value) {
        snprintf(before, sizeof(before), ", %s%s", word,
                 strcmp(name, "allow") == 0       ? "--allow "
                 : strcmp(name, "minKernel") == 0 ? "Linux "
                                                  : "");
        if (json_object_is_type(value, json_type_array))
            print_words(out, before, value);
        else if (value)
            fprintf(out, "%s%s", before, json_object_get_string(value));
    }
}

static void print_conditions(FILE *out, struct json_object *rule) {
    static const char *const signs[][2] = {{"SCMP_CMP_NE", "!="}, {"SCMP_CMP_LT", "<"},  {"SCMP_CMP_LE", "<="},
                                           {"SCMP_CMP_EQ", "=="}, {"SCMP_CMP_GE", ">="}, {"SCMP_CMP_GT", ">"}};
    struct json_object *args = NULL, *value = NULL, *two = NULL;
    json_object_object_get_ex(rule, "args", &args);
    for (size_t i = 0; args && i < json_object_array_length(args); i++) {
        struct json_object *arg = json_object_array_get_idx(args, i);
        const char *op = text_of(arg, "op");
        json_object_object_get_ex(arg, "value", &value);
        uint64_t number = json_object_get_uint64(value);
        fprintf(out, "%s argument %s", i ? " and" : ", if", text_of(arg, "index"));
        if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0)
            fprintf(out, " & 0x%" PRIx64 " == 0x%" PRIx64, number,
                    json_object_object_get_ex(arg, "valueTwo", &two) ? json_object_get_uint64(two) : 0);
        for (size_t n = 0; n < sizeof(signs) / sizeof(signs[0]); n++)
            if (strcmp(op, signs[n][0]) == 0)
                fprintf(out, " %s %" PRIu64, signs[n][1], number);
    }
}

static void print_rule(FILE *out, struct json_object *rule) {
    struct json_object *number = NULL, *names = NULL;
    const char *comment = text_of(rule, "comment"), *one = text_of(rule, "name");
    json_object_object_get_ex(rule, "errnoRet", &number);
    json_object_object_get_ex(rule, "names", &names);
    fputc('\n', out);
    print_action(out, text_of(rule, "action"), number);
    print_choice(out, rule, "includes", "with ");
    print_choice(out, rule, "excludes", "without ");
    print_conditions(out, rule);
    fputs(":\n", out);
    if (comment[0])
        mb_text_print_wrapped(out, comment, 2, fprintf(out, " "));
    char *list = NULL;
    size_t length = 0;
    FILE *text = open_memstream(&list, &length);
    if (!text)
        return; /* out of memory */
    fputs(one, text);
    for (size_t i = 0; names && i < json_object_array_length(names); i++)
        fprintf(text, "%s ", json_object_get_string(json_object_array_get_idx(names, i)));
    fclose(text);
    mb_text_print_wrapped(out, list, 6, fprintf(out, "     "));
    free(list);
}

void mb_profile_print(const char *text, FILE *out) {
    struct json_object *profile = json_tokener_parse(text), *number = NULL, *rules = NULL;
    fputs("What no rule names is ", out);
    json_object_object_get_ex(profile, "defaultErrnoRet", &number);
    print_action(out, text_of(profile, "defaultAction"), number);
    fputs(". The first rule that matches decides.\n", out);
    json_object_object_get_ex(profile, "syscalls", &rules);
    for (size_t i = 0; rules && i < json_object_array_length(rules); i++)
        print_rule(out, json_object_array_get_idx(rules, i));
    json_object_put(profile);
}

/* ---- permit ---------------------------------------------------------------------------------------------------- */

static bool has_name(struct json_object *rule, const char *call) {
    struct json_object *names = NULL;
    json_object_object_get_ex(rule, "names", &names);
    for (size_t i = 0; names && i < json_object_array_length(names); i++)
        if (strcmp(json_object_get_string(json_object_array_get_idx(names, i)), call) == 0)
            return true;
    return false;
}

void mb_profile_permit(const char *call, char *ret_text, size_t size) {
    struct json_object *profile = json_tokener_parse(mb_seccomp_default_json), *rules = NULL, *choice = NULL,
                       *list = NULL;
    snprintf(ret_text, size, "--seccomp FILE with a profile that allows it, or --seccomp off");
    json_object_object_get_ex(profile, "syscalls", &rules);
    for (size_t i = 0; rules && i < json_object_array_length(rules); i++) {
        struct json_object *rule = json_object_array_get_idx(rules, i);
        if (!is_allowed(rule) || !has_name(rule, call) || !json_object_object_get_ex(rule, "includes", &choice))
            continue;
        bool by_caps = json_object_object_get_ex(choice, "caps", &list);
        if (!by_caps && !json_object_object_get_ex(choice, "allow", &list))
            continue;
        const char *word = json_object_get_string(json_object_array_get_idx(list, 0));
        snprintf(ret_text, size, by_caps ? "--cap-add %s" : "--allow %s",
                 strncmp(word, "CAP_", 4) == 0 ? word + 4 : word);
        break;
    }
    json_object_put(profile);
}

/* ---- learn ----------------------------------------------------------------------------------------------------- */

static bool is_used(const char *name, const uint32_t *counts, size_t size) {
    int number = seccomp_syscall_resolve_name(name);
    return number >= 0 && (size_t)number < size && counts[number];
}

int mb_profile_write_used(const uint32_t *counts, size_t size, FILE *out, struct minibox_error *err) {
    struct json_object *profile = json_tokener_parse(mb_seccomp_default_json), *rules = NULL,
                       *kept = json_object_new_array();
    json_object_object_get_ex(profile, "syscalls", &rules);
    for (size_t i = 0; rules && i < json_object_array_length(rules); i++) {
        struct json_object *rule = json_object_array_get_idx(rules, i), *names = NULL, *used = json_object_new_array();
        json_object_object_get_ex(rule, "names", &names);
        for (size_t n = 0; names && n < json_object_array_length(names); n++) {
            struct json_object *name = json_object_array_get_idx(names, n);
            if (!is_allowed(rule) || is_used(json_object_get_string(name), counts, size))
                json_object_array_add(used, json_object_get(name));
        }
        if (json_object_array_length(used)) {
            json_object_object_add(rule, "names", used);
            json_object_array_add(kept, json_object_get(rule));
        } else {
            json_object_put(used);
        }
    }
    json_object_object_add(profile, "comment", json_object_new_string("What was used of minibox's default profile."));
    json_object_object_add(profile, "syscalls", kept);
    return mb_json_print(out, profile, err);
}
