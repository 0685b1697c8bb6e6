/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A check is a row of a table: the function that tries it, what needs it, and what to do if it does not
 * work. Most are tried in a child with new namespaces, which makes the same system calls as a builder and ends with the
 * errno of a refused one. Version numbers and settings decide nothing, except in the row "kernel"; they only explain a
 * refusal.
 */
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

#include "base/count.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/raw.h"
#include "base/text.h"
#include "box/identity.h"
#include "prove/proc.h"
#include "run/run.h"
#include "show/show.h"

struct finding {
    enum answer { NO, YES } works;
    char detail[1024], todo[256];
};

/* What a child mounts in its new namespaces. */
enum deed { DEED_NONE, DEED_TMPFS, DEED_PROC, DEED_OVERLAY };

struct check {
    const char *name;
    void (*find)(const struct check *c, const struct mb_host *host, struct finding *f);
    const char *subject; /* name of a flag's row, of a program or of a root file system; NULL: `find` needs none */
    enum deed deed;
    const char *use; /* continues "for" */
    const char *todo;
};

static void explain(struct finding *f, enum answer works, const char *detail, const char *todo) {
    f->works = works;
    snprintf(f->detail, sizeof(f->detail), "%s", detail);
    snprintf(f->todo, sizeof(f->todo), "%s", todo && works == NO ? todo : "");
}

static void explain_number(struct finding *f, int number, const char *todo) {
    explain(f, number ? NO : YES, number ? strerrordesc_np(number) : "", todo);
}

/* ---- tried in a child ------------------------------------------------------------------------------------------ */

/* A child's task. */
struct trial {
    enum deed deed;
    bool own_user; /* it is in a new user namespace, and writes the map first */
    uint64_t unshare;
    uid_t uid;
    gid_t gid;
};

static int mount_overlay(void) {
    if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/lower", 0755) < 0 ||
        mkdir("/tmp/upper", 0755) < 0 || mkdir("/tmp/work", 0755) < 0)
        return errno;
    return mount("overlay", "/tmp/lower", "overlay", 0,
                 "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr") < 0
               ? errno
               : 0;
}

/* Runs in the child, whose exit status is the errno of a refused call. */
static int try_in_child(void *argument) {
    const struct trial *trial = argument;
    if (trial->own_user && mb_proc_map_one(0, 0, trial->uid, trial->gid) < 0)
        return errno;
    if (trial->unshare && unshare((int)trial->unshare) < 0)
        return errno;
    switch (trial->deed) {
    case DEED_NONE:
        return 0;
    case DEED_TMPFS:
        return mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 ? errno : 0;
    case DEED_PROC:
        return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno : 0;
    case DEED_OVERLAY:
        return mount_overlay();
    }
    return EINVAL;
}

/* Returns 0, or the errno of a refused call. */
static int clone_and_try(struct trial trial, uint64_t flags) {
    struct minibox_child child;
    struct minibox_error err;
    int status;
    trial.uid = geteuid();
    trial.gid = getegid();
    if (minibox_clone(try_in_child, &trial, flags | (trial.own_user ? CLONE_NEWUSER : 0) | SIGCHLD, 1 << 18, &child,
                      &err))
        return err.number ? err.number : EINVAL;
    if (minibox_clone_wait(&child, &status, &err))
        return ECHILD;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* The kernel refuses user namespaces with the same errno for several reasons; the host's settings tell which it is. */
static void explain_refused_userns(struct finding *f, int number) {
    struct minibox_error why = {0};
    bool is_forbidden = number == EPERM || number == EACCES || number == ENOSPC;
    if (!is_forbidden || !mb_host_explain_userns("", &why))
        return;
    snprintf(f->detail, sizeof(f->detail), "%s", why.detail);
    snprintf(f->todo, sizeof(f->todo), "%s", why.remedy);
}

static void find_namespace(const struct check *c, const struct mb_host *host, struct finding *f) {
    uint64_t flag = mb_flags[mb_flags_find(c->subject)].flag;
    struct trial trial = {.own_user = !host->privileged || flag == CLONE_NEWUSER,
                          .unshare = flag == CLONE_NEWTIME ? flag : 0};
    int number = clone_and_try(trial, flag & ~(uint64_t)(CLONE_NEWTIME | CLONE_NEWUSER));
    explain_number(f, number, c->todo);
    explain_refused_userns(f, number);
}

static void find_mount(const struct check *c, const struct mb_host *host, struct finding *f) {
    (void)host;
    struct trial trial = {.deed = c->deed, .own_user = true};
    int number = clone_and_try(trial, CLONE_NEWNS | (c->deed == DEED_PROC ? CLONE_NEWPID : 0));
    explain_number(f, number, c->todo);
    if (number == EACCES)
        explain(f, NO, mb_remedy_detail(MB_REMEDY_MOUNT_DENIED), mb_remedy_text(MB_REMEDY_MOUNT_DENIED));
    else if (c->deed == DEED_TMPFS)
        explain_refused_userns(f, number);
}

/* ---- tried here ------------------------------------------------------------------------------------------------ */

static void find_kernel(const struct check *c, const struct mb_host *host, struct finding *f) {
    struct utsname name;
    unsigned major = 0, minor = 0;
    (void)host;
    uname(&name);
    sscanf(name.release, "%u.%u", &major, &minor);
    explain(f, major > 5 || (major == 5 && minor >= 12) ? YES : NO, name.release, c->todo);
}

/* Each call is made with arguments that it refuses. ENOSYS means that the kernel lacks it, EPERM that a filter refuses
 * it, unless the kernel itself asks for privileges first. */
static void find_calls(const struct check *c, const struct mb_host *host, struct finding *f) {
    static const struct {
        const char *name;
        long number;
        enum answer is_privileged;
    } calls[] = {
        {"openat2", SYS_openat2, NO},
        {"close_range", SYS_close_range, NO},
        {"pidfd_open", SYS_pidfd_open, NO},
        {"fsopen", SYS_fsopen, YES},
        {"open_tree", SYS_open_tree, YES},
        {"move_mount", SYS_move_mount, YES},
        {"mount_setattr", SYS_mount_setattr, YES},
    };
    char missing[128] = "";
    (void)host;
    for (size_t i = 0; i < MB_COUNT(calls); i++) {
        long result = raw(calls[i].number, -1, 0, -1, -1, -1, -1);
        if (result != -ENOSYS && (result != -EPERM || calls[i].is_privileged))
            continue;
        snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), "%s%s",
                 missing[0] ? ", " : "not there: ", calls[i].name);
    }
    explain(f, missing[0] ? NO : YES, missing, c->todo);
}

static int hold_still(void *argument) {
    char byte;
    return read(*(int *)argument, &byte, 1) < 0;
}

/* Makes a copy of the mount of /tmp whose owners another user namespace maps. Returns 0, or the errno. */
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

static void find_idmap(const struct check *c, const struct mb_host *host, struct finding *f) {
    if (host->privileged)
        explain_number(f, try_idmap(), c->todo);
    else
        explain(f, NO, "only root may make them", c->todo);
}

static void find_filter(const struct check *c, const struct mb_host *host, struct finding *f) {
    const uint32_t actions[] = {SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS};
    int number = 0;
    (void)host;
    for (size_t i = 0; i < 2 && !number; i++)
        number = (int)-raw(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]);
    explain_number(f, number, c->todo);
}

static void find_subids(const struct check *c, const struct mb_host *host, struct finding *f) {
    if (host->privileged)
        explain(f, YES, "root needs none", NULL);
    else if (mb_identity_has_subordinates(host))
        explain(f, YES, "", NULL);
    else
        explain(f, NO, "no line of this user in both of /etc/subuid and /etc/subgid", c->todo);
}

static void find_cgroups(const struct check *c, const struct mb_host *host, struct finding *f) {
    struct statfs st;
    char own[512] = "", path[600], controllers[64] = "", detail[640];
    (void)host;
    if (statfs("/sys/fs/cgroup", &st) < 0 || st.f_type != CGROUP2_SUPER_MAGIC) {
        explain(f, NO, "/sys/fs/cgroup is not cgroup v2", c->todo);
        return;
    }
    if (mb_fd_read_file("/proc/self/cgroup", own, sizeof(own)) < 0 || strncmp(own, "0::", 3) != 0) {
        explain(f, NO, "there is another hierarchy beside it", c->todo);
        return;
    }
    own[strcspn(own, "\n")] = '\0';
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.controllers", own + 3);
    mb_fd_read_file(path, controllers, sizeof(controllers));
    controllers[strcspn(controllers, "\n")] = '\0';
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", own + 3);
    bool writable = access(path, W_OK) == 0;
    snprintf(detail, sizeof(detail), "%s %.100s (%s)", writable ? "may make cgroups below" : "may not write to",
             own + 3, controllers[0] ? controllers : "no controllers");
    explain(f, writable ? YES : NO, detail, c->todo);
}

static void find_program(const struct check *c, const struct mb_host *host, struct finding *f) {
    char path[512];
    const char *directory = getenv("PATH");
    (void)host;
    for (size_t length; directory && *directory; directory += length + (directory[length] == ':')) {
        length = strcspn(directory, ":");
        snprintf(path, sizeof(path), "%.*s/%s", (int)length, directory, c->subject);
        if (access(path, X_OK) == 0) {
            explain(f, YES, path, NULL);
            return;
        }
    }
    explain(f, NO, "not in PATH", c->todo);
}

/* ---- whole boxes ------------------------------------------------------------------------------------------------ */

static void explain_error(struct finding *f, const struct minibox_error *err) {
    f->works = NO;
    snprintf(f->detail, sizeof(f->detail), "%s%s%s%s%s%s%s", err->what, err->object[0] ? " " : "", err->object,
             err->reason[0] ? ": " : "", err->reason, err->detail[0] ? "; " : "", err->detail);
    snprintf(f->todo, sizeof(f->todo), "%s", err->remedy);
}

/* Makes the box of a launch. `detail` is said if that works. */
static void find_launch(const struct minibox_spec *spec, const char *detail, struct finding *f) {
    struct minibox_error err = {0};
    if (mb_run_trial(spec, &err))
        explain_error(f, &err);
    else
        explain(f, YES, detail, NULL);
}

static int describe_box(struct minibox_spec *spec, const char *rootfs, struct minibox_error *err) {
    static char name[] = "true";
    static char *const command[] = {name, NULL};
    if (minibox_spec_set(spec, "rootfs", rootfs, err))
        return -1;
    if (minibox_spec_set(spec, "timeout", "30s", err))
        return -1;
    return minibox_spec_command(spec, command, err);
}

static void find_box(const struct check *c, const struct mb_host *host, struct finding *f) {
    struct minibox_spec *spec = NULL;
    struct minibox_error err = {0};
    (void)host;
    if (minibox_spec_new(&spec, &err) || describe_box(spec, c->subject, &err))
        explain_error(f, &err);
    else
        find_launch(spec, "", f);
    minibox_spec_free(spec);
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct check checks[] = {
    {.name = "kernel", .find = find_kernel, .use = "every box", .todo = "use Linux 5.12 or newer"},
    {.name = "system calls", .find = find_calls, .use = "every box",
     .todo = "use Linux 5.12 or newer; a container's seccomp filter may refuse them too"},
    {.name = "namespace user", .find = find_namespace, .subject = "user",
     .use = "every box, unless root asks for --share user"},
    {.name = "namespace mnt", .find = find_namespace, .subject = "mnt", .use = "every box"},
    {.name = "namespace pid", .find = find_namespace, .subject = "pid", .use = "every box without --share pid"},
    {.name = "namespace uts", .find = find_namespace, .subject = "uts", .use = "every box without --share uts"},
    {.name = "namespace ipc", .find = find_namespace, .subject = "ipc", .use = "every box without --share ipc"},
    {.name = "namespace net", .find = find_namespace, .subject = "net", .use = "every box without --network host"},
    {.name = "namespace cgroup", .find = find_namespace, .subject = "cgroup",
     .use = "every box without --share cgroup"},
    {.name = "namespace time", .find = find_namespace, .subject = "time", .use = "every box without --share time"},
    {.name = "mounts in a user namespace", .find = find_mount, .deed = DEED_TMPFS, .use = "every box"},
    {.name = "new /proc", .find = find_mount, .deed = DEED_PROC, .use = "every box without --share pid",
     .todo = "in a container: start it with --security-opt unmask=ALL"},
    {.name = "overlay", .find = find_mount, .deed = DEED_OVERLAY, .use = "--rootfs DIR:overlay, -v SRC:DST:overlay",
     .todo = "use :ro or :rw; Linux 5.11 or newer mounts it in a user namespace"},
    {.name = "idmapped mounts", .find = find_idmap, .use = "DIR and -v as root: files keep their owners",
     .todo = "as an ordinary user none are needed; as root: Linux 5.12 or newer"},
    {.name = "seccomp filters", .find = find_filter, .use = "every box without --seccomp off",
     .todo = "use a kernel with CONFIG_SECCOMP_FILTER"},
    {.name = "subordinate ids", .find = find_subids, .use = "--userns with more than one id, by an ordinary user",
     .todo = "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"},
    {.name = "cgroup v2", .find = find_cgroups, .use = "limits on whole boxes",
     .todo = "boot with systemd.unified_cgroup_hierarchy=1; for a user: systemd-run --user --scope -p Delegate=yes"},
    {.name = "program busybox", .find = find_program, .subject = "busybox", .use = "--rootfs busybox, the default",
     .todo = "install busybox-static"},
    {.name = "program newuidmap", .find = find_program, .subject = "newuidmap",
     .use = "--userns with more than one id, by an ordinary user", .todo = "install uidmap"},
    {.name = "program newgidmap", .find = find_program, .subject = "newgidmap",
     .use = "--userns with more than one id, by an ordinary user", .todo = "install uidmap"},
    {.name = "program pasta", .find = find_program, .subject = "pasta",
     .use = "a network namespace that reaches out, for --join net=", .todo = "install passt"},
    {.name = "program slirp4netns", .find = find_program, .subject = "slirp4netns",
     .use = "the same, where pasta is not to be had", .todo = "install slirp4netns"},
    {.name = "box of busybox", .find = find_box, .subject = "busybox", .use = "minibox run sh"},
    {.name = "box of host", .find = find_box, .subject = "host", .use = "minibox run --rootfs host sh"},
};
/* clang-format on */
enum { CHECKS = MB_COUNT(checks) };

static void print_line(FILE *out, const char *name, const char *use, const struct finding *f) {
    enum { COLUMN = 32 };
    char text[1536];
    int column = fprintf(out, "%-4s %-26s", f->works ? "yes" : "no", name);
    if (!use[0] || (f->works && f->detail[0]))
        snprintf(text, sizeof(text), "%s", f->detail);
    else if (f->detail[0])
        snprintf(text, sizeof(text), "%s; needed for %s", f->detail, use);
    else
        snprintf(text, sizeof(text), "for %s", use);
    mb_text_print_wrapped(out, text, COLUMN, column);
    if (f->todo[0])
        mb_text_print_wrapped(out, f->todo, COLUMN, fprintf(out, "%*stry:", COLUMN, ""));
    fflush(out); /* a check may take its time, or reach its time limit */
}

static void add_finding(struct mb_json_writer *writer, const char *name, const char *use, const struct finding *f) {
    mb_json_begin_object(writer, NULL);
    mb_json_add_text(writer, "name", name);
    mb_json_add_flag(writer, "works", f->works);
    mb_json_add_text(writer, "detail", f->detail);
    mb_json_add_text(writer, "for", use);
    mb_json_add_text(writer, "try", f->todo);
    mb_json_end(writer);
}

/* Checks one launch. Returns whether it works. */
static bool check_launch(const struct minibox_spec *spec, struct mb_json_writer *writer, FILE *out) {
    static const char name[] = "this launch";
    struct finding f = {0};
    find_launch(spec, "the command could be started", &f);
    if (writer)
        add_finding(writer, name, "", &f);
    else
        print_line(out, name, "", &f);
    return f.works;
}

/* Checks the host. Returns whether a box can be made. */
static bool check_host(struct mb_json_writer *writer, FILE *out) {
    struct mb_arena arena = {0};
    struct mb_host host;
    struct minibox_error ignored;
    bool has_box = false;
    if (mb_host_probe(&arena, &host, &ignored)) /* the rows "box of ..." tell why, as of a root without capabilities */
        host = (struct mb_host){.root = "", .uid = geteuid()};
    for (size_t i = 0; i < CHECKS; i++) {
        const struct check *c = &checks[i];
        struct finding f = {0};
        c->find(c, &host, &f);
        has_box |= c->find == find_box && f.works;
        if (writer)
            add_finding(writer, c->name, c->use, &f);
        else
            print_line(out, c->name, c->use, &f);
    }
    mb_arena_free(&arena);
    return has_box;
}

int mb_check(const struct minibox_spec *spec, bool json, FILE *out, int *ret_status, struct minibox_error *err) {
    struct mb_json_writer writer = {0}, *to = json ? &writer : NULL;
    if (json)
        mb_json_begin_array(to, NULL);
    *ret_status = spec ? !check_launch(spec, to, out) : !check_host(to, out);
    if (!json)
        return 0;
    mb_json_end(to);
    return mb_json_finish(to, out, err);
}
