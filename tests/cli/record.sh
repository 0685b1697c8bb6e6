#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a grader needs: files for the three streams, a limit on output, a record of the run.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "needs python3"

# ---- streams -------------------------------------------------------------------------------------------------------

echo input >in
echo old >out
is "three files" "$(minibox run --stdin in --stdout out --stderr err sh -c 'cat; echo error >&2') $(cat out) $(cat err)" " input error"
is "one file for two, in turn" "$(minibox run --stdout both --stderr both sh -c 'echo 1; echo 2 >&2; echo 3') $(tr '\n' ' ' <both)" " 1 2 3 "
is "made with the caller's umask" "$(umask 027 && minibox run --stdout made true && stat -c %a made)" 640
is "one of them" "$(echo piped | minibox run --stdout out cat) $(cat out)" " piped"
is "they are the box's only descriptors" "$(minibox run --stdin in --stdout out --stderr err --rootfs host ls /proc/self/fd && tr '\n' ' ' <out)" "0 1 2 3 "
like "they are in the plan" "$(minibox run --dry-run --stdin in --stdout out true)" "*stream *standard input: in *stdin (argument 2)*stream *standard output: out *"
echo kept >out
minibox run --dry-run --stdout out true >/dev/null
is "a dry run empties nothing" "$(cat out)" kept
for words in "--stdin no-such-file" "--stdout /no-such-directory/file" "--stderr /" "--stdin ."; do
    # shellcheck disable=SC2086 # two words
    minibox run $words true >seen 2>&1
    like "$words" "$? $(cat seen)" "125 minibox: cannot open \"${words#* }\": *asked for at ${words% *} (argument 1)*"
done
minibox run --tty=yes --stdout out true 2>seen
like "a terminal and a file" "$? $(cat seen)" '125 minibox: asked for both a terminal and a file for "stdout"*'

# ---- a limit on output ---------------------------------------------------------------------------------------------

minibox run --output-limit 10 sh -c 'while :; do echo 12345; done' >out 2>err
is "output that does not end" "$? $(cat out)" "153 12345
1234"
like "is explained" "$(cat err)" "minibox: the output limit was reached: the box was killed*"
minibox run --output-limit 6 sh -c 'echo 12345; exit 7' >out 2>err
is "as much as is allowed" "$? $(cat out) $(cat err)" "7 12345 "
minibox run --output-limit 6 sh -c 'echo 123; echo 45678 >&2; sleep 10' >out 2>err
is "output and error count together" "$? $(cat out) $(head -c 2 err)" "153 123 45"
minibox run --output-limit 100 --stdout a --stderr b sh -c 'echo a; echo b >&2'
is "into files" "$? $(cat a b | tr '\n' ' ')" "0 a b "
is "much of it arrives whole" "$(minibox run --output-limit 30m sh -c 'yes 123456789 | head -c 20000000' | md5sum)" "$(yes 123456789 | head -c 20000000 | md5sum)"
(timeout 60 minibox run --output-limit 1g --timeout 300ms yes 2>err; echo $? >status) | sleep 3
is "a reader that takes nothing does not hold up the time limit" "$(cat status)" 124
minibox run --output-limit 100m --stdout out sh -c 'yes 1>&2; echo survived' 2>&1 >/dev/null | true
is "a reader that has gone ends who writes, and not the command" "$(cat out)" survived
minibox run --tty=yes --output-limit 10 true 2>seen
like "a terminal has none" "$? $(cat seen)" "125 minibox: no output limit for a terminal*"
for size in 0 -1 10x ''; do
    minibox run --output-limit "$size" true 2>seen
    like "--output-limit '$size'" "$? $(cat seen)" "125 minibox: bad value for --output-limit*"
done

# ---- the record ----------------------------------------------------------------------------------------------------

# Of the record: the expression in Python, with the record as r.
of_record() { python3 -c "import json; r = json.load(open('record')); print($1)"; }

minibox run --report record sh -c 'exit 7'
is "an exit code" "$? $(of_record '[r[k] for k in ("status", "exit_code", "signal", "timed_out", "output_limit_reached", "out_of_memory")]')" \
    "7 [7, 7, None, False, False, False]"
minibox run --report record sh -c 'kill -TERM $$'
is "a signal" "$? $(of_record 'r["status"], r["exit_code"], r["signal"]')" "143 143 None 15"
minibox run --report record --timeout 1s sleep 30 2>/dev/null
is "the time limit" "$? $(of_record 'r["status"], r["timed_out"], 0.3 < r["wall_seconds"] < '$((30 * slow)))" "124 124 True True"
minibox run --report record --output-limit 5 yes >/dev/null 2>&1
is "the output limit" "$? $(of_record 'r["status"], r["output_limit_reached"]')" "153 153 True"
minibox run --report record sh -c "sleep $(awk "BEGIN { print 1.5 * $slow }")"
is "time that passes is not used" "$(of_record "0.5 <= r['wall_seconds'] < $((30 * slow)), r['user_seconds'] + r['system_seconds'] < 0.3 * $slow")" "True True"
minibox run --report record sh -c '(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done)'
is "time that a child's child used" "$(of_record '0.1 < r["user_seconds"] + r["system_seconds"] < r["wall_seconds"] + 0.1')" True
minibox run --report record sh -c 'head -c 60000000 /dev/zero | tail -c 50000000 >/dev/null'
is "the peak of a child of 50 MB" "$(of_record '50e6 < r["peak_memory_bytes"] < 90e6')" True
minibox run --report record true
is "and of none" "$(of_record '0 < r["peak_memory_bytes"] < 20e6')" True
minibox run --report record --init no true
is "without init it is not known" "$(of_record 'r["peak_memory_bytes"], r["exit_code"]')" "None 0"
minibox run --report record no-such-command 2>err
is "minibox's failure" "$? $(of_record 'r["status"], "exit_code" in r')" "127 127 False"
is "in its own words" "$(of_record 'r["error"].rstrip()')" "$(cat err)"
minibox run --report record true
minibox run -v /none --report record true 2>err
is "a refused plan, not what an earlier run left" "$? $(of_record 'r["status"]') $(of_record 'r["error"].rstrip()')" "125 125 $(cat err)"
minibox run --report record true
minibox run --hostname '' --hostname h:: --tmpfs x --report record true 2>err
is "a refused command line, before --report or behind it" "$? $(of_record 'r["status"]') $(of_record 'r["error"].rstrip()')" "125 125 $(cat err)"
minibox run --report record true
minibox run --report record -f none true 2>err
is "a file of options that is not there" "$? $(of_record 'r["status"]') $(of_record 'r["error"].rstrip()')" "125 125 $(cat err)"
minibox run --report record true
minibox run --report record --preserve-fds 1 true 2>err
is "a descriptor that is not open" "$? $(of_record 'r["status"]') $(of_record 'r["error"].rstrip()')" "125 125 $(cat err)"
minibox run --report record true
minibox run --dry-run --report record true >/dev/null
is "a dry run leaves it alone" "$(of_record 'r["status"]')" 0
minibox run --report /no-such-directory/record sh -c 'echo ran' >out 2>err
like "what cannot be recorded is not run" "$? $(cat out err)" '125 minibox: cannot write the report "/no-such-directory/record": *asked for at --report (argument 1)*'
if [ -c /dev/full ]; then
    minibox run --report /dev/full true 2>err
    like "a record that is lost is an error" "$? $(cat err)" '125 minibox: cannot write the report "/dev/full": No space left on device*'
fi
# ---- how it is written ---------------------------------------------------------------------------------------------

# The old content or all of the new one, at every moment.
minibox run --report record sh -c 'exit 7'
mkdir w
minibox run --report record -v w:/w:rw sh -c 'echo >/w/ready; while [ ! -e /w/done ]; do sleep 0.02; done' &
launcher=$!
wait_for [ -e w/ready ]
is "while it runs, what an earlier run left is whole" "$(of_record 'r["status"]')" 7
echo >w/done
wait "$launcher"
is "then it is the new one" "$(of_record 'r["status"]')" 0
minibox run --report record sh -c 'exit 7'
rm w/ready w/done
minibox run --report record -v w:/w:rw sh -c 'echo >/w/ready; sleep 100; true' "$mark" &
launcher=$!
wait_for [ -e w/ready ]
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
is "killed: the old one stays, and nothing beside it" "$(of_record 'r["status"]') $(find . -name '.minibox*') $(leftovers)" "7  "

chmod 640 record
minibox run --report record true
is "its mode stays" "$(stat -c %a record)" 640
is "a new one has the caller's" "$(umask 027 && minibox run --report new true && stat -c %a new)" 640
ln -s led-to link
minibox run --report link true
is "what a link leads to is written, and the link stays" "$(readlink link) $(python3 -c 'import json; print(json.load(open("led-to"))["status"])')" "led-to 0"
minibox run --report link no-such-command 2>/dev/null
is "what a link leads to is emptied first" "$(python3 -c 'import json; print(json.load(open("link"))["status"])')" 127
ln led-to other
minibox run --report led-to sh -c 'exit 3'
is "a file of two names keeps both" "$(python3 -c 'import json; print(json.load(open("other"))["status"])') $(stat -c %h led-to)" "3 2"
mkfifo fifo
cat fifo >got &
minibox run --report fifo sh -c 'exit 4'
wait $!
is "a FIFO is written into, and stays" "$(python3 -c 'import json; print(json.load(open("got"))["status"])') $(stat -c %F fifo)" "4 fifo"
minibox run --report /dev/stdout echo hello >both
is "standard output: behind the command's" "$(head -n 1 both) $(tail -n +2 both | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])')" "hello 0"
mkdir fixed
echo old >fixed/record
chmod 555 fixed
minibox run --report fixed/record true
is "in a directory where nothing can be made" "$? $(python3 -c 'import json; print(json.load(open("fixed/record"))["status"])')" "0 0"
chmod 755 fixed

# Before there is a box: it hangs where it reads a profile that is never written, or opens a file for the command.
mkfifo silent unread
sleep 100 >silent &
writer=$!
for option in "--seccomp silent" "--stdin unread"; do
    for pair in TERM:143 INT:130 HUP:129 QUIT:131; do
        minibox run --report record true
        # shellcheck disable=SC2086 # two words
        status=$(ulimit -c 0; timeout --foreground --preserve-status -s "${pair%:*}" -k 5 "$((slow)).5" minibox run --report record $option true 2>/dev/null; echo $?)
        is "SIG${pair%:*} while it is made, $option" "$status $(of_record 'r["status"], "signal" in r["error"], "exit_code" in r')" "${pair#*:} ${pair#*:} True False"
    done
    minibox run --report record true
    # shellcheck disable=SC2086
    timeout -k 1 $((20 * slow)) minibox run --timeout 300ms --report record $option true 2>err
    like "the time limit while it is made, $option" "$? $(of_record 'r["status"], "time limit" in r["error"]') $(cat err)" "124 124 True minibox: the time limit was reached*"
    # shellcheck disable=SC2086
    is "SIGTERM without a report, $option" "$(timeout --foreground --preserve-status -k 5 "$((slow)).5" minibox run --timeout 60s $option true; echo $?)" 143
done
minibox run --report record true
timeout --foreground --preserve-status -k 5 "$((slow)).5" sh -c 'trap "" TERM; exec minibox run --timeout '$((2 * slow))'s --report record --seccomp silent true' 2>/dev/null
is "a signal that the caller ignores" "$? $(of_record 'r["status"]')" "124 124"
is "nothing is beside it" "$(find . -name '.minibox*')" ""
kill "$writer"

# A process that waits for a file system which does not answer runs no handler; it ends all the same, at once.
if [ "$mode" = root ] && [ -c /dev/fuse ] && command -v cc >/dev/null; then
    program hang <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
/* hang DIR COMMAND...: mounts a file system on DIR that answers nothing, and runs COMMAND meanwhile. */
int main(int argc, char **argv) {
    char data[64];
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), status;
    snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    if (argc < 3 || fd < 0 || mount("hang", argv[1], "fuse", 0, data) < 0)
        return 77;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    umount2(argv[1], MNT_DETACH);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
END
    mkdir dead
    unshare -m "$work/hang" dead true
    if [ $? -ne 77 ]; then
        for pair in "143 --name x" "124 --timeout 500ms"; do
            minibox run --report record true
            # shellcheck disable=SC2086
            status=$(timeout -k 1 $((20 * slow)) unshare -m "$work/hang" dead timeout --foreground --preserve-status -k 5 $((2 * slow)) \
                minibox run --report record --seccomp dead/profile ${pair#* } true 2>/dev/null; echo $?)
            is "a file system that does not answer, ${pair#* }" "$status $(of_record 'r["status"]')" "${pair%% *} ${pair%% *}"
        done
    else
        skip "a file system that does not answer" "no FUSE"
    fi
fi

# A profile that is learned is written at the end of its command, and only then.
minibox run --seccomp learn=learned true
cp learned before
minibox run --seccomp learn=learned no-such-command 2>/dev/null
is "a launch that fails leaves the profile" "$? $(cmp learned before 2>&1)" "127 "
minibox run --seccomp learn=absent no-such-command 2>/dev/null
is "or none" "$(ls absent 2>/dev/null)" ""
minibox run --seccomp learn=learned sh -c 'mkdir /tmp/x'
is "and else it is the new one" "$(minibox seccomp learned | grep -cw mkdir) $(find . -name '.minibox*')" "1 "

# ---- output that is lost -------------------------------------------------------------------------------------------

# Output that cannot be passed on is an error; but how the box ended comes first, and what was learned is kept.
if [ -c /dev/full ]; then
    run_full() { # ARGS...
        minibox run "$@" >/dev/full 2>err
        echo "$? $(head -n 1 err)"
    }
    lost="minibox: cannot pass on the command's output: No space left on device"
    is "lost output" "$(run_full --output-limit 1m echo hi)" "125 $lost"
    is "lost output of a terminal" "$(run_full -t echo hi)" "125 $lost"
    like "lost output, and the time limit" "$(run_full --output-limit 1m --timeout 1s sh -c 'echo hi; sleep 20')" "124 minibox: the time limit *"
    like "lost output, and the limit" "$(run_full --output-limit 1 sh -c 'echo hi')" "153 minibox: the output limit *"
    is "lost output, and a profile" "$(run_full --output-limit 1m --seccomp learn=learned echo hi) $(minibox seccomp learned | grep -c write)" "125 $lost 1"
fi
finish
