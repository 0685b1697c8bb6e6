/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. What a shell does with the words of minibox is a script in its own language, configs/completion/; a
 * line
 * "@commands@" or "@options@" in it becomes one row for each subcommand or option. What can be offered for a value
 * is the same list of words in all three. In the tables it is written "busybox|host|DIR": words, and in capitals kinds,
 * which become words here; the scripts themselves know what to do about FILE, DIR and LIST (words joined by commas).
 */
#include <ctype.h>
#include <string.h>
#include <sys/capability.h>

#include "show/show.h"

extern const char mb_completion_bash[], mb_completion_zsh[], mb_completion_fish[];

enum shell { BASH, ZSH, FISH, SHELLS };
static const char *const names[SHELLS] = {[BASH] = "bash", [ZSH] = "zsh", [FISH] = "fish"};

/* As part of a word in single quotes; `special` are bytes that take a backslash. */
static void print_quoted(FILE *out, const char *text, size_t length, const char *special) {
    for (size_t i = 0; i < length; i++)
        fprintf(out, text[i] == '\'' ? "'\\''" : strchr(special, text[i]) ? "\\%c" : "%c", text[i]);
}

static void print_capabilities(FILE *out) {
    fputs(" ALL", out);
    for (cap_value_t i = 0; i <= CAP_LAST_CAP; i++) {
        char *name = cap_to_name(i);
        if (name && strncmp(name, "cap_", 4) == 0) {
            fputc(' ', out);
            for (const char *c = name + 4; *c; c++)
                fputc(toupper((unsigned char)*c), out);
        }
        cap_free(name);
    }
}

static bool is_kind(const char *word, size_t length, const char *kind) {
    return strlen(kind) == length && memcmp(word, kind, length) == 0;
}

/* One word of a list, or what its kind stands for; other words in capitals are for people. A blank before each. */
static void print_value(FILE *out, const struct mb_option *row, const char *word, size_t length) {
    bool is_list = is_kind(word, length, "LIST"), is_join = is_kind(word, length, "NAMESPACE=");
    if (!isupper((unsigned char)word[0]) || is_list || is_kind(word, length, "FILE") || is_kind(word, length, "DIR"))
        fprintf(out, " %.*s", (int)length, word);
    if (is_kind(word, length, "CAP"))
        print_capabilities(out);
    for (size_t i = 0; is_kind(word, length, "LIMIT=") && mb_options_limit(i); i++)
        fprintf(out, " %s=", mb_options_limit(i));
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if ((is_join && mb_flags[i].joins) || is_kind(word, length, "ROW") ||
            (is_list && mb_flags_fit(&mb_flags[i], row == &mb_options[MB_OPTION_SHARE])))
            fprintf(out, " %s%s", mb_flags[i].name, is_join ? "=" : "");
}

static const char *values_of(const struct mb_option *row) {
    return row->values ? row->values : row->argument ? row->argument : "";
}

/* `row` is NULL for a subcommand. */
static void print_values(FILE *out, const struct mb_option *row, const char *values) {
    for (const char *word = values; word && *word; word += *word == '|') {
        size_t length = strcspn(word, "|");
        print_value(out, row, word, length);
        word += length;
    }
}

static void print_command(FILE *out, enum shell shell, const struct mb_command *command) {
    static const char *const before[] = {"        [%s]='", "        '%s:", "__minibox_command %s '"};
    static const char *const between[] = {"", "' '", "'"};
    fprintf(out, before[shell], command->name);
    if (shell != BASH)
        print_quoted(out, command->about, strlen(command->about), shell == ZSH ? "\\" : "");
    fputs(between[shell], out);
    print_values(out, NULL, command->values);
    fputs(shell == FISH ? "\n" : "'\n", out);
}

/* One spelling: a letter, or "-" and a name. What follows the first ";" of a text is detail, and too long for a list.
 */
static void print_zsh_option(FILE *out, const struct mb_option *row, const char *spelling, const char *assign) {
    fprintf(out, "        '%s-%s%s[", row->list ? "*" : "", spelling, assign);
    print_quoted(out, row->about, strcspn(row->about, ";"), "[]\\");
    fputs(assign[0] ? row->bare ? "]::" : "]:" : "]", out);
    if (assign[0]) {
        print_quoted(out, row->argument, strlen(row->argument), ":\\");
        fputs(": _minibox_value", out);
        print_values(out, row, values_of(row));
    }
    fputs("'\n", out);
}

static void print_option(FILE *out, enum shell shell, const struct mb_option *row) {
    char letter[] = {row->letter, '\0'}, name[64];
    snprintf(name, sizeof(name), "-%s", row->name);
    if (shell == ZSH) {
        if (letter[0])
            print_zsh_option(out, row, letter, row->bare ? "" : "+");
        print_zsh_option(out, row, name, !row->argument ? "" : row->bare ? "=-" : "=");
    } else if (shell == FISH) {
        const char *assign = !row->argument ? "" : row->bare ? "=?" : "="; /* as argparse has it */
        fprintf(out, "__minibox_option '%s' %s '%s' '", letter, row->name, assign);
        print_quoted(out, row->about, strcspn(row->about, ";"), "");
        fputc('\'', out);
        print_values(out, row, values_of(row));
        fputc('\n', out);
    } else
        for (const char *spelling = letter[0] ? letter : name; spelling; spelling = spelling == letter ? name : NULL) {
            fprintf(out, "        [-%s]='%s", spelling, row->bare ? "" : "=");
            print_values(out, row, values_of(row));
            fputs("'\n", out);
        }
}

int mb_completion_print(FILE *out, const char *shell, const struct mb_command *commands, size_t count,
                        struct minibox_error *err) {
    const char *const scripts[SHELLS] = {
        [BASH] = mb_completion_bash, [ZSH] = mb_completion_zsh, [FISH] = mb_completion_fish};
    enum shell is = BASH;
    while (is < SHELLS && (!shell || strcmp(names[is], shell) != 0))
        is++;
    if (is == SHELLS) {
        mb_error_usage(err, NULL, MB_REMEDY_NONE, shell ? "unknown shell" : "no shell given", shell, NULL);
        mb_error_remedy(err, "minibox completion %s, %s or %s", names[BASH], names[ZSH], names[FISH]);
        return -1;
    }
    for (const char *line = scripts[is]; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "@commands@\n", 11) == 0)
            for (size_t i = 0; i < count; i++)
                print_command(out, is, &commands[i]);
        else if (strncmp(line, "@options@\n", 10) == 0)
            for (int i = 0; i < MB_OPTION_COUNT; i++)
                print_option(out, is, &mb_options[i]);
        else
            fprintf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
    }
    return 0;
}
