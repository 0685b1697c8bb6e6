/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are recorded in one way only: mb_error_*() fills in the caller's record and returns -1. */
#ifndef MB_BASE_ERROR_H
#define MB_BASE_ERROR_H

#include "minibox/minibox.h"

/* Where a value came from. Its strings belong to the front end that read the value. */
struct mb_origin {
    enum { MB_ORIGIN_DEFAULT, MB_ORIGIN_ARGV, MB_ORIGIN_FILE, MB_ORIGIN_API } kind;
    const char *name; /* ARGV: the word; FILE: the file's path; API: the option */
    int line, column; /* FILE: counted from 1; ARGV: line is the position of the word */
};

/* Each remedy is a row of a table in error.c, so that tests can list them all. */
enum mb_remedy {
    MB_REMEDY_NONE,
    MB_REMEDY_HELP,
    MB_REMEDY_USERNS_FORBIDDEN,
    MB_REMEDY_USERNS_LIMIT,
    MB_REMEDY_NO_NAMESPACE,
    MB_REMEDY_NO_BUSYBOX,
    MB_REMEDY_BUSYBOX_DYNAMIC,
    MB_REMEDY_NO_COMMAND,
    MB_REMEDY_COMMAND_NOT_FOUND,
    MB_REMEDY_NOT_EXECUTABLE,
    MB_REMEDY_EXEC_FORMAT,
    MB_REMEDY_NO_INTERPRETER,
    MB_REMEDY_ARGS_TOO_LONG,
    MB_REMEDY_NO_MOUNT_POINT,
    MB_REMEDY_FILE_THERE,
    MB_REMEDY_DIRECTORY_THERE,
    MB_REMEDY_DANGLING_LINK,
    MB_REMEDY_OVERLAY_FORBIDDEN,
    MB_REMEDY_PROC_MASKED,
    MB_REMEDY_MOUNT_DENIED,
    MB_REMEDY_IDMAP_UNSUPPORTED,
    MB_REMEDY_NO_SUBID,
    MB_REMEDY_NO_NEWUIDMAP,
    MB_REMEDY_HOST_ROOT_MAPPED,
    MB_REMEDY_NO_SUCH_PATH,
    MB_REMEDY_NO_ACCESS, /* mb_error_host() takes it in place of NO_SUCH_PATH when the errno is EACCES */
    MB_REMEDY_PATH_CHANGED,
    MB_REMEDY_SHARE_PID_DIES,
    MB_REMEDY_FLAG_NOT_FOR_EXEC,
    MB_REMEDY_HOST_RW,
    MB_REMEDY_ID_NOT_MAPPED,
    MB_REMEDY_NO_USER,
    MB_REMEDY_ULIMIT_RAISE,
    MB_REMEDY_FD_CLOSED,
    MB_REMEDY_MEMFD_NOEXEC,
    MB_REMEDY_KEY_QUOTA,
    MB_REMEDY_OLD_KERNEL,
    MB_REMEDY_VOLUME_DENIED,
    MB_REMEDY_NO_RANGE,
    MB_REMEDY_WORKDIR,
    MB_REMEDY_LOCKED_ATIME,
    MB_REMEDY_WEAK_ROOT,
    MB_REMEDY_OUTER_ROOT,
    MB_REMEDY_VFORK,
    MB_REMEDY_SUID_ON_HOST,
    MB_REMEDY_DIRECTORY_DESCRIPTOR,
    MB_REMEDY_PID_FILE,
    MB_REMEDY_INIT_HOLDS_RANGE,
    MB_REMEDY_COUNT
};
const char *mb_remedy_detail(enum mb_remedy remedy);
const char *mb_remedy_text(enum mb_remedy remedy);

/*
 * Both return -1. `usage` is for options and their values, `host` for what cannot be had on this host; its reason is
 * the text of the errno `number`, if that is not 0. They are printed as: what "object": reason. `object`, `origin` and
 * `reason_format` may be NULL.
 */
int mb_error_usage(struct minibox_error *err, const struct mb_origin *origin, enum mb_remedy remedy, const char *what,
                   const char *object, const char *reason_format, ...) __attribute__((format(printf, 6, 7)));
int mb_error_host(struct minibox_error *err, const struct mb_origin *origin, enum mb_remedy remedy, int number,
                  const char *what, const char *object);

/* Out of memory. Returns -1. */
int mb_error_memory(struct minibox_error *err);

/* Replaces detail and remedy of a record by a row of the table. */
void mb_error_set_remedy(struct minibox_error *err, enum mb_remedy remedy);

/* Replaces the remedy's text, where it has to name something of this case. */
void mb_error_remedy(struct minibox_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes an origin as "--volume (argument 3)", "box.conf:4:1" or "default". */
void mb_origin_print(const struct mb_origin *origin, char *ret_text, size_t size);

#endif
