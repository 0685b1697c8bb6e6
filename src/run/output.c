/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The box writes into two pipes; what comes out of them is counted and passed on. One buffer is enough:
 * while it is not written, nothing more is read, and the box waits as it would for whoever reads its output. Bytes
 * beyond the limit are read and dropped, so that the end can be seen.
 */
#include "run/output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/launch.h"

int mb_output_open(struct mb_output *output, struct mb_plan *plan, struct minibox_error *err) {
    *output = (struct mb_output){.from = {-1, -1}, .to = {-1, -1}, .left = plan->output_limit};
    if (!plan->output_limit)
        return 0;
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].kind == MB_STEP_STREAM && plan->steps[i].source &&
            mb_launch_open_stream(plan, &plan->steps[i], err))
            return -1;
    for (size_t i = 0; i < plan->step_count; i++) {
        struct mb_step *step = &plan->steps[i];
        int ends[2], n = step->stream - 1;
        if (step->kind != MB_STEP_STREAM || !step->stream)
            continue;
        output->to[n] = step->source ? step->fd : fcntl(step->stream, F_DUPFD_CLOEXEC, 3);
        step->fd = -1;
        if (output->to[n] < 0 || pipe2(ends, O_CLOEXEC) < 0)
            return mb_error_host(err, step->origin, MB_REMEDY_NONE, errno, "cannot open", "a pipe");
        output->from[n] = ends[0];
        step->fd = ends[1];
    }
    return 0;
}

void mb_output_prepare(const struct mb_output *output, struct pollfd *fds) {
    for (int i = 0; i < 2; i++)
        fds[i] = (struct pollfd){output->length ? -1 : output->from[i], POLLIN, 0};
    fds[2] = (struct pollfd){output->length ? output->to[output->which] : -1, POLLOUT, 0};
}

static void read_some(struct mb_output *output, int which) {
    ssize_t n = read(output->from[which], output->buffer, sizeof(output->buffer));
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        if (n < 0)
            output->lost = errno;
        mb_fd_close(&output->from[which]);
        return;
    }
    output->is_reached |= (uint64_t)n > output->left;
    output->length = (uint64_t)n > output->left ? (size_t)output->left : (size_t)n;
    output->left -= output->length;
    output->which = which;
}

void mb_output_forward(struct mb_output *output, const struct pollfd *fds) {
    if (fds[2].revents) {
        ssize_t n = write(output->to[output->which], output->buffer + output->sent, output->length - output->sent);
        if (n < 0 && errno != EAGAIN &&
            errno != EINTR) { /* the box sees what it would have seen without a pipe between */
            int number = errno;
            output->lost = mb_fd_reader_is_gone(output->to[output->which], number) ? output->lost : number;
            output->sent = output->length;
            mb_fd_close(&output->from[output->which]);
        } else if (n > 0) {
            output->sent += (size_t)n;
        }
        if (output->sent == output->length)
            output->length = output->sent = 0;
    }
    for (int i = 0; i < 2; i++)
        if (fds[i].revents && !output->length)
            read_some(output, i);
}

bool mb_output_has_more(const struct mb_output *output) {
    return output->length || output->from[0] >= 0 || output->from[1] >= 0;
}

void mb_output_close(struct mb_output *output) {
    for (int i = 0; i < 2; i++) {
        mb_fd_close(&output->from[i]);
        mb_fd_close(&output->to[i]);
    }
}
