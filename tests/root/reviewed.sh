#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What hostile reviews have found, each tried again.
set -u
here=$(cd "$(dirname "$0")" && pwd)
skip() {
    echo "skipped: $1" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root"
command -v cc >/dev/null || skip "needs a C compiler"
"$here/../make-user" || skip "cannot make the user mbtest"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cp "${MINIBOX:?}" "$work/minibox"
M=$work/minibox
number=0 failed=0
like() { # NAME GOT PATTERN
    number=$((number + 1))
    # shellcheck disable=SC2254 # it is a pattern
    case $2 in
    $3) echo "ok $number - $1" ;;
    *)
        failed=1
        printf 'not ok %d - %s\n# saw:    %s\n# wanted: %s\n' "$number" "$1" "$2" "$3"
        ;;
    esac
}
cd "$work" || exit 1

# CAP_SYS_PTRACE opens init to the command: init has a filter too.
cc -O2 -D_GNU_SOURCE -Wall -Wextra -static -o "$work/ptrace" "$here/ptrace.c" || exit 1
mkdir vol && chmod 777 vol
for who in root mbtest; do
    printf 'x' >vol/prog && chmod 755 vol/prog
    [ "$who" = root ] || chown mbtest vol vol/prog
    set -- "$M" run --cap-add SYS_PTRACE -v "$work/ptrace:/p" -v "$work/vol:/v:rw" /p
    [ "$who" = root ] && set -- "$@" || set -- setpriv --reuid mbtest --regid mbtest --clear-groups "$@"
    seen=$("$@" 2>&1)
    like "$who: process 1, traced, can do nothing that the command cannot" "$(echo "$seen" | grep -vcE ' -1$|cannot be traced') $(stat -c %a vol/prog)" "0 755"
done
seen=$("$M" run --share user --cap-add SYS_PTRACE -v "$work/ptrace:/p" -v "$work/vol:/v:rw" /p 2>&1)
like "root with --share user: neither" "$(echo "$seen" | grep -vcE ' -1$|cannot be traced') $(stat -c %a vol/prog)" "0 755"

# A file system below a directory: its files must not belong to the range.
mkdir -p tree/sub
seen=$(unshare -m --propagation private sh -c "mount -t tmpfs -o mode=1777,size=1m none tree/sub
    '$M' run -v '$work/tree:/v:rw' sh -c 'echo one >/v/one; echo two >/v/sub/two' 2>&1; echo \$?; stat -c %u tree/one tree/sub/two 2>&1")
like "owners below a mount below a directory" "$(echo "$seen" | tr '\n' ' ')" "0 0 0 *"
seen=$(unshare -m --propagation private sh -c "mount -t proc none tree/sub; '$M' run -v '$work/tree:/v:rw' true 2>&1; echo \$?")
like "what cannot be mapped there is refused" "$(echo "$seen" | tail -n 1) $seen" "125 *idmapped*"
like "unless nothing can be written" "$(unshare -m --propagation private sh -c "mount -t proc none tree/sub; '$M' run -v '$work/tree:/v' true 2>&1; echo \$?")" 0

# The ids of groups are nobody else's either.
cp /etc/group group
grep -q ':524293:' group || printf 'mbteam:x:524293:%s\n' "$(seq -s, 1 3000)" >>group
seen=$(unshare -m --propagation private sh -c "mount --bind group /etc/group; '$M' run sh -c 'cat /proc/self/gid_map'")
outside=$(echo "$seen" | awk '{ print $2 }')
like "a range without a group's id" "$([ "$outside" -gt 524293 ] || [ "$((outside + 65535))" -lt 524293 ]; echo $?)" 0

# A command that lets go of its terminal for a while keeps it.
if command -v script >/dev/null; then
    # Standard input stays open: at its end script types a character of its own, which the terminal may echo.
    mkfifo open
    <>open script -qec "'$M' run sh -c 'exec </dev/null >/dev/null 2>&1; sleep 0.3; echo hi >/dev/tty || exit 9; exit 3'" /dev/null >seen
    like "a terminal that is let go" "$? $(tr -d '\r' <seen)" "3 hi"
fi

# A signal that is ignored ends no launch.
if command -v strace >/dev/null; then
    (trap '' HUP; exec strace -f -o held -e trace=pivot_root -e inject=pivot_root:delay_enter=2000000 "$M" run sh -c 'exit 3') &
    tracer=$! tries=0
    until grep -qs 'pivot_root(' held || [ $((tries += 1)) -gt 600 ]; do sleep 0.05; done
    for launcher in $(pgrep -P "$tracer"); do kill -HUP "$launcher"; done
    wait "$tracer"
    like "an ignored signal during the launch" $? 3
fi

# The listener of the filter: who sends it, and holds it with the launcher's socket, is gone before the command is there.
cc -O2 -D_GNU_SOURCE -Wall -Wextra -static -o "$work/notified" "$here/notified.c" || exit 1
for who in root mbtest; do
    as=
    [ "$who" = root ] || as="setpriv --reuid mbtest --regid mbtest --clear-groups"
    chmod 777 "$work"
    # shellcheck disable=SC2086 # a list of words
    seen=$(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        timeout 60 $as "$M" run --report "$work/$who.json" -v "$work/notified:/n" /n alone || echo "status $?"
        timeout 60 $as "$M" run --seccomp "learn=$work/$who.learned" -v "$work/notified:/n" /n alone || echo "status $?"
    done 2>&1)
    like "$who: nobody but init is there with a command that is reported on" "$seen" ""
done
chmod 755 "$work"
begun=$(date +%s)
timeout 60 "$M" run --timeout 1s --report flood.json -v "$work/notified:/n" /n flood 2>/dev/null
like "a flood of refused calls does not put off the time limit" "$? $([ $(($(date +%s) - begun)) -le 30 ]; echo $?)" "124 0"
timeout 60 "$M" run --report foreign.json -v "$work/notified:/n" /n foreign 2>/dev/null
like "calls of another architecture are not counted as others of this one" "$(tr -d ' \n' <foreign.json)" '*"refused_calls":{}*'
# A process that outlives its box (asked for by name) and writes on, until nobody listens: minibox ends all the same.
begun=$(date +%s)
timeout -k 3 60 "$M" run --share pid --die-with-launcher no --output-limit 1k sh -c '(while :; do echo y; done) & sleep 0.3; exit 0' "${work##*/}" 2>/dev/null |
    wc -c >written
like "a survivor that writes on is not listened to for ever" "$(cat written) $(pgrep -fc "echo y.*${work##*/}") $([ $(($(date +%s) - begun)) -le 30 ]; echo $?)" "1024 0 0"

# Paths of any length are what they are, or are refused.
deep=$work$(printf '/a%.0s' $(seq 200))
mkdir -p "$deep"
seen=$("$M" run -v "$deep" true 2>&1)
like "a place too deep for the box" "$? $seen" "125 minibox: too deep for the box: *asked for at --volume (argument 1)*"
long=$(printf './%.0s' $(seq 2050))pid
seen=$("$M" run --pid-file "$long" true 2>&1)
like "a pid file's path that is too long" "$? $seen" "125 minibox: cannot make the pid file *: File name too long*"
echo "1..$number"
exit $failed
