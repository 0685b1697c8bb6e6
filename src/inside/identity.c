/* SPDX-License-Identifier: Apache-2.0 */
/* The builder's ids and capabilities. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/prctl.h>

#include "inside/pieces.h"

/* ---- id maps -------------------------------------------------------------------------------------------------- */

static char *put_number(char *to, uint32_t value, char after) {
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *to++ = digits[--n];
    *to++ = after;
    return to;
}

/* An ordinary user may map one id, its own, once setgroups is given up: user_namespaces(7). */
long mb_ids_write_maps(const struct mb_id_maps *maps) {
    TRY(mb_write_text(AT_FDCWD, "/proc/self/setgroups", 0, 0, "deny"));
    for (size_t i = 0; i < maps->count; i++) {
        const struct mb_id_map *map = &maps->list[i];
        char line[40], *end = line;
        end = put_number(end, map->inside, ' ');
        end = put_number(end, map->outside, ' ');
        end = put_number(end, map->count, '\n');
        *end = '\0';
        TRY(mb_write_text(AT_FDCWD, map->uids ? "/proc/self/uid_map" : "/proc/self/gid_map", 0, 0, line));
    }
    return 0;
}

/* ---- ids ------------------------------------------------------------------------------------------------------ */

long mb_ids_set(const struct mb_builder *b, const struct mb_step *step) {
    TRY(raw(SYS_setresgid, step->gid, step->gid, step->gid));
    if (!b->plan->box->keep_groups)
        TRY(raw(SYS_setgroups, 0, 0));
    /* The capabilities of the namespace survive a change away from its uid 0, until the step that sets them. */
    TRY(raw(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0));
    TRY(raw(SYS_setresuid, step->uid, step->uid, step->uid));
    if (b->joins) /* where fs.suid_dumpable is 1 the change of ids has opened it to tracing */
        TRY(raw(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
    return mb_life_die_with_launcher(b); /* setresuid has disarmed the parent-death signal */
}

/* ---- capabilities --------------------------------------------------------------------------------------------- */

static long write_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(effective >> (32 * i));
        data[i].permitted = (uint32_t)(permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
    }
    return raw(SYS_capset, &header, data);
}

/* Up to the first number that the kernel does not know. */
static long drop_from_bounding(uint64_t wanted) {
    for (unsigned cap = 0; cap < 64; cap++) {
        if (wanted >> cap & 1)
            continue;
        long result = raw(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
        if (result != -EINVAL) {
            TRY(result);
            continue;
        }
        long known = raw(SYS_prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
        if (known == -EINVAL)
            return 0;
        return known < 0 ? known : result;
    }
    return 0;
}

/* All five sets. For uid 0 execve computes the permitted set from the bounding set; another uid keeps it only through
 * the ambient one: capabilities(7), "Transformation of capabilities during execve()". */
long mb_ids_set_capabilities(const struct mb_capabilities *wanted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct now[2];
    TRY(raw(SYS_capget, &header, now));
    uint64_t permitted = now[0].permitted | (uint64_t)now[1].permitted << 32;
    TRY(write_capabilities(permitted, permitted, 0)); /* SETPCAP, among others, is needed up to the last line but one */
    TRY(raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    TRY(drop_from_bounding(wanted->bounding));
    TRY(write_capabilities(wanted->effective, wanted->permitted, wanted->inheritable));
    for (unsigned cap = 0; cap < 64; cap++)
        if (wanted->ambient >> cap & 1)
            TRY(raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0));
    return raw(SYS_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
}
