/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. While the plan is made there is nothing yet to clean up: a signal ends the process, and so does the
 * time limit; watch.c sees to both where a report is to say so. From clone on all signals are blocked and read from a
 * signalfd, so there are no races: a request to end stops the launch; afterwards supervise.c forwards what comes to the
 * command. A trial goes the same road, but its command is not executed, and no file is written.
 */
#include "run/run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "read/read.h"
#include "launch/launch.h"
#include "filter/explain.h"
#include "filter/guard.h"
#include "kernel/calls.h"
#include "run/learned.h"
#include "run/pidfile.h"
#include "run/record.h"
#include "run/supervise.h"
#include "run/watch.h"
#include "show/plan.h"

struct run {
    const struct minibox_spec *spec;
    struct minibox_error *err;
    bool is_trial;
    struct mb_arena arena;
    struct mb_host host;
    struct mb_box wanted;
    struct mb_plan plan;
    struct mb_launch_options launch;
    struct minibox_box *box;
    struct mb_signals signals;
    struct mb_watch watch;
    struct mb_terminal terminal;
    struct mb_output output;
    struct mb_record record;
    struct mb_learned learned;
    struct mb_pidfile pid_file;
    uint64_t started, launched; /* nanoseconds, CLOCK_MONOTONIC */
    bool timed_out;
    bool is_lost; /* a builder may still read the plan: it is not freed */
};

/* ---- what every launch does ------------------------------------------------------------------------------------- */

enum terminal { TERMINAL_AS_CALLERS, TERMINAL_NONE };

static int make_plan(const struct minibox_spec *spec, enum terminal terminal, struct mb_arena *arena,
                     struct mb_host *host, struct mb_box *box, struct mb_plan *plan, struct minibox_error *err) {
    if (mb_host_probe(arena, host, err))
        return -1;
    if (terminal == TERMINAL_NONE)
        host->terminal = false;
    if (mb_box_fill(spec, host, box, err))
        return -1;
    return mb_plan_compile(box, plan, err);
}

/* ---- what minibox says of the end ------------------------------------------------------------------------------- */

static int exit_status(const struct run *run, int status) {
    if (run->timed_out)
        return MINIBOX_EXIT_TIMEOUT;
    if (run->output.is_reached)
        return MINIBOX_EXIT_SIGNAL + SIGXFSZ;
    return WIFSIGNALED(status) ? MINIBOX_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What the filter refused, which the command may not have said, and how it is permitted. */
static void print_refused(const struct run *run, const struct minibox_spec *spec) {
    for (int i = 0; run->launch.notify == MB_NOTIFY_REFUSED && i < MB_NOTIFY_CALLS; i++) {
        char text[128], name[MB_CALLS_NAME_SIZE];
        if (!run->box->notify.counts[i])
            continue;
        mb_calls_name((uint32_t)i, name);
        bool is_set_id = spec->seccomp != MB_SECCOMP_DEFAULT && !spec->allow_suid && mb_guard_refuses((uint32_t)i);
        if (spec->seccomp == MB_SECCOMP_FILE)
            snprintf(text, sizeof(text), "allow it in %.80s%s", spec->seccomp_file,
                     is_set_id ? ", and --allow suid" : "");
        else if (is_set_id)
            snprintf(text, sizeof(text), "--allow suid");
        else
            mb_explain_permit(name, text, sizeof(text));
        fprintf(stderr, "minibox: the filter refused %s (%u times); to permit it: %s\n", name,
                run->box->notify.counts[i], text);
    }
}

static void print_end(const struct run *run, int status) {
    if (run->timed_out)
        fprintf(stderr, "minibox: the time limit was reached: the box was killed\n");
    else if (run->output.is_reached)
        fprintf(stderr, "minibox: the output limit was reached: the box was killed\n");
    else if (WIFSIGNALED(status))
        fprintf(stderr, "minibox: the command died of signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "minibox: the command exited with %d\n", WEXITSTATUS(status));
    fprintf(stderr, "minibox: it ran for %.3f ms\n", (double)(mb_wait_clock() - run->launched) / 1e6);
}

/* A terminal that nobody reads would hold minibox here. */
static void tell_end(const struct run *run, int status) {
    struct pollfd errors = {STDERR_FILENO, POLLOUT, 0};
    if (poll(&errors, 1, 100) <= 0)
        return;
    print_refused(run, run->spec);
    if (run->spec->verbose || run->timed_out || run->output.is_reached)
        print_end(run, status);
}

static void record_end(struct run *run, int status) {
    struct mb_record *record = &run->record;
    record->has_ended = true;
    if (run->launch.notify == MB_NOTIFY_REFUSED)
        memcpy(record->refused, run->box->notify.counts, sizeof(record->refused));
    record->status = status;
    record->wall = (double)(mb_wait_clock() - run->launched) / 1e9;
    record->usage = run->box->usage;
    record->peak = run->box->shared->peak_kib * 1024;
    record->timed_out = run->timed_out;
    record->output_limit_reached = run->output.is_reached;
}

/* ---- a launch from end to end ----------------------------------------------------------------------------------- */

/* Without a report and without a time limit nothing is to be done before the box is there: signals end minibox. */
static bool is_watched(const struct run *run) {
    return run->spec->timeout || (run->spec->report && !run->spec->dry_run && !run->is_trial);
}

/* Whatever fails from here on is in the report, not what an earlier run left there. */
static int begin_run(struct run *run, struct minibox_error *err) {
    const struct minibox_spec *spec = run->spec;
    run->watch.signals = &run->signals;
    run->watch.deadline = spec->timeout ? run->started + spec->timeout : 0;
    run->watch.late_status = run->is_trial ? 1 : MINIBOX_EXIT_TIMEOUT;
    if (mb_signals_open(&run->signals, err))
        return -1;
    if (is_watched(run) && mb_watch_start(&run->watch, err))
        return -1;
    if (spec->dry_run)
        return 0;
    if (run->is_trial)
        return mb_record_check(spec, err);
    if (mb_record_open(&run->record, spec, err))
        return -1;
    if (run->record.is_open)
        mb_watch_report(&run->watch, &run->record.file);
    return 0;
}

static int print_plan(struct run *run) {
    mb_watch_stop(&run->watch);
    mb_signals_block_none();
    switch (run->spec->dry_run) {
    case MB_DRY_RUN_JSON:
        return mb_plan_print_json(&run->plan, stdout, run->err);
    case MB_DRY_RUN_CONFIG:
        mb_file_print(run->spec, run->host.cwd ? run->host.cwd : "", stdout);
        return 0;
    default:
        mb_plan_print(&run->plan, stdout);
        return 0;
    }
}

static int open_files(struct run *run) {
    if (mb_pidfile_open(&run->pid_file, run->spec->pid_file, run->err))
        return -1;
    if (run->is_trial ? mb_learned_check(run->spec, run->err) : mb_learned_open(&run->learned, run->spec, run->err))
        return -1;
    return mb_output_open(&run->output, &run->plan, run->is_trial, run->launch.streams, run->err);
}

/* The box has its own: the end of what it writes is seen once they are closed here. */
static void close_streams(struct run *run) {
    for (int i = 0; i < 3; i++)
        mb_fd_close(&run->launch.streams[i]);
}

/* What ended the launch is what minibox ends with. In a trial the signal waits until it is unblocked, and ends it. */
static int launch_box(struct run *run) {
    run->launch.cancel_fd = run->signals.endings;
    enum mb_launch_outcome outcome = mb_launch_start(&run->plan, &run->launch, &run->box, run->err);
    mb_watch_stop(&run->watch);
    close_streams(run);
    run->launched = mb_wait_clock();
    if (outcome == MB_LAUNCHED)
        return 0;
    run->is_lost = outcome == MB_LAUNCH_LOST;
    int signo = run->is_trial ? 0 : mb_signals_take_ending(&run->signals);
    if (signo && !run->err->step)
        run->err->status = MINIBOX_EXIT_SIGNAL + signo;
    return -1;
}

static int supervise_box(struct run *run) {
    struct mb_supervisor supervisor = {
        .box = run->box,
        .signals = &run->signals,
        .terminal = &run->terminal,
        .output = &run->output,
        .deadline = run->wanted.timeout ? run->started + run->wanted.timeout : 0,
        .has_init = run->wanted.process.init,
    };
    int result = mb_supervise(&supervisor, run->err);
    run->timed_out = supervisor.timed_out;
    return result;
}

static int stay_beside(struct run *run, int *ret_status) {
    mb_signals_unblock_stops();
    if (run->spec->verbose)
        fprintf(stderr, "minibox: executed the command after %.3f ms; process 1 of the box is %d\n",
                (double)(run->launched - run->started) / 1e6, minibox_box_pid(run->box));
    if (run->box->terminal_fd >= 0 && mb_terminal_open(&run->terminal, mb_fd_steal(&run->box->terminal_fd)) < 0)
        return mb_error_host(run->err, &run->spec->origin[MB_OPTION_TTY], MB_REMEDY_NONE, errno,
                             "cannot use the terminal", NULL);
    if (mb_pidfile_write(&run->pid_file, minibox_box_pid(run->box), run->err))
        return -1;
    if (supervise_box(run))
        return -1;
    return minibox_wait(run->box, ret_status, run->err);
}

/* An end that says already that there may be less output than all comes before the loss of some. */
static int check_output(const struct run *run) {
    int lost = run->output.lost ? run->output.lost : run->terminal.lost;
    if (!lost || run->timed_out || run->output.is_reached)
        return 0;
    return mb_error_host(run->err, NULL, MB_REMEDY_NONE, lost, "cannot pass on the command's output", NULL);
}

static int run_box(struct run *run, int *ret_status) {
    int status = 0;
    if (open_files(run))
        return -1;
    if (run->spec->verbose)
        mb_plan_print(&run->plan, stderr);
    if (launch_box(run))
        return -1;
    if (stay_beside(run, &status))
        return -1;
    *ret_status = exit_status(run, status);
    record_end(run, status);
    mb_terminal_close(
        &run->terminal); /* before any line of minibox's own: that is for a terminal as the user left it */
    tell_end(run, status);
    if (mb_learned_write(&run->learned, run->spec, &run->box->notify, run->err))
        return -1;
    return check_output(run);
}

/* The box ends by itself, where the command would have been executed. */
static int try_box(struct run *run) {
    int status = 0;
    if (open_files(run))
        return -1;
    if (launch_box(run))
        return -1;
    if (minibox_wait(run->box, &status, run->err))
        return -1;
    return status ? mb_error_host(run->err, NULL, MB_REMEDY_NONE, 0, "the box ended before its time", NULL) : 0;
}

/* Which system calls minibox is told of. Of a trial none: nothing is executed. */
static enum mb_notify_what calls_to_tell(const struct run *run) {
    const struct minibox_spec *spec = run->spec;
    if (run->is_trial || !run->wanted.filter.count)
        return MB_NOTIFY_NONE;
    if (spec->seccomp == MB_SECCOMP_LEARN)
        return MB_NOTIFY_ALLOWED;
    bool tells = (spec->report || spec->verbose) && run->wanted.process.init;
    return tells ? MB_NOTIFY_REFUSED : MB_NOTIFY_NONE;
}

static int plan_and_run(struct run *run, int *ret_status) {
    if (make_plan(run->spec, TERMINAL_AS_CALLERS, &run->arena, &run->host, &run->wanted, &run->plan, run->err))
        return -1;
    run->launch.notify = calls_to_tell(run);
    if (run->is_trial)
        return try_box(run);
    return run->spec->dry_run ? print_plan(run) : run_box(run, ret_status);
}

static void clean_up(struct run *run) {
    mb_watch_stop(&run->watch);
    mb_terminal_close(&run->terminal);
    mb_output_close(&run->output);
    close_streams(run);
    mb_learned_close(&run->learned);
    minibox_box_free(run->box);
    mb_pidfile_remove(&run->pid_file);
}

/*
 * A signal that comes now would end minibox without a report, so it is let through only afterwards, when what came
 * meanwhile has been taken: the box has ended already. But a FIFO or a terminal may take nothing: a signal may
 * interrupt that.
 */
static int write_record(struct run *run, int result, int status) {
    struct mb_signal late;
    struct minibox_error failure = *run->err;
    if (run->record.file.fd >= 0)
        mb_signals_block_none();
    int written = mb_record_write(&run->record, run->spec, result ? failure.status : status, result ? &failure : NULL,
                                  result ? &failure : run->err);
    mb_record_close(&run->record);
    while (!run->is_trial && mb_signals_next(&run->signals, &late))
        ;
    return result || written ? -1 : 0;
}

static int run_to_end(struct run *run, int *ret_status) {
    struct minibox_error second = {0};
    *ret_status = 0;
    signal(SIGCHLD, SIG_DFL); /* a caller that ignored it would take the box's status from us */
    /* Before anything is opened. */
    int result = run->spec->dry_run ? 0 : mb_launch_check_descriptors(run->spec->preserve_fds, run->err);
    if (begin_run(run, result ? &second : run->err))
        result = -1;
    if (result == 0)
        result = plan_and_run(run, ret_status);
    clean_up(run);
    result = write_record(run, result, *ret_status);
    mb_signals_block_none(); /* a word to a terminal that takes none, say, may be interrupted */
    mb_signals_close(&run->signals);
    if (!run->is_lost) {
        mb_plan_free(&run->plan);
        mb_box_free(&run->wanted);
        mb_arena_free(&run->arena);
    }
    return result;
}

enum purpose { TO_RUN, TO_TRY };

static struct run new_run(const struct minibox_spec *spec, enum purpose purpose, struct minibox_error *err) {
    struct run run = {.spec = spec,
                      .err = err,
                      .signals = MB_SIGNALS_NONE,
                      .watch = MB_WATCH_NONE,
                      .launch = {.cancel_fd = -1, .streams = {-1, -1, -1}},
                      .terminal = {.master = -1, .slave = -1},
                      .output = {.from = {-1, -1}, .to = {-1, -1}},
                      .record = {.file = MB_OUTFILE_NONE},
                      .learned = MB_LEARNED_NONE,
                      .pid_file = MB_PIDFILE_NONE,
                      .started = mb_wait_clock()};
    run.is_trial = run.launch.trial = purpose == TO_TRY;
    run.launch.started = run.started;
    return run;
}

int mb_run(const struct minibox_spec *spec, int *ret_status, struct minibox_error *err) {
    struct run run = new_run(spec, TO_RUN, err);
    return run_to_end(&run, ret_status);
}

int mb_run_trial(const struct minibox_spec *spec, struct minibox_error *err) {
    int status;
    struct run run = new_run(spec, TO_TRY, err);
    return run_to_end(&run, &status);
}

void mb_run_refuse(const struct minibox_spec *spec, const struct minibox_error *err) {
    struct mb_record record;
    struct minibox_error ignored;
    if (spec->dry_run || mb_record_open(&record, spec, &ignored))
        return;
    mb_record_write(&record, spec, err->status, err, &ignored);
    mb_record_close(&record);
}

/* ---- the library's launch: no terminal, nothing is forwarded ----------------------------------------------------- */

static int refuse_what_needs_a_tool(const struct minibox_spec *spec, struct minibox_error *err) {
    static const char reason[] = "the library starts boxes on the caller's descriptors";
    if (spec->tty == MB_YES)
        return mb_error_usage(err, &spec->origin[MB_OPTION_TTY], MB_REMEDY_NONE, "no terminal can be made", NULL, "%s",
                              reason);
    if (spec->output_limit)
        return mb_error_usage(err, &spec->origin[MB_OPTION_OUTPUT_LIMIT], MB_REMEDY_NONE, "no output is passed on",
                              NULL, "%s", reason);
    if (spec->seccomp == MB_SECCOMP_LEARN)
        return mb_error_usage(err, &spec->origin[MB_OPTION_SECCOMP], MB_REMEDY_NONE, "nothing can be learned", NULL,
                              "the library does not stay beside the box");
    return 0;
}

/* What a launch of the library's is made of, while it is made. */
struct request {
    struct mb_arena arena;
    struct mb_host host;
    struct mb_box box;
    struct mb_plan plan;
};

static enum mb_launch_outcome launch_for_caller(const struct minibox_spec *spec, struct request *request,
                                                struct minibox_box **ret_box, struct minibox_error *err) {
    const struct mb_launch_options options = {.cancel_fd = -1, .started = mb_wait_clock(), .streams = {-1, -1, -1}};
    sigset_t before;
    if (refuse_what_needs_a_tool(spec, err))
        return MB_LAUNCH_FAILED;
    if (make_plan(spec, TERMINAL_NONE, &request->arena, &request->host, &request->box, &request->plan, err))
        return MB_LAUNCH_FAILED;
    if (mb_launch_check_descriptors(spec->preserve_fds, err))
        return MB_LAUNCH_FAILED;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    enum mb_launch_outcome outcome = mb_launch_start(&request->plan, &options, ret_box, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return outcome;
}

int minibox_launch(const struct minibox_spec *spec, struct minibox_box **ret_box, struct minibox_error *err) {
    struct request *request = calloc(1, sizeof(*request));
    if (!request)
        return mb_error_memory(err);
    enum mb_launch_outcome outcome = launch_for_caller(spec, request, ret_box, err);
    if (outcome == MB_LAUNCH_LOST) /* a builder may still read it */
        return -1;
    mb_plan_free(&request->plan);
    mb_box_free(&request->box);
    mb_arena_free(&request->arena);
    free(request);
    return outcome == MB_LAUNCHED ? 0 : -1;
}
