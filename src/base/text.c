/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* Returns the length of the UTF-8 character at `text` in bytes; 0 if there is none. */
static size_t decode(const char *text, uint32_t *ret_point) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* a smaller one is written with too many bytes */
    const unsigned char *c = (const unsigned char *)text;
    *ret_point = c[0];
    if (c[0] < 0x80)
        return c[0] != '\0';
    size_t length = c[0] >= 0xc0 && c[0] < 0xe0   ? 2
                    : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
                    : c[0] >= 0xf0 && c[0] < 0xf8 ? 4
                                                  : 0;
    uint32_t point = length ? c[0] & (0x7fu >> length) : 0;
    for (size_t i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (c[i] & 0x3f);
    }
    *ret_point = point;
    return point < least[length] || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff ? 0 : length;
}

size_t mb_text_utf8_length(const char *text) {
    uint32_t point;
    return decode(text, &point);
}

size_t mb_text_printable(const char *text) {
    uint32_t point;
    size_t length = decode(text, &point);
    bool is_control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    bool is_direction = (point >= 0x200e && point <= 0x200f) || (point >= 0x202a && point <= 0x202e) ||
                        (point >= 0x2066 && point <= 0x2069);
    return is_control || is_direction ? 0 : length;
}

/* The edit distance of two words, in which a swap of neighbours counts as one; `limit` + 1 if a word is too long. */
static size_t edit_distance(const char *a, const char *b, size_t limit) {
    enum { MAX_WORD = 32 };
    size_t la = strlen(a), lb = strlen(b);
    if (la >= MAX_WORD || lb >= MAX_WORD)
        return limit + 1;
    size_t d[MAX_WORD][MAX_WORD] = {{0}};
    for (size_t i = 0; i <= la; i++) {
        for (size_t j = 0; j <= lb; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[la][lb];
}

const char *mb_text_suggest(const char *word, const char *const *names, size_t count) {
    const char *nearest = NULL;
    size_t length = strlen(word), best = length < 4 ? 2 : 3; /* must be below this */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, names[i], best);
        if (length >= 3 && strncmp(word, names[i], length) == 0)
            distance = 0;
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

bool mb_text_has_word(const char *list, const char *word) {
    size_t length = strlen(word);
    for (size_t part; *list; list += part + (list[part] == ' ')) {
        part = strcspn(list, " ");
        if (part == length && memcmp(list, word, length) == 0)
            return true;
    }
    return false;
}

int mb_text_print_words(FILE *out, const char *text, int indent, int column) {
    while (*(text += strspn(text, " "))) {
        int length = (int)strcspn(text, " ");
        if (column + 1 + length > MB_TEXT_COLUMNS && column > indent) {
            fputc('\n', out);
            column = 0;
        }
        int blanks = column < indent ? indent - column : column > indent;
        fprintf(out, "%*s%.*s", blanks, "", length, text);
        column += blanks + length;
        text += length;
    }
    return column;
}

void mb_text_print_wrapped(FILE *out, const char *text, int indent, int column) {
    mb_text_print_words(out, text, indent, column);
    fputc('\n', out);
}
