/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#include <string.h>

/* Edit distance of two words, at most `limit` + 1 (optimal string alignment: a swap of neighbours counts as one). */
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

const char *mb_suggest(const char *word, const char *const *names, size_t count) {
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
