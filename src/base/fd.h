/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors, and what is done with them. An mb_autofd is closed at the end of its scope; mb_fd_steal() moves its
 * ownership out of that scope. Unless a comment says otherwise a function returns 0, or -1 with errno.
 */
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

/* A copy that is closed by execve, and is none of 0, 1, 2. -1 with errno; EPROTO: the kernel says one of these. */
int mb_fd_duplicate(int fd);

/* Reads a whole file of at most `size` - 1 bytes into `buffer` and NUL-terminates it. Returns its length, or -1 (EFBIG:
 * it is larger). */
ssize_t mb_fd_read_all(int fd, char *buffer, size_t size);
ssize_t mb_fd_read_file(const char *path, char *buffer, size_t size);

/* The content of a file of less than 4 MiB, NUL-terminated; the caller frees it. NULL with errno. A text that is
 * shorter than *ret_length has NULs in it. */
char *mb_fd_read_text(const char *path, size_t *ret_length);

/* Writes all of it. */
int mb_fd_write_all(int fd, const void *data, size_t size);

/* Writes the rest of a buffer, from `sent` to `length`, by one write(2), and empties the buffer when all is written
 * or never will be. 0, or the errno for which it never will be. */
int mb_fd_write_some(int fd, const char *buffer, size_t *length, size_t *sent);

/* Whether a write to `fd` failed with errno `number` because the pipe has no reader any more, or the terminal was hung
 * up. */
bool mb_fd_reader_is_gone(int fd, int number);

/* Whether both descriptors are open on one file or directory of one mount. */
bool mb_fd_is_same(int a, int b);

/* Opens (O_PATH) the directory that the last name of `path` is in, and sets *ret_name to that name, which points into
 * `path`. Returns the descriptor. */
int mb_fd_open_directory_of(const char *path, const char **ret_name);

/* Whether the caller could open `path` for writing, or make it. Neither is done. */
int mb_fd_may_write(const char *path);

#endif
