/* SPDX-License-Identifier: Apache-2.0 */
#include "inside/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "launch/report.h"

/* Numbers the mounts that steps make. What makes the mount of a slot read-only later is part of that mount's flags. */
static uint32_t number_mounts(struct mb_plan *plan, struct mb_shared_mount *mounts) {
    uint32_t count = 0;
    int of_slot[MB_SLOT_COUNT];
    memset(of_slot, -1, sizeof(of_slot));
    for (size_t i = 0; i < plan->step_count; i++) {
        struct mb_step *step = &plan->steps[i];
        bool makes = step->kind == MB_STEP_MOUNT || step->kind == MB_STEP_BIND || step->kind == MB_STEP_DEVICE ||
                     step->kind == MB_STEP_OVERLAY || step->kind == MB_STEP_MASK ||
                     (step->kind == MB_STEP_REMOUNT && step->path[0]);
        if (step->kind == MB_STEP_REMOUNT && !step->path[0] && mounts && of_slot[step->at] >= 0)
            mounts[of_slot[step->at]].attributes |= step->attributes;
        if (!makes || step->keep == MB_SLOT_STAGE || step->at == MB_SLOT_STAGE)
            continue; /* the staging tmpfs goes with the old root */
        step->mount = (int)count;
        if (step->keep)
            of_slot[step->keep] = (int)count;
        if (mounts)
            mounts[count] = (struct mb_shared_mount){.attributes = step->attributes};
        count++;
    }
    return count;
}

static uint32_t take(uint64_t *size, uint64_t bytes) {
    uint64_t offset = (*size + 15) & ~UINT64_C(15);
    *size = offset + bytes;
    return (uint32_t)offset;
}

static void fill_arrays(const struct mb_plan *plan, struct mb_shared *shared) {
    struct mb_shared_limit *limit = mb_shared_at(shared, shared->limits);
    for (size_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].kind == MB_STEP_LIMIT)
            *limit++ = (struct mb_shared_limit){plan->steps[i].soft, plan->steps[i].hard, plan->steps[i].resource,
                                                (int32_t)i + 1};
    struct sock_filter *code = mb_shared_at(shared, shared->filter);
    const struct sock_filter question[] = {MB_SHARED_QUESTION};
    _Static_assert(sizeof(question) / sizeof(*question) == MB_SHARED_QUESTION_LENGTH &&
                       MB_FILTER_MOST + MB_SHARED_QUESTION_LENGTH <= BPF_MAXINSNS,
                   "room");
    if (shared->filter_count)
        memcpy(code, question, sizeof(question));
    code += MB_SHARED_QUESTION_LENGTH;
    for (size_t i = 0; i < plan->filter.count; i++) {
        code[i] = plan->filter.code[i];
        bool is_allow = code[i].k == SECCOMP_RET_ALLOW,
             is_refusal = (code[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
        if (code[i].code == (BPF_RET | BPF_K) &&
            (plan->notify == MB_NOTIFY_ALLOWED ? is_allow : plan->notify && is_refusal))
            code[i].k = SECCOMP_RET_USER_NOTIF;
    }
    char *text = mb_shared_at(shared, shared->candidates);
    for (size_t i = 0; i < plan->candidate_count; i++)
        text = stpcpy(text, plan->candidates[i]) + 1;
    strcpy(mb_shared_at(shared, shared->workdir), plan->workdir);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct mb_step *step = &plan->steps[i];
        struct stat st;
        if (step->kind == MB_STEP_STREAM && fstat(step->fd, &st) == 0) /* open, or nothing would have come this far */
            shared->streams[step->stream] = (struct mb_shared_stream){st.st_ino, minor(st.st_dev), 1};
    }
}

static int number_of(const struct mb_plan *plan, enum mb_step_kind kind) {
    const struct mb_step *step = mb_plan_find(plan, kind);
    return step ? (int)(step - plan->steps) + 1 : 0;
}

/* Whose / must be: of a new file system, the ids that the builder had taken; a folder, or an overlay of one, has its
 * own owner. */
static void note_root_owner(const struct mb_plan *plan, struct mb_shared *shared) {
    const struct mb_step *become = mb_plan_find(plan, MB_STEP_BECOME_ROOT);
    for (size_t i = 0; become && i < plan->step_count; i++)
        if (plan->steps[i].keep == MB_SLOT_ROOT)
            shared->own_root = plan->steps[i].kind == MB_STEP_MOUNT;
    shared->root_uid = become ? become->uid : 0;
    shared->root_gid = become ? become->gid : 0;
}

/* The shared box: sized, mapped, filled. */
int mb_shared_make(struct mb_plan *plan, struct mb_shared **ret_box, size_t *ret_size, int *ret_fd,
                   struct minibox_error *err) {
    const struct mb_step *step = mb_plan_find(plan, MB_STEP_INIT);
    struct mb_shared layout = {.mount_count = number_mounts(plan, NULL),
                               .filter_count =
                                   plan->filter.count ? (uint32_t)plan->filter.count + MB_SHARED_QUESTION_LENGTH : 0,
                               .candidate_count = (uint32_t)plan->candidate_count,
                               .launcher_fd = -1,
                               .lock_fd = -1,
                               .notify_fd = -1,
                               .init = plan->init,
                               .die_with_launcher = plan->die_with_launcher,
                               .terminal = plan->terminal,
                               .trial = plan->trial,
                               .preserve_fds = plan->preserve_fds,
                               .fork_flags = plan->flags & (CLONE_IO | CLONE_SYSVSEM),
                               .step_init = number_of(plan, MB_STEP_INIT),
                               .step_session = number_of(plan, MB_STEP_SESSION),
                               .step_verify = number_of(plan, MB_STEP_VERIFY),
                               .step_filter = number_of(plan, MB_STEP_FILTER),
                               .step_exec = number_of(plan, MB_STEP_EXEC),
                               .uid = plan->uid,
                               .gid = plan->gid,
                               .group_count = (uint32_t)plan->group_count,
                               .capabilities = plan->capabilities,
                               .session_keyring = plan->session_keyring,
                               .own_session_keyring = plan->own_session_keyring,
                               .has_hostname = plan->hostname != NULL};
    note_root_owner(plan, &layout);
    size_t text = 0;
    for (size_t i = 0; i < plan->candidate_count; i++)
        text += strlen(plan->candidates[i]) + 1;
    for (size_t i = 0; i < plan->step_count; i++)
        layout.limit_count += plan->steps[i].kind == MB_STEP_LIMIT;
    uint64_t size = sizeof(layout);
    layout.mounts = take(&size, layout.mount_count * sizeof(struct mb_shared_mount));
    layout.limits = take(&size, layout.limit_count * sizeof(struct mb_shared_limit));
    layout.filter = take(&size, layout.filter_count * sizeof(*plan->filter.code));
    layout.candidates = take(&size, text);
    layout.workdir = take(&size, strlen(plan->workdir) + 1);
    if (size > UINT32_MAX)
        return mb_error_memory(err);

    *ret_fd = memfd_create("minibox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*ret_fd < 0 || ftruncate(*ret_fd, (off_t)size) < 0 ||
        fcntl(*ret_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return mb_report_step(plan, step, errno, err);
    struct mb_shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
    if (shared == MAP_FAILED)
        return mb_report_step(plan, step, errno, err);
    *ret_box = shared;
    *ret_size = size;
    *shared = layout;
    if (plan->hostname)
        strncpy(shared->hostname, plan->hostname, sizeof(shared->hostname) - 1);
    number_mounts(plan, mb_shared_at(shared, shared->mounts));
    fill_arrays(plan, shared);
    return 0;
}
