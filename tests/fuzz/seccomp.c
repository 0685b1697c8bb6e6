/* SPDX-License-Identifier: Apache-2.0 */
/* "SETTING TEXT": a profile, compiled for a command with every second capability (c), with --allow suid (s), both (b)
 * or neither. What is accepted is a program that the kernel could load, and can be told in words. */
#include <linux/seccomp.h>
#include <stddef.h>

#include "fuzz.h"
#include "filter/explain.h"
#include "filter/profile.h"

const char mb_seccomp_default_json[] = "{}"; /* explain.c refers to it, for what is not used here */

/* As the kernel's bpf_check_classic() and seccomp_check_filter(), for the instructions that minibox writes. */
static void expect_program(struct mb_filter filter) {
    expect(filter.count > 0 && filter.count <= BPF_MAXINSNS, "a length that the kernel takes");
    for (size_t pc = 0; pc < filter.count; pc++) {
        const struct sock_filter *i = &filter.code[pc];
        size_t left = filter.count - pc - 1; /* instructions behind it */
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            expect(i->k % 4 == 0 && i->k < sizeof(struct seccomp_data) && left, "a load of a word that is there");
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            expect(left > 0, "something follows");
            break;
        case BPF_JMP | BPF_JA:
            expect(i->k < left, "a jump in range");
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JSET | BPF_K:
            expect(i->jt < left && i->jf < left, "a branch in range");
            break;
        default:
            expect(i->code == (BPF_RET | BPF_K), "a known instruction");
        }
    }
    expect(filter.code[filter.count - 1].code == (BPF_RET | BPF_K), "a return at the end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FILE *out;
    out = out ? out : fopen("/dev/null", "w");
    struct minibox_error err = {0};
    struct mb_arena arena = {0};
    struct mb_filter filter;
    char *text = text_of(data, size), *profile = text + (size > 0);
    uint64_t capabilities = text[0] == 'c' || text[0] == 'b' ? UINT64_C(0x5555555555555555) : 0;
    if (mb_profile_compile(&arena, profile, "profile", capabilities, text[0] == 's' || text[0] == 'b', NULL, &filter,
                           &err)) {
        expect_error(&err);
    } else {
        expect_program(filter);
        expect(mb_explain_print(profile, out, &err) == 0, "what is accepted can be told");
    }
    mb_arena_free(&arena);
    free(text);
    return 0;
}
