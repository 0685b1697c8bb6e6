/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

static size_t decode(const char *text, uint32_t *ret_point) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* below: overlong */
    const unsigned char *c = (const unsigned char *)text;
    *ret_point = c[0];
    if (c[0] < 0x80)
        return c[0] != '\0';
    size_t length = c[0] >= 0xc0 && c[0] < 0xe0 ? 2 : c[0] >= 0xe0 && c[0] < 0xf0 ? 3 : c[0] >= 0xf0 && c[0] < 0xf8 ? 4 : 0;
    uint32_t point = length ? c[0] & (0x7fu >> length) : 0;
    for (size_t i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (c[i] & 0x3f);
    }
    *ret_point = point;
    return point < least[length] || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff ? 0 : length;
}

size_t mb_utf8_length(const char *text) {
    uint32_t point;
    return decode(text, &point);
}

size_t mb_utf8_printable(const char *text) {
    uint32_t point;
    size_t length = decode(text, &point);
    bool is_control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    bool is_direction = (point >= 0x200e && point <= 0x200f) || (point >= 0x202a && point <= 0x202e) ||
                        (point >= 0x2066 && point <= 0x2069);
    return is_control || is_direction ? 0 : length;
}
