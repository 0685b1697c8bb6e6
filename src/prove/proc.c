/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. Experiments and checks ask the kernel about their children, and give them id maps, by the children's
 * files in /proc, which are small texts.
 */
#include "prove/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

enum { PATH_SIZE = 64, TEXT_SIZE = 1 << 18 };

static void name_file(char *ret_path, pid_t pid, const char *name) {
    if (pid)
        snprintf(ret_path, PATH_SIZE, "/proc/%d/%s", pid, name);
    else
        snprintf(ret_path, PATH_SIZE, "/proc/self/%s", name);
}

int mb_proc_write(pid_t pid, const char *name, const char *text) {
    char path[PATH_SIZE];
    name_file(path, pid, name);
    mb_autofd fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -1 : mb_fd_write_all(fd, text, strlen(text));
}

long mb_proc_number(pid_t pid, const char *name, const char *section, const char *key) {
    char path[PATH_SIZE], text[TEXT_SIZE];
    name_file(path, pid, name);
    if (mb_fd_read_file(path, text, sizeof(text)) < 0)
        return -1;
    const char *start = strstr(text, section), *found = start ? strstr(start, key) : NULL;
    return found ? strtol(found + strlen(key), NULL, 10) : -1;
}

int mb_proc_map_one(pid_t pid, uid_t inside, uid_t uid, gid_t gid) {
    char uid_map[40], gid_map[40];
    snprintf(uid_map, sizeof(uid_map), "%u %u 1", inside, uid);
    snprintf(gid_map, sizeof(gid_map), "%u %u 1", inside, gid);
    if (mb_proc_write(pid, "setgroups", "deny") < 0)
        return -1;
    if (mb_proc_write(pid, "uid_map", uid_map) < 0)
        return -1;
    return mb_proc_write(pid, "gid_map", gid_map);
}
