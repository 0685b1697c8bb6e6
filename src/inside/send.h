/* SPDX-License-Identifier: Apache-2.0 */
/* How the box hands the launcher a descriptor that only it could make. Raw system calls: the builder and init use it.
 */
#ifndef MB_INSIDE_SEND_H
#define MB_INSIDE_SEND_H

#include <sys/socket.h>

#include "base/raw.h"
#include "inside/shared.h"

/* 0 or more, or -errno. The descriptor stays open here. */
static inline long mb_send_descriptor(int socket, enum mb_shared_descriptor which, long fd) {
    char byte = (char)which;
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    *(int *)CMSG_DATA(&control.header) = (int)fd;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    return raw(SYS_sendmsg, socket, &message, MSG_NOSIGNAL);
}

#endif
