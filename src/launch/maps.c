/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. Root's maps are written by the launcher, an ordinary user's ranges by newuidmap(1) and newgidmap(1).
 * With the user namespace complete, the trees that the launcher has opened can be given the box's owners.
 */
#include "launch/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/identity.h"
#include "launch/helper.h"
#include "launch/range.h"
#include "launch/report.h"

struct maps {
    const struct mb_plan *plan;
    const struct mb_id_maps *maps;
    const struct mb_id_range *range;
    const struct mb_step *step; /* WRITE_MAPS */
    struct mb_shared *shared;
    const int *fds;
    int pid;
    const struct mb_wait *wait;
};

static int write_map(const struct maps *m, enum mb_id_kind kind) {
    char path[64], text[8192];
    size_t length = 0;
    for (size_t i = 0; i < m->maps->count; i++) {
        const struct mb_id_map *map = &m->maps->list[i];
        if (!mb_id_map_is_for(map, kind))
            continue;
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%u %u %u\n", map->inside,
                                   mb_range_outside(m->maps, map, m->range), map->count);
        if (length > sizeof(text) - 64)
            return mb_report_step(m->plan, m->step, E2BIG, m->wait->err);
    }
    snprintf(path, sizeof(path), "/proc/%d/%s", m->pid, kind == MB_ID_GROUP ? "gid_map" : "uid_map");
    mb_autofd fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || mb_fd_write_all(fd, text, length) < 0)
        return mb_report_step(m->plan, m->step, errno, m->wait->err);
    return 0;
}

/* Runs newuidmap(1) or newgidmap(1), set-user-id programs that map the ids which /etc/subuid and /etc/subgid grant. */
static int run_helper(const struct maps *m, const char *program, enum mb_id_kind kind) {
    __attribute__((cleanup(mb_arena_free))) struct mb_arena arena = {0};
    const char **argv = mb_arena_alloc(&arena, (m->maps->count * 3 + 3) * sizeof(*argv));
    size_t n = 0;
    if (!argv)
        return mb_error_memory(m->wait->err);
    argv[n++] = program;
    argv[n++] = mb_arena_printf(&arena, "%d", m->pid);
    for (size_t i = 0; i < m->maps->count; i++) {
        const struct mb_id_map *map = &m->maps->list[i];
        if (!mb_id_map_is_for(map, kind))
            continue;
        argv[n++] = mb_arena_printf(&arena, "%u", map->inside);
        argv[n++] = mb_arena_printf(&arena, "%u", map->outside);
        argv[n++] = mb_arena_printf(&arena, "%u", map->count);
    }
    if (arena.failed)
        return mb_error_memory(m->wait->err);
    char text[200];
    int result = mb_helper_run((char *const *)(uintptr_t)argv, m->step->origin, MB_REMEDY_NO_NEWUIDMAP, m->wait, text,
                               sizeof(text));
    if (result <= 0)
        return result;
    mb_report_step(m->plan, m->step, EPERM, m->wait->err);
    mb_error_set_remedy(m->wait->err, MB_REMEDY_NO_SUBID);
    snprintf(m->wait->err->reason, sizeof(m->wait->err->reason), "%.150s", text[0] ? text : program);
    return -1;
}

static int write_maps(const struct maps *m) {
    bool by_helper = m->maps->writer == MB_MAPS_HELPER;
    int result = by_helper ? run_helper(m, "newuidmap", MB_ID_USER) : write_map(m, MB_ID_USER);
    if (result)
        return -1;
    return by_helper ? run_helper(m, "newgidmap", MB_ID_GROUP) : write_map(m, MB_ID_GROUP);
}

/* Gives a tree the box's owners. Mounts below a directory that can be written to are mapped too: else new files there
 * would belong to ids of the range, which the next box gets. Mounts below a read-only one are not: the kernel's own
 * file systems refuse, and owners without a meaning do no harm there. */
static int set_owners(const struct maps *m, size_t n, int userns) {
    const struct mb_step *step = &m->plan->steps[n];
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
    unsigned below = step->set & MOUNT_ATTR_RDONLY ? 0 : AT_RECURSIVE;
    if (syscall(SYS_mount_setattr, m->fds[n], "", AT_EMPTY_PATH | below, &attr, sizeof(attr)) == 0) {
        if (step->mount >= 0) /* the builder waits at the gate, so nothing has been verified yet */
            mb_shared_mounts(m->shared)[step->mount].attributes |= MOUNT_ATTR_IDMAP;
        return 0;
    }
    int number = errno;
    if (number == EINVAL && step->owners == MB_OWNERS_BOX_IF_CAN_BE)
        return 0; /* without a map the owners are nobody: the box can do less with the files, not more */
    mb_report_step(m->plan, step, number, m->wait->err);
    if (number == EINVAL)
        mb_error_set_remedy(m->wait->err, MB_REMEDY_IDMAP_UNSUPPORTED);
    return -1;
}

static int set_all_owners(const struct maps *m) {
    mb_autofd userns = -1;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/user", m->pid);
    for (size_t i = 0; i < m->plan->step_count; i++) {
        const struct mb_step *step = &m->plan->steps[i];
        if (step->owners == MB_OWNERS_HOST)
            continue;
        if (userns < 0)
            userns = open(path, O_RDONLY | O_CLOEXEC);
        if (userns < 0)
            return mb_report_step(m->plan, step, errno, m->wait->err);
        if (set_owners(m, i, userns))
            return -1;
    }
    return 0;
}

int mb_maps_write(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared, const int *fds,
                  int pid, const struct mb_wait *wait) {
    const struct maps m = {plan, &plan->box->maps, range, mb_plan_find(plan, MB_STEP_WRITE_MAPS), shared, fds, pid,
                           wait};
    if (!m.step)
        return 0;
    return write_maps(&m) || set_all_owners(&m) ? -1 : 0;
}
