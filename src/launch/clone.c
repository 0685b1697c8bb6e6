/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that calls clone. What goes wrong with a stack made by hand - the wrong end, the wrong size, no
 * alignment, freed too early - cannot here: it is a mapping of its own, the child starts at its upper end, below it lies
 * a page that nobody may touch, and it is unmapped when the child is known to be gone.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "spec/flags.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { DEFAULT_STACK = 64 << 10 };

static int make_stack(size_t size, struct minibox_child *child) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size > SIZE_MAX / 2) {
        errno = ENOMEM;
        return -1;
    }
    size = ((size ? size : DEFAULT_STACK) + page - 1) / page * page + page;
    void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -1;
    if (mprotect(stack, page, PROT_NONE) < 0) {
        munmap(stack, size);
        return -1;
    }
    child->stack = stack;
    child->stack_size = size;
    return 0;
}

int minibox_clone(int (*fn)(void *), void *arg, uint64_t flags, size_t stack_size, struct minibox_child *ret_child,
                  struct minibox_error *err) {
    *ret_child = (struct minibox_child){.pidfd = -1};
    if (mb_flags_check(flags, NULL, err))
        return -1;
    uint64_t unfit = flags & (CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID);
    if ((flags & CSIGNAL) > 64) { /* CLONE_NEWTIME is one of clone3(2)'s flags: here its bit belongs to the signal's number */
        mb_error_usage(err, NULL, MB_REMEDY_NONE, "no such exit signal", NULL, "%d%s", (int)(flags & CSIGNAL),
                       flags & CLONE_NEWTIME ? ": clone(2) does not know CLONE_NEWTIME" : "");
        mb_error_remedy(err, "a signal in the low byte; unshare(CLONE_NEWTIME) in the child");
        err->number = EINVAL;
        return -1;
    }
    if (unfit || flags > INT32_MAX * UINT64_C(2) + 1) {
        mb_error_usage(err, NULL, MB_REMEDY_NONE, "minibox_clone() cannot give", NULL,
                       flags & CLONE_THREAD ? "CLONE_THREAD: a thread of the C library needs its own thread-local storage"
                                            : "flags that need further arguments");
        mb_error_remedy(err, "pthread_create(3)");
        err->number = EINVAL;
        return -1;
    }
    if (make_stack(stack_size, ret_child) < 0)
        return mb_error_memory(err);
    char *top = (char *)ret_child->stack + ret_child->stack_size; /* page-aligned, so 16-byte aligned; it grows down */
    ret_child->pid = clone(fn, top, (int)(flags | CLONE_PIDFD), arg, &ret_child->pidfd);
    if (ret_child->pid >= 0)
        return 0;
    int number = errno;
    munmap(ret_child->stack, ret_child->stack_size);
    mb_error_host(err, NULL, MB_REMEDY_NONE, number, "cannot clone", NULL);
    *ret_child = (struct minibox_child){.pidfd = -1};
    return -1;
}

int minibox_clone_wait(struct minibox_child *child, int *ret_status, struct minibox_error *err) {
    siginfo_t info = {0};
    while (waitid((idtype_t)P_PIDFD, (id_t)child->pidfd, &info, WEXITED | __WALL) < 0)
        if (errno != EINTR)
            return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot wait for the child", NULL);
    *ret_status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    close(child->pidfd);
    munmap(child->stack, child->stack_size);
    *child = (struct minibox_child){.pidfd = -1};
    return 0;
}
