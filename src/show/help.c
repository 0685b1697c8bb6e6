/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. All except the examples comes out of the tables of options and subcommands, so a new row is the whole
 * change. Names stand at the left, texts are wrapped into the column to their right; a name that is too long for its
 * column has a line of its own.
 */
#include <string.h>

#include "base/count.h"
#include "base/text.h"
#include "show/show.h"

enum { ABOUT_COLUMN = 28, COMMAND_ABOUT_COLUMN = 14 };

/* Readers copy the examples, so a test parses each of them. */
static const struct {
    const char *about, *words;
} examples[] = {
    {"a shell with busybox's tools, without network", "/bin/sh"},
    {"build in this directory with the host's tools and libraries", "--rootfs host -v .:rw -w . make"},
    {"run a program with limits", "-v ./judge:/judge --timeout 10s --ulimit as=512m /judge/program"},
    {"show what would be done, and do nothing", "--dry-run --network host wget http://example.org"},
};

static void print_option_help(FILE *out, const struct mb_option *row) {
    int column =
        row->letter ? fprintf(out, "  -%c, --%s", row->letter, row->name) : fprintf(out, "      --%s", row->name);
    if (row->argument)
        column += fprintf(out, row->bare ? "[=%s]" : " %s", row->argument);
    if (column > ABOUT_COLUMN - 2) {
        fputc('\n', out);
        column = 0;
    }
    mb_text_print_wrapped(out, row->about, ABOUT_COLUMN, column);
}

static void print_lists(FILE *out) {
    char names[MB_OPTION_COUNT * 32] = "";
    for (int i = 0; i < MB_OPTION_COUNT; i++) {
        size_t used = strlen(names);
        if (mb_options[i].list)
            snprintf(names + used, sizeof(names) - used, "%s --%s", used ? "," : "", mb_options[i].name);
    }
    fputc('\n', out);
    int column = fprintf(out, "May be repeated, each adds:");
    mb_text_print_wrapped(out, names, 2, column);
}

void mb_help_print_run(FILE *out) {
    fputs("Usage: minibox run [OPTION...] [--] COMMAND [ARGUMENT...]\n\n"
          "Runs COMMAND in a box: a private view of the system, safe by default. Options\n"
          "end at the first word that is not an option; what follows is the command's own.\n",
          out);
    for (int group = 0; group < MB_GROUP_COUNT; group++) {
        fprintf(out, "\n%s:\n", mb_option_groups[group]);
        for (int i = 0; i < MB_OPTION_COUNT; i++)
            if ((int)mb_options[i].group == group)
                print_option_help(out, &mb_options[i]);
    }
    print_lists(out);
    fputs("\nExamples:\n", out);
    for (size_t i = 0; i < MB_COUNT(examples); i++)
        fprintf(out, "  # %s\n  minibox run %s\n", examples[i].about, examples[i].words);
}

void mb_help_print(FILE *out, const struct mb_command *commands, size_t count) {
    fputs("minibox starts a command in a private view of the system.\n\n"
          "  minibox run [OPTIONS] [--] COMMAND [ARG...]\n\n",
          out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %-10s  %s\n", commands[i].name, commands[i].about);
    fputs("\nExit status: the command's; 128+N if signal N killed it; 124 time limit;\n"
          "125 minibox failed; 126 the command could not be executed; 127 not found.\n",
          out);
}

void mb_help_print_command(FILE *out, const struct mb_command *command) {
    const char *line = command->usage, *before = "Usage:";
    for (bool more = true; more; before = "") {
        int length = (int)strcspn(line, "\n");
        fprintf(out, "%6s minibox %s%s%.*s\n", before, command->name, length ? " " : "", length, line);
        more = line[length] != '\0';
        line += length + more;
    }
    fputc('\n', out);
    mb_text_print_wrapped(out, command->text, 0, 0);
    fputc('\n', out);
    for (size_t i = 0; i < MB_COMMAND_OPTIONS && command->options[i].name; i++) {
        int column = fprintf(out, "  %s", command->options[i].name);
        mb_text_print_wrapped(out, command->options[i].about, COMMAND_ABOUT_COLUMN, column);
    }
    int column = fprintf(out, "  --help");
    mb_text_print_wrapped(out, "print this", COMMAND_ABOUT_COLUMN, column);
}
