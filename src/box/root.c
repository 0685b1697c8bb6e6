/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file systems: busybox, made in memory from the host's static busybox; host, an allow-list of the host's
 * system directories; or a directory. The first two are a tmpfs, which becomes read-only last; a directory in it that
 * needs other attributes becomes a mount of its own.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/count.h"
#include "base/fd.h"
#include "base/path.h"
#include "box/fill.h"
#include "box/identity.h"

static const struct mb_origin *root_origin(const struct mb_filler *f) {
    return &f->spec->origin[MB_OPTION_ROOTFS];
}

static void add_directory(struct mb_filler *f, const char *target, uint32_t mode) {
    mb_fill_mount(f, MB_MOUNT_DIRECTORY, NULL, target)->mode = mode;
}

static void add_link(struct mb_filler *f, const char *target, const char *text) {
    mb_fill_mount(f, MB_MOUNT_LINK, NULL, target)->source = text;
}

static void add_file(struct mb_filler *f, const char *target, const char *content) {
    struct mb_mount *file = mb_fill_mount(f, MB_MOUNT_FILE, NULL, target);
    file->source = content;
    file->mode = 0644;
}

static void add_root_tmpfs(struct mb_filler *f) {
    struct mb_mount *root = mb_fill_mount(f, MB_MOUNT_NEW, root_origin(f), "/");
    root->type = "tmpfs";
    MB_OPTIONS(f, root, {"mode", "0755"});
}

/* ---- busybox -------------------------------------------------------------------------------------------------- */

static const char busybox_passwd[] = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
static const char busybox_group[] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";

/* Checks that an open file is a program that needs no loader. 0, or -1 with *err. */
static int check_static(struct mb_filler *f, int fd, const char *path) {
    union {
        Elf64_Ehdr header;
        char bytes[4096];
    } file;
    ssize_t length = read(fd, &file, sizeof(file));
    if (length < 0)
        return mb_error_host(f->err, root_origin(f), MB_REMEDY_NO_BUSYBOX, errno, "cannot read", path);
    if (length < (ssize_t)sizeof(file.header) || memcmp(file.header.e_ident, ELFMAG, SELFMAG) != 0 ||
        file.header.e_phentsize != sizeof(Elf64_Phdr))
        return mb_error_host(f->err, root_origin(f), MB_REMEDY_NO_BUSYBOX, ENOEXEC, "cannot use", path);
    for (size_t n = 0; n < file.header.e_phnum; n++) {
        Elf64_Phdr program;
        size_t offset = file.header.e_phoff + n * sizeof(program);
        if (offset > (size_t)length || (size_t)length - offset < sizeof(program))
            break;
        memcpy(&program, file.bytes + offset, sizeof(program));
        if (program.p_type == PT_INTERP)
            return mb_error_host(f->err, root_origin(f), MB_REMEDY_BUSYBOX_DYNAMIC, ENOEXEC, "cannot use", path);
    }
    return 0;
}

static int find_busybox(struct mb_filler *f, const char **ret_path) {
    static const char *const places[] = {"/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"};
    for (size_t i = 0; i < MB_COUNT(places); i++) {
        *ret_path = MB_TEXT(f, "%s%s", f->host->root, places[i]);
        mb_autofd fd = open(*ret_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        if (fd < 0)
            return mb_error_host(f->err, root_origin(f), MB_REMEDY_NO_BUSYBOX, errno, "cannot open", *ret_path);
        return check_static(f, fd, *ret_path);
    }
    return mb_error_host(f->err, root_origin(f), MB_REMEDY_NO_BUSYBOX, ENOENT, "cannot find a busybox for",
                         "--rootfs busybox");
}

/* The host's resolver settings if the host's network is shared; else "". */
static const char *read_resolv_conf(struct mb_filler *f) {
    char text[16384];
    const char *path = MB_TEXT(f, "%s/etc/resolv.conf", f->host->root);
    if (mb_box_has_own(f->box, CLONE_NEWNET) || mb_fd_read_file(path, text, sizeof(text)) <= 0)
        return "";
    return MB_TEXT(f, "%s", text);
}

static int fill_busybox(struct mb_filler *f) {
    static const char *const directories[] = {"/bin", "/usr", "/etc", "/root", "/home", "/var", "/run"};
    static const char *const links[][2] = {{"/sbin", "bin"},
                                           {"/usr/bin", "../bin"},
                                           {"/usr/sbin", "../bin"},
                                           {"/var/run", "../run"},
                                           {"/var/tmp", "../tmp"}};
    const struct mb_process *process = &f->box->process;
    const char *busybox, *hostname = process->has_hostname ? process->hostname : "localhost";
    if (find_busybox(f, &busybox))
        return -1;
    add_root_tmpfs(f);
    for (size_t i = 0; i < MB_COUNT(directories); i++)
        add_directory(f, directories[i], 0755);
    for (size_t i = 0; i < MB_COUNT(links); i++)
        add_link(f, links[i][0], links[i][1]);
    mb_fill_bind(f, root_origin(f), busybox, "/bin/busybox", MB_ACCESS_RO);
    struct mb_mount *names = mb_fill_mount(f, MB_MOUNT_LINK, NULL, "/bin");
    names->source = "busybox";
    names->names = mb_busybox_applets;
    names->name_count = mb_busybox_applet_count;
    const char *passwd = busybox_passwd;
    if (process->uid != 0 && process->uid != 65534)
        passwd = MB_TEXT(f, "%suser:x:%u:%u:user:/:/bin/sh\n", busybox_passwd, process->uid, process->gid);
    add_file(f, "/etc/passwd", passwd);
    add_file(f, "/etc/group", busybox_group);
    add_file(f, "/etc/hosts", MB_TEXT(f, "127.0.0.1\tlocalhost %s\n::1\tlocalhost %s\n", hostname, hostname));
    add_file(f, "/etc/resolv.conf", read_resolv_conf(f));
    return 0;
}

/* ---- host ----------------------------------------------------------------------------------------------------- */

/* The whole text of a symbolic link; NULL with errno. */
static const char *read_link(struct mb_filler *f, const char *path) {
    char text[PATH_MAX + 1];
    ssize_t length = readlink(path, text, sizeof(text));
    if (length == (ssize_t)sizeof(text))
        errno = ENAMETOOLONG;
    return length > 0 && length < (ssize_t)sizeof(text) ? mb_arena_copy(&f->box->arena, text, (size_t)length) : NULL;
}

/* Shows a directory of the allow-list if the host has it; of a link it makes a copy. */
static int fill_host_directory(struct mb_filler *f, const char *target) {
    const char *path = MB_TEXT(f, "%s%s", f->host->root, target);
    struct stat st;
    if (lstat(path, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return 0;
        return mb_error_host(f->err, root_origin(f), MB_REMEDY_NONE, errno, "cannot look at", path);
    }
    if (S_ISDIR(st.st_mode)) {
        mb_fill_bind(f, root_origin(f), path, target, MB_ACCESS_RO);
        return 0;
    }
    const char *text = S_ISLNK(st.st_mode) ? read_link(f, path) : NULL;
    if (S_ISLNK(st.st_mode) && !text)
        return mb_error_host(f->err, root_origin(f), MB_REMEDY_NONE, errno, "cannot read the link", path);
    if (text)
        add_link(f, target, text);
    return 0;
}

/* The box has nothing of the host but this allow-list. */
static int fill_host(struct mb_filler *f) {
    static const char *const directories[] = {"/usr",    "/bin", "/sbin", "/lib",       "/lib32",    "/lib64",
                                              "/libx32", "/etc", "/opt",  "/nix/store", "/gnu/store"};
    add_root_tmpfs(f);
    for (size_t i = 0; i < MB_COUNT(directories); i++)
        if (fill_host_directory(f, directories[i]))
            return -1;
    add_directory(f, "/home", 0755);
    if (!f->home || strcmp(f->home, "/root") != 0)
        add_directory(f, "/root", 0700);
    add_directory(f, "/var", 0755);
    add_link(f, "/var/run", "../run");
    mb_fill_scratch(f, root_origin(f), (struct mb_scratch){.target = "/run", .mode = 0755});
    mb_fill_scratch(f, root_origin(f), (struct mb_scratch){.target = "/var/tmp", .mode = 01777});
    return 0;
}

/* With --rootfs host the user's home is there, but empty: programs expect that they can write to it. */
static void fill_home(struct mb_filler *f) {
    const char *home = f->home;
    if (f->rootfs != MB_ROOTFS_HOST || !home)
        return;
    bool is_below_home = strncmp(home, "/home/", 6) == 0 && home[6] && home[6] != '.' && !strchr(home + 6, '/');
    if (!is_below_home && strcmp(home, "/root") != 0)
        return;
    const struct mb_process *process = &f->box->process;
    mb_fill_scratch(f, root_origin(f),
                    (struct mb_scratch){.target = home, .mode = 0700, .uid = process->uid, .gid = process->gid});
}

/* ---- a directory ---------------------------------------------------------------------------------------------- */

bool mb_root_is_reachable(const char *directory) {
    char *path = realpath(directory, NULL);
    bool is_reachable = true; /* also if it cannot be looked at */
    struct stat st;
    while (path && path[1]) {
        /* A directory of root's keeps others out if it is closed to the group too: that also masks the grants of an
         * access control list. */
        if (stat(path, &st) == 0 && st.st_uid == 0 && !(st.st_mode & (S_IXGRP | S_IXOTH)))
            is_reachable = false;
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    }
    free(path);
    return is_reachable;
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

/* A box that shares the host's network looks up names as the host does, so it gets the host's resolver settings. */
static int fill_resolver(struct mb_filler *f) {
    struct stat st;
    if (mb_box_has_own(f->box, CLONE_NEWNET) || f->rootfs == MB_ROOTFS_BUSYBOX)
        return 0;
    char *real = realpath(MB_TEXT(f, "%s/etc/resolv.conf", f->host->root), NULL);
    const char *path = real ? mb_arena_copy(&f->box->arena, real, strlen(real)) : NULL;
    free(real);
    if (!path || stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        mb_fill_absent(f, "/etc/resolv.conf: the host has none");
        return 0;
    }
    if (f->rootfs == MB_ROOTFS_HOST) { /* /etc is shown already, but the link in it may lead to /run, which is not */
        const char *target = path + strlen(f->host->root);
        if (strncmp(target, "/run/", 5) == 0)
            mb_fill_bind(f, root_origin(f), path, target, MB_ACCESS_RO);
        return 0;
    }
    mb_autofd there = mb_path_open(f->root_fd, "etc/resolv.conf", O_PATH);
    if (there < 0 || fstat(there, &st) < 0 || !S_ISREG(st.st_mode)) {
        mb_fill_absent(f, "/etc/resolv.conf: the root file system has none to put the host's on");
        return 0;
    }
    mb_fill_bind(f, &f->spec->origin[MB_OPTION_NETWORK], path, "/etc/resolv.conf", MB_ACCESS_RO);
    return 0;
}

/* If a busybox tree was installed beside minibox, that directory becomes the root. */
static void find_installed_busybox(struct mb_filler *f) {
    const char *path = MB_TEXT(f, "%s%s/busybox", f->host->root, MINIBOX_DATADIR);
    mb_autofd installed = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    mb_autofd program = installed < 0 ? -1 : mb_path_open(installed, "bin/busybox", O_PATH);
    if (program < 0)
        return;
    f->rootfs = MB_ROOTFS_DIR;
    f->box->root_path = path;
}

int mb_fill_find_root(struct mb_filler *f) {
    const struct minibox_spec *spec = f->spec;
    struct stat st, root;
    f->rootfs = spec->rootfs;
    f->box->root_path = spec->rootfs_path;
    f->accounts = (struct mb_accounts){busybox_passwd, busybox_group};
    if (spec->rootfs == MB_ROOTFS_BUSYBOX && spec->rootfs_access == MB_ACCESS_RO)
        find_installed_busybox(f);
    if (f->rootfs == MB_ROOTFS_BUSYBOX)
        return 0;
    const char *path = f->rootfs == MB_ROOTFS_HOST ? MB_TEXT(f, "%s/", f->host->root) : f->box->root_path;
    mb_autofd fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return mb_error_host(f->err, root_origin(f), errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                             "cannot use as a root file system", path);
    if (mb_identity_read_accounts(&f->box->arena, fd, spec->group != NULL, &f->accounts, f->err))
        return -1;
    if (f->rootfs == MB_ROOTFS_HOST)
        return 0;
    if (fstat(fd, &st) < 0 || stat("/", &root) < 0)
        return mb_error_host(f->err, root_origin(f), MB_REMEDY_NONE, errno, "cannot look at", path);
    if (st.st_dev == root.st_dev && st.st_ino == root.st_ino) {
        mb_error_usage(f->err, root_origin(f), MB_REMEDY_NONE, "refusing to show the whole host by --rootfs", path,
                       NULL);
        mb_error_remedy(f->err, "--rootfs host, which shows its system directories only");
        return -1;
    }
    f->root_fd = mb_fd_steal(&fd);
    return 0;
}

int mb_fill_root(struct mb_filler *f) {
    switch (f->rootfs) {
    case MB_ROOTFS_BUSYBOX:
        return fill_busybox(f);
    case MB_ROOTFS_HOST:
        return fill_host(f);
    case MB_ROOTFS_DIR:
        mb_fill_directory(f, root_origin(f), f->box->root_path, "/", f->spec->rootfs_access);
        break;
    }
    return 0;
}

int mb_fill_extras(struct mb_filler *f) {
    fill_home(f);
    return fill_resolver(f);
}
