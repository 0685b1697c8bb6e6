/* SPDX-License-Identifier: Apache-2.0 */
/* "NAME VALUE": one option. What is taken holds what later stages rely on: paths of the box are absolute and without
 * "..", maps are not empty, do not wrap around and have no host root, modes and sizes are in range. */
#include <sys/mount.h>

#include "fuzz.h"

static const uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME | MOUNT_ATTR_NOSYMFOLLOW;

static const char host_name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

static void expect_box_path(const char *path) {
    expect(path[0] == '/', "absolute");
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        expect(strcspn(part, "/") != 2 || strncmp(part, "..", 2) != 0, "no ..");
    }
}

static void expect_sound(const struct minibox_spec *spec) {
    for (size_t i = 0; i < spec->volume_count; i++) {
        const struct mb_volume *volume = &spec->volumes[i];
        expect(volume->source[0] && volume->access <= MB_ACCESS_OVERLAY && !(volume->attributes & ~attributes),
               "a volume");
        if (volume->target)
            expect_box_path(volume->target);
    }
    for (size_t i = 0; i < spec->tmpfs_count; i++) {
        const struct mb_tmpfs *tmpfs = &spec->tmpfs[i];
        expect(tmpfs->size <= INT64_MAX && tmpfs->mode <= 01777 && !(tmpfs->attributes & ~attributes), "a tmpfs");
        expect_box_path(tmpfs->target);
    }
    for (size_t i = 0; i < spec->device_count; i++)
        expect_box_path(spec->devices[i].target);
    for (size_t i = 0; i < spec->mask_count; i++)
        expect_box_path(spec->masks[i].target);
    for (size_t i = 0; i < spec->id_map_count; i++) {
        const struct mb_id_map *map = &spec->id_maps[i];
        expect(spec->userns == MB_USERNS_MAP && (map->uids || map->gids) && map->count && map->outside, "a map");
        expect((uint64_t)map->inside + map->count <= UINT32_MAX && (uint64_t)map->outside + map->count <= UINT32_MAX,
               "its end");
    }
    expect(spec->userns != MB_USERNS_MAP || spec->id_map_count, "a map of something");
    for (size_t i = 0; i < spec->ulimit_count; i++)
        expect(spec->ulimits[i].soft <= spec->ulimits[i].hard && spec->ulimits[i].resource >= 0, "a limit");
    for (size_t i = 0; i < spec->join_count; i++)
        expect(spec->joins[i].path[0] && mb_flags[spec->joins[i].flag].joins, "a namespace");
    for (size_t i = 0; i < spec->env_count; i++)
        expect(spec->env[i].name[0] && !strchr(spec->env[i].name, '='), "a variable");
    if (spec->hostname) {
        size_t length = strlen(spec->hostname);
        expect(length && length <= 64 && length == strspn(spec->hostname, host_name_bytes), "a host name");
    }
    expect(spec->preserve_fds <= 1000 && (!spec->timeout || spec->timeout >= 1000000), "numbers");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct minibox_error err = {0};
    struct minibox_spec *spec;
    char *text = text_of(data, size), *value = text, *name = strsep(&value, " ");
    expect(minibox_spec_new(&spec, &err) == 0, "a spec");
    if (minibox_spec_set(spec, name, value, &err)) {
        expect_error(&err);
    } else {
        expect_sound(spec);
        expect_round_trip(spec);
    }
    minibox_spec_free(spec);
    free(text);
    return 0;
}
