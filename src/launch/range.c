/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A file of locks has a byte for each id; a box locks the bytes of its range while it lives. So no two
 * boxes have ids in common, and cannot reach each other's files and processes even if both break out. The lock belongs
 * to the open file description: it lives as long as any descriptor of that, in whatever process.
 */
#include "launch/range.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "box/identity.h"

static const char directory[] = "/run/minibox", path[] = "/run/minibox/ids";

enum attempt { IS_LOCKED, IS_HELD, HAS_FAILED };

static enum attempt try_range(int fd, uint32_t uid) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = uid, .l_len = MB_ID_RANGE};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return IS_LOCKED;
    return errno == EAGAIN || errno == EACCES ? IS_HELD : HAS_FAILED;
}

static bool is_taken(const struct mb_id_maps *maps, uint64_t start) {
    for (size_t i = 0; i < maps->taken_count; i++)
        if (maps->taken[i].uid < start + MB_ID_RANGE && start < (uint64_t)maps->taken[i].uid + maps->taken[i].count)
            return true;
    return false;
}

/* Tries root's own subordinate ids first, then the ranges that nobody owns. */
static enum attempt find_range(const struct mb_id_maps *maps, int fd, struct mb_id_range *ret_range) {
    enum attempt attempt = IS_HELD;
    for (size_t i = 0; attempt == IS_HELD && i < maps->own_count; i++) {
        const struct mb_id_range *own = &maps->own[i];
        for (uint32_t n = 0; attempt == IS_HELD && n < own->count / MB_ID_RANGE; n++) {
            uint32_t offset = n * MB_ID_RANGE;
            *ret_range = (struct mb_id_range){own->uid + offset, own->gid + offset, MB_ID_RANGE};
            attempt = try_range(fd, ret_range->uid);
        }
    }
    for (uint32_t start = MB_ID_FIRST; attempt == IS_HELD && start <= MB_ID_LAST; start += MB_ID_RANGE) {
        if (is_taken(maps, start))
            continue;
        *ret_range = (struct mb_id_range){start, start, MB_ID_RANGE};
        attempt = try_range(fd, start);
    }
    return attempt;
}

static int open_locks(void) {
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags, 0600);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    return mkdir(directory, 0700) < 0 && errno != EEXIST ? -1 : open(path, flags, 0600);
}

int mb_range_reserve(const struct mb_id_maps *maps, struct mb_id_range *ret_range, int *ret_fd,
                     struct minibox_error *err) {
    mb_autofd fd = open_locks();
    if (fd < 0)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot open", path);
    enum attempt attempt = find_range(maps, fd, ret_range);
    if (attempt == HAS_FAILED)
        return mb_error_host(err, NULL, MB_REMEDY_NONE, errno, "cannot lock", path);
    if (attempt == IS_HELD)
        return mb_error_host(err, NULL, MB_REMEDY_NO_RANGE, EAGAIN, "cannot find a free range of ids", NULL);
    *ret_fd = mb_fd_steal(&fd);
    return 0;
}
