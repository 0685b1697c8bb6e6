/* SPDX-License-Identifier: Apache-2.0 */
/* --report: a record of the run, as JSON. */
#ifndef MB_RUN_RECORD_H
#define MB_RUN_RECORD_H

#include <sys/resource.h>

#include "launch/notify.h"
#include "spec/spec.h"

struct mb_record {
    int fd; /* of the file; -1: none was asked for */
    const char *path;
    uint64_t oom_kills; /* the kernel's count, before */
    bool has_ended;     /* else minibox failed: what follows is not known */
    int status;         /* wait status of the command */
    double wall;        /* seconds */
    struct rusage usage;
    uint64_t peak; /* bytes of the largest process; 0: not known */
    bool timed_out, output_limit_reached;
    uint32_t refused[MB_NOTIFY_CALLS]; /* how often the filter refused each call */
};

/* Opens the file, emptied. Before the launch, so that what cannot be recorded is not run. */
int mb_record_open(struct mb_record *record, const struct minibox_spec *spec, struct minibox_error *err);

/* Writes and closes it; `failure` (or NULL) is why minibox failed. */
int mb_record_write(struct mb_record *record, const struct minibox_spec *spec, int exit_status,
                    const struct minibox_error *failure, struct minibox_error *err);

#endif
