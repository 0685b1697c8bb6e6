/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file systems: busybox, made in memory from the host's one static program; host, an allow-list of the host's
 * system folders; or a folder. A root made here is a tmpfs, whose folders become mounts of their own where they differ
 * from it; it is made read-only last.
 */
#include "plan/rootfs.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "plan/mounts.h"

static void add_link(struct mb_compiler *c, const char *target, const char *text) {
    mb_steps_add_in_root(c, MB_STEP_LINK, NULL, target)->source = text;
}

static void add_file(struct mb_compiler *c, const char *target, const char *content) {
    struct mb_step *step = mb_steps_add_in_root(c, MB_STEP_FILE, NULL, target);
    step->source = content;
    step->mode = S_IFREG | 0644;
}

static struct mb_step *add_root_tmpfs(struct mb_compiler *c) {
    struct mb_step *step = mb_steps_add_at(c, MB_STEP_MOUNT, &c->spec->origin[MB_OPTION_ROOTFS], MB_SLOT_NONE, "/", "");
    step->source = "tmpfs";
    step->attributes = MB_NOSUID_NODEV;
    step->keep = MB_SLOT_ROOT;
    step->is_directory = true;
    MB_OPTIONS(c, step, {"mode", "0755"});
    return step;
}

/* Finds the host's busybox and sees that it is static. */
static int find_busybox(struct mb_compiler *c, const char **ret_path) {
    static const char *const places[] = {"/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"};
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_ROOTFS];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *path = MB_TEXT(c, "%s%s", c->host->root, places[i]);
        mb_autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        if (fd < 0)
            return mb_error_host(c->err, origin, MB_REMEDY_NO_BUSYBOX, errno, "cannot open", path);
        union {
            Elf64_Ehdr header;
            char bytes[4096];
        } file;
        ssize_t length = read(fd, &file, sizeof(file));
        if (length < 0)
            return mb_error_host(c->err, origin, MB_REMEDY_NO_BUSYBOX, errno, "cannot read", path);
        if (length < (ssize_t)sizeof(file.header) || memcmp(file.header.e_ident, ELFMAG, SELFMAG) != 0 ||
            file.header.e_phentsize != sizeof(Elf64_Phdr))
            return mb_error_host(c->err, origin, MB_REMEDY_NO_BUSYBOX, ENOEXEC, "cannot use", path);
        for (size_t n = 0; n < file.header.e_phnum; n++) {
            Elf64_Phdr program;
            size_t offset = file.header.e_phoff + n * sizeof(program);
            if (offset > (size_t)length || (size_t)length - offset < sizeof(program))
                break;
            memcpy(&program, file.bytes + offset, sizeof(program));
            if (program.p_type == PT_INTERP)
                return mb_error_host(c->err, origin, MB_REMEDY_BUSYBOX_DYNAMIC, ENOEXEC, "cannot use", path);
        }
        *ret_path = path;
        return 0;
    }
    return mb_error_host(c->err, origin, MB_REMEDY_NO_BUSYBOX, ENOENT, "cannot find a busybox for", "--rootfs busybox");
}

/* The host's resolver settings, where the host's network is shared: the text, or "" */
static const char *read_resolv_conf(struct mb_compiler *c) {
    char text[16384];
    if ((c->plan->flags & CLONE_NEWNET) ||
        mb_fd_read_file(MB_TEXT(c, "%s/etc/resolv.conf", c->host->root), text, sizeof(text)) <= 0)
        return "";
    return MB_TEXT(c, "%s", text);
}

static const char busybox_passwd[] = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
static const char busybox_group[] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";

static int plan_root_busybox(struct mb_compiler *c) {
    const char *busybox;
    if (find_busybox(c, &busybox))
        return -1;
    add_root_tmpfs(c);
    static const char *const folders[] = {"/bin", "/usr", "/etc", "/root", "/home", "/var", "/run"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        mb_steps_add_folder(c, folders[i], 0755);
    add_link(c, "/sbin", "bin");
    add_link(c, "/usr/bin", "../bin");
    add_link(c, "/usr/sbin", "../bin");
    add_link(c, "/var/run", "../run");
    add_link(c, "/var/tmp", "../tmp");
    if (mb_mounts_add_bind(c, &c->spec->origin[MB_OPTION_ROOTFS], busybox, "/bin/busybox", MB_ACCESS_RO, 0))
        return -1;
    struct mb_step *links = mb_steps_add_in_root(c, MB_STEP_LINK, NULL, "/bin");
    links->source = "busybox";
    links->names = mb_busybox_applets;
    links->name_count = mb_busybox_applet_count;
    add_file(c, "/etc/passwd",
             c->plan->uid == 0 || c->plan->uid == 65534
                 ? busybox_passwd
                 : MB_TEXT(c, "%suser:x:%u:%u:user:/:/bin/sh\n", busybox_passwd, c->plan->uid, c->plan->gid));
    add_file(c, "/etc/group", busybox_group);
    const char *name = c->plan->hostname ? c->plan->hostname : "localhost";
    add_file(c, "/etc/hosts", MB_TEXT(c, "127.0.0.1\tlocalhost %s\n::1\tlocalhost %s\n", name, name));
    add_file(c, "/etc/resolv.conf", read_resolv_conf(c));
    return 0;
}

/* The allow-list: what of the host is in the box at all. */
static int plan_root_host(struct mb_compiler *c) {
    static const char *const folders[] = {"/usr",    "/bin", "/sbin", "/lib",       "/lib32",    "/lib64",
                                          "/libx32", "/etc", "/opt",  "/nix/store", "/gnu/store"};
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_ROOTFS];
    add_root_tmpfs(c);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const char *path = MB_TEXT(c, "%s%s", c->host->root, folders[i]);
        struct stat st;
        char text[256];
        ssize_t length;
        bool is_there = lstat(path, &st) == 0;
        if (!is_there && (errno == ENOENT || errno == ENOTDIR))
            continue;
        if (!is_there)
            return mb_error_host(c->err, origin, MB_REMEDY_NONE, errno, "cannot look at", path);
        if (S_ISLNK(st.st_mode) && (length = readlink(path, text, sizeof(text) - 1)) <= 0)
            return mb_error_host(c->err, origin, MB_REMEDY_NONE, errno, "cannot read the link", path);
        if (S_ISLNK(st.st_mode))
            add_link(c, folders[i], mb_arena_copy(&c->plan->arena, text, (size_t)length));
        else if (S_ISDIR(st.st_mode) && mb_mounts_add_bind(c, origin, path, folders[i], MB_ACCESS_RO, 0))
            return -1;
    }
    mb_steps_add_folder(c, "/home", 0755);
    const char *home = c->home;
    if (!home || strcmp(home, "/root") != 0)
        mb_steps_add_folder(c, "/root", 0700);
    mb_steps_add_folder(c, "/var", 0755);
    add_link(c, "/var/run", "../run");
    mb_mounts_add_scratch(c, origin, "/run", 0755, 0);
    mb_mounts_add_scratch(c, origin, "/var/tmp", 01777, 0);
    return 0;
}

static int plan_root_dir(struct mb_compiler *c) {
    const struct mb_origin *origin = &c->spec->origin[MB_OPTION_ROOTFS];
    if (c->spec->rootfs_access == MB_ACCESS_OVERLAY)
        return mb_mounts_add_overlay(c, origin, c->rootfs_path, "/", 0, MB_SLOT_ROOT);
    struct mb_step *step = mb_steps_add_at(c, MB_STEP_BIND, origin, MB_SLOT_NONE, "/", "");
    step->source = c->rootfs_path;
    step->attributes = MB_NOSUID_NODEV | (c->spec->rootfs_access == MB_ACCESS_RO ? MOUNT_ATTR_RDONLY : 0);
    step->keep = MB_SLOT_ROOT;
    step->recursive = true;
    mb_mounts_add_idmap(c, c->spec->rootfs_access == MB_ACCESS_RO);
    return mb_mounts_identify(c, step, c->rootfs_path);
}

/* Names are looked up over the network that is shared: the host's resolver settings belong to it. */
static int plan_resolver(struct mb_compiler *c) {
    struct stat st;
    if (c->plan->flags & CLONE_NEWNET || c->rootfs == MB_ROOTFS_BUSYBOX)
        return 0;
    const char *link = MB_TEXT(c, "%s/etc/resolv.conf", c->host->root);
    char *real = realpath(link, NULL);
    const char *path = real ? mb_arena_copy(&c->plan->arena, real, strlen(real)) : NULL;
    free(real);
    if (!path || stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        mb_steps_add_absent(c, "/etc/resolv.conf: the host has none");
        return 0;
    }
    if (c->rootfs == MB_ROOTFS_HOST) { /* where the host's link leads to, if that is not in what is shown already */
        const char *target = path + strlen(c->host->root);
        return strncmp(target, "/run/", 5) == 0
                   ? mb_mounts_add_bind(c, &c->spec->origin[MB_OPTION_ROOTFS], path, target, MB_ACCESS_RO, 0)
                   : 0;
    }
    mb_autofd there = mb_path_open(c->root_fd, "etc/resolv.conf", O_PATH);
    if (there < 0 || fstat(there, &st) < 0 || !S_ISREG(st.st_mode)) {
        mb_steps_add_absent(c, "/etc/resolv.conf: the root file system has none to put the host's on");
        return 0;
    }
    return mb_mounts_add_bind(c, &c->spec->origin[MB_OPTION_NETWORK], path, "/etc/resolv.conf", MB_ACCESS_RO, 0);
}

bool mb_rootfs_is_reachable(struct mb_compiler *c) {
    char *path = realpath(c->rootfs_path, NULL);
    bool is_reachable = true; /* what cannot be looked at counts as reachable */
    struct stat st;
    while (path && path[1]) {
        /* Root's own, and closed to the group too: that also masks what an access control list grants. */
        if (stat(path, &st) == 0 && st.st_uid == 0 && !(st.st_mode & (S_IXGRP | S_IXOTH)))
            is_reachable = false;
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    }
    free(path);
    return is_reachable;
}

/* In the host's root file system a user's home is there, but empty: programs expect to be able to write to it. */
static void plan_home(struct mb_compiler *c) {
    const char *home = c->home;
    if (c->rootfs != MB_ROOTFS_HOST || !home)
        return;
    if (strcmp(home, "/root") != 0 &&
        (strncmp(home, "/home/", 6) != 0 || strchr(home + 6, '/') || !home[6] || home[6] == '.'))
        return;
    mb_mounts_add_scratch(c, &c->spec->origin[MB_OPTION_ROOTFS], home, 0700, 0);
    struct mb_step *folder = mb_steps_last(c);
    if (c->plan->step_count > 1)
        folder--;
    folder->uid = c->plan->uid;
    folder->gid = c->plan->gid;
}

/* Where the root file system comes from, and the accounts that are in it. */
int mb_rootfs_find(struct mb_compiler *c) {
    const struct minibox_spec *spec = c->spec;
    const struct mb_origin *origin = &spec->origin[MB_OPTION_ROOTFS];
    struct stat st;
    c->rootfs = spec->rootfs;
    c->rootfs_path = spec->rootfs_path;
    c->accounts = (struct mb_accounts){busybox_passwd, busybox_group};
    if (spec->rootfs == MB_ROOTFS_BUSYBOX && spec->rootfs_access == MB_ACCESS_RO) {
        c->rootfs_path = MB_TEXT(c, "%s%s/busybox", c->host->root, MINIBOX_DATADIR);
        mb_autofd installed = open(c->rootfs_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        mb_autofd program = installed < 0 ? -1 : mb_path_open(installed, "bin/busybox", O_PATH);
        if (program >= 0)
            c->rootfs = MB_ROOTFS_DIR;
    }
    if (c->rootfs == MB_ROOTFS_BUSYBOX)
        return 0;
    const char *path = c->rootfs == MB_ROOTFS_HOST ? MB_TEXT(c, "%s/", c->host->root) : c->rootfs_path;
    mb_autofd fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return mb_error_host(c->err, origin, errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                             "cannot use as a root file system", path);
    if (mb_ids_read_accounts(&c->plan->arena, fd, spec->group != NULL, &c->accounts, c->err))
        return -1;
    if (c->rootfs == MB_ROOTFS_HOST)
        return 0;
    struct stat root;
    if (fstat(fd, &st) < 0 || stat("/", &root) < 0)
        return mb_error_host(c->err, origin, MB_REMEDY_NONE, errno, "cannot look at", path);
    if (st.st_dev == root.st_dev && st.st_ino == root.st_ino) {
        mb_error_usage(c->err, origin, MB_REMEDY_NONE, "refusing to show the whole host by --rootfs", path, NULL);
        mb_error_remedy(c->err, "--rootfs host, which shows its system folders only");
        return -1;
    }
    c->root_fd = mb_fd_steal(&fd);
    return 0;
}

int mb_rootfs_plan(struct mb_compiler *c) {
    switch (c->rootfs) {
    case MB_ROOTFS_BUSYBOX:
        return plan_root_busybox(c);
    case MB_ROOTFS_HOST:
        return plan_root_host(c);
    case MB_ROOTFS_DIR:
        break;
    }
    return plan_root_dir(c);
}

int mb_rootfs_plan_extras(struct mb_compiler *c) {
    plan_home(c);
    return plan_resolver(c);
}
