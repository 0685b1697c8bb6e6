/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A separate process, small or filled with memory, makes a number of children with each set of flags. A
 * child notes the time of its first instruction in shared memory; the median of the differences is the cost.
 *
 * What must stay true: only the time until the first instruction counts. The child's end, and its parent's sleep with
 * CLONE_VFORK, are no part of it.
 */
#include "prove/cost.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/flags.h"
#include "launch/clone.h"
#include "launch/wait.h"

static const uint64_t rows[MB_COST_ROWS] = {
    0,
    CLONE_VM,
    CLONE_VM | CLONE_VFORK,
    CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND,
    CLONE_VM | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP,
    CLONE_VM | CLONE_NEWNET,
};
static const size_t parent_sizes[MB_COST_SIZES] = {0, (size_t)256 << 20}; /* bytes, beside minibox's own */
enum { ROUNDS = 31 };

static int note_start(void *argument) {
    _Atomic uint64_t *start = argument;
    atomic_store(start, mb_wait_clock());
    return 0;
}

static int compare_times(const void *a, const void *b) {
    return (*(const uint64_t *)a > *(const uint64_t *)b) - (*(const uint64_t *)a < *(const uint64_t *)b);
}

/* The median time from the call of clone until the child's first instruction, in microseconds; 0: it cannot be done. */
static double measure_one(_Atomic uint64_t *start, uint64_t flags) {
    uint64_t times[ROUNDS];
    struct minibox_child child;
    struct minibox_error err;
    int status;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = mb_wait_clock();
        if (mb_clone(note_start, start, flags | SIGCHLD, 0, &child, &err))
            return 0;
        if (minibox_clone_wait(&child, &status, &err) || status)
            return 0;
        times[i] = atomic_load(start) - before;
    }
    qsort(times, ROUNDS, sizeof(times[0]), compare_times);
    return (double)times[ROUNDS / 2] / 1e3;
}

/* Makes the caller larger, in pages of the usual size: the kernel would copy the tables of huge pages much faster. */
static int grow(size_t bytes) {
    if (!bytes)
        return 0;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    memset(memory, 1, bytes);
    return 0;
}

static void measure_all(struct mb_costs *costs, int size) {
    _Atomic uint64_t *start = mmap(NULL, sizeof(*start), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || grow(parent_sizes[size]) < 0)
        return;
    for (int i = 0; i < MB_COST_ROWS; i++)
        costs->microseconds[i][size] = measure_one(start, rows[i]);
}

void mb_cost_measure(struct mb_costs *costs) {
    for (int size = 0; size < MB_COST_SIZES; size++) {
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            measure_all(costs, size);
            _exit(0);
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

void mb_cost_print(FILE *out, const struct mb_costs *costs) {
    fprintf(out, "\nMaking a child, until its first instruction, in microseconds (median of %d):\n\n", ROUNDS);
    fprintf(out, "%-36s %12s %12s\n", "FLAGS", "SMALL PARENT", "OF 256 MiB");
    for (int i = 0; i < MB_COST_ROWS; i++) {
        char flags[64];
        mb_flags_names(rows[i], flags, sizeof(flags));
        fprintf(out, "%-36s", flags);
        for (int size = 0; size < MB_COST_SIZES; size++) {
            if (costs->microseconds[i][size] > 0)
                fprintf(out, " %12.1f", costs->microseconds[i][size]);
            else
                fprintf(out, " %12s", "not possible");
        }
        fputc('\n', out);
    }
}

void mb_cost_add(const struct mb_costs *costs, struct mb_json_writer *writer) {
    static const char *const keys[MB_COST_SIZES] = {"microseconds", "microseconds_of_256_mib"};
    for (int i = 0; i < MB_COST_ROWS; i++) {
        char flags[64];
        mb_flags_names(rows[i], flags, sizeof(flags));
        mb_json_begin_object(writer, NULL);
        mb_json_add_text(writer, "flags", flags);
        for (int size = 0; size < MB_COST_SIZES; size++)
            mb_json_add_fraction(writer, keys[size], costs->microseconds[i][size]);
        mb_json_end(writer);
    }
}
