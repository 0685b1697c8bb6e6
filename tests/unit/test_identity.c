/* SPDX-License-Identifier: Apache-2.0 */
/* Whose ids a box gets: accounts that may be hostile, subordinate ranges, maps, and the ranges that live boxes hold. */
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "plan/ids.h"

enum { RANGE = 65536 };

/* ---- a host ---------------------------------------------------------------------------------------------------- */

static char root[64];
static const struct mb_origin origin = {MB_ORIGIN_ARGV, "--user", 2, 0};

static void write_file(const char *path, const char *text, size_t length) {
    char full[256];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    unlink(full);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}
#define WRITE(path, text) write_file(path, text, strlen(text))

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int make_host(void **state) {
    (void)state;
    char etc[80];
    strcpy(root, "/tmp/minibox-unit-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(etc, sizeof(etc), "%s/etc", root);
    return mkdir(etc, 0755);
}

static int remove_host(void **state) {
    (void)state;
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct mb_host host_of(bool privileged, uint32_t uid, uint32_t gid) {
    static char *environment[] = {NULL};
    return (struct mb_host){.root = root, .uid = uid, .gid = gid, .privileged = privileged, .environment = environment};
}

static struct minibox_spec *new_spec(const char *userns) {
    struct minibox_error err;
    struct minibox_spec *spec;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    if (userns && minibox_spec_set(spec, "userns", userns, &err))
        fail_msg("--userns %s: %s %s", userns, err.what, err.reason);
    return spec;
}

static int plan_maps(const char *userns, const struct mb_host *host, struct mb_plan *plan, uint32_t uid,
                     struct minibox_error *err) {
    struct minibox_spec *spec = new_spec(userns);
    *plan = (struct mb_plan){.flags = CLONE_NEWUSER | CLONE_NEWNS, .uid = uid, .gid = uid};
    int result = mb_ids_plan_maps(spec, host, plan, err);
    minibox_spec_free(spec);
    return result;
}

/* ---- accounts -------------------------------------------------------------------------------------------------- */

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "daemon:*:1:2:daemon:/usr/sbin:/usr/sbin/nologin\n"
                             "ann:x:1000:1001:Ann,,,:/home/ann:/bin/sh\n"
                             "ann:x:1:1:a second one:/:/bin/sh\n"
                             "bare:x:5:6";
static const char group[] = "root:x:0:\nstaff:x:50:ann,bob\nann:x:1001:\nlast:x:7";

static void finds_users(void **state) {
    (void)state;
    static const struct {
        const char *user, *group;
        uint32_t uid, gid;
    } cases[] = {
        {"root", NULL, 0, 0},       {"ann", NULL, 1000, 1001},
        {"ann", "staff", 1000, 50}, {"ann", "9", 1000, 9},
        {"1000", NULL, 1000, 1001}, {"1000", "last", 1000, 7},
        {"4242", NULL, 4242, 0},    {"4242", "staff", 4242, 50},
        {"0", "0", 0, 0},           {"bare", NULL, 5, 6},
        {"5", NULL, 5, 6},          {"daemon", NULL, 1, 2},
        {"1", NULL, 1, 2},          {"4294967294", NULL, 4294967294, 0},
    };
    const struct mb_accounts accounts = {passwd, group};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct minibox_error err;
        uint32_t uid = 99, gid = 99;
        if (mb_ids_find_user(&accounts, cases[i].user, cases[i].group, &origin, &uid, &gid, &err))
            fail_msg("%s:%s: %s", cases[i].user, cases[i].group ? cases[i].group : "", err.what);
        if (uid != cases[i].uid || gid != cases[i].gid)
            fail_msg("%s:%s: saw %u:%u, wanted %u:%u", cases[i].user, cases[i].group ? cases[i].group : "", uid, gid,
                     cases[i].uid, cases[i].gid);
    }
}

static void refuses_unknown_users(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"bob", NULL},
        {"An", NULL},
        {"annn", NULL},
        {"", NULL},
        {"-1", NULL},
        {"+0", NULL},
        {" 0", NULL},
        {"0x0", NULL},
        {"1e3", NULL},
        {"0 ", NULL},
        {"4294967295", NULL},
        {"4294967296", NULL},
        {"99999999999999999999", NULL},
        {"root\n", NULL},
        {"ann", "nobody"},
        {"ann", ""},
        {"ann", "-1"},
        {"ann", "4294967295"},
        {"root:x:0:0:root:/root:/bin/sh", NULL},
    };
    const struct mb_accounts accounts = {passwd, group};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct minibox_error err = {0};
        uint32_t uid = 77, gid = 77;
        if (mb_ids_find_user(&accounts, cases[i][0], cases[i][1], &origin, &uid, &gid, &err) != -1)
            fail_msg("accepted \"%s\":\"%s\" as %u:%u", cases[i][0], cases[i][1] ? cases[i][1] : "", uid, gid);
        assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
        assert_string_equal(err.origin, "--user (argument 2)");
        assert_true(strstr(err.what, "user") || strstr(err.what, "group"));
    }
}

/* Lines of a root file system that want to be taken for others. */
static void reads_hostile_accounts(void **state) {
    (void)state;
    static const struct {
        const char *passwd;
        int found; /* of the user "ann" */
        uint32_t uid, gid;
    } cases[] = {
        {"", 0, 0, 0},
        {"\n\n\n", 0, 0, 0},
        {":::::::::::\n", 0, 0, 0},
        {"ann", 0, 0, 0},
        {"ann:x", 0, 0, 0},
        {"ann:x:1000", 0, 0, 0},
        {"ann:x::", 0, 0, 0},
        {"ann:x:-1:0:\n", 0, 0, 0},
        {"ann:x:4294967295:0:\n", 0, 0, 0},
        {"ann:x:4294967296:0:\n", 0, 0, 0},
        {"ann:x:18446744073709551616:0:\n", 0, 0, 0},
        {"ann:x:0x10:0:\n", 0, 0, 0},
        {"ann:x: 5:5:\n", 0, 0, 0},
        {"ann:x:5 :5:\n", 0, 0, 0},
        {" ann:x:5:5:\n", 0, 0, 0},
        {"ann:x:5:5\r\n", 0, 0, 0},
        {"#ann:x:5:5:\n", 0, 0, 0},
        {"+ann:x:5:5:\n", 0, 0, 0},
        {"ann:x:bad:5:\nann:x:6:7:\n", 1, 6, 7}, /* the first line that is one */
        {"ann:x:005:006:::\n", 1, 5, 6},
        {"\033[2Jann:x:5:5:\nann:x:8:9:", 1, 8, 9},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mb_accounts accounts = {cases[i].passwd, ""};
        struct minibox_error err;
        uint32_t uid = 77, gid = 77;
        int found = mb_ids_find_user(&accounts, "ann", NULL, &origin, &uid, &gid, &err) == 0;
        if (found != cases[i].found || (found && (uid != cases[i].uid || gid != cases[i].gid)))
            fail_msg("\"%s\": found %d, %u:%u", cases[i].passwd, found, uid, gid);
    }
}

/* A line longer than any account's is passed over, and does not push its end into the next one. */
static void passes_long_lines_over(void **state) {
    (void)state;
    enum { LONG = 200000 };
    static const char head[] = "evil:x:1:1:", tail[] = "ann:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:\n";
    for (size_t length = 900; length < LONG; length += length < 1200 ? 1 : 50000) {
        char *text = malloc(length + sizeof(head) + sizeof(tail));
        assert_non_null(text);
        memcpy(text, head, sizeof(head) - 1);
        memset(text + sizeof(head) - 1, 'x', length);
        strcpy(text + sizeof(head) - 1 + length, tail); /* the first "ann" is the end of the long line */
        const struct mb_accounts accounts = {text, text};
        struct minibox_error err;
        struct mb_arena arena = {0};
        uint32_t uid = 0, gid = 0;
        const char *name, *home;
        assert_int_equal(mb_ids_find_user(&accounts, "ann", NULL, &origin, &uid, &gid, &err), 0);
        assert_int_equal(uid, 1000);
        assert_int_equal(gid, 1001);
        mb_ids_find_name(&arena, &accounts, 1000, &name, &home);
        assert_string_equal(name, "ann");
        assert_string_equal(home, "/home/ann");
        mb_arena_free(&arena);
        free(text);
    }
}

static void finds_names(void **state) {
    (void)state;
    const struct mb_accounts accounts = {passwd, group};
    struct mb_arena arena = {0};
    const char *name, *home;
    mb_ids_find_name(&arena, &accounts, 1000, &name, &home);
    assert_string_equal(name, "ann");
    assert_string_equal(home, "/home/ann");
    mb_ids_find_name(&arena, &accounts, 4242, &name, &home);
    assert_string_equal(name, "");
    assert_string_equal(home, "");
    mb_ids_find_name(&arena, &accounts, 5, &name, &home); /* a line without a home */
    assert_string_equal(name, "");
    mb_arena_free(&arena);
}

static int read_accounts(struct mb_arena *arena, struct mb_accounts *accounts, struct minibox_error *err) {
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    int result = mb_ids_read_accounts(arena, fd, true, accounts, err);
    close(fd);
    return result;
}

/* What a root file system may have instead of a file: nothing of the host's is read, nothing hangs. */
static void reads_accounts_below_the_root(void **state) {
    (void)state;
    struct mb_arena arena = {0};
    struct mb_accounts accounts;
    struct minibox_error err;
    char path[128], secret[] = "/tmp/minibox-unit-secret-XXXXXX";
    WRITE("etc/passwd", passwd);
    WRITE("etc/group", group);
    assert_int_equal(read_accounts(&arena, &accounts, &err), 0);
    assert_string_equal(accounts.passwd, passwd);
    assert_string_equal(accounts.group, group);

    snprintf(path, sizeof(path), "%s/etc/passwd", root);
    int fd = mkstemp(secret);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, passwd, sizeof(passwd)), sizeof(passwd));
    close(fd);
    static const char *const up[] = {"", "../../../../../../..", "/../.."};
    for (size_t i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
        char target[128];
        snprintf(target, sizeof(target), "%s%s", up[i], secret); /* in the root: it is not there */
        unlink(path);
        assert_int_equal(symlink(target, path), 0);
        assert_int_equal(read_accounts(&arena, &accounts, &err), 0);
        assert_string_equal(accounts.passwd, "");
    }
    unlink(secret);
    unlink(path);
    assert_int_equal(symlink("../group-elsewhere", path), 0); /* a link that stays inside is followed */
    WRITE("group-elsewhere", "in:x:1:1:");
    assert_int_equal(read_accounts(&arena, &accounts, &err), 0);
    assert_string_equal(accounts.passwd, "in:x:1:1:");
    unlink(path);
    assert_int_equal(symlink("passwd", path), 0); /* to itself */
    assert_int_equal(read_accounts(&arena, &accounts, &err), 0);
    assert_string_equal(accounts.passwd, "");
    unlink(path);
    assert_int_equal(mkfifo(path, 0644), 0); /* would block who opens it */
    alarm(5);
    int result = read_accounts(&arena, &accounts, &err);
    alarm(0);
    assert_true(result == -1 || accounts.passwd[0] == '\0');
    unlink(path);
    assert_int_equal(mkdir(path, 0755), 0);
    result = read_accounts(&arena, &accounts, &err);
    assert_true(result == -1 || accounts.passwd[0] == '\0');
    rmdir(path);
    assert_int_equal(read_accounts(&arena, &accounts, &err), 0); /* none at all */
    assert_string_equal(accounts.passwd, "");

    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644); /* huge, and holes all over */
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    assert_int_equal(read_accounts(&arena, &accounts, &err), -1);
    assert_string_equal(err.object, "etc/passwd");
    unlink(path);
    write_file("etc/passwd", "ann:x:1:1::\0root:x:0:0::\n", 25); /* a NUL ends what is read */
    assert_int_equal(read_accounts(&arena, &accounts, &err), 0);
    assert_string_equal(accounts.passwd, "ann:x:1:1::");
    mb_arena_free(&arena);
}

/* ---- maps ------------------------------------------------------------------------------------------------------ */

static void assert_map(const struct mb_plan *plan, size_t index, uint32_t inside, uint32_t outside, uint32_t count,
                       bool gids) {
    assert_true(index < plan->map_count);
    const struct mb_id_map *map = &plan->maps[index];
    if (map->inside != inside || map->outside != outside || map->count != count || map->gids != gids ||
        map->uids == gids)
        fail_msg("map %zu: saw %u %u %u (uids %d, gids %d), wanted %u %u %u", index, map->inside, map->outside,
                 map->count, map->uids, map->gids, inside, outside, count);
}

static void user_maps_itself(void **state) {
    (void)state;
    struct mb_host host = host_of(false, 1000, 1001);
    struct mb_plan plan;
    struct minibox_error err;
    WRITE("etc/subuid", "ann:100000:65536\n");
    WRITE("etc/subgid", "ann:100000:65536\n");
    WRITE("etc/passwd", passwd);
    assert_int_equal(plan_maps(NULL, &host, &plan, 0, &err), 0);
    assert_int_equal(plan.map_writer, MB_MAPS_SELF);
    assert_int_equal(plan.map_count, 2);
    assert_map(&plan, 0, 0, 1000, 1, false);
    assert_map(&plan, 1, 0, 1001, 1, true);
    assert_false(plan.reserve_range);
    assert_true(mb_ids_is_mapped(&plan, 0, false));
    assert_false(mb_ids_is_mapped(&plan, 1, false));
    assert_false(mb_ids_is_mapped(&plan, UINT32_MAX, false));
    mb_plan_free(&plan);

    assert_int_equal(plan_maps(NULL, &host, &plan, 1000, &err), 0); /* the caller's own name, as in the host's root */
    assert_map(&plan, 0, 1000, 1000, 1, false);
    mb_plan_free(&plan);
}

/* The caller's id is itself; every other id of the box is one of its subordinate ids, each once. */
static void keep_id_maps_around(void **state) {
    (void)state;
    static const struct {
        uint32_t id;
        const char *ranges;
        uint32_t total;
    } cases[] = {
        {1000, "ann:100000:65536\n", 65536}, {1000, "1000:100000:65536\n", 65536},
        {1000, "ann:100000:1000\n", 1000}, /* ends where the own id is */
        {1000, "ann:100000:1001\n", 1001},   {1000, "ann:100000:999\n", 999},
        {1000, "ann:100000:1\n", 1},         {1000, "bob:1:5\nann:100000:400\nann:200000:1200\nbob:2:5\n", 1600},
    };
    struct mb_host host = host_of(false, 1000, 1000);
    WRITE("etc/passwd", "ann:x:1000:1000::/home/ann:\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mb_plan plan;
        struct minibox_error err;
        WRITE("etc/subuid", cases[i].ranges);
        WRITE("etc/subgid", cases[i].ranges);
        assert_int_equal(plan_maps("keep-id", &host, &plan, cases[i].id, &err), 0);
        assert_int_equal(plan.map_writer, MB_MAPS_HELPER);
        uint32_t total[2] = {0, 0};
        bool itself[2] = {false, false};
        for (size_t n = 0; n < plan.map_count; n++) {
            const struct mb_id_map *map = &plan.maps[n];
            bool gids = map->gids;
            assert_true(map->uids != map->gids);
            assert_true(map->count > 0);
            if (map->inside == cases[i].id && map->outside == cases[i].id && map->count == 1) {
                assert_false(itself[gids]);
                itself[gids] = true;
                continue;
            }
            total[gids] += map->count;
            assert_false(map->outside <= cases[i].id && cases[i].id < map->outside + map->count);
            for (size_t m = 0; m < n; m++) {
                const struct mb_id_map *other = &plan.maps[m];
                if (other->gids != gids)
                    continue;
                if (map->inside < other->inside + other->count && other->inside < map->inside + map->count)
                    fail_msg("case %zu: ids inside twice: %u+%u and %u+%u", i, map->inside, map->count, other->inside,
                             other->count);
                if (map->outside < other->outside + other->count && other->outside < map->outside + map->count)
                    fail_msg("case %zu: ids outside twice: %u+%u and %u+%u", i, map->outside, map->count,
                             other->outside, other->count);
            }
        }
        assert_true(itself[0] && itself[1]);
        assert_int_equal(total[0], cases[i].total);
        assert_int_equal(total[1], cases[i].total);
        assert_true(mb_ids_is_mapped(&plan, cases[i].id, false));
        assert_true(mb_ids_is_mapped(&plan, 0, false)); /* from the ranges */
        mb_plan_free(&plan);
    }
}

static void keep_id_without_ranges(void **state) {
    (void)state;
    struct mb_host host = host_of(false, 1000, 1000);
    static const char *const files[] = {"",
                                        "bob:100000:65536\n",
                                        "ann:100000\n",
                                        "ann::\n",
                                        "ann:-5:10\n",
                                        "ann:x:10\n",
                                        ":100000:65536\n",
                                        "# ann:100000:65536\n",
                                        "anna:100000:65536\n",
                                        "1000x:1:65536\n",
                                        "ann:4294967296:1\n",
                                        "ann:1:4294967296\n",
                                        "ann:100000:0\n",
                                        "ann:0:65536\n"};
    WRITE("etc/passwd", "ann:x:1000:1000::/home/ann:\n");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct mb_plan plan;
        struct minibox_error err;
        WRITE("etc/subuid", files[i]);
        WRITE("etc/subgid", files[i]);
        assert_int_equal(plan_maps("keep-id", &host, &plan, 1000, &err), 0);
        if (plan.map_count != 2 || plan.map_writer != MB_MAPS_SELF)
            fail_msg("\"%s\": %zu maps", files[i], plan.map_count);
        assert_map(&plan, 0, 1000, 1000, 1, false);
        mb_plan_free(&plan);
    }
    /* A user that no account names: an entry with an empty name is not its. */
    struct mb_plan plan;
    struct minibox_error err;
    WRITE("etc/passwd", "");
    WRITE("etc/subuid", ":100000:65536\n");
    WRITE("etc/subgid", ":100000:65536\n");
    assert_int_equal(plan_maps("keep-id", &host, &plan, 1000, &err), 0);
    assert_int_equal(plan.map_count, 2);
    mb_plan_free(&plan);
}

static void root_is_never_kept(void **state) {
    (void)state;
    struct mb_host host = host_of(true, 0, 0);
    struct mb_plan plan;
    struct minibox_error err;
    assert_int_equal(plan_maps("keep-id", &host, &plan, 0, &err), -1);
    assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
    mb_plan_free(&plan);
    host = host_of(false, 0, 0); /* root of a container */
    assert_int_equal(plan_maps("keep-id", &host, &plan, 0, &err), -1);
    mb_plan_free(&plan);
}

static void given_maps_are_kept(void **state) {
    (void)state;
    struct mb_host host = host_of(true, 0, 0);
    struct mb_plan plan;
    struct minibox_error err;
    assert_int_equal(plan_maps("0:200000:100,u100:300000:1,g100:300001:2", &host, &plan, 0, &err), 0);
    assert_int_equal(plan.map_writer, MB_MAPS_PARENT);
    assert_false(plan.reserve_range);
    assert_true(mb_ids_is_mapped(&plan, 99, false));
    assert_true(mb_ids_is_mapped(&plan, 99, true));
    assert_true(mb_ids_is_mapped(&plan, 100, false));
    assert_false(mb_ids_is_mapped(&plan, 101, false));
    assert_true(mb_ids_is_mapped(&plan, 101, true));
    assert_false(mb_ids_is_mapped(&plan, 102, true));
    mb_plan_free(&plan);
    host = host_of(false, 1000, 1000);
    assert_int_equal(plan_maps("0:200000:100", &host, &plan, 0, &err), 0);
    assert_int_equal(plan.map_writer, MB_MAPS_HELPER);
    mb_plan_free(&plan);
}

static void is_mapped_at_the_edges(void **state) {
    (void)state;
    struct mb_id_map maps[] = {{10, 100, 5, true, false, {.kind = MB_ORIGIN_DEFAULT}},
                               {4294967290u, 1, 5, false, true, {.kind = MB_ORIGIN_DEFAULT}}};
    struct mb_plan plan = {.flags = CLONE_NEWUSER, .maps = maps, .map_count = 2};
    static const struct {
        uint32_t id;
        bool gid, wanted;
    } cases[] = {{9, false, false},         {10, false, true},          {14, false, true},
                 {15, false, false},        {10, true, false},          {0, true, false},
                 {3, true, false},          {4294967289u, true, false}, {4294967290u, true, true},
                 {4294967294u, true, true}, {4294967295u, true, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (mb_ids_is_mapped(&plan, cases[i].id, cases[i].gid) != cases[i].wanted)
            fail_msg("%u: wanted %d", cases[i].id, cases[i].wanted);
    plan.flags = 0; /* no user namespace: every id is there */
    assert_true(mb_ids_is_mapped(&plan, 12345, false));
}

/* ---- ranges ---------------------------------------------------------------------------------------------------- */

static int needs_root(void) {
    if (geteuid() == 0)
        return 0;
    fprintf(stderr, "skipped: needs root: the lock file is in /run\n");
    return -1;
}

static void plan_root(struct mb_plan *plan) {
    struct mb_host host = host_of(true, 0, 0);
    struct minibox_error err;
    if (plan_maps(NULL, &host, plan, 0, &err))
        fail_msg("%s %s %s", err.what, err.object, err.reason);
    assert_int_equal(plan->map_writer, MB_MAPS_PARENT);
    assert_true(plan->reserve_range);
    assert_map(plan, 0, 0, plan->maps[0].outside, RANGE, false);
    assert_map(plan, 1, 0, plan->maps[1].outside, RANGE, true);
}

static bool overlaps(uint32_t start, uint64_t from, uint64_t to) {
    return start < to && from < (uint64_t)start + RANGE;
}

static void live_boxes_differ(void **state) {
    (void)state;
    enum { BOXES = 8 };
    struct mb_plan plans[BOXES];
    struct minibox_error err;
    int fds[BOXES];
    if (needs_root())
        skip();
    WRITE("etc/passwd", passwd);
    WRITE("etc/subuid", "");
    WRITE("etc/subgid", "");
    for (int i = 0; i < BOXES; i++) {
        plan_root(&plans[i]);
        if (mb_ids_reserve(&plans[i], &fds[i], &err))
            fail_msg("%s %s %s", err.what, err.object, err.reason);
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        assert_int_equal(plans[i].maps[0].outside, plans[i].maps[1].outside);
        assert_int_equal(plans[i].maps[0].outside % RANGE, 0);
        for (int j = 0; j < i; j++)
            if (plans[i].maps[0].outside == plans[j].maps[0].outside)
                fail_msg("boxes %d and %d both have %u", i, j, plans[i].maps[0].outside);
    }
    /* What is let go can be had again. */
    uint32_t first = plans[0].maps[0].outside;
    close(fds[0]);
    struct mb_plan again;
    int fd;
    plan_root(&again);
    assert_int_equal(mb_ids_reserve(&again, &fd, &err), 0);
    assert_int_equal(again.maps[0].outside, first);
    close(fd);
    mb_plan_free(&again);
    for (int i = 0; i < BOXES; i++) {
        if (i)
            close(fds[i]);
        mb_plan_free(&plans[i]);
    }
    struct stat st;
    assert_int_equal(stat("/run/minibox/ids", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 0);
}

/* Whoever has ids on this host has them alone. */
static void ranges_avoid_others(void **state) {
    (void)state;
    enum { BOXES = 5 };
    if (needs_root())
        skip();
    /* 0x80000 is 524288; the first four ranges from there are touched by: a subuid, a subgid, a uid, a gid */
    WRITE("etc/subuid", "ann:500000:24289\n");
    WRITE("etc/subgid", "ann:655359:1\n");
    WRITE("etc/passwd", "root:x:0:0::/:\nfar:x:655360:5::/:\ngroup:x:5:786431::/:\n");
    struct mb_plan plans[BOXES];
    int fds[BOXES];
    for (int i = 0; i < BOXES; i++) {
        struct minibox_error err;
        plan_root(&plans[i]);
        assert_int_equal(mb_ids_reserve(&plans[i], &fds[i], &err), 0);
        uint32_t start = plans[i].maps[0].outside;
        if (start < 786432 || overlaps(start, 500000, 524289) || start % RANGE)
            fail_msg("box %d has %u", i, start);
    }
    for (int i = 0; i < BOXES; i++) {
        close(fds[i]);
        mb_plan_free(&plans[i]);
    }
}

/* Root's own subordinate ids come first, cut into slices; the rest of the world comes after. */
static void roots_own_ranges_come_first(void **state) {
    (void)state;
    enum { BOXES = 4 };
    if (needs_root())
        skip();
    WRITE("etc/passwd", passwd);
    WRITE("etc/subuid", "root:1879113728:131072\nann:1879048192:65536\n0:1879310336:65536\n");
    WRITE("etc/subgid", "root:1879213728:131072\nroot:1879510336:70000\n");
    static const uint32_t wanted[BOXES][2] = {
        {1879113728, 1879213728}, {1879179264, 1879279264}, {1879310336, 1879510336}, {0, 0}};
    struct mb_plan plans[BOXES];
    int fds[BOXES];
    for (int i = 0; i < BOXES; i++) {
        struct minibox_error err;
        plan_root(&plans[i]);
        assert_int_equal(mb_ids_reserve(&plans[i], &fds[i], &err), 0);
        uint32_t uid = plans[i].maps[0].outside, gid = plans[i].maps[1].outside;
        if (wanted[i][0] ? uid != wanted[i][0] || gid != wanted[i][1] : uid >= 1879000000 || uid != gid)
            fail_msg("box %d has %u:%u, wanted %u:%u", i, uid, gid, wanted[i][0], wanted[i][1]);
    }
    for (int i = 0; i < BOXES; i++) {
        close(fds[i]);
        mb_plan_free(&plans[i]);
    }
}

/* Host uid 0 is in no map, whatever the files say. */
static void host_root_is_in_no_range(void **state) {
    (void)state;
    static const char *const files[] = {
        "root:0:65536\n",          "root:4294901760:131072\n", "root:4294967295:4294967295\n",
        "root:4294901761:65536\n", "root:1:4294967295\n",      "root:5\nroot:\n:::\nroot:-1:65536\n"};
    if (needs_root())
        skip();
    WRITE("etc/passwd", passwd);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct mb_plan plans[3];
        int fds[3];
        WRITE("etc/subuid", files[i]);
        WRITE("etc/subgid", files[i]);
        uint64_t seen[3][2];
        int made = 0;
        for (; made < 3; made++) {
            struct minibox_error err;
            plan_root(&plans[made]);
            if (mb_ids_reserve(&plans[made], &fds[made], &err)) { /* a refusal is right too */
                mb_plan_free(&plans[made]);
                break;
            }
            for (int gids = 0; gids < 2; gids++)
                seen[made][gids] = plans[made].maps[gids].outside;
        }
        for (int n = 0; n < made; n++) {
            close(fds[n]);
            mb_plan_free(&plans[n]);
        }
        for (int n = made - 1; n >= 0; n--) {
            for (int gids = 0; gids < 2; gids++) {
                uint64_t start = seen[n][gids]; /* neither 0, nor over the edge, where -1 is and 0 would be again */
                if (start == 0 || start + RANGE > UINT32_MAX)
                    fail_msg("\"%s\": box %d has %s %llu and up", files[i], n, gids ? "gids" : "uids",
                             (unsigned long long)start);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_users),
        cmocka_unit_test(refuses_unknown_users),
        cmocka_unit_test(reads_hostile_accounts),
        cmocka_unit_test(passes_long_lines_over),
        cmocka_unit_test(finds_names),
        cmocka_unit_test(reads_accounts_below_the_root),
        cmocka_unit_test(user_maps_itself),
        cmocka_unit_test(keep_id_maps_around),
        cmocka_unit_test(keep_id_without_ranges),
        cmocka_unit_test(root_is_never_kept),
        cmocka_unit_test(given_maps_are_kept),
        cmocka_unit_test(is_mapped_at_the_edges),
        cmocka_unit_test(live_boxes_differ),
        cmocka_unit_test(ranges_avoid_others),
        cmocka_unit_test(roots_own_ranges_come_first),
        cmocka_unit_test(host_root_is_in_no_range),
    };
    return cmocka_run_group_tests(tests, make_host, remove_host);
}
