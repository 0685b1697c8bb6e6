/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line tool. It looks the subcommand up in its table, reads the words as the row says, calls the row's
 * function, prints errors, and turns the outcome into an exit status. A new subcommand is a row and its function: help,
 * completion and the tests read the table.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/count.h"
#include "base/error.h"
#include "filter/explain.h"
#include "filter/filter.h"
#include "filter/profile.h"
#include "kernel/caps.h"
#include "prove/check.h"
#include "prove/observe.h"
#include "run/run.h"
#include "show/show.h"

static int run_main(const struct mb_call *call, int *ret_status, struct minibox_error *err) {
    struct minibox_spec *spec;
    if (minibox_spec_new(&spec, err))
        return -1;
    int result = minibox_spec_parse_argv(spec, call->count, call->words, err);
    if (result == 0 && spec->help)
        mb_help_print_run(stdout);
    else if (result == 0)
        result = mb_run(spec, ret_status, err);
    else
        mb_run_refuse(spec, err);
    minibox_spec_free(spec);
    return result;
}

enum { FLAGS_OBSERVE, FLAGS_JSON };

static int flags_main(const struct mb_call *call, int *ret_status, struct minibox_error *err) {
    uint64_t rows = call->count ? 0 : (UINT64_C(1) << MB_FLAG_COUNT) - 1;
    for (int i = 0; i < call->count; i++)
        rows |= UINT64_C(1) << mb_flags_find(call->words[i]);
    if (call->given[FLAGS_OBSERVE])
        return mb_observe(rows, call->given[FLAGS_JSON], stdout, ret_status, err);
    if (call->given[FLAGS_JSON])
        return mb_flags_print_json(stdout, rows, err);
    if (call->count == 1)
        mb_flags_explain(stdout, (enum mb_flag_id)mb_flags_find(call->words[0]));
    else
        mb_flags_print(stdout, rows);
    return 0;
}

static const char *flag_name(size_t i) {
    return i < MB_FLAG_COUNT ? mb_flags[i].name : NULL;
}

enum { CHECK_JSON };

static int check_main(const struct mb_call *call, int *ret_status, struct minibox_error *err) {
    bool json = call->given[CHECK_JSON];
    if (!call->words)
        return mb_check(NULL, json, stdout, ret_status, err);
    struct minibox_spec *spec;
    int named = call->count && strcmp(call->words[0], "run") == 0; /* "run" may be left out */
    if (minibox_spec_new(&spec, err))
        return -1;
    int result = minibox_spec_parse_argv(spec, call->count - named, call->words + named, err);
    if (result == 0)
        result = mb_check(spec, json, stdout, ret_status, err);
    minibox_spec_free(spec);
    return result;
}

static int seccomp_main(const struct mb_call *call, int *ret_status, struct minibox_error *err) {
    (void)ret_status;
    const char *path = call->count ? call->words[0] : NULL;
    char *text = path ? mb_profile_read(path, NULL, err) : NULL;
    if (path && !text)
        return -1;
    struct mb_arena arena = {0};
    struct mb_filter filter;
    const char *profile = path ? text : mb_seccomp_default_json;
    int result = mb_profile_compile(&arena, profile, path ? path : "the default profile", 0, MB_SET_ID_REFUSED, NULL,
                                    &filter, err);
    if (result == 0)
        result = mb_explain_print(profile, stdout, err);
    mb_arena_free(&arena);
    free(text);
    return result;
}

static int completion_main(const struct mb_call *call, int *ret_status, struct minibox_error *err);
static int help_main(const struct mb_call *call, int *ret_status, struct minibox_error *err);
static const char *command_name(size_t i);

static int version_main(const struct mb_call *call, int *ret_status, struct minibox_error *err) {
    (void)call, (void)ret_status, (void)err;
    printf("minibox %s\n", minibox_version());
    return 0;
}

/* clang-format off */
static const struct mb_command commands[] = {
    {.name = "run", .about = "start a command in a box: minibox run --help",
     .form = MB_COMMAND_OWN, .main = run_main},
    {.name = "flags", .about = "what clone() can share or isolate, and proof: minibox flags --help",
     .usage = "[--json] [NAME...]\n--observe [--json] [NAME...]",
     .text = "Prints what each flag of clone(2) shares or isolates; of one NAME, all about it.",
     .options = {[FLAGS_OBSERVE] = {"--observe",
                     "make children with each flag and without, and print what their parent saw; the exit status is 0 "
                     "only if the table says the same"},
                 [FLAGS_JSON] = {"--json", "print JSON"}},
     .most = INT_MAX, .word = "resource", .name_of = flag_name, .main = flags_main},
    {.name = "check", .about = "what this host offers, found by trying: minibox check --help",
     .usage = "[--json] [-- run OPTION... COMMAND...]",
     .text = "Tries everything that boxes are made of, and prints of each whether it works here, what needs it, and "
             "how to get it. With the words of a launch: whether that launch would work. The exit status is 0 if a box "
             "can be made, else 1.",
     .options = {[CHECK_JSON] = {"--json", "print JSON"}},
     .form = MB_COMMAND_BEHIND_DASHES, .main = check_main},
    {.name = "seccomp", .about = "print what a system call profile permits",
     .usage = "[FILE]",
     .text = "Prints what a profile permits, in the order of its rules; without FILE, what minibox's own permits.",
     .most = 1, .word = "FILE", .main = seccomp_main},
    {.name = "completion", .about = "print a script for completion by bash, zsh or fish",
     .usage = "bash|zsh|fish",
     .text = "Prints a script that makes the shell complete the words of minibox.",
     .most = 1, .word = "shell", .name_of = mb_completion_shell, .main = completion_main},
    {.name = "help", .about = "print this; also --help",
     .usage = "[COMMAND]",
     .text = "Prints what minibox does, or how one of its commands is used.",
     .most = 1, .word = "command", .name_of = command_name, .main = help_main},
    {.name = "version", .about = "print the version; also --version",
     .usage = "",
     .text = "Prints the version.",
     .main = version_main},
};
/* clang-format on */
enum { COMMANDS = MB_COUNT(commands) };

static const char *command_name(size_t i) {
    return i < COMMANDS ? commands[i].name : NULL;
}

static const struct mb_command *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_command_help(const struct mb_command *command) {
    if (command->form == MB_COMMAND_OWN)
        mb_help_print_run(stdout);
    else
        mb_help_print_command(stdout, command);
}

static int help_main(const struct mb_call *call, int *ret_status, struct minibox_error *err) {
    (void)ret_status, (void)err;
    if (call->count)
        print_command_help(find_command(call->words[0]));
    else
        mb_help_print(stdout, commands, COMMANDS);
    return 0;
}

static int completion_main(const struct mb_call *call, int *ret_status, struct minibox_error *err) {
    (void)ret_status;
    return mb_completion_print(stdout, call->count ? call->words[0] : NULL, commands, COMMANDS, err);
}

/* Calls the subcommand that the words behind the program's name ask for. */
static int call_command(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    const char *name = argc ? argv[0] : NULL;
    if (name && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0))
        name = "help";
    if (name && (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0))
        name = "version";
    const struct mb_command *command = name ? find_command(name) : NULL;
    if (!command)
        return mb_command_refuse(name, commands, COMMANDS, err);
    struct mb_call call;
    if (mb_command_read(command, argc - 1, argv + 1, &call, err))
        return -1;
    if (!call.help)
        return command->main(&call, ret_status, err);
    print_command_help(command);
    return 0;
}

/* The next file that is opened would get the number of a closed standard descriptor, and be taken for it. */
static void open_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd) {
            fprintf(stderr, "minibox: cannot open /dev/null for descriptor %d: %s\n", fd, strerrordesc_np(errno));
            _exit(MINIBOX_EXIT_FAILED);
        }
}

/*
 * Whether minibox runs with privileges of its file's owner, group or capabilities: then every option that names a file
 * would reach files that the caller may not reach. AT_SECURE alone does not tell: a change of SELinux domain sets it
 * too.
 */
static bool has_borrowed_privilege(void) {
    uint64_t effective, permitted;
    if (getuid() != geteuid() || getgid() != getegid())
        return true;
    if (!getauxval(AT_SECURE) || getuid() == 0)
        return false;
    if (mb_caps_read(&effective, &permitted) < 0)
        return true;
    /* Ambient capabilities are the caller's: a file's own would have cleared them. */
    for (unsigned cap = 0; cap < 64; cap++)
        if (permitted >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 1)
            return true;
    return false;
}

int main(int argc, char **argv) {
    struct minibox_error err = {0};
    int status = 0;
    open_standard_descriptors();
    if (has_borrowed_privilege()) {
        fputs("minibox: refusing to run with privileges that are not its caller's\n"
              "  any user who may execute it could read and write all that its file's owner may\n"
              "  try: chmod ug-s on the file and setcap -r; an ordinary user needs neither\n",
              stderr);
        return MINIBOX_EXIT_FAILED;
    }
    int result = call_command(argc > 0 ? argc - 1 : 0, argv + 1, &status, &err);
    if (result) {
        char buffer[2048]; /* for one write instead of one for each part */
        setvbuf(stderr, buffer, _IOFBF, sizeof(buffer));
        minibox_error_print(&err, stderr);
        fflush(stderr);
        _exit(err.status); /* returning would leave stderr with a buffer that is gone */
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "minibox: cannot write to standard output: %s\n", strerrordesc_np(errno));
        return MINIBOX_EXIT_FAILED;
    }
    return status;
}
