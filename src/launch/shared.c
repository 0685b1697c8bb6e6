/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared memory of launcher, builder and init.
 *
 * How it works. It is a struct with arrays behind it, all in one sealed memory file. Its size is computed first; then
 * the parts are copied from box and plan, so that init needs neither.
 */
#include "launch/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/count.h"
#include "launch/report.h"

static int number_of(const struct mb_plan *plan, enum mb_step_kind kind) {
    const struct mb_step *step = mb_plan_find(plan, kind);
    return step ? mb_plan_number(plan, step) : 0;
}

/* ---- the layout ----------------------------------------------------------------------------------------------- */

static uint32_t take(uint64_t *size, uint64_t bytes) {
    uint64_t offset = (*size + 15) & ~UINT64_C(15);
    *size = offset + bytes;
    return (uint32_t)offset;
}

/* The root of a new file system belongs to the ids that the builder had taken. A directory, or an overlay of one, has
 * an owner already. */
static void note_root_owner(const struct mb_plan *plan, struct mb_shared *layout) {
    const struct mb_step *become = mb_plan_find(plan, MB_STEP_BECOME_ROOT);
    if (!become)
        return;
    layout->own_root = plan->box->mounts[0].kind == MB_MOUNT_NEW;
    layout->root_uid = become->uid;
    layout->root_gid = become->gid;
}

/* Fills in the struct, with the places of the arrays. Returns the size of the whole. */
static uint64_t lay_out(const struct mb_plan *plan, const struct mb_launch_options *options, struct mb_shared *layout) {
    const struct mb_box *box = plan->box;
    size_t text = 0;
    for (size_t i = 0; i < plan->candidate_count; i++)
        text += strlen(plan->candidates[i]) + 1;
    *layout = (struct mb_shared){
        .process = box->process,
        .trial = options->purpose == MB_TO_TRY,
        .launcher_fd = -1,
        .lock_fd = -1,
        .notify_fd = -1,
        .step_init = number_of(plan, MB_STEP_INIT),
        .step_session = number_of(plan, MB_STEP_SESSION),
        .step_verify = number_of(plan, MB_STEP_VERIFY),
        .step_filter = number_of(plan, MB_STEP_FILTER),
        .step_exec = number_of(plan, MB_STEP_EXEC),
        .mount_count = (uint32_t)plan->mount_count,
        .limit_count = (uint32_t)box->limit_count,
        .filter_count = box->filter.count ? (uint32_t)box->filter.count + MB_SHARED_QUESTION_LENGTH : 0,
        .candidate_count = (uint32_t)plan->candidate_count,
    };
    note_root_owner(plan, layout);
    uint64_t size = sizeof(*layout);
    layout->mounts = take(&size, layout->mount_count * sizeof(struct mb_shared_mount));
    layout->limits = take(&size, layout->limit_count * sizeof(struct mb_shared_limit));
    layout->filter = take(&size, layout->filter_count * sizeof(*box->filter.code));
    layout->candidates = take(&size, text);
    layout->workdir = take(&size, strlen(box->workdir) + 1);
    return size;
}

/* ---- the arrays ----------------------------------------------------------------------------------------------- */

/* Notes the attributes that each mount must have. A later remount of a kept mount adds its own to them. */
static void fill_mounts(const struct mb_plan *plan, struct mb_shared *shared) {
    struct mb_shared_mount *mounts = mb_shared_mounts(shared);
    int of_slot[MB_SLOT_COUNT];
    memset(of_slot, -1, sizeof(of_slot));
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct mb_step *step = &plan->steps[i];
        if (step->kind == MB_STEP_REMOUNT && of_slot[step->at] >= 0)
            mounts[of_slot[step->at]].attributes |= step->set;
        if (step->mount < 0)
            continue;
        mounts[step->mount].attributes = step->set;
        if (step->keep)
            of_slot[step->keep] = step->mount;
    }
}

static void fill_limits(const struct mb_plan *plan, struct mb_shared *shared) {
    struct mb_shared_limit *limit = mb_shared_at(shared, shared->limits);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct mb_step *step = &plan->steps[i];
        if (step->kind == MB_STEP_LIMIT)
            *limit++ = (struct mb_shared_limit){step->limit->soft, step->limit->hard, step->limit->resource,
                                                mb_plan_number(plan, step)};
    }
}

/* Copies the filter behind its question. Returns that the launcher wants to hear of become reports to it. */
static void copy_filter(const struct mb_filter *filter, enum mb_notify_what notify, struct mb_shared *shared) {
    struct sock_filter *code = mb_shared_at(shared, shared->filter);
    const struct sock_filter question[] = {MB_SHARED_QUESTION};
    _Static_assert(MB_COUNT(question) == MB_SHARED_QUESTION_LENGTH, "its length");
    _Static_assert(MB_FILTER_MOST + MB_SHARED_QUESTION_LENGTH <= BPF_MAXINSNS, "room for it");
    if (!filter->count)
        return;
    memcpy(code, question, sizeof(question));
    code += MB_SHARED_QUESTION_LENGTH;
    for (size_t i = 0; i < filter->count; i++) {
        code[i] = filter->code[i];
        bool is_return = code[i].code == (BPF_RET | BPF_K);
        bool is_allowed = is_return && code[i].k == SECCOMP_RET_ALLOW;
        bool is_refused = is_return && (code[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
        if ((notify == MB_NOTIFY_ALLOWED && is_allowed) || (notify == MB_NOTIFY_REFUSED && is_refused))
            code[i].k = SECCOMP_RET_USER_NOTIF;
    }
}

static void fill_texts(const struct mb_plan *plan, struct mb_shared *shared) {
    char *text = mb_shared_at(shared, shared->candidates);
    for (size_t i = 0; i < plan->candidate_count; i++)
        text = stpcpy(text, plan->candidates[i]) + 1;
    strcpy(mb_shared_at(shared, shared->workdir), plan->box->workdir);
}

/* 0, or -1 with errno. */
static int fill_streams(const int *streams, struct mb_shared *shared) {
    for (int i = 0; i < 3; i++) {
        struct stat st;
        if (streams[i] < 0)
            continue;
        if (fstat(streams[i], &st) < 0)
            return -1;
        shared->streams[i] = (struct mb_shared_stream){st.st_ino, minor(st.st_dev), 1};
    }
    return 0;
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

int mb_shared_make(const struct mb_plan *plan, const struct mb_launch_options *options, const int *streams,
                   struct mb_shared **ret_shared, size_t *ret_size, int *ret_fd, struct minibox_error *err) {
    const struct mb_step *step = mb_plan_find(plan, MB_STEP_INIT);
    struct mb_shared layout;
    uint64_t size = lay_out(plan, options, &layout);
    if (size > UINT32_MAX)
        return mb_error_memory(err);
    *ret_fd = memfd_create("minibox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*ret_fd < 0 || ftruncate(*ret_fd, (off_t)size) < 0 ||
        fcntl(*ret_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return mb_report_step(plan, step, errno, err);
    struct mb_shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
    if (shared == MAP_FAILED)
        return mb_report_step(plan, step, errno, err);
    *ret_shared = shared;
    *ret_size = size;
    *shared = layout;
    fill_mounts(plan, shared);
    fill_limits(plan, shared);
    copy_filter(&plan->box->filter, options->notify, shared);
    fill_texts(plan, shared);
    return fill_streams(streams, shared) < 0 ? mb_report_step(plan, step, errno, err) : 0;
}
