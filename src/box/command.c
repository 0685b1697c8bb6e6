/* SPDX-License-Identifier: Apache-2.0 */
/* The command: its environment, working directory, limits, capabilities and system call filter. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "box/fill.h"
#include "box/identity.h"
#include "filter/guard.h"
#include "filter/profile.h"
#include "kernel/caps.h"

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* ---- environment and working directory ------------------------------------------------------------------------ */

const char *mb_box_variable(char *const *environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static void put_variable(struct mb_filler *f, size_t *count, const char *name, const char *value) {
    char **environment = f->box->environment;
    size_t length = strlen(name), i = 0;
    while (i < *count && !(strncmp(environment[i], name, length) == 0 && environment[i][length] == '='))
        i++;
    environment[i] = (char *)MB_TEXT(f, "%s=%s", name, value);
    *count += i == *count;
}

/* NULL: it is relative to the caller's, which cannot be found out. */
static const char *working_directory(struct mb_filler *f) {
    const char *workdir = f->spec->workdir;
    if (!workdir || workdir[0] == '/')
        return workdir ? workdir : "/";
    if (!f->host->cwd)
        return NULL;
    while (strncmp(workdir, "./", 2) == 0)
        workdir += 2;
    return strcmp(workdir, ".") == 0 ? f->host->cwd : MB_TEXT(f, "%s/%s", f->host->cwd, workdir);
}

int mb_fill_environment(struct mb_filler *f) {
    enum { OWN = 8 }; /* more than minibox sets by itself, and the final NULL */
    const struct minibox_spec *spec = f->spec;
    const char *name, *home;
    size_t count = 0;
    f->box->environment = mb_arena_alloc(&f->box->arena, (spec->env_count + OWN) * sizeof(char *));
    if (!f->box->environment)
        return mb_error_memory(f->err);
    mb_identity_find_name(&f->box->arena, &f->accounts, f->box->process.uid, &name, &home);
    put_variable(f, &count, "PATH", default_path);
    put_variable(f, &count, "HOME", home[0] ? home : "/");
    put_variable(f, &count, "container", "minibox");
    if (name[0])
        put_variable(f, &count, "USER", name);
    const char *term = mb_box_variable(f->host->environment, "TERM");
    if (f->box->process.terminal)
        put_variable(f, &count, "TERM", term ? term : "xterm");
    for (size_t i = 0; i < spec->env_count; i++) {
        const struct mb_env *env = &spec->env[i];
        const char *value = env->value ? env->value : mb_box_variable(f->host->environment, env->name);
        if (value) /* like docker, minibox leaves out a variable that the caller lacks */
            put_variable(f, &count, env->name, value);
    }
    f->home = mb_box_variable(f->box->environment, "HOME");
    f->box->workdir = working_directory(f);
    if (f->box->workdir)
        return 0;
    return mb_error_host(f->err, &spec->origin[MB_OPTION_WORKDIR], MB_REMEDY_WORKDIR, ENOENT,
                         "cannot tell the present working directory for", spec->workdir);
}

/* ---- capabilities and the filter ------------------------------------------------------------------------------ */

static int fill_capabilities(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    struct mb_process *process = &f->box->process;
    uint64_t wanted = spec->cap_add & ~spec->cap_drop, known = wanted & f->host->capabilities;
    if (wanted != known && spec->cap_add != UINT64_MAX)
        return mb_error_usage(f->err, &spec->origin[MB_OPTION_CAP_ADD], MB_REMEDY_OLD_KERNEL,
                              "this kernel does not know a capability of", "--cap-add", NULL);
    process->capabilities = (struct mb_capabilities){.effective = known, .permitted = known, .bounding = known};
    /* At execve(2) uid 0 gets its permitted set from the bounding set; any other uid needs the ambient set to keep it.
     */
    if (process->uid)
        process->capabilities.inheritable = process->capabilities.ambient = known;
    return 0;
}

/* Whether a directory of the host is shown writable. */
static bool shows_writable(const struct mb_filler *f) {
    bool shows = f->rootfs == MB_ROOTFS_DIR && f->spec->rootfs_access == MB_ACCESS_RW;
    for (size_t i = 0; i < f->spec->volume_count; i++)
        shows |= f->spec->volumes[i].access == MB_ACCESS_RW;
    return shows;
}

/* ... or the box may get hold of one: with the host's ids, or by a descriptor that was passed on and brings others. */
static bool may_write_to_host(const struct mb_filler *f) {
    return shows_writable(f) || !mb_box_has_own(f->box, CLONE_NEWUSER) || f->spec->preserve_fds;
}

/*
 * The box could change a file that is set-user-id already by a shared mapping, which no filter sees and which does not
 * clear the bit; with SETFCAP it could give a file capabilities. If the box's root owns the files of the host's root,
 * any user of the host who reaches such a file runs it as the host's root. A root file system is full of set-user-id
 * files, so other users must not reach a writable one.
 */
static int check_set_id_on_host(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    bool is_writable = f->rootfs == MB_ROOTFS_DIR && spec->rootfs_access == MB_ACCESS_RW;
    if (!f->host->privileged || spec->allow_suid)
        return 0;
    if (is_writable && mb_root_is_reachable(f->box->root_path))
        return mb_error_usage(
            f->err, &spec->origin[MB_OPTION_ROOTFS], MB_REMEDY_SUID_ON_HOST,
            "refusing a writable root file system that other users of the host can reach:", f->box->root_path, NULL);
    if (shows_writable(f) && (f->box->process.capabilities.permitted >> CAP_SETFCAP & 1))
        return mb_error_usage(f->err, &spec->origin[MB_OPTION_CAP_ADD], MB_REMEDY_SUID_ON_HOST,
                              "refusing the capability SETFCAP with writable directories of the host", NULL, NULL);
    return 0;
}

/* Refuses set-id bits also where the filter is not minibox's own, or there is none. */
static int add_guard(struct mb_filler *f) {
    const struct mb_origin *origin = &f->spec->origin[MB_OPTION_SECCOMP];
    if (f->spec->allow_suid)
        return 0;
    enum mb_guard_reach reach = may_write_to_host(f) ? MB_GUARD_HOST_TOO : MB_GUARD_BOX_ALONE;
    int result = mb_guard_put_before(&f->box->arena, reach, &f->box->filter);
    if (result == -E2BIG)
        return mb_error_usage(f->err, origin, MB_REMEDY_NONE, "too large a profile:", f->spec->seccomp_file,
                              "with minibox's own refusals it has more than %d instructions", MB_FILTER_MOST);
    return result ? mb_error_memory(f->err) : 0;
}

static int compile_profile(struct mb_filler *f, const char *text, const char *name) {
    return mb_profile_compile(&f->box->arena, text, name, f->box->process.capabilities.permitted,
                              f->spec->allow_suid ? MB_SET_ID_ALLOWED : MB_SET_ID_REFUSED,
                              &f->spec->origin[MB_OPTION_SECCOMP], &f->box->filter, f->err);
}

static int fill_filter(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    char *text = NULL;
    int result = 0;
    switch (spec->seccomp) {
    case MB_SECCOMP_LEARN:
        if (spec->init != MB_YES)
            return mb_error_usage(f->err, &spec->origin[MB_OPTION_SECCOMP], MB_REMEDY_NONE,
                                  "nothing can be learned without --init yes", NULL, NULL);
        /* fall through */
    case MB_SECCOMP_DEFAULT:
        f->box->filter = spec->allow_suid ? mb_seccomp_builtin_allow_suid : mb_seccomp_builtin;
        if (!f->box->process.capabilities.permitted)
            return 0;
        return compile_profile(f, mb_seccomp_default_json, "the default profile");
    case MB_SECCOMP_FILE:
        text = mb_profile_read(spec->seccomp_file, &spec->origin[MB_OPTION_SECCOMP], f->err);
        result = text ? compile_profile(f, text, spec->seccomp_file) : -1;
        free(text);
        return result ? -1 : add_guard(f);
    case MB_SECCOMP_OFF:
        break;
    }
    return add_guard(f);
}

int mb_fill_confinement(struct mb_filler *f) {
    return fill_capabilities(f) || check_set_id_on_host(f) || fill_filter(f) ? -1 : 0;
}

/* ---- limits --------------------------------------------------------------------------------------------------- */

/* Of several limits for one resource the last one counts. */
int mb_fill_limits(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    for (size_t i = 0; i < spec->ulimit_count; i++) {
        bool is_last = true;
        for (size_t j = i + 1; j < spec->ulimit_count; j++)
            is_last &= spec->ulimits[j].resource != spec->ulimits[i].resource;
        struct mb_ulimit *slot =
            is_last ? mb_arena_push(&f->box->arena, &f->box->limits, &f->box->limit_count, sizeof(*slot)) : NULL;
        if (slot)
            *slot = spec->ulimits[i];
    }
    return 0;
}
