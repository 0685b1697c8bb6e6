/* SPDX-License-Identifier: Apache-2.0 */
/* The library as a program in C uses it. Each point is one line of TAP; library.sh compiles and runs this. */
#include <minibox/minibox.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int points, failures;

static void point(int good, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void point(int good, const char *name, const char *format, ...) {
    va_list args;
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, name);
    if (!good) {
        failures++;
        printf("#   saw and wanted: ");
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        printf("\n");
    }
    fflush(stdout);
}

static void die(const struct minibox_error *err) {
    minibox_error_print(err, stdout);
    printf("Bail out! the library refused what the test needs\n");
    exit(1);
}

static struct minibox_spec *make_spec(char *const *argv) {
    struct minibox_error err;
    struct minibox_spec *spec;
    if (minibox_spec_new(&spec, &err) || minibox_spec_command(spec, argv, &err))
        die(&err);
    return spec;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int count_lines(const char *path) {
    FILE *file = fopen(path, "r");
    int lines = 0;
    for (int c; file && (c = fgetc(file)) != EOF;)
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines;
}

static int count_entries(const char *path) {
    DIR *directory = opendir(path);
    int entries = 0;
    while (directory && readdir(directory))
        entries++;
    if (directory)
        closedir(directory);
    return entries;
}

/* ---- one launch ----------------------------------------------------------------------------------------------- */

static void test_status(void) {
    static char *const argv[] = {"sh", "-c", "test \"$(hostname)\" = lib && test \"$WORD\" = said && exit 5", NULL};
    struct minibox_error err;
    struct minibox_box *box;
    struct minibox_spec *spec = make_spec(argv);
    sigset_t before, after, some;
    int status = -1, again = -1;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &some, NULL);
    char name[] = "hostname", value[] = "lib"; /* copied: spoilt below */
    if (minibox_spec_set(spec, name, value, &err) || minibox_spec_set(spec, "env", "WORD=said", &err))
        die(&err);
    memset(name, 'x', sizeof(name) - 1);
    memset(value, 'x', sizeof(value) - 1);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    if (minibox_launch(spec, &box, &err))
        die(&err);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    point(memcmp(&before, &after, 8) == 0, "the signal mask is as before", "different");
    minibox_spec_free(spec); /* a box goes on without it */
    point(minibox_box_pid(box) > 0 && minibox_box_pidfd(box) >= 0, "a box has a pid and a pidfd", "pid %d, pidfd %d",
          minibox_box_pid(box), minibox_box_pidfd(box));
    int result = minibox_wait(box, &status, &err);
    point(result == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 5, "wait gives the command's status",
          "%d, 0x%x; 0, 0x500", result, status);
    result = minibox_wait(box, &again, &err);
    point(result == 0 && again == status, "wait may be called again", "%d, 0x%x; 0, 0x%x", result, again, status);
    result = minibox_kill(box, SIGTERM, &err);
    point(result == 0, "kill of an ended box is no error", "%d; 0", result);
    minibox_box_free(box);
    point(prctl(PR_GET_DUMPABLE) == 1, "the caller is dumpable as before", "%d; 1", prctl(PR_GET_DUMPABLE));
    sigemptyset(&some);
    pthread_sigmask(SIG_SETMASK, &some, NULL);
}

static void test_not_dumpable(void) {
    static char *const argv[] = {"true", NULL};
    struct minibox_error err;
    struct minibox_box *box;
    struct minibox_spec *spec = make_spec(argv);
    int status;
    prctl(PR_SET_DUMPABLE, 0);
    int result = minibox_launch(spec, &box, &err);
    if (result == 0) {
        minibox_wait(box, &status, &err);
        minibox_box_free(box);
        point(prctl(PR_GET_DUMPABLE) == 0, "a caller that is not dumpable stays so", "%d; 0", prctl(PR_GET_DUMPABLE));
    } else { /* its own /proc/self is closed to it: a refusal is right too */
        point(prctl(PR_GET_DUMPABLE) == 0, "a caller that is not dumpable stays so, and is refused", "%d; 0",
              prctl(PR_GET_DUMPABLE));
    }
    prctl(PR_SET_DUMPABLE, 1);
    minibox_spec_free(spec);
}

static void test_kill(void) {
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGKILL};
    static char *const argv[] = {"sleep", "100", NULL};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct minibox_error err;
        struct minibox_box *box;
        struct minibox_spec *spec = make_spec(argv);
        char name[64];
        int status = -1;
        if (minibox_launch(spec, &box, &err))
            die(&err);
        struct pollfd poll_fd = {minibox_box_pidfd(box), POLLIN, 0};
        int ended = poll(&poll_fd, 1, 0);
        int result = minibox_kill(box, signals[i], &err);
        int ready = poll(&poll_fd, 1, 2000);
        minibox_wait(box, &status, &err);
        snprintf(name, sizeof(name), "kill with signal %d right after the launch", signals[i]);
        point(ended == 0 && result == 0 && ready == 1 && WIFSIGNALED(status) && WTERMSIG(status) == signals[i], name,
              "ended %d, kill %d, ready %d, status 0x%x; 0, 0, 1, 0x%x", ended, result, ready, status, signals[i]);
        minibox_box_free(box);
        minibox_spec_free(spec);
    }
}

static void test_free_ends(void) {
    static char *const argv[] = {"sleep", "100", NULL};
    struct minibox_error err;
    struct minibox_box *box;
    struct minibox_spec *spec = make_spec(argv);
    if (minibox_launch(spec, &box, &err))
        die(&err);
    int pid = minibox_box_pid(box);
    double begun = now();
    minibox_box_free(box);
    minibox_spec_free(spec);
    point(kill(pid, 0) < 0 && errno == ESRCH && now() - begun < 2, "freeing a box ends it",
          "still there, or after %.3f s", now() - begun);
    minibox_box_free(NULL);
    minibox_spec_free(NULL);
}

static void test_refusals(void) {
    static char *const missing[] = {"/no/such/program", NULL}, *const plain[] = {"true", NULL}, *const empty[] = {NULL};
    struct minibox_error err = {0};
    struct minibox_box *box = NULL;
    struct minibox_spec *spec = make_spec(missing);
    int fds = count_entries("/proc/self/fd"), result = minibox_launch(spec, &box, &err);
    point(result == -1 && err.status == MINIBOX_EXIT_NOT_FOUND && err.step > 0, "a missing command: error with a step",
          "%d, status %d, step %d; -1, 127, a number", result, err.status, err.step);
    point(fds == count_entries("/proc/self/fd"), "a failed launch leaves no descriptor", "%d; %d",
          count_entries("/proc/self/fd"), fds);
    point(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a failed launch leaves no child", "a child");
    minibox_spec_free(spec);

    spec = make_spec(plain);
    result = minibox_spec_set(spec, "hostnam", "x", &err);
    point(result == -1 && err.phase == MINIBOX_PHASE_USAGE && strstr(err.remedy, "hostname"),
          "an unknown option: did you mean", "%d, \"%s\"", result, err.remedy);
    result = minibox_spec_set(spec, "timeout", "soon", &err);
    point(result == -1 && err.phase == MINIBOX_PHASE_USAGE && err.what[0], "a bad value", "%d", result);
    result = minibox_spec_command(spec, empty, &err);
    point(result == -1 && err.phase == MINIBOX_PHASE_USAGE, "an empty command", "%d; -1", result);
    minibox_spec_free(spec);

    static const char *const refused[][2] = {
        {"tty", "yes"},    {"output-limit", "1k"}, {"seccomp", "learn=l"}, {"report", "r"},
        {"pid-file", "p"}, {"dry-run", "text"},    {"verbose", "yes"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        spec = make_spec(plain);
        if (minibox_spec_set(spec, refused[i][0], refused[i][1], &err))
            die(&err);
        result = minibox_launch(spec, &box, &err);
        point(result == -1 && err.phase == MINIBOX_PHASE_USAGE && strstr(err.origin, refused[i][0]),
              "what needs a tool is refused", "%s: %d, \"%s\"", refused[i][0], result, err.origin);
        minibox_spec_free(spec);
    }

    char *words[] = {"--hostname", "parsed", "--", "sh", "-c", "test $(hostname) = parsed", NULL};
    int status = -1;
    if (minibox_spec_new(&spec, &err))
        die(&err);
    result = minibox_spec_parse_argv(spec, 6, words, &err) || minibox_launch(spec, &box, &err) ||
             minibox_wait(box, &status, &err);
    point(result == 0 && status == 0, "a spec from the words of a command line", "%d, 0x%x; 0, 0", result, status);
    minibox_box_free(box);
    minibox_spec_free(spec);
}

/* What the caller has open and does not mean to pass on is not passed on. */
static void test_descriptors(void) {
    static char *const argv[] = {"sh", "-c", "test $(ls /proc/self/fd | wc -l) -le 4", NULL};
    struct minibox_error err;
    struct minibox_box *box;
    struct minibox_spec *spec = make_spec(argv);
    int ends[2], status = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || minibox_launch(spec, &box, &err))
        die(&err);
    minibox_wait(box, &status, &err);
    point(status == 0, "no descriptor of the caller is in the box", "0x%x; 0", status);
    minibox_box_free(box);
    minibox_spec_free(spec);
    close(ends[0]);
    close(ends[1]);
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

static void *launch_and_end(void *argument) {
    static char *const argv[] = {"sleep", "100", NULL};
    struct minibox_error err;
    struct minibox_spec *spec = make_spec(argv);
    if (minibox_launch(spec, argument, &err))
        die(&err);
    minibox_spec_free(spec);
    return NULL;
}

static void test_thread_death(void) {
    pthread_t thread;
    struct minibox_box *box;
    struct minibox_error err;
    int status = -1;
    pthread_create(&thread, NULL, launch_and_end, &box);
    pthread_join(thread, NULL);
    struct pollfd poll_fd = {minibox_box_pidfd(box), POLLIN, 0};
    int ready = poll(&poll_fd, 1, 2000);
    if (ready == 1)
        minibox_wait(box, &status, &err);
    point(ready == 1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
          "a box ends with the thread that launched it", "ready %d, status 0x%x; 1, 0x9", ready, status);
    minibox_box_free(box);
}

/* A child without execve holds a copy of each descriptor that this process had at that moment. */
static void *fork_often(void *argument) {
    atomic_int *stop = argument;
    int children = 0;
    while (!atomic_load(stop)) {
        pid_t pid = fork();
        if (pid == 0) {
            usleep(1000000);
            _exit(0);
        }
        children += pid > 0;
        usleep(1000);
        while (waitpid(-1, NULL, WNOHANG | __WNOTHREAD) > 0)
            children--;
    }
    while (children-- > 0 && waitpid(-1, NULL, __WNOTHREAD) > 0)
        ;
    return NULL;
}

/* With `userns`: for an ordinary user's keep-id there is newuidmap(1) to wait for, too. */
static void test_forks_beside(const char *userns, int launches) {
    static char *const argv[] = {"sleep", "100", NULL};
    struct minibox_spec *spec = make_spec(argv);
    struct minibox_error err;
    char name[100];
    if (minibox_spec_set(spec, "userns", userns, &err))
        die(&err);
    pthread_t thread;
    atomic_int stop = 0;
    double longest = 0;
    pthread_create(&thread, NULL, fork_often, &stop);
    for (int i = 0; i < launches; i++) {
        struct minibox_box *box;
        double begun = now();
        if (minibox_launch(spec, &box, &err))
            die(&err);
        double taken = now() - begun;
        longest = taken > longest ? taken : longest;
        minibox_box_free(box);
    }
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    minibox_spec_free(spec);
    snprintf(name, sizeof(name), "%d launches, userns %s, beside a thread that forks: none waits for its children",
             launches, userns);
    point(longest < 0.8, name, "%.3f s; less than 0.8", longest);
}

enum { THREADS = 8, LAUNCHES = 200, WARM_UP = 20 };

struct worker_thread {
    int launches, wrong;
};

static void *launch_many(void *argument) {
    struct worker_thread *self = argument;
    for (int i = 0; i < self->launches; i++) {
        char code[32];
        char *const argv[] = {"sh", "-c", code, NULL};
        struct minibox_error err;
        struct minibox_box *box;
        int status = -1;
        snprintf(code, sizeof(code), "exit %d", i);
        struct minibox_spec *spec = make_spec(argv);
        if (minibox_launch(spec, &box, &err)) {
            minibox_error_print(&err, stdout);
            self->wrong++;
        } else {
            if (minibox_wait(box, &status, &err) || status != i << 8)
                self->wrong++;
            minibox_box_free(box);
        }
        minibox_spec_free(spec);
    }
    return NULL;
}

static int run_threads(int launches) {
    pthread_t threads[THREADS];
    struct worker_thread workers[THREADS];
    int sum = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker_thread){.launches = launches};
        pthread_create(&threads[i], NULL, launch_many, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += workers[i].wrong;
    }
    return sum;
}

static void test_threads(void) {
    char name[128];
    int wrong = run_threads(WARM_UP); /* the C library keeps stacks and heaps of threads: they are there from now on */
    int fds = count_entries("/proc/self/fd"), maps = count_lines("/proc/self/maps");
    double begun = now();
    wrong += run_threads(LAUNCHES);
    snprintf(name, sizeof(name), "%d threads, %d launches each: all statuses right (%.1f s)", THREADS, LAUNCHES,
             now() - begun);
    int fds_after = count_entries("/proc/self/fd"), maps_after = count_lines("/proc/self/maps");
    point(wrong == 0, name, "%d wrong; 0", wrong);
    point(fds == fds_after, "no descriptor leaked", "%d; %d", fds_after, fds);
    /* A leak would be one mapping a launch at least, of 1,600; thread heaps may still split and merge. */
    point(abs(maps_after - maps) <= 2 * THREADS, "no mapping leaked", "%d; %d", maps_after, maps);
    point(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "no process leaked", "a child");
    point(prctl(PR_GET_DUMPABLE) == 1, "dumpable as before, with threads", "%d; 1", prctl(PR_GET_DUMPABLE));
}

/* ---- what a launch costs -------------------------------------------------------------------------------------- */

enum { TIMED = 150 };

/* A process that launches when told to, and says what each launch took in seconds. */
struct worker {
    int pid, fd;
    double times[TIMED];
};

static void serve(int fd, size_t resident) {
    static char *const argv[] = {"true", NULL};
    struct minibox_error err;
    if (resident) {
        char *memory = mmap(NULL, resident, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            _exit(1);
        madvise(memory, resident, MADV_NOHUGEPAGE); /* small pages: the most that a copy could cost */
        memset(memory, 1, resident);
    }
    struct minibox_spec *spec = make_spec(argv);
    char byte;
    while (read(fd, &byte, 1) == 1) {
        struct minibox_box *box;
        int status;
        double begun = now();
        if (minibox_launch(spec, &box, &err))
            die(&err);
        double taken = now() - begun;
        minibox_wait(box, &status, &err);
        minibox_box_free(box);
        if (write(fd, &taken, sizeof(taken)) != sizeof(taken))
            break;
    }
    _exit(0);
}

static void start_worker(struct worker *worker, size_t resident) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        exit(1);
    fflush(stdout);
    worker->pid = fork();
    if (worker->pid == 0) {
        close(ends[0]);
        serve(ends[1], resident);
    }
    close(ends[1]);
    worker->fd = ends[0];
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Times of a launch in milliseconds, from a process with little memory and from one with 1 GiB. */
static int measure_cost(double *ret_small, double *ret_large) {
    struct worker workers[2];
    int good = 1;
    start_worker(&workers[0], 0);
    start_worker(&workers[1], (size_t)1 << 30);
    for (int i = -10; i < TIMED && good; i++) { /* the first ones warm up */
        for (int w = 0; w < 2; w++) {
            int which = (i + w) & 1; /* neither always goes first */
            double taken;
            good &= write(workers[which].fd, "x", 1) == 1 &&
                    read(workers[which].fd, &taken, sizeof(taken)) == sizeof(taken);
            if (i >= 0)
                workers[which].times[i] = taken;
        }
    }
    close(workers[0].fd); /* both before the wait: the second worker has a copy of the first's */
    close(workers[1].fd);
    for (int w = 0; w < 2; w++) {
        waitpid(workers[w].pid, NULL, 0);
        qsort(workers[w].times, TIMED, sizeof(double), compare);
    }
    /* The lowest tenth: other work on the machine comes in bursts and only ever adds; a cost that grew would be in
     * each. */
    *ret_small = workers[0].times[TIMED / 10] * 1000;
    *ret_large = workers[1].times[TIMED / 10] * 1000;
    return good;
}

static void test_cost(void) {
    double small = 0, large = 0;
    char name[160];
    int good = 0;
    for (int tries = 0; tries < 4 && !(good && large < 1.2 * small); tries++)
        good = measure_cost(&small, &large);
    snprintf(name, sizeof(name), "1 GiB resident: %.3f ms a launch, %.3f ms without: %.2f times", large, small,
             large / small);
    point(good && large < 1.2 * small, name, "lowest tenths of %d; below 1.2 times", TIMED);
}

static int has_word(char **argv, const char *word) {
    while (*argv && strcmp(*argv, word))
        argv++;
    return *argv != NULL;
}

int main(int argc, char **argv) {
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    point(minibox_version()[0] != '\0', "version", "empty");
    test_status();
    test_not_dumpable();
    test_kill();
    test_free_ends();
    test_refusals();
    test_descriptors();
    test_thread_death();
    test_forks_beside("auto", 200);
    if (has_word(argv, "keep-id"))
        test_forks_beside("keep-id", 20);
    test_threads();
    if (has_word(argv, "cost"))
        test_cost();
    printf("1..%d\n", points);
    return failures ? 1 : 0;
}
