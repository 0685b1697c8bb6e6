/* SPDX-License-Identifier: Apache-2.0 */
/* What ties the builder to its launcher, what goes between them, and the end: init. */
#include <fcntl.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/tty.h>
#include <poll.h>
#include <signal.h>
#include <asm/ioctls.h>

#include "inside/pieces.h"
#include "inside/send.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* The signal may have been due before it was armed: then the launcher is a zombie, and its pidfd readable. */
long mb_life_die_with_launcher(const struct mb_builder *b) {
    TRY(raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
    struct pollfd poll = {.fd = b->launcher_fd, .events = POLLIN};
    struct timespec now = {0, 0};
    long result = raw(SYS_ppoll, &poll, 1, &now, 0, 0);
    return result > 0 ? -EOWNERDEAD : result;
}

long mb_life_close_others(const struct mb_builder *b) {
    unsigned next = 0;
    for (size_t i = 0; i < b->keep_count; i++) {
        unsigned fd = (unsigned)b->keep[i];
        if (fd > next)
            TRY(raw(SYS_close_range, next, fd - 1, 0));
        next = fd + 1;
    }
    return raw(SYS_close_range, next, ~0u, 0);
}

/* The launcher opens the gate, or says that all is to end; its death ends this process. */
long mb_life_wait_at_gate(const struct mb_builder *b) {
    uint32_t word;
    while (!(word = atomic_load(&b->shared->gate))) {
        long result = raw(SYS_futex, &b->shared->gate, FUTEX_WAIT, 0, 0, 0, 0);
        if (result != -EAGAIN && result != -EINTR)
            TRY(result);
    }
    return word == MB_SHARED_GO ? 0 : -ECANCELED;
}

/* Sends the launcher a descriptor, and closes it here. */
static long hand_over(const struct mb_builder *b, enum mb_shared_descriptor which, long fd) {
    TRY(mb_send_descriptor(b->channel_fd, which, fd));
    raw(SYS_close, fd);
    return 0;
}

/* The box's terminal: the slave becomes standard input, output and error; the master goes to the launcher. */
long mb_life_open_terminal(const struct mb_builder *b, const struct mb_step *step) {
    const struct mb_box *box = b->plan->box;
    int unlock = 0;
    long master = mb_place_open(b, step, O_RDWR | O_NOCTTY);
    TRY(master);
    TRY(raw(SYS_ioctl, master, TIOCSPTLCK, &unlock));
    long slave = raw(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    TRY(slave);
    TRY(raw(SYS_ioctl, master, TIOCSWINSZ, &box->window));
    TRY(raw(SYS_fchown, slave, box->process.uid, -1));
    for (int fd = 0; fd < 3; fd++)
        TRY(raw(SYS_dup3, slave, fd, 0));
    raw(SYS_close, slave);
    return hand_over(b, MB_SHARED_TERMINAL, master);
}

/*
 * The sync pipe tells the launcher of the command's execve, by the end of its last copy. It is made here, where nobody
 * else can have one: of the launcher's own, a child that another of its threads forks meanwhile would hold a copy for
 * all its life.
 */
static long make_sync_pipe(const struct mb_builder *b) {
    int ends[2];
    TRY(raw(SYS_pipe2, ends, 0));
    b->shared->sync_fd = ends[1];
    return hand_over(b, MB_SHARED_SYNC, ends[0]);
}

static long keep_over_exec(int fd) {
    return fd < 0 ? 0 : raw(SYS_fcntl, fd, F_SETFD, 0);
}

long mb_life_execute_init(struct mb_builder *b) {
    TRY(make_sync_pipe(b));
    /* /proc, for the verifier, by a descriptor: the box's paths are not trusted to lead there. */
    b->shared->proc_fd = b->slots[MB_SLOT_PROC];
    TRY(keep_over_exec(b->shared_fd));
    TRY(keep_over_exec(b->launcher_fd));
    TRY(keep_over_exec(b->lock_fd));
    TRY(keep_over_exec(b->notify_fd));
    TRY(keep_over_exec(b->shared->proc_fd));
    for (uint32_t i = 0; i < b->plan->box->process.preserve_fds; i++)
        TRY(keep_over_exec((int)(3 + i)));
    return raw(SYS_execveat, b->init_fd, "", b->argv, b->plan->box->environment, AT_EMPTY_PATH);
}
