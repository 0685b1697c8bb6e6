#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each refusal: the whole message, the exit status, and that nothing is left behind. First what the command line gets wrong,
# then what the root file system lacks, then what the host refuses.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

# refuse MESSAGE OPTIONS...: with these options no command is run; exit status 125.
refuse() {
    want=$1
    shift
    refused "$*" 125 "minibox: $want" "$@" true "$mark"
}
# bad OPTION VALUE FORM: the value must be of that form.
bad() {
    quoted=${2:+ \"$2\"}
    refuse "bad value for $1$quoted: must be $3
  asked for at $1 (argument 1)
  try: minibox run --help" "$1" "$2"
}
# unknown WHAT WORD REMEDY OPTION VALUE: a word of the value is none of those allowed.
unknown() {
    refuse "$1 \"$2\": unknown
  asked for at $4 (argument 1)
  try: $3" "$4" "$5"
}

make_rootfs root
mkdir empty folder
before=$(find . | sort)

# ---- the form of the words -------------------------------------------------------------------------------------------

refused "no command" 125 "minibox: no command given
  try: minibox run /bin/sh"
refused "no command after options" 125 "minibox: no command given
  try: minibox run /bin/sh" --hostname h --
refused "an empty command" 125 "minibox: no command given: the word is empty
  asked for at the command (argument 3)
  try: minibox run /bin/sh" --hostname h ""
refuse 'unknown option "--hostnam"
  asked for at --hostnam (argument 1)
  try: did you mean --hostname?' --hostnam x
refuse 'unknown option "--nothing-like-it"
  asked for at --nothing-like-it (argument 3)
  try: minibox run --help' --name n --nothing-like-it
refuse 'unknown option "-z"
  asked for at -z (argument 1)
  try: minibox run --help' -z
# What other launchers call it: a word of each, and how it is said here.
while IFS='|' read -r remedy words; do
    for word in $words; do
        shown=${word%%=*}
        case $shown in --*) ;; *) shown=$(printf %.2s "$shown") ;; esac # a letter, of a cluster or with its value
        refuse "unknown option \"$shown\"
  asked for at $shown (argument 1)
  try: $remedy" "$word"
    done
done <<'END'
leave it out: nothing is left of a box|--rm --rm=true
leave it out: standard input is the command's (-t gives it a terminal)|-it -i --interactive
minibox run ... </dev/null &|-d --detach
leave it out: the root is read-only; --rootfs DIR:rw, or DIR:overlay, is not|--read-only
--rootfs DIR|-D/root --directory=root --chroot
--rootfs DIR:overlay|-x --ephemeral
-v SRC:DST|--ro-bind --bind-ro=/usr
-v SRC:DST:rw (or :ro, or :overlay); --tmpfs DST|--bind --mount=type=bind --overlay
--device SRC:DST|--dev-bind
leave it out: every box has its own|--proc
leave it out: every box has its own; or --device SRC|--dev
--tmpfs /dev/shm:size=64m|--shm-size=64m
systemd-run --scope -p MemoryMax=1G minibox run ...; or for each process: --ulimit as=1g|-m1g --memory=1g
systemd-run --scope -p CPUQuota=50% minibox run ...|--cpus=1
--ulimit nproc=100|--pids-limit=100
--network host, or --network none, which is the default|--net=host --share-net
--network host: a box has the host's network or none|-p80:80 --publish=80:80 -P
--share pid --die-with-launcher no; or --pid-file FILE|--pid=host
--share ipc|--ipc=host
--share uts|--uts=host
--share cgroup|--cgroupns=host
leave it out: all is unshared but what --share names|--unshare-all --unshare-net --private-network
--cap-add, --seccomp off and --share, each by name|--privileged
--seccomp FILE|--security-opt=seccomp=x
the command itself, after the options|--entrypoint=sh
--workdir DIR|--chdir=/tmp --pwd
--env NAME=VALUE|--setenv
leave it out: the environment is new (--env NAME passes one on)|--unsetenv --clearenv
--user UID:GID|--uid=1 --gid
leave it out: it is so|--new-session --die-with-parent
--init no|--as-pid-1
--file FILE|--args
END
refuse 'option "--help": takes no value
  asked for at --help (argument 1)
  try: --help' --help=x
refused "an option without its value" 125 'minibox: option "--volume": needs a value
  asked for at --volume (argument 1)
  try: --volume SRC[:DST][:MODE]' -v
minibox >"$work/out" 2>"$work/err"
is "minibox alone" "$? $(cat "$work/out" "$work/err")" "125 minibox: no command given
  try: minibox --help"
minibox rum >"$work/out" 2>"$work/err"
is "an unknown subcommand" "$? $(cat "$work/out" "$work/err")" '125 minibox: unknown command "rum"
  try: minibox run rum, or minibox --help'
# completed WORDS: what `minibox completion WORDS` answers.
completed() {
    minibox completion "$@" >"$work/out" 2>"$work/err"
    echo "$? $(cat "$work/out" "$work/err")"
}
is "completion without a shell" "$(completed)" '125 minibox: no shell given
  try: minibox completion bash, zsh or fish'
is "completion for an unknown shell" "$(completed tcsh)" '125 minibox: unknown shell "tcsh"
  try: minibox completion bash, zsh or fish'
is "completion for two shells" "$(completed bash zsh)" '125 minibox: unexpected word "zsh"'
# What is shown of a word drives no terminal.
refused "control characters in a word" 125 'minibox: bad value for --name "a\x1b[2J\xff": must be 1 to 63 letters, digits, "_", "." or "-", the first a letter or digit
  asked for at --name (argument 1)
  try: minibox run --help' --name "$(printf 'a\033[2J\377')" true

# ---- values ----------------------------------------------------------------------------------------------------------

bad --rootfs "" "busybox, host or a folder, with :ro, :rw or :overlay"
bad --volume :/x "SRC[:DST][:ro|rw|overlay[,noexec,...]]"
bad --volume root:/d/../x 'SRC:DST with DST an absolute path without ".."'
unknown "mount option" data "one of ro, rw, overlay, noexec, noatime, nosymfollow" --volume root:data
unknown "mount option" overly "did you mean overlay?" --volume root:/x:overly
bad --tmpfs t 'DST[:size=..,mode=..] with DST an absolute path without ".."'
bad --tmpfs /t:size=5x "DST:size=N with N a size above zero, as 64m"
bad --tmpfs /t:size=0 "DST:size=N with N a size above zero, as 64m"
bad --tmpfs /t:mode=9 "DST:mode=M with M octal, at most 1777"
unknown "tmpfs option" bad "one of size, mode, noexec, noatime, nosymfollow, ro" --tmpfs /t:bad
bad --device none "SRC[:DST], absolute paths"
refuse 'asked for both ways "capabilities": all are dropped, those of --cap-add too
  asked for at --cap-drop (argument 1)
  try: leave --cap-drop all out: a box has only those of --cap-add' --cap-drop ALL --cap-add CHOWN
bad --mask x 'an absolute path in the box, without ".." and other than /'
bad --env =x "NAME=VALUE, or NAME to pass on the caller's"
bad --user "" "USER or USER:GROUP, names or numbers"
bad --user 1:2:3 "USER or USER:GROUP, names or numbers"
bad --userns what "auto, keep-id, or [u|g]INSIDE:OUTSIDE:COUNT[,...]"
bad --userns 0:100:0 "auto, keep-id, or [u|g]INSIDE:OUTSIDE:COUNT[,...]"
bad --hostname "" "a text that is not empty"
bad --seccomp "" "default, off, a file, or learn=FILE"
bad --ulimit nofile "NAME=SOFT[:HARD], numbers or unlimited, SOFT at most HARD"
bad --ulimit nofile=5:3 "NAME=SOFT[:HARD], numbers or unlimited, SOFT at most HARD"
bad --ulimit fsize=5x "NAME=SOFT[:HARD], numbers or unlimited, SOFT at most HARD"
unknown "resource limit" nofle "did you mean nofile?" --ulimit nofle=3
bad --join net "NAME=PATH or NAME=PID, as net=/run/netns/blue"
bad --preserve-fds 2000 "a number from 0 to 1000"
bad --preserve-fds x "a number from 0 to 1000"
bad --timeout x "a duration of at least 1ms, as 200ms, 10s, 5m or 1h"
bad --timeout 0 "a duration of at least 1ms, as 200ms, 10s, 5m or 1h"
bad --name a/b '1 to 63 letters, digits, "_", "." or "-", the first a letter or digit'
bad --pid-file "" "a text that is not empty"
for option in init die-with-launcher; do
    unknown "value of --$option" maybe "one of no, yes" --$option maybe
done
for option in tty verbose; do
    refuse "value of --$option \"maybe\": unknown
  asked for at --$option (argument 1)
  try: one of no, yes" --$option=maybe
done
refuse 'value of --dry-run "xml": unknown
  asked for at --dry-run (argument 1)
  try: one of text, json, config' --dry-run=xml
unknown "value of --allow" x "one of suid" --allow x
unknown "value of --network" bridge "one of none, host" --network bridge
unknown resource nett "did you mean net?" --share nett
unknown namespace xx "one of pid, uts, net, ipc, user, cgroup, time" --join xx=1
refuse 'no such capability "CHOWM"
  asked for at --cap-add (argument 1)
  try: did you mean CHOWN?' --cap-add CHOWM
refuse 'no such capability "nonsense"
  asked for at --cap-drop (argument 3)
  try: a name of capabilities(7), as NET_BIND_SERVICE, or ALL' --cap-add CHOWN --cap-drop nonsense
long=$(printf '%065d' 0)
refuse "bad host name \"$long\": longer than 64 bytes
  asked for at --hostname (argument 1)" --hostname "$long"

# ---- what does not go together ---------------------------------------------------------------------------------------

refuse 'refusing a writable --rootfs "host:rw"
  asked for at --rootfs (argument 1)
  the host'"'"'s system folders are shown read-only; their files belong to ids that the box has not
  try: --rootfs host with -v PATH:rw for what must be written' --rootfs host:rw
refuse 'refusing to show the whole host by --rootfs "/"
  asked for at --rootfs (argument 1)
  try: --rootfs host, which shows its system folders only' --rootfs /
refuse 'a volume cannot be the root "/": use --rootfs
  asked for at --volume (argument 1)' -v root:/
refuse 'a tmpfs cannot be the root "/": use --rootfs
  asked for at --tmpfs (argument 1)' --tmpfs /
while read -r name why; do
    refuse "a command cannot share \"$name\": $why
  asked for at --share (argument 1)
  try: leave it out" --share "$name"
done <<'END'
files execve(2) gives the program a table of descriptors of its own
fs the kernel refuses it together with a mount namespace, which every box has
sighand execve(2) gives the program a table of handlers of its own
thread execve(2) by a thread ends all other threads, the launcher's among them
parent the launcher could not wait for a box that is its sibling
mnt a box without a mount namespace would change the host's mounts
END
refuse "the kernel refuses: ipc together with sysvsem, because a shared undo list would refer to another namespace's semaphores
  asked for at --share (argument 1)
  try: leave sysvsem out, or share ipc too" --share sysvsem
refuse 'a box in a shared pid namespace cannot be made to die with minibox
  asked for at --share (argument 1)
  without a pid namespace of its own a box may leave processes behind when the launcher dies
  try: add --die-with-launcher no to accept that' --share pid
refuse 'asked for both ways "net": shared and isolated
  asked for at --isolate (argument 3)
  try: leave one of the two out' --share net --isolate net
refuse 'asked for both ways "net": shared and isolated
  asked for at --network (argument 3)
  try: leave one of the two out' --share net --network none
refuse 'asked for both ways "net": joined, and shared or isolated
  asked for at --join (argument 3)
  try: leave one of the two out' --share net --join net=1
refuse 'joined twice "net"
  asked for at --join (argument 3)' --join net=/proc/self/ns/net --join net=/proc/self/ns/net
refuse 'a box cannot join "mnt": --join does not take it
  asked for at --join (argument 1)
  try: minibox run --help' --join mnt=1
refuse 'refusing to set the host name "x": the box shares the host'"'"'s (uts)
  asked for at --hostname (argument 3)' --share uts --hostname x
refuse 'no ids can be mapped: the box has no user namespace of its own (user is shared or joined)
  asked for at --userns (argument 1)' --userns keep-id --share user
refuse 'refusing to map host id 0 in "0:0:1"
  asked for at --userns (argument 1)
  host uid 0 is never mapped into a box: its files and processes would be within reach
  try: use --userns auto, or --share user to have no user namespace at all' --userns 0:0:1
if [ "$mode" = root ]; then
    refuse 'refusing "--userns keep-id": the caller is root
  asked for at --userns (argument 1)
  host uid 0 is never mapped into a box: its files and processes would be within reach
  try: use --userns auto, or --share user to have no user namespace at all' --userns keep-id
    refuse "cannot share \"vfork\": the parent must write the id maps meanwhile
  asked for at --share (argument 1)
  try: leave vfork out" --share vfork
    refuse 'refusing --init no with --die-with-launcher no
  asked for at --init (argument 1)
  init is what keeps the box'"'"'s ids from other boxes once the launcher is gone
  try: leave out --init no, or --die-with-launcher no' --init no --die-with-launcher no
    refuse 'refusing a writable root file system that other users of the host can reach: "root"
  asked for at --rootfs (argument 1)
  the box could leave programs on the host that run as host root for any user
  try: use :ro or :overlay, keep others out of the folder (chmod go-x), or add --allow suid' --rootfs root:rw
else
    refuse 'refusing to share "user": an ordinary user may make other namespaces only inside a user namespace
  asked for at --share (argument 1)
  try: leave out user, or run as root' --share user
fi

for user in 99999999999 -1; do
    refuse "no such user in the box \"$user\": ids are numbers from 0 to 4294967294
  asked for at --user (argument 1)
  names are looked up in the box's /etc/passwd and /etc/group
  try: use a number" --user $user
done

# ---- what is not there -----------------------------------------------------------------------------------------------

refuse 'cannot use as a root file system "none": No such file or directory
  asked for at --rootfs (argument 1)
  try: make it first, or correct the path' --rootfs none
refuse 'cannot use as a root file system "/etc/passwd": Not a directory
  asked for at --rootfs (argument 1)' --rootfs /etc/passwd
refuse 'cannot mount in the root file system on "/proc": No such file or directory
  a mount point is missing, and a read-only root cannot be given one
  try: mkdir -p empty/proc, or --rootfs empty:overlay' --rootfs empty
refuse 'cannot mount in the root file system on "/none": No such file or directory
  asked for at --volume (argument 3)
  a mount point is missing, and a read-only root cannot be given one
  try: mkdir -p root/none, or --rootfs root:overlay' --rootfs root -v folder:/none
ln -s / root/self && ln -s nowhere root/dangling && ln -s loop root/loop && : >root/file
for access in '' :overlay; do # before anything is mounted, whatever can be made in the root
    for option in "--tmpfs /self" "-v folder:/self" "--mask /self"; do
        # shellcheck disable=SC2086 # two words
        refuse "cannot mount on \"/self\": there it leads to the root itself, which --rootfs chooses
  asked for at $(printf %s "${option%% *}" | sed 's/^-v/--volume/') (argument 3)" --rootfs "root$access" $option
    done
    refuse 'cannot mount tmpfs on "/file": Not a directory
  step N of M (mount), asked for at --tmpfs (argument 3)
  a folder can be mounted only on a folder, and there is a file in the box
  try: name another place in the box' --rootfs "root$access" --tmpfs /file
    refuse 'cannot show the host'"'"'s /etc/passwd at "/etc": Invalid argument
  step N of M (bind), asked for at --volume (argument 3)
  a file can be mounted only on a file, and there is a folder in the box
  try: name the file'"'"'s place in it: DST/NAME' --rootfs "root$access" -v /etc/passwd:/etc
done
refuse 'cannot mount in the root file system on "/dangling/x": No such file or directory
  asked for at --volume (argument 3)
  the root file system has a link there or on the way, and nothing where it leads
  try: make what it leads to, or name another place in the box' --rootfs root -v folder:/dangling/x
refuse 'cannot show the host'"'"'s folder at "/dangling": File exists
  step N of M (bind), asked for at --volume (argument 3)
  the root file system has a link there or on the way, and nothing where it leads
  try: make what it leads to, or name another place in the box' --rootfs root:overlay -v folder:/dangling
refuse 'cannot mount in the root file system on "/loop": Too many levels of symbolic links
  asked for at --device (argument 3)
  try: make it first, or correct the path' --rootfs root --device /dev/null:/loop
rm root/self root/dangling root/loop root/file
refuse 'cannot mount in the root file system on "/etc/none": No such file or directory
  asked for at --volume (argument 3)
  a mount point is missing, and a read-only root cannot be given one
  try: touch root/etc/none, or --rootfs root:overlay' --rootfs root -v /etc/passwd:/etc/none
refuse 'cannot show the host'"'"'s /etc/passwd at "/bin": Invalid argument
  step N of M (bind), asked for at --volume (argument 1)
  a file can be mounted only on a file, and there is a folder in the box
  try: name the file'"'"'s place in it: DST/NAME' -v /etc/passwd:/bin
refuse 'cannot show the host'"'"'s folder at "/bin/busybox": Not a directory
  step N of M (bind), asked for at --volume (argument 1)
  a folder can be mounted only on a folder, and there is a file in the box
  try: name another place in the box' -v folder:/bin/busybox
refuse 'cannot show "none": No such file or directory
  asked for at --volume (argument 1)
  try: make it first, or correct the path' -v none:/data
refuse 'cannot put an overlay over "/etc/passwd": Not a directory
  asked for at --volume (argument 1)' -v /etc/passwd:/data:overlay
refuse 'cannot show "/none": No such file or directory
  asked for at --device (argument 1)
  try: make it first, or correct the path' --device /none
refuse 'this is no device node "/etc/passwd": No such device
  asked for at --device (argument 1)' --device /etc/passwd
refuse 'cannot hide "/none": No such file or directory
  step N of M (mask), asked for at --mask (argument 1)
  try: make it first, or correct the path' --mask /none
refuse 'cannot change the working directory to "/none": No such file or directory
  step N of M (workdir), asked for at --workdir (argument 1)
  try: name a folder that exists in the box with --workdir' -w /none
refuse 'cannot change the working directory to "/etc/passwd": Not a directory
  step N of M (workdir), asked for at --workdir (argument 1)
  try: name a folder that exists in the box with --workdir' -w /etc/passwd
refuse 'cannot read "none": No such file or directory
  asked for at --env-file (argument 1)
  try: make it first, or correct the path' --env-file none
printf 'X=\nbad\0' >"$work/nul"
refuse "bad file \"$work/nul\": it has NUL bytes
  asked for at --env-file (argument 1)" --env-file "$work/nul"
printf 'X=\n\n=bad' >"$work/env"
refuse "bad value for --env \"=bad\": must be NAME=VALUE, or NAME to pass on the caller's
  asked for at $work/env:3:1
  try: minibox run --help" --env-file "$work/env"
refuse 'no such user in the box "nobodyy"
  asked for at --user (argument 1)
  names are looked up in the box'"'"'s /etc/passwd and /etc/group
  try: use a number' -u nobodyy
refuse 'no such group in the box "nogrp"
  asked for at --user (argument 1)
  names are looked up in the box'"'"'s /etc/passwd and /etc/group
  try: use a number' -u nobody:nogrp
refuse 'cannot be that user in the box "50:0"
  asked for at --user (argument 3)
  the box'"'"'s user namespace has no such id
  try: choose a mapped id, or map it with --userns' --userns 0:100000:10 -u 50
refuse 'cannot read the seccomp profile "none": No such file or directory
  asked for at --seccomp (argument 1)
  try: make it first, or correct the path' --seccomp none
echo '{' >"$work/profile"
refuse "cannot use the seccomp profile \"$work/profile\": line 2, column 1: unexpected end of data
  asked for at --seccomp (argument 1)" --seccomp "$work/profile"
refuse 'cannot join "/none": No such file or directory
  asked for at --join (argument 1)
  try: make it first, or correct the path' --join net=/none
refuse 'cannot join the namespace "/etc/passwd": Invalid argument
  step N of M (join), asked for at --join (argument 1)' --join net=/etc/passwd
refuse 'the box would get a descriptor that is not open: "3": Bad file descriptor
  try: open it, or redirect it from /dev/null' --preserve-fds 3
exec 3<.
refuse 'refusing to give the box descriptor "3": Is a directory
  a folder'"'"'s descriptor leads out of the box'"'"'s root
  try: redirect it from or to a file' --preserve-fds 1
exec 3<&-
refuse 'cannot make the pid file "none/pid": No such file or directory
  try: make it first, or correct the path' --pid-file none/pid
echo 1 >"$work/pid"
refuse "cannot make the pid file \"$work/pid\": File exists
  try: remove it if no box uses it any more" --pid-file "$work/pid"
is "the other box's pid file is as it was" "$(cat "$work/pid")" 1

# ---- the command -----------------------------------------------------------------------------------------------------

not_found() { # NAME COMMAND OPTIONS...
    name=$1 command=$2
    shift 2
    refused "$name" 127 "minibox: cannot execute \"$command\": No such file or directory
  step N of M (exec)
  it was looked for inside the box, in its PATH
  try: name a program of the root file system, or choose another with --rootfs" "$@" "$command" "$mark"
}
not_executed() { # REASON DETAIL REMEDY COMMAND OPTIONS...
    reason=$1 detail=$2 remedy=$3 command=$4
    shift 4
    refused "$command: $reason" 126 "minibox: cannot execute \"$command\": $reason
  step N of M (exec)
  $detail
  try: $remedy" "$@" "$command" "$mark"
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
permission="what is there in the box is a folder, or not executable for the box's user"
not_executed "Permission denied" "$permission" "chmod +x, remove noexec from its volume, or choose another --user" plain --rootfs root
not_executed "Permission denied" "$permission" "chmod +x, remove noexec from its volume, or choose another --user" /etc
not_executed "Permission denied" "$permission" "chmod +x, remove noexec from its volume, or choose another --user" /data/bin/sh \
    -v root:/data:ro,noexec
not_executed "Exec format error" "the file is no program of this machine and has no #! line" \
    "start it by its interpreter: minibox run ... sh FILE" garbage --rootfs root
not_executed "Exec format error" "the file is no program of this machine and has no #! line" \
    "start it by its interpreter: minibox run ... sh FILE" /bin/short --rootfs root
not_executed "No such file or directory" "the file exists, but the interpreter or dynamic loader that it names does not" \
    "use a root file system that has it, or a static program" lost --rootfs root
not_executed "No such file or directory" "the file exists, but the interpreter or dynamic loader that it names does not" \
    "use a root file system that has it, or a static program" /data/ls -v /bin:/data
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
    echo $? >>"$work/err"
)
like "too many words for the box's stack" "$(cat "$work/err")" "minibox: cannot execute*: Argument list too long
  step * of * (*)
  the kernel limits one argument to 128 KiB and all to a quarter of the stack limit
  try: pass the data by a file or by standard input
126"
set --

# ---- what the host refuses -------------------------------------------------------------------------------------------

# on_host NAME STATUS MESSAGE PROGRAM...: as refused, but the program calls minibox. "$0" is what stands for the mark.
on_host() {
    name=$1 want_status=$2 want=$3
    shift 3
    timeout --foreground 30 "$@" >"$work/out" 2>"$work/err"
    status=$?
    err=$(sed 's/step [0-9]* of [0-9]* (/step N of M (/' "$work/err")
    left=$(leftovers)
    [ "$status" -eq "$want_status" ] && [ "$err" = "$want" ] && [ ! -s "$work/out" ] && [ -z "$left" ]
    point $? "$name" "saw:    $err
wanted: $want
status: $status, wanted $want_status
output: $(cat "$work/out")
left:   $left"
}
# An ordinary user changes the host's mounts in a user namespace, where it is root.
own=$(by_mode "unshare -m" "unshare -Urm")
changed() { # NAME MESSAGE CHANGE OPTIONS...: what minibox says where the mounts were changed
    name=$1 want=$2 change=$3
    shift 3
    on_host "$name" 125 "minibox: $want" $own sh -c "mark=\$1; shift; $change && exec minibox run \"\$@\" true \"\$mark\"" sh "$mark" "$@"
}

if $own true 2>/dev/null; then
    dynamic=$(readlink -f /bin/ls)
    changed "a dynamic busybox" 'cannot use "/bin/busybox": Exec format error
  a dynamically linked busybox cannot run alone in a root file system
  try: install busybox-static, or choose --rootfs host or --rootfs DIR' "mount --bind $dynamic /bin/busybox"
    changed "a busybox that is no program" 'cannot use "/bin/busybox": Exec format error
  the busybox root file system needs a static busybox on the host
  try: install busybox-static, or choose --rootfs host or --rootfs DIR' 'mount --bind /etc/passwd /bin/busybox'
    changed "a masked /proc, as in a container" 'cannot mount proc on "/proc": Operation not permitted
  step N of M (mount)
  the kernel allows a new /proc only where the present one is fully visible; in a container parts of it are masked
  try: start the outer container with --security-opt unmask=ALL, or use --share pid --die-with-launcher no' \
        'mount --bind /dev/null /proc/uptime'
else
    skip "a host with other mounts and limits" "unshare(1) may not"
fi

# What cannot be the lower layer of an overlay here; as root without a user namespace, since idmapped mounts come before.
# shellcheck disable=SC2046 # split into words
refuse 'cannot mount overlay on "/data": Invalid argument
  step N of M (overlay), asked for at --volume (argument '$(by_mode 3 1)')
  overlay mounts in a user namespace need Linux 5.11 and a lower layer that is no overlay of a container
  try: use :ro, or :rw on a copy' $(by_mode "--share user" "") -v /proc:/data:overlay

# In a box without busybox there is none to be found. And the default filter refuses user namespaces, and some calls as a kernel does that has not got them.
cp "$(command -v minibox)" folder/minibox
if minibox run --rootfs folder:overlay /minibox --version >/dev/null 2>&1; then
    on_host "no busybox on the host" 125 'minibox: cannot find a busybox for "--rootfs busybox": No such file or directory
  the busybox root file system needs a static busybox on the host
  try: install busybox-static, or choose --rootfs host or --rootfs DIR' \
        minibox run --rootfs folder:overlay -u 7 /minibox run true "$mark"
else
    skip "no busybox on the host" "minibox is not a static program"
fi
if minibox run --rootfs host -v folder:/srv /srv/minibox --version >/dev/null 2>&1; then
    on_host "a host that refuses user namespaces" 125 "minibox: cannot clone into new namespaces: Operation not permitted
  step N of M (clone)
  a seccomp filter, as containers have, may refuse it
  try: start the outer container with --security-opt seccomp=unconfined, or run minibox outside of it" \
        minibox run --rootfs host -u 7 -v folder:/srv /srv/minibox run true "$mark"
    echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22}]}' \
        >"$work/profile"
    on_host "a kernel without a kind of namespace" 125 "minibox: cannot make further namespaces: Invalid argument
  step N of M (unshare)
  this kernel lacks one of these kinds of namespace: see /proc/self/ns
  try: share what it lacks by name: --share time" \
        minibox run --rootfs host -u 7 --seccomp "$work/profile" -v folder:/srv /srv/minibox run true "$mark"
    on_host "a kernel without openat2" 125 "minibox: cannot read in the root file system \"etc/passwd\": Function not implemented
  this kernel lacks a system call that the launch needs
  try: use Linux 5.12 or newer" \
        minibox run --rootfs host -u 7 -v folder:/srv /srv/minibox run --rootfs /usr true "$mark"
else
    skip "a box in a box" "minibox needs its sanitizers' libraries"
fi
rm folder/minibox

if [ "$mode" = root ]; then
    refuse 'cannot show the host'"'"'s /sys/kernel at "/data": Invalid argument
  step N of M (bind), asked for at --volume (argument 1)
  this file system has no idmapped mounts, so files written there would belong to ids that mean nothing on the host
  try: use :ro, another file system, or --share user' -v /sys/kernel:/data:rw
    if command -v python3 >/dev/null; then
        cat >"$work/lock.py" <<'END'
import fcntl, os, struct, subprocess, sys
os.mkdir("/run/minibox", 0o700)
fd = os.open("/run/minibox/ids", os.O_RDWR | os.O_CREAT, 0o600)
F_OFD_SETLK = 37
fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
sys.exit(subprocess.call(sys.argv[1:]))
END
        on_host "no range of ids is free" 125 "minibox: cannot find a free range of ids: Resource temporarily unavailable
  every range of 65,536 ids is in use by another box, a user or /etc/subuid
  try: end other boxes, or name a range with --userns" \
            unshare -m sh -c 'mount -t tmpfs none /run && exec python3 "$@"' sh "$work/lock.py" minibox run true "$mark"
    else
        skip "no range of ids is free" "no python3"
    fi
    on_host "root without its capabilities" 125 "minibox: cannot make a box as this root: Operation not permitted
  root without its capabilities can map only its own id, which is host uid 0
  try: run as an ordinary user, or give root CAP_SYS_ADMIN, SETUID, SETGID, SETPCAP and KILL" \
        setpriv --bounding-set -sys_admin minibox run true "$mark"
    if unshare -pf --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec' 2>/dev/null; then
        on_host "no executable memory files" 125 "minibox: cannot execute init: Permission denied
  step N of M (init), asked for at --init (argument 1)
  the host forbids executable memory files (sysctl vm.memfd_noexec=2)
  try: sysctl vm.memfd_noexec=1" \
            unshare -pf --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec; minibox run --init yes true "$0"' "$mark"
    else
        skip "no executable memory files" "the kernel has no vm.memfd_noexec for a pid namespace"
    fi
    # Of a user of its own: the other tests of mbtest go on meanwhile.
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
        on_host "no kernel keys are left" 125 "minibox: cannot join a session keyring of its own: Disk quota exceeded
  step N of M (keyring)
  the user's quota of kernel keys is used up
  try: raise /proc/sys/kernel/keys/maxkeys, or wait until other boxes have ended" \
            setpriv --reuid 64321 --regid 64321 --clear-groups python3 "$work/keys.py" minibox run true "$mark"
    else
        skip "no kernel keys are left" "no python3, another machine, or too many to use up"
    fi
else
    refuse 'cannot show "/root/none": Permission denied
  asked for at --volume (argument 1)
  inside the box'"'"'s user namespace the path cannot be reached
  try: check the permissions of the path and of the folders above it' -v /root/none:/data
    # /proc/self is another folder for each process that asks.
    refuse 'cannot show the host'"'"'s /proc/self at "/data": Stale file handle
  step N of M (bind), asked for at --volume (argument 1)
  between planning and mounting, something else took the place of this path
  try: launch again when nothing moves the path' -v /proc/self:/data
    on_host "no user namespaces are left" 125 "minibox: cannot clone into new namespaces: No space left on device
  step N of M (clone)
  the host's limit on user namespaces is zero
  try: sysctl user.max_user_namespaces=15000" \
        unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec minibox run true "$0"' "$mark"
    on_host "no network namespaces are left" 125 "minibox: cannot make further namespaces: No space left on device
  step N of M (unshare)
  the host's limit on namespaces is used up or zero
  try: raise the limits in /proc/sys/user (max_user_namespaces, max_net_namespaces ...)" \
        unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec minibox run true "$0"' "$mark"
    # shellcheck disable=SC3045
    on_host "a limit above the hard one" 125 "minibox: cannot raise the limit \"nofile\": Operation not permitted
  step N of M (raise), asked for at --ulimit (argument 1)
  to raise a hard limit minibox needs the capability SYS_RESOURCE on the host
  try: ask for no more than what \`prlimit\` prints as HARD" \
        sh -c 'ulimit -n 100; exec minibox run --ulimit nofile=101 true "$0"' "$mark"
    on_host "no newuidmap" 125 "minibox: cannot run \"newuidmap\": No such file or directory
  asked for at --userns (argument 1)
  only the set-uid helpers newuidmap and newgidmap may map more than one's own id
  try: install uidmap, or use --userns auto" \
        env PATH=/none "$(command -v minibox)" run --userns 0:100000:10 true "$mark"
    if command -v newuidmap >/dev/null; then
        refuse 'cannot write the id maps: newuidmap: uid range [0-10) -> [1-11) not allowed
  step N of M (id-maps), asked for at --userns (argument 1)
  try: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER' --userns 0:1:10
    else
        skip "ids that are not subordinate ones" "no newuidmap"
    fi
fi

is "nothing is left in the folder" "$(find . | sort)" "$before"
is "nothing is mounted" "$(grep -e ' /run/minibox' -e "$work" /proc/self/mountinfo)" ""

finish
