/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The row of a subcommand has its options and the words that it takes; one loop reads the words for all
 * rows.
 *
 * What must stay true: a word that a row does not know is refused, and the nearest known one suggested; no word is
 * ignored.
 */
#include "read/command.h"

#include <string.h>

#include "base/count.h"
#include "base/text.h"

/* Subcommands of docker(1) and podman(1) that minibox lacks: why, and what to do instead. */
/* clang-format off */
static const struct {
    const char *names, *detail, *remedy;
} command_habits[] = {
    {"exec attach", "a running box takes no second command",
     "a box that shares namespaces with it: minibox run --join NAME=PID ..."},
    {"ps ls list top", "minibox keeps no list of boxes",
     "ps; or minibox run --pid-file FILE, which then holds the pid of a box's first process"},
    {"pull push login search", "minibox fetches no images",
     "unpack a root file system, and name its directory: minibox run --rootfs DIR"},
    {"images image rmi tag save load import export", "minibox keeps no images",
     "a directory that holds a root file system: minibox run --rootfs DIR"},
    {"build commit", "minibox builds no images",
     "change the directory that holds the root file system: minibox run --rootfs DIR:rw"},
    {"logs", "minibox keeps no output; it goes where the caller's goes",
     "minibox run --stdout FILE --stderr FILE"},
    {"stop kill rm restart pause", "minibox has no command for a running box",
     "kill PID, with the pid of the minibox that started it: it passes signals on"},
    {"create start", "a box is made and started in one step", "minibox run"},
};
/* clang-format on */

static int read_option(const struct mb_command *command, const struct mb_origin *origin, struct mb_call *call,
                       struct minibox_error *err) {
    static const char help[] = "--help";
    const char *names[MB_COMMAND_OPTIONS + 1];
    size_t count = 0;
    for (; count < MB_COMMAND_OPTIONS && command->options[count].name; count++) {
        names[count] = command->options[count].name;
        if (strcmp(names[count], origin->name) == 0) {
            call->given[count] = true;
            return 0;
        }
    }
    if (strcmp(origin->name, help) == 0) {
        call->help = true;
        return 0;
    }
    names[count++] = help;
    mb_error_usage(err, origin, MB_REMEDY_NONE, "unknown option", origin->name, NULL);
    mb_options_remedy_word(err, origin->name, names, count);
    return -1;
}

/* Whether one more word may follow `count` others, and whether it may be this one. */
static int check_command_word(const struct mb_command *command, int count, const struct mb_origin *origin,
                              struct minibox_error *err) {
    enum { MOST_NAMES = 64 };
    const char *names[MOST_NAMES];
    size_t name_count = 0;
    if (count == command->most) {
        mb_error_usage(err, origin, MB_REMEDY_NONE, "unknown word", origin->name, NULL);
        if (command->form == MB_COMMAND_BEHIND_DASHES && strcmp(origin->name, "run") == 0)
            mb_error_remedy(err, "minibox %s -- run ...", command->name);
        else
            mb_error_remedy(err, "minibox %s --help", command->name);
        return -1;
    }
    for (; command->name_of && name_count < MOST_NAMES && command->name_of(name_count); name_count++) {
        names[name_count] = command->name_of(name_count);
        if (strcmp(names[name_count], origin->name) == 0)
            return 0;
    }
    if (!command->name_of)
        return 0;
    char what[32];
    snprintf(what, sizeof(what), "unknown %s", command->word);
    mb_error_usage(err, origin, MB_REMEDY_NONE, what, origin->name, NULL);
    mb_options_remedy_word(err, origin->name, names, name_count);
    return -1;
}

int mb_command_read(const struct mb_command *command, int argc, char **argv, struct mb_call *ret_call,
                    struct minibox_error *err) {
    struct mb_call call = {.words = command->form == MB_COMMAND_BEHIND_DASHES ? NULL : argv};
    bool is_ended = command->form == MB_COMMAND_OWN;
    for (int i = 0; i < argc; i++) {
        const struct mb_origin origin = {.kind = MB_ORIGIN_ARGV, .name = argv[i], .line = i + 1};
        if (!is_ended && strcmp(argv[i], "--") == 0) {
            is_ended = true;
            if (command->form == MB_COMMAND_BEHIND_DASHES)
                call.words = argv + i + 1;
        } else if (!is_ended && argv[i][0] == '-') {
            if (read_option(command, &origin, &call, err))
                return -1;
        } else if (command->form == MB_COMMAND_WORDS || !is_ended) {
            if (check_command_word(command, call.count, &origin, err))
                return -1;
            argv[call.count++] = argv[i];
        } else {
            call.count++; /* the row's function reads it */
        }
    }
    *ret_call = call;
    return 0;
}

/* Tells what minibox has instead of a subcommand of docker's. False: docker has none of that name either. */
static bool explain_habit(const char *word, struct minibox_error *err) {
    for (size_t i = 0; i < MB_COUNT(command_habits); i++)
        if (mb_text_has_word(command_habits[i].names, word)) {
            snprintf(err->detail, sizeof(err->detail), "%s", command_habits[i].detail);
            mb_error_remedy(err, "%s", command_habits[i].remedy);
            return true;
        }
    return false;
}

int mb_command_refuse(const char *word, const struct mb_command *commands, size_t count, struct minibox_error *err) {
    enum { MOST_COMMANDS = 32 };
    static const char *const options[] = {"--help", "--version"};
    const char *names[MOST_COMMANDS];
    for (size_t i = 0; i < count && i < MOST_COMMANDS; i++)
        names[i] = commands[i].name;
    mb_error_usage(err, NULL, MB_REMEDY_NONE, word ? "unknown command" : "no command given", word, NULL);
    if (!word)
        mb_error_remedy(err, "minibox --help");
    else if (word[0] == '-')
        mb_options_remedy_word(err, word, options, MB_COUNT(options));
    else if (!explain_habit(word, err))
        mb_options_remedy_word(err, word, names, count < MOST_COMMANDS ? count : MOST_COMMANDS);
    return -1;
}
