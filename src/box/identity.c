/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. An ordinary user may map one id, its own, without help: that is the default. Root maps a range of
 * 65,536 ids that nobody else has: a slice of root's entry in /etc/subuid and /etc/subgid if there is one, else an
 * aligned range that no account and no subordinate range touches. Live boxes hold their range by a lock on one byte of
 * a file, so that no two boxes can reach each other's files and processes even if both break out. Host uid 0 is in no
 * map.
 *
 * /etc/passwd of a box is hostile: all that is taken from it is numbers, which must be in the map to be used.
 */
#include "box/identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/number.h"
#include "base/path.h"

enum { MAX_ACCOUNTS = 1 << 20 }; /* bytes of an account file */

/* The text of an open regular file, in the arena. */
static const char *read_open(struct mb_arena *arena, int fd) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return NULL;
    if (!S_ISREG(st.st_mode) || st.st_size >= MAX_ACCOUNTS) {
        errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        return NULL;
    }
    char *text = mb_arena_alloc(arena, (size_t)st.st_size + 2);
    return text && mb_fd_read_all(fd, text, (size_t)st.st_size + 2) >= 0 ? text : NULL;
}

static int read_below(struct mb_arena *arena, int root_fd, const char *path, const char **ret_text,
                      struct minibox_error *err) {
    mb_autofd fd = mb_path_open_regular(root_fd, path);
    *ret_text = "";
    /* A root file system without accounts, or with something else in their place, has none. */
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EISDIR || errno == ELOOP))
        return 0;
    const char *text = fd < 0 ? NULL : read_open(arena, fd);
    if (text) {
        *ret_text = text;
        return 0;
    }
    return mb_error_host(err, NULL, errno == ENOSYS ? MB_REMEDY_OLD_KERNEL : MB_REMEDY_NO_USER, errno,
                         "cannot read in the root file system", path);
}

int mb_identity_read_accounts(struct mb_arena *arena, int root_fd, bool with_groups, struct mb_accounts *ret_accounts,
                              struct minibox_error *err) {
    ret_accounts->group = "";
    return read_below(arena, root_fd, "etc/passwd", &ret_accounts->passwd, err) ||
                   (with_groups && read_below(arena, root_fd, "etc/group", &ret_accounts->group, err))
               ? -1
               : 0;
}

/* Cuts the line at *text into at most `max` fields at colons, copied into `buffer`; moves *text to the next line.
 * Returns how many there were, 0 at the end. A line that is too long for any account has one empty field. */
static int next_line(const char **text, char *buffer, size_t size, char *ret_fields[], int max) {
    if (!**text)
        return 0;
    size_t length = strcspn(*text, "\n");
    bool fits = length < size;
    memcpy(buffer, *text, fits ? length : 0);
    buffer[fits ? length : 0] = '\0';
    *text += length + ((*text)[length] == '\n');
    int count = 0;
    for (char *field = buffer; field && count < max;) {
        ret_fields[count++] = field;
        field = strchr(field, ':');
        if (field)
            *field++ = '\0';
    }
    return count;
}

static int parse_id(const char *text, uint32_t *ret_id) {
    uint64_t id;
    if (!isdigit((unsigned char)text[0]) || mb_number_parse(text, 10, UINT32_MAX - 1, &id))
        return -1;
    *ret_id = (uint32_t)id;
    return 0;
}

int mb_identity_find_user(const struct mb_accounts *accounts, const char *user, const char *group,
                          const struct mb_origin *origin, uint32_t *ret_uid, uint32_t *ret_gid,
                          struct minibox_error *err) {
    char buffer[1024], *field[7];
    uint32_t uid = 0, gid = 0;
    bool is_number = parse_id(user, &uid) == 0, found = is_number;
    const char *text = accounts->passwd;
    for (int n; (n = next_line(&text, buffer, sizeof(buffer), field, 7));) {
        uint32_t line_uid, line_gid;
        if (n < 4 || parse_id(field[2], &line_uid) || parse_id(field[3], &line_gid))
            continue;
        if (is_number ? line_uid != uid : strcmp(field[0], user) != 0)
            continue;
        uid = line_uid;
        gid = line_gid;
        found = true;
        break;
    }
    if (!found)
        return mb_error_usage(err, origin, MB_REMEDY_NO_USER, "no such user in the box", user,
                              isdigit((unsigned char)user[0]) || user[0] == '-' ? "ids are numbers from 0 to 4294967294"
                                                                                : NULL);
    if (group && parse_id(group, &gid)) {
        found = false;
        text = accounts->group;
        for (int n; !found && (n = next_line(&text, buffer, sizeof(buffer), field, 4));)
            found = n >= 3 && strcmp(field[0], group) == 0 && parse_id(field[2], &gid) == 0;
        if (!found)
            return mb_error_usage(err, origin, MB_REMEDY_NO_USER, "no such group in the box", group, NULL);
    }
    *ret_uid = uid;
    *ret_gid = gid;
    return 0;
}

void mb_identity_find_name(struct mb_arena *arena, const struct mb_accounts *accounts, uint32_t uid,
                           const char **ret_name, const char **ret_home) {
    char buffer[1024], *field[7];
    const char *text = accounts->passwd;
    *ret_name = *ret_home = "";
    for (int n; (n = next_line(&text, buffer, sizeof(buffer), field, 7));) {
        uint32_t line_uid;
        if (n < 6 || parse_id(field[2], &line_uid) || line_uid != uid)
            continue;
        *ret_name = mb_arena_copy(arena, field[0], strlen(field[0]));
        *ret_home = mb_arena_copy(arena, field[5], strlen(field[5]));
        return;
    }
}

/* Subordinate ranges, /etc/subuid and /etc/subgid: NAME:START:COUNT or UID:START:COUNT. */
struct subordinates {
    struct subordinate {
        bool own;
        uint64_t start, count;
    } * list;
    size_t count;
};

/* Reads a file of the host whose lines are fields; "" when it is not there. What cannot be read could name ids that are
 * somebody's: that is an error. */
static int read_host(struct mb_box *box, const struct mb_host *host, const char *path, const char **ret_text,
                     struct minibox_error *err) {
    path = mb_arena_printf(&box->arena, "%s%s", host->root, path);
    mb_autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *ret_text = "";
    if (fd < 0 && errno == ENOENT)
        return 0;
    const char *text = fd < 0 ? NULL : read_open(&box->arena, fd);
    if (!text)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read", path);
    *ret_text = text;
    return 0;
}

static int read_subordinates(struct mb_box *box, const struct mb_host *host, const char *path, const char *name,
                             uint32_t uid, struct subordinates *ret, struct minibox_error *err) {
    char buffer[1024], *field[3];
    const char *text;
    *ret = (struct subordinates){0};
    if (read_host(box, host, path, &text, err))
        return -1;
    for (int n; (n = next_line(&text, buffer, sizeof(buffer), field, 3));) {
        uint32_t owner;
        uint64_t start, count;
        if (n < 3 || mb_number_parse(field[1], 10, UINT32_MAX, &start) ||
            mb_number_parse(field[2], 10, UINT32_MAX, &count))
            continue; /* no entry: useradd(8) and newuidmap(1) pass it over too */
        struct subordinate *s = mb_arena_push(&box->arena, &ret->list, &ret->count, sizeof(*s));
        if (!s)
            return mb_error_memory(err);
        s->own = (name[0] && strcmp(field[0], name) == 0) || (parse_id(field[0], &owner) == 0 && owner == uid);
        s->start = start;
        s->count = start + count > UINT32_MAX ? UINT32_MAX - start : count; /* ids end there: beyond is 0 again */
    }
    return 0;
}

/* The caller's, and everybody's, as /etc/passwd of the host names the caller. */
static int read_callers(struct mb_box *box, const struct mb_host *host, struct subordinates *ret_uids,
                        struct subordinates *ret_gids, struct minibox_error *err) {
    struct mb_accounts accounts = {"", ""};
    const char *name, *home;
    if (read_host(box, host, "/etc/passwd", &accounts.passwd, err))
        return -1;
    mb_identity_find_name(&box->arena, &accounts, host->uid, &name, &home);
    return read_subordinates(box, host, "/etc/subuid", name, host->uid, ret_uids, err) ||
                   read_subordinates(box, host, "/etc/subgid", name, host->uid, ret_gids, err)
               ? -1
               : 0;
}

static bool has_own(const struct subordinates *ids) {
    for (size_t i = 0; i < ids->count; i++)
        if (ids->list[i].own)
            return true;
    return false;
}

bool mb_identity_has_subordinates(const struct mb_host *host) {
    struct mb_box scratch = {0};
    struct subordinates uids, gids;
    struct minibox_error err;
    bool has = read_callers(&scratch, host, &uids, &gids, &err) == 0 && has_own(&uids) && has_own(&gids);
    mb_box_free(&scratch);
    return has;
}

static int push_range(struct mb_box *box, struct mb_id_range **list, size_t *count, uint64_t uid, uint64_t gid,
                      uint64_t size, struct minibox_error *err) {
    struct mb_id_range *range = mb_arena_push(&box->arena, list, count, sizeof(*range));
    if (!range)
        return mb_error_memory(err);
    *range = (struct mb_id_range){(uint32_t)uid, (uint32_t)gid, (uint32_t)size};
    return 0;
}

/* The ids of an account file, passwd(5) or group(5): numbers in the third field, and in the fourth if `has_gids`. Lines
 * of any length: a group may have many members. */
static int push_accounts(struct mb_box *box, const char *text, bool has_gids, struct minibox_error *err) {
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *field = line;
        for (int n = 0; n < (has_gids ? 4 : 3); n++) {
            char *end;
            unsigned long id = n >= 2 && isdigit((unsigned char)*field) ? strtoul(field, &end, 10) : 0;
            if (id >= MB_ID_FIRST && id < UINT32_MAX &&
                push_range(box, &box->maps.taken, &box->maps.taken_count, id, 0, 1, err))
                return -1;
            field += strcspn(field, ":\n");
            if (*field != ':')
                break;
            field++;
        }
    }
    return 0;
}

/* Root's candidates: its own subordinate ids, and what the ranges that nobody owns must keep clear of. */
static int list_candidates(const struct mb_host *host, struct mb_box *box, struct minibox_error *err) {
    struct subordinates uids, gids;
    const char *passwd, *group;
    if (read_subordinates(box, host, "/etc/subuid", "root", 0, &uids, err) ||
        read_subordinates(box, host, "/etc/subgid", "root", 0, &gids, err) ||
        read_host(box, host, "/etc/passwd", &passwd, err) || read_host(box, host, "/etc/group", &group, err))
        return -1;

    /* The n-th range of root's uids goes with the n-th of its gids. */
    for (size_t u = 0, g = 0;; u++, g++) {
        while (u < uids.count && (!uids.list[u].own || !uids.list[u].start))
            u++;
        while (g < gids.count && (!gids.list[g].own || !gids.list[g].start))
            g++;
        if (u >= uids.count || g >= gids.count)
            break;
        uint64_t least = uids.list[u].count < gids.list[g].count ? uids.list[u].count : gids.list[g].count;
        if (push_range(box, &box->maps.own, &box->maps.own_count, uids.list[u].start, gids.list[g].start, least, err))
            return -1;
    }

    for (size_t i = 0; i < uids.count; i++)
        if (push_range(box, &box->maps.taken, &box->maps.taken_count, uids.list[i].start, 0, uids.list[i].count, err))
            return -1;
    for (size_t i = 0; i < gids.count; i++)
        if (push_range(box, &box->maps.taken, &box->maps.taken_count, gids.list[i].start, 0, gids.list[i].count, err))
            return -1;
    return push_accounts(box, passwd, true, err) || push_accounts(box, group, false, err) ? -1 : 0;
}

static int push_map(struct mb_box *box, struct mb_id_map map, struct minibox_error *err) {
    struct mb_id_map *slot = mb_arena_push(&box->arena, &box->maps.list, &box->maps.count, sizeof(*slot));
    if (!slot)
        return mb_error_memory(err);
    *slot = map;
    return 0;
}

static int push_own_id(struct mb_box *box, uint32_t uid, uint32_t gid, const struct mb_host *host,
                       struct minibox_error *err) {
    const struct mb_id_map user = {.inside = uid, .outside = host->uid, .count = 1, .uids = true};
    const struct mb_id_map group = {.inside = gid, .outside = host->gid, .count = 1, .gids = true};
    return push_map(box, user, err) || push_map(box, group, err) ? -1 : 0;
}

/* keep-id, with subordinate ids: the caller's id is itself, the other ids of the box are the caller's subordinate ones.
 */
static int push_around_own_id(struct mb_box *box, uint32_t id, const struct subordinates *ranges, enum mb_id_kind kind,
                              struct minibox_error *err) {
    uint64_t inside = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct subordinate *range = &ranges->list[i];
        if (!range->own || !range->start) /* host root is in no map, whatever the file says */
            continue;
        for (uint64_t outside = range->start, left = range->count; left;) {
            uint64_t part = inside <= id && id - inside < left ? id - inside : left;
            const struct mb_id_map map = {.inside = (uint32_t)inside,
                                          .outside = (uint32_t)outside,
                                          .count = (uint32_t)part,
                                          .uids = kind == MB_ID_USER,
                                          .gids = kind == MB_ID_GROUP};
            if (part && push_map(box, map, err))
                return -1;
            inside += part;
            outside += part;
            left -= part;
            inside += inside == id;
        }
    }
    return 0;
}

/* Whether the map says no more than what an ordinary user may write itself: one uid and one gid, the caller's. */
static bool is_own_id(const struct minibox_spec *spec, const struct mb_host *host, struct mb_id_range *ret_inside) {
    size_t uids = 0, gids = 0;
    for (size_t i = 0; i < spec->id_map_count; i++) {
        const struct mb_id_map *map = &spec->id_maps[i];
        if (map->count != 1 || (map->uids && map->outside != host->uid) || (map->gids && map->outside != host->gid))
            return false;
        if (map->uids) {
            ret_inside->uid = map->inside;
            uids++;
        }
        if (map->gids) {
            ret_inside->gid = map->inside;
            gids++;
        }
    }
    return uids == 1 && gids == 1;
}

/* Whether a map has root's id outside of the caller's user namespace in it. (Of host root's own maps, options.c refuses
 * 0.) */
static bool maps_outer_root(const struct mb_host *host, const struct mb_id_map *map) {
    bool has_user = host->outer_root_uid >= map->outside && host->outer_root_uid - map->outside < map->count;
    bool has_group = host->outer_root_gid >= map->outside && host->outer_root_gid - map->outside < map->count;
    return (map->uids && has_user) || (map->gids && has_group);
}

static int refuse_outer_root(const struct minibox_spec *spec, struct minibox_error *err) {
    return mb_error_usage(err, &spec->origin[MB_OPTION_USERNS], MB_REMEDY_OUTER_ROOT,
                          "refusing to map an id that is root's outside of this user namespace", NULL, NULL);
}

/* --userns MAP: as it was said. */
static int map_as_asked(const struct minibox_spec *spec, const struct mb_host *host, struct mb_box *box,
                        struct minibox_error *err) {
    struct mb_id_range inside = {0};
    if (!host->maps_ids && is_own_id(spec, host, &inside)) {
        box->maps.writer = MB_MAPS_SELF;
        return push_own_id(box, inside.uid, inside.gid, host, err);
    }
    box->maps.writer = host->maps_ids ? MB_MAPS_PARENT : MB_MAPS_HELPER;
    for (size_t i = 0; i < spec->id_map_count; i++) {
        if (maps_outer_root(host, &spec->id_maps[i]))
            return refuse_outer_root(spec, err);
        if (push_map(box, spec->id_maps[i], err))
            return -1;
    }
    return 0;
}

/* Root: a range that no other box has. Its ids outside count from 0 until it is reserved. */
static int map_a_range(const struct mb_host *host, struct mb_box *box, struct minibox_error *err) {
    box->maps.writer = MB_MAPS_PARENT;
    box->maps.has_range = true;
    if (push_map(box, (struct mb_id_map){.count = MB_ID_RANGE, .uids = true}, err) ||
        push_map(box, (struct mb_id_map){.count = MB_ID_RANGE, .gids = true}, err))
        return -1;
    return list_candidates(host, box, err);
}

static int map_around_own_id(const struct mb_host *host, struct mb_box *box, struct minibox_error *err) {
    struct subordinates uids, gids;
    if (read_callers(box, host, &uids, &gids, err) || push_own_id(box, host->uid, host->gid, host, err) ||
        push_around_own_id(box, host->uid, &uids, MB_ID_USER, err) ||
        push_around_own_id(box, host->gid, &gids, MB_ID_GROUP, err))
        return -1;
    box->maps.writer = box->maps.count > 2 ? MB_MAPS_HELPER : MB_MAPS_SELF;
    return 0;
}

int mb_identity_plan_maps(const struct minibox_spec *spec, const struct mb_host *host, struct mb_box *box,
                          struct minibox_error *err) {
    box->maps = (struct mb_id_maps){.writer = MB_MAPS_NONE};
    if (!mb_box_has_own(box, CLONE_NEWUSER))
        return 0;
    if (spec->userns == MB_USERNS_KEEP_ID && host->uid == 0)
        return mb_error_usage(err, &spec->origin[MB_OPTION_USERNS], MB_REMEDY_HOST_ROOT_MAPPED, "refusing",
                              "--userns keep-id", "the caller is root");
    if (spec->userns == MB_USERNS_MAP)
        return map_as_asked(spec, host, box, err);
    if (host->privileged)
        return map_a_range(host, box, err);
    if (host->is_outer_root)
        return refuse_outer_root(spec, err);
    if (spec->userns == MB_USERNS_KEEP_ID)
        return map_around_own_id(host, box, err);
    box->maps.writer = MB_MAPS_SELF;
    return push_own_id(box, box->process.uid, box->process.gid, host, err);
}

bool mb_identity_is_mapped(const struct mb_box *box, uint32_t id, enum mb_id_kind kind) {
    if (!mb_box_has_own(box, CLONE_NEWUSER))
        return true;
    for (size_t i = 0; i < box->maps.count; i++) {
        const struct mb_id_map *map = &box->maps.list[i];
        if ((kind == MB_ID_GROUP ? map->gids : map->uids) && id >= map->inside && id - map->inside < map->count)
            return true;
    }
    return false;
}

/* ---- the command's user --------------------------------------------------------------------------------------- */

/* A map without the default user or group: its first ids are meant. */
static void take_first_ids(struct mb_box *box) {
    struct mb_process *process = &box->process;
    bool first_uid = !mb_identity_is_mapped(box, process->uid, MB_ID_USER);
    bool first_gid = !mb_identity_is_mapped(box, process->gid, MB_ID_GROUP);
    for (size_t i = box->maps.count; i-- > 0;) {
        const struct mb_id_map *map = &box->maps.list[i];
        if (map->uids && first_uid)
            process->uid = map->inside;
        if (map->gids && (first_uid || first_gid))
            process->gid = map->inside;
    }
}

int mb_fill_identity(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    struct mb_box *box = f->box;
    struct mb_process *process = &box->process;
    bool is_own_name = f->rootfs == MB_ROOTFS_HOST && (!f->host->privileged || !mb_box_has_own(box, CLONE_NEWUSER));
    bool is_caller = is_own_name || spec->userns == MB_USERNS_KEEP_ID;
    process->uid = is_caller ? f->host->uid : 0;
    process->gid = is_caller ? f->host->gid : 0;
    if (spec->user && mb_identity_find_user(&f->accounts, spec->user, spec->group, &spec->origin[MB_OPTION_USER],
                                            &process->uid, &process->gid, f->err))
        return -1;
    if (mb_identity_plan_maps(spec, f->host, box, f->err))
        return -1;
    if (spec->userns == MB_USERNS_MAP && !spec->user)
        take_first_ids(box);
    if (!mb_identity_is_mapped(box, process->uid, MB_ID_USER) || !mb_identity_is_mapped(box, process->gid, MB_ID_GROUP))
        return mb_error_usage(f->err, &spec->origin[spec->user ? MB_OPTION_USER : MB_OPTION_USERNS],
                              MB_REMEDY_ID_NOT_MAPPED, "cannot be that user in the box",
                              MB_TEXT(f, "%u:%u", process->uid, process->gid), NULL);
    /* setgroups(2) is forbidden under a map that a user wrote itself. In a user namespace to join it may be: there root
     * has dropped its groups before. */
    bool is_allowed = f->host->privileged || box->maps.writer == MB_MAPS_HELPER ||
                      (box->maps.writer == MB_MAPS_PARENT && f->host->may_set_groups);
    process->group_count = is_allowed ? 0 : (uint32_t)f->host->group_count;
    box->keep_groups = mb_box_joins(box, MB_FLAG_USER) || !is_allowed;
    if (spec->init != MB_YES && spec->die_with_launcher != MB_YES && box->maps.has_range)
        return mb_error_usage(f->err, &spec->origin[MB_OPTION_INIT], MB_REMEDY_INIT_HOLDS_RANGE,
                              "refusing --init no with --die-with-launcher no", NULL, NULL);
    return 0;
}
