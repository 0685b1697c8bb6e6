/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process tree that does not want to end: the leader clears its parent-death signal and double-forks daemons, each in
 * a session of its own, deaf to every signal that can be ignored. Says "up" once they are there, then waits. Runs
 * inside a box; kill.py kills the launcher. Arguments: a token to be found by, and how the leader takes signals:
 * "deaf", "plain", or "tame", which also leaves the parent-death signal alone.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_deaf(void) {
    for (int signo = 1; signo < 65; signo++)
        signal(signo, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

static void make_daemon(void) {
    pid_t pid = fork();
    if (pid < 0)
        _exit(90);
    if (pid > 0) {
        waitpid(pid, NULL, 0);
        return;
    }
    setsid();
    if (fork() != 0)
        _exit(0);
    be_deaf();
    for (;;)
        pause();
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 91;
    if (strcmp(argv[2], "tame") != 0)
        prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    for (int i = 0; i < 3; i++)
        make_daemon();
    if (strcmp(argv[2], "deaf") == 0)
        be_deaf();
    if (write(1, "up\n", 3) != 3)
        return 92;
    for (;;)
        pause();
}
