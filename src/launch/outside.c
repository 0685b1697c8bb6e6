/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces and id maps are the launcher's to compare, since it is idle: init says when it is there (before, the
 * builder may be closed to an ordinary user's launcher) and looks at the mounts meanwhile; the command's process waits
 * for the result. For the box's own process each look at a namespace would cost as much as a mount.
 */
#include "launch/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "launch/report.h"

struct outside {
    const struct mb_plan *plan;
    struct mb_shared *shared;
    struct minibox_error *err;
};

/* Returns -1. A box that has failed meanwhile is ending: it cannot be asked, or seems to be in no namespace. Then why
 * it failed is what is wrong. */
static int cannot_ask(struct outside *o) {
    int number = errno;
    if (o->shared->failed_step)
        return mb_report_shared(o->plan, o->shared, o->err);
    return mb_report_step(o->plan, mb_plan_find(o->plan, MB_STEP_VERIFY), number, o->err);
}

/* Returns -1. */
static int fail_check(struct outside *o, enum mb_check check, int index, uint64_t wanted, uint64_t seen) {
    if (o->shared->failed_step) /* as above */
        return mb_report_shared(o->plan, o->shared, o->err);
    o->shared->verdict = (struct mb_verdict){check, index, 0, wanted, seen};
    o->shared->failed_number = EPROTO;
    o->shared->failed_step = (int32_t)(mb_plan_find(o->plan, MB_STEP_VERIFY) - o->plan->steps) + 1;
    return mb_report_shared(o->plan, o->shared, o->err);
}

enum { NAMESPACE_NAME = 32 };

static int open_namespaces(const char *process) {
    char path[32];
    snprintf(path, sizeof(path), "/proc/%s/ns", process);
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* What the link says names the namespace ("net:[4026531840]"), and costs half of what following it does. "": the kernel
 * has none of this kind. */
static int read_namespace(struct outside *o, int folder, const char *name, char *ret_text) {
    ssize_t length = readlinkat(folder, name, ret_text, NAMESPACE_NAME - 1);
    if (length < 0 && errno != ENOENT)
        return cannot_ask(o);
    ret_text[length > 0 ? length : 0] = '\0';
    return 0;
}

static uint64_t inode_in(const char *text) {
    const char *bracket = strchr(text, '[');
    return bracket ? strtoull(bracket + 1, NULL, 10) : 0;
}

static int verify_namespaces(struct outside *o, const char *process) {
    mb_autofd own_folder = open_namespaces("self"), box_folder = open_namespaces(process);
    if (own_folder < 0 || box_folder < 0)
        return cannot_ask(o);
    for (int i = MB_FLAG_FIRST_NAMESPACE; i < MB_FLAG_COUNT; i++) {
        char own_text[NAMESPACE_NAME], box_text[NAMESPACE_NAME];
        /* init's own time namespace is that of its children, since Linux 6.3; it is they who matter. */
        const char *in_box = i == MB_FLAG_TIME && o->plan->init ? "time_for_children" : mb_flags[i].name;
        if (read_namespace(o, own_folder, mb_flags[i].name, own_text) ||
            read_namespace(o, box_folder, in_box, box_text))
            return -1;
        uint64_t own = inode_in(own_text), seen = inode_in(box_text), joined = o->plan->joined[i];
        bool isolated = o->plan->flags & mb_flags[i].flag;
        if (isolated ? !seen || !own || seen == own : seen != (joined ? joined : own))
            return fail_check(o, MB_CHECK_NAMESPACE, i, isolated ? 0 : joined ? joined : own, seen);
    }
    return 0;
}

static int verify_map(struct outside *o, const char *process, bool gids) {
    char path[48], text[8192], *end;
    size_t lines = 0, wanted = 0;
    snprintf(path, sizeof(path), "/proc/%s/%s", process, gids ? "gid_map" : "uid_map");
    if (mb_fd_read_file(path, text, sizeof(text)) < 0)
        return cannot_ask(o);
    for (size_t i = 0; i < o->plan->map_count; i++)
        wanted += gids ? o->plan->maps[i].gids : o->plan->maps[i].uids;
    for (char *line = text; *line; line = end + (*end == '\n'), lines++) {
        unsigned long inside = strtoul(line, &end, 10), outside = strtoul(end, &end, 10),
                      count = strtoul(end, &end, 10);
        bool known = false;
        for (size_t i = 0; i < o->plan->map_count; i++) {
            const struct mb_id_map *map = &o->plan->maps[i];
            known |= (gids ? map->gids : map->uids) && map->inside == inside && map->outside == outside &&
                     map->count == count;
        }
        if (!known)
            return fail_check(o, MB_CHECK_ID_MAP, gids, inside, outside);
        end += strcspn(end, "\n");
    }
    return lines == wanted ? 0 : fail_check(o, MB_CHECK_ID_MAP, gids, wanted, lines);
}

int mb_outside_verify(const struct mb_plan *plan, struct mb_shared *shared, int pid, struct minibox_error *err) {
    struct outside o = {plan, shared, err};
    char process[16];
    snprintf(process, sizeof(process), "%d", pid);
    if (verify_namespaces(&o, process) ||
        ((plan->flags & CLONE_NEWUSER) && (verify_map(&o, process, false) || verify_map(&o, process, true))))
        return -1;
    atomic_store(&shared->launcher_verified, MB_SHARED_GO);
    return syscall(SYS_futex, &shared->launcher_verified, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0) < 0
               ? cannot_ask(&o)
               : 0; /* init and command */
}
