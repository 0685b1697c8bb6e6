/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as the words behind `minibox run`: the words stay as they are, getopt's state too; a spec that comes of them
 * can be checked, and written as a file that says the same. */
#include <getopt.h>

#include "fuzz.h"

enum { MAX_WORDS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct minibox_error err = {0};
    struct minibox_spec *spec;
    char *text = text_of(data, size), *words[MAX_WORDS + 1], *kept[MAX_WORDS + 1], *rest = text;
    int count = 0;
    for (char *word; count < MAX_WORDS && (word = strsep(&rest, "\n"));)
        words[count++] = word;
    words[count] = NULL;
    char *before = text_of((const uint8_t *)text, size);
    memcpy(kept, words, sizeof(words[0]) * ((size_t)count + 1));
    optind = 7;
    optarg = text;

    expect(minibox_spec_new(&spec, &err) == 0, "a spec");
    int result = minibox_spec_parse_argv(spec, count, words, &err);
    expect(memcmp(kept, words, sizeof(words[0]) * ((size_t)count + 1)) == 0 && memcmp(before, text, size + 1) == 0,
           "the words are as they were");
    expect(optind == 7 && optarg == text, "getopt is as it was");
    if (result == 0) {
        expect_round_trip(spec);
        if (mb_spec_check(spec, &err))
            expect_error(&err);
        else
            expect(spec->command && spec->command[0], "a command");
    } else {
        expect_error(&err);
    }
    minibox_spec_free(spec);
    free(before);
    free(text);
    return 0;
}
