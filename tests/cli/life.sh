#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How a box ends, and what it is known by: --timeout, --die-with-launcher, --name, --pid-file, and signals.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

now() { date +%s%N; }

# ---- time limit ------------------------------------------------------------------------------------------------------

started=$(now)
run_minibox --timeout 300ms sh -c 'sleep 100; true' "$mark"
took=$((($(now) - started) / 1000000))
is "timeout: exit status and message" "$status $out$err" "124 minibox: the time limit was reached: the box was killed
minibox: $(echo "$err" | sed -n 's/^minibox: \(it ran for .* ms\)$/\1/p')"
ok "timeout: not before it is due ($took ms)" [ "$took" -ge 290 ]
ok "timeout: not long after ($took ms)" [ "$took" -lt $((30000 * slow)) ]
is "timeout: nothing is left" "$(leftovers)" ""
run_minibox --timeout 0.2s sh -c 'trap "" TERM INT HUP; (sleep 100; true) & sleep 100; true' "$mark"
is "timeout: for who ignores signals, and all children" "$status $(leftovers)" "124 "
in_box "timeout: nothing happens before" done --timeout 1m sh -c 'echo done'
run_minibox --timeout 5 sh -c 'exit 6'
is "timeout: the exit status of who is in time" "$status" 6
run_minibox --timeout 1ms --rootfs host sh -c 'sleep 100; true' "$mark"
is "timeout: during the set-up" "$status $(leftovers)" "124 "

# ---- signals ---------------------------------------------------------------------------------------------------------

# start ARGS...: a box in the background whose command has said something.
start() {
    rm -f said
    minibox run "$@" >said 2>said.err &
    launcher=$!
    wait_for [ -s said ]
}

for pair in HUP:1 INT:2 QUIT:3 USR1:10 USR2:12 TERM:15; do
    signal=${pair%:*}
    start sh -c "trap 'echo got; exit $((100 + ${pair#*:}))' $signal; echo ready; while :; do sleep 0.02; done" "$mark"
    # The shell has its background jobs ignore INT and QUIT, and what minibox finds ignored it does not forward.
    case $signal in
    INT | QUIT)
        kill "-$signal" "$launcher"
        sleep 0.2
        kill -TERM "$launcher"
        wait "$launcher"
        is "SIG$signal that the caller ignores is not forwarded" "$?" 143
        ;;
    *)
        kill "-$signal" "$launcher"
        wait "$launcher"
        is "SIG$signal is forwarded" "$? $(tail -n 1 said)" "$((100 + ${pair#*:})) got"
        ;;
    esac
done
start sh -c 'echo ready; sleep 100; true' "$mark"
kill -TERM "$launcher"
wait "$launcher"
is "SIGTERM ends a command without a handler" "$? $(leftovers)" "143 "
start --init no sh -c 'trap "exit 4" TERM; echo ready; while :; do sleep 0.02; done' "$mark"
kill -TERM "$launcher"
wait "$launcher"
is "init no: SIGTERM is forwarded" "$? $(leftovers)" "4 "

# A SIGALRM is no time limit: somebody sent it.
mkfifo silent
sleep 100 >silent &
writer=$!
is "SIGALRM while the box is made" "$(timeout --foreground --preserve-status -s ALRM -k 5 "$slow.5" minibox run --timeout 60s --seccomp silent true 2>&1; echo $?)" 142
kill "$writer"
if command -v strace >/dev/null; then
    ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=ALRM minibox run --timeout 60s --pid-file pid sh -c 'exit 5' >out 2>&1
    is "SIGALRM when the box has ended" "$? $(cat out)" "5 "
else
    skip "SIGALRM when the box has ended" "no strace"
fi

# ---- the launcher's death --------------------------------------------------------------------------------------------

for init in yes no; do
    start --init $init sh -c 'echo ready; (sleep 100; true) & sleep 100; true' "$mark"
    kill -KILL "$launcher"
    wait "$launcher" 2>/dev/null
    is "a killed launcher takes the box with it, init $init" "$(leftovers)" ""
done
start --die-with-launcher yes sh -c 'echo ready; sleep 100; true' "$mark"
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
is "die-with-launcher yes" "$(leftovers)" ""
start --rootfs host setpriv --pdeathsig clear sh -c 'trap "" HUP TERM; echo ready; sleep 100; true' "$mark"
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
is "a command that clears its parent-death signal" "$(leftovers)" ""
start --die-with-launcher no --pid-file pid sh -c 'echo ready; sleep 100; true' "$mark"
wait_for [ -s pid ]
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
sleep 0.3
ok "die-with-launcher no: the box lives on" grep -qaf "$work/mark" /proc/[0-9]*/cmdline
kill -KILL "$(cat pid)"
rm pid # a killed launcher cannot
is "die-with-launcher no: the death of process 1 is the box's" "$(leftovers)" ""

# At whatever instant of the set-up the launcher dies: nothing is left.
before=$(ls -A /dev/shm /tmp)
for delay in 0 0.0005 0.001 0.0015 0.002 0.0025 0.003 0.0035 0.004 0.0045 0.005 0.006 0.007 0.008 0.009 0.01 0.012 0.015; do
    minibox run sh -c 'sleep 100; true' "$mark" &
    launcher=$!
    sleep "$delay"
    kill -KILL "$launcher" 2>/dev/null
    wait "$launcher" 2>/dev/null
done
is "killed at any instant: no process" "$(leftovers)" ""
is "killed at any instant: no mount" "$(changed_mounts)" ""
if [ -n "$own" ]; then
    is "killed at any instant: no file" "$(ls -A /dev/shm /tmp)" "$before"
else
    skip "killed at any instant: no file" "others write to /tmp, too: it needs namespaces of its own"
fi

# ---- name and pid file -----------------------------------------------------------------------------------------------

in_box "name: the host name, too" mybox --name mybox hostname
start --pid-file pid sh -c 'echo ready; sleep 100; true' "$mark"
wait_for [ -s pid ]
pid=$(cat pid)
is "pid-file: the box's process 1" "$(cat "/proc/$pid/comm") $(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")" \
    "minibox-init $launcher"
is "pid-file: one line" "$(wc -l <pid)" 1
kill -TERM "$launcher"
wait "$launcher"
ok "pid-file: removed at the end" [ ! -e pid ]
run_minibox --pid-file pid false
ok "pid-file: removed when the command fails" [ ! -e pid ]
run_minibox --pid-file pid /none
ok "pid-file: none when the launch fails" [ ! -e pid ]

finish
