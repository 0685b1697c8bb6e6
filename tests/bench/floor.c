/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor DIR COMMAND [ARGS...]: the least that any launcher of such a box can do, to measure minibox against.
 *
 * How it works. It makes by the fewest system calls what `minibox run` makes by default: a child with the same new
 * namespaces, ids that are not the host's root, DIR as read-only root with its own /proc, /dev, /tmp and /sys, the old
 * root gone; then it executes COMMAND (an absolute path in DIR), waits and passes on its status. There is no policy:
 * no capability is dropped, no filter loaded, nothing read back, nothing explained. So the time of minibox minus the
 * time of floor is what minibox's safety, checks and comfort cost. DIR needs the directories proc, dev, tmp and sys.
 *
 * As in minibox the child shares its parent's memory until execve, which saves the copy of the page tables; it has a
 * stack of its own. Parent and child share errno too: only one of them at a time runs code that reads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const int namespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP;

struct launch {
    const char *dir;
    char **argv;
    uid_t uid; /* of the launcher, before the child loses sight of it */
    gid_t gid;
    uint32_t mapped;           /* futex: the parent sets it to 1 when it has written the id maps */
    const char *volatile step; /* of the child: the one that failed, with its error */
    volatile int error;
};

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = (ssize_t)strlen(text);
    int result = write(fd, text, (size_t)length) == length ? 0 : -1;
    return close(fd) ? -1 : result;
}

/* An ordinary user may map its own id without help, once it has given up setgroups(2): user_namespaces(7). */
static int map_own_id(const struct launch *launch) {
    char uid_map[32], gid_map[32];
    snprintf(uid_map, sizeof(uid_map), "0 %u 1", launch->uid);
    snprintf(gid_map, sizeof(gid_map), "0 %u 1", launch->gid);
    return write_file("/proc/self/setgroups", "deny") || write_file("/proc/self/uid_map", uid_map) ||
           write_file("/proc/self/gid_map", gid_map);
}

/* Root's map holds other ids than its own, which only a process outside can write. Then the child becomes the box's
 * root: with an unmapped id it could make no file in its own tmpfs (EOVERFLOW). The C library's setresuid would first
 * look for other threads. */
static int wait_for_map(struct launch *launch) {
    while (!__atomic_load_n(&launch->mapped, __ATOMIC_ACQUIRE))
        if (syscall(SYS_futex, &launch->mapped, FUTEX_WAIT, 0, NULL, NULL, 0) && errno != EAGAIN && errno != EINTR)
            return -1;
    return syscall(SYS_setresgid, 0, 0, 0) || syscall(SYS_setresuid, 0, 0, 0);
}

static int bind_device(const char *path) {
    int fd = open(path + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); /* relative: in DIR */
    return fd < 0 || close(fd) || mount(path, path + 1, NULL, MS_BIND, NULL);
}

#define TRY(what)                                                                                                      \
    do {                                                                                                               \
        if (what) {                                                                                                    \
            launch->error = errno;                                                                                     \
            launch->step = #what;                                                                                      \
            return 125;                                                                                                \
        }                                                                                                              \
    } while (0)

static int build_box(void *argument) {
    struct launch *launch = argument;
    struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    TRY(launch->uid ? map_own_id(launch) : wait_for_map(launch));
    TRY(unshare(CLONE_NEWTIME)); /* clone(2) has no bit for it; entered with execve, since Linux 6.3 */
    TRY(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    TRY(mount(launch->dir, launch->dir, NULL, MS_BIND | MS_REC, NULL));
    TRY(mount_setattr(AT_FDCWD, launch->dir, AT_RECURSIVE, &readonly, sizeof(readonly)));
    TRY(chdir(launch->dir));
    TRY(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    TRY(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755"));
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        TRY(bind_device(devices[i]));
    TRY(mkdir("dev/pts", 0755));
    TRY(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"));
    TRY(symlink("pts/ptmx", "dev/ptmx"));
    TRY(mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
    TRY(mount("sysfs", "sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    TRY(syscall(SYS_pivot_root, ".", ".")); /* the old root now lies on top of the new one ... */
    TRY(umount2(".", MNT_DETACH));          /* ... and goes: pivot_root(2), NOTES */
    TRY(chdir("/"));
    TRY(execv(launch->argv[0], launch->argv));
    return 125;
}

/* The parent's part for root. 1000000 is far above the ids that Debian gives to users and their subordinate ranges. */
static int write_maps(pid_t child, struct launch *launch) {
    char uid_map[64], gid_map[64];
    snprintf(uid_map, sizeof(uid_map), "/proc/%d/uid_map", child);
    snprintf(gid_map, sizeof(gid_map), "/proc/%d/gid_map", child);
    if (write_file(uid_map, "0 1000000 65536") || write_file(gid_map, "0 1000000 65536"))
        return -1;
    __atomic_store_n(&launch->mapped, 1, __ATOMIC_RELEASE);
    return syscall(SYS_futex, &launch->mapped, FUTEX_WAKE, 1, NULL, NULL, 0) < 0 ? -1 : 0;
}

static int complain(const char *what, int error) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(error));
    return 125;
}

int main(int argc, char **argv) {
    static _Alignas(16) char stack[64 << 10];
    if (argc < 3 || argv[1][0] != '/') {
        fputs("usage: floor DIR COMMAND [ARGS...], DIR absolute\n", stderr);
        return 125;
    }
    struct launch launch = {.dir = argv[1], .argv = argv + 2, .uid = geteuid(), .gid = getegid()};
    pid_t child = clone(build_box, stack + sizeof(stack), CLONE_VM | namespaces | SIGCHLD, &launch);
    if (child < 0)
        return complain("clone", errno);
    if (!launch.uid && write_maps(child, &launch)) {
        int error = errno;
        if (kill(child, SIGKILL) == 0)
            waitpid(child, NULL, 0);
        return complain("write id maps", error);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return complain("waitpid", errno);
    if (launch.step)
        return complain(launch.step, launch.error);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
