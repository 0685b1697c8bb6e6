#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --seccomp learn=FILE, the calls that --report counts, and minibox seccomp.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "needs python3"

# ---- learn ---------------------------------------------------------------------------------------------------------

is "learning does what the command does" "$(minibox run --seccomp learn=profile sh -c 'echo hello; ls /proc >/dev/null; exit 7'; echo $?)" "hello
7"
is "a profile with that alone suffices" "$(minibox run --seccomp profile sh -c 'echo hello; ls /proc >/dev/null; exit 7'; echo $?)" "hello
7"
allowed() { # FILE: the names that it allows, sorted
    python3 -c '
import json, sys
profile = json.load(open(sys.argv[1]))
print(*sorted({name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}))' "$1"
}
like "what was used is in it" " $(allowed profile) " "* execve *getdents64 *write *"
is "what was not is not" "$(allowed profile | tr ' ' '\n' | grep -cxE 'socket|mkdir|connect|mount')" 0
minibox run --seccomp profile sh -c 'echo before; mkdir /tmp/x && echo made' >out 2>err
is "and is refused" "$(cat out)" before
is "learned once more, under itself, it is the same" "$(minibox run --seccomp learn=again sh -c 'echo hello; ls /proc >/dev/null; exit 7' >/dev/null; allowed again)" "$(allowed profile)"

# Learning is no weaker: what the default filter refuses is refused, and not learned.
minibox run --seccomp learn=profile sh -c 'mount -t tmpfs none /tmp; unshare -m true; touch /tmp/f; chmod 4755 /tmp/f; mkdir /tmp/d; stat -c %a /tmp/f' >out 2>err
like "refused while learning" "$(cat out) $(cat err)" "644 *mount: *unshare: *chmod: *"
is "and not learned" "$(allowed profile | tr ' ' '\n' | grep -cxE 'mount|unshare')" 0
is "conditions stay: no set-user-id bit under what was learned" \
    "$(minibox run --seccomp profile sh -c 'touch /tmp/f; chmod 4755 /tmp/f; stat -c %a /tmp/f' 2>/dev/null)" 644
minibox run --seccomp learn=threads --rootfs host python3 -c '
import threading
threads = [threading.Thread(target=lambda: open("/etc/passwd").read()) for i in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]; print("joined")' >out 2>err
is "threads" "$(cat out err)" joined
is "and a profile for them" "$(minibox run --seccomp threads --rootfs host python3 -c 'import threading; t = threading.Thread(target=print, args=("in a thread",)); t.start(); t.join()')" "in a thread"
is "the time limit ends it" "$(timeout 60 minibox run --seccomp learn=profile --timeout 300ms sh -c 'while :; do :; done' 2>/dev/null; echo $?) $(allowed profile | grep -c execve)" "124 1"
minibox run --seccomp learn=/no-such-directory/x sh -c 'echo ran' >out 2>err
like "what cannot be written is not run" "$? $(cat out err)" '125 minibox: cannot write the profile "/no-such-directory/x": *asked for at --seccomp (argument 1)*'
minibox run --init no --seccomp learn=x true 2>err
like "without init" "$? $(cat err)" "125 minibox: nothing can be learned without --init yes*"
minibox run --seccomp learn= true 2>err
like "without a file" "$? $(cat err)" "125 minibox: bad value for --seccomp*learn=FILE*"
minibox run --seccomp learn=profile sh -c "while :; do ls / >/dev/null; done; $mark" & launcher=$!
sleep 0.4
kill -9 "$launcher"
wait "$launcher" 2>/dev/null
is "killed: nothing is left" "$(leftovers)" ""

# ---- what --report counts ------------------------------------------------------------------------------------------

refused() { python3 -c 'import json; print(json.load(open("record"))["refused_calls"])'; }
minibox run --report record sh -c 'mount -t tmpfs none /tmp; unshare -m true; unshare -m true; touch /tmp/f; chmod 4755 /tmp/f; exit 3' 2>err
is "refused calls are counted" "$? $(refused)" "3 {'chmod': 1, 'mount': 1, 'unshare': 2}"
like "and refused as ever" "$(cat err)" "*mount: *unshare: *Operation not permitted*chmod: *Operation not permitted*"
is "and how each is permitted is said" "$(grep ^minibox: err)" "minibox: the filter refused chmod (1 times); to permit it: --allow suid
minibox: the filter refused mount (1 times); to permit it: --cap-add SYS_ADMIN
minibox: the filter refused unshare (2 times); to permit it: --cap-add SYS_ADMIN"
is "which is true" "$(minibox run --cap-add SYS_ADMIN sh -c 'mount -t tmpfs none /tmp && unshare -m true && echo both') $(minibox run --allow suid sh -c 'touch /tmp/f; chmod 4755 /tmp/f; stat -c %a /tmp/f')" "both 4755"
minibox run --verbose sh -c 'keyctl; mknod /tmp/c c 1 3; mount -t tmpfs none /tmp' >out 2>err
like "--verbose says it too" "$(cat err)" "*minibox: the filter refused mount (1 times)*minibox: the command exited with*"
minibox run sh -c 'mount -t tmpfs none /tmp' >out 2>err
is "a plain launch says nothing" "$(grep -c ^minibox: err)" 0
minibox run --report record true
is "none" "$(refused)" "{}"
minibox run --report record --seccomp off true
is "without a filter" "$(refused)" "{}"
# Its socket among other descriptors, at whatever number.
seen=
for n in 0 1 2 3 4 5 6 7 8 9 10 11 12; do
    # shellcheck disable=SC2016 # it is for the inner shell
    seen="$seen $(bash -c 'for ((i = 0; i < $1; i++)); do eval "exec $((3 + i))</dev/null"; done
        exec minibox run --report record --preserve-fds "$1" --rootfs host sh -c "mount -t tmpfs none /tmp 2>/dev/null; ls /proc/self/fd | wc -l"' _ $n 2>/dev/null)"
done
is "with 0 to 12 further descriptors" "$seen" " 4 5 6 7 8 9 10 11 12 13 14 15 16"
# However fast the command: it must not be waited for who is gone with it.
i=0
while [ $i -lt 100 ]; do
    timeout 60 minibox run --report record true || break
    i=$((i + 1))
done
is "100 short runs" $i 100
printf '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 95, "syscalls": [{"names": ["execve", "write", "exit_group", "brk", "arch_prctl", "set_tid_address",
"set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom", "mprotect", "getuid", "prctl", "ioctl", "fstat", "newfstatat", "mmap", "munmap", "futex",
"geteuid", "getpid", "getppid", "rt_sigaction", "uname", "stat", "lstat", "getcwd", "fcntl", "rt_sigprocmask"], "action": "SCMP_ACT_ALLOW"}]}' >own
minibox run --report record --seccomp own mkdir /tmp/x 2>err
like "with a profile of one's own, and its error" "$(refused) $(cat err)" "*'mkdir*': 1*Operation not supported*allow it in own*"

if [ -c /dev/full ]; then
    minibox run --seccomp learn=/dev/full true 2>err
    like "a profile that is lost" "$? $(cat err)" '125 minibox: cannot write the profile "/dev/full": No space left on device*asked for at --seccomp (argument 1)'
fi

# ---- calls that are newer than the installed libseccomp ------------------------------------------------------------

if command -v cc >/dev/null; then
    # Prints what mseal of nothing answers, which a kernel may have or not, and a call that none has yet.
    program newer <<'END'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    puts(syscall(462, 0, 0, 0) < 0 ? strerrorname_np(errno) : "done");
    puts(syscall(500) < 0 && errno == ENOSYS ? "none" : "there");
}
END
    bare=$("$work/newer")
    is "one while learning does what it does" "$(minibox run --seccomp learn=profile -v "$work/newer:/newer" /newer)" "$bare"
    is "and is learned" "$(allowed profile | tr ' ' '\n' | grep -cx mseal)" 1
    is "so it is the same under what was learned" "$(minibox run --seccomp profile -v "$work/newer:/newer" /newer)" "$bare"
    minibox run --report record --seccomp own -v "$work/newer:/newer" /newer >out 2>err
    is "one that is refused is counted by its name, and one without a name by its number" "$(refused)" "{'mseal': 1, '500': 1}"
    like "and --verbose says both" "$(cat err)" "*the filter refused mseal (1 times); to permit it: *the filter refused 500 (1 times); to permit it: *"
    sed 's/"execve"/"execve", "mseal"/' own >newer
    is "one that a profile allows is not refused" "$(minibox run --report record --seccomp newer -v "$work/newer:/newer" /newer 2>/dev/null | head -n 1) $(refused)" \
        "$(echo "$bare" | head -n 1) {'500': 1}"
else
    skip "calls that are newer than libseccomp" "needs a C compiler"
fi

# ---- minibox seccomp -----------------------------------------------------------------------------------------------

like "the default profile" "$(minibox seccomp)" "A call that no rule names is refused, ENOSYS.*allowed:*read write*refused, EPERM, if argument 1 & 0xffffffff == 0x5412:*ioctl*"
is "nothing is wider than 80 columns, but for conditions" "$(minibox seccomp | grep -v argument | awk 'length > 80')" ""
is "each name that it allows" "$(minibox seccomp | tr ' ' '\n' | grep -cxE 'landlock_add_rule|uretprobe|execve')" 3
like "a file" "$(minibox seccomp own)" "A call that no rule names is refused, EOPNOTSUPP*allowed:*execve*"
echo '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOTTY", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errno": "ENOSYS"}]}' >named
like "errors by name, as podman's profiles have them" "$(minibox seccomp named)" "A call that no rule names is refused, ENOTTY.*refused, ENOSYS:*mkdir*"
echo '{"defaultAction": "SCMP_ACT_NONE"}' >bad
minibox seccomp bad 2>err
like "a bad one" "$? $(cat err)" "125 minibox: *SCMP_ACT_NONE*"
minibox seccomp no-such-file 2>err
like "none" "$? $(cat err)" '125 minibox: cannot read the seccomp profile "no-such-file": No such file or directory*'
printf '{"defaultAction": "SCMP_ACT_ALLOW"}\0{"defaultAction": "SCMP_ACT_ERRNO"}' >nul
minibox seccomp nul 2>err
like "one with more behind its end" "$? $(cat err)" '125 minibox: cannot use the seccomp profile "nul": it has NUL bytes*'
minibox run --rootfs host --seccomp nul true 2>err
like "that one for a box" "$? $(cat err)" '125 minibox: cannot use the seccomp profile "nul": it has NUL bytes*'
minibox seccomp own own 2>err
like "one too many" "$? $(cat err)" '125 minibox: unknown word "own"*'
like "--help" "$(minibox seccomp --help)" "Usage: minibox seccomp*"
printf '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "eq"}]}]}' >compared
like "a short word is likened to none" "$(minibox seccomp compared 2>&1)" '*"eq" is no comparison*"SCMP_CMP_NE", for instance'
sed 's/"eq"/"MASKED_QE"/' compared >other
like "a longer one is, without its prefix" "$(minibox seccomp other 2>&1)" '*"MASKED_QE" is no comparison*did you mean "SCMP_CMP_MASKED_EQ"?'
finish
