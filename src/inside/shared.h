/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the launcher, the builder and init share: one sealed memory file. The launcher fills it before clone; the
 * builder and init read it and write how far they came. The command never has it: init closes the descriptor, and
 * execve drops the mapping. Offsets, not pointers: it is mapped at different addresses.
 */
#ifndef MB_INSIDE_SHARED_H
#define MB_INSIDE_SHARED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "box/process.h"

/* What the verifier compares. Names for messages: launch/report.c. */
enum mb_check {
    MB_CHECK_NONE,
    MB_CHECK_READ, /* the kernel could not be asked */
    MB_CHECK_UID,
    MB_CHECK_GID,
    MB_CHECK_GROUPS,
    MB_CHECK_CAP_INHERITABLE,
    MB_CHECK_CAP_PERMITTED,
    MB_CHECK_CAP_EFFECTIVE,
    MB_CHECK_CAP_BOUNDING,
    MB_CHECK_CAP_AMBIENT,
    MB_CHECK_SECUREBITS,
    MB_CHECK_NO_NEW_PRIVS,
    MB_CHECK_DUMPABLE,
    MB_CHECK_PERSONALITY,
    MB_CHECK_NAMESPACE,
    MB_CHECK_ID_MAP,
    MB_CHECK_HOSTNAME,
    MB_CHECK_MOUNT,       /* a planned mount is not there */
    MB_CHECK_MOUNT_FLAGS, /* it lacks a flag */
    MB_CHECK_EVERY_MOUNT, /* a mount lacks a flag that each must have */
    MB_CHECK_PROPAGATION, /* a mount that is shared or a slave */
    MB_CHECK_OLD_ROOT,    /* more than one mount at / */
    MB_CHECK_ROOT_OWNER,
    MB_CHECK_WORKDIR,
    MB_CHECK_UMASK,
    MB_CHECK_DESCRIPTORS,
    MB_CHECK_SESSION,
    MB_CHECK_SIGNALS,      /* a signal that is ignored */
    MB_CHECK_SIGNAL_MASK,  /* a signal that is blocked */
    MB_CHECK_DEATH_SIGNAL, /* the end of its parent would not end it */
    MB_CHECK_KEYRING,
    MB_CHECK_LIMIT,
    MB_CHECK_FILTER,
    MB_CHECK_COUNT
};

/*
 * In the tests' copy of launcher and init each check can be switched off, and some of what init does can be left out:
 * that shows that each check is needed (tests/inject/mutants.c). In what is released the macros leave no trace, which
 * tests/inject/product sees to.
 */
#ifdef MINIBOX_TEST_CHECKS
enum mb_leave_out {
    MB_LEAVE_DUMPABLE = 1 << 0,
    MB_LEAVE_PERSONALITY = 1 << 1,
    MB_LEAVE_SESSION = 1 << 2,
    MB_LEAVE_SIGNALS = 1 << 3,
    MB_LEAVE_SIGNAL_MASK = 1 << 4,
    MB_LEAVE_DEATH_SIGNAL = 1 << 5,
    MB_LEAVE_LIMITS = 1 << 6,
    MB_LEAVE_FILTER = 1 << 7,
    MB_LEAVE_OWN_FILTER = 1 << 8, /* init's own */
};
#define MB_CHECK_IS_OFF(shared, check) ((shared)->check_off == (uint32_t)(check))
#define MB_UNLESS_LEFT_OUT(shared, what, call) ((shared)->leave_out & (uint32_t)(what) ? 0 : (call))
#else
#define MB_CHECK_IS_OFF(shared, check) 0
#define MB_UNLESS_LEFT_OUT(shared, what, call) (call)
#endif

/*
 * The beginning of each filter: prctl(MB_SHARED_ASK), which is no operation of prctl(2), is answered with an errno of
 * minibox's own. So it is this filter that says that it is there; the kernel says only that there is some, which may be
 * a container's around.
 */
enum { MB_SHARED_ASK = 0x6d626f78, MB_SHARED_ANSWER = 1203, MB_SHARED_QUESTION_LENGTH = 5 };
#define MB_SHARED_QUESTION                                                                                             \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),                                             \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),                                                          \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),                                       \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MB_SHARED_ASK, 0, 1),                                                      \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | MB_SHARED_ANSWER)

/* Values of the futexes; 0: not yet. */
enum { MB_SHARED_GO = 1, MB_SHARED_STOP = 2 };

enum {
    MB_SHARED_TO_GROUP = 0x6d626f78
}; /* the value of a signal to init that is meant for the command's process group */

#define MB_SHARED_ABSENT UINT64_MAX /* the kernel has not what an optional step would hide */

struct mb_shared_mount {
    uint64_t id;         /* written by the builder: statx(2), stx_mnt_id */
    uint64_t attributes; /* MOUNT_ATTR_* that it must have */
};

struct mb_shared_limit {
    uint64_t soft, hard;
    int32_t resource;
    int32_t step; /* number of its step, for messages */
};

/* Descriptors that the box makes and sends to the launcher. */
enum mb_shared_descriptor { MB_SHARED_TERMINAL = 1, MB_SHARED_SYNC, MB_SHARED_LISTENER };

/* The file that a standard descriptor must be. */
struct mb_shared_stream {
    uint64_t inode;
    uint32_t device; /* its minor number, which is that of the file system */
    uint8_t is_known;
};

/* A difference that the verifier found. */
struct mb_verdict {
    uint32_t check; /* enum mb_check; 0: none */
    int32_t index;  /* of the mount, namespace or limit */
    int32_t number; /* errno, when something could not be read */
    uint64_t wanted, seen;
};

struct mb_shared {
    /* How far it came. The first three are futexes, futex(2). */
    _Atomic uint32_t gate;              /* the launcher says "go" to the builder, which waits */
    _Atomic uint32_t launcher_verified; /* by the launcher: the namespaces and id maps are as planned */
    _Atomic uint32_t init_verified;     /* by init: the mounts are as planned, or are not */
    uint32_t executing;                 /* the command's process has got as far as execve */
    int32_t failed_step;                /* number of the step, counted from 1; 0: none */
    int32_t failed_number;              /* errno */
    struct mb_verdict verdict;          /* what the verifier found, when it was that */
    int32_t found_candidate;            /* a candidate exists although execve says ENOENT */
    int32_t builder_pid;                /* in the launcher's pid namespace, where a joiner made it */
    int32_t command_pid;                /* in the box's pid namespace; the sender of the filter's listener needs it */
    _Atomic uint32_t listener;    /* futex; number of the filter's listener in the command's process; 0: not yet */
    _Atomic uint32_t sender_gone; /* init says that the sender of the listener has ended */
    uint32_t has_status;
    int32_t status;    /* the command's wait status */
    uint64_t peak_kib; /* of the largest process that init waited for: getrusage(2), ru_maxrss */

    /* Orders for init. */
    int32_t launcher_fd, sync_fd, proc_fd, lock_fd, notify_fd;            /* numbers of descriptors; -1: none */
    uint8_t trial;                                                        /* all but the execve */
    int32_t step_init, step_session, step_verify, step_filter, step_exec; /* numbers of the steps */

    /* What the kernel must say. */
    struct mb_process process;
    uint8_t own_root; /* the builder made / after it had taken these ids */
    uint32_t root_uid, root_gid;
    struct mb_shared_stream streams[3];

    /* Arrays behind this struct: offset in bytes, number of elements. */
    uint32_t mounts, mount_count;         /* struct mb_shared_mount */
    uint32_t limits, limit_count;         /* struct mb_shared_limit */
    uint32_t filter, filter_count;        /* struct sock_filter */
    uint32_t candidates, candidate_count; /* NUL-terminated strings one after the other */
    uint32_t workdir;                     /* string */
#ifdef MINIBOX_TEST_CHECKS
    uint32_t check_off; /* enum mb_check; 0: none */
    uint32_t leave_out; /* enum mb_leave_out */
#endif
};

static inline void *mb_shared_at(const struct mb_shared *shared, uint32_t offset) {
    return (char *)(uintptr_t)shared + offset;
}

static inline struct mb_shared_mount *mb_shared_mounts(const struct mb_shared *shared) {
    return mb_shared_at(shared, shared->mounts);
}

#endif
