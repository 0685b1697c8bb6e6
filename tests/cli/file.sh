#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# minibox run -f FILE: what a file says is done, the command line counts for more, and --dry-run=config says it again.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p project/src
echo text >project/src/file
cat >project/box.conf <<'END'
#!/usr/bin/env -S minibox run -f
# Paths are those of this directory.
rootfs = host
volume = src:/src:rw
workdir = /src
hostname = blue
env = GREETING= hello  world
env = "LINES=1\n2"
timeout = 20s
command = sh -c 'hostname; pwd; ls; echo "$GREETING|$LINES"; for word; do echo "<$word>"; done' name
END
want='blue
/src
file
hello  world|1
2
<one>
<two three>'
want=$(printf '%s' "$want" | sed 's/^hello/ hello/')
is "a file is run, words are appended" "$(minibox run -f project/box.conf one 'two three')" "$want"
is "by its long name, from its directory" "$(cd project && minibox run --file=box.conf one 'two three')" "$want"
is "the command line counts for more, before or behind" \
    "$(minibox run --hostname red -f project/box.conf | head -n 1) $(minibox run -f project/box.conf --hostname red | head -n 1)" "red red"
is "lists are added to" "$(minibox run -f project/box.conf -e GREETING=hi -e MORE=1 | sed -n 4p)" "hi|1"
chmod +x project/box.conf
is "an executable file" "$(project/box.conf one 'two three')" "$want"
# A directory may be called what help calls a value; its path is the file's all the same.
mkdir -p project/FILE project/DIR
echo there >project/FILE/text
cp project/FILE/text project/DIR
printf 'volume = FILE:/data\nvolume = DIR:/srv\ncommand = cat /data/text /srv/text\n' >project/names.conf
is "paths that are called FILE and DIR" "$(minibox run -f project/names.conf 2>&1 | tr '\n' ' ')" "there there "
echo 'rootfs = host' >plain.conf
is "a file without a command" "$(minibox run -f plain.conf echo hello)" hello
is "two files" "$(minibox run -f plain.conf -f project/box.conf | head -n 1)" blue
minibox run -f plain.conf 2>err
like "no command at all" "$? $(cat err)" "125 minibox: no command given*"

# ---- errors --------------------------------------------------------------------------------------------------------

refused() { # NAME TEXT PATTERN
    printf '%b' "$2" >bad.conf
    minibox run -f bad.conf true >out 2>err
    like "$1" "$? $(cat out err)" "125 $3"
    is "$1: at most four lines" "$(awk 'END { print (NR <= 4) }' err)" 1
}
refused "an unknown option" 'rootfs = host\n hostnme = x\n' "minibox: unknown option \"hostnme\"
  asked for at bad.conf:2:2:  hostnme = x
                              ^
  try: did you mean hostname?"
refused "a bad value" 'ulimit = core=x\n' "minibox: bad value for --ulimit \"core=x\": *
  asked for at bad.conf:1:10: ulimit = core=x
                                       ^
  try: *"
refused "a missing sign" 'rootfs host\n' "minibox: bad line: it must be NAME = VALUE*bad.conf:1:8: rootfs host*"
refused "a NUL" 'rootfs = ho\000st\n' "minibox: bad line: it has a NUL byte*bad.conf:1:12*"
refused "an open quote" "command = sh -c 'a\n" "minibox: bad command: a ' is not closed*"
refused "help in a file" 'help = yes\n' 'minibox: not an option of a file: "help": it belongs on the command line*'
refused "a cycle" 'include = bad.conf\n' 'minibox: this file has been read already: "bad.conf"*asked for at bad.conf:1:11*'
refused "what only planning finds" 'rootfs = host\nvolume = /nonexistent:/x\n' 'minibox: cannot show "/nonexistent": No such file or directory
  asked for at bad.conf:2:10
  try: *'
refused "what only the launch finds" 'rootfs = host\nworkdir = /nonexistent\n' 'minibox: * "/nonexistent": No such file or directory
  step *asked for at bad.conf:2:11*'
refused "both ways" 'share = net\nisolate = net\n' 'minibox: asked for both ways "net"*asked for at bad.conf:2:11*'
mkfifo fifo
for file in . fifo /dev/zero no-such-file; do
    timeout 60 minibox run -f "$file" true 2>err
    like "$file is no file of options" "$? $(cat err)" "125 minibox: cannot read options from \"$file\": *"
done
truncate -s 100M large
timeout 60 minibox run -f large true 2>err
like "100 MiB" "$? $(cat err)" "125 *more than 1 MiB*"
minibox run -f plain.conf -f plain.conf true 2>err
like "one file twice" "$? $(cat err)" '125 minibox: this file has been read already: "plain.conf": a cycle, or named twice'

# ---- and back ------------------------------------------------------------------------------------------------------

# The plan, without where each step was asked for; and paths below this directory as relative ones.
plan() { minibox run --dry-run=json "$@" | sed -E '/"origin":/d; s|'"$PWD"'/||g'; }
mkdir -p directory "a b"
set -- --rootfs host -v "a b:/mnt/x y:rw" -v directory -w directory -e 'A= x ' -e B -e "C=1
2" --env-file /dev/null --tmpfs /tmp/t:size=1m --mask /proc/uptime --hostname blue --cap-drop KILL --ulimit nofile=64 --ulimit core=0 \
    --share ipc --isolate vm --timeout 5s --name box --init no --preserve-fds 0 --network none --seccomp default --tty=no sh -c 'a "b"
c' '' "it's"
minibox run --dry-run=config "$@" >project/again.conf
is "a plan is written as a file" $? 0
plan "$@" >first
plan -f project/again.conf >second
is "which, read from elsewhere, gives the same plan" "$(diff first second)" ""
ok "and is not empty" grep -q '"target":"/mnt/x y"' first
minibox run --dry-run=config -f project/again.conf >third.conf
is "and is written the same again, but for origins" "$(grep -v '^#' third.conf)" "$(grep -v '^#' project/again.conf)"
like "each with its origin" "$(minibox run --dry-run=config -f plain.conf --hostname red true)" "# plain.conf:1:10
rootfs = host
# --hostname (argument 4)
hostname = red
command = true"
finish
