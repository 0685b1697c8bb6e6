/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `minibox flags`: the flag model as a table, row by row in words, and as JSON. All of it comes out of the two tables
 * of kernel/flags.c; nothing is said here of a single row.
 */

#include "base/json.h"
#include "base/text.h"
#include "kernel/flags.h"
#include "show/show.h"

static bool is_gone(const struct mb_flag *row) {
    return !row->flag;
}

static const char *effect_of(const struct mb_flag *row) {
    if (is_gone(row))
        return "-";
    return row->polarity == MB_FLAG_SHARES ? "shares" : "isolates";
}

static const char *default_of(const struct mb_flag *row) {
    if (is_gone(row))
        return "-";
    return row->by_default ? "set" : "clear";
}

static const char *choice_of(const struct mb_flag *row) {
    if (is_gone(row))
        return "-";
    if (row->unfit)
        return "fixed";
    return row->joins ? "free, join" : "free";
}

void mb_flags_print(FILE *out, uint64_t rows) {
    static const char form[] = "%-10s %-15s %-8s %-5s %-10s %s\n";
    fprintf(out, form, "NAME", "FLAG", "IF SET", "RUN", "CHOICE", "RESOURCE");
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        const struct mb_flag *row = &mb_flags[i];
        if (rows >> i & 1)
            fprintf(out, form, row->name, row->symbol, effect_of(row), default_of(row), choice_of(row), row->about);
    }
    fputs("\nRUN: what `minibox run` does with the flag. CHOICE: whether --share, --isolate\n"
          "and --join can choose otherwise. `minibox flags NAME` explains a row; `minibox\n"
          "flags --observe` shows what each flag does on this kernel.\n",
          out);
}

/* What --share, --isolate and --join can do about a row. */
static void print_choice(FILE *out, const struct mb_flag *row) {
    bool is_shared = row->by_default == (row->polarity == MB_FLAG_SHARES);
    if (row->unfit) {
        mb_text_print_wrapped(out, row->unfit, 12, fprintf(out, "  fixed    "));
        return;
    }
    fprintf(out, "  choose    --%s %s", is_shared ? "isolate" : "share", row->name);
    if (row->joins)
        fprintf(out, ", --join %s\n            (--join %s=PID or --join %s=FILE enters an existing one)", row->name,
                row->name, row->name);
    fputc('\n', out);
}

/* The rules that name the row. That one row needs another is said of the one that needs it only. */
static void print_rules(FILE *out, const struct mb_flag *row) {
    static const char *const relations[] = {
        [MB_RULE_NOT_WITH] = "not with", [MB_RULE_NEEDS] = "needs", [MB_RULE_NOT_BY_INIT] = "not by"};
    for (size_t i = 0; i < mb_flag_rule_count && !is_gone(row); i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        const char *other = mb_flags_rule_other(rule);
        if (rule->kind == MB_RULE_NOT_WITH && rule->other == row->flag)
            other = mb_flags_name(rule->flag);
        else if (rule->flag != row->flag)
            continue;
        mb_text_print_wrapped(out, rule->why, 12, fprintf(out, "  %-9s %s:", relations[rule->kind], other));
    }
}

void mb_flags_explain(FILE *out, enum mb_flag_id id) {
    const struct mb_flag *row = &mb_flags[id];
    fprintf(out, "%s: %s\n\n", row->name, row->about);
    fprintf(out, "  flag      %s", row->symbol);
    if (row->flag)
        fprintf(out, ", 0x%08llx", (unsigned long long)row->flag);
    fprintf(out, "; Linux %s; %s\n", row->since, row->manual);
    if (row->flag)
        fprintf(out, "  if set    %s; `minibox run` %s it\n", row->polarity == MB_FLAG_SHARES ? "shared" : "isolated",
                row->by_default ? "sets" : "clears");
    print_choice(out, row);
    print_rules(out, row);
    mb_text_print_wrapped(out, row->see, 12, fprintf(out, "  to see   "));
    if (row->flag)
        fprintf(out, "            minibox flags --observe %s\n", row->name);
    fputc('\n', out);
    mb_text_print_wrapped(out, row->text, 0, 0);
}

static void add_text(struct json_object *object, const char *key, const char *text) {
    json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

/* The rules of a row whose flag they refuse. */
static struct json_object *rules_of(const struct mb_flag *row) {
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        if (is_gone(row) || rule->flag != row->flag)
            continue;
        struct json_object *entry = json_object_new_object();
        add_text(entry, rule->kind == MB_RULE_NEEDS ? "without" : "with", mb_flags_rule_other(rule));
        add_text(entry, "why", rule->why);
        json_object_array_add(list, entry);
    }
    return list;
}

int mb_flags_print_json(FILE *out, uint64_t rows, struct minibox_error *err) {
    struct json_object *document = json_object_new_array();
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        const struct mb_flag *row = &mb_flags[i];
        if (!(rows >> i & 1))
            continue;
        struct json_object *item = json_object_new_object();
        add_text(item, "name", row->name);
        add_text(item, "flag", row->symbol);
        json_object_object_add(item, "value", json_object_new_int64((int64_t)row->flag));
        add_text(item, "resource", row->about);
        add_text(item, "if_set", is_gone(row) ? NULL : effect_of(row));
        json_object_object_add(item, "set_by_run", json_object_new_boolean(row->by_default));
        json_object_object_add(item, "can_be_chosen", json_object_new_boolean(!row->unfit));
        add_text(item, "why_not", row->unfit);
        json_object_object_add(item, "can_be_joined", json_object_new_boolean(row->joins));
        add_text(item, "since", row->since);
        add_text(item, "manual", row->manual);
        add_text(item, "text", row->text);
        add_text(item, "see", row->see);
        json_object_object_add(item, "refused", rules_of(row));
        json_object_array_add(document, item);
    }
    return mb_json_print(out, document, err);
}
