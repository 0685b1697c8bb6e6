/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From sharing to isolating, a flag at a time: to CLONE_VM and CLONE_FILES come a host name of its own, numbers of its
 * own, mounts of its own. Each step is a child that says what it sees, and a parent that looks afterwards.
 *
 *     cc -o isolate isolate.c $(pkg-config --cflags --libs minibox)
 */
#define _GNU_SOURCE
#include <minibox/minibox.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* In shared memory: the child fills it in, the parent reads it. */
struct sight {
    uint64_t flags;
    char name[65];
    pid_t pid;
    dev_t tmp; /* the file system at /tmp */
};

static int look(void *argument) {
    struct sight *sight = argument;
    struct utsname system;
    struct stat st;
    /* Only what is isolated is changed: the rest is the caller's. */
    if ((sight->flags & CLONE_NEWUTS) && sethostname("isolated", strlen("isolated")))
        return 1;
    /* Mounts may be shared with the namespace that they were copied from: mount_namespaces(7). */
    if ((sight->flags & CLONE_NEWNS) &&
        (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", "/tmp", "tmpfs", 0, "size=64k")))
        return 2;
    if (uname(&system) || stat("/tmp", &st))
        return 3;
    memcpy(sight->name, system.nodename, sizeof(sight->name));
    sight->pid = getpid();
    sight->tmp = st.st_dev;
    return 0;
}

int main(void) {
    static const struct {
        const char *name;
        uint64_t flag;
    } steps[] = {{"VM, FILES", CLONE_VM | CLONE_FILES},
                 {"+ NEWUTS", CLONE_NEWUTS},
                 {"+ NEWPID", CLONE_NEWPID},
                 {"+ NEWNS", CLONE_NEWNS}};
    /* An ordinary user may make namespaces inside of one of the user's own. */
    uint64_t flags = SIGCHLD, own_user = geteuid() ? CLONE_NEWUSER : 0;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct minibox_child child;
        struct minibox_error err;
        struct utsname system;
        struct stat st;
        int status;
        flags |= steps[i].flag | (i ? own_user : 0);
        struct sight sight = {.flags = flags};
        if (minibox_clone(look, &sight, flags, 0, &child, &err)) {
            minibox_error_print(&err, stderr);
            return err.status;
        }
        pid_t pid = child.pid; /* as it is seen from here */
        if (minibox_clone_wait(&child, &status, &err) || status || uname(&system) || stat("/tmp", &st)) {
            fprintf(stderr, "%s: the child ended with status %#x\n", steps[i].name, (unsigned)status);
            return 1;
        }
        printf("%-10s host name: %s; pid: %s; mount on /tmp: %s\n", steps[i].name,
               strcmp(sight.name, system.nodename) ? sight.name : "the parent's",
               sight.pid == 1     ? "1"
               : sight.pid == pid ? "as outside"
                                  : "?",
               sight.tmp == st.st_dev ? "the parent's" : "its own");
    }
    return 0;
}
