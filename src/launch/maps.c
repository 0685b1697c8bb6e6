/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. Root's maps are written by the launcher, an ordinary user's ranges by newuidmap(1) and newgidmap(1).
 * With the user namespace complete, the trees that the launcher has opened can be given the box's owners; then the
 * builder goes on.
 */
#include "launch/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/report.h"

struct maps {
    struct mb_plan *plan;
    struct mb_shared *shared;
    int pid;
    const struct mb_wait *wait;
};

static int write_map(const struct maps *m, const char *file, bool gids) {
    char path[64], text[8192];
    size_t length = 0;
    for (size_t i = 0; i < m->plan->map_count; i++) {
        const struct mb_id_map *map = &m->plan->maps[i];
        if (gids ? map->gids : map->uids)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%u %u %u\n", map->inside, map->outside,
                                       map->count);
        if (length > sizeof(text) - 64) {
            errno = E2BIG;
            return -1;
        }
    }
    snprintf(path, sizeof(path), "/proc/%d/%s", m->pid, file);
    mb_autofd fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -1 : mb_fd_write_all(fd, text, length);
}

/*
 * Until the helper is dead; `text` gets the beginning of what it says. Not until the end of the pipe: a child that
 * another thread forks meanwhile has a copy of it.
 */
static int hear_helper(const struct maps *m, const struct mb_step *step, pid_t pid, int fd, char *text, size_t size) {
    size_t length = 0;
    mb_autofd death = (int)syscall(SYS_pidfd_open, pid, 0);
    if (death < 0)
        return mb_report_step(m->plan, step, errno, m->wait->err);
    for (;;) {
        char rest[256];
        struct pollfd fds[3] = {{death, POLLIN, 0}, {fd, POLLIN, 0}};
        if (mb_wait_any(m->wait, fds, 2))
            return -1;
        if (!fds[1].revents)
            return 0;
        bool is_full = length + 1 >= size;
        ssize_t n = is_full ? read(fd, rest, sizeof(rest)) : read(fd, text + length, size - length - 1);
        if (n <= 0)
            fd = -1;
        else if (!is_full)
            text[length += (size_t)n] = '\0';
    }
}

/* newuidmap(1) and newgidmap(1): set-uid programs that map what /etc/subuid and /etc/subgid grant. */
static int run_helper(const struct maps *m, const char *program, bool gids, const struct mb_step *step) {
    struct mb_arena *arena = &m->plan->arena;
    const char **argv = mb_arena_alloc(arena, (m->plan->map_count * 3 + 3) * sizeof(*argv));
    if (!argv)
        return mb_error_memory(m->wait->err);
    size_t n = 0;
    argv[n++] = program;
    argv[n++] = mb_arena_printf(arena, "%d", m->pid);
    for (size_t i = 0; i < m->plan->map_count; i++) {
        const struct mb_id_map *map = &m->plan->maps[i];
        if (!(gids ? map->gids : map->uids))
            continue;
        argv[n++] = mb_arena_printf(arena, "%u", map->inside);
        argv[n++] = mb_arena_printf(arena, "%u", map->outside);
        argv[n++] = mb_arena_printf(arena, "%u", map->count);
    }
    if (arena->failed)
        return mb_error_memory(m->wait->err);
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return mb_report_step(m->plan, step, errno, m->wait->err);
    mb_autofd read_end = ends[0], write_end = ends[1];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, write_end, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t pid;
    int number = posix_spawnp(&pid, program, &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    mb_fd_close(&write_end);
    if (number)
        return mb_error_host(m->wait->err, step->origin, MB_REMEDY_NO_NEWUIDMAP, number, "cannot run", program);
    char text[200] = "";
    int result = hear_helper(m, step, pid, read_end, text, sizeof(text));
    if (result)
        kill(pid, SIGKILL);
    text[strcspn(text, "\n")] = '\0';
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return result ? result : mb_report_step(m->plan, step, errno, m->wait->err);
    if (status == 0 || result)
        return result;
    mb_report_step(m->plan, step, EPERM, m->wait->err);
    snprintf(m->wait->err->reason, sizeof(m->wait->err->reason), "%.150s", text[0] ? text : program);
    snprintf(m->wait->err->remedy, sizeof(m->wait->err->remedy), "%s", mb_remedy_text(MB_REMEDY_NO_SUBID));
    return -1;
}

/* Gives the planned trees the box's owners. Not recursive: the kernel's own file systems below refuse. */
static int set_idmaps(const struct maps *m) {
    mb_autofd userns = -1;
    for (size_t i = 0; i < m->plan->step_count; i++) {
        const struct mb_step *step = &m->plan->steps[i];
        if (!step->idmap)
            continue;
        if (userns < 0) {
            char path[64];
            snprintf(path, sizeof(path), "/proc/%d/ns/user", m->pid);
            userns = open(path, O_RDONLY | O_CLOEXEC);
            if (userns < 0)
                return mb_report_step(m->plan, step, errno, m->wait->err);
        }
        struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
        /* What is mounted below a folder that can be written to must be mapped too: else files there would belong to
         * ids of the range, which the next box has. Read-only, owners that mean nothing do no harm. */
        unsigned below = step->attributes & MOUNT_ATTR_RDONLY ? 0 : AT_RECURSIVE;
        if (syscall(SYS_mount_setattr, step->fd, "", AT_EMPTY_PATH | below, &attr, sizeof(attr)) == 0) {
            if (step->mount >= 0) /* before the builder goes on, and so before anybody compares */
                ((struct mb_shared_mount *)mb_shared_at(m->shared, m->shared->mounts))[step->mount].attributes |=
                    MOUNT_ATTR_IDMAP;
            continue;
        }
        int number = errno;
        if (number == EINVAL && step->idmap_optional)
            continue; /* owners without a map are nobody: the box can do less with the files, not more */
        mb_report_step(m->plan, step, number, m->wait->err);
        if (number == EINVAL)
            mb_report_remedy(m->wait->err, MB_REMEDY_IDMAP_UNSUPPORTED);
        return -1;
    }
    return 0;
}

int mb_maps_write(struct mb_plan *plan, struct mb_shared *shared, int pid, const struct mb_wait *wait) {
    const struct mb_step *step = mb_plan_find(plan, MB_STEP_WRITE_MAPS);
    const struct maps maps = {plan, shared, pid, wait}, *m = &maps;
    if (!step)
        return 0;
    if (m->plan->map_writer == MB_MAPS_HELPER) {
        if (run_helper(m, "newuidmap", false, step) || run_helper(m, "newgidmap", true, step))
            return -1;
    } else if (write_map(m, "uid_map", false) < 0 || write_map(m, "gid_map", true) < 0) {
        return mb_report_step(m->plan, step, errno, m->wait->err);
    }
    if (set_idmaps(m))
        return -1;
    atomic_store(&m->shared->maps_written, MB_SHARED_GO);
    if (syscall(SYS_futex, &m->shared->maps_written, FUTEX_WAKE, 1, NULL, NULL, 0) < 0)
        return mb_report_step(m->plan, step, errno, m->wait->err);
    return 0;
}
