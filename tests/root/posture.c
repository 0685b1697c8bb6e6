/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What posture.py has done in a box. "keyring": print the number of the session keyring. "die N": end by signal N.
 */
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "keyring") == 0) {
        printf("keyring %ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "die") == 0 && argc > 2) {
        if (atoi(argv[2]) == SIGABRT)
            abort();
        if (atoi(argv[2]) == SIGPIPE) { /* as it comes about */
            int ends[2];
            if (pipe(ends) == 0 && close(ends[0]) == 0 && write(ends[1], "x", 1) < 0)
                return 99;
        }
        if (atoi(argv[2]) == SIGALRM)
            alarm(1), pause();
        raise(atoi(argv[2]));
        return 98;
    }
    return 2;
}
