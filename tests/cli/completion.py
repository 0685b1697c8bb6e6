#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""completion.py BUILD_DIR: completion as the shells do it. Each is told of minibox in the two ways that there are, by the
script's text and by the installed file, and is then asked for the same words. What there is to be offered is read from
minibox's help, so that a new option is tested without a change here.

How it works. bash and zsh run on a terminal, and the words are typed. A key inserts all completions into the line, another
writes the line to a pipe: there is no screen to be read and no time to be guessed. fish has a command that completes."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile

build = os.path.abspath(sys.argv[1])
minibox = os.path.join(build, "minibox")
count = failed = 0


def point(name, seen=""):
    """Passes if nothing was seen."""
    global count, failed
    count += 1
    print(f"{'not ok' if seen else 'ok'} {count} - {name}")
    if seen:
        failed += 1
        print(f"# seen: {seen}")


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")
    print(f"SKIP: {name}: {reason}", file=sys.stderr)


def call(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)


# ---- the shells ------------------------------------------------------------------------------------------------------


class Typed:
    """A shell on a terminal: `setup` binds Ctrl-T to the insertion of all completions, and Ctrl-G to writing the line to
    descriptor 9 with a NUL behind it, and to emptying it."""

    def __init__(self, words, setup, environment, directory):
        reader, writer = os.pipe()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.dup2(writer, 9)
            os.execvpe(words[0], words, environment)
        os.close(writer)
        self.answers = reader
        self.screen = b""
        os.write(self.terminal, setup.encode() + b"\n")
        self.type("\x07")

    def type(self, text):
        """What the shell writes to the pipe, up to a NUL."""
        os.write(self.terminal, text.encode())
        answer = b""
        while not answer.endswith(b"\0"):
            ready, _, _ = select.select([self.answers, self.terminal], [], [], 20)
            if not ready:
                raise TimeoutError(f"{text!r}: no answer; on the screen: {self.screen[-600:]!r}")
            if self.terminal in ready:
                self.screen += os.read(self.terminal, 65536)
            if self.answers in ready:
                answer += os.read(self.answers, 65536)
        return answer[:-1].decode().split("\0")[-1]

    def complete(self, line):
        return self.type(line + "\x14\x07")[len(line) - len(line.split(" ")[-1]):].split()

    def close(self):
        os.close(self.terminal)
        os.close(self.answers)
        os.waitpid(self.pid, 0)


class Fish:
    def __init__(self, setup, environment, directory):
        self.setup, self.environment, self.directory = setup, environment, directory
        self.screen = b""

    def complete(self, line):
        done = subprocess.run(["fish", "-c", self.setup + "\ncomplete -C $argv[1]", line], env=self.environment, timeout=60,
                              cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.screen += b"".join(b"fish_:" + row for row in done.stderr.encode().splitlines() if row)
        return [row.split("\t")[0] for row in done.stdout.splitlines()]

    def close(self):
        pass


# A history would be searched by "!", and a prompt be redrawn; neither is wanted.
BASH = r"""PS1=; set +o history; bind '"\C-t": insert-completions' 2>/dev/null
dump() { printf '%s\0' "$READLINE_LINE" >&9; READLINE_LINE=; }; bind -x '"\C-g": dump'
"""
ZSH = r"""PS1=; unsetopt prompt_cr prompt_sp beep; autoload -Uz compinit; compinit -u -D
zstyle ':completion:all-matches:*' completer _all_matches _complete; zstyle ':completion:all-matches:*' insert true
zle -C all-matches complete-word _generic; bindkey '^T' all-matches
dump() { print -rn -- "$BUFFER"$'\0' >&9; BUFFER=; }; zle -N dump; bindkey '^G' dump
"""


def ways(directory):
    """(name, program that it needs, how to start it)"""
    share = build + "/completion"
    clean = {"PATH": directory + "/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": directory, "TERM": "dumb", "LC_ALL": "C.UTF-8",
             "XDG_DATA_DIRS": "/usr/share"}
    told = dict(clean, XDG_DATA_DIRS=share + ":/usr/share")
    package = "/usr/share/bash-completion/bash_completion"
    bash, zsh = ["bash", "--norc", "--noprofile", "-i"], ["zsh", "-f", "-i"]
    return (
        ("bash alone", "bash", lambda: Typed(bash, BASH + "source <(minibox completion bash)", clean, directory)),
        ("bash with bash-completion", package, lambda: Typed(bash, BASH + "source " + package, told, directory)),
        ("zsh, installed", "zsh", lambda: Typed(zsh, f"fpath=({share}/zsh/site-functions $fpath)\n" + ZSH, clean, directory)),
        ("zsh, sourced", "zsh", lambda: Typed(zsh, ZSH + "source <(minibox completion zsh)", clean, directory)),
        ("fish, installed", "fish", lambda: Fish("", told, directory)),
        ("fish, sourced", "fish", lambda: Fish("minibox completion fish | source", clean, directory)),
    )


# ---- what is asked ---------------------------------------------------------------------------------------------------

options = re.findall(r"^ +(?:-(\w), )?--([\w-]+)(\[=\S+\]| \S+)?", call(minibox, "run", "--help").stdout, re.M)
listed = call(minibox, "--help").stdout
commands = re.findall(r"^  (\w+)  +\w", listed, re.M)
table = call(minibox, "flags").stdout
rows = re.findall(r"^(\w+) +CLONE_\w+ +(?:shares|isolates) ", table, re.M)
spaces = re.findall(r"^(\w+) +CLONE_\w+ +isolates ", table, re.M)
long_names = ["--" + name for _, name, _ in options]
letters = ["-" + letter for letter, _, _ in options if letter]
fixed = ["files", "fs", "sighand", "thread", "parent", "mnt"]  # no command can share these

# The values of each option that is not told by its choice in help.
VALUES = {
    "rootfs": ["busybox", "host", "directory/"],
    "volume": ["directory/", "file.txt"],
    "device": ["directory/", "file.txt"],
    "workdir": ["directory/"],
    "env-file": ["directory/", "file.txt"],
    "userns": ["auto", "keep-id"],
    "cap-add": ["ALL", "CHOWN", "NET_BIND_SERVICE", "SYS_ADMIN", "CHECKPOINT_RESTORE"],
    "cap-drop": ["ALL", "CHOWN", "NET_BIND_SERVICE", "SYS_ADMIN", "CHECKPOINT_RESTORE"],
    "seccomp": ["default", "off"],
    "ulimit": ["as=", "core=", "nofile=", "stack="],
    "share": [row for row in rows if row not in fixed],
    "isolate": rows,
    "join": [space + "=" for space in spaces if space != "mnt"],
    "pid-file": ["directory/", "file.txt"],
    "file": ["directory/", "file.txt"],
    "stdin": ["directory/", "file.txt"],
    "stdout": ["directory/", "file.txt"],
    "stderr": ["directory/", "file.txt"],
    "report": ["directory/", "file.txt"],
}
NONE = ["tmpfs", "mask", "env", "preserve-fds", "user", "hostname", "timeout", "name", "output-limit"]


def values_of(name, value):
    choice = value.strip(" []=").split("|")
    return VALUES.get(name) or (choice if choice[0].islower() else [])


def ask(shell, line):
    """What is offered, each without what stands before it in its word: "net,u" may be completed to "net,uts" or "uts"."""
    asked = line.split(" ")[-1]
    before = re.sub(r"[^=,:]*$", "", asked)
    found = []
    for word in shell.complete(line):
        if word == asked: # typed, not offered
            continue
        word = word.removeprefix(before).removesuffix(",")
        if asked.startswith("-") and "=" not in asked: # zsh goes on to the value
            word = word.removesuffix("=")
        if word:
            found.append(word)
    return found


def test(name, shell):
    def offers(line, *wanted, only=False):
        seen = ask(shell, line)
        lacks = [word for word in wanted if word not in seen and word.removesuffix("/") not in seen]
        beyond = [word for word in seen if word not in wanted and word + "/" not in wanted]
        point(f"{name}: {line}", f"lacks {lacks}, has {seen[:20]}" if lacks or (only and beyond) else "")

    def offers_none(line, *unwanted):
        seen = [word for word in ask(shell, line) if word in unwanted]
        point(f"{name}: {line}", seen and f"offered: {seen}")

    offers("minibox ", *commands, only=True)
    offers("minibox comp", "completion", only=True)
    offers("minibox completion ", "--help", "bash", "fish", "zsh", only=True)
    offers("minibox flags ", "--observe", "--json", "clone_pid", *rows)
    offers("minibox flags --observe vf", "vfork", only=True)
    offers("minibox check --j", "--json", only=True)
    offers("minibox help ", "--help", *commands, only=True)
    offers("minibox help comp", "completion", only=True)
    offers("minibox version ", "--help", only=True)
    offers("minibox seccomp fi", "file.txt", only=True)
    offers("minibox run --", *long_names)
    offers("minibox run -", *letters)
    for letter, option, value in options:
        unambiguous = [other for other in long_names if other.startswith("--" + option)]
        offers(f"minibox run --{option[:-1]}", *unambiguous)
        if option in NONE:
            offers_none(f"minibox run --{option} ", *long_names, *commands, "echo")
        elif value and value[0] == " ":
            wanted = values_of(option, value)
            point(f"{name}: --{option}: something is wanted", "" if wanted else "nothing")
            offers(f"minibox run --{option} ", *wanted)
            offers(f"minibox run --{option}=", *wanted)
            if letter:
                offers(f"minibox run -{letter} ", *wanted)
        elif value:
            offers(f"minibox run --{option}=", *values_of(option, value))
            nothing = set(values_of(option, value)) - {"yes"} # which is a program, and so may stand here
            offers_none(f"minibox run --{option} ", *nothing)
    # Part of a value, in both spellings.
    offers("minibox run --network h", "host", only=True)
    offers("minibox run --network=h", "host", only=True)
    offers("minibox run --rootfs di", "directory/", only=True)
    offers("minibox run --rootfs=di", "directory/", only=True)
    offers("minibox run --rootfs ./fi", only=True)
    offers("minibox run --seccomp fi", "file.txt", only=True)
    offers("minibox run --seccomp=fi", "file.txt", only=True)
    offers("minibox run -v directory:fi", "file.txt", only=True)
    offers("minibox run --share net,u", "user", "uts", only=True)
    offers("minibox run --share=net,ut", "uts", only=True)
    offers("minibox run --join ne", "net=", only=True)
    offers("minibox run --join net=fi", "file.txt", only=True)
    offers("minibox run --join=net=fi", "file.txt", only=True)
    # What would be refused.
    offers_none("minibox run --share ", *fixed)
    offers_none("minibox run --join ", *(row + "=" for row in rows if row + "=" not in VALUES["join"]))
    offers_none("minibox run --ulimit as=", "as=", "core=")
    # Where the options end, and where they do not.
    for words in ("-v directory", "-vdirectory", "--volume=directory:/x:rw", "-tw directory", "-t", "--tty=no", "-e A=", "-e A=b:c",
                  "--share net --cap-add ALL", "-v directory --dry-run"):
        offers(f"minibox run {words} --roo", "--rootfs", only=True)
        offers(f"minibox run {words} my-pro", "my-program", only=True)
    for words in ("sh", "-v directory sh", "-e A= sh", "--", "--share net -- sh", "-t sh -v"):
        offers_none(f"minibox run {words} --", *long_names)
    offers("minibox run my-program fi", "file.txt", only=True)
    offers("minibox run -w directory my-program fi", "file.txt", only=True)
    offers("minibox run -- my-pro", "my-program", only=True)


with tempfile.TemporaryDirectory() as work:
    os.makedirs(work + "/bin")
    os.symlink(minibox, work + "/bin/minibox")
    with open(work + "/bin/my-program", "w", encoding="ascii") as file:
        os.chmod(file.fileno(), 0o755)
    os.makedirs(work + "/here/directory")
    open(work + "/here/file.txt", "w", encoding="ascii").close()
    os.rename(work + "/bin", work + "/here/bin")
    point("there is something to ask for", "" if len(options) > 20 and len(rows) == 17 and len(spaces) == 8 else options)
    for way, needed, start in ways(work + "/here"):
        if not shutil.which(needed) and not os.path.exists(needed):
            skip(way, f"needs {needed}")
            continue
        started = start()
        test(way, started)
        point(f"{way}: no complaint", re.findall(rb"(?:bash: |zsh: |_\w+:)[^\r\n]+", started.screen))
        started.close()

print(f"1..{count}")
sys.exit(1 if failed else 0)
