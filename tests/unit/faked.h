/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that does not exist, for tests of the box and of its plan: a directory with an etc/, a static busybox of a few
 * bytes, device nodes; and what such a test asks of a list of mounts or of steps. Device nodes take root: where there
 * is none, the tests that need them are skipped. Each test program has a host of its own.
 */
#ifndef MB_UNIT_FAKED_H
#define MB_UNIT_FAKED_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/count.h"
#include "box/box.h"
#include "files.h"
#include "plan/plan.h"
#include "show/plan.h"
#include "spec/options.h"

enum {
    ALL_NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUSER |
                     CLONE_NEWCGROUP | CLONE_NEWTIME
};
enum { NOSUID_NODEV = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

/* ---- a host ---------------------------------------------------------------------------------------------------- */

static char root[64], directory[80], tree[80];
static bool has_devices;

static inline const char *below(const char *path) {
    static char full[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(full[next], sizeof(full[next]), "%s%s", root, path);
    return full[next];
}

static inline void write_bytes(const char *path, const void *bytes, size_t length, mode_t mode) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void write_text(const char *path, const char *text) {
    write_bytes(path, text, strlen(text), 0644);
}

/* The least that is a static program; with an interpreter, a dynamic one. */
static inline void write_busybox(const char *path, bool dynamic) {
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr programs[2];
    } file = {.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof(Elf64_Ehdr),
                         .e_ehsize = sizeof(Elf64_Ehdr),
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = 2},
              .programs = {{.p_type = PT_LOAD}, {.p_type = dynamic ? PT_INTERP : PT_NOTE}}};
    write_bytes(path, &file, sizeof(file), 0755);
}

static inline int make_host(void **state) {
    (void)state;
    static const char *const directories[] = {
        "/etc",  "/usr", "/usr/bin", "/usr/lib",   "/opt",      "/dev",      "/proc",     "/home",     "/home/ann",
        "/root", "/srv", "/tree",    "/tree/proc", "/tree/dev", "/tree/tmp", "/tree/sys", "/tree/etc", "/tree/mnt"};
    static const struct {
        const char *name;
        unsigned major, minor;
    } devices[] = {{"null", 1, 3},    {"zero", 1, 5}, {"full", 1, 7},   {"random", 1, 8},
                   {"urandom", 1, 9}, {"tty", 5, 0},  {"fuse", 10, 229}};
    strcpy(root, "/tmp/minibox-unit-XXXXXX");
    if (!mkdtemp(root) || chmod(root, 0755))
        return -1;
    for (size_t i = 0; i < MB_COUNT(directories); i++)
        if (mkdir(below(directories[i]), 0755))
            return -1;
    snprintf(directory, sizeof(directory), "%s/srv", root);
    snprintf(tree, sizeof(tree), "%s/tree", root);
    if (symlink("usr/bin", below("/bin")) || symlink("usr/lib", below("/lib")))
        return -1;
    write_busybox(below("/usr/bin/busybox"), false);
    write_text(below("/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n");
    write_text(below("/etc/group"), "root:x:0:\nann:x:1001:\n");
    write_text(below("/etc/subuid"), "");
    write_text(below("/etc/subgid"), "");
    write_text(below("/etc/resolv.conf"), "nameserver 192.0.2.1\n");
    write_text(below("/tree/etc/passwd"), "root:x:0:0:root:/home:/bin/sh\nbob:x:33:34::/srv/bob:/bin/sh\n");
    write_text(below("/tree/etc/resolv.conf"), "");
    has_devices = true;
    for (size_t i = 0; i < MB_COUNT(devices); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/dev/%s", root, devices[i].name);
        has_devices &= mknod(path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) == 0;
    }
    if (!has_devices)
        fprintf(stderr, "skipped: device nodes for a faked host: %s\n", strerror(errno));
    return 0;
}

static inline int remove_host(void **state) {
    (void)state;
    return remove_tree(root);
}

/* Who calls. */
static inline struct mb_host as_root(void) {
    static char term[] = "TERM=vt100", lang[] = "LANG=C", secret[] = "SECRET=1",
                *environment[] = {term, lang, secret, NULL};
    return (struct mb_host){.root = root,
                            .privileged = true,
                            .maps_ids = true,
                            .may_set_groups = true,
                            .outer_root_uid = MB_HOST_NO_ID,
                            .outer_root_gid = MB_HOST_NO_ID,
                            .keyrings = true,
                            .capabilities = (UINT64_C(1) << 41) - 1,
                            .cwd = "/srv/cwd",
                            .environment = environment,
                            .session_keyring = 77};
}

static inline struct mb_host as_user(void) {
    struct mb_host host = as_root();
    host.privileged = host.maps_ids = host.may_set_groups = false;
    host.uid = 1000;
    host.gid = 1001;
    host.group_count = 2;
    return host;
}

/* ---- from options to a plan ------------------------------------------------------------------------------------ */

static char prog[] = "prog", arg[] = "arg", *const command[] = {prog, arg, NULL};

/* Who refused. */
enum stage { NOBODY, BY_BOX, BY_PLAN };

struct made {
    struct minibox_spec *spec;
    struct mb_host host;
    struct mb_box box;
    struct mb_plan plan;
    struct minibox_error err;
    enum stage refused;
    char words[16][32]; /* "--volume": what origins name */
};

/* Options as pairs of words, ended by NULL. */
static inline void make_with(struct made *m, struct mb_host host, const char *const *options) {
    memset(m, 0, sizeof(*m));
    m->host = host;
    if (!has_devices)
        skip();
    assert_int_equal(minibox_spec_new(&m->spec, &m->err), 0);
    assert_int_equal(minibox_spec_command(m->spec, command, &m->err), 0);
    for (int i = 0; options && options[i]; i += 2) {
        int id = mb_options_find(options[i]);
        snprintf(m->words[i / 2], sizeof(m->words[0]), "--%s", options[i]);
        const struct mb_origin origin = {MB_ORIGIN_ARGV, m->words[i / 2], i + 1, 0};
        if (mb_options_set(m->spec, (enum mb_option_id)id, options[i + 1], origin, &m->err))
            fail_msg("--%s %s: %s: %s", options[i], options[i + 1], m->err.what, m->err.reason);
    }
    if (mb_box_fill(m->spec, &m->host, &m->box, &m->err))
        m->refused = BY_BOX;
    else if (mb_plan_compile(&m->box, &m->plan, &m->err))
        m->refused = BY_PLAN;
}
#define OPTIONS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static inline void done(struct made *m) {
    mb_plan_free(&m->plan);
    mb_box_free(&m->box);
    minibox_spec_free(m->spec);
}

static inline void make_well(struct made *m, struct mb_host host, const char *const *options) {
    make_with(m, host, options);
    if (m->refused)
        fail_msg("refused: %s \"%s\": %s", m->err.what, m->err.object, m->err.reason);
}

/* Whether it was refused by whom it should be, for what an origin names. */
struct refusal {
    enum stage by;
    bool user;
    const char *options[9];
    const char *origin, *text; /* origin NULL: any; text: in what, object, reason, detail or remedy */
};

static inline void want_refusals(const struct refusal *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct made m;
        char all[2048];
        const char *const *words = cases[i].options;
        make_with(&m, cases[i].user ? as_user() : as_root(), words);
        if (m.refused != cases[i].by)
            fail_msg("case %zu, --%s %s: refused by %d, wanted %d: %s", i, words[0], words[1], (int)m.refused,
                     (int)cases[i].by, m.err.what);
        snprintf(all, sizeof(all), "%s \"%s\": %s / %s / %s", m.err.what, m.err.object, m.err.reason, m.err.detail,
                 m.err.remedy);
        if (!strstr(all, cases[i].text))
            fail_msg("case %zu, --%s %s: \"%s\" is not in: %s", i, words[0], words[1], cases[i].text, all);
        if (cases[i].origin && strcmp(m.err.origin, cases[i].origin) != 0)
            fail_msg("case %zu, --%s %s: origin \"%s\"", i, words[0], words[1], m.err.origin);
        assert_int_equal(m.err.status, MINIBOX_EXIT_FAILED);
        assert_int_equal(m.err.step, 0); /* nothing was started */
        assert_true(m.err.phase == MINIBOX_PHASE_USAGE || m.err.phase == MINIBOX_PHASE_PLAN);
        assert_null(m.plan.steps); /* freed */
        assert_true(m.refused != BY_BOX || !m.box.mounts);
        done(&m);
    }
}

static inline void want_origin(const struct mb_origin *origin, const char *what, const char *wanted) {
    char text[128];
    mb_origin_print(origin, text, sizeof(text));
    if (strcmp(text, wanted) != 0)
        fail_msg("%s comes from \"%s\", wanted \"%s\"", what ? what : "-", text, wanted);
}

static inline const char *value_of(const struct mb_mount_option *options, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].key, key) == 0)
            return options[i].value ? options[i].value : "";
    return NULL;
}

/* ---- of the list of mounts ------------------------------------------------------------------------------------- */

static const char *const mount_kinds[] = {
    [MB_MOUNT_NEW] = "new",         [MB_MOUNT_BIND] = "bind",           [MB_MOUNT_OVERLAY] = "overlay",
    [MB_MOUNT_DEVICE] = "device",   [MB_MOUNT_SELF] = "self",           [MB_MOUNT_MASK] = "mask",
    [MB_MOUNT_REMOUNT] = "remount", [MB_MOUNT_DIRECTORY] = "directory", [MB_MOUNT_LINK] = "link",
    [MB_MOUNT_FILE] = "file",
};

/* The first entry of that kind at that target (NULL: any), or NULL. */
static inline const struct mb_mount *find_mount(const struct made *m, enum mb_mount_kind kind, const char *target) {
    for (size_t i = 0; i < m->box.mount_count; i++) {
        const struct mb_mount *mount = &m->box.mounts[i];
        if (mount->kind == kind && (!target || strcmp(mount->target, target) == 0))
            return mount;
    }
    return NULL;
}

static inline const struct mb_mount *want_mount(const struct made *m, enum mb_mount_kind kind, const char *target) {
    const struct mb_mount *mount = find_mount(m, kind, target);
    if (mount)
        return mount;
    for (size_t i = 0; i < m->box.mount_count; i++)
        fprintf(stderr, "%s %s\n", mount_kinds[m->box.mounts[i].kind], m->box.mounts[i].target);
    fail_msg("no entry %s at %s", mount_kinds[kind], target ? target : "(any)");
    abort();
}

/* ---- of the steps ---------------------------------------------------------------------------------------------- */

/* The first step of that kind at that target (NULL: any), or NULL. */
static inline const struct mb_step *find(const struct made *m, enum mb_step_kind kind, const char *target) {
    for (size_t i = 0; i < m->plan.step_count; i++) {
        const struct mb_step *step = &m->plan.steps[i];
        if (step->kind == kind && (!target || (step->target && strcmp(step->target, target) == 0)))
            return step;
    }
    return NULL;
}

static inline const struct mb_step *want(const struct made *m, enum mb_step_kind kind, const char *target) {
    const struct mb_step *step = find(m, kind, target);
    if (step)
        return step;
    mb_plan_print(&m->plan, stderr);
    fail_msg("no step %s at %s", mb_step_name(kind), target ? target : "(any)");
    abort();
}

static inline void want_not(const struct made *m, enum mb_step_kind kind, const char *target) {
    if (find(m, kind, target))
        fail_msg("a step %s at %s", mb_step_name(kind), target ? target : "(any)");
}

#endif
