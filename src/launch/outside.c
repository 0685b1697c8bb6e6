/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The launcher compares namespaces and id maps, since it is idle meanwhile; for a process of the box each
 * look at a namespace would cost as much as a mount. init writes to the sync pipe when it has started: before that the
 * kernel may deny an ordinary user's launcher to look. init checks the mounts meanwhile; the command's process waits
 * for both results.
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
#include "box/identity.h"
#include "launch/range.h"
#include "launch/report.h"

struct outside {
    const struct mb_plan *plan;
    const struct mb_id_range *range;
    struct mb_shared *shared;
    struct minibox_error *err;
};

/* A failing box has no readable /proc entries: its own failure is reported instead. Returns -1. */
static int cannot_ask(struct outside *o) {
    int number = errno;
    if (o->shared->failed_step)
        return mb_report_shared(o->plan, o->shared, o->err);
    return mb_report_step(o->plan, mb_plan_find(o->plan, MB_STEP_VERIFY), number, o->err);
}

/* The kernel says something else than is wanted. Returns -1. */
static int fail_check(struct outside *o, enum mb_check check, int index, uint64_t wanted, uint64_t seen) {
    if (o->shared->failed_step) /* a failing box may seem to be in no namespace */
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

/* Reads the text of the link, "net:[4026531840]", which costs half as much as following it. "": the kernel has no
 * namespaces of this kind. */
static int read_namespace(struct outside *o, int directory, const char *name, char *ret_text) {
    ssize_t length = readlinkat(directory, name, ret_text, NAMESPACE_NAME - 1);
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
    mb_autofd own_directory = open_namespaces("self"), box_directory = open_namespaces(process);
    if (own_directory < 0 || box_directory < 0)
        return cannot_ask(o);
    for (int i = MB_FLAG_FIRST_NAMESPACE; i < MB_FLAG_COUNT; i++) {
        char own_text[NAMESPACE_NAME], box_text[NAMESPACE_NAME];
        /* Before Linux 6.3 only init's children are in the new time namespace, and they are what matters. */
        const char *in_box = i == MB_FLAG_TIME && o->plan->box->process.init ? "time_for_children" : mb_flags[i].name;
        if (read_namespace(o, own_directory, mb_flags[i].name, own_text) ||
            read_namespace(o, box_directory, in_box, box_text))
            return -1;
        uint64_t own = inode_in(own_text), seen = inode_in(box_text), joined = o->plan->box->joined[i];
        bool isolated = o->plan->box->flags & mb_flags[i].flag;
        bool differs = isolated ? !seen || !own || seen == own : seen != (joined ? joined : own);
        if (differs && !MB_CHECK_IS_OFF(o->shared, MB_CHECK_NAMESPACE))
            return fail_check(o, MB_CHECK_NAMESPACE, i, isolated ? 0 : joined ? joined : own, seen);
    }
    return 0;
}

/* Whether a line of a map file is in the box's map. */
static bool has_map(const struct outside *o, enum mb_id_kind kind, const struct mb_id_map *line) {
    const struct mb_id_maps *maps = &o->plan->box->maps;
    for (size_t i = 0; i < maps->count; i++) {
        const struct mb_id_map *map = &maps->list[i];
        if (mb_id_map_is_for(map, kind) && map->inside == line->inside && map->count == line->count &&
            mb_range_outside(maps, map, o->range) == line->outside)
            return true;
    }
    return false;
}

static int verify_map(struct outside *o, const char *process, enum mb_id_kind kind) {
    const struct mb_id_maps *maps = &o->plan->box->maps;
    char path[48], text[8192], *end;
    size_t lines = 0, wanted = 0;
    snprintf(path, sizeof(path), "/proc/%s/%s", process, kind == MB_ID_GROUP ? "gid_map" : "uid_map");
    if (mb_fd_read_file(path, text, sizeof(text)) < 0)
        return cannot_ask(o);
    /* Where no range was taken, the outside ids count from the host's root on, and the map would seem to be right. */
    uint32_t start = kind == MB_ID_GROUP ? o->range->gid : o->range->uid;
    if (maps->has_range && !start && !MB_CHECK_IS_OFF(o->shared, MB_CHECK_ID_MAP))
        return fail_check(o, MB_CHECK_ID_MAP, kind, true, false);
    for (size_t i = 0; i < maps->count; i++)
        wanted += mb_id_map_is_for(&maps->list[i], kind);
    for (char *line = text; *line; line = end + (*end == '\n'), lines++) {
        struct mb_id_map seen = {.inside = (uint32_t)strtoul(line, &end, 10)};
        seen.outside = (uint32_t)strtoul(end, &end, 10);
        seen.count = (uint32_t)strtoul(end, &end, 10);
        if (!has_map(o, kind, &seen) && !MB_CHECK_IS_OFF(o->shared, MB_CHECK_ID_MAP))
            return fail_check(o, MB_CHECK_ID_MAP, kind, seen.inside, seen.outside);
        end += strcspn(end, "\n");
    }
    if (lines == wanted || MB_CHECK_IS_OFF(o->shared, MB_CHECK_ID_MAP))
        return 0;
    return fail_check(o, MB_CHECK_ID_MAP, kind, wanted, lines);
}

int mb_outside_verify(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared, int pid,
                      struct minibox_error *err) {
    struct outside o = {plan, range, shared, err};
    char process[16];
    snprintf(process, sizeof(process), "%d", pid);
    if (verify_namespaces(&o, process))
        return -1;
    if (mb_box_has_own(plan->box, CLONE_NEWUSER) &&
        (verify_map(&o, process, MB_ID_USER) || verify_map(&o, process, MB_ID_GROUP)))
        return -1;
    atomic_store(&shared->launcher_verified, MB_SHARED_GO); /* init and the command's process wait for it */
    if (syscall(SYS_futex, &shared->launcher_verified, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0) < 0)
        return cannot_ask(&o);
    return 0;
}
