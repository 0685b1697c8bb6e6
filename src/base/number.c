/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"

int mb_number_parse(const char *text, int base, uint64_t max, uint64_t *ret_value) {
    char *end;
    if (!isxdigit((unsigned char)text[0])) /* strtoull would take blanks and signs */
        return -1;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    if (errno || *end || value > max)
        return -1;
    *ret_value = value;
    return 0;
}

int mb_number_parse_size(const char *text, uint64_t *ret_bytes) {
    static const char units[] = "kmgt";
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return -1;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno)
        return -1;
    unsigned shift = 0;
    if (*end) {
        const char *unit = strchr(units, tolower((unsigned char)*end));
        if (!unit)
            return -1;
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
        if (*end == 'b' || *end == 'B') /* kb, as docker takes it */
            end++;
    }
    if (*end || value > (UINT64_MAX >> shift) || (value << shift) > INT64_MAX)
        return -1;
    *ret_bytes = value << shift;
    return 0;
}

int mb_number_parse_duration(const char *text, uint64_t *ret_nanoseconds) {
    static const struct {
        const char *unit;
        double nanoseconds;
    } units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"h", 3600e9}};
    /* strtod() would want a comma in some of the caller's locales. */
    double value = 0, scale = 1;
    const char *end = text, *point = NULL;
    for (; isdigit((unsigned char)*end) || (*end == '.' && !point); end++) {
        if (*end == '.') {
            point = end;
            continue;
        }
        value = value * 10 + (*end - '0');
        if (point)
            scale *= 10;
    }
    if (!isdigit((unsigned char)text[0]) || end[-1] == '.' || end - text > 18)
        return -1;
    for (size_t i = 0; i < MB_COUNT(units); i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        double nanoseconds = value * units[i].nanoseconds / scale;
        if (nanoseconds < 1e6 || nanoseconds > 1e18)
            return -1;
        *ret_nanoseconds = (uint64_t)nanoseconds;
        return 0;
    }
    return -1;
}
