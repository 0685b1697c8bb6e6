/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/capability.h>

#include "base/count.h"
#include "base/number.h"
#include "base/text.h"
#include "kernel/caps.h"
#include "spec/options.h"

static const struct mb_origin origin = {MB_ORIGIN_ARGV, "--here", 3, 0};
static const char help[] = "minibox run --help";

static struct minibox_spec *new_spec(void) {
    struct minibox_spec *spec;
    struct minibox_error err;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    return spec;
}

static void set(struct minibox_spec *spec, const char *option, const char *value) {
    struct minibox_error err;
    int id = mb_options_find(option);
    assert_in_range(id, 0, MB_OPTION_COUNT - 1);
    if (mb_options_set(spec, (enum mb_option_id)id, value, origin, &err))
        fail_msg("--%s %s: %s \"%s\": %s", option, value, err.what, err.object, err.reason);
    assert_int_equal(spec->origin[id].kind, MB_ORIGIN_ARGV);
    assert_string_equal(spec->origin[id].name, "--here");
    assert_int_equal(spec->origin[id].line, 3);
}

struct refusal {
    const char *option, *value, *what, *object, *reason, *remedy;
};

static void assert_refused(const struct refusal *wanted) {
    struct minibox_spec *spec = new_spec();
    struct minibox_error err;
    memset(&err, 0xff, sizeof(err));
    int id = mb_options_find(wanted->option);
    assert_in_range(id, 0, MB_OPTION_COUNT - 1);
    if (mb_options_set(spec, (enum mb_option_id)id, wanted->value, origin, &err) != -1)
        fail_msg("accepted: --%s %s", wanted->option, wanted->value);
    assert_string_equal(err.what, wanted->what);
    assert_string_equal(err.object, wanted->object);
    assert_string_equal(err.reason, wanted->reason);
    assert_string_equal(err.remedy, wanted->remedy);
    assert_string_equal(err.origin, "--here (argument 3)");
    assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
    assert_int_equal(err.status, 125);
    assert_int_equal(spec->origin[id].kind, MB_ORIGIN_DEFAULT);
    minibox_spec_free(spec);
}

/* "bad value for --OPTION": the form is the reason. */
static void assert_form(const char *option, const char *value, const char *form) {
    char what[64], reason[160];
    snprintf(what, sizeof(what), "bad value for --%s", option);
    snprintf(reason, sizeof(reason), "must be %s", form);
    assert_refused(&(struct refusal){option, value, what, value, reason, help});
}

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int base;
        uint64_t max, value;
        int result;
    } cases[] = {
        {"0", 10, 0, 0, 0},
        {"1", 10, 0, 0, -1},
        {"007", 10, 7, 7, 0},
        {"18446744073709551615", 10, UINT64_MAX, UINT64_MAX, 0},
        {"18446744073709551616", 10, UINT64_MAX, 0, -1},
        {"99999999999999999999999", 10, UINT64_MAX, 0, -1},
        {"4294967295", 10, UINT32_MAX, UINT32_MAX, 0},
        {"4294967296", 10, UINT32_MAX, 0, -1},
        {"755", 8, 01777, 0755, 0},
        {"1777", 8, 01777, 01777, 0},
        {"2000", 8, 01777, 0, -1},
        {"8", 8, 01777, 0, -1},
        {"fF", 16, 255, 255, 0},
        {"", 10, 9, 0, -1},
        {" 1", 10, 9, 0, -1},
        {"1 ", 10, 9, 0, -1},
        {"+1", 10, 9, 0, -1},
        {"-1", 10, UINT64_MAX, 0, -1},
        {"a", 10, 99, 0, -1},
        {"1a", 10, 99, 0, -1},
        {"0x1", 10, 99, 0, -1},
        {"1.", 10, 99, 0, -1},
        {"\xd9\xa1", 10, 99, 0, -1},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        uint64_t value = 77;
        if (mb_number_parse(cases[i].text, cases[i].base, cases[i].max, &value) != cases[i].result)
            fail_msg("\"%s\" in base %d", cases[i].text, cases[i].base);
        assert_int_equal(value, cases[i].result ? 77 : cases[i].value);
    }
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t value; /* 0: refused, but for "0" */
    } cases[] = {
        {"0", 0},
        {"1", 1},
        {"512", 512},
        {"1k", 1024},
        {"1K", 1024},
        {"1kb", 1024},
        {"1KB", 1024},
        {"64m", 64 << 20},
        {"2g", UINT64_C(2) << 30},
        {"3t", UINT64_C(3) << 40},
        {"8388607t", UINT64_C(8388607) << 40},
        {"8388608t", 0},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", 0},
        {"18446744073709551616", 0},
        {"9007199254740991k", UINT64_C(9007199254740991) << 10},
        {"9007199254740992k", 0},
        {"", 0},
        {"k", 0},
        {"-1", 0},
        {"+1", 0},
        {" 1", 0},
        {"1 k", 0},
        {"1kk", 0},
        {"1kbb", 0},
        {"1b", 0},
        {"1x", 0},
        {"1.5g", 0},
        {"0x10", 0},
        {"1p", 0},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        uint64_t value = 77;
        bool good = cases[i].value || strcmp(cases[i].text, "0") == 0;
        if (mb_number_parse_size(cases[i].text, &value) != (good ? 0 : -1))
            fail_msg("\"%s\"", cases[i].text);
        assert_int_equal(value, good ? cases[i].value : 77);
    }
}

static void test_durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t nanoseconds; /* 0: refused */
    } cases[] = {
        {"1", 1000000000},
        {"10", 10000000000},
        {"10s", 10000000000},
        {"1.5s", 1500000000},
        {"1.5", 1500000000},
        {"0.29s", 290000000},
        {"200ms", 200000000},
        {"1ms", 1000000},
        {"0.001", 1000000},
        {"1.5ms", 1500000},
        {"0.9ms", 0},
        {"0.0009999", 0},
        {"0", 0},
        {"0s", 0},
        {"2m", 120000000000},
        {"0.5h", 1800000000000},
        {"1h", 3600000000000},
        {"1000000000", UINT64_C(1000000000000000000)},
        {"1000000001", 0},
        {"999999999999999999", 0},
        {"1000000000000000000", 0},
        {"277777h", UINT64_C(277777) * 3600000000000},
        {"277778h", 0},
        {"", 0},
        {"s", 0},
        {".", 0},
        {".5", 0},
        {"1.", 0},
        {"1.s", 0},
        {"1..5", 0},
        {"1.5.5", 0},
        {"1,5s", 0},
        {"-1s", 0},
        {"+1s", 0},
        {" 1s", 0},
        {"1 s", 0},
        {"1s ", 0},
        {"1d", 0},
        {"1S", 0},
        {"1e3", 0},
        {"0x10", 0},
        {"inf", 0},
        {"nan", 0},
        {"1m30s", 0},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        uint64_t value = 77;
        if (mb_number_parse_duration(cases[i].text, &value) != (cases[i].nanoseconds ? 0 : -1))
            fail_msg("\"%s\"", cases[i].text);
        assert_int_equal(value, cases[i].nanoseconds ? cases[i].nanoseconds : 77);
    }
}

static void test_defaults(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    assert_int_equal(spec->rootfs, MB_ROOTFS_BUSYBOX);
    assert_int_equal(spec->rootfs_access, MB_ACCESS_RO);
    assert_int_equal(spec->tty, MB_AUTO);
    assert_int_equal(spec->init, MB_YES);
    assert_int_equal(spec->die_with_launcher, MB_YES);
    assert_int_equal(spec->allow_suid, MB_NO);
    assert_int_equal(spec->seccomp, MB_SECCOMP_DEFAULT);
    assert_int_equal(spec->userns, MB_USERNS_AUTO);
    assert_int_equal(spec->dry_run, MB_DRY_RUN_NO);
    assert_int_equal(spec->verbose, MB_NO);
    assert_int_equal(spec->help, MB_NO);
    assert_string_equal(spec->name, "minibox");
    assert_true(spec->cap_add == 0 && spec->cap_drop == 0 && spec->share == 0 && spec->isolate == 0);
    assert_true(spec->timeout == 0 && spec->preserve_fds == 0);
    assert_null(spec->command);
    assert_null(spec->hostname);
    assert_null(spec->workdir);
    assert_null(spec->user);
    assert_int_equal(spec->volume_count + spec->tmpfs_count + spec->device_count + spec->mask_count, 0);
    assert_int_equal(spec->env_count + spec->id_map_count + spec->join_count, 0);
    assert_int_equal(spec->ulimit_count, 1);
    assert_int_equal(spec->ulimits[0].resource, RLIMIT_CORE);
    assert_int_equal(spec->ulimits[0].soft, 0);
    assert_int_equal(spec->ulimits[0].hard, 0);
    for (int i = 0; i < MB_OPTION_COUNT; i++)
        assert_int_equal(spec->origin[i].kind, MB_ORIGIN_DEFAULT);
    minibox_spec_free(spec);
    minibox_spec_free(NULL);
}

static void test_rootfs(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum mb_rootfs rootfs;
        const char *path;
        enum mb_access access;
    } cases[] = {
        {"busybox", MB_ROOTFS_BUSYBOX, NULL, MB_ACCESS_RO},
        {"busybox:rw", MB_ROOTFS_BUSYBOX, NULL, MB_ACCESS_RW},
        {"busybox:overlay", MB_ROOTFS_BUSYBOX, NULL, MB_ACCESS_OVERLAY},
        {"host", MB_ROOTFS_HOST, NULL, MB_ACCESS_RO},
        {"host:ro", MB_ROOTFS_HOST, NULL, MB_ACCESS_RO},
        {"./host", MB_ROOTFS_DIR, "./host", MB_ACCESS_RO},
        {"/srv/alpine:overlay", MB_ROOTFS_DIR, "/srv/alpine", MB_ACCESS_OVERLAY},
        {"alpine:3.20:rw", MB_ROOTFS_DIR, "alpine:3.20", MB_ACCESS_RW},
        {"alpine:3.20", MB_ROOTFS_DIR, "alpine:3.20", MB_ACCESS_RO},
        {"rw", MB_ROOTFS_DIR, "rw", MB_ACCESS_RO},
    };
    struct minibox_spec *spec = new_spec();
    for (size_t i = 0; i < MB_COUNT(cases);
         i++) { /* in one spec: the last one counts, nothing of an earlier one stays */
        set(spec, "rootfs", cases[i].text);
        assert_int_equal(spec->rootfs, cases[i].rootfs);
        assert_int_equal(spec->rootfs_access, cases[i].access);
        if (cases[i].path)
            assert_string_equal(spec->rootfs_path, cases[i].path);
        else
            assert_null(spec->rootfs_path);
    }
    minibox_spec_free(spec);
    assert_form("rootfs", "", "busybox, host or a directory, with :ro, :rw or :overlay");
    assert_form("rootfs", ":rw", "busybox, host or a directory, with :ro, :rw or :overlay");
    const char *remedy = mb_remedy_text(MB_REMEDY_HOST_RW);
    assert_refused(&(struct refusal){"rootfs", "host:rw", "refusing a writable --rootfs", "host:rw", "", remedy});
    assert_refused(
        &(struct refusal){"rootfs", "host:overlay", "refusing a writable --rootfs", "host:overlay", "", remedy});
}

static void test_volume(void **state) {
    (void)state;
    static const struct {
        const char *text, *source, *target;
        enum mb_access access;
        uint64_t attributes;
    } cases[] = {
        {"/a", "/a", NULL, MB_ACCESS_RO, 0},
        {".", ".", NULL, MB_ACCESS_RO, 0},
        {"/a:/b", "/a", "/b", MB_ACCESS_RO, 0},
        {"/a:/b:rw", "/a", "/b", MB_ACCESS_RW, 0},
        {"/a:rw", "/a", NULL, MB_ACCESS_RW, 0},
        {"/a:overlay,noexec", "/a", NULL, MB_ACCESS_OVERLAY, MOUNT_ATTR_NOEXEC},
        {"/a:/b:noexec,noatime,nosymfollow,ro", "/a", "/b", MB_ACCESS_RO,
         MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME | MOUNT_ATTR_NOSYMFOLLOW},
        {"/a\\:b:/c\\:d:rw", "/a:b", "/c:d", MB_ACCESS_RW, 0},
        {"/a\\:rw", "/a:rw", NULL, MB_ACCESS_RO, 0},
        {"/a\\b\\\\:/c", "/a\\b\\:/c", NULL, MB_ACCESS_RO, 0}, /* only a backslash before a colon is one */
        {"/a,b:/c,d", "/a,b", "/c,d", MB_ACCESS_RO, 0},
        {"a/..", "a/..", NULL, MB_ACCESS_RO, 0},
        {"/a:/..b/c..", "/a", "/..b/c..", MB_ACCESS_RO, 0},
    };
    struct minibox_spec *spec = new_spec();
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        set(spec, "volume", cases[i].text);
        assert_int_equal(spec->volume_count, i + 1);
        const struct mb_volume *volume = &spec->volumes[i];
        assert_string_equal(volume->source, cases[i].source);
        if (cases[i].target)
            assert_string_equal(volume->target, cases[i].target);
        else
            assert_null(volume->target);
        assert_int_equal(volume->access, cases[i].access);
        assert_int_equal(volume->attributes, cases[i].attributes);
        assert_string_equal(volume->origin.name, "--here");
    }
    minibox_spec_free(spec);

    static const char *const forms[] = {"", ":/b", "/a:/b:rw:", "/a:/b:rw:ro"};
    for (size_t i = 0; i < MB_COUNT(forms); i++)
        assert_form("volume", forms[i], "SRC[:DST][:ro|rw|overlay[,noexec,...]]");
    static const char *const targets[] = {"/a:b:rw",  "/a::rw",     "/a:/..",    "/a:/../b",
                                          "/a:/b/..", "/a:/b/../c", "/a:/.../.."};
    for (size_t i = 0; i < MB_COUNT(targets); i++)
        assert_form("volume", targets[i], "SRC:DST with DST an absolute path without \"..\"");
    static const struct refusal words[] = {
        {"volume", "/a:b", "mount option", "b", "unknown", "one of ro, rw, overlay, noexec, noatime, nosymfollow"},
        {"volume", "/a:/b:rwx", "mount option", "rwx", "unknown", "did you mean rw?"},
        {"volume", "/a:/b:ro,noexc", "mount option", "noexc", "unknown", "did you mean noexec?"},
        {"volume", "/a:/b:z", "mount option", "z", "unknown", "one of ro, rw, overlay, noexec, noatime, nosymfollow"},
        {"volume", "/a:/b:RW", "mount option", "RW", "unknown", "one of ro, rw, overlay, noexec, noatime, nosymfollow"},
        {"volume", "/a:", "mount option", "", "empty", "one of ro, rw, overlay, noexec, noatime, nosymfollow"},
        {"volume", "/a:/b:", "mount option", "", "empty", "one of ro, rw, overlay, noexec, noatime, nosymfollow"},
        {"volume", "/a:/b:ro,", "mount option", "", "empty", "one of ro, rw, overlay, noexec, noatime, nosymfollow"},
    };
    for (size_t i = 0; i < MB_COUNT(words); i++)
        assert_refused(&words[i]);
}

static void test_tmpfs(void **state) {
    (void)state;
    static const struct {
        const char *text, *target;
        uint64_t size;
        uint32_t mode;
        uint64_t attributes;
    } cases[] = {
        {"/t", "/t", 0, 01777, 0},
        {"/t:size=64m", "/t", 64 << 20, 01777, 0},
        {"/t:mode=0755,size=1", "/t", 1, 0755, 0},
        {"/t:mode=0", "/t", 0, 0, 0},
        {"/t\\:x:noexec,ro", "/t:x", 0, 01777, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY},
    };
    struct minibox_spec *spec = new_spec();
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        set(spec, "tmpfs", cases[i].text);
        assert_int_equal(spec->tmpfs_count, i + 1);
        assert_string_equal(spec->tmpfs[i].target, cases[i].target);
        assert_int_equal(spec->tmpfs[i].size, cases[i].size);
        assert_int_equal(spec->tmpfs[i].mode, cases[i].mode);
        assert_int_equal(spec->tmpfs[i].attributes, cases[i].attributes);
        assert_int_equal(spec->tmpfs[i].origin.line, 3);
    }
    minibox_spec_free(spec);
    static const char *const targets[] = {"", "t", "/t/..", ":size=1"};
    for (size_t i = 0; i < MB_COUNT(targets); i++)
        assert_form("tmpfs", targets[i], "DST[:size=..,mode=..] with DST an absolute path without \"..\"");
    static const char *const sizes[] = {"/t:size=",   "/t:size=0",   "/t:size=-1",
                                        "/t:size=1q", "/t:size=50%", "/t:size=1:ro"};
    for (size_t i = 0; i < MB_COUNT(sizes); i++)
        assert_form("tmpfs", sizes[i], "DST:size=N with N a size above zero, as 64m");
    static const char *const modes[] = {"/t:mode=", "/t:mode=888", "/t:mode=2000", "/t:mode=4755", "/t:mode=rwx"};
    for (size_t i = 0; i < MB_COUNT(modes); i++)
        assert_form("tmpfs", modes[i], "DST:mode=M with M octal, at most 1777");
    assert_refused(&(struct refusal){"tmpfs", "/t:siez", "tmpfs option", "siez", "unknown", "did you mean size?"});
    assert_refused(&(struct refusal){"tmpfs", "/t:", "tmpfs option", "", "empty",
                                     "one of size, mode, noexec, noatime, nosymfollow, ro"});
}

static void test_device_and_mask(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "device", "/dev/fuse");
    set(spec, "device", "/dev/kvm:/dev/k\\:m");
    assert_int_equal(spec->device_count, 2);
    assert_string_equal(spec->devices[0].source, "/dev/fuse");
    assert_string_equal(spec->devices[0].target, "/dev/fuse");
    assert_string_equal(spec->devices[1].source, "/dev/kvm");
    assert_string_equal(spec->devices[1].target, "/dev/k:m");
    set(spec, "mask", "/proc/cpuinfo");
    set(spec, "mask", "/a:b");
    assert_int_equal(spec->mask_count, 2);
    assert_null(spec->masks[0].source);
    assert_string_equal(spec->masks[0].target, "/proc/cpuinfo");
    assert_string_equal(spec->masks[1].target, "/a:b");
    minibox_spec_free(spec);
    static const char *const devices[] = {"", "fuse", "/dev/fuse:fuse", "/dev/fuse:", "/a:/b:rwm", "/a/../b", "/a:/.."};
    for (size_t i = 0; i < MB_COUNT(devices); i++)
        assert_form("device", devices[i], "SRC[:DST], absolute paths");
    static const char *const masks[] = {"", "a", "/", "/a/..", "/../a"};
    for (size_t i = 0; i < MB_COUNT(masks); i++)
        assert_form("mask", masks[i], "an absolute path in the box, without \"..\" and other than /");
}

static void test_env(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "env", "A=1");
    set(spec, "env", "B=");
    set(spec, "env", "HOME");
    set(spec, "env", "C=x=y z");
    assert_int_equal(spec->env_count, 4);
    assert_string_equal(spec->env[0].name, "A");
    assert_string_equal(spec->env[0].value, "1");
    assert_string_equal(spec->env[1].value, "");
    assert_string_equal(spec->env[2].name, "HOME");
    assert_null(spec->env[2].value);
    assert_string_equal(spec->env[3].value, "x=y z");
    minibox_spec_free(spec);
    assert_form("env", "", "NAME=VALUE, or NAME to pass on the caller's");
    assert_form("env", "=1", "NAME=VALUE, or NAME to pass on the caller's");
}

/* How many more calls of malloc() succeed; below zero: all. AddressSanitizer has a malloc() of its own. */
static int more_memory = -1;
#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *malloc(size_t size) {
    if (more_memory == 0) {
        errno = ENOMEM;
        return NULL;
    }
    more_memory -= more_memory > 0;
    return __libc_malloc(size);
}
#endif

/* A file that leaves nothing behind; its path is in `path`. */
static int make_file(const char *bytes, size_t size, char path[32]) {
    int fd = memfd_create("env", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void test_env_file(void **state) {
    (void)state;
    static const char text[] = "A=1\n\n# comment\n  # too\n  B= two \r\nHOME\nC=a#b\nD=\"q\"\nE=last, no newline";
    char path[32];
    int fd = make_file(text, sizeof(text) - 1, path);
    struct minibox_spec *spec = new_spec();
    set(spec, "env-file", path);
    static const struct {
        const char *name, *value;
        int line;
    } wanted[] = {{"A", "1", 1},   {"B", " two ", 5}, {"HOME", NULL, 6},
                  {"C", "a#b", 7}, {"D", "\"q\"", 8}, {"E", "last, no newline", 9}};
    assert_int_equal(spec->env_count, MB_COUNT(wanted));
    for (size_t i = 0; i < MB_COUNT(wanted); i++) {
        assert_string_equal(spec->env[i].name, wanted[i].name);
        if (wanted[i].value)
            assert_string_equal(spec->env[i].value, wanted[i].value);
        else
            assert_null(spec->env[i].value);
        assert_int_equal(spec->env[i].origin.kind, MB_ORIGIN_FILE);
        assert_string_equal(spec->env[i].origin.name, path);
        assert_int_equal(spec->env[i].origin.line, wanted[i].line);
    }
    close(fd);
    set(spec, "env-file", "/dev/null");
    assert_int_equal(spec->env_count, MB_COUNT(wanted));
    minibox_spec_free(spec);
}

static void test_bad_env_files(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    struct minibox_error err;
    char path[32], place[48];
    int fd = make_file("A=1\n\n=x\nB=2\n", 12, path);
    assert_int_equal(mb_options_set(spec, MB_OPTION_ENV_FILE, path, origin, &err), -1);
    snprintf(place, sizeof(place), "%s:3:1", path);
    assert_string_equal(err.origin, place);
    assert_string_equal(err.what, "bad value for --env");
    assert_string_equal(err.object, "=x");
    close(fd);
    fd = make_file("A=1\0B=2\n", 8, path);
    assert_refused(&(struct refusal){"env-file", path, "bad file", path, "it has NUL bytes", ""});
    close(fd);
    assert_int_equal(mb_options_set(spec, MB_OPTION_ENV_FILE, "/nonexistent/env", origin, &err), -1);
    assert_int_equal(err.number, ENOENT);
    assert_string_equal(err.what, "cannot read");
    assert_string_equal(err.object, "/nonexistent/env");
    assert_string_equal(err.origin, "--here (argument 3)");
    assert_string_equal(err.remedy, mb_remedy_text(MB_REMEDY_NO_SUCH_PATH));
    assert_int_equal(mb_options_set(spec, MB_OPTION_ENV_FILE, "/", origin, &err), -1);
    assert_int_equal(err.number, EISDIR);
    assert_int_equal(mb_options_set(spec, MB_OPTION_ENV_FILE, "/dev/zero", origin, &err), -1);
    assert_int_equal(err.number, EFBIG);
    minibox_spec_free(spec);
}

/* As by a shell's --env-file <(command): the writer may still be busy when the file is opened. */
static void test_env_file_from_a_slow_pipe(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        usleep(100000);
        _exit(write(ends[1], "A=1\n", 4) == 4 ? 0 : 1);
    }
    close(ends[1]);
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    struct minibox_spec *spec = new_spec();
    set(spec, "env-file", path);
    assert_int_equal(spec->env_count, 1);
    assert_string_equal(spec->env[0].value, "1");
    minibox_spec_free(spec);
    close(ends[0]);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
}

static void test_common_forms(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "tty", "no");
    assert_int_equal(spec->tty, MB_NO);
    set(spec, "tty", "yes");
    assert_int_equal(spec->tty, MB_YES);
    set(spec, "init", "no");
    assert_int_equal(spec->init, MB_NO);
    set(spec, "die-with-launcher", "no");
    assert_int_equal(spec->die_with_launcher, MB_NO);
    set(spec, "verbose", "yes");
    assert_int_equal(spec->verbose, MB_YES);
    set(spec, "help", "yes");
    assert_int_equal(spec->help, MB_YES);
    set(spec, "preserve-fds", "0");
    assert_int_equal(spec->preserve_fds, 0);
    set(spec, "preserve-fds", "1000");
    assert_int_equal(spec->preserve_fds, 1000);
    set(spec, "timeout", "200ms");
    assert_int_equal(spec->timeout, 200000000);
    set(spec, "pid-file", "run/pid");
    assert_string_equal(spec->pid_file, "run/pid");
    set(spec, "workdir", "a/..");
    assert_string_equal(spec->workdir, "a/..");
    set(spec, "dry-run", "text");
    assert_int_equal(spec->dry_run, MB_DRY_RUN_TEXT);
    set(spec, "dry-run", "json");
    assert_int_equal(spec->dry_run, MB_DRY_RUN_JSON);
    minibox_spec_free(spec);

    static const char *const yes_no[] = {"tty", "init", "die-with-launcher", "verbose", "help"};
    for (size_t i = 0; i < MB_COUNT(yes_no); i++) {
        char what[64];
        snprintf(what, sizeof(what), "value of --%s", yes_no[i]);
        assert_refused(&(struct refusal){yes_no[i], "yess", what, "yess", "unknown", "did you mean yes?"});
        assert_refused(&(struct refusal){yes_no[i], "true", what, "true", "unknown", "one of yes, no"});
        assert_refused(&(struct refusal){yes_no[i], "", what, "", "empty", "one of yes, no"});
    }
    static const char *const counts[] = {"", "-1", "1001", "x", "1x", "99999999999999999999"};
    for (size_t i = 0; i < MB_COUNT(counts); i++)
        assert_form("preserve-fds", counts[i], "a number from 0 to 1000");
    assert_form("timeout", "", "a duration of at least 1ms, as 200ms, 10s, 5m or 1h");
    assert_form("timeout", "0", "a duration of at least 1ms, as 200ms, 10s, 5m or 1h");
    assert_form("pid-file", "", "a text that is not empty");
    assert_form("workdir", "", "a text that is not empty");
    assert_refused(&(struct refusal){"dry-run", "jsn", "value of --dry-run", "jsn", "unknown", "did you mean json?"});
}

/* As hostname(7) has it, and "_" besides: the name becomes a word of a line of /etc/hosts. */
static void test_hostname(void **state) {
    (void)state;
    static const char *const good[] = {
        "a",
        "0",
        "a-b",
        "a_b",
        "_a",
        "A.b.C3",
        "a-.b",
        "xn--nxasmq6b.example",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 64 */
    };
    struct minibox_spec *spec = new_spec();
    for (size_t i = 0; i < MB_COUNT(good); i++) {
        set(spec, "hostname", good[i]);
        assert_string_equal(spec->hostname, good[i]);
    }
    minibox_spec_free(spec);
    static const char *const bad[] = {
        "",
        "a b",
        " a",
        "a ",
        "a\n",
        "a\n10.0.0.1 example.org",
        "a\tb",
        "a\r",
        "\xc3\xa9",
        "\x7f",
        "a/b",
        "a:b",
        "a#b",
        "a%",
        ".",
        "..",
        ".a",
        "a.",
        "a..b",
        "-",
        "-a",
        "--help",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 65 */
    };
    for (size_t i = 0; i < MB_COUNT(bad); i++) {
        struct minibox_error err;
        spec = new_spec();
        assert_form("hostname", bad[i],
                    "1 to 64 letters, digits, \"-\" or \"_\", also in parts joined by single dots, the first no \"-\"");
        assert_int_equal(minibox_spec_set(spec, "hostname", bad[i], &err), -1);
        assert_null(spec->hostname);
        minibox_spec_free(spec);
    }
}

/* What help shows is what is accepted, and the other way round. */
static void test_words_of_the_table(void **state) {
    (void)state;
    for (int id = 0; id < MB_OPTION_COUNT; id++) {
        char words[128] = "";
        for (const struct mb_word *word = mb_options[id].words; word && word->word; word++) {
            snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s", words[0] ? "|" : "", word->word);
            struct minibox_spec *spec = new_spec();
            set(spec, mb_options[id].name, word->word);
            assert_int_equal(*(int *)((char *)spec + mb_options[id].offset), word->value);
            minibox_spec_free(spec);
        }
        if (words[0] && mb_options[id].argument)
            assert_string_equal(mb_options[id].argument, words);
    }
}

/* Without memory no value counts, however much of it could be parsed: the error is about memory, and nothing crashes.
 */
static void test_no_memory(void **state) {
    (void)state;
    static const struct {
        const char *option, *before;
    } cases[] = {{"rootfs", "/"},   {"volume", "/"},  {"tmpfs", "/"},    {"device", "/"},    {"mask", "/"},
                 {"workdir", "/"},  {"env", "A="},    {"user", "u"},     {"userns", "1:1:"}, {"hostname", "h"},
                 {"name", "n"},     {"cap-add", "k"}, {"seccomp", "./"}, {"allow", "s"},     {"ulimit", "as=1"},
                 {"share", "net,"}, {"join", "net=/"}};
    enum { LENGTH = 20000 }; /* more than what is left of the arena's memory, so that it has to ask for more */
    char *value = malloc(LENGTH + 1);
    int failed = 0;
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        memset(value, 'x', LENGTH);
        memcpy(value, cases[i].before, strlen(cases[i].before));
        value[LENGTH] = '\0';
        for (int calls = 0; calls < 4; calls++) { /* for the text, for a copy of it, for what is kept */
            struct minibox_spec *spec = new_spec();
            struct minibox_error err = {0};
            more_memory = calls;
            int result = minibox_spec_set(spec, cases[i].option, value, &err);
            more_memory = -1;
            if (spec->arena.failed) {
                failed++;
                assert_int_equal(result, -1);
                assert_int_equal(err.number, ENOMEM);
                assert_int_equal(spec->origin[mb_options_find(cases[i].option)].kind, MB_ORIGIN_DEFAULT);
            }
            minibox_spec_free(spec);
        }
    }
#ifndef __SANITIZE_ADDRESS__
    assert_in_range(failed, MB_COUNT(cases) + 1, 4 * MB_COUNT(cases));
#endif
    free(value);
}

static void test_user(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "user", "bob:users");
    assert_string_equal(spec->user, "bob");
    assert_string_equal(spec->group, "users");
    set(spec, "user", "1000");
    assert_string_equal(spec->user, "1000");
    assert_null(spec->group);
    minibox_spec_free(spec);
    static const char *const bad[] = {"", ":", ":users", "bob:", "a:b:c"};
    for (size_t i = 0; i < MB_COUNT(bad); i++)
        assert_form("user", bad[i], "USER or USER:GROUP, names or numbers");
}

static void test_userns(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "userns", "u0:1000:1,g0:100:2,1:100000:65536");
    assert_int_equal(spec->userns, MB_USERNS_MAP);
    static const struct mb_id_map wanted[] = {
        {.inside = 0, .outside = 1000, .count = 1, .uids = true},
        {.inside = 0, .outside = 100, .count = 2, .gids = true},
        {.inside = 1, .outside = 100000, .count = 65536, .uids = true, .gids = true}};
    assert_int_equal(spec->id_map_count, MB_COUNT(wanted));
    for (size_t i = 0; i < MB_COUNT(wanted); i++) {
        assert_int_equal(spec->id_maps[i].inside, wanted[i].inside);
        assert_int_equal(spec->id_maps[i].outside, wanted[i].outside);
        assert_int_equal(spec->id_maps[i].count, wanted[i].count);
        assert_int_equal(spec->id_maps[i].uids, wanted[i].uids);
        assert_int_equal(spec->id_maps[i].gids, wanted[i].gids);
        assert_string_equal(spec->id_maps[i].origin.name, "--here");
    }
    set(spec, "userns", "0:4294967294:1"); /* the highest id; above it is the one that means none */
    assert_int_equal(spec->id_map_count, 1);
    assert_int_equal(spec->id_maps[0].outside, UINT32_MAX - 1);
    set(spec, "userns", "keep-id");
    assert_int_equal(spec->userns, MB_USERNS_KEEP_ID);
    assert_int_equal(spec->id_map_count, 0);
    set(spec, "userns", "auto");
    assert_int_equal(spec->userns, MB_USERNS_AUTO);
    minibox_spec_free(spec);
    static const char *const bad[] = {"",
                                      "host",
                                      "0:1",
                                      "0:1:0",
                                      "0:1:1:1",
                                      "x0:1:1",
                                      "ug0:1:1",
                                      "0:1:1,",
                                      "0:4294967295:1",
                                      "0:4294967294:2",
                                      "4294967294:1:2",
                                      "0:1:4294967295",
                                      "-1:1:1",
                                      "0::1",
                                      "u"};
    for (size_t i = 0; i < MB_COUNT(bad); i++)
        assert_form("userns", bad[i], "auto, keep-id, or [u|g]INSIDE:OUTSIDE:COUNT[,...]");
    const char *remedy = mb_remedy_text(MB_REMEDY_HOST_ROOT_MAPPED);
    assert_refused(&(struct refusal){"userns", "0:0:1", "refusing to map host id 0 in", "0:0:1", "", remedy});
    assert_refused(
        &(struct refusal){"userns", "0:5:1,g7:0:9", "refusing to map host id 0 in", "0:5:1,g7:0:9", "", remedy});
}

static void test_capabilities(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "cap-add", "NET_BIND_SERVICE");
    set(spec, "cap-add", "cap_chown");
    set(spec, "cap-add", "Cap_Sys_Admin");
    assert_int_equal(spec->cap_add, 1 << 10 | 1 << 0 | 1 << 21);
    set(spec, "cap-drop", "kill");
    assert_int_equal(spec->cap_drop, 1 << 5);
    set(spec, "cap-add", "all");
    assert_true(spec->cap_add == UINT64_MAX);
    struct minibox_error err;
    assert_int_equal(minibox_spec_set(spec, "cap-add", "nonsense", &err), -1); /* though ALL was said before */
    minibox_spec_free(spec);
    static const char hint[] = "a name of capabilities(7), as NET_BIND_SERVICE, or ALL";
    static const struct refusal bad[] = {
        {"cap-add", "CHWON", "no such capability", "CHWON", "", "did you mean CHOWN?"},
        {"cap-drop", "CAP_NET_ADMN", "no such capability", "CAP_NET_ADMN", "", "did you mean NET_ADMIN?"},
        {"cap-add", "", "no such capability", "", "", hint},
        {"cap-add", "cap_", "no such capability", "cap_", "", hint},
        {"cap-add", "0", "no such capability", "0", "", hint},
        {"cap-add", "chown,kill", "no such capability", "chown,kill", "", hint}, /* not half of it */
        {"cap-add", "chown=ep", "no such capability", "chown=ep", "", hint},
        {"cap-add", "chown ", "no such capability", "chown ", "", "did you mean CHOWN?"},
        {"cap-add", "everything_there_is_and_some_more_that_is_longer_than_any_name", "no such capability",
         "everything_there_is_and_some_more_that_is_longer_than_any_name", "", hint},
    };
    for (size_t i = 0; i < MB_COUNT(bad); i++)
        assert_refused(&bad[i]);
}

/* The names are libcap's, and so are the numbers. */
static void test_capability_names(void **state) {
    (void)state;
    assert_true(MB_CAP_COUNT >= CAP_LAST_CAP + 1);
    for (int cap = 0; cap < MB_CAP_COUNT; cap++) {
        cap_value_t value;
        char name[48];
        snprintf(name, sizeof(name), "CAP_%s", mb_caps[cap]);
        assert_int_equal(cap_from_name(name, &value), 0);
        assert_int_equal(value, cap);
        assert_int_equal(mb_caps_find(name), cap);
        assert_int_equal(mb_caps_find(mb_caps[cap]), cap);
    }
    static const char *const none[] = {"", "cap_", "CAP_CAP_KILL", "kil", "kills", "kill ", "41"};
    for (size_t i = 0; i < MB_COUNT(none); i++)
        assert_int_equal(mb_caps_find(none[i]), -1);
}

static void test_words(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "seccomp", "off");
    assert_int_equal(spec->seccomp, MB_SECCOMP_OFF);
    set(spec, "seccomp", "./p.json");
    assert_int_equal(spec->seccomp, MB_SECCOMP_FILE);
    assert_string_equal(spec->seccomp_file, "./p.json");
    set(spec, "seccomp", "default");
    assert_int_equal(spec->seccomp, MB_SECCOMP_DEFAULT);
    set(spec, "allow", "suid");
    assert_int_equal(spec->allow_suid, MB_YES);
    set(spec, "name", "a");
    set(spec, "name", "0a_b.c-d");
    assert_string_equal(spec->name, "0a_b.c-d");
    set(spec, "name", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"); /* 63 */
    minibox_spec_free(spec);
    assert_form("seccomp", "", "default, off, a file, or learn=FILE");
    assert_refused(&(struct refusal){"allow", "siud", "value of --allow", "siud", "unknown", "did you mean suid?"});
    assert_refused(&(struct refusal){"network", "hots", "value of --network", "hots", "unknown", "did you mean host?"});
    assert_refused(
        &(struct refusal){"network", "bridge", "value of --network", "bridge", "unknown", "one of none, host"});
    static const char form[] = "1 to 63 letters, digits, \"_\", \".\" or \"-\", the first a letter or digit";
    static const char *const names[] = {
        "",    "-a",  ".",   "..",       "_a",
        "a/b", "a b", "a\n", "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < MB_COUNT(names); i++)
        assert_form("name", names[i], form);
}

static void test_ulimit(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int resource;
        uint64_t soft, hard;
    } cases[] = {
        {"nofile=1024", RLIMIT_NOFILE, 1024, 1024},
        {"nofile=1024:4096", RLIMIT_NOFILE, 1024, 4096},
        {"fsize=10m", RLIMIT_FSIZE, 10 << 20, 10 << 20},
        {"as=1g:unlimited", RLIMIT_AS, 1 << 30, RLIM_INFINITY},
        {"core=-1", RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY},
        {"cpu=0", RLIMIT_CPU, 0, 0},
        {"stack=8m:8m", RLIMIT_STACK, 8 << 20, 8 << 20},
        {"nproc=9223372036854775807", RLIMIT_NPROC, INT64_MAX, INT64_MAX},
    };
    struct minibox_spec *spec = new_spec();
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        set(spec, "ulimit", cases[i].text);
        assert_int_equal(spec->ulimit_count, i + 2); /* the first is the default, core=0 */
        const struct mb_ulimit *limit = &spec->ulimits[i + 1];
        assert_int_equal(limit->resource, cases[i].resource);
        assert_true(limit->soft == cases[i].soft);
        assert_true(limit->hard == cases[i].hard);
        assert_int_equal(strlen(limit->name), strcspn(cases[i].text, "="));
        assert_memory_equal(limit->name, cases[i].text, strlen(limit->name));
    }
    static const char *const all[] = {"as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
                                      "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
    uint64_t seen = 0;
    for (size_t i = 0; i < MB_COUNT(all); i++) {
        char text[32];
        snprintf(text, sizeof(text), "%s=1", all[i]);
        set(spec, "ulimit", text);
        seen |= UINT64_C(1) << spec->ulimits[spec->ulimit_count - 1].resource;
    }
    assert_int_equal(seen, (1 << RLIM_NLIMITS) - 1); /* every limit that the kernel has */
    minibox_spec_free(spec);
    static const char *const bad[] = {
        "nofile", "nofile=",  "nofile=x",  "nofile=2:1",         "nofile=1:2:3", "nofile=1:",
        "cpu=1k", "fsize=1q", "nofile=-2", "nofile=unlimited:1", "nofile=1=2",   "nproc=9223372036854775808"};
    for (size_t i = 0; i < MB_COUNT(bad); i++)
        assert_form("ulimit", bad[i], "NAME=SOFT[:HARD], numbers or unlimited, SOFT at most HARD");
    assert_refused(
        &(struct refusal){"ulimit", "nofiles=1", "resource limit", "nofiles", "unknown", "did you mean nofile?"});
    assert_refused(&(struct refusal){"ulimit", "open=1", "resource limit", "open", "unknown",
                                     "one of as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, "
                                     "nproc, rss, rtprio, rttime, sigpending, stack"});
    assert_refused(&(struct refusal){"ulimit", "", "resource limit", "", "empty",
                                     "one of as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, "
                                     "nproc, rss, rtprio, rttime, sigpending, stack"});
    assert_refused(&(struct refusal){"ulimit", "=1", "resource limit", "", "empty",
                                     "one of as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, "
                                     "nproc, rss, rtprio, rttime, sigpending, stack"});
}

static void test_suggestions(void **state) {
    (void)state;
    static const char *const names[] = {"hostname", "volume", "env", "env-file", "share", "io"};
    static const struct {
        const char *word, *near;
    } cases[] = {
        {"hostnam", "hostname"},
        {"hotsname", "hostname"},
        {"hostnames", "hostname"},
        {"hosntaem", "hostname"},
        {"host", "hostname"},
        {"hos", "hostname"},
        {"ho", "io"},
        {"h", NULL},
        {"volum", "volume"},
        {"volumne", "volume"},
        {"env", "env"},
        {"evn", "env"},
        {"env-", "env-file"},
        {"envfile", "env-file"},
        {"io", "io"},
        {"oi", "io"},
        {"i", "io"},
        {"xy", NULL},
        {"shrae", "share"},
        {"sahred", "share"},
        {"zzzzzzz", NULL},
        {"", NULL},
        {"\xff\xff\xff", NULL},
        {"vlm", NULL},
        {"hostnamehostnamehostnamehostnameh", NULL},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        const char *near = mb_text_suggest(cases[i].word, names, MB_COUNT(names));
        if (!near != !cases[i].near || (near && strcmp(near, cases[i].near) != 0))
            fail_msg("\"%s\": %s", cases[i].word, near ? near : "none");
    }
    assert_null(mb_text_suggest("hostname", names, 0));
}

static void test_unknown_option_by_api(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    struct minibox_error err;
    assert_int_equal(minibox_spec_set(spec, "hostnam", "x", &err), -1);
    assert_string_equal(err.what, "unknown option");
    assert_string_equal(err.object, "hostnam");
    assert_string_equal(err.remedy, "did you mean hostname?");
    assert_int_equal(minibox_spec_set(spec, "zzzzz", "x", &err), -1);
    assert_string_equal(err.remedy, help);
    char option[] = "hostname", value[] = "box";
    assert_int_equal(minibox_spec_set(spec, option, value, &err), 0);
    memset(option, 'x', sizeof(option) - 1);
    memset(value, 'x', sizeof(value) - 1);
    assert_string_equal(spec->hostname, "box"); /* both are copied */
    assert_int_equal(spec->origin[MB_OPTION_HOSTNAME].kind, MB_ORIGIN_API);
    assert_string_equal(spec->origin[MB_OPTION_HOSTNAME].name, "hostname");
    minibox_spec_free(spec);
}

static void test_flag_table(void **state) {
    (void)state;
    static const char *const names[MB_FLAG_COUNT] = {"vm",    "files",  "fs",     "sighand",   "io",     "sysvsem",
                                                     "vfork", "thread", "parent", "clone_pid", "mnt",    "pid",
                                                     "uts",   "net",    "ipc",    "user",      "cgroup", "time"};
    uint64_t all = 0;
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        const struct mb_flag *row = &mb_flags[i];
        assert_string_equal(row->name, names[i]);
        assert_int_equal(mb_flags_find(row->name), i);
        assert_int_equal(__builtin_popcountll(row->flag), i == MB_FLAG_CLONE_PID ? 0 : 1);
        assert_int_equal(all & row->flag, 0);
        all |= row->flag;
        assert_int_equal(row->polarity, i < MB_FLAG_FIRST_NAMESPACE ? MB_FLAG_SHARES : MB_FLAG_ISOLATES);
        assert_int_equal(row->by_default, i == MB_FLAG_VM || i >= MB_FLAG_FIRST_NAMESPACE);
        assert_int_equal(row->joins, i > MB_FLAG_MNT);
        assert_true(strncmp(row->symbol, "CLONE_", 6) == 0 && strchr(row->manual, '(') && row->since[0] >= '2');
        assert_true(row->about[0] && strlen(row->about) <= 28 && row->text[0] && row->see[0]);
    }
    assert_int_equal(mb_flags_find(""), -1);
    assert_int_equal(mb_flags_find("PID"), -1);
    assert_int_equal(mb_flags_find("newpid"), -1);
}

/* Every row, asked for both ways: set to the other choice, or refused with the row's reason. */
static void test_share_and_isolate_each_row(void **state) {
    (void)state;
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        const struct mb_flag *row = &mb_flags[i];
        for (int share = 0; share < 2; share++) {
            const char *option = share ? "share" : "isolate";
            bool is_default = ((row->polarity == MB_FLAG_SHARES) == share) == row->by_default;
            if (row->unfit && (!is_default || !row->flag)) {
                assert_refused(&(struct refusal){option, row->name,
                                                 share ? "a command cannot share" : "a command cannot isolate",
                                                 row->name, row->unfit, mb_remedy_text(MB_REMEDY_FLAG_NOT_FOR_EXEC)});
                continue;
            }
            struct minibox_spec *spec = new_spec(), *plain = new_spec();
            struct minibox_error err;
            uint64_t flags, before;
            set(spec, option, row->name);
            assert_true((share ? spec->share : spec->isolate) == row->flag);
            if (row->flag == CLONE_SYSVSEM && share)
                set(spec, "share", "ipc"); /* the kernel's rule */
            assert_int_equal(mb_spec_flags(plain, &before, &err), 0);
            assert_int_equal(mb_spec_flags(spec, &flags, &err), 0);
            bool wanted = (row->polarity == MB_FLAG_SHARES) == share;
            assert_int_equal(!!(flags & row->flag), wanted);
            if (is_default)
                assert_true(flags == before);
            minibox_spec_free(spec);
            minibox_spec_free(plain);
        }
    }
    struct minibox_spec *spec = new_spec();
    set(spec, "share", "net,ipc,uts");
    set(spec, "share", "io");
    assert_int_equal(spec->share, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_IO);
    minibox_spec_free(spec);
    assert_refused(&(struct refusal){"share", "net,usre", "resource", "usre", "unknown", "did you mean user?"});
    assert_refused(&(struct refusal){"isolate", "network", "resource", "network", "unknown",
                                     "one of vm, files, fs, sighand, io, sysvsem, vfork, thread, parent, mnt, pid, "
                                     "uts, net, ipc, user, cgroup, time"});
    assert_refused(&(struct refusal){"share", "", "resource", "", "empty",
                                     "one of vm, files, fs, sighand, io, sysvsem, vfork, thread, parent, mnt, pid, "
                                     "uts, net, ipc, user, cgroup, time"});
    assert_refused(&(struct refusal){"share", "net,,pid", "resource", "", "empty",
                                     "one of vm, files, fs, sighand, io, sysvsem, vfork, thread, parent, mnt, pid, "
                                     "uts, net, ipc, user, cgroup, time"});
}

static void test_default_flags(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    struct minibox_error err;
    uint64_t flags;
    assert_int_equal(mb_spec_flags(spec, &flags, &err), 0);
    assert_int_equal(flags, CLONE_VM | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC |
                                CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME);
    set(spec, "network", "host");
    set(spec, "isolate", "vm");
    set(spec, "join", "uts=1");
    assert_int_equal(mb_spec_flags(spec, &flags, &err), 0);
    assert_int_equal(flags,
                     CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME);
    minibox_spec_free(spec);
}

static void test_join(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    set(spec, "join", "net=/run/netns/a=b,c");
    set(spec, "join", "pid=42");
    assert_int_equal(spec->join_count, 2);
    assert_int_equal(spec->joins[0].flag, MB_FLAG_NET);
    assert_string_equal(spec->joins[0].path, "/run/netns/a=b,c");
    assert_int_equal(spec->joins[1].flag, MB_FLAG_PID);
    assert_string_equal(spec->joins[1].path, "/proc/42/ns/pid");
    set(spec, "join", "uts=2147483647");
    assert_string_equal(spec->joins[2].path, "/proc/2147483647/ns/uts");
    set(spec, "join", "ipc=2147483648"); /* no pid any more: a file of that name */
    assert_string_equal(spec->joins[3].path, "2147483648");
    minibox_spec_free(spec);
    static const char *const bad[] = {"", "net", "net=", "="};
    for (size_t i = 0; i < MB_COUNT(bad); i++)
        assert_form("join", bad[i], "NAME=PATH or NAME=PID, as net=/run/netns/blue");
    assert_refused(&(struct refusal){"join", "nett=1", "namespace", "nett", "unknown", "did you mean net?"});
    assert_refused(&(struct refusal){"join", "mnt=1", "a box cannot join", "mnt", "--join does not take it", help});
    assert_refused(&(struct refusal){"join", "vm=1", "a box cannot join", "vm", "--join does not take it", help});
}

struct wish {
    const char *option, *value;
};

/* Applies up to four wishes, each with an origin of its own, and returns the error of mb_spec_check(). */
static int check(const struct wish *wishes, struct minibox_error *err) {
    char *command[] = {(char[]){"sh"}, NULL};
    struct minibox_spec *spec = new_spec();
    assert_int_equal(minibox_spec_command(spec, command, err), 0);
    for (int i = 0; i < 4 && wishes[i].option; i++) {
        int id = mb_options_find(wishes[i].option);
        struct mb_origin place = {MB_ORIGIN_ARGV, wishes[i].option, i + 1, 0};
        assert_int_equal(mb_options_set(spec, (enum mb_option_id)id, wishes[i].value, place, err), 0);
    }
    int result = mb_spec_check(spec, err);
    minibox_spec_free(spec);
    return result;
}

static void test_contradictions(void **state) {
    (void)state;
    static const struct {
        struct wish wishes[4];
        const char *what, *object, *reason, *origin;
    } cases[] = {
        {{{"share", "net"}, {"isolate", "net"}},
         "asked for both ways",
         "net",
         "shared and isolated",
         "isolate (argument 2)"},
        {{{"isolate", "ipc,uts"}, {"share", "user,uts"}},
         "asked for both ways",
         "uts",
         "shared and isolated",
         "isolate (argument 1)"},
        {{{"share", "net"}, {"network", "none"}},
         "asked for both ways",
         "net",
         "shared and isolated",
         "network (argument 2)"},
        {{{"network", "host"}, {"isolate", "net"}},
         "asked for both ways",
         "net",
         "shared and isolated",
         "network (argument 1)"},
        {{{"share", "net"}, {"join", "net=1"}},
         "asked for both ways",
         "net",
         "joined, and shared or isolated",
         "join (argument 2)"},
        {{{"join", "net=1"}, {"isolate", "net"}},
         "asked for both ways",
         "net",
         "joined, and shared or isolated",
         "join (argument 1)"},
        {{{"join", "net=1"}, {"network", "host"}},
         "asked for both ways",
         "net",
         "joined, and shared or isolated",
         "join (argument 1)"},
        {{{"join", "net=1"}, {"network", "none"}},
         "asked for both ways",
         "net",
         "joined, and shared or isolated",
         "join (argument 1)"},
        {{{"join", "net=1"}, {"join", "net=2"}}, "joined twice", "net", "", "join (argument 2)"},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_error err;
        assert_int_equal(check(cases[i].wishes, &err), -1);
        assert_string_equal(err.what, cases[i].what);
        assert_string_equal(err.object, cases[i].object);
        assert_string_equal(err.reason, cases[i].reason);
        assert_string_equal(err.origin, cases[i].origin);
        assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
        assert_int_equal(err.status, 125);
        if (strcmp(err.what, "joined twice") != 0)
            assert_string_equal(err.remedy, "leave one of the two out");
    }
    static const struct wish agreements[][4] = {
        {{"share", "net"}, {"network", "host"}},
        {{"isolate", "net"}, {"network", "none"}},
        {{"share", "net"}, {"share", "net"}, {"isolate", "ipc"}},
        {{"join", "net=1"}, {"join", "uts=1"}, {"share", "ipc"}},
    };
    for (size_t i = 0; i < MB_COUNT(agreements); i++) {
        struct minibox_error err;
        if (check(agreements[i], &err))
            fail_msg("%s %s: %s", agreements[i][0].option, agreements[i][0].value, err.what);
    }
}

static void test_spec_check(void **state) {
    (void)state;
    static const char dies[] = "a box in a shared pid namespace cannot be made to die with minibox";
    static const struct {
        struct wish wishes[4];
        const char *what, *object, *reason, *origin; /* what NULL: nothing to complain about */
        enum mb_remedy remedy;
    } cases[] = {
        {{{"name", "x"}}, NULL, NULL, NULL, NULL, MB_REMEDY_NONE},
        {{{"share", "pid"}}, dies, "", "", "share (argument 1)", MB_REMEDY_SHARE_PID_DIES},
        {{{"join", "net=1"}, {"share", "pid"}}, dies, "", "", "share (argument 2)", MB_REMEDY_SHARE_PID_DIES},
        {{{"share", "net"}, {"join", "pid=1"}}, dies, "", "", "join (argument 2)", MB_REMEDY_SHARE_PID_DIES},
        {{{"share", "pid"}, {"die-with-launcher", "no"}}, NULL, NULL, NULL, NULL, MB_REMEDY_NONE},
        {{{"join", "pid=1"}, {"die-with-launcher", "no"}}, NULL, NULL, NULL, NULL, MB_REMEDY_NONE},
        {{{"share", "uts"}, {"hostname", "h"}},
         "refusing to set the host name",
         "h",
         "the box shares the host's (uts)",
         "hostname (argument 2)",
         MB_REMEDY_NONE},
        {{{"hostname", "h"}, {"join", "uts=1"}},
         "refusing to set the host name",
         "h",
         "the box shares the host's (uts)",
         "hostname (argument 1)",
         MB_REMEDY_NONE},
        {{{"share", "user"}, {"userns", "keep-id"}},
         "no ids can be mapped",
         "",
         "the box has no user namespace of its own (user is shared or joined)",
         "userns (argument 2)",
         MB_REMEDY_NONE},
        {{{"join", "user=1"}, {"userns", "0:5:1"}},
         "no ids can be mapped",
         "",
         "the box has no user namespace of its own (user is shared or joined)",
         "userns (argument 2)",
         MB_REMEDY_NONE},
        {{{"share", "user"}, {"userns", "auto"}}, NULL, NULL, NULL, NULL, MB_REMEDY_NONE},
        {{{"share", "sysvsem,ipc"}}, NULL, NULL, NULL, NULL, MB_REMEDY_NONE},
        {{{"share", "vfork"}, {"isolate", "vm"}}, NULL, NULL, NULL, NULL, MB_REMEDY_NONE},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_error err;
        int result = check(cases[i].wishes, &err);
        if (result != (cases[i].what ? -1 : 0))
            fail_msg("case %zu: %s", i, result ? err.what : "accepted");
        if (!cases[i].what)
            continue;
        assert_string_equal(err.what, cases[i].what);
        assert_string_equal(err.object, cases[i].object);
        assert_string_equal(err.reason, cases[i].reason);
        assert_string_equal(err.origin, cases[i].origin);
        assert_string_equal(err.remedy, mb_remedy_text(cases[i].remedy));
        assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
    }
}

static void test_command(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    struct minibox_error err;
    char *none[] = {NULL}, *empty[] = {(char[]){""}, NULL}, *good[] = {(char[]){"sh"}, NULL};
    char *const *bad[] = {NULL, none, empty};
    for (size_t i = 0; i < MB_COUNT(bad); i++) {
        assert_int_equal(minibox_spec_command(spec, bad[i], &err), -1);
        assert_string_equal(err.what, "no command given");
        assert_string_equal(err.remedy, "minibox run /bin/sh");
        assert_null(spec->command);
    }
    assert_int_equal(mb_spec_check(spec, &err), -1);
    assert_string_equal(err.what, "no command given");
    assert_int_equal(minibox_spec_command(spec, good, &err), 0);
    assert_ptr_equal(spec->command, good);
    assert_int_equal(mb_spec_check(spec, &err), 0);
    minibox_spec_free(spec);
}

/* What the kernel wants to see beside `rule`, so that it has this rule alone to complain about. */
static uint64_t violate(const struct mb_flag_rule *rule) {
    uint64_t flags = rule->flag | (rule->kind == MB_RULE_NEEDS ? 0 : rule->other);
    if (flags & CLONE_THREAD && !(rule->flag == CLONE_THREAD && rule->kind == MB_RULE_NEEDS))
        flags |= CLONE_SIGHAND;
    if (flags & CLONE_SIGHAND && !(rule->flag == CLONE_SIGHAND && rule->kind == MB_RULE_NEEDS))
        flags |= CLONE_VM;
    return flags;
}

static void test_rules_name_rows_and_reason(void **state) {
    (void)state;
    assert_int_equal(mb_flag_rule_count, 8);
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        struct minibox_error err;
        if (rule->kind == MB_RULE_NOT_BY_INIT) /* test_clone.c is process 1 for it */
            continue;
        char reason[200], remedy[80];
        assert_int_equal(mb_flags_check(violate(rule), &origin, &err), -1);
        snprintf(reason, sizeof(reason), "%s %s %s, because %s", mb_flags_name(rule->flag),
                 rule->kind == MB_RULE_NEEDS ? "without" : "together with", mb_flags_name(rule->other), rule->why);
        if (rule->kind == MB_RULE_NEEDS)
            snprintf(remedy, sizeof(remedy), "share %s too", mb_flags_name(rule->other));
        else
            snprintf(remedy, sizeof(remedy), "leave %s out, or share %s too", mb_flags_name(rule->other),
                     mb_flags_name(rule->flag));
        assert_string_equal(err.what, "the kernel refuses");
        assert_string_equal(err.object, "");
        assert_string_equal(err.reason, reason);
        assert_string_equal(err.remedy, remedy);
        assert_string_equal(err.origin, "--here (argument 3)");
        assert_int_equal(err.number, EINVAL);
        assert_int_equal(err.status, 125);
        uint64_t mended =
            rule->kind == MB_RULE_NEEDS ? violate(rule) | rule->other | CLONE_VM : violate(rule) & ~rule->other;
        assert_int_equal(mb_flags_check(mended, &origin, &err), 0);
    }
    struct minibox_error err;
    assert_int_equal(mb_flags_check(0, NULL, &err), 0);
    assert_int_equal(mb_flags_check(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FS | CLONE_FILES, NULL, &err), 0);
    assert_int_equal(mb_flags_check(CLONE_NEWPID | CLONE_PARENT, NULL, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_rootfs),
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_tmpfs),
        cmocka_unit_test(test_device_and_mask),
        cmocka_unit_test(test_env),
        cmocka_unit_test(test_env_file),
        cmocka_unit_test(test_bad_env_files),
        cmocka_unit_test(test_env_file_from_a_slow_pipe),
        cmocka_unit_test(test_common_forms),
        cmocka_unit_test(test_hostname),
        cmocka_unit_test(test_words_of_the_table),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_userns),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_capability_names),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_ulimit),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_unknown_option_by_api),
        cmocka_unit_test(test_flag_table),
        cmocka_unit_test(test_share_and_isolate_each_row),
        cmocka_unit_test(test_default_flags),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_spec_check),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_rules_name_rows_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
