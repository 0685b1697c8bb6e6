/* SPDX-License-Identifier: Apache-2.0 */
/* The command line tool: finds the subcommand, prints errors, and turns the outcome into an exit status. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "front/front.h"
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
    minibox_spec_free(spec);
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
    {"completion", "print a script for completion by bash, zsh or fish", "bash|zsh|fish", completion_main},
    {"help", "print this; also --help", NULL, help_main},
    {"version", "print the version; also --version", NULL, version_main},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int help_main(int argc, char **argv, int *ret_status, struct minibox_error *err) {
    (void)argc, (void)argv, (void)ret_status, (void)err;
    puts("minibox starts a command in a private view of the system.\n\n  minibox run [OPTIONS] [--] COMMAND [ARG...]\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s  %s\n", commands[i].name, commands[i].about);
    puts("\nResources that --share and --isolate name (what a box has of its own by default: *):\n");
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        mb_help_print_row(stdout, mb_flags[i].polarity == MB_FLAG_ISOLATES ? "*" : " ", mb_flags[i].name, mb_flags[i].about);
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

int main(int argc, char **argv) {
    struct minibox_error err = {0};
    int status = 0, result = -1;
    open_standard_descriptors();
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
