/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors with an owner: mb_autofd closes itself at the end of its scope, mb_fd_steal() moves ownership out. */
#ifndef MB_BASE_FD_H
#define MB_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static inline void mb_fd_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
#define mb_autofd __attribute__((cleanup(mb_fd_close))) int

static inline int mb_fd_steal(int *fd) {
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

/* Reads a whole file of at most `size` - 1 bytes into `buffer` and NUL-terminates it. Returns its length, or -1 with
 * errno (EFBIG: it is larger). */
ssize_t mb_fd_read_all(int fd, char *buffer, size_t size);
ssize_t mb_fd_read_file(const char *path, char *buffer, size_t size);

/* Whether both are open on one file or directory of one mount. */
bool mb_fd_is_same(int a, int b);

/* Whether a write to `fd` failed with errno `number` because nobody is there to read: of a pipe, or of a terminal that
 * was hung up. */
bool mb_fd_reader_is_gone(int fd, int number);

/* The directory that a path's last name is in, as "a/" or ".". False: it does not fit, ENAMETOOLONG. */
bool mb_fd_directory_of(const char *path, char *ret_directory, size_t size);

/* Whether the caller could open `path` for writing, or make it, without doing so. 0, or -1 with errno. */
int mb_fd_may_write(const char *path);

/* Writes all of it. 0, or -1 with errno. */
int mb_fd_write_all(int fd, const void *data, size_t size);

#endif
