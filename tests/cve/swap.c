/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swap A B: exchanges two names, some ten thousand times a second, until it is killed or its parent ends; each is
 * always there. With a pause, since every rename on the system makes each walk of a confined path elsewhere start
 * again.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (argc == 3 && renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0)
        usleep(20);
    perror("renameat2");
    return 1;
}
