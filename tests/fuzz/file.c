/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of options: they are read or refused with a place in the file; what is read can be written and
 * read again, and is the same. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct minibox_error err = {0};
    struct minibox_spec *spec = read_options(data, size, &err);
    if (!spec) {
        expect_error(&err);
        return 0;
    }
    expect_round_trip(spec);
    minibox_spec_free(spec);
    return 0;
}
