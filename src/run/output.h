/* SPDX-License-Identifier: Apache-2.0 */
/* Passes on what a box writes to standard output and error, up to a limit. */
#ifndef MB_RUN_OUTPUT_H
#define MB_RUN_OUTPUT_H

#include "launch/launch.h"

struct mb_output {
    int from[2], to[2]; /* of output and error: a pipe's end, and where it goes; from -1: none, or at its end */
    uint64_t left;      /* bytes that may still come */
    bool is_reached;    /* the box wrote more than the limit */
    char buffer[4096];  /* bytes on their way to to[which]; at most PIPE_BUF */
    size_t length, sent;
    int which;
    int lost; /* errno: some bytes could not be passed on; 0: all were, or their reader is gone */
};

enum { MB_OUTPUT_FDS = 3 };

/*
 * If the box has a limit, puts pipes between the box and the targets of its output. ret_streams gets the descriptors
 * that mb_launch_start() passes on (-1: the plan's file); the caller closes them. 0, or -1 with *err.
 */
int mb_output_open(struct mb_output *output, const struct mb_plan *plan, enum mb_purpose purpose, int ret_streams[3],
                   struct minibox_error *err);

/* Fills in MB_OUTPUT_FDS entries for poll(2); passes on bytes as its answer permits. */
void mb_output_prepare(const struct mb_output *output, struct pollfd *fds);
void mb_output_forward(struct mb_output *output, const struct pollfd *fds);

/* Whether more may come from the box, or some is still to be written. */
bool mb_output_has_more(const struct mb_output *output);

void mb_output_close(struct mb_output *output);

#endif
