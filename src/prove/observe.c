/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. Each experiment is done twice, with its flags and without. For each time there is an observer, a
 * process of its own: it prepares the resource, makes a child with minibox_clone(), lets that change the resource as
 * the row says, and looks. Only when all is printed, the outcome is compared with the table of flags.
 *
 * The observers are children of an outer child with namespaces of its own: a host name or a mount that is changed there
 * is not the host's, and an ordinary user has the right to change it. All processes share the memory of the series.
 *
 * What must stay true: act() may run in its parent's memory, so it makes raw system calls only. No wait is without an
 * end: each process dies with its parent, and the outer child is killed after LIMIT_MS.
 */
#include "prove/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/raw.h"
#include "base/text.h"
#include "launch/clone.h"
#include "launch/wait.h"
#include "prove/cost.h"
#include "prove/experiments.h"
#include "prove/proc.h"

enum { LIMIT_MS = 60000 };

static void wake(_Atomic uint32_t *word) {
    atomic_store(word, 1);
    raw(SYS_futex, word, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

static void wait_for(_Atomic uint32_t *word) {
    while (!atomic_load(word))
        raw(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
}

static long perform(struct mb_observer *o, const struct mb_deed *deed) {
    const long *call = deed->call;
    if (deed->function)
        return deed->function(o);
    return call[0] ? mb_raw(call[0], call[1], call[2], call[3], call[4], call[5], 0) : 0;
}

/* ---- one child -------------------------------------------------------------------------------------------------- */

static int act(void *argument) {
    struct mb_observer *o = argument;
    raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    struct mb_outcome *outcome = o->outcome;
    outcome->said = perform(o, &outcome->experiment->change);
    mb_experiment_refuses(o, outcome->said);
    wake(&outcome->changed);
    if (!outcome->experiment->is_sleep)
        wait_for(&outcome->finished);
    raw(SYS_exit, 0); /* not exit_group, which would end the thread's process */
    return 0;
}

/* minibox_clone() makes no threads: they need storage of the C library, which act() does without. */
static long make_thread(struct mb_observer *o, uint64_t flags) {
    static const size_t size = 65536;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -errno;
    o->child.pid = clone(act, stack + size, (int)flags, o);
    return o->child.pid < 0 ? -errno : 0;
}

static long make_child(struct mb_observer *o) {
    const struct mb_experiment *e = o->outcome->experiment;
    uint64_t flags = e->also;
    struct minibox_error err = {0};
    if (o->outcome->with)
        flags |= e->flags & ~(uint64_t)CLONE_NEWTIME; /* clone(2) does not know it: tell_clock() sees to it */
    if (flags & CLONE_THREAD)
        return make_thread(o, flags);
    if (minibox_clone(act, o, flags | SIGCHLD, 0, &o->child, &err))
        return err.number ? -err.number : -EINVAL;
    return 0;
}

/* Whether the observer reads other words after the child's change than `before`. */
static bool is_read_changed(struct mb_observer *o, const char *before) {
    const struct mb_outcome *outcome = o->outcome;
    const char *whole = outcome->experiment->whole;
    outcome->experiment->read(o);
    bool is_changed = strcmp(outcome->text, before) != 0;
    if (is_changed && whole && strcmp(outcome->text, whole) != 0)
        return !outcome->with; /* only a part has changed: this answer makes the outcome "otherwise" */
    return is_changed;
}

static void observe(struct mb_outcome *outcome) {
    const struct mb_experiment *e = outcome->experiment;
    struct mb_observer o = {.outcome = outcome, .child.pidfd = -1, .variable = 1};
    char before[sizeof(outcome->text)] = "";
    o.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (mb_experiment_refuses(&o, perform(&o, &e->prepare)))
        return;
    if (e->read) {
        e->read(&o);
        snprintf(before, sizeof(before), "%s", outcome->text);
    }
    o.started = mb_wait_clock();
    if (mb_experiment_refuses(&o, make_child(&o)))
        return;
    o.cloned = mb_wait_clock();
    if (!e->is_sleep)
        wait_for(&outcome->changed);
    if (!outcome->number) {
        outcome->is_shared = e->read ? is_read_changed(&o, before) : e->judge(&o);
        outcome->is_seen = !outcome->number;
    }
    wake(&outcome->finished);
}

/* Runs an observer in a process of its own, so that its child and all changes go with it. */
static void observe_apart(struct mb_outcome *outcome) {
    pid_t outer = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == outer)
            observe(outcome);
        _exit(0);
    }
    if (pid < 0)
        outcome->number = errno;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) /* the sibling that CLONE_PARENT made */
        ;
}

/* ---- all children ----------------------------------------------------------------------------------------------- */

struct series {
    bool has_costs; /* all rows were asked for */
    struct mb_costs costs;
    pid_t parent; /* of the outer child, and its ids outside */
    uid_t uid;
    gid_t gid;
    bool own_user;    /* the outer child is in a user namespace of its own */
    int outer_number; /* errno of why it has no namespaces of its own; 0: it has */
    int count;
    struct mb_outcome outcomes[]; /* room for two of each experiment */
};

/* Whether the table says that the experiment's flags isolate. No experiment has flags of both polarities. */
static bool is_isolating(const struct mb_experiment *e) {
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (mb_flags[i].flag & e->flags)
            return mb_flags[i].polarity == MB_FLAG_ISOLATES;
    return false;
}

static void choose_experiments(struct series *series, uint64_t rows) {
    uint64_t flags = 0;
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (rows >> i & 1)
            flags |= mb_flags[i].flag;
    for (size_t i = 0; i < mb_experiment_count; i++)
        for (int with = 0; (mb_experiments[i].flags & flags) && with < 2; with++)
            series->outcomes[series->count++] = (struct mb_outcome){.experiment = &mb_experiments[i], .with = with};
    series->has_costs = rows + 1 == UINT64_C(1) << MB_FLAG_COUNT;
}

static int observe_all(void *argument) {
    struct series *series = argument;
    bool is_apart = series->outer_number == 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != series->parent)
        return 1;
    if (is_apart && series->own_user && mb_proc_map_one(0, 0, series->uid, series->gid) < 0)
        return 1;
    if (is_apart && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 1;
    for (int i = 0; i < series->count; i++) {
        struct mb_outcome *outcome = &series->outcomes[i];
        if (!is_apart && is_isolating(outcome->experiment)) /* the change would be the host's */
            outcome->number = series->outer_number;
        else
            observe_apart(outcome);
    }
    if (series->has_costs)
        mb_cost_measure(&series->costs);
    return 0;
}

/* Makes the outer child, in as many new namespaces as the kernel permits. */
static int make_outer(struct series *series, struct minibox_child *ret_child, struct minibox_error *err) {
    const uint64_t apart = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | SIGCHLD;
    const size_t stack_size = 1 << 20;
    series->own_user = true;
    if (minibox_clone(observe_all, series, apart | CLONE_NEWUSER, stack_size, ret_child, err) == 0)
        return 0;
    series->own_user = false;
    if (minibox_clone(observe_all, series, apart, stack_size, ret_child, err) == 0)
        return 0;
    series->outer_number = err->number;
    return minibox_clone(observe_all, series, SIGCHLD, stack_size, ret_child, err);
}

static int run_outer(struct series *series, struct minibox_error *err) {
    struct minibox_child child;
    int status = 0;
    if (make_outer(series, &child, err))
        return -1;
    struct pollfd death = {.fd = child.pidfd, .events = POLLIN};
    bool is_late = poll(&death, 1, LIMIT_MS) == 0;
    if (is_late)
        kill(child.pid, SIGKILL);
    if (minibox_clone_wait(&child, &status, err))
        return -1;
    if (is_late || status)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, is_late ? ETIME : 0, "the observers did not come to their end",
                             NULL);
    return 0;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

enum verdict { AS_TABLE, OTHERWISE, NOT_OFFERED, VERDICTS };

static enum verdict verdict_of(const struct mb_outcome *outcome) {
    if (outcome->number)
        return NOT_OFFERED;
    if (!outcome->is_seen)
        return OTHERWISE;
    bool is_to_share = outcome->with != is_isolating(outcome->experiment);
    return outcome->is_shared == is_to_share ? AS_TABLE : OTHERWISE;
}

static const char *words_of(const struct mb_outcome *outcome) {
    if (outcome->number)
        return strerrordesc_np(outcome->number);
    return outcome->is_seen ? outcome->text : "nothing";
}

static const char *shared_word(const struct mb_outcome *outcome) {
    if (!outcome->is_seen)
        return "?";
    return outcome->is_shared ? "yes" : "no";
}

static void print_outcome(FILE *out, const struct mb_outcome *outcome) {
    static const char *const prefixes[VERDICTS] = {
        [AS_TABLE] = "", [OTHERWISE] = "NOT AS THE TABLE SAYS: ", [NOT_OFFERED] = "not offered here: "};
    const struct mb_experiment *e = outcome->experiment;
    char flags[32], text[300];
    mb_flags_names(outcome->with ? e->flags : 0, flags, sizeof(flags));
    snprintf(text, sizeof(text), "%s%s", prefixes[verdict_of(outcome)], words_of(outcome));
    int column = fprintf(out, "%-20s %-9s %-6s", outcome->with ? "" : e->resource, flags, shared_word(outcome));
    mb_text_print_wrapped(out, text, 38, column);
}

static void print_outcomes(FILE *out, const struct series *series, const int *counts) {
    fprintf(out, "%-20s %-9s %-6s %s\n", "RESOURCE", "FLAGS", "SHARED", "WHAT THE PARENT SAW");
    for (int i = 0; i < series->count; i++)
        print_outcome(out, &series->outcomes[i]);
    if (series->has_costs)
        mb_cost_print(out, &series->costs);
    fprintf(out, "\n%d as the table says, %d otherwise, %d not offered here\n", counts[AS_TABLE], counts[OTHERWISE],
            counts[NOT_OFFERED]);
}

static const char *const verdicts[VERDICTS] = {
    [AS_TABLE] = "as the table says", [OTHERWISE] = "otherwise", [NOT_OFFERED] = "not offered"};

static void add_outcome(struct mb_json_writer *writer, const struct mb_outcome *outcome) {
    char flags[64];
    mb_flags_names(outcome->experiment->flags, flags, sizeof(flags));
    mb_json_begin_object(writer, NULL);
    mb_json_add_text(writer, "resource", outcome->experiment->resource);
    mb_json_add_text(writer, "flags", flags);
    mb_json_add_flag(writer, "set", outcome->with);
    if (outcome->is_seen)
        mb_json_add_flag(writer, "shared", outcome->is_shared);
    else
        mb_json_add_null(writer, "shared");
    mb_json_add_text(writer, "saw", words_of(outcome));
    mb_json_add_text(writer, "verdict", verdicts[verdict_of(outcome)]);
    mb_json_end(writer);
}

static int print_json(FILE *out, const struct series *series, const int *counts, struct minibox_error *err) {
    struct mb_json_writer writer = {0};
    mb_json_begin_object(&writer, NULL);
    mb_json_begin_array(&writer, "observations");
    for (int i = 0; i < series->count; i++)
        add_outcome(&writer, &series->outcomes[i]);
    mb_json_end(&writer);
    mb_json_begin_array(&writer, "cost");
    if (series->has_costs)
        mb_cost_add(&series->costs, &writer);
    mb_json_end(&writer);
    for (int i = 0; i < VERDICTS; i++)
        mb_json_add_number(&writer, verdicts[i], counts[i]);
    mb_json_end(&writer);
    return mb_json_finish(&writer, out, err);
}

int mb_observe(uint64_t rows, bool json, FILE *out, int *ret_status, struct minibox_error *err) {
    size_t size = sizeof(struct series) + 2 * mb_experiment_count * sizeof(struct mb_outcome);
    struct series *series = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (series == MAP_FAILED)
        return mb_error_memory(err);
    *series = (struct series){.parent = getpid(), .uid = geteuid(), .gid = getegid()};
    choose_experiments(series, rows);
    int counts[VERDICTS] = {0}, result = run_outer(series, err);
    for (int i = 0; i < series->count; i++)
        counts[verdict_of(&series->outcomes[i])]++;
    if (result == 0 && json)
        result = print_json(out, series, counts, err);
    else if (result == 0)
        print_outcomes(out, series, counts);
    *ret_status = counts[OTHERWISE] || !counts[AS_TABLE];
    munmap(series, size);
    return result;
}
