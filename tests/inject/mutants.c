/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a box that is not what was planned noticed? Launches in which builder or init do not do what the verifier wants,
 * in one thing each. Two tables:
 *
 * mutants: of each box, each step that confines is left out in turn, and each value is another: a mount lacks an
 * attribute, the ids are others, a capability is there more, a namespace is missing. The launch must be refused, or,
 * where the row says why, the box must be the very same, as told by its command (posture.c).
 *
 * --checks: the verifier itself. For each of its checks a box is made wrong so that this check refuses it. The same box
 * is launched again with that check switched off, and must run: so the check is needed, and nothing else would have
 * noticed. A check that is not alone says which other one it has beside it.
 *
 * How it works. A launch has two sides: a copy of the plan, with another step or value, is what launcher and builder
 * execute; who verifies is given the plan as it was compiled. The linker puts the __wrap functions below around the
 * launcher's own, and there the one plan is exchanged for the other. What init does it does by the shared memory, as is
 * wanted; to leave out some of it, and to switch off a check, this program's init and launcher are built with
 * MINIBOX_TEST_CHECKS (inside/shared.h). The caller is one that a box must take nothing over from: groups, an ignored
 * signal, a personality, a session keyring.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/count.h"
#include "launch/launch.h"
#include "launch/outside.h"
#include "launch/shared.h"
#include "minibox/minibox.h"
#include "plan/plan.h"
#include "show/plan.h"

enum { CAP_CHOWN_BIT = 1 << 0, CAP_KILL_BIT = 1 << 5 };

/* ---- what is launched ----------------------------------------------------------------------------------------- */

enum config_id {
    ROOT_BUSYBOX,
    ROOT_HOST,
    ROOT_JOIN,
    ROOT_SHARE_USER,
    ROOT_NO_INIT,
    USER_BUSYBOX,
    USER_HOST,
    USER_KEEP_ID,
    CONFIGS
};

/* Options and their values. */
static const struct config {
    const char *name;
    bool as_user;
    const char *options[24];
} configs[CONFIGS] = {
    [ROOT_BUSYBOX] = {"root busybox",
                      .options = {"workdir", "/tmp", "user", "1000", "stdin", "/dev/null", "ulimit", "nofile=64"}},
    [ROOT_HOST] = {"root host", .options = {"rootfs", "host", "workdir", "/tmp", "user", "1000", "cap-add", "chown",
                                            "tmpfs", "/srv:size=1m,noatime"}},
    [ROOT_JOIN] = {"root --join", .options = {"join", "net=other", "workdir", "/tmp", "user", "1000"}},
    [ROOT_SHARE_USER] = {"root --share user", .options = {"share", "user", "workdir", "/tmp", "user", "1000"}},
    [ROOT_NO_INIT] = {"root no init", .options = {"init", "no", "workdir", "/tmp", "user", "1000"}},
    [USER_BUSYBOX] = {"user busybox", true, {"workdir", "/tmp", "isolate", "vm"}},
    [USER_HOST] = {"user host", true, {"rootfs", "host", "workdir", "/tmp", "mask", "/usr/share"}},
    [USER_KEEP_ID] = {"user keep-id", true, {"userns", "keep-id", "workdir", "/tmp", "user", "5", "cap-add", "chown"}},
};

/* A launch seen from both sides. */
struct sides {
    struct mb_arena arena;
    struct mb_host host, other_host;
    struct mb_box wanted_box, built_box;
    struct mb_plan wanted, built; /* of `built` the steps and the id maps are copies */
};

/* What a launch is told to be like, and what comes of it: in memory that the process which launches shares. */
static struct report {
    uint32_t check_off, leave_out;
    char what[80];      /* the mutant */
    const char *reason; /* the box may be the same, since ...; NULL: it must be refused */
    uint32_t verdict;   /* enum mb_check */
    char check[160];    /* its name */
    char error[1024];
} * report;

static char wanted_posture[8192], posture_volume[256];
static pid_t other; /* a process in another network namespace */

/* ---- between launcher and verifier ---------------------------------------------------------------------------- */

static const struct mb_plan *wanted_plan;
static const struct mb_shared *seen; /* the shared memory, mapped once more: the launcher's goes with the launch */

int __real_mb_shared_make(const struct mb_plan *plan, const struct mb_launch_options *options, const int *streams,
                          struct mb_shared **ret_shared, size_t *ret_size, int *ret_fd, struct minibox_error *err);
int __wrap_mb_shared_make(const struct mb_plan *plan, const struct mb_launch_options *options, const int *streams,
                          struct mb_shared **ret_shared, size_t *ret_size, int *ret_fd, struct minibox_error *err);
int __real_mb_outside_verify(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared,
                             int pid, struct minibox_error *err);
int __wrap_mb_outside_verify(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared,
                             int pid, struct minibox_error *err);

int __wrap_mb_shared_make(const struct mb_plan *plan, const struct mb_launch_options *options, const int *streams,
                          struct mb_shared **ret_shared, size_t *ret_size, int *ret_fd, struct minibox_error *err) {
    (void)plan;
    if (__real_mb_shared_make(wanted_plan, options, streams, ret_shared, ret_size, ret_fd, err))
        return -1;
    (*ret_shared)->check_off = report->check_off;
    (*ret_shared)->leave_out = report->leave_out;
    void *memory = mmap(NULL, *ret_size, PROT_READ, MAP_SHARED, *ret_fd, 0);
    if (memory == MAP_FAILED)
        abort();
    seen = memory;
    return 0;
}

int __wrap_mb_outside_verify(const struct mb_plan *plan, const struct mb_id_range *range, struct mb_shared *shared,
                             int pid, struct minibox_error *err) {
    (void)plan;
    return __real_mb_outside_verify(wanted_plan, range, shared, pid, err);
}

/* ---- one launch ----------------------------------------------------------------------------------------------- */

static void be_caller(bool as_user) {
    const struct passwd *user = getpwnam("mbtest");
    const gid_t groups[] = {60123, 60124};
    if (setgroups(2, groups) < 0 || (as_user && (!user || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
                                                 setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)))
        _exit(99);
    prctl(PR_SET_DUMPABLE, 1);
    signal(SIGUSR1, SIG_IGN);
    personality(ADDR_NO_RANDOMIZE);
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

/* A builder that gets no namespace of its own works in its launcher's: that must not be the host's. Mounts are shared,
 * as on most. */
static void be_host(int out) {
    int ends[2];
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_SHARED, NULL) < 0 || pipe(ends) < 0 || dup2(ends[0], 0) < 0 ||
        dup2(out, 1) < 0)
        _exit(99);
}

/* The launcher's namespaces, as posture.c wants them. */
static char *list_namespaces(void) {
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    static char text[512];
    for (size_t i = 0; i < MB_COUNT(names); i++) {
        char path[64], target[64];
        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        ssize_t n = readlink(path, target, sizeof(target));
        if (n > 0)
            strcat(strncat(text, target, (size_t)n), ",");
    }
    return text;
}

static int set_options(struct minibox_spec *spec, const char *const *options, struct minibox_error *err) {
    char joined[32];
    snprintf(joined, sizeof(joined), "net=%d", other);
    for (size_t i = 0; options[i]; i += 2) {
        const char *value = strcmp(options[i + 1], "net=other") == 0 ? joined : options[i + 1];
        if (minibox_spec_set(spec, options[i], value, err))
            return -1;
    }
    return 0;
}

static void copy_maps(struct sides *s) {
    const struct mb_id_maps *maps = &s->wanted_box.maps;
    if (maps->count)
        memcpy(s->built_box.maps.list, maps->list, maps->count * sizeof(*maps->list));
}

/* Both sides the same. `more`: further options. */
static int compile(enum config_id config, const char *const *more, struct sides *s, struct minibox_error *err) {
    static char posture[] = "/posture";
    static char *command[] = {posture, NULL, NULL};
    struct minibox_spec *spec;
    command[1] = list_namespaces();
    if (minibox_spec_new(&spec, err) || minibox_spec_set(spec, "volume", posture_volume, err) ||
        set_options(spec, configs[config].options, err) || set_options(spec, more, err) ||
        minibox_spec_command(spec, command, err) || mb_host_probe(&s->arena, &s->host, err) ||
        mb_box_fill(spec, &s->host, &s->wanted_box, err))
        return -1;
    s->wanted_box.timeout = 3000000000u;
    if (mb_plan_compile(&s->wanted_box, &s->wanted, err))
        return -1;
    s->built_box = s->wanted_box;
    s->built = s->wanted;
    s->built.box = &s->built_box;
    size_t steps = s->wanted.step_count * sizeof(*s->wanted.steps);
    s->built.steps = mb_arena_alloc(&s->arena, steps);
    s->built_box.maps.list = mb_arena_alloc(&s->arena, (s->wanted_box.maps.count + 1) * sizeof(struct mb_id_map));
    if (!s->built.steps || !s->built_box.maps.list)
        return -1;
    memcpy(s->built.steps, s->wanted.steps, steps);
    copy_maps(s);
    return 0;
}

enum outcome { RAN, REFUSED, OVER, BROKEN };

/* What is done to a launch: the mutant number `number` of a box, or what a row of the checks says; or nothing. */
struct change {
    enum config_id config;
    const char *const *options; /* further ones */
    bool has_number;
    size_t number;
    void (*spoil)(struct sides *s);
};

static bool choose_mutant(struct sides *s, size_t number);

static enum outcome launch(const struct change *change, int out) {
    static struct sides s;
    static const char *const none[] = {NULL};
    struct minibox_error err;
    struct minibox_box *box;
    int status;
    be_host(out);
    be_caller(configs[change->config].as_user);
    if (compile(change->config, change->options ? change->options : none, &s, &err)) {
        snprintf(report->error, sizeof(report->error), "%s %s: %s", err.what, err.object, err.reason);
        return BROKEN;
    }
    if (change->has_number && !choose_mutant(&s, change->number))
        return OVER;
    if (change->spoil)
        change->spoil(&s);
    wanted_plan = &s.wanted;
    const struct mb_launch_options options = {.cancel_fd = -1, .started = mb_wait_clock(), .streams = {-1, -1, -1}};
    int result = mb_launch_start(&s.built, &options, &box, &err);
    report->verdict = seen ? seen->verdict.check : 0;
    if (result == MB_LAUNCHED)
        return minibox_wait(box, &status, &err) ? BROKEN : RAN;
    snprintf(report->check, sizeof(report->check), "%.*s", (int)strcspn(err.reason, ":"), err.reason);
    snprintf(report->error, sizeof(report->error), "step %d (%s): %s %s: %s, %s", err.step, err.kind, err.what,
             err.object, err.reason, err.detail);
    bool is_refusal = err.status == MINIBOX_EXIT_FAILED || err.status == MINIBOX_EXIT_TIMEOUT;
    return result == MB_LAUNCH_FAILED && is_refusal ? REFUSED : BROKEN;
}

/* In a process of its own. What the command said is in `ret_text`. */
static enum outcome try_launch(const struct change *change, char *ret_text, size_t size) {
    int status = -1, out = memfd_create("out", MFD_CLOEXEC);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit((int)launch(change, out));
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        exit(1);
    ssize_t n = pread(out, ret_text, size - 1, 0);
    close(out);
    ret_text[n > 0 ? n : 0] = '\0';
    enum outcome outcome =
        WIFEXITED(status) && WEXITSTATUS(status) < BROKEN ? (enum outcome)WEXITSTATUS(status) : BROKEN;
    bool has_said_all = strstr(ret_text, "end\n");
    return (outcome == RAN) == has_said_all && (outcome == RAN || !ret_text[0]) ? outcome : BROKEN;
}

static void forget_report(void) {
    *report = (struct report){0};
}

/* The unharmed launch, whose posture is what the others are compared with. */
static bool find_posture(const struct change *change) {
    const struct change unharmed = {.config = change->config, .options = change->options};
    forget_report();
    if (try_launch(&unharmed, wanted_posture, sizeof(wanted_posture)) == RAN)
        return true;
    printf("# %s: the launch without a change failed: %s\n", configs[change->config].name, report->error);
    return false;
}

/* ---- mutants: steps ------------------------------------------------------------------------------------------- */

/* What is left out makes no box weaker; or is done again by init, and then the box must be the same. With the reason.
 */
static const struct {
    enum mb_step_kind kind;
    const char *reason;
    bool is_tried;
} exceptions[] = {{MB_STEP_LINK, "does not confine"},
                  {MB_STEP_DIRECTORY, "does not confine"},
                  {MB_STEP_FILE, "does not confine"},
                  {MB_STEP_LOOPBACK, "does not confine"},
                  {MB_STEP_CLOSE, "init closes all again", true},
                  {MB_STEP_DIE_WITH, "init arms it again", true},
                  {MB_STEP_GATE, "only waits", true},
                  {MB_STEP_PRIVATE, "no mount that the box keeps is the host's", true},
                  {MB_STEP_IDS, "an ordinary user's box has one id", true}};

static const char inherited[] = "the mount has it from what it was made of, or there is nothing to hide";

/* Each changes one step in the way that `bit` (0 to 63) says, and returns whether there is such a mutant. */
static bool leave_out(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    (void)box;
    bool is_of_parent = step->kind == MB_STEP_WRITE_MAPS || step->kind == MB_STEP_RAISE_LIMIT;
    if (bit || (step->side != MB_SIDE_BUILDER && !is_of_parent))
        return false;
    for (size_t i = 0; i < MB_COUNT(exceptions); i++) {
        if (exceptions[i].kind != step->kind)
            continue;
        if (!exceptions[i].is_tried)
            return false;
        report->reason = exceptions[i].reason;
    }
    step->side = MB_SIDE_COMMAND; /* where nobody executes a plan's steps */
    if (is_of_parent)             /* the launcher looks for its own by their kind */
        step->kind = MB_STEP_UMASK;
    return true;
}

static bool makes_mount(const struct mb_step *step) {
    return step->mount >= 0 || step->kind == MB_STEP_REMOUNT;
}

static bool clear_attribute(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    (void)box;
    if (!makes_mount(step) || !(step->set >> bit & 1))
        return false;
    step->set &= ~(UINT64_C(1) << bit);
    report->reason = inherited;
    return true;
}

static bool swap_attributes(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    (void)box;
    if (bit || !makes_mount(step))
        return false;
    uint64_t set = step->set;
    step->set = step->clear;
    step->clear = set;
    report->reason = inherited;
    return true;
}

static bool leave_shared(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    (void)box;
    if (bit || step->mount < 0)
        return false;
    step->propagation = MS_SHARED;
    report->reason = "a new file system is shared with nobody, or there is nothing to hide";
    return true;
}

static bool change_ids(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    (void)box;
    if (bit > 1 || (step->kind != MB_STEP_IDS && step->kind != MB_STEP_BECOME_ROOT))
        return false;
    *(bit ? &step->gid : &step->uid) += 1;
    return true;
}

static bool leave_out_namespace(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    (void)box;
    uint64_t flag = UINT64_C(1) << bit;
    bool makes_namespaces = step->kind == MB_STEP_CLONE || step->kind == MB_STEP_UNSHARE;
    for (int i = MB_FLAG_FIRST_NAMESPACE; i < MB_FLAG_COUNT; i++)
        if (makes_namespaces && mb_flags[i].flag == flag && step->flags & flag) {
            step->flags &= ~flag;
            return true;
        }
    return false;
}

static bool add_namespace(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    uint64_t flag = UINT64_C(1) << bit;
    for (int i = MB_FLAG_FIRST_NAMESPACE; i < MB_FLAG_COUNT; i++)
        if (step->kind == MB_STEP_CLONE && mb_flags[i].flag == flag && !(box->flags & flag) && flag != CLONE_NEWTIME) {
            step->flags |= flag;
            return true;
        }
    return false;
}

/* Another name, namespace or directory. */
static bool change_object(struct mb_step *step, const struct mb_box *box, unsigned bit) {
    (void)box;
    if (bit)
        return false;
    if (step->kind == MB_STEP_HOSTNAME)
        step->source = "another";
    else if (step->kind == MB_STEP_JOIN)
        step->source = "/proc/self/ns/net";
    else if (step->kind == MB_STEP_BIND || step->kind == MB_STEP_DEVICE)
        step->source = "/proc/version";
    else if (step->kind == MB_STEP_WORKDIR)
        step->path = "";
    else
        return false;
    return true;
}

static const struct {
    const char *what;
    bool (*change)(struct mb_step *step, const struct mb_box *box, unsigned bit);
} step_mutants[] = {{"left out", leave_out},
                    {"without attribute", clear_attribute},
                    {"set and clear exchanged", swap_attributes},
                    {"shared", leave_shared},
                    {"with another id", change_ids},
                    {"without namespace", leave_out_namespace},
                    {"with one namespace more", add_namespace},
                    {"of something else", change_object}};

/* ---- mutants: values of the box ------------------------------------------------------------------------------- */

static bool change_umask(struct mb_box *box) {
    box->process.umask ^= 0020;
    return true;
}

static bool keep_groups(struct mb_box *box) {
    bool was_kept = box->keep_groups;
    box->keep_groups = true;
    return !was_kept;
}

static bool add_effective(struct mb_box *box) {
    box->process.capabilities.effective |= CAP_KILL_BIT;
    return true;
}
static bool add_permitted(struct mb_box *box) {
    box->process.capabilities.permitted |= CAP_KILL_BIT;
    report->reason = "with no_new_privs, execve of init keeps only what the other sets have";
    return true;
}
static bool add_inheritable(struct mb_box *box) {
    box->process.capabilities.inheritable |= CAP_KILL_BIT;
    return true;
}
static bool add_bounding(struct mb_box *box) {
    box->process.capabilities.bounding |= CAP_KILL_BIT;
    return true;
}
static bool add_ambient(struct mb_box *box) {
    box->process.capabilities.ambient |= CAP_KILL_BIT;
    return true;
}
static bool add_to_all_sets(struct mb_box *box) {
    bool is_changed =
        add_effective(box) && add_permitted(box) && add_inheritable(box) && add_bounding(box) && add_ambient(box);
    report->reason = NULL;
    return is_changed;
}

static bool take_capabilities(struct mb_box *box) {
    bool has_any = box->process.capabilities.permitted;
    box->process.capabilities = (struct mb_capabilities){0};
    return has_any;
}

static bool keep_descriptor(struct mb_box *box) {
    box->process.preserve_fds++;
    report->reason = "init closes all again";
    return true;
}

static bool map_host_ids(struct mb_box *box) {
    bool has_range = box->maps.has_range;
    box->maps.has_range = false;
    return has_range;
}
static bool map_other_outside(struct mb_box *box) {
    if (box->maps.count)
        box->maps.list[0].outside++;
    return box->maps.count;
}
static bool map_other_inside(struct mb_box *box) {
    if (box->maps.count)
        box->maps.list[0].inside++;
    return box->maps.count;
}
static bool map_fewer(struct mb_box *box) {
    if (box->maps.count)
        box->maps.list[box->maps.count - 1].count--;
    return box->maps.count;
}
static bool map_one_line_less(struct mb_box *box) {
    return box->maps.count && box->maps.count--;
}

static const struct {
    const char *what;
    bool (*change)(struct mb_box *box);
} box_mutants[] = {{"another umask", change_umask},
                   {"groups kept", keep_groups},
                   {"one effective capability more", add_effective},
                   {"one permitted capability more", add_permitted},
                   {"one inheritable capability more", add_inheritable},
                   {"one capability more in the bounding set", add_bounding},
                   {"one ambient capability more", add_ambient},
                   {"one capability more in all sets", add_to_all_sets},
                   {"no capabilities", take_capabilities},
                   {"one descriptor more", keep_descriptor},
                   {"the map not in its range", map_host_ids},
                   {"the map from another id on", map_other_outside},
                   {"the map to another id", map_other_inside},
                   {"the map with one id less", map_fewer},
                   {"the map with one line less", map_one_line_less}};

/* What init leaves out, where the box has it. */
static const struct {
    const char *what;
    enum mb_leave_out leave_out;
    const char *reason;
} init_mutants[] = {{"init stays dumpable", MB_LEAVE_DUMPABLE, "a program that cannot be read is not"},
                    {"the caller's personality", MB_LEAVE_PERSONALITY, NULL},
                    {"no session", MB_LEAVE_SESSION, NULL},
                    {"an ignored signal", MB_LEAVE_SIGNALS, NULL},
                    {"blocked signals", MB_LEAVE_SIGNAL_MASK, NULL},
                    {"no parent-death signal", MB_LEAVE_DEATH_SIGNAL, "the builder's is there, without init"},
                    {"limits not set", MB_LEAVE_LIMITS, "it has none"},
                    {"no filter", MB_LEAVE_FILTER, NULL},
                    {"no filter of init's own", MB_LEAVE_OWN_FILTER, "there is no init"}};

/* ---- mutants: all --------------------------------------------------------------------------------------------- */

static bool choose_step_mutant(struct sides *s, size_t *number) {
    for (size_t i = 0; i < s->built.step_count; i++)
        for (size_t m = 0; m < MB_COUNT(step_mutants); m++)
            for (unsigned bit = 0; bit < 64; bit++) {
                struct mb_step changed = s->built.steps[i];
                report->reason = NULL;
                if (!step_mutants[m].change(&changed, &s->built_box, bit) || (*number)--)
                    continue;
                snprintf(report->what, sizeof(report->what), "step %zu, %s: %s%s%.0u", i + 1,
                         mb_step_name(s->built.steps[i].kind), step_mutants[m].what, bit ? " " : "", bit);
                s->built.steps[i] = changed;
                return true;
            }
    return false;
}

static bool choose_box_mutant(struct sides *s, size_t *number) {
    for (size_t m = 0; m < MB_COUNT(box_mutants); m++) {
        struct mb_box changed = s->built_box; /* the list of its maps is not in the copy */
        report->reason = NULL;
        if (!box_mutants[m].change(&changed) || (*number)--) {
            copy_maps(s);
            continue;
        }
        snprintf(report->what, sizeof(report->what), "%s", box_mutants[m].what);
        s->built_box = changed;
        return true;
    }
    return false;
}

static bool choose_init_mutant(size_t number) {
    if (number >= MB_COUNT(init_mutants))
        return false;
    snprintf(report->what, sizeof(report->what), "%s", init_mutants[number].what);
    report->reason = init_mutants[number].reason;
    report->leave_out = (uint32_t)init_mutants[number].leave_out;
    return true;
}

/* Changes what is built; false: there are not so many mutants. */
static bool choose_mutant(struct sides *s, size_t number) {
    return choose_step_mutant(s, &number) || choose_box_mutant(s, &number) || choose_init_mutant(number);
}

static struct { unsigned refused, same, weaker; } sum;

/* False: there are no more. */
static bool try_mutant(enum config_id config, size_t number) {
    static char text[sizeof(wanted_posture)];
    const struct change change = {.config = config, .has_number = true, .number = number};
    forget_report();
    enum outcome outcome = try_launch(&change, text, sizeof(text));
    if (outcome == OVER)
        return false;
    if (outcome == REFUSED) {
        sum.refused++;
        printf("#   %-50s refused: %.110s\n", report->what, report->error);
    } else if (outcome == RAN && report->reason && strcmp(text, wanted_posture) == 0) {
        sum.same++;
        printf("#   %-50s the same box: %s\n", report->what, report->reason);
    } else {
        sum.weaker++;
        printf("#   %-50s %s: %s\n#     wanted %s#     saw    %s\n", report->what,
               outcome == RAN ? "LAUNCHED" : "BROKEN", report->error, wanted_posture, text);
    }
    return true;
}

static bool try_mutants(unsigned *point) {
    unsigned weaker = 0;
    for (enum config_id i = 0; i < CONFIGS; i++) {
        const struct change unharmed = {.config = i};
        sum.refused = sum.same = sum.weaker = 0;
        printf("# %s\n", configs[i].name);
        if (!find_posture(&unharmed))
            sum.weaker++;
        for (size_t n = 0; sum.weaker < 20 && try_mutant(i, n); n++)
            ;
        bool is_good = !sum.weaker && sum.refused;
        printf("%sok %u - %s: %u mutants refused, %u the same box, %u neither\n", is_good ? "" : "not ", ++*point,
               configs[i].name, sum.refused, sum.same, sum.weaker);
        weaker += !is_good;
    }
    return !weaker;
}

/* ---- checks: how a box is made wrong -------------------------------------------------------------------------- */

static struct mb_step *find_built(struct sides *s, enum mb_step_kind kind) {
    const struct mb_step *step = mb_plan_find(&s->built, kind);
    return step ? &s->built.steps[step - s->built.steps] : NULL;
}

static size_t find_mount(const struct sides *s, const char *target) {
    for (size_t i = 0; i < s->built.step_count; i++)
        if (s->built.steps[i].mount >= 0 && strcmp(s->built.steps[i].target, target) == 0)
            return i;
    abort();
}

static void skip_kind(struct sides *s, enum mb_step_kind kind) {
    find_built(s, kind)->side = MB_SIDE_COMMAND;
}

static void hide_proc(struct sides *s) {
    s->built.steps[find_mount(s, "/srv")].keep = MB_SLOT_PROC;
}
static void take_other_uid(struct sides *s) {
    find_built(s, MB_STEP_IDS)->uid++;
}
static void take_other_gid(struct sides *s) {
    find_built(s, MB_STEP_IDS)->gid++;
}
static void leave_groups(struct sides *s) {
    s->built_box.keep_groups = true;
}
static void raise_inheritable(struct sides *s) {
    s->built_box.process.capabilities.inheritable |= CAP_CHOWN_BIT;
}
static void raise_ambient(struct sides *s) {
    s->wanted_box.process.capabilities.inheritable |= CAP_CHOWN_BIT;
    raise_inheritable(s);
    s->built_box.process.capabilities.ambient |= CAP_CHOWN_BIT;
}
static void raise_bounding(struct sides *s) {
    add_bounding(&s->built_box);
}
static void raise_permitted(struct sides *s) {
    add_effective(&s->built_box);
    add_permitted(&s->built_box);
    add_bounding(&s->built_box);
}
static void want_permitted(struct sides *s) {
    add_permitted(&s->wanted_box);
}
static void want_effective(struct sides *s) {
    add_effective(&s->wanted_box);
}
static void set_securebits(struct sides *s) {
    (void)s;
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
        abort();
}
static void want_securebits(struct sides *s) {
    s->wanted_box.process.securebits = SECBIT_NOROOT;
}
static void skip_no_new_privs(struct sides *s) {
    skip_kind(s, MB_STEP_NO_NEW_PRIVS);
}
static void make_init_readable(struct sides *s) {
    s->other_host = s->host;
    s->other_host.privileged = false;
    s->built_box.host = &s->other_host;
}
static void share_ipc(struct sides *s) {
    find_built(s, MB_STEP_CLONE)->flags &= ~(uint64_t)CLONE_NEWIPC;
}
static void map_less(struct sides *s) {
    map_fewer(&s->built_box);
}
static void skip_hostname(struct sides *s) {
    skip_kind(s, MB_STEP_HOSTNAME);
}
static void skip_mount(struct sides *s) {
    s->built.steps[find_mount(s, "/srv")].side = MB_SIDE_COMMAND;
}
static void clear_nodev(struct sides *s) {
    s->built.steps[find_mount(s, "/srv")].set &= ~(uint64_t)MOUNT_ATTR_NODEV;
}
static void clear_nosuid(struct sides *s) {
    s->built.steps[find_mount(s, "/srv")].set &= ~(uint64_t)MOUNT_ATTR_NOSUID;
}
static void never_want_nosuid(struct sides *s) {
    clear_nosuid(s);
    s->wanted.steps[find_mount(s, "/srv")].set &= ~(uint64_t)MOUNT_ATTR_NOSUID;
}
static void share_mount(struct sides *s) {
    s->built.steps[find_mount(s, "/posture")].propagation = MS_SHARED;
}
static void cover_root(struct sides *s) {
    s->built.steps[find_mount(s, "/srv")].path = ".";
}
static void become_other(struct sides *s) {
    find_built(s, MB_STEP_BECOME_ROOT)->uid++;
}
static void become_other_group(struct sides *s) {
    find_built(s, MB_STEP_BECOME_ROOT)->gid++;
}
static void skip_workdir(struct sides *s) {
    skip_kind(s, MB_STEP_WORKDIR);
}
static void open_umask(struct sides *s) {
    s->built_box.process.umask = 0;
}
static void skip_stream(struct sides *s) {
    skip_kind(s, MB_STEP_STREAM);
}
static void skip_keyring(struct sides *s) {
    skip_kind(s, MB_STEP_KEYRING);
}

#define MORE(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SRV MORE("tmpfs", "/srv:size=1m")

/* One row a way to make a box wrong, as root and as an ordinary user. */
static const struct row {
    enum mb_check check;
    const char *how;
    enum config_id config;
    const char *const *options;
    void (*spoil)(struct sides *s);
    enum mb_leave_out leave_out;
    enum mb_check beside; /* with `check` switched off, this one refuses the box; NONE: it runs */
    const char *unseen;   /* why the command cannot tell the box that runs from the one that was wanted; NULL: it can */
} rows[] = {
    /* Whoever cannot read the list of mounts finds none of those that are wanted. */
    {MB_CHECK_READ, "what is kept as /proc is not", ROOT_BUSYBOX, SRV, hide_proc, .beside = MB_CHECK_MOUNT},
    {MB_CHECK_READ, "what is kept as /proc is not", USER_BUSYBOX, SRV, hide_proc, .beside = MB_CHECK_MOUNT},
    {MB_CHECK_UID, "another user", ROOT_BUSYBOX, .spoil = take_other_uid},
    {MB_CHECK_UID, "another user", USER_KEEP_ID, .spoil = take_other_uid},
    {MB_CHECK_GID, "another group", ROOT_BUSYBOX, .spoil = take_other_gid},
    {MB_CHECK_GID, "another group", USER_KEEP_ID, .spoil = take_other_gid},
    {MB_CHECK_GROUPS, "the caller's groups", ROOT_BUSYBOX, .spoil = leave_groups},
    {MB_CHECK_GROUPS, "the caller's groups", USER_KEEP_ID, .spoil = leave_groups},
    {MB_CHECK_CAP_INHERITABLE, "one more, of uid 0", ROOT_BUSYBOX, MORE("user", "0", "cap-add", "chown"),
     raise_inheritable},
    {MB_CHECK_CAP_INHERITABLE, "one more, of uid 0", USER_BUSYBOX, MORE("cap-add", "chown"), raise_inheritable},
    /* execve(2) makes the permitted and the effective set the same, so no builder can make one of them wrong alone:
     * then it is the wish that is another. */
    {MB_CHECK_CAP_PERMITTED, "one more is wanted", ROOT_BUSYBOX, .spoil = want_permitted,
     .unseen = "it is the wish that differs"},
    {MB_CHECK_CAP_PERMITTED, "one more is wanted", USER_BUSYBOX, .spoil = want_permitted,
     .unseen = "it is the wish that differs"},
    {MB_CHECK_CAP_EFFECTIVE, "one more is wanted", ROOT_BUSYBOX, .spoil = want_effective,
     .unseen = "it is the wish that differs"},
    {MB_CHECK_CAP_EFFECTIVE, "one more is wanted", USER_BUSYBOX, .spoil = want_effective,
     .unseen = "it is the wish that differs"},
    {MB_CHECK_CAP_EFFECTIVE, "one more of uid 0", ROOT_BUSYBOX, MORE("user", "0"), raise_permitted,
     .beside = MB_CHECK_CAP_PERMITTED},
    {MB_CHECK_CAP_EFFECTIVE, "one more of uid 0", USER_BUSYBOX, .spoil = raise_permitted,
     .beside = MB_CHECK_CAP_PERMITTED},
    {MB_CHECK_CAP_BOUNDING, "one more", ROOT_BUSYBOX, .spoil = raise_bounding},
    {MB_CHECK_CAP_BOUNDING, "one more", USER_BUSYBOX, MORE("user", "5"), raise_bounding},
    {MB_CHECK_CAP_AMBIENT, "one more, of uid 0", ROOT_BUSYBOX, MORE("user", "0", "cap-add", "chown"), raise_ambient},
    {MB_CHECK_CAP_AMBIENT, "one more, of uid 0", USER_BUSYBOX, MORE("cap-add", "chown"), raise_ambient},
    {MB_CHECK_SECUREBITS, "the caller's", ROOT_SHARE_USER, .spoil = set_securebits},
    {MB_CHECK_SECUREBITS, "others are wanted; a new user namespace has none", USER_BUSYBOX, .spoil = want_securebits,
     .unseen = "it is the wish that differs"},
    {MB_CHECK_NO_NEW_PRIVS, "not set", ROOT_BUSYBOX, MORE("seccomp", "off", "allow", "suid"), skip_no_new_privs},
    {MB_CHECK_NO_NEW_PRIVS, "not set", USER_BUSYBOX, MORE("seccomp", "off", "allow", "suid"), skip_no_new_privs},
    {MB_CHECK_DUMPABLE, "init readable, and dumpable", ROOT_BUSYBOX, .spoil = make_init_readable,
     .leave_out = MB_LEAVE_DUMPABLE},
    {MB_CHECK_DUMPABLE, "dumpable", USER_BUSYBOX, .leave_out = MB_LEAVE_DUMPABLE},
    {MB_CHECK_PERSONALITY, "the caller's", ROOT_BUSYBOX, .leave_out = MB_LEAVE_PERSONALITY},
    {MB_CHECK_PERSONALITY, "the caller's", USER_BUSYBOX, .leave_out = MB_LEAVE_PERSONALITY},
    {MB_CHECK_NAMESPACE, "the caller's ipc", ROOT_BUSYBOX, .spoil = share_ipc},
    {MB_CHECK_NAMESPACE, "the caller's ipc", USER_BUSYBOX, .spoil = share_ipc},
    {MB_CHECK_ID_MAP, "one group less", ROOT_BUSYBOX, .spoil = map_less},
    {MB_CHECK_ID_MAP, "one group less", USER_KEEP_ID, .spoil = map_less},
    {MB_CHECK_HOSTNAME, "the caller's", ROOT_BUSYBOX, .spoil = skip_hostname},
    {MB_CHECK_HOSTNAME, "the caller's", USER_BUSYBOX, .spoil = skip_hostname},
    {MB_CHECK_MOUNT, "left out", ROOT_BUSYBOX, SRV, skip_mount},
    {MB_CHECK_MOUNT, "left out", USER_BUSYBOX, SRV, skip_mount},
    {MB_CHECK_MOUNT_FLAGS, "no nodev", ROOT_BUSYBOX, SRV, clear_nodev},
    {MB_CHECK_MOUNT_FLAGS, "no nodev", USER_BUSYBOX, SRV, clear_nodev},
    {MB_CHECK_EVERY_MOUNT, "no nosuid, nor wanted of this mount", ROOT_BUSYBOX, SRV, never_want_nosuid},
    {MB_CHECK_EVERY_MOUNT, "no nosuid, nor wanted of this mount", USER_BUSYBOX, SRV, never_want_nosuid},
    {MB_CHECK_EVERY_MOUNT, "no nosuid", ROOT_BUSYBOX, SRV, clear_nosuid, .beside = MB_CHECK_MOUNT_FLAGS},
    {MB_CHECK_EVERY_MOUNT, "no nosuid", USER_BUSYBOX, SRV, clear_nosuid, .beside = MB_CHECK_MOUNT_FLAGS},
    {MB_CHECK_PROPAGATION, "a volume that is shared", ROOT_BUSYBOX, .spoil = share_mount},
    {MB_CHECK_PROPAGATION, "a volume that is shared", USER_BUSYBOX, .spoil = share_mount},
    {MB_CHECK_OLD_ROOT, "a mount over the root", ROOT_BUSYBOX, SRV, cover_root},
    {MB_CHECK_OLD_ROOT, "a mount over the root", USER_BUSYBOX, SRV, cover_root},
    {MB_CHECK_ROOT_OWNER, "made by another user", ROOT_BUSYBOX, .spoil = become_other},
    {MB_CHECK_ROOT_OWNER, "made by another user", USER_KEEP_ID, .spoil = become_other},
    {MB_CHECK_ROOT_OWNER, "made by another group", ROOT_BUSYBOX, .spoil = become_other_group},
    {MB_CHECK_ROOT_OWNER, "made by another group", USER_KEEP_ID, .spoil = become_other_group},
    {MB_CHECK_WORKDIR, "the root", ROOT_BUSYBOX, .spoil = skip_workdir},
    {MB_CHECK_WORKDIR, "the root", USER_BUSYBOX, .spoil = skip_workdir},
    {MB_CHECK_UMASK, "none", ROOT_BUSYBOX, .spoil = open_umask, .unseen = "to ask for it is to set it"},
    {MB_CHECK_UMASK, "none", USER_BUSYBOX, .spoil = open_umask, .unseen = "to ask for it is to set it"},
    {MB_CHECK_DESCRIPTORS, "the caller's standard input", ROOT_BUSYBOX, .spoil = skip_stream},
    {MB_CHECK_DESCRIPTORS, "the caller's standard input", USER_BUSYBOX, MORE("stdin", "/dev/null"), skip_stream},
    {MB_CHECK_SESSION, "init's", ROOT_BUSYBOX, .leave_out = MB_LEAVE_SESSION},
    {MB_CHECK_SESSION, "init's", USER_BUSYBOX, .leave_out = MB_LEAVE_SESSION},
    {MB_CHECK_SIGNALS, "what the caller ignores", ROOT_BUSYBOX, .leave_out = MB_LEAVE_SIGNALS},
    {MB_CHECK_SIGNALS, "what the caller ignores", USER_BUSYBOX, .leave_out = MB_LEAVE_SIGNALS},
    {MB_CHECK_SIGNAL_MASK, "what the launcher blocks", ROOT_BUSYBOX, .leave_out = MB_LEAVE_SIGNAL_MASK},
    {MB_CHECK_SIGNAL_MASK, "what the launcher blocks", USER_BUSYBOX, .leave_out = MB_LEAVE_SIGNAL_MASK},
    {MB_CHECK_DEATH_SIGNAL, "none", ROOT_BUSYBOX, .leave_out = MB_LEAVE_DEATH_SIGNAL},
    {MB_CHECK_DEATH_SIGNAL, "none", USER_BUSYBOX, .leave_out = MB_LEAVE_DEATH_SIGNAL},
    {MB_CHECK_KEYRING, "the caller's", ROOT_BUSYBOX, .spoil = skip_keyring, .unseen = "the filter refuses to ask"},
    {MB_CHECK_KEYRING, "the caller's", USER_BUSYBOX, .spoil = skip_keyring, .unseen = "the filter refuses to ask"},
    {MB_CHECK_LIMIT, "not set", ROOT_BUSYBOX, .leave_out = MB_LEAVE_LIMITS},
    {MB_CHECK_LIMIT, "not set", USER_BUSYBOX, MORE("ulimit", "nofile=64"), .leave_out = MB_LEAVE_LIMITS},
    {MB_CHECK_FILTER, "not loaded", ROOT_BUSYBOX, .leave_out = MB_LEAVE_FILTER},
    {MB_CHECK_FILTER, "not loaded", USER_BUSYBOX, .leave_out = MB_LEAVE_FILTER},
    {MB_CHECK_FILTER, "init's own not loaded", ROOT_BUSYBOX, .leave_out = MB_LEAVE_OWN_FILTER},
    {MB_CHECK_FILTER, "init's own not loaded", USER_BUSYBOX, .leave_out = MB_LEAVE_OWN_FILTER},
};

/* ---- checks: all ---------------------------------------------------------------------------------------------- */

/* What is wrong with one launch of a row, or NULL. */
static const char *judge_row(const struct row *row, bool is_off, enum outcome outcome, const char *text) {
    if (!is_off || row->beside) {
        uint32_t check = is_off ? row->beside : row->check;
        return outcome != REFUSED ? "not refused" : report->verdict != check ? "refused by another check" : NULL;
    }
    bool is_same = strcmp(text, wanted_posture) == 0;
    if (outcome != RAN)
        return "does not run";
    if (is_same && !row->unseen)
        return "the command sees no difference";
    return !is_same && row->unseen ? "the command sees a difference" : NULL;
}

static bool try_row(const struct row *row, char *ret_name) {
    static char text[sizeof(wanted_posture)];
    const struct change change = {.config = row->config, .options = row->options, .spoil = row->spoil};
    bool is_good = find_posture(&change);
    for (int is_off = 0; is_good && is_off < 2; is_off++) {
        forget_report();
        report->check_off = is_off ? row->check : MB_CHECK_NONE;
        report->leave_out = (uint32_t)row->leave_out;
        enum outcome outcome = try_launch(&change, text, sizeof(text));
        const char *wrong = judge_row(row, is_off, outcome, text);
        is_good = !wrong;
        if (!is_off)
            memcpy(ret_name, report->check, sizeof(report->check));
        printf("#   %s, %s, %s: %s%s%.110s\n", configs[row->config].name, row->how, is_off ? "off" : "on",
               wrong            ? wrong
               : outcome == RAN ? "runs"
                                : "refused",
               report->error[0] ? ": " : "", report->error);
        if (wrong)
            printf("#     wanted %s#     saw    %s\n", wanted_posture, text);
    }
    return is_good;
}

static bool try_checks(unsigned *point) {
    unsigned failed = 0;
    for (uint32_t check = MB_CHECK_NONE + 1; check < MB_CHECK_COUNT; check++) {
        unsigned good = 0, alone = 0, count = 0;
        char name[sizeof(report->check)] = "?";
        for (size_t i = 0; i < MB_COUNT(rows); i++) {
            if (rows[i].check != check)
                continue;
            count++;
            alone += !rows[i].beside;
            good += try_row(&rows[i], name);
        }
        bool is_good = count && good == count;
        printf("%sok %u - check %u, %s: %u of %u wrong boxes are refused by it; where it is off, %u must run\n",
               is_good ? "" : "not ", ++*point, check, name, good, count, alone);
        failed += !is_good;
    }
    return !failed;
}

/* ---- both ----------------------------------------------------------------------------------------------------- */

/* A process in another network namespace, to join; it dies with this one. */
static int start_other(void) {
    int ready[2];
    char byte;
    if (pipe2(ready, O_CLOEXEC) < 0)
        return -1;
    other = fork();
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    int result = other > 0 && read(ready[0], &byte, 1) == 1 ? 0 : -1;
    close(ready[0]);
    return result;
}

int main(int argc, char **argv) {
    const char *posture = getenv("POSTURE");
    bool only_checks = argc > 1 && strcmp(argv[1], "--checks") == 0;
    unsigned point = 0;
    if (geteuid() != 0 || !posture || !getpwnam("mbtest")) {
        fprintf(stderr, "skipped: needs root, POSTURE and the user mbtest\n");
        return 77;
    }
    report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return 1;
    snprintf(posture_volume, sizeof(posture_volume), "%s:/posture", posture);
    signal(SIGCHLD, SIG_DFL);
    if (start_other())
        return 1;
    bool is_good = try_checks(&point);
    if (!only_checks)
        is_good = try_mutants(&point) && is_good;
    kill(other, SIGKILL);
    printf("1..%u\n", point);
    return !is_good;
}
