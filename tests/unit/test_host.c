/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about the host. Why it refuses user namespaces: each reason on a faked host, and which comes first. And what a
 * caller is: asked in processes of user namespaces that are made for it, whose id maps the test writes; that takes
 * root.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/count.h"
#include "box/host.h"

/* ---- why user namespaces are refused --------------------------------------------------------------------------- */

static char root[] = "/tmp/mbhost.XXXXXX";

static void make_directories(char *path) {
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0755) < 0)
            assert_int_equal(errno, EEXIST);
    }
}

static void put(const char *file, const char *text) {
    char path[512];
    snprintf(path, sizeof(path), "%s%s", root, file);
    make_directories(path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void assert_reason(const char *detail, const char *remedy) {
    struct minibox_error err = {0};
    assert_true(mb_host_explain_userns(root, &err));
    if (!strstr(err.detail, detail) || !strstr(err.remedy, remedy))
        fail_msg("saw: %s; %s\nwanted: %s; %s", err.detail, err.remedy, detail, remedy);
    /* Cut off it could not be done. */
    assert_true(strlen(err.remedy) < sizeof(err.remedy) - 1);
}

static void reasons(void **state) {
    (void)state;
    struct minibox_error err = {0};
    assert_false(mb_host_explain_userns(root, &err));
    put("/sys/fs/selinux/enforce", "0");
    put("/proc/self/status", "Name:\tminibox\nSeccomp:\t0\nSeccomp_filters:\t0\n");
    put("/proc/sys/kernel/unprivileged_userns_clone", "1\n");
    put("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n");
    put("/proc/sys/user/max_user_namespaces", "0815\n");
    assert_false(mb_host_explain_userns(root, &err));
    assert_string_equal(err.detail, "");

    put("/sys/fs/selinux/enforce", "1");
    assert_reason("SELinux", "ausearch");
    put("/proc/self/status", "Name:\tminibox\nSeccomp:\t2\nSeccomp_filters:\t1\n");
    assert_reason("seccomp filter", "seccomp=unconfined");
    put("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
    assert_reason("AppArmor", "apparmor_parser -r /etc/apparmor.d/minibox");
    put("/proc/sys/kernel/unprivileged_userns_clone", "0\n");
    assert_reason("lets only root", "sysctl kernel.unprivileged_userns_clone=1");
    put("/proc/sys/user/max_user_namespaces", "0\n");
    assert_reason("limit on user namespaces is zero", "sysctl user.max_user_namespaces=");
}

/* ---- what the caller is ---------------------------------------------------------------------------------------- */

/* What a process found that was made to be such a caller. In shared memory; texts of the host's are that process's. */
struct probed {
    bool is_there; /* it came as far as asking */
    int result;
    struct mb_host host;
    struct minibox_error err;
};

/* Who asks. */
struct caller {
    const char *map; /* of uids and of gids, in a user namespace of its own; NULL: in this one */
    uid_t uid;       /* in it */
    int lacks;       /* a capability that it has not; -1: it has all */
};

static int drop_effective(cap_value_t capability) {
    cap_t caps = cap_get_proc();
    int result = caps && cap_set_flag(caps, CAP_EFFECTIVE, 1, &capability, CAP_CLEAR) == 0 ? cap_set_proc(caps) : -1;
    cap_free(caps);
    return result;
}

static void be_caller(const struct caller *caller, int ready, int go, struct probed *probed) {
    char byte = 0;
    struct mb_arena arena = {0};
    if (caller->map && unshare(CLONE_NEWUSER) < 0)
        _exit(1);
    if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        _exit(1);
    if (setgroups(0, NULL) < 0 || setresgid(caller->uid, caller->uid, caller->uid) < 0 ||
        setresuid(caller->uid, caller->uid, caller->uid) < 0 ||
        (caller->lacks >= 0 && drop_effective(caller->lacks) < 0))
        _exit(1);
    probed->is_there = true;
    probed->result = mb_host_probe(&arena, &probed->host, &probed->err);
    mb_arena_free(&arena);
    _exit(0);
}

static bool write_map(pid_t pid, const char *file, const char *map) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool is_written = fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map);
    close(fd);
    return is_written;
}

/* Fills in *ret_probed; skips the test where this host lets nobody be such a caller. */
static void probe_as(const struct caller *caller, struct probed *ret_probed) {
    int ready[2], go[2], status;
    char byte = 0;
    if (geteuid() != 0) {
        fprintf(stderr, "skipped: needs root: id maps are written\n");
        skip();
    }
    struct probed *probed = mmap(NULL, sizeof(*probed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(probed, MAP_FAILED);
    assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(go, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ready[0]);
        close(go[1]);
        be_caller(caller, ready[1], go[0], probed);
    }
    close(ready[1]);
    close(go[0]);
    bool is_mapped =
        pid > 0 && read(ready[0], &byte, 1) == 1 &&
        (!caller->map || (write_map(pid, "uid_map", caller->map) && write_map(pid, "gid_map", caller->map)));
    if (is_mapped && write(go[1], &byte, 1) != 1)
        is_mapped = false;
    close(ready[0]);
    close(go[1]);
    waitpid(pid, &status, 0);
    *ret_probed = *probed;
    munmap(probed, sizeof(*probed));
    if (!is_mapped || !ret_probed->is_there) {
        fprintf(stderr, "skipped: this host lets nobody have the id map %s\n", caller->map ? caller->map : "-");
        skip();
    }
}

static void want_weak_root(const struct caller *caller) {
    struct probed probed;
    probe_as(caller, &probed);
    if (probed.result == 0)
        fail_msg("uid %u of \"%s\" was accepted: privileged %d", caller->uid, caller->map ? caller->map : "-",
                 probed.host.privileged);
    assert_int_equal(probed.err.phase, MINIBOX_PHASE_PLAN);
    assert_int_equal(probed.err.number, EPERM);
    assert_string_equal(probed.err.remedy, mb_remedy_text(MB_REMEDY_WEAK_ROOT));
}

static void want_ordinary(const struct caller *caller, bool maps_ids) {
    struct probed probed;
    probe_as(caller, &probed);
    if (probed.result)
        fail_msg("refused: %s: %s", probed.err.what, probed.err.reason);
    assert_int_equal(probed.host.uid, caller->uid);
    assert_false(probed.host.privileged);
    assert_int_equal(probed.host.maps_ids, maps_ids);
}

/* The first user namespace is told by its number, which every kernel gives it. */
static bool is_in_first_namespace(void) {
    struct stat st;
    return stat("/proc/self/ns/user", &st) == 0 && st.st_ino == 0xEFFFFFFDu;
}

static void root_of_the_host(void **state) {
    (void)state;
    struct probed probed;
    if (!is_in_first_namespace()) {
        fprintf(stderr, "skipped: not in the first user namespace\n");
        skip();
    }
    probe_as(&(struct caller){.uid = 0, .lacks = -1}, &probed);
    if (probed.result) { /* a container's, without the capabilities: the next test's */
        assert_string_equal(probed.err.remedy, mb_remedy_text(MB_REMEDY_WEAK_ROOT));
        fprintf(stderr, "skipped: root without its capabilities\n");
        skip();
    }
    assert_true(probed.host.privileged && probed.host.maps_ids);
    assert_int_equal(probed.host.uid, 0);
    assert_int_equal(probed.host.group_count, 0);
    assert_true(probed.host.capabilities & 1);
    assert_string_equal(probed.err.what, "");
}

/* Any of what making a box takes. */
static void root_without_its_capabilities(void **state) {
    (void)state;
    static const int needed[] = {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL};
    for (size_t i = 0; i < MB_COUNT(needed); i++)
        want_weak_root(&(struct caller){.uid = 0, .lacks = needed[i]});
}

/* All ids mapped to themselves, as systemd has it in containers, looks like the first user namespace and is another:
 * its root is the host's uid 0, but has no rights there. */
static void root_whose_map_looks_complete(void **state) {
    (void)state;
    static const char *const maps[] = {"0 0 4294967295\n", "0 0 1\n", "0 0 65536\n"};
    for (size_t i = 0; i < MB_COUNT(maps); i++) {
        struct probed probed;
        probe_as(&(struct caller){maps[i], 0, -1}, &probed);
        assert_int_equal(probed.result, 0);
        assert_false(probed.host.privileged);
        assert_true(probed.host.maps_ids && probed.host.is_outer_root);
        assert_int_equal(probed.host.outer_root_uid, 0);
        assert_int_equal(probed.host.outer_root_gid, 0);
    }
    struct probed probed; /* root's id outside may be any line's */
    probe_as(&(struct caller){"0 1000 1\n1 2000 5\n6 0 1\n", 0, -1}, &probed);
    assert_int_equal(probed.result, 0);
    assert_false(probed.host.is_outer_root);
    assert_int_equal(probed.host.outer_root_uid, 6);
    assert_int_equal(probed.host.outer_root_gid, 6);
}

/* As rootless podman's: an ordinary user outside, who can give a box the ids that it has itself. */
static void root_of_ranges(void **state) {
    (void)state;
    want_ordinary(&(struct caller){"0 1000 1\n1 100000 65536\n", 0, -1}, true);
    want_ordinary(&(struct caller){"0 1000 1\n", 0, -1}, true);
    want_ordinary(&(struct caller){"0 100000 65536\n", 0, -1}, true);
    /* One that cannot set ids cannot map them either; what else it lacks is no matter. */
    want_ordinary(&(struct caller){"0 1000 1\n1 100000 65536\n", 0, CAP_SETUID}, false);
    want_ordinary(&(struct caller){"0 1000 1\n1 100000 65536\n", 0, CAP_SETGID}, false);
    want_ordinary(&(struct caller){"0 1000 1\n1 100000 65536\n", 0, CAP_SYS_ADMIN}, true);
}

static void ordinary_users(void **state) {
    (void)state;
    want_ordinary(&(struct caller){NULL, 1000, -1}, false);
    want_ordinary(&(struct caller){"0 0 4294967295\n", 1000, -1}, false);
    want_ordinary(&(struct caller){"0 1000 1\n1 100000 65536\n", 5, -1}, false);
}

/* As whoever runs the test. */
static void facts_of_this_process(void **state) {
    (void)state;
    struct mb_arena arena = {0};
    struct mb_host host;
    struct minibox_error err;
    char cwd[4096];
    if (mb_host_probe(&arena, &host, &err)) {
        assert_string_equal(err.remedy, mb_remedy_text(MB_REMEDY_WEAK_ROOT));
        fprintf(stderr, "skipped: %s\n", err.what);
        skip();
    }
    assert_string_equal(host.root, "");
    assert_int_equal(host.uid, geteuid());
    assert_int_equal(host.gid, getegid());
    assert_int_equal(host.group_count, getgroups(0, NULL));
    assert_string_equal(host.cwd, getcwd(cwd, sizeof(cwd)));
    assert_ptr_equal(host.environment, environ);
    assert_true(host.maps_ids || !host.privileged);
    assert_int_equal(host.capabilities & 0xffffffff, 0xffffffff); /* more than 32 since Linux 2.6.25 */
    mb_arena_free(&arena);
}

static int make_root(void **state) {
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons),
        cmocka_unit_test(facts_of_this_process),
        cmocka_unit_test(root_of_the_host),
        cmocka_unit_test(root_without_its_capabilities),
        cmocka_unit_test(root_whose_map_looks_complete),
        cmocka_unit_test(root_of_ranges),
        cmocka_unit_test(ordinary_users),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
