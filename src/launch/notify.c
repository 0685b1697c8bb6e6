/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The launcher computes the filter's own answer to the call, and gives that. (For SECCOMP_RET_KILL and
 * the like, which cannot be given, the loaded filter keeps its return: see launch/shared.c.)
 */
#include "launch/notify.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/arch.h"

#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1
#endif

/* Runs a filter as the kernel does. Knows the instructions that filter/bpf.c writes. Returns SECCOMP_RET_*. */
static uint32_t evaluate_filter(const struct mb_filter *filter, const struct seccomp_data *data) {
    uint32_t a = 0;
    for (size_t pc = 0; pc < filter->count; pc++) {
        const struct sock_filter *i = &filter->code[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k > sizeof(*data) - sizeof(a))
                return SECCOMP_RET_KILL_PROCESS;
            memcpy(&a, (const char *)data + i->k, sizeof(a));
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            break;
        case BPF_JMP | BPF_JA:
            pc += i->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += a == i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            pc += a > i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            pc += a >= i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            pc += a & i->k ? i->jt : i->jf;
            break;
        case BPF_RET | BPF_K:
            return i->k;
        default: /* no such instruction is ever written */
            return SECCOMP_RET_KILL_PROCESS;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

int mb_notify_serve(struct mb_notify *notify) {
    struct seccomp_notif request = {0};
    if (ioctl(notify->fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
        return errno == EINTR || errno == ENOENT ? 0 : -1; /* ENOENT: the caller was killed meanwhile */
    uint32_t action = evaluate_filter(&notify->filter, &request.data);
    struct seccomp_notif_resp answer = {.id = request.id};
    if (action == SECCOMP_RET_ALLOW)
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else
        answer.error =
            (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? -(int)(action & SECCOMP_RET_DATA) : -ENOSYS;
    /* On another architecture the same number is another call. */
    if (request.data.arch == MB_ARCH_NATIVE && (unsigned)request.data.nr < MB_NOTIFY_CALLS)
        notify->counts[request.data.nr]++;
    int result;
    do
        result = ioctl(notify->fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    while (result < 0 && errno == EINTR);
    return result < 0 && errno != ENOENT ? -1 : 0; /* ENOENT: the caller does not wait any more */
}
