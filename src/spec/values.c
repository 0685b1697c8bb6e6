/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A parser checks the text of one value and writes its meaning into the spec: into the field at the row's
 * offset, or into a list. Texts that have parts are cut up in a copy.
 *
 * What must stay true: a parser works without looking whether there was memory (see struct mb_value); a value that it
 * accepts needs no further checks in later stages.
 */
#include "spec/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>

#include "base/count.h"
#include "base/fd.h"
#include "base/number.h"
#include "base/text.h"
#include "kernel/caps.h"
#include "kernel/limits.h"

static const struct mb_word accesses[] = {
    {"ro", MB_ACCESS_RO}, {"rw", MB_ACCESS_RW}, {"overlay", MB_ACCESS_OVERLAY}, {NULL}};
static const struct mb_word attributes[] = {
    {"noexec", MOUNT_ATTR_NOEXEC}, {"noatime", MOUNT_ATTR_NOATIME}, {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW}, {NULL}};
static const struct mb_word roots[] = {{"busybox", MB_ROOTFS_BUSYBOX}, {"host", MB_ROOTFS_HOST}, {NULL}};
static const struct mb_word maps[] = {{"auto", MB_USERNS_AUTO}, {"keep-id", MB_USERNS_KEEP_ID}, {NULL}};
static const struct mb_word filters[] = {{"default", MB_SECCOMP_DEFAULT}, {"off", MB_SECCOMP_OFF}, {NULL}};

/* --seccomp learn=FILE */
static const char learn[] = "learn=";
enum { LEARN_SIZE = sizeof(learn) - 1 };

/* ---- tools ---------------------------------------------------------------------------------------------------- */

static void *field_of(struct mb_value *v) {
    return (char *)v->spec + mb_options[v->id].offset;
}

/* The word that equals the first `length` bytes of `text`, or NULL. */
static const struct mb_word *find_word(const struct mb_word *words, const char *text, size_t length) {
    for (const struct mb_word *word = words; word->word; word++)
        if (strlen(word->word) == length && memcmp(word->word, text, length) == 0)
            return word;
    return NULL;
}

static const struct mb_word *find_whole_word(const struct mb_word *words, const char *text) {
    return find_word(words, text, strlen(text));
}

/* A part of the value is none of the words allowed there. Returns -1. */
static int refuse_part(struct mb_value *v, const char *part, const char *what, const char *const *names, size_t count) {
    mb_error_usage(v->err, &v->origin, MB_REMEDY_HELP, what, part, part[0] ? "unknown" : "empty");
    mb_options_remedy_word(v->err, part, names, count);
    return -1;
}

/* The value as a whole has another form than it must have. Returns -1. */
static int refuse_form(struct mb_value *v, const char *form) {
    char what[64];
    snprintf(what, sizeof(what), "bad value for --%s", mb_options[v->id].name);
    return mb_error_usage(v->err, &v->origin, MB_REMEDY_HELP, what, v->text, "must be %s", form);
}

/* A copy of the value that next_part() may cut up. */
static char *copy_to_cut(struct mb_value *v) {
    size_t size = strlen(v->text) + 1;
    char *copy = mb_arena_alloc(&v->spec->arena, size);
    if (copy)
        return memcpy(copy, v->text, size);
    v->scrap[0] = '\0';
    return v->scrap;
}

/* Cuts the next part off *rest at `separator`; a backslash before it keeps it. Returns NULL at the end. */
static char *next_part(char **rest, char separator) {
    if (!*rest)
        return NULL;
    char *part = *rest, *to = part;
    for (char *from = part; *from; from++) {
        if (*from == separator) {
            *to = '\0';
            *rest = from + 1;
            return part;
        }
        if (*from == '\\' && from[1] == separator)
            from++;
        *to++ = *from;
    }
    *to = '\0';
    *rest = NULL;
    return part;
}

/* Appends to a list of the spec. */
#define APPEND(v, list, count, element)                                                                                \
    do {                                                                                                               \
        typeof((v)->spec->list) slot =                                                                                 \
            mb_arena_push(&(v)->spec->arena, &(v)->spec->list, &(v)->spec->count, sizeof(*slot));                      \
        if (slot)                                                                                                      \
            *slot = (element);                                                                                         \
    } while (0)

/* ---- forms that several options have ---------------------------------------------------------------------------- */

int mb_value_text(struct mb_value *v) {
    if (!v->text[0])
        return refuse_form(v, "a text that is not empty");
    *(const char **)field_of(v) = v->text;
    return 0;
}

int mb_value_word(struct mb_value *v) {
    const struct mb_word *words = mb_options[v->id].words, *word = find_whole_word(words, v->text);
    if (word) {
        *(int *)field_of(v) = word->value;
        return 0;
    }
    enum { MOST_WORDS = 8 };
    const char *names[MOST_WORDS];
    size_t count = 0;
    for (; words[count].word && count < MOST_WORDS; count++)
        names[count] = words[count].word;
    char what[64];
    snprintf(what, sizeof(what), "value of --%s", mb_options[v->id].name);
    return refuse_part(v, v->text, what, names, count);
}

int mb_value_count(struct mb_value *v) {
    uint64_t number;
    if (mb_number_parse(v->text, 10, 1000, &number))
        return refuse_form(v, "a number from 0 to 1000");
    *(uint32_t *)field_of(v) = (uint32_t)number;
    return 0;
}

int mb_value_size(struct mb_value *v) {
    uint64_t bytes;
    if (mb_number_parse_size(v->text, &bytes) || !bytes)
        return refuse_form(v, "a size above zero, as 512, 64k, 10m or 1g");
    *(uint64_t *)field_of(v) = bytes;
    return 0;
}

int mb_value_duration(struct mb_value *v) {
    if (mb_number_parse_duration(v->text, field_of(v)))
        return refuse_form(v, "a duration of at least 1ms, as 200ms, 10s, 5m or 1h");
    return 0;
}

const char *mb_value_path(const char *value) {
    return value;
}

/* ---- root file system and mounts -------------------------------------------------------------------------------- */

/* Splits ":ro", ":rw" or ":overlay" off a --rootfs value (none: ro). Returns the length before it. */
static size_t split_rootfs(const char *value, enum mb_access *ret_access) {
    const char *colon = strrchr(value, ':');
    const struct mb_word *access = colon ? find_whole_word(accesses, colon + 1) : NULL;
    *ret_access = access ? (enum mb_access)access->value : MB_ACCESS_RO;
    return access ? (size_t)(colon - value) : strlen(value);
}

const char *mb_value_rootfs_path(const char *value) {
    enum mb_access access;
    return find_word(roots, value, split_rootfs(value, &access)) ? NULL : value;
}

int mb_value_rootfs(struct mb_value *v) {
    struct minibox_spec *spec = v->spec;
    size_t length = split_rootfs(v->text, &spec->rootfs_access);
    if (!length)
        return refuse_form(v, "busybox, host or a directory, with :ro, :rw or :overlay");
    const struct mb_word *root = find_word(roots, v->text, length);
    spec->rootfs = root ? (enum mb_rootfs)root->value : MB_ROOTFS_DIR;
    spec->rootfs_path = root ? NULL : mb_arena_copy(&spec->arena, v->text, length);
    if (spec->rootfs == MB_ROOTFS_HOST && spec->rootfs_access != MB_ACCESS_RO)
        return mb_error_usage(v->err, &v->origin, MB_REMEDY_HOST_RW, "refusing a writable --rootfs", v->text, NULL);
    return 0;
}

int mb_value_volume(struct mb_value *v) {
    static const char *const names[] = {"ro", "rw", "overlay", "noexec", "noatime", "nosymfollow"};
    char *rest = copy_to_cut(v);
    char *source = next_part(&rest, ':'), *target = next_part(&rest, ':'), *mode = next_part(&rest, ':');
    if (!source[0] || rest)
        return refuse_form(v, "SRC[:DST][:ro|rw|overlay[,noexec,...]]");
    if (target && !mode && target[0] != '/') { /* "SRC:rw": the same path inside */
        mode = target;
        target = NULL;
    }
    if (target && !mb_options_is_box_path(target))
        return refuse_form(v, "SRC:DST with DST an absolute path without \"..\"");
    struct mb_volume volume = {.source = source, .target = target, .access = MB_ACCESS_RO, .origin = v->origin};
    for (char *word; (word = next_part(&mode, ','));) {
        const struct mb_word *access = find_whole_word(accesses, word), *attribute = find_whole_word(attributes, word);
        if (access)
            volume.access = (enum mb_access)access->value;
        else if (attribute)
            volume.attributes |= (uint64_t)attribute->value;
        else
            return refuse_part(v, word, "mount option", names, MB_COUNT(names));
    }
    APPEND(v, volumes, volume_count, volume);
    return 0;
}

/* Sets one of the options behind --tmpfs DST. */
static int set_tmpfs_option(struct mb_value *v, const char *word, struct mb_tmpfs *tmpfs) {
    static const char *const names[] = {"size", "mode", "noexec", "noatime", "nosymfollow", "ro"};
    /* Users of docker also write words for what a tmpfs has anyway: these add nothing. */
    static const struct mb_word more[] = {{"ro", MOUNT_ATTR_RDONLY}, {"rw", 0}, {"nosuid", 0}, {"nodev", 0}, {NULL}};
    uint64_t mode;
    if (strncmp(word, "size=", 5) == 0) {
        if (mb_number_parse_size(word + 5, &tmpfs->size) || !tmpfs->size)
            return refuse_form(v, "DST:size=N with N a size above zero, as 64m");
        return 0;
    }
    if (strncmp(word, "mode=", 5) == 0) {
        if (mb_number_parse(word + 5, 8, 01777, &mode))
            return refuse_form(v, "DST:mode=M with M octal, at most 1777");
        tmpfs->mode = (uint32_t)mode;
        return 0;
    }
    const struct mb_word *attribute = find_whole_word(attributes, word);
    if (!attribute)
        attribute = find_whole_word(more, word);
    if (!attribute)
        return refuse_part(v, word, "tmpfs option", names, MB_COUNT(names));
    tmpfs->attributes |= (uint64_t)attribute->value;
    return 0;
}

int mb_value_tmpfs(struct mb_value *v) {
    char *rest = copy_to_cut(v);
    struct mb_tmpfs tmpfs = {.target = next_part(&rest, ':'), .mode = 01777, .origin = v->origin};
    if (!mb_options_is_box_path(tmpfs.target))
        return refuse_form(v, "DST[:size=..,mode=..] with DST an absolute path without \"..\"");
    for (char *word; (word = next_part(&rest, ','));)
        if (set_tmpfs_option(v, word, &tmpfs))
            return -1;
    APPEND(v, tmpfs, tmpfs_count, tmpfs);
    return 0;
}

int mb_value_device(struct mb_value *v) {
    char *rest = copy_to_cut(v), *source = next_part(&rest, ':'), *target = next_part(&rest, ':');
    struct mb_path device = {.source = source, .target = target ? target : source, .origin = v->origin};
    if (rest || source[0] != '/' || !mb_options_is_box_path(device.target))
        return refuse_form(v, "SRC[:DST], absolute paths");
    APPEND(v, devices, device_count, device);
    return 0;
}

int mb_value_mask(struct mb_value *v) {
    struct mb_path mask = {.target = v->text, .origin = v->origin};
    if (!mb_options_is_box_path(mask.target) || strcmp(mask.target, "/") == 0)
        return refuse_form(v, "an absolute path in the box, without \"..\" and other than /");
    APPEND(v, masks, mask_count, mask);
    return 0;
}

/* ---- command ---------------------------------------------------------------------------------------------------- */

int mb_value_file(struct mb_value *v) {
    return refuse_form(v, "read by minibox_spec_parse_file()");
}

int mb_value_env(struct mb_value *v) {
    char *name = copy_to_cut(v), *equals = strchr(name, '=');
    if (equals)
        *equals = '\0';
    if (!name[0])
        return refuse_form(v, "NAME=VALUE, or NAME to pass on the caller's");
    struct mb_env variable = {.name = name, .value = equals ? equals + 1 : NULL, .origin = v->origin};
    APPEND(v, env, env_count, variable);
    return 0;
}

/* A line is NAME=VALUE, taken as it stands, or NAME, as in docker's files; blank lines and # lines are passed over. */
static int set_env_lines(const struct mb_value *file, char *text) {
    struct mb_value variable = *file;
    variable.id = MB_OPTION_ENV;
    variable.origin = (struct mb_origin){MB_ORIGIN_FILE, file->text, 0, 1};
    for (char *line; (line = strsep(&text, "\n"));) {
        variable.origin.line++;
        size_t length = strlen(line);
        if (length && line[length - 1] == '\r')
            line[length - 1] = '\0';
        line += strspn(line, " \t");
        variable.text = mb_arena_copy(&file->spec->arena, line, strlen(line));
        if (line[0] && line[0] != '#' && mb_value_env(&variable))
            return -1;
    }
    return 0;
}

int mb_value_env_file(struct mb_value *v) {
    size_t length;
    char *text = mb_fd_read_text(v->text, &length);
    if (!text)
        return mb_error_host(v->err, &v->origin, errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                             "cannot read", v->text);
    int result = strlen(text) == length
                     ? set_env_lines(v, text)
                     : mb_error_usage(v->err, &v->origin, MB_REMEDY_NONE, "bad file", v->text, "it has NUL bytes");
    free(text);
    return result;
}

/* ---- identity --------------------------------------------------------------------------------------------------- */

int mb_value_user(struct mb_value *v) {
    char *rest = copy_to_cut(v), *user = next_part(&rest, ':'), *group = next_part(&rest, ':');
    if (rest || !user[0] || (group && !group[0]))
        return refuse_form(v, "USER or USER:GROUP, names or numbers");
    v->spec->user = user;
    v->spec->group = group;
    return 0;
}

/* Reads three numbers with colons between them. A range of ids may neither wrap around nor reach 4294967295, which
 * stands for no id. */
static bool parse_id_map(char *numbers, struct mb_id_map *ret_map) {
    uint32_t *const fields[] = {&ret_map->inside, &ret_map->outside, &ret_map->count};
    for (size_t i = 0; i < MB_COUNT(fields); i++) {
        char *part = next_part(&numbers, ':');
        uint64_t value;
        if (!part || mb_number_parse(part, 10, UINT32_MAX - 1, &value))
            return false;
        *fields[i] = (uint32_t)value;
    }
    uint64_t count = ret_map->count;
    return !numbers && count && ret_map->inside + count <= UINT32_MAX && ret_map->outside + count <= UINT32_MAX;
}

int mb_value_userns(struct mb_value *v) {
    struct minibox_spec *spec = v->spec;
    const struct mb_word *word = find_whole_word(maps, v->text);
    spec->id_map_count = 0;
    spec->userns = word ? (enum mb_userns)word->value : MB_USERNS_MAP;
    if (word)
        return 0;
    char *rest = copy_to_cut(v);
    for (char *entry; (entry = next_part(&rest, ','));) {
        struct mb_id_map map = {.uids = entry[0] != 'g', .gids = entry[0] != 'u', .origin = v->origin};
        bool is_for_one = entry[0] == 'u' || entry[0] == 'g';
        if (!parse_id_map(entry + is_for_one, &map))
            return refuse_form(v, "auto, keep-id, or [u|g]INSIDE:OUTSIDE:COUNT[,...]");
        if (map.outside == 0)
            return mb_error_usage(v->err, &v->origin, MB_REMEDY_HOST_ROOT_MAPPED, "refusing to map host id 0 in",
                                  v->text, NULL);
        APPEND(v, id_maps, id_map_count, map);
    }
    return 0;
}

/*
 * The form of hostname(7), and "_" besides, since hosts with such names exist. The name is written into the box's
 * /etc/hosts, where a blank or a line break would begin another name or line; the kernel takes at most 64 bytes.
 */
static bool is_host_name(const char *name) {
    enum { MAX_HOST_NAME = 64 };
    size_t length = strlen(name);
    if (!length || length > MAX_HOST_NAME || name[0] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        bool is_dot = name[i] == '.', ends_empty_part = is_dot && (i == 0 || name[i - 1] == '.' || i + 1 == length);
        bool is_known = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                        (name[i] >= '0' && name[i] <= '9') || name[i] == '-' || name[i] == '_';
        if (ends_empty_part || (!is_dot && !is_known))
            return false;
    }
    return true;
}

int mb_value_hostname(struct mb_value *v) {
    if (!is_host_name(v->text))
        return refuse_form(v, "1 to 64 letters, digits, \"-\" or \"_\", also in parts joined by single dots, the first "
                              "no \"-\"");
    return mb_value_text(v);
}

int mb_value_name(struct mb_value *v) {
    size_t length = strlen(v->text);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)v->text[i]) && (i == 0 || !strchr("_.-", v->text[i])))
            length = 0;
    if (!length || length > 63)
        return refuse_form(v, "1 to 63 letters, digits, \"_\", \".\" or \"-\", the first a letter or digit");
    return mb_value_text(v);
}

/* ---- confinement ------------------------------------------------------------------------------------------------ */

/* Suggests CHOWN for "CHWON" and for "cap_chwon". Returns -1. */
static int refuse_capability(struct mb_value *v) {
    char name[48];
    snprintf(name, sizeof(name), "%s", v->text + (strncasecmp(v->text, "cap_", 4) == 0 ? 4 : 0));
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    const char *near = mb_text_suggest(name, mb_caps, MB_CAP_COUNT);
    mb_error_usage(v->err, &v->origin, MB_REMEDY_NONE, "no such capability", v->text, NULL);
    if (near)
        mb_error_remedy(v->err, "did you mean %s?", near);
    else
        mb_error_remedy(v->err, "a name of capabilities(7), as NET_BIND_SERVICE, or ALL");
    return -1;
}

int mb_value_capability(struct mb_value *v) {
    bool is_all = strcasecmp(v->text, "ALL") == 0;
    int cap = mb_caps_find(v->text);
    if (!is_all && cap < 0)
        return refuse_capability(v);
    *(uint64_t *)field_of(v) |= is_all ? UINT64_MAX : UINT64_C(1) << cap;
    return 0;
}

const char *mb_value_seccomp_path(const char *value) {
    if (find_whole_word(filters, value))
        return NULL;
    return strncmp(value, learn, LEARN_SIZE) == 0 ? value + LEARN_SIZE : value;
}

int mb_value_seccomp(struct mb_value *v) {
    const struct mb_word *word = find_whole_word(filters, v->text);
    const char *path = word ? v->text : mb_value_seccomp_path(v->text);
    if (!path[0])
        return refuse_form(v, "default, off, a file, or learn=FILE");
    v->spec->seccomp_file = path;
    if (word)
        v->spec->seccomp = (enum mb_seccomp)word->value;
    else
        v->spec->seccomp = path > v->text ? MB_SECCOMP_LEARN : MB_SECCOMP_FILE;
    return 0;
}

static int parse_limit(const struct mb_limit *limit, const char *text, uint64_t *ret_value) {
    if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0) {
        *ret_value = RLIM_INFINITY;
        return 0;
    }
    if (limit->unit == MB_LIMIT_BYTES)
        return mb_number_parse_size(text, ret_value);
    return mb_number_parse(text, 10, INT64_MAX, ret_value);
}

int mb_value_ulimit(struct mb_value *v) {
    static const char form[] = "NAME=SOFT[:HARD], numbers or unlimited, SOFT at most HARD";
    char *rest = copy_to_cut(v), *name = next_part(&rest, '=');
    const struct mb_limit *limit = mb_limits_find(name);
    if (!limit) {
        const char *names[RLIM_NLIMITS];
        for (size_t i = 0; i < RLIM_NLIMITS; i++)
            names[i] = mb_limits[i].name;
        return refuse_part(v, name, "resource limit", names, RLIM_NLIMITS);
    }
    const char *soft = next_part(&rest, ':'), *hard = next_part(&rest, ':');
    struct mb_ulimit ulimit = {.resource = limit->resource, .name = limit->name, .origin = v->origin};
    if (!soft || rest || parse_limit(limit, soft, &ulimit.soft) || parse_limit(limit, hard ? hard : soft, &ulimit.hard))
        return refuse_form(v, form);
    if (ulimit.soft > ulimit.hard)
        return refuse_form(v, form);
    APPEND(v, ulimits, ulimit_count, ulimit);
    return 0;
}

/* ---- sharing ---------------------------------------------------------------------------------------------------- */

/* `word` is no name of a row that may be named here: `is_meant` tells which may. Returns -1. */
static int refuse_flag(struct mb_value *v, const char *word, const char *what,
                       bool (*is_meant)(const struct mb_flag *)) {
    const char *names[MB_FLAG_COUNT];
    size_t count = 0;
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (is_meant(&mb_flags[i]))
            names[count++] = mb_flags[i].name;
    return refuse_part(v, word, what, names, count);
}

static bool is_flag(const struct mb_flag *flag) {
    return flag->flag != 0;
}

static bool is_joined(const struct mb_flag *flag) {
    return flag->joins;
}

int mb_value_flags(struct mb_value *v) {
    bool share = v->id == MB_OPTION_SHARE;
    uint64_t *set = field_of(v);
    char *rest = copy_to_cut(v);
    for (char *word; (word = next_part(&rest, ','));) {
        int id = mb_flags_find(word);
        if (id < 0)
            return refuse_flag(v, word, "resource", is_flag);
        if (!mb_flags_fit(&mb_flags[id], share))
            return mb_error_usage(v->err, &v->origin, MB_REMEDY_FLAG_NOT_FOR_EXEC,
                                  share ? "a command cannot share" : "a command cannot isolate", word, "%s",
                                  mb_flags[id].unfit);
        *set |= mb_flags[id].flag;
    }
    return 0;
}

static bool is_pid(const char *text, uint64_t *ret_pid) {
    return mb_number_parse(text, 10, INT32_MAX, ret_pid) == 0;
}

const char *mb_value_join_path(const char *value) {
    const char *equals = strchr(value, '=');
    uint64_t pid;
    return equals && !is_pid(equals + 1, &pid) ? equals + 1 : NULL;
}

int mb_value_join(struct mb_value *v) {
    char *where = copy_to_cut(v), *name = next_part(&where, '=');
    if (!where || !where[0])
        return refuse_form(v, "NAME=PATH or NAME=PID, as net=/run/netns/blue");
    int id = mb_flags_find(name);
    if (id < 0)
        return refuse_flag(v, name, "namespace", is_joined);
    if (!mb_flags[id].joins)
        return mb_error_usage(v->err, &v->origin, MB_REMEDY_HELP, "a box cannot join", name, "--join does not take it");
    struct mb_join join = {.flag = (enum mb_flag_id)id, .path = where, .origin = v->origin};
    uint64_t pid;
    if (is_pid(where, &pid)) {
        if (pid == 0)
            return refuse_form(v, "NAME=PATH or NAME=PID, a process that is there");
        /* Before Linux 6.3 execve(2) does not enter the new time namespace, so a box's init is not in it itself. */
        const char *file = id == MB_FLAG_TIME ? "time_for_children" : name;
        join.path = mb_arena_printf(&v->spec->arena, "/proc/%d/ns/%s", (int)pid, file);
    }
    APPEND(v, joins, join_count, join);
    return 0;
}
