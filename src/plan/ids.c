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
#include "plan/ids.h"

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

enum {
    RANGE_SIZE = 65536,
    FIRST_RANGE = 0x80000, /* ids that distributions leave to containers: systemd's docs/UIDS-GIDS.md */
    LAST_RANGE = 0x6fff0000,
    MAX_ACCOUNTS = 1 << 20,
};

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

int mb_ids_read_accounts(struct mb_arena *arena, int root_fd, bool with_groups, struct mb_accounts *ret_accounts,
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

int mb_ids_find_user(const struct mb_accounts *accounts, const char *user, const char *group,
                     const struct mb_origin *origin, uint32_t *ret_uid, uint32_t *ret_gid, struct minibox_error *err) {
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

void mb_ids_find_name(struct mb_arena *arena, const struct mb_accounts *accounts, uint32_t uid, const char **ret_name,
                      const char **ret_home) {
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
static int read_host(struct mb_plan *plan, const struct mb_host *host, const char *path, const char **ret_text,
                     struct minibox_error *err) {
    path = mb_arena_printf(&plan->arena, "%s%s", host->root, path);
    mb_autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *ret_text = "";
    if (fd < 0 && errno == ENOENT)
        return 0;
    const char *text = fd < 0 ? NULL : read_open(&plan->arena, fd);
    if (!text)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot read", path);
    *ret_text = text;
    return 0;
}

static int read_subordinates(struct mb_plan *plan, const struct mb_host *host, const char *path, const char *name,
                             uint32_t uid, struct subordinates *ret, struct minibox_error *err) {
    char buffer[1024], *field[3];
    const char *text;
    *ret = (struct subordinates){0};
    if (read_host(plan, host, path, &text, err))
        return -1;
    for (int n; (n = next_line(&text, buffer, sizeof(buffer), field, 3));) {
        uint32_t owner;
        uint64_t start, count;
        if (n < 3 || mb_number_parse(field[1], 10, UINT32_MAX, &start) ||
            mb_number_parse(field[2], 10, UINT32_MAX, &count))
            continue; /* no entry: useradd(8) and newuidmap(1) pass it over too */
        struct subordinate *s = mb_arena_push(&plan->arena, &ret->list, &ret->count, sizeof(*s));
        if (!s)
            return mb_error_memory(err);
        s->own = (name[0] && strcmp(field[0], name) == 0) || (parse_id(field[0], &owner) == 0 && owner == uid);
        s->start = start;
        s->count = start + count > UINT32_MAX ? UINT32_MAX - start : count; /* ids end there: beyond is 0 again */
    }
    return 0;
}

/* The caller's, and everybody's, as /etc/passwd of the host names the caller. */
static int read_callers(struct mb_plan *plan, const struct mb_host *host, struct subordinates *ret_uids,
                        struct subordinates *ret_gids, struct minibox_error *err) {
    struct mb_accounts accounts = {"", ""};
    const char *name, *home;
    if (read_host(plan, host, "/etc/passwd", &accounts.passwd, err))
        return -1;
    mb_ids_find_name(&plan->arena, &accounts, host->uid, &name, &home);
    return read_subordinates(plan, host, "/etc/subuid", name, host->uid, ret_uids, err) ||
                   read_subordinates(plan, host, "/etc/subgid", name, host->uid, ret_gids, err)
               ? -1
               : 0;
}

static bool has_own(const struct subordinates *ids) {
    for (size_t i = 0; i < ids->count; i++)
        if (ids->list[i].own)
            return true;
    return false;
}

bool mb_ids_has_subordinates(const struct mb_host *host) {
    struct mb_plan scratch = {0};
    struct subordinates uids, gids;
    struct minibox_error err;
    bool has = read_callers(&scratch, host, &uids, &gids, &err) == 0 && has_own(&uids) && has_own(&gids);
    mb_plan_free(&scratch);
    return has;
}

static int push_range(struct mb_plan *plan, struct mb_id_range **list, size_t *count, uint64_t uid, uint64_t gid,
                      uint64_t size, struct minibox_error *err) {
    struct mb_id_range *range = mb_arena_push(&plan->arena, list, count, sizeof(*range));
    if (!range)
        return mb_error_memory(err);
    *range = (struct mb_id_range){(uint32_t)uid, (uint32_t)gid, (uint32_t)size};
    return 0;
}

/* The ids of an account file, passwd(5) or group(5): numbers in the third field, and in the fourth if `has_gids`. Lines
 * of any length: a group may have many members. */
static int push_accounts(struct mb_plan *plan, const char *text, bool has_gids, struct minibox_error *err) {
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *field = line;
        for (int n = 0; n < (has_gids ? 4 : 3); n++) {
            char *end;
            unsigned long id = n >= 2 && isdigit((unsigned char)*field) ? strtoul(field, &end, 10) : 0;
            if (id >= FIRST_RANGE && id < UINT32_MAX &&
                push_range(plan, &plan->taken, &plan->taken_count, id, 0, 1, err))
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
static int plan_ranges(const struct mb_host *host, struct mb_plan *plan, struct minibox_error *err) {
    struct subordinates uids, gids;
    const char *passwd, *group;
    if (read_subordinates(plan, host, "/etc/subuid", "root", 0, &uids, err) ||
        read_subordinates(plan, host, "/etc/subgid", "root", 0, &gids, err) ||
        read_host(plan, host, "/etc/passwd", &passwd, err) || read_host(plan, host, "/etc/group", &group, err))
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
        if (push_range(plan, &plan->ranges, &plan->range_count, uids.list[u].start, gids.list[g].start, least, err))
            return -1;
    }

    for (size_t i = 0; i < uids.count; i++)
        if (push_range(plan, &plan->taken, &plan->taken_count, uids.list[i].start, 0, uids.list[i].count, err))
            return -1;
    for (size_t i = 0; i < gids.count; i++)
        if (push_range(plan, &plan->taken, &plan->taken_count, gids.list[i].start, 0, gids.list[i].count, err))
            return -1;
    return push_accounts(plan, passwd, true, err) || push_accounts(plan, group, false, err) ? -1 : 0;
}

static int push_map(struct mb_plan *plan, struct mb_id_map map, struct minibox_error *err) {
    struct mb_id_map *slot = mb_arena_push(&plan->arena, &plan->maps, &plan->map_count, sizeof(*slot));
    if (!slot)
        return mb_error_memory(err);
    *slot = map;
    return 0;
}

static int push_own_id(struct mb_plan *plan, uint32_t uid, uint32_t gid, const struct mb_host *host,
                       struct minibox_error *err) {
    return push_map(plan, (struct mb_id_map){.inside = uid, .outside = host->uid, .count = 1, .uids = true}, err) ||
                   push_map(plan, (struct mb_id_map){.inside = gid, .outside = host->gid, .count = 1, .gids = true},
                            err)
               ? -1
               : 0;
}

/* keep-id, with subordinate ids: the caller's id is itself, the other ids of the box are the caller's subordinate ones.
 */
static int push_around_own_id(struct mb_plan *plan, uint32_t id, const struct subordinates *ranges, bool is_gid,
                              struct minibox_error *err) {
    const struct subordinate *list = ranges->list;
    uint64_t inside = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        if (!list[i].own || !list[i].start) /* host root is in no map, whatever the file says */
            continue;
        for (uint64_t outside = list[i].start, left = list[i].count; left;) {
            uint64_t part = inside <= id && id - inside < left ? id - inside : left;
            if (part && push_map(plan,
                                 (struct mb_id_map){(uint32_t)inside,
                                                    (uint32_t)outside,
                                                    (uint32_t)part,
                                                    !is_gid,
                                                    is_gid,
                                                    {.kind = MB_ORIGIN_DEFAULT}},
                                 err))
                return -1;
            inside += part;
            outside += part;
            left -= part;
            inside += inside == id;
        }
    }
    return 0;
}

/* A map that says no more than what an ordinary user may write itself: one uid and one gid, the caller's. */
static bool is_own_id(const struct minibox_spec *spec, const struct mb_host *host, struct mb_id_range *ret_inside) {
    size_t uids = 0, gids = 0;
    bool is_own = true;
    for (size_t i = 0; i < spec->id_map_count; i++) {
        const struct mb_id_map *map = &spec->id_maps[i];
        is_own &=
            map->count == 1 && (!map->uids || map->outside == host->uid) && (!map->gids || map->outside == host->gid);
        if (map->uids)
            ret_inside->uid = map->inside, uids++;
        if (map->gids)
            ret_inside->gid = map->inside, gids++;
    }
    return is_own && uids == 1 && gids == 1;
}

int mb_ids_plan_maps(const struct minibox_spec *spec, const struct mb_host *host, struct mb_plan *plan,
                     struct minibox_error *err) {
    struct mb_id_range inside = {0};
    plan->map_writer = MB_MAPS_NONE;
    if (!(plan->flags & CLONE_NEWUSER))
        return 0;
    if (spec->userns == MB_USERNS_KEEP_ID && host->uid == 0)
        return mb_error_usage(err, &spec->origin[MB_OPTION_USERNS], MB_REMEDY_HOST_ROOT_MAPPED, "refusing",
                              "--userns keep-id", "the caller is root");
    if (spec->userns == MB_USERNS_MAP) {
        for (size_t i = 0; i < spec->id_map_count; i++)
            if (push_map(plan, spec->id_maps[i], err))
                return -1;
        plan->map_writer = host->privileged                 ? MB_MAPS_PARENT
                           : is_own_id(spec, host, &inside) ? MB_MAPS_SELF
                                                            : MB_MAPS_HELPER;
        if (plan->map_writer == MB_MAPS_SELF) {
            plan->map_count = 0;
            return push_own_id(plan, inside.uid, inside.gid, host, err);
        }
        return 0;
    }
    if (host->privileged) {
        plan->map_writer = MB_MAPS_PARENT;
        plan->reserve_range = true;
        if (push_map(plan, (struct mb_id_map){.count = RANGE_SIZE, .uids = true}, err) ||
            push_map(plan, (struct mb_id_map){.count = RANGE_SIZE, .gids = true}, err))
            return -1;
        return plan_ranges(host, plan, err);
    }
    if (push_own_id(plan, plan->uid, plan->gid, host, err))
        return -1;
    plan->map_writer = MB_MAPS_SELF;
    if (spec->userns != MB_USERNS_KEEP_ID)
        return 0;
    struct subordinates uids, gids;
    plan->map_count = 0;
    if (read_callers(plan, host, &uids, &gids, err) || push_own_id(plan, host->uid, host->gid, host, err) ||
        push_around_own_id(plan, host->uid, &uids, false, err) || push_around_own_id(plan, host->gid, &gids, true, err))
        return -1;
    if (plan->map_count > 2)
        plan->map_writer = MB_MAPS_HELPER;
    return 0;
}

bool mb_ids_is_mapped(const struct mb_plan *plan, uint32_t id, bool is_gid) {
    if (!(plan->flags & CLONE_NEWUSER))
        return true;
    for (size_t i = 0; i < plan->map_count; i++) {
        const struct mb_id_map *map = &plan->maps[i];
        if ((is_gid ? map->gids : map->uids) && id >= map->inside && id - map->inside < map->count)
            return true;
    }
    return false;
}

/* 0: locked and put into the maps; 1: another box has it; -1 with errno. */
static int try_range(struct mb_plan *plan, int fd, uint32_t uid, uint32_t gid) {
    /* What is locked are the bytes whose offsets are the uids. It is a lock of the open file description: it lives as
     * long as any descriptor of it does, in whichever process. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = uid, .l_len = RANGE_SIZE};
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
        return errno == EAGAIN || errno == EACCES ? 1 : -1;
    plan->maps[0].outside = uid;
    plan->maps[1].outside = gid;
    return 0;
}

static bool is_taken(const struct mb_plan *plan, uint64_t start) {
    for (size_t i = 0; i < plan->taken_count; i++)
        if (plan->taken[i].uid < start + RANGE_SIZE && start < (uint64_t)plan->taken[i].uid + plan->taken[i].count)
            return true;
    return false;
}

int mb_ids_reserve(struct mb_plan *plan, int *ret_fd, struct minibox_error *err) {
    static const char folder[] = "/run/minibox", path[] = "/run/minibox/ids";
    mb_autofd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == ENOENT) {
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
            return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot make", folder);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (fd < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot open", path);
    int result = 1;
    for (size_t i = 0; result == 1 && i < plan->range_count; i++)
        for (uint32_t n = 0; result == 1 && n < plan->ranges[i].count / RANGE_SIZE; n++)
            result = try_range(plan, fd, plan->ranges[i].uid + n * RANGE_SIZE, plan->ranges[i].gid + n * RANGE_SIZE);
    for (uint32_t start = FIRST_RANGE; result == 1 && start <= LAST_RANGE; start += RANGE_SIZE)
        if (!is_taken(plan, start))
            result = try_range(plan, fd, start, start);
    if (result < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot lock", path);
    if (result > 0)
        return mb_error_host(err, NULL, MB_REMEDY_NO_RANGE, EAGAIN, "cannot find a free range of ids", NULL);
    *ret_fd = mb_fd_steal(&fd);
    return 0;
}
