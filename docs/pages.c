/* SPDX-License-Identifier: Apache-2.0 */
/*
 * man-pages IN.scd OUT.scd: copies a manual page, and puts one of minibox's tables, as scdoc(5), in place of a line
 * "@NAME@". So the lists in the manual are those of the program. It runs while minibox is built.
 */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/filter.h"
#include "spec/options.h"

/* Prints a text so that scdoc takes no byte of it for a mark. At the start of a line it knows more marks than inside.
 */
static void print_plain(FILE *out, const char *text) {
    for (const char *c = text; *c; c++)
        fprintf(out, strchr("\\*_<>`", *c) || (c == text && ispunct((unsigned char)*c)) ? "\\%c" : "%c", *c);
}

static void print_page_option(FILE *out, const struct mb_option *row) {
    if (row->letter)
        fprintf(out, "*-%c*, ", row->letter);
    fprintf(out, "*--%s*", row->name);
    if (row->argument) {
        fputs(row->bare ? "[=_" : " _", out);
        print_plain(out, row->argument);
        fputs(row->bare ? "_]" : "_", out);
    }
    fputs("\n\t", out);
    print_plain(out, row->about);
    fprintf(out, "%s%s\n\n", row->about[strlen(row->about) - 1] == '.' ? "" : ".",
            row->list ? " May be repeated; each adds." : "");
}

static void print_options(FILE *out) {
    for (int group = 0; group < MB_GROUP_COUNT; group++) {
        /* The words in brackets there refer to help. */
        fprintf(out, "## %.*s\n\n", (int)strcspn(mb_option_groups[group], "("), mb_option_groups[group]);
        for (int i = 0; i < MB_OPTION_COUNT; i++)
            if ((int)mb_options[i].group == group)
                print_page_option(out, &mb_options[i]);
    }
}

static void print_flag_table(FILE *out) {
    fputs("[[ *Row*\n:[ *Set, it*\n:[ *In a box*\n:[ *Choice*\n:< *What it is*\n", out);
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        const struct mb_flag *row = &mb_flags[i];
        if (!row->flag) /* CLONE_PID: the page itself tells what became of it */
            continue;
        bool is_shared = (row->polarity == MB_FLAG_SHARES) == row->by_default;
        fprintf(out, "|  %s\n:  %s\n:  %s\n:  %s%s\n:  ", row->name,
                row->polarity == MB_FLAG_SHARES ? "shares" : "isolates", is_shared ? "shared" : "its own",
                row->unfit  ? "_fixed_"
                : is_shared ? "isolate"
                            : "share",
                row->joins ? ", _join_" : "");
        print_plain(out, row->about);
        fputc('\n', out);
    }
}

static void print_fixed(FILE *out) {
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (mb_flags[i].unfit && mb_flags[i].flag) {
            fprintf(out, "- *%s*: ", mb_flags[i].name);
            print_plain(out, mb_flags[i].unfit);
            fputs(".\n", out);
        }
}

static void print_flag_rules(FILE *out) {
    static const char *const relations[] = {
        [MB_RULE_NOT_WITH] = "with", [MB_RULE_NEEDS] = "without", [MB_RULE_NOT_BY_INIT] = "asked for by"};
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        fprintf(out, "- *%s* %s *%s%s*: ", mb_flags_name(rule->flag), relations[rule->kind], mb_flags_rule_other(rule),
                rule->kind == MB_RULE_NOT_BY_INIT ? " of a pid namespace" : "");
        print_plain(out, rule->why);
        fputs(".\n", out);
    }
}

/* "allowed", or the name of the error. */
static const char *answer_of(struct json_object *action, struct json_object *error) {
    return strcmp(json_object_get_string(action), "SCMP_ACT_ALLOW") == 0 ? "allowed"
                                                                         : strerrorname_np(json_object_get_int(error));
}

static void print_call_rule(FILE *out, struct json_object *rule) {
    struct json_object *includes = json_object_object_get(rule, "includes"),
                       *names = json_object_object_get(rule, "names");
    struct json_object *caps = json_object_object_get(includes, "caps"),
                       *comment = json_object_object_get(rule, "comment");
    fprintf(out, "*%s*", answer_of(json_object_object_get(rule, "action"), json_object_object_get(rule, "errnoRet")));
    if (caps) {
        fputs(" with ", out);
        print_plain(out, json_object_get_string(json_object_array_get_idx(caps, 0)));
    }
    if (comment) {
        fputs(": ", out);
        print_plain(out, json_object_get_string(comment));
    }
    enum { WIDTH = 64 };
    fputs("\n\n```", out);
    for (size_t i = 0, column = WIDTH; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        bool fits = column + 1 + strlen(name) <= WIDTH;
        column = (fits ? column + 1 : 0) + strlen(name);
        fprintf(out, "%c%s", fits ? ' ' : '\n', name);
    }
    fputs("\n```\n\n", out);
}

/* Prints the default profile rule by rule; the rules' comments name the groups. The names of calls are printed as they
 * stand, since man(1) would hyphenate them. */
static void print_calls(FILE *out) {
    struct json_object *profile = json_tokener_parse(mb_seccomp_default_json),
                       *rules = json_object_object_get(profile, "syscalls");
    for (size_t i = 0; i < json_object_array_length(rules); i++)
        print_call_rule(out, json_object_array_get_idx(rules, i));
    fprintf(out, "*%s*: all others.\n",
            answer_of(json_object_object_get(profile, "defaultAction"),
                      json_object_object_get(profile, "defaultErrnoRet")));
    json_object_put(profile);
}

static const struct {
    const char *line;
    void (*print)(FILE *out);
} tables[] = {
    {"@options@\n", print_options},  {"@flags@\n", print_flag_table}, {"@fixed@\n", print_fixed},
    {"@rules@\n", print_flag_rules}, {"@calls@\n", print_calls},
};

int main(int argc, char **argv) {
    FILE *in = argc == 3 ? fopen(argv[1], "re") : NULL, *out = in ? fopen(argv[2], "we") : NULL;
    char line[4096];
    while (out && fgets(line, sizeof(line), in)) {
        size_t i = 0;
        while (i < sizeof(tables) / sizeof(tables[0]) && strcmp(tables[i].line, line) != 0)
            i++;
        if (i < sizeof(tables) / sizeof(tables[0]))
            tables[i].print(out);
        else
            fputs(line, out);
    }
    if (!out || ferror(in) || fclose(out)) {
        fprintf(stderr, "man-pages: cannot copy %s to %s: %s\n", argc > 1 ? argv[1] : "IN", argc > 2 ? argv[2] : "OUT",
                strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
