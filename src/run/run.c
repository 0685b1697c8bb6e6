/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. While the plan is made there is nothing to clean up: a signal ends the process, and so does the time
 * limit; if a report is to tell that, watch.c ends it. From clone on all signals are blocked and read from a signalfd,
 * so there are no races: one that asks minibox to end stops the launch; once the command runs, supervise.c forwards all
 * to it. A trial goes the same way, but executes no command and writes no file.
 */
#include "run/run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/count.h"
#include "base/fd.h"
#include "filter/explain.h"
#include "filter/guard.h"
#include "kernel/calls.h"
#include "launch/launch.h"
#include "read/read.h"
#include "run/learned.h"
#include "run/pidfile.h"
#include "run/record.h"
#include "run/supervise.h"
#include "run/watch.h"
#include "show/plan.h"

/* A plan, and all that it refers to. */
struct blueprint {
    struct mb_arena arena;
    struct mb_host host;
    struct mb_box box;
    struct mb_plan plan;
};

struct run {
    const struct minibox_spec *spec;
    struct minibox_error *err;
    struct blueprint blueprint;
    struct mb_launch_options launch;
    struct minibox_box *box;
    struct mb_signals signals;
    struct mb_watch watch;
    struct mb_terminal terminal;
    struct mb_output output;
    struct mb_record record;
    struct mb_outfile learned;
    struct mb_pidfile pid_file;
    uint64_t launched; /* nanoseconds, CLOCK_MONOTONIC; when it was started is in `launch` */
    bool timed_out;
    bool is_lost; /* a builder may still read the plan, so it is not freed */
};

static bool is_trial(const struct run *run) {
    return run->launch.purpose == MB_TO_TRY;
}

/* ---- the plan of a launch --------------------------------------------------------------------------------------- */

enum terminal { TERMINAL_AS_CALLERS, TERMINAL_NONE };

static int make_blueprint(const struct minibox_spec *spec, enum terminal terminal, struct blueprint *blueprint,
                          struct minibox_error *err) {
    if (mb_host_probe(&blueprint->arena, &blueprint->host, err))
        return -1;
    if (terminal == TERMINAL_NONE)
        blueprint->host.terminal = false;
    if (mb_box_fill(spec, &blueprint->host, &blueprint->box, err))
        return -1;
    return mb_plan_compile(&blueprint->box, &blueprint->plan, err);
}

static void free_blueprint(struct blueprint *blueprint) {
    mb_plan_free(&blueprint->plan);
    mb_box_free(&blueprint->box);
    mb_arena_free(&blueprint->arena);
}

/* ---- messages at the end ---------------------------------------------------------------------------------------- */

static int exit_status(const struct run *run, int status) {
    if (run->timed_out)
        return MINIBOX_EXIT_TIMEOUT;
    if (run->output.is_reached)
        return MINIBOX_EXIT_SIGNAL + SIGXFSZ;
    return WIFSIGNALED(status) ? MINIBOX_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Lists the calls that the filter refused, which the command may have kept to itself, and the options that permit them.
 */
static void print_refused(const struct run *run) {
    const struct minibox_spec *spec = run->spec;
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

static void tell_end(const struct run *run, int status) {
    struct pollfd errors = {STDERR_FILENO, POLLOUT, 0};
    if (poll(&errors, 1, 100) <= 0) /* a terminal that nobody reads would hold minibox here */
        return;
    print_refused(run);
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

/* When the time limit is over, CLOCK_MONOTONIC; 0: there is none. */
static uint64_t deadline_of(const struct run *run) {
    return run->spec->timeout ? run->launch.started + run->spec->timeout : 0;
}

/* Without a report and a time limit the kernel can end minibox by signals until there is a box. */
static bool is_watched(const struct run *run) {
    return run->spec->timeout || (run->spec->report && !run->spec->dry_run && !is_trial(run));
}

/* Opens the report. From here on it tells whatever fails. */
static int begin_run(struct run *run, struct minibox_error *err) {
    run->watch.signals = &run->signals;
    run->watch.deadline = deadline_of(run);
    run->watch.late_status = is_trial(run) ? 1 : MINIBOX_EXIT_TIMEOUT;
    if (mb_signals_open(&run->signals, err))
        return -1;
    if (is_watched(run) && mb_watch_start(&run->watch, err))
        return -1;
    if (run->spec->dry_run)
        return 0;
    if (mb_record_open(&run->record, run->spec, run->launch.purpose, err))
        return -1;
    if (mb_outfile_is_open(&run->record.file))
        mb_watch_report(&run->watch, &run->record.file);
    return 0;
}

static int print_plan(struct run *run) {
    mb_watch_stop(&run->watch);
    mb_signals_block_none();
    switch (run->spec->dry_run) {
    case MB_DRY_RUN_JSON:
        return mb_plan_print_json(&run->blueprint.plan, stdout, run->err);
    case MB_DRY_RUN_CONFIG:
        mb_file_print(run->spec, run->blueprint.host.cwd ? run->blueprint.host.cwd : "", stdout);
        return 0;
    default:
        mb_plan_print(&run->blueprint.plan, stdout);
        return 0;
    }
}

static int open_files(struct run *run) {
    if (mb_pidfile_open(&run->pid_file, run->spec->pid_file, run->err))
        return -1;
    if (mb_learned_open(&run->learned, run->spec, run->launch.purpose, run->err))
        return -1;
    return mb_output_open(&run->output, &run->blueprint.plan, run->launch.purpose, run->launch.streams, run->err);
}

/* A signal that ended the launch becomes the exit status. In a trial it stays pending, and ends minibox itself later.
 */
static int launch_box(struct run *run) {
    run->launch.cancel_fd = run->signals.endings;
    enum mb_launch_outcome outcome = mb_launch_start(&run->blueprint.plan, &run->launch, &run->box, run->err);
    mb_watch_stop(&run->watch);
    mb_launch_close_streams(run->launch.streams); /* the box has copies of its own: a pipe ends only without these */
    run->launched = mb_wait_clock();
    if (outcome == MB_LAUNCHED)
        return 0;
    run->is_lost = outcome == MB_LAUNCH_LOST;
    int signo = is_trial(run) ? 0 : mb_signals_take_ending(&run->signals);
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
        .deadline = deadline_of(run),
        .has_init = run->blueprint.box.process.init,
    };
    int result = mb_supervise(&supervisor, run->err);
    run->timed_out = supervisor.timed_out;
    return result;
}

static int stay_beside(struct run *run, int *ret_status) {
    mb_signals_unblock_stops();
    if (run->spec->verbose)
        fprintf(stderr, "minibox: executed the command after %.3f ms; process 1 of the box is %d\n",
                (double)(run->launched - run->launch.started) / 1e6, minibox_box_pid(run->box));
    if (run->box->terminal_fd >= 0 && mb_terminal_open(&run->terminal, mb_fd_steal(&run->box->terminal_fd)) < 0)
        return mb_error_host(run->err, &run->spec->origin[MB_OPTION_TTY], MB_REMEDY_NONE, errno,
                             "cannot use the terminal", NULL);
    if (mb_pidfile_write(&run->pid_file, minibox_box_pid(run->box), run->err))
        return -1;
    if (supervise_box(run))
        return -1;
    return minibox_wait(run->box, ret_status, run->err);
}

static int check_output(const struct run *run) {
    int lost = run->output.lost ? run->output.lost : run->terminal.lost;
    if (!lost || run->timed_out || run->output.is_reached) /* a limit explains already why output is missing */
        return 0;
    return mb_error_host(run->err, NULL, MB_REMEDY_NONE, lost, "cannot pass on the command's output", NULL);
}

static int run_box(struct run *run, int *ret_status) {
    int status = 0;
    if (open_files(run))
        return -1;
    if (run->spec->verbose)
        mb_plan_print(&run->blueprint.plan, stderr);
    if (launch_box(run))
        return -1;
    if (stay_beside(run, &status))
        return -1;
    *ret_status = exit_status(run, status);
    record_end(run, status);
    mb_terminal_close(&run->terminal); /* minibox's own lines need a terminal that is not raw */
    tell_end(run, status);
    if (mb_learned_write(&run->learned, run->spec, &run->box->notify, run->err))
        return -1;
    return check_output(run);
}

/* In a trial the box ends by itself, where the command would have been executed. */
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

/* Chooses the system calls that are reported to minibox. A trial executes nothing, so there are none. */
static enum mb_notify_what calls_to_report(const struct run *run) {
    const struct minibox_spec *spec = run->spec;
    if (is_trial(run) || !run->blueprint.box.filter.count)
        return MB_NOTIFY_NONE;
    if (spec->seccomp == MB_SECCOMP_LEARN)
        return MB_NOTIFY_ALLOWED;
    bool is_told = (spec->report || spec->verbose) && run->blueprint.box.process.init;
    return is_told ? MB_NOTIFY_REFUSED : MB_NOTIFY_NONE;
}

static int plan_and_run(struct run *run, int *ret_status) {
    if (make_blueprint(run->spec, TERMINAL_AS_CALLERS, &run->blueprint, run->err))
        return -1;
    run->launch.notify = calls_to_report(run);
    if (is_trial(run))
        return try_box(run);
    return run->spec->dry_run ? print_plan(run) : run_box(run, ret_status);
}

static void clean_up(struct run *run) {
    mb_watch_stop(&run->watch);
    mb_terminal_close(&run->terminal);
    mb_output_close(&run->output);
    mb_launch_close_streams(run->launch.streams);
    mb_outfile_close(&run->learned);
    minibox_box_free(run->box);
    mb_pidfile_remove(&run->pid_file);
}

/*
 * The box has ended. A signal that came now would end minibox without a report, so signals stay blocked until that is
 * written, and those that came meanwhile are dropped. But a report that goes to a FIFO or a terminal may wait for a
 * reader: signals may end that.
 */
static int write_record(struct run *run, int result, int status) {
    struct mb_signal late;
    struct minibox_error failure = *run->err;
    if (run->record.file.fd >= 0)
        mb_signals_block_none();
    int written = mb_record_write(&run->record, run->spec, result ? failure.status : status, result ? &failure : NULL,
                                  result ? &failure : run->err);
    mb_outfile_close(&run->record.file);
    while (!is_trial(run) && mb_signals_next(&run->signals, &late))
        ;
    return result || written ? -1 : 0;
}

static int run_to_end(struct run *run, int *ret_status) {
    struct minibox_error second = {0};
    *ret_status = 0;
    signal(SIGCHLD, SIG_DFL); /* if the caller ignored it, the box's status would be lost */
    int result = run->spec->dry_run ? 0 : mb_launch_check_descriptors(run->spec->preserve_fds, run->err);
    if (begin_run(run, result ? &second : run->err))
        result = -1;
    if (result == 0)
        result = plan_and_run(run, ret_status);
    clean_up(run);
    result = write_record(run, result, *ret_status);
    mb_signals_block_none(); /* the caller's message may wait for a terminal that takes nothing: signals may end that */
    mb_signals_close(&run->signals);
    if (!run->is_lost)
        free_blueprint(&run->blueprint);
    return result;
}

static struct run new_run(const struct minibox_spec *spec, enum mb_purpose purpose, struct minibox_error *err) {
    return (struct run){
        .spec = spec,
        .err = err,
        .signals = MB_SIGNALS_NONE,
        .watch = MB_WATCH_NONE,
        .launch = {.cancel_fd = -1, .streams = {-1, -1, -1}, .purpose = purpose, .started = mb_wait_clock()},
        .terminal = {.master = -1, .slave = -1},
        .output = {.from = {-1, -1}, .to = {-1, -1}},
        .record = {.file = MB_OUTFILE_NONE},
        .learned = MB_OUTFILE_NONE,
        .pid_file = MB_PIDFILE_NONE,
    };
}

int mb_run(const struct minibox_spec *spec, int *ret_status, struct minibox_error *err) {
    struct run run = new_run(spec, MB_TO_RUN, err);
    return run_to_end(&run, ret_status);
}

int mb_run_trial(const struct minibox_spec *spec, struct minibox_error *err) {
    int status;
    struct run run = new_run(spec, MB_TO_TRY, err);
    return run_to_end(&run, &status);
}

void mb_run_refuse(const struct minibox_spec *spec, const struct minibox_error *err) {
    struct mb_record record;
    struct minibox_error ignored;
    if (spec->dry_run || mb_record_open(&record, spec, MB_TO_RUN, &ignored))
        return;
    mb_record_write(&record, spec, err->status, err, &ignored);
    mb_outfile_close(&record.file);
}

/* ---- the library's launch: no terminal, nothing is forwarded ----------------------------------------------------- */

/* Some options are carried out by a program that stays beside the box, or that prints. */
static int refuse_what_needs_a_tool(const struct minibox_spec *spec, struct minibox_error *err) {
    static const char caller[] = "the library starts boxes on the caller's descriptors",
                      gone[] = "the library does not stay beside the box";
    const struct {
        bool wanted;
        enum mb_option_id option;
        const char *what, *why;
    } refused[] = {
        {spec->tty == MB_YES, MB_OPTION_TTY, "no terminal can be made", caller},
        {spec->output_limit != 0, MB_OPTION_OUTPUT_LIMIT, "no output is passed on", caller},
        {spec->seccomp == MB_SECCOMP_LEARN, MB_OPTION_SECCOMP, "nothing can be learned", gone},
        {spec->report != NULL, MB_OPTION_REPORT, "no report can be written", gone},
        {spec->pid_file != NULL, MB_OPTION_PID_FILE, "no pid file is kept", gone},
        {spec->dry_run != MB_DRY_RUN_NO, MB_OPTION_DRY_RUN, "no plan is shown", "the library prints nothing"},
        {spec->help == MB_YES, MB_OPTION_HELP, "no help is shown", "the library prints nothing"},
        {spec->verbose == MB_YES, MB_OPTION_VERBOSE, "no plan is shown", "the library prints nothing"},
    };
    for (size_t i = 0; i < MB_COUNT(refused); i++)
        if (refused[i].wanted)
            return mb_error_usage(err, &spec->origin[refused[i].option], MB_REMEDY_NONE, refused[i].what, NULL, "%s",
                                  refused[i].why);
    return 0;
}

static enum mb_launch_outcome launch_for_caller(const struct minibox_spec *spec, struct blueprint *blueprint,
                                                struct minibox_box **ret_box, struct minibox_error *err) {
    const struct mb_launch_options options = {.cancel_fd = -1, .started = mb_wait_clock(), .streams = {-1, -1, -1}};
    sigset_t before;
    if (refuse_what_needs_a_tool(spec, err))
        return MB_LAUNCH_FAILED;
    if (make_blueprint(spec, TERMINAL_NONE, blueprint, err))
        return MB_LAUNCH_FAILED;
    if (mb_launch_check_descriptors(spec->preserve_fds, err))
        return MB_LAUNCH_FAILED;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    enum mb_launch_outcome outcome = mb_launch_start(&blueprint->plan, &options, ret_box, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return outcome;
}

int minibox_launch(const struct minibox_spec *spec, struct minibox_box **ret_box, struct minibox_error *err) {
    struct blueprint *blueprint = calloc(1, sizeof(*blueprint));
    if (!blueprint)
        return mb_error_memory(err);
    enum mb_launch_outcome outcome = launch_for_caller(spec, blueprint, ret_box, err);
    if (outcome == MB_LAUNCH_LOST) /* a builder may still read it */
        return -1;
    free_blueprint(blueprint);
    free(blueprint);
    return outcome == MB_LAUNCHED ? 0 : -1;
}
