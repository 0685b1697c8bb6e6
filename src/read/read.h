/* SPDX-License-Identifier: Apache-2.0 */
/* Files of options: what minibox_spec_parse_file() reads can be written as well. */
#ifndef MB_READ_READ_H
#define MB_READ_READ_H

#include <stdio.h>

#include "spec/options.h"

/* The options of a spec as minibox_spec_parse_file() reads them, each with where it came from as a comment; relative
 * paths as seen from `cwd`. */
void mb_file_print(const struct minibox_spec *spec, const char *cwd, FILE *out);

#endif
