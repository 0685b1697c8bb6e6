/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that calls clone. A stack made by hand can be given by its wrong end, have the wrong size or alignment,
 * or be freed too early. Here none of that happens: the stack is a mapping of its own, the child starts at its upper
 * end, below it lies a page that nobody may touch, and it is unmapped once the child is gone.
 *
 * An overflow is a fault on that page. The parent is to learn more than that its child died of SIGSEGV: so
 * minibox_clone() gives the child a handler, on a stack of its own, that compares the address of the fault, leaves a
 * note for the parent, and lets the child die. The note lies in memory that both see even if they share no other.
 */
#include "launch/clone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "kernel/flags.h"

enum { DEFAULT_STACK = 64 << 10, NOTE_SIZE = 64 << 10 };

/* The memory of parent and child. The rest of NOTE_SIZE is the stack of the child's handler. */
struct note {
    _Alignas(64) int (*fn)(void *);
    void *arg;
    uintptr_t low, page;    /* address and size of the page that nobody may touch */
    volatile bool overflow; /* the handler saw a fault there */
};

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

/* When the handler returns, the same fault comes again; SA_RESETHAND has removed the handler by then, so the child
 * dies. */
static void note_overflow(int signo, siginfo_t *info, void *context) {
    (void)context;
    stack_t own;
    if (sigaltstack(NULL, &own) == 0) {
        struct note *note = (struct note *)own.ss_sp - 1;
        note->overflow = info->si_code > 0 && (uintptr_t)info->si_addr - note->low < note->page;
    }
    if (info->si_code <= 0) /* somebody sent the signal: it would not come again */
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signo);
}

static int run_with_note(void *argument) {
    struct note *note = argument;
    stack_t own = {.ss_sp = note + 1, .ss_size = NOTE_SIZE - sizeof(*note)};
    struct sigaction action = {.sa_sigaction = note_overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    if (sigaltstack(&own, NULL) == 0)
        sigaction(SIGSEGV, &action, NULL);
    return note->fn(note->arg);
}

int minibox_clone(int (*fn)(void *), void *arg, uint64_t flags, size_t stack_size, struct minibox_child *ret_child,
                  struct minibox_error *err) {
    if (flags & CLONE_SIGHAND) /* the parent would get the handler too */
        return mb_clone(fn, arg, flags, stack_size, ret_child, err);
    struct note *note = mmap(NULL, NOTE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (note == MAP_FAILED) {
        *ret_child = (struct minibox_child){.pidfd = -1};
        return mb_error_memory(err);
    }
    *note = (struct note){.fn = fn, .arg = arg};
    if (mb_clone(run_with_note, note, flags, stack_size, ret_child, err)) {
        munmap(note, NOTE_SIZE);
        return -1;
    }
    ret_child->note = note;
    return 0;
}

static int refuse_flags(struct minibox_error *err, const char *what, const char *reason, const char *remedy) {
    mb_error_usage(err, NULL, MB_REMEDY_NONE, what, NULL, "%s", reason);
    mb_error_remedy(err, "%s", remedy);
    err->number = EINVAL;
    return -1;
}

int mb_clone(int (*fn)(void *), void *arg, uint64_t flags, size_t stack_size, struct minibox_child *ret_child,
             struct minibox_error *err) {
    *ret_child = (struct minibox_child){.pidfd = -1};
    if (mb_flags_check(flags, NULL, err))
        return -1;
    uint64_t unfit = flags & (CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID);
    if ((flags & CSIGNAL) > 64) /* in clone(2)'s flags the bit of CLONE_NEWTIME is a part of the signal's number */
        return refuse_flags(err, "no such exit signal",
                            flags & CLONE_NEWTIME ? "clone(2) does not know CLONE_NEWTIME" : "the low byte is above 64",
                            "a signal in the low byte; unshare(CLONE_NEWTIME) in the child");
    if (flags & CLONE_THREAD)
        return refuse_flags(err, "minibox_clone() cannot make a thread",
                            "a thread of the C library needs its own thread-local storage", "pthread_create(3)");
    if (unfit || flags > UINT32_MAX)
        return refuse_flags(err, "minibox_clone() cannot pass on", "flags that need further arguments",
                            "call clone(2) directly");
    if (make_stack(stack_size, ret_child) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot make a stack", NULL);
    if (fn == run_with_note) {
        struct note *note = arg;
        note->low = (uintptr_t)ret_child->stack;
        note->page = (uintptr_t)sysconf(_SC_PAGESIZE);
    }
    char *top = (char *)ret_child->stack + ret_child->stack_size; /* the stack grows down from a page's end */
    ret_child->pid = clone(fn, top, (int)(flags | CLONE_PIDFD), arg, &ret_child->pidfd);
    if (ret_child->pid >= 0)
        return 0;
    int number = errno;
    munmap(ret_child->stack, ret_child->stack_size);
    mb_error_host(err, NULL, MB_REMEDY_NONE, number, "cannot clone", NULL);
    *ret_child = (struct minibox_child){.pidfd = -1};
    return -1;
}

int mb_clone_status(const siginfo_t *info) {
    return info->si_code == CLD_EXITED ? info->si_status << 8
                                       : info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

int minibox_clone_wait(struct minibox_child *child, int *ret_status, struct minibox_error *err) {
    siginfo_t info = {0};
    while (waitid((idtype_t)P_PIDFD, (id_t)child->pidfd, &info, WEXITED | __WALL) < 0)
        if (errno != EINTR)
            return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot wait for the child", NULL);
    *ret_status = mb_clone_status(&info);
    size_t size = child->stack_size - (size_t)sysconf(_SC_PAGESIZE);
    const struct note *note = child->note;
    bool overflow = note && note->overflow && info.si_code != CLD_EXITED;
    close(child->pidfd);
    munmap(child->stack, child->stack_size);
    if (note)
        munmap(child->note, NOTE_SIZE);
    *child = (struct minibox_child){.pidfd = -1};
    if (!overflow)
        return 0;
    mb_error_host(err, NULL, MB_REMEDY_NONE, 0, "the child died of an overflow of its stack", NULL);
    err->phase = MINIBOX_PHASE_WAIT;
    snprintf(err->reason, sizeof(err->reason), "it had %zu KiB", size / 1024);
    mb_error_remedy(err, "give minibox_clone() a larger stack_size");
    return -1;
}
