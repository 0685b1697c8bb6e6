/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. mb_options has a row for each option: how it is written, its help text, the parser in values.c that
 * reads its value, and the field that the parser fills in. A new option is a row here, a line in enum mb_option_id and
 * a field in struct minibox_spec; only a value of a new form needs a new parser.
 *
 * What must stay true: every front end sets options through mb_options_set() alone, so each value passes the same
 * checks; and a value that was read while memory ran out never counts.
 */
#include "spec/options.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "spec/values.h"

const char *const mb_option_groups[MB_GROUP_COUNT] = {
    [MB_GROUP_FILES] = "Root file system and mounts",
    [MB_GROUP_COMMAND] = "Command",
    [MB_GROUP_IDENTITY] = "Identity",
    [MB_GROUP_CONFINEMENT] = "Confinement",
    [MB_GROUP_SHARING] = "Sharing and isolation (the resources: minibox flags)",
    [MB_GROUP_LIFE] = "Life of the box",
    [MB_GROUP_OTHER] = "What minibox does",
};

static const struct mb_word yes_no[] = {{"yes", MB_YES}, {"no", MB_NO}, {NULL}};
static const struct mb_word allows[] = {{"suid", MB_YES}, {NULL}};
static const struct mb_word networks[] = {{"none", MB_NETWORK_NONE}, {"host", MB_NETWORK_HOST}, {NULL}};
static const struct mb_word plan_formats[] = {
    {"text", MB_DRY_RUN_TEXT}, {"json", MB_DRY_RUN_JSON}, {"config", MB_DRY_RUN_CONFIG}, {NULL}};

#define FIELD(name) offsetof(struct minibox_spec, name)

/* clang-format off */
const struct mb_option mb_options[MB_OPTION_COUNT] = {
    [MB_OPTION_FILE] = {"file", 'f', .list = true, .argv_only = true, .argument = "FILE", .values = "FILE",
        .group = MB_GROUP_OTHER, .parse = mb_value_file, .path = mb_value_path,
        .about = "read options from FILE; those of the command line count for more, and its words follow FILE's "
                 "command: minibox.conf(5)"},
    [MB_OPTION_ROOTFS] = {"rootfs", .argument = "ROOT", .values = "busybox|host|DIR",
        .group = MB_GROUP_FILES, .parse = mb_value_rootfs, .path = mb_value_rootfs_path,
        .about = "busybox (default), host (the host's system directories, read-only) or a directory; busybox and a "
                 "directory may end in :ro (default), :rw or :overlay (writes are discarded)"},
    [MB_OPTION_VOLUME] = {"volume", 'v', .list = true, .argument = "SRC[:DST][:MODE]", .values = "FILE",
        .group = MB_GROUP_FILES, .parse = mb_value_volume, .path = mb_value_path,
        .about = "show SRC of the host at DST (default: the same path, links resolved); MODE is ro (default), rw or "
                 "overlay, and may be followed by ,noexec or ,noatime"},
    [MB_OPTION_TMPFS] = {"tmpfs", .list = true, .argument = "DST[:OPTIONS]",
        .group = MB_GROUP_FILES, .parse = mb_value_tmpfs,
        .about = "an empty directory in memory; OPTIONS: size=64m, mode=0755, noexec, ro"},
    [MB_OPTION_DEVICE] = {"device", .list = true, .argument = "SRC[:DST]", .values = "FILE",
        .group = MB_GROUP_FILES, .parse = mb_value_device, .path = mb_value_path,
        .about = "show a device node of the host"},
    [MB_OPTION_MASK] = {"mask", .list = true, .argument = "PATH",
        .group = MB_GROUP_FILES, .parse = mb_value_mask,
        .about = "hide a file (it cannot be opened) or directory (it is empty)"},
    [MB_OPTION_WORKDIR] = {"workdir", 'w', .argument = "DIR", .values = "DIR",
        .group = MB_GROUP_COMMAND, .parse = mb_value_text, .offset = FIELD(workdir), .path = mb_value_path,
        .about = "working directory in the box; a relative one starts at the caller's (default: /)"},
    [MB_OPTION_ENV] = {"env", 'e', .list = true, .argument = "NAME[=VALUE]",
        .group = MB_GROUP_COMMAND, .parse = mb_value_env,
        .about = "set an environment variable, or pass on the caller's"},
    [MB_OPTION_ENV_FILE] = {"env-file", .list = true, .argument = "FILE", .values = "FILE",
        .group = MB_GROUP_COMMAND, .parse = mb_value_env_file, .path = mb_value_path,
        .about = "read variables from FILE, one NAME=VALUE or NAME a line, # comments"},
    [MB_OPTION_TTY] = {"tty", 't', .bare = true, .implied = "yes", .argument = "yes|no", .words = yes_no,
        .group = MB_GROUP_COMMAND, .parse = mb_value_word, .offset = FIELD(tty),
        .about = "give the command a terminal of its own (default: when standard input and output are terminals)"},
    [MB_OPTION_INIT] = {"init", .argument = "yes|no", .words = yes_no,
        .group = MB_GROUP_COMMAND, .parse = mb_value_word, .offset = FIELD(init),
        .about = "run the command under minibox's init, which reaps and forwards signals (default), or make it "
                 "process 1 itself"},
    [MB_OPTION_STDIN] = {"stdin", .argument = "FILE", .values = "FILE",
        .group = MB_GROUP_COMMAND, .parse = mb_value_text, .offset = FIELD(streams[0]), .path = mb_value_path,
        .about = "read standard input from FILE of the host"},
    [MB_OPTION_STDOUT] = {"stdout", .argument = "FILE", .values = "FILE",
        .group = MB_GROUP_COMMAND, .parse = mb_value_text, .offset = FIELD(streams[1]), .path = mb_value_path,
        .about = "write standard output to FILE of the host, which is emptied first"},
    [MB_OPTION_STDERR] = {"stderr", .argument = "FILE", .values = "FILE",
        .group = MB_GROUP_COMMAND, .parse = mb_value_text, .offset = FIELD(streams[2]), .path = mb_value_path,
        .about = "write standard error to FILE, as --stdout does; if both name the same FILE, both go there in turn"},
    [MB_OPTION_OUTPUT_LIMIT] = {"output-limit", .argument = "SIZE",
        .group = MB_GROUP_COMMAND, .parse = mb_value_size, .offset = FIELD(output_limit),
        .about = "pass on at most SIZE (64k, 10m) of output and error together, then kill the box and exit with 153, "
                 "as after SIGXFSZ"},
    [MB_OPTION_PRESERVE_FDS] = {"preserve-fds", .argument = "N",
        .group = MB_GROUP_COMMAND, .parse = mb_value_count, .offset = FIELD(preserve_fds),
        .about = "pass on N descriptors beyond standard error: 3 to 2+N"},
    [MB_OPTION_USER] = {"user", 'u', .argument = "USER[:GROUP]",
        .group = MB_GROUP_IDENTITY, .parse = mb_value_user,
        .about = "run the command as this user of the box, by name or number"},
    [MB_OPTION_USERNS] = {"userns", .argument = "HOW", .values = "auto|keep-id",
        .group = MB_GROUP_IDENTITY, .parse = mb_value_userns,
        .about = "ids of the box: auto (default), keep-id (the caller's id is the same inside), or a map "
                 "[u|g]INSIDE:OUTSIDE:COUNT[,...]"},
    [MB_OPTION_HOSTNAME] = {"hostname", .argument = "NAME",
        .group = MB_GROUP_IDENTITY, .parse = mb_value_hostname, .offset = FIELD(hostname),
        .about = "host name in the box (default: the box's name)"},
    [MB_OPTION_CAP_ADD] = {"cap-add", .list = true, .argument = "CAP", .values = "CAP",
        .group = MB_GROUP_CONFINEMENT, .parse = mb_value_capability, .offset = FIELD(cap_add),
        .about = "give the command a capability inside the box, or ALL (default: none)"},
    [MB_OPTION_CAP_DROP] = {"cap-drop", .list = true, .argument = "CAP", .values = "CAP",
        .group = MB_GROUP_CONFINEMENT, .parse = mb_value_capability, .offset = FIELD(cap_drop),
        .about = "take a capability, or ALL, back from --cap-add, in any order"},
    [MB_OPTION_SECCOMP] = {"seccomp", .argument = "default|off|FILE|learn=FILE", .values = "default|off|FILE",
        .group = MB_GROUP_CONFINEMENT, .parse = mb_value_seccomp, .path = mb_value_seccomp_path,
        .about = "system call filter: minibox's, none, or a profile in docker's JSON format; learn=FILE: minibox's, "
                 "and write to FILE a profile of the calls that were made"},
    [MB_OPTION_ALLOW] = {"allow", .list = true, .argument = "suid", .words = allows,
        .group = MB_GROUP_CONFINEMENT, .parse = mb_value_word, .offset = FIELD(allow_suid),
        .about = "suid: let the command set set-user-id and set-group-id bits"},
    [MB_OPTION_ULIMIT] = {"ulimit", .list = true, .argument = "NAME=SOFT[:HARD]", .values = "LIMIT=",
        .group = MB_GROUP_CONFINEMENT, .parse = mb_value_ulimit,
        .about = "resource limit, setrlimit(2): nofile=1024, fsize=10m, core=0 (default) ..."},
    [MB_OPTION_NETWORK] = {"network", .argument = "none|host", .words = networks,
        .group = MB_GROUP_SHARING, .parse = mb_value_word, .offset = FIELD(network),
        .about = "none (default): only a loopback interface; host: the host's network"},
    [MB_OPTION_SHARE] = {"share", .list = true, .argument = "LIST", .values = "LIST",
        .group = MB_GROUP_SHARING, .parse = mb_value_flags, .offset = FIELD(share),
        .about = "share these resources with the host or launcher: user,pid,net,ipc,uts,cgroup,time,io,sysvsem,vfork"},
    [MB_OPTION_ISOLATE] = {"isolate", .list = true, .argument = "LIST", .values = "LIST",
        .group = MB_GROUP_SHARING, .parse = mb_value_flags, .offset = FIELD(isolate),
        .about = "isolate these resources (default: all namespaces); vm: set up the box in a copy of the launcher's "
                 "memory"},
    [MB_OPTION_JOIN] = {"join", .list = true, .argument = "NAME=PATH|PID", .values = "NAMESPACE=|FILE",
        .group = MB_GROUP_SHARING, .parse = mb_value_join, .path = mb_value_join_path,
        .about = "enter an existing namespace, by its file or by a process that is in it"},
    [MB_OPTION_TIMEOUT] = {"timeout", .argument = "TIME",
        .group = MB_GROUP_LIFE, .parse = mb_value_duration, .offset = FIELD(timeout),
        .about = "kill the box after TIME (200ms, 10s, 5m, 1h) and exit with 124"},
    [MB_OPTION_DIE_WITH_LAUNCHER] = {"die-with-launcher", .argument = "yes|no", .words = yes_no,
        .group = MB_GROUP_LIFE, .parse = mb_value_word, .offset = FIELD(die_with_launcher),
        .about = "end the box when minibox dies, however it dies (default: yes)"},
    [MB_OPTION_NAME] = {"name", .argument = "NAME",
        .group = MB_GROUP_LIFE, .parse = mb_value_name, .offset = FIELD(name),
        .about = "name of the box (default: minibox)"},
    [MB_OPTION_PID_FILE] = {"pid-file", .argument = "FILE", .values = "FILE",
        .group = MB_GROUP_LIFE, .parse = mb_value_text, .offset = FIELD(pid_file), .path = mb_value_path,
        .about = "write the pid of the box's first process, seen from here, to FILE; removed at the end"},
    [MB_OPTION_REPORT] = {"report", .argument = "FILE", .values = "FILE",
        .group = MB_GROUP_LIFE, .parse = mb_value_text, .offset = FIELD(report), .path = mb_value_path,
        .about = "write to FILE, as JSON, how the command ended and what it used: minibox-run(1), REPORT"},
    [MB_OPTION_DRY_RUN] = {"dry-run", .bare = true, .implied = "text", .argv_only = true,
        .argument = "text|json|config", .words = plan_formats,
        .group = MB_GROUP_OTHER, .parse = mb_value_word, .offset = FIELD(dry_run),
        .about = "print the plan, step by step, or the options as a file, and do nothing"},
    [MB_OPTION_VERBOSE] = {"verbose", .bare = true, .implied = "yes", .argument = "yes|no", .words = yes_no,
        .group = MB_GROUP_OTHER, .parse = mb_value_word, .offset = FIELD(verbose),
        .about = "print the plan, how long the launch took, and how the command ended, to standard error"},
    [MB_OPTION_HELP] = {"help", 'h', .bare = true, .implied = "yes", .argv_only = true, .words = yes_no,
        .group = MB_GROUP_OTHER, .parse = mb_value_word, .offset = FIELD(help),
        .about = "print the options"},
};
/* clang-format on */

int mb_options_find(const char *name) {
    for (int i = 0; i < MB_OPTION_COUNT; i++)
        if (strcmp(mb_options[i].name, name) == 0)
            return i;
    return -1;
}

const char *mb_options_suggest(const char *name) {
    const char *names[MB_OPTION_COUNT];
    for (int i = 0; i < MB_OPTION_COUNT; i++)
        names[i] = mb_options[i].name;
    return mb_text_suggest(name, names, MB_OPTION_COUNT);
}

void mb_options_remedy_word(struct minibox_error *err, const char *word, const char *const *names, size_t count) {
    const char *near = mb_text_suggest(word, names, count);
    if (near) {
        mb_error_remedy(err, "did you mean %s?", near);
        return;
    }
    char list[sizeof(err->remedy)] = "";
    for (size_t i = 0, length = 0; i < count && length < sizeof(list) - 1; i++)
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "", names[i]);
    mb_error_remedy(err, "one of %s", list);
}

/* ".." is refused, since it would mean different things before and after links are followed. */
bool mb_options_is_box_path(const char *path) {
    enum { MAX_DEPTH = 100 };
    unsigned depth = 0;
    for (const char *c = path; *c; c++)
        depth += *c == '/';
    if (path[0] != '/' || depth > MAX_DEPTH)
        return false;
    for (const char *part = path; (part = strstr(part, "/..")); part += 3)
        if (part[3] == '/' || part[3] == '\0')
            return false;
    return true;
}

const char *mb_options_rebase(struct mb_arena *arena, enum mb_option_id id, const char *value, const char *file) {
    const char *path = mb_options[id].path ? mb_options[id].path(value) : NULL, *slash = strrchr(file, '/');
    if (!path || !path[0] || path[0] == '/' || !slash)
        return value;
    int before = (int)(path - value), directory = (int)(slash - file) + 1;
    return mb_arena_printf(arena, "%.*s%.*s%s", before, value, directory, file, path);
}

/* Keeps a setting for --dry-run=config, which writes a file of options. */
static void note_setting(struct minibox_spec *spec, enum mb_option_id id, const char *text, struct mb_origin origin) {
    if (origin.kind == MB_ORIGIN_DEFAULT || mb_options[id].argv_only)
        return;
    struct mb_setting *setting = mb_arena_push(&spec->arena, &spec->settings, &spec->setting_count, sizeof(*setting));
    if (setting)
        *setting = (struct mb_setting){id, text, origin};
}

int mb_options_set(struct minibox_spec *spec, enum mb_option_id id, const char *text, struct mb_origin origin,
                   struct minibox_error *err) {
    if (origin.kind == MB_ORIGIN_FILE)
        text = mb_options_rebase(&spec->arena, id, text, origin.name);
    struct mb_value v = {.spec = spec, .id = id, .origin = origin, .err = err};
    v.text = mb_arena_copy(&spec->arena, text, strlen(text));
    int result = mb_options[id].parse(&v);
    if (result == 0)
        note_setting(spec, id, v.text, origin);
    if (spec->arena.failed) /* the parser may have read less than the user wrote */
        return mb_error_memory(err);
    if (result)
        return -1;
    spec->origin[id] = origin;
    return 0;
}

int mb_options_defaults(struct minibox_spec *spec, struct minibox_error *err) {
    *spec = (struct minibox_spec){.rootfs = MB_ROOTFS_BUSYBOX,
                                  .rootfs_access = MB_ACCESS_RO,
                                  .tty = MB_AUTO,
                                  .init = MB_YES,
                                  .die_with_launcher = MB_YES,
                                  .name = "minibox"};
    /* A core file of a program in a box would hold the box's data. */
    return mb_options_set(spec, MB_OPTION_ULIMIT, "core=0", (struct mb_origin){.kind = MB_ORIGIN_DEFAULT}, err);
}
