#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the box shares with the host: --network, --share, --isolate, --join, for each resource.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

spaces="mnt pid uts net ipc user cgroup time"
callers=$(for s in $spaces; do echo "$s=$(readlink "/proc/self/ns/$s")"; done)
# The namespaces of the box that are the caller's, too.
shared() {
    run_minibox "$@" sh -c 'for s in mnt pid uts net ipc user cgroup time; do readlink /proc/self/ns/$s; done'
    for inode in $out; do
        for pair in $callers; do
            [ "$inode" != "${pair#*=}" ] || printf '%s ' "${pair%%=*}"
        done
    done
    [ "$status" -eq 0 ] && [ -z "$err" ] || printf '%s' "status $status: $err"
}

is "the kernel has all eight" "$(for s in $spaces; do [ -e /proc/self/ns/$s ] && echo $s; done | wc -l)" 8
is "all eight are the box's own" "$(shared)" ""
is "isolate: what is isolated already" "$(shared --isolate mnt,pid,uts,net,ipc,user,cgroup,time)" ""

# ---- network ---------------------------------------------------------------------------------------------------------

in_box "network none: lo only, and up" "lo UP" sh -c 'echo $(ls /sys/class/net) $(ip link show lo | sed -n "s/.*\(UP\),.*/\1/p")'
in_box "network none" lo --network none ls /sys/class/net
in_box "lo works" ok sh -c 'nc -l -p 7777 -e echo ok & n=0; until nc 127.0.0.1 7777 2>/dev/null || [ $((n += 1)) -gt 300 ]; do sleep 0.1; done'
is "network host" "$(shared --network host)" "net "
in_box "network host: the host's interfaces" "$(ls /sys/class/net | wc -l)" --network host sh -c \
    'grep -c : /proc/net/dev'
in_box "network host: no /sys, which would show the host's" no --network host sh -c '[ -e /sys ] && echo yes || echo no'

# ---- share -----------------------------------------------------------------------------------------------------------

for space in uts net ipc cgroup time; do
    is "share $space" "$(shared --share $space)" "$space "
done
is "share: a list" "$(shared --share uts,ipc)" "uts ipc "
is "share: more than once adds" "$(shared --share uts --share ipc)" "uts ipc "
is "share: what is shared already" "$(shared --share vm)" ""
in_box "share uts: the host's name" "$(cat /proc/sys/kernel/hostname)" --share uts hostname
if [ "$mode" = root ]; then
    is "share user" "$(shared --share user)" "user "
    is "share pid" "$(shared --share pid --die-with-launcher no)" "pid "
    is "share all that can be" "$(shared --share pid,uts,net,ipc,user,cgroup,time --die-with-launcher no)" \
        "pid uts net ipc user cgroup time "
else
    is "share pid" "$(shared --share pid --die-with-launcher no)" "pid "
    is "share all that can be" "$(shared --share pid,uts,net,ipc,cgroup,time --die-with-launcher no)" \
        "pid uts net ipc cgroup time "
fi
in_box "share pid: the host's processes" yes --share pid --die-with-launcher no sh -c \
    '[ "$(cat /proc/'$$'/stat | cut -d " " -f 1)" = '$$' ] && echo yes'
run_minibox --share pid --die-with-launcher no sh -c 'exit 5'
is "share pid: exit status" "$status" 5

# The classic ones cannot be seen from inside: the plan says what clone is told, and the command runs.
clone_of() { minibox run --dry-run "$@" true | sed -n 's/^ *[0-9]* *parent *clone *//p' | sed 's/  *\[.*//'; }
for resource in vm io; do
    like "share $resource" "$(clone_of --share $resource)" "*share $resource,*"
    in_box "share $resource: runs" ok --share $resource echo ok
done
like "share vm is the default" "$(clone_of)" "share vm, new mnt*"
like "share sysvsem, with ipc" "$(clone_of --share sysvsem,ipc)" "*share sysvsem,*"
in_box "share sysvsem, with ipc: runs" ok --share sysvsem,ipc echo ok
like "isolate vm" "$(clone_of --isolate vm)" "new mnt, *"
in_box "isolate vm: runs" ok --isolate vm echo ok
if command -v strace >/dev/null; then
    for resource in vm io; do
        timeout 60 strace -f -o trace -e trace=clone,clone3 minibox run --share $resource true
        ok "share $resource: the kernel is told" grep -q "CLONE_$(echo $resource | tr a-z A-Z)[|,]" trace
    done
    timeout 60 strace -f -o trace -e trace=clone,clone3 minibox run --isolate vm true
    ok "isolate vm: the kernel is told" [ "$(grep CLONE_NEWNS trace | grep -c CLONE_VM)" -eq 0 ]
else
    skip "the kernel is told" "no strace"
fi
if [ "$mode" = user ]; then
    like "share vfork" "$(clone_of --share vfork)" "share vm, share vfork,*"
    in_box "share vfork: runs" ok --share vfork echo ok
    run_minibox --share vfork /none
    is "share vfork: an error" "$status" 127
fi
# What a command cannot share need not be given up either.
in_box "isolate: the rows that are never shared" ok --isolate files,fs,sighand,thread,parent,io,sysvsem,vfork echo ok

# ---- join ------------------------------------------------------------------------------------------------------------

# A box to join. As root it shares the user namespace, so that the joiners need not enter that.
if [ "$mode" = root ]; then set -- --share user; else set --; fi
minibox run "$@" --hostname joined --pid-file pid sh -c 'touch /tmp/x; nc -l -p 7777 -e echo met & sleep 60' "$mark" >/dev/null &
launcher=$!
wait_for [ -s pid ]
pid=$(cat pid)
joined() { # NAME...: --join for each, of process $pid
    for name in "$@"; do printf ' --join %s=%s' "$name" "$pid"; done
}
if [ "$mode" = root ]; then user=; share="--share user"; else user=user; share=; fi
# shellcheck disable=SC2046,SC2086 # split into words
for space in uts net ipc cgroup; do
    run_minibox $share $(joined $user $space) readlink /proc/self/ns/$space
    is "join $space" "$status $err$out" "0 $(readlink "/proc/$pid/ns/$space")"
done
# shellcheck disable=SC2046,SC2086
{
    in_box "join uts: the name" joined $share $(joined $user uts) hostname
    wait_for sh -c "grep -q ':1E61 ' /proc/$pid/net/tcp /proc/$pid/net/tcp6"
    in_box "join net: what listens there" met $share $(joined $user net) nc 127.0.0.1 7777
    in_box "join pid: its processes" minibox-init $share $(joined $user pid) --die-with-launcher no cat /proc/1/comm
    run_minibox $share $(joined $user pid) --die-with-launcher no readlink /proc/self/ns/pid
    is "join pid" "$status $err$out" "0 $(readlink "/proc/$pid/ns/pid")"
    run_minibox $share $(joined $user time) readlink /proc/self/ns/time
    is "join time" "$status $err$out" "0 $(readlink "/proc/$pid/ns/time_for_children")"
    run_minibox $share --join "uts=/proc/$pid/ns/uts" $(joined $user) hostname
    is "join: by path" "$status $err$out" "0 joined"
}
if [ "$mode" = user ]; then
    run_minibox --join "user=$pid" sh -c 'readlink /proc/self/ns/user; id -u'
    is "join user" "$status $err$out" "0 $(readlink "/proc/$pid/ns/user")
0"
fi
kill -9 "$launcher"
wait "$launcher" 2>/dev/null
is "nothing is left" "$(leftovers)" ""
if [ "$mode" = root ]; then
    minibox run --pid-file pid2 sh -c 'sleep 60' "$mark" >/dev/null &
    launcher=$!
    wait_for [ -s pid2 ]
    pid=$(cat pid2)
    run_minibox --join "user=$pid" sh -c 'readlink /proc/self/ns/user; id -u'
    is "join user" "$status $err$out" "0 $(readlink "/proc/$pid/ns/user")
0"
    run_minibox --join "user=$pid" --join "net=$pid" sh -c 'readlink /proc/self/ns/net'
    is "join user and net" "$status $err$out" "0 $(readlink "/proc/$pid/ns/net")"
    kill -9 "$launcher"
    wait "$launcher" 2>/dev/null
fi

# The nodes of devices are the host's own, and with user shared its root owns them.
if [ "$mode" = root ]; then
    before=$(stat -c '%a %u' /dev/null)
    run_minibox --share user sh -c 'chmod 0 /dev/null; chown 7 /dev/null; echo x >/dev/null && echo works'
    is "share user: a device works, its node cannot be changed" "$out $(stat -c '%a %u' /dev/null)" "works $before"
fi

finish
