/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units, as people write them. Each returns 0, or -1 if the text is anything else or the number too large.
 */
#ifndef MB_BASE_NUMBER_H
#define MB_BASE_NUMBER_H

#include <stdint.h>

int mb_number_parse(const char *text, int base, uint64_t max, uint64_t *ret_value);
int mb_number_parse_size(const char *text, uint64_t *ret_bytes);           /* 512, 64k, 10m, 2g, 1t; powers of 1024 */
int mb_number_parse_duration(const char *text, uint64_t *ret_nanoseconds); /* 10, 1.5s, 200ms, 2m, 1h; at least 1 ms */

#endif
