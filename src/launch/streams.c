/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors that a box gets: the files that it names for its standard ones, and those that are passed on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/launch.h"
#include "launch/report.h"

int mb_launch_check_descriptors(uint32_t preserve_fds, struct minibox_error *err) {
    for (int fd = 0; fd < 3 + (int)preserve_fds; fd++) {
        char number[16];
        struct stat st;
        snprintf(number, sizeof(number), "%d", fd);
        if (fstat(fd, &st) < 0)
            return mb_error_host(err, NULL, MB_REMEDY_FD_CLOSED, errno,
                                 "the box would get a descriptor that is not open:", number);
        if (S_ISDIR(st.st_mode))
            return mb_error_host(err, NULL, MB_REMEDY_DIRECTORY_DESCRIPTOR, EISDIR,
                                 "refusing to give the box descriptor", number);
    }
    return 0;
}

void mb_launch_close_streams(int streams[3]) {
    for (int i = 0; i < 3; i++)
        mb_fd_close(&streams[i]);
}

/* Opens the file of a step. A trial changes no file, and only sees whether it could be written. */
static int open_stream(const struct mb_plan *plan, const struct mb_step *step, enum mb_purpose purpose,
                       const int streams[3]) {
    bool is_output = step->stream > 0, is_tried = is_output && purpose == MB_TO_TRY;
    for (int i = 1; is_output && i < step->stream; i++)
        if (streams[i] >= 0 && strcmp(plan->box->streams[i], step->source) == 0)
            return mb_fd_duplicate(streams[i]);
    if (is_tried && mb_fd_may_write(step->source) < 0)
        return -1;
    int flags = is_output ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY;
    mb_autofd fd = open(is_tried ? "/dev/null" : step->source, flags | O_NOCTTY | O_CLOEXEC, 0666);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return mb_fd_steal(&fd);
    errno = EISDIR;
    return -1;
}

int mb_launch_open_streams(const struct mb_plan *plan, enum mb_purpose purpose, int ret_streams[3],
                           struct minibox_error *err) {
    ret_streams[0] = ret_streams[1] = ret_streams[2] = -1;
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct mb_step *step = &plan->steps[i];
        if (step->kind != MB_STEP_STREAM || !step->source)
            continue;
        ret_streams[step->stream] = open_stream(plan, step, purpose, ret_streams);
        if (ret_streams[step->stream] >= 0)
            continue;
        int number = errno;
        mb_launch_close_streams(ret_streams);
        return mb_report_step(plan, step, number, err);
    }
    return 0;
}
