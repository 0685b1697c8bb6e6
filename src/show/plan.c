/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans in words. One table has the name of each kind of step, what it does, and how an error about it begins.
 * --dry-run, its JSON form and error messages all read this table, so that a step has the same number and name
 * everywhere.
 */
#include "show/plan.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/json.h"
#include "base/text.h"
#include "kernel/caps.h"

/* The object that an error names. */
enum object { OBJECT_NONE, OBJECT_TARGET, OBJECT_SOURCE };

static const struct {
    const char *name;   /* --dry-run's name of the kind */
    const char *cannot; /* how an error begins; %s is the source */
    enum object object;
    const char *text; /* what the step does: %s is the source, %t the target; NULL: print_step() tells it */
} kinds[MB_STEP_COUNT] = {
    [MB_STEP_DROP_GROUPS] = {"groups", "cannot drop the supplementary groups", .text = "no supplementary groups"},
    [MB_STEP_JOIN] = {"join", "cannot join the namespace", OBJECT_SOURCE, "enter the namespace %s"},
    [MB_STEP_CLONE] = {"clone", "cannot clone into new namespaces"},
    [MB_STEP_WRITE_MAPS] = {"id-maps", "cannot write the id maps"},
    [MB_STEP_DIE_WITH] = {"die-with", "cannot tie the box's life to the launcher's"},
    [MB_STEP_STREAM] = {"stream", "cannot open", OBJECT_SOURCE},
    [MB_STEP_CLOSE] = {"close", "cannot close inherited descriptors"},
    [MB_STEP_SELF_MAPS] = {"id-maps", "cannot write the id maps"},
    [MB_STEP_PRIVATE] = {"private", "cannot make mount propagation private",
                         .text = "stop mount propagation to and from the host"},
    [MB_STEP_HOSTNAME] = {"hostname", "cannot set the host name", OBJECT_SOURCE, "%s"},
    [MB_STEP_LOOPBACK] = {"loopback", "cannot bring the loopback interface up", .text = "bring lo up"},
    [MB_STEP_GATE] = {"gate", "cannot wait for the launcher",
                      .text = "wait until the launcher has done its part from outside"},
    [MB_STEP_BECOME_ROOT] = {"become", "cannot take the box's own ids"},
    [MB_STEP_UNSHARE] = {"unshare", "cannot make further namespaces"},
    [MB_STEP_MOUNT] = {"mount", "cannot mount %s on", OBJECT_TARGET},
    [MB_STEP_BIND] = {"bind", "cannot show the host's %s at", OBJECT_TARGET},
    [MB_STEP_OVERLAY] = {"overlay", "cannot mount %s on", OBJECT_TARGET},
    [MB_STEP_DIRECTORY] = {"directory", "cannot make the directory", OBJECT_TARGET},
    [MB_STEP_LINK] = {"link", "cannot make links to %s at", OBJECT_TARGET},
    [MB_STEP_FILE] = {"file", "cannot make the file", OBJECT_TARGET},
    [MB_STEP_DEVICE] = {"device", "cannot show the host's %s at", OBJECT_TARGET},
    [MB_STEP_MASK] = {"mask", "cannot hide", OBJECT_TARGET, "%t"},
    [MB_STEP_SELF] = {"remount", "cannot change the mount flags of", OBJECT_TARGET},
    [MB_STEP_REMOUNT] = {"remount", "cannot change the mount flags of", OBJECT_TARGET},
    [MB_STEP_TERMINAL] = {"terminal", "cannot open the box's terminal", OBJECT_TARGET, "%t"},
    [MB_STEP_PIVOT] = {"pivot", "cannot change the root", .text = "enter the new root, let the old one go"},
    [MB_STEP_WORKDIR] = {"workdir", "cannot change the working directory to", OBJECT_TARGET, "%t"},
    [MB_STEP_KEYRING] = {"keyring", "cannot join a session keyring of its own", .text = "a session keyring of its own"},
    [MB_STEP_RAISE_LIMIT] = {"raise", "cannot raise the limit", OBJECT_SOURCE},
    [MB_STEP_UMASK] = {"umask", "cannot set the umask"},
    [MB_STEP_IDS] = {"ids", "cannot set the command's ids"},
    [MB_STEP_CAPABILITIES] = {"caps", "cannot set the capabilities"},
    [MB_STEP_NO_NEW_PRIVS] = {"no-new-privs", "cannot set no_new_privs", .text = "execve gives no privileges"},
    [MB_STEP_INIT] = {"init", "cannot execute init"},
    [MB_STEP_SESSION] = {"session", "cannot start a session of its own"},
    [MB_STEP_VERIFY] = {"verify", "cannot verify the box", .text = "ask the kernel whether the box is as planned"},
    [MB_STEP_LIMIT] = {"limit", "cannot set the limit", OBJECT_SOURCE},
    [MB_STEP_FILTER] = {"filter", "cannot load the seccomp filter"},
    [MB_STEP_EXEC] = {"exec", "cannot execute", OBJECT_TARGET},
};

static const char *const sides[] = {
    [MB_SIDE_PARENT] = "parent", [MB_SIDE_BUILDER] = "builder", [MB_SIDE_COMMAND] = "command"};

const char *mb_step_name(enum mb_step_kind kind) {
    return kinds[kind].name;
}

void mb_step_fill_error(const struct mb_step *step, struct minibox_error *err) {
    const char *form = kinds[step->kind].cannot, *hole = strstr(form, "%s"), *object = "";
    if (kinds[step->kind].object == OBJECT_TARGET)
        object = step->target;
    if (kinds[step->kind].object == OBJECT_SOURCE)
        object = step->source;
    if (hole)
        snprintf(err->what, sizeof(err->what), "%.*s%s%s", (int)(hole - form), form, step->source, hole + 2);
    else
        snprintf(err->what, sizeof(err->what), "%s", form);
    snprintf(err->object, sizeof(err->object), "%s", object ? object : "");
    snprintf(err->kind, sizeof(err->kind), "%s", kinds[step->kind].name);
}

/* ---- what a step does ----------------------------------------------------------------------------------------- */

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
    for (size_t i = 0; i < MB_COUNT(names); i++)
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
    if (cap >= MB_CAP_COUNT) { /* the kernel is newer than the table of names */
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

static void print_maps(const struct mb_id_maps *maps, FILE *out) {
    const char *separator = "";
    for (size_t i = 0; i < maps->count; i++) {
        const struct mb_id_map *map = &maps->list[i];
        const char *ids = map->uids ? "uid" : "gid";
        fprintf(out, "%s%s %u", separator, map->uids && map->gids ? "ids" : ids, map->inside);
        if (map->count > 1)
            fprintf(out, "-%u", map->inside + map->count - 1);
        if (maps->has_range)
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

static void print_stream(const struct mb_plan *plan, const struct mb_step *step, FILE *out) {
    static const char *const names[] = {"input", "output", "error"};
    fprintf(out, "standard %s: %s", names[step->stream], step->source ? step->source : "the caller's");
    if (step->stream && plan->box->output_limit)
        fprintf(out, ", at most %llu bytes in all", (unsigned long long)plan->box->output_limit);
}

static void print_mount(const struct mb_step *step, const char *between, FILE *out) {
    if (between)
        fprintf(out, "%s %s ", step->source, between);
    fprintf(out, "%s (", step->target);
    print_attributes(step->set, out);
    for (size_t i = 0; i < step->option_count; i++) {
        fprintf(out, ",%s", step->options[i].key);
        if (step->options[i].value)
            fprintf(out, "=%s", step->options[i].value);
    }
    fprintf(out, ")%s", step->owners == MB_OWNERS_HOST ? "" : ", owners as in the box");
}

static void print_link(const struct mb_step *step, FILE *out) {
    if (step->names)
        fprintf(out, "%zu names in %s to %s", step->name_count, step->target, step->source);
    else
        fprintf(out, "%s to %s", step->target, step->source);
}

static void print_ids(const struct mb_plan *plan, const struct mb_step *step, FILE *out) {
    fprintf(out, "uid %u, gid %u", step->uid, step->gid);
    if (plan->box->keep_groups)
        fprintf(out, ", supplementary groups kept: %u (the kernel lets an ordinary user drop none)",
                plan->box->process.group_count);
    else
        fputs(", no supplementary groups", out);
}

static void print_words(const struct mb_plan *plan, FILE *out) {
    for (char *const *word = plan->box->command; *word; word++)
        fprintf(out, "%s%s", word == plan->box->command ? "" : " ", *word);
}

/* Prints a text of the table. */
static void print_table_text(const char *text, const struct mb_step *step, FILE *out) {
    for (; *text; text++) {
        if (text[0] == '%' && (text[1] == 's' || text[1] == 't'))
            fputs(*++text == 's' ? step->source : step->target, out);
        else
            fputc(*text, out);
    }
}

static void print_step(const struct mb_plan *plan, const struct mb_step *step, FILE *out) {
    const struct mb_box *box = plan->box;
    switch (step->kind) {
    case MB_STEP_CLONE:
    case MB_STEP_UNSHARE:
        print_flags(step->flags, out);
        break;
    case MB_STEP_WRITE_MAPS:
    case MB_STEP_SELF_MAPS:
        fputs(box->maps.writer == MB_MAPS_HELPER ? "by newuidmap and newgidmap: " : "", out);
        print_maps(&box->maps, out);
        break;
    case MB_STEP_DIE_WITH:
        fputs(box->process.die_with_launcher ? "the box is killed when minibox ends, however it ends"
                                             : "until the command is executed, the box is killed when minibox ends",
              out);
        break;
    case MB_STEP_STREAM:
        print_stream(plan, step, out);
        break;
    case MB_STEP_CLOSE:
        fprintf(out, "close every descriptor from %u on", 3 + box->process.preserve_fds);
        break;
    case MB_STEP_BECOME_ROOT:
        fprintf(out, "uid %u, gid %u of the box, for what it makes", step->uid, step->gid);
        break;
    case MB_STEP_MOUNT:
    case MB_STEP_OVERLAY:
        print_mount(step, "on", out);
        break;
    case MB_STEP_BIND:
    case MB_STEP_DEVICE:
        print_mount(step, "at", out);
        break;
    case MB_STEP_SELF:
    case MB_STEP_REMOUNT:
        print_mount(step, NULL, out);
        break;
    case MB_STEP_DIRECTORY:
        fprintf(out, "%s (%04o)", step->target, step->mode);
        break;
    case MB_STEP_LINK:
        print_link(step, out);
        break;
    case MB_STEP_FILE:
        fprintf(out, "%s (%zu bytes)", step->target, strlen(step->source));
        break;
    case MB_STEP_RAISE_LIMIT:
        fprintf(out, "%s to ", step->source);
        print_limit(step->limit->hard, out);
        break;
    case MB_STEP_LIMIT:
        fprintf(out, "%s ", step->source);
        print_limit(step->limit->soft, out);
        fputs(", hard ", out);
        print_limit(step->limit->hard, out);
        break;
    case MB_STEP_UMASK:
        fprintf(out, "%03o", box->process.umask);
        break;
    case MB_STEP_IDS:
        print_ids(plan, step, out);
        break;
    case MB_STEP_CAPABILITIES:
        print_capabilities(box->process.capabilities.permitted, out);
        break;
    case MB_STEP_INIT:
        fputs(box->process.init ? "minibox's init becomes process 1"
                                : "minibox's init verifies, then becomes the command",
              out);
        break;
    case MB_STEP_SESSION:
        fprintf(out, "a session of its own%s", box->process.terminal ? " on its terminal" : "");
        break;
    case MB_STEP_FILTER:
        fprintf(out, "seccomp, %zu instructions", box->filter.count);
        break;
    case MB_STEP_EXEC:
        print_words(plan, out);
        break;
    default:
        print_table_text(kinds[step->kind].text, step, out);
        break;
    }
}

/* What does not fit is cut. */
static void describe_step(const struct mb_plan *plan, const struct mb_step *step, char *ret_text, size_t size) {
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
        describe_step(plan, step, text, sizeof(text));
        for (char *c = text; *c;) { /* bytes of a name must not drive the terminal */
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
    for (size_t i = 0; i < plan->box->absent_count; i++)
        fprintf(out, "  -  absent   %s\n", plan->box->absent[i]);
}

static void add_words(struct mb_json_writer *writer, const char *key, char *const *words) {
    mb_json_begin_array(writer, key);
    for (; *words; words++)
        mb_json_add_text(writer, NULL, *words);
    mb_json_end(writer);
}

static void add_step_as_json(struct mb_json_writer *writer, const struct mb_plan *plan, size_t index) {
    const struct mb_step *step = &plan->steps[index];
    char text[4096], origin[160];
    describe_step(plan, step, text, sizeof(text));
    mb_origin_print(step->origin, origin, sizeof(origin));
    mb_json_begin_object(writer, NULL);
    mb_json_add_number(writer, "step", (int64_t)index + 1);
    mb_json_add_text(writer, "side", sides[step->side]);
    mb_json_add_text(writer, "kind", kinds[step->kind].name);
    if (step->target)
        mb_json_add_text(writer, "target", step->target);
    if (step->source && step->kind != MB_STEP_FILE)
        mb_json_add_text(writer, "source", step->source);
    mb_json_add_text(writer, "text", text);
    mb_json_add_text(writer, "origin", origin);
    mb_json_end(writer);
}

int mb_plan_print_json(const struct mb_plan *plan, FILE *out, struct minibox_error *err) {
    struct mb_json_writer writer = {0};
    mb_json_begin_object(&writer, NULL);
    mb_json_add_text(&writer, "name", plan->box->name);
    add_words(&writer, "command", plan->box->command);
    add_words(&writer, "environment", plan->box->environment);
    mb_json_add_number(&writer, "uid", plan->box->process.uid);
    mb_json_add_number(&writer, "gid", plan->box->process.gid);
    mb_json_add_number(&writer, "supplementary_groups_kept", plan->box->process.group_count);
    mb_json_begin_array(&writer, "steps");
    for (size_t i = 0; i < plan->step_count; i++)
        add_step_as_json(&writer, plan, i);
    mb_json_end(&writer);
    mb_json_begin_array(&writer, "absent");
    for (size_t i = 0; i < plan->box->absent_count; i++)
        mb_json_add_text(&writer, NULL, plan->box->absent[i]);
    mb_json_end(&writer);
    mb_json_end(&writer);
    return mb_json_finish(&writer, out, err);
}
