# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by each script of tests/cli and tests/cve. A script is called as `SCRIPT root` or `SCRIPT user` with MINIBOX in the environment,
# and prints TAP.
#
# How it works. The first time round, the script makes a temporary folder, copies minibox and the scripts there, and calls
# itself again from that folder: as root, or as the ordinary user mbtest, who has two extra groups and subordinate ids and
# is made when missing. So nothing of the checkout needs to be within the user's reach. The second time round the tests run,
# in $work/home, with standard input from /dev/null. The first one then removes the folder. How long to wait for what should
# happen at once is multiplied by MINIBOX_TEST_SLOW, a whole number: an emulated machine needs that.
set -u
export LC_ALL=C
mode=${1:?root or user}
slow=${MINIBOX_TEST_SLOW:-1}
scripts=$(cd "$(dirname "$0")" && pwd)

# Ends the script: all of it is skipped.
skip_all() {
    echo "1..0 # SKIP $*"
    echo "SKIP: $*" >&2
    exit 77
}

if [ -z "${MBTEST_WORK-}" ]; then
    : "${MINIBOX:?the minibox to test}"
    [ "$mode" = user ] || [ "$(id -u)" -eq 0 ] || skip_all "needs root"
    [ -x /bin/busybox ] || skip_all "needs a static busybox on the host"
    work=$(mktemp -d "${TMPDIR:-/tmp}/mbtest.XXXXXX") || exit
    trap 'rm -rf "$work"' EXIT
    trap 'exit 125' HUP INT TERM
    mkdir "$work/home" &&
        cp "$MINIBOX" "$work/minibox" && cp -r "$scripts/../cli" "$scripts/../cve" "$scripts/../../configs" "$scripts/../../docs" "$work" &&
        chmod -R a+rX "$work" || exit
    set -- sh "$work/${scripts##*/}/${0##*/}" "$mode"
    set -- PATH="$work:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$work/home" MBTEST_WORK="$work" MINIBOX_TEST_SLOW="$slow" "$@"
    set -- ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} "$@"
    set -- ${LSAN_OPTIONS:+LSAN_OPTIONS="$LSAN_OPTIONS"} "$@"
    if [ "$mode" = user ] && [ "$(id -u)" -eq 0 ]; then
        "$scripts/../make-user" || skip_all "cannot make the user mbtest"
        chown -R mbtest:mbtest "$work" || exit
        set -- setpriv --reuid mbtest --regid mbtest --init-groups env -i "$@"
    else
        set -- env -i "$@"
    fi
    # What ctest leaves open is not the tests' business.
    cd "$work/home" && "$@" </dev/null 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
    exit
fi

work=$MBTEST_WORK
mark=box-${work##*.}.$$ # a word of the commands, by which leftovers are recognised
printf '%s' "$mark" >"$work/mark"
count=0
failures=0
# shellcheck disable=SC2034 # for the scripts
uid=$(id -u) gid=$(id -g)

# ---- points ----------------------------------------------------------------------------------------------------------

point() { # STATUS NAME [DIAGNOSIS]
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
        return
    fi
    failures=$((failures + 1))
    echo "not ok $count - $2"
    printf '%s\n' "$3" | sed 's/^/#   /'
}

# ok NAME COMMAND...: the command succeeds.
ok() {
    name=$1
    shift
    "$@"
    point $? "$name" "failed: $*"
}

# is NAME GOT WANT
is() {
    [ "$2" = "$3" ]
    point $? "$1" "saw:    $2
wanted: $3"
}

# like NAME GOT PATTERN: the whole of GOT matches the shell's pattern.
like() {
    # shellcheck disable=SC2254 # it is a pattern
    case $2 in
    $3) point 0 "$1" ;;
    *) point 1 "$1" "saw:    $2
wanted: $3" ;;
    esac
}

# skip NAME REASON: one point that cannot be tested here.
skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
    echo "SKIP: $1: $2" >&2
}

finish() {
    echo "1..$count"
    [ "$failures" -eq 0 ] || exit 1
    exit 0
}

# by_mode ROOT USER: one of the two, where the expectation differs.
by_mode() {
    if [ "$mode" = root ]; then printf '%s' "$1"; else printf '%s' "$2"; fi
}

# ---- minibox ---------------------------------------------------------------------------------------------------------

# run_minibox ARGS...: `minibox run ARGS`; then $status, $out and $err are what came of it.
run_minibox() {
    timeout --foreground -k 1 $((60 * slow)) minibox run "$@" >"$work/out" 2>"$work/err"
    status=$?
    out=$(cat "$work/out")
    err=$(cat "$work/err")
}

# in_box NAME WANT ARGS...: the box says WANT, nothing on standard error, and exits with 0.
in_box() {
    name=$1 want=$2
    shift 2
    run_minibox "$@"
    [ "$status" -eq 0 ] && [ "$out" = "$want" ] && [ -z "$err" ]
    point $? "$name" "called: minibox run $*
saw:    $out
wanted: $want
status: $status
error:  $err"
}

# refused NAME STATUS MESSAGE ARGS...: the whole message, in which step numbers are N and M; nothing was said or done.
refused() {
    name=$1 want_status=$2 want=$3
    shift 3
    run_minibox "$@"
    err=$(printf '%s' "$err" | sed 's/step [0-9]* of [0-9]* (/step N of M (/')
    left=$(leftovers)
    [ "$status" -eq "$want_status" ] && [ "$err" = "$want" ] && [ -z "$out" ] && [ -z "$left" ]
    point $? "$name" "called: minibox run $*
saw:    $err
wanted: $want
status: $status, wanted $want_status
output: $out
left:   $left"
}

# The processes that have the mark among their words (minibox, its builder, init and the command do); nothing if there are
# none. What has been killed may take a moment.
leftovers() {
    for _ in $(seq $((10 * slow))); do
        found=$(grep -lsaf "$work/mark" /proc/[0-9]*/cmdline)
        [ -n "$found" ] || return 0
        sleep 0.1
    done
    echo "$found"
}

# pause SECONDS: more on a slow machine.
pause() { sleep "$(awk "BEGIN { print $1 * $slow }")"; }

# wait_for COMMAND...: until it succeeds, at most 10 seconds, or more on a slow machine.
wait_for() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt $((200 * slow)) ] || return 1
        sleep 0.05
    done
}

# as_user COMMAND...: in a test of root's: as the ordinary user, with its groups.
as_user() {
    setpriv --reuid mbtest --regid mbtest --init-groups "$@"
}

# program NAME: makes $work/NAME of the C program on standard input; it runs in every box. -v "$work/NAME:/NAME" shows it there.
program() {
    command -v cc >/dev/null || skip_all "needs a C compiler"
    cc -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -static -pthread -o "$work/$1" -x c - || {
        echo "Bail out! $1 cannot be made"
        exit 1
    }
}

# A small root file system of busybox in folder $1, with what a read-only root needs.
make_rootfs() {
    mkdir -p "$1/bin" "$1/proc" "$1/dev" "$1/sys" "$1/tmp" "$1/etc" "$1/data" &&
        cp /bin/busybox "$1/bin/busybox" &&
        for applet in sh ls cat id touch mkdir stat grep mount hostname echo pwd readlink sed; do
            ln -s busybox "$1/bin/$applet"
        done &&
        printf 'root:x:0:0::/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n' >"$1/etc/passwd" &&
        printf 'root:x:0:\nalice:x:1001:\nwheel:x:77:\n' >"$1/etc/group"
}
