/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan is constant once it is compiled: it is launched twice in sequence, and once more while a box of it lives, and
 * not one byte of it is another afterwards.
 *
 * How it works. Each test is a process of its own, since a launch leaves all signals blocked: as root, whose boxes have
 * ranges of ids in turn and volumes with the box's owners, and as an ordinary user. The boxes' command says what it
 * sees of its volumes on standard output, which is a file that the plan names, and then reads a line: so a box lives
 * until it is told to end, by a line in the pipe that is standard input of all. Exit status 77: skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/count.h"
#include "files.h"
#include "launch/launch.h"
#include "show/plan.h"

enum { PASSED = 0, FAILED = 1, SKIPPED = 77, NOBODY = 65534, SECONDS = 30 };

static char directory[64];

/* ---- a copy of a plan ------------------------------------------------------------------------------------------ */

/* All that a launch reads of it: the structs as bytes, and in words what they point at. */
struct copy {
    struct mb_plan plan;
    struct mb_box box;
    void *steps, *mounts, *maps, *own, *taken, *parts, *environment;
    size_t part_count, variables;
    char *text;
    size_t text_size;
};

static void *copy_bytes(const void *bytes, size_t size) {
    void *copy = malloc(size + 1);
    return copy ? memcpy(copy, bytes, size) : abort(), copy;
}

static size_t count_parts(const struct mb_plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        count += plan->steps[i].part_count;
    return count;
}

static char *print(const struct mb_plan *plan, size_t *ret_size) {
    struct minibox_error err;
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    if (!out || mb_plan_print_json(plan, out, &err))
        abort();
    fclose(out);
    return text;
}

static void make_copy(const struct mb_plan *plan, struct copy *ret_copy) {
    const struct mb_box *box = plan->box;
    *ret_copy = (struct copy){.plan = *plan, .box = *box};
    ret_copy->steps = copy_bytes(plan->steps, plan->step_count * sizeof(*plan->steps));
    ret_copy->mounts = copy_bytes(box->mounts, box->mount_count * sizeof(*box->mounts));
    ret_copy->maps = copy_bytes(box->maps.list, box->maps.count * sizeof(*box->maps.list));
    ret_copy->own =
        copy_bytes(box->maps.own ? box->maps.own : (void *)"", box->maps.own_count * sizeof(*box->maps.own));
    ret_copy->taken =
        copy_bytes(box->maps.taken ? box->maps.taken : (void *)"", box->maps.taken_count * sizeof(*box->maps.taken));
    while (box->environment[ret_copy->variables])
        ret_copy->variables++;
    ret_copy->environment = copy_bytes(box->environment, (ret_copy->variables + 1) * sizeof(char *));
    ret_copy->part_count = count_parts(plan);
    struct mb_path_part *parts = malloc((ret_copy->part_count + 1) * sizeof(*parts));
    ret_copy->parts = parts;
    for (size_t i = 0; parts && i < plan->step_count; i++)
        for (size_t n = 0; n < plan->steps[i].part_count; n++)
            *parts++ = plan->steps[i].parts[n];
    ret_copy->text = print(plan, &ret_copy->text_size);
}

/* What is another than it was; NULL: nothing. */
static const char *compare_with_copy(const struct mb_plan *plan, const struct copy *copy) {
    struct copy now;
    make_copy(plan, &now);
    const struct {
        const char *what;
        const void *before, *after;
        size_t size;
    } pieces[] = {{"the plan", &copy->plan, &now.plan, sizeof(now.plan)},
                  {"the box", &copy->box, &now.box, sizeof(now.box)},
                  {"a step", copy->steps, now.steps, plan->step_count * sizeof(*plan->steps)},
                  {"a mount", copy->mounts, now.mounts, plan->box->mount_count * sizeof(*plan->box->mounts)},
                  {"an id map", copy->maps, now.maps, plan->box->maps.count * sizeof(*plan->box->maps.list)},
                  {"a range", copy->own, now.own, plan->box->maps.own_count * sizeof(struct mb_id_range)},
                  {"a range", copy->taken, now.taken, plan->box->maps.taken_count * sizeof(struct mb_id_range)},
                  {"a path", copy->parts, now.parts, copy->part_count * sizeof(struct mb_path_part)},
                  {"a variable", copy->environment, now.environment, copy->variables * sizeof(char *)},
                  {"a text", copy->text, now.text, copy->text_size}};
    for (size_t i = 0; i < MB_COUNT(pieces); i++)
        if (memcmp(pieces[i].before, pieces[i].after, pieces[i].size) != 0)
            return pieces[i].what;
    return NULL; /* what was allocated goes with the process */
}

/* ---- boxes ----------------------------------------------------------------------------------------------------- */

static char output[128], host_word[128];
static int line_fd; /* a line in it ends a box */

static int complain(const char *what, const struct minibox_error *err) {
    fprintf(stderr, "%s", what);
    if (err)
        fprintf(stderr, ": %s %s: %s; step %d (%s)", err->what, err->object, err->reason, err->step, err->kind);
    fprintf(stderr, "\n");
    return FAILED;
}

/* The text of the file that is the boxes' standard output, as soon as it ends with a line "end". */
static bool read_output(char *ret_text, size_t size) {
    for (int tries = 0; tries < SECONDS * 100; tries++) {
        FILE *file = fopen(output, "r");
        size_t n = file ? fread(ret_text, 1, size - 1, file) : 0;
        ret_text[n] = '\0';
        if (file)
            fclose(file);
        if (n >= 4 && strcmp(ret_text + n - 4, "end\n") == 0)
            return true;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    return false;
}

/* Starts a box, and sees that it is what was planned: it has its volumes, the overlay is as it was at first. */
static int start(const struct mb_plan *plan, struct minibox_box **ret_box) {
    static const char wanted[] = "volume\nvolume\nchanged\nend\n";
    struct mb_launch_options options = {.cancel_fd = -1, .started = mb_wait_clock(), .streams = {-1, -1, -1}};
    struct minibox_error err = {0};
    char seen[256];
    if (mb_launch_start(plan, &options, ret_box, &err) != MB_LAUNCHED) {
        bool is_unable = err.number == EPERM || err.number == ENOSYS || err.number == ENOSPC;
        complain(is_unable ? "skipped: no box can be launched here" : "not launched", &err);
        return is_unable ? SKIPPED : FAILED;
    }
    if (!read_output(seen, sizeof(seen)) || strcmp(seen, wanted) != 0) {
        fprintf(stderr, "the box said:\n%swanted:\n%s", seen, wanted);
        return FAILED;
    }
    return PASSED;
}

/* Waits until the box has ended by itself, with exit status 0. */
static int finish(struct minibox_box *box) {
    struct minibox_error err = {0};
    struct pollfd end = {minibox_box_pidfd(box), POLLIN, 0};
    int status = -1;
    if (poll(&end, 1, SECONDS * 1000) != 1)
        return complain("the box does not end", NULL);
    if (minibox_wait(box, &status, &err) || status != 0) {
        fprintf(stderr, "wait status 0x%x\n", status);
        return complain("the box failed", &err);
    }
    minibox_box_free(box);
    return PASSED;
}

static bool say_lines(const char *lines) {
    return write(line_fd, lines, strlen(lines)) == (ssize_t)strlen(lines);
}

static void read_map(const struct minibox_box *box, char *ret_text, size_t size) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/uid_map", minibox_box_pid(box));
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(ret_text, 1, size - 1, file) : 0;
    ret_text[n] = '\0';
    if (file)
        fclose(file);
}

/* Two live boxes of one plan with a range have one each; what the plan says of it is where it counts from. */
static int compare_ranges(const struct mb_plan *plan, struct minibox_box *const boxes[2]) {
    char maps[2][128];
    for (int i = 0; i < 2; i++)
        read_map(boxes[i], maps[i], sizeof(maps[i]));
    if (!maps[0][0] || !maps[1][0] || (strcmp(maps[0], maps[1]) == 0) == plan->box->maps.has_range) {
        fprintf(stderr, "id maps: %s%s", maps[0], maps[1]);
        return FAILED;
    }
    return PASSED;
}

static int launch_three_times(const struct mb_plan *plan) {
    struct minibox_box *boxes[3] = {0};
    int result = start(plan, &boxes[0]);
    if (result || !say_lines("\n") || (result = finish(boxes[0])))
        return result ? result : FAILED;
    result = start(plan, &boxes[1]);
    if (result || (result = start(plan, &boxes[2])))
        return result == SKIPPED ? complain("launched once, and not again", NULL) : result;
    result = compare_ranges(plan, &boxes[1]);
    if (!say_lines("\n\n") || finish(boxes[1]) || finish(boxes[2]))
        return FAILED;
    return result;
}

/* ---- the plan -------------------------------------------------------------------------------------------------- */

static int compile(struct mb_arena *arena, struct mb_host *host, struct mb_box *box, struct mb_plan *plan) {
    static char shell[] = "/bin/sh", option[] = "-c",
                script[] = "cat /volume/word /overlay/word && echo changed >/overlay/word && cat /overlay/word && "
                           "echo new >/work/$$ && rm /work/$$ && echo end && read -r line",
                *command[] = {shell, option, script, NULL};
    struct minibox_error err = {0};
    struct minibox_spec *spec;
    char volume[128], overlay[128], writable[128], home[128];
    snprintf(volume, sizeof(volume), "%s/volume:/volume", directory);
    snprintf(overlay, sizeof(overlay), "%s/volume:/overlay:overlay", directory);
    snprintf(writable, sizeof(writable), "%s/work:/work:rw", directory);
    snprintf(home, sizeof(home), "DIRECTORY=%s", directory);
    const char *const options[][2] = {{"volume", volume},      {"volume", overlay}, {"volume", writable},
                                      {"stdout", output},      {"tmpfs", "/more"},  {"env", home},
                                      {"ulimit", "nofile=64"}, {"workdir", "/more"}};
    if (minibox_spec_new(&spec, &err) || minibox_spec_command(spec, command, &err))
        return complain("no options", &err);
    for (size_t i = 0; i < MB_COUNT(options); i++)
        if (minibox_spec_set(spec, options[i][0], options[i][1], &err))
            return complain(options[i][0], &err);
    if (mb_host_probe(arena, host, &err) || mb_box_fill(spec, host, box, &err)) {
        complain("skipped: no box can be made here", &err);
        return SKIPPED;
    }
    return mb_plan_compile(box, plan, &err) ? complain("no plan", &err) : PASSED;
}

/* What the test is about is in the plan. */
static int check_plan(const struct mb_plan *plan, bool as_root) {
    size_t shown_as_the_boxes = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        shown_as_the_boxes += plan->steps[i].owners != MB_OWNERS_HOST;
    bool is_right = plan->box->maps.has_range == as_root && (shown_as_the_boxes > 0) == as_root &&
                    mb_plan_find(plan, MB_STEP_OVERLAY) && mb_plan_find(plan, MB_STEP_STREAM);
    return is_right ? PASSED : complain("the plan has not what is to be tested", NULL);
}

static int try_plan(bool as_root) {
    struct mb_arena arena = {0};
    struct mb_host host;
    struct mb_box box;
    struct mb_plan plan;
    struct copy copy;
    int ends[2];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (pipe(ends) < 0 || dup2(ends[0], STDIN_FILENO) < 0)
        return FAILED;
    close(ends[0]);
    line_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    close(ends[1]);
    int result = compile(&arena, &host, &box, &plan);
    if (result)
        return result;
    if (check_plan(&plan, as_root))
        return FAILED;
    make_copy(&plan, &copy);
    result = launch_three_times(&plan);
    const char *changed = compare_with_copy(&plan, &copy);
    if (changed) {
        fprintf(stderr, "%s of the plan is another than before the launches\n", changed);
        return FAILED;
    }
    return result;
}

/* ---- tests ----------------------------------------------------------------------------------------------------- */

static int skipped;

static void launch_as(uid_t uid) {
    int status = -1;
    static const char *const owned[] = {"volume", "volume/word", "work", "out"};
    unlink(output);
    for (size_t i = 0; i < MB_COUNT(owned) && geteuid() == 0; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", directory, owned[i]);
        assert_int_equal(chown(path, uid, uid), 0);
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        bool is_user = uid == 0 || geteuid() == uid ||
                       (setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0 &&
                        prctl(PR_SET_DUMPABLE, 1) == 0);
        _exit(is_user ? try_plan(uid == 0) : FAILED);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        skipped++;
        skip();
    }
    if (status != 0)
        fail_msg("status 0x%x", status);
}

static void a_plan_of_roots(void **state) {
    (void)state;
    if (geteuid() != 0) {
        fprintf(stderr, "skipped: needs root: ranges of ids and volumes with the box's owners\n");
        skipped++;
        skip();
    }
    launch_as(0);
}

static void a_plan_of_an_ordinary_users(void **state) {
    (void)state;
    launch_as(geteuid() == 0 ? NOBODY : geteuid());
}

static int make_files(void **state) {
    (void)state;
    char path[128];
    strcpy(directory, "/tmp/minibox-unit-XXXXXX");
    if (!mkdtemp(directory) || chmod(directory, 0755))
        return -1;
    static const char *const names[] = {"volume", "work", "out"};
    for (size_t i = 0; i < MB_COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        if (mkdir(path, 0755))
            return -1;
    }
    snprintf(output, sizeof(output), "%s/out/text", directory);
    snprintf(host_word, sizeof(host_word), "%s/volume/word", directory);
    FILE *file = fopen(host_word, "w");
    return !file || fputs("volume\n", file) < 0 || fclose(file) || chmod(host_word, 0644) ? -1 : 0;
}

static int remove_files(void **state) {
    (void)state;
    return remove_tree(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_of_roots),
        cmocka_unit_test(a_plan_of_an_ordinary_users),
    };
    int result = cmocka_run_group_tests(tests, make_files, remove_files);
    return result == 0 && skipped == MB_COUNT(tests) ? SKIPPED : result;
}
