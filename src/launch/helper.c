/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A child is cloned in the launcher's memory, with a pidfd, and executes the program before the launcher
 * goes on, as with posix_spawn(3), which would give no pidfd. With a pidfd a signal never reaches another process that
 * has got the same pid meanwhile.
 */
#include "launch/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/clone.h"

struct program {
    char *const *argv;
    int standard_error;
    int number; /* errno of why it could not be executed; 0: it was */
};

/* Runs in the launcher's memory, while the launcher sleeps. */
static int execute_program(void *argument) {
    struct program *program = argument;
    sigset_t none;
    sigemptyset(&none);
    if (dup2(program->standard_error, STDERR_FILENO) >= 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execvp(program->argv[0], program->argv);
    program->number = errno;
    _exit(127);
}

/* Reads until the program is dead. The pipe may end later, since a child that another thread forks has a copy of it. */
static int hear(const struct mb_wait *wait, int pidfd, int fd, char *text, size_t size) {
    size_t length = 0;
    for (;;) {
        char rest[256];
        struct pollfd fds[3] = {{pidfd, POLLIN, 0}, {fd, POLLIN, 0}};
        if (mb_wait_any(wait, fds, 2))
            return -1;
        if (!fds[1].revents)
            return 0;
        bool is_full = length + 1 >= size;
        ssize_t n = is_full ? read(fd, rest, sizeof(rest)) : read(fd, text + length, size - length - 1);
        if (n <= 0)
            fd = -1;
        else if (!is_full)
            text[length += (size_t)n] = '\0';
    }
}

int mb_helper_run(char *const *argv, const struct mb_origin *origin, enum mb_remedy missing, const struct mb_wait *wait,
                  char *ret_text, size_t size) {
    int ends[2], status = 0;
    struct minibox_child child;
    struct minibox_error ignored;
    ret_text[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) < 0)
        return mb_error_host(wait->err, origin, MB_REMEDY_NONE, errno, "cannot open", "a pipe");
    mb_autofd read_end = ends[0], write_end = ends[1];
    struct program program = {.argv = argv, .standard_error = write_end};
    if (mb_clone(execute_program, &program, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, &child, &ignored))
        return mb_error_host(wait->err, origin, MB_REMEDY_NONE, ignored.number, "cannot run", argv[0]);
    mb_fd_close(&write_end);
    int result = program.number ? 0 : hear(wait, child.pidfd, read_end, ret_text, size);
    if (result)
        syscall(SYS_pidfd_send_signal, child.pidfd, SIGKILL, NULL, 0);
    ret_text[strcspn(ret_text, "\n")] = '\0';
    int waited = minibox_clone_wait(&child, &status, &ignored);
    if (program.number)
        return mb_error_host(wait->err, origin, missing, program.number, "cannot run", argv[0]);
    if (waited && !result)
        return mb_error_host(wait->err, origin, MB_REMEDY_NONE, ignored.number, "cannot wait for", argv[0]);
    if (result)
        return -1;
    return status ? 1 : 0;
}
