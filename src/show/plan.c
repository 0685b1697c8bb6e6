/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans in words. One table says what a step of each kind is called and how an error about it begins; --dry-run, its
 * JSON form and error messages all read from it, so that a step has the same number and name wherever it is spoken of.
 */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/text.h"
#include "kernel/caps.h"
#include "show/show.h"
#include "plan/plan.h"

/* What an error names as the object. */
enum object { OBJECT_NONE, OBJECT_TARGET, OBJECT_SOURCE };

static const struct {
    const char *name;   /* as --dry-run shows the kind */
    const char *cannot; /* how an error begins; %s is the source */
    enum object object;
} kinds[MB_STEP_COUNT] = {
    [MB_STEP_DROP_GROUPS] = {"groups", "cannot drop the supplementary groups", OBJECT_NONE},
    [MB_STEP_JOIN] = {"join", "cannot join the namespace", OBJECT_SOURCE},
    [MB_STEP_CLONE] = {"clone", "cannot clone into new namespaces", OBJECT_NONE},
    [MB_STEP_WRITE_MAPS] = {"id-maps", "cannot write the id maps", OBJECT_NONE},
    [MB_STEP_DIE_WITH] = {"die-with", "cannot tie the box's life to the launcher's", OBJECT_NONE},
    [MB_STEP_STREAM] = {"stream", "cannot open", OBJECT_SOURCE},
    [MB_STEP_CLOSE] = {"close", "cannot close inherited descriptors", OBJECT_NONE},
    [MB_STEP_SELF_MAPS] = {"id-maps", "cannot write the id maps", OBJECT_NONE},
    [MB_STEP_PRIVATE] = {"private", "cannot make mount propagation private", OBJECT_NONE},
    [MB_STEP_HOSTNAME] = {"hostname", "cannot set the host name", OBJECT_SOURCE},
    [MB_STEP_LOOPBACK] = {"loopback", "cannot bring the loopback interface up", OBJECT_NONE},
    [MB_STEP_WAIT_MAPS] = {"wait", "cannot wait for the id maps", OBJECT_NONE},
    [MB_STEP_BECOME_ROOT] = {"become", "cannot take the box's own ids", OBJECT_NONE},
    [MB_STEP_UNSHARE] = {"unshare", "cannot make further namespaces", OBJECT_NONE},
    [MB_STEP_MOUNT] = {"mount", "cannot mount %s on", OBJECT_TARGET},
    [MB_STEP_BIND] = {"bind", "cannot show the host's %s at", OBJECT_TARGET},
    [MB_STEP_OVERLAY] = {"overlay", "cannot mount %s on", OBJECT_TARGET},
    [MB_STEP_DIRECTORY] = {"folder", "cannot make the folder", OBJECT_TARGET},
    [MB_STEP_LINK] = {"link", "cannot make links to %s at", OBJECT_TARGET},
    [MB_STEP_FILE] = {"file", "cannot make the file", OBJECT_TARGET},
    [MB_STEP_DEVICE] = {"device", "cannot show the host's %s at", OBJECT_TARGET},
    [MB_STEP_MASK] = {"mask", "cannot hide", OBJECT_TARGET},
    [MB_STEP_REMOUNT] = {"remount", "cannot change the mount flags of", OBJECT_TARGET},
    [MB_STEP_TERMINAL] = {"terminal", "cannot open the box's terminal", OBJECT_TARGET},
    [MB_STEP_PIVOT] = {"pivot", "cannot change the root", OBJECT_NONE},
    [MB_STEP_WORKDIR] = {"workdir", "cannot change the working directory to", OBJECT_TARGET},
    [MB_STEP_KEYRING] = {"keyring", "cannot join a session keyring of its own", OBJECT_NONE},
    [MB_STEP_RAISE_LIMIT] = {"raise", "cannot raise the limit", OBJECT_SOURCE},
    [MB_STEP_UMASK] = {"umask", "cannot set the umask", OBJECT_NONE},
    [MB_STEP_IDS] = {"ids", "cannot set the command's ids", OBJECT_NONE},
    [MB_STEP_CAPABILITIES] = {"caps", "cannot set the capabilities", OBJECT_NONE},
    [MB_STEP_NO_NEW_PRIVS] = {"no-new-privs", "cannot set no_new_privs", OBJECT_NONE},
    [MB_STEP_INIT] = {"init", "cannot execute init", OBJECT_NONE},
    [MB_STEP_SESSION] = {"session", "cannot start a session of its own", OBJECT_NONE},
    [MB_STEP_VERIFY] = {"verify", "cannot verify the box", OBJECT_NONE},
    [MB_STEP_LIMIT] = {"limit", "cannot set the limit", OBJECT_SOURCE},
    [MB_STEP_FILTER] = {"filter", "cannot load the seccomp filter", OBJECT_NONE},
    [MB_STEP_EXEC] = {"exec", "cannot execute", OBJECT_TARGET},
};

static const char *const sides[] = {
    [MB_SIDE_PARENT] = "parent", [MB_SIDE_BUILDER] = "builder", [MB_SIDE_COMMAND] = "command"};

const char *mb_step_name(enum mb_step_kind kind) {
    return kinds[kind].name;
}

void mb_step_fill_error(const struct mb_step *step, struct minibox_error *err) {
    const char *object = kinds[step->kind].object == OBJECT_TARGET   ? step->target
                         : kinds[step->kind].object == OBJECT_SOURCE ? step->source
                                                                     : "";
    const char *form = kinds[step->kind].cannot, *hole = strstr(form, "%s");
    if (hole)
        snprintf(err->what, sizeof(err->what), "%.*s%s%s", (int)(hole - form), form, step->source, hole + 2);
    else
        snprintf(err->what, sizeof(err->what), "%s", form);
    snprintf(err->object, sizeof(err->object), "%s", object ? object : "");
    snprintf(err->kind, sizeof(err->kind), "%s", kinds[step->kind].name);
}

/* ---- texts of parts ------------------------------------------------------------------------------------------- */

static void print_attributes(uint64_t attributes, FILE *out) {
    static const struct {
        uint64_t attribute;
        const char *name;
    } names[] = {{MOUNT_ATTR_NOSUID, "nosuid"},
                 {MOUNT_ATTR_NODEV, "nodev"},
                 {MOUNT_ATTR_NOEXEC, "noexec"},
                 {MOUNT_ATTR_NOATIME, "noatime"},
                 {MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"}};
    fputs(attributes & MOUNT_ATTR_RDONLY ? "ro" : "rw", out);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (attributes & names[i].attribute)
            fprintf(out, ",%s", names[i].name);
}

static void print_flags(uint64_t flags, FILE *out) {
    const char *separator = "";
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        if (!(flags & mb_flags[i].flag))
            continue;
        fprintf(out, "%s%s%s", separator, mb_flags[i].polarity == MB_FLAG_SHARES ? "share " : "new ", mb_flags[i].name);
        separator = ", ";
    }
}

static void print_capability(int cap, FILE *out) {
    if (cap >= MB_CAP_COUNT) { /* of a kernel newer than the names */
        fprintf(out, "%d", cap);
        return;
    }
    fputs("cap_", out);
    for (const char *c = mb_caps[cap]; *c; c++)
        fputc(tolower((unsigned char)*c), out);
}

static void print_capabilities(uint64_t capabilities, FILE *out) {
    const char *separator = "";
    if (!capabilities)
        fputs("none", out);
    for (int i = 0; i < 64; i++) {
        if (!(capabilities >> i & 1))
            continue;
        fputs(separator, out);
        print_capability(i, out);
        separator = ", ";
    }
}

static void print_maps(const struct mb_plan *plan, FILE *out) {
    const char *separator = "";
    for (size_t i = 0; i < plan->map_count; i++) {
        const struct mb_id_map *map = &plan->maps[i];
        fprintf(out, "%s%s %u", separator, map->uids && map->gids ? "ids" : map->uids ? "uid" : "gid", map->inside);
        if (map->count > 1)
            fprintf(out, "-%u", map->inside + map->count - 1);
        if (plan->reserve_range)
            fputs(" of a range that no other box has", out);
        else
            fprintf(out, " is %u%s on the host", map->outside, map->count > 1 ? " and up" : "");
        separator = "; ";
    }
}

static void print_limit(uint64_t value, FILE *out) {
    if (value == UINT64_MAX)
        fputs("unlimited", out);
    else
        fprintf(out, "%llu", (unsigned long long)value);
}

/* What a step does, without its number and kind. */
static void print_step(const struct mb_plan *plan, const struct mb_step *step, FILE *out) {
    switch (step->kind) {
    case MB_STEP_DROP_GROUPS:
        fputs("no supplementary groups", out);
        break;
    case MB_STEP_JOIN:
        fprintf(out, "enter the namespace %s", step->source);
        break;
    case MB_STEP_CLONE:
    case MB_STEP_UNSHARE:
        print_flags(step->flags, out);
        break;
    case MB_STEP_WRITE_MAPS:
        if (plan->map_writer == MB_MAPS_HELPER)
            fputs("by newuidmap and newgidmap: ", out);
        print_maps(plan, out);
        break;
    case MB_STEP_SELF_MAPS:
        print_maps(plan, out);
        break;
    case MB_STEP_DIE_WITH:
        fputs(plan->die_with_launcher ? "the box is killed when minibox ends, however it ends"
                                      : "until the command is executed, the box is killed when minibox ends",
              out);
        break;
    case MB_STEP_CLOSE:
        fprintf(out, "close every descriptor from %u on", 3 + plan->preserve_fds);
        break;
    case MB_STEP_PRIVATE:
        fputs("stop mount propagation to and from the host", out);
        break;
    case MB_STEP_HOSTNAME:
        fputs(step->source, out);
        break;
    case MB_STEP_LOOPBACK:
        fputs("bring lo up", out);
        break;
    case MB_STEP_WAIT_MAPS:
        fputs("until the id maps are written", out);
        break;
    case MB_STEP_BECOME_ROOT:
        fprintf(out, "uid %u, gid %u of the box, for what it makes", step->uid, step->gid);
        break;
    case MB_STEP_MOUNT:
    case MB_STEP_OVERLAY:
        fprintf(out, "%s on %s (", step->source, step->target);
        print_attributes(step->attributes, out);
        for (size_t i = 0; i < step->option_count; i++)
            fprintf(out, step->options[i].value ? ",%s=%s" : ",%s", step->options[i].key, step->options[i].value);
        fputs(")", out);
        break;
    case MB_STEP_BIND:
    case MB_STEP_DEVICE:
        fprintf(out, "%s at %s (", step->source, step->target);
        print_attributes(step->attributes, out);
        fprintf(out, ")%s", step->idmap ? ", owners as in the box" : "");
        break;
    case MB_STEP_REMOUNT:
        fprintf(out, "%s (", step->target);
        print_attributes(step->attributes, out);
        fputs(")", out);
        break;
    case MB_STEP_DIRECTORY:
        fprintf(out, "%s (%04o)", step->target, step->mode & 07777);
        break;
    case MB_STEP_LINK:
        if (step->names)
            fprintf(out, "%zu names in %s to %s", step->name_count, step->target, step->source);
        else
            fprintf(out, "%s to %s", step->target, step->source);
        break;
    case MB_STEP_FILE:
        fprintf(out, "%s (%zu bytes)", step->target, strlen(step->source));
        break;
    case MB_STEP_MASK:
    case MB_STEP_TERMINAL:
    case MB_STEP_WORKDIR:
        fputs(step->target, out);
        break;
    case MB_STEP_PIVOT:
        fputs("enter the new root, let the old one go", out);
        break;
    case MB_STEP_KEYRING:
        fputs("a session keyring of its own", out);
        break;
    case MB_STEP_RAISE_LIMIT:
        fprintf(out, "%s to ", step->source);
        print_limit(step->hard, out);
        break;
    case MB_STEP_LIMIT:
        fprintf(out, "%s ", step->source);
        print_limit(step->soft, out);
        fputs(", hard ", out);
        print_limit(step->hard, out);
        break;
    case MB_STEP_UMASK:
        fputs("022", out);
        break;
    case MB_STEP_IDS:
        fprintf(out, "uid %u, gid %u", step->uid, step->gid);
        if (!step->keep_groups)
            fputs(", no supplementary groups", out);
        else
            fprintf(out, ", supplementary groups kept: %zu (the kernel lets an ordinary user drop none)",
                    plan->group_count);
        break;
    case MB_STEP_STREAM:
        fprintf(out, "standard %s: %s",
                step->stream == 0   ? "input"
                : step->stream == 1 ? "output"
                                    : "error",
                step->source ? step->source : "the caller's");
        if (step->stream && plan->output_limit)
            fprintf(out, ", at most %llu bytes in all", (unsigned long long)plan->output_limit);
        break;
    case MB_STEP_CAPABILITIES:
        print_capabilities(step->flags, out);
        break;
    case MB_STEP_NO_NEW_PRIVS:
        fputs("execve gives no privileges", out);
        break;
    case MB_STEP_INIT:
        fputs(plan->init ? "minibox's init becomes process 1" : "minibox's init verifies, then becomes the command",
              out);
        break;
    case MB_STEP_SESSION:
        fputs(plan->terminal ? "a session of its own on its terminal" : "a session of its own", out);
        break;
    case MB_STEP_VERIFY:
        fputs("ask the kernel whether the box is as planned", out);
        break;
    case MB_STEP_FILTER:
        fprintf(out, "seccomp, %zu instructions", plan->filter.count);
        break;
    case MB_STEP_EXEC:
        for (char *const *word = plan->command; *word; word++)
            fprintf(out, "%s%s", word == plan->command ? "" : " ", *word);
        break;
    case MB_STEP_COUNT:
        break;
    }
}

void mb_step_describe(const struct mb_plan *plan, const struct mb_step *step, char *ret_text, size_t size) {
    memset(ret_text, 0, size);
    FILE *out = fmemopen(ret_text, size, "w");
    if (!out)
        return;
    print_step(plan, step, out);
    fclose(out);
    ret_text[size - 1] = '\0';
}

void mb_plan_print(const struct mb_plan *plan, FILE *out) {
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct mb_step *step = &plan->steps[i];
        char text[4096], origin[160];
        mb_step_describe(plan, step, text, sizeof(text));
        for (char *c = text; *c;) { /* what a name holds must not drive the terminal */
            size_t length = mb_text_printable(c);
            if (!length)
                *c = '?';
            c += length ? length : 1;
        }
        fprintf(out, "%3zu  %-7s  %-12s  %s", i + 1, sides[step->side], kinds[step->kind].name, text);
        if (step->origin->kind != MB_ORIGIN_DEFAULT) {
            mb_origin_print(step->origin, origin, sizeof(origin));
            fprintf(out, "  [%s]", origin);
        }
        fputc('\n', out);
    }
    for (size_t i = 0; i < plan->absent_count; i++)
        fprintf(out, "  -  absent   %s\n", plan->absent[i]);
}

int mb_plan_print_json(const struct mb_plan *plan, FILE *out, struct minibox_error *err) {
    struct mb_arena arena = {0};
    struct json_object *document = json_object_new_object(), *steps = json_object_new_array(),
                       *absent = json_object_new_array(), *command = json_object_new_array(),
                       *environment = json_object_new_array();
    json_object_object_add(document, "name", mb_json_string(&arena, plan->name));
    json_object_object_add(document, "command", command);
    for (char *const *word = plan->command; *word; word++)
        json_object_array_add(command, mb_json_string(&arena, *word));
    json_object_object_add(document, "environment", environment);
    for (char *const *word = plan->environment; *word; word++)
        json_object_array_add(environment, mb_json_string(&arena, *word));
    json_object_object_add(document, "uid", json_object_new_int64(plan->uid));
    json_object_object_add(document, "gid", json_object_new_int64(plan->gid));
    json_object_object_add(document, "supplementary_groups_kept", json_object_new_int64((int64_t)plan->group_count));
    json_object_object_add(document, "steps", steps);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct mb_step *step = &plan->steps[i];
        char text[4096], origin[160];
        struct json_object *item = json_object_new_object();
        mb_step_describe(plan, step, text, sizeof(text));
        mb_origin_print(step->origin, origin, sizeof(origin));
        json_object_object_add(item, "step", json_object_new_int64((int64_t)i + 1));
        json_object_object_add(item, "side", mb_json_string(&arena, sides[step->side]));
        json_object_object_add(item, "kind", mb_json_string(&arena, kinds[step->kind].name));
        if (step->target)
            json_object_object_add(item, "target", mb_json_string(&arena, step->target));
        if (step->source && step->kind != MB_STEP_FILE)
            json_object_object_add(item, "source", mb_json_string(&arena, step->source));
        json_object_object_add(item, "text", mb_json_string(&arena, text));
        json_object_object_add(item, "origin", mb_json_string(&arena, origin));
        json_object_array_add(steps, item);
    }
    json_object_object_add(document, "absent", absent);
    for (size_t i = 0; i < plan->absent_count; i++)
        json_object_array_add(absent, mb_json_string(&arena, plan->absent[i]));
    int result = mb_json_print(out, document, err);
    if (arena.failed)
        result = mb_error_memory(err);
    mb_arena_free(&arena);
    return result;
}
