/* SPDX-License-Identifier: Apache-2.0 */
/* Why a host refuses user namespaces: each reason on a faked host, and which comes first. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "plan/host.h"

static char root[] = "/tmp/mbhost.XXXXXX";

static void make_folders(char *path) {
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0755) < 0)
            assert_int_equal(errno, EEXIST);
    }
}

static void put(const char *file, const char *text) {
    char path[512];
    snprintf(path, sizeof(path), "%s%s", root, file);
    make_folders(path);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(reasons)};
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
