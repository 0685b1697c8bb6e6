/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. An ordinary user may map one id, its own, without help: that is the default. Root maps a range of
 * 65,536 ids that nobody else has: a part of root's entry in /etc/subuid and /etc/subgid if there is one, else an
 * aligned range that no account and no subordinate range touches. Here the candidates are listed; launch/range.c takes
 * one.
 *
 * What must stay true: host uid 0 is in no map. /etc/passwd of a box is hostile: only numbers are taken from it, and
 * only those that are in the map are used.
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

/* The text of an open regular file, in the arena; NULL with errno. */
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
    /* A root file system may have no account files, or something else in their place. */
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
    if (read_below(arena, root_fd, "etc/passwd", &ret_accounts->passwd, err))
        return -1;
    return with_groups ? read_below(arena, root_fd, "etc/group", &ret_accounts->group, err) : 0;
}

/* Copies the line at *text into `buffer`, cuts it at colons into at most `max` fields, and moves *text to the next
 * line. Returns the number of fields; 0: the text ends. A line longer than `buffer` has one empty field. */
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

/* The ranges in /etc/subuid or /etc/subgid, whose lines are NAME:START:COUNT or UID:START:COUNT. */
struct subordinate {
    bool own; /* the caller's */
    uint64_t start, count;
};
struct subordinates {
    struct subordinate *list;
    size_t count;
};

/* Reads a file of the host; "" if there is none. One that cannot be read may give ids to somebody, so that is an error.
 */
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
            continue; /* useradd(8) and newuidmap(1) ignore such a line too */
        struct subordinate *s = mb_arena_push(&box->arena, &ret->list, &ret->count, sizeof(*s));
        if (!s)
            return mb_error_memory(err);
        s->own = (name[0] && strcmp(field[0], name) == 0) || (parse_id(field[0], &owner) == 0 && owner == uid);
        s->start = start;
        s->count = start + count > UINT32_MAX ? UINT32_MAX - start : count; /* larger ids would wrap around to 0 */
    }
    return 0;
}

/* Reads all subordinate ranges. The caller's own are found by its uid and by its name in the host's /etc/passwd. */
static int read_callers(struct mb_box *box, const struct mb_host *host, struct subordinates *ret_uids,
                        struct subordinates *ret_gids, struct minibox_error *err) {
    struct mb_accounts accounts = {"", ""};
    const char *name, *home;
    if (read_host(box, host, "/etc/passwd", &accounts.passwd, err))
        return -1;
    mb_identity_find_name(&box->arena, &accounts, host->uid, &name, &home);
    if (read_subordinates(box, host, "/etc/subuid", name, host->uid, ret_uids, err))
        return -1;
    return read_subordinates(box, host, "/etc/subgid", name, host->uid, ret_gids, err);
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

static void push_taken(struct mb_box *box, uint64_t start, uint64_t count) {
    struct mb_id_range *range = mb_arena_push(&box->arena, &box->maps.taken, &box->maps.taken_count, sizeof(*range));
    if (range)
        *range = (struct mb_id_range){.uid = (uint32_t)start, .count = (uint32_t)count};
}

static void push_all_taken(struct mb_box *box, const struct subordinates *ids) {
    for (size_t i = 0; i < ids->count; i++)
        push_taken(box, ids->list[i].start, ids->list[i].count);
}

/* Takes the ids of an account file, which are numbers in the third field, and of passwd(5) in the fourth too. A line of
 * group(5) may have any length, since it names the members. */
static void push_accounts(struct mb_box *box, const char *text, int last_field) {
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *field = line;
        for (int n = 1; n <= last_field; n++) {
            char *end;
            unsigned long id = n >= 3 && isdigit((unsigned char)*field) ? strtoul(field, &end, 10) : 0;
            if (id >= MB_ID_FIRST && id < UINT32_MAX)
                push_taken(box, id, 1);
            field += strcspn(field, ":\n");
            if (*field != ':')
                break;
            field++;
        }
    }
}

/* The next of root's own ranges from `index` on; ids->count: there is none. */
static size_t next_own(const struct subordinates *ids, size_t index) {
    while (index < ids->count && (!ids->list[index].own || !ids->list[index].start))
        index++;
    return index;
}

/* Root's n-th range of user ids goes with its n-th range of group ids. */
static void push_own_ranges(struct mb_box *box, const struct subordinates *uids, const struct subordinates *gids) {
    size_t u = next_own(uids, 0), g = next_own(gids, 0);
    for (; u < uids->count && g < gids->count; u = next_own(uids, u + 1), g = next_own(gids, g + 1)) {
        const struct subordinate *users = &uids->list[u], *groups = &gids->list[g];
        struct mb_id_range *range = mb_arena_push(&box->arena, &box->maps.own, &box->maps.own_count, sizeof(*range));
        if (range)
            *range = (struct mb_id_range){(uint32_t)users->start, (uint32_t)groups->start,
                                          (uint32_t)(users->count < groups->count ? users->count : groups->count)};
    }
}

/* Lists root's own subordinate ids, and all ids that a range which nobody owns must not touch. */
static int list_ranges(const struct mb_host *host, struct mb_box *box, struct minibox_error *err) {
    struct subordinates uids, gids;
    const char *passwd, *group;
    if (read_subordinates(box, host, "/etc/subuid", "root", 0, &uids, err) ||
        read_subordinates(box, host, "/etc/subgid", "root", 0, &gids, err) ||
        read_host(box, host, "/etc/passwd", &passwd, err) || read_host(box, host, "/etc/group", &group, err))
        return -1;
    push_own_ranges(box, &uids, &gids);
    push_all_taken(box, &uids);
    push_all_taken(box, &gids);
    push_accounts(box, passwd, 4);
    push_accounts(box, group, 3);
    return 0;
}

static void push_map(struct mb_box *box, struct mb_id_map map) {
    struct mb_id_map *slot = mb_arena_push(&box->arena, &box->maps.list, &box->maps.count, sizeof(*slot));
    if (slot)
        *slot = map;
}

static void push_own_id(struct mb_box *box, uint32_t uid, uint32_t gid, const struct mb_host *host) {
    push_map(box, (struct mb_id_map){.inside = uid, .outside = host->uid, .count = 1, .uids = true});
    push_map(box, (struct mb_id_map){.inside = gid, .outside = host->gid, .count = 1, .gids = true});
}

/* keep-id with subordinate ids: the caller's id stays itself, the box's other ids are the caller's subordinate ones. */
static void push_around_own_id(struct mb_box *box, uint32_t id, const struct subordinates *ranges,
                               enum mb_id_kind kind) {
    uint64_t inside = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct subordinate *range = &ranges->list[i];
        if (!range->own || !range->start) /* the host's root is in no map, whatever the file says */
            continue;
        for (uint64_t outside = range->start, left = range->count; left;) {
            uint64_t part = inside <= id && id - inside < left ? id - inside : left;
            const struct mb_id_map map = {.inside = (uint32_t)inside,
                                          .outside = (uint32_t)outside,
                                          .count = (uint32_t)part,
                                          .uids = kind == MB_ID_USER,
                                          .gids = kind == MB_ID_GROUP};
            if (part)
                push_map(box, map);
            inside += part;
            outside += part;
            left -= part;
            inside += inside == id;
        }
    }
}

/* Whether an ordinary user may write the map itself: it maps one uid and one gid, the caller's. */
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

/* --userns MAP: the maps are as the user wrote them. */
static int map_as_asked(const struct minibox_spec *spec, const struct mb_host *host, struct mb_box *box,
                        struct minibox_error *err) {
    struct mb_id_range inside = {0};
    if (!host->maps_ids && is_own_id(spec, host, &inside)) {
        box->maps.writer = MB_MAPS_SELF;
        push_own_id(box, inside.uid, inside.gid, host);
        return 0;
    }
    box->maps.writer = host->maps_ids ? MB_MAPS_PARENT : MB_MAPS_HELPER;
    for (size_t i = 0; i < spec->id_map_count; i++) {
        if (maps_outer_root(host, &spec->id_maps[i]))
            return refuse_outer_root(spec, err);
        push_map(box, spec->id_maps[i]);
    }
    return 0;
}

/* Root's box gets a range that no other box has. Its ids outside count from 0 until the range is reserved. */
static int map_a_range(const struct mb_host *host, struct mb_box *box, struct minibox_error *err) {
    box->maps.writer = MB_MAPS_PARENT;
    box->maps.has_range = true;
    push_map(box, (struct mb_id_map){.count = MB_ID_RANGE, .uids = true});
    push_map(box, (struct mb_id_map){.count = MB_ID_RANGE, .gids = true});
    return list_ranges(host, box, err);
}

static int map_around_own_id(const struct mb_host *host, struct mb_box *box, struct minibox_error *err) {
    struct subordinates uids, gids;
    if (read_callers(box, host, &uids, &gids, err))
        return -1;
    push_own_id(box, host->uid, host->gid, host);
    push_around_own_id(box, host->uid, &uids, MB_ID_USER);
    push_around_own_id(box, host->gid, &gids, MB_ID_GROUP);
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
    push_own_id(box, box->process.uid, box->process.gid, host);
    return 0;
}

bool mb_identity_is_mapped(const struct mb_box *box, uint32_t id, enum mb_id_kind kind) {
    if (!mb_box_has_own(box, CLONE_NEWUSER))
        return true;
    for (size_t i = 0; i < box->maps.count; i++) {
        const struct mb_id_map *map = &box->maps.list[i];
        if (mb_id_map_is_for(map, kind) && id >= map->inside && id - map->inside < map->count)
            return true;
    }
    return false;
}

/* ---- the command's user --------------------------------------------------------------------------------------- */

/* If the map lacks the default user or group, the command gets the first ids of the map. */
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
    /* The kernel forbids setgroups(2) under a map that a user wrote itself. It may do so in a user namespace that is
     * joined: root drops its groups before it enters. */
    bool is_allowed = f->host->privileged || box->maps.writer == MB_MAPS_HELPER ||
                      (box->maps.writer == MB_MAPS_PARENT && f->host->may_set_groups);
    process->group_count = is_allowed ? 0 : (uint32_t)f->host->group_count;
    box->keep_groups = mb_box_joins(box, MB_FLAG_USER) || !is_allowed;
    if (spec->init != MB_YES && spec->die_with_launcher != MB_YES && box->maps.has_range)
        return mb_error_usage(f->err, &spec->origin[MB_OPTION_INIT], MB_REMEDY_INIT_HOLDS_RANGE,
                              "refusing --init no with --die-with-launcher no", NULL, NULL);
    return 0;
}
