/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child like fork()'s: it has copies. What it does to a variable and to a descriptor its parent does not see.
 *
 *     cc -o fork fork.c $(pkg-config --cflags --libs minibox)
 */
#include <fcntl.h>
#include <minibox/minibox.h>
#include <signal.h>
#include <unistd.h>

struct things {
    int variable;
    int fd;
};

static int change(void *argument) {
    struct things *things = argument;
    things->variable = 42;
    close(things->fd);
    return 0;
}

int main(void) {
    struct things things = {.variable = 7, .fd = open("/proc/self/cmdline", O_RDONLY)};
    struct minibox_child child;
    struct minibox_error err;
    int status;
    char byte;

    printf("before: the variable is %d, the file %s\n", things.variable,
           read(things.fd, &byte, 1) == 1 ? "open" : "closed");
    fflush(stdout); /* or the child, too, would have what is not written yet */

    /* No flag but the signal that tells of its end. */
    if (minibox_clone(change, &things, SIGCHLD, 0, &child, &err) || minibox_clone_wait(&child, &status, &err)) {
        minibox_error_print(&err, stderr);
        return err.status;
    }
    printf("after:  the variable is %d, the file %s\n", things.variable,
           read(things.fd, &byte, 1) == 1 ? "open" : "closed");
    return status != 0;
}
