/* SPDX-License-Identifier: Apache-2.0 */
/* Measures how long it takes to make a child, by its flags and by the size of its parent. */
#ifndef MB_PROVE_COST_H
#define MB_PROVE_COST_H

#include <stdio.h>

#include "base/json.h"

enum { MB_COST_ROWS = 6, MB_COST_SIZES = 2 };

struct mb_costs {
    double microseconds[MB_COST_ROWS][MB_COST_SIZES]; /* median; 0: such a child could not be made */
};

/* Fills in *costs, which must be zero, in memory that is shared with children. */
void mb_cost_measure(struct mb_costs *costs);

void mb_cost_print(FILE *out, const struct mb_costs *costs);

/* Adds an object for each row to the array that was begun in the writer. */
void mb_cost_add(const struct mb_costs *costs, struct mb_json_writer *writer);

#endif
