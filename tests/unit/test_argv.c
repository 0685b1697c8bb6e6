/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/count.h"
#include "show/show.h"

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Parses words that are followed by NULL, and checks that their array is left as it was. */
static int parse(struct minibox_spec *spec, const char *const *words, struct minibox_error *err) {
    int argc = 0;
    while (words[argc])
        argc++;
    char *argv[64];
    assert_in_range(argc, 0, 62);
    memcpy(argv, words, ((size_t)argc + 1) * sizeof(*argv));
    int result = minibox_spec_parse_argv(spec, argc, argv, err);
    assert_memory_equal(argv, words, ((size_t)argc + 1) * sizeof(*argv));
    memset(argv, 0, sizeof(argv)); /* the array itself must not be needed any more */
    return result;
}

static struct minibox_spec *parsed(const char *const *words) {
    struct minibox_spec *spec;
    struct minibox_error err;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    if (parse(spec, words, &err))
        fail_msg("%s \"%s\": %s", err.what, err.object, err.reason);
    return spec;
}

static void assert_command(const struct minibox_spec *spec, const char *const *words) {
    int i = 0;
    for (; words[i]; i++)
        assert_ptr_equal(spec->command[i], words[i]); /* kept, not copied */
    assert_null(spec->command[i]);
}

static void assert_origin(const struct minibox_spec *spec, enum mb_option_id id, const char *name, int position) {
    assert_int_equal(spec->origin[id].kind, MB_ORIGIN_ARGV);
    assert_string_equal(spec->origin[id].name, name);
    assert_int_equal(spec->origin[id].line, position);
}

static void test_command_alone(void **state) {
    (void)state;
    const char *const *words = WORDS("/bin/ls", "-l", "--hostname", "x", "--", "--help", "", "-t");
    struct minibox_spec *spec = parsed(words);
    assert_command(spec, words);
    assert_null(spec->hostname);
    assert_int_equal(spec->help, MB_NO);
    assert_int_equal(spec->tty, MB_AUTO);
    minibox_spec_free(spec);
}

static void test_options_then_command(void **state) {
    (void)state;
    const char *const *words = WORDS("--hostname", "one", "-v", "/a:/b:rw", "--tty", "sh", "-c", "echo --hostname two");
    struct minibox_spec *spec = parsed(words);
    assert_string_equal(spec->hostname, "one");
    assert_int_equal(spec->volume_count, 1);
    assert_string_equal(spec->volumes[0].source, "/a");
    assert_string_equal(spec->volumes[0].target, "/b");
    assert_int_equal(spec->volumes[0].access, MB_ACCESS_RW);
    assert_int_equal(spec->tty, MB_YES);
    assert_origin(spec, MB_OPTION_HOSTNAME, "--hostname", 1);
    assert_origin(spec, MB_OPTION_VOLUME, "--volume", 3);
    assert_string_equal(spec->volumes[0].origin.name, "--volume");
    assert_int_equal(spec->volumes[0].origin.line, 3);
    assert_origin(spec, MB_OPTION_TTY, "--tty", 5);
    assert_int_equal(spec->origin[MB_OPTION_USER].kind, MB_ORIGIN_DEFAULT);
    assert_command(spec, words + 5);
    minibox_spec_free(spec);
}

static void test_no_words_and_no_command(void **state) {
    (void)state;
    static const char *const none[] = {NULL};
    const char *const *cases[] = {none, WORDS("--"), WORDS("-t"), WORDS("--hostname", "x"),
                                  WORDS("--hostname=x", "--")};
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_spec *spec = parsed(cases[i]);
        struct minibox_error err;
        assert_null(spec->command);
        assert_int_equal(mb_spec_check(spec, &err), -1);
        assert_string_equal(err.what, "no command given");
        assert_string_equal(err.remedy, "minibox run /bin/sh");
        minibox_spec_free(spec);
    }
}

static void test_help_needs_no_command(void **state) {
    (void)state;
    const char *const *cases[] = {WORDS("--help"), WORDS("-h"), WORDS("-th"), WORDS("--hostname", "x", "--help", "sh")};
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_spec *spec = parsed(cases[i]);
        assert_int_equal(spec->help, MB_YES);
        minibox_spec_free(spec);
    }
}

static void test_two_dashes_end_the_options(void **state) {
    (void)state;
    const char *const *words = WORDS("-t", "--", "--hostname", "x", "--", "y");
    struct minibox_spec *spec = parsed(words);
    assert_command(spec, words + 2);
    assert_null(spec->hostname);
    minibox_spec_free(spec);
    words = WORDS("-", "-t"); /* one dash is a word like any other */
    spec = parsed(words);
    assert_command(spec, words);
    minibox_spec_free(spec);
}

static void test_bare_options(void **state) {
    (void)state;
    static const struct {
        const char *word;
        int tty;
    } cases[] = {{"--tty", MB_YES}, {"--tty=yes", MB_YES}, {"--tty=no", MB_NO}, {"-t", MB_YES}, {"--verbose", MB_AUTO}};
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        const char *const *words = WORDS(cases[i].word, "no"); /* the next word is never a bare option's value */
        struct minibox_spec *spec = parsed(words);
        assert_int_equal(spec->tty, cases[i].tty);
        assert_command(spec, words + 1);
        minibox_spec_free(spec);
    }
    struct minibox_spec *spec = parsed(WORDS("--dry-run", "--dry-run=json", "--verbose", "x"));
    assert_int_equal(spec->dry_run, MB_DRY_RUN_JSON);
    assert_int_equal(spec->verbose, MB_YES);
    assert_origin(spec, MB_OPTION_DRY_RUN, "--dry-run", 2);
    minibox_spec_free(spec);
}

/* Each option of the table in each of the ways in which it can be written. */
static void test_every_option_in_every_way(void **state) {
    (void)state;
    static const char *const values[MB_OPTION_COUNT] = {
        [MB_OPTION_ROOTFS] = "host",
        [MB_OPTION_VOLUME] = "/a",
        [MB_OPTION_TMPFS] = "/a",
        [MB_OPTION_DEVICE] = "/dev/fuse",
        [MB_OPTION_MASK] = "/a",
        [MB_OPTION_WORKDIR] = "/a",
        [MB_OPTION_ENV] = "A=1",
        [MB_OPTION_ENV_FILE] = "/dev/null",
        [MB_OPTION_TTY] = "no",
        [MB_OPTION_INIT] = "no",
        [MB_OPTION_STDIN] = "f",
        [MB_OPTION_STDOUT] = "f",
        [MB_OPTION_STDERR] = "f",
        [MB_OPTION_OUTPUT_LIMIT] = "1m",
        [MB_OPTION_PRESERVE_FDS] = "2",
        [MB_OPTION_USER] = "1",
        [MB_OPTION_USERNS] = "keep-id",
        [MB_OPTION_HOSTNAME] = "h",
        [MB_OPTION_CAP_ADD] = "CHOWN",
        [MB_OPTION_CAP_DROP] = "CHOWN",
        [MB_OPTION_SECCOMP] = "off",
        [MB_OPTION_ALLOW] = "suid",
        [MB_OPTION_ULIMIT] = "cpu=1",
        [MB_OPTION_NETWORK] = "host",
        [MB_OPTION_SHARE] = "ipc",
        [MB_OPTION_ISOLATE] = "ipc",
        [MB_OPTION_JOIN] = "net=1",
        [MB_OPTION_TIMEOUT] = "1s",
        [MB_OPTION_DIE_WITH_LAUNCHER] = "no",
        [MB_OPTION_NAME] = "n",
        [MB_OPTION_PID_FILE] = "p",
        [MB_OPTION_REPORT] = "r",
        [MB_OPTION_DRY_RUN] = "json",
        [MB_OPTION_VERBOSE] = "no",
        [MB_OPTION_HELP] = "yes",
    };
    for (int id = 0; id < MB_OPTION_COUNT; id++) {
        const struct mb_option *row = &mb_options[id];
        if (id == MB_OPTION_FILE) /* test_file.c has files */
            continue;
        assert_non_null(values[id]);
        char name[64], glued[96], letter[3] = {'-', row->letter, '\0'}, letter_glued[64];
        snprintf(name, sizeof(name), "--%s", row->name);
        snprintf(glued, sizeof(glued), "--%s=%s", row->name, values[id]);
        snprintf(letter_glued, sizeof(letter_glued), "-%c%s", row->letter, values[id]);
        const char *ways[][3] = {
            {row->argument ? glued : name, "end"},
            {name, row->bare ? "end" : values[id], "end"},
            {row->letter ? letter : name, row->bare ? "end" : values[id], "end"},
            {row->letter && !row->bare ? letter_glued : glued, "end"},
        };
        for (size_t way = 0; way < (row->argument ? MB_COUNT(ways) : 3); way++) {
            const char *const *words = WORDS("-t", ways[way][0], ways[way][1], ways[way][2]);
            struct minibox_spec *spec = parsed(words);
            assert_string_equal(spec->command[0], "end");
            assert_origin(spec, (enum mb_option_id)id, name, 2);
            minibox_spec_free(spec);
        }
    }
}

static void test_letters_cluster(void **state) {
    (void)state;
    static const char *const cases[][5] = {
        {"-t", "-v", "x", "sh"}, {"-tv", "x", "sh"}, {"-tvx", "sh"}, {"-ttt", "-vx", "--", "sh"}};
    static const int positions[] = {2, 1, 1, 2};
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_spec *spec = parsed(cases[i]);
        assert_int_equal(spec->tty, MB_YES);
        assert_int_equal(spec->volume_count, 1);
        assert_string_equal(spec->volumes[0].source, "x");
        assert_string_equal(spec->command[0], "sh");
        assert_origin(spec, MB_OPTION_VOLUME, "--volume", positions[i]);
        minibox_spec_free(spec);
    }
}

static void test_values_that_look_like_options(void **state) {
    (void)state;
    struct minibox_spec *spec = parsed(WORDS("--user", "--help", "-v", "--", "-e", "-t=1", "--name=a-b", "sh"));
    assert_string_equal(spec->user, "--help");
    assert_int_equal(spec->help, MB_NO);
    assert_string_equal(spec->volumes[0].source, "--");
    assert_string_equal(spec->env[0].name, "-t");
    assert_string_equal(spec->env[0].value, "1");
    assert_string_equal(spec->name, "a-b");
    minibox_spec_free(spec);
    spec = parsed(WORDS("--env=A=B=C", "sh"));
    assert_string_equal(spec->env[0].name, "A");
    assert_string_equal(spec->env[0].value, "B=C");
    minibox_spec_free(spec);
}

static void test_refusals(void **state) {
    (void)state;
    static const char help[] = "minibox run --help";
    static const struct {
        const char *words[5];
        const char *what, *object, *reason, *origin, *remedy;
    } cases[] = {
        {{"--hostnam", "x", "sh"},
         "unknown option",
         "--hostnam",
         "",
         "--hostnam (argument 1)",
         "did you mean --hostname?"},
        {{"-t", "--hostnmae=x", "sh"},
         "unknown option",
         "--hostnmae",
         "",
         "--hostnmae (argument 2)",
         "did you mean --hostname?"},
        {{"--host=x", "sh"}, "unknown option", "--host", "", "--host (argument 1)", "did you mean --hostname?"},
        {{"--vol", "/x", "sh"}, "unknown option", "--vol", "", "--vol (argument 1)", "did you mean --volume?"},
        {{"--hel"}, "unknown option", "--hel", "", "--hel (argument 1)", "did you mean --help?"},
        {{"--cap"}, "unknown option", "--cap", "", "--cap (argument 1)", "did you mean --cap-add?"},
        {{"--hostnam"}, "unknown option", "--hostnam", "", "--hostnam (argument 1)", "did you mean --hostname?"},
        {{"--Volume=/x", "sh"}, "unknown option", "--Volume", "", "--Volume (argument 1)", "did you mean --volume?"},
        {{"--zzzzzz", "sh"}, "unknown option", "--zzzzzz", "", "--zzzzzz (argument 1)", help},
        {{"--h", "sh"}, "unknown option", "--h", "", "--h (argument 1)", help},
        {{"--=x", "sh"}, "unknown option", "--=x", "", "--=x (argument 1)", help},
        {{"---", "sh"}, "unknown option", "---", "", "--- (argument 1)", help},
        {{"---tty", "sh"}, "unknown option", "---tty", "", "---tty (argument 1)", "did you mean --tty?"},
        {{"-hostname", "x", "sh"},
         "unknown option",
         "-hostname",
         "",
         "-hostname (argument 1)",
         "did you mean --hostname?"},
        {{"-hostnam", "x", "sh"},
         "unknown option",
         "-hostnam",
         "",
         "-hostnam (argument 1)",
         "did you mean --hostname?"},
        {{"-env", "A=1", "sh"}, "unknown option", "-env", "", "-env (argument 1)", "did you mean --env?"},
        {{"-tty=no", "sh"}, "unknown option", "-tty", "", "-tty (argument 1)", "did you mean --tty?"},
        {{"-rootfs=/", "sh"}, "unknown option", "-rootfs", "", "-rootfs (argument 1)", "did you mean --rootfs?"},
        {{"-z", "sh"}, "unknown option", "-z", "", "-z (argument 1)", help},
        {{"-tz", "sh"}, "unknown option", "-z", "", "-z (argument 1)", help},
        {{"-t-", "sh"}, "unknown option", "-t-", "", "-t- (argument 1)", help},
        {{"-t:", "sh"}, "unknown option", "-t:", "", "-t: (argument 1)", help},
        {{"-W", "help", "sh"}, "unknown option", "-W", "", "-W (argument 1)", help},
        {{"-\xc3\xa9", "sh"}, "unknown option", "-\xc3\xa9", "", "-\xc3\xa9 (argument 1)", help},
        {{"-\xff", "sh"}, "unknown option", "-\xff", "", "-\xff (argument 1)", help},
        {{"-t\n", "sh"}, "unknown option", "-t\n", "", "-t\n (argument 1)", help},
        {{"-t", "--hostname"}, "option", "--hostname", "needs a value", "--hostname (argument 2)", "--hostname NAME"},
        {{"-t", "-v"}, "option", "--volume", "needs a value", "--volume (argument 2)", "--volume SRC[:DST][:MODE]"},
        {{"-tv"}, "option", "--volume", "needs a value", "--volume (argument 1)", "--volume SRC[:DST][:MODE]"},
        {{"--help=yes", "sh"}, "option", "--help", "takes no value", "--help (argument 1)", "--help"},
        {{"-t=no", "sh"},
         "option",
         "--tty",
         "a value after \"=\" needs the long name",
         "--tty (argument 1)",
         "--tty=no"},
        {{"-v=/x", "sh"},
         "option",
         "--volume",
         "a value after \"=\" needs the long name",
         "--volume (argument 1)",
         "--volume=/x"},
        {{"-h=1", "sh"},
         "option",
         "--help",
         "a value after \"=\" needs the long name",
         "--help (argument 1)",
         "--help"},
        {{"-t", "--tty=maybe", "sh"}, "value of --tty", "maybe", "unknown", "--tty (argument 2)", "one of yes, no"},
        {{"--tty=", "sh"}, "value of --tty", "", "empty", "--tty (argument 1)", "one of yes, no"},
        {{"--hostname=", "sh"},
         "bad value for --hostname",
         "",
         "must be 1 to 64 letters, digits, \"-\" or \"_\", also in parts joined by single dots, the first no \"-\"",
         "--hostname (argument 1)",
         help},
        {{"--hostname", "", "sh"},
         "bad value for --hostname",
         "",
         "must be 1 to 64 letters, digits, \"-\" or \"_\", also in parts joined by single dots, the first no \"-\"",
         "--hostname (argument 1)",
         help},
        {{"-t", "-w", "/x", ""},
         "no command given",
         "",
         "the word is empty",
         "the command (argument 4)",
         "minibox run /bin/sh"},
        {{"--", ""}, "no command given", "", "the word is empty", "the command (argument 2)", "minibox run /bin/sh"},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_spec *spec;
        struct minibox_error err;
        assert_int_equal(minibox_spec_new(&spec, &err), 0);
        memset(&err, 0xff, sizeof(err));
        if (parse(spec, cases[i].words, &err) != -1)
            fail_msg("accepted: %s %s", cases[i].words[0], cases[i].words[1]);
        assert_string_equal(err.what, cases[i].what);
        assert_string_equal(err.object, cases[i].object);
        assert_string_equal(err.reason, cases[i].reason);
        assert_string_equal(err.origin, cases[i].origin);
        assert_string_equal(err.remedy, cases[i].remedy);
        assert_string_equal(err.detail, "");
        assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
        assert_int_equal(err.status, MINIBOX_EXIT_FAILED);
        assert_int_equal(err.step, 0);
        assert_null(spec->command);
        minibox_spec_free(spec);
    }
}

/* No part of a name is the name, be it the only one that begins so. */
static void test_no_abbreviation_is_taken(void **state) {
    (void)state;
    for (int id = 0; id < MB_OPTION_COUNT; id++)
        for (size_t length = 1; mb_options[id].name[length]; length++) {
            char word[64], glued[72];
            snprintf(word, sizeof(word), "--%.*s", (int)length, mb_options[id].name);
            snprintf(glued, sizeof(glued), "%s=x", word);
            if (mb_options_find(word + 2) >= 0)
                continue; /* "env" of "env-file" is a name, too */
            for (int way = 0; way < 2; way++) {
                struct minibox_spec *spec;
                struct minibox_error err;
                assert_int_equal(minibox_spec_new(&spec, &err), 0);
                assert_int_equal(parse(spec, WORDS(way ? glued : word, "x", "sh"), &err), -1);
                assert_string_equal(err.what, "unknown option");
                assert_string_equal(err.object, word);
                minibox_spec_free(spec);
            }
        }
}

static void test_letters_of_the_table(void **state) {
    (void)state;
    for (int i = 0; i < MB_OPTION_COUNT; i++) {
        char letter = mb_options[i].letter;
        assert_true(!letter || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'));
        for (int j = 0; letter && j < i; j++)
            assert_int_not_equal(letter, mb_options[j].letter);
        assert_in_range(strlen(mb_options[i].name), 2, 24);
        assert_int_equal(mb_options_find(mb_options[i].name), i); /* each name once */
    }
}

static void test_thousands_of_words(void **state) {
    (void)state;
    enum { OPTIONS = 3000, ARGUMENTS = 50000, WORDS_COUNT = 2 * OPTIONS + ARGUMENTS };
    char **words = calloc(WORDS_COUNT + 1, sizeof(*words));
    for (int i = 0; i < OPTIONS; i++) {
        words[2 * i] = strdup("-e");
        assert_true(asprintf(&words[2 * i + 1], "N%d=%d", i, i * i) > 0);
    }
    for (int i = 2 * OPTIONS; i < WORDS_COUNT; i++)
        assert_true(asprintf(&words[i], i == 2 * OPTIONS ? "sh" : "--volume=%d", i) > 0);
    struct minibox_spec *spec;
    struct minibox_error err;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    assert_int_equal(minibox_spec_parse_argv(spec, WORDS_COUNT, words, &err), 0);
    assert_int_equal(spec->env_count, OPTIONS);
    for (int i = 0; i < OPTIONS; i++) {
        char name[16], value[16];
        snprintf(name, sizeof(name), "N%d", i);
        snprintf(value, sizeof(value), "%d", i * i);
        assert_string_equal(spec->env[i].name, name);
        assert_string_equal(spec->env[i].value, value);
        assert_string_equal(spec->env[i].origin.name, "--env");
        assert_int_equal(spec->env[i].origin.line, 2 * i + 1);
    }
    assert_int_equal(spec->volume_count, 0);
    for (int i = 0; i <= ARGUMENTS; i++)
        assert_ptr_equal(spec->command[i], words[2 * OPTIONS + i]);
    minibox_spec_free(spec);
    for (int i = 0; i < WORDS_COUNT; i++)
        free(words[i]);
    free(words);
}

/* Whatever the words, one of two things happens: 0, or -1 with an error that can be printed. */
static void test_arbitrary_bytes(void **state) {
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        char bytes[4][12];
        const char *words[5] = {NULL};
        for (int i = 0; i < 4; i++) {
            size_t length = 0;
            for (; length < sizeof(bytes[i]) - 1; length++) {
                static const char likely[] = "--==tvweuhxsnoaml:;,/\\+W?";
                random = random * 1664525 + 1013904223;
                bytes[i][length] = random >> 31 ? (char)(random >> 20) : likely[(random >> 16) % (sizeof(likely) - 1)];
                if (!bytes[i][length])
                    break;
            }
            bytes[i][length] = '\0';
            if (round % 3 && !i)
                bytes[0][0] = '-';
            words[i] = bytes[i];
        }
        struct minibox_spec *spec;
        struct minibox_error err;
        assert_int_equal(minibox_spec_new(&spec, &err), 0);
        int result = parse(spec, words, &err);
        if (result == 0 && spec->command)
            assert_true(spec->command[0][0]);
        if (result) {
            assert_int_equal(result, -1);
            assert_true(err.what[0]);
            assert_int_equal(err.status, MINIBOX_EXIT_FAILED);
            assert_null(spec->command);
        }
        minibox_spec_free(spec);
    }
    char *huge = malloc(200001);
    memset(huge, 'x', 200000);
    memcpy(huge, "--", 2);
    huge[200000] = '\0';
    struct minibox_spec *spec;
    struct minibox_error err;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    assert_int_equal(parse(spec, WORDS(huge, "sh"), &err), -1);
    assert_memory_equal(err.object, "--xxxx", 6);
    assert_true(strstr(err.origin, " (argument 1)"));
    minibox_spec_free(spec);
    free(huge);
    static const char bytes[] = "\x01\xff\n\x1b[0m \"'";
    const char *const *words = WORDS("--pid-file", bytes, "-e", "\xfe=\x80", bytes, bytes);
    spec = parsed(words);
    assert_string_equal(spec->pid_file, bytes);
    assert_string_equal(spec->env[0].name, "\xfe");
    assert_string_equal(spec->env[0].value, "\x80");
    assert_command(spec, words + 4);
    minibox_spec_free(spec);
}

/* Nothing is printed, and a program's own use of getopt goes on as if nothing had been. */
static void test_getopt_is_left_as_found(void **state) {
    (void)state;
    char *own[] = {(char[]){"own"}, (char[]){"-a"}, (char[]){"-b"}, (char[]){"v"}, (char[]){"rest"}, NULL};
    struct minibox_spec *spec;
    struct minibox_error err;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    opterr = 1;
    optind = 1;
    assert_int_equal(getopt(5, own, "+ab:"), 'a');
    assert_int_equal(parse(spec, WORDS("-tzt", "sh"), &err), -1); /* ends inside of a cluster */
    assert_int_equal(opterr, 1);
    assert_int_equal(optind, 2);
    assert_int_equal(getopt(5, own, "+ab:"), 'b');
    assert_string_equal(optarg, "v");
    assert_int_equal(parse(spec, WORDS("--hostname", "x", "sh"), &err), 0);
    assert_string_equal(optarg, "v");
    assert_int_equal(getopt(5, own, "+ab:"), -1);
    assert_int_equal(optind, 4);
    minibox_spec_free(spec);
}

/* A program that calls from within a cluster of its own must not have the rest of it taken for our words. */
static void test_a_clusters_rest_is_not_ours(void **state) {
    (void)state;
    char *own[] = {(char[]){"own"}, (char[]){"-att"}, (char[]){"rest"}, NULL};
    optind = 0;
    assert_int_equal(getopt(3, own, "at"), 'a');
    struct minibox_spec *spec = parsed(WORDS("--hostname", "x", "sh"));
    assert_int_equal(spec->tty, MB_AUTO);
    assert_string_equal(spec->hostname, "x");
    assert_string_equal(spec->command[0], "sh");
    minibox_spec_free(spec);
}

static void *parse_in_thread(void *arg) {
    int thread = (int)(intptr_t)arg;
    for (int round = 0; round < 500; round++) {
        char host[32], volume[32], last[32];
        snprintf(host, sizeof(host), "h%d-%d", thread, round);
        snprintf(volume, sizeof(volume), "-tv/%d/%d", thread, round);
        snprintf(last, sizeof(last), "-%d", round);
        bool bad = round % 5 == 4;
        char unknown[] = "-tz",
             *argv[] = {(char[]){"--hostname"}, host, bad ? unknown : volume, (char[]){"sh"}, last, NULL};
        struct minibox_spec *spec;
        struct minibox_error err;
        if (minibox_spec_new(&spec, &err))
            return (void *)"new";
        int result = minibox_spec_parse_argv(spec, 5, argv, &err);
        const char *wrong = NULL;
        if (result != (bad ? -1 : 0) || (!bad && (!spec->hostname || strcmp(spec->hostname, host) != 0)))
            wrong = "hostname";
        else if (bad ? strcmp(err.object, "-z") != 0
                     : spec->volume_count != 1 || strcmp(spec->volumes[0].source, volume + 3) != 0)
            wrong = "volume or error";
        else if (!bad && (spec->command[0] != argv[3] || spec->command[1] != last || spec->command[2]))
            wrong = "command";
        minibox_spec_free(spec);
        if (wrong)
            return (void *)wrong;
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < MB_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parse_in_thread, (void *)(intptr_t)i), 0);
    for (size_t i = 0; i < MB_COUNT(threads); i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        if (wrong)
            fail_msg("thread %zu: %s", i, (const char *)wrong);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_alone),
        cmocka_unit_test(test_options_then_command),
        cmocka_unit_test(test_no_words_and_no_command),
        cmocka_unit_test(test_help_needs_no_command),
        cmocka_unit_test(test_two_dashes_end_the_options),
        cmocka_unit_test(test_bare_options),
        cmocka_unit_test(test_every_option_in_every_way),
        cmocka_unit_test(test_letters_cluster),
        cmocka_unit_test(test_values_that_look_like_options),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_abbreviation_is_taken),
        cmocka_unit_test(test_letters_of_the_table),
        cmocka_unit_test(test_thousands_of_words),
        cmocka_unit_test(test_arbitrary_bytes),
        cmocka_unit_test(test_getopt_is_left_as_found),
        cmocka_unit_test(test_a_clusters_rest_is_not_ours),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
