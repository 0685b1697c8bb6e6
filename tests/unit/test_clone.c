/* SPDX-License-Identifier: Apache-2.0 */
/* minibox_clone(): the stack that cannot be got wrong; and the table of refused combinations held against the kernel.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/count.h"
#include "kernel/flags.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

/* ---- the stack ------------------------------------------------------------------------------------------------ */

struct seen {
    uintptr_t frame;
    int value;
    pid_t pid, parent;
};

static int note(void *argument) {
    struct seen *seen = argument;
    seen->frame = (uintptr_t)__builtin_frame_address(0);
    seen->value = 42;
    seen->pid = (pid_t)syscall(SYS_getpid);
    seen->parent = (pid_t)syscall(SYS_getppid);
    return 7;
}

static void runs_on_its_own_stack(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 4096, 4097, 65536, 1 << 20};
    for (size_t i = 0; i < MB_COUNT(sizes); i++) {
        struct minibox_error err;
        struct minibox_child child;
        struct seen seen = {0};
        int status = -1;
        /* A child on a page of stack has no room for a sanitizer's frames: ours are small. */
        assert_int_equal(minibox_clone(note, &seen, CLONE_VM | SIGCHLD, sizes[i], &child, &err), 0);
        assert_true(child.pid > 0);
        assert_true(child.pidfd >= 0);
        uintptr_t low = (uintptr_t)child.stack, high = low + child.stack_size;
        size_t wanted = ((sizes[i] ? sizes[i] : 65536) + PAGE - 1) / PAGE * PAGE + PAGE;
        assert_int_equal(child.stack_size, wanted);
        assert_int_equal(low % PAGE, 0);
        assert_int_equal(high % 16, 0);
        pid_t pid = child.pid;
        assert_int_equal(minibox_clone_wait(&child, &status, &err), 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        assert_int_equal(seen.value, 42);
        assert_int_equal(seen.pid, pid);
        assert_int_equal(seen.parent, getpid());
        if (seen.frame <= low + PAGE || seen.frame > high || high - seen.frame > 1024)
            fail_msg("frame at %#lx, the stack is %#lx to %#lx", (long)seen.frame, (long)low, (long)high);
        /* The wait freed it. */
        assert_null(child.stack);
        unsigned char resident;
        assert_int_equal(mincore((void *)low, PAGE, &resident), -1);
        assert_int_equal(errno, ENOMEM);
    }
}

/* On x86-64 and arm64 the stack is aligned to 16 bytes at a call. */
static int is_aligned(void *argument) {
    (void)argument;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    return frame % 16 != 0;
}

static void aligns_the_stack(void **state) {
    (void)state;
    struct minibox_error err;
    struct minibox_child child;
    for (size_t size = 4096; size < 4096 + 64; size++) {
        int status = -1;
        assert_int_equal(minibox_clone(is_aligned, NULL, SIGCHLD, size, &child, &err), 0);
        assert_int_equal(minibox_clone_wait(&child, &status, &err), 0);
        assert_int_equal(status, 0);
    }
}

static void without_vm_memory_is_a_copy(void **state) {
    (void)state;
    struct minibox_error err;
    struct minibox_child child;
    struct seen seen = {0};
    int status = -1;
    assert_int_equal(minibox_clone(note, &seen, SIGCHLD, 0, &child, &err), 0);
    assert_int_equal(minibox_clone_wait(&child, &status, &err), 0);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(seen.value, 0);
}

/* The address that the child was at when the guard page stopped it is in shared memory: its stack is not to be trusted.
 */
static volatile uintptr_t *deepest;

__attribute__((noinline)) static int recurse(int depth) {
    volatile char frame[256];
    frame[0] = (char)depth;
    *deepest = (uintptr_t)frame;
    return depth < 0 ? 0 : recurse(depth + 1) + frame[0];
}

static int overflow(void *argument) {
    (void)argument;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    return recurse(0) & 1;
}

/* It used all of its stack, wrote nothing into the page below, died, and is reported as what it was; whether or not
 * memory is shared. */
static void guard_page_stops_an_overflow(void **state) {
    (void)state;
    static const uint64_t flags[] = {0, CLONE_VM, CLONE_VM | CLONE_VFORK, CLONE_FILES | CLONE_FS};
    deepest = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal((const void *)deepest, MAP_FAILED);
    for (size_t i = 0; i < MB_COUNT(flags); i++) {
        struct minibox_error err = {0};
        struct minibox_child child;
        int status = -1;
        assert_int_equal(minibox_clone(overflow, NULL, flags[i] | SIGCHLD, 32768, &child, &err), 0);
        uintptr_t low = (uintptr_t)child.stack;
        int result = minibox_clone_wait(&child, &status, &err);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
            fail_msg("saw status 0x%x, wanted death by SIGSEGV", status);
        assert_int_equal(result, -1);
        assert_string_equal(err.what, "the child died of an overflow of its stack");
        assert_string_equal(err.reason, "it had 32 KiB");
        assert_true(err.remedy[0]);
        assert_null(child.stack);
        assert_int_equal(child.pidfd, -1);
        if (*deepest < low + PAGE || *deepest > low + 2 * PAGE)
            fail_msg("deepest frame at %#lx, the guard page is at %#lx", (long)*deepest, (long)low);
    }
    munmap((void *)(uintptr_t)deepest, PAGE);
}

static int fault_elsewhere(void *argument) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (argument)
        return kill((pid_t)syscall(SYS_getpid), SIGSEGV);
    volatile uintptr_t nowhere = 16;
    return *(volatile int *)nowhere;
}

/* SIGSEGV for another reason, a fault elsewhere or sent by somebody, kills too, and is no overflow. */
static void other_faults_are_no_overflow(void **state) {
    (void)state;
    for (int sent = 0; sent < 2; sent++) {
        struct minibox_error err = {0};
        struct minibox_child child;
        int status = -1;
        assert_int_equal(minibox_clone(fault_elsewhere, sent ? &status : NULL, SIGCHLD, 0, &child, &err), 0);
        assert_int_equal(minibox_clone_wait(&child, &status, &err), 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSEGV);
    }
}

/* Where handlers are shared none is set: the child dies, and of what is not said. */
static void shared_handlers_are_left_alone(void **state) {
    (void)state;
    struct minibox_error err = {0};
    struct minibox_child child;
    struct sigaction before, after;
    int status = -1;
    static volatile uintptr_t unused;
    deepest = &unused;
    signal(SIGSEGV, SIG_DFL); /* a sanitizer's */
    sigaction(SIGSEGV, NULL, &before);
    assert_int_equal(minibox_clone(overflow, NULL, CLONE_VM | CLONE_SIGHAND | SIGCHLD, 32768, &child, &err), 0);
    assert_null(child.note);
    assert_int_equal(minibox_clone_wait(&child, &status, &err), 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    sigaction(SIGSEGV, NULL, &after);
    assert_ptr_equal(after.sa_handler, before.sa_handler);
}

static void sizes_out_of_reach_are_refused(void **state) {
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX / 2 + 1, (size_t)1 << 62};
    for (size_t i = 0; i < MB_COUNT(sizes); i++) {
        struct minibox_error err = {0};
        struct minibox_child child;
        assert_int_equal(minibox_clone(note, NULL, SIGCHLD, sizes[i], &child, &err), -1);
        assert_int_equal(err.number, ENOMEM);
        assert_int_equal(child.pidfd, -1);
        assert_null(child.stack);
    }
}

static int count_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        count += access(path, F_OK) == 0;
    }
    return count;
}

static void leaks_nothing(void **state) {
    (void)state;
    struct minibox_error err;
    struct minibox_child child;
    int before = count_descriptors(), status;
    for (int i = 0; i < 200; i++) {
        struct seen seen;
        assert_int_equal(minibox_clone(note, &seen, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, &child, &err), 0);
        assert_int_equal(minibox_clone_wait(&child, &status, &err), 0);
        assert_int_equal(minibox_clone(note, &seen, CLONE_SIGHAND | SIGCHLD, 0, &child, &err), -1);
    }
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    assert_int_equal(errno, ECHILD);
}

/* ---- refusals ------------------------------------------------------------------------------------------------- */

static void refuses_with_the_rule(void **state) {
    (void)state;
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        if (rule->kind == MB_RULE_NOT_BY_INIT)
            continue;
        struct minibox_error err = {0};
        struct minibox_child child;
        uint64_t flags = rule->flag | (rule->kind == MB_RULE_NEEDS ? 0 : rule->other) | SIGCHLD;
        assert_int_equal(minibox_clone(note, NULL, flags, 0, &child, &err), -1);
        assert_int_equal(err.number, EINVAL);
        assert_int_equal(child.pidfd, -1);
        for (int n = 0; n < MB_FLAG_COUNT; n++)
            if (mb_flags[n].flag == rule->flag || mb_flags[n].flag == rule->other)
                /* THREAD breaks the first rule that it meets: those name the rows themselves */
                if (!strstr(err.reason, mb_flags[n].name) && !(rule->flag & CLONE_THREAD) &&
                    !(rule->other & CLONE_THREAD))
                    fail_msg("rule %zu: \"%s\" does not name %s", i, err.reason, mb_flags[n].name);
        assert_true(err.remedy[0]);
    }
}

static void refuses_what_it_cannot_give(void **state) {
    (void)state;
    static const uint64_t flags[] = {CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
                                     CLONE_SETTLS,
                                     CLONE_PARENT_SETTID,
                                     CLONE_CHILD_CLEARTID,
                                     CLONE_CHILD_SETTID,
                                     UINT64_C(1) << 32,
                                     UINT64_C(0x200000000)};
    for (size_t i = 0; i < MB_COUNT(flags); i++) {
        struct minibox_error err = {0};
        struct minibox_child child;
        if (minibox_clone(note, NULL, flags[i] | SIGCHLD, 0, &child, &err) != -1)
            fail_msg("accepted: 0x%llx", (unsigned long long)flags[i]);
        assert_int_equal(err.number, EINVAL);
        assert_true(err.reason[0]);
    }
}

/* In clone(2)'s flags the bit of NEWTIME is part of the exit signal: it must not be taken for the other without a word.
 */
static void does_not_ignore_newtime(void **state) {
    (void)state;
    struct minibox_error err = {0};
    struct minibox_child child;
    struct seen seen;
    if (minibox_clone(note, &seen, CLONE_VM | CLONE_NEWTIME | SIGCHLD, 0, &child, &err) == -1) {
        assert_int_equal(err.number, EINVAL);
        assert_true(err.reason[0]);
        return;
    }
    waitpid(child.pid, NULL, __WALL);
    fail_msg("accepted CLONE_NEWTIME, which clone(2) does not know");
}

/* "in the low byte, the signal sent when the child ends (normally SIGCHLD)": other signals, or none, can be waited for
 * too. */
static void waits_whatever_the_exit_signal(void **state) {
    (void)state;
    static const int signals[] = {0, SIGUSR1, SIGCHLD};
    signal(SIGUSR1, SIG_IGN);
    for (size_t i = 0; i < MB_COUNT(signals); i++) {
        struct minibox_error err = {0};
        struct minibox_child child;
        struct seen seen;
        int status = -1;
        assert_int_equal(minibox_clone(note, &seen, CLONE_VM | (uint64_t)signals[i], 0, &child, &err), 0);
        pid_t pid = child.pid;
        if (minibox_clone_wait(&child, &status, &err)) {
            waitpid(pid, NULL, __WALL);
            fail_msg("exit signal %d: cannot wait: %s", signals[i], err.reason);
        }
        assert_int_equal(WEXITSTATUS(status), 7);
    }
    signal(SIGUSR1, SIG_DFL);
}

/* ---- the table against the kernel ----------------------------------------------------------------------------- */

static int end_at_once(void *argument) {
    (void)argument;
    syscall(SYS_exit, 0); /* not exit_group: with THREAD it would end the asker */
    return 0;
}

/* What the kernel answers: 0 or errno. Stacks are left: a thread may still be on its own. */
static int ask_kernel(uint64_t flags) {
    enum { STACK = 16384 };
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED)
        return ENOMEM;
    return clone(end_at_once, stack + STACK, (int)(flags | SIGCHLD), NULL) < 0 ? errno : 0;
}

/* In a process apart, so that PARENT's children are this test's, and threads end with it. Returns the index of the
 * first disagreement, or -1. */
static int compare_with_kernel(const uint64_t *flags, size_t count, int *ret_answer) {
    int *answers = mmap(NULL, (count + 1) * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(answers, MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < count; i++)
            answers[i] = ask_kernel(flags[i]);
        answers[count] = 1;
        _exit(0);
    }
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    while (waitpid(-1, NULL, __WALL) > 0)
        ;
    assert_true(WIFEXITED(status));
    assert_int_equal(answers[count], 1);
    int disagrees = -1;
    for (size_t i = 0; i < count && disagrees < 0; i++) {
        struct minibox_error err;
        bool refused = mb_flags_check(flags[i], NULL, &err) != 0;
        if (answers[i] ==
            EPERM) /* an ordinary user: the kernel did not come to comparing the flags, or found nothing */
            continue;
        if (refused != (answers[i] == EINVAL)) {
            disagrees = (int)i;
            *ret_answer = answers[i];
        }
    }
    munmap(answers, (count + 1) * sizeof(int));
    return disagrees;
}

static void print_flags(uint64_t flags, char *text, size_t size) {
    text[0] = '\0';
    for (int i = 0; i < MB_FLAG_COUNT; i++)
        if (flags & mb_flags[i].flag)
            snprintf(text + strlen(text), size - strlen(text), "%s%s", text[0] ? "+" : "", mb_flags[i].name);
}

static void assert_agreement(const uint64_t *flags, size_t count) {
    int answer = 0, at = compare_with_kernel(flags, count, &answer);
    char text[256];
    if (at < 0)
        return;
    print_flags(flags[at], text, sizeof(text));
    fail_msg("%s: the kernel says %d, the table the opposite", text, answer);
}

/* Each rule is broken, and then kept. */
static void rules_are_the_kernels(void **state) {
    (void)state;
    uint64_t flags[64];
    size_t count = 0;
    for (size_t i = 0; i < mb_flag_rule_count; i++) {
        const struct mb_flag_rule *rule = &mb_flag_rules[i];
        if (rule->kind == MB_RULE_NOT_BY_INIT)
            continue;
        uint64_t broken = rule->flag | (rule->kind == MB_RULE_NEEDS ? 0 : rule->other),
                 kept = rule->flag | (rule->kind == MB_RULE_NEEDS ? rule->other : 0);
        if (rule->flag == CLONE_THREAD || rule->other == CLONE_THREAD) /* THREAD needs its own rule kept */
            kept |= rule->flag == CLONE_THREAD ? CLONE_VM : 0;
        flags[count++] = broken;
        flags[count++] = kept;
        struct minibox_error err;
        assert_int_equal(mb_flags_check(broken, NULL, &err), -1);
        assert_int_equal(mb_flags_check(kept, NULL, &err), 0);
        /* With all that THREAD needs, it is this rule alone that refuses. */
        if (rule->kind != MB_RULE_NEEDS && rule->other == CLONE_THREAD)
            flags[count++] = broken | CLONE_VM | CLONE_SIGHAND;
    }
    assert_agreement(flags, count);
}

/* No pair of rows is refused by one and allowed by the other; nor a pair together with what THREAD and SIGHAND need. */
static void all_pairs_agree(void **state) {
    (void)state;
    enum { MAX = 2 * MB_FLAG_COUNT * MB_FLAG_COUNT };
    uint64_t flags[MAX];
    size_t count = 0;
    for (int i = 0; i < MB_FLAG_COUNT; i++) {
        for (int j = i; j < MB_FLAG_COUNT; j++) {
            uint64_t pair = mb_flags[i].flag | mb_flags[j].flag;
            if (pair & CLONE_NEWTIME) /* not a flag of clone(2) */
                continue;
            flags[count++] = pair;
            if (pair & (CLONE_THREAD | CLONE_SIGHAND))
                flags[count++] = pair | CLONE_VM | CLONE_SIGHAND;
        }
    }
    assert_agreement(flags, count);
}

static int ask_as_init(void *argument) {
    int *answer = argument;
    struct minibox_error err = {0};
    answer[0] = ask_kernel(CLONE_PARENT);
    answer[1] = mb_flags_check(CLONE_PARENT, NULL, &err);
    answer[2] = err.number;
    answer[3] = ask_kernel(CLONE_FILES);
    answer[4] = mb_flags_check(CLONE_FILES, NULL, &err);
    return getpid() == 1 && strstr(err.reason, "parent by process 1") ? 0 : 1;
}

/* The one rule that is not about two flags. */
static void process_1_has_no_siblings(void **state) {
    (void)state;
    int *answer = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(answer, MAP_FAILED);
    struct minibox_error err = {0};
    struct minibox_child child;
    int status = -1;
    if (minibox_clone(ask_as_init, answer, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 1 << 18, &child, &err)) {
        print_message("SKIP: no pid namespace: %s\n", err.reason);
        skip();
    }
    assert_int_equal(minibox_clone_wait(&child, &status, &err), 0);
    assert_int_equal(status, 0);
    assert_int_equal(answer[0], EINVAL);
    assert_int_equal(answer[1], -1);
    assert_int_equal(answer[2], EINVAL);
    assert_int_equal(answer[3], 0);
    assert_int_equal(answer[4], 0);
    munmap(answer, PAGE);
    assert_int_equal(mb_flags_check(CLONE_PARENT, NULL, &err), 0);
}

/* Random sets of rows, from a fixed seed. */
static void random_sets_agree(void **state) {
    (void)state;
    enum { SETS = 400 };
    static uint64_t flags[SETS];
    uint32_t random = 2463534242u;
    for (int i = 0; i < SETS; i++) {
        flags[i] = 0;
        for (int n = 0; n < MB_FLAG_COUNT; n++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            /* A network namespace is dear: once in eight. */
            uint32_t one_in = mb_flags[n].flag == CLONE_NEWNET ? 8 : 3;
            if (mb_flags[n].flag != CLONE_NEWTIME && random % one_in == 0)
                flags[i] |= mb_flags[n].flag;
        }
    }
    assert_agreement(flags, SETS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_on_its_own_stack),
        cmocka_unit_test(aligns_the_stack),
        cmocka_unit_test(without_vm_memory_is_a_copy),
        cmocka_unit_test(guard_page_stops_an_overflow),
        cmocka_unit_test(sizes_out_of_reach_are_refused),
        cmocka_unit_test(leaks_nothing),
        cmocka_unit_test(refuses_with_the_rule),
        cmocka_unit_test(refuses_what_it_cannot_give),
        cmocka_unit_test(does_not_ignore_newtime),
        cmocka_unit_test(waits_whatever_the_exit_signal),
        cmocka_unit_test(rules_are_the_kernels),
        cmocka_unit_test(all_pairs_agree),
        cmocka_unit_test(random_sets_agree),
        cmocka_unit_test(process_1_has_no_siblings),
        cmocka_unit_test(other_faults_are_no_overflow),
        cmocka_unit_test(shared_handlers_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
