/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The default profile is copied rule by rule. A rule that allows keeps the names of the calls that were
 * used, and is left out if there are none; a rule that refuses stays whole. The default profile was compiled while
 * minibox was built, so its form needs no checks here.
 *
 * What must stay true: the default profile allows all that the result allows.
 */
#include "filter/learn.h"

#include <string.h>

#include "base/json.h"
#include "filter/filter.h"
#include "filter/profile.h"
#include "kernel/calls.h"

struct used {
    const uint32_t *counts;
    size_t size;
};

static bool is_used(const struct used *used, const char *name) {
    int number = mb_calls_find(name, MB_ARCH_NATIVE);
    return number >= 0 && (size_t)number < used->size && used->counts[number];
}

static size_t count_used(const struct used *used, const struct mb_json_node *names, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += is_used(used, mb_json_text_at(names, i));
    return count;
}

static void copy_names(struct mb_json_writer *writer, const struct used *used, const struct mb_json_node *names,
                       size_t length) {
    mb_json_begin_array(writer, "names");
    for (size_t i = 0; i < length; i++)
        if (is_used(used, mb_json_text_at(names, i)))
            mb_json_add_text(writer, NULL, mb_json_text_at(names, i));
    mb_json_end(writer);
}

static bool is_allowed(const struct mb_json_node *rule) {
    struct mb_json_node action = mb_json_member(rule, "action");
    const char *text = "";
    return mb_json_get_text(&action, &text) == 0 && strcmp(text, "SCMP_ACT_ALLOW") == 0;
}

static void copy_rule(struct mb_json_writer *writer, const struct used *used, const struct mb_json_node *rule) {
    struct mb_json_node names = mb_json_member(rule, "names");
    size_t length = json_object_array_length(names.value);
    if (!is_allowed(rule)) {
        mb_json_add_node(writer, NULL, rule);
        return;
    }
    if (!count_used(used, &names, length))
        return;
    mb_json_begin_object(writer, NULL);
    json_object_object_foreach(rule->value, key, value) {
        struct mb_json_node member = mb_json_member(rule, key);
        (void)value;
        if (strcmp(key, "names") == 0)
            copy_names(writer, used, &names, length);
        else
            mb_json_add_node(writer, key, &member);
    }
    mb_json_end(writer);
}

static void copy_rules(struct mb_json_writer *writer, const struct used *used, const struct mb_json_node *rules) {
    size_t count = json_object_array_length(rules->value);
    mb_json_begin_array(writer, "syscalls");
    for (size_t i = 0; i < count; i++) {
        struct mb_json_node rule = mb_json_element(rules, i);
        copy_rule(writer, used, &rule);
    }
    mb_json_end(writer);
}

static void copy_profile(struct mb_json_writer *writer, const struct used *used, const struct mb_json_node *profile) {
    mb_json_begin_object(writer, NULL);
    json_object_object_foreach(profile->value, key, value) {
        struct mb_json_node member = mb_json_member(profile, key);
        (void)value;
        if (strcmp(key, "comment") == 0)
            mb_json_add_text(writer, key, "What was used of minibox's default profile.");
        else if (strcmp(key, "syscalls") == 0)
            copy_rules(writer, used, &member);
        else
            mb_json_add_node(writer, key, &member);
    }
    mb_json_end(writer);
}

char *mb_learn_make(const uint32_t *counts, size_t size, struct minibox_error *err) {
    const struct used used = {counts, size};
    const struct mb_json_source source = mb_profile_source("the default profile", NULL, err);
    __attribute__((cleanup(mb_json_free))) struct mb_json_node profile = {.source = &source};
    struct mb_json_writer writer = {0};
    if (mb_json_parse(&source, mb_seccomp_default_json, &profile) < 0)
        return NULL;
    copy_profile(&writer, &used, &profile);
    return mb_json_finish_text(&writer, err);
}
