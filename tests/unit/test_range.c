/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ranges of ids that root's boxes hold in turn. The lock is the host's own, which other boxes of this machine
 * share: so what is asked is of ranges that nobody else can want, root's subordinate ids beyond all that minibox picks
 * by itself, or holds whichever range comes out.
 */
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
#include "launch/range.h"

enum { RANGE = MB_ID_RANGE };

/* ---- a host ---------------------------------------------------------------------------------------------------- */

/* What root's boxes choose from on a host with these files. */
static void make_box(struct mb_box *ret_box, const char *passwd, const char *subuid, const char *subgid) {
    static char *environment[] = {NULL};
    const struct mb_host host = {.root = root, .privileged = true, .maps_ids = true, .environment = environment};
    struct minibox_spec *spec;
    struct minibox_error err;
    if (geteuid() != 0) {
        fprintf(stderr, "skipped: needs root: the lock file is in /run\n");
        skip();
    }
    WRITE("etc/passwd", passwd);
    WRITE("etc/subuid", subuid);
    WRITE("etc/subgid", subgid);
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    *ret_box = (struct mb_box){.flags = CLONE_NEWUSER | CLONE_NEWNS};
    if (mb_identity_plan_maps(spec, &host, ret_box, &err))
        fail_msg("%s %s %s", err.what, err.object, err.reason);
    minibox_spec_free(spec);
    assert_true(ret_box->maps.has_range);
}

static void reserve(const struct mb_box *box, struct mb_id_range *ret_range, int *ret_fd) {
    struct minibox_error err;
    if (mb_range_reserve(&box->maps, ret_range, ret_fd, &err))
        fail_msg("%s %s %s", err.what, err.object, err.reason);
    assert_int_equal(ret_range->count, RANGE);
    assert_true(fcntl(*ret_fd, F_GETFD) & FD_CLOEXEC);
}

static bool overlaps(uint64_t start, uint64_t from, uint64_t to) {
    return start < to && from < start + RANGE;
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n";

/* Several boxes of one description: the description stays as it is, and each has a range of its own. */
static void live_boxes_differ(void **state) {
    (void)state;
    enum { BOXES = 8 };
    struct mb_box box;
    struct mb_id_range ranges[BOXES];
    int fds[BOXES];
    make_box(&box, passwd, "", "");
    const struct mb_id_map before[] = {box.maps.list[0], box.maps.list[1]};
    for (int i = 0; i < BOXES; i++) {
        reserve(&box, &ranges[i], &fds[i]);
        assert_int_equal(ranges[i].uid, ranges[i].gid);
        assert_int_equal(ranges[i].uid % RANGE, 0);
        assert_true(ranges[i].uid >= MB_ID_FIRST && ranges[i].uid <= MB_ID_LAST);
        for (int j = 0; j < i; j++)
            if (ranges[i].uid == ranges[j].uid)
                fail_msg("boxes %d and %d both have %u", i, j, ranges[i].uid);
    }
    assert_memory_equal(box.maps.list, before, sizeof(before));
    for (int i = 0; i < BOXES; i++)
        close(fds[i]);
    mb_box_free(&box);
    struct stat st;
    assert_int_equal(stat("/run/minibox/ids", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 0);
}

/* A range is held while there is a copy of its descriptor, in whichever process; let go, it is the first to be had. */
static void what_is_let_go_can_be_had_again(void **state) {
    (void)state;
    struct mb_box box;
    struct mb_id_range first, second, again;
    int fds[3];
    make_box(&box, passwd, "root:1900019712:131072\n", "root:1900019712:131072\n");
    reserve(&box, &first, &fds[0]);
    assert_int_equal(first.uid, 1900019712);
    int copy = dup(fds[0]);
    close(fds[0]);
    reserve(&box, &second, &fds[1]);
    assert_int_equal(second.uid, 1900019712 + RANGE);
    close(copy);
    reserve(&box, &again, &fds[2]);
    assert_int_equal(again.uid, first.uid);
    close(fds[1]);
    close(fds[2]);
    mb_box_free(&box);
}

/* Whoever has ids on this host has them alone. */
static void ranges_avoid_others(void **state) {
    (void)state;
    enum { BOXES = 5 };
    struct mb_box box;
    int fds[BOXES];
    /* 0x80000 is 524288; the first four ranges from there are touched by: a subuid, a subgid, a uid, a gid */
    make_box(&box, "root:x:0:0::/:\nfar:x:655360:5::/:\ngroup:x:5:786431::/:\n", "ann:500000:24289\n",
             "ann:655359:1\n");
    for (int i = 0; i < BOXES; i++) {
        struct mb_id_range range;
        reserve(&box, &range, &fds[i]);
        if (range.uid < 786432 || overlaps(range.uid, 500000, 524289) || range.uid % RANGE)
            fail_msg("box %d has %u", i, range.uid);
    }
    for (int i = 0; i < BOXES; i++)
        close(fds[i]);
    mb_box_free(&box);
}

/* Root's own subordinate ids come first, cut into slices; the rest of the world comes after. */
static void roots_own_ranges_come_first(void **state) {
    (void)state;
    enum { BOXES = 4 };
    static const uint32_t wanted[BOXES][2] = {
        {1879113728, 1879213728}, {1879179264, 1879279264}, {1879310336, 1879510336}, {0, 0}};
    struct mb_box box;
    int fds[BOXES];
    make_box(&box, passwd, "root:1879113728:131072\nann:1879048192:65536\n0:1879310336:65536\n",
             "root:1879213728:131072\nroot:1879510336:70000\n");
    for (int i = 0; i < BOXES; i++) {
        struct mb_id_range range;
        reserve(&box, &range, &fds[i]);
        bool is_right = wanted[i][0] ? range.uid == wanted[i][0] && range.gid == wanted[i][1]
                                     : range.uid < 1879000000 && range.uid == range.gid;
        if (!is_right)
            fail_msg("box %d has %u:%u, wanted %u:%u", i, range.uid, range.gid, wanted[i][0], wanted[i][1]);
    }
    for (int i = 0; i < BOXES; i++)
        close(fds[i]);
    mb_box_free(&box);
}

/* Host uid 0 is in no map, whatever the files say; nor is -1, or what would be 0 again beyond it. */
static void host_root_is_in_no_range(void **state) {
    (void)state;
    static const char *const files[] = {
        "root:0:65536\n",          "root:4294901760:131072\n", "root:4294967295:4294967295\n",
        "root:4294901761:65536\n", "root:1:4294967295\n",      "root:5\nroot:\n:::\nroot:-1:65536\n"};
    for (size_t i = 0; i < MB_COUNT(files); i++) {
        struct mb_box box;
        int fds[3], made = 0;
        make_box(&box, passwd, files[i], files[i]);
        for (; made < 3; made++) {
            struct minibox_error err;
            struct mb_id_range range;
            if (mb_range_reserve(&box.maps, &range, &fds[made], &err)) /* a refusal is right too */
                break;
            const uint64_t starts[] = {range.uid, range.gid};
            for (int n = 0; n < 2; n++)
                if (starts[n] == 0 || starts[n] + RANGE > UINT32_MAX)
                    fail_msg("\"%s\": box %d has %llu and up", files[i], made, (unsigned long long)starts[n]);
        }
        while (made > 0)
            close(fds[--made]);
        mb_box_free(&box);
    }
}

/* Where every range is somebody's, nothing is shared: the launch is refused. */
static void no_range_is_left(void **state) {
    (void)state;
    struct mb_box box;
    struct minibox_error err;
    struct mb_id_range range, none;
    int fd, no_fd = -1;
    make_box(&box, passwd, "all:524288:1879048192\nroot:2000027648:65536\n", "root:2000027648:65536\n");
    reserve(&box, &range, &fd);
    assert_int_equal(range.uid, 2000027648);
    assert_int_equal(mb_range_reserve(&box.maps, &none, &no_fd, &err), -1);
    assert_int_equal(err.number, EAGAIN);
    assert_string_equal(err.remedy, mb_remedy_text(MB_REMEDY_NO_RANGE));
    assert_int_equal(no_fd, -1);
    close(fd);
    mb_box_free(&box);
}

/* Ids outside count from the range's start, each kind from its own; a map that was asked for is as it is. */
static void outside_ids_count_from_the_range(void **state) {
    (void)state;
    const struct mb_id_map users = {.inside = 5, .outside = 5, .count = 10, .uids = true},
                           groups = {.inside = 5, .outside = 7, .count = 10, .gids = true};
    const struct mb_id_range range = {.uid = 600000, .gid = 700000, .count = RANGE};
    struct mb_id_maps maps = {.has_range = true};
    assert_int_equal(mb_range_outside(&maps, &users, &range), 600005);
    assert_int_equal(mb_range_outside(&maps, &groups, &range), 700007);
    maps.has_range = false;
    assert_int_equal(mb_range_outside(&maps, &users, &range), 5);
    assert_int_equal(mb_range_outside(&maps, &groups, &range), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_boxes_differ),
        cmocka_unit_test(what_is_let_go_can_be_had_again),
        cmocka_unit_test(ranges_avoid_others),
        cmocka_unit_test(roots_own_ranges_come_first),
        cmocka_unit_test(host_root_is_in_no_range),
        cmocka_unit_test(no_range_is_left),
        cmocka_unit_test(outside_ids_count_from_the_range),
    };
    return cmocka_run_group_tests(tests, make_host, remove_host);
}
