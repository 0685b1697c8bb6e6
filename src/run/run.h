/* SPDX-License-Identifier: Apache-2.0 */
/* A launch from end to end, as the command line tool does it. */
#ifndef MB_RUN_RUN_H
#define MB_RUN_RUN_H

#include "spec/spec.h"

/* Launches, forwards signals and the terminal, waits, cleans up. *ret_status is what to exit with. */
int mb_run(const struct minibox_spec *spec, int *ret_status, struct minibox_error *err);

/* Does all of a launch but the execve, and ends the box. 0: it would work. */
int mb_run_trial(const struct minibox_spec *spec, struct minibox_error *err);

/* Writes to the file of --report, if it is known, why a command line was refused. */
void mb_run_refuse(const struct minibox_spec *spec, const struct minibox_error *err);

#endif
