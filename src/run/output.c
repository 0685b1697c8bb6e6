/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The box writes into two pipes; the bytes from them are counted and passed on. One buffer is enough:
 * until it is written nothing more is read, and the box waits as it would for the reader of its output. Bytes beyond
 * the limit are read and dropped, so that the end of the pipes is seen.
 */
#include "run/output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/launch.h"

int mb_output_open(struct mb_output *output, const struct mb_plan *plan, enum mb_purpose purpose, int ret_streams[3],
                   struct minibox_error *err) {
    *output = (struct mb_output){.from = {-1, -1}, .to = {-1, -1}, .left = plan->box->output_limit};
    ret_streams[0] = ret_streams[1] = ret_streams[2] = -1;
    if (!plan->box->output_limit)
        return 0;
    if (mb_launch_open_streams(plan, purpose, ret_streams, err))
        return -1;
    for (int n = 0; n < 2; n++) {
        int ends[2], stream = n + 1;
        output->to[n] = ret_streams[stream] >= 0 ? ret_streams[stream] : mb_fd_duplicate(stream);
        ret_streams[stream] = -1;
        if (output->to[n] < 0 || pipe2(ends, O_CLOEXEC) < 0)
            return mb_error_host(err, mb_box_origin(plan->box, MB_OPTION_OUTPUT_LIMIT), MB_REMEDY_NONE, errno,
                                 "cannot open", "a pipe");
        output->from[n] = ends[0];
        ret_streams[stream] = ends[1];
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
    int to = output->to[output->which];
    int number = fds[2].revents ? mb_fd_write_some(to, output->buffer, &output->length, &output->sent) : 0;
    if (number && !mb_fd_reader_is_gone(to, number))
        output->lost = number;
    if (number) /* the box's next write fails too, as it would without a pipe in between */
        mb_fd_close(&output->from[output->which]);
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
