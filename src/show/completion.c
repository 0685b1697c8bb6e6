/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. configs/completion/ has a script for each shell, in the shell's own language; a line "@commands@" or
 * "@options@" in it becomes one row for each subcommand or option. The words that are offered for a value are the same
 * in all three. An option's row has them as words of a choice, or as a text "busybox|host|DIR". In that text capitals
 * are kinds of value, which become words here; but FILE, DIR and LIST (words joined by commas) are left to the scripts.
 */
#include <ctype.h>
#include <string.h>

#include "base/count.h"
#include "kernel/caps.h"
#include "kernel/limits.h"
#include "show/show.h"

extern const char mb_completion_bash[], mb_completion_zsh[], mb_completion_fish[];

enum shell { BASH, ZSH, FISH, SHELLS };
static const char *const names[SHELLS] = {[BASH] = "bash", [ZSH] = "zsh", [FISH] = "fish"};

const char *mb_completion_shell(size_t i) {
    return i < SHELLS ? names[i] : NULL;
}

/* Prints a part of a word in single quotes. The bytes in `special` get a backslash. */
static void print_quoted(FILE *out, const char *text, size_t length, const char *special) {
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'')
            fputs("'\\''", out);
        else
            fprintf(out, strchr(special, text[i]) ? "\\%c" : "%c", text[i]);
    }
}

/* ---- the words that are offered for a value, with a blank before each ------------------------------------------- */

static void offer_capabilities(FILE *out, const struct mb_option *row) {
    (void)row;
    fputs(" ALL", out);
    for (int cap = 0; cap < MB_CAP_COUNT; cap++)
        fprintf(out, " %s", mb_caps[cap]);
}

static void offer_limits(FILE *out, const struct mb_option *row) {
    (void)row;
    for (size_t i = 0; i < RLIM_NLIMITS; i++)
        fprintf(out, " %s=", mb_limits[i].name);
}

static void offer_namespaces(FILE *out, const struct mb_option *row) {
    (void)row;
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (mb_flags[i].joins)
            fprintf(out, " %s=", mb_flags[i].name);
}

static void offer_resources(FILE *out, const struct mb_option *row) {
    fputs(" LIST", out);
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (mb_flags_fit(&mb_flags[i], row == &mb_options[MB_OPTION_SHARE]))
            fprintf(out, " %s", mb_flags[i].name);
}

static const struct {
    const char *kind;
    void (*offer)(FILE *out, const struct mb_option *row);
} kinds[] = {
    {"CAP", offer_capabilities}, {"LIMIT=", offer_limits}, {"NAMESPACE=", offer_namespaces}, {"LIST", offer_resources}};

static void offer_word(FILE *out, const struct mb_option *row, const char *word, size_t length) {
    for (size_t i = 0; i < MB_COUNT(kinds); i++)
        if (strlen(kinds[i].kind) == length && memcmp(kinds[i].kind, word, length) == 0) {
            kinds[i].offer(out, row);
            return;
        }
    fprintf(out, " %.*s", (int)length, word);
}

static void offer_values(FILE *out, const struct mb_option *row) {
    for (const struct mb_word *word = row->argument ? row->words : NULL; word && word->word; word++)
        fprintf(out, " %s", word->word);
    for (const char *word = row->values; word && *word; word += *word == '|') {
        size_t length = strcspn(word, "|");
        offer_word(out, row, word, length);
        word += length;
    }
}

/* ---- rows of the scripts ----------------------------------------------------------------------------------------- */

/* Prints the words that may follow a subcommand. The scripts know those of a launch themselves. */
static void print_command_words(FILE *out, const struct mb_command *command) {
    if (command->form == MB_COMMAND_OWN)
        return;
    for (size_t i = 0; i < MB_COMMAND_OPTIONS && command->options[i].name; i++)
        fprintf(out, " %s", command->options[i].name);
    fputs(" --help", out);
    for (size_t i = 0; command->name_of && command->name_of(i); i++)
        fprintf(out, " %s", command->name_of(i));
    if (command->most && !command->name_of)
        fprintf(out, " %s", command->word);
}

static void print_command_row(FILE *out, enum shell shell, const struct mb_command *command) {
    static const char *const before[] = {"        [%s]='", "        '%s:", "__minibox_command %s '"};
    static const char *const between[] = {"", "' '", "'"};
    fprintf(out, before[shell], command->name);
    if (shell != BASH)
        print_quoted(out, command->about, strlen(command->about), shell == ZSH ? "\\" : "");
    fputs(between[shell], out);
    print_command_words(out, command);
    fputs(shell == FISH ? "\n" : "'\n", out);
}

/* Prints a row for one spelling: a letter, or "-" and a name. The text is cut at its first ";" to fit a list. */
static void print_zsh_spelling(FILE *out, const struct mb_option *row, const char *spelling, const char *assign) {
    fprintf(out, "        '%s-%s%s[", row->list ? "*" : "", spelling, assign);
    print_quoted(out, row->about, strcspn(row->about, ";"), "[]\\");
    fputc(']', out);
    if (assign[0] && row->argument) {
        fputs(row->bare ? "::" : ":", out);
        print_quoted(out, row->argument, strlen(row->argument), ":\\");
        fputs(": _minibox_value", out);
        offer_values(out, row);
    }
    fputs("'\n", out);
}

static void print_zsh_option(FILE *out, const struct mb_option *row, const char *letter, const char *name) {
    const char *assign = "";
    if (row->argument)
        assign = row->bare ? "=-" : "=";
    if (letter[0])
        print_zsh_spelling(out, row, letter, row->bare ? "" : "+");
    print_zsh_spelling(out, row, name, assign);
}

static void print_fish_option(FILE *out, const struct mb_option *row, const char *letter) {
    const char *assign = ""; /* of fish's argparse: whether the option takes a value */
    if (row->argument)
        assign = row->bare ? "=?" : "=";
    fprintf(out, "__minibox_option '%s' %s '%s' '", letter, row->name, assign);
    print_quoted(out, row->about, strcspn(row->about, ";"), "");
    fputc('\'', out);
    offer_values(out, row);
    fputc('\n', out);
}

static void print_bash_spelling(FILE *out, const struct mb_option *row, const char *spelling) {
    fprintf(out, "        [-%s]='%s", spelling, row->bare ? "" : "=");
    offer_values(out, row);
    fputs("'\n", out);
}

static void print_option_row(FILE *out, enum shell shell, const struct mb_option *row) {
    char letter[] = {row->letter, '\0'}, name[64];
    snprintf(name, sizeof(name), "-%s", row->name);
    switch (shell) {
    case BASH:
        if (letter[0])
            print_bash_spelling(out, row, letter);
        print_bash_spelling(out, row, name);
        break;
    case ZSH:
        print_zsh_option(out, row, letter, name);
        break;
    case FISH:
        print_fish_option(out, row, letter);
        break;
    case SHELLS:
        break;
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
                print_command_row(out, is, &commands[i]);
        else if (strncmp(line, "@options@\n", 10) == 0)
            for (int i = 0; i < MB_OPTION_COUNT; i++)
                print_option_row(out, is, &mb_options[i]);
        else
            fprintf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
    }
    return 0;
}
