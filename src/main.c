/* SPDX-License-Identifier: Apache-2.0 */
/* The command line tool: finds the subcommand, prints errors, and turns the outcome into an exit status. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "show/show.h"
#include "filter/explain.h"
#include "filter/filter.h"
#include "filter/profile.h"
#include "prove/check.h"
#include "prove/observe.h"
#include "run/run.h"

static int run_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    struct minibox_spec *spec;
    if (minibox_spec_new(&spec, err))
        return -1;
    int result = minibox_spec_parse_argv(spec, argc, argv, err);
    if (result == 0 && spec->help)
        mb_help_print_run(stdout);
    else if (result == 0)
        result = mb_run(spec, ret_status, err);
    else
        mb_run_refuse(spec, err);
    minibox_spec_free(spec);
    return result;
}

/* Neither an option nor the name of a row. Returns -1. */
static int refuse_word(const char *word, int position, const char *const *options, size_t count, bool is_flags,
                       struct minibox_error *err) {
    struct mb_origin origin = {.kind = MB_ORIGIN_ARGV, .name = word, .line = position};
    const char *names[MB_FLAG_COUNT], *near;
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        names[i] = mb_flags[i].name;
    bool is_option = word[0] == '-';
    near = is_option  ? mb_text_suggest(word, options, count)
           : is_flags ? mb_text_suggest(word, names, MB_FLAG_COUNT)
                      : NULL;
    mb_error_usage(err, &origin, MB_REMEDY_NONE,
                   is_option  ? "unknown option"
                   : is_flags ? "unknown resource"
                              : "unknown word",
                   word, NULL);
    if (near)
        mb_error_remedy(err, "did you mean %s?", near);
    else
        mb_error_remedy(err, is_flags ? "minibox flags prints the names; minibox flags --help" : "minibox --help");
    return -1;
}

/* flags [--json] [NAME...], flags --observe [--json] [NAME...] */
static int flags_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    static const char *const options[] = {"--observe", "--json", "--help"};
    bool given[3] = {false};
    int named = 0, last = 0;
    uint64_t rows = 0;
    for (int i = 0; i < argc; i++) {
        int id = mb_flags_find(argv[i]), option = 0;
        while (option < 3 && strcmp(options[option], argv[i]) != 0)
            option++;
        if (option < 3) {
            given[option] = true;
        } else if (id >= 0) {
            rows |= UINT64_C(1) << id;
            named++, last = id;
        } else {
            return refuse_word(argv[i], i + 1, options, sizeof(options) / sizeof(options[0]), true, err);
        }
    }
    if (given[2]) {
        puts("Usage: minibox flags [--json] [NAME...]\n       minibox flags --observe [--json] [NAME...]\n\n"
             "Prints what each flag of clone(2) shares or isolates; of one NAME, all about it.\n"
             "--observe makes children with each flag and without, and prints what their parent\n"
             "saw; the exit status is 0 only if that is what the table says.");
        return 0;
    }
    if (!named)
        rows = (UINT64_C(1) << MB_FLAG_COUNT) - 1;
    if (given[0])
        return mb_observe(rows, given[1], stdout, ret_status, err);
    if (given[1])
        return mb_flags_print_json(stdout, rows, err);
    if (named == 1)
        mb_flags_explain(stdout, (enum mb_flag_id)last);
    else
        mb_flags_print(stdout, rows);
    return 0;
}

/* check [--json] [-- run OPTIONS COMMAND...] */
static int check_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    static const char *const options[] = {"--json", "--help"};
    bool json = argc > 0 && strcmp(argv[0], options[0]) == 0;
    int i = json;
    if (i < argc && strcmp(argv[i], options[1]) == 0) {
        puts("Usage: minibox check [--json] [-- run OPTION... COMMAND...]\n\n"
             "Tries what boxes are made of, and says of each whether it works here, what it is\n"
             "for, and what to do. With the words of a launch: whether that would work. The\n"
             "exit status is 0 if a box can be made, else 1.");
        return 0;
    }
    if (i == argc)
        return mb_check(NULL, json, stdout, ret_status, err);
    if (strcmp(argv[i], "--") != 0) {
        refuse_word(argv[i], i + 1, options, sizeof(options) / sizeof(options[0]), false, err);
        if (strcmp(argv[i], "run") == 0)
            mb_error_remedy(err, "minibox check -- run ...");
        return -1;
    }
    struct minibox_spec *spec;
    i += 1 + (i + 1 < argc && strcmp(argv[i + 1], "run") == 0);
    if (minibox_spec_new(&spec, err))
        return -1;
    int result = minibox_spec_parse_argv(spec, argc - i, argv + i, err);
    if (result == 0)
        result = mb_check(spec, json, stdout, ret_status, err);
    minibox_spec_free(spec);
    return result;
}

/* seccomp [FILE] */
static int seccomp_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    static const char *const options[] = {"--help"};
    (void)ret_status;
    if (argc && strcmp(argv[0], options[0]) == 0) {
        puts("Usage: minibox seccomp [FILE]\n\nPrints what a profile permits, in the order of its rules; of minibox's "
             "own without FILE.");
        return 0;
    }
    if (argc > 1 || (argc && argv[0][0] == '-'))
        return refuse_word(argv[argc > 1], 1 + (argc > 1), options, 1, false, err);
    char *text = argc ? mb_profile_read(argv[0], NULL, err) : NULL;
    if (argc && !text)
        return -1;
    struct mb_arena arena = {0};
    struct mb_filter filter;
    const char *profile = argc ? text : mb_seccomp_default_json;
    int result =
        mb_profile_compile(&arena, profile, argc ? argv[0] : "the default profile", 0, false, NULL, &filter, err);
    if (result == 0)
        result = mb_explain_print(profile, stdout, err);
    mb_arena_free(&arena);
    free(text);
    return result;
}

static int help_main(int argc, char **argv, int *ret_status, struct minibox_error *err);

static int version_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    (void)argc, (void)argv, (void)ret_status, (void)err;
    printf("minibox %s\n", minibox_version());
    return 0;
}

static int completion_main(int argc, char **argv, int *ret_status, struct minibox_error *err);

static const struct mb_command commands[] = {
    {"run", "start a command in a box: minibox run --help", NULL, run_main},
    {"flags", "what clone() can share or isolate, and proof: minibox flags --help", "--observe|--json|--help|ROW",
     flags_main},
    {"check", "what this host offers, found by trying: minibox check --help", "--json|--help", check_main},
    {"seccomp", "print what a system call profile permits", "FILE", seccomp_main},
    {"completion", "print a script for completion by bash, zsh or fish", "bash|zsh|fish", completion_main},
    {"help", "print this; also --help", NULL, help_main},
    {"version", "print the version; also --version", NULL, version_main},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int help_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    char option[] = "--help", *words[] = {option, NULL};
    for (int i = 0; argc && commands[i].main != completion_main; i++) /* from there on none has an own */
        if (strcmp(commands[i].name, argv[0]) == 0)
            return commands[i].main(1, words, ret_status, err);
    puts(
        "minibox starts a command in a private view of the system.\n\n  minibox run [OPTIONS] [--] COMMAND [ARG...]\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s  %s\n", commands[i].name, commands[i].about);
    puts("\nExit status: the command's; 128+N if signal N killed it; 124 time limit;\n"
         "125 minibox failed; 126 the command could not be executed; 127 not found.");
    return 0;
}

static int completion_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    (void)ret_status;
    if (argc > 1)
        return mb_error_usage(err, NULL, MB_REMEDY_NONE, "unexpected word", argv[1], NULL);
    return mb_completion_print(stdout, argc ? argv[0] : NULL, commands, COMMANDS, err);
}

/* A closed standard descriptor would be given to the next thing that is opened. */
static void open_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd) {
            fprintf(stderr, "minibox: cannot open /dev/null for descriptor %d: %s\n", fd, strerrordesc_np(errno));
            _exit(MINIBOX_EXIT_FAILED);
        }
}

/*
 * Whether the file's owner, group or capabilities are at work here and not the caller's: then every option that names a
 * file would reach what the caller may not. AT_SECURE alone does not say so: a change of SELinux domain sets it too.
 */
static bool has_borrowed_privilege(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (getuid() != geteuid() || getgid() != getegid())
        return true;
    if (!getauxval(AT_SECURE) || getuid() == 0)
        return false;
    if (syscall(SYS_capget, &header, data) < 0)
        return true;
    for (unsigned cap = 0; cap < 64;
         cap++) /* the ambient ones are the caller's: a file's own would have cleared them */
        if (data[cap / 32].permitted >> cap % 32 & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 1)
            return true;
    return false;
}

int main(int argc, char **argv) {
    struct minibox_error err = {0};
    int status = 0, result = -1;
    open_standard_descriptors();
    if (has_borrowed_privilege()) {
        fputs("minibox: refusing to run with privileges that are not its caller's\n"
              "  whoever may execute it could read and write what the owner of its file, or of the effective ids, may\n"
              "  try: chmod ug-s on the file and setcap -r; an ordinary user needs neither\n",
              stderr);
        return MINIBOX_EXIT_FAILED;
    }
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    int i = 0;
    while (i < COMMANDS && strcmp(commands[i].name, name) != 0)
        i++;
    if (i < COMMANDS) {
        result = commands[i].main(argc - 2, argv + 2, &status, &err);
    } else {
        mb_error_usage(&err, NULL, MB_REMEDY_NONE, name[0] ? "unknown command" : "no command given", name, NULL);
        mb_error_remedy(&err, name[0] && name[0] != '-' ? "minibox run %s, or minibox --help" : "minibox --help", name);
    }
    if (result) {
        char buffer[2048]; /* one write, not one for each part */
        setvbuf(stderr, buffer, _IOFBF, sizeof(buffer));
        minibox_error_print(&err, stderr);
        fflush(stderr);
        _exit(err.status); /* the buffer ends here */
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "minibox: cannot write to standard output: %s\n", strerrordesc_np(errno));
        return MINIBOX_EXIT_FAILED;
    }
    return status;
}
