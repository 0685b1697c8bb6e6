/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The builder. It is cloned with CLONE_VM: until it executes init it works in the launcher's memory, on a stack of its
 * own, while the launcher goes on. Hence the rules of this room: raw system calls alone; no allocation, no stdio, no
 * errno, no lock, nothing of the C library but memcpy, memset and memmove (a test asks nm); it writes only to its own
 * stack, to *builder's slots, and to the shared memory. It is built -ffreestanding, without stack protector or
 * sanitizers.
 *
 * It reads as a list: one case a kind of step, each a call of a piece (pieces.h). What can be computed has been, in
 * plan/. A step that fails stores its number and errno in the shared memory and ends the process; nothing is undone
 * here, since all that was made lives in namespaces that die with it.
 */
#include "inside/builder.h"

#include <fcntl.h>
#include <linux/errno.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "inside/pieces.h"

static long bring_loopback_up(void) {
    long fd = raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    TRY(fd);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    TRY(raw(SYS_ioctl, fd, SIOCSIFFLAGS, &request));
    raw(SYS_close, fd);
    return 0;
}

/* Of a new time namespace only children are members, and since Linux 6.3 what execve(2) makes: a command that is no
 * child, as without init, enters it itself. */
static long make_namespaces(const struct mb_builder *b, const struct mb_step *step) {
    TRY(raw(SYS_unshare, step->flags));
    if (b->plan->box->process.init || !(step->flags & CLONE_NEWTIME))
        return 0;
    long fd = raw(SYS_openat, AT_FDCWD, "/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC, 0);
    TRY(fd);
    TRY(raw(SYS_setns, fd, CLONE_NEWTIME));
    raw(SYS_close, fd);
    return 0;
}

static long execute_step(struct mb_builder *b, size_t n) {
    const struct mb_step *step = &b->plan->steps[n];
    const struct mb_box *box = b->plan->box;
    switch (step->kind) {
    case MB_STEP_DROP_GROUPS:
        return raw(SYS_setgroups, 0, 0);
    case MB_STEP_JOIN:
        return raw(SYS_setns, b->fds[n], step->flags);
    case MB_STEP_DIE_WITH:
        return mb_life_die_with_launcher(b);
    case MB_STEP_STREAM:
        return raw(SYS_dup3, b->fds[n], step->stream, 0);
    case MB_STEP_CLOSE:
        return mb_life_close_others(b);
    case MB_STEP_SELF_MAPS:
        return mb_ids_write_maps(&box->maps);
    case MB_STEP_UNSHARE:
        return make_namespaces(b, step);
    case MB_STEP_PRIVATE:
        return raw(SYS_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0);
    case MB_STEP_HOSTNAME:
        return raw(SYS_sethostname, step->source, mb_length(step->source));
    case MB_STEP_LOOPBACK:
        return bring_loopback_up();
    case MB_STEP_GATE:
        return mb_life_wait_at_gate(b);
    case MB_STEP_BECOME_ROOT:
    case MB_STEP_IDS:
        return mb_ids_set(b, step);
    case MB_STEP_MOUNT:
        return mb_mount_new(b, step);
    case MB_STEP_BIND:
    case MB_STEP_DEVICE:
        return mb_mount_source(b, step, b->fds[n]);
    case MB_STEP_OVERLAY:
        return mb_mount_overlay(b, step);
    case MB_STEP_DIRECTORY:
        return mb_place_make_directory(b, step);
    case MB_STEP_LINK:
        return mb_place_make_links(b, step);
    case MB_STEP_FILE:
        return mb_place_make_file(b, step);
    case MB_STEP_MASK:
        return mb_mount_mask(b, step);
    case MB_STEP_SELF:
        return mb_mount_self(b, step);
    case MB_STEP_REMOUNT:
        return mb_mount_remount(b, step);
    case MB_STEP_TERMINAL:
        return mb_life_open_terminal(b, step);
    case MB_STEP_PIVOT:
        return mb_mount_pivot(b);
    case MB_STEP_WORKDIR:
        return mb_place_change_to(b, step);
    case MB_STEP_KEYRING:
        return raw(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
    case MB_STEP_UMASK:
        return raw(SYS_umask, box->process.umask);
    case MB_STEP_CAPABILITIES:
        return mb_ids_set_capabilities(&box->process.capabilities);
    case MB_STEP_NO_NEW_PRIVS:
        return raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case MB_STEP_INIT:
        return mb_life_execute_init(b);
    default:
        return -ENOSYS; /* not a builder's step: the plan is wrong */
    }
}

static __attribute__((noreturn)) void quit(int status) {
    for (;;)
        raw(SYS_exit_group, status);
}

static __attribute__((noreturn)) void end_with(const struct mb_builder *b, size_t step, long result) {
    b->shared->failed_number = (int32_t)-result;
    b->shared->failed_step = (int32_t)step + 1; /* last: who sees it finds the rest */
    quit(125);
}

/* Executes the builder's steps from `first` up to `end`. */
static void execute_steps(struct mb_builder *b, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        long result = b->plan->steps[i].side == MB_SIDE_BUILDER ? execute_step(b, i) : 0;
        if (result < 0)
            end_with(b, i, result);
    }
}

static size_t find_clone(const struct mb_plan *plan) {
    size_t n = 0;
    while (plan->steps[n].kind != MB_STEP_CLONE)
        n++;
    return n;
}

/*
 * The joiner enters the namespaces to join, then makes the builder as its own sibling, so that the launcher is the
 * builder's parent. It is closed to tracing before it enters: processes that are in there already must not get hold of
 * it.
 */
static void join_and_clone(struct mb_builder *b, size_t clone_step) {
    uint64_t flags = b->plan->steps[clone_step].flags & ~(uint64_t)CLONE_VM;
    long result = raw(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (result < 0)
        end_with(b, clone_step, result);
    execute_steps(b, 0, clone_step);
    result = raw(SYS_clone, flags | CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (result < 0)
        end_with(b, clone_step, result);
    if (result == 0)
        return;
    b->shared->builder_pid = (int32_t)result;
    quit(0);
}

int mb_builder_run(void *argument) {
    struct mb_builder *b = argument;
    size_t clone_step = find_clone(b->plan);
    raw(SYS_umask, 0); /* what is made has the planned mode, whatever the caller's umask; a later step sets the box's */
    if (raw(SYS_umask, 0) != 0)
        quit(125);
    if (b->joins)
        join_and_clone(b, clone_step);
    execute_steps(b, clone_step, b->plan->step_count);
    quit(125); /* execve does not return, and a plan ends with it */
}
