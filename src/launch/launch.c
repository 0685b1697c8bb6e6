/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A launch is a list of stages (below), each a function. First the launcher makes all that the box gets
 * from it: the shared memory (shared.c), init's program, a channel, detached trees of sources that only the launcher
 * can reach. Then it clones the builder. While the builder works, the launcher does its part from outside (id maps,
 * raised limits), and then opens the gate at which the builder waits. At last it polls the builder's pidfd, the sync
 * pipe, the caller's cancel descriptor, and the time limit, so no wait is without an end. The builder makes the sync
 * pipe and sends one end through the channel; the last copy of the other closes at the command's execve.
 *
 * What must stay true: the plan is not changed; signals are blocked from before clone until the end, since a handler
 * that ran in the builder would run in this process's memory; the builder's stack and *builder live until the builder
 * has executed init or is dead; whatever fails, the box is killed and reaped, and its descriptors are closed.
 */
#include "launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/count.h"
#include "base/fd.h"
#include "inside/builder.h"
#include "launch/clone.h"
#include "launch/maps.h"
#include "launch/outside.h"
#include "launch/range.h"
#include "launch/report.h"
#include "launch/shared.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

extern const char mb_init_image[], mb_init_image_end[];

/* All that a launch needs until it has succeeded. */
struct launch {
    const struct mb_plan *plan;
    const struct mb_launch_options *options;
    struct minibox_error *err;
    struct minibox_box *box;
    struct mb_builder builder;
    struct minibox_child child;
    struct mb_shared *shared;
    struct mb_id_range range;          /* the box's ids on the host, if it has a range */
    int *fds;                          /* one for each step, -1: none; see struct mb_builder */
    int streams[3];                    /* files for standard input, output and error; -1: the caller's */
    int channel_receive, channel_send; /* for descriptors that the builder makes */
    int notify_receive, notify_send;   /* for the filter's listener */
    int sync_read;                     /* -1 until the builder has sent it */
    const char **argv;                 /* of init */
    int *keep;                         /* descriptors that the builder leaves open */
    struct mb_wait wait;
};

/* ---- errors --------------------------------------------------------------------------------------------------- */

/* All return -1. */
static int fail_step(struct launch *l, const struct mb_step *step, int number) {
    return mb_report_step(l->plan, step, number, l->err);
}

static int fail_kind(struct launch *l, enum mb_step_kind kind, int number) {
    return mb_report_step(l->plan, mb_plan_find(l->plan, kind), number, l->err);
}

/* ---- before clone --------------------------------------------------------------------------------------------- */

static int reserve_range(struct launch *l) {
    if (!l->plan->box->maps.has_range)
        return 0;
    return mb_range_reserve(&l->plan->box->maps, &l->range, &l->box->lock_fd, l->err);
}

/* Takes the caller's descriptors, if it has put something between; else opens the files. */
static int open_streams(struct launch *l) {
    bool is_given = false;
    for (int i = 0; i < 3; i++)
        is_given |= l->options->streams[i] >= 0;
    if (!is_given && mb_launch_open_streams(l->plan, l->options->purpose, l->streams, l->err))
        return -1;
    for (size_t i = 0; i < l->plan->step_count; i++) {
        const struct mb_step *step = &l->plan->steps[i];
        if (step->kind != MB_STEP_STREAM)
            continue;
        int fd = is_given ? l->options->streams[step->stream] : l->streams[step->stream];
        l->streams[step->stream] = -1; /* it is among l->fds now */
        l->fds[i] = is_given && fd >= 0 ? mb_fd_duplicate(fd) : fd;
        if (l->fds[i] < 0 && fd >= 0)
            return fail_step(l, step, errno);
    }
    return 0;
}

/* Opens for the builder the namespaces that are joined, and, as detached mounts, the sources that only the launcher can
 * reach or give other owners. */
static int open_sources(struct launch *l) {
    for (size_t i = 0; i < l->plan->step_count; i++) {
        const struct mb_step *step = &l->plan->steps[i];
        if (step->kind == MB_STEP_JOIN) {
            l->fds[i] = open(step->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
            int kind = l->fds[i] < 0 ? -1 : ioctl(l->fds[i], NS_GET_NSTYPE);
            bool is_other = kind >= 0 || errno == ENOTTY; /* another kind of namespace, or none */
            if (kind < 0 || (uint64_t)kind != step->flags)
                return fail_step(l, step, is_other ? EINVAL : errno);
        } else if (step->by_parent) {
            long fd = mb_builder_open_tree(step);
            if (fd < 0)
                return fail_step(l, step, (int)-fd);
            l->fds[i] = (int)fd;
        }
    }
    return 0;
}

static int make_shared(struct launch *l) {
    int streams[3] = {-1, -1, -1};
    for (size_t i = 0; i < l->plan->step_count; i++)
        if (l->plan->steps[i].kind == MB_STEP_STREAM)
            streams[l->plan->steps[i].stream] = l->fds[i];
    if (mb_shared_make(l->plan, l->options, streams, &l->box->shared, &l->box->shared_size, &l->builder.shared_fd,
                       l->err))
        return -1;
    l->builder.shared = l->shared = l->box->shared;
    return 0;
}

/* Makes init's program, a file that is in no file system and that nobody can change: CVE-2019-5736. */
static int make_init(struct launch *l) {
    const struct mb_step *step = mb_plan_find(l->plan, MB_STEP_INIT);
    int fd = memfd_create("minibox-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 every memory file is executable */
        fd = memfd_create("minibox-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    l->builder.init_fd = fd;
    /* The kernel makes a process undumpable from its first instruction if its program is executable but not readable.
     * So a process that is in a joined namespace already can never trace init: CVE-2016-9962. (In a namespace that is
     * new, an ordinary user's launcher may need the access, to verify its own box.) */
    bool unreadable = l->plan->box->host->privileged || mb_plan_find(l->plan, MB_STEP_JOIN) ||
                      !mb_box_has_own(l->plan->box, CLONE_NEWPID);
    if (fd < 0 || mb_fd_write_all(fd, mb_init_image, (size_t)(mb_init_image_end - mb_init_image)) < 0 ||
        fchmod(fd, unreadable ? 0111 : 0555) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return fail_step(l, step, errno);
    return 0;
}

static int make_channel(struct launch *l, int *ret_receive, int *ret_send) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_kind(l, MB_STEP_CLONE, errno);
    *ret_receive = ends[0];
    *ret_send = ends[1];
    return 0;
}

static int make_channels(struct launch *l) {
    struct mb_builder *b = &l->builder;
    if (make_channel(l, &l->channel_receive, &l->channel_send))
        return -1;
    if (l->options->notify && make_channel(l, &l->notify_receive, &l->notify_send))
        return -1;
    b->channel_fd = l->channel_send;
    b->launcher_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (b->launcher_fd < 0)
        return fail_kind(l, MB_STEP_CLONE, errno);
    b->notify_fd = l->notify_send;
    if (l->plan->box->process.init) /* the box may outlive the launcher for a moment: init holds the range of ids */
        b->lock_fd = l->box->lock_fd;
    l->shared->launcher_fd = b->launcher_fd;
    l->shared->notify_fd = b->notify_fd;
    l->shared->lock_fd = b->lock_fd;
    return 0;
}

static int compare_ints(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* Lists, in order, the descriptors that the builder leaves open. */
static int list_kept(struct launch *l) {
    struct mb_builder *b = &l->builder;
    const struct mb_plan *plan = l->plan;
    const int own[] = {b->shared_fd, b->init_fd, b->launcher_fd, b->channel_fd, b->lock_fd, b->notify_fd};
    size_t passed = 3 + plan->box->process.preserve_fds, n = 0;
    l->keep = malloc((passed + MB_COUNT(own) + plan->step_count) * sizeof(int));
    if (!l->keep)
        return mb_error_memory(l->err);
    for (size_t i = 0; i < passed; i++)
        l->keep[n++] = (int)i;
    for (size_t i = 0; i < MB_COUNT(own); i++)
        if (own[i] >= 0)
            l->keep[n++] = own[i];
    for (size_t i = 0; i < plan->step_count; i++)
        if (l->fds[i] >= 0 && plan->steps[i].kind != MB_STEP_JOIN && plan->steps[i].kind != MB_STEP_STREAM)
            l->keep[n++] = l->fds[i];
    qsort(l->keep, n, sizeof(int), compare_ints);
    b->keep = l->keep;
    b->keep_count = n;
    return 0;
}

/* Makes init's arguments: its name, the number of the shared memory's descriptor, and the command's words. */
static int make_arguments(struct launch *l) {
    enum { OWN = 3, NUMBER_SIZE = 12 };
    char *const *command = l->plan->box->command;
    size_t count = 0;
    while (command[count])
        count++;
    l->argv = malloc((OWN + count + 1) * sizeof(*l->argv) + NUMBER_SIZE);
    if (!l->argv)
        return mb_error_memory(l->err);
    char *number = (char *)(l->argv + OWN + count + 1);
    snprintf(number, NUMBER_SIZE, "%d", l->builder.shared_fd);
    l->argv[0] = "minibox-init";
    l->argv[1] = number;
    l->argv[2] = "--";
    memcpy(l->argv + OWN, command, (count + 1) * sizeof(*l->argv));
    l->builder.argv = (char *const *)(uintptr_t)l->argv;
    return 0;
}

static int clone_builder(struct launch *l) {
    const struct mb_plan *plan = l->plan;
    l->builder.joins = mb_plan_find(plan, MB_STEP_JOIN) != NULL;
    uint64_t flags = mb_plan_find(plan, MB_STEP_CLONE)->flags | SIGCHLD;
    if (plan->memory == MB_MEMORY_COPY)
        flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
    if (l->builder.joins)
        flags = SIGCHLD;
    /* From here on a handler that ran in the builder would run in this process's memory. Until here there is no other
     * process, so a signal may end this one even while it hangs on a dead network file system. */
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    if (mb_clone(mb_builder_run, &l->builder, flags, 0, &l->child, l->err)) {
        int number = l->err->number;
        return fail_kind(l, MB_STEP_CLONE, number ? number : EINVAL);
    }
    /* The builder reads l->builder, so that must not change any more. */
    mb_fd_close(&l->channel_send);
    mb_fd_close(&l->notify_send);
    return 0;
}

/* ---- beside the builder --------------------------------------------------------------------------------------- */

/* Only CAP_SYS_RESOURCE on the host may raise a hard limit. The launcher may have it, the box's root has not. The
 * command's process sets the exact values. */
static int raise_limits(struct launch *l) {
    for (size_t i = 0; i < l->plan->step_count; i++) {
        const struct mb_step *step = &l->plan->steps[i];
        struct rlimit limit;
        if (step->kind != MB_STEP_RAISE_LIMIT)
            continue;
        if (prlimit(l->child.pid, (__rlimit_resource_t)step->limit->resource, NULL, &limit) < 0)
            return fail_step(l, step, errno);
        limit.rlim_max = step->limit->hard;
        if (prlimit(l->child.pid, (__rlimit_resource_t)step->limit->resource, &limit, NULL) < 0)
            return fail_step(l, step, errno);
    }
    return 0;
}

static int write_id_maps(struct launch *l) {
    return mb_maps_write(l->plan, &l->range, l->shared, l->fds, l->child.pid, &l->wait);
}

/* Lets the builder go on to the mounts. */
static int open_gate(struct launch *l) {
    const struct mb_step *step = mb_plan_find(l->plan, MB_STEP_GATE);
    if (!step) /* with vfork the builder has executed init by now */
        return 0;
    atomic_store(&l->shared->gate, MB_SHARED_GO);
    if (syscall(SYS_futex, &l->shared->gate, FUTEX_WAKE, 1, NULL, NULL, 0) < 0)
        return fail_step(l, step, errno);
    return 0;
}

/* ---- the end of the set-up ------------------------------------------------------------------------------------ */

/* Waits for a child that has ended. If the caller ignores SIGCHLD it is gone already. */
static void reap(int pidfd) {
    siginfo_t info;
    while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
}

/* Ends a builder for which no pidfd could be opened. The pid is the builder's only while it is an unreaped child: if
 * the caller ignores SIGCHLD, the builder may be gone, and the pid another process's. */
static void reap_without_pidfd(struct launch *l) {
    siginfo_t info;
    bool is_child = waitid(P_PID, (id_t)l->child.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (is_child) {
        kill(l->child.pid, SIGKILL);
        while (waitpid(l->child.pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    l->child.pid = 0;
}

/* Kills the box, as far as there is one. False: its death could not be seen, so memory that a builder may still use
 * must not be freed. */
static bool kill_box(struct launch *l) {
    if (l->child.pid <= 0)
        return true;
    /* A joiner gets a moment to write down the builder's pid, or that there is no builder. */
    struct pollfd death = {l->child.pidfd, POLLIN, 0};
    bool is_joiner = l->builder.joins && l->child.pid != l->shared->builder_pid;
    if (is_joiner)
        poll(&death, 1, 1000);
    /* An outer filter may refuse the signal; then the box stops by itself when it next looks at a futex. ESRCH: it is
     * gone, and its pid may be another's. With any other error it is there, and so is its pid. */
    if (syscall(SYS_pidfd_send_signal, l->child.pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        kill(l->child.pid, SIGKILL);
    atomic_store(&l->shared->gate, MB_SHARED_STOP);
    atomic_store(&l->shared->launcher_verified, MB_SHARED_STOP);
    syscall(SYS_futex, &l->shared->gate, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    syscall(SYS_futex, &l->shared->launcher_verified, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    for (int tries = 0; tries < 20 && death.revents == 0; tries++)
        poll(&death, 1, 100);
    if (death.revents)
        reap(l->child.pidfd);
    if (!is_joiner || !death.revents || !l->shared->builder_pid)
        return death.revents != 0;
    mb_fd_close(&l->child.pidfd);
    l->child.pid = l->shared->builder_pid;
    l->child.pidfd = (int)syscall(SYS_pidfd_open, l->child.pid, 0);
    if (l->child.pidfd >= 0)
        return kill_box(l);
    reap_without_pidfd(l);
    return true; /* a builder that a joiner made has memory of its own */
}

/* The joiner has made the builder and is gone; from here on the builder is the child. */
static int adopt_builder(struct launch *l) {
    const struct mb_step *step = mb_plan_find(l->plan, MB_STEP_CLONE);
    if (!l->builder.joins)
        return 0;
    if (mb_wait_fd(&l->wait, l->child.pidfd))
        return -1;
    reap(l->child.pidfd);
    mb_fd_close(&l->child.pidfd);
    l->child.pid = l->shared->builder_pid;
    if (!l->child.pid)
        return l->shared->failed_step ? mb_report_shared(l->plan, l->shared, l->err) : fail_step(l, step, ECHILD);
    l->child.pidfd = (int)syscall(SYS_pidfd_open, l->child.pid, 0);
    if (l->child.pidfd >= 0)
        return 0;
    int number = errno;
    reap_without_pidfd(l);
    return l->shared->failed_step ? mb_report_shared(l->plan, l->shared, l->err) : fail_step(l, step, number);
}

/* Receives a descriptor that the box made: by the channel its terminal and, last, the sync pipe; by the other socket
 * the filter's listener. */
static int receive_descriptor(struct launch *l, int *socket) {
    char which = 0;
    struct iovec data = {&which, 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    if (recvmsg(*socket, &message, MSG_CMSG_CLOEXEC) < 0)
        return fail_kind(l, MB_STEP_CLONE, errno);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
        return fail_kind(l, which == MB_SHARED_TERMINAL ? MB_STEP_TERMINAL : MB_STEP_INIT, EPROTO);
    if ((which == MB_SHARED_LISTENER) != (socket == &l->notify_receive))
        return fail_kind(l, MB_STEP_INIT, EPROTO);
    int *place = which == MB_SHARED_TERMINAL ? &l->box->terminal_fd
                 : which == MB_SHARED_SYNC   ? &l->sync_read
                                             : &l->box->notify.fd;
    memcpy(place, CMSG_DATA(header), sizeof(int));
    if (which != MB_SHARED_TERMINAL)
        mb_fd_close(socket);
    return 0;
}

/* Polls until the command has been executed, or the launch has ended otherwise. */
static int wait_for_execve(struct launch *l) {
    enum { SYNC, DEATH, CHANNEL, LISTENER, NOTIFY, FDS };
    struct mb_notify *notify = &l->box->notify;
    for (;;) {
        struct pollfd fds[FDS + 1] = {[SYNC] = {l->sync_read, POLLIN, 0},
                                      [DEATH] = {l->child.pidfd, POLLIN, 0},
                                      [CHANNEL] = {l->channel_receive, POLLIN, 0},
                                      [LISTENER] = {l->notify_receive, POLLIN, 0},
                                      [NOTIFY] = {notify->fd, POLLIN, 0}};
        if (mb_wait_any(&l->wait, fds, FDS))
            return -1;
        if (fds[CHANNEL].revents & POLLIN && receive_descriptor(l, &l->channel_receive))
            return -1;
        if (fds[LISTENER].revents & POLLIN && receive_descriptor(l, &l->notify_receive))
            return -1;
        if (fds[NOTIFY].revents & POLLIN && mb_notify_serve(notify))
            return fail_kind(l, MB_STEP_FILTER, errno);
        if (fds[SYNC].revents & POLLIN) {
            char byte;
            ssize_t n = read(l->sync_read, &byte, 1);
            if (n < 0 && errno != EINTR)
                return fail_kind(l, MB_STEP_VERIFY, errno);
            if (n == 1 && mb_outside_verify(l->plan, &l->range, l->shared, l->child.pid, l->err))
                return -1;
            continue;
        }
        if (fds[SYNC].revents || fds[DEATH].revents)
            break;
    }
    if (l->shared->failed_step)
        return mb_report_shared(l->plan, l->shared, l->err);
    /* The command may have been executed before the sender has sent the listener; or it has ended, and the box with it.
     */
    struct pollfd late[3] = {{l->notify_receive, POLLIN, 0}, {l->child.pidfd, POLLIN, 0}};
    if (l->shared->executing && l->notify_receive >= 0 &&
        (mb_wait_any(&l->wait, late, 2) || (late[0].revents && receive_descriptor(l, &l->notify_receive))))
        return -1;
    if (l->shared->executing)
        return 0;
    return mb_wait_interrupted(&l->wait, "the box died before the command was executed", MINIBOX_EXIT_FAILED);
}

/*
 * setresuid(2) in shared memory makes this process undumpable too. Several threads may launch at once: the first saves
 * the flag, the last restores it. This is the only variable of the library.
 */
static struct {
    pthread_mutex_t lock;
    unsigned launches;
    int before;
} dumpable = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void save_dumpable(void) {
    pthread_mutex_lock(&dumpable.lock);
    if (dumpable.launches++ == 0)
        dumpable.before = prctl(PR_GET_DUMPABLE);
    pthread_mutex_unlock(&dumpable.lock);
}

static void restore_dumpable(void) {
    pthread_mutex_lock(&dumpable.lock);
    if (--dumpable.launches == 0 && dumpable.before == 1 && prctl(PR_GET_DUMPABLE) != 1)
        prctl(PR_SET_DUMPABLE, 1);
    pthread_mutex_unlock(&dumpable.lock);
}

/* The stages of a launch, in order. Each returns 0, or -1 with *l->err filled in. */
static int (*const stages[])(struct launch *) = {
    reserve_range,  open_streams,  open_sources,  make_shared,  make_init,     make_channels, list_kept,
    make_arguments, clone_builder, adopt_builder, raise_limits, write_id_maps, open_gate,     wait_for_execve,
};

static void free_launch(struct launch *l) {
    for (size_t i = 0; l->fds && i < l->plan->step_count; i++)
        mb_fd_close(&l->fds[i]);
    mb_launch_close_streams(l->streams);
    mb_fd_close(&l->builder.shared_fd);
    mb_fd_close(&l->builder.init_fd);
    mb_fd_close(&l->builder.launcher_fd);
    mb_fd_close(&l->channel_send);
    mb_fd_close(&l->channel_receive);
    mb_fd_close(&l->notify_send);
    mb_fd_close(&l->notify_receive);
    mb_fd_close(&l->sync_read);
    mb_fd_close(&l->child.pidfd);
    if (l->child.stack)
        munmap(l->child.stack, l->child.stack_size);
    free(l->fds);
    free(l->argv);
    free(l->keep);
    free(l);
}

/* A launch that has not begun; NULL after an error. */
static struct launch *new_launch(const struct mb_plan *plan, const struct mb_launch_options *options,
                                 struct minibox_error *err) {
    struct launch *l = malloc(sizeof(*l));
    struct minibox_box *box = malloc(sizeof(*box));
    int *fds = malloc(plan->step_count * sizeof(*fds));
    if (!l || !box || !fds) {
        free(l);
        free(box);
        free(fds);
        mb_error_memory(err);
        return NULL;
    }
    const uint64_t limit = plan->box->timeout;
    *box = (struct minibox_box){
        .pidfd = -1, .lock_fd = -1, .terminal_fd = -1, .notify = {.fd = -1, .filter = plan->box->filter}};
    *l = (struct launch){
        .plan = plan,
        .options = options,
        .err = err,
        .box = box,
        .fds = fds,
        .builder = {.plan = plan,
                    .fds = fds,
                    .shared_fd = -1,
                    .init_fd = -1,
                    .launcher_fd = -1,
                    .channel_fd = -1,
                    .lock_fd = -1,
                    .notify_fd = -1},
        .child = {.pidfd = -1},
        .streams = {-1, -1, -1},
        .channel_receive = -1,
        .channel_send = -1,
        .sync_read = -1,
        .notify_receive = -1,
        .notify_send = -1,
        .wait = {plan, err, options->cancel_fd, limit ? options->started + limit : 0},
    };
    memset(fds, -1, plan->step_count * sizeof(*fds));
    memset(l->builder.slots, -1, sizeof(l->builder.slots));
    return l;
}

enum mb_launch_outcome mb_launch_start(const struct mb_plan *plan, const struct mb_launch_options *options,
                                       struct minibox_box **ret_box, struct minibox_error *err) {
    sigset_t before;
    struct launch *l = new_launch(plan, options, err);
    if (!l)
        return MB_LAUNCH_FAILED;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    save_dumpable();
    int result = 0;
    for (size_t i = 0; result == 0 && i < MB_COUNT(stages); i++)
        result = stages[i](l);
    bool is_dead = result == 0 || kill_box(l);
    restore_dumpable();
    if (result == 0) {
        *ret_box = l->box;
        l->box->pid = l->child.pid;
        l->box->pidfd = mb_fd_steal(&l->child.pidfd);
        free_launch(l);
        return MB_LAUNCHED;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!is_dead) /* the builder may still use its stack, *l and the box: they are not freed */
        return MB_LAUNCH_LOST;
    minibox_box_free(l->box);
    free_launch(l);
    return MB_LAUNCH_FAILED;
}
