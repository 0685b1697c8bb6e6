/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The mb_error_*() functions that fill a record in overwrite all of it, so the last one that is called
 * counts. The texts of a record go through mb_text_printable() when they are printed: names and files are hostile.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Each row says what a refusal means, where the step and the errno beside it do not, and what the user can do. */
static const struct {
    const char *detail, *remedy;
} remedies[MB_REMEDY_COUNT] = {
    [MB_REMEDY_NONE] = {"", ""},
    [MB_REMEDY_HELP] = {"", "minibox run --help"},
    [MB_REMEDY_USERNS_FORBIDDEN] = {"this host does not let this user make user namespaces",
                                    "sysctl kernel.unprivileged_userns_clone=1 "
                                    "kernel.apparmor_restrict_unprivileged_userns=0, or run as root"},
    [MB_REMEDY_USERNS_LIMIT] = {"the host's limit on namespaces is used up or zero",
                                "raise the limits in /proc/sys/user (max_user_namespaces, max_net_namespaces ...)"},
    [MB_REMEDY_NO_NAMESPACE] = {"this kernel lacks one of these kinds of namespace: see /proc/self/ns",
                                "share what it lacks by name: --share time"},
    [MB_REMEDY_NO_BUSYBOX] = {"the busybox root file system needs a static busybox on the host",
                              "install busybox-static, or choose --rootfs host or --rootfs DIR"},
    [MB_REMEDY_BUSYBOX_DYNAMIC] = {"a dynamically linked busybox cannot run alone in a root file system",
                                   "install busybox-static, or choose --rootfs host or --rootfs DIR"},
    [MB_REMEDY_NO_COMMAND] = {"", "minibox run /bin/sh"},
    [MB_REMEDY_COMMAND_NOT_FOUND] = {"it was looked for inside the box, in its PATH",
                                     "name a program of the root file system, or choose another with --rootfs"},
    [MB_REMEDY_NOT_EXECUTABLE] = {"what is there in the box is a directory, or not executable for the box's user",
                                  "chmod +x, remove noexec from its volume, or choose another --user"},
    [MB_REMEDY_EXEC_FORMAT] = {"the file is no program of this machine and has no #! line",
                               "start it by its interpreter: minibox run ... sh FILE"},
    [MB_REMEDY_NO_INTERPRETER] = {"the file exists, but the interpreter or dynamic loader that it names does not",
                                  "use a root file system that has it, or a static program"},
    [MB_REMEDY_ARGS_TOO_LONG] = {"the kernel limits one argument to 128 KiB and all to a quarter of the stack limit",
                                 "pass the data by a file or by standard input"},
    [MB_REMEDY_NO_MOUNT_POINT] = {"a mount point is missing, and a read-only root cannot be given one",
                                  "make it first, name another place (/srv/x, say), or use --rootfs DIR:overlay"},
    [MB_REMEDY_FILE_THERE] = {"a directory can be mounted only on a directory, and there is a file in the box",
                              "name another place in the box"},
    [MB_REMEDY_DIRECTORY_THERE] = {"a file can be mounted only on a file, and there is a directory in the box",
                                   "name the file's place in it: DST/NAME"},
    [MB_REMEDY_DANGLING_LINK] = {"the root file system has a link there or on the way, and nothing where it leads",
                                 "make what it leads to, or name another place in the box"},
    [MB_REMEDY_OVERLAY_FORBIDDEN] = {"overlay mounts in a user namespace need Linux 5.11 and a lower layer that is no "
                                     "overlay of a container",
                                     "use :ro, or :rw on a copy"},
    [MB_REMEDY_PROC_MASKED] = {"the kernel allows a new /proc only where the present one is fully visible; "
                               "in a container parts of it are masked",
                               "start the outer container with --security-opt unmask=ALL, or use --share pid "
                               "--die-with-launcher no"},
    [MB_REMEDY_MOUNT_DENIED] = {"a security module of the host, as AppArmor or SELinux, refuses mounts to minibox",
                                "permit what the kernel log says was denied; in a container: start it with "
                                "--security-opt apparmor=unconfined"},
    [MB_REMEDY_IDMAP_UNSUPPORTED] = {"this file system has no idmapped mounts, so files written there would belong to "
                                     "ids that mean nothing on the host",
                                     "use :ro, another file system, or --share user"},
    [MB_REMEDY_NO_SUBID] = {"", "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"},
    [MB_REMEDY_NO_NEWUIDMAP] = {"only the set-uid helpers newuidmap and newgidmap may map more than one's own id",
                                "install uidmap, or use --userns auto"},
    [MB_REMEDY_HOST_ROOT_MAPPED] = {"host uid 0 is never mapped into a box: its files and processes would be "
                                    "within reach",
                                    "use --userns auto, or --share user to have no user namespace at all"},
    [MB_REMEDY_NO_SUCH_PATH] = {"", "make it first, or correct the path"},
    [MB_REMEDY_NO_ACCESS] = {"", "check the permissions of the path and of the directories above it"},
    [MB_REMEDY_PATH_CHANGED] = {"between planning and mounting, something else took the place of this path",
                                "launch again when nothing moves the path"},
    [MB_REMEDY_SHARE_PID_DIES] = {"without a pid namespace of its own a box may leave processes behind when the "
                                  "launcher dies",
                                  "add --die-with-launcher no to accept that"},
    [MB_REMEDY_FLAG_NOT_FOR_EXEC] = {"", "leave it out"},
    [MB_REMEDY_HOST_RW] =
        {"the host's system directories are shown read-only; their files belong to ids that the box has not",
         "--rootfs host with -v PATH:rw for what must be written"},
    [MB_REMEDY_ID_NOT_MAPPED] = {"the box's user namespace has no such id",
                                 "choose a mapped id, or map it with --userns"},
    [MB_REMEDY_NO_USER] = {"names are looked up in the box's /etc/passwd and /etc/group", "use a number"},
    [MB_REMEDY_ULIMIT_RAISE] = {"to raise a hard limit minibox needs the capability SYS_RESOURCE on the host",
                                "ask for no more than what `prlimit` prints as HARD"},
    [MB_REMEDY_FD_CLOSED] = {"", "open it, or redirect it from /dev/null"},
    [MB_REMEDY_MEMFD_NOEXEC] = {"the host forbids executable memory files (sysctl vm.memfd_noexec=2)",
                                "sysctl vm.memfd_noexec=1"},
    [MB_REMEDY_KEY_QUOTA] = {"the user's quota of kernel keys is used up",
                             "raise /proc/sys/kernel/keys/maxkeys, or wait until other boxes have ended"},
    [MB_REMEDY_OLD_KERNEL] = {"this kernel lacks a system call that the launch needs", "use Linux 5.12 or newer"},
    [MB_REMEDY_VOLUME_DENIED] = {"inside the box's user namespace the path cannot be reached",
                                 "check the permissions of the path and of the directories above it"},
    [MB_REMEDY_NO_RANGE] = {"every range of 65,536 ids is in use by another box, a user or /etc/subuid",
                            "end other boxes, or name a range with --userns"},
    [MB_REMEDY_LOCKED_ATIME] =
        {"in a user namespace a mount of the host keeps the way in which it records access times",
         "leave noatime out, or run as root"},
    [MB_REMEDY_WEAK_ROOT] = {"root without its capabilities can map only its own id, which is host uid 0",
                             "run as an ordinary user, or give root CAP_SYS_ADMIN, SETUID, SETGID, SETPCAP and KILL"},
    [MB_REMEDY_OUTER_ROOT] = {"what it is further out cannot be told from here; it may be the host's root",
                              "--userns with ids that are not root's outside: 0:100000:65536, say"},
    [MB_REMEDY_VFORK] = {"", "leave vfork out"},
    [MB_REMEDY_SUID_ON_HOST] =
        {"the box could leave programs on the host that run as host root for any user",
         "use :ro or :overlay, keep others out of the directory (chmod go-x), or add --allow suid"},
    [MB_REMEDY_DIRECTORY_DESCRIPTOR] = {"a directory's descriptor leads out of the box's root",
                                        "redirect it from or to a file"},
    [MB_REMEDY_PID_FILE] = {"", "remove it if no box uses it any more"},
    [MB_REMEDY_INIT_HOLDS_RANGE] = {"init is what keeps the box's ids from other boxes once the launcher is gone",
                                    "leave out --init no, or --die-with-launcher no"},
    [MB_REMEDY_WORKDIR] = {"", "name a directory that exists in the box with --workdir"},
};

const char *mb_remedy_detail(enum mb_remedy remedy) {
    return remedies[remedy].detail;
}

const char *mb_remedy_text(enum mb_remedy remedy) {
    return remedies[remedy].remedy;
}

const char *minibox_version(void) {
    return MINIBOX_VERSION;
}

static void copy_text(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from ? from : "");
}

void mb_error_set_remedy(struct minibox_error *err, enum mb_remedy remedy) {
    copy_text(err->detail, sizeof(err->detail), remedies[remedy].detail);
    copy_text(err->remedy, sizeof(err->remedy), remedies[remedy].remedy);
}

void mb_origin_print(const struct mb_origin *origin, char *ret_text, size_t size) {
    if (!origin || origin->kind == MB_ORIGIN_DEFAULT)
        copy_text(ret_text, size, "default");
    else if (origin->kind == MB_ORIGIN_ARGV)
        snprintf(ret_text, size, "%s (argument %d)", origin->name, origin->line);
    else if (origin->kind == MB_ORIGIN_FILE)
        snprintf(ret_text, size, "%s:%d:%d", origin->name, origin->line, origin->column);
    else
        copy_text(ret_text, size, origin->name);
}

static void fill_record(struct minibox_error *err, enum minibox_phase phase, const struct mb_origin *origin,
                        enum mb_remedy remedy, const char *what, const char *object) {
    *err = (struct minibox_error){.phase = phase, .status = MINIBOX_EXIT_FAILED};
    copy_text(err->what, sizeof(err->what), what);
    copy_text(err->object, sizeof(err->object), object);
    if (origin && origin->kind != MB_ORIGIN_DEFAULT)
        mb_origin_print(origin, err->origin, sizeof(err->origin));
    mb_error_set_remedy(err, remedy);
}

int mb_error_usage(struct minibox_error *err, const struct mb_origin *origin, enum mb_remedy remedy, const char *what,
                   const char *object, const char *reason_format, ...) {
    fill_record(err, MINIBOX_PHASE_USAGE, origin, remedy, what, object);
    if (reason_format) {
        va_list args;
        va_start(args, reason_format);
        vsnprintf(err->reason, sizeof(err->reason), reason_format, args);
        va_end(args);
    }
    return -1;
}

int mb_error_host(struct minibox_error *err, const struct mb_origin *origin, enum mb_remedy remedy, int number,
                  const char *what, const char *object) {
    if (remedy == MB_REMEDY_NO_SUCH_PATH && number == EACCES)
        remedy = MB_REMEDY_NO_ACCESS;
    fill_record(err, MINIBOX_PHASE_PLAN, origin, remedy, what, object);
    err->number = number;
    copy_text(err->reason, sizeof(err->reason), number ? strerrordesc_np(number) : "");
    return -1;
}

int mb_error_memory(struct minibox_error *err) {
    *err = (struct minibox_error){
        .phase = MINIBOX_PHASE_PLAN, .status = MINIBOX_EXIT_FAILED, .number = ENOMEM, .what = "out of memory"};
    return -1;
}

void mb_error_remedy(struct minibox_error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->remedy, sizeof(err->remedy), format, args);
    va_end(args);
}

static void print_escaped(FILE *out, const char *text) {
    while (*text) {
        size_t length = mb_text_printable(text);
        if (length)
            fwrite(text, 1, length, out);
        else
            fprintf(out, "\\x%02x", (unsigned char)*text);
        text += length ? length : 1;
    }
}

/* Prints the line behind its place, and a caret below it. Each byte that is not printable is shown as one "?", since
 * its width on the terminal is unknown. */
static void print_excerpt(FILE *out, const struct minibox_error *err) {
    size_t before = sizeof("  asked for at ") + 1 + strlen(err->origin);
    char text[sizeof(err->excerpt)];
    snprintf(text, sizeof(text), "%s", err->excerpt);
    for (char *c = text; *c; c++)
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
    fprintf(out, ": %s\n%*s", text, (int)(before + (size_t)err->column), "^");
}

void minibox_error_print(const struct minibox_error *err, FILE *out) {
    fputs("minibox: ", out);
    print_escaped(out, err->what);
    if (err->object[0]) {
        fputs(" \"", out);
        print_escaped(out, err->object);
        fputc('"', out);
    }
    if (err->reason[0]) {
        fputs(": ", out);
        print_escaped(out, err->reason);
    }
    if (err->step) {
        fprintf(out, "\n  step %d of %d (%s)", err->step, err->steps, err->kind);
        if (err->origin[0])
            fputs(", asked for at ", out);
    } else if (err->origin[0])
        fputs("\n  asked for at ", out);
    print_escaped(out, err->origin);
    if (err->excerpt[0])
        print_excerpt(out, err);
    else if (err->detail[0]) {
        fputs("\n  ", out);
        print_escaped(out, err->detail);
    }
    if (err->remedy[0]) {
        fputs("\n  try: ", out);
        print_escaped(out, err->remedy);
    }
    fputc('\n', out);
}
