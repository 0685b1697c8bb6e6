/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan compiler on a host that does not exist: a folder with an etc/, a static busybox of a few bytes, device
 * nodes. What is looked at are the steps: their order, what each names, which option it came from. Device nodes take
 * root.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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

#include "plan/plan.h"
#include "spec/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    ALL_NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUSER |
                     CLONE_NEWCGROUP | CLONE_NEWTIME
};
enum { NOSUID_NODEV = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

/* ---- a host ---------------------------------------------------------------------------------------------------- */

static char root[64], folder[80], tree[80];
static bool has_devices;

static const char *below(const char *path) {
    static char full[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(full[next], sizeof(full[next]), "%s%s", root, path);
    return full[next];
}

static void write_bytes(const char *path, const void *bytes, size_t length, mode_t mode) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void write_text(const char *path, const char *text) {
    write_bytes(path, text, strlen(text), 0644);
}

/* The least that is a static program; with an interpreter, a dynamic one. */
static void write_busybox(const char *path, bool dynamic) {
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

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int make_host(void **state) {
    (void)state;
    static const char *const folders[] = {
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
    for (size_t i = 0; i < COUNT(folders); i++)
        if (mkdir(below(folders[i]), 0755))
            return -1;
    snprintf(folder, sizeof(folder), "%s/srv", root);
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
    for (size_t i = 0; i < COUNT(devices); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/dev/%s", root, devices[i].name);
        has_devices &= mknod(path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) == 0;
    }
    if (!has_devices)
        fprintf(stderr, "skipped: device nodes for a faked host: %s\n", strerror(errno));
    return 0;
}

static int remove_host(void **state) {
    (void)state;
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct mb_host as_root(void) {
    static char term[] = "TERM=vt100", lang[] = "LANG=C", secret[] = "SECRET=1",
                *environment[] = {term, lang, secret, NULL};
    return (struct mb_host){.root = root,
                            .privileged = true,
                            .keyrings = true,
                            .capabilities = (UINT64_C(1) << 41) - 1,
                            .cwd = "/srv/cwd",
                            .environment = environment,
                            .session_keyring = 77};
}

static struct mb_host as_user(void) {
    struct mb_host host = as_root();
    host.privileged = false;
    host.uid = 1000;
    host.gid = 1001;
    host.group_count = 2;
    return host;
}

/* ---- compiling ------------------------------------------------------------------------------------------------- */

static char prog[] = "prog", arg[] = "arg", *const command[] = {prog, arg, NULL};

struct compiled {
    struct minibox_spec *spec;
    struct mb_host host;
    struct mb_plan plan;
    struct minibox_error err;
    int result;
    char words[8][32]; /* "--volume": what origins name */
};

/* Options as pairs of words, ended by NULL. */
static void compile_with(struct compiled *c, struct mb_host host, const char *const *options) {
    memset(c, 0, sizeof(*c));
    c->host = host;
    if (!has_devices)
        skip();
    assert_int_equal(minibox_spec_new(&c->spec, &c->err), 0);
    assert_int_equal(minibox_spec_command(c->spec, command, &c->err), 0);
    for (int i = 0; options && options[i]; i += 2) {
        int id = mb_options_find(options[i]);
        snprintf(c->words[i / 2], sizeof(c->words[0]), "--%s", options[i]);
        const struct mb_origin origin = {MB_ORIGIN_ARGV, c->words[i / 2], i + 1, 0};
        if (mb_options_set(c->spec, (enum mb_option_id)id, options[i + 1], origin, &c->err))
            fail_msg("--%s %s: %s: %s", options[i], options[i + 1], c->err.what, c->err.reason);
    }
    c->result = mb_plan_compile(c->spec, &c->host, &c->plan, &c->err);
}
#define OPTIONS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void done(struct compiled *c) {
    mb_plan_free(&c->plan);
    minibox_spec_free(c->spec);
}

static void compile_well(struct compiled *c, struct mb_host host, const char *const *options) {
    compile_with(c, host, options);
    if (c->result)
        fail_msg("refused: %s \"%s\": %s", c->err.what, c->err.object, c->err.reason);
}

/* The first step of that kind at that target (NULL: any), or NULL. */
static const struct mb_step *find(const struct compiled *c, enum mb_step_kind kind, const char *target) {
    for (size_t i = 0; i < c->plan.step_count; i++) {
        const struct mb_step *step = &c->plan.steps[i];
        if (step->kind == kind && (!target || (step->target && strcmp(step->target, target) == 0)))
            return step;
    }
    return NULL;
}

static const struct mb_step *want(const struct compiled *c, enum mb_step_kind kind, const char *target) {
    const struct mb_step *step = find(c, kind, target);
    if (step)
        return step;
    mb_plan_print(&c->plan, stderr);
    fail_msg("no step %s at %s", mb_step_name(kind), target ? target : "(any)");
    abort();
}

static void want_not(const struct compiled *c, enum mb_step_kind kind, const char *target) {
    if (find(c, kind, target))
        fail_msg("a step %s at %s", mb_step_name(kind), target ? target : "(any)");
}

static void want_origin(const struct mb_step *step, const char *wanted) {
    char text[128];
    mb_origin_print(step->origin, text, sizeof(text));
    if (strcmp(text, wanted) != 0)
        fail_msg("step %s at %s comes from \"%s\", wanted \"%s\"", mb_step_name(step->kind),
                 step->target ? step->target : "-", text, wanted);
}

static const char *option_of(const struct mb_step *step, const char *key) {
    for (size_t i = 0; i < step->option_count; i++)
        if (strcmp(step->options[i].key, key) == 0)
            return step->options[i].value ? step->options[i].value : "";
    return NULL;
}

/* Kinds in order, repetitions once. */
static void want_kinds(const struct compiled *c, const char *wanted) {
    char seen[2048] = "";
    enum mb_step_kind last = MB_STEP_COUNT;
    for (size_t i = 0; i < c->plan.step_count; i++) {
        if (c->plan.steps[i].kind == last)
            continue;
        last = c->plan.steps[i].kind;
        snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%s", seen[0] ? " " : "", mb_step_name(last));
    }
    if (strcmp(seen, wanted) != 0)
        fail_msg("saw    %s\nwanted %s", seen, wanted);
}

/* Steps come in this order; each is there. */
static void want_order(const struct compiled *c, const enum mb_step_kind *kinds, size_t count) {
    const struct mb_step *before = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct mb_step *step = want(c, kinds[i], NULL);
        if (before && step <= before)
            fail_msg("%s comes before %s", mb_step_name(step->kind), mb_step_name(before->kind));
        before = step;
    }
}
#define WANT_ORDER(c, ...)                                                                                             \
    want_order(c, (const enum mb_step_kind[]){__VA_ARGS__},                                                            \
               sizeof((const enum mb_step_kind[]){__VA_ARGS__}) / sizeof(enum mb_step_kind))

static const char *variable(const struct compiled *c, const char *name) {
    size_t length = strlen(name);
    for (char **word = c->plan.environment; *word; word++)
        if (strncmp(*word, name, length) == 0 && (*word)[length] == '=')
            return *word + length + 1;
    return NULL;
}

static bool is_absent(const struct compiled *c, const char *start) {
    for (size_t i = 0; i < c->plan.absent_count; i++)
        if (strncmp(c->plan.absent[i], start, strlen(start)) == 0)
            return true;
    return false;
}

/* What holds for every plan, whatever was asked for. */
static void want_safe(const struct compiled *c) {
    bool root_closed = false;
    for (size_t i = 0; i < c->plan.step_count; i++) {
        const struct mb_step *step = &c->plan.steps[i];
        bool mounts = step->kind == MB_STEP_MOUNT || step->kind == MB_STEP_BIND || step->kind == MB_STEP_DEVICE ||
                      step->kind == MB_STEP_OVERLAY || step->kind == MB_STEP_MASK || step->kind == MB_STEP_REMOUNT;
        if (mounts && !(step->attributes & MOUNT_ATTR_NOSUID))
            fail_msg("%s at %s is not nosuid", mb_step_name(step->kind), step->target);
        bool has_nodes = step->kind == MB_STEP_DEVICE || (step->source && strcmp(step->source, "devpts") == 0);
        if (mounts && !has_nodes && !(step->attributes & MOUNT_ATTR_NODEV))
            fail_msg("%s at %s is not nodev", mb_step_name(step->kind), step->target);
        if (step->kind == MB_STEP_BIND || step->kind == MB_STEP_DEVICE) {
            struct stat st;
            assert_int_equal(stat(step->source, &st), 0);
            assert_int_equal(step->device, st.st_dev);
            assert_int_equal(step->inode, st.st_ino);
            assert_int_equal(step->is_directory, S_ISDIR(st.st_mode));
        }
        if (step->target && step->at) /* a path below a slot never leaves it by itself */
            assert_false(step->path[0] == '/');
        assert_non_null(step->origin);
        assert_int_equal(step->fd, -1);
        root_closed |= step->target && strcmp(step->target, "/") == 0 && (step->attributes & MOUNT_ATTR_RDONLY);
    }
    assert_true(root_closed || c->spec->rootfs_access != MB_ACCESS_RO);
    WANT_ORDER(c, MB_STEP_CLONE, MB_STEP_CLOSE, MB_STEP_PRIVATE, MB_STEP_PIVOT, MB_STEP_WORKDIR, MB_STEP_UMASK,
               MB_STEP_IDS, MB_STEP_CAPABILITIES, MB_STEP_NO_NEW_PRIVS, MB_STEP_INIT, MB_STEP_SESSION, MB_STEP_VERIFY,
               MB_STEP_LIMIT, MB_STEP_EXEC);
    /* Nothing is made in the box once its root is entered; the command's side is last. */
    const struct mb_step *pivot = want(c, MB_STEP_PIVOT, NULL), *init = want(c, MB_STEP_INIT, NULL);
    for (size_t i = 0; i < c->plan.step_count; i++) {
        const struct mb_step *step = &c->plan.steps[i];
        if (step->kind >= MB_STEP_MOUNT && step->kind <= MB_STEP_TERMINAL)
            assert_true(step < pivot);
        assert_true(step->side != MB_SIDE_COMMAND || step > init);
        assert_true(step->side != MB_SIDE_BUILDER || step <= init);
    }
    assert_int_equal(want(c, MB_STEP_EXEC, NULL) - c->plan.steps, (int)c->plan.step_count - 1);
}

/* ---- defaults -------------------------------------------------------------------------------------------------- */

static void default_of_root(void **state) {
    (void)state;
    struct compiled c;
    compile_well(&c, as_root(), NULL);
    want_safe(&c);
    want_kinds(&c, "clone die-with close id-maps unshare private hostname loopback wait become mount folder link bind "
                   "link file mount "
                   "folder remount folder remount device link mount folder remount mask remount mask remount pivot "
                   "workdir keyring "
                   "umask ids caps no-new-privs init session verify limit filter exec");
    assert_int_equal(c.plan.flags, ALL_NAMESPACES | CLONE_VM);
    assert_int_equal(want(&c, MB_STEP_CLONE, NULL)->flags | want(&c, MB_STEP_UNSHARE, NULL)->flags, c.plan.flags);
    assert_int_equal(c.plan.memory, MB_MEMORY_SHARED);
    assert_int_equal(c.plan.map_writer, MB_MAPS_PARENT);
    assert_true(c.plan.reserve_range && c.plan.init && c.plan.die_with_launcher);
    assert_false(c.plan.terminal);
    assert_int_equal(c.plan.uid, 0);
    assert_int_equal(c.plan.gid, 0);
    assert_int_equal(c.plan.group_count, 0);
    assert_int_equal(c.plan.capabilities, 0);
    assert_true(c.plan.filter.count > 0);
    assert_true(c.plan.own_session_keyring);
    assert_int_equal(c.plan.session_keyring, 77);
    assert_false(want(&c, MB_STEP_IDS, NULL)->keep_groups);
    assert_false(want(&c, MB_STEP_BECOME_ROOT, NULL)->keep_groups);
    assert_int_equal(want(&c, MB_STEP_CAPABILITIES, NULL)->flags, 0);
    assert_string_equal(want(&c, MB_STEP_HOSTNAME, NULL)->source, "minibox");
    assert_string_equal(want(&c, MB_STEP_LIMIT, NULL)->source, "core");
    assert_int_equal(want(&c, MB_STEP_LIMIT, NULL)->hard, 0);
    assert_string_equal(want(&c, MB_STEP_BIND, "/bin/busybox")->source, below("/bin/busybox"));
    assert_true(want(&c, MB_STEP_BIND, "/bin/busybox")->attributes & MOUNT_ATTR_RDONLY);
    assert_string_equal(option_of(want(&c, MB_STEP_MOUNT, "/dev/pts"), "gid"), "5");
    assert_true(want(&c, MB_STEP_MOUNT, "/sys")->attributes & MOUNT_ATTR_RDONLY);
    assert_string_equal(c.plan.workdir, "/");
    assert_string_equal(variable(&c, "HOME"), "/root");
    assert_string_equal(variable(&c, "USER"), "root");
    assert_string_equal(variable(&c, "container"), "minibox");
    assert_null(variable(&c, "SECRET"));
    assert_null(variable(&c, "TERM"));
    static const char *const masked[] = {"/proc/kcore",    "/proc/keys", "/proc/timer_list",
                                         "/proc/kallsyms", "/proc/acpi", "/sys/firmware"};
    for (size_t i = 0; i < COUNT(masked); i++)
        want(&c, MB_STEP_MASK, masked[i]);
    static const char *const closed[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus",
                                         "/proc/fs",  "/proc/pressure"};
    for (size_t i = 0; i < COUNT(closed); i++)
        assert_true(want(&c, MB_STEP_REMOUNT, closed[i])->attributes & MOUNT_ATTR_RDONLY);
    for (size_t i = 0; i < c.plan.step_count; i++) /* nobody asked for anything */
        want_origin(&c.plan.steps[i], "default");
    done(&c);
}

static void default_of_user(void **state) {
    (void)state;
    struct compiled c;
    compile_well(&c, as_user(), NULL);
    want_safe(&c);
    want_kinds(&c, "clone die-with close id-maps unshare private hostname loopback mount folder link bind link file "
                   "mount folder remount "
                   "folder remount device link mount folder remount mask remount mask remount pivot workdir keyring "
                   "umask ids caps "
                   "no-new-privs init session verify limit filter exec");
    assert_int_equal(c.plan.flags, ALL_NAMESPACES | CLONE_VM);
    assert_int_equal(c.plan.map_writer, MB_MAPS_SELF);
    assert_int_equal(c.plan.map_count, 2);
    assert_int_equal(c.plan.maps[0].outside, 1000);
    assert_int_equal(c.plan.maps[1].outside, 1001);
    assert_int_equal(c.plan.maps[0].inside, 0);
    assert_int_equal(c.plan.uid, 0);
    assert_int_equal(c.plan.group_count, 2); /* the kernel lets an ordinary user drop none */
    assert_true(want(&c, MB_STEP_IDS, NULL)->keep_groups);
    assert_null(option_of(want(&c, MB_STEP_MOUNT, "/dev/pts"), "gid")); /* gid 5 is not mapped */
    for (size_t i = 0; i < c.plan.step_count; i++) {
        assert_false(c.plan.steps[i].idmap);
        assert_false(c.plan.steps[i].by_parent);
    }
    done(&c);
    compile_well(&c, as_user(), OPTIONS("user", "33:34")); /* the one id can have any number inside */
    assert_int_equal(c.plan.maps[0].inside, 33);
    assert_int_equal(c.plan.maps[0].outside, 1000);
    assert_int_equal(c.plan.maps[1].inside, 34);
    assert_int_equal(want(&c, MB_STEP_IDS, NULL)->uid, 33);
    done(&c);
}

/* ---- root file systems ----------------------------------------------------------------------------------------- */

/* A busybox tree that was installed ready-made is one mount, not some dozens of steps. */
static void installed_busybox(void **state) {
    (void)state;
    static const char *const folders[] = {"", "/bin", "/proc", "/dev", "/tmp", "/sys"};
    char path[256];
    for (const char *end = MINIBOX_DATADIR; (end = strchr(end + 1, '/'));) {
        snprintf(path, sizeof(path), "%s%.*s", root, (int)(end - MINIBOX_DATADIR), MINIBOX_DATADIR);
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    }
    assert_int_equal(mkdir(below(MINIBOX_DATADIR), 0755), 0);
    for (size_t i = 0; i < COUNT(folders); i++) {
        snprintf(path, sizeof(path), "%s%s/busybox%s", root, MINIBOX_DATADIR, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    struct compiled c;
    compile_well(&c, as_user(), OPTIONS());
    want(&c, MB_STEP_BIND, "/bin/busybox"); /* a tree without the program does not count */
    done(&c);
    snprintf(path, sizeof(path), "%s%s/busybox/bin/busybox", root, MINIBOX_DATADIR);
    write_busybox(path, false);
    compile_well(&c, as_user(), OPTIONS());
    snprintf(path, sizeof(path), "%s%s/busybox", root, MINIBOX_DATADIR);
    assert_string_equal(want(&c, MB_STEP_BIND, "/")->source, path);
    assert_true(want(&c, MB_STEP_BIND, "/")->attributes & MOUNT_ATTR_RDONLY);
    want_not(&c, MB_STEP_BIND, "/bin/busybox");
    done(&c);
    compile_well(&c, as_user(), OPTIONS("rootfs", "busybox:rw")); /* what is written to must be the box's own */
    want(&c, MB_STEP_BIND, "/bin/busybox");
    done(&c);
    assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void host_rootfs(void **state) {
    (void)state;
    static const char *const hidden[] = {"/home", "/root", "/srv", "/tree", "/proc", "/dev"};
    for (int user = 0; user < 2; user++) {
        struct compiled c;
        compile_well(&c, user ? as_user() : as_root(), OPTIONS("rootfs", "host"));
        want_safe(&c);
        assert_string_equal(want(&c, MB_STEP_BIND, "/usr")->source, below("/usr"));
        want(&c, MB_STEP_BIND, "/etc");
        want(&c, MB_STEP_BIND, "/opt");
        want_origin(want(&c, MB_STEP_BIND, "/usr"), "--rootfs (argument 1)");
        assert_string_equal(want(&c, MB_STEP_LINK, "/bin")->source, "usr/bin");
        assert_string_equal(want(&c, MB_STEP_LINK, "/lib")->source, "usr/lib");
        want_not(&c, MB_STEP_BIND, "/sbin"); /* not on this host */
        want_not(&c, MB_STEP_LINK, "/lib64");
        for (size_t i = 0; i < c.plan.step_count; i++) {
            const struct mb_step *step = &c.plan.steps[i];
            assert_false(step->idmap); /* never: root's private files stay unreadable */
            if (step->kind != MB_STEP_BIND)
                continue;
            assert_true(step->attributes & MOUNT_ATTR_RDONLY);
            for (size_t n = 0; n < COUNT(hidden); n++)
                assert_false(strncmp(step->source + strlen(root), hidden[n], strlen(hidden[n])) == 0);
        }
        assert_int_equal(c.plan.uid, user ? 1000 : 0);
        assert_int_equal(c.plan.gid, user ? 1001 : 0);
        const char *home = user ? "/home/ann" : "/root";
        assert_string_equal(variable(&c, "HOME"), home);
        assert_false(want(&c, MB_STEP_REMOUNT, home)->attributes &
                     MOUNT_ATTR_RDONLY); /* an empty one of the box's own */
        assert_int_equal(want(&c, MB_STEP_DIRECTORY, home)->mode & 0777, 0700);
        done(&c);
    }
}

static void folder_rootfs(void **state) {
    (void)state;
    struct compiled c;
    char text[128];
    for (int user = 0; user < 2; user++) {
        compile_well(&c, user ? as_user() : as_root(), OPTIONS("rootfs", tree));
        want_safe(&c);
        const struct mb_step *step = want(&c, MB_STEP_BIND, "/");
        assert_string_equal(step->source, tree);
        assert_int_equal(step->keep, MB_SLOT_ROOT);
        assert_true(step->attributes & MOUNT_ATTR_RDONLY);
        assert_int_equal(step->idmap, !user);
        assert_int_equal(step->idmap_optional, !user); /* read-only: owners without a map are nobody */
        want_origin(step, "--rootfs (argument 1)");
        want(&c, MB_STEP_MOUNT, "/tmp"); /* no tmpfs of the box below it: each is its own */
        want(&c, MB_STEP_MOUNT, "/dev");
        want_not(&c, MB_STEP_FILE, NULL);
        assert_string_equal(variable(&c, "HOME"), "/home");
        done(&c);
    }
    snprintf(text, sizeof(text), "%s:overlay", tree);
    compile_well(&c, as_root(), OPTIONS("rootfs", text));
    want_safe(&c);
    want(&c, MB_STEP_MOUNT, "(staging)");
    assert_int_equal(want(&c, MB_STEP_OVERLAY, "/")->keep, MB_SLOT_ROOT);
    assert_true(want(&c, MB_STEP_BIND, "(staging)/lower0")->attributes & MOUNT_ATTR_RDONLY);
    assert_string_equal(want(&c, MB_STEP_BIND, "(staging)/lower0")->source, tree);
    assert_string_equal(option_of(want(&c, MB_STEP_OVERLAY, "/"), "lowerdir"), "lower0");
    assert_string_equal(option_of(want(&c, MB_STEP_OVERLAY, "/"), "upperdir"), "upper0");
    assert_true(want(&c, MB_STEP_MOUNT, "(staging)") < want(&c, MB_STEP_BIND, "(staging)/lower0"));
    assert_true(want(&c, MB_STEP_BIND, "(staging)/lower0") < want(&c, MB_STEP_OVERLAY, "/"));
    done(&c);

    snprintf(text, sizeof(text), "%s:rw", tree);
    compile_well(&c, as_user(), OPTIONS("rootfs", text));
    assert_false(want(&c, MB_STEP_BIND, "/")->attributes & MOUNT_ATTR_RDONLY);
    done(&c);
    assert_int_equal(chmod(tree, 0700), 0); /* root's: out of other users' reach */
    compile_well(&c, as_root(), OPTIONS("rootfs", text));
    assert_true(want(&c, MB_STEP_BIND, "/")->idmap);
    assert_false(want(&c, MB_STEP_BIND, "/")->idmap_optional); /* new files would belong to ids that mean nothing */
    done(&c);
    assert_int_equal(chmod(tree, 0755), 0);
    compile_with(&c, as_root(), OPTIONS("rootfs", text));
    assert_int_equal(c.result, -1);
    assert_non_null(strstr(c.err.what, "writable root file system"));
    done(&c);
}

/* ---- options --------------------------------------------------------------------------------------------------- */

static void shared_pids(void **state) {
    (void)state;
    struct compiled c;
    compile_with(&c, as_root(), OPTIONS("share", "pid"));
    assert_int_equal(c.result, -1);
    assert_non_null(strstr(c.err.remedy, "--die-with-launcher no"));
    assert_string_equal(c.err.origin, "--share (argument 1)");
    done(&c);
    compile_well(&c, as_root(), OPTIONS("share", "pid", "die-with-launcher", "no"));
    want_safe(&c);
    assert_false(c.plan.flags & CLONE_NEWPID);
    assert_int_equal(c.plan.memory, MB_MEMORY_COPY); /* who is there already could trace the builder */
    want(&c, MB_STEP_DIE_WITH, NULL);                /* while it is set up, in any case */
    assert_false(c.plan.die_with_launcher);
    assert_string_equal(want(&c, MB_STEP_BIND, "/proc")->source, below("/proc"));
    assert_int_equal(want(&c, MB_STEP_BIND, "/proc")->keep, MB_SLOT_PROC);
    want_not(&c, MB_STEP_MOUNT, "/proc");
    done(&c);
}

static void shared_network(void **state) {
    (void)state;
    for (int spelling = 0; spelling < 2; spelling++) {
        struct compiled c;
        compile_well(&c, as_user(), spelling ? OPTIONS("share", "net") : OPTIONS("network", "host"));
        want_safe(&c);
        assert_false(c.plan.flags & CLONE_NEWNET);
        want_not(&c, MB_STEP_LOOPBACK, NULL);
        want_not(&c, MB_STEP_MOUNT, "/sys");
        want_not(&c, MB_STEP_MASK, "/sys/firmware");
        assert_true(is_absent(&c, "/sys:"));
        assert_string_equal(want(&c, MB_STEP_FILE, "/etc/resolv.conf")->source, "nameserver 192.0.2.1\n");
        done(&c);
    }
    struct compiled c;
    compile_well(&c, as_user(), NULL);
    assert_string_equal(want(&c, MB_STEP_FILE, "/etc/resolv.conf")->source, ""); /* of a network that is not there */
    done(&c);
    compile_well(&c, as_root(), OPTIONS("rootfs", tree, "network", "host"));
    assert_string_equal(want(&c, MB_STEP_BIND, "/etc/resolv.conf")->source, below("/etc/resolv.conf"));
    want_origin(want(&c, MB_STEP_BIND, "/etc/resolv.conf"), "--network (argument 3)");
    done(&c);
}

/* One option, and the step that it makes: at which place, from which source, and that the step says where it came from.
 */
static void each_option_has_its_step(void **state) {
    (void)state;
    char volume[256], writable[256], overlaid[256], profile[128];
    snprintf(volume, sizeof(volume), "%s:/data", folder);
    snprintf(writable, sizeof(writable), "%s:/data/deep:rw,noexec", folder);
    snprintf(overlaid, sizeof(overlaid), "%s:/over:overlay", folder);
    snprintf(profile, sizeof(profile), "%s/profile.json", root);
    char fuse[128];
    snprintf(fuse, sizeof(fuse), "%s/dev/fuse:/dev/fuse", root);
    write_text(profile, "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    const struct {
        const char *option, *value;
        enum mb_step_kind kind;
        const char *target, *source;
        uint64_t attributes; /* at least */
    } cases[] = {
        {"volume", volume, MB_STEP_BIND, "/data", folder, NOSUID_NODEV | MOUNT_ATTR_RDONLY},
        {"volume", writable, MB_STEP_BIND, "/data/deep", folder, NOSUID_NODEV | MOUNT_ATTR_NOEXEC},
        {"volume", overlaid, MB_STEP_OVERLAY, "/over", "overlay", NOSUID_NODEV},
        {"volume", overlaid, MB_STEP_BIND, "(staging)/lower0", folder, NOSUID_NODEV | MOUNT_ATTR_RDONLY},
        {"tmpfs", "/scratch:size=1m,mode=0700,noexec,ro", MB_STEP_MOUNT, "/scratch", "tmpfs",
         NOSUID_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY},
        {"device", fuse, MB_STEP_DEVICE, "/dev/fuse", below("/dev/fuse"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
        {"mask", "/etc/passwd", MB_STEP_MASK, "/etc/passwd", NULL, NOSUID_NODEV | MOUNT_ATTR_RDONLY},
        {"mask", "/proc/meminfo", MB_STEP_MASK, "/proc/meminfo", NULL, NOSUID_NODEV | MOUNT_ATTR_RDONLY},
        {"workdir", "/etc", MB_STEP_WORKDIR, "/etc", NULL, 0},
        {"workdir", ".", MB_STEP_WORKDIR, "/srv/cwd", NULL, 0},
        {"workdir", "./a/b", MB_STEP_WORKDIR, "/srv/cwd/a/b", NULL, 0},
        {"hostname", "elsewhere", MB_STEP_HOSTNAME, NULL, "elsewhere", 0},
        {"name", "elsewhere", MB_STEP_HOSTNAME, NULL, "elsewhere", 0},
        {"tty", "yes", MB_STEP_TERMINAL, "/dev/pts/0", NULL, 0},
        {"user", "0:0", MB_STEP_IDS, NULL, NULL, 0},
        {"userns", "0:700000:65536", MB_STEP_WRITE_MAPS, NULL, NULL, 0},
        {"cap-add", "NET_BIND_SERVICE", MB_STEP_CAPABILITIES, NULL, NULL, 0},
        {"seccomp", profile, MB_STEP_FILTER, NULL, NULL, 0},
        {"ulimit", "nofile=64:128", MB_STEP_LIMIT, NULL, "nofile", 0},
        {"init", "no", MB_STEP_INIT, NULL, NULL, 0},
        {"preserve-fds", "2", MB_STEP_CLOSE, NULL, NULL, 0},
        {"die-with-launcher", "yes", MB_STEP_DIE_WITH, NULL, NULL, 0},
        {"isolate", "vm", MB_STEP_CLONE, NULL, NULL, 0},
        {"join", "net=/proc/self/ns/net", MB_STEP_JOIN, NULL, "/proc/self/ns/net", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct compiled c;
        char origin[64];
        compile_well(&c, as_root(), OPTIONS(cases[i].option, cases[i].value));
        want_safe(&c);
        snprintf(origin, sizeof(origin), "--%s (argument 1)", cases[i].option);
        const struct mb_step *found = NULL; /* some kinds are there by default as well */
        for (size_t n = 0; n < c.plan.step_count; n++) {
            const struct mb_step *step = &c.plan.steps[n];
            char text[128];
            mb_origin_print(step->origin, text, sizeof(text));
            if (step->kind == cases[i].kind && strcmp(text, origin) == 0 &&
                (!cases[i].target || (step->target && strcmp(step->target, cases[i].target) == 0)))
                found = step;
        }
        if (!found) {
            mb_plan_print(&c.plan, stderr);
            fail_msg("--%s %s: no step %s at %s of that origin", cases[i].option, cases[i].value,
                     mb_step_name(cases[i].kind), cases[i].target ? cases[i].target : "-");
            return;
        }
        if (cases[i].source && (!found->source || strcmp(found->source, cases[i].source) != 0))
            fail_msg("--%s %s: source \"%s\"", cases[i].option, cases[i].value, found->source ? found->source : "-");
        assert_int_equal(found->attributes & cases[i].attributes, cases[i].attributes);
        done(&c);
    }
}

static void options_that_take_away(void **state) {
    (void)state;
    struct compiled c;
    compile_well(&c, as_root(), OPTIONS("init", "no"));
    assert_false(c.plan.init);
    done(&c);
    compile_well(&c, as_root(), OPTIONS("seccomp", "off", "allow", "suid"));
    want_not(&c, MB_STEP_FILTER, NULL);
    assert_int_equal(c.plan.filter.count, 0);
    done(&c);
    compile_well(&c, as_root(), OPTIONS("die-with-launcher", "no"));
    want(&c, MB_STEP_DIE_WITH, NULL); /* while it is set up, in any case */
    assert_false(c.plan.die_with_launcher);
    done(&c);
    compile_well(&c, as_root(), OPTIONS("share", "uts,ipc,cgroup,time"));
    want_not(&c, MB_STEP_HOSTNAME, NULL);
    assert_null(c.plan.hostname);
    assert_int_equal(c.plan.flags, CLONE_VM | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER);
    want_origin(want(&c, MB_STEP_CLONE, NULL), "--share (argument 1)");
    done(&c);
    compile_well(&c, as_root(), OPTIONS("share", "user"));
    assert_int_equal(c.plan.map_writer, MB_MAPS_NONE);
    want_not(&c, MB_STEP_WRITE_MAPS, NULL);
    assert_false(want(&c, MB_STEP_IDS, NULL)->keep_groups);
    for (size_t i = 0; i < c.plan.step_count; i++)
        assert_false(c.plan.steps[i].idmap);
    done(&c);
    compile_well(&c, as_root(), OPTIONS("isolate", "vm"));
    assert_int_equal(c.plan.memory, MB_MEMORY_COPY);
    done(&c);
    compile_well(&c, as_user(), OPTIONS("share", "vfork"));
    assert_int_equal(c.plan.memory, MB_MEMORY_VFORK);
    done(&c);
    struct mb_host host = as_root();
    host.keyrings = false;
    compile_well(&c, host, NULL);
    want_not(&c, MB_STEP_KEYRING, NULL);
    done(&c);
    write_busybox(below("/usr/bin/busybox"), false);
    compile_well(&c, as_root(), OPTIONS("rootfs", "busybox:rw"));
    want_not(&c, MB_STEP_REMOUNT, "/");
    done(&c);
}

static void command_and_environment(void **state) {
    (void)state;
    struct compiled c;
    compile_well(&c, as_root(),
                 OPTIONS("env", "PATH=/a::b", "env", "LANG", "env", "NONE", "env", "HOME=/elsewhere", "tty", "yes",
                         "env", "E="));
    assert_string_equal(variable(&c, "PATH"), "/a::b");
    assert_string_equal(variable(&c, "LANG"), "C"); /* the caller's, by name */
    assert_null(variable(&c, "NONE"));              /* which the caller has not */
    assert_string_equal(variable(&c, "HOME"), "/elsewhere");
    assert_string_equal(variable(&c, "TERM"), "vt100"); /* with a terminal */
    assert_string_equal(variable(&c, "E"), "");
    assert_null(variable(&c, "SECRET"));
    assert_int_equal(c.plan.candidate_count, 3);
    assert_string_equal(c.plan.candidates[0], "/a/prog");
    assert_string_equal(c.plan.candidates[1], "prog"); /* an empty part is the working directory, as execvp(3) has it */
    assert_string_equal(c.plan.candidates[2], "b/prog");
    assert_ptr_equal(c.plan.command, command);
    done(&c);
}

static void capabilities_and_limits(void **state) {
    (void)state;
    struct compiled c;
    compile_well(&c, as_root(), OPTIONS("cap-add", "ALL", "cap-drop", "SYS_ADMIN"));
    assert_int_equal(c.plan.capabilities,
                     ((UINT64_C(1) << 41) - 1) & ~(UINT64_C(1) << 21)); /* those that this kernel knows */
    done(&c);
    compile_well(&c, as_root(), OPTIONS("cap-drop", "CHOWN", "cap-add", "CHOWN")); /* in any order */
    assert_int_equal(c.plan.capabilities, 0);
    done(&c);
    struct mb_host host = as_root();
    host.capabilities = 0xff;
    compile_with(&c, host, OPTIONS("cap-add", "SYS_ADMIN"));
    assert_int_equal(c.result, -1);
    assert_string_equal(c.err.origin, "--cap-add (argument 1)");
    done(&c);
    compile_well(&c, as_root(), OPTIONS("ulimit", "nofile=10:20", "ulimit", "nofile=30:40", "ulimit", "core=5:6"));
    int limits = 0;
    for (size_t i = 0; i < c.plan.step_count; i++) {
        const struct mb_step *step = &c.plan.steps[i];
        if (step->kind != MB_STEP_LIMIT)
            continue;
        limits++; /* one for each resource: the last that was said */
        assert_true((strcmp(step->source, "nofile") == 0 && step->soft == 30 && step->hard == 40) ||
                    (strcmp(step->source, "core") == 0 && step->soft == 5 && step->hard == 6));
    }
    assert_int_equal(limits, 2);
    done(&c);
}

/* What contains comes before what is contained, however the words are ordered. */
static void mounts_go_from_shallow_to_deep(void **state) {
    (void)state;
    struct compiled c;
    char a[256], b[256], d[256];
    snprintf(a, sizeof(a), "%s:/a/b/c", folder);
    snprintf(b, sizeof(b), "%s:/a", folder);
    snprintf(d, sizeof(d), "%s://a//b/", folder);
    compile_well(&c, as_root(), OPTIONS("volume", a, "volume", b, "tmpfs", "/a/b/c/d", "volume", d));
    assert_true(want(&c, MB_STEP_BIND, "/a") < want(&c, MB_STEP_BIND, "//a//b/"));
    assert_true(want(&c, MB_STEP_BIND, "//a//b/") < want(&c, MB_STEP_BIND, "/a/b/c"));
    assert_true(want(&c, MB_STEP_BIND, "/a/b/c") < want(&c, MB_STEP_MOUNT, "/a/b/c/d"));
    done(&c);
}

/* ---- refusals -------------------------------------------------------------------------------------------------- */

static void refuses(void **state) {
    (void)state;
    char missing[128], file_overlay[160], no_point[160], no_device[160], link_rootfs[128];
    snprintf(missing, sizeof(missing), "%s/not-there:/mnt", root);
    snprintf(file_overlay, sizeof(file_overlay), "%s/etc/passwd:/mnt:overlay", root);
    snprintf(no_point, sizeof(no_point), "%s:/new/place", folder);
    snprintf(no_device, sizeof(no_device), "%s/etc/passwd:/dev/passwd", root);
    snprintf(link_rootfs, sizeof(link_rootfs), "%s/etc/passwd", root);
    char slash[160];
    snprintf(slash, sizeof(slash), "%s:/", folder);
    const struct {
        bool user;
        const char *options[7];
        const char *origin, *text; /* text: in what, object, reason, detail or remedy */
    } cases[] = {
        {false, {"volume", missing}, "--volume (argument 1)", "make it first"},
        {false, {"volume", file_overlay}, "--volume (argument 1)", "overlay over"},
        {false, {"volume", slash}, "--volume (argument 1)", "cannot be the root"},
        {false, {"tmpfs", "//"}, "--tmpfs (argument 1)", "cannot be the root"},
        {false, {"rootfs", tree, "volume", no_point}, "--volume (argument 3)", "mkdir -p"},
        {false, {"rootfs", tree, "tmpfs", "/new"}, "--tmpfs (argument 3)", ":overlay"},
        {false, {"rootfs", "/not/there"}, "--rootfs (argument 1)", "make it first"},
        {false, {"rootfs", link_rootfs}, "--rootfs (argument 1)", "Not a directory"},
        {false, {"rootfs", "/"}, "--rootfs (argument 1)", "--rootfs host"},
        {false, {"rootfs", "//../."}, "--rootfs (argument 1)", "--rootfs host"},
        {false, {"device", no_device}, "--device (argument 1)", "no device node"},
        {false, {"user", "nobody-here"}, "--user (argument 1)", "no such user"},
        {false, {"user", "0:nobody-here"}, "--user (argument 1)", "no such group"},
        {false, {"user", "70000"}, "--user (argument 1)", "mapped"},
        {false, {"userns", "keep-id"}, "--userns (argument 1)", "never mapped"},
        {true, {"share", "user"}, "--share (argument 1)", "user namespace"},
        {false, {"share", "user", "userns", "0:700000:10"}, "--userns (argument 3)", "no ids can be mapped"},
        {false, {"share", "uts", "hostname", "x"}, "--hostname (argument 3)", "host name"},
        {false, {"share", "net", "isolate", "net"}, NULL, "both ways"},
        {false, {"network", "host", "isolate", "net"}, NULL, "both ways"},
        {false, {"share", "vfork"}, "--share (argument 1)", "id maps"},
        {true, {"share", "vfork", "tty", "yes"}, "--share (argument 1)", "terminal"},
        {true, {"share", "sysvsem"}, "--share (argument 1)", "ipc"},
        {false, {"join", "net=/not/there"}, "--join (argument 1)", "cannot join"},
        {false,
         {"join", "net=/proc/self/ns/net", "join", "net=/proc/self/ns/net"},
         "--join (argument 3)",
         "joined twice"},
        {false, {"seccomp", "/not/there"}, "--seccomp (argument 1)", "seccomp profile"},
        {false, {"init", "no", "die-with-launcher", "no"}, "--init (argument 1)", "--init no"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct compiled c;
        char all[2048];
        compile_with(&c, cases[i].user ? as_user() : as_root(), cases[i].options);
        if (c.result != -1) {
            mb_plan_print(&c.plan, stderr);
            fail_msg("case %zu accepted: --%s %s", i, cases[i].options[0], cases[i].options[1]);
        }
        snprintf(all, sizeof(all), "%s \"%s\": %s / %s / %s", c.err.what, c.err.object, c.err.reason, c.err.detail,
                 c.err.remedy);
        if (!strstr(all, cases[i].text))
            fail_msg("case %zu, --%s %s: \"%s\" is not in: %s", i, cases[i].options[0], cases[i].options[1],
                     cases[i].text, all);
        if (cases[i].origin && strcmp(c.err.origin, cases[i].origin) != 0)
            fail_msg("case %zu, --%s %s: origin \"%s\"", i, cases[i].options[0], cases[i].options[1], c.err.origin);
        assert_int_equal(c.err.status, MINIBOX_EXIT_FAILED);
        assert_int_equal(c.err.step, 0); /* nothing was started */
        assert_true(c.err.phase == MINIBOX_PHASE_USAGE || c.err.phase == MINIBOX_PHASE_PLAN);
        assert_null(c.plan.steps); /* freed */
        done(&c);
    }
}

static void refuses_bad_hosts(void **state) {
    (void)state;
    struct compiled c;
    if (!has_devices)
        skip();
    write_busybox(below("/usr/bin/busybox"), true);
    compile_with(&c, as_root(), NULL);
    assert_int_equal(c.result, -1);
    assert_non_null(strstr(c.err.detail, "dynamically linked"));
    assert_non_null(strstr(c.err.remedy, "busybox-static"));
    done(&c);
    static const char *const texts[] = {"", "#!/bin/sh\n", "\177ELF",
                                        "not a program at all, but long enough to be taken for a header of one ......"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        write_text(below("/usr/bin/busybox"), texts[i]);
        compile_with(&c, as_root(), NULL);
        assert_int_equal(c.result, -1);
        assert_int_equal(c.err.number, ENOEXEC);
        assert_non_null(strstr(c.err.remedy, "busybox-static"));
        done(&c);
    }
    assert_int_equal(unlink(below("/usr/bin/busybox")), 0);
    compile_with(&c, as_root(), NULL);
    assert_int_equal(c.result, -1);
    assert_int_equal(c.err.number, ENOENT);
    done(&c);
    compile_well(&c, as_root(), OPTIONS("rootfs", "host")); /* which needs none */
    done(&c);
    write_busybox(below("/usr/bin/busybox"), false);

    /* A node that is not what its name says. */
    assert_int_equal(unlink(below("/dev/null")), 0);
    assert_int_equal(mknod(below("/dev/null"), S_IFCHR | 0666, makedev(1, 5)), 0);
    compile_with(&c, as_root(), NULL);
    assert_int_equal(c.result, -1);
    assert_non_null(strstr(c.err.what, "not the device"));
    done(&c);
    assert_int_equal(unlink(below("/dev/null")), 0);
    write_text(below("/dev/null"), "");
    compile_with(&c, as_root(), NULL);
    assert_int_equal(c.result, -1);
    done(&c);
    assert_int_equal(unlink(below("/dev/null")), 0);
    assert_int_equal(symlink("zero", below("/dev/null")), 0); /* a link to another */
    compile_with(&c, as_root(), NULL);
    assert_int_equal(c.result, -1);
    done(&c);
    assert_int_equal(unlink(below("/dev/null")), 0);
    compile_with(&c, as_root(), NULL);
    assert_int_equal(c.result, -1);
    done(&c);
    assert_int_equal(mknod(below("/dev/null"), S_IFCHR | 0666, makedev(1, 3)), 0);
    struct mb_host host = as_root();
    host.cwd = NULL; /* removed under the caller */
    compile_with(&c, host, OPTIONS("workdir", "sub"));
    assert_int_equal(c.result, -1);
    assert_string_equal(c.err.origin, "--workdir (argument 1)");
    done(&c);
    compile_well(&c, host, NULL);
    done(&c);
}

/* The host is left as it is: no compile made, changed or removed anything. */
static void leaves_the_host_alone(void **state) {
    (void)state;
    struct stat before[4], after;
    const char *const paths[] = {folder, tree, below("/etc"), root};
    char kept[4][256];
    struct compiled c;
    char volume[256];
    for (size_t i = 0; i < COUNT(paths); i++) {
        snprintf(kept[i], sizeof(kept[i]), "%s", paths[i]);
        assert_int_equal(stat(kept[i], &before[i]), 0);
    }
    snprintf(volume, sizeof(volume), "%s:/mnt:overlay", folder);
    compile_well(&c, as_root(), OPTIONS("rootfs", tree, "volume", volume, "pid-file", "/tmp/minibox-unit-no-pid"));
    assert_string_equal(c.plan.pid_file, "/tmp/minibox-unit-no-pid");
    done(&c);
    for (size_t i = 0; i < COUNT(paths); i++) {
        assert_int_equal(stat(kept[i], &after), 0);
        assert_int_equal(after.st_mtim.tv_sec, before[i].st_mtim.tv_sec);
        assert_int_equal(after.st_mtim.tv_nsec, before[i].st_mtim.tv_nsec);
    }
    assert_int_equal(access("/tmp/minibox-unit-no-pid", F_OK), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_of_root),
        cmocka_unit_test(default_of_user),
        cmocka_unit_test(installed_busybox),
        cmocka_unit_test(host_rootfs),
        cmocka_unit_test(folder_rootfs),
        cmocka_unit_test(shared_pids),
        cmocka_unit_test(shared_network),
        cmocka_unit_test(each_option_has_its_step),
        cmocka_unit_test(options_that_take_away),
        cmocka_unit_test(command_and_environment),
        cmocka_unit_test(capabilities_and_limits),
        cmocka_unit_test(mounts_go_from_shallow_to_deep),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_bad_hosts),
        cmocka_unit_test(leaves_the_host_alone),
    };
    return cmocka_run_group_tests(tests, make_host, remove_host);
}
