/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a box to a plan.
 *
 * How it works. compile() is the table of contents of a launch: each function that it calls appends the steps of one
 * part.
 *
 * What must stay true: nothing on the host is changed; a host path that a step names has been looked at, and what it is
 * is in the step, so that the launch can tell that it mounts what was planned; a path of the box is never resolved on
 * the host; memory that could not be had is noticed once, at the end (arena.failed).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "base/count.h"
#include "base/fd.h"
#include "box/identity.h"
#include "plan/steps.h"

/* ---- how the builder is cloned -------------------------------------------------------------------------------- */

enum mb_memory mb_plan_memory(const struct mb_box *box) {
    /* Processes that are in a pid namespace already could trace a builder that shares the launcher's memory. */
    if (box->join_count || !mb_box_has_own(box, CLONE_NEWPID) || !(box->flags & CLONE_VM))
        return MB_MEMORY_COPY;
    /* Without init the builder itself enters the time namespace, and setns(2) refuses that to a process that shares
     * memory. */
    if (!box->process.init && mb_box_has_own(box, CLONE_NEWTIME))
        return MB_MEMORY_COPY;
    return box->flags & CLONE_VFORK ? MB_MEMORY_VFORK : MB_MEMORY_SHARED;
}

/* Whether the hard limit has to be raised, which only the launcher may be allowed to do. */
static int is_raised(struct mb_compiler *c, const struct mb_ulimit *limit, bool *ret_is_raised) {
    struct rlimit now;
    if (getrlimit(limit->resource, &now) < 0)
        return mb_error_host(c->err, &limit->origin, MB_REMEDY_NONE, errno, "cannot read the limit", limit->name);
    *ret_is_raised = limit->hard > now.rlim_max;
    return 0;
}

/* A launcher that sleeps until the builder has executed init can do nothing for it meanwhile. */
static int check_vfork(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    const char *why = NULL;
    if (!(box->flags & CLONE_VFORK))
        return 0;
    if (box->process.terminal)
        why = "the parent must fetch the box's terminal meanwhile";
    else if (box->maps.writer == MB_MAPS_PARENT || box->maps.writer == MB_MAPS_HELPER)
        why = "the parent must write the id maps meanwhile";
    else if (c->plan->memory == MB_MEMORY_COPY)
        why = "the builder works in a copy of the memory";
    for (size_t i = 0; i < box->limit_count && !why; i++) {
        bool raised = false;
        if (is_raised(c, &box->limits[i], &raised))
            return -1;
        if (raised)
            why = "the parent must raise a limit meanwhile";
    }
    if (!why)
        return 0;
    return mb_error_usage(c->err, mb_box_origin(box, MB_OPTION_SHARE), MB_REMEDY_VFORK, "cannot share", "vfork", "%s",
                          why);
}

/* ---- from clone to the gate ----------------------------------------------------------------------------------- */

static void join_namespaces(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    if (mb_box_joins(box, MB_FLAG_USER) && box->host->privileged)
        mb_steps_add(c, MB_STEP_DROP_GROUPS, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_JOIN));
    /* The user namespace first: it gives the right to enter the others. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < box->join_count; i++) {
            const struct mb_join *join = &box->joins[i];
            bool is_first = join->flag == MB_FLAG_USER;
            if (is_first != (round == 0))
                continue;
            struct mb_step *step = mb_steps_add(c, MB_STEP_JOIN, MB_SIDE_BUILDER, &join->origin);
            step->source = join->path;
            step->flags = mb_flags[join->flag].flag;
        }
    }
}

static void take_descriptors(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    for (int i = 0; i < 3; i++) {
        bool is_output = i > 0 && box->output_limit;
        if (!box->streams[i] && !is_output)
            continue;
        enum mb_option_id id = box->streams[i] ? (enum mb_option_id)(MB_OPTION_STDIN + i) : MB_OPTION_OUTPUT_LIMIT;
        struct mb_step *step = mb_steps_add(c, MB_STEP_STREAM, MB_SIDE_BUILDER, mb_box_origin(box, id));
        step->source = box->streams[i];
        step->stream = i;
    }
    mb_steps_add(c, MB_STEP_CLOSE, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_PRESERVE_FDS));
}

/* What the launcher does from outside, while the builder goes on up to the gate. */
static int act_from_outside(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    const struct mb_origin *userns = mb_box_origin(box, MB_OPTION_USERNS);
    if (box->maps.writer == MB_MAPS_SELF)
        mb_steps_add(c, MB_STEP_SELF_MAPS, MB_SIDE_BUILDER, userns);
    else if (box->maps.writer != MB_MAPS_NONE)
        mb_steps_add(c, MB_STEP_WRITE_MAPS, MB_SIDE_PARENT, userns);
    for (size_t i = 0; i < box->limit_count; i++) {
        bool raised = false;
        if (is_raised(c, &box->limits[i], &raised))
            return -1;
        if (!raised)
            continue;
        struct mb_step *step = mb_steps_add(c, MB_STEP_RAISE_LIMIT, MB_SIDE_PARENT, &box->limits[i].origin);
        step->source = box->limits[i].name;
        step->limit = &box->limits[i];
    }
    return 0;
}

/*
 * What needs no mapped id goes on beside the launcher. A network namespace takes as long to make as all the rest of a
 * box. A cgroup namespace is made once the builder is in its cgroup, so that the cgroup is its root. The time namespace
 * cannot be made by clone(2): its flag lies in the exit signal's byte.
 */
enum { LATE = CLONE_NEWCGROUP | CLONE_NEWNET | CLONE_NEWTIME };

static void go_on_alone(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    if (box->flags & LATE)
        mb_steps_add(c, MB_STEP_UNSHARE, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_ISOLATE))->flags =
            box->flags & LATE;
    mb_steps_add(c, MB_STEP_PRIVATE, MB_SIDE_BUILDER, NULL);
    if (box->process.has_hostname) {
        enum mb_option_id id = box->spec->hostname ? MB_OPTION_HOSTNAME : MB_OPTION_NAME;
        mb_steps_add(c, MB_STEP_HOSTNAME, MB_SIDE_BUILDER, mb_box_origin(box, id))->source = box->process.hostname;
    }
    if (mb_box_has_own(box, CLONE_NEWNET))
        mb_steps_add(c, MB_STEP_LOOPBACK, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_NETWORK));
}

static void pass_the_gate(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    if (c->plan->memory != MB_MEMORY_VFORK)
        mb_steps_add(c, MB_STEP_GATE, MB_SIDE_BUILDER, NULL);
    bool has_maps = box->maps.writer == MB_MAPS_PARENT || box->maps.writer == MB_MAPS_HELPER;
    if (!has_maps && !mb_box_joins(box, MB_FLAG_USER))
        return;
    struct mb_step *step = mb_steps_add(c, MB_STEP_BECOME_ROOT, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_USERNS));
    /* The files that the builder makes belong to the box's root, or to the command's user where the box has no root. */
    step->uid = mb_identity_is_mapped(box, 0, MB_ID_USER) ? 0 : box->process.uid;
    step->gid = mb_identity_is_mapped(box, 0, MB_ID_GROUP) ? 0 : box->process.gid;
}

int mb_plan_start(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    join_namespaces(c);
    enum mb_option_id id = box->spec->share ? MB_OPTION_SHARE : MB_OPTION_ISOLATE;
    mb_steps_add(c, MB_STEP_CLONE, MB_SIDE_PARENT, mb_box_origin(box, id))->flags = box->flags & ~(uint64_t)LATE;
    mb_steps_add(c, MB_STEP_DIE_WITH, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_DIE_WITH_LAUNCHER));
    take_descriptors(c);
    if (act_from_outside(c))
        return -1;
    go_on_alone(c);
    pass_the_gate(c);
    return 0;
}

/* ---- from the pivot to execve --------------------------------------------------------------------------------- */

/* Where execve is tried: the name itself if it has a slash, else in each directory of the box's PATH. */
static int list_candidates(struct mb_compiler *c) {
    struct mb_plan *plan = c->plan;
    const char *name = c->box->command[0];
    const char *path = mb_box_variable(c->box->environment, "PATH");
    bool search = !strchr(name, '/');
    for (const char *part = search && path ? path : name; part;) {
        size_t length = search ? strcspn(part, ":") : strlen(part);
        const char **slot = mb_arena_push(&plan->arena, &plan->candidates, &plan->candidate_count, sizeof(*slot));
        if (!slot)
            return mb_error_memory(c->err);
        *slot = name;
        if (search)
            *slot = mb_arena_printf(&plan->arena, "%.*s%s%s", (int)length, part, length ? "/" : "", name);
        part = search && part[length] ? part + length + 1 : NULL;
    }
    return 0;
}

static void become_the_command(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    mb_steps_add(c, MB_STEP_SESSION, MB_SIDE_COMMAND, NULL);
    mb_steps_add(c, MB_STEP_VERIFY, MB_SIDE_COMMAND, NULL);
    for (size_t i = 0; i < box->limit_count; i++) {
        struct mb_step *step = mb_steps_add(c, MB_STEP_LIMIT, MB_SIDE_COMMAND, &box->limits[i].origin);
        step->source = box->limits[i].name;
        step->limit = &box->limits[i];
    }
    if (box->filter.count)
        mb_steps_add(c, MB_STEP_FILTER, MB_SIDE_COMMAND, mb_box_origin(box, MB_OPTION_SECCOMP));
    mb_steps_add(c, MB_STEP_EXEC, MB_SIDE_COMMAND, NULL)->target = box->command[0];
}

int mb_plan_end(struct mb_compiler *c) {
    const struct mb_box *box = c->box;
    mb_steps_add(c, MB_STEP_PIVOT, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_ROOTFS))->target = "/";
    mb_steps_add_at(c, MB_STEP_WORKDIR, mb_box_origin(box, MB_OPTION_WORKDIR), MB_SLOT_ROOT, box->workdir,
                    box->workdir + strspn(box->workdir, "/"));
    if (box->process.own_keyring)
        mb_steps_add(c, MB_STEP_KEYRING, MB_SIDE_BUILDER, NULL);
    mb_steps_add(c, MB_STEP_UMASK, MB_SIDE_BUILDER, NULL);
    struct mb_step *step = mb_steps_add(c, MB_STEP_IDS, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_USER));
    step->uid = box->process.uid;
    step->gid = box->process.gid;
    mb_steps_add(c, MB_STEP_CAPABILITIES, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_CAP_ADD));
    if (box->process.no_new_privs)
        mb_steps_add(c, MB_STEP_NO_NEW_PRIVS, MB_SIDE_BUILDER, NULL);
    mb_steps_add(c, MB_STEP_INIT, MB_SIDE_BUILDER, mb_box_origin(box, MB_OPTION_INIT));
    become_the_command(c);
    return list_candidates(c);
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static int open_root(struct mb_compiler *c) {
    const char *path = c->box->root_path;
    if (!path)
        return 0;
    c->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->root_fd >= 0)
        return 0;
    return mb_error_host(c->err, mb_box_origin(c->box, MB_OPTION_ROOTFS),
                         errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                         "cannot use as a root file system", path);
}

static int compile(struct mb_compiler *c) {
    static int (*const parts[])(struct mb_compiler *) = {open_root, check_vfork, mb_plan_start, mb_plan_mounts,
                                                         mb_plan_end};
    for (size_t i = 0; i < MB_COUNT(parts); i++)
        if (parts[i](c))
            return -1;
    return c->plan->arena.failed ? mb_error_memory(c->err) : 0;
}

int mb_plan_compile(const struct mb_box *box, struct mb_plan *ret_plan, struct minibox_error *err) {
    struct mb_compiler c = {.box = box, .plan = ret_plan, .err = err, .root_fd = -1};
    *ret_plan = (struct mb_plan){.box = box, .memory = mb_plan_memory(box)};
    int result = compile(&c);
    mb_fd_close(&c.root_fd);
    if (result)
        mb_plan_free(ret_plan);
    return result;
}

void mb_plan_free(struct mb_plan *plan) {
    mb_arena_free(&plan->arena);
    *plan = (struct mb_plan){0};
}

const struct mb_step *mb_plan_find(const struct mb_plan *plan, enum mb_step_kind kind) {
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].kind == kind)
            return &plan->steps[i];
    return NULL;
}

int mb_plan_number(const struct mb_plan *plan, const struct mb_step *step) {
    return (int)(step - plan->steps) + 1;
}
