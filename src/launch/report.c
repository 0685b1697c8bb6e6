/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the failure of a launch into words: a step's number and errno, or a difference that the verifier found. */
#include "launch/report.h"

#include <errno.h>
#include <string.h>

#include "base/count.h"
#include "show/plan.h"

static const char *const check_names[MB_CHECK_COUNT] = {
    [MB_CHECK_NONE] = "",
    [MB_CHECK_READ] = "what the kernel says",
    [MB_CHECK_UID] = "user id",
    [MB_CHECK_GID] = "group id",
    [MB_CHECK_GROUPS] = "number of supplementary groups",
    [MB_CHECK_CAP_INHERITABLE] = "inheritable capabilities",
    [MB_CHECK_CAP_PERMITTED] = "permitted capabilities",
    [MB_CHECK_CAP_EFFECTIVE] = "effective capabilities",
    [MB_CHECK_CAP_BOUNDING] = "bounding capabilities",
    [MB_CHECK_CAP_AMBIENT] = "ambient capabilities",
    [MB_CHECK_SECUREBITS] = "securebits",
    [MB_CHECK_NO_NEW_PRIVS] = "no_new_privs",
    [MB_CHECK_DUMPABLE] = "dumpable",
    [MB_CHECK_PERSONALITY] = "personality",
    [MB_CHECK_NAMESPACE] = "namespace",
    [MB_CHECK_ID_MAP] = "id map",
    [MB_CHECK_HOSTNAME] = "host name",
    [MB_CHECK_MOUNT] = "number of planned mounts",
    [MB_CHECK_MOUNT_FLAGS] = "mount flags",
    [MB_CHECK_EVERY_MOUNT] = "flags that each mount must have",
    [MB_CHECK_PROPAGATION] = "mount propagation",
    [MB_CHECK_OLD_ROOT] = "number of mounts at /",
    [MB_CHECK_ROOT_OWNER] = "owner of /",
    [MB_CHECK_WORKDIR] = "working directory",
    [MB_CHECK_UMASK] = "umask",
    [MB_CHECK_DESCRIPTORS] = "open descriptors",
    [MB_CHECK_SESSION] = "session",
    [MB_CHECK_SIGNALS] = "ignored signals",
    [MB_CHECK_SIGNAL_MASK] = "blocked signals",
    [MB_CHECK_DEATH_SIGNAL] = "parent-death signal",
    [MB_CHECK_KEYRING] = "session keyring",
    [MB_CHECK_LIMIT] = "resource limit",
    [MB_CHECK_FILTER] = "seccomp filter",
};

/* The first row that fits tells what a refused step means on this host. */
static const struct {
    enum mb_step_kind kind;
    int number;         /* 0: any */
    const char *source; /* file system type; NULL: any */
    enum mb_remedy remedy;
} step_remedies[] = {
    {MB_STEP_CLONE, EPERM, NULL, MB_REMEDY_USERNS_FORBIDDEN},
    {MB_STEP_CLONE, EACCES, NULL, MB_REMEDY_USERNS_FORBIDDEN},
    {MB_STEP_CLONE, ENOSPC, NULL, MB_REMEDY_USERNS_LIMIT},
    {MB_STEP_CLONE, EUSERS, NULL, MB_REMEDY_USERNS_LIMIT},
    {MB_STEP_CLONE, EINVAL, NULL, MB_REMEDY_NO_NAMESPACE},
    {MB_STEP_UNSHARE, EINVAL, NULL, MB_REMEDY_NO_NAMESPACE},
    {MB_STEP_UNSHARE, ENOSPC, NULL, MB_REMEDY_USERNS_LIMIT},
    {MB_STEP_SELF_MAPS, EPERM, NULL, MB_REMEDY_USERNS_FORBIDDEN},
    {MB_STEP_SELF_MAPS, EACCES, NULL, MB_REMEDY_USERNS_FORBIDDEN},
    {MB_STEP_STREAM, ENOENT, NULL, MB_REMEDY_NO_SUCH_PATH},
    {MB_STEP_MOUNT, EPERM, "proc", MB_REMEDY_PROC_MASKED},
    {MB_STEP_MOUNT, EPERM, "sysfs", MB_REMEDY_PROC_MASKED},
    {MB_STEP_PRIVATE, EACCES, NULL, MB_REMEDY_MOUNT_DENIED},
    {MB_STEP_MOUNT, EACCES, NULL, MB_REMEDY_MOUNT_DENIED},
    {MB_STEP_REMOUNT, EACCES, NULL, MB_REMEDY_MOUNT_DENIED},
    {MB_STEP_SELF, EACCES, NULL, MB_REMEDY_MOUNT_DENIED},
    {MB_STEP_PIVOT, EACCES, NULL, MB_REMEDY_MOUNT_DENIED},
    {MB_STEP_OVERLAY, EACCES, NULL, MB_REMEDY_MOUNT_DENIED},
    {MB_STEP_OVERLAY, 0, NULL, MB_REMEDY_OVERLAY_FORBIDDEN},
    {MB_STEP_BIND, ESTALE, NULL, MB_REMEDY_PATH_CHANGED},
    {MB_STEP_DEVICE, ESTALE, NULL, MB_REMEDY_PATH_CHANGED},
    {MB_STEP_BIND, EROFS, NULL, MB_REMEDY_NO_MOUNT_POINT},
    {MB_STEP_DEVICE, EROFS, NULL, MB_REMEDY_NO_MOUNT_POINT},
    {MB_STEP_MOUNT, EROFS, NULL, MB_REMEDY_NO_MOUNT_POINT},
    {MB_STEP_BIND, EACCES, NULL, MB_REMEDY_VOLUME_DENIED},
    {MB_STEP_BIND, EINVAL, NULL, MB_REMEDY_DIRECTORY_THERE},
    {MB_STEP_BIND, ENOTDIR, NULL, MB_REMEDY_FILE_THERE},
    {MB_STEP_DEVICE, EINVAL, NULL, MB_REMEDY_DIRECTORY_THERE},
    {MB_STEP_MOUNT, ENOTDIR, NULL, MB_REMEDY_FILE_THERE},
    {MB_STEP_BIND, EEXIST, NULL, MB_REMEDY_DANGLING_LINK},
    {MB_STEP_DEVICE, EEXIST, NULL, MB_REMEDY_DANGLING_LINK},
    {MB_STEP_MOUNT, EEXIST, NULL, MB_REMEDY_DANGLING_LINK},
    {MB_STEP_MASK, ENOENT, NULL, MB_REMEDY_NO_SUCH_PATH},
    {MB_STEP_WORKDIR, 0, NULL, MB_REMEDY_WORKDIR},
    {MB_STEP_KEYRING, EDQUOT, NULL, MB_REMEDY_KEY_QUOTA},
    {MB_STEP_RAISE_LIMIT, EPERM, NULL, MB_REMEDY_ULIMIT_RAISE},
    {MB_STEP_LIMIT, EPERM, NULL, MB_REMEDY_ULIMIT_RAISE},
    {MB_STEP_INIT, EACCES, NULL, MB_REMEDY_MEMFD_NOEXEC},
    {MB_STEP_INIT, E2BIG, NULL, MB_REMEDY_ARGS_TOO_LONG},
    {MB_STEP_EXEC, E2BIG, NULL, MB_REMEDY_ARGS_TOO_LONG},
    {MB_STEP_EXEC, EACCES, NULL, MB_REMEDY_NOT_EXECUTABLE},
    {MB_STEP_EXEC, ENOEXEC, NULL, MB_REMEDY_EXEC_FORMAT},
    {MB_STEP_EXEC, ENOENT, NULL, MB_REMEDY_COMMAND_NOT_FOUND},
};

int mb_report_step(const struct mb_plan *plan, const struct mb_step *step, int number, struct minibox_error *err) {
    enum mb_remedy remedy = number == ENOSYS ? MB_REMEDY_OLD_KERNEL : MB_REMEDY_NONE;
    for (size_t i = 0; i < MB_COUNT(step_remedies); i++) {
        if (step_remedies[i].kind != step->kind || (step_remedies[i].number && step_remedies[i].number != number) ||
            (step_remedies[i].source && (!step->source || strcmp(step_remedies[i].source, step->source) != 0)))
            continue;
        remedy = step_remedies[i].remedy;
        break;
    }
    if (remedy == MB_REMEDY_DIRECTORY_THERE && step->is_directory) /* the kernel refuses something else */
        remedy = MB_REMEDY_NONE;
    mb_error_host(err, step->origin, remedy, number, "", NULL);
    err->phase = MINIBOX_PHASE_LAUNCH;
    err->step = mb_plan_number(plan, step);
    err->steps = (int)plan->step_count;
    mb_step_fill_error(step, err);
    if (remedy == MB_REMEDY_USERNS_FORBIDDEN || remedy == MB_REMEDY_USERNS_LIMIT)
        mb_host_explain_userns("", err); /* the general text stays if it finds no reason */
    return -1;
}

int mb_report_shared(const struct mb_plan *plan, const struct mb_shared *shared, struct minibox_error *err) {
    const struct mb_verdict *verdict = &shared->verdict;
    if (shared->failed_step < 1 || (size_t)shared->failed_step > plan->step_count || verdict->check >= MB_CHECK_COUNT)
        /* Only the builder and init write it; a wrong number must do no harm all the same. */
        return mb_report_step(plan, mb_plan_find(plan, MB_STEP_INIT), EPROTO, err);
    const struct mb_step *step = &plan->steps[shared->failed_step - 1], *workdir = mb_plan_find(plan, MB_STEP_WORKDIR);
    int number = shared->failed_number;
    mb_report_step(plan, step, number, err);
    if (verdict->check == MB_CHECK_WORKDIR && workdir && workdir->origin) {
        mb_origin_print(workdir->origin, err->origin, sizeof(err->origin));
        mb_error_set_remedy(err, MB_REMEDY_WORKDIR);
    }
    if (verdict->check) {
        snprintf(err->reason, sizeof(err->reason), "%s: not as planned", check_names[verdict->check]);
        if (verdict->number)
            snprintf(err->detail, sizeof(err->detail), "it could not be read: %s", strerrordesc_np(verdict->number));
        else
            snprintf(err->detail, sizeof(err->detail), "wanted 0x%llx, seen 0x%llx (number %d)",
                     (unsigned long long)verdict->wanted, (unsigned long long)verdict->seen, verdict->index);
    }
    if (step->kind == MB_STEP_EXEC) {
        bool found = number != ENOENT || shared->found_candidate;
        err->status = found ? MINIBOX_EXIT_NOT_EXECUTED : MINIBOX_EXIT_NOT_FOUND;
        if (number == ENOENT && found)
            mb_error_set_remedy(err, MB_REMEDY_NO_INTERPRETER);
    }
    if (step->kind == MB_STEP_INIT && number == E2BIG)
        err->status = MINIBOX_EXIT_NOT_EXECUTED;
    return -1;
}
