/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `minibox flags`: the flag model as a table, row by row in words, and as JSON. All of it comes out of the two tables
 * of kernel/flags.c, so a new row needs nothing here.
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

/* Prints what --share, --isolate and --join can do about a row. */
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

/* Prints the rules that name the row; a rule that one row needs another, only for the row that needs it. */
static void print_row_rules(FILE *out, const struct mb_flag *row) {
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
    print_row_rules(out, row);
    mb_text_print_wrapped(out, row->see, 12, fprintf(out, "  to see   "));
    if (row->flag)
        fprintf(out, "            minibox flags --observe %s\n", row->name);
    fputc('\n', out);
    mb_text_print_wrapped(out, row->text, 0, 0);
}

/* Adds the rules by which the kernel may refuse the row's flag. */
static void add_rules(struct mb_json_writer *writer, const struct mb_flag *row) {
    mb_json_begin_array(writer, "refused");
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        if (is_gone(row) || rule->flag != row->flag)
            continue;
        mb_json_begin_object(writer, NULL);
        mb_json_add_text(writer, rule->kind == MB_RULE_NEEDS ? "without" : "with", mb_flags_rule_other(rule));
        mb_json_add_text(writer, "why", rule->why);
        mb_json_end(writer);
    }
    mb_json_end(writer);
}

static void add_row(struct mb_json_writer *writer, const struct mb_flag *row) {
    mb_json_begin_object(writer, NULL);
    mb_json_add_text(writer, "name", row->name);
    mb_json_add_text(writer, "flag", row->symbol);
    mb_json_add_number(writer, "value", (int64_t)row->flag);
    mb_json_add_text(writer, "resource", row->about);
    mb_json_add_text(writer, "if_set", is_gone(row) ? NULL : effect_of(row));
    mb_json_add_flag(writer, "set_by_run", row->by_default);
    mb_json_add_flag(writer, "can_be_chosen", !row->unfit);
    mb_json_add_text(writer, "why_not", row->unfit);
    mb_json_add_flag(writer, "can_be_joined", row->joins);
    mb_json_add_text(writer, "since", row->since);
    mb_json_add_text(writer, "manual", row->manual);
    mb_json_add_text(writer, "text", row->text);
    mb_json_add_text(writer, "see", row->see);
    add_rules(writer, row);
    mb_json_end(writer);
}

int mb_flags_print_json(FILE *out, uint64_t rows, struct minibox_error *err) {
    struct mb_json_writer writer = {0};
    mb_json_begin_array(&writer, NULL);
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (rows >> i & 1)
            add_row(&writer, &mb_flags[i]);
    mb_json_end(&writer);
    return mb_json_finish(&writer, out, err);
}
