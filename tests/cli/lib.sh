# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by each script of tests/cli and tests/cve. A script is called as `SCRIPT root` or `SCRIPT user` with MINIBOX in the environment,
# and prints TAP.
#
# How it works. The first time round, the script makes a temporary directory, copies minibox and the scripts there, and calls
# itself again from that directory: as root, or as the ordinary user mbtest, who has two extra groups and subordinate ids and
# is made when missing. So nothing of the checkout needs to be within the user's reach. The second time round the tests run,
# in $work/home, with standard input from /dev/null. The first one then removes the directory. How long to wait for what should
# happen at once is multiplied by MINIBOX_TEST_SLOW, a whole number: an emulated machine needs that.
#
# Other programs and other tests are at work on the same machine. So a test looks only at what it can attribute to itself: at
# processes that carry its $mark, at files below $work, and, where root starts it, at namespaces of its own for mounts, host
# name and System V IPC, with an empty /tmp and /dev/shm ($own is set then).
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
    mkdir "$work/home" "$work/tmp" &&
        cp "$MINIBOX" "$work/minibox" && cp -r "$scripts/../cli" "$scripts/../cve" "$scripts/../../configs" "$scripts/../../docs" "$work" &&
        chmod -R a+rX "$work" && chmod 1777 "$work/tmp" || exit
    own=
    [ "$(id -u)" -ne 0 ] || ! unshare --mount --uts --ipc true 2>/dev/null || own=yes
    set -- sh "$work/${scripts##*/}/${0##*/}" "$mode"
    set -- PATH="$work:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$work/home" "$@"
    set -- MBTEST_WORK="$work" MBTEST_OWN="$own" MINIBOX_TEST_SLOW="$slow" "$@"
    set -- ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} "$@"
    set -- ${LSAN_OPTIONS:+LSAN_OPTIONS="$LSAN_OPTIONS"} "$@"
    if [ "$mode" = user ] && [ "$(id -u)" -eq 0 ]; then
        "$scripts/../make-user" || skip_all "cannot make the user mbtest"
        chown -R mbtest:mbtest "$work" || exit
        set -- setpriv --reuid mbtest --regid mbtest --init-groups env -i "$@"
    else
        set -- env -i "$@"
    fi
    if [ -n "$own" ]; then
        # The mounts are shared with nobody, but would show what a box lets out. $work stays where it is, and /tmp is of its
        # file system: before Linux 6.3 tmpfs cannot be idmapped, and arm64's small system has no mount(8) but busybox's.
        # shellcheck disable=SC2016 # variables are the inner shell's
        set -- unshare --mount --uts --ipc --propagation private sh -c '
            mount() { /bin/busybox mount "$@"; }
            mount --make-rshared / && exec 9<"$1" && mount -o bind "$1/tmp" /tmp || exit
            [ ! -d /dev/shm ] || mount -t tmpfs -o mode=1777 none /dev/shm || exit
            [ -d "$1/home" ] || { mkdir -p "$1" && mount -o bind /proc/self/fd/9 "$1"; } || exit
            exec 9<&-
            cd "$1/home" && shift && exec "$@"' sh "$work" "$@"
    fi
    # What ctest leaves open is not the tests' business.
    cd "$work/home" && "$@" </dev/null 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
    exit
fi

work=$MBTEST_WORK
own=$MBTEST_OWN
mark=box-${work##*.}.$$ # a word of the commands, by which leftovers are recognised
printf '%s' "$mark" >"$work/mark"
count=0
failures=0
# shellcheck disable=SC2034 # for the scripts
uid=$(id -u) gid=$(id -g)
cut -d " " -f 1-6 /proc/self/mountinfo >"$work/mounts" # without the options of file systems that others use, too

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

# refused NAME STATUS WHERE REASON REMEDY ARGS...: minibox refuses with one error and this status; nothing was said or done.
# WHERE is STEP@ORIGIN: the kind of the step that failed, - if it was none, and what asked for it, as --volume:1 for the first
# word, or a place in a file; @ORIGIN is left out where there is none. REASON is a pattern of the shell's for the first line,
# without "minibox: ", REMEDY one for what to try; - for none. They hold what makes this error out among others: the object, the
# system's word, options. How it is worded is the business of docs/screens.md.
refused() {
    name=$1 want="$2 $3|$4|$5"
    shift 5
    run_minibox "$@"
    judge_refusal "$name" "$want" "called: minibox run $*"
}

# judge_refusal NAME "STATUS WHERE|REASON|REMEDY" CALL: the same of what $status, $out and $err say.
judge_refusal() {
    said=$(printf '%s\n' "$err" | awk -v status="$status" '
        NR == 1 && sub(/^minibox: /, "") { reason = $0; next }
        /^  try: / { remedy = substr($0, 8); next }
        /^  (step|asked for at) / && where == "" {
            where = step = "-"
            if ($1 == "step") { step = $5; gsub(/[(),]/, "", step) }
            if (sub(/.*asked for at /, "")) { sub(/ \(argument /, ":"); sub(/\)$/, ""); where = step "@" $0 } else where = step
            next
        }
        { others += /^  / ? 1 : 9 }
        END { print status " " (where ? where : "-") "|" reason "|" (remedy ? remedy : "-") (others > 1 ? "|" others " more lines" : "") }')
    left=$(leftovers)
    # shellcheck disable=SC2254 # the two are patterns
    case $said in
    $2) [ -z "$out" ] && [ -z "$left" ] ;;
    *) false ;;
    esac
    point $? "$1" "$3
saw:    $said
wanted: $2
error:  $err
output: $out
left:   $left"
}

# The processes that have the mark among their words (minibox, its builder, init and the command do); nothing if there are
# none. What has been killed may take a moment.
leftovers() {
    for _ in $(seq $((100 * slow))); do
        found=$(grep -lsaf "$work/mark" /proc/[0-9]*/cmdline)
        [ -n "$found" ] || return 0
        sleep 0.1
    done
    echo "$found"
}

# The mounts of this namespace that came or went since the script began; where it is not the test's own, those in $work. Who
# removes a directory takes the mounts on it away in all namespaces: that is no box's doing.
changed_mounts() {
    cut -d " " -f 1-6 /proc/self/mountinfo | diff "$work/mounts" - | while read -r sign line; do
        place=$(printf '%b' "$(echo "$line" | cut -d " " -f 5 | sed 's/\\/\\0/g')")
        case $sign in
        '>' | '<') [ -n "$own" ] || [ "${place#"$work"}" != "$place" ] || continue ;;
        *) continue ;;
        esac
        # Of a directory that is being removed the mounts go first.
        if [ "$sign" = '>' ] || { sleep 0.05 && [ -e "$place" ]; }; then echo "$sign $line"; fi
    done
}

# pause SECONDS: more on a slow machine.
pause() { sleep "$(awk "BEGIN { print $1 * $slow }")"; }

# wait_for COMMAND...: until it succeeds, at most a minute, or more on a slow machine.
wait_for() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt $((1200 * slow)) ] || return 1
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

# A small root file system of busybox in directory $1, with what a read-only root needs.
make_rootfs() {
    mkdir -p "$1/bin" "$1/proc" "$1/dev" "$1/sys" "$1/tmp" "$1/etc" "$1/data" &&
        cp /bin/busybox "$1/bin/busybox" &&
        for applet in sh ls cat id touch mkdir stat grep mount hostname echo pwd readlink sed; do
            ln -s busybox "$1/bin/$applet"
        done &&
        printf 'root:x:0:0::/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n' >"$1/etc/passwd" &&
        printf 'root:x:0:\nalice:x:1001:\nwheel:x:77:\n' >"$1/etc/group"
}
