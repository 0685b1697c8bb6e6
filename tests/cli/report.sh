#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What minibox says and does not do: --dry-run, --verbose, --help, --version. And that each option has a test.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

# ---- dry run ---------------------------------------------------------------------------------------------------------

make_rootfs root
chmod 700 root # a writable one must be out of other users' reach
run_minibox --dry-run true
is "dry-run: succeeds" "$status $err" "0 "
cp "$work/out" plan
run_minibox --dry-run=text true
is "dry-run=text is the same" "$out" "$(cat plan)"
steps=$(grep -c '^ *[0-9]*  \(parent\|builder\|command\)  ' plan)
is "dry-run: steps are numbered" "$(sed -n 's/^ *\([0-9]*\)  \(parent\|builder\|command\)  .*/\1/p' plan)" "$(seq "$steps")"
like "dry-run: the last step executes the command" "$(grep "^ *$steps " plan)" " *$steps  command  exec  *true"
like "dry-run: says which option asked for a step" "$(minibox run --dry-run --hostname h true | grep hostname)" \
    "*hostname *h *--hostname (argument 2)*"
# The same numbers as in errors.
run_minibox -w /none true
step=$(printf '%s\n' "$err" | sed -n 's/^  step \([0-9]*\) of \([0-9]*\) (\([a-z]*\)).*/\1 \2 \3/p')
run_minibox --dry-run -w /none true
is "dry-run: steps have the numbers of error messages" "$(printf '%s\n' "$out" | awk '/^ *[0-9]+  [a-z]+  / { n = $1; if ($3 == "workdir") at = n }
    END { print at, n, "workdir" }')" "$step"
if [ "$mode" = user ]; then
    like "dry-run: lists the groups that cannot be dropped" "$(cat plan)" "*supplementary groups kept: *"
else
    like "dry-run: groups are dropped" "$(cat plan)" "*no supplementary groups*"
fi
like "dry-run: protections are on" "$(cat plan)" "*no-new-privs*filter*exec*"
like "dry-run: --seccomp off is seen" "$(minibox run --dry-run --seccomp off --allow suid true | grep -c '  filter  ')" 0
run_minibox --dry-run -v none:/data true
is "dry-run: refuses what cannot be planned" "$status $out" "125 "

# Nothing is touched: no process, no file, no mount; not even a lock.
files() { find "$work" -path "$work/trace*" -prune -o -type f ! -path "$work/out" ! -path "$work/err" -exec cksum {} + | sort; }
before=$(files)
run_minibox --dry-run --pid-file pid --rootfs root:rw -v .:/tmp/x:overlay --tmpfs /tmp/t touch /data/x
is "dry-run: touches no file" "$(files)" "$before"
calls='%process,mount,umount2,fsopen,open_tree,move_mount,mount_setattr,unshare,setns,pivot_root,mkdir,mkdirat,unlink,unlinkat,rename'
calls="$calls,renameat2,symlinkat,memfd_create,kill,sethostname,setresuid,setgroups,prlimit64,setrlimit,keyctl,openat,open,creat"
# LeakSanitizer does not work under a tracer; it makes a thread, too.
if command -v strace >/dev/null && ! grep -qa __asan_init "$work/minibox"; then
    for how in text json; do
        strace -f -o "$work/trace" -e trace="$calls" minibox run --dry-run=$how --pid-file pid --rootfs root:rw -v .:/tmp/x:rw true \
            >"$work/out" 2>&1
        is "dry-run=$how: no call that changes anything" "$(grep -v -e 'execve("' -e exit_group -e 'exited with 0' -e 'prlimit64([^{]*NULL' \
            -e 'KEYCTL_GET_KEYRING_ID' -e 'O_RDONLY' -e 'O_PATH' -e 'prlimit64(0, [A-Z_]*, NULL' "$work/trace")" ""
    done
else
    skip "dry-run: no call that changes anything" "no strace, or sanitized"
fi

# ---- for machines ----------------------------------------------------------------------------------------------------

if command -v python3 >/dev/null; then
    json() { # NAME WANT PROGRAM ARGS...: what python makes of the document, in `plan`
        name=$1 want=$2 program=$3
        shift 3
        run_minibox --dry-run=json "$@"
        is "$name" "$status $err$(python3 -c "import json, sys
plan = json.load(open(sys.argv[1], encoding='utf-8'))
print($program)" "$work/out" 2>&1)" "0 $want"
    }
    run_minibox --dry-run=json true
    python3 -m json.tool "$work/out" "$work/tool"
    ok "json: parses" [ -s "$work/tool" ]
    json "json: the steps of the text" "$steps $(seq -s ' ' "$steps")" \
        "len(plan['steps']), *[s['step'] for s in plan['steps']]" true
    json "json: the command" True 'plan["command"] == ["echo", "a b", chr(34) + chr(92) + chr(10) + "."]' echo 'a b' '"\
.'
    json "json: the environment" "True" "'X=y z' in plan['environment']" -e 'X=y z' true
    json "json: ids" "5 6" "plan['uid'], plan['gid']" -u 5:6 true
    json "json: each step has its words" True \
        "all(s['kind'] and s['side'] in ('parent', 'builder', 'command') and 'text' in s and 'origin' in s for s in plan['steps'])" true
    json "json: a source and its target" "['/usr', '/data']" \
        "next([s['source'], s['target']] for s in plan['steps'] if s['kind'] == 'bind' and s['target'] == '/data')" -v /usr:/data true
    json "json: any bytes in words" 2 "len(plan['command'])" echo "$(printf 'a\377\001\033b')"
    json "json: any bytes in paths" True "len(plan['steps']) > 9" -w "$(printf '/a\377')" true
    mkdir "$(printf 'b\377')"
    json "json: any bytes in volumes" True "len(plan['steps']) > 9" -v "$(printf 'b\377'):/data" true
else
    skip "json" "no python3"
fi

# ---- a plan drives no terminal ---------------------------------------------------------------------------------------

run_minibox --dry-run -w "$(printf '/a\033[2J')" true
is "dry-run: control characters are not printed raw" "$(tr -d '\n' <"$work/out" | grep -c "$(printf '\033')")" 0

# ---- verbose ---------------------------------------------------------------------------------------------------------

run_minibox --verbose sh -c 'echo out; exit 3'
is "verbose: the command's own output and exit status" "$status $out" "3 out"
like "verbose: the plan" "$err" " *1  *exec *sh*"
like "verbose: how long it took, and process 1" "$err" "*
minibox: executed the command after *.* ms; process 1 of the box is [0-9]*"
like "verbose: how it ended" "$err" "*
minibox: the command exited with 3
minibox: it ran for *.* ms"
run_minibox --verbose=yes sh -c 'kill -9 $$'
like "verbose=yes: the signal" "$err" "*
minibox: the command died of signal 9 (Killed)
*"
in_box "verbose=no" out --verbose=no echo out
in_box "without --verbose" out echo out

# ---- help and version ------------------------------------------------------------------------------------------------

for words in --help -h help; do
    minibox $words >"$work/out" 2>"$work/err"
    is "minibox $words" "$? $(head -n 1 "$work/out")$(cat "$work/err")" "0 minibox starts a command in a private view of the system."
done
for words in --version -V version; do
    minibox $words >"$work/out" 2>"$work/err"
    like "minibox $words" "$? $(cat "$work/out" "$work/err")" "0 minibox [0-9]*.[0-9]*.[0-9]*"
done
run_minibox --help
is "run --help" "$status $(printf '%s\n' "$out" | head -n 1)$err" "0 Usage: minibox run [OPTION...] [--] COMMAND [ARGUMENT...]"
cp "$work/out" help
is "run --help: 80 columns" "$(awk 'length > 80' help)" ""
run_minibox -h
is "run -h" "$status $out" "0 $(cat help)"
run_minibox --help true
is "run --help COMMAND: nothing is run" "$status $out" "0 $(cat help)"
minibox run --help >/dev/full 2>"$work/err"
is "output that cannot be written" "$? $(cat "$work/err")" "125 minibox: cannot write to standard output: No space left on device"

# ---- the words behind a subcommand -----------------------------------------------------------------------------------

commands=$(minibox --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
ok "there are commands" [ "$(echo "$commands" | wc -l)" -ge 7 ]
for command in $commands; do
    minibox "$command" --help >"$work/out" 2>"$work/err"
    like "$command --help" "$? $(head -n 1 "$work/out")$(cat "$work/err")" "0 Usage: minibox $command*"
    is "$command --help: 80 columns" "$(awk 'length > 80' "$work/out")" ""
    is "help $command: the same" "$(minibox help "$command" 2>&1; echo $?)" "$(cat "$work/out"; echo 0)"
    [ "$command" = run ] && continue
    # Each option that help lists is one; what is nearly one is refused, and told which was meant.
    sed -n 's/^  \(--[a-z]*\)  .*/\1/p' "$work/out" >options
    ok "$command: has --help among its options" grep -qx -e --help options
    while read -r option; do
        is "$command $option --help" "$(minibox "$command" "$option" --help 2>&1)" "$(cat "$work/out")"
        minibox "$command" "${option}x" >out 2>err
        like "$command ${option}x" "$? $(cat out err)" "125 minibox: unknown option *${option}x (argument 1)*did you mean $option[?]"
    done <options
    minibox "$command" --nonsense >out 2>err
    like "$command --nonsense" "$? $(cat out err)" "125 minibox: unknown option *try: one of *--help"
done
# said NAME STATUS-AND-ERROR WORDS...: what minibox says of the words, and nothing on standard output.
said() {
    name=$1 want=$2
    shift 2
    minibox "$@" >out 2>err
    like "$name" "$? $(cat out err)" "$want"
}
said "help of what is no command" '125 minibox: unknown command "nonsense"*(argument 1)*one of run, flags, *' help nonsense
said "help of what is nearly one" '125 minibox: unknown command "cehck"*did you mean check[?]' help cehck
said "help of two" '125 minibox: unknown word "flags"*(argument 2)*minibox help --help' help run flags
said "--help and a word" '125 minibox: unknown command "sh"*' --help sh
said "version and a word" '125 minibox: unknown word "extra"*(argument 1)*minibox version --help' version extra
said "a shell that is none, and a word" '125 minibox: unknown shell "nonsense"*one of bash, zsh, fish' completion nonsense extra
said "a shell and a word" '125 minibox: unknown word "extra"*(argument 2)*' completion zsh extra
said "no shell" '125 minibox: no shell given*' completion
said "behind -- a word is no option" '125 minibox: unknown resource "--json"*(argument 2)*' flags -- --json
is "an option behind a word" "$(minibox flags net --json)" "$(minibox flags --json net)"
said "no words" '125 minibox: no command given*'
said "a command with a slip" '125 minibox: unknown command "rum"*did you mean run[?]' rum sh
said "an option with a slip" '125 minibox: unknown command "--verison"*did you mean --version[?]' --verison
said "a program" '125 minibox: unknown command "make"*one of run, flags, *version' make
# What other programs have a command for: there is an answer, and it does not call minibox with that word.
for word in exec ps pull build images logs stop; do
    said "$word" "125 minibox: unknown command \"$word\"
  [a-z]*
  try: *" "$word" b sh
    is "$word: no such box is promised" "$(grep -c -e "minibox run $word" -e 'one of' err)" 0
done
rm options out err

# ---- each option has a test ------------------------------------------------------------------------------------------

options=$(sed -n 's/^  \(-.,\|   \) --\([a-z-]*\).*/\2/p' help)
ok "run --help names options" [ "$(echo "$options" | wc -l)" -ge 25 ]
for option in $options; do
    # Used as a word before a command somewhere; comments, and the refusals of errors.sh, do not count.
    cat "$scripts"/[!e]*.sh | grep -v '^ *#' | grep -q -e "--$option\([= ]\|\$\)"
    point $? "--$option has a test" "no script of tests/cli uses it"
done

finish
