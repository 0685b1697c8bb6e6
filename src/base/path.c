/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

int mb_path_open(int root, const char *path, uint64_t flags) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    while (*path == '/')
        path++;
    /* EAGAIN: somewhere on the system a mount or rename happened meanwhile, and a link or ".." cannot be trusted to have stayed
     * below the root. openat2(2): try again. Not for ever: that would be someone's doing. */
    for (int tries = 0;; tries++) {
        int fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
        if (fd >= 0 || errno != EAGAIN || tries >= MB_PATH_TRIES)
            return fd;
    }
}

int mb_path_open_regular(int root, const char *path) {
    struct stat st;
    char again[32];
    mb_autofd fd = mb_path_open(root, path, O_PATH);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    snprintf(again, sizeof(again), "/proc/self/fd/%d", fd); /* the very file that was looked at */
    return open(again, O_RDONLY | O_CLOEXEC);
}
