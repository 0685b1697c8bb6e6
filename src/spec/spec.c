/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The public functions that fill in a spec look an option up and hand its text to mb_options_set().
 * mb_spec_flags() and mb_spec_check() judge options together, once all of them are known.
 */
#include "spec/spec.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "spec/options.h"

int minibox_spec_new(struct minibox_spec **ret_spec, struct minibox_error *err) {
    struct minibox_spec *spec = malloc(sizeof(*spec));
    if (!spec)
        return mb_error_memory(err);
    if (mb_options_defaults(spec, err)) {
        minibox_spec_free(spec);
        return -1;
    }
    *ret_spec = spec;
    return 0;
}

void minibox_spec_free(struct minibox_spec *spec) {
    if (!spec)
        return;
    mb_arena_free(&spec->arena);
    free(spec);
}

int minibox_spec_set(struct minibox_spec *spec, const char *option, const char *value, struct minibox_error *err) {
    int id = mb_options_find(option);
    if (id < 0) {
        const char *near = mb_options_suggest(option);
        mb_error_usage(err, NULL, MB_REMEDY_HELP, "unknown option", option, NULL);
        if (near)
            mb_error_remedy(err, "did you mean %s?", near);
        return -1;
    }
    struct mb_origin origin = {.kind = MB_ORIGIN_API, .name = mb_options[id].name};
    if (!value)
        value = mb_options[id].implied;
    if (!value)
        return mb_error_usage(err, &origin, MB_REMEDY_NONE, "no value given for", option, NULL);
    return mb_options_set(spec, (enum mb_option_id)id, value, origin, err);
}

int minibox_spec_command(struct minibox_spec *spec, char *const *argv, struct minibox_error *err) {
    if (!argv || !argv[0] || !argv[0][0])
        return mb_error_usage(err, NULL, MB_REMEDY_NO_COMMAND, "no command given", NULL, NULL);
    spec->command = argv;
    return 0;
}

/* One row is to be shared and isolated, or joined and one of the two. Returns -1. */
static int refuse_both_ways(const struct minibox_spec *spec, enum mb_flag_id id, bool join, struct minibox_error *err) {
    enum mb_option_id second = MB_OPTION_ISOLATE;
    if (join)
        second = MB_OPTION_JOIN;
    else if (id == MB_FLAG_NET && spec->network != MB_NETWORK_DEFAULT)
        second = MB_OPTION_NETWORK;
    mb_error_usage(err, &spec->origin[second], MB_REMEDY_NONE, "asked for both ways", mb_flags[id].name, "%s",
                   join ? "joined, and shared or isolated" : "shared and isolated");
    mb_error_remedy(err, "leave one of the two out");
    return -1;
}

int mb_spec_flags(const struct minibox_spec *spec, uint64_t *ret_flags, struct minibox_error *err) {
    uint64_t joined = 0, flags = 0;
    for (size_t i = 0; i < spec->join_count; i++) {
        uint64_t flag = mb_flags[spec->joins[i].flag].flag;
        if (joined & flag)
            return mb_error_usage(err, &spec->joins[i].origin, MB_REMEDY_NONE, "joined twice",
                                  mb_flags[spec->joins[i].flag].name, NULL);
        joined |= flag;
    }
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        const struct mb_flag *row = &mb_flags[i];
        bool share = spec->share & row->flag, isolate = spec->isolate & row->flag, join = joined & row->flag;
        if (i == MB_FLAG_NET) { /* --network is another spelling of --share net and --isolate net */
            share |= spec->network == MB_NETWORK_HOST;
            isolate |= spec->network == MB_NETWORK_NONE;
        }
        if (share + isolate + join > 1)
            return refuse_both_ways(spec, (enum mb_flag_id)i, join, err);
        bool set = row->by_default;
        if (share || isolate)
            set = (row->polarity == MB_FLAG_SHARES) == share;
        if (set && !join)
            flags |= row->flag;
    }
    const struct mb_origin *origin = &spec->origin[spec->share ? MB_OPTION_SHARE : MB_OPTION_ISOLATE];
    if (mb_flags_check(flags & ~(uint64_t)CLONE_NEWTIME, origin, err))
        return -1;
    *ret_flags = flags;
    return 0;
}

int mb_spec_check(const struct minibox_spec *spec, struct minibox_error *err) {
    uint64_t flags = 0;
    if (!spec->command)
        return mb_error_usage(err, NULL, MB_REMEDY_NO_COMMAND, "no command given", NULL, NULL);
    if (mb_spec_flags(spec, &flags, err))
        return -1;
    for (int i = 0; i < 3; i++)
        if (spec->streams[i] && spec->tty == MB_YES)
            return mb_error_usage(err, &spec->origin[MB_OPTION_STDIN + i], MB_REMEDY_NONE,
                                  "asked for both a terminal and a file for", mb_options[MB_OPTION_STDIN + i].name,
                                  NULL);
    if (spec->output_limit && spec->tty == MB_YES)
        return mb_error_usage(err, &spec->origin[MB_OPTION_OUTPUT_LIMIT], MB_REMEDY_NONE,
                              "no output limit for a terminal", NULL, NULL);
    if (!(flags & CLONE_NEWPID) && spec->die_with_launcher != MB_NO)
        return mb_error_usage(err, &spec->origin[spec->share & CLONE_NEWPID ? MB_OPTION_SHARE : MB_OPTION_JOIN],
                              MB_REMEDY_SHARE_PID_DIES,
                              "a box in a shared pid namespace cannot be made to die with minibox", NULL, NULL);
    if (!(flags & CLONE_NEWUTS) && spec->hostname)
        return mb_error_usage(err, &spec->origin[MB_OPTION_HOSTNAME], MB_REMEDY_NONE, "refusing to set the host name",
                              spec->hostname, "the box shares the host's (uts)");
    if (!(flags & CLONE_NEWUSER) && spec->userns != MB_USERNS_AUTO)
        return mb_error_usage(err, &spec->origin[MB_OPTION_USERNS], MB_REMEDY_NONE, "no ids can be mapped", NULL,
                              "the box has no user namespace of its own (user is shared or joined)");
    if (spec->cap_add && spec->cap_drop == UINT64_MAX) {
        mb_error_usage(err, &spec->origin[MB_OPTION_CAP_DROP], MB_REMEDY_NONE, "asked for both ways", "capabilities",
                       "all are dropped, those of --cap-add too");
        mb_error_remedy(err, "leave --cap-drop all out: a box has only those of --cap-add");
        return -1;
    }
    return 0;
}
