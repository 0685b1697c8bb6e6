/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to a box.
 *
 * How it works. mb_box_fill() calls a list of parts; each fills in one noun of the box, from the options and from the
 * defaults of `minibox run`. Default mounts are entries of the same list as those that the user asks for.
 *
 * What must stay true: nothing on the host is changed; whatever can be refused without a launch is refused here or in
 * plan/. The parts need not look whether there was memory: mb_box_fill() asks the arena once, at the end.
 */
#include "box/fill.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/count.h"
#include "base/fd.h"
#include "base/number.h"

/* ---- the list of mounts --------------------------------------------------------------------------------------- */

struct mb_mount *mb_fill_mount(struct mb_filler *f, enum mb_mount_kind kind, const struct mb_origin *origin,
                               const char *target) {
    static const struct mb_origin by_default = {.kind = MB_ORIGIN_DEFAULT};
    struct mb_box *box = f->box;
    struct mb_mount *mount = mb_arena_push(&box->arena, &box->mounts, &box->mount_count, sizeof(*mount));
    if (!mount)
        mount = &f->scrap;
    *mount = (struct mb_mount){.kind = kind,
                               .origin = origin ? origin : &by_default,
                               .target = target,
                               .set = MB_NOSUID_NODEV,
                               .propagation = MS_PRIVATE};
    return mount;
}

void mb_fill_options(struct mb_filler *f, struct mb_mount *mount, const struct mb_mount_option *options, size_t count) {
    struct mb_mount_option *copy = mb_arena_alloc(&f->box->arena, count * sizeof(*copy));
    if (!copy)
        return;
    memcpy(copy, options, count * sizeof(*copy));
    mount->options = copy;
    mount->option_count = count;
}

struct mb_mount *mb_fill_bind(struct mb_filler *f, const struct mb_origin *origin, const char *source,
                              const char *target, enum mb_access access) {
    struct mb_mount *mount = mb_fill_mount(f, MB_MOUNT_BIND, origin, target);
    mount->source = source;
    mount->recursive = true;
    if (access == MB_ACCESS_RO)
        mount->set |= MOUNT_ATTR_RDONLY;
    return mount;
}

struct mb_mount *mb_fill_directory(struct mb_filler *f, const struct mb_origin *origin, const char *source,
                                   const char *target, enum mb_access access) {
    struct mb_mount *mount = mb_fill_bind(f, origin, source, target, access);
    if (access == MB_ACCESS_OVERLAY)
        mount->kind = MB_MOUNT_OVERLAY;
    mount->by_caller = true;
    mount->owners = access == MB_ACCESS_RO ? MB_OWNERS_BOX_IF_CAN_BE : MB_OWNERS_BOX;
    return mount;
}

struct mb_mount *mb_fill_tmpfs(struct mb_filler *f, const struct mb_origin *origin, const struct mb_tmpfs *tmpfs) {
    struct mb_mount *mount = mb_fill_mount(f, MB_MOUNT_NEW, origin, tmpfs->target);
    const char *mode = MB_TEXT(f, "%04o", tmpfs->mode);
    mount->type = "tmpfs";
    mount->set |= tmpfs->attributes;
    mount->clear = tmpfs->attributes & MOUNT_ATTR_NOATIME ? MOUNT_ATTR__ATIME : 0;
    if (tmpfs->size)
        MB_OPTIONS(f, mount, {"mode", mode}, {"size", MB_TEXT(f, "%llu", (unsigned long long)tmpfs->size)});
    else
        MB_OPTIONS(f, mount, {"mode", mode});
    return mount;
}

struct mb_mount *mb_fill_scratch(struct mb_filler *f, const struct mb_origin *origin, struct mb_scratch scratch) {
    if (f->rootfs == MB_ROOTFS_DIR) {
        const struct mb_tmpfs tmpfs = {.target = scratch.target, .mode = scratch.mode, .attributes = scratch.set};
        return mb_fill_tmpfs(f, origin, &tmpfs);
    }
    /* The root is in memory already: another file system would cost more than a directory that is bound onto itself. */
    struct mb_mount *directory = mb_fill_mount(f, MB_MOUNT_DIRECTORY, NULL, scratch.target);
    directory->mode = scratch.mode;
    directory->uid = scratch.uid;
    directory->gid = scratch.gid;
    struct mb_mount *mount = mb_fill_mount(f, MB_MOUNT_SELF, origin, scratch.target);
    mount->set |= scratch.set;
    return mount;
}

void mb_fill_absent(struct mb_filler *f, const char *what) {
    const char **slot = mb_arena_push(&f->box->arena, &f->box->absent, &f->box->absent_count, sizeof(*slot));
    if (slot)
        *slot = what;
}

/* ---- namespaces ----------------------------------------------------------------------------------------------- */

static int fill_namespaces(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    struct mb_box *box = f->box;
    if (mb_spec_flags(spec, &box->flags, f->err))
        return -1;
    box->joins = spec->joins;
    box->join_count = spec->join_count;
    for (size_t i = 0; i < spec->join_count; i++) {
        struct stat st;
        const struct mb_join *join = &spec->joins[i];
        if (stat(join->path, &st) < 0)
            return mb_error_host(f->err, &join->origin, MB_REMEDY_NO_SUCH_PATH, errno, "cannot join", join->path);
        box->joined[join->flag] = st.st_ino;
    }
    if (mb_box_has_own(box, CLONE_NEWUSER) || mb_box_joins(box, MB_FLAG_USER) || f->host->privileged)
        return 0;
    mb_error_usage(f->err, &spec->origin[MB_OPTION_SHARE], MB_REMEDY_NONE, "refusing to share", "user",
                   "an ordinary user may make other namespaces only inside a user namespace");
    mb_error_remedy(f->err, "leave out user, or run as root");
    return -1;
}

/* ---- values that need no look at the host --------------------------------------------------------------------- */

static int fill_process(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    struct mb_process *process = &f->box->process;
    bool has_files = spec->streams[0] || spec->streams[1] || spec->output_limit;
    *process = (struct mb_process){
        .umask = 022,
        .no_new_privs = true,
        .leads_session = true,
        .private_mounts = true,
        .every_mount = MOUNT_ATTR_NOSUID,
        .init = spec->init == MB_YES,
        .die_with_launcher = spec->die_with_launcher == MB_YES,
        .terminal = spec->tty == MB_YES || (spec->tty == MB_AUTO && f->host->terminal && !has_files),
        .preserve_fds = spec->preserve_fds,
        .own_keyring = f->host->keyrings,
        .callers_keyring = f->host->session_keyring,
        .shared_with_init = f->box->flags & (CLONE_IO | CLONE_SYSVSEM),
        .has_hostname = mb_box_has_own(f->box, CLONE_NEWUTS),
    };
    const char *hostname = spec->hostname ? spec->hostname : spec->name;
    size_t length = strlen(hostname);
    if (process->has_hostname && length >= sizeof(process->hostname))
        return mb_error_usage(f->err, &spec->origin[MB_OPTION_HOSTNAME], MB_REMEDY_NONE, "bad host name", hostname,
                              "longer than %zu bytes", sizeof(process->hostname) - 1);
    if (process->has_hostname)
        memcpy(process->hostname, hostname, length + 1);
    return 0;
}

static int fill_the_rest(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    struct mb_box *box = f->box;
    box->command = spec->command;
    memcpy(box->streams, spec->streams, sizeof(box->streams));
    box->window = f->host->window;
    box->name = spec->name;
    box->timeout = spec->timeout;
    box->output_limit = spec->output_limit;
    box->root_is_read_only = spec->rootfs_access == MB_ACCESS_RO;
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------------ */

static int (*const parts[])(struct mb_filler *f) = {
    fill_the_rest,       fill_namespaces,     fill_process,          mb_fill_find_root, mb_fill_identity,
    mb_fill_environment, mb_fill_confinement, mb_fill_limits,        mb_fill_root,      mb_fill_kernel_mounts,
    mb_fill_extras,      mb_fill_user_mounts, mb_fill_end_of_mounts,
};

int mb_box_fill(const struct minibox_spec *spec, const struct mb_host *host, struct mb_box *ret_box,
                struct minibox_error *err) {
    *ret_box = (struct mb_box){.spec = spec, .host = host};
    struct mb_filler f = {.spec = spec, .host = host, .box = ret_box, .err = err, .root_fd = -1};
    int result = mb_spec_check(spec, err);
    for (size_t i = 0; result == 0 && i < MB_COUNT(parts); i++)
        result = parts[i](&f);
    mb_fd_close(&f.root_fd);
    if (result == 0 && ret_box->arena.failed)
        result = mb_error_memory(err);
    if (result)
        mb_box_free(ret_box);
    return result;
}

void mb_box_free(struct mb_box *box) {
    mb_arena_free(&box->arena);
    *box = (struct mb_box){0};
}
