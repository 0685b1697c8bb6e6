/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. mb_plan_compile() reads as the table of contents of a box: each function it calls appends the steps of
 * one part. Nothing on the host is changed, and everything that can be refused is refused here.
 *
 * What must stay true: a host path that a step names has been looked at, and its device and inode are in the step, so
 * that the launch can tell that it mounts what was planned; a path of the box is never resolved on the host; whatever
 * memory could not be had is noticed once, at the end (arena.failed).
 */
#include "plan/plan.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "filter/guard.h"
#include "plan/mounts.h"
#include "filter/profile.h"
#include "plan/rootfs.h"

/* ---- identity and the start of the box ------------------------------------------------------------------------ */

static int plan_identity(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    bool caller_name = c->rootfs == MB_ROOTFS_HOST && (!plan->privileged || !(plan->flags & CLONE_NEWUSER));

    plan->uid = caller_name || spec->userns == MB_USERNS_KEEP_ID ? c->host->uid : 0;
    plan->gid = caller_name || spec->userns == MB_USERNS_KEEP_ID ? c->host->gid : 0;
    if (spec->user && mb_ids_find_user(&c->accounts, spec->user, spec->group, &spec->origin[MB_OPTION_USER], &plan->uid,
                                       &plan->gid, c->err))
        return -1;
    if (mb_ids_plan_maps(spec, c->host, plan, c->err))
        return -1;
    /* A map without the default user or group: its first ids are what was meant. */
    bool first_uid = !mb_ids_is_mapped(plan, plan->uid, false), first_gid = !mb_ids_is_mapped(plan, plan->gid, true);
    for (size_t i = spec->userns == MB_USERNS_MAP && !spec->user ? plan->map_count : 0; i-- > 0;) {
        if (plan->maps[i].uids && first_uid)
            plan->uid = plan->maps[i].inside;
        if (plan->maps[i].gids && (first_uid || first_gid))
            plan->gid = plan->maps[i].inside;
    }
    if (!mb_ids_is_mapped(plan, plan->uid, false) || !mb_ids_is_mapped(plan, plan->gid, true))
        return mb_error_usage(c->err, &spec->origin[spec->user ? MB_OPTION_USER : MB_OPTION_USERNS],
                              MB_REMEDY_ID_NOT_MAPPED, "cannot be that user in the box",
                              MB_TEXT(c, "%u:%u", plan->uid, plan->gid), NULL);
    bool may_drop = plan->privileged || plan->map_writer == MB_MAPS_HELPER;
    plan->group_count = may_drop ? 0 : c->host->group_count;
    plan->capabilities = spec->cap_add & ~spec->cap_drop & c->host->capabilities;
    uint64_t unknown = spec->cap_add & ~spec->cap_drop & ~c->host->capabilities;
    if (unknown && spec->cap_add != UINT64_MAX)
        return mb_error_usage(c->err, &spec->origin[MB_OPTION_CAP_ADD], MB_REMEDY_OLD_KERNEL,
                              "this kernel does not know a capability of", "--cap-add", NULL);
    return 0;
}

static int plan_namespaces(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    if (mb_spec_flags(spec, &plan->flags, c->err))
        return -1;
    for (size_t i = 0; i < spec->join_count; i++) {
        struct stat st;
        const struct mb_join *join = &spec->joins[i];
        if (stat(join->path, &st) < 0)
            return mb_error_host(c->err, &join->origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot join", join->path);
        plan->joined[join->flag] = st.st_ino;
        c->joins_user |= join->flag == MB_FLAG_USER;
    }
    if (!(plan->flags & CLONE_NEWUSER) && !c->joins_user && !plan->privileged) {
        mb_error_usage(c->err, &spec->origin[MB_OPTION_SHARE], MB_REMEDY_NONE, "refusing to share", "user",
                       "an ordinary user may make other namespaces only inside a user namespace");
        mb_error_remedy(c->err, "leave out user, or run as root");
        return -1;
    }

    plan->memory = MB_MEMORY_SHARED;
    if (spec->join_count || !(plan->flags & CLONE_NEWPID) || !(plan->flags & CLONE_VM))
        plan->memory = MB_MEMORY_COPY; /* who is already in there could trace a builder that shares our memory */
    if (!plan->init && plan->flags & CLONE_NEWTIME)
        plan->memory = MB_MEMORY_COPY; /* setns(2) lets nobody enter a time namespace who shares memory */
    return 0;
}

/* Combinations that only show once identity is known. */
static int plan_memory(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    if (!plan->init && !plan->die_with_launcher && plan->reserve_range)
        return mb_error_usage(c->err, &spec->origin[MB_OPTION_INIT], MB_REMEDY_INIT_HOLDS_RANGE,
                              "refusing --init no with --die-with-launcher no", NULL, NULL);
    if (!(plan->flags & CLONE_VFORK))
        return 0;
    bool parent_maps = plan->map_writer == MB_MAPS_PARENT || plan->map_writer == MB_MAPS_HELPER;
    if (plan->memory == MB_MEMORY_COPY || parent_maps || plan->terminal)
        return mb_error_usage(c->err, &spec->origin[MB_OPTION_SHARE], MB_REMEDY_VFORK, "cannot share", "vfork", "%s",
                              plan->terminal ? "the parent must fetch the box's terminal meanwhile"
                              : parent_maps  ? "the parent must write the id maps meanwhile"
                                             : "the builder works in a copy of the memory");
    plan->memory = MB_MEMORY_VFORK;
    return 0;
}

/*
 * A file that is set-user-id already can be given other content by a shared mapping, which no filter sees and which
 * does not clear the bit; with SETFCAP a file can be given capabilities. Where the box's root is root of the files on
 * the host, such a file would run as the host's root for anyone who reaches it there. A root file system is full of
 * them: a writable one must be out of other users' reach.
 */
static int check_suid_on_host(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    enum { SETFCAP = 31 };
    bool is_writable = c->rootfs == MB_ROOTFS_DIR && spec->rootfs_access == MB_ACCESS_RW;
    if (!c->plan->privileged || spec->allow_suid)
        return 0;
    if (is_writable && mb_rootfs_is_reachable(c))
        return mb_error_usage(
            c->err, &spec->origin[MB_OPTION_ROOTFS], MB_REMEDY_SUID_ON_HOST,
            "refusing a writable root file system that other users of the host can reach:", c->rootfs_path, NULL);
    for (size_t i = 0; i < spec->volume_count; i++)
        is_writable |= spec->volumes[i].access == MB_ACCESS_RW;
    if (is_writable && (c->plan->capabilities >> SETFCAP & 1))
        return mb_error_usage(c->err, &spec->origin[MB_OPTION_CAP_ADD], MB_REMEDY_SUID_ON_HOST,
                              "refusing the capability SETFCAP with writable folders of the host", NULL, NULL);
    return 0;
}

/* Where setgroups(2) is forbidden: in a map that a user wrote itself; and where it may be: in a user namespace to join,
 * before which root has dropped them. */
static bool keeps_groups(const struct mb_compiler *c) {
    return c->joins_user || (!c->plan->privileged && c->plan->map_writer != MB_MAPS_HELPER);
}

static void plan_start(struct mb_compiler *c) {
    struct mb_plan *plan = c->plan;
    const uint64_t late = CLONE_NEWNET | CLONE_NEWTIME;
    if (c->joins_user && plan->privileged)
        mb_steps_add(c, MB_STEP_DROP_GROUPS, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_JOIN]);
    for (size_t i = 0; i < c->spec->join_count; i++) {
        const struct mb_join *join = &c->spec->joins[i];
        /* The user namespace first: it gives the right to enter the others. */
        if (join->flag == MB_FLAG_USER) {
            struct mb_step *step = mb_steps_add(c, MB_STEP_JOIN, MB_SIDE_BUILDER, &join->origin);
            step->source = join->path;
            step->flags = CLONE_NEWUSER;
        }
    }
    for (size_t i = 0; i < c->spec->join_count; i++) {
        const struct mb_join *join = &c->spec->joins[i];
        if (join->flag != MB_FLAG_USER) {
            struct mb_step *step = mb_steps_add(c, MB_STEP_JOIN, MB_SIDE_BUILDER, &join->origin);
            step->source = join->path;
            step->flags = mb_flags[join->flag].flag;
        }
    }
    mb_steps_add(c, MB_STEP_CLONE, MB_SIDE_PARENT,
                 &c->spec->origin[c->spec->share ? MB_OPTION_SHARE : MB_OPTION_ISOLATE])
        ->flags = plan->flags & ~late;
    mb_steps_add(c, MB_STEP_DIE_WITH, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_DIE_WITH_LAUNCHER]);
    for (int i = 0; i < 3; i++) {
        if (!c->spec->streams[i] && (!i || !c->spec->output_limit))
            continue;
        struct mb_step *step = mb_steps_add(c, MB_STEP_STREAM, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_STDIN + i]);
        step->source = c->spec->streams[i];
        step->stream = i;
    }
    mb_steps_add(c, MB_STEP_CLOSE, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_PRESERVE_FDS]);
    const struct mb_origin *userns = &c->spec->origin[MB_OPTION_USERNS];
    if (plan->map_writer == MB_MAPS_SELF)
        mb_steps_add(c, MB_STEP_SELF_MAPS, MB_SIDE_BUILDER, userns);
    else if (plan->map_writer != MB_MAPS_NONE)
        mb_steps_add(c, MB_STEP_WRITE_MAPS, MB_SIDE_PARENT, userns);

    /*
     * A network namespace takes as long to make as all the rest of a box: the builder makes it, while the parent writes
     * the maps. The time namespace cannot be made by clone(2): its flag lies in the exit signal's byte. What else needs
     * no mapped id goes on meanwhile too.
     */
    if (plan->flags & late)
        mb_steps_add(c, MB_STEP_UNSHARE, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_ISOLATE])->flags =
            plan->flags & late;
    mb_steps_add(c, MB_STEP_PRIVATE, MB_SIDE_BUILDER, NULL);
    if (plan->flags & CLONE_NEWUTS) {
        plan->hostname = c->spec->hostname ? c->spec->hostname : plan->name;
        mb_steps_add(c, MB_STEP_HOSTNAME, MB_SIDE_BUILDER,
                     &c->spec->origin[c->spec->hostname ? MB_OPTION_HOSTNAME : MB_OPTION_NAME])
            ->source = plan->hostname;
    }
    if (plan->flags & CLONE_NEWNET)
        mb_steps_add(c, MB_STEP_LOOPBACK, MB_SIDE_BUILDER, &c->spec->origin[MB_OPTION_NETWORK]);

    bool waits = plan->map_writer == MB_MAPS_PARENT || plan->map_writer == MB_MAPS_HELPER;
    if (waits)
        mb_steps_add(c, MB_STEP_WAIT_MAPS, MB_SIDE_BUILDER, userns);
    if (waits || c->joins_user) {
        struct mb_step *step = mb_steps_add(c, MB_STEP_BECOME_ROOT, MB_SIDE_BUILDER, userns);
        /* Its files in the box's own mounts belong to the box's root, or to the one who is there instead. */
        step->uid = mb_ids_is_mapped(plan, 0, false) ? 0 : plan->uid;
        step->gid = mb_ids_is_mapped(plan, 0, true) ? 0 : plan->gid;
        step->keep_groups = keeps_groups(c);
    }
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *find_variable(char *const *environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static void set_variable(struct mb_compiler *c, size_t *count, const char *name, const char *value) {
    char **environment = c->plan->environment;
    size_t length = strlen(name), i = 0;
    while (i < *count && !(strncmp(environment[i], name, length) == 0 && environment[i][length] == '='))
        i++;
    environment[i] = (char *)MB_TEXT(c, "%s=%s", name, value);
    *count += i == *count;
}

static int plan_environment(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    const char *name, *home;
    size_t count = 0;
    c->plan->environment = mb_arena_alloc(&c->plan->arena, (spec->env_count + 8) * sizeof(char *));
    if (!c->plan->environment)
        return mb_error_memory(c->err);
    mb_ids_find_name(&c->plan->arena, &c->accounts, c->plan->uid, &name, &home);
    set_variable(c, &count, "PATH", default_path);
    set_variable(c, &count, "HOME", home[0] ? home : "/");
    set_variable(c, &count, "container", "minibox");
    if (name[0])
        set_variable(c, &count, "USER", name);
    const char *term = find_variable(c->host->environment, "TERM");
    if (c->plan->terminal)
        set_variable(c, &count, "TERM", term ? term : "xterm");
    for (size_t i = 0; i < spec->env_count; i++) {
        const char *value =
            spec->env[i].value ? spec->env[i].value : find_variable(c->host->environment, spec->env[i].name);
        if (value) /* what the caller has not, the box has not: as docker's */
            set_variable(c, &count, spec->env[i].name, value);
    }
    c->home = find_variable(c->plan->environment, "HOME");
    return 0;
}

/* Where execve is tried: the name itself if it has a slash, else in each folder of the box's PATH. */
static int plan_candidates(struct mb_compiler *c) {
    struct mb_plan *plan = c->plan;
    const char *name = plan->command[0];
    const char *path = find_variable(plan->environment, "PATH");
    bool search = !strchr(name, '/');
    for (const char *part = search && path ? path : name; part;) {
        size_t length = search ? strcspn(part, ":") : strlen(part);
        const char **slot = mb_arena_push(&plan->arena, &plan->candidates, &plan->candidate_count, sizeof(*slot));
        if (!slot)
            return mb_error_memory(c->err);
        *slot = search ? MB_TEXT(c, "%.*s%s%s", (int)length, part, length ? "/" : "", name) : name;
        part = search && part[length] ? part + length + 1 : NULL;
    }
    return 0;
}

static const char *workdir_of(struct mb_compiler *c) {
    const char *workdir = c->spec->workdir;
    if (!workdir || workdir[0] == '/')
        return workdir ? workdir : "/";
    if (!c->host->cwd)
        return NULL;
    while (strncmp(workdir, "./", 2) == 0)
        workdir += 2;
    return strcmp(workdir, ".") == 0 ? c->host->cwd : MB_TEXT(c, "%s/%s", c->host->cwd, workdir);
}

static int plan_end(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    struct mb_step *step;
    if (plan->terminal)
        mb_steps_add_at(c, MB_STEP_TERMINAL, &spec->origin[MB_OPTION_TTY], MB_SLOT_PTS, "/dev/pts/0", "ptmx")->uid =
            plan->uid;
    step = mb_steps_add_at(c, MB_STEP_REMOUNT, NULL, MB_SLOT_DEV, "/dev", "");
    step->attributes = MB_SAFE | MOUNT_ATTR_RDONLY;
    if (c->rootfs != MB_ROOTFS_DIR && spec->rootfs_access == MB_ACCESS_RO) {
        step = mb_steps_add_at(c, MB_STEP_REMOUNT, &spec->origin[MB_OPTION_ROOTFS], MB_SLOT_ROOT, "/", "");
        step->attributes = MB_NOSUID_NODEV | MOUNT_ATTR_RDONLY;
    }
    mb_steps_add(c, MB_STEP_PIVOT, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_ROOTFS])->target = "/";
    plan->workdir = workdir_of(c);
    if (!plan->workdir)
        return mb_error_host(c->err, &spec->origin[MB_OPTION_WORKDIR], MB_REMEDY_WORKDIR, ENOENT,
                             "cannot tell the present working directory for", spec->workdir);
    mb_steps_add_in_root(c, MB_STEP_WORKDIR, &spec->origin[MB_OPTION_WORKDIR], plan->workdir);
    if (c->host->keyrings) {
        plan->own_session_keyring = true;
        plan->session_keyring = c->host->session_keyring;
        mb_steps_add(c, MB_STEP_KEYRING, MB_SIDE_BUILDER, NULL);
    }
    for (size_t i = 0; i < spec->ulimit_count; i++) {
        struct rlimit now;
        const struct mb_ulimit *limit = &spec->ulimits[i];
        if (getrlimit(limit->resource, &now) < 0)
            return mb_error_host(c->err, &limit->origin, MB_REMEDY_NONE, errno, "cannot read the limit", limit->name);
        if (limit->hard <= now.rlim_max)
            continue;
        step = mb_steps_add(c, MB_STEP_RAISE_LIMIT, MB_SIDE_PARENT, &limit->origin);
        *step = (struct mb_step){.kind = step->kind,
                                 .side = step->side,
                                 .origin = step->origin,
                                 .source = limit->name,
                                 .resource = limit->resource,
                                 .soft = limit->soft,
                                 .hard = limit->hard,
                                 .fd = -1,
                                 .mount = -1};
    }
    mb_steps_add(c, MB_STEP_UMASK, MB_SIDE_BUILDER, NULL);
    step = mb_steps_add(c, MB_STEP_IDS, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_USER]);
    step->uid = plan->uid;
    step->gid = plan->gid;
    step->keep_groups = keeps_groups(c);
    step = mb_steps_add(c, MB_STEP_CAPABILITIES, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_CAP_ADD]);
    step->flags = plan->capabilities;
    step->uid = plan->uid;
    mb_steps_add(c, MB_STEP_NO_NEW_PRIVS, MB_SIDE_BUILDER, NULL);
    mb_steps_add(c, MB_STEP_INIT, MB_SIDE_BUILDER, &spec->origin[MB_OPTION_INIT]);
    mb_steps_add(c, MB_STEP_SESSION, MB_SIDE_COMMAND, NULL);
    mb_steps_add(c, MB_STEP_VERIFY, MB_SIDE_COMMAND, NULL);
    for (size_t i = 0; i < spec->ulimit_count; i++) {
        const struct mb_ulimit *limit = &spec->ulimits[i];
        bool last = true; /* of those for this resource: it is the one that counts */
        for (size_t j = i + 1; j < spec->ulimit_count; j++)
            last &= spec->ulimits[j].resource != limit->resource;
        if (!last)
            continue;
        step = mb_steps_add(c, MB_STEP_LIMIT, MB_SIDE_COMMAND, &limit->origin);
        step->source = limit->name;
        step->resource = limit->resource;
        step->soft = limit->soft;
        step->hard = limit->hard;
    }
    if (plan->filter.count)
        mb_steps_add(c, MB_STEP_FILTER, MB_SIDE_COMMAND, &spec->origin[MB_OPTION_SECCOMP]);
    mb_steps_add(c, MB_STEP_EXEC, MB_SIDE_COMMAND, NULL)->target = plan->command[0];
    return 0;
}

/* Whether the box can write to a directory of the host. */
static bool writes_to_host(const struct mb_compiler *c) {
    bool writes = c->rootfs == MB_ROOTFS_DIR && c->spec->rootfs_access == MB_ACCESS_RW;
    for (size_t i = 0; i < c->spec->volume_count; i++)
        writes |= c->spec->volumes[i].access == MB_ACCESS_RW;
    return writes;
}

/* The profile is not minibox's own, or there is none: set-id bits are refused all the same. */
static int plan_guard(struct mb_compiler *c) {
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_SECCOMP];
    if (c->spec->allow_suid)
        return 0;
    int result = mb_guard_put_before(&c->plan->arena, writes_to_host(c), &c->plan->filter);
    if (result == -E2BIG)
        return mb_error_usage(c->err, origin, MB_REMEDY_NONE, "too large a profile:", c->spec->seccomp_file,
                              "with minibox's own refusals it has more than %d instructions", MB_FILTER_MOST);
    return result ? mb_error_memory(c->err) : 0;
}

static int plan_filter(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    const struct mb_origin *origin = &spec->origin[MB_OPTION_SECCOMP];
    bool learns = spec->seccomp == MB_SECCOMP_LEARN;
    if (learns && !plan->init)
        return mb_error_usage(c->err, origin, MB_REMEDY_NONE, "nothing can be learned without --init yes", NULL, NULL);
    plan->notify = learns                                                    ? MB_NOTIFY_ALLOWED
                   : (spec->report || spec->verbose == MB_YES) && plan->init ? MB_NOTIFY_REFUSED
                                                                             : MB_NOTIFY_NONE;
    if (spec->seccomp == MB_SECCOMP_DEFAULT || learns) {
        plan->filter = spec->allow_suid ? mb_seccomp_builtin_allow_suid : mb_seccomp_builtin;
        return plan->capabilities
                   ? mb_profile_compile(&plan->arena, mb_seccomp_default_json, "the default profile",
                                        plan->capabilities, spec->allow_suid, origin, &plan->filter, c->err)
                   : 0;
    }
    if (spec->seccomp == MB_SECCOMP_FILE) {
        char *text = mb_profile_read(spec->seccomp_file, origin, c->err);
        int result = text ? mb_profile_compile(&plan->arena, text, spec->seccomp_file, plan->capabilities,
                                               spec->allow_suid, origin, &plan->filter, c->err)
                          : -1;
        free(text);
        if (result)
            return -1;
    }
    if (plan_guard(c))
        return -1;
    plan->notify = plan->filter.count ? plan->notify : MB_NOTIFY_NONE;
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static int compile(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    struct mb_plan *plan = c->plan;
    plan->privileged = c->host->privileged;
    plan->init = spec->init == MB_YES;
    plan->die_with_launcher = spec->die_with_launcher == MB_YES;
    bool has_files = spec->streams[0] || spec->streams[1] || spec->output_limit;
    plan->terminal = spec->tty == MB_YES || (spec->tty == MB_AUTO && c->host->terminal && !has_files);
    plan->window = c->host->window;
    plan->preserve_fds = spec->preserve_fds;
    plan->timeout = spec->timeout;
    plan->output_limit = spec->output_limit;
    plan->name = spec->name;
    plan->pid_file = spec->pid_file;
    plan->command = spec->command;

    if (plan_namespaces(c) || mb_rootfs_find(c) || plan_identity(c) || plan_memory(c) || check_suid_on_host(c) ||
        plan_environment(c) || plan_filter(c))
        return -1;
    plan_start(c);
    mb_mounts_plan_stage(c);
    if (mb_rootfs_plan(c) || mb_mounts_plan_kernel(c) || mb_rootfs_plan_extras(c) || mb_mounts_plan_user(c) ||
        plan_end(c) || plan_candidates(c))
        return -1;
    return plan->arena.failed ? mb_error_memory(c->err) : 0;
}

int mb_plan_compile(const struct minibox_spec *spec, const struct mb_host *host, struct mb_plan *ret_plan,
                    struct minibox_error *err) {
    struct mb_compiler c = {.spec = spec, .host = host, .plan = ret_plan, .err = err, .root_fd = -1};
    *ret_plan = (struct mb_plan){0};
    if (mb_spec_check(spec, err))
        return -1;
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
