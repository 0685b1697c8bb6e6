/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For race.py: who swaps directories for links while others walk over them.
 *
 *   swap swap COUNTER PLACE...       exchanges each PLACE with PLACE.link, for ever; how often is kept in the file
 * COUNTER swap naive PLACE TREE CANARY MOST  does the same in a thread, and meanwhile what a launcher without a
 * resolver would: sees that PLACE/b/d/e/e/p is below TREE, then makes a directory, a file and a mount in it by path.
 * PLACE.link leads to CANARY. Ends when each of them has been seen to come out there, or after MOST swaps.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t *swaps;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* After some swaps the others run for a moment; its end interrupts them at any point of a walk, on a machine of one
 * core too. */
static void pause_a_little(uint64_t n) {
    static const struct timespec moment = {0, 1000};
    if ((unsigned)(n * 2654435761u) >> 29 == 0)
        nanosleep(&moment, NULL);
}

static void swap(char **places, int count) {
    char(*links)[PATH_MAX] = malloc((size_t)count * PATH_MAX);
    for (int i = 0; i < count; i++)
        snprintf(links[i], PATH_MAX, "%s.link", places[i]);
    for (uint64_t n = 0;; n++) {
        int i = (int)(n % (unsigned)count);
        if (syscall(SYS_renameat2, AT_FDCWD, places[i], AT_FDCWD, links[i], 2 /* RENAME_EXCHANGE */) < 0)
            fail(places[i]);
        atomic_fetch_add(swaps, 1);
        pause_a_little(n);
    }
}

static void *swap_one(void *place) {
    char *places[] = {place};
    swap(places, 1);
    return NULL;
}

static bool is_mount_point(const char *path) {
    struct statx st;
    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 &&
           st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static int be_naive(char *place, const char *tree, const char *canary, uint64_t most) {
    static _Atomic uint64_t own;
    char parent[PATH_MAX], directory[PATH_MAX], file[PATH_MAX], point[PATH_MAX], there_directory[PATH_MAX],
        there_file[PATH_MAX], there_point[PATH_MAX];
    unsigned tries = 0, directories = 0, files = 0, mounts = 0;
    pthread_t thread;
    swaps = &own;
    snprintf(parent, PATH_MAX, "%s/b/d/e/e/p", place);
    snprintf(directory, PATH_MAX, "%s/directory", parent);
    snprintf(file, PATH_MAX, "%s/file", parent);
    snprintf(point, PATH_MAX, "%s/c", parent);
    snprintf(there_directory, PATH_MAX, "%s/b/d/e/e/p/directory", canary);
    snprintf(there_file, PATH_MAX, "%s/b/d/e/e/p/file", canary);
    snprintf(there_point, PATH_MAX, "%s/b/d/e/e/p/c", canary);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        fail("unshare");
    if (pthread_create(&thread, NULL, swap_one, place))
        fail("pthread_create");
    for (; !(directories && files && mounts) && atomic_load(swaps) < most; tries++) {
        char real[PATH_MAX];
        if (!realpath(parent, real) || strncmp(real, tree, strlen(tree)) != 0)
            continue;                                           /* refused: it leads out */
        for (unsigned what = tries; what < tries + 3; what++) { /* each of them comes first in turn */
            if (what % 3 == 0) {
                mkdir(directory, 0755);
                directories += rmdir(there_directory) == 0;
            } else if (what % 3 == 1) {
                int fd = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
                if (fd >= 0)
                    close(fd);
                files += unlink(there_file) == 0;
            } else if (mount(tree, point, NULL, MS_BIND, NULL) == 0) {
                mounts += is_mount_point(there_point);
                for (int i = 0; i < 1000 && umount2(i % 2 ? point : there_point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0; i++)
                    ;
            }
        }
        rmdir(directory);
        unlink(file);
    }
    printf("%lu %u %u %u %u\n", (unsigned long)atomic_load(swaps), tries, directories, files, mounts);
    return 0;
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1);
    if (argc == 6 && strcmp(argv[1], "naive") == 0)
        return be_naive(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10));
    if (argc < 4 || strcmp(argv[1], "swap") != 0)
        return 2;
    int fd = open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(*swaps)) < 0)
        fail(argv[2]);
    swaps = mmap(NULL, sizeof(*swaps), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (swaps == MAP_FAILED)
        fail("mmap");
    swap(argv + 3, argc - 3);
    return 0;
}
