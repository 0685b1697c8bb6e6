/* SPDX-License-Identifier: Apache-2.0 */
/* The command: its environment, its working directory, its limits, and what it may do. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "box/fill.h"
#include "box/identity.h"
#include "filter/profile.h"
#include "filter/guard.h"

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* ---- environment and working directory ------------------------------------------------------------------------ */

const char *mb_box_variable(char *const *environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static void set_variable(struct mb_filler *f, size_t *count, const char *name, const char *value) {
    char **environment = f->box->environment;
    size_t length = strlen(name), i = 0;
    while (i < *count && !(strncmp(environment[i], name, length) == 0 && environment[i][length] == '='))
        i++;
    environment[i] = (char *)MB_TEXT(f, "%s=%s", name, value);
    *count += i == *count;
}

/* NULL: the present one is asked for, and cannot be told. */
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
    enum { OWN = 8 }; /* at most so many that minibox sets, and the NULL */
    const struct minibox_spec *spec = f->spec;
    const char *name, *home;
    size_t count = 0;
    f->box->environment = mb_arena_alloc(&f->box->arena, (spec->env_count + OWN) * sizeof(char *));
    if (!f->box->environment)
        return mb_error_memory(f->err);
    mb_identity_find_name(&f->box->arena, &f->accounts, f->box->process.uid, &name, &home);
    set_variable(f, &count, "PATH", default_path);
    set_variable(f, &count, "HOME", home[0] ? home : "/");
    set_variable(f, &count, "container", "minibox");
    if (name[0])
        set_variable(f, &count, "USER", name);
    const char *term = mb_box_variable(f->host->environment, "TERM");
    if (f->box->process.terminal)
        set_variable(f, &count, "TERM", term ? term : "xterm");
    for (size_t i = 0; i < spec->env_count; i++) {
        const struct mb_env *env = &spec->env[i];
        const char *value = env->value ? env->value : mb_box_variable(f->host->environment, env->name);
        if (value) /* a variable that the caller has not is not set: as docker does */
            set_variable(f, &count, env->name, value);
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
    /* For uid 0 execve(2) computes the permitted set from the bounding one; another uid keeps it only by the ambient
     * one. */
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
 * A file that is set-user-id already can be given other content by a shared mapping, which no filter sees and which
 * does not clear the bit; with SETFCAP a file can be given capabilities. Where the box's root is root of the files on
 * the host, such a file would run as the host's root for anyone who reaches it there. A root file system is full of
 * them: a writable one must be out of other users' reach.
 */
static int check_set_id_on_host(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    enum { SETFCAP = 31 };
    bool is_writable = f->rootfs == MB_ROOTFS_DIR && spec->rootfs_access == MB_ACCESS_RW;
    if (!f->host->privileged || spec->allow_suid)
        return 0;
    if (is_writable && mb_root_is_reachable(f->box->root_path))
        return mb_error_usage(
            f->err, &spec->origin[MB_OPTION_ROOTFS], MB_REMEDY_SUID_ON_HOST,
            "refusing a writable root file system that other users of the host can reach:", f->box->root_path, NULL);
    if (shows_writable(f) && (f->box->process.capabilities.permitted >> SETFCAP & 1))
        return mb_error_usage(f->err, &spec->origin[MB_OPTION_CAP_ADD], MB_REMEDY_SUID_ON_HOST,
                              "refusing the capability SETFCAP with writable directories of the host", NULL, NULL);
    return 0;
}

/* The profile is not minibox's own, or there is none: set-id bits are refused all the same. */
static int add_guard(struct mb_filler *f) {
    const struct mb_origin *origin = &f->spec->origin[MB_OPTION_SECCOMP];
    if (f->spec->allow_suid)
        return 0;
    int result = mb_guard_put_before(&f->box->arena, may_write_to_host(f), &f->box->filter);
    if (result == -E2BIG)
        return mb_error_usage(f->err, origin, MB_REMEDY_NONE, "too large a profile:", f->spec->seccomp_file,
                              "with minibox's own refusals it has more than %d instructions", MB_FILTER_MOST);
    return result ? mb_error_memory(f->err) : 0;
}

static int compile_profile(struct mb_filler *f, const char *text, const char *name) {
    const struct mb_origin *origin = &f->spec->origin[MB_OPTION_SECCOMP];
    return mb_profile_compile(&f->box->arena, text, name, f->box->process.capabilities.permitted, f->spec->allow_suid,
                              origin, &f->box->filter, f->err);
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
    if (fill_capabilities(f) || check_set_id_on_host(f))
        return -1;
    return fill_filter(f);
}

/* ---- limits --------------------------------------------------------------------------------------------------- */

/* Of several limits for one resource the last one counts. */
int mb_fill_limits(struct mb_filler *f) {
    struct mb_ulimit *limits = NULL;
    for (size_t i = 0; i < f->spec->ulimit_count; i++) {
        const struct mb_ulimit *limit = &f->spec->ulimits[i];
        bool is_last = true;
        for (size_t j = i + 1; j < f->spec->ulimit_count; j++)
            is_last &= f->spec->ulimits[j].resource != limit->resource;
        if (!is_last)
            continue;
        struct mb_ulimit *slot = mb_arena_push(&f->box->arena, &limits, &f->box->limit_count, sizeof(*slot));
        if (!slot)
            return mb_error_memory(f->err);
        *slot = *limit;
        f->box->limits = limits;
    }
    return 0;
}
