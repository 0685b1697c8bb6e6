/* SPDX-License-Identifier: Apache-2.0 */
/* --report: a record of the run, as JSON. */
#ifndef MB_RUN_RECORD_H
#define MB_RUN_RECORD_H

#include <sys/resource.h>

#include "launch/notify.h"
#include "run/outfile.h"
#include "spec/spec.h"

struct mb_record {
    bool is_open; /* else none was asked for */
    struct mb_outfile file;
    uint64_t oom_kills; /* the kernel's count, before */
    bool has_ended;     /* else minibox failed: what follows is not known */
    int status;         /* wait status of the command */
    double wall;        /* seconds */
    struct rusage usage;
    uint64_t peak; /* bytes of the largest process; 0: not known */
    bool timed_out, output_limit_reached;
    uint32_t refused[MB_NOTIFY_CALLS]; /* how often the filter refused each call */
};

/* Sees whether the file can be written, and changes nothing. Before the launch, so that what cannot be recorded is not
 * run. */
int mb_record_open(struct mb_record *record, const struct minibox_spec *spec, struct minibox_error *err);

/* The same for a launch that is only tried: nothing is opened. */
int mb_record_check(const struct minibox_spec *spec, struct minibox_error *err);

/* Writes it; `failure` (or NULL) is why minibox failed. */
int mb_record_write(struct mb_record *record, const struct minibox_spec *spec, int exit_status,
                    const struct minibox_error *failure, struct minibox_error *err);

void mb_record_close(struct mb_record *record);

#endif
