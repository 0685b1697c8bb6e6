/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The profile is written when the command has ended, and only then: a launch that fails leaves the
 * profile that an earlier one wrote.
 */
#include "run/learned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fd.h"
#include "filter/learn.h"

static int fail_profile(const struct minibox_spec *spec, enum mb_remedy remedy, int number, struct minibox_error *err) {
    return mb_error_host(err, &spec->origin[MB_OPTION_SECCOMP], remedy, number, "cannot write the profile",
                         spec->seccomp_file);
}

int mb_learned_open(struct mb_learned *learned, const struct minibox_spec *spec, struct minibox_error *err) {
    *learned = MB_LEARNED_NONE;
    if (spec->seccomp != MB_SECCOMP_LEARN)
        return 0;
    if (mb_outfile_open(&learned->file, spec->seccomp_file) < 0)
        return fail_profile(spec, MB_REMEDY_NO_SUCH_PATH, errno, err);
    learned->is_open = true;
    return 0;
}

int mb_learned_check(const struct minibox_spec *spec, struct minibox_error *err) {
    if (spec->seccomp == MB_SECCOMP_LEARN && mb_fd_may_write(spec->seccomp_file) < 0)
        return fail_profile(spec, MB_REMEDY_NO_SUCH_PATH, errno, err);
    return 0;
}

int mb_learned_write(const struct mb_learned *learned, const struct minibox_spec *spec, const struct mb_notify *notify,
                     struct minibox_error *err) {
    char *text = NULL;
    size_t length = 0;
    if (!learned->is_open)
        return 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return mb_error_memory(err);
    int result = mb_learn_write(notify->counts, MB_NOTIFY_CALLS, out, err);
    if (fclose(out) != 0 && result == 0)
        result = mb_error_memory(err);
    if (result == 0 && mb_outfile_write(&learned->file, text, length) < 0)
        result = fail_profile(spec, MB_REMEDY_NONE, errno, err);
    free(text);
    return result;
}

void mb_learned_close(struct mb_learned *learned) {
    mb_outfile_close(&learned->file);
}
