#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command: its words, directory, environment, terminal, descriptors, process and exit status: --workdir, --env, --env-file,
# --tty, --init, --preserve-fds.
# shellcheck disable=SC2016,SC2046,SC2086 # variables in single quotes are the box's; splitting makes one line of many
. "$(dirname "$0")/lib.sh"

# ---- words -----------------------------------------------------------------------------------------------------------

in_box "options end at the command" "--rootfs=x -v" echo --rootfs=x -v
in_box "options end at --" -h -- echo -h
in_box "empty words, blanks, newlines" "<><a b><c
d>" sh -c 'printf "<%s>" "$@"' sh '' 'a b' 'c
d'
bytes=$(i=1; while [ $i -le 255 ]; do printf "\\$(printf %o $i)"; i=$((i + 1)); done)
run_minibox printf %s "$bytes"
is "any bytes" "$(od -An -tx1 "$work/out")" "$(printf %s "$bytes" | od -An -tx1)"
long=$(head -c 131071 /dev/zero | tr '\0' x) # MAX_ARG_STRLEN less one: the longest word that the kernel takes
in_box "the longest word" 131071 sh -c 'echo ${#1}' sh "$long"
in_box "many words" 50000 sh -c 'echo $#' sh $(seq 50000)
# How many of the longest words the kernel lets a program have, by trying.
words=0
set --
while env -i /bin/true "$@" "$long" 2>/dev/null; do
    set -- "$@" "$long"
    words=$((words + 1))
    [ "$words" -lt 40 ] || break
done
in_box "as many long words as the kernel lets minibox have" "$words" sh -c 'echo $#' sh "$@"
set --

# ---- where it is found, how it ends ----------------------------------------------------------------------------------

mkdir bin
printf '#!/bin/sh\necho mine $0\n' >bin/prog
chmod 755 bin/prog
in_box "by the box's PATH" "mine /data/prog" -v bin:/data -e PATH=/none:/data:/bin prog
in_box "by a relative path" "mine ./prog" -v bin:/data -w /data ./prog
in_box "by an absolute path" "mine /data/prog" -v bin:/data /data/prog

status_is() { # NAME WANT ARGS...
    name=$1 want=$2
    shift 2
    run_minibox "$@"
    is "$name" "$status $out$err" "$want "
}
status_is "exit status 0" 0 true
status_is "exit status 1" 1 false
for n in 7 124 125 126 127 128 255; do
    status_is "exit status $n is the command's" $n sh -c "exit $n"
done
for pair in HUP:129 INT:130 ILL:132 TRAP:133 ABRT:134 BUS:135 FPE:136 KILL:137 USR1:138 SEGV:139 PIPE:141 ALRM:142 \
    TERM:143 XCPU:152 XFSZ:153; do
    status_is "death by SIG${pair%:*}" "${pair#*:}" sh -c "kill -${pair%:*} \$\$"
done
status_is "exit status without init" 5 --init no sh -c 'exit 5'

# ---- directory -------------------------------------------------------------------------------------------------------

in_box "workdir: / by default" / pwd
in_box "workdir: absolute" /etc --workdir /etc pwd
in_box "workdir: the letter" /etc -w /etc pwd
in_box "workdir: relative is the caller's" "$work/home/bin" -v "$work/home" -w bin pwd
in_box "workdir: ." "$work/home" -v .:rw -w . pwd
in_box "workdir: ./bin" "$work/home/bin" -v . -w ./bin pwd

# ---- environment -----------------------------------------------------------------------------------------------------

export MINE=caller ALSO=too
in_box "environment: nothing of the caller's" "HOME=/root
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER=root
container=minibox" sh -c 'env | grep -v -e ^PWD= -e ^SHLVL= -e ^HOSTNAME= | sort'
in_box "env: a value" "a b=c" --env X='a b=c' sh -c 'echo "$X"'
in_box "env: the letter" y -e X=y sh -c 'echo "$X"'
in_box "env: an empty value" "set" -e X= sh -c 'echo "${X+set}$X"'
in_box "env: the caller's" caller -e MINE sh -c 'echo "$MINE"'
in_box "env: what the caller has not, the box has not" unset -e NEITHER sh -c 'echo "${NEITHER-unset}"'
in_box "env: the last one counts" 2 -e X=1 -e X=2 sh -c 'env | sed -n s/^X=//p'
in_box "env: instead of a default" /home -e HOME=/home sh -c 'echo $HOME'
in_box "env: any bytes" "$(printf 'a\nb\377')" -e X="$(printf 'a\nb\377')" sh -c 'printf %s "$X"'
cat >env <<'END'
# a comment
X=1 "as it stands" # this too

  ALSO
MINE=file
NEITHER
END
printf 'CR=1\r\nLAST=no newline' >>env
in_box "env-file" '1 "as it stands" # this too,too,file,unset,1,no newline' --env-file env \
    sh -c 'echo "$X,$ALSO,$MINE,${NEITHER-unset},$CR,$LAST"'
in_box "env-file, then env" "2" --env-file env -e X=2 sh -c 'echo "$X"'
in_box "env, then env-file" "file" -e MINE=before --env-file env sh -c 'echo "$MINE"'

# ---- process ---------------------------------------------------------------------------------------------------------

in_box "init: process 1 is minibox's" "minibox-init 2" sh -c 'echo $(cat /proc/1/comm) $$'
in_box "init yes" minibox-init --init yes sh -c 'cat /proc/1/comm'
in_box "init no: the command is process 1" "sh 1" --init no sh -c 'echo $(cat /proc/1/comm) $$'
in_box "init reaps" "" sh -c '(sleep 0.05 & sleep 0.05 & sleep 0.05 &); sleep 0.4
    n=0; while grep -qs "^State:.Z" /proc/[0-9]*/status && [ $((n += 1)) -lt 100 ]; do sleep 0.1; done; grep -ls "^State:.Z" /proc/[0-9]*/status; true'
in_box "init: closed to the command, and without descriptors" "no no no no" sh -c \
    'echo $( (: </proc/1/mem) 2>/dev/null && echo yes || echo no; for f in exe root cwd; do readlink /proc/1/$f || echo no; done; ls /proc/1/fd 2>/dev/null)'
in_box "the command's children end with it" "" sh -c 'sleep 100 & exit 0' "$mark"
is "nothing is left" "$(leftovers)" ""
in_box "signals as new, umask, session" "0000000000000000 0000000000000000 0022 2" sh -c \
    'echo $(sed -n "s/^Sig[IB][gl][nk]:.//p" /proc/self/status) $(umask) $(cut -d " " -f 6 /proc/$$/stat)'
run_minibox sh -c 'trap "" TERM; kill -TERM $$; echo alive'
is "a signal that the command ignores" "$out" alive
timeout --foreground 60 sh -c 'trap "" HUP; minibox run sed -n s/^SigIgn:.//p /proc/self/status' >"$work/out" 2>&1
is "signals that the caller ignores are not ignored in the box" "$(cat "$work/out")" 0000000000000000

# ---- descriptors -----------------------------------------------------------------------------------------------------

exec 3<bin/prog 4>four
run_minibox sh -c 'ls /proc/$$/fd; true'
is "descriptors: none but the first three" "$(echo $out)" "0 1 2"
run_minibox --preserve-fds 2 sh -c 'ls /proc/$$/fd; head -c 9 <&3; echo four >&4'
is "preserve-fds" "$(echo $out $(cat four))" "0 1 2 3 4 #!/bin/sh four"
run_minibox --preserve-fds 1 sh -c 'ls /proc/$$/fd; true'
is "preserve-fds: no more than asked for" "$(echo $out)" "0 1 2 3"
exec 3<&- 4>&-
is "standard input" "$(echo text | minibox run cat)" text
is "standard error" "$(minibox run sh -c 'echo text >&2' 2>&1 >/dev/null)" text
minibox run sh -c 'read x; echo "<$x>"' <&- >"$work/out" 2>&1
is "closed standard input" "$(cat "$work/out")" "<>"
minibox run true <&- >&- 2>&-
is "all three closed" $? 0

# ---- terminal --------------------------------------------------------------------------------------------------------

in_box "tty: none when there is none" no sh -c '[ -t 0 ] || [ -t 1 ] && echo yes || echo no'
run_minibox --tty sh -c 'tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all'
is "tty: asked for" "$(printf %s "$out" | tr -d '\r')" "/dev/pts/0
all"
run_minibox -t tty
is "tty: the letter" "$(printf %s "$out" | tr -d '\r')" /dev/pts/0
run_minibox --tty=yes tty
is "tty=yes" "$(printf %s "$out" | tr -d '\r')" /dev/pts/0
run_minibox --tty=no tty
is "tty=no" "$out" "not a tty"
run_minibox -t sh -c 'exit 9'
is "tty: the exit status" "$status" 9
is "tty: input" "$(printf 'text\n' | minibox run -t sh -c 'stty -echo; read x; echo "<$x>"' | tr -d '\r' | tail -n 1)" "<text>"
is "tty: the end of input" "$(printf 'a\nb\n' | timeout 60 minibox run -t sh -c 'stty -echo; cat | wc -l' | tr -d '\r' | tail -n 1)" 2
is "tty: much output" "$(minibox run -t seq 100000 | tr -d '\r' | cksum)" "$(seq 100000 | cksum)"
mkdir w
timeout 20 minibox run -t -v w:/w:rw sh -c 'trap "echo pipe >>/w/traps" PIPE; trap "echo hup >>/w/traps; exit" HUP; while :; do echo x; done' 2>/dev/null |
    head -n 1 >/dev/null
is "tty: a reader that has gone is a terminal that has gone, and no broken pipe of the command's" "$(cat w/traps)" hup
# script(1) has its own terminal for what it runs.
mkfifo "$work/quiet"
on_terminal() { timeout 60 script -qec "$1" /dev/null | tr -d '\r'; }
if command -v script >/dev/null; then
    is "on a terminal: one of its own" "$(on_terminal 'minibox run tty' <>"$work/quiet")" /dev/pts/0
    is "on a terminal: TERM" "$(TERM=vt220 on_terminal "minibox run sh -c 'echo \$TERM'" <>"$work/quiet")" vt220
    is "on a terminal: its size" "$(on_terminal 'stty rows 33 cols 77; minibox run stty size' <>"$work/quiet")" "33 77"
    like "on a terminal: tty=no" "$(on_terminal "minibox run --tty=no sh -c '[ -t 0 ] && [ ! -e /dev/pts/0 ] && echo the caller'" <>"$work/quiet")" \
        "the caller"
    is "on a terminal: settings restored" \
        "$(on_terminal 'stty -g; minibox run sh -c "stty raw -echo" ; stty -g' <>"$work/quiet" | sort -u | wc -l)" 1
    is "on a terminal: settings restored after an error" \
        "$(on_terminal 'stty -g; minibox run /none 2>/dev/null; stty -g' <>"$work/quiet" | sort -u | wc -l)" 1
    is "on a terminal: redirected output means none" \
        "$(on_terminal 'minibox run sh -c "[ -t 1 ] && echo yes || echo no" | cat' <>"$work/quiet")" no
    { wait_for grep -qs armed typed; printf '\003'; wait_for grep -qs caught typed; } |
        timeout 60 script -qec "minibox run sh -c 'trap \"echo caught; exit 3\" INT; echo armed; while :; do sleep 0.1; done'; echo status \$?" /dev/null >typed
    is "on a terminal: Ctrl-C is the command's" "$(tr -d '\r' <typed | tail -n 2 | sed 's/^.*caught/caught/')" "caught
status 3"
else
    skip "on a terminal" "no script(1)"
fi

finish
