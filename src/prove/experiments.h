/* SPDX-License-Identifier: Apache-2.0 */
/* The experiments of `minibox flags --observe`, a row for each. */
#ifndef MB_PROVE_EXPERIMENTS_H
#define MB_PROVE_EXPERIMENTS_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "kernel/flags.h"

/* The outcome of one child. The child, its observer and their ancestors share this memory. */
struct mb_outcome {
    const struct mb_experiment *experiment;
    bool with;                          /* the child is made with the experiment's flags */
    _Atomic uint32_t changed, finished; /* futexes: the child has done its part; the observer has looked */
    _Atomic uint64_t ended;             /* is_sleep: when the child was at its end; nanoseconds */
    long said;                          /* result of the change, or what the child saw itself */
    char said_path[200];
    int number; /* errno of the kernel's refusal; 0: it refused nothing */
    bool is_seen, is_shared;
    char text[200]; /* what the observer saw */
};

/* An observer's memory, which its child shares or has a copy of, at the same address. */
struct mb_observer {
    struct mb_outcome *outcome;
    struct minibox_child child;
    volatile int variable;
    int fd, pipe[2];
    unsigned char *pages;
    struct stat directory;    /* as it was first */
    uint64_t started, cloned; /* nanoseconds: when clone was called, and when it had returned */
};

/* A system call (its number, which is never 0 here, and arguments), or a function where one call is not enough. The
 * function too returns -errno on failure. */
struct mb_deed {
    long call[6];
    long (*function)(struct mb_observer *);
};

struct mb_experiment {
    const char *resource;
    uint64_t flags;                      /* of the child that is made with them */
    uint64_t also;                       /* of both children: flags that the kernel demands besides */
    struct mb_deed prepare;              /* by the observer */
    struct mb_deed change;               /* by the child */
    void (*read)(struct mb_observer *);  /* says what the observer sees, before and after; or ... */
    bool (*judge)(struct mb_observer *); /* ... says what it sees, and returns whether the resource was shared */
    const char *about;                   /* for `read` or `judge`: a path, or words to say */
    const char *whole;                   /* read: the words if all flags share; any other change is no clear answer */
    int kcmp;                            /* judge_by_kernel: what kcmp(2) compares */
    bool is_sleep;                       /* clone(2) itself waits for the child, so the observer does not */
};

extern const struct mb_experiment mb_experiments[];
extern const size_t mb_experiment_count;

/* Whether `result` is a refusal of the kernel (-errno). If so, notes it. */
static inline bool mb_experiment_refuses(struct mb_observer *o, long result) {
    if (result < 0 && !o->outcome->number)
        o->outcome->number = (int)-result;
    return result < 0;
}

#endif
