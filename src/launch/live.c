/* SPDX-License-Identifier: Apache-2.0 */
/* A box that runs: waiting for it, signals to it, its end. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "launch/clone.h"
#include "launch/launch.h"

int minibox_wait(struct minibox_box *box, int *ret_status, struct minibox_error *err) {
    siginfo_t info = {0};
    while (!box->ended) {
        /* The system call has one argument more than the C library's function: the resources that were used. */
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
        /* init wrote down how the command ended. If there is no init, or it was killed, process 1's own end counts. */
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
