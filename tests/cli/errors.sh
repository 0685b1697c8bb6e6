#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each refusal: its exit status, the step, what asked for it, the remedy, and that nothing is left behind. First what the command
# line gets wrong, then what the root file system lacks, then what the host refuses. How errors are worded: docs/screens.md.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

# refuse WHERE REASON REMEDY OPTIONS...: with these options no command is run; exit status 125. See `refused` in lib.sh.
refuse() {
    where=$1 reason=$2 remedy=$3
    shift 3
    refused "$*" 125 "$where" "$reason" "$remedy" "$@" true "$mark"
}
# bad OPTION VALUE FORM: the value must be of that form, a pattern.
bad() {
    refuse "-@$1:1" "*$1${2:+ \"$2\"}: *$3" "minibox run --help" "$1" "$2"
}
# unknown WHAT WORD REMEDY OPTION VALUE: a word of the value is none of those allowed.
unknown() {
    refuse "-@$4:1" "*$1 \"$2\": *" "*$3" "$4" "$5"
}

make_rootfs root
mkdir empty folder
before=$(find . | sort)

# ---- the form of the words -------------------------------------------------------------------------------------------

refused "no command" 125 - "no command*" "minibox run /bin/sh"
refused "no command after options" 125 - "no command*" "minibox run /bin/sh" --hostname h --
refused "an empty command" 125 "-@the command:3" "no command*empty*" "minibox run /bin/sh" --hostname h ""
refuse -@--hostnam:1 '*"--hostnam"' "did you mean --hostname[?]" --hostnam x
refuse -@--nothing-like-it:3 '*"--nothing-like-it"' "minibox run --help" --name n --nothing-like-it
refuse -@-z:1 '*"-z"' "minibox run --help" -z
# What other launchers call it: a word of each, and how it is said here.
while IFS='|' read -r remedy words; do
    for word in $words; do
        shown=${word%%=*}
        case $shown in --*) ;; *) shown=$(printf %.2s "$shown") ;; esac # a letter, of a cluster or with its value
        refuse "-@$shown:1" "*\"$shown\"" "$remedy" "$word"
    done
done <<'END'
leave it out: nothing is left*|--rm --rm=true
leave it out: standard input *(-t *|-it -i --interactive
minibox run ... </dev/null &|-d --detach
leave it out: *read-only; --rootfs DIR:rw, or DIR:overlay*|--read-only
--rootfs DIR|-D/root --directory=root --chroot
--rootfs DIR:overlay|-x --ephemeral
-v SRC:DST|--ro-bind --bind-ro=/usr
-v SRC:DST:rw (or :ro, or :overlay); --tmpfs DST|--bind --mount=type=bind --overlay
--device SRC:DST|--dev-bind
leave it out: every box has its own|--proc
leave it out: every box has its own; or --device SRC|--dev
--tmpfs /dev/shm:size=64m|--shm-size=64m
systemd-run --scope -p MemoryMax=1G minibox run ...; *--ulimit as=1g|-m1g --memory=1g
systemd-run --scope -p CPUQuota=50% minibox run ...|--cpus=1
--ulimit nproc=100|--pids-limit=100
--network host, or --network none*|--net=host --share-net
--network host: *|-p80:80 --publish=80:80 -P
--share pid --die-with-launcher no; or --pid-file FILE|--pid=host
--share ipc|--ipc=host
--share uts|--uts=host
--share cgroup|--cgroupns=host
leave it out: *--share*|--unshare-all --unshare-net --private-network
--cap-add, --seccomp off and --share*|--privileged
--seccomp FILE|--security-opt=seccomp=x
the command itself*|--entrypoint=sh
--workdir DIR|--chdir=/tmp --pwd
--env NAME=VALUE|--setenv
leave it out: *(--env NAME *|--unsetenv --clearenv
--user UID:GID|--uid=1 --gid
leave it out: every box does so|--new-session --die-with-parent
--init no|--as-pid-1
--file FILE|--args
END
refuse -@--help:1 '*"--help": *' --help --help=x
refused "an option without its value" 125 -@--volume:1 '*"--volume": *' "--volume SRC\[:DST\]\[:MODE\]" -v
# said WORDS: status, first line and remedy of a call of minibox itself.
said() {
    minibox "$@" >"$work/out" 2>"$work/err"
    echo "$? $(cat "$work/out" "$work/err")"
}
like "minibox alone" "$(said)" "125 minibox: no command*
  try: minibox --help"
like "an unknown subcommand" "$(said rum)" '125 minibox: *"rum"
  try: minibox run rum, or minibox --help'
like "completion without a shell" "$(said completion)" '125 minibox: *
  try: minibox completion bash, zsh or fish'
like "completion for an unknown shell" "$(said completion tcsh)" '125 minibox: *"tcsh"
  try: minibox completion bash, zsh or fish'
like "completion for two shells" "$(said completion bash zsh)" '125 minibox: *"zsh"'
# What is shown of a word drives no terminal.
refused "control characters in a word" 125 -@--name:1 '*--name "a\\x1b\[2J\\xff": *' "minibox run --help" \
    --name "$(printf 'a\033[2J\377')" true

# ---- values ----------------------------------------------------------------------------------------------------------

bad --rootfs "" "busybox, host *:ro, :rw or :overlay"
bad --volume :/x "SRC\[:DST\]\[:ro|rw|overlay\[,noexec,...\]\]"
bad --volume root:/d/../x 'SRC:DST *DST *".."*'
unknown "mount option" data "ro, rw, overlay, noexec, noatime, nosymfollow" --volume root:data
unknown "mount option" overly "did you mean overlay[?]" --volume root:/x:overly
bad --tmpfs t 'DST\[:size=..,mode=..\] *DST *".."*'
bad --tmpfs /t:size=5x "DST:size=N *64m"
bad --tmpfs /t:size=0 "DST:size=N *64m"
bad --tmpfs /t:mode=9 "DST:mode=M *1777"
unknown "tmpfs option" bad "size, mode, noexec, noatime, nosymfollow, ro" --tmpfs /t:bad
bad --device none "SRC\[:DST\]*"
refuse -@--cap-drop:1 '*"capabilities": *--cap-add*' "*--cap-drop all*--cap-add" --cap-drop ALL --cap-add CHOWN
bad --mask x '".."*'
bad --env =x "NAME=VALUE, or NAME *"
bad --user "" "USER or USER:GROUP*"
bad --user 1:2:3 "USER or USER:GROUP*"
bad --userns what "auto, keep-id, or \[u|g\]INSIDE:OUTSIDE:COUNT\[,...\]"
bad --userns 0:100:0 "auto, keep-id, or \[u|g\]INSIDE:OUTSIDE:COUNT\[,...\]"
bad --hostname "" "not empty"
bad --seccomp "" "default, off, *learn=FILE"
bad --ulimit nofile "NAME=SOFT\[:HARD\]*"
bad --ulimit nofile=5:3 "NAME=SOFT\[:HARD\]*"
bad --ulimit fsize=5x "NAME=SOFT\[:HARD\]*"
unknown "resource limit" nofle "did you mean nofile[?]" --ulimit nofle=3
bad --join net "NAME=PATH or NAME=PID*"
bad --preserve-fds 2000 "0 to 1000"
bad --preserve-fds x "0 to 1000"
bad --timeout x "1ms*"
bad --timeout 0 "1ms*"
bad --name a/b '1 to 63 *"_", "." or "-"*'
bad --pid-file "" "not empty"
for option in init die-with-launcher; do
    unknown "--$option" maybe "no, yes" --$option maybe
done
for option in tty verbose; do
    refuse "-@--$option:1" "*--$option \"maybe\": *" "*no, yes" --$option=maybe
done
refuse -@--dry-run:1 '*--dry-run "xml": *' "*text, json, config" --dry-run=xml
unknown --allow x suid --allow x
unknown --network bridge "none, host" --network bridge
unknown resource nett "did you mean net[?]" --share nett
unknown namespace xx "pid, uts, net, ipc, user, cgroup, time" --join xx=1
refuse -@--cap-add:1 '*capability "CHOWM"' "did you mean CHOWN[?]" --cap-add CHOWM
refuse -@--cap-drop:3 '*capability "nonsense"' "*capabilities(7)*" --cap-add CHOWN --cap-drop nonsense
long=$(printf '%065d' 0)
refuse -@--hostname:1 "*\"$long\": *64 *" - --hostname "$long"

# ---- what does not go together ---------------------------------------------------------------------------------------

refuse -@--rootfs:1 '*--rootfs "host:rw"' "--rootfs host with -v PATH:rw *" --rootfs host:rw
refuse -@--rootfs:1 '*--rootfs "/"' "--rootfs host*" --rootfs /
refuse -@--volume:1 'a volume *"/": use --rootfs' - -v root:/
refuse -@--tmpfs:1 'a tmpfs *"/": use --rootfs' - --tmpfs /
while IFS='|' read -r name why; do
    refuse -@--share:1 "*share \"$name\": $why" "leave it out" --share "$name"
done <<'END'
files|execve(2) *descriptors*
fs|*mount namespace*
sighand|execve(2) *handlers*
thread|execve(2) *threads*
parent|*sibling*
mnt|*mount namespace*
END
refuse -@--share:1 "*ipc *sysvsem*semaphores*" "leave sysvsem out, or share ipc too" --share sysvsem
refuse -@--share:1 '*pid namespace*' "*--die-with-launcher no*" --share pid
refuse -@--isolate:3 '*"net": *shared *isolated' "leave one *" --share net --isolate net
refuse -@--network:3 '*"net": *shared *isolated' "leave one *" --share net --network none
refuse -@--join:3 '*"net": *joined, *shared *isolated' "leave one *" --share net --join net=1
refuse -@--join:3 '*twice "net"' - --join net=/proc/self/ns/net --join net=/proc/self/ns/net
refuse -@--join:1 '*"mnt": *--join*' "minibox run --help" --join mnt=1
refuse -@--hostname:3 '*host name "x": *(uts)' - --share uts --hostname x
refuse -@--userns:1 '*ids *user namespace*' - --userns keep-id --share user
refuse -@--userns:1 '*host id 0 *"0:0:1"' "*--userns auto, or --share user*" --userns 0:0:1
if [ "$mode" = root ]; then
    refuse -@--userns:1 '*"--userns keep-id": *root' "*--userns auto, or --share user*" --userns keep-id
    refuse -@--share:1 '*"vfork": *id maps*' "leave vfork out" --share vfork
    refuse -@--init:1 '*--init no *--die-with-launcher no' "leave out --init no, or --die-with-launcher no" --init no --die-with-launcher no
    refuse -@--rootfs:1 '*writable *users*: "root"' "*:ro or :overlay, *chmod go-x*--allow suid" --rootfs root:rw
else
    refuse -@--share:1 '*"user": *' "leave out user, or run as root" --share user
fi

for user in 99999999999 -1; do
    refuse -@--user:1 "*user *\"$user\": *0 to 4294967294" "use a number" --user $user
done

# ---- what is not there -----------------------------------------------------------------------------------------------

missing="make it first, *path"
refuse -@--rootfs:1 '*root file system *"none": No such file or directory' "$missing" --rootfs none
refuse -@--rootfs:1 '*root file system *"/etc/passwd": Not a directory' - --rootfs /etc/passwd
refuse - 'cannot mount *"/proc": No such file or directory' "mkdir -p empty/proc, or --rootfs empty:overlay" --rootfs empty
refuse -@--volume:3 'cannot mount *"/none": No such file or directory' "mkdir -p root/none, or --rootfs root:overlay" --rootfs root -v folder:/none
ln -s / root/self && ln -s nowhere root/dangling && ln -s loop root/loop && : >root/file
for access in '' :overlay; do # before anything is mounted, whatever can be made in the root
    for option in "--tmpfs /self" "-v folder:/self" "--mask /self"; do
        # shellcheck disable=SC2086 # two words
        refuse "-@$(printf %s "${option%% *}" | sed 's/^-v/--volume/'):3" 'cannot mount *"/self": *--rootfs*' - --rootfs "root$access" $option
    done
    refuse mount@--tmpfs:3 'cannot mount tmpfs *"/file": Not a directory' "*another place*" --rootfs "root$access" --tmpfs /file
    refuse bind@--volume:3 '*/etc/passwd *"/etc": Invalid argument' "*DST/NAME" --rootfs "root$access" -v /etc/passwd:/etc
done
refuse -@--volume:3 'cannot mount *"/dangling/x": No such file or directory' "*leads to, or *another place*" --rootfs root -v folder:/dangling/x
refuse bind@--volume:3 '*folder *"/dangling": File exists' "*leads to, or *another place*" --rootfs root:overlay -v folder:/dangling
refuse -@--device:3 'cannot mount *"/loop": Too many levels of symbolic links' "$missing" --rootfs root --device /dev/null:/loop
rm root/self root/dangling root/loop root/file
refuse -@--volume:3 'cannot mount *"/etc/none": No such file or directory' "touch root/etc/none, or --rootfs root:overlay" --rootfs root -v /etc/passwd:/etc/none
refuse bind@--volume:1 '*/etc/passwd *"/bin": Invalid argument' "*DST/NAME" -v /etc/passwd:/bin
refuse bind@--volume:1 '*folder *"/bin/busybox": Not a directory' "*another place*" -v folder:/bin/busybox
refuse -@--volume:1 'cannot show "none": No such file or directory' "$missing" -v none:/data
refuse -@--volume:1 '*overlay *"/etc/passwd": Not a directory' - -v /etc/passwd:/data:overlay
refuse -@--device:1 'cannot show "/none": No such file or directory' "$missing" --device /none
refuse -@--device:1 '*"/etc/passwd": No such device' - --device /etc/passwd
refuse mask@--mask:1 '*"/none": No such file or directory' "$missing" --mask /none
refuse workdir@--workdir:1 '*"/none": No such file or directory' "*exists in the box with --workdir" -w /none
refuse workdir@--workdir:1 '*"/etc/passwd": Not a directory' "*exists in the box with --workdir" -w /etc/passwd
refuse -@--env-file:1 '*"none": No such file or directory' "$missing" --env-file none
printf 'X=\nbad\0' >"$work/nul"
refuse -@--env-file:1 "*\"$work/nul\": *NUL*" - --env-file "$work/nul"
printf 'X=\n\n=bad' >"$work/env"
refuse "-@$work/env:3:1" '*--env "=bad": *NAME=VALUE, or NAME *' "minibox run --help" --env-file "$work/env"
refuse -@--user:1 '*user *"nobodyy"' "use a number" -u nobodyy
refuse -@--user:1 '*group *"nogrp"' "use a number" -u nobody:nogrp
refuse -@--user:3 '*user *"50:0"' "*mapped id, *--userns" --userns 0:100000:10 -u 50
refuse -@--seccomp:1 '*profile "none": No such file or directory' "$missing" --seccomp none
echo '{' >"$work/profile"
refuse -@--seccomp:1 "*profile \"$work/profile\": line 2, column 1: *" - --seccomp "$work/profile"
refuse -@--join:1 'cannot join "/none": No such file or directory' "$missing" --join net=/none
refuse join@--join:1 'cannot join *"/etc/passwd": Invalid argument' - --join net=/etc/passwd
refuse - '*descriptor *"3": Bad file descriptor' "open it, or *dev/null" --preserve-fds 3
exec 3<.
refuse - '*descriptor "3": Is a directory' "*file" --preserve-fds 1
exec 3<&-
refuse - '*pid file "none/pid": No such file or directory' "$missing" --pid-file none/pid
echo 1 >"$work/pid"
refuse - "*pid file \"$work/pid\": File exists" "remove it *" --pid-file "$work/pid"
is "the other box's pid file is as it was" "$(cat "$work/pid")" 1

# ---- the command -----------------------------------------------------------------------------------------------------

not_found() { # NAME COMMAND OPTIONS...
    name=$1 command=$2
    shift 2
    refused "$name" 127 exec "*\"$command\": No such file or directory" "*--rootfs" "$@" "$command" "$mark"
}
not_executed() { # REASON REMEDY COMMAND OPTIONS...
    reason=$1 remedy=$2 command=$3
    shift 3
    refused "$command: $reason" 126 exec "*\"$command\": $reason" "$remedy" "$@" "$command" "$mark"
}
not_found "a command that is not there" none
not_found "a path that is not there" /bin/none
not_found "a command that the root file system lacks" awk --rootfs root
not_found "a command that is not in the box's PATH" ls -e PATH=/etc
not_found "without init" none --init no
not_found "in a copy of the memory" none --isolate vm
not_found "on a terminal" none --tty
printf 'garbage' >root/bin/garbage
printf '#!/none\n' >root/bin/lost
printf '\177ELF' >root/bin/short
chmod 755 root/bin/*
echo x >root/bin/plain
permission="chmod +x, *noexec *--user"
not_executed "Permission denied" "$permission" plain --rootfs root
not_executed "Permission denied" "$permission" /etc
not_executed "Permission denied" "$permission" /data/bin/sh -v root:/data:ro,noexec
not_executed "Exec format error" "*minibox run ... sh FILE" garbage --rootfs root
not_executed "Exec format error" "*minibox run ... sh FILE" /bin/short --rootfs root
not_executed "No such file or directory" "*root file system *static program" lost --rootfs root
not_executed "No such file or directory" "*root file system *static program" /data/ls -v /bin:/data
rm root/bin/garbage root/bin/lost root/bin/short root/bin/plain

# More than the box's stack lets a program have, though not more than minibox's own.
word=$(head -c 120000 /dev/zero | tr '\0' x)
set --
while [ $# -lt 16 ]; do set -- "$@" "$word"; done
# shellcheck disable=SC3045 # dash has it
(ulimit -Ss unlimited) 2>/dev/null && (
    ulimit -Ss unlimited
    set -- "$@" "$@"
    minibox run --ulimit stack=1m true "$mark" "$@" >"$work/out" 2>"$work/err"
    echo $? >"$work/status"
)
status=$(cat "$work/status") out=$(cat "$work/out") err=$(cat "$work/err")
judge_refusal "too many words for the box's stack" "126 *|*: Argument list too long|*file *standard input" "called: minibox run --ulimit stack=1m true ..."
set --

# ---- what the host refuses -------------------------------------------------------------------------------------------

# on_host NAME WHERE REASON REMEDY PROGRAM...: as refuse, but the program calls minibox. "$0" is what stands for the mark.
on_host() {
    name=$1 want="125 $2|$3|$4"
    shift 4
    timeout --foreground $((60 * slow)) "$@" >"$work/out" 2>"$work/err"
    status=$? out=$(cat "$work/out") err=$(cat "$work/err")
    judge_refusal "$name" "$want" "called: $*"
}
# An ordinary user changes the host's mounts in a user namespace, where it is root.
own_mounts=$(by_mode "unshare -m" "unshare -Urm")
changed() { # NAME WHERE REASON REMEDY CHANGE OPTIONS...: what minibox says where the mounts were changed
    name=$1 where=$2 reason=$3 remedy=$4 change=$5
    shift 5
    on_host "$name" "$where" "$reason" "$remedy" $own_mounts sh -c "mark=\$1; shift; $change && exec minibox run \"\$@\" true \"\$mark\"" sh "$mark" "$@"
}

busybox="*busybox-static, *--rootfs host *--rootfs DIR"
if $own_mounts true 2>/dev/null; then
    dynamic=$(readlink -f /bin/ls)
    changed "a dynamic busybox" - '*"/bin/busybox": Exec format error' "$busybox" "mount --bind $dynamic /bin/busybox"
    changed "a busybox that is no program" - '*"/bin/busybox": Exec format error' "$busybox" 'mount --bind /etc/passwd /bin/busybox'
    changed "a masked /proc, as in a container" mount 'cannot mount proc *"/proc": Operation not permitted' \
        "*unmask=ALL*--share pid --die-with-launcher no" 'mount --bind /dev/null /proc/uptime'
else
    skip "a host with other mounts and limits" "unshare(1) may not"
fi

# What cannot be the lower layer of an overlay here; as root without a user namespace, since idmapped mounts come before.
# shellcheck disable=SC2046 # split into words
refuse overlay@--volume:$(by_mode 3 1) 'cannot mount overlay *"/data": Invalid argument' "*:ro, or :rw *" $(by_mode "--share user" "") -v /proc:/data:overlay

# In a box without busybox there is none to be found. And the default filter refuses user namespaces, and some calls as a kernel does that has not got them.
cp "$(command -v minibox)" folder/minibox
if minibox run --rootfs folder:overlay /minibox --version >/dev/null 2>&1; then
    on_host "no busybox on the host" - '*"--rootfs busybox": No such file or directory' "$busybox" \
        minibox run --rootfs folder:overlay -u 7 /minibox run true "$mark"
else
    skip "no busybox on the host" "minibox is not a static program"
fi
if minibox run --rootfs host -v folder:/srv /srv/minibox --version >/dev/null 2>&1; then
    on_host "a host that refuses user namespaces" clone '*namespaces: Operation not permitted' "*--security-opt seccomp=unconfined*" \
        minibox run --rootfs host -u 7 -v folder:/srv /srv/minibox run true "$mark"
    echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22}]}' \
        >"$work/profile"
    on_host "a kernel without a kind of namespace" unshare '*namespaces: Invalid argument' "*--share time" \
        minibox run --rootfs host -u 7 --seccomp "$work/profile" -v folder:/srv /srv/minibox run true "$mark"
    on_host "a kernel without openat2" - '*"etc/passwd": Function not implemented' "*Linux 5.12*" \
        minibox run --rootfs host -u 7 -v folder:/srv /srv/minibox run --rootfs /usr true "$mark"
else
    skip "a box in a box" "minibox needs its sanitizers' libraries"
fi
rm folder/minibox

if [ "$mode" = root ]; then
    refuse bind@--volume:1 '*/sys/kernel *"/data": Invalid argument' "*:ro, *--share user" -v /sys/kernel:/data:rw
    if command -v python3 >/dev/null; then
        cat >"$work/lock.py" <<'END'
import fcntl, os, struct, subprocess, sys
os.mkdir("/run/minibox", 0o700)
fd = os.open("/run/minibox/ids", os.O_RDWR | os.O_CREAT, 0o600)
F_OFD_SETLK = 37
fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
sys.exit(subprocess.call(sys.argv[1:]))
END
        on_host "no range of ids is free" - '*ids: Resource temporarily unavailable' "*--userns" \
            unshare -m sh -c 'mount -t tmpfs none /run && exec python3 "$@"' sh "$work/lock.py" minibox run true "$mark"
    else
        skip "no range of ids is free" "no python3"
    fi
    on_host "root without its capabilities" - '*root: Operation not permitted' "*CAP_SYS_ADMIN, SETUID, SETGID, SETPCAP and KILL" \
        setpriv --bounding-set -sys_admin minibox run true "$mark"
    if unshare -pf --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec' 2>/dev/null; then
        on_host "no executable memory files" init@--init:1 'cannot execute init: Permission denied' "sysctl vm.memfd_noexec=1" \
            unshare -pf --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; minibox run --init yes true "$0"' "$mark"
    else
        skip "no executable memory files" "the kernel has no vm.memfd_noexec for a pid namespace"
    fi
    # Of a user that nobody else is: the other tests of mbtest go on meanwhile, and perhaps this very one, elsewhere.
    nobody=$((3000000000 + $$))
    if command -v python3 >/dev/null && [ "$(uname -m)" = x86_64 ] && [ "$(cat /proc/sys/kernel/keys/maxkeys)" -lt 5000 ]; then
        cat >"$work/keys.py" <<'END'
import ctypes, subprocess, sys, time
libc = ctypes.CDLL(None)
JOIN, SESSION, ADD_KEY, KEYCTL = 1, -3, 248, 250
libc.syscall(KEYCTL, JOIN, None)
n = full = 0  # the calls have these numbers on x86_64
while full < 5:  # keys of boxes that have ended are given back a little later
    full += 1
    while libc.syscall(ADD_KEY, b"user", b"minibox-test-%d" % n, b"x", 1, SESSION) > 0:
        n += 1
        full = 0
    time.sleep(0.1)
sys.exit(subprocess.call(sys.argv[1:]))
END
        on_host "no kernel keys are left" keyring '*: Disk quota exceeded' "*/proc/sys/kernel/keys/maxkeys*" \
            setpriv --reuid "$nobody" --regid "$nobody" --clear-groups python3 "$work/keys.py" minibox run true "$mark"
    else
        skip "no kernel keys are left" "no python3, another machine, or too many to use up"
    fi
else
    refuse -@--volume:1 '*"/root/none": Permission denied' "*permissions of the path*" -v /root/none:/data
    # /proc/self is another directory for each process that asks.
    refuse bind@--volume:1 '*/proc/self *"/data": Stale file handle' "launch again *" -v /proc/self:/data
    on_host "no user namespaces are left" clone '*namespaces: No space left on device' "sysctl user.max_user_namespaces=15000" \
        unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec minibox run true "$0"' "$mark"
    on_host "no network namespaces are left" unshare '*namespaces: No space left on device' "*/proc/sys/user*" \
        unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec minibox run true "$0"' "$mark"
    # shellcheck disable=SC3045
    on_host "a limit above the hard one" raise@--ulimit:1 '*"nofile": Operation not permitted' '*`prlimit`*HARD' \
        sh -c 'ulimit -n 100; exec minibox run --ulimit nofile=101 true "$0"' "$mark"
    on_host "no newuidmap" -@--userns:1 '*"newuidmap": No such file or directory' "install uidmap, or *--userns auto" \
        env PATH=/none "$(command -v minibox)" run --userns 0:100000:10 true "$mark"
    if command -v newuidmap >/dev/null; then
        refuse id-maps@--userns:1 '*newuidmap: uid range \[0-10) -> \[1-11) not allowed' "usermod --add-subuids *--add-subgids *" --userns 0:1:10
    else
        skip "ids that are not subordinate ones" "no newuidmap"
    fi
fi

is "nothing is left in the directory" "$(find . | sort)" "$before"
is "nothing is mounted" "$(changed_mounts)" ""

finish
