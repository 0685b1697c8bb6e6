#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Root only.
# Who enters a box's mount namespace from outside while it is set up (a hook, a debugger, setns(2)) is on the host and not in the
# box: the new root is attached at a place of its own until the pivot, and not on "/".
#
# How it works. strace holds the builder for a moment before pivot_root(2); meanwhile nsenter(1) enters, and says what / is.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # it would trace, too
command -v strace >/dev/null || skip_all "needs strace"
strace -f -o trace true 2>/dev/null || skip_all "nothing can be traced here: $(cat trace)"

# The process below minibox that is about to enter its new root: by the number of the call, of x86-64 or arm64.
builder() {
    for pid in $(cat "/proc/$minibox/task/$minibox/children"); do
        case $(cat "/proc/$pid/syscall") in 155\ * | 41\ *) echo "$pid" && return ;; esac
    done
    return 1
}
is_set_up() {
    minibox=$(awk '{ print $1; exit }' trace 2>/dev/null)
    [ -n "$minibox" ] && [ -e "/proc/$minibox" ] && builder >pid 2>/dev/null
}
make_rootfs root
chmod 755 . root
here=$(stat -c %d:%i /)
for who in root user; do
    for options in "" "--rootfs host" "--rootfs $PWD/root" "--rootfs $PWD/root:overlay"; do
        rm -f trace pid
        # shellcheck disable=SC2086 # options are words
        set -- strace -f -o "$PWD/trace" -e trace=execve,pivot_root -e inject=pivot_root:delay_enter=$((slow * 1000000)) minibox run $options sh -c : "$mark"
        [ $who = root ] || { : >trace && chmod 666 trace && set -- setpriv --reuid mbtest --regid mbtest --init-groups "$@"; }
        "$@" 2>err &
        wait_for is_set_up
        point $? "$who ${options:-busybox}: the builder is held" "$(cat err trace)"
        seen=$(nsenter --mount="/proc/$(cat pid)/ns/mnt" stat -c %d:%i / 2>&1)
        is "$who ${options:-busybox}: / is the host's for who enters" "$seen" "$here"
        wait $!
        is "$who ${options:-busybox}: and the launch goes on" "$?" 0
    done
done
finish
