/* SPDX-License-Identifier: Apache-2.0 */
/* --report: a record of the run, as JSON. */
#ifndef MB_RUN_RECORD_H
#define MB_RUN_RECORD_H

#include <sys/resource.h>

#include "launch/notify.h"
#include "run/outfile.h"
#include "spec/spec.h"

struct mb_record {
    struct mb_outfile file;
    uint64_t oom_kills; /* the kernel's count, before the launch */
    bool has_ended;     /* false: the command has not ended, and the rest is not known */
    int status;         /* wait status of the command */
    double wall;        /* seconds */
    struct rusage usage;
    uint64_t peak; /* bytes of the largest process; 0: not known */
    bool timed_out, output_limit_reached;
    uint32_t refused[MB_NOTIFY_CALLS]; /* how often the filter refused each call */
};

/* Opens the record's file, if one was asked for: mb_outfile_open(). It is called before the launch, so that no command
 * is run that cannot be recorded. */
int mb_record_open(struct mb_record *record, const struct minibox_spec *spec, enum mb_purpose purpose,
                   struct minibox_error *err);

/* Writes the record, if its file is open; `failure` (or NULL) is why minibox failed. */
int mb_record_write(struct mb_record *record, const struct minibox_spec *spec, int exit_status,
                    const struct minibox_error *failure, struct minibox_error *err);

#endif
