#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No call sets a set-user-id or set-group-id bit, whatever the profile, unless --allow suid says so: tried with every call that
# can, of this architecture and of the 32-bit one.
. "$(dirname "$0")/lib.sh"

# ways: tries each call in the current directory, each in a process of its own, and prints after which a file there has a bit.
program ways <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HERE = AT_FDCWD, MODE = 06755, MAKES = O_CREAT | O_WRONLY | O_EXCL };
static const char old[] = "old", new[] = "new"; /* a static program: below 4 GiB, as the 32-bit calls need it */
static struct { unsigned long long flags, mode, resolve; } how = {MAKES, MODE, 0};
static int fd;

#ifdef __x86_64__
static void call32(long number, const void *a, long b, long c, long d) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory", "r8", "r9", "r10", "r11");
}
#define FD(n) ((const void *)(long)(n))
#endif

static void make_unnamed(void) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)syscall(SYS_openat, HERE, ".", O_TMPFILE | O_WRONLY, MODE));
    linkat(HERE, path, HERE, new, AT_SYMLINK_FOLLOW);
}

#define WAYS(WAY)                                                                                                            \
    WAY("fchmod", syscall(SYS_fchmod, fd, MODE)) WAY("fchmodat", syscall(SYS_fchmodat, HERE, old, MODE))                         \
    WAY("fchmodat2", syscall(452, HERE, old, MODE, 0)) WAY("mknodat", syscall(SYS_mknodat, HERE, new, S_IFREG | MODE, 0))        \
    WAY("openat", syscall(SYS_openat, HERE, new, MAKES, MODE)) WAY("O_TMPFILE", make_unnamed())                              \
    WAY("openat2", syscall(SYS_openat2, HERE, new, &how, sizeof(how)))
#define OLD_WAYS(WAY)                                                                                                        \
    WAY("chmod", syscall(SYS_chmod, old, MODE)) WAY("creat", syscall(SYS_creat, new, MODE))                                  \
    WAY("mknod", syscall(SYS_mknod, new, S_IFREG | MODE, 0)) WAY("open", syscall(SYS_open, new, MAKES, MODE))                \
    WAY("chmod32", call32(15, old, MODE, 0, 0)) WAY("fchmod32", call32(94, FD(fd), MODE, 0, 0))                              \
    WAY("fchmodat32", call32(306, FD(HERE), (long)old, MODE, 0)) WAY("creat32", call32(8, new, MODE, 0, 0))                  \
    WAY("fchmodat2_32", call32(452, FD(HERE), (long)old, MODE, 0)) WAY("mknod32", call32(14, new, S_IFREG | MODE, 0, 0))     \
    WAY("mknodat32", call32(297, FD(HERE), (long)new, S_IFREG | MODE, 0)) WAY("open32", call32(5, new, MAKES, MODE, 0))      \
    WAY("openat32", call32(295, FD(HERE), (long)new, MAKES, MODE))                                                           \
    WAY("openat2_32", call32(437, FD(HERE), (long)new, (long)&how, sizeof(how)))

static void check(const char *name, pid_t child) {
    struct stat st;
    waitpid(child, NULL, 0);
    if ((stat(old, &st) == 0 && st.st_mode & 06000) || (stat(new, &st) == 0 && st.st_mode & 06000))
        printf(" %s", name);
    unlink(old), unlink(new);
}

int main(void) {
    pid_t child;
    umask(0);
#define TRY(name, call)                                                                                                      \
    fd = open(old, O_CREAT | O_WRONLY | O_TRUNC, 0755);                                                                     \
    if ((child = fork()) == 0) {                                                                                             \
        call;                                                                                                                \
        _exit(0);                                                                                                            \
    }                                                                                                                        \
    close(fd);                                                                                                               \
    check(name, child);
    WAYS(TRY)
#ifdef __x86_64__
    OLD_WAYS(TRY)
#endif
    puts(" done");
}
END
echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >allow.json # podman's, as shipped, says the same of these calls
echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_KILL_PROCESS"}]}' >kill.json
mkdir volume
bare=$(cd volume && "$work/ways")
unseen=' openat2'
case $bare in *openat2_32*) unseen=' openat2 openat2_32' ;; esac
like "control: without a box each call sets the bits" "$bare" " fchmod fchmodat*mknodat openat O_TMPFILE openat2* done"
for profile in default off allow.json kill.json; do
    in_box "--seccomp $profile: none sets a bit in a writable volume" " done" --seccomp $profile -v "$PWD/volume:/v:rw" -v "$work/ways:/ways" sh -c 'cd /v && /ways'
done
in_box "the bits are refused with EPERM, other modes are not" "chmod: x: Operation not permitted 755" --seccomp allow.json \
    sh -c 'cd /tmp; umask 022; touch x; echo $(chmod 4755 x 2>&1; chmod 755 x; stat -c %a x)'
in_box "where nothing of the host can be written, openat2 is there" "$unseen done" --seccomp off -v "$work/ways:/ways" sh -c 'cd /tmp && /ways'
in_box "control: --seccomp off --allow suid: as without a box" "$bare" --seccomp off --allow suid -v "$PWD/volume:/v:rw" -v "$work/ways:/ways" sh -c 'cd /v && /ways'
in_box "control: a profile of one's own, --allow suid" "$(echo "$bare" | sed 's/ [a-z0-9]*_\{0,1\}32//g')" --seccomp allow.json --allow suid -v "$PWD/volume:/v:rw" -v "$work/ways:/ways" \
    sh -c 'cd /v && /ways | sed "s/ [a-z0-9]*_\{0,1\}32//g"'
run_minibox --seccomp off --verbose sh -c 'cd /tmp; touch x; chmod 4755 x'
like "--verbose says what would permit it" "$err" "*the filter refused *chmod*to permit it: --allow suid*"
run_minibox --seccomp allow.json --verbose sh -c 'cd /tmp; touch x; chmod 4755 x'
like "and with a profile of one's own" "$err" "*the filter refused *chmod*to permit it: allow it in allow.json, and --allow suid*"
# The same set by a way that no filter sees is not there: io_uring.
program ring <<'END'
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    char parameters[256] = {0};
    return printf("%s\n", syscall(SYS_io_uring_setup, 1, parameters) < 0 && errno == ENOSYS ? "none" : "there") < 0;
}
END
in_box "no io_uring beside a writable volume" none --seccomp off -v "$PWD/volume:/v:rw" -v "$work/ring:/ring" /ring
finish
