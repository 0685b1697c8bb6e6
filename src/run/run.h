/* SPDX-License-Identifier: Apache-2.0 */
/* Launches from end to end, for the command line tool. */
#ifndef MB_RUN_RUN_H
#define MB_RUN_RUN_H

#include "spec/spec.h"

/* Launches, forwards signals and the terminal, waits, cleans up. 0, with the exit status; or -1 with *err. */
int mb_run(const struct minibox_spec *spec, int *ret_status, struct minibox_error *err);

/* Does all of a launch but the execve, and ends the box. 0: it would work; or -1 with *err. */
int mb_run_trial(const struct minibox_spec *spec, struct minibox_error *err);

/* Writes to the file of --report, if that option was read, why a command line was refused. */
void mb_run_refuse(const struct minibox_spec *spec, const struct minibox_error *err);

#endif
