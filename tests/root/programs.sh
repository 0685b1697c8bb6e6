#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ordinary programs under the default filter, as root and as an ordinary user: each does its work, and is refused no call but
# clone3, from which C libraries fall back to clone. A program that is not installed is skipped.
# shellcheck disable=SC2016 # variables in single quotes are the box's
# shellcheck disable=SC2034 # box.sh's
tools='sort'
# shellcheck source=tests/root/lib/box.sh
. "$(dirname "$0")/lib/box.sh"

# program NAME TOOLS SCRIPT WANTED: what the script prints in a box whose caller is $user.
program() {
    for tool in $2; do
        has "$tool" || { count=$((count + 1)); echo "ok $count - $user: $1 # SKIP $tool is not installed"; return; }
    done
    saw=$(box "$user" --timeout 60s --report report sh -c "$3" 2>errors)
    refused=$(python3 -c 'import json; print(*sorted(set(json.load(open("report"))["refused_calls"]) - {"clone3"}))' 2>&1)
    [ -z "$refused" ] || saw="$saw
refused: $refused"
    point "$user: $1" "$saw" "$4"
    [ "$saw" = "$4" ] || sed 's/^/# /' errors
}

programs() {
    user=$1
    mkdir "$directory/$user" && chown "$user:" "$directory/$user" && cd "$directory/$user" || exit 1

    program 'coreutils on files' 'sort cp ls df stat dd install mktemp' '
        printf "b\na\n" | sort -o sorted && cp -a sorted copy && install -m 755 copy installed && ls -l installed | cut -c1-10 &&
        df . >/dev/null && stat -c %s copy && dd if=copy of=part bs=1 count=2 2>/dev/null && cat part && ln -s part link &&
        readlink link && mv link moved && rm moved && truncate -s 9 part && stat -c %s part && touch -d @7 part &&
        stat -c %Y part && chmod 600 part && mktemp >/dev/null && mkfifo fifo && (echo through >fifo & cat fifo) && du -s . >/dev/null' \
        '-rwxr-xr-x
4
a
part
9
7
through'
    program 'coreutils on processes' 'timeout nice nproc stdbuf env tee split' '
        timeout 0.1 sleep 9; echo $?; nice -n 1 nice; nproc >/dev/null && stdbuf -o0 echo unbuffered; (sleep 9 & kill $! && wait $!); echo $?
        seq 1000 | split -l 500 - piece- && cat piece-* | sort -n --parallel=2 | tail -n 1 | tee last && cat last' \
        '124
1
unbuffered
143
1000
1000'
    program 'bash: jobs, pipelines, coprocesses' bash '
        bash -c '\''set -m; sleep 1 & jobs -r | wc -l; wait %1 2>/dev/null; printf "%s\n" 3 1 2 | sort | tee >(wc -l >lines) | head -n 1
        coproc cat; echo around >&${COPROC[1]}; read -r line <&${COPROC[0]}; echo $line; diff <(echo a) <(echo a) && echo same
        ulimit -n 64; ulimit -n; trap "echo trapped" USR1; kill -USR1 $$'\'' 2>/dev/null' \
        '1
1
around
same
64
trapped'
    program 'tar, gzip, xz' 'tar gzip xz' '
        mkdir -p tree/sub && echo text >tree/sub/file && chmod 640 tree/sub/file && tar -czf tree.tgz tree && tar -cJf tree.txz tree && mkdir out &&
        tar -xzpf tree.tgz -C out && stat -c %a out/tree/sub/file && tar -xJf tree.txz -O tree/sub/file && xz -T2 -k tree.tgz && xz -dc tree.tgz.xz | cmp - tree.tgz && echo same' \
        '640
text
same'
    program 'git' git '
        git init -q repository && cd repository && echo text >file && git add file && git -c user.name=a -c user.email=a@example.org commit -q -m first &&
        git gc -q && git fsck --no-progress && git worktree add -q ../worktree && git clone -q . ../clone && git -C ../clone log --format=%s &&
        echo more >>file && git diff --stat | head -n 1' \
        'first
 file | 1 +'
    program 'gcc and make' 'cc make' '
        mkdir job && cd job && printf "#include <stdio.h>\nint main(void) { return puts(\"made\") < 0; }\n" >main.c &&
        printf "all: one two\none two: main.c\n\tcc -O2 -g -pipe -o \$@ \$<\n" >Makefile && make -s -j2 && ./one && ./two' \
        'made
made'
    program 'g++: threads and exceptions' g++ '
        printf "#include <thread>\n#include <cstdio>\nint main() { int n = 0; std::thread t([&] { n = 5; }); t.join(); try { throw n; } catch (int e) { std::printf(\"%%d\\\\n\", e); } }\n" >thread.cc &&
        g++ -pthread -o thread thread.cc && ./thread' 5
    program 'gcc: the address sanitizer finds a leak' 'cc grep' '
        printf "#include <stdlib.h>\nvoid *volatile p;\nint main(void) { p = malloc(7); p = 0; return 0; }\n" >leak.c &&
        cc -fsanitize=address -o leak leak.c && ./leak 2>&1 | grep -o "7 byte(s) leaked"' '7 byte(s) leaked'
    program 'gdb' 'gdb cc' '
        printf "#include <stdio.h>\nint twice(int n) { return n * 2; }\nint main(void) { printf(\"%%d\\\\n\", twice(21)); return 0; }\n" >twice.c &&
        cc -g -o twice twice.c && gdb -q -nx -batch -ex "break twice" -ex run -ex "print n" -ex continue ./twice 2>&1 | sed -n "/^.1 = /p; /^42/p; /randomization/p; s/ (process .*) exited / exited /p"' \
        '$1 = 21
42
[Inferior 1 exited normally]'
    program 'strace' 'strace grep' 'strace -f -e trace=execve,write -o trace sh -c "echo traced; true" && grep -o "write(1, .traced" trace' \
        'traced
write(1, "traced'
    program 'valgrind' 'valgrind cc' 'printf "int main(void) { return 0; }\n" >empty.c && cc -o empty empty.c && valgrind -q --error-exitcode=3 ./empty; echo $?' 0
    program 'setarch' 'setarch' 'setarch -R echo fixed; setarch linux32 uname -m' 'fixed
i686'

    program 'python3: processes and threads' python3 '
        python3 -c '\''import concurrent.futures, json, multiprocessing, socket, subprocess, tempfile, threading
print(subprocess.run(["uname"], capture_output=True, text=True).stdout.strip(), flush=True)
with multiprocessing.Pool(2) as pool:
    print(pool.map(abs, range(-3, 0)))
with concurrent.futures.ThreadPoolExecutor() as pool:
    print(sum(pool.map(abs, range(10))))
thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
a, b = socket.socketpair(); a.send(b"x"); print(b.recv(1))
with tempfile.NamedTemporaryFile() as file: print(file.write(b"xy"))
queue = multiprocessing.get_context("spawn").Queue(); queue.put(4); print(queue.get())'\''' \
        "Linux
[3, 2, 1]
45
thread
b'x'
2
4"
    program 'python3: asyncio' python3 '
        python3 -c '\''import asyncio, subprocess
async def serve(reader, writer):
    writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\n"); print((await reader.readline()).decode().strip())
    child = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
    print((await child.communicate())[0].decode().strip())
    print(await asyncio.get_running_loop().run_in_executor(None, sum, range(10)))
asyncio.run(main())'\''' \
        'HELLO
child
45'
    program 'python3: sqlite3, shared memory, a terminal' python3 '
        python3 -c '\''import mmap, multiprocessing.shared_memory, os, pty, signal, sqlite3, time
base = sqlite3.connect("python.db"); base.execute("pragma journal_mode=wal"); base.execute("create table t (a)")
base.executemany("insert into t values (?)", [(1,), (2,)]); base.commit(); print(base.execute("select sum(a) from t").fetchone()[0])
memory = multiprocessing.shared_memory.SharedMemory(create=True, size=64); memory.buf[0] = 9; print(memory.buf[0]); memory.close(); memory.unlink()
signal.signal(signal.SIGALRM, lambda *_: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.1)
pid, fd = pty.fork()
if pid == 0: os.execlp("tty", "tty")
print(os.read(fd, 99).decode().strip()[:9])'\''' \
        '3
9
alarm
/dev/pts/'
    program 'http over loopback' 'python3 curl' '
        echo content >page; python3 -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1 &
        for i in $(seq 100); do curl -s http://127.0.0.1:8000/page && break; sleep 0.1; done; kill $!' content
    program 'perl' perl '
        perl -MSocket -MIO::Handle -MTime::HiRes=usleep -e "socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die; A->autoflush; if (!fork) { print A qq(child\n); exit } wait; print scalar <B>; print \`echo shell\`; usleep 10; print -s \$0 ? 1 : 0, qq(\n)"' \
        'child
shell
0'
    program 'sqlite3' sqlite3 'sqlite3 base.db "create table t (a); insert into t values (1), (2); pragma journal_mode=wal; vacuum; select sum(a) from t;"' \
        'wal
3'
    program 'node' node '
        echo "const {execSync} = require(\"child_process\"), {Worker} = require(\"worker_threads\"), http = require(\"http\");
            new Worker(\"require(\\\"worker_threads\\\").parentPort.postMessage(6 * 7)\", {eval: true}).on(\"message\", n => {
                console.log(n, execSync(\"echo shell\").toString().trim());
                const server = http.createServer((_, answer) => answer.end(\"served\")).listen(0, \"127.0.0.1\", () =>
                    http.get({port: server.address().port, host: \"127.0.0.1\"}, got => got.on(\"data\", data => { console.log(data.toString()); server.close(); }).on(\"end\", () => process.exit())));
            });" >job.js && node job.js' \
        '42 shell
served'
    program 'java' 'java javac' '
        echo "import java.net.*; import java.util.stream.*;
            class Job { public static void main(String[] args) throws Exception {
                Thread thread = new Thread(() -> System.out.println(\"thread\")); thread.start(); thread.join();
                System.out.println(IntStream.range(0, 1000).parallel().sum());
                System.out.print(new String(new ProcessBuilder(\"echo\", \"child\").start().getInputStream().readAllBytes()));
                try (ServerSocket server = new ServerSocket(0)) { new Socket(\"127.0.0.1\", server.getLocalPort()).getOutputStream().write(7);
                    System.out.println(server.accept().getInputStream().read()); } } }" >Job.java && java -version 2>/dev/null && javac Job.java && java -cp . Job' \
        'thread
499500
child
7'
    program 'go' go '
        export HOME=$PWD GOFLAGS=-mod=mod GOTOOLCHAIN=local; mkdir go-job && cd go-job &&
        echo "package main; func main() { c := make(chan int); go func() { c <- 7 }(); println(<-c) }" >main.go && go mod init job 2>/dev/null && go run . 2>&1' 7
    cd / || exit 1
}

programs root
programs mbtest
echo "1..$count"
exit "$failed"
