/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. mb_options has a row for each option. Values whose form is common to many options are stored by the
 * row's form and offset alone; the others have a parse_ function here, found by the switch in mb_options_set(). A new
 * option of a common form is a row here, a line in enum mb_option_id and a field in struct minibox_spec.
 */
#include "spec/options.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/number.h"
#include "base/text.h"

const char *const mb_option_groups[MB_GROUP_COUNT] = {
    [MB_GROUP_FILES] = "Root file system and mounts",
    [MB_GROUP_COMMAND] = "Command",
    [MB_GROUP_IDENTITY] = "Identity",
    [MB_GROUP_CONFINEMENT] = "Confinement",
    [MB_GROUP_SHARING] = "Sharing and isolation (the resources: minibox flags)",
    [MB_GROUP_LIFE] = "Life of the box",
    [MB_GROUP_OTHER] = "What is done",
};

#define FIELD(name) offsetof(struct minibox_spec, name)

const struct mb_option mb_options[MB_OPTION_COUNT] = {
    [MB_OPTION_FILE] =
        {"file", 'f', .list = true, .argument = "FILE", .group = MB_GROUP_OTHER,
         .about = "read options from FILE before those of the command line, which count for more; its command "
                  "comes before the words of the command line: minibox.conf(5)"},
    [MB_OPTION_ROOTFS] = {"rootfs", .argument = "ROOT", .values = "busybox|host|DIR", .group = MB_GROUP_FILES,
                          .about = "busybox (default), host (the host's system folders, read-only) or a folder; "
                                   "busybox and a folder may end in :ro (default), :rw or :overlay (writes are "
                                   "discarded)"},
    [MB_OPTION_VOLUME] =
        {"volume", 'v', .list = true, .argument = "SRC[:DST][:MODE]", .values = "FILE", .group = MB_GROUP_FILES,
         .about = "show SRC of the host at DST (default: the same path, links resolved); MODE is ro (default), rw or "
                  "overlay, and may be followed by ,noexec or ,noatime"},
    [MB_OPTION_TMPFS] = {"tmpfs", .list = true, .argument = "DST[:OPTIONS]", .group = MB_GROUP_FILES,
                         .about = "an empty folder in memory; OPTIONS: size=64m, mode=0755, noexec, ro"},
    [MB_OPTION_DEVICE] = {"device", .list = true, .argument = "SRC[:DST]", .values = "FILE", .group = MB_GROUP_FILES,
                          .about = "show a device node of the host"},
    [MB_OPTION_MASK] = {"mask", .list = true, .argument = "PATH", .group = MB_GROUP_FILES,
                        .about = "hide a file (it cannot be opened) or folder (it is empty)"},
    [MB_OPTION_WORKDIR] = {"workdir", 'w', .argument = "DIR", .group = MB_GROUP_COMMAND,
                           .about = "working directory in the box; a relative one is the caller's (default: /)"},
    [MB_OPTION_ENV] = {"env", 'e', .list = true, .argument = "NAME[=VALUE]", .group = MB_GROUP_COMMAND,
                       .about = "set an environment variable, or pass on the caller's"},
    [MB_OPTION_ENV_FILE] = {"env-file", .list = true, .argument = "FILE", .group = MB_GROUP_COMMAND,
                            .about = "read variables from FILE, one NAME=VALUE or NAME a line, # comments"},
    [MB_OPTION_TTY] = {"tty", 't', .bare = true, .implied = "yes", .argument = "yes|no", .group = MB_GROUP_COMMAND,
                       .form = MB_FORM_YES_NO, .offset = FIELD(tty),
                       .about = "give the command a terminal of its own (default: when standard input and output are "
                                "terminals)"},
    [MB_OPTION_INIT] = {"init", .argument = "yes|no", .group = MB_GROUP_COMMAND, .form = MB_FORM_YES_NO,
                        .offset = FIELD(init),
                        .about = "run the command under minibox's init, which reaps and forwards signals (default), "
                                 "or make it process 1 itself"},
    [MB_OPTION_STDIN] = {"stdin", .argument = "FILE", .group = MB_GROUP_COMMAND, .form = MB_FORM_TEXT,
                         .offset = FIELD(streams[0]), .about = "read standard input from FILE of the host"},
    [MB_OPTION_STDOUT] = {"stdout", .argument = "FILE", .group = MB_GROUP_COMMAND, .form = MB_FORM_TEXT,
                          .offset = FIELD(streams[1]),
                          .about = "write standard output to FILE of the host, which is emptied first"},
    [MB_OPTION_STDERR] = {"stderr", .argument = "FILE", .group = MB_GROUP_COMMAND, .form = MB_FORM_TEXT,
                          .offset = FIELD(streams[2]),
                          .about = "write standard error to FILE, as --stdout; the same FILE: both go there in turn"},
    [MB_OPTION_OUTPUT_LIMIT] =
        {"output-limit", .argument = "SIZE", .group = MB_GROUP_COMMAND, .form = MB_FORM_SIZE,
         .offset = FIELD(output_limit),
         .about = "pass on at most SIZE (64k, 10m) of output and error together, then kill the box and "
                  "exit with 153, as after SIGXFSZ"},
    [MB_OPTION_PRESERVE_FDS] = {"preserve-fds", .argument = "N", .group = MB_GROUP_COMMAND, .form = MB_FORM_COUNT,
                                .offset = FIELD(preserve_fds),
                                .about = "pass on N descriptors beyond standard error: 3 to 2+N"},
    [MB_OPTION_USER] = {"user", 'u', .argument = "USER[:GROUP]", .group = MB_GROUP_IDENTITY,
                        .about = "run the command as this user of the box, by name or number"},
    [MB_OPTION_USERNS] = {"userns", .argument = "HOW", .values = "auto|keep-id", .group = MB_GROUP_IDENTITY,
                          .about = "ids of the box: auto (default), keep-id (the caller's id is the same inside), or "
                                   "a map [u|g]INSIDE:OUTSIDE:COUNT[,...]"},
    [MB_OPTION_HOSTNAME] = {"hostname", .argument = "NAME", .group = MB_GROUP_IDENTITY, .form = MB_FORM_TEXT,
                            .offset = FIELD(hostname), .about = "host name in the box (default: the box's name)"},
    [MB_OPTION_CAP_ADD] = {"cap-add", .list = true, .argument = "CAP", .group = MB_GROUP_CONFINEMENT,
                           .about = "give the command a capability inside the box, or ALL (default: none)"},
    [MB_OPTION_CAP_DROP] = {"cap-drop", .list = true, .argument = "CAP", .group = MB_GROUP_CONFINEMENT,
                            .about = "take a capability, or ALL, back from --cap-add, in any order"},
    [MB_OPTION_SECCOMP] = {"seccomp", .argument = "default|off|FILE|learn=FILE", .values = "default|off|FILE",
                           .group = MB_GROUP_CONFINEMENT,
                           .about =
                               "system call filter: minibox's, none, or a profile in docker's JSON format; learn=FILE: "
                               "minibox's, and write to FILE a profile of what was used of it"},
    [MB_OPTION_ALLOW] = {"allow", .list = true, .argument = "suid", .group = MB_GROUP_CONFINEMENT,
                         .about = "suid: let the command set set-user-id and set-group-id bits"},
    [MB_OPTION_ULIMIT] = {"ulimit", .list = true, .argument = "NAME=SOFT[:HARD]",
                          .values = "LIMIT=", .group = MB_GROUP_CONFINEMENT,
                          .about = "resource limit, setrlimit(2): nofile=1024, fsize=10m, core=0 (default) ..."},
    [MB_OPTION_NETWORK] = {"network", .argument = "none|host", .group = MB_GROUP_SHARING,
                           .about = "none (default): only a loopback interface; host: the host's network"},
    [MB_OPTION_SHARE] = {"share", .list = true, .argument = "LIST", .group = MB_GROUP_SHARING,
                         .about = "share these resources with the host or launcher: user,pid,net,ipc,uts,cgroup,time,"
                                  "io,sysvsem,vfork"},
    [MB_OPTION_ISOLATE] = {"isolate", .list = true, .argument = "LIST", .group = MB_GROUP_SHARING,
                           .about = "isolate these resources; all namespaces are by default; vm: set up the box in a "
                                    "copy of the launcher's memory"},
    [MB_OPTION_JOIN] = {"join", .list = true, .argument = "NAME=PATH|PID", .values = "NAMESPACE=|FILE",
                        .group = MB_GROUP_SHARING,
                        .about = "enter an existing namespace, by its file or by a process that is in it"},
    [MB_OPTION_TIMEOUT] = {"timeout", .argument = "TIME", .group = MB_GROUP_LIFE, .form = MB_FORM_DURATION,
                           .offset = FIELD(timeout),
                           .about = "kill the box after TIME (200ms, 10s, 5m, 1h) and exit with 124"},
    [MB_OPTION_DIE_WITH_LAUNCHER] = {"die-with-launcher", .argument = "yes|no", .group = MB_GROUP_LIFE,
                                     .form = MB_FORM_YES_NO, .offset = FIELD(die_with_launcher),
                                     .about = "end the box when minibox dies, however it dies (default: yes)"},
    [MB_OPTION_NAME] = {"name", .argument = "NAME", .group = MB_GROUP_LIFE,
                        .about = "name of the box (default: minibox)"},
    [MB_OPTION_PID_FILE] = {"pid-file", .argument = "FILE", .group = MB_GROUP_LIFE, .form = MB_FORM_TEXT,
                            .offset = FIELD(pid_file),
                            .about = "write the pid of the box's first process, seen from here, to FILE; removed at "
                                     "the end"},
    [MB_OPTION_REPORT] = {"report", .argument = "FILE", .group = MB_GROUP_LIFE, .form = MB_FORM_TEXT,
                          .offset = FIELD(report),
                          .about =
                              "write to FILE, as JSON, how the command ended and what it used: minibox-run(1), REPORT"},
    [MB_OPTION_DRY_RUN] = {"dry-run", .bare = true, .implied = "text", .argument = "text|json|config",
                           .group = MB_GROUP_OTHER,
                           .about = "print the plan, step by step, or the options as a file, and do nothing"},
    [MB_OPTION_VERBOSE] = {"verbose", .bare = true, .implied = "yes", .argument = "yes|no", .group = MB_GROUP_OTHER,
                           .form = MB_FORM_YES_NO, .offset = FIELD(verbose),
                           .about =
                               "print the plan, what the launch took, and how the command ended, to standard error"},
    [MB_OPTION_HELP] = {"help", 'h', .bare = true, .implied = "yes", .group = MB_GROUP_OTHER, .form = MB_FORM_YES_NO,
                        .offset = FIELD(help), .about = "print the options"},
};

static const struct {
    const char *name;
    int resource;
    bool bytes;
} limits[] = {
    {"as", RLIMIT_AS, true},           {"core", RLIMIT_CORE, true},         {"cpu", RLIMIT_CPU, false},
    {"data", RLIMIT_DATA, true},       {"fsize", RLIMIT_FSIZE, true},       {"locks", RLIMIT_LOCKS, false},
    {"memlock", RLIMIT_MEMLOCK, true}, {"msgqueue", RLIMIT_MSGQUEUE, true}, {"nice", RLIMIT_NICE, false},
    {"nofile", RLIMIT_NOFILE, false},  {"nproc", RLIMIT_NPROC, false},      {"rss", RLIMIT_RSS, true},
    {"rtprio", RLIMIT_RTPRIO, false},  {"rttime", RLIMIT_RTTIME, false},    {"sigpending", RLIMIT_SIGPENDING, false},
    {"stack", RLIMIT_STACK, true},
};

static const struct {
    const char *name;
    uint64_t attribute;
} mount_options[] = {
    {"noexec", MOUNT_ATTR_NOEXEC}, {"noatime", MOUNT_ATTR_NOATIME}, {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW}};

static const char *const access_names[] = {
    [MB_ACCESS_RO] = "ro", [MB_ACCESS_RW] = "rw", [MB_ACCESS_OVERLAY] = "overlay"};

/* --seccomp learn=FILE */
static const char learn[] = "learn=";
enum { LEARN_SIZE = sizeof(learn) - 1 };

/* Everything that a parse_ function needs. */
struct value {
    struct minibox_spec *spec;
    enum mb_option_id id;
    const char *text; /* in the spec's arena */
    struct mb_origin origin;
    struct minibox_error *err;
};

int mb_options_find(const char *name) {
    for (int i = 0; i < MB_OPTION_COUNT; i++)
        if (strcmp(mb_options[i].name, name) == 0)
            return i;
    return -1;
}

const char *mb_options_limit(size_t i) {
    return i < sizeof(limits) / sizeof(limits[0]) ? limits[i].name : NULL;
}

/* A value that is none of the words allowed; with a suggestion when one is near. Returns -1. */
static int refuse_word(struct value *v, const char *word, const char *what, const char *const *names, size_t count) {
    mb_error_usage(v->err, &v->origin, MB_REMEDY_HELP, what, word, word[0] ? "unknown" : "empty");
    const char *near = mb_text_suggest(word, names, count);
    if (near) {
        mb_error_remedy(v->err, "did you mean %s?", near);
        return -1;
    }
    char list[sizeof(v->err->remedy)] = "";
    for (size_t i = 0, length = 0; i < count && length < sizeof(list) - 1; i++)
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "", names[i]);
    mb_error_remedy(v->err, "one of %s", list);
    return -1;
}

static int refuse_form(struct value *v, const char *form) {
    char what[64];
    snprintf(what, sizeof(what), "bad value for --%s", mb_options[v->id].name);
    return mb_error_usage(v->err, &v->origin, MB_REMEDY_HELP, what, v->text, "must be %s", form);
}

/* Cuts the next part off *rest at `separator`; a backslash before it keeps it. Returns NULL at the end. */
static char *next_part(char **rest, char separator) {
    if (!*rest)
        return NULL;
    char *part = *rest, *to = part;
    for (char *from = part;; from++) {
        if (*from == '\\' && from[1] == separator) {
            *to++ = *++from;
        } else if (*from == separator) {
            *to = '\0';
            *rest = from + 1;
            return part;
        } else if (!(*to++ = *from)) {
            *rest = NULL;
            return part;
        }
    }
}

/* A word of a choice: its index, or -1. */
static int find_word(const char *word, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, names[i]) == 0)
            return (int)i;
    return -1;
}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int find_access(const char *word) {
    return find_word(word, access_names, COUNT(access_names));
}

static uint64_t find_mount_option(const char *word) {
    for (size_t i = 0; i < COUNT(mount_options); i++)
        if (strcmp(word, mount_options[i].name) == 0)
            return mount_options[i].attribute;
    return 0;
}

/* A scratch copy that next_part() may cut; NULL when out of memory (with the error set). */
static char *scratch_copy(struct value *v, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = mb_arena_alloc(&v->spec->arena, size);
    if (!copy)
        mb_error_memory(v->err);
    else
        memcpy(copy, text, size);
    return copy;
}

/* Paths in the box are absolute, and ".." has no business in one: it would mean different things before and after
 * links are followed. */
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

#define PUSH(v, list, count)                                                                                           \
    mb_arena_push(&(v)->spec->arena, &(v)->spec->list, &(v)->spec->count, sizeof(*(v)->spec->list))

static int parse_rootfs(struct value *v) {
    struct minibox_spec *spec = v->spec;
    char *path = scratch_copy(v, v->text);
    if (!path)
        return -1;
    spec->rootfs_access = MB_ACCESS_RO;
    char *colon = strrchr(path, ':');
    if (colon && find_access(colon + 1) >= 0) {
        spec->rootfs_access = (enum mb_access)find_access(colon + 1);
        *colon = '\0';
    }
    if (!path[0])
        return refuse_form(v, "busybox, host or a folder, with :ro, :rw or :overlay");
    spec->rootfs_path = NULL;
    if (strcmp(path, "busybox") == 0) {
        spec->rootfs = MB_ROOTFS_BUSYBOX;
    } else if (strcmp(path, "host") == 0) {
        spec->rootfs = MB_ROOTFS_HOST;
        if (spec->rootfs_access != MB_ACCESS_RO)
            return mb_error_usage(v->err, &v->origin, MB_REMEDY_HOST_RW, "refusing a writable --rootfs", v->text, NULL);
    } else {
        spec->rootfs = MB_ROOTFS_DIR;
        spec->rootfs_path = path;
    }
    return 0;
}

static int parse_volume(struct value *v) {
    static const char form[] = "SRC[:DST][:ro|rw|overlay[,noexec,...]]";
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    char *source = next_part(&rest, ':'), *target = next_part(&rest, ':'), *mode = next_part(&rest, ':');
    if (!source[0] || next_part(&rest, ':'))
        return refuse_form(v, form);
    if (target && !mode && target[0] != '/') { /* "SRC:rw": the same path inside */
        mode = target;
        target = NULL;
    }
    if (target && !mb_options_is_box_path(target))
        return refuse_form(v, "SRC:DST with DST an absolute path without \"..\"");
    struct mb_volume volume = {.source = source, .target = target, .access = MB_ACCESS_RO, .origin = v->origin};
    for (char *word; (word = next_part(&mode, ','));) {
        int access = find_access(word);
        uint64_t attribute = find_mount_option(word);
        if (access >= 0)
            volume.access = (enum mb_access)access;
        else if (attribute)
            volume.attributes |= attribute;
        else {
            static const char *const names[] = {"ro", "rw", "overlay", "noexec", "noatime", "nosymfollow"};
            return refuse_word(v, word, "mount option", names, COUNT(names));
        }
    }
    struct mb_volume *slot = PUSH(v, volumes, volume_count);
    if (!slot)
        return mb_error_memory(v->err);
    *slot = volume;
    return 0;
}

static int parse_tmpfs(struct value *v) {
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    struct mb_tmpfs tmpfs = {.target = next_part(&rest, ':'), .mode = 01777, .origin = v->origin};
    if (!mb_options_is_box_path(tmpfs.target))
        return refuse_form(v, "DST[:size=..,mode=..] with DST an absolute path without \"..\"");
    for (char *word; (word = next_part(&rest, ','));) {
        uint64_t attribute = find_mount_option(word), mode;
        if (strncmp(word, "size=", 5) == 0) {
            if (mb_number_parse_size(word + 5, &tmpfs.size) || !tmpfs.size)
                return refuse_form(v, "DST:size=N with N a size above zero, as 64m");
        } else if (strncmp(word, "mode=", 5) == 0) {
            if (mb_number_parse(word + 5, 8, 01777, &mode))
                return refuse_form(v, "DST:mode=M with M octal, at most 1777");
            tmpfs.mode = (uint32_t)mode;
        } else if (strcmp(word, "ro") == 0) {
            tmpfs.attributes |= MOUNT_ATTR_RDONLY;
        } else if (strcmp(word, "rw") == 0 || strcmp(word, "nosuid") == 0 || strcmp(word, "nodev") == 0) {
            continue; /* it is so: what docker's users write */
        } else if (attribute) {
            tmpfs.attributes |= attribute;
        } else {
            static const char *const names[] = {"size", "mode", "noexec", "noatime", "nosymfollow", "ro"};
            return refuse_word(v, word, "tmpfs option", names, COUNT(names));
        }
    }
    struct mb_tmpfs *slot = PUSH(v, tmpfs, tmpfs_count);
    if (!slot)
        return mb_error_memory(v->err);
    *slot = tmpfs;
    return 0;
}

static int parse_device(struct value *v) {
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    const char *source = next_part(&rest, ':'), *target = next_part(&rest, ':');
    if (rest || source[0] != '/' || !mb_options_is_box_path(target ? target : source))
        return refuse_form(v, "SRC[:DST], absolute paths");
    struct mb_path *slot = PUSH(v, devices, device_count);
    if (!slot)
        return mb_error_memory(v->err);
    *slot = (struct mb_path){source, target ? target : source, v->origin};
    return 0;
}

static int parse_mask(struct value *v) {
    if (!mb_options_is_box_path(v->text) || !v->text[1])
        return refuse_form(v, "an absolute path in the box, without \"..\" and other than /");
    struct mb_path *slot = PUSH(v, masks, mask_count);
    if (!slot)
        return mb_error_memory(v->err);
    *slot = (struct mb_path){NULL, v->text, v->origin};
    return 0;
}

static int parse_env(struct value *v) {
    char *name = scratch_copy(v, v->text);
    if (!name)
        return -1;
    char *equals = strchr(name, '=');
    if (equals)
        *equals = '\0';
    if (!name[0])
        return refuse_form(v, "NAME=VALUE, or NAME to pass on the caller's");
    struct mb_env *slot = PUSH(v, env, env_count);
    if (!slot)
        return mb_error_memory(v->err);
    *slot = (struct mb_env){name, equals ? equals + 1 : NULL, v->origin};
    return 0;
}

/* The form of docker's: a line is NAME=VALUE, taken as it stands, or NAME; blank lines and # lines do not count. */
static int parse_env_file(struct value *v) {
    enum { MAX_ENV_FILE = 4 << 20 };
    char *text = malloc(MAX_ENV_FILE);
    if (!text)
        return mb_error_memory(v->err);
    ssize_t length = mb_fd_read_file(v->text, text, MAX_ENV_FILE);
    int result = 0;
    if (length < 0)
        result = mb_error_host(v->err, &v->origin, errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                               "cannot read", v->text);
    else if (strlen(text) != (size_t)length)
        result = mb_error_usage(v->err, &v->origin, MB_REMEDY_NONE, "bad file", v->text, "it has NUL bytes");
    int number = 0;
    for (char *line = text, *next; !result && length > 0 && line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        size_t end = strlen(line);
        if (end && line[end - 1] == '\r')
            line[end - 1] = '\0';
        number++;
        line += strspn(line, " \t");
        if (!line[0] || line[0] == '#')
            continue;
        struct value item = *v;
        item.id = MB_OPTION_ENV;
        item.origin = (struct mb_origin){MB_ORIGIN_FILE, v->text, number, 1};
        item.text = mb_arena_copy(&v->spec->arena, line, strlen(line));
        result = parse_env(&item);
    }
    free(text);
    return result;
}

static int parse_user(struct value *v) {
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    v->spec->user = next_part(&rest, ':');
    v->spec->group = next_part(&rest, ':');
    if (rest || !v->spec->user[0] || (v->spec->group && !v->spec->group[0]))
        return refuse_form(v, "USER or USER:GROUP, names or numbers");
    return 0;
}

static int parse_userns(struct value *v) {
    static const char form[] = "auto, keep-id, or [u|g]INSIDE:OUTSIDE:COUNT[,...]";
    struct minibox_spec *spec = v->spec;
    spec->id_map_count = 0;
    if (strcmp(v->text, "auto") == 0) {
        spec->userns = MB_USERNS_AUTO;
        return 0;
    }
    if (strcmp(v->text, "keep-id") == 0) {
        spec->userns = MB_USERNS_KEEP_ID;
        return 0;
    }
    spec->userns = MB_USERNS_MAP;
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    for (char *entry; (entry = next_part(&rest, ','));) {
        struct mb_id_map map = {.uids = entry[0] != 'g', .gids = entry[0] != 'u', .origin = v->origin};
        char *numbers = entry + (entry[0] == 'u' || entry[0] == 'g');
        uint64_t value[3];
        for (int i = 0; i < 3; i++) {
            char *part = next_part(&numbers, ':');
            if (!part || mb_number_parse(part, 10, UINT32_MAX - 1, &value[i]))
                return refuse_form(v, form);
        }
        if (numbers || !value[2] || value[0] + value[2] > UINT32_MAX || value[1] + value[2] > UINT32_MAX)
            return refuse_form(v, form);
        map.inside = (uint32_t)value[0];
        map.outside = (uint32_t)value[1];
        map.count = (uint32_t)value[2];
        if (map.outside == 0)
            return mb_error_usage(v->err, &v->origin, MB_REMEDY_HOST_ROOT_MAPPED, "refusing to map host id 0 in",
                                  v->text, NULL);
        struct mb_id_map *slot = PUSH(v, id_maps, id_map_count);
        if (!slot)
            return mb_error_memory(v->err);
        *slot = map;
    }
    return 0;
}

static int parse_capability(struct value *v, uint64_t *set) {
    if (strcasecmp(v->text, "ALL") == 0) {
        *set = UINT64_MAX;
        return 0;
    }
    char name[48];
    snprintf(name, sizeof(name), "%s%s", strncasecmp(v->text, "cap_", 4) == 0 ? "" : "cap_", v->text);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    cap_value_t value;
    /* cap_from_name() ends a name at the first byte that is no letter, and would take "chown,kill" for chown. */
    bool is_name = name[4] && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")];
    if (is_name && cap_from_name(name, &value) == 0 && value >= 0 && value < 64) {
        *set |= UINT64_C(1) << value;
        return 0;
    }
    char *names[64];
    size_t count = 0;
    for (cap_value_t i = 0; i < CAP_LAST_CAP + 1; i++)
        if ((names[count] = cap_to_name(i)))
            count++;
    mb_error_usage(v->err, &v->origin, MB_REMEDY_NONE, "no such capability", v->text, NULL);
    mb_error_remedy(v->err, "a name of capabilities(7), as NET_BIND_SERVICE, or ALL");
    const char *near = name[4] ? mb_text_suggest(name, (const char *const *)names, count) : NULL;
    if (near) {
        char upper[48];
        snprintf(upper, sizeof(upper), "%s", near + 4);
        for (char *c = upper; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        mb_error_remedy(v->err, "did you mean %s?", upper);
    }
    for (size_t i = 0; i < count; i++)
        cap_free(names[i]);
    return -1;
}

static int parse_ulimit(struct value *v) {
    static const char form[] = "NAME=SOFT[:HARD], numbers or unlimited, SOFT at most HARD";
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    char *name = next_part(&rest, '=');
    struct mb_ulimit limit = {.resource = -1, .name = name, .origin = v->origin};
    const char *names[COUNT(limits)];
    bool bytes = false;
    for (size_t i = 0; i < COUNT(limits); i++) {
        names[i] = limits[i].name;
        if (strcmp(name, limits[i].name) == 0) {
            limit.resource = limits[i].resource;
            bytes = limits[i].bytes;
        }
    }
    if (limit.resource < 0)
        return refuse_word(v, name, "resource limit", names, COUNT(names));
    char *soft = next_part(&rest, ':'), *hard = next_part(&rest, ':');
    const char *part[2] = {soft, hard};
    uint64_t value[2];
    if (!part[0] || rest)
        return refuse_form(v, form);
    for (int i = 0; i < 2; i++) {
        if (!part[i])
            value[i] = value[0];
        else if (strcmp(part[i], "unlimited") == 0 || strcmp(part[i], "-1") == 0)
            value[i] = RLIM_INFINITY;
        else if (bytes ? mb_number_parse_size(part[i], &value[i]) : mb_number_parse(part[i], 10, INT64_MAX, &value[i]))
            return refuse_form(v, form);
    }
    if (value[0] > value[1])
        return refuse_form(v, form);
    limit.soft = value[0];
    limit.hard = value[1];
    struct mb_ulimit *slot = PUSH(v, ulimits, ulimit_count);
    if (!slot)
        return mb_error_memory(v->err);
    *slot = limit;
    return 0;
}

static int parse_flags(struct value *v, bool share) {
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    for (char *word; (word = next_part(&rest, ','));) {
        int id = mb_flags_find(word);
        if (id < 0) {
            const char *names[MB_FLAG_COUNT];
            size_t count = 0;
            for (int i = 0; i < MB_FLAG_COUNT; i++)
                if (mb_flags[i].flag)
                    names[count++] = mb_flags[i].name;
            return refuse_word(v, word, "resource", names, count);
        }
        const struct mb_flag *flag = &mb_flags[id];
        if (!mb_flags_fit(flag, share))
            return mb_error_usage(v->err, &v->origin, MB_REMEDY_FLAG_NOT_FOR_EXEC,
                                  share ? "a command cannot share" : "a command cannot isolate", word, "%s",
                                  flag->unfit);
        *(share ? &v->spec->share : &v->spec->isolate) |= flag->flag;
    }
    return 0;
}

static int parse_join(struct value *v) {
    char *rest = scratch_copy(v, v->text);
    if (!rest)
        return -1;
    char *name = next_part(&rest, '=');
    uint64_t pid;
    if (!rest || !rest[0])
        return refuse_form(v, "NAME=PATH or NAME=PID, as net=/run/netns/blue");
    int id = mb_flags_find(name);
    if (id < 0 || !mb_flags[id].joins) {
        const char *names[MB_FLAG_COUNT];
        size_t count = 0;
        for (int i = 0; i < MB_FLAG_COUNT; i++)
            if (mb_flags[i].joins)
                names[count++] = mb_flags[i].name;
        if (id < 0)
            return refuse_word(v, name, "namespace", names, count);
        return mb_error_usage(v->err, &v->origin, MB_REMEDY_HELP, "a box cannot join", name, "--join does not take it");
    }
    struct mb_join *slot = PUSH(v, joins, join_count);
    if (!slot)
        return mb_error_memory(v->err);
    bool is_pid = mb_number_parse(rest, 10, INT32_MAX, &pid) == 0;
    if (is_pid && pid == 0)
        return refuse_form(v, "NAME=PATH or NAME=PID, a process that is there");
    /* Before Linux 6.3 a box's init is not itself in the time namespace of the box: execve(2) does not enter it. */
    const char *file = id == MB_FLAG_TIME ? "time_for_children" : name;
    const char *path = is_pid ? mb_arena_printf(&v->spec->arena, "/proc/%d/ns/%s", (int)pid, file) : rest;
    *slot = (struct mb_join){(enum mb_flag_id)id, path, v->origin};
    return 0;
}

static int parse_word(struct value *v, const char *const *names, size_t count) {
    int index = find_word(v->text, names, count);
    if (index < 0) {
        char what[64];
        snprintf(what, sizeof(what), "value of --%s", mb_options[v->id].name);
        return refuse_word(v, v->text, what, names, count);
    }
    return index;
}

static int parse_name(struct value *v) {
    size_t length = strlen(v->text);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)v->text[i]) && (i == 0 || !strchr("_.-", v->text[i])))
            length = 0;
    if (!length || length > 63)
        return refuse_form(v, "1 to 63 letters, digits, \"_\", \".\" or \"-\", the first a letter or digit");
    v->spec->name = v->text;
    return 0;
}

static int parse_custom(struct value *v) {
    static const char *const networks[] = {"none", "host"}, *const allows[] = {"suid"},
                             *const formats[] = {"text", "json", "config"};
    int index;
    switch (v->id) {
    case MB_OPTION_ROOTFS:
        return parse_rootfs(v);
    case MB_OPTION_VOLUME:
        return parse_volume(v);
    case MB_OPTION_TMPFS:
        return parse_tmpfs(v);
    case MB_OPTION_DEVICE:
        return parse_device(v);
    case MB_OPTION_MASK:
        return parse_mask(v);
    case MB_OPTION_WORKDIR:
        if (!v->text[0])
            return refuse_form(v, "a path");
        v->spec->workdir = v->text;
        return 0;
    case MB_OPTION_ENV:
        return parse_env(v);
    case MB_OPTION_ENV_FILE:
        return parse_env_file(v);
    case MB_OPTION_USER:
        return parse_user(v);
    case MB_OPTION_USERNS:
        return parse_userns(v);
    case MB_OPTION_CAP_ADD:
        return parse_capability(v, &v->spec->cap_add);
    case MB_OPTION_CAP_DROP:
        return parse_capability(v, &v->spec->cap_drop);
    case MB_OPTION_SECCOMP:
        v->spec->seccomp = strcmp(v->text, "default") == 0            ? MB_SECCOMP_DEFAULT
                           : strcmp(v->text, "off") == 0              ? MB_SECCOMP_OFF
                           : strncmp(v->text, learn, LEARN_SIZE) == 0 ? MB_SECCOMP_LEARN
                                                                      : MB_SECCOMP_FILE;
        v->spec->seccomp_file = v->text + (v->spec->seccomp == MB_SECCOMP_LEARN ? LEARN_SIZE : 0);
        return v->spec->seccomp_file[0] ? 0 : refuse_form(v, "default, off, a file, or learn=FILE");
    case MB_OPTION_ALLOW:
        if (parse_word(v, allows, COUNT(allows)) < 0)
            return -1;
        v->spec->allow_suid = MB_YES;
        return 0;
    case MB_OPTION_ULIMIT:
        return parse_ulimit(v);
    case MB_OPTION_NETWORK:
        if ((index = parse_word(v, networks, COUNT(networks))) < 0)
            return -1;
        v->spec->network = index ? MB_NETWORK_HOST : MB_NETWORK_NONE;
        return 0;
    case MB_OPTION_SHARE:
    case MB_OPTION_ISOLATE:
        return parse_flags(v, v->id == MB_OPTION_SHARE);
    case MB_OPTION_JOIN:
        return parse_join(v);
    case MB_OPTION_NAME:
        return parse_name(v);
    case MB_OPTION_DRY_RUN:
        if ((index = parse_word(v, formats, COUNT(formats))) < 0)
            return -1;
        v->spec->dry_run = index == 2 ? MB_DRY_RUN_CONFIG : index ? MB_DRY_RUN_JSON : MB_DRY_RUN_TEXT;
        return 0;
    default:
        return refuse_form(v, "read by minibox_spec_parse_file()");
    }
}

/* Whether the first `length` bytes of a value are one of the words that its row offers: "busybox", "default". */
static bool is_offered(const struct mb_option *row, const char *value, size_t length) {
    const char *words = row->values ? row->values : row->argument;
    for (const char *word = words; *word; word += strcspn(word, "|"), word += *word == '|')
        if (strcspn(word, "|") == length && strncmp(word, value, length) == 0)
            return true;
    return false;
}

const char *mb_options_rebase(struct mb_arena *arena, enum mb_option_id id, const char *value, const char *file) {
    const struct mb_option *row = &mb_options[id];
    bool takes_path = row->argument && (is_offered(row, "FILE", 4) || is_offered(row, "DIR", 3));
    size_t before = id == MB_OPTION_JOIN ? strcspn(value, "=") + (strchr(value, '=') != NULL) : 0;
    if (id == MB_OPTION_SECCOMP && strncmp(value, learn, LEARN_SIZE) == 0)
        before = LEARN_SIZE;
    const char *path = value + before, *slash = strrchr(file, '/');
    bool is_number = path[0] && !path[strspn(path, "0123456789")];
    if (!takes_path || path[0] == '/' || !path[0] || !slash || (id == MB_OPTION_JOIN && is_number) ||
        is_offered(row, path, strcspn(path, ":")))
        return value;
    return mb_arena_printf(arena, "%.*s%.*s%s", (int)before, value, (int)(slash - file + 1), file, path);
}

int mb_options_set(struct minibox_spec *spec, enum mb_option_id id, const char *text, struct mb_origin origin,
                   struct minibox_error *err) {
    static const char *const yes_no[] = {"no", "yes"};
    const struct mb_option *row = &mb_options[id];
    text = origin.kind == MB_ORIGIN_FILE ? mb_options_rebase(&spec->arena, id, text, origin.name) : text;
    text = text ? mb_arena_copy(&spec->arena, text, strlen(text)) : NULL;
    if (!text)
        return mb_error_memory(err);
    struct value v = {spec, id, text, origin, err};
    void *field = (char *)spec + row->offset;
    uint64_t number;
    int index, result = 0;

    switch (row->form) {
    case MB_FORM_CUSTOM:
        result = parse_custom(&v);
        break;
    case MB_FORM_TEXT:
        if (!text[0])
            return refuse_form(&v, "a text that is not empty");
        *(const char **)field = v.text;
        break;
    case MB_FORM_YES_NO:
        if ((index = parse_word(&v, yes_no, COUNT(yes_no))) < 0)
            return -1;
        *(int *)field = index ? MB_YES : MB_NO;
        break;
    case MB_FORM_COUNT:
        if (mb_number_parse(text, 10, 1000, &number))
            return refuse_form(&v, "a number from 0 to 1000");
        *(uint32_t *)field = (uint32_t)number;
        break;
    case MB_FORM_SIZE:
        if (mb_number_parse_size(text, (uint64_t *)field) || !*(uint64_t *)field)
            return refuse_form(&v, "a size above zero, as 512, 64k, 10m or 1g");
        break;
    case MB_FORM_DURATION:
        if (mb_number_parse_duration(text, (uint64_t *)field))
            return refuse_form(&v, "a duration of at least 1ms, as 200ms, 10s, 5m or 1h");
        break;
    }
    if (result)
        return -1;
    bool is_said = origin.kind != MB_ORIGIN_DEFAULT && id != MB_OPTION_DRY_RUN && id != MB_OPTION_HELP;
    struct mb_setting *setting =
        is_said ? mb_arena_push(&spec->arena, &spec->settings, &spec->setting_count, sizeof(*setting)) : NULL;
    if (setting)
        *setting = (struct mb_setting){id, text, origin};
    if (spec->arena.failed)
        return mb_error_memory(err);
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
    /* No core file of a program in a box: it would hold the box's data. */
    return mb_options_set(spec, MB_OPTION_ULIMIT, "core=0", (struct mb_origin){.kind = MB_ORIGIN_DEFAULT}, err);
}
