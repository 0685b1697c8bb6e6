/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run in a box whose filter tells the launcher of refused calls. alone: says who else is in the box, in which there
 * should be nobody but init. flood: makes refused calls without end, in many processes. foreign: makes calls of another
 * architecture.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "alone";
    if (strcmp(what, "alone") == 0)
        for (int pid = 2; pid < 50; pid++)
            if (pid != getpid() && kill(pid, 0) == 0)
                printf("process %d\n", pid);
    if (strcmp(what, "flood") == 0) {
        for (int i = 0; i < 120; i++)
            if (fork() == 0)
                break;
        for (;;)
            syscall(SYS_keyctl, 0, 0, 0, 0, 0);
    }
#ifdef __x86_64__
    for (int i = 0; i < 3 && strcmp(what, "foreign") == 0; i++) {
        long result = 1;
        __asm__ volatile("int $0x80" : "+a"(result) : "b"(0) : "memory");
    }
#endif
    return 0;
}
