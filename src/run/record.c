/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. All figures are the kernel's: times from waitid(2), which count what was waited for in the box, whose
 * init waits for all; the peak as init saw it of each process (getrusage(2), ru_maxrss). A process that the kernel
 * killed for want of memory died of SIGKILL while the kernel's count of such kills rose.
 */
#include "run/record.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
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

int mb_record_open(struct mb_record *record, const struct minibox_spec *spec, struct minibox_error *err) {
    *record = (struct mb_record){.file = MB_OUTFILE_NONE};
    if (!spec->report)
        return 0;
    record->oom_kills = count_oom_kills();
    if (mb_outfile_open(&record->file, spec->report) < 0)
        return fail_report(spec, errno, err);
    record->is_open = true;
    return 0;
}

int mb_record_check(const struct minibox_spec *spec, struct minibox_error *err) {
    return spec->report && mb_fd_may_write(spec->report) < 0 ? fail_report(spec, errno, err) : 0;
}

static void add_seconds(struct json_object *document, const char *key, double seconds) {
    struct json_object *number = json_object_new_double(seconds);
    json_object_set_serializer(number, json_object_double_to_json_string, (void *)(uintptr_t) "%.6f", NULL);
    json_object_object_add(document, key, number);
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void add_end(struct json_object *document, const struct mb_record *r) {
    bool is_killed = WIFSIGNALED(r->status);
    bool by_us = r->timed_out || r->output_limit_reached;
    bool out_of_memory = is_killed && WTERMSIG(r->status) == SIGKILL && !by_us && count_oom_kills() > r->oom_kills;
    json_object_object_add(document, "exit_code", is_killed ? NULL : json_object_new_int(WEXITSTATUS(r->status)));
    json_object_object_add(document, "signal", is_killed ? json_object_new_int(WTERMSIG(r->status)) : NULL);
    json_object_object_add(document, "timed_out", json_object_new_boolean(r->timed_out));
    json_object_object_add(document, "output_limit_reached", json_object_new_boolean(r->output_limit_reached));
    json_object_object_add(document, "out_of_memory", json_object_new_boolean(out_of_memory));
    add_seconds(document, "wall_seconds", r->wall);
    add_seconds(document, "user_seconds", seconds_of(r->usage.ru_utime));
    add_seconds(document, "system_seconds", seconds_of(r->usage.ru_stime));
    json_object_object_add(document, "peak_memory_bytes", r->peak ? json_object_new_int64((int64_t)r->peak) : NULL);
}

static void add_refused(struct json_object *document, const struct mb_record *r) {
    struct json_object *list = json_object_new_object();
    for (int i = 0; i < MB_NOTIFY_CALLS; i++) {
        char name[MB_CALLS_NAME_SIZE];
        if (!r->refused[i])
            continue;
        mb_calls_name((uint32_t)i, name);
        json_object_object_add(list, name, json_object_new_int64(r->refused[i]));
    }
    json_object_object_add(document, "refused_calls", list);
}

static void add_failure(struct json_object *document, const struct minibox_error *failure) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return;
    minibox_error_print(failure, out); /* printable ASCII and UTF-8: what JSON takes */
    fclose(out);
    json_object_object_add(document, "error", json_object_new_string_len(text, (int)length));
    free(text);
}

int mb_record_write(struct mb_record *record, const struct minibox_spec *spec, int exit_status,
                    const struct minibox_error *failure, struct minibox_error *err) {
    if (!record->is_open)
        return 0;
    struct json_object *document = json_object_new_object();
    json_object_object_add(document, "status", json_object_new_int(exit_status));
    if (record->has_ended) {
        add_end(document, record);
        add_refused(document, record);
    }
    if (failure)
        add_failure(document, failure);
    char *text = NULL;
    int length = asprintf(&text, "%s\n", json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY));
    json_object_put(document);
    if (length < 0)
        return mb_error_memory(err);
    int result = mb_outfile_write(&record->file, text, (size_t)length);
    if (result < 0)
        fail_report(spec, errno, err);
    free(text);
    return result;
}

void mb_record_close(struct mb_record *record) {
    mb_outfile_close(&record->file);
}
