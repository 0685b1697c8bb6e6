/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A check is a row of a table: what is tried, and what it means for minibox if it does not work. Most are
 * tried in a child with new namespaces, which does what a builder would do and ends with the errno of what was refused.
 * Nothing is concluded from version numbers or settings: those are looked at only to explain a refusal.
 */
#include "base/text.h"
#include "prove/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/raw.h"
#include "show/show.h"
#include "box/identity.h"
#include "run/run.h"
#include "prove/proc.h"

enum check_id { KERNEL, CALLS, NAMESPACE, MOUNTS, PROC, OVERLAY, IDMAP, FILTER, SUBIDS, CGROUPS, PROGRAM, BOX };

/* `use` goes on after "for". */
static const struct check {
    enum check_id id;
    const char *name; /* NAMESPACE: of the flag's row; PROGRAM: of the program; BOX: the root file system */
    const char *use;
    const char *todo;
} checks[] = {
    {KERNEL, "kernel", "Linux 5.12 is the oldest that will do", NULL},
    {CALLS, "system calls", "every box", "use Linux 5.12 or newer; a container's seccomp filter may refuse them too"},
    {NAMESPACE, "user", "every box, unless root asks for --share user", NULL},
    {NAMESPACE, "mnt", "every box", NULL},
    {NAMESPACE, "pid", "every box, but for --share pid", NULL},
    {NAMESPACE, "uts", "every box, but for --share uts", NULL},
    {NAMESPACE, "ipc", "every box, but for --share ipc", NULL},
    {NAMESPACE, "net", "every box, but for --network host", NULL},
    {NAMESPACE, "cgroup", "every box, but for --share cgroup", NULL},
    {NAMESPACE, "time", "every box, but for --share time", NULL},
    {MOUNTS, "mounts in a user namespace", "every box", NULL},
    {PROC, "new /proc", "every box, but for --share pid", "in a container: start it with --security-opt unmask=ALL"},
    {OVERLAY, "overlay", "--rootfs DIR:overlay, -v SRC:DST:overlay",
     "use :ro or :rw; Linux 5.11 or newer mounts it in a user namespace"},
    {IDMAP, "idmapped mounts", "DIR and -v as root: files keep their owners",
     "as an ordinary user none are needed; as root: Linux 5.12 or newer"},
    {FILTER, "seccomp filters", "every box, but for --seccomp off", "use a kernel with CONFIG_SECCOMP_FILTER"},
    {SUBIDS, "subordinate ids", "--userns with more than one id, by an ordinary user",
     "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"},
    {CGROUPS, "cgroup v2", "limits on whole boxes",
     "boot with systemd.unified_cgroup_hierarchy=1; for a user: systemd-run --user --scope -p Delegate=yes"},
    {PROGRAM, "busybox", "--rootfs busybox, the default", "install busybox-static"},
    {PROGRAM, "newuidmap", "--userns with more than one id, by an ordinary user", "install uidmap"},
    {PROGRAM, "newgidmap", "--userns with more than one id, by an ordinary user", "install uidmap"},
    {PROGRAM, "pasta", "a network namespace that reaches out, for --join net=", "install passt"},
    {PROGRAM, "slirp4netns", "the same, where pasta is not to be had", "install slirp4netns"},
    {BOX, "busybox", "minibox run sh", NULL},
    {BOX, "host", "minibox run --rootfs host sh", NULL},
};
enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

struct finding {
    bool works;
    char detail[1024], todo[256];
};

/* What a child is to try. */
struct trial {
    enum check_id id;
    bool own_user; /* in a user namespace, whose map it writes */
    uint64_t unshare;
    uid_t uid;
    gid_t gid;
};

static void explain(struct finding *f, bool works, const char *detail, const char *todo) {
    f->works = works;
    snprintf(f->detail, sizeof(f->detail), "%s", detail);
    snprintf(f->todo, sizeof(f->todo), "%s", todo && !works ? todo : "");
}

/* ---- tried in a child ------------------------------------------------------------------------------------------ */

static int mount_overlay(void) {
    if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/lower", 0755) < 0 ||
        mkdir("/tmp/upper", 0755) < 0 || mkdir("/tmp/work", 0755) < 0)
        return errno;
    return mount("overlay", "/tmp/lower", "overlay", 0,
                 "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr") < 0
               ? errno
               : 0;
}

/* Ends with the errno of what is refused. */
static int try_in_child(void *argument) {
    const struct trial *trial = argument;
    if (trial->own_user && mb_proc_map_one(0, 0, trial->uid, trial->gid) < 0)
        return errno;
    if (trial->unshare && unshare((int)trial->unshare) < 0)
        return errno;
    switch (trial->id) {
    case MOUNTS:
        return mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 ? errno : 0;
    case PROC:
        return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno : 0;
    case OVERLAY:
        return mount_overlay();
    default:
        return 0;
    }
}

/* 0, or the errno of what is refused. */
static int try(struct trial trial, uint64_t flags) {
    struct minibox_child child;
    struct minibox_error err;
    int status;
    trial.uid = geteuid();
    trial.gid = getegid();
    if (minibox_clone(try_in_child, &trial, flags | (trial.own_user ? CLONE_NEWUSER : 0) | SIGCHLD, 1 << 18, &child,
                      &err))
        return err.number ? err.number : EINVAL;
    return minibox_clone_wait(&child, &status, &err) ? ECHILD : WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static void check_in_child(const struct check *c, bool privileged, struct finding *f) {
    struct trial trial = {.id = c->id, .own_user = !privileged || c->id != NAMESPACE};
    uint64_t flags = c->id == PROC ? CLONE_NEWNS | CLONE_NEWPID : c->id == NAMESPACE ? 0 : CLONE_NEWNS;
    if (c->id == NAMESPACE) {
        uint64_t flag = mb_flags[mb_flags_find(c->name)].flag;
        trial.own_user |= flag == CLONE_NEWUSER;
        trial.unshare = flag == CLONE_NEWTIME ? flag : 0;
        flags = flag & ~(uint64_t)(CLONE_NEWTIME | CLONE_NEWUSER);
    }
    int number = try(trial, flags);
    explain(f, number == 0, number ? strerrordesc_np(number) : "", c->todo);
    struct minibox_error why = {0};
    bool is_forbidden = number == EPERM || number == EACCES || number == ENOSPC;
    if (number == EACCES && c->id != NAMESPACE)
        explain(f, false, mb_remedy_detail(MB_REMEDY_MOUNT_DENIED), mb_remedy_text(MB_REMEDY_MOUNT_DENIED));
    else if (is_forbidden && (c->id == NAMESPACE || c->id == MOUNTS) && mb_host_explain_userns("", &why)) {
        snprintf(f->detail, sizeof(f->detail), "%s", why.detail);
        snprintf(f->todo, sizeof(f->todo), "%s", why.remedy);
    }
}

/* ---- tried here ------------------------------------------------------------------------------------------------ */

/* With arguments that no call takes: ENOSYS, or what a filter says, tells that there is none. */
static void check_calls(const struct check *c, struct finding *f) {
    static const struct {
        const char *name;
        long number;
    } calls[] = {{"openat2", SYS_openat2},
                 {"close_range", SYS_close_range},
                 {"pidfd_open", SYS_pidfd_open},
                 {"fsopen", SYS_fsopen},
                 {"open_tree", SYS_open_tree},
                 {"move_mount", SYS_move_mount},
                 {"mount_setattr", SYS_mount_setattr}};
    char missing[128] = "";
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        long result = raw(calls[i].number, -1, 0, -1, -1, -1, -1);
        if (result == -ENOSYS ||
            (result == -EPERM && calls[i].number != SYS_fsopen && calls[i].number != SYS_open_tree &&
             calls[i].number != SYS_move_mount && calls[i].number != SYS_mount_setattr))
            snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), "%s%s",
                     missing[0] ? ", " : "not there: ", calls[i].name);
    }
    explain(f, !missing[0], missing, c->todo);
}

static int hold_still(void *argument) {
    char byte;
    return read(*(int *)argument, &byte, 1) < 0;
}

/* A mount of /tmp whose owners another user namespace maps. */
static int try_idmap(void) {
    int ends[2], status, number = 0;
    struct minibox_child child;
    struct minibox_error err;
    char path[64];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    mb_autofd read_end = ends[0], write_end = ends[1];
    if (minibox_clone(hold_still, &read_end, CLONE_NEWUSER | CLONE_FILES | SIGCHLD, 0, &child, &err))
        return err.number ? err.number : EINVAL;
    if (mb_proc_map_one(child.pid, 0, 1000000, 1000000) < 0)
        number = errno;
    snprintf(path, sizeof(path), "/proc/%d/ns/user", child.pid);
    mb_autofd users = open(path, O_RDONLY | O_CLOEXEC);
    long tree = raw(SYS_open_tree, AT_FDCWD, "/tmp", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)users};
    long result = tree < 0 ? tree : raw(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr));
    if (!number && result < 0)
        number = (int)-result;
    if (tree >= 0)
        raw(SYS_close, tree);
    if (write(write_end, "", 1) != 1)
        kill(child.pid, SIGKILL);
    return minibox_clone_wait(&child, &status, &err) && !number ? ECHILD : number;
}

static void check_filter(const struct check *c, struct finding *f) {
    const uint32_t actions[] = {SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS};
    int number = 0;
    for (size_t i = 0; i < 2 && !number; i++)
        number = (int)-raw(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]);
    explain(f, number == 0, number ? strerrordesc_np(number) : "", c->todo);
}

static void check_cgroups(const struct check *c, struct finding *f) {
    struct statfs st;
    char own[512] = "", path[600], controllers[64] = "";
    if (statfs("/sys/fs/cgroup", &st) < 0 || st.f_type != CGROUP2_SUPER_MAGIC) {
        explain(f, false, "/sys/fs/cgroup is not cgroup v2", c->todo);
        return;
    }
    if (mb_fd_read_file("/proc/self/cgroup", own, sizeof(own)) < 0 || strncmp(own, "0::", 3) != 0) {
        explain(f, false, "there is another hierarchy beside it", c->todo);
        return;
    }
    own[strcspn(own, "\n")] = '\0';
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.controllers", own + 3);
    mb_fd_read_file(path, controllers, sizeof(controllers));
    controllers[strcspn(controllers, "\n")] = '\0';
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", own + 3);
    bool writable = access(path, W_OK) == 0;
    snprintf(f->detail, sizeof(f->detail), "%s %.100s (%s)", writable ? "may make cgroups below" : "may not write to",
             own + 3, controllers[0] ? controllers : "no controllers");
    f->works = writable;
    snprintf(f->todo, sizeof(f->todo), "%s", writable ? "" : c->todo);
}

static void check_program(const struct check *c, struct finding *f) {
    char path[512];
    const char *folder = getenv("PATH");
    for (size_t length; folder && *folder; folder += length + (folder[length] == ':')) {
        length = strcspn(folder, ":");
        snprintf(path, sizeof(path), "%.*s/%s", (int)length, folder, c->name);
        if (access(path, X_OK) == 0) {
            explain(f, true, path, NULL);
            return;
        }
    }
    explain(f, false, "not in PATH", c->todo);
}

static void explain_error(struct finding *f, const struct minibox_error *err) {
    f->works = false;
    snprintf(f->detail, sizeof(f->detail), "%s%s%s%s%s%s%s", err->what, err->object[0] ? " " : "", err->object,
             err->reason[0] ? ": " : "", err->reason, err->detail[0] ? "; " : "", err->detail);
    snprintf(f->todo, sizeof(f->todo), "%s", err->remedy);
}

static void check_box(const struct check *c, struct finding *f) {
    static char name[] = "true";
    char *const command[] = {name, NULL};
    struct minibox_spec *spec = NULL;
    struct minibox_error err = {0};
    if (minibox_spec_new(&spec, &err) || minibox_spec_set(spec, "rootfs", c->name, &err) ||
        minibox_spec_set(spec, "timeout", "30s", &err) || minibox_spec_command(spec, command, &err) ||
        mb_run_trial(spec, &err))
        explain_error(f, &err);
    else
        explain(f, true, "", NULL);
    minibox_spec_free(spec);
}

static void check_one(const struct check *c, const struct mb_host *host, struct finding *f) {
    bool privileged = host->privileged;
    struct utsname name;
    unsigned major = 0, minor = 0;
    int number;
    switch (c->id) {
    case KERNEL:
        uname(&name);
        sscanf(name.release, "%u.%u", &major, &minor);
        explain(f, major > 5 || (major == 5 && minor >= 12), name.release, "use Linux 5.12 or newer");
        break;
    case CALLS:
        check_calls(c, f);
        break;
    case NAMESPACE:
    case MOUNTS:
    case PROC:
    case OVERLAY:
        check_in_child(c, privileged, f);
        break;
    case IDMAP:
        number = privileged ? try_idmap() : EPERM;
        explain(f, number == 0,
                !privileged ? "only root may make them"
                : number    ? strerrordesc_np(number)
                            : "",
                c->todo);
        break;
    case FILTER:
        check_filter(c, f);
        break;
    case SUBIDS:
        f->works = privileged || mb_identity_has_subordinates(host);
        explain(f, f->works,
                privileged ? "root needs none"
                : f->works ? ""
                           : "no line of this user in both of /etc/subuid and /etc/subgid",
                c->todo);
        break;
    case CGROUPS:
        check_cgroups(c, f);
        break;
    case PROGRAM:
        check_program(c, f);
        break;
    case BOX:
        check_box(c, f);
        break;
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static void print_line(FILE *out, const char *name, const char *use, const struct finding *f) {
    enum { COLUMN = 32 };
    char text[1536];
    int column = fprintf(out, "%-4s %-26s", f->works ? "yes" : "no", name);
    bool is_enough = !use[0] || (f->works && f->detail[0]);
    snprintf(text, sizeof(text), "%s%s%s", f->detail,
             is_enough      ? ""
             : f->detail[0] ? "; needed for "
                            : "for ",
             is_enough ? "" : use);
    mb_text_print_wrapped(out, text, COLUMN, column);
    if (f->todo[0])
        mb_text_print_wrapped(out, f->todo, COLUMN, fprintf(out, "%*stry:", COLUMN, ""));
}

static void add_finding(struct mb_arena *arena, struct json_object *list, const char *name, const char *use,
                        const struct finding *f) {
    struct json_object *item = json_object_new_object();
    json_object_object_add(item, "name", json_object_new_string(name));
    json_object_object_add(item, "works", json_object_new_boolean(f->works));
    json_object_object_add(item, "detail", mb_json_string(arena, f->detail));
    json_object_object_add(item, "for", json_object_new_string(use));
    json_object_object_add(item, "try", mb_json_string(arena, f->todo));
    json_object_array_add(list, item);
}

int mb_check(const struct minibox_spec *spec, bool json, FILE *out, int *ret_status, struct minibox_error *err) {
    static const char *const prefixes[] = {[NAMESPACE] = "namespace ", [PROGRAM] = "program ", [BOX] = "box of "};
    struct mb_arena arena = {0};
    struct mb_host host;
    struct json_object *list = json ? json_object_new_array() : NULL;
    bool can_box = false;
    if (mb_host_probe(&arena, &host, err)) /* a weak root, say: each box below will tell */
        host = (struct mb_host){.root = "", .uid = geteuid()};
    for (size_t i = 0; i < (spec ? 1 : CHECKS); i++) {
        const struct check *c = &checks[i];
        struct finding f = {0};
        char name[64] = "this launch";
        const char *use = spec ? "" : c->use;
        if (!spec) {
            const char *prefix =
                (size_t)c->id < sizeof(prefixes) / sizeof(prefixes[0]) && prefixes[c->id] ? prefixes[c->id] : "";
            snprintf(name, sizeof(name), "%s%s", prefix, c->name);
            check_one(c, &host, &f);
            can_box |= c->id == BOX && f.works;
        } else if (mb_run_trial(spec, err)) {
            explain_error(&f, err);
        } else {
            explain(&f, can_box = true, "the command would be executed", NULL);
        }
        if (json)
            add_finding(&arena, list, name, use, &f);
        else
            print_line(out, name, use, &f);
    }
    mb_arena_free(&arena);
    *ret_status = !can_box;
    return json ? mb_json_print(out, list, err) : 0;
}
