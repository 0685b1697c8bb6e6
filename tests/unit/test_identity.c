/* SPDX-License-Identifier: Apache-2.0 */
/* Whose ids a box gets: accounts that may be hostile, subordinate ranges, and maps. */
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "accounts.h"
#include "base/count.h"
#include "box/identity.h"

/* ---- a host ---------------------------------------------------------------------------------------------------- */

static const struct mb_origin origin = {MB_ORIGIN_ARGV, "--user", 2, 0};

static struct mb_host host_of(bool privileged, uint32_t uid, uint32_t gid) {
    static char *environment[] = {NULL};
    return (struct mb_host){.root = root,
                            .uid = uid,
                            .gid = gid,
                            .privileged = privileged,
                            .maps_ids = privileged,
                            .environment = environment};
}

static struct minibox_spec *new_spec(const char *userns) {
    struct minibox_error err;
    struct minibox_spec *spec;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    if (userns && minibox_spec_set(spec, "userns", userns, &err))
        fail_msg("--userns %s: %s %s", userns, err.what, err.reason);
    return spec;
}

static int plan_maps(const char *userns, const struct mb_host *host, struct mb_box *box, uint32_t uid,
                     struct minibox_error *err) {
    struct minibox_spec *spec = new_spec(userns);
    *box = (struct mb_box){.flags = CLONE_NEWUSER | CLONE_NEWNS, .process = {.uid = uid, .gid = uid}};
    int result = mb_identity_plan_maps(spec, host, box, err);
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
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_error err;
        uint32_t uid = 99, gid = 99;
        if (mb_identity_find_user(&accounts, cases[i].user, cases[i].group, &origin, &uid, &gid, &err))
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
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct minibox_error err = {0};
        uint32_t uid = 77, gid = 77;
        if (mb_identity_find_user(&accounts, cases[i][0], cases[i][1], &origin, &uid, &gid, &err) != -1)
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
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        const struct mb_accounts accounts = {cases[i].passwd, ""};
        struct minibox_error err;
        uint32_t uid = 77, gid = 77;
        int found = mb_identity_find_user(&accounts, "ann", NULL, &origin, &uid, &gid, &err) == 0;
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
        assert_int_equal(mb_identity_find_user(&accounts, "ann", NULL, &origin, &uid, &gid, &err), 0);
        assert_int_equal(uid, 1000);
        assert_int_equal(gid, 1001);
        mb_identity_find_name(&arena, &accounts, 1000, &name, &home);
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
    mb_identity_find_name(&arena, &accounts, 1000, &name, &home);
    assert_string_equal(name, "ann");
    assert_string_equal(home, "/home/ann");
    mb_identity_find_name(&arena, &accounts, 4242, &name, &home);
    assert_string_equal(name, "");
    assert_string_equal(home, "");
    mb_identity_find_name(&arena, &accounts, 5, &name, &home); /* a line without a home */
    assert_string_equal(name, "");
    mb_arena_free(&arena);
}

static int read_accounts(struct mb_arena *arena, struct mb_accounts *accounts, struct minibox_error *err) {
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    int result = mb_identity_read_accounts(arena, fd, true, accounts, err);
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
    for (size_t i = 0; i < MB_COUNT(up); i++) {
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

static void assert_map(const struct mb_box *box, size_t index, uint32_t inside, uint32_t outside, uint32_t count,
                       bool gids) {
    assert_true(index < box->maps.count);
    const struct mb_id_map *map = &box->maps.list[index];
    if (map->inside != inside || map->outside != outside || map->count != count || map->gids != gids ||
        map->uids == gids)
        fail_msg("map %zu: saw %u %u %u (uids %d, gids %d), wanted %u %u %u", index, map->inside, map->outside,
                 map->count, map->uids, map->gids, inside, outside, count);
}

static void user_maps_itself(void **state) {
    (void)state;
    struct mb_host host = host_of(false, 1000, 1001);
    struct mb_box box;
    struct minibox_error err;
    WRITE("etc/subuid", "ann:100000:65536\n");
    WRITE("etc/subgid", "ann:100000:65536\n");
    WRITE("etc/passwd", passwd);
    assert_int_equal(plan_maps(NULL, &host, &box, 0, &err), 0);
    assert_int_equal(box.maps.writer, MB_MAPS_SELF);
    assert_int_equal(box.maps.count, 2);
    assert_map(&box, 0, 0, 1000, 1, false);
    assert_map(&box, 1, 0, 1001, 1, true);
    assert_false(box.maps.has_range);
    assert_true(mb_identity_is_mapped(&box, 0, MB_ID_USER));
    assert_false(mb_identity_is_mapped(&box, 1, MB_ID_USER));
    assert_false(mb_identity_is_mapped(&box, UINT32_MAX, MB_ID_USER));
    mb_box_free(&box);

    assert_int_equal(plan_maps(NULL, &host, &box, 1000, &err), 0); /* the caller's own name, as in the host's root */
    assert_map(&box, 0, 1000, 1000, 1, false);
    mb_box_free(&box);
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
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct mb_box box;
        struct minibox_error err;
        WRITE("etc/subuid", cases[i].ranges);
        WRITE("etc/subgid", cases[i].ranges);
        assert_int_equal(plan_maps("keep-id", &host, &box, cases[i].id, &err), 0);
        assert_int_equal(box.maps.writer, MB_MAPS_HELPER);
        uint32_t total[2] = {0, 0};
        bool itself[2] = {false, false};
        for (size_t n = 0; n < box.maps.count; n++) {
            const struct mb_id_map *map = &box.maps.list[n];
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
                const struct mb_id_map *other = &box.maps.list[m];
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
        assert_true(mb_identity_is_mapped(&box, cases[i].id, MB_ID_USER));
        assert_true(mb_identity_is_mapped(&box, 0, MB_ID_USER)); /* from the ranges */
        mb_box_free(&box);
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
    for (size_t i = 0; i < MB_COUNT(files); i++) {
        struct mb_box box;
        struct minibox_error err;
        WRITE("etc/subuid", files[i]);
        WRITE("etc/subgid", files[i]);
        assert_int_equal(plan_maps("keep-id", &host, &box, 1000, &err), 0);
        if (box.maps.count != 2 || box.maps.writer != MB_MAPS_SELF)
            fail_msg("\"%s\": %zu maps", files[i], box.maps.count);
        assert_map(&box, 0, 1000, 1000, 1, false);
        mb_box_free(&box);
    }
    /* A user that no account names: an entry with an empty name is not its. */
    struct mb_box box;
    struct minibox_error err;
    WRITE("etc/passwd", "");
    WRITE("etc/subuid", ":100000:65536\n");
    WRITE("etc/subgid", ":100000:65536\n");
    assert_int_equal(plan_maps("keep-id", &host, &box, 1000, &err), 0);
    assert_int_equal(box.maps.count, 2);
    mb_box_free(&box);
}

static void root_is_never_kept(void **state) {
    (void)state;
    struct mb_host host = host_of(true, 0, 0);
    struct mb_box box;
    struct minibox_error err;
    assert_int_equal(plan_maps("keep-id", &host, &box, 0, &err), -1);
    assert_int_equal(err.phase, MINIBOX_PHASE_USAGE);
    mb_box_free(&box);
    host = host_of(false, 0, 0); /* root of a container */
    assert_int_equal(plan_maps("keep-id", &host, &box, 0, &err), -1);
    mb_box_free(&box);
}

static void given_maps_are_kept(void **state) {
    (void)state;
    struct mb_host host = host_of(true, 0, 0);
    struct mb_box box;
    struct minibox_error err;
    assert_int_equal(plan_maps("0:200000:100,u100:300000:1,g100:300001:2", &host, &box, 0, &err), 0);
    assert_int_equal(box.maps.writer, MB_MAPS_PARENT);
    assert_false(box.maps.has_range);
    assert_true(mb_identity_is_mapped(&box, 99, MB_ID_USER));
    assert_true(mb_identity_is_mapped(&box, 99, MB_ID_GROUP));
    assert_true(mb_identity_is_mapped(&box, 100, MB_ID_USER));
    assert_false(mb_identity_is_mapped(&box, 101, MB_ID_USER));
    assert_true(mb_identity_is_mapped(&box, 101, MB_ID_GROUP));
    assert_false(mb_identity_is_mapped(&box, 102, MB_ID_GROUP));
    mb_box_free(&box);
    host = host_of(false, 1000, 1000);
    assert_int_equal(plan_maps("0:200000:100", &host, &box, 0, &err), 0);
    assert_int_equal(box.maps.writer, MB_MAPS_HELPER);
    mb_box_free(&box);
}

/* Root of a container whose user namespace has ranges: it can give a box any of them, and none that no other box has.
 */
static void root_of_a_container_maps_what_it_is_told(void **state) {
    (void)state;
    struct mb_host host = host_of(false, 0, 0);
    struct mb_box box;
    struct minibox_error err;
    host.maps_ids = true;
    assert_int_equal(plan_maps("u0:1000:100,g0:1000:100", &host, &box, 0, &err), 0);
    assert_int_equal(box.maps.writer, MB_MAPS_PARENT);
    assert_false(box.maps.has_range);
    assert_map(&box, 0, 0, 1000, 100, false);
    mb_box_free(&box);
    assert_int_equal(plan_maps(NULL, &host, &box, 0, &err), 0);
    assert_int_equal(box.maps.writer, MB_MAPS_SELF);
    assert_false(box.maps.has_range);
    assert_map(&box, 0, 0, 0, 1, false);
    mb_box_free(&box);
}

/* What an ordinary user may write itself it writes itself, however it was said: the helper would not grant it. */
static void own_id_needs_no_helper(void **state) {
    (void)state;
    static const struct {
        const char *map;
        enum mb_map_writer writer;
    } cases[] = {{"u0:1000:1,g0:1001:1", MB_MAPS_SELF},
                 {"u7:1000:1,g8:1001:1", MB_MAPS_SELF},
                 {"u0:1000:2,g0:1001:1", MB_MAPS_HELPER},
                 {"u0:1001:1,g0:1001:1", MB_MAPS_HELPER},
                 {"0:1000:1", MB_MAPS_HELPER}, /* the gid is another */
                 {"u0:1000:1,u1:1000:1,g0:1001:1", MB_MAPS_HELPER}};
    struct mb_host host = host_of(false, 1000, 1001);
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        struct mb_box box;
        struct minibox_error err;
        assert_int_equal(plan_maps(cases[i].map, &host, &box, 0, &err), 0);
        if (box.maps.writer != cases[i].writer)
            fail_msg("%s: writer %d, wanted %d", cases[i].map, (int)box.maps.writer, (int)cases[i].writer);
        mb_box_free(&box);
    }
}

/* What is only known when it is launched is not in the map: its ids outside count from 0. */
static void root_maps_a_range(void **state) {
    (void)state;
    struct mb_host host = host_of(true, 0, 0);
    struct mb_box box;
    struct minibox_error err;
    WRITE("etc/passwd", "root:x:0:0::/:\nlow:x:1000:1000::/:\nhigh:x:600000:700000::/:\n");
    WRITE("etc/group", "many:x:800000:low,high\n");
    WRITE("etc/subuid", "ann:100000:10\nroot:200000:131072\n");
    WRITE("etc/subgid", "root:300000:65536\n");
    assert_int_equal(plan_maps(NULL, &host, &box, 0, &err), 0);
    assert_int_equal(box.maps.writer, MB_MAPS_PARENT);
    assert_true(box.maps.has_range);
    assert_int_equal(box.maps.count, 2);
    assert_map(&box, 0, 0, 0, MB_ID_RANGE, false);
    assert_map(&box, 1, 0, 0, MB_ID_RANGE, true);
    assert_int_equal(box.maps.own_count, 1);
    assert_int_equal(box.maps.own[0].uid, 200000);
    assert_int_equal(box.maps.own[0].gid, 300000);
    assert_int_equal(box.maps.own[0].count, 65536); /* the shorter of the two */
    static const uint32_t taken[] = {100000, 200000, 300000, 600000, 700000, 800000};
    for (size_t i = 0; i < MB_COUNT(taken); i++) {
        bool is_taken = false;
        for (size_t n = 0; n < box.maps.taken_count; n++)
            is_taken |= box.maps.taken[n].uid == taken[i];
        if (!is_taken)
            fail_msg("%u is not kept clear of", taken[i]);
    }
    mb_box_free(&box);
}

static void knows_subordinates(void **state) {
    (void)state;
    static const struct {
        const char *subuid, *subgid;
        bool wanted;
    } cases[] = {{"ann:100000:10\n", "1000:100000:10\n", true},
                 {"ann:100000:10\n", "", false},
                 {"", "ann:100000:10\n", false},
                 {"bob:100000:10\n", "bob:100000:10\n", false}};
    const struct mb_host host = host_of(false, 1000, 1000);
    WRITE("etc/passwd", "ann:x:1000:1000::/home/ann:\n");
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        WRITE("etc/subuid", cases[i].subuid);
        WRITE("etc/subgid", cases[i].subgid);
        assert_int_equal(mb_identity_has_subordinates(&host), cases[i].wanted);
    }
}

static void is_mapped_at_the_edges(void **state) {
    (void)state;
    struct mb_id_map maps[] = {{10, 100, 5, true, false, {.kind = MB_ORIGIN_DEFAULT}},
                               {4294967290u, 1, 5, false, true, {.kind = MB_ORIGIN_DEFAULT}}};
    struct mb_box box = {.flags = CLONE_NEWUSER, .maps = {.list = maps, .count = 2}};
    static const struct {
        uint32_t id;
        enum mb_id_kind kind;
        bool wanted;
    } cases[] = {{9, MB_ID_USER, false},           {10, MB_ID_USER, true},
                 {14, MB_ID_USER, true},           {15, MB_ID_USER, false},
                 {10, MB_ID_GROUP, false},         {0, MB_ID_GROUP, false},
                 {3, MB_ID_GROUP, false},          {4294967289u, MB_ID_GROUP, false},
                 {4294967290u, MB_ID_GROUP, true}, {4294967294u, MB_ID_GROUP, true},
                 {4294967295u, MB_ID_GROUP, false}};
    for (size_t i = 0; i < MB_COUNT(cases); i++)
        if (mb_identity_is_mapped(&box, cases[i].id, cases[i].kind) != cases[i].wanted)
            fail_msg("%u: wanted %d", cases[i].id, cases[i].wanted);
    box.flags = 0; /* no user namespace: every id is there */
    assert_true(mb_identity_is_mapped(&box, 12345, MB_ID_USER));
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
        cmocka_unit_test(root_of_a_container_maps_what_it_is_told),
        cmocka_unit_test(own_id_needs_no_helper),
        cmocka_unit_test(root_maps_a_range),
        cmocka_unit_test(knows_subordinates),
        cmocka_unit_test(is_mapped_at_the_edges),
    };
    return cmocka_run_group_tests(tests, make_host, remove_host);
}
