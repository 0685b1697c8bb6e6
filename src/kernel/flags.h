/* SPDX-License-Identifier: Apache-2.0 */
/* The flag model: one row for each resource that the caller of clone(2) can share with its child or isolate from it. */
#ifndef MB_KERNEL_FLAGS_H
#define MB_KERNEL_FLAGS_H

#include "base/error.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* unshare(2), clone3(2); in clone(2)'s flags this bit is part of the exit signal */
#endif

enum mb_flag_id {
    MB_FLAG_VM,
    MB_FLAG_FILES,
    MB_FLAG_FS,
    MB_FLAG_SIGHAND,
    MB_FLAG_IO,
    MB_FLAG_SYSVSEM,
    MB_FLAG_VFORK,
    MB_FLAG_THREAD,
    MB_FLAG_PARENT,
    MB_FLAG_CLONE_PID, /* a flag that kernels had until 2.5.15; its row says what became of it */
    MB_FLAG_MNT,
    MB_FLAG_PID,
    MB_FLAG_UTS,
    MB_FLAG_NET,
    MB_FLAG_IPC,
    MB_FLAG_USER,
    MB_FLAG_CGROUP,
    MB_FLAG_TIME,
    MB_FLAG_COUNT,
    MB_FLAG_FIRST_NAMESPACE = MB_FLAG_MNT,
};

struct mb_flag {
    const char *name;                                   /* what the user types */
    const char *symbol;                                 /* "CLONE_VM" */
    uint64_t flag;                                      /* its value; 0: no kernel has it any more */
    enum { MB_FLAG_SHARES, MB_FLAG_ISOLATES } polarity; /* what the flag does when it is set */
    bool by_default;                                    /* whether `minibox run` sets it */
    bool joins;                                         /* --join can enter an existing one: setns(2) */
    const char *about;                                  /* the resource, in at most 28 characters */
    const char *since;                                  /* version of Linux */
    const char *manual;                                 /* where it is described */
    const char *text;                                   /* what is shared or isolated, and what follows from it */
    const char *see;                                    /* how it can be seen from outside of the child */
    const char *unfit; /* why a command in a box cannot have the other choice; NULL: it can */
};
extern const struct mb_flag mb_flags[MB_FLAG_COUNT];

/* A combination that the kernel refuses. */
struct mb_flag_rule {
    uint64_t flag; /* refused if it is set, and ... */
    enum mb_flag_rule_kind {
        MB_RULE_NOT_WITH,   /* ... `other` is set as well */
        MB_RULE_NEEDS,      /* ... `other` is clear */
        MB_RULE_NOT_BY_INIT /* ... the caller is process 1 of a pid namespace; `other` is 0 */
    } kind;
    uint64_t other;
    const char *why; /* continues "because" */
};
extern const struct mb_flag_rule mb_flag_rules[];
extern const size_t mb_flag_rule_count;

/* The row of that name, or -1. */
int mb_flags_find(const char *name);

/* The name of the row that has this one flag; "?" if none has. */
const char *mb_flags_name(uint64_t flag);

/* The names of all rows whose flags are set, with commas; "-" if there are none. */
void mb_flags_names(uint64_t flags, char *ret_text, size_t size);

/* The name of the other row in a rule, or "process 1". */
const char *mb_flags_rule_other(const struct mb_flag_rule *rule);

/* Whether a command in a box can have the resource shared (`share`), or else isolated. */
bool mb_flags_fit(const struct mb_flag *flag, bool share);

/* Whether the kernel accepts these flags together. 0, or -1 with the broken rule in *err. */
int mb_flags_check(uint64_t flags, const struct mb_origin *origin, struct minibox_error *err);

#endif
