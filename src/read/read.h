/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the files of options that minibox_spec_parse_file() reads. */
#ifndef MB_READ_READ_H
#define MB_READ_READ_H

#include <stdio.h>

#include "spec/options.h"

/* Writes the options of a spec, each with its origin in a comment. Relative paths become absolute, below `cwd`. */
void mb_file_print(const struct minibox_spec *spec, const char *cwd, FILE *out);

#endif
