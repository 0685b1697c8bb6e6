/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. All figures are the kernel's. The times are those of waitid(2), which counts the processes that were
 * waited for; the box's init waits for all. The peak is the largest that init saw of any process (getrusage(2),
 * ru_maxrss). The kernel killed the command for want of memory if it died of SIGKILL while the kernel's count of such
 * kills rose.
 */
#include "run/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/json.h"
#include "kernel/calls.h"

static uint64_t count_oom_kills(void) {
    char text[65536];
    const char *line = mb_fd_read_file("/proc/vmstat", text, sizeof(text)) < 0 ? NULL : strstr(text, "\noom_kill ");
    return line ? strtoull(line + strlen("\noom_kill "), NULL, 10) : 0;
}

static int fail_report(const struct minibox_spec *spec, int number, struct minibox_error *err) {
    return mb_error_host(err, &spec->origin[MB_OPTION_REPORT],
                         number == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, number, "cannot write the report",
                         spec->report);
}

int mb_record_open(struct mb_record *record, const struct minibox_spec *spec, enum mb_purpose purpose,
                   struct minibox_error *err) {
    *record = (struct mb_record){.file = MB_OUTFILE_NONE};
    if (!spec->report)
        return 0;
    record->oom_kills = count_oom_kills();
    return mb_outfile_open(&record->file, spec->report, purpose) < 0 ? fail_report(spec, errno, err) : 0;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Adds a number, or null if it is not known. */
static void add_if(struct mb_json_writer *writer, const char *key, bool is_known, int64_t number) {
    if (is_known)
        mb_json_add_number(writer, key, number);
    else
        mb_json_add_null(writer, key);
}

static void add_end(struct mb_json_writer *writer, const struct mb_record *r) {
    bool is_killed = WIFSIGNALED(r->status);
    bool by_minibox = r->timed_out || r->output_limit_reached;
    bool by_kernel = is_killed && WTERMSIG(r->status) == SIGKILL && !by_minibox;
    add_if(writer, "exit_code", !is_killed, WEXITSTATUS(r->status));
    add_if(writer, "signal", is_killed, WTERMSIG(r->status));
    mb_json_add_flag(writer, "timed_out", r->timed_out);
    mb_json_add_flag(writer, "output_limit_reached", r->output_limit_reached);
    mb_json_add_flag(writer, "out_of_memory", by_kernel && count_oom_kills() > r->oom_kills);
    mb_json_add_fraction(writer, "wall_seconds", r->wall);
    mb_json_add_fraction(writer, "user_seconds", seconds_of(r->usage.ru_utime));
    mb_json_add_fraction(writer, "system_seconds", seconds_of(r->usage.ru_stime));
    add_if(writer, "peak_memory_bytes", r->peak, (int64_t)r->peak);
}

static void add_refused(struct mb_json_writer *writer, const struct mb_record *r) {
    mb_json_begin_object(writer, "refused_calls");
    for (int i = 0; i < MB_NOTIFY_CALLS; i++) {
        char name[MB_CALLS_NAME_SIZE];
        if (!r->refused[i])
            continue;
        mb_calls_name((uint32_t)i, name);
        mb_json_add_number(writer, name, r->refused[i]);
    }
    mb_json_end(writer);
}

/* Adds an error as minibox prints it. */
static void add_failure(struct mb_json_writer *writer, const struct minibox_error *failure) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out)
        minibox_error_print(failure, out);
    if (out && fclose(out) == 0)
        mb_json_add_text(writer, "error", text);
    else
        writer->failed = true;
    free(text);
}

/* The record as a text, which the caller frees; NULL with *err. */
static char *make_text(const struct mb_record *record, int exit_status, const struct minibox_error *failure,
                       struct minibox_error *err) {
    struct mb_json_writer writer = {0};
    mb_json_begin_object(&writer, NULL);
    mb_json_add_number(&writer, "status", exit_status);
    if (record->has_ended) {
        add_end(&writer, record);
        add_refused(&writer, record);
    }
    if (failure)
        add_failure(&writer, failure);
    mb_json_end(&writer);
    return mb_json_finish_text(&writer, err);
}

int mb_record_write(struct mb_record *record, const struct minibox_spec *spec, int exit_status,
                    const struct minibox_error *failure, struct minibox_error *err) {
    if (!mb_outfile_is_open(&record->file))
        return 0;
    char *text = make_text(record, exit_status, failure, err);
    if (!text)
        return -1;
    int result = mb_outfile_write(&record->file, text, strlen(text));
    if (result < 0)
        fail_report(spec, errno, err);
    free(text);
    return result;
}
