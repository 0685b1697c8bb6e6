/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts between empty lines: "USER[:GROUP]", then passwd, group, subuid and subgid. The first two files may be a
 * hostile box's: what is taken from them is a line that says so. All of them may be a host's: then the maps of each
 * kind of caller do not overlap, do not wrap around, and never hold host root.
 */
#include <ctype.h>
#include <sched.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "box/identity.h"

/* fill.c's, the rest of which is not needed here. */
void mb_box_free(struct mb_box *box) {
    mb_arena_free(&box->arena);
}

/* Of the lines of `text`: whether field `n` of one whose first is `name` (NULL: any) is `wanted`. */
static int has_line(const char *text, const char *name, int n, uint32_t wanted) {
    char number[16], *copy = strdup(text), *rest = copy;
    int found = 0;
    snprintf(number, sizeof(number), "%u", wanted);
    for (char *line; !found && (line = strsep(&rest, "\n"));) {
        char *first = strsep(&line, ":"), *field = NULL;
        for (int i = 1; i <= n; i++)
            field = strsep(&line, ":");
        while (field && field[0] == '0' && isdigit((unsigned char)field[1]))
            field++;
        found = field && strcmp(field, number) == 0 && (!name || strcmp(first, name) == 0);
    }
    free(copy);
    return found;
}

static int is_number(const char *text) {
    return text[0] && !text[strspn(text, "0123456789")];
}

static void find_user(char *wish, const struct mb_accounts *accounts) {
    static const struct mb_origin origin = {.kind = MB_ORIGIN_ARGV, .name = "--user", .line = 1};
    struct minibox_error err = {0};
    struct mb_arena arena = {0};
    const char *name, *home;
    uint32_t uid, gid;
    char *group = wish, *user = strsep(&group, ":");
    if (mb_identity_find_user(accounts, user, group, &origin, &uid, &gid, &err)) {
        expect_error(&err);
        return;
    }
    expect(uid != UINT32_MAX && gid != UINT32_MAX, "an id, and not the kernel's word for none");
    expect(is_number(user) ? strtoull(user, NULL, 10) == uid : has_line(accounts->passwd, user, 2, uid),
           "the uid of that user");
    if (group)
        expect(is_number(group) ? strtoull(group, NULL, 10) == gid : has_line(accounts->group, group, 2, gid),
               "the gid of that group");
    mb_identity_find_name(&arena, accounts, uid, &name, &home);
    expect(!name[0] || has_line(accounts->passwd, name, 2, uid), "the name of that uid");
    mb_arena_free(&arena);
}

static void expect_maps(const struct mb_box *box, const struct mb_host *host) {
    const struct mb_id_maps *maps = &box->maps;
    for (size_t i = 0; i < maps->count; i++) {
        const struct mb_id_map *a = &maps->list[i];
        expect(a->count && a->uids != a->gids, "a map of some ids");
        expect((uint64_t)a->inside + a->count <= UINT32_MAX && (uint64_t)a->outside + a->count <= UINT32_MAX,
               "a map that ends");
        expect(maps->has_range || a->outside, "host root in no map");
        for (size_t j = 0; j < i; j++) {
            const struct mb_id_map *b = &maps->list[j];
            expect(a->uids != b->uids || a->inside >= (uint64_t)b->inside + b->count ||
                       b->inside >= (uint64_t)a->inside + a->count,
                   "ids of the box that are mapped once");
        }
    }
    for (size_t i = 0; i < maps->own_count; i++)
        expect(maps->own[i].uid && maps->own[i].gid && (uint64_t)maps->own[i].uid + maps->own[i].count <= UINT32_MAX &&
                   (uint64_t)maps->own[i].gid + maps->own[i].count <= UINT32_MAX,
               "root's ranges end, and begin above 0");
    expect(maps->count >= 2 && (host->privileged || mb_identity_is_mapped(box, host->uid, MB_ID_USER)),
           "the caller's id");
}

static void plan_maps(const struct mb_host *host, enum mb_userns how) {
    struct minibox_error err = {0};
    struct minibox_spec spec = {.userns = how};
    struct mb_box box = {.flags = CLONE_NEWUSER, .process = {.uid = host->uid, .gid = host->gid}};
    if (mb_identity_plan_maps(&spec, host, &box, &err))
        expect_error(&err);
    else
        expect_maps(&box, host);
    mb_box_free(&box);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const files[] = {NULL, "etc/passwd", "etc/group", "etc/subuid", "etc/subgid"};
    char *text = text_of(data, size), *part[5], *rest = text;
    for (int i = 0; i < 5; i++) {
        part[i] = rest ? rest : "";
        rest = rest ? strstr(rest, "\n\n") : NULL;
        if (rest) {
            *rest = '\0';
            rest += 2;
        }
    }
    mkdir("etc", 0755); /* the working directory is the host's root here */
    for (int i = 1; i < 5; i++) {
        FILE *out = fopen(files[i], "w");
        expect(out && fputs(part[i], out) >= 0 && fclose(out) == 0, "a file of the host");
    }
    struct mb_accounts accounts = {part[1], part[2]};
    char *wish = strdup(part[0]);
    find_user(wish, &accounts);
    free(wish);
    plan_maps(&(struct mb_host){.root = ".", .privileged = true}, MB_USERNS_AUTO);
    plan_maps(&(struct mb_host){.root = ".", .uid = 1000, .gid = 1000}, MB_USERNS_AUTO);
    plan_maps(&(struct mb_host){.root = ".", .uid = 1000, .gid = 1000}, MB_USERNS_KEEP_ID);
    free(text);
    return 0;
}
