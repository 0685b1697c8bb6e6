#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the command may do: --cap-add, --cap-drop, --seccomp, --allow, --ulimit, and what no option changes.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

# The five sets of process $0 or of itself: inheritable, permitted, effective, bounding, ambient; as numbers without zeros.
sets='echo $(sed -n "s/^Cap...:[[:space:]]*0*\(.\)/\1/p" /proc/self/status)'
may='"$@" >/dev/null 2>&1 && echo yes || echo no' # whether the words after it, as a command, succeed

# ---- capabilities ----------------------------------------------------------------------------------------------------

in_box "no capability, in any set" "0 0 0 0 0" sh -c "$sets"
in_box "cap-add: permitted, effective and bounding" "0 400 400 400 0" --cap-add NET_BIND_SERVICE sh -c "$sets"
in_box "cap-add: with prefix, in small letters" "0 400 400 400 0" --cap-add cap_net_bind_service sh -c "$sets"
in_box "cap-add: for another user, inheritable and ambient too" "400 400 400 400 400" --cap-add NET_BIND_SERVICE -u 5 sh -c "$sets"
in_box "cap-add: more than one" "0 401 401 401 0" --cap-add NET_BIND_SERVICE --cap-add CHOWN sh -c "$sets"
all=$(printf '%x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1)))
in_box "cap-add ALL" "0 $all $all $all 0" --cap-add ALL sh -c "$sets"
in_box "cap-drop" "0 1 1 1 0" --cap-add NET_BIND_SERVICE --cap-add CHOWN --cap-drop NET_BIND_SERVICE sh -c "$sets"
in_box "cap-drop: in any order" "0 1 1 1 0" --cap-drop NET_BIND_SERVICE --cap-add NET_BIND_SERVICE --cap-add CHOWN sh -c "$sets"
in_box "cap-drop ALL" "0 0 0 0 0" --cap-drop ALL sh -c "$sets"
in_box "cap-drop: one of ALL" no --cap-add ALL --cap-drop NET_ADMIN sh -c "$may" sh ip link set lo down
in_box "without NET_ADMIN" no sh -c "$may" sh ip link set lo down
in_box "with NET_ADMIN" yes --cap-add NET_ADMIN sh -c "$may" sh ip link set lo down
in_box "without SYS_ADMIN no mount" no sh -c "$may" sh mount -t tmpfs none /tmp
in_box "with SYS_ADMIN a mount, in the box" yes --cap-add SYS_ADMIN sh -c "$may" sh mount -t tmpfs none /tmp

# ---- the filter ------------------------------------------------------------------------------------------------------

in_box "a filter is on, and no_new_privs" "1 2" sh -c 'echo $(sed -n "s/^NoNewPrivs:.//p; s/^Seccomp:.//p" /proc/self/status)'
in_box "seccomp default" "1 2" --seccomp default sh -c 'echo $(sed -n "s/^NoNewPrivs:.//p; s/^Seccomp:.//p" /proc/self/status)'
in_box "seccomp off: only what refuses set-id bits, and no_new_privs" "1 2" --seccomp off sh -c \
    'echo $(sed -n "s/^NoNewPrivs:.//p; s/^Seccomp:.//p" /proc/self/status)'
in_box "seccomp off, allow suid: no filter, but no_new_privs" "1 0" --seccomp off --allow suid sh -c \
    'echo $(sed -n "s/^NoNewPrivs:.//p; s/^Seccomp:.//p" /proc/self/status)'
in_box "no namespaces are made" no sh -c "$may" sh unshare -U true
in_box "seccomp off: namespaces are made" yes --seccomp off sh -c "$may" sh unshare -U true
cat >profile <<'END'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 122}]}
END
in_box "seccomp FILE: its refusals, with its errno" "mkdir: can't create directory '/tmp/x': Disk quota exceeded" \
    --seccomp profile sh -c 'mkdir /tmp/x 2>&1; true'
in_box "seccomp FILE: nothing else" yes --seccomp profile sh -c "$may" sh unshare -U true
in_box "set-user-id is refused" no sh -c 'cd /tmp && touch x && chmod u+s x 2>/dev/null && echo yes || echo no'
in_box "set-group-id is refused" no sh -c 'cd /tmp && touch x && chmod g+s x 2>/dev/null && echo yes || echo no'
in_box "allow suid" "yes 6755" --allow suid sh -c 'cd /tmp && touch x && chmod 6755 x && echo yes $(stat -c %a x)'
in_box "allow suid, with a capability" "yes 4755" --allow suid --cap-add CHOWN sh -c 'cd /tmp && touch x && chmod 4755 x && echo yes $(stat -c %a x)'
in_box "set-user-id is refused with a capability" no --cap-add CHOWN sh -c 'cd /tmp && touch x && chmod u+s x 2>/dev/null && echo yes || echo no'

# ---- limits ----------------------------------------------------------------------------------------------------------

in_box "ulimit: both" "17 17" --ulimit nofile=17 sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
in_box "ulimit: soft and hard" "17 18" --ulimit nofile=17:18 sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
in_box "ulimit: more than one" "17 60" --ulimit nofile=17 --ulimit cpu=60 sh -c 'echo $(ulimit -n) $(ulimit -t)'
in_box "ulimit: the last one counts" "18" --ulimit nofile=17 --ulimit nofile=18 sh -c 'ulimit -n'
in_box "ulimit: no core file by default" "0 0" sh -c 'echo $(ulimit -Sc) $(ulimit -Hc)'
in_box "ulimit: a core file" "1024" --ulimit core=512k sh -c 'ulimit -c'
in_box "ulimit: unlimited" "unlimited" --ulimit core=unlimited sh -c 'ulimit -c'
in_box "ulimit: sizes" "10240 2048" --ulimit fsize=5m --ulimit data=2m sh -c 'echo $(ulimit -f) $(ulimit -d)'
in_box "ulimit: fsize ends a writer" "153 1024" --ulimit fsize=1k sh -c \
    'echo $(sh -c "head -c 4096 /dev/zero >/tmp/x; true" 2>/dev/null; cat /dev/zero >/tmp/y 2>/dev/null; echo $? $(stat -c %s /tmp/y))'
for pair in as:v:4000000k cpu:t:77 data:d:4000000k fsize:f:50000k memlock:l:64k nofile:n:99 rss:m:4000000k stack:s:7000k; do
    name=${pair%%:*} letter=${pair#*:} value=${pair##*:}
    letter=${letter%%:*}
    want=${value%k}
    [ "$name" != fsize ] || want=100000 # in blocks of 512 bytes
    in_box "ulimit: $name" "$want" --ulimit "$name=$value" sh -c "ulimit -$letter"
done
for pair in locks:'Max file locks':9 nproc:'Max processes':5000 msgqueue:'Max msgqueue size':4096 nice:'Max nice priority':0 rtprio:'Max realtime priority':0 \
    rttime:'Max realtime timeout':5000 sigpending:'Max pending signals':50; do
    name=${pair%%:*} title=${pair#*:} value=${pair##*:}
    title=${title%:*}
    in_box "ulimit: $name" "$value" --ulimit "$name=$value" sed -n "s/^$title *\([0-9]*\).*/\1/p" /proc/self/limits
done
hard=$(ulimit -Hn)
# CAP_SYS_RESOURCE is bit 24; not every root has it.
may_raise=$(($(printf '%d' "0x$(sed -n 's/^CapEff:\t//p' /proc/self/status)") >> 24 & 1))
if [ "$mode" = root ] && [ "$hard" != unlimited ] && [ "$may_raise" = 1 ]; then
    for identity in "" "--share user"; do
        # shellcheck disable=SC2086 # options are words
        in_box "ulimit: raised $identity" $((hard + 1)) $identity --ulimit nofile=$((hard + 1)) sh -c 'ulimit -n'
    done
fi
# A limit that minibox itself would run into is the command's alone.
for limit in nproc=1 nofile=3 nofile=4 nofile=5; do
    for watched in "--report report" --verbose "--seccomp learn=learned"; do
        # shellcheck disable=SC2086 # options are words
        run_minibox $watched --ulimit $limit true
        is "ulimit: $limit beside $watched" "$status $out" "0 "
    done
done

finish
