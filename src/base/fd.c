/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

ssize_t mb_fd_read_all(int fd, char *buffer, size_t size) {
    size_t length = 0;
    for (;;) {
        ssize_t n = read(fd, buffer + length, size - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
        if (length == size) {
            errno = EFBIG;
            return -1;
        }
    }
    buffer[length] = '\0';
    return (ssize_t)length;
}

int mb_fd_duplicate(int fd) {
    enum { LOWEST = 3 };
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
    if (copy < 0 || copy >= LOWEST)
        return copy;
    errno = EPROTO; /* output would go to the caller's input */
    return -1;
}

ssize_t mb_fd_read_file(const char *path, char *buffer, size_t size) {
    mb_autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    /* Opening must not wait for a writer; reading must, or a pipe that a shell still fills (<(...)) gives EAGAIN. */
    return fd < 0 || fcntl(fd, F_SETFL, 0) ? -1 : mb_fd_read_all(fd, buffer, size);
}

char *mb_fd_read_text(const char *path, size_t *ret_length) {
    enum { MOST = 4 << 20 };
    char *text = malloc(MOST);
    ssize_t length = text ? mb_fd_read_file(path, text, MOST) : -1;
    if (length < 0) {
        int number = errno;
        free(text);
        errno = number;
        return NULL;
    }
    *ret_length = (size_t)length;
    return text;
}

int mb_fd_write_all(int fd, const void *data, size_t size) {
    for (const char *next = data; size;) {
        ssize_t n = write(fd, next, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        next += n;
        size -= (size_t)n;
    }
    return 0;
}

int mb_fd_write_some(int fd, const char *buffer, size_t *length, size_t *sent) {
    ssize_t n = write(fd, buffer + *sent, *length - *sent);
    int number = n < 0 ? errno : 0;
    if (number == EAGAIN || number == EINTR)
        return 0;
    *sent = n < 0 ? *length : *sent + (size_t)n;
    if (*sent == *length)
        *length = *sent = 0;
    return number;
}

int mb_fd_open_directory_of(const char *path, const char **ret_name) {
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    *ret_name = path + length;
    if (length >= sizeof(directory)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(directory, path, length);
    directory[length] = '\0';
    return open(length ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int mb_fd_may_write(const char *path) {
    const char *name;
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    int result = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
    if (result == 0 || errno != ENOENT)
        return result;
    mb_autofd directory = mb_fd_open_directory_of(path, &name);
    return directory < 0 ? -1 : faccessat(directory, ".", W_OK | X_OK, AT_EACCESS);
}

bool mb_fd_is_same(int a, int b) {
    struct statx x, y;
    return statx(a, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &x) == 0 &&
           statx(b, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &y) == 0 && x.stx_ino == y.stx_ino &&
           x.stx_mnt_id == y.stx_mnt_id;
}

bool mb_fd_reader_is_gone(int fd, int number) {
    struct stat st; /* isatty(3) fails on a terminal that was hung up */
    return number == EPIPE || (number == EIO && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode));
}
