/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted, on a host that does not exist: from options, over the defaults. What is looked at is the box: its
 * list of mounts and where each entry came from, whose process the command's is, and what is refused before anything is
 * planned.
 */
#include "faked.h"

#include "box/fill.h"

enum { CHOWN = 0, NET_BIND_SERVICE = 10, SYS_ADMIN = 21 };
#define CAPABILITY(n) (UINT64_C(1) << (n))

/* ---- what holds for every box ---------------------------------------------------------------------------------- */

static bool is_new_mount(const struct mb_mount *mount) {
    return mount->kind != MB_MOUNT_DIRECTORY && mount->kind != MB_MOUNT_LINK && mount->kind != MB_MOUNT_FILE;
}

static void want_safe_mounts(const struct made *m) {
    bool is_root_closed = false;
    for (size_t i = 0; i < m->box.mount_count; i++) {
        const struct mb_mount *mount = &m->box.mounts[i];
        const char *kind = mount_kinds[mount->kind];
        assert_non_null(mount->origin);
        assert_int_equal(mount->target[0], '/');
        assert_int_equal(mount->set & mount->clear & ~(uint64_t)MOUNT_ATTR__ATIME, 0);
        is_root_closed |= strcmp(mount->target, "/") == 0 && (mount->set & MOUNT_ATTR_RDONLY);
        if (!is_new_mount(mount))
            continue;
        assert_int_equal(mount->propagation, MS_PRIVATE);
        if (!(mount->set & MOUNT_ATTR_NOSUID))
            fail_msg("%s at %s is not nosuid", kind, mount->target);
        bool has_nodes = mount->kind == MB_MOUNT_DEVICE || (mount->type && strcmp(mount->type, "devpts") == 0);
        if (!has_nodes && !(mount->set & MOUNT_ATTR_NODEV))
            fail_msg("%s at %s is not nodev", kind, mount->target);
        if (mount->kind == MB_MOUNT_MASK && !(mount->set & MOUNT_ATTR_RDONLY))
            fail_msg("what hides %s can be written to", mount->target);
    }
    assert_string_equal(m->box.mounts[0].target, "/");
    assert_true(is_root_closed || m->spec->rootfs_access != MB_ACCESS_RO);
}

static void want_safe(const struct made *m) {
    const struct mb_process *process = &m->box.process;
    const struct mb_capabilities *sets = &process->capabilities;
    want_safe_mounts(m);
    assert_ptr_equal(m->box.spec, m->spec);
    assert_ptr_equal(m->box.host, &m->host);
    assert_true(process->no_new_privs && process->leads_session && process->private_mounts);
    assert_int_equal(process->every_mount, MOUNT_ATTR_NOSUID);
    assert_int_equal(process->umask, 022);
    assert_int_equal(process->securebits, 0);
    assert_int_equal(process->personality, 0);
    assert_int_equal(process->dumpable, 0);
    assert_int_equal(sets->effective & ~sets->permitted, 0);
    assert_int_equal(sets->permitted & ~sets->bounding, 0);
    assert_int_equal(sets->ambient & ~(sets->permitted & sets->inheritable), 0);
}

/* ---- defaults -------------------------------------------------------------------------------------------------- */

static const char *variable(const struct made *m, const char *name) {
    return mb_box_variable(m->box.environment, name);
}

static bool is_absent(const struct made *m, const char *start) {
    for (size_t i = 0; i < m->box.absent_count; i++)
        if (strncmp(m->box.absent[i], start, strlen(start)) == 0)
            return true;
    return false;
}

static void default_of_root(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), NULL);
    want_safe(&m);
    const struct mb_box *box = &m.box;
    assert_int_equal(box->flags, ALL_NAMESPACES | CLONE_VM);
    assert_int_equal(box->join_count, 0);
    assert_int_equal(box->maps.writer, MB_MAPS_PARENT);
    assert_true(box->maps.has_range && box->process.init && box->process.die_with_launcher);
    assert_false(box->process.terminal);
    assert_int_equal(box->process.uid, 0);
    assert_int_equal(box->process.gid, 0);
    assert_int_equal(box->process.group_count, 0);
    assert_false(box->keep_groups);
    assert_int_equal(box->process.capabilities.bounding, 0);
    assert_true(box->filter.count > 0);
    assert_true(box->process.own_keyring);
    assert_int_equal(box->process.callers_keyring, 77);
    assert_true(box->process.has_hostname);
    assert_string_equal(box->process.hostname, "minibox");
    assert_string_equal(box->name, "minibox");
    assert_int_equal(box->process.preserve_fds, 0);
    assert_int_equal(box->process.shared_with_init, 0);
    assert_int_equal(box->limit_count, 1);
    assert_string_equal(box->limits[0].name, "core");
    assert_int_equal(box->limits[0].hard, 0);
    const struct mb_mount *busybox = want_mount(&m, MB_MOUNT_BIND, "/bin/busybox");
    assert_string_equal(busybox->source, below("/bin/busybox"));
    assert_true(busybox->set & MOUNT_ATTR_RDONLY);
    assert_false(busybox->by_caller);
    const struct mb_mount *pts = want_mount(&m, MB_MOUNT_NEW, "/dev/pts");
    assert_string_equal(pts->type, "devpts");
    assert_string_equal(value_of(pts->options, pts->option_count, "gid"), "5");
    assert_true(want_mount(&m, MB_MOUNT_NEW, "/sys")->set & MOUNT_ATTR_RDONLY);
    assert_string_equal(box->workdir, "/");
    assert_string_equal(variable(&m, "HOME"), "/root");
    assert_string_equal(variable(&m, "USER"), "root");
    assert_string_equal(variable(&m, "container"), "minibox");
    assert_null(variable(&m, "SECRET"));
    assert_null(variable(&m, "TERM"));
    assert_null(box->root_path);
    assert_true(box->root_is_read_only);
    assert_int_equal(box->absent_count, 0);
    for (int i = 0; i < 3; i++)
        assert_null(box->streams[i]);
    static const char *const masked[] = {"/proc/kcore",    "/proc/keys", "/proc/timer_list",
                                         "/proc/kallsyms", "/proc/acpi", "/sys/firmware"};
    for (size_t i = 0; i < MB_COUNT(masked); i++)
        assert_true(want_mount(&m, MB_MOUNT_MASK, masked[i])->optional);
    static const char *const closed[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus",
                                         "/proc/fs",  "/proc/pressure"};
    for (size_t i = 0; i < MB_COUNT(closed); i++)
        assert_true(want_mount(&m, MB_MOUNT_SELF, closed[i])->set & MOUNT_ATTR_RDONLY);
    for (size_t i = 0; i < box->mount_count; i++) /* nobody asked for anything */
        want_origin(box->mounts[i].origin, box->mounts[i].target, "default");
    done(&m);
}

static void default_of_user(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_user(), NULL);
    want_safe(&m);
    assert_int_equal(m.box.flags, ALL_NAMESPACES | CLONE_VM);
    assert_int_equal(m.box.maps.writer, MB_MAPS_SELF);
    assert_false(m.box.maps.has_range);
    assert_int_equal(m.box.maps.count, 2);
    assert_int_equal(m.box.maps.list[0].outside, 1000);
    assert_int_equal(m.box.maps.list[1].outside, 1001);
    assert_int_equal(m.box.maps.list[0].inside, 0);
    assert_int_equal(m.box.process.uid, 0);
    assert_int_equal(m.box.process.group_count, 2); /* the kernel lets an ordinary user drop none */
    assert_true(m.box.keep_groups);
    const struct mb_mount *pts = want_mount(&m, MB_MOUNT_NEW, "/dev/pts");
    assert_null(value_of(pts->options, pts->option_count, "gid")); /* gid 5 is not mapped */
    done(&m);
    make_well(&m, as_user(), OPTIONS("user", "33:34")); /* the one id can have any number inside */
    assert_int_equal(m.box.maps.list[0].inside, 33);
    assert_int_equal(m.box.maps.list[0].outside, 1000);
    assert_int_equal(m.box.maps.list[1].inside, 34);
    assert_int_equal(m.box.process.uid, 33);
    done(&m);
    struct mb_host host = as_user(); /* of a container with ids of its own: the groups can be dropped */
    host.maps_ids = host.may_set_groups = true;
    make_well(&m, host, OPTIONS("userns", "0:5:10"));
    assert_int_equal(m.box.maps.writer, MB_MAPS_PARENT);
    assert_int_equal(m.box.process.group_count, 0);
    assert_false(m.box.keep_groups);
    done(&m);
    host.may_set_groups = false; /* ... unless setgroups(2) was given up there */
    make_well(&m, host, OPTIONS("userns", "0:5:10"));
    assert_int_equal(m.box.process.group_count, 2);
    assert_true(m.box.keep_groups);
    done(&m);
}

/* Root of a user namespace whose id 0 is, or may be, the host's root: no box has that id. */
static void no_box_has_roots_id(void **state) {
    (void)state;
    struct made m;
    struct mb_host host = as_user();
    host.uid = host.gid = 0;
    host.maps_ids = host.may_set_groups = host.is_outer_root = true;
    host.outer_root_uid = host.outer_root_gid = 0;
    make_with(&m, host, NULL);
    assert_int_equal(m.refused, BY_BOX);
    assert_string_equal(m.err.remedy, mb_remedy_text(MB_REMEDY_OUTER_ROOT));
    done(&m);
    make_well(&m, host, OPTIONS("userns", "0:100000:65536")); /* other ids of the namespace it may have */
    assert_int_equal(m.box.maps.writer, MB_MAPS_PARENT);
    done(&m);
    host.is_outer_root = false;
    host.outer_root_uid = 7;
    host.outer_root_gid = MB_HOST_NO_ID;
    static const char *const refused[] = {"0:7:1", "0:1:65536", "u0:5:3,g0:100000:1"};
    for (size_t i = 0; i < MB_COUNT(refused); i++) {
        make_with(&m, host, OPTIONS("userns", refused[i]));
        assert_int_equal(m.refused, BY_BOX);
        assert_string_equal(m.err.remedy, mb_remedy_text(MB_REMEDY_OUTER_ROOT));
        done(&m);
    }
    make_well(&m, host, OPTIONS("userns", "u0:8:1,g0:7:1"));
    done(&m);
}

/* ---- the list of mounts ---------------------------------------------------------------------------------------- */

/* "kind target" an entry; targets are the ones of the test, so that a list is compared as a whole. */
static char *list_mounts(const struct made *m, size_t first, size_t end) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (size_t i = first; i < end; i++)
        fprintf(out, "%s %s\n", mount_kinds[m->box.mounts[i].kind], m->box.mounts[i].target);
    fclose(out);
    return text;
}

static void want_list(const struct made *m, size_t first, size_t end, const char *wanted) {
    char *seen = list_mounts(m, first, end);
    if (strcmp(seen, wanted) != 0)
        fail_msg("saw:\n%swanted:\n%s", seen, wanted);
    free(seen);
}

/* The entries at these targets come in this order. */
static void want_order(const struct made *m, const char *const *targets, size_t count) {
    size_t n = 0;
    for (size_t i = 0; n < count && i < m->box.mount_count; i++)
        n += strcmp(m->box.mounts[i].target, targets[n]) == 0;
    if (n < count)
        fail_msg("%s is not there, or comes before %s", targets[n], n ? targets[n - 1] : "-");
}

/* The defaults are entries of the same list as what the user asks for: the user's come behind them, what contains
 * before what is contained, then devices, then masks; what becomes read-only when all is there comes last. */
static void defaults_and_wishes_are_one_list(void **state) {
    (void)state;
    char shallow[256], deep[256], same[256], fuse[256];
    snprintf(shallow, sizeof(shallow), "%s:/data", directory);
    snprintf(deep, sizeof(deep), "%s:/data/a/b:rw,noexec", directory);
    snprintf(same, sizeof(same), "%s:/other", directory);
    snprintf(fuse, sizeof(fuse), "%s/dev/fuse:/dev/fuse", root);
    const char *const *options = OPTIONS("mask", "/etc/passwd", "device", fuse, "volume", deep, "mask", "/proc/meminfo",
                                         "tmpfs", "/data/a", "volume", shallow, "volume", same);
    for (int user = 0; user < 2; user++) {
        struct made plain, m;
        make_well(&plain, user ? as_user() : as_root(), NULL);
        make_well(&m, user ? as_user() : as_root(), options);
        want_safe(&m);
        enum { WISHES = 7, LAST = 2 };
        size_t defaults = plain.box.mount_count - LAST;
        char *wanted = list_mounts(&plain, 0, defaults);
        want_list(&m, 0, defaults, wanted);
        free(wanted);
        want_list(&m, defaults, defaults + WISHES,
                  "bind /data\n"
                  "bind /other\n"
                  "new /data/a\n"
                  "bind /data/a/b\n"
                  "device /dev/fuse\n"
                  "mask /etc/passwd\n"
                  "mask /proc/meminfo\n");
        want_list(&m, defaults + WISHES, m.box.mount_count, "remount /dev\nremount /\n");
        want_list(&plain, defaults, plain.box.mount_count, "remount /dev\nremount /\n");
        for (size_t i = 0; i < m.box.mount_count; i++) {
            bool is_wish = i >= defaults && i < defaults + WISHES;
            if (is_wish != (m.box.mounts[i].origin->kind == MB_ORIGIN_ARGV))
                fail_msg("%s has the wrong origin", m.box.mounts[i].target);
        }
        done(&plain);
        done(&m);
    }
}

static void a_mount_is_what_was_asked_for(void **state) {
    (void)state;
    char volume[256], writable[256], overlaid[256], fuse[256];
    snprintf(volume, sizeof(volume), "%s:/data", directory);
    snprintf(writable, sizeof(writable), "%s:/data/deep:rw,noexec", directory);
    snprintf(overlaid, sizeof(overlaid), "%s:/over:overlay", directory);
    snprintf(fuse, sizeof(fuse), "%s/dev/fuse:/dev/fuse", root);
    const struct {
        const char *option, *value;
        enum mb_mount_kind kind;
        const char *target, *source;
        uint64_t set;
        bool by_caller, no_links, recursive;
        enum mb_owners owners;
    } cases[] = {
        {"volume", volume, MB_MOUNT_BIND, "/data", directory, NOSUID_NODEV | MOUNT_ATTR_RDONLY, true, false, true,
         MB_OWNERS_BOX_IF_CAN_BE},
        {"volume", writable, MB_MOUNT_BIND, "/data/deep", directory, NOSUID_NODEV | MOUNT_ATTR_NOEXEC, true, false,
         true, MB_OWNERS_BOX},
        {"volume", overlaid, MB_MOUNT_OVERLAY, "/over", directory, NOSUID_NODEV, true, false, true, MB_OWNERS_BOX},
        {"tmpfs", "/scratch:size=1m,mode=0700,noexec,ro", MB_MOUNT_NEW, "/scratch", NULL,
         NOSUID_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, false, false, false, MB_OWNERS_HOST},
        {"device", fuse, MB_MOUNT_DEVICE, "/dev/fuse", below("/dev/fuse"),
         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, true, true, false, MB_OWNERS_HOST},
        {"mask", "/etc/passwd", MB_MOUNT_MASK, "/etc/passwd", NULL,
         NOSUID_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, false, false, false, MB_OWNERS_HOST},
        {"mask", "/proc/meminfo", MB_MOUNT_MASK, "/proc/meminfo", NULL,
         NOSUID_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, false, true, false, MB_OWNERS_HOST},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct made m;
        char origin[64];
        make_well(&m, as_root(), OPTIONS(cases[i].option, cases[i].value));
        const struct mb_mount *mount = want_mount(&m, cases[i].kind, cases[i].target);
        snprintf(origin, sizeof(origin), "--%s (argument 1)", cases[i].option);
        want_origin(mount->origin, mount->target, origin);
        assert_int_equal(mount->set, cases[i].set);
        assert_int_equal(mount->by_caller, cases[i].by_caller);
        assert_int_equal(mount->no_links, cases[i].no_links);
        assert_int_equal(mount->recursive, cases[i].recursive);
        assert_int_equal(mount->owners, cases[i].owners);
        assert_false(mount->optional);
        if (cases[i].source)
            assert_string_equal(mount->source, cases[i].source);
        done(&m);
    }
    struct made m;
    make_well(&m, as_root(), OPTIONS("tmpfs", "/scratch:size=1m,mode=0700,noatime"));
    const struct mb_mount *tmpfs = want_mount(&m, MB_MOUNT_NEW, "/scratch");
    assert_string_equal(tmpfs->type, "tmpfs");
    assert_string_equal(value_of(tmpfs->options, tmpfs->option_count, "size"), "1048576");
    assert_string_equal(value_of(tmpfs->options, tmpfs->option_count, "mode"), "0700");
    assert_int_equal(tmpfs->clear, MOUNT_ATTR__ATIME);
    assert_true(tmpfs->set & MOUNT_ATTR_NOATIME);
    done(&m);
}

/* What contains comes before what is contained, however the words are ordered; of the same depth as they were said. */
static void mounts_go_from_shallow_to_deep(void **state) {
    (void)state;
    struct made m;
    char a[256], b[256], d[256], e[256];
    snprintf(a, sizeof(a), "%s:/a/b/c", directory);
    snprintf(b, sizeof(b), "%s:/a", directory);
    snprintf(d, sizeof(d), "%s://a//b/", directory);
    snprintf(e, sizeof(e), "%s:/z/y/x", directory);
    make_well(&m, as_root(), OPTIONS("volume", e, "volume", a, "volume", b, "tmpfs", "/a/b/c/d", "volume", d));
    static const char *const order[] = {"/a", "//a//b/", "/z/y/x", "/a/b/c", "/a/b/c/d", "/dev", "/"};
    want_order(&m, order, MB_COUNT(order));
    done(&m);
}

/* Every number of the defaults' devices is asked of the host's nodes; the user's device may be any. */
static void devices_have_their_numbers(void **state) {
    (void)state;
    static const struct {
        const char *target;
        uint32_t major, minor;
    } devices[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                   {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
    struct made m;
    make_well(&m, as_root(), NULL);
    for (size_t i = 0; i < MB_COUNT(devices); i++) {
        const struct mb_mount *mount = want_mount(&m, MB_MOUNT_DEVICE, devices[i].target);
        assert_true(mount->has_number && mount->no_links);
        assert_int_equal(mount->major, devices[i].major);
        assert_int_equal(mount->minor, devices[i].minor);
    }
    done(&m);
}

/* ---- root file systems ----------------------------------------------------------------------------------------- */

/* A busybox tree that was installed ready-made is one mount, not some dozens of entries. */
static void installed_busybox(void **state) {
    (void)state;
    static const char *const directories[] = {"", "/bin", "/proc", "/dev", "/tmp", "/sys"};
    char path[256];
    for (const char *end = MINIBOX_DATADIR; (end = strchr(end + 1, '/'));) {
        snprintf(path, sizeof(path), "%s%.*s", root, (int)(end - MINIBOX_DATADIR), MINIBOX_DATADIR);
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    }
    assert_int_equal(mkdir(below(MINIBOX_DATADIR), 0755), 0);
    for (size_t i = 0; i < MB_COUNT(directories); i++) {
        snprintf(path, sizeof(path), "%s%s/busybox%s", root, MINIBOX_DATADIR, directories[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    struct made m;
    make_well(&m, as_user(), NULL);
    want_mount(&m, MB_MOUNT_BIND, "/bin/busybox"); /* a tree without the program does not count */
    done(&m);
    snprintf(path, sizeof(path), "%s%s/busybox/bin/busybox", root, MINIBOX_DATADIR);
    write_busybox(path, false);
    make_well(&m, as_user(), NULL);
    snprintf(path, sizeof(path), "%s%s/busybox", root, MINIBOX_DATADIR);
    assert_string_equal(want_mount(&m, MB_MOUNT_BIND, "/")->source, path);
    assert_string_equal(m.box.root_path, path);
    assert_true(want_mount(&m, MB_MOUNT_BIND, "/")->set & MOUNT_ATTR_RDONLY);
    assert_null(find_mount(&m, MB_MOUNT_BIND, "/bin/busybox"));
    done(&m);
    make_well(&m, as_user(), OPTIONS("rootfs", "busybox:rw")); /* what is written to must be the box's own */
    want_mount(&m, MB_MOUNT_BIND, "/bin/busybox");
    done(&m);
    assert_int_equal(remove_tree(path), 0);
}

static void host_rootfs(void **state) {
    (void)state;
    static const char *const hidden[] = {"/home", "/root", "/srv", "/tree", "/proc", "/dev"};
    for (int user = 0; user < 2; user++) {
        struct made m;
        make_well(&m, user ? as_user() : as_root(), OPTIONS("rootfs", "host"));
        want_safe(&m);
        assert_string_equal(want_mount(&m, MB_MOUNT_BIND, "/usr")->source, below("/usr"));
        want_mount(&m, MB_MOUNT_BIND, "/etc");
        want_mount(&m, MB_MOUNT_BIND, "/opt");
        want_origin(want_mount(&m, MB_MOUNT_BIND, "/usr")->origin, "/usr", "--rootfs (argument 1)");
        assert_string_equal(want_mount(&m, MB_MOUNT_LINK, "/bin")->source, "usr/bin");
        assert_string_equal(want_mount(&m, MB_MOUNT_LINK, "/lib")->source, "usr/lib");
        assert_null(find_mount(&m, MB_MOUNT_BIND, "/sbin")); /* not on this host */
        assert_null(find_mount(&m, MB_MOUNT_LINK, "/lib64"));
        for (size_t i = 0; i < m.box.mount_count; i++) {
            const struct mb_mount *mount = &m.box.mounts[i];
            assert_int_equal(mount->owners, MB_OWNERS_HOST); /* root's private files stay unreadable */
            if (mount->kind != MB_MOUNT_BIND)
                continue;
            assert_true(mount->set & MOUNT_ATTR_RDONLY);
            for (size_t n = 0; n < MB_COUNT(hidden); n++)
                assert_false(strncmp(mount->source + strlen(root), hidden[n], strlen(hidden[n])) == 0);
        }
        assert_int_equal(m.box.process.uid, user ? 1000 : 0);
        assert_int_equal(m.box.process.gid, user ? 1001 : 0);
        const char *home = user ? "/home/ann" : "/root";
        assert_string_equal(variable(&m, "HOME"), home);
        assert_false(want_mount(&m, MB_MOUNT_SELF, home)->set & MOUNT_ATTR_RDONLY); /* an empty one of the box's own */
        const struct mb_mount *made = want_mount(&m, MB_MOUNT_DIRECTORY, home);
        assert_int_equal(made->mode & 0777, 0700);
        assert_int_equal(made->uid, user ? 1000 : 0);
        assert_int_equal(made->gid, user ? 1001 : 0);
        done(&m);
    }
}

/* A link of the allow-list is made again with its whole text, up to the longest that there is. */
static void long_links_are_whole(void **state) {
    (void)state;
    static const size_t lengths[] = {3000, 4095};
    for (size_t i = 0; i < MB_COUNT(lengths); i++) {
        struct made m;
        char text[4096];
        memset(text, 'x', lengths[i]);
        for (size_t n = 100; n < lengths[i]; n += 100)
            text[n] = '/';
        text[lengths[i]] = '\0';
        if (symlink(text, below("/lib64")) < 0)
            fail_msg("cannot make a link of %zu bytes: %s", lengths[i], strerror(errno));
        make_well(&m, as_root(), OPTIONS("rootfs", "host"));
        assert_string_equal(want_mount(&m, MB_MOUNT_LINK, "/lib64")->source, text);
        assert_string_equal(want(&m, MB_STEP_LINK, "/lib64")->source, text);
        done(&m);
        assert_int_equal(unlink(below("/lib64")), 0);
    }
}

static void directory_rootfs(void **state) {
    (void)state;
    struct made m;
    char text[128];
    for (int user = 0; user < 2; user++) {
        make_well(&m, user ? as_user() : as_root(), OPTIONS("rootfs", tree));
        want_safe(&m);
        const struct mb_mount *mount = want_mount(&m, MB_MOUNT_BIND, "/");
        assert_ptr_equal(mount, m.box.mounts);
        assert_string_equal(mount->source, tree);
        assert_string_equal(m.box.root_path, tree);
        assert_true(mount->set & MOUNT_ATTR_RDONLY);
        assert_true(mount->by_caller);
        assert_int_equal(mount->owners, MB_OWNERS_BOX_IF_CAN_BE); /* read-only: owners without a map are nobody */
        want_origin(mount->origin, "/", "--rootfs (argument 1)");
        want_mount(&m, MB_MOUNT_NEW, "/tmp"); /* no tmpfs of the box below it: each is its own */
        want_mount(&m, MB_MOUNT_NEW, "/dev");
        assert_null(find_mount(&m, MB_MOUNT_FILE, NULL));
        assert_null(find_mount(&m, MB_MOUNT_REMOUNT, "/")); /* it is read-only from the beginning */
        assert_string_equal(variable(&m, "HOME"), "/home");
        done(&m);
    }
    snprintf(text, sizeof(text), "%s:overlay", tree);
    make_well(&m, as_root(), OPTIONS("rootfs", text));
    want_safe(&m);
    assert_string_equal(want_mount(&m, MB_MOUNT_OVERLAY, "/")->source, tree);
    assert_false(m.box.root_is_read_only);
    done(&m);

    snprintf(text, sizeof(text), "%s:rw", tree);
    make_well(&m, as_user(), OPTIONS("rootfs", text));
    assert_false(want_mount(&m, MB_MOUNT_BIND, "/")->set & MOUNT_ATTR_RDONLY);
    done(&m);
    assert_int_equal(chmod(tree, 0700), 0); /* root's: out of other users' reach */
    make_well(&m, as_root(), OPTIONS("rootfs", text));
    /* New files would belong to ids that mean nothing. */
    assert_int_equal(want_mount(&m, MB_MOUNT_BIND, "/")->owners, MB_OWNERS_BOX);
    done(&m);
    assert_int_equal(chmod(tree, 0755), 0);
    make_with(&m, as_root(), OPTIONS("rootfs", text));
    assert_int_equal(m.refused, BY_BOX);
    assert_string_equal(m.err.origin, "--rootfs (argument 1)");
    assert_string_equal(m.err.remedy, mb_remedy_text(MB_REMEDY_SUID_ON_HOST));
    done(&m);
}

/* ---- namespaces ------------------------------------------------------------------------------------------------ */

static void shared_pids(void **state) {
    (void)state;
    struct made m;
    make_with(&m, as_root(), OPTIONS("share", "pid"));
    assert_int_equal(m.refused, BY_BOX);
    assert_non_null(strstr(m.err.remedy, "--die-with-launcher no"));
    assert_string_equal(m.err.origin, "--share (argument 1)");
    done(&m);
    make_well(&m, as_root(), OPTIONS("share", "pid", "die-with-launcher", "no"));
    want_safe(&m);
    assert_false(mb_box_has_own(&m.box, CLONE_NEWPID));
    assert_false(m.box.process.die_with_launcher);
    assert_string_equal(want_mount(&m, MB_MOUNT_BIND, "/proc")->source, below("/proc"));
    assert_null(find_mount(&m, MB_MOUNT_NEW, "/proc"));
    done(&m);
}

static void shared_network(void **state) {
    (void)state;
    struct made m;
    for (int spelling = 0; spelling < 2; spelling++) {
        make_well(&m, as_user(), spelling ? OPTIONS("share", "net") : OPTIONS("network", "host"));
        want_safe(&m);
        assert_false(mb_box_has_own(&m.box, CLONE_NEWNET));
        assert_null(find_mount(&m, MB_MOUNT_NEW, "/sys"));
        assert_null(find_mount(&m, MB_MOUNT_MASK, "/sys/firmware"));
        assert_true(is_absent(&m, "/sys:"));
        assert_string_equal(want_mount(&m, MB_MOUNT_FILE, "/etc/resolv.conf")->source, "nameserver 192.0.2.1\n");
        done(&m);
    }
    make_well(&m, as_user(), NULL);
    assert_string_equal(want_mount(&m, MB_MOUNT_FILE, "/etc/resolv.conf")->source, ""); /* of no network */
    done(&m);
    make_well(&m, as_root(), OPTIONS("rootfs", tree, "network", "host"));
    assert_string_equal(want_mount(&m, MB_MOUNT_BIND, "/etc/resolv.conf")->source, below("/etc/resolv.conf"));
    want_origin(want_mount(&m, MB_MOUNT_BIND, "/etc/resolv.conf")->origin, "/etc/resolv.conf",
                "--network (argument 3)");
    done(&m);
}

/* What is joined is known by its inode before anything is planned. */
static void joined_namespaces(void **state) {
    (void)state;
    struct made m;
    struct stat st;
    make_well(&m, as_root(), OPTIONS("join", "net=/proc/self/ns/net"));
    want_safe(&m);
    assert_int_equal(stat("/proc/self/ns/net", &st), 0);
    assert_int_equal(m.box.join_count, 1);
    assert_int_equal(m.box.joined[MB_FLAG_NET], st.st_ino);
    assert_int_equal(m.box.joined[MB_FLAG_UTS], 0);
    assert_true(mb_box_joins(&m.box, MB_FLAG_NET));
    assert_false(mb_box_has_own(&m.box, CLONE_NEWNET));
    done(&m);
}

static void options_that_take_away(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), OPTIONS("init", "no"));
    assert_false(m.box.process.init);
    done(&m);
    make_well(&m, as_root(), OPTIONS("seccomp", "off", "allow", "suid"));
    assert_int_equal(m.box.filter.count, 0);
    done(&m);
    make_well(&m, as_root(), OPTIONS("seccomp", "off")); /* the refusals that protect the host stay */
    assert_true(m.box.filter.count > 0);
    done(&m);
    make_well(&m, as_root(), OPTIONS("die-with-launcher", "no"));
    assert_false(m.box.process.die_with_launcher);
    done(&m);
    make_well(&m, as_root(), OPTIONS("share", "uts,ipc,cgroup,time"));
    assert_false(m.box.process.has_hostname);
    assert_string_equal(m.box.process.hostname, "");
    assert_int_equal(m.box.flags, CLONE_VM | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER);
    done(&m);
    make_well(&m, as_root(), OPTIONS("share", "user"));
    assert_int_equal(m.box.maps.writer, MB_MAPS_NONE);
    assert_int_equal(m.box.maps.count, 0);
    assert_false(m.box.keep_groups);
    done(&m);
    make_well(&m, as_user(), OPTIONS("share", "ipc,sysvsem,io"));
    assert_int_equal(m.box.process.shared_with_init, CLONE_SYSVSEM | CLONE_IO);
    done(&m);
    struct mb_host host = as_root();
    host.keyrings = false;
    make_well(&m, host, NULL);
    assert_false(m.box.process.own_keyring);
    done(&m);
    make_well(&m, as_root(), OPTIONS("rootfs", "busybox:rw"));
    assert_null(find_mount(&m, MB_MOUNT_REMOUNT, "/"));
    done(&m);
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static void command_and_environment(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(),
              OPTIONS("env", "PATH=/a::b", "env", "LANG", "env", "NONE", "env", "HOME=/elsewhere", "tty", "yes", "env",
                      "E=", "env", "E2=1", "env", "E2=2"));
    assert_string_equal(variable(&m, "PATH"), "/a::b");
    assert_string_equal(variable(&m, "LANG"), "C"); /* the caller's, by name */
    assert_null(variable(&m, "NONE"));              /* which the caller has not */
    assert_string_equal(variable(&m, "HOME"), "/elsewhere");
    assert_string_equal(variable(&m, "TERM"), "vt100"); /* with a terminal */
    assert_string_equal(variable(&m, "E"), "");
    assert_string_equal(variable(&m, "E2"), "2");
    assert_null(variable(&m, "SECRET"));
    assert_ptr_equal(m.box.command, command);
    assert_true(m.box.process.terminal);
    done(&m);
}

static void said_plainly(void **state) {
    (void)state;
    struct made m;
    char out[128];
    snprintf(out, sizeof(out), "%s/out", root);
    make_well(&m, as_root(),
              OPTIONS("hostname", "elsewhere", "name", "one", "timeout", "5s", "output-limit", "1k", "preserve-fds",
                      "2", "stdout", out, "workdir", "."));
    assert_string_equal(m.box.process.hostname, "elsewhere");
    assert_string_equal(m.box.name, "one");
    assert_int_equal(m.box.timeout, UINT64_C(5000000000));
    assert_int_equal(m.box.output_limit, 1024);
    assert_int_equal(m.box.process.preserve_fds, 2);
    assert_string_equal(m.box.streams[1], out);
    assert_null(m.box.streams[2]);
    assert_string_equal(m.box.workdir, "/srv/cwd");
    want_origin(mb_box_origin(&m.box, MB_OPTION_STDOUT), "stdout", "--stdout (argument 11)");
    done(&m);
    struct mb_host host = as_root(); /* a terminal of the caller's: the box has one too, unless files stand for it */
    host.terminal = true;
    host.window.ws_row = 24;
    make_well(&m, host, NULL);
    assert_true(m.box.process.terminal);
    assert_int_equal(m.box.window.ws_row, 24);
    done(&m);
    make_well(&m, host, OPTIONS("stdout", out));
    assert_false(m.box.process.terminal);
    done(&m);
    make_well(&m, host, OPTIONS("tty", "no"));
    assert_false(m.box.process.terminal);
    done(&m);
    char longest[65], longer[66];
    memset(longest, 'h', sizeof(longest) - 1);
    memset(longer, 'h', sizeof(longer) - 1);
    longest[64] = longer[65] = '\0';
    make_well(&m, as_root(), OPTIONS("hostname", longest));
    assert_string_equal(m.box.process.hostname, longest);
    done(&m);
    /* A longer one is refused with the options; it is never cut. */
    assert_int_equal(minibox_spec_new(&m.spec, &m.err), 0);
    assert_int_equal(minibox_spec_set(m.spec, "hostname", longer, &m.err), -1);
    minibox_spec_free(m.spec);
}

/* ---- capabilities and limits ----------------------------------------------------------------------------------- */

static void want_sets(const struct made *m, uint64_t effective, uint64_t inheritable) {
    const struct mb_capabilities *sets = &m->box.process.capabilities;
    assert_int_equal(sets->effective, effective);
    assert_int_equal(sets->permitted, effective);
    assert_int_equal(sets->bounding, effective);
    assert_int_equal(sets->inheritable, inheritable);
    assert_int_equal(sets->ambient, inheritable);
}

/* For uid 0 execve(2) computes the permitted set from the bounding one; another uid keeps it by the ambient one only,
 * for which it must be inheritable too. */
static void five_sets_of_capabilities(void **state) {
    (void)state;
    const uint64_t all = (UINT64_C(1) << 41) - 1, bind = CAPABILITY(NET_BIND_SERVICE);
    struct made m;
    make_well(&m, as_root(), NULL);
    want_sets(&m, 0, 0);
    done(&m);
    make_well(&m, as_root(), OPTIONS("user", "1000:1000"));
    want_sets(&m, 0, 0);
    done(&m);
    make_well(&m, as_root(), OPTIONS("cap-add", "NET_BIND_SERVICE"));
    want_safe(&m);
    want_sets(&m, bind, 0);
    done(&m);
    make_well(&m, as_root(), OPTIONS("cap-add", "NET_BIND_SERVICE", "user", "1000:1000"));
    want_safe(&m);
    want_sets(&m, bind, bind);
    done(&m);
    make_well(&m, as_user(), OPTIONS("cap-add", "NET_BIND_SERVICE", "cap-add", "CHOWN", "cap-drop", "CHOWN"));
    want_sets(&m, bind, 0);
    done(&m);
    make_well(&m, as_user(), OPTIONS("cap-add", "NET_BIND_SERVICE", "user", "33:33"));
    want_sets(&m, bind, bind);
    done(&m);
    make_well(&m, as_user(), OPTIONS("cap-add", "CHOWN", "rootfs", "host")); /* the caller's own uid */
    want_sets(&m, CAPABILITY(CHOWN), CAPABILITY(CHOWN));
    done(&m);
    make_well(&m, as_root(), OPTIONS("cap-add", "ALL", "cap-drop", "SYS_ADMIN")); /* those that this kernel knows */
    want_sets(&m, all & ~CAPABILITY(SYS_ADMIN), 0);
    done(&m);
    make_well(&m, as_root(), OPTIONS("cap-add", "ALL", "cap-drop", "SYS_ADMIN", "user", "5:5"));
    want_sets(&m, all & ~CAPABILITY(SYS_ADMIN), all & ~CAPABILITY(SYS_ADMIN));
    done(&m);
    make_well(&m, as_root(), OPTIONS("cap-drop", "CHOWN", "cap-add", "CHOWN")); /* in any order */
    want_sets(&m, 0, 0);
    done(&m);
    struct mb_host host = as_root();
    host.capabilities = 0xff;
    make_with(&m, host, OPTIONS("cap-add", "SYS_ADMIN"));
    assert_int_equal(m.refused, BY_BOX);
    assert_string_equal(m.err.origin, "--cap-add (argument 1)");
    done(&m);
    make_well(&m, host, OPTIONS("cap-add", "ALL", "user", "5:5"));
    want_sets(&m, 0xff, 0xff);
    done(&m);
}

/* One a resource: the last that was said; the default where nothing was. */
static void one_limit_a_resource(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), OPTIONS("ulimit", "nofile=10:20", "ulimit", "nofile=30:40", "ulimit", "core=5:6"));
    assert_int_equal(m.box.limit_count, 2);
    for (size_t i = 0; i < m.box.limit_count; i++) {
        const struct mb_ulimit *limit = &m.box.limits[i];
        assert_true((strcmp(limit->name, "nofile") == 0 && limit->soft == 30 && limit->hard == 40) ||
                    (strcmp(limit->name, "core") == 0 && limit->soft == 5 && limit->hard == 6));
        want_origin(&limit->origin, limit->name,
                    strcmp(limit->name, "core") == 0 ? "--ulimit (argument 5)" : "--ulimit (argument 3)");
    }
    done(&m);
}

/* ---- refusals -------------------------------------------------------------------------------------------------- */

static void refuses(void **state) {
    (void)state;
    char no_directory[128], slash[160], writable[160];
    snprintf(no_directory, sizeof(no_directory), "%s/etc/passwd", root);
    snprintf(slash, sizeof(slash), "%s:/", directory);
    snprintf(writable, sizeof(writable), "%s:/data:rw", directory);
    const struct refusal cases[] = {
        {BY_BOX, false, {"volume", slash}, "--volume (argument 1)", "cannot be the root"},
        {BY_BOX, false, {"tmpfs", "//"}, "--tmpfs (argument 1)", "cannot be the root"},
        {BY_BOX, false, {"rootfs", "/not/there"}, "--rootfs (argument 1)", "make it first"},
        {BY_BOX, false, {"rootfs", no_directory}, "--rootfs (argument 1)", "Not a directory"},
        {BY_BOX, false, {"rootfs", "/"}, "--rootfs (argument 1)", "--rootfs host"},
        {BY_BOX, false, {"rootfs", "//../."}, "--rootfs (argument 1)", "--rootfs host"},
        {BY_BOX, false, {"user", "nobody-here"}, "--user (argument 1)", "no such user"},
        {BY_BOX, false, {"user", "0:nobody-here"}, "--user (argument 1)", "no such group"},
        {BY_BOX, false, {"user", "70000"}, "--user (argument 1)", "mapped"},
        {BY_BOX, false, {"userns", "keep-id"}, "--userns (argument 1)", "never mapped"},
        {BY_BOX, true, {"share", "user"}, "--share (argument 1)", "user namespace"},
        {BY_BOX, false, {"share", "user", "userns", "0:700000:10"}, "--userns (argument 3)", "no ids can be mapped"},
        {BY_BOX, false, {"share", "uts", "hostname", "x"}, "--hostname (argument 3)", "host name"},
        {BY_BOX, false, {"share", "net", "isolate", "net"}, NULL, "both ways"},
        {BY_BOX, false, {"network", "host", "isolate", "net"}, NULL, "both ways"},
        {BY_BOX, true, {"share", "sysvsem"}, "--share (argument 1)", "ipc"},
        {BY_BOX, false, {"join", "net=/not/there"}, "--join (argument 1)", "cannot join"},
        {BY_BOX,
         false,
         {"join", "net=/proc/self/ns/net", "join", "net=/proc/self/ns/net"},
         "--join (argument 3)",
         "joined twice"},
        {BY_BOX, false, {"seccomp", "/not/there"}, "--seccomp (argument 1)", "seccomp profile"},
        {BY_BOX, false, {"init", "no", "die-with-launcher", "no"}, "--init (argument 1)", "--init no"},
        {BY_BOX,
         false,
         {"volume", writable, "cap-add", "SETFCAP"},
         "--cap-add (argument 3)",
         "writable directories of the host"},
    };
    want_refusals(cases, MB_COUNT(cases));
}

static void refuses_bad_hosts(void **state) {
    (void)state;
    struct made m;
    if (!has_devices)
        skip();
    write_busybox(below("/usr/bin/busybox"), true);
    make_with(&m, as_root(), NULL);
    assert_int_equal(m.refused, BY_BOX);
    assert_string_equal(m.err.remedy, mb_remedy_text(MB_REMEDY_BUSYBOX_DYNAMIC));
    done(&m);
    static const char *const texts[] = {"", "#!/bin/sh\n", "\177ELF",
                                        "not a program at all, but long enough to be taken for a header of one ......"};
    for (size_t i = 0; i < MB_COUNT(texts); i++) {
        write_text(below("/usr/bin/busybox"), texts[i]);
        make_with(&m, as_root(), NULL);
        assert_int_equal(m.refused, BY_BOX);
        assert_int_equal(m.err.number, ENOEXEC);
        assert_string_equal(m.err.remedy, mb_remedy_text(MB_REMEDY_NO_BUSYBOX));
        done(&m);
    }
    assert_int_equal(unlink(below("/usr/bin/busybox")), 0);
    make_with(&m, as_root(), NULL);
    assert_int_equal(m.refused, BY_BOX);
    assert_int_equal(m.err.number, ENOENT);
    done(&m);
    make_well(&m, as_root(), OPTIONS("rootfs", "host")); /* which needs none */
    done(&m);
    write_busybox(below("/usr/bin/busybox"), false);

    struct mb_host host = as_root();
    host.cwd = NULL; /* removed under the caller */
    make_with(&m, host, OPTIONS("workdir", "sub"));
    assert_int_equal(m.refused, BY_BOX);
    assert_string_equal(m.err.origin, "--workdir (argument 1)");
    done(&m);
    make_well(&m, host, NULL);
    done(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_of_root),
        cmocka_unit_test(default_of_user),
        cmocka_unit_test(no_box_has_roots_id),
        cmocka_unit_test(defaults_and_wishes_are_one_list),
        cmocka_unit_test(a_mount_is_what_was_asked_for),
        cmocka_unit_test(mounts_go_from_shallow_to_deep),
        cmocka_unit_test(devices_have_their_numbers),
        cmocka_unit_test(installed_busybox),
        cmocka_unit_test(host_rootfs),
        cmocka_unit_test(long_links_are_whole),
        cmocka_unit_test(directory_rootfs),
        cmocka_unit_test(shared_pids),
        cmocka_unit_test(shared_network),
        cmocka_unit_test(joined_namespaces),
        cmocka_unit_test(options_that_take_away),
        cmocka_unit_test(command_and_environment),
        cmocka_unit_test(said_plainly),
        cmocka_unit_test(five_sets_of_capabilities),
        cmocka_unit_test(one_limit_a_resource),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_bad_hosts),
    };
    return cmocka_run_group_tests(tests, make_host, remove_host);
}
