/* SPDX-License-Identifier: Apache-2.0 */
/* Front ends write the spec: argv here. And what is printed out of the options table. */
#ifndef MB_FRONT_FRONT_H
#define MB_FRONT_FRONT_H

#include <stdio.h>

#include "spec/options.h"

/* `minibox run --help`: the options by groups, at most 80 columns wide. */
void mb_help_print_run(FILE *out);

#endif
