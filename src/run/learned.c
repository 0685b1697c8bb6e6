/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The profile is written when the command has ended, and only then: a launch that fails leaves the
 * profile that an earlier one wrote.
 */
#include "run/learned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/learn.h"

static int fail_profile(const struct minibox_spec *spec, enum mb_remedy remedy, struct minibox_error *err) {
    return mb_error_host(err, &spec->origin[MB_OPTION_SECCOMP], remedy, errno, "cannot write the profile",
                         spec->seccomp_file);
}

int mb_learned_open(struct mb_outfile *profile, const struct minibox_spec *spec, enum mb_purpose purpose,
                    struct minibox_error *err) {
    *profile = MB_OUTFILE_NONE;
    if (spec->seccomp == MB_SECCOMP_LEARN && mb_outfile_open(profile, spec->seccomp_file, purpose) < 0)
        return fail_profile(spec, MB_REMEDY_NO_SUCH_PATH, err);
    return 0;
}

int mb_learned_write(const struct mb_outfile *profile, const struct minibox_spec *spec, const struct mb_notify *notify,
                     struct minibox_error *err) {
    if (!mb_outfile_is_open(profile))
        return 0;
    char *text = mb_learn_make(notify->counts, MB_NOTIFY_CALLS, err);
    if (!text)
        return -1;
    int result = mb_outfile_write(profile, text, strlen(text));
    if (result < 0)
        fail_profile(spec, MB_REMEDY_NONE, err);
    free(text);
    return result;
}
