/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. An ordinary user may map one id, its own, without help: that is the default. Root maps a range of 65,536
 * ids that nobody else has: a slice of root's entry in /etc/subuid and /etc/subgid if there is one, else an aligned range
 * that no account and no subordinate range touches. Live boxes hold their range by a lock on one byte of a file, so that
 * no two boxes can reach each other's files and processes even if both break out. Host uid 0 is in no map.
 *
 * /etc/passwd of a box is hostile: all that is taken from it is numbers, which must be in the map to be used.
 */
#include "plan/ids.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/number.h"

enum {
    RANGE_SIZE = 65536,
    FIRST_RANGE = 0x80000,   /* ids that distributions leave to containers: systemd's docs/UIDS-GIDS.md */
    LAST_RANGE = 0x6fff0000,
    MAX_ACCOUNTS = 1 << 20,
};

static int read_below(struct mb_arena *arena, int root_fd, const char *path, const char **ret_text, struct minibox_error *err) {
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    struct stat st;
    *ret_text = "";
    mb_autofd fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return mb_error_host(err, NULL, errno == ENOSYS ? MB_REMEDY_OLD_KERNEL : MB_REMEDY_NONE, errno,
                             "cannot read in the root file system", path);
    if (!S_ISREG(st.st_mode) || st.st_size >= MAX_ACCOUNTS)
        return mb_error_host(err, NULL, MB_REMEDY_NO_USER, S_ISREG(st.st_mode) ? EFBIG : EINVAL,
                             "cannot look up users in the root file system's", path);
    char *text = mb_arena_alloc(arena, (size_t)st.st_size + 2);
    if (!text)
        return mb_error_memory(err);
    if (mb_fd_read_all(fd, text, (size_t)st.st_size + 2) < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NO_USER, errno, "cannot read in the root file system", path);
    *ret_text = text;
    return 0;
}

int mb_ids_read_accounts(struct mb_arena *arena, int root_fd, struct mb_accounts *ret_accounts, struct minibox_error *err) {
    return read_below(arena, root_fd, "etc/passwd", &ret_accounts->passwd, err) ||
                   read_below(arena, root_fd, "etc/group", &ret_accounts->group, err)
               ? -1
               : 0;
}

/* Cuts the line at *text into at most `max` fields at colons, copied into `buffer`; moves *text to the next line.
 * Returns how many there were, 0 at the end. A line that does not fit has none but is passed over (1 empty field). */
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

int mb_ids_find_user(const struct mb_accounts *accounts, const char *user, const char *group, const struct mb_origin *origin,
                     uint32_t *ret_uid, uint32_t *ret_gid, struct minibox_error *err) {
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
        return mb_error_usage(err, origin, MB_REMEDY_NO_USER, "no such user in the box", user, NULL);
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

/* A subordinate range of /etc/subuid or subgid: NAME:START:COUNT or UID:START:COUNT. */
struct subordinate {
    bool own;
    uint64_t start, count;
};

/* Reads a file of the host whose lines are fields; "" when it is not there or too large to be one. */
static const char *read_host(struct mb_plan *plan, const struct mb_host *host, const char *path) {
    struct stat st;
    mb_autofd fd = open(mb_arena_printf(&plan->arena, "%s%s", host->root, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size >= MAX_ACCOUNTS)
        return "";
    char *text = mb_arena_alloc(&plan->arena, (size_t)st.st_size + 2);
    return text && mb_fd_read_all(fd, text, (size_t)st.st_size + 2) > 0 ? text : "";
}

static size_t read_subordinates(struct mb_plan *plan, const struct mb_host *host, const char *path, const char *name,
                                uint32_t uid, struct subordinate *ret_list, size_t max) {
    char buffer[256], *field[3];
    size_t count = 0;
    const char *text = read_host(plan, host, path);
    for (int n; count < max && (n = next_line(&text, buffer, sizeof(buffer), field, 3));) {
        uint32_t owner;
        struct subordinate *s = &ret_list[count];
        if (n < 3 || mb_number_parse(field[1], 10, UINT32_MAX, &s->start) ||
            mb_number_parse(field[2], 10, UINT32_MAX, &s->count) || !s->count)
            continue;
        s->own = strcmp(field[0], name) == 0 || (parse_id(field[0], &owner) == 0 && owner == uid);
        count++;
    }
    return count;
}

enum { MAX_SUBORDINATES = 256 };

static int push_range(struct mb_plan *plan, struct mb_id_range **list, size_t *count, uint64_t uid, uint64_t gid, uint64_t size,
                      struct minibox_error *err) {
    struct mb_id_range *range = mb_arena_push(&plan->arena, list, count, sizeof(*range));
    if (!range)
        return mb_error_memory(err);
    *range = (struct mb_id_range){(uint32_t)uid, (uint32_t)gid, (uint32_t)size};
    return 0;
}

/* Root's candidates: its own subordinate ids, and what the ranges that nobody owns must keep clear of. */
static int plan_ranges(const struct mb_host *host, struct mb_plan *plan, struct minibox_error *err) {
    struct subordinate uids[MAX_SUBORDINATES], gids[MAX_SUBORDINATES];
    size_t uid_count = read_subordinates(plan, host, "/etc/subuid", "root", 0, uids, MAX_SUBORDINATES);
    size_t gid_count = read_subordinates(plan, host, "/etc/subgid", "root", 0, gids, MAX_SUBORDINATES);

    /* The n-th range of root's uids goes with the n-th of its gids. */
    for (size_t u = 0, g = 0;; u++, g++) {
        while (u < uid_count && (!uids[u].own || !uids[u].start))
            u++;
        while (g < gid_count && (!gids[g].own || !gids[g].start))
            g++;
        if (u >= uid_count || g >= gid_count)
            break;
        uint64_t least = uids[u].count < gids[g].count ? uids[u].count : gids[g].count;
        if (push_range(plan, &plan->ranges, &plan->range_count, uids[u].start, gids[g].start, least, err))
            return -1;
    }

    for (size_t i = 0; i < uid_count; i++)
        if (push_range(plan, &plan->taken, &plan->taken_count, uids[i].start, 0, uids[i].count, err))
            return -1;
    for (size_t i = 0; i < gid_count; i++)
        if (push_range(plan, &plan->taken, &plan->taken_count, gids[i].start, 0, gids[i].count, err))
            return -1;
    char buffer[1024], *field[4];
    const char *text = read_host(plan, host, "/etc/passwd");
    for (int n; (n = next_line(&text, buffer, sizeof(buffer), field, 4));) {
        uint32_t id;
        for (int i = 2; i < n; i++)
            if (parse_id(field[i], &id) == 0 && id >= FIRST_RANGE &&
                push_range(plan, &plan->taken, &plan->taken_count, id, 0, 1, err))
                return -1;
    }
    return 0;
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
                   push_map(plan, (struct mb_id_map){.inside = gid, .outside = host->gid, .count = 1, .gids = true}, err)
               ? -1
               : 0;
}

/* keep-id, with subordinate ids: the caller's id is itself, the other ids of the box are the caller's subordinate ones. */
static int push_around_own_id(struct mb_plan *plan, uint32_t id, const struct subordinate *list, size_t count, bool is_gid,
                              struct minibox_error *err) {
    uint64_t inside = 0;
    for (size_t i = 0; i < count; i++) {
        if (!list[i].own)
            continue;
        for (uint64_t outside = list[i].start, left = list[i].count; left;) {
            uint64_t part = inside <= id && id - inside < left ? id - inside : left;
            if (part && push_map(plan,
                                 (struct mb_id_map){(uint32_t)inside, (uint32_t)outside, (uint32_t)part, !is_gid, is_gid,
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

int mb_ids_plan_maps(const struct minibox_spec *spec, const struct mb_host *host, struct mb_plan *plan,
                     struct minibox_error *err) {
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
        plan->map_writer = host->privileged ? MB_MAPS_PARENT : MB_MAPS_HELPER;
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
    struct mb_accounts accounts = {read_host(plan, host, "/etc/passwd"), ""};
    const char *name, *home;
    mb_ids_find_name(&plan->arena, &accounts, host->uid, &name, &home);
    struct subordinate uids[MAX_SUBORDINATES], gids[MAX_SUBORDINATES];
    size_t uid_count = read_subordinates(plan, host, "/etc/subuid", name, host->uid, uids, MAX_SUBORDINATES);
    size_t gid_count = read_subordinates(plan, host, "/etc/subgid", name, host->uid, gids, MAX_SUBORDINATES);
    plan->map_count = 0;
    if (push_own_id(plan, host->uid, host->gid, host, err) ||
        push_around_own_id(plan, host->uid, uids, uid_count, false, err) ||
        push_around_own_id(plan, host->gid, gids, gid_count, true, err))
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
    /* The lock's byte is the range's first uid. It is a lock of the open file description: it lives as long as any
     * descriptor of it does, in whichever process. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = uid, .l_len = 1};
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
