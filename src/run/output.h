/* SPDX-License-Identifier: Apache-2.0 */
/* What a box writes to standard output and error, passed on up to a limit. */
#ifndef MB_RUN_OUTPUT_H
#define MB_RUN_OUTPUT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "plan/plan.h"

struct mb_output {
    int from[2], to[2]; /* of output and error: a pipe's end, and where it goes; from -1: none, or at its end */
    uint64_t left;      /* bytes that may still come */
    bool is_reached;    /* there were more */
    char buffer[4096];  /* on its way to to[which]; at most PIPE_BUF */
    size_t length, sent;
    int which;
    int lost; /* errno: some could not be passed on; 0: all was, or its reader is gone */
};

enum { MB_OUTPUT_FDS = 3 };

/*
 * Puts a pipe between the box and where its output is to go. ret_streams gets what becomes its standard descriptors,
 * for mb_launch_start() (-1: as the plan says); the caller closes them. Nothing if the box has no limit. `trial`: no
 * file is changed.
 */
int mb_output_open(struct mb_output *output, const struct mb_plan *plan, bool trial, int ret_streams[3],
                   struct minibox_error *err);

/* What to poll for (MB_OUTPUT_FDS entries), and what to do with the answer. */
void mb_output_prepare(const struct mb_output *output, struct pollfd *fds);
void mb_output_forward(struct mb_output *output, const struct pollfd *fds);

/* Whether there may be more to come, or some is still to be written. */
bool mb_output_has_more(const struct mb_output *output);

void mb_output_close(struct mb_output *output);

#endif
