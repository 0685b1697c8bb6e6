/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same child with CLONE_VM and CLONE_FILES: it shares memory and descriptors. What it changes is changed for both.
 *
 *     cc -o share share.c $(pkg-config --cflags --libs minibox)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <minibox/minibox.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct things {
    int variable;
    int fd;
};

/* The buffers and locks of stdio are shared memory too, and the parent may be at them now: write(2), not printf(3). */
static int say(const char *text) {
    return write(STDOUT_FILENO, text, strlen(text)) < 0;
}

static int change(void *argument) {
    struct things *things = argument;
    things->variable = 42;
    close(things->fd);
    return say("child:  I have changed both\n");
}

int main(void) {
    struct things things = {.variable = 7, .fd = open("/proc/self/cmdline", O_RDONLY)};
    struct minibox_child child;
    struct minibox_error err;
    int status;
    char byte;

    printf("before: the variable is %d, the file %s\n", things.variable,
           read(things.fd, &byte, 1) == 1 ? "open" : "closed");
    fflush(stdout);

    if (minibox_clone(change, &things, CLONE_VM | CLONE_FILES | SIGCHLD, 0, &child, &err) ||
        minibox_clone_wait(&child, &status, &err)) {
        minibox_error_print(&err, stderr);
        return err.status;
    }
    printf("after:  the variable is %d, the file %s\n", things.variable,
           read(things.fd, &byte, 1) == 1 ? "open" : "closed");
    return status != 0;
}
