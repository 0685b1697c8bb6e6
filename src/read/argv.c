/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. getopt_long(3) splits the words, by arrays that are built from the options table. Before it sees a
 * word, check_word() refuses words at which getopt would guess: abbreviated names, long names after one dash, and
 * values joined by "=" to a letter. So a word means one thing, and goes on meaning it when options are added. The words
 * are read twice: first for files of options, over which the words count wherever they stand, then for all else.
 *
 * What must stay true: the caller's array is neither changed nor kept, only its strings are kept. A process has one
 * state of getopt only: it is used under a lock and left as it was found.
 */
#include <ctype.h>
#include <getopt.h>
#include <pthread.h>
#include <string.h>

#include "base/count.h"
#include "base/text.h"
#include "read/read.h"

enum { LONG_BASE = 256 }; /* getopt's value of a long option is this plus its row; of a short one its letter */

static pthread_mutex_t getopt_lock = PTHREAD_MUTEX_INITIALIZER;

struct word_reader {
    struct minibox_spec *spec;
    int count;
    struct option longs[MB_OPTION_COUNT + 1]; /* the options table, as getopt_long() wants it */
    char shorts[2 * MB_OPTION_COUNT + 3];
    char **words; /* in the spec's arena; [0] stands for "run" and is NULL, so that an index is a position */
    struct minibox_error *err;
};

static struct mb_origin origin_of(struct word_reader *r, int id, int position) {
    const char *name = mb_arena_printf(&r->spec->arena, "--%s", mb_options[id].name);
    return (struct mb_origin){.kind = MB_ORIGIN_ARGV, .name = name, .line = position};
}

static int find_letter(int letter) {
    for (int i = 0; i < MB_OPTION_COUNT; i++)
        if (mb_options[i].letter && mb_options[i].letter == letter)
            return i;
    return -1;
}

/* The row whose name stands before the "=" of "name=value", or -1. */
static int find_name(const char *text) {
    size_t length = strcspn(text, "=");
    for (int i = 0; i < MB_OPTION_COUNT; i++)
        if (strlen(mb_options[i].name) == length && strncmp(mb_options[i].name, text, length) == 0)
            return i;
    return -1;
}

/* The long name nearest to "-name=value" or "--name=value", or NULL. */
static const char *suggest_name(const char *word) {
    char name[32];
    word += strspn(word, "-");
    size_t length = strcspn(word, "=");
    if (length >= sizeof(name))
        return NULL;
    memcpy(name, word, length);
    name[length] = '\0';
    return mb_options_suggest(name);
}

/* Options of docker(1), podman(1), bwrap(1) and systemd-nspawn(1), and minibox's way to the same end. */
static const struct {
    const char *names; /* letters are among them */
    const char *remedy;
} option_habits[] = {
    {"rm", "leave it out: nothing is left of a box"},
    {"i interactive", "leave it out: standard input is the command's (-t gives it a terminal)"},
    {"d detach", "minibox run ... </dev/null &"},
    {"read-only", "leave it out: the root is read-only; --rootfs DIR:rw, or DIR:overlay, is not"},
    {"D directory chroot", "--rootfs DIR"},
    {"x ephemeral", "--rootfs DIR:overlay"},
    {"ro-bind bind-ro", "-v SRC:DST"},
    {"bind mount overlay", "-v SRC:DST:rw (or :ro, or :overlay); --tmpfs DST"},
    {"dev-bind", "--device SRC:DST"},
    {"proc", "leave it out: every box has its own"},
    {"dev", "leave it out: every box has its own; or --device SRC"},
    {"shm-size", "--tmpfs /dev/shm:size=64m"},
    {"m memory", "systemd-run --scope -p MemoryMax=1G minibox run ...; or for each process: --ulimit as=1g"},
    {"cpus cpu-quota", "systemd-run --scope -p CPUQuota=50% minibox run ..."},
    {"pids-limit", "--ulimit nproc=100"},
    {"net share-net", "--network host, or --network none, which is the default"},
    {"p P publish publish-all", "--network host: a box has the host's network or none"},
    {"pid", "--share pid --die-with-launcher no; or --pid-file FILE"},
    {"ipc", "--share ipc"},
    {"uts", "--share uts"},
    {"cgroupns", "--share cgroup"},
    {"unshare-all unshare-user unshare-ipc unshare-pid unshare-net unshare-uts unshare-cgroup private-network",
     "leave it out: a box shares only what --share names"},
    {"privileged", "--cap-add, --seccomp off and --share, each by name"},
    {"security-opt", "--seccomp FILE"},
    {"entrypoint", "the command itself, after the options"},
    {"chdir pwd", "--workdir DIR"},
    {"setenv", "--env NAME=VALUE"},
    {"unsetenv clearenv", "leave it out: the environment is new (--env NAME passes one on)"},
    {"uid gid", "--user UID:GID"},
    {"new-session die-with-parent", "leave it out: every box does so"},
    {"as-pid-1", "--init no"},
    {"args", "--file FILE"},
};

/* The remedy for "-d" or "--detach", or NULL. A letter stands behind one dash, a name behind two. */
static const char *find_option_habit(const char *shown) {
    bool is_letter = shown[1] != '-';
    if (is_letter != (strlen(shown) == 2))
        return NULL;
    for (size_t i = 0; i < MB_COUNT(option_habits); i++)
        if (mb_text_has_word(option_habits[i].names, shown + (is_letter ? 1 : 2)))
            return option_habits[i].remedy;
    return NULL;
}

/* Shows `word` up to its "=", and suggests another. Returns -1. */
static int refuse_unknown(struct word_reader *r, const char *word, int position) {
    char shown[64]; /* short enough to leave room for the position in the error's origin */
    size_t length = strcspn(word, "=");
    if (length <= strspn(word, "-")) /* "--=x" */
        length = strlen(word);
    if (length >= sizeof(shown))
        length = sizeof(shown) - 1;
    memcpy(shown, word, length);
    shown[length] = '\0';
    struct mb_origin origin = {.kind = MB_ORIGIN_ARGV, .name = shown, .line = position};
    mb_error_usage(r->err, &origin, MB_REMEDY_HELP, "unknown option", shown, NULL);
    const char *habit = r->spec->command ? NULL : find_option_habit(shown), *near = suggest_name(word);
    if (habit)
        mb_error_remedy(r->err, "%s", habit);
    else if (near)
        mb_error_remedy(r->err, "did you mean --%s?", near);
    else if (r->spec->command) /* of a file of options */
        mb_error_remedy(r->err, "minibox run --help; or -- before the words for the file's command");
    return -1;
}

/* Says what is wrong with the use of option `id`, and how it is used. Returns -1. */
static int refuse_use(struct word_reader *r, int id, int position, const char *reason) {
    const struct mb_option *row = &mb_options[id];
    struct mb_origin origin = origin_of(r, id, position);
    mb_error_usage(r->err, &origin, MB_REMEDY_NONE, "option", origin.name, "%s", reason);
    if (!row->argument)
        mb_error_remedy(r->err, "%s", origin.name);
    else
        mb_error_remedy(r->err, row->bare ? "%s=%s" : "%s %s", origin.name, row->argument);
    return -1;
}

/* Refuses a word at which getopt would guess. */
static int check_word(struct word_reader *r, int position) {
    const char *word = r->words[position];
    if (word[0] != '-' || !word[1] || strcmp(word, "--") == 0)
        return 0;
    if (word[1] == '-')
        return find_name(word + 2) >= 0 ? 0 : refuse_unknown(r, word, position);
    /* "-env" would be -e with the value "nv", and "-t=no" the letters "t", "=", "n", "o". */
    if (word[2] && find_name(word + 1) >= 0)
        return refuse_unknown(r, word, position);
    int id = find_letter(word[1]);
    if (word[2] != '=' || id < 0)
        return 0;
    refuse_use(r, id, position, "a value after \"=\" needs the long name");
    if (mb_options[id].argument)
        mb_error_remedy(r->err, "--%s%s", mb_options[id].name, word + 2);
    return -1;
}

static void build_options(struct word_reader *r) {
    char *shorts = r->shorts;
    /* "+": getopt stops at the first word that is not an option, the command. ":": it prints nothing. */
    *shorts++ = '+';
    *shorts++ = ':';
    for (int i = 0; i < MB_OPTION_COUNT; i++) {
        const struct mb_option *row = &mb_options[i];
        int takes = no_argument;
        if (row->argument)
            takes = row->bare ? optional_argument : required_argument;
        r->longs[i] = (struct option){.name = row->name, .has_arg = takes, .val = LONG_BASE + i};
        if (!row->letter)
            continue;
        *shorts++ = row->letter;
        if (!row->bare) /* the letter of a bare option takes no value: "-tv" is -t and -v */
            *shorts++ = ':';
    }
    *shorts = '\0';
}

/* The row for getopt's return value, or for optopt. -1: none. */
static int row_of(int option) {
    return option >= LONG_BASE ? option - LONG_BASE : find_letter(option);
}

/* Getopt refused the option that is in optopt; it answered ":" if only the value is missing. Returns -1. */
static int refuse_answer(struct word_reader *r, int position, int answer) {
    int id = row_of(optopt);
    if (id >= 0)
        return refuse_use(r, id, position, answer == ':' ? "needs a value" : "takes no value");
    const char *word = r->words[position];
    char letter[] = {'-', (char)optopt, '\0'};
    /* The letter in a cluster is meant, unless the whole word is nearly a long name, or optopt is no letter. */
    bool whole = (word[2] && suggest_name(word)) || !isascii(letter[1]) || !isalnum((unsigned char)letter[1]);
    return refuse_unknown(r, whole ? word : letter, position);
}

/* Puts the command line's words behind those of a file of options. */
static int append_command(struct word_reader *r, char **words) {
    char *const *before = r->spec->command;
    size_t count = 0, more = 0;
    while (before && before[count])
        count++;
    while (words[more])
        more++;
    const char **all = mb_arena_alloc(&r->spec->arena, (count + more + 1) * sizeof(*all));
    if (!all)
        return mb_error_memory(r->err);
    for (size_t i = 0; i <= count + more; i++)
        all[i] = i < count ? before[i] : words[i - count];
    r->spec->command = (char *const *)(uintptr_t)all;
    return 0;
}

/* The words are read twice. */
enum pass {
    PASS_FILES,  /* for files of options, and for the report's file: the report tells what is wrong with the rest */
    PASS_OPTIONS /* for the other options and the command */
};

static int take_option(struct word_reader *r, enum pass pass, int id, int position) {
    const char *value = optarg ? optarg : mb_options[id].implied;
    bool is_first = id == MB_OPTION_FILE || id == MB_OPTION_REPORT;
    if (id == MB_OPTION_FILE && pass == PASS_FILES)
        return minibox_spec_parse_file(r->spec, value, r->err);
    if (id == MB_OPTION_FILE || (pass == PASS_FILES && !is_first))
        return 0;
    return mb_options_set(r->spec, (enum mb_option_id)id, value, origin_of(r, id, position), r->err);
}

static int take_command(struct word_reader *r) {
    char **command = r->words + optind;
    if (!command[0])
        return 0; /* --help needs none; otherwise mb_spec_check() refuses */
    struct mb_origin origin = {.kind = MB_ORIGIN_ARGV, .name = "the command", .line = optind};
    if (!command[0][0] && !r->spec->command)
        return mb_error_usage(r->err, &origin, MB_REMEDY_NO_COMMAND, "no command given", NULL, "the word is empty");
    return append_command(r, command);
}

static int parse_words(struct word_reader *r, enum pass pass) {
    optind = 0; /* glibc's getopt starts anew, whatever state an earlier caller left */
    for (;;) {
        int position = optind ? optind : 1;
        if (position < r->count && check_word(r, position))
            return -1;
        int answer = getopt_long(r->count, r->words, r->shorts, r->longs, NULL);
        if (answer == -1)
            return pass == PASS_OPTIONS ? take_command(r) : 0;
        if (answer == '?' || answer == ':')
            return refuse_answer(r, position, answer);
        if (take_option(r, pass, row_of(answer), position))
            return -1;
    }
}

int minibox_spec_parse_argv(struct minibox_spec *spec, int argc, char *const *argv, struct minibox_error *err) {
    struct word_reader r = {.spec = spec, .count = argc + 1, .err = err};
    r.words = mb_arena_alloc(&spec->arena, ((size_t)argc + 2) * sizeof(*r.words));
    if (!r.words)
        return mb_error_memory(err);
    for (int i = 0; i < argc; i++)
        r.words[i + 1] = argv[i];
    build_options(&r);

    pthread_mutex_lock(&getopt_lock);
    char *found_optarg = optarg;
    int found_optind = optind, found_opterr = opterr, found_optopt = optopt;
    int result = parse_words(&r, PASS_FILES);
    if (result == 0)
        result = parse_words(&r, PASS_OPTIONS);
    /* After an error inside of a cluster getopt still points into the word: it is made to forget that. */
    optind = 0;
    getopt(1, (char *[]){NULL, NULL}, "+:");
    optarg = found_optarg;
    optind = found_optind;
    opterr = found_opterr;
    optopt = found_optopt;
    pthread_mutex_unlock(&getopt_lock);
    return result;
}
