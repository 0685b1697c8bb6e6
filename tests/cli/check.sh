#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# minibox check: what the host offers is found by trying, and a refusal is explained; a launch is tried but for its execve.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "needs python3"

line_of() { # NAME FILE: the line of a check, with what is wrapped below it
    awk -v name="$1" '/^(yes|no )/ { found = substr($0, 6, 26) ~ "^" name " *$" } found { sub(/^ +/, ""); printf "%s ", $0 }' "$2"
}

# ---- this host -----------------------------------------------------------------------------------------------------

minibox check >text
is "a box can be made here" $? 0
is "nothing is wider than 80 columns" "$(awk 'length > 80' text)" ""
for name in kernel "system calls" "namespace user" "namespace time" "mounts in a user namespace" "new /proc" "seccomp filters" \
    "program busybox" "box of busybox" "box of host"; do
    like "$name" "$(line_of "$name" text)" "yes *"
done
setarch --uname-2.6 minibox check >old 2>/dev/null
like "an old kernel" "$(line_of kernel old)" "no *needed for every box*try: use Linux 5.12 or newer*"
like "the kernel is named" "$(line_of kernel text)" "*$(uname -r)*"
if [ "$mode" = root ]; then
    like "idmapped mounts were tried" "$(line_of "idmapped mounts" text)" "yes *"
else
    like "idmapped mounts are root's" "$(line_of "idmapped mounts" text)" "no *only root*"
    like "the user's subordinate ids are found" "$(line_of "subordinate ids" text)" "yes *"
fi
minibox check --json >json
is "JSON: exit status, and the same as the text" "$? $(python3 -c '
import json
text = [(line[5:32].strip(), line[:3].strip() == "yes") for line in open("text") if line[:3] in ("yes", "no ")]
print([(entry["name"], entry["works"]) for entry in json.load(open("json"))] == text, len(text) > 20)')" "0 True True"
is "what does not work has something to do" "$(python3 -c '
import json
print([entry["name"] for entry in json.load(open("json")) if not entry["works"] and not entry["try"]])')" "[]"

# ---- hosts that refuse ---------------------------------------------------------------------------------------------

# The limit of a user namespace counts for what is made below it: a host whose limit is zero. Root asks as somebody else.
as=
[ "$mode" = user ] || as="setpriv --reuid 60000 --regid 60000 --clear-groups"
# shellcheck disable=SC2086 # a list of words
if $as unshare -Ur true 2>/dev/null; then
    $as unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec minibox check' >text
    is "without user namespaces: exit status" $? 1
    like "without user namespaces: the reason" "$(line_of "namespace user" text)" "no *limit on user namespaces is zero*try: sysctl user.max_user_namespaces=*"
    like "without user namespaces: no box" "$(line_of "box of host" text)" "no *cannot clone*try: sysctl user.max_user_namespaces=*"
    $as unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec minibox run --rootfs host true' 2>err
    like "the launch says the same" "$? $(cat err)" "125 *limit on user namespaces is zero*try: sysctl user.max_user_namespaces=*"
    $as unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec minibox check' >text
    like "without network namespaces" "$? $(line_of "namespace net" text)" "1 no *"
else
    skip "a host whose limits are zero" "no user namespaces here"
fi
if command -v strace >/dev/null; then
    strace -f -o /dev/null -e trace=unshare -e inject=unshare:error=EINVAL "$work/minibox" check >text
    like "a kernel without time namespaces" "$? $(line_of "namespace time" text)" "1 no *Invalid argument*"
    strace -f -o /dev/null -e trace=mount_setattr -e inject=mount_setattr:error=ENOSYS "$work/minibox" check >text
    like "a kernel without a system call" "$? $(line_of "system calls" text)" "1 no *not there: mount_setattr*"
    strace -f -o /dev/null -e trace=mount -e inject=mount:error=EPERM "$work/minibox" check >text
    like "a host that refuses mounts" "$(line_of overlay text)$(line_of "new /proc" text)" "no *Operation not permitted*no *Operation not permitted*unmask*"
else
    skip "kernels that lack something" "no strace"
fi
minibox run --rootfs host -v "$work/minibox:/run/minibox" /run/minibox check >text
is "in a box nothing can be made" $? 1
like "and a filter is seen to be the reason" "$(line_of "namespace user" text)" "no *seccomp filter*"

# ---- one launch ----------------------------------------------------------------------------------------------------

minibox check -- run -v "$PWD:/w:rw" sh -c 'echo ran >/w/ran' >text
is "a launch that would work" "$? $(cat text)" "0 yes  this launch                the command could be started"
is "its command is not executed" "$(ls ran 2>/dev/null)" ""
is "nor without a filter and init" "$(minibox check -- run --seccomp off --init no echo hello 2>&1)" "$(cat text)"
is "the word run can be left out" "$(minibox check -- --rootfs host true)" "$(cat text)"
minibox check -- run --rootfs host no-such-command >text
like "a command that is not there" "$? $(line_of "this launch" text)" "1 no *cannot execute no-such-command: No such file or directory*try: *"
minibox check -- run /etc/passwd >text
like "a command that cannot be executed" "$? $(line_of "this launch" text)" "1 no *cannot execute /etc/passwd: Permission denied*"
minibox check --json -- run -v /nonexistent:/x true >json
is "as JSON" "$? $(python3 -c '
import json
entry, = json.load(open("json"))
print(entry["name"], entry["works"], "/nonexistent" in entry["detail"], entry["try"] != "")')" "1 this launch False True True"
is "bytes that are no text are no trouble" "$(minibox check --json -- run -v "/no$(printf '\377')pe:/x" true | python3 -c 'import json, sys; print("pe" in json.load(sys.stdin)[0]["detail"])')" True
minibox check -- run --hostnam x true 2>err
like "bad options are an error of their own" "$? $(cat err)" "125 minibox: unknown option*did you mean --hostname?*"
minibox check -- run >text
like "no command" "$? $(line_of "this launch" text)" "1 no *no command given*"
minibox check now 2>err
like "a word too many" "$? $(cat err)" "125 minibox: unknown word \"now\"*try: minibox check --help"
# A launch is tried, and what minibox would write is only looked at.
echo kept >kept
for option in --stdout --stderr; do
    is "check $option: a file that is there" "$(minibox check -- run $option kept true >text; echo $?) $(cat kept)" "0 kept"
    is "check $option: one that is not" "$(minibox check -- run $option new true >text; echo $?) $(ls new 2>&1 | grep -c No)" "0 1"
    is "check $option: nowhere" "$(minibox check -- run $option /none/new true >text; echo $?) $(grep -c 'cannot open' text)" "1 1"
    is "check $option: a directory" "$(minibox check -- run $option . true >text; echo $?) $(grep -c 'Is a directory' text)" "1 1"
done
for words in "--report kept" "--report new" "--pid-file new" "--seccomp learn=kept"; do
    # shellcheck disable=SC2086 # two words
    is "check $words" "$(minibox check -- run $words true >text; echo $?) $(cat kept) $(ls new 2>&1 | grep -c No)" "0 kept 1"
done
for words in "--report /none/x" "--pid-file /none/x" "--pid-file kept" "--seccomp learn=/none/x"; do
    # shellcheck disable=SC2086 # two words
    is "check $words: it would fail" "$(minibox check -- run $words true >text; echo $?) $(minibox run $words true 2>/dev/null; echo $?)" "1 125"
done
# It goes the way of run: each of these is started by both, or by neither.
mkdir box
printf 'echo no first line\n' >box/text
printf '#!/bin/sh\nexit 0\n' >box/script
printf '#!/no/such/interpreter\n' >box/lost
printf '#!/w/lost\n' >box/lost-twice
: >box/empty
printf '\177ELF and nothing else' >box/broken
printf '#!/bin/sh\n' >box/closed
cp /bin/busybox box/true
chmod 755 box/*
chmod 644 box/closed
python3 - "$work/configs/seccomp/default.json" <<'END' || exit
import json, sys
profile = json.load(open(sys.argv[1]))
for rule in profile["syscalls"]:
    rule["names"] = [name for name in rule["names"] if name != "ptrace"]
profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"]]
json.dump(profile, open("untraced", "w"))
for rule in profile["syscalls"]:
    rule["names"] = [name for name in rule["names"] if name != "execve"]
json.dump(profile, open("unexecuted", "w"))
END
agree() { # WORDS...: and what both say
    minibox check -- run "$@" >text 2>&1
    checked=$?
    timeout 20 minibox run "$@" >/dev/null 2>&1
    case $? in 125 | 126 | 127) ran=1 ;; *) ran=0 ;; esac
    is "check and run of $*" "$checked, $(grep -cE '^(yes|no) ' text) line" "$ran, 1 line"
}
for command in "true" "/bin" "/w/text" "/w/script" "/w/empty" "/w/closed" "text" "script" "/w/true" "/dev/null" /w/lost /w/lost-twice /w/broken; do
    agree -v "$PWD/box:/w" -e PATH=/w:/bin $command
done
for way in "--seccomp off" "--seccomp untraced" "--init no" "--ulimit nproc=1" "--report new --verbose" "--seccomp learn=new"; do
    for command in "/w/script" "/w/text"; do
        # shellcheck disable=SC2086 # a list of words
        agree $way -v "$PWD/box:/w" -e PATH=/w:/bin $command
    done
done
for words in "--output-limit 1k true" "-t true" "-t /bin" "--seccomp unexecuted true" "--output-limit 1k --stdout new true" "-t --stdin kept true" \
    "--tty=yes --output-limit 5 true" "-v $PWD/box:/w:ro,noexec /w/script" "--timeout 1m true" "--preserve-fds 1 true" "--user 5000000 true"; do
    # shellcheck disable=SC2086
    agree $words
done
rm -f new
minibox check -- run --report new --pid-file new2 --stdout new3 --output-limit 1k --seccomp learn=new4 true >text
is "nothing was written" "$? $(ls new new2 new3 new4 2>/dev/null)" "0 "
minibox check -- run -v "$PWD/box:/w:rw" sh -c 'echo >/w/ran' >text
is "not one command of it" "$? $(ls box/ran 2>/dev/null)" "0 "
mkfifo silent
sleep 100 >silent &
timeout -k 1 20 minibox check -- run --timeout 300ms --seccomp silent true >text 2>&1
like "a time limit while it is planned" "$? $(cat text)" "1 *the time limit was reached*"
kill $!
minibox check run true 2>err
like "the dashes are missing" "$? $(cat err)" '125 minibox: unknown word "run"*try: minibox check -- run ...'
minibox check --jsn 2>err
like "an unknown option" "$? $(cat err)" "125 minibox: unknown option \"--jsn\"*did you mean --json?"
like "--help" "$(minibox check --help)" "Usage: minibox check*"
for word in run flags check seccomp; do
    is "help $word" "$(minibox help $word)" "$(minibox $word --help)"
done
finish
