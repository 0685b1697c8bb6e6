#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# configs/: each file that is shipped is used, and what it promises is looked at from inside.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

[ -d "$work/configs" ] || skip_all "no configs"
tested=
use() { # NAME: a directory with the file in it, to work in
    tested="$tested $1.conf"
    rm -rf "$work/home/$1" && mkdir "$work/home/$1" && cp "$work/configs/$1.conf" "$work/home/$1" && cd "$work/home/$1" || exit
}

# ---- shell ---------------------------------------------------------------------------------------------------------

use shell
is "shell: the host's programs" "$(minibox run -f shell.conf -- -c 'ls /usr/bin/env; hostname; pwd' | tr '\n' ' ')" "/usr/bin/env shell /tmp "
is "shell: nothing of the host can be written" "$(minibox run -f shell.conf -- -c 'for d in / /usr /etc /opt /bin/sh; do touch $d/x 2>/dev/null && echo $d; done; echo none')" none
is "shell: an empty home that can" "$(minibox run -f shell.conf -e HOME=/home/me -- -c 'ls -A "$HOME"; touch "$HOME/x" && echo ok')" ok
is "shell: no network" "$(minibox run -f shell.conf -- -c 'sed -n "s/^ *\([a-z0-9]*\):.*/\1/p" /proc/net/dev')" lo
is "shell: an executable file" "$(./shell.conf -- -c 'echo "$0 $1"' a b)" "a b"

# ---- build ---------------------------------------------------------------------------------------------------------

use build
mkdir ../outside
printf 'all: program\nprogram: program.c\n\t$(CC) -o $@ $<\nevil:\n\ttouch ../outside/x || echo kept out\n\techo > /dev/tcp/127.0.0.1/80 || echo no network\n' >Makefile
printf '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n' >program.c
if command -v cmake >/dev/null && command -v ninja >/dev/null; then
    printf 'cmake_minimum_required(VERSION 3.20)\nproject(p C)\nadd_executable(by_cmake program.c)\n' >CMakeLists.txt
    sed 's/^command = .*/command = sh -c "cmake -G Ninja -B out . \&\& cmake --build out"/' build.conf >cmake.conf
    minibox run -f cmake.conf >log 2>&1
    is "build: by cmake and ninja" "$? $(out/by_cmake)" "0 built"
fi
if command -v make >/dev/null && command -v cc >/dev/null; then
    minibox run -f build.conf >log 2>&1
    is "build: it builds" "$? $(./program)" "0 built"
    is "build: a target" "$(minibox run -f build.conf -- -s clean-nothing 2>&1 | grep -c 'No rule')" 1
    is "build: nothing but its directory" "$(minibox run -f build.conf -- -s evil 2>/dev/null | tr '\n' ' ')$(ls ../outside)" "kept out no network "
    is "build: what make is told by the environment" "$(CC='cc -DX' minibox run -f build.conf -- -n -B | grep -c 'cc -DX')" 1
else
    skip "build" "needs make and a C compiler"
fi

# ---- agent ---------------------------------------------------------------------------------------------------------

use agent
secrets=$work/secrets
mkdir -p "$secrets/.ssh" "$secrets/.aws" "$secrets/.config/gh"
echo key | tee "$secrets/.ssh/id" "$secrets/.aws/credentials" "$secrets/.config/gh/hosts.yml" >/dev/null
is "agent: no secret of the home, by any way" "$(HOME=$secrets minibox run -f agent.conf sh -c "ls -A \$HOME '$secrets' 2>/dev/null | grep -v '^/root:\$'; cat '$secrets/.ssh/id' /root/.ssh/id 2>/dev/null; echo none")" none
is "agent: nothing of the environment but what is named" "$(AWS_SECRET_ACCESS_KEY=x GITHUB_TOKEN=x SSH_AUTH_SOCK=/x TERM=dumb minibox run -f agent.conf env | cut -d= -f1 | sort | tr '\n' ' ')" \
    "EDITOR GIT_TERMINAL_PROMPT HOME PATH TERM USER container "
is "agent: it works in its workspace" "$(minibox run -f agent.conf sh -c 'pwd; echo done >file') $(cat file)" "$PWD done"
is "agent: and nowhere else" "$(minibox run -f agent.conf sh -c "for d in / /usr /etc '$work' '$work/home'; do touch \$d/x 2>/dev/null; done"; ls -d /x /usr/x /etc/x "$work/x" "$work/home/x" 2>/dev/null)" ""
is "agent: no network, no socket of the host" "$(minibox run -f agent.conf sh -c 'sed -n "s/^ *\([a-z0-9]*\):.*/\1/p" /proc/net/dev; find /run /var/run/ /tmp -type s 2>/dev/null; ls /var/run/docker.sock 2>/dev/null')" lo
is "agent: processes are limited" "$(minibox run -f agent.conf sh -c 'ulimit -n; grep processes /proc/self/limits | tr -s " " | cut -d" " -f3')" "4096
512"

if command -v git >/dev/null; then
    is "agent: git" "$(minibox run -f agent.conf sh -c 'git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one && git log --format=%s') $(ls -d .git)" "one .git"
fi
if command -v python3 >/dev/null; then
    is "agent: a python server and its client, on its own loopback" "$(minibox run -f agent.conf sh -c 'python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 & for i in $(seq 100); do
        python3 -c "import urllib.request; print(urllib.request.urlopen(\"http://127.0.0.1:8000/file\").read().decode().strip())" 2>/dev/null && break; sleep 0.3; done')" "done"
fi

# ---- grader --------------------------------------------------------------------------------------------------------

use grader
grade() { # SCRIPT: what minibox exits with, and the record's words
    printf '#!/bin/sh\n%s\n' "$1" >program
    chmod 755 program
    echo 3 4 >input
    minibox run -f grader.conf 2>err
    echo "$? $(python3 -c '
import json
r = json.load(open("report.json"))
print(*(k for k in ("timed_out", "output_limit_reached") if r.get(k)), r["exit_code"], r["signal"])')"
}
is "grader: a right answer" "$(grade 'read a b; echo $((a + b)); echo note >&2; exit 5') $(cat output errors | tr '\n' ' ')" "5 5 None 7 note "
is "grader: time" "$(sed -i 's/^timeout = .*/timeout = 1s/' grader.conf; grade 'sleep 100')" "124 timed_out None 9"
is "grader: a busy loop" "$(sed -i 's/^ulimit = cpu=.*/ulimit = cpu=1/; s/^timeout = .*/timeout = 60s/' grader.conf; grade 'while :; do :; done')" "137 None 9"
is "grader: output" "$(grade 'yes') $(stat -c %s output)" "153 output_limit_reached None 9 1048576"
is "grader: memory" "$(grade 'head -c 900m /dev/zero | tail -c 800m >/dev/null && echo got it; exit 0') $(cat output)" "0 0 None "
is "grader: processes" "$(grade 'n=0; while [ $n -lt 60 ]; do sleep 3 & n=$((n + 1)); done; echo all') $(cat output)" "2 2 None "
is "grader: the input and the program cannot be changed" "$(grade 'echo x 2>/dev/null >/program; echo x 2>/dev/null >&0; echo done') $(cat output) $(cat input)" "0 0 None done 3 4"

# ---- service -------------------------------------------------------------------------------------------------------

use service
mkdir www
echo 'hello from www' >www/index.html
chmod -R a+rX .
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo $((20000 + $$ % 20000)))
sed -i "s/8080/$port/" service.conf
[ "$mode" = root ] || as='-u 0'
fetch() {
    n=0
    until busybox wget -q -O - "http://127.0.0.1:$port/$1" 2>/dev/null || [ $((n += 1)) -gt 300 ]; do sleep 0.1; done
}
# shellcheck disable=SC2086 # nothing, or two words
minibox run -f service.conf ${as-} & server=$!
is "service: it serves" "$(fetch index.html)" "hello from www"
owner=$(stat -c %u "/proc/$(pgrep -f "httpd -f -p $port" | tail -n 1)" 2>/dev/null)
[ "$mode" = root ] && is "service: as an id that is nobody's" "$([ "$owner" -ge 65536 ]; echo $?)" 0
kill -9 "$server"
wait "$server" 2>/dev/null
# shellcheck disable=SC2086
minibox run -f service.conf ${as-} & server=$!
is "service: and again, at once after it was killed" "$(fetch index.html)" "hello from www"
kill "$server"
wait "$server"
is "service: it ends when told to" $? 143
is "service: nothing is left" "$(busybox wget -q -O - "http://127.0.0.1:$port/" 2>/dev/null; echo $?)" 1

cd "$work/configs" || exit
is "each file has a test" "$(for file in *.conf; do case "$tested" in *" $file"*) ;; *) echo "$file" ;; esac; done)" ""
finish
