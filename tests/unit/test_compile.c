/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan compiler, on a host that does not exist. What is looked at are the steps: their order, which side executes
 * each, what each names, which option it came from.
 */
#include "faked.h"

#include <sys/resource.h>

enum { LATE = CLONE_NEWCGROUP | CLONE_NEWNET | CLONE_NEWTIME }; /* made by the builder itself */

/* ---- what holds for every plan --------------------------------------------------------------------------------- */

static bool makes_mount(const struct mb_step *step) {
    switch (step->kind) {
    case MB_STEP_MOUNT:
    case MB_STEP_BIND:
    case MB_STEP_OVERLAY:
    case MB_STEP_DEVICE:
    case MB_STEP_MASK:
    case MB_STEP_SELF:
        return true;
    default:
        return false;
    }
}

static bool is_in_root(const struct mb_step *step) {
    return step->kind >= MB_STEP_MOUNT && step->kind <= MB_STEP_TERMINAL;
}

/* Kinds in order, repetitions once. */
static void want_kinds(const struct made *m, const char *wanted) {
    char seen[2048] = "";
    enum mb_step_kind last = MB_STEP_COUNT;
    for (size_t i = 0; i < m->plan.step_count; i++) {
        if (m->plan.steps[i].kind == last)
            continue;
        last = m->plan.steps[i].kind;
        snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%s", seen[0] ? " " : "", mb_step_name(last));
    }
    if (strcmp(seen, wanted) != 0)
        fail_msg("saw    %s\nwanted %s", seen, wanted);
}

/* Steps come in this order; each is there. */
static void want_order(const struct made *m, const enum mb_step_kind *kinds, size_t count) {
    const struct mb_step *before = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct mb_step *step = want(m, kinds[i], NULL);
        if (before && step <= before)
            fail_msg("%s comes before %s", mb_step_name(step->kind), mb_step_name(before->kind));
        before = step;
    }
}
#define WANT_ORDER(m, ...)                                                                                             \
    want_order(m, (const enum mb_step_kind[]){__VA_ARGS__},                                                            \
               sizeof((const enum mb_step_kind[]){__VA_ARGS__}) / sizeof(enum mb_step_kind))

static void want_safe_step(const struct made *m, const struct mb_step *step) {
    const char *name = mb_step_name(step->kind);
    bool mounts = makes_mount(step) || step->kind == MB_STEP_REMOUNT;
    if (mounts && !(step->set & MOUNT_ATTR_NOSUID))
        fail_msg("%s at %s is not nosuid", name, step->target);
    bool has_nodes = step->kind == MB_STEP_DEVICE || (step->source && strcmp(step->source, "devpts") == 0);
    if (mounts && !has_nodes && !(step->set & MOUNT_ATTR_NODEV))
        fail_msg("%s at %s is not nodev", name, step->target);
    if (mounts)
        assert_int_equal(step->propagation, MS_PRIVATE);
    if (step->kind == MB_STEP_BIND || step->kind == MB_STEP_DEVICE) {
        struct stat st;
        assert_int_equal(stat(step->source, &st), 0);
        assert_int_equal(makedev(step->identity.major, step->identity.minor), st.st_dev);
        assert_int_equal(step->identity.inode, st.st_ino);
        assert_int_equal(step->identity.type, st.st_mode & S_IFMT);
        assert_int_equal(makedev(step->identity.node_major, step->identity.node_minor), st.st_rdev);
        assert_int_equal(step->is_directory, S_ISDIR(st.st_mode));
    }
    /* Owners are changed on trees that the launcher has opened. */
    assert_true(step->owners == MB_OWNERS_HOST || (step->by_parent && mb_box_has_own(&m->box, CLONE_NEWUSER)));
    if (step->target && step->at) /* a path below a slot never leaves it by itself */
        assert_false(step->path[0] == '/');
    assert_true(!step->path || (step->path[0] == '\0') == (step->part_count == 0));
    assert_non_null(step->origin);
}

/* Mounts are numbered from 0 in the order of the box's list. */
static void want_numbered_mounts(const struct made *m) {
    size_t n = 0, entry = 0;
    for (size_t i = 0; i < m->plan.step_count; i++) {
        const struct mb_step *step = &m->plan.steps[i];
        if (step->mount < 0)
            continue;
        assert_true(makes_mount(step));
        assert_int_equal(step->mount, n++);
        while (entry < m->box.mount_count && strcmp(m->box.mounts[entry].target, step->target) != 0)
            entry++;
        if (entry == m->box.mount_count)
            fail_msg("%s at %s is not in the order of the list", mb_step_name(step->kind), step->target);
    }
    assert_int_equal(n, m->plan.mount_count);
}

/* Until the gate is passed nothing is mounted, and all that the launcher does is done. */
static void want_gate(const struct made *m) {
    const struct mb_step *gate = find(m, MB_STEP_GATE, NULL), *clone = want(m, MB_STEP_CLONE, NULL),
                         *unshare = find(m, MB_STEP_UNSHARE, NULL);
    bool is_vfork = m->plan.memory == MB_MEMORY_VFORK;
    assert_int_equal(gate != NULL, !is_vfork);
    assert_int_equal(clone->flags, m->box.flags & ~(uint64_t)LATE);
    assert_int_equal(clone->flags & CSIGNAL, 0); /* NEWTIME's bit lies in the exit signal */
    assert_int_equal(unshare ? unshare->flags : 0, m->box.flags & LATE);
    assert_true(!unshare || unshare > clone);
    assert_int_equal(mb_plan_memory(&m->box), m->plan.memory);
    for (size_t i = 0; i < m->plan.step_count; i++) {
        const struct mb_step *step = &m->plan.steps[i];
        if (step->kind == MB_STEP_GATE)
            assert_ptr_equal(step, gate);
        if (step->side == MB_SIDE_PARENT && step != clone)
            assert_true(gate && step > clone && step < gate);
        if (!gate)
            continue;
        if (step->kind == MB_STEP_UNSHARE || step->kind == MB_STEP_PRIVATE || step->kind == MB_STEP_HOSTNAME ||
            step->kind == MB_STEP_LOOPBACK || step->kind == MB_STEP_SELF_MAPS || step->kind == MB_STEP_CLOSE)
            assert_true(step < gate);
        if (step->kind == MB_STEP_BECOME_ROOT || is_in_root(step))
            assert_true(step > gate);
    }
}

static void want_safe(const struct made *m) {
    bool is_root_closed = false;
    for (size_t i = 0; i < m->plan.step_count; i++) {
        const struct mb_step *step = &m->plan.steps[i];
        want_safe_step(m, step);
        is_root_closed |= step->target && strcmp(step->target, "/") == 0 && (step->set & MOUNT_ATTR_RDONLY);
    }
    assert_true(is_root_closed || m->spec->rootfs_access != MB_ACCESS_RO);
    assert_ptr_equal(m->plan.box, &m->box);
    want_numbered_mounts(m);
    want_gate(m);
    WANT_ORDER(m, MB_STEP_CLONE, MB_STEP_CLOSE, MB_STEP_PRIVATE, MB_STEP_PIVOT, MB_STEP_WORKDIR, MB_STEP_UMASK,
               MB_STEP_IDS, MB_STEP_CAPABILITIES, MB_STEP_NO_NEW_PRIVS, MB_STEP_INIT, MB_STEP_SESSION, MB_STEP_VERIFY,
               MB_STEP_LIMIT, MB_STEP_EXEC);
    /* Nothing is made in the box once its root is entered; the command's side is last. */
    const struct mb_step *pivot = want(m, MB_STEP_PIVOT, NULL), *init = want(m, MB_STEP_INIT, NULL);
    for (size_t i = 0; i < m->plan.step_count; i++) {
        const struct mb_step *step = &m->plan.steps[i];
        assert_true(!is_in_root(step) || step < pivot);
        assert_true(step->side != MB_SIDE_COMMAND || step > init);
        assert_true(step->side != MB_SIDE_BUILDER || step <= init);
        assert_int_equal(mb_plan_number(&m->plan, step), i + 1);
    }
    assert_int_equal(want(m, MB_STEP_EXEC, NULL) - m->plan.steps, (int)m->plan.step_count - 1);
    assert_string_equal(want(m, MB_STEP_EXEC, NULL)->target, "prog");
}

/* ---- defaults -------------------------------------------------------------------------------------------------- */

static void default_of_root(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), NULL);
    want_safe(&m);
    want_kinds(&m, "clone die-with close id-maps unshare private hostname loopback gate become mount directory link "
                   "bind link file mount directory remount directory remount device link mount directory remount mask "
                   "remount mask remount pivot workdir keyring umask ids caps no-new-privs init session verify limit "
                   "filter exec");
    assert_int_equal(m.plan.memory, MB_MEMORY_SHARED);
    assert_int_equal(want(&m, MB_STEP_WRITE_MAPS, NULL)->side, MB_SIDE_PARENT);
    assert_int_equal(want(&m, MB_STEP_BECOME_ROOT, NULL)->uid, 0);
    assert_int_equal(want(&m, MB_STEP_BECOME_ROOT, NULL)->gid, 0);
    assert_string_equal(want(&m, MB_STEP_HOSTNAME, NULL)->source, "minibox");
    assert_string_equal(want(&m, MB_STEP_LIMIT, NULL)->source, "core");
    assert_ptr_equal(want(&m, MB_STEP_LIMIT, NULL)->limit, m.box.limits);
    const struct mb_step *busybox = want(&m, MB_STEP_BIND, "/bin/busybox");
    assert_string_equal(busybox->source, below("/bin/busybox"));
    assert_true(busybox->set & MOUNT_ATTR_RDONLY);
    assert_false(busybox->is_directory);
    const struct mb_step *pts = want(&m, MB_STEP_MOUNT, "/dev/pts");
    assert_string_equal(value_of(pts->options, pts->option_count, "gid"), "5");
    assert_true(want(&m, MB_STEP_MOUNT, "/sys")->set & MOUNT_ATTR_RDONLY);
    for (size_t i = 0; i < m.plan.step_count; i++) /* nobody asked for anything */
        want_origin(m.plan.steps[i].origin, mb_step_name(m.plan.steps[i].kind), "default");
    done(&m);
}

static void default_of_user(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_user(), NULL);
    want_safe(&m);
    want_kinds(&m, "clone die-with close id-maps unshare private hostname loopback gate mount directory link bind link "
                   "file mount directory remount directory remount device link mount directory remount mask remount "
                   "mask remount pivot workdir keyring umask ids caps no-new-privs init session verify limit filter "
                   "exec");
    assert_int_equal(want(&m, MB_STEP_SELF_MAPS, NULL)->side, MB_SIDE_BUILDER);
    want_not(&m, MB_STEP_WRITE_MAPS, NULL);
    for (size_t i = 0; i < m.plan.step_count; i++) {
        assert_int_equal(m.plan.steps[i].owners, MB_OWNERS_HOST);
        assert_false(m.plan.steps[i].by_parent);
    }
    done(&m);
    make_well(&m, as_user(), OPTIONS("user", "33:34"));
    assert_int_equal(want(&m, MB_STEP_IDS, NULL)->uid, 33);
    assert_int_equal(want(&m, MB_STEP_IDS, NULL)->gid, 34);
    done(&m);
}

/* ---- the gate -------------------------------------------------------------------------------------------------- */

/* Cgroup, network and time namespaces are the builder's to make, and only those that the box has of its own. */
static void late_namespaces_are_unshared(void **state) {
    (void)state;
    static const struct {
        const char *share;
        uint64_t unshared; /* 0: there is no such step */
    } cases[] = {{NULL, LATE},
                 {"net", CLONE_NEWCGROUP | CLONE_NEWTIME},
                 {"cgroup", CLONE_NEWNET | CLONE_NEWTIME},
                 {"time", CLONE_NEWNET | CLONE_NEWCGROUP},
                 {"net,cgroup,time", 0},
                 {"uts,ipc", LATE}};
    for (size_t i = 0; i < 2 * MB_COUNT(cases); i++) {
        struct made m;
        const char *share = cases[i / 2].share;
        make_well(&m, i % 2 ? as_user() : as_root(), share ? OPTIONS("share", share) : OPTIONS());
        want_safe(&m);
        const struct mb_step *unshare = find(&m, MB_STEP_UNSHARE, NULL);
        assert_int_equal(unshare ? unshare->flags : 0, cases[i / 2].unshared);
        assert_int_equal(want(&m, MB_STEP_CLONE, NULL)->flags & LATE, 0);
        if (unshare)
            assert_int_equal(unshare->side, MB_SIDE_BUILDER);
        done(&m);
    }
}

/* The gate is there whoever writes the maps, and where there are none. */
static void every_plan_has_a_gate(void **state) {
    (void)state;
    static const struct {
        bool user;
        const char *options[5];
        enum mb_map_writer writer;
    } cases[] = {{false, {NULL}, MB_MAPS_PARENT},
                 {false, {"share", "user"}, MB_MAPS_NONE},
                 {false, {"join", "net=/proc/self/ns/net"}, MB_MAPS_PARENT},
                 {false, {"init", "no"}, MB_MAPS_PARENT},
                 {true, {NULL}, MB_MAPS_SELF},
                 {true, {"isolate", "vm"}, MB_MAPS_SELF},
                 {true, {"tty", "yes"}, MB_MAPS_SELF},
                 {true, {"userns", "keep-id"}, MB_MAPS_HELPER}};
    write_text(below("/etc/subuid"), "ann:100000:65536\n");
    write_text(below("/etc/subgid"), "ann:100000:65536\n");
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct made m;
        make_well(&m, cases[i].user ? as_user() : as_root(), cases[i].options);
        want_safe(&m);
        assert_int_equal(m.box.maps.writer, cases[i].writer);
        bool by_parent = cases[i].writer == MB_MAPS_PARENT || cases[i].writer == MB_MAPS_HELPER;
        assert_int_equal(find(&m, MB_STEP_WRITE_MAPS, NULL) != NULL, by_parent);
        assert_int_equal(find(&m, MB_STEP_BECOME_ROOT, NULL) != NULL, by_parent);
        assert_int_equal(find(&m, MB_STEP_SELF_MAPS, NULL) != NULL, cases[i].writer == MB_MAPS_SELF);
        want(&m, MB_STEP_GATE, NULL);
        done(&m);
    }
    write_text(below("/etc/subuid"), "");
    write_text(below("/etc/subgid"), "");
}

static struct rlimit files_before;

/* A hard limit of this process that can be told from every other: whoever raises it has to be the launcher. */
static int lower_files(void **state) {
    (void)state;
    const struct rlimit files = {256, 512};
    return getrlimit(RLIMIT_NOFILE, &files_before) || setrlimit(RLIMIT_NOFILE, &files);
}

static int restore_files(void **state) {
    (void)state;
    setrlimit(RLIMIT_NOFILE, &files_before); /* an ordinary user cannot, and need not */
    return 0;
}

static void raised_limits_are_the_parents(void **state) {
    (void)state;
    static const struct {
        const char *options[5];
        bool raised;
    } cases[] = {{{NULL}, false},
                 {{"ulimit", "nofile=64:128"}, false},
                 {{"ulimit", "nofile=512:512"}, false},
                 {{"ulimit", "nofile=512:513"}, true},
                 {{"ulimit", "nofile=1000:1000", "ulimit", "nofile=100:100"}, false}, /* the last counts */
                 {{"ulimit", "nofile=100:100", "ulimit", "nofile=1000:1000"}, true},
                 {{"share", "user", "ulimit", "nofile=1000:1000"}, true}};
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct made m;
        make_well(&m, as_root(), cases[i].options);
        want_safe(&m);
        const struct mb_step *raise = find(&m, MB_STEP_RAISE_LIMIT, NULL), *gate = want(&m, MB_STEP_GATE, NULL);
        if ((raise != NULL) != cases[i].raised)
            fail_msg("case %zu: raised: %d", i, raise != NULL);
        size_t raises = 0;
        for (size_t n = 0; n < m.plan.step_count; n++)
            raises += m.plan.steps[n].kind == MB_STEP_RAISE_LIMIT;
        assert_int_equal(raises, cases[i].raised);
        if (raise) {
            assert_int_equal(raise->side, MB_SIDE_PARENT);
            assert_true(raise < gate && raise > want(&m, MB_STEP_CLONE, NULL));
            assert_string_equal(raise->source, "nofile");
            assert_true(raise->limit->hard > 512);
            assert_ptr_equal(raise->origin, &raise->limit->origin);
            bool is_set = false; /* exactly, on the command's side */
            for (size_t n = 0; n < m.plan.step_count; n++)
                is_set |= m.plan.steps[n].kind == MB_STEP_LIMIT && m.plan.steps[n].limit == raise->limit;
            assert_true(is_set);
        }
        done(&m);
    }
}

/* A launcher that sleeps until init runs does nothing from outside. */
static void vfork_has_no_gate(void **state) {
    (void)state;
    char stdin_file[128];
    snprintf(stdin_file, sizeof(stdin_file), "%s/etc/passwd", root);
    const char *const *accepted[] = {OPTIONS("share", "vfork"), OPTIONS("share", "vfork", "ulimit", "nofile=64:512"),
                                     OPTIONS("share", "vfork,net"), OPTIONS("share", "vfork", "stdin", stdin_file)};
    for (size_t i = 0; i < MB_COUNT(accepted); i++) {
        struct made m;
        make_well(&m, as_user(), accepted[i]);
        want_safe(&m);
        assert_int_equal(m.plan.memory, MB_MEMORY_VFORK);
        want_not(&m, MB_STEP_GATE, NULL);
        done(&m);
    }
    write_text(below("/etc/subuid"), "ann:100000:65536\n");
    write_text(below("/etc/subgid"), "ann:100000:65536\n");
    static const struct refusal refused[] = {
        {BY_PLAN, false, {"share", "vfork"}, "--share (argument 1)", "id maps"},
        {BY_PLAN, true, {"share", "vfork", "userns", "keep-id"}, "--share (argument 1)", "id maps"},
        {BY_PLAN, true, {"share", "vfork", "tty", "yes"}, "--share (argument 1)", "terminal"},
        {BY_PLAN, true, {"share", "vfork", "ulimit", "nofile=64:513"}, "--share (argument 1)", "raise a limit"},
        {BY_PLAN, false, {"share", "vfork,user", "ulimit", "nofile=64:513"}, "--share (argument 1)", "raise a limit"},
        {BY_PLAN, true, {"share", "vfork", "isolate", "vm"}, "--share (argument 1)", "copy of the memory"},
        {BY_PLAN, true, {"share", "vfork", "join", "net=/proc/self/ns/net"}, "--share (argument 1)", "copy"},
    };
    want_refusals(refused, MB_COUNT(refused));
    write_text(below("/etc/subuid"), "");
    write_text(below("/etc/subgid"), "");
}

static void how_the_builder_is_cloned(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), OPTIONS("isolate", "vm"));
    assert_int_equal(m.plan.memory, MB_MEMORY_COPY);
    done(&m);
    make_well(&m, as_root(), OPTIONS("share", "pid", "die-with-launcher", "no"));
    want_safe(&m);
    assert_int_equal(m.plan.memory, MB_MEMORY_COPY); /* who is there already could trace the builder */
    want(&m, MB_STEP_DIE_WITH, NULL);                /* while it is set up, in any case */
    assert_int_equal(want(&m, MB_STEP_BIND, "/proc")->keep, MB_SLOT_PROC);
    want_not(&m, MB_STEP_MOUNT, "/proc");
    done(&m);
    make_well(&m, as_root(), OPTIONS("init", "no")); /* who shares memory cannot enter a time namespace */
    assert_int_equal(m.plan.memory, MB_MEMORY_COPY);
    done(&m);
    make_well(&m, as_root(), OPTIONS("init", "no", "share", "time"));
    assert_int_equal(m.plan.memory, MB_MEMORY_SHARED);
    done(&m);
    make_well(&m, as_root(), OPTIONS("die-with-launcher", "no"));
    want(&m, MB_STEP_DIE_WITH, NULL);
    done(&m);
}

/* The user namespace is entered first: it gives the right to enter the others. */
static void joined_namespaces(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), OPTIONS("join", "net=/proc/self/ns/net", "join", "user=/proc/self/ns/user"));
    want_safe(&m);
    assert_int_equal(m.plan.memory, MB_MEMORY_COPY);
    const struct mb_step *groups = want(&m, MB_STEP_DROP_GROUPS, NULL), *join = want(&m, MB_STEP_JOIN, NULL);
    assert_true(groups < join && join + 1 < want(&m, MB_STEP_CLONE, NULL));
    assert_int_equal(join->flags, CLONE_NEWUSER);
    assert_string_equal(join->source, "/proc/self/ns/user");
    want_origin(join->origin, "user", "--join (argument 3)");
    assert_int_equal(join[1].kind, MB_STEP_JOIN);
    assert_int_equal(join[1].flags, CLONE_NEWNET);
    want(&m, MB_STEP_BECOME_ROOT, NULL);
    done(&m);
}

/* ---- mounts ---------------------------------------------------------------------------------------------------- */

static void directory_rootfs(void **state) {
    (void)state;
    struct made m;
    char text[128];
    for (int user = 0; user < 2; user++) {
        make_well(&m, user ? as_user() : as_root(), OPTIONS("rootfs", tree));
        want_safe(&m);
        const struct mb_step *step = want(&m, MB_STEP_BIND, "/");
        assert_string_equal(step->source, tree);
        assert_int_equal(step->keep, MB_SLOT_ROOT);
        assert_int_equal(step->at, MB_SLOT_NONE); /* at a place of its own until the pivot */
        assert_true(step->set & MOUNT_ATTR_RDONLY);
        assert_int_equal(step->by_parent, !user);
        assert_int_equal(step->owners, user ? MB_OWNERS_HOST : MB_OWNERS_BOX_IF_CAN_BE);
        want_origin(step->origin, "/", "--rootfs (argument 1)");
        want_not(&m, MB_STEP_FILE, NULL);
        done(&m);
    }
    snprintf(text, sizeof(text), "%s:overlay", tree);
    make_well(&m, as_root(), OPTIONS("rootfs", text));
    want_safe(&m);
    const struct mb_step *lower = want(&m, MB_STEP_BIND, "(staging)/lower0"), *over = want(&m, MB_STEP_OVERLAY, "/");
    assert_int_equal(want(&m, MB_STEP_MOUNT, "(staging)")->keep, MB_SLOT_STAGE);
    assert_int_equal(want(&m, MB_STEP_MOUNT, "(staging)")->mount, -1); /* it goes with the old root */
    assert_int_equal(over->keep, MB_SLOT_ROOT);
    assert_true(lower->set & MOUNT_ATTR_RDONLY);
    assert_int_equal(lower->mount, -1);
    assert_string_equal(lower->source, tree);
    assert_int_equal(lower->owners, MB_OWNERS_BOX);
    assert_true(lower->by_parent);
    assert_string_equal(value_of(over->options, over->option_count, "lowerdir"), "lower0");
    assert_string_equal(value_of(over->options, over->option_count, "upperdir"), "upper0");
    assert_string_equal(value_of(over->options, over->option_count, "workdir"), "work0");
    assert_string_equal(value_of(over->options, over->option_count, "userxattr"), "");
    assert_true(want(&m, MB_STEP_MOUNT, "(staging)") < lower && lower < over);
    done(&m);
    make_well(&m, as_root(), OPTIONS("rootfs", text, "share", "user"));
    over = want(&m, MB_STEP_OVERLAY, "/");
    assert_null(value_of(over->options, over->option_count, "userxattr"));
    done(&m);

    snprintf(text, sizeof(text), "%s:rw", tree);
    assert_int_equal(chmod(tree, 0700), 0); /* root's: out of other users' reach */
    make_well(&m, as_root(), OPTIONS("rootfs", text));
    assert_int_equal(want(&m, MB_STEP_BIND, "/")->owners, MB_OWNERS_BOX);
    assert_false(want(&m, MB_STEP_BIND, "/")->set & MOUNT_ATTR_RDONLY);
    done(&m);
    assert_int_equal(chmod(tree, 0755), 0);
}

/* Of root's volumes the launcher opens the source and gives it the box's owners; in the host's own user namespace there
 * are none to give, and an ordinary user cannot. */
static void volumes_have_owners(void **state) {
    (void)state;
    char read_only[256], writable[256], overlaid[256];
    snprintf(read_only, sizeof(read_only), "%s:/a", directory);
    snprintf(writable, sizeof(writable), "%s:/b:rw", directory);
    snprintf(overlaid, sizeof(overlaid), "%s:/c:overlay", directory);
    enum { ROOT, ROOT_IN_HOSTS, USER, CALLERS };
    for (int caller = 0; caller < CALLERS; caller++) {
        struct made m;
        make_well(&m, caller == USER ? as_user() : as_root(),
                  OPTIONS("volume", read_only, "volume", writable, "volume", overlaid,
                          caller == ROOT_IN_HOSTS ? "share" : "name", caller == ROOT_IN_HOSTS ? "user" : "x"));
        want_safe(&m);
        const struct mb_step *a = want(&m, MB_STEP_BIND, "/a"), *b = want(&m, MB_STEP_BIND, "/b"),
                             *c = want(&m, MB_STEP_BIND, "(staging)/lower0");
        assert_int_equal(a->owners, caller == ROOT ? MB_OWNERS_BOX_IF_CAN_BE : MB_OWNERS_HOST);
        assert_int_equal(b->owners, caller == ROOT ? MB_OWNERS_BOX : MB_OWNERS_HOST);
        assert_int_equal(c->owners, caller == ROOT ? MB_OWNERS_BOX : MB_OWNERS_HOST);
        assert_int_equal(a->by_parent, caller != USER);
        assert_int_equal(b->by_parent, caller != USER);
        assert_int_equal(c->by_parent, caller != USER);
        for (size_t i = 0; i < m.plan.step_count; i++) { /* the defaults are reached by the box itself */
            const struct mb_step *step = &m.plan.steps[i];
            assert_true(!step->by_parent || step == a || step == b || step == c);
        }
        done(&m);
    }
    struct made m;
    make_well(&m, as_root(), OPTIONS("rootfs", "host"));
    want_safe(&m);
    for (size_t i = 0; i < m.plan.step_count; i++) /* never: root's private files stay unreadable */
        assert_int_equal(m.plan.steps[i].owners, MB_OWNERS_HOST);
    done(&m);
}

/* What lies on a file system of the kernel's is reached through the mount that the builder made; what the user names is
 * looked up in the root. */
static void places_are_reached_through_slots(void **state) {
    (void)state;
    static const struct {
        enum mb_step_kind kind;
        const char *target, *path;
        enum mb_slot at, keep;
        bool no_links;
    } places[] = {
        {MB_STEP_MOUNT, "/", "", MB_SLOT_NONE, MB_SLOT_ROOT, false},
        {MB_STEP_MOUNT, "/proc", "proc", MB_SLOT_ROOT, MB_SLOT_PROC, true},
        {MB_STEP_MOUNT, "/sys", "sys", MB_SLOT_ROOT, MB_SLOT_SYS, true},
        {MB_STEP_SELF, "/dev", "dev", MB_SLOT_ROOT, MB_SLOT_DEV, true},
        {MB_STEP_MOUNT, "/dev/pts", "pts", MB_SLOT_DEV, MB_SLOT_PTS, true},
        {MB_STEP_SELF, "/dev/shm", "shm", MB_SLOT_DEV, MB_SLOT_NONE, true},
        {MB_STEP_DEVICE, "/dev/null", "null", MB_SLOT_DEV, MB_SLOT_NONE, true},
        {MB_STEP_LINK, "/dev/fd", "fd", MB_SLOT_DEV, MB_SLOT_NONE, true},
        {MB_STEP_SELF, "/proc/sys", "sys", MB_SLOT_PROC, MB_SLOT_NONE, true},
        {MB_STEP_MASK, "/proc/kcore", "kcore", MB_SLOT_PROC, MB_SLOT_NONE, true},
        {MB_STEP_MASK, "/sys/firmware", "firmware", MB_SLOT_SYS, MB_SLOT_NONE, true},
        {MB_STEP_MASK, "/etc/passwd", "etc/passwd", MB_SLOT_ROOT, MB_SLOT_NONE, false},
        {MB_STEP_MASK, "/proc/meminfo", "meminfo", MB_SLOT_PROC, MB_SLOT_NONE, true},
        {MB_STEP_BIND, "/proc/elsewhere", "proc/elsewhere", MB_SLOT_ROOT, MB_SLOT_NONE, false},
        {MB_STEP_SELF, "/tmp", "tmp", MB_SLOT_ROOT, MB_SLOT_NONE, false},
        {MB_STEP_REMOUNT, "/dev", "", MB_SLOT_DEV, MB_SLOT_NONE, false},
        {MB_STEP_REMOUNT, "/", "", MB_SLOT_ROOT, MB_SLOT_NONE, false},
        {MB_STEP_TERMINAL, "/dev/pts/0", "ptmx", MB_SLOT_PTS, MB_SLOT_NONE, false},
    };
    struct made m;
    char volume[256];
    snprintf(volume, sizeof(volume), "%s:/proc/elsewhere", directory);
    make_well(&m, as_root(), OPTIONS("mask", "/etc/passwd", "mask", "/proc/meminfo", "tty", "yes", "volume", volume));
    want_safe(&m);
    for (size_t i = 0; i < MB_COUNT(places); i++) {
        const struct mb_step *step = want(&m, places[i].kind, places[i].target);
        if (step->at != places[i].at || step->keep != places[i].keep || step->no_links != places[i].no_links ||
            strcmp(step->path, places[i].path) != 0)
            fail_msg("%s: at slot %d, path \"%s\", kept in %d, no links: %d", step->target, (int)step->at, step->path,
                     (int)step->keep, step->no_links);
    }
    done(&m);
    make_well(&m, as_root(), OPTIONS("rootfs", "busybox:rw"));
    want_not(&m, MB_STEP_REMOUNT, "/");
    want(&m, MB_STEP_REMOUNT, "/dev");
    done(&m);
}

/* A read-only root has the mount points already, but for what a mount of the box covers: however its target is spelt.
 */
static void covered_places_need_no_mount_point(void **state) {
    (void)state;
    static const char *const spellings[] = {"/mnt", "/mnt/", "/mnt//", "//mnt", "//mnt/"};
    char outer[256], inner[256], file[256];
    snprintf(inner, sizeof(inner), "%s:/mnt/below", directory);
    for (size_t i = 0; i < MB_COUNT(spellings); i++) {
        struct made m;
        snprintf(outer, sizeof(outer), "%s:%s", directory, spellings[i]);
        make_with(&m, as_root(), OPTIONS("rootfs", tree, "volume", outer, "volume", inner));
        if (m.refused)
            fail_msg("%s: %s %s: %s", spellings[i], m.err.what, m.err.object, m.err.reason);
        done(&m);
        make_with(&m, as_root(), OPTIONS("rootfs", tree, "tmpfs", spellings[i], "volume", inner));
        if (m.refused)
            fail_msg("%s: %s %s: %s", spellings[i], m.err.what, m.err.object, m.err.reason);
        done(&m);
    }
    snprintf(outer, sizeof(outer), "%s:/mnt", directory);
    snprintf(inner, sizeof(inner), "%s:/mntbelow", directory); /* not below it */
    snprintf(file, sizeof(file), "%s/etc/passwd:/etc/passwd", root);
    const struct refusal refused[] = {
        {BY_PLAN, false, {"rootfs", tree, "volume", outer, "volume", inner}, "--volume (argument 5)", "mkdir -p"},
        {BY_PLAN, false, {"rootfs", tree, "volume", file, "tmpfs", "/etc/new"}, "--tmpfs (argument 5)", "mkdir -p"},
    };
    want_refusals(refused, MB_COUNT(refused));
}

/* ---- options --------------------------------------------------------------------------------------------------- */

/* One option, and the step that it makes: at which place, from which source, and that the step says where it came from.
 */
static void each_option_has_its_step(void **state) {
    (void)state;
    char volume[256], writable[256], overlaid[256], profile[128], fuse[128], out[128];
    snprintf(volume, sizeof(volume), "%s:/data", directory);
    snprintf(writable, sizeof(writable), "%s:/data/deep:rw,noexec", directory);
    snprintf(overlaid, sizeof(overlaid), "%s:/over:overlay", directory);
    snprintf(profile, sizeof(profile), "%s/profile.json", root);
    snprintf(fuse, sizeof(fuse), "%s/dev/fuse:/dev/fuse", root);
    snprintf(out, sizeof(out), "%s/out", root);
    write_text(profile, "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    const struct {
        const char *option, *value;
        enum mb_step_kind kind;
        const char *target, *source;
        uint64_t set; /* at least */
    } cases[] = {
        {"volume", volume, MB_STEP_BIND, "/data", directory, NOSUID_NODEV | MOUNT_ATTR_RDONLY},
        {"volume", writable, MB_STEP_BIND, "/data/deep", directory, NOSUID_NODEV | MOUNT_ATTR_NOEXEC},
        {"volume", overlaid, MB_STEP_OVERLAY, "/over", "overlay", NOSUID_NODEV},
        {"volume", overlaid, MB_STEP_BIND, "(staging)/lower0", directory, NOSUID_NODEV | MOUNT_ATTR_RDONLY},
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
        {"userns", "0:700000:65536", MB_STEP_BECOME_ROOT, NULL, NULL, 0},
        {"cap-add", "NET_BIND_SERVICE", MB_STEP_CAPABILITIES, NULL, NULL, 0},
        {"seccomp", profile, MB_STEP_FILTER, NULL, NULL, 0},
        {"ulimit", "nofile=64:128", MB_STEP_LIMIT, NULL, "nofile", 0},
        {"ulimit", "nofile=64:1024", MB_STEP_RAISE_LIMIT, NULL, "nofile", 0},
        {"init", "no", MB_STEP_INIT, NULL, NULL, 0},
        {"preserve-fds", "2", MB_STEP_CLOSE, NULL, NULL, 0},
        {"die-with-launcher", "yes", MB_STEP_DIE_WITH, NULL, NULL, 0},
        {"isolate", "vm", MB_STEP_CLONE, NULL, NULL, 0},
        {"join", "net=/proc/self/ns/net", MB_STEP_JOIN, NULL, "/proc/self/ns/net", 0},
        {"stdout", out, MB_STEP_STREAM, NULL, out, 0},
        {"output-limit", "1k", MB_STEP_STREAM, NULL, NULL, 0},
    };
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct made m;
        char origin[64];
        make_well(&m, as_root(), OPTIONS(cases[i].option, cases[i].value));
        want_safe(&m);
        snprintf(origin, sizeof(origin), "--%s (argument 1)", cases[i].option);
        const struct mb_step *found = NULL; /* some kinds are there by default as well */
        for (size_t n = 0; n < m.plan.step_count; n++) {
            const struct mb_step *step = &m.plan.steps[n];
            char text[128];
            mb_origin_print(step->origin, text, sizeof(text));
            if (step->kind == cases[i].kind && strcmp(text, origin) == 0 &&
                (!cases[i].target || (step->target && strcmp(step->target, cases[i].target) == 0)))
                found = step;
        }
        if (!found) {
            mb_plan_print(&m.plan, stderr);
            fail_msg("--%s %s: no step %s at %s of that origin", cases[i].option, cases[i].value,
                     mb_step_name(cases[i].kind), cases[i].target ? cases[i].target : "-");
            return;
        }
        if (cases[i].source && (!found->source || strcmp(found->source, cases[i].source) != 0))
            fail_msg("--%s %s: source \"%s\"", cases[i].option, cases[i].value, found->source ? found->source : "-");
        assert_int_equal(found->set & cases[i].set, cases[i].set);
        done(&m);
    }
}

static void options_that_take_away(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), OPTIONS("seccomp", "off", "allow", "suid"));
    want_not(&m, MB_STEP_FILTER, NULL);
    done(&m);
    make_well(&m, as_root(), OPTIONS("share", "uts,ipc,cgroup,time"));
    want_not(&m, MB_STEP_HOSTNAME, NULL);
    want_origin(want(&m, MB_STEP_CLONE, NULL)->origin, "clone", "--share (argument 1)");
    done(&m);
    make_well(&m, as_root(), OPTIONS("share", "user"));
    want_not(&m, MB_STEP_WRITE_MAPS, NULL);
    want_not(&m, MB_STEP_BECOME_ROOT, NULL);
    for (size_t i = 0; i < m.plan.step_count; i++)
        assert_int_equal(m.plan.steps[i].owners, MB_OWNERS_HOST);
    done(&m);
    make_well(&m, as_user(), OPTIONS("share", "net"));
    want_safe(&m);
    want_not(&m, MB_STEP_LOOPBACK, NULL);
    want_not(&m, MB_STEP_MOUNT, "/sys");
    want_not(&m, MB_STEP_MASK, "/sys/firmware");
    done(&m);
    struct mb_host host = as_root();
    host.keyrings = false;
    make_well(&m, host, NULL);
    want_not(&m, MB_STEP_KEYRING, NULL);
    done(&m);
}

static void command_is_looked_for_in_its_path(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), OPTIONS("env", "PATH=/a::b"));
    assert_int_equal(m.plan.candidate_count, 3);
    assert_string_equal(m.plan.candidates[0], "/a/prog");
    assert_string_equal(m.plan.candidates[1], "prog"); /* an empty part is the working directory, as execvp(3) has it */
    assert_string_equal(m.plan.candidates[2], "b/prog");
    done(&m);
}

static void limits_are_the_boxes(void **state) {
    (void)state;
    struct made m;
    make_well(&m, as_root(), OPTIONS("ulimit", "nofile=10:20", "ulimit", "nofile=30:40", "ulimit", "core=5:6"));
    size_t limits = 0;
    for (size_t i = 0; i < m.plan.step_count; i++)
        if (m.plan.steps[i].kind == MB_STEP_LIMIT)
            assert_ptr_equal(m.plan.steps[i].limit, &m.box.limits[limits++]);
    assert_int_equal(limits, m.box.limit_count);
    done(&m);
}

/* ---- refusals -------------------------------------------------------------------------------------------------- */

static void refuses(void **state) {
    (void)state;
    char missing[128], file_overlay[160], no_point[160], no_device[160], node_on_root[128];
    snprintf(missing, sizeof(missing), "%s/not-there:/mnt", root);
    snprintf(file_overlay, sizeof(file_overlay), "%s/etc/passwd:/mnt:overlay", root);
    snprintf(no_point, sizeof(no_point), "%s:/new/place", directory);
    snprintf(no_device, sizeof(no_device), "%s/etc/passwd:/dev/passwd", root);
    snprintf(node_on_root, sizeof(node_on_root), "%s/dev/null:/", root);
    const struct refusal cases[] = {
        {BY_PLAN, false, {"volume", missing}, "--volume (argument 1)", "make it first"},
        {BY_PLAN, false, {"volume", file_overlay}, "--volume (argument 1)", "overlay over"},
        {BY_PLAN, false, {"rootfs", tree, "volume", no_point}, "--volume (argument 3)", "mkdir -p"},
        {BY_PLAN, false, {"rootfs", tree, "tmpfs", "/new"}, "--tmpfs (argument 3)", ":overlay"},
        {BY_PLAN, false, {"device", no_device}, "--device (argument 1)", "no device node"},
        {BY_PLAN, false, {"device", node_on_root}, "--device (argument 1)", "the root itself"},
        {BY_PLAN, false, {"rootfs", tree, "device", node_on_root}, "--device (argument 3)", "the root itself"},
        {BY_PLAN, false, {"mask", "//"}, "--mask (argument 1)", "the root itself"},
        {BY_PLAN, true, {"rootfs", tree, "mask", "//"}, "--mask (argument 3)", "the root itself"},
    };
    want_refusals(cases, MB_COUNT(cases));
}

/* A node that is not what its name says. */
static void refuses_other_devices(void **state) {
    (void)state;
    struct made m;
    enum { OTHER_NODE, FILE_THERE, LINK_THERE, NOTHING, CASES };
    for (int i = 0; i < CASES; i++) {
        if (!has_devices)
            skip();
        assert_int_equal(unlink(below("/dev/null")), 0);
        if (i == OTHER_NODE)
            assert_int_equal(mknod(below("/dev/null"), S_IFCHR | 0666, makedev(1, 5)), 0);
        if (i == FILE_THERE)
            write_text(below("/dev/null"), "");
        if (i == LINK_THERE)
            assert_int_equal(symlink("zero", below("/dev/null")), 0);
        make_with(&m, as_root(), NULL);
        assert_int_equal(m.refused, BY_PLAN);
        assert_string_equal(m.err.object, below("/dev/null"));
        assert_int_equal(m.err.number, i == NOTHING ? ENOENT : ENODEV);
        assert_null(m.plan.steps);
        done(&m);
        if (i == NOTHING)
            assert_int_equal(symlink("zero", below("/dev/null")), 0); /* for the next line to remove */
        assert_int_equal(unlink(below("/dev/null")), 0);
        assert_int_equal(mknod(below("/dev/null"), S_IFCHR | 0666, makedev(1, 3)), 0);
    }
}

/* The host is left as it is: nothing is made, changed or removed while a box is filled and planned. */
static void leaves_the_host_alone(void **state) {
    (void)state;
    struct stat before[4], after;
    const char *const paths[] = {directory, tree, below("/etc"), root};
    char kept[4][256];
    struct made m;
    char volume[256], out[128], pid_file[128];
    for (size_t i = 0; i < MB_COUNT(paths); i++) {
        snprintf(kept[i], sizeof(kept[i]), "%s", paths[i]);
        assert_int_equal(stat(kept[i], &before[i]), 0);
    }
    snprintf(volume, sizeof(volume), "%s:/mnt:overlay", directory);
    snprintf(out, sizeof(out), "%s/never-made", root);
    snprintf(pid_file, sizeof(pid_file), "%s/no-pid", root);
    make_well(&m, as_root(), OPTIONS("rootfs", tree, "volume", volume, "pid-file", pid_file, "stdout", out));
    assert_string_equal(m.spec->pid_file, pid_file);
    done(&m);
    for (size_t i = 0; i < MB_COUNT(paths); i++) {
        assert_int_equal(stat(kept[i], &after), 0);
        assert_int_equal(after.st_mtim.tv_sec, before[i].st_mtim.tv_sec);
        assert_int_equal(after.st_mtim.tv_nsec, before[i].st_mtim.tv_nsec);
    }
    assert_int_equal(access(pid_file, F_OK), -1);
    assert_int_equal(access(out, F_OK), -1);
}

#define WITH_FEW_FILES(test) cmocka_unit_test_setup_teardown(test, lower_files, restore_files)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_of_root),
        cmocka_unit_test(default_of_user),
        cmocka_unit_test(late_namespaces_are_unshared),
        cmocka_unit_test(every_plan_has_a_gate),
        WITH_FEW_FILES(raised_limits_are_the_parents),
        WITH_FEW_FILES(vfork_has_no_gate),
        cmocka_unit_test(how_the_builder_is_cloned),
        cmocka_unit_test(joined_namespaces),
        cmocka_unit_test(directory_rootfs),
        cmocka_unit_test(volumes_have_owners),
        cmocka_unit_test(places_are_reached_through_slots),
        cmocka_unit_test(covered_places_need_no_mount_point),
        WITH_FEW_FILES(each_option_has_its_step),
        cmocka_unit_test(options_that_take_away),
        cmocka_unit_test(command_is_looked_for_in_its_path),
        cmocka_unit_test(limits_are_the_boxes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_other_devices),
        cmocka_unit_test(leaves_the_host_alone),
    };
    return cmocka_run_group_tests(tests, make_host, remove_host);
}
