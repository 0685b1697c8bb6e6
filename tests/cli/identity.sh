#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who the command is: --user, --userns, --hostname, and supplementary groups.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

ids='echo $(id -u):$(id -g)'
maps='echo $(cat /proc/self/uid_map), $(cat /proc/self/gid_map)'
groups='sed -n "s/^Groups:[[:space:]]*//p" /proc/self/status | sed "s/ *$//"'
make_rootfs root

# ---- by default ------------------------------------------------------------------------------------------------------

in_box "busybox: root of the box" 0:0 sh -c "$ids"
in_box "directory: root of the box" 0:0 --rootfs root sh -c "$ids"
in_box "host: the caller" "$(by_mode 0:0 "$uid:$gid")" --rootfs host sh -c "$ids"
in_box "host: USER and HOME are the caller's" "$(getent passwd "$uid" | cut -d: -f 1,6)" --rootfs host sh -c 'echo "$USER:$HOME"'
in_box "all ids, not only the effective ones" "0 0 0 0 0 0 0 0" sh -c 'echo $(sed -n "s/^[UG]id://p" /proc/self/status)'
if [ "$mode" = root ]; then
    in_box "supplementary groups are dropped" "" sh -c "$groups"
    run_minibox sh -c "$maps"
    like "the map: 65,536 ids" "$out" "0 * 65536, 0 * 65536"
    first=$(echo "$out" | cut -d ' ' -f 2)
    ok "the map: an aligned range, away from the host's accounts" [ "$first" -ge 65536 ]
    minibox run sh -c 'cut -c 11-21 /proc/self/uid_map; sleep 60' "$mark" >live 2>&1 &
    wait_for [ -s live ]
    run_minibox sh -c 'cut -c 11-21 /proc/self/uid_map'
    ok "the map: another one for each live box" [ "$out" != "$(cat live)" ]
    kill "$!"
    wait "$!" 2>/dev/null
    is "the box that was killed is gone" "$(leftovers)" ""
else
    in_box "the map: the user's own id, no other" "0 $uid 1, 0 $gid 1" sh -c "$maps"
    in_box "supplementary groups: those that the kernel does not let go" "$(id -G | tr ' ' '\n' | grep -vc "^$gid\$")" sh -c \
        "$groups | tr ' ' '\n' | grep -c 65534"
fi

# ---- user ------------------------------------------------------------------------------------------------------------

in_box "user: a number" 5:0 --user 5:0 sh -c "$ids"
in_box "user: the letter" 5:0 -u 5:0 sh -c "$ids"
in_box "user: a number without an account keeps the group" "7:0" -u 7 sh -c "$ids"
in_box "user: both numbers" 7:9 -u 7:9 sh -c "$ids"
in_box "user: a name" 65534:65534 -u nobody sh -c "$ids"
in_box "user: a name of the root file system" 1000:1001 --rootfs root -u alice sh -c "$ids"
in_box "user: a number that has an account there" 1000:1001 --rootfs root -u 1000 sh -c "$ids"
in_box "user: a group by name" 1000:77 --rootfs root -u alice:wheel sh -c "$ids"
in_box "user: HOME and USER" "/home/alice alice" --rootfs root -u alice sh -c 'echo $HOME $USER'
in_box "user: has no capability" "0000000000000000" -u 5 sed -n 's/^CapEff:.//p' /proc/self/status
in_box "user: busybox gives it an account" user -u 1234 sh -c 'sed -n "s/:x:1234:.*//p" /etc/passwd'
in_box "user: /tmp is for it, too" yes -u 5 sh -c 'touch /tmp/x && echo yes'
if [ "$mode" = root ]; then
    in_box "user: cannot write what is the box's root's" no --rootfs busybox:rw -u 5 sh -c 'touch /etc/x 2>/dev/null && echo yes || echo no'
fi

# ---- userns ----------------------------------------------------------------------------------------------------------

run_minibox --userns auto sh -c "$maps" # root's range depends on who else has one
like "userns auto" "$status $out" "$(by_mode "0 0 * 65536, 0 * 65536" "0 0 $uid 1, 0 $gid 1")"
if [ "$mode" = root ]; then
    in_box "userns: a map" "0 500000 10, 0 500000 10" --userns 0:500000:10 sh -c "$maps"
    in_box "userns: maps of users and of groups" "0 500000 10 100 600000 1, 0 700000 5" \
        --userns u0:500000:10,g0:700000:5,u100:600000:1 sh -c "$maps"
    in_box "userns: a map without 0 is its first id" "20:20" --userns 20:500000:10 sh -c "$ids"
    in_box "userns: maps of which only one is without 0" "0:5" --userns u0:500000:1,g5:500000:1 sh -c "$ids"
    mkdir v
    run_minibox --userns 0:500000:10 -u 3:4 -v v:/data:rw sh -c 'touch /data/x'
    is "userns: files of an idmapped volume: refused to who does not own the directory" "$status" 1
    chmod 777 v
    run_minibox --userns 0:500000:10 -u 3:4 -v v:/data:rw sh -c 'touch /data/x'
    is "userns: files of a volume have the numbers that the box sees" "$(stat -c %u:%g v/x)" 3:4
    in_box "share user: the host's ids" "0 0 4294967295, 0 0 4294967295" --share user sh -c "$maps"
    in_box "share user: no capability all the same" "0000000000000000" --share user sed -n 's/^CapEff:.//p' /proc/self/status
    in_box "share user: another user" 5:6 --share user -u 5:6 sh -c "$ids"
else
    first=$(sed -n "s/^$(id -un):\([0-9]*\):.*/\1/p" /etc/subuid | head -n 1)
    first_gid=$(sed -n "s/^$(id -un):\([0-9]*\):.*/\1/p" /etc/subgid | head -n 1)
    if command -v newuidmap >/dev/null && [ -n "$first" ] && [ -n "$first_gid" ]; then
        in_box "userns keep-id" "$uid:$gid" --userns keep-id sh -c "$ids"
        run_minibox --userns keep-id sh -c "$maps"
        like "userns keep-id: the other ids are subordinate ones" "$out" "$uid $uid 1 0 $first *, $gid $gid 1 0 $first_gid *"
        in_box "userns keep-id: supplementary groups are dropped" "" --userns keep-id sh -c "$groups"
        in_box "userns keep-id: another user" "5:6" --userns keep-id -u 5:6 sh -c "$ids"
        mkdir v
        run_minibox --userns keep-id -v v:/data:rw sh -c 'touch /data/x'
        is "userns keep-id: files are the caller's" "$status $(stat -c %u:%g v/x)" "0 $uid:$gid"
        in_box "userns: a map by newuidmap" "0 $uid 1 1 $first 100, 0 $gid 1 1 $first_gid 100" \
            --userns "u0:$uid:1,g0:$gid:1,u1:$first:100,g1:$first_gid:100" sh -c "$maps"
        in_box "userns: a map, supplementary groups are dropped" "" \
            --userns "u0:$uid:1,g0:$gid:1,u1:$first:100,g1:$first_gid:100" sh -c "$groups"
        in_box "userns: a map of subordinate ids only" "0 $first 10, 0 $first_gid 10" \
            --userns "u0:$first:10,g0:$first_gid:10" sh -c "$maps"
        in_box "userns: a map, another user" 7:8 --userns "u0:$uid:1,g0:$gid:1,u1:$first:100,g1:$first_gid:100" -u 7:8 sh -c "$ids"
    else
        skip "userns by newuidmap" "no newuidmap, or no subordinate ids"
    fi
fi

# ---- hostname --------------------------------------------------------------------------------------------------------

in_box "hostname: minibox by default" minibox hostname
in_box "hostname" "some.host" --hostname some.host hostname
in_box "hostname: in /etc/hosts" "127.0.0.1	localhost h" --hostname h sh -c 'grep ^127 /etc/hosts'
in_box "hostname: before the name" "h" --name n --hostname h hostname
longest=$(printf '%064d' 0)
in_box "hostname: 64 bytes" "$longest" --hostname "$longest" hostname
# It is written into /etc/hosts of the box, as one word of one line.
for word in "" "a b" "h
10.0.0.1 example.org" -h .h h. a..b "$(printf 'h\303\251')" "${longest}0"; do
    run_minibox --hostname "$word" cat /etc/hosts
    is "hostname: refused: $(printf '%s' "$word" | tr '\n' ' ')" "$status $out" "125 "
done
printf '%s\n' 'hostname = "h\n10.0.0.1 example.org"' >lines.conf
run_minibox -f lines.conf cat /etc/hosts
like "hostname: of a file, too" "$status $out$err" "125 minibox: bad value for --hostname*lines.conf:1:12*"
host=$(cat /proc/sys/kernel/hostname)
run_minibox --hostname other true
is "hostname: the host's is as before" "$(cat /proc/sys/kernel/hostname)" "$host"

finish
