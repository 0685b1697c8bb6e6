/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a step that is silently left out noticed? For each step of a plan that confines, and for each namespace that clone
 * is asked for, the box is launched without it: the plan says that it is done, the builder passes it over, and nothing
 * fails. Who verifies must refuse to start the command.
 *
 * How it works. The plan is compiled as always; then one step is given to a side that does not execute it. It stays in
 * the plan, so what the verifier wants is unchanged. A few steps are done again later by init: without them the box
 * must be the very same, which the command (posture.c) tells. Links, folders and files do not confine, and a call that
 * makes them tells by what it returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/launch.h"
#include "minibox/minibox.h"
#include "plan/plan.h"

/* Options and their values. */
static const struct {
    const char *name;
    bool as_user;
    const char *options[24];
} configs[] = {
    {"root busybox", false, {"workdir", "/tmp", "user", "1000"}},
    {"root host",
     false,
     {"rootfs", "host", "workdir", "/tmp", "user", "1000", "cap-add", "chown", "tmpfs", "/srv:size=1m"}},
    {"root --join", false, {"join", "net=other", "workdir", "/tmp", "user", "1000"}},
    {"root --share user", false, {"share", "user", "workdir", "/tmp", "user", "1000"}},
    {"root no init", false, {"init", "no", "workdir", "/tmp", "user", "1000"}},
    {"user busybox", true, {"workdir", "/tmp", "isolate", "vm"}},
    {"user host", true, {"rootfs", "host", "workdir", "/tmp", "mask", "/usr/share"}},
    {"user keep-id", true, {"userns", "keep-id", "workdir", "/tmp"}},
};

/* Not left out, or done again by init and so without effect: with the reason. */
static const struct {
    enum mb_step_kind kind;
    const char *reason; /* NULL: must be refused */
    bool same_box;
} exceptions[] = {{MB_STEP_LINK, "does not confine", false},
                  {MB_STEP_DIRECTORY, "does not confine", false},
                  {MB_STEP_FILE, "does not confine", false},
                  {MB_STEP_STREAM, "does not confine", false},
                  {MB_STEP_LOOPBACK, "does not confine", false},
                  {MB_STEP_CLOSE, "init closes all again", true},
                  {MB_STEP_DIE_WITH, "init arms it again", true},
                  {MB_STEP_WAIT_MAPS, "only waits", true},
                  {MB_STEP_PRIVATE, "no mount that the box keeps is the host's", true},
                  {MB_STEP_IDS, "an ordinary user's box has one id", true}};

static char wanted[4096], host_namespaces[512], posture_volume[256];
static unsigned refused, same, weaker;
static pid_t other; /* a process in another network namespace */

static void be_user(bool as_user) {
    const struct passwd *user = getpwnam("mbtest");
    const gid_t groups[] = {60123, 60124};
    if (setgroups(2, groups) < 0 || (as_user && (!user || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
                                                 setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)))
        _exit(99);
    prctl(PR_SET_DUMPABLE, 1);
}

static int compile(const char *const *options, struct mb_arena *arena, struct mb_plan *ret_plan,
                   struct minibox_error *err) {
    static char posture[] = "/posture", joined[32];
    static char *const command[] = {posture, host_namespaces, NULL};
    static struct minibox_spec *spec;
    static struct mb_host host;
    snprintf(joined, sizeof(joined), "net=%d", other);
    if (minibox_spec_new(&spec, err) || minibox_spec_set(spec, "volume", posture_volume, err))
        return -1;
    for (size_t i = 0; options[i]; i += 2)
        if (minibox_spec_set(spec, options[i], strcmp(options[i + 1], "net=other") == 0 ? joined : options[i + 1], err))
            return -1;
    return minibox_spec_command(spec, command, err) || mb_host_probe(arena, &host, err) ||
           mb_plan_compile(spec, &host, ret_plan, err);
}

/* In a child: launches without step `step`, or without the namespaces `flags`. Exit status: 0 launched, 1 refused, else
 * what went wrong. */
static int launch_mutant(size_t config, size_t step, uint64_t flags, int out) {
    struct mb_arena arena = {0};
    struct mb_plan plan;
    struct minibox_error err;
    struct minibox_box *box;
    int status, ends[2];
    /* A builder that gets no namespace of its own works in its launcher's: that must not be the host's. Mounts are
     * shared, as on most. */
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_SHARED, NULL) < 0 || pipe(ends) < 0 || dup2(ends[0], 0) < 0 ||
        dup2(out, 1) < 0)
        return 99;
    be_user(configs[config].as_user);
    if (compile(configs[config].options, &arena, &plan, &err))
        return 98;
    plan.timeout = 3000000000u;
    if (flags)
        plan.steps[step].flags &= ~flags;
    else if (step < plan.step_count)
        plan.steps[step].side = plan.steps[step].side == MB_SIDE_BUILDER ? MB_SIDE_COMMAND : plan.steps[step].side;
    if (step < plan.step_count && plan.steps[step].kind == MB_STEP_WRITE_MAPS)
        plan.steps[step].kind = MB_STEP_UMASK; /* nobody's on the parent's side */
    if (mb_launch_start(&plan, -1, mb_wait_clock(), &box, &err)) {
        fprintf(stderr, "#     %s%s: %s%s%s\n", err.what, err.object, err.reason, err.detail[0] ? ", " : "",
                err.detail);
        return err.status == MINIBOX_EXIT_FAILED || err.status == MINIBOX_EXIT_TIMEOUT ? 1 : 97;
    }
    return minibox_wait(box, &status, &err) ? 96 : 0;
}

static void try_mutant(size_t config, size_t step, uint64_t flags, const char *what, const char *same_reason) {
    char text[4096];
    int status = -1, out = memfd_create("out", MFD_CLOEXEC);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(launch_mutant(config, step, flags, out));
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        exit(1);
    int result = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    ssize_t n = pread(out, text, sizeof(text) - 1, 0);
    close(out);
    text[n > 0 ? n : 0] = '\0';
    if (result == 1 && !text[0]) {
        refused++;
        printf("#   %-28s refused\n", what);
    } else if (result == 0 && same_reason && strcmp(text, wanted) == 0) {
        same++;
        printf("#   %-28s the same box: %s\n", what, same_reason);
    } else {
        weaker++;
        printf("#   %-28s LAUNCHED (%d): %s\n#     wanted %s\n", what, result, text, wanted);
    }
}

/* The unharmed launch, whose posture is what the others are compared with. */
static int find_posture(size_t config) {
    int status = -1, out = memfd_create("out", MFD_CLOEXEC);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(launch_mutant(config, SIZE_MAX, 0, out));
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
        return printf("# the launch without a mutation failed: 0x%x\n", status), -1;
    ssize_t n = pread(out, wanted, sizeof(wanted) - 1, 0);
    close(out);
    wanted[n > 0 ? n : 0] = '\0';
    return strstr(wanted, "end") ? 0 : -1;
}

static void try_config(size_t config) {
    static const struct {
        uint64_t flag;
        const char *name;
    } namespaces[] = {{CLONE_NEWNS, "mnt"},  {CLONE_NEWPID, "pid"},   {CLONE_NEWUTS, "uts"},
                      {CLONE_NEWIPC, "ipc"}, {CLONE_NEWUSER, "user"}, {CLONE_NEWCGROUP, "cgroup"},
                      {CLONE_NEWNET, "net"}, {CLONE_NEWTIME, "time"}};
    /* The plan is looked at by who makes it: an ordinary user's is another than root's. */
    struct mb_plan *plan = mmap(NULL, sizeof(*plan) + 512 * sizeof(struct mb_step), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct mb_step *steps = (struct mb_step *)(plan + 1);
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct mb_arena arena = {0};
        struct minibox_error err;
        be_user(configs[config].as_user);
        if (compile(configs[config].options, &arena, plan, &err) || plan->step_count > 512) {
            minibox_error_print(&err, stderr);
            _exit(1);
        }
        memcpy(steps, plan->steps, plan->step_count * sizeof(*steps));
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 || find_posture(config)) {
        weaker++;
        return;
    }
    printf("# %s\n", configs[config].name);
    for (size_t i = 0; i < plan->step_count; i++) {
        char what[64];
        const char *same_reason = NULL;
        bool is_left = steps[i].side == MB_SIDE_BUILDER || steps[i].kind == MB_STEP_WRITE_MAPS;
        for (size_t e = 0; e < sizeof(exceptions) / sizeof(exceptions[0]); e++) {
            if (exceptions[e].kind != steps[i].kind)
                continue;
            is_left = is_left && exceptions[e].same_box;
            same_reason = exceptions[e].reason;
        }
        snprintf(what, sizeof(what), "step %zu, %s", i + 1, mb_step_name(steps[i].kind));
        if (is_left)
            try_mutant(config, i, 0, what, same_reason);
        for (size_t n = 0; n < sizeof(namespaces) / sizeof(namespaces[0]); n++) {
            if ((steps[i].kind != MB_STEP_CLONE && steps[i].kind != MB_STEP_UNSHARE) ||
                !(steps[i].flags & namespaces[n].flag))
                continue;
            snprintf(what, sizeof(what), "step %zu, %s without %s", i + 1, mb_step_name(steps[i].kind),
                     namespaces[n].name);
            try_mutant(config, i, namespaces[n].flag, what, NULL);
        }
    }
    munmap(plan, sizeof(*plan) + 512 * sizeof(struct mb_step));
}

int main(void) {
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    const char *posture = getenv("POSTURE");
    if (geteuid() != 0 || !posture || !getpwnam("mbtest")) {
        fprintf(stderr, "skipped: needs root, POSTURE and the user mbtest\n");
        return 77;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64], target[64];
        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        ssize_t n = readlink(path, target, sizeof(target));
        if (n > 0)
            strcat(strncat(host_namespaces, target, (size_t)n), ",");
    }
    snprintf(posture_volume, sizeof(posture_volume), "%s:/posture", posture);
    signal(SIGCHLD, SIG_DFL);
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return 1;
    other = fork();
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    close(ready[1]);
    if (other < 0 || read(ready[0], &byte, 1) != 1)
        return 1;
    size_t count = sizeof(configs) / sizeof(configs[0]);
    for (size_t i = 0; i < count; i++) {
        unsigned before = weaker, refused_before = refused, same_before = same;
        try_config(i);
        printf("%sok %zu - %s: %u mutants refused, %u the same box, %u neither\n", weaker > before ? "not " : "", i + 1,
               configs[i].name, refused - refused_before, same - same_before, weaker - before);
    }
    kill(other, SIGKILL);
    printf("# mutants: %u refused, %u without effect, %u neither\n1..%zu\n", refused, same, weaker, count);
    return weaker || !refused;
}
