/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The launcher makes everything that crosses the border before it clones: the shared box (box.c), init's
 * program, a channel, detached trees of sources that only it can reach. Then it clones the builder, writes the id maps
 * (maps.c) while the builder works, and polls: the builder's pidfd (death), the sync pipe (its last copy closes at the
 * command's execve; the builder makes it and sends its end through the channel), the caller's cancel descriptor, and
 * the time limit. So no wait is without an end.
 *
 * What must stay true: signals are blocked from before clone until the end, since a handler that ran in the builder
 * would run in this process's memory; the builder's stack and *builder live until the builder has executed init or is
 * dead; whatever fails, the box is killed, reaped, and its descriptors are closed.
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

#include "base/fd.h"
#include "inside/builder.h"
#include "launch/clone.h"
#include "launch/maps.h"
#include "launch/outside.h"
#include "launch/report.h"
#include "plan/ids.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

extern const char mb_init_image[], mb_init_image_end[];

/* What a launch holds until it has succeeded. */
struct launch {
    struct mb_plan *plan;
    struct minibox_error *err;
    struct minibox_box *box;
    struct mb_builder builder;
    struct minibox_child child;
    struct mb_shared *shared;
    int channel_receive, channel_send; /* for descriptors that the builder makes */
    int notify_receive, notify_send;   /* for the filter's listener */
    int sync_read;                     /* -1 until the builder has sent it */
    struct mb_wait wait;
    int *keep;
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

int mb_launch_open_stream(const struct mb_plan *plan, struct mb_step *step, struct minibox_error *err) {
    for (const struct mb_step *other = plan->steps; other < step; other++)
        if (other->kind == MB_STEP_STREAM && other->stream && step->stream && other->source &&
            strcmp(other->source, step->source) == 0)
            step->fd = fcntl(other->fd, F_DUPFD_CLOEXEC, 3);
    bool looks = plan->trial && step->stream; /* a trial changes nothing */
    if (step->fd < 0 && (!looks || mb_fd_may_write(step->source) == 0))
        step->fd = open(looks ? "/dev/null" : step->source,
                        O_NOCTTY | O_CLOEXEC | (step->stream ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY), 0666);
    struct stat st;
    if (step->fd < 0 || fstat(step->fd, &st) < 0)
        return mb_report_step(plan, step, errno, err);
    return S_ISDIR(st.st_mode) ? mb_report_step(plan, step, EISDIR, err) : 0;
}

/* Sources that only the launcher can reach or may show with other owners are copied as detached mounts here. */
static int open_sources(struct launch *l) {
    for (size_t i = 0; i < l->plan->step_count; i++) {
        struct mb_step *step = &l->plan->steps[i];
        if (step->kind == MB_STEP_JOIN) {
            step->fd = open(step->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
            int kind = step->fd < 0 ? -1 : ioctl(step->fd, NS_GET_NSTYPE);
            if (kind < 0 || (uint64_t)kind != step->flags)
                return fail_step(l, step,
                                 kind >= 0 || errno == ENOTTY ? EINVAL : errno); /* not a namespace, or another kind */
        } else if (step->kind == MB_STEP_STREAM && step->fd < 0) { /* else its caller has put something between */
            if (mb_launch_open_stream(l->plan, step, l->err))
                return -1;
        } else if (step->by_parent) {
            long fd = mb_builder_open_tree(step);
            if (fd < 0)
                return fail_step(l, step, (int)-fd);
            step->fd = (int)fd;
        }
    }
    return 0;
}

static void close_sources(struct mb_plan *plan) {
    for (size_t i = 0; i < plan->step_count; i++)
        mb_fd_close(&plan->steps[i].fd);
}

/* init's program, in a file that is in no file system and that nobody can change: CVE-2019-5736. */
static int make_init(struct launch *l) {
    const struct mb_step *step = mb_plan_find(l->plan, MB_STEP_INIT);
    int fd = memfd_create("minibox-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3, every memory file is executable */
        fd = memfd_create("minibox-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    l->builder.init_fd = fd;
    /* Executable but not readable: so the kernel makes init undumpable from its first instruction, and there is no
     * moment in which a process that is in a joined namespace already could trace it: CVE-2016-9962. (Where nobody is
     * there yet, an ordinary user may need the access to see that its own box is as planned.) */
    bool unreadable = l->plan->privileged || mb_plan_find(l->plan, MB_STEP_JOIN) || !(l->plan->flags & CLONE_NEWPID);
    if (fd < 0 || mb_fd_write_all(fd, mb_init_image, (size_t)(mb_init_image_end - mb_init_image)) < 0 ||
        fchmod(fd, unreadable ? 0111 : 0555) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return fail_step(l, step, errno);
    return 0;
}

static int make_channels(struct launch *l) {
    const struct mb_step *step = mb_plan_find(l->plan, MB_STEP_CLONE);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_step(l, step, errno);
    l->channel_receive = ends[0];
    l->builder.channel_fd = l->channel_send = ends[1];
    l->builder.launcher_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (l->builder.launcher_fd < 0)
        return fail_step(l, step, errno);
    if (l->plan->notify) {
        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
            return fail_step(l, step, errno);
        l->notify_receive = ends[0];
        l->builder.notify_fd = l->notify_send = ends[1];
    }
    l->builder.shared = l->shared = l->box->shared;
    l->shared->launcher_fd = l->builder.launcher_fd;
    l->shared->notify_fd = l->builder.notify_fd;
    return 0;
}

static int compare_ints(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* The descriptors that the builder leaves open, in order. */
static int list_kept(struct launch *l) {
    const struct mb_builder *b = &l->builder;
    const int own[] = {b->shared_fd, b->init_fd, b->launcher_fd, b->channel_fd, b->lock_fd, b->notify_fd};
    size_t most = 3 + l->plan->preserve_fds + sizeof(own) / sizeof(own[0]) + l->plan->step_count, n = 0;
    l->keep = malloc(most * sizeof(int));
    if (!l->keep)
        return mb_error_memory(l->err);
    for (size_t i = 0; i < 3 + l->plan->preserve_fds; i++)
        l->keep[n++] = (int)i;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (own[i] >= 0)
            l->keep[n++] = own[i];
    for (size_t i = 0; i < l->plan->step_count; i++)
        if (l->plan->steps[i].fd >= 0 && l->plan->steps[i].kind != MB_STEP_JOIN &&
            l->plan->steps[i].kind != MB_STEP_STREAM)
            l->keep[n++] = l->plan->steps[i].fd;
    qsort(l->keep, n, sizeof(int), compare_ints);
    l->builder.keep = l->keep;
    l->builder.keep_count = n;
    return 0;
}

/* init's arguments: its name, its box, and the command's own. */
static int make_arguments(struct launch *l) {
    size_t count = 0;
    while (l->plan->command[count])
        count++;
    const char **argv = mb_arena_alloc(&l->plan->arena, (count + 4) * sizeof(*argv));
    if (!argv)
        return mb_error_memory(l->err);
    argv[0] = "minibox-init";
    argv[1] = mb_arena_printf(&l->plan->arena, "%d", l->builder.shared_fd);
    argv[2] = "--";
    memcpy(argv + 3, l->plan->command, count * sizeof(*argv));
    l->builder.argv = (char *const *)(uintptr_t)argv;
    l->builder.environment = l->plan->environment;
    return l->plan->arena.failed ? mb_error_memory(l->err) : 0;
}

/* ---- beside the builder --------------------------------------------------------------------------------------- */

/* Raising a hard limit takes CAP_SYS_RESOURCE on the host, which the box's root has not, but the launcher may have. The
 * exact values are set on the command's side. */
static int raise_limits(struct launch *l) {
    for (size_t i = 0; i < l->plan->step_count; i++) {
        const struct mb_step *step = &l->plan->steps[i];
        struct rlimit limit;
        if (step->kind != MB_STEP_RAISE_LIMIT)
            continue;
        if (prlimit(l->child.pid, (__rlimit_resource_t)step->resource, NULL, &limit) < 0)
            return fail_step(l, step, errno);
        limit.rlim_max = step->hard;
        if (prlimit(l->child.pid, (__rlimit_resource_t)step->resource, &limit, NULL) < 0)
            return fail_step(l, step, errno);
    }
    return 0;
}

/* ---- the end of the set-up ------------------------------------------------------------------------------------ */

/* A builder for which no pidfd can be had. */
static void reap_without_pidfd(struct launch *l, int number) {
    if (number != ESRCH) { /* our child, not yet waited for: the pid is its own */
        kill(l->child.pid, SIGKILL);
        while (waitpid(l->child.pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    l->child.pid = 0; /* else the caller ignores SIGCHLD, and it is gone without a trace */
}

/* Ends what there is of the box. False: its death could not be seen, so nothing that a builder in shared memory may
 * still use can be freed. */
static bool kill_box(struct launch *l) {
    if (l->child.pid <= 0)
        return true;
    /* A joiner is let go on for a moment, until it has said which process the builder is, or that there is none. */
    struct pollfd death = {l->child.pidfd, POLLIN, 0};
    bool is_joiner = l->builder.joins && l->child.pid != l->shared->builder_pid;
    if (is_joiner)
        poll(&death, 1, 1000);
    /* A kill may be refused (by an outer filter); then it stops by itself when it next looks. */
    if (syscall(SYS_pidfd_send_signal, l->child.pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        kill(l->child.pid, SIGKILL); /* it is there, so the pid is its own; gone (ESRCH), the pid may be another's */
    atomic_store(&l->shared->maps_written, MB_SHARED_STOP);
    atomic_store(&l->shared->launcher_verified, MB_SHARED_STOP);
    syscall(SYS_futex, &l->shared->maps_written, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    syscall(SYS_futex, &l->shared->launcher_verified, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    for (int tries = 0; tries < 20 && death.revents == 0; tries++)
        poll(&death, 1, 100);
    siginfo_t info;
    if (death.revents)
        while (waitid((idtype_t)P_PIDFD, (id_t)l->child.pidfd, &info, WEXITED) < 0 && errno == EINTR)
            ;
    if (!is_joiner || !death.revents || !l->shared->builder_pid)
        return death.revents != 0;
    mb_fd_close(&l->child.pidfd);
    l->child.pid = l->shared->builder_pid;
    l->child.pidfd = (int)syscall(SYS_pidfd_open, l->child.pid, 0);
    if (l->child.pidfd >= 0)
        return kill_box(l);
    reap_without_pidfd(l, errno);
    return true; /* it has memory of its own */
}

/* The joiner has made the builder and is gone; from here on the builder is the child. */
static int adopt_builder(struct launch *l) {
    siginfo_t info;
    const struct mb_step *step = mb_plan_find(l->plan, MB_STEP_CLONE);
    if (!l->builder.joins)
        return 0;
    if (mb_wait_fd(&l->wait, l->child.pidfd))
        return -1;
    while (waitid((idtype_t)P_PIDFD, (id_t)l->child.pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ; /* any other failure: the caller ignores SIGCHLD, and it is gone without a trace */
    mb_fd_close(&l->child.pidfd);
    l->child.pid = l->shared->builder_pid;
    if (!l->child.pid)
        return l->shared->failed_step ? mb_report_shared(l->plan, l->shared, l->err) : fail_step(l, step, ECHILD);
    l->child.pidfd = (int)syscall(SYS_pidfd_open, l->child.pid, 0);
    if (l->child.pidfd >= 0)
        return 0;
    int number = errno;
    reap_without_pidfd(l, number);
    return l->shared->failed_step ? mb_report_shared(l->plan, l->shared, l->err) : fail_step(l, step, number);
}

/* One descriptor that was made after clone: through the channel the box's terminal and, last, the sync pipe; or the
 * listener. */
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

/* Polls until the command has been executed, or something ended the launch. */
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
            if (n == 1 && mb_outside_verify(l->plan, l->shared, l->child.pid, l->err))
                return -1;
            continue;
        }
        if (fds[SYNC].revents || fds[DEATH].revents)
            break;
    }
    if (l->shared->failed_step)
        return mb_report_shared(l->plan, l->shared, l->err);
    /* A command that may be executed at once can be faster than who sends the listener; or have ended, and its box with
     * it. */
    struct pollfd late[3] = {{l->notify_receive, POLLIN, 0}, {l->child.pidfd, POLLIN, 0}};
    if (l->shared->executing && l->notify_receive >= 0 &&
        (mb_wait_any(&l->wait, late, 2) || (late[0].revents && receive_descriptor(l, &l->notify_receive))))
        return -1;
    if (l->shared->executing)
        return 0;
    return mb_wait_interrupted(&l->wait, "the box died before the command was executed", MINIBOX_EXIT_FAILED);
}

/*
 * setresuid in shared memory makes this process undumpable too. That is a property of the whole process, so launches of
 * several threads at once must agree on what it was before and when it may be restored: the one variable of this
 * library.
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

static int start(struct launch *l) {
    struct mb_plan *plan = l->plan;
    if ((plan->reserve_range && mb_ids_reserve(plan, &l->box->lock_fd, l->err)) || open_sources(l) ||
        mb_shared_make(plan, &l->box->shared, &l->box->shared_size, &l->builder.shared_fd, l->err) || make_init(l) ||
        make_channels(l))
        return -1;
    if (plan->init &&
        l->box->lock_fd >= 0) /* the box may outlive us, if only by moments: init holds the range of ids */
        l->shared->lock_fd = l->builder.lock_fd = l->box->lock_fd;
    if (list_kept(l) || make_arguments(l))
        return -1;
    l->builder.plan = plan;
    l->builder.joins = mb_plan_find(plan, MB_STEP_JOIN) != NULL;

    uint64_t flags = mb_plan_find(plan, MB_STEP_CLONE)->flags | SIGCHLD;
    if (plan->memory == MB_MEMORY_COPY)
        flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
    if (l->builder.joins)
        flags = SIGCHLD;
    /* From here on a handler that ran in the builder would run in this process's memory. Before, a signal that ends
     * this process ends all there is: so what hangs above, a dead network file system, can be interrupted. */
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    if (mb_clone(mb_builder_run, &l->builder, flags, 0, &l->child, l->err)) {
        int number = l->err->number;
        return fail_kind(l, MB_STEP_CLONE, number ? number : EINVAL);
    }
    /* *builder is the builder's to read: it does not change any more. */
    mb_fd_close(&l->channel_send);
    mb_fd_close(&l->notify_send);
    if (adopt_builder(l) || raise_limits(l) || mb_maps_write(plan, l->shared, l->child.pid, &l->wait) ||
        wait_for_execve(l))
        return -1;
    l->box->pid = l->child.pid;
    l->box->pidfd = mb_fd_steal(&l->child.pidfd);
    return 0;
}

/* To be called before anything is opened: what is not open now would be a descriptor of the launcher's. */
int mb_launch_check_descriptors(uint32_t preserve_fds, struct minibox_error *err) {
    for (int fd = 0; fd < 3 + (int)preserve_fds; fd++) {
        char number[16];
        struct stat st;
        snprintf(number, sizeof(number), "%d", fd);
        if (fstat(fd, &st) < 0)
            return mb_error_host(err, NULL, MB_REMEDY_FD_CLOSED, errno,
                                 "the box would get a descriptor that is not open:", number);
        if (S_ISDIR(st.st_mode))
            return mb_error_host(err, NULL, MB_REMEDY_FOLDER_DESCRIPTOR, EISDIR, "refusing to give the box descriptor",
                                 number);
    }
    return 0;
}

static void free_launch(struct launch *l) {
    close_sources(l->plan);
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
    free(l->keep);
    free(l);
}

int mb_launch_start(struct mb_plan *plan, int cancel_fd, uint64_t started, struct minibox_box **ret_box,
                    struct minibox_error *err) {
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    struct launch *l = malloc(sizeof(*l));
    struct minibox_box *box = malloc(sizeof(*box));
    if (!l || !box) {
        free(l);
        free(box);
        return mb_error_memory(err);
    }
    *box = (struct minibox_box){
        .pidfd = -1, .lock_fd = -1, .terminal_fd = -1, .notify = {.fd = -1, .filter = plan->filter}};
    *l = (struct launch){
        .plan = plan,
        .err = err,
        .box = box,
        .builder =
            {.shared_fd = -1, .init_fd = -1, .launcher_fd = -1, .channel_fd = -1, .lock_fd = -1, .notify_fd = -1},
        .child = {.pidfd = -1},
        .channel_receive = -1,
        .channel_send = -1,
        .sync_read = -1,
        .notify_receive = -1,
        .notify_send = -1,
        .wait = {plan, err, cancel_fd, plan->timeout ? started + plan->timeout : 0}};
    save_dumpable();
    int result = start(l);
    bool is_dead = result == 0 || kill_box(l);
    restore_dumpable();
    if (!is_dead) {
        /* It may still run in this memory: its stack, *l, the plan and the box are given up, not freed. */
        plan->arena = (struct mb_arena){0};
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -1;
    }
    free_launch(l);
    if (result) {
        minibox_box_free(box);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -1;
    }
    *ret_box = box;
    return 0;
}

/* ---- afterwards ----------------------------------------------------------------------------------------------- */

int minibox_wait(struct minibox_box *box, int *ret_status, struct minibox_error *err) {
    siginfo_t info = {0};
    while (!box->ended) {
        /* The system call, which has one argument more than the C library's function: what was used. */
        if (syscall(SYS_waitid, P_PIDFD, box->pidfd, &info, WEXITED, &box->usage) < 0) {
            if (errno == EINTR)
                continue;
            if (errno != ECHILD || !box->shared->has_status) {
                mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot wait for the box", NULL);
                err->phase = MINIBOX_PHASE_WAIT;
                return -1;
            }
        }
        box->ended = true;
        if (!box->shared->has_status && box->shared->failed_step && info.si_code == CLD_EXITED) {
            mb_error_host(err, NULL, MB_REMEDY_NONE, box->shared->failed_number, "the box's init could not go on",
                          NULL);
            err->phase = MINIBOX_PHASE_WAIT;
            return -1;
        }
        /* init wrote down how the command ended; without one, or if it was killed itself, its own end counts. */
        box->status = box->shared->has_status ? box->shared->status : mb_clone_status(&info);
        mb_fd_close(&box->lock_fd);
    }
    *ret_status = box->status;
    return 0;
}

static int send_signal(struct minibox_box *box, int signo, siginfo_t *info, struct minibox_error *err) {
    if (!box->ended && syscall(SYS_pidfd_send_signal, box->pidfd, signo, info, 0) < 0 && errno != ESRCH)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot send a signal to the box", NULL);
    return 0;
}

int minibox_kill(struct minibox_box *box, int signo, struct minibox_error *err) {
    return send_signal(box, signo, NULL, err);
}

int mb_launch_kill_group(struct minibox_box *box, int signo, struct minibox_error *err) {
    siginfo_t info = {.si_signo = signo, .si_code = SI_QUEUE};
    info.si_value.sival_int = MB_SHARED_TO_GROUP;
    return send_signal(box, signo, &info, err);
}

int minibox_box_pidfd(const struct minibox_box *box) {
    return box->pidfd;
}

int minibox_box_pid(const struct minibox_box *box) {
    return box->pid;
}

void minibox_box_free(struct minibox_box *box) {
    struct minibox_error err;
    int status;
    if (!box)
        return;
    if (box->pidfd >= 0 && !box->ended && minibox_kill(box, SIGKILL, &err) == 0)
        minibox_wait(box, &status, &err);
    mb_fd_close(&box->pidfd);
    mb_fd_close(&box->lock_fd);
    mb_fd_close(&box->terminal_fd);
    mb_fd_close(&box->notify.fd);
    if (box->shared)
        munmap(box->shared, box->shared_size);
    free(box);
}
