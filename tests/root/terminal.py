#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minibox on a terminal: a person at a shell, programs that talk much, readers that are slow, terminals that go away."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import SLOW, State, begin, callers, finish, place, point, run, same  # noqa: E402

PATIENCE = 20.0 * SLOW


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    """A user's terminal with one program on it, whose session leader it is. The test sits at the master."""

    def __init__(self, argv, caller, rows=33, columns=77, stdin=None, stdout=None):
        self.master, slave = pty.openpty()
        self.slave_name = os.ttyname(slave)
        os.fchown(slave, caller.uid, -1)
        set_size(slave, rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave  # kept: its settings are looked at afterwards
        self.text = b""

        def lead():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(argv, cwd="/", preexec_fn=lead, pass_fds=(slave,),
                                        stdin=slave if stdin is None else stdin, stdout=slave if stdout is None else stdout,
                                        stderr=slave, env={"PATH": os.environ["PATH"], "TERM": "vt100"}, **caller.options())

    def read(self, seconds):
        """One piece of output, if there is any."""
        if not select.select([self.master], [], [], seconds)[0]:
            return b""
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return b""
        self.text += piece
        return piece

    def expect(self, pattern, seconds=PATIENCE):
        """Reads until `pattern` is in what came since the last expect(); returns the match or None."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text, re.S)
            if match:
                self.text = self.text[match.end():]
                return match
            if time.monotonic() > end:
                return None
            self.read(0.05)

    def send(self, text):
        os.write(self.master, text)

    def is_raw(self):
        settings = termios.tcgetattr(self.slave)
        return not settings[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def wait_raw(self, wanted=True):
        end = time.monotonic() + PATIENCE
        while self.is_raw() != wanted and time.monotonic() < end:
            self.read(0.01)
        return self.is_raw() == wanted

    def wait(self, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.01)
        status = self.process.poll()
        while self.read(0.02):
            pass
        if status is None:
            return "still running"
        return 128 - status if status < 0 else status

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1


def nothing_left(state, label):
    left = state.left(None)
    point(not left, label + ": nothing is left", left, "nothing")


def prompt(terminal):
    return terminal.expect(rb"[#$] (\x1b\[[0-9;]*[a-zA-Z])*")


def check_shell(binary, caller):
    """A shell with job control, as a person uses it."""
    label, state = caller.name + " shell", State()
    terminal = Terminal([binary, "run", "/bin/sh", "-i"], caller)
    if not point(prompt(terminal), label + ": a prompt", terminal.text, "# or $"):
        terminal.close()
        return
    point(terminal.is_raw(), label + ": the user's terminal is raw meanwhile", "cooked", "raw")
    terminal.send(b"tty; echo TERM=$TERM\r")
    point(terminal.expect(rb"/dev/pts/0\r\n"), label + ": tty says /dev/pts/0", terminal.text, "/dev/pts/0")
    point(terminal.expect(rb"TERM=vt100"), label + ": TERM is the caller's", terminal.text, "vt100")
    prompt(terminal)
    terminal.send(b"stty size\r")
    point(terminal.expect(rb"\n33 77\r"), label + ": the window's size", terminal.text, "33 77")
    prompt(terminal)

    # What it says has other letters than what is typed, which the terminal shows too.
    terminal.send(b"sh -c 'echo go''ing; exec sleep 100'\r")
    terminal.expect(rb"going\r\n")
    terminal.send(b"\x1a")
    point(terminal.expect(rb"Stopped"), label + ": Ctrl-Z stops the program in the foreground", terminal.text, "Stopped")
    prompt(terminal)
    terminal.send(b"jobs\r")
    point(terminal.expect(rb"\[1\].*Stopped.*sleep 100"), label + ": jobs shows it", terminal.text, "[1]+ Stopped ... sleep 100")
    prompt(terminal)
    terminal.send(b"fg\r")
    terminal.expect(rb"sleep 100[\"']\r\n")
    time.sleep(0.2) # the shell says it before it continues the program; later still, Ctrl-C comes to the shell, and then again
    for _ in range(int(PATIENCE)):
        terminal.send(b"\x03")
        if terminal.expect(rb"[#$] (\x1b\[[0-9;]*[a-zA-Z])*", 1):
            break
    terminal.send(b"echo status=$?\r")
    point(terminal.expect(rb"status=130"), label + ": Ctrl-C ends the program that fg continued, by SIGINT", terminal.text, "status=130")
    same(terminal.process.poll(), None, label + ": minibox and the shell survive Ctrl-C")
    prompt(terminal)

    set_size(terminal.master, 40, 99)
    terminal.send(b"stty size\r")
    point(terminal.expect(rb"40 99\r"), label + ": the window's new size", terminal.text, "40 99")
    prompt(terminal)

    terminal.send(b"exit 9\r")
    same(terminal.wait(), 9, label + ": its exit status")
    point(terminal.is_restored(), label + ": terminal restored", termios.tcgetattr(terminal.slave), terminal.before)
    terminal.close()
    nothing_left(state, label)


def check_ends(binary, caller):
    """However it ends, the user's terminal is as it was."""
    for signo in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        label, state = "%s %s" % (caller.name, signo.name), State()
        terminal = Terminal([binary, "run", "sleep", "100"], caller)
        point(terminal.wait_raw(), label + ": raw while it runs", "cooked", "raw")
        terminal.process.send_signal(signo)
        same(terminal.wait(), 128 + signo, label + ": exit status")
        point(terminal.is_restored(), label + ": terminal restored", termios.tcgetattr(terminal.slave), terminal.before)
        terminal.close()
        nothing_left(state, label)
    for words, status in ((["/no/such/program"], 127), (["--rootfs", "/no/such/directory", "true"], 125),
                          (["--workdir", "/no/such/directory", "true"], 125), (["--timeout", "300ms", "sleep", "100"], 124),
                          (["true"], 0)):
        label, state = "%s run %s" % (caller.name, " ".join(words)), State()
        terminal = Terminal([binary, "run", *words], caller)
        same(terminal.wait(), status, label + ": exit status")
        point(terminal.is_restored(), label + ": terminal restored", termios.tcgetattr(terminal.slave), terminal.before)
        terminal.close()
        nothing_left(state, label)


def check_resize(binary, caller):
    label, state = caller.name + " resize", State()
    terminal = Terminal([binary, "run", "sh", "-c", "trap 'stty size' WINCH; echo armed; while :; do sleep 0.05; done"], caller)
    point(terminal.expect(rb"armed"), label + ": started", terminal.text, "armed")
    for rows, columns in ((10, 20), (50, 132)):
        set_size(terminal.master, rows, columns)
        point(terminal.expect(b"%d %d\r" % (rows, columns)), label + ": SIGWINCH and the size reach the program", terminal.text,
              "%d %d" % (rows, columns))
    terminal.close()
    nothing_left(state, label)


def check_stop(binary, caller):
    label, state = caller.name + " SIGSTOP", State()
    terminal = Terminal([binary, "run", "cat"], caller)
    terminal.wait_raw()
    terminal.process.send_signal(signal.SIGSTOP)
    terminal.send(b"while stopped\r")
    time.sleep(0.1)
    terminal.process.send_signal(signal.SIGCONT)
    point(terminal.expect(rb"while stopped\r\nwhile stopped\r\n"), label + ", SIGCONT: what was typed meanwhile arrives",
          terminal.text, "echo and output")
    terminal.send(b"\x04")
    same(terminal.wait(), 0, label + ": Ctrl-D ends cat")
    terminal.close()
    nothing_left(state, label)


def check_hangup(binary, caller):
    """The user's terminal goes away: its session leader, minibox, gets SIGHUP."""
    for words in (["sleep", "100"], ["/bin/sh", "-i"], ["cat"], ["sh", "-c", "while echo chatter; do :; done"]):
        label, state = "%s terminal closed under %s" % (caller.name, words[-1][:24]), State()
        terminal = Terminal([binary, "run", *words], caller)
        terminal.wait_raw()
        os.close(terminal.slave)
        terminal.slave = -1
        os.close(terminal.master)
        terminal.master = -1
        try:
            status = terminal.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            status = "still running"
        point(status != "still running", label + ": minibox ends", status, "an end")
        terminal.close()
        nothing_left(state, label)


def check_no_tty(binary, caller):
    label = caller.name + " --tty=no"
    terminal = Terminal([binary, "run", "--tty=no", "sh", "-c", "tty; test -t 1 && echo is-terminal; ls /dev/pts"], caller)
    same(terminal.wait(), 0, label + ": exit status")
    text = terminal.text.decode()
    point("/dev/pts/0" not in text and "is-terminal" in text, label + ": the caller's descriptors, no terminal of its own", text,
          "not /dev/pts/0, but a terminal")
    point(not terminal.is_raw() and terminal.is_restored(), label + ": the user's terminal is left alone", "changed", "unchanged")
    terminal.close()
    terminal = Terminal([binary, "check", "--", "run", "-t", "true"], caller)
    same(terminal.wait(), 0, caller.name + ": a launch that is only tried has a terminal too")
    point(terminal.is_restored(), caller.name + ": and leaves the user's alone", "changed", "unchanged")
    terminal.close()
    status, out, err = run([binary, "run", "sh", "-c", "tty"], caller)
    same((status, out.strip()), (1, "not a tty"), caller.name + ": no terminal without one")


def check_keyboard(binary, caller):
    """Ctrl-C where the command has no terminal of its own is for all that the command has started, as without a box."""
    label, state = caller.name + " Ctrl-C in a pipeline", State()
    end, other = os.pipe()
    terminal = Terminal([binary, "run", "sh", "-c", "echo ready >&2; sleep 60; echo late"], caller, stdout=other)
    os.close(other)
    point(terminal.expect(rb"ready"), label + ": it runs", terminal.text, "ready")
    terminal.send(b"\x03")
    same(terminal.wait(), 130, label + ": all of it ends")
    same(os.read(end, 100), b"", label + ": at once")
    os.close(end)
    terminal.close()
    nothing_left(state, label)


def check_pipe(binary, caller):
    """-t with standard input from a pipe: its end is Ctrl-D."""
    for text, wanted in ((b"one\n", b"one\r\none\r\n"), (b"one\ntwo", b"two"), (b"", b"")):
        label = "%s -t from a pipe (%r)" % (caller.name, text)
        status, out, err = run([binary, "run", "-t", "cat"], caller, timeout=PATIENCE, input=text)
        point(status == 0 and wanted in out.encode(), label, (status, out, err), "exit 0 and %r" % wanted)
    status, out, err = run([binary, "run", "-t", "sh"], caller, timeout=PATIENCE, input=b"echo sum=$((40 + 2))\n")
    point(status == 0 and "sum=42" in out, caller.name + " -t from a pipe: a shell reads it and ends", (status, out, err),
          "exit 0, sum=42")
    # More than a terminal's line holds, in lines.
    lines = b"".join(b"%063d\n" % i for i in range(4096))
    status, out, err = run([binary, "run", "-t", "sh", "-c", "stty -echo; echo go; cat"], caller, input=lines)
    got = out.encode().replace(b"\r\n", b"\n").split(b"go\n", 1)[-1]
    point(status == 0 and got.endswith(lines[-64 * 1024:]), caller.name + " -t from a pipe: 256 KiB arrive", (status, len(got), err),
          "%d bytes" % len(lines))


def check_large_output(binary, caller):
    # 1 MiB, and an end that would be lost first.
    command = "dd if=/dev/zero bs=1024 count=1024 2>/dev/null | tr '\\0' 'x'; printf THE-END"
    size = 1024 * 1024 + 7
    for _ in range(3):
        status, out, err = run([binary, "run", "-t", "sh", "-c", command], caller)
        point(status == 0 and len(out) == size and out.endswith("THE-END"), caller.name + " -t: 1 MiB into a pipe",
              (status, len(out), out[-20:], err), (0, size, "...THE-END"))
    terminal = Terminal([binary, "run", "sh", "-c", command], caller)
    same(terminal.wait(60 * SLOW), 0, caller.name + ": 1 MiB to a terminal, exit status")
    point(len(terminal.text) == size and terminal.text.endswith(b"THE-END"), caller.name + ": 1 MiB to a terminal",
          (len(terminal.text), terminal.text[-20:]), (size, "...THE-END"))
    terminal.close()

    # A slow reader: everything arrives nevertheless, after the box has ended too.
    terminal = Terminal([binary, "run", "sh", "-c", command.replace("count=1024", "count=64")], caller)
    text, end = b"", time.monotonic() + 60 * SLOW
    while time.monotonic() < end:
        time.sleep(0.002)
        try:
            piece = os.read(terminal.master, 256) if select.select([terminal.master], [], [], 0)[0] else b""
        except OSError:
            break
        text += piece
        if not piece and terminal.process.poll() is not None:
            break
    point(len(text) == 64 * 1024 + 7 and text.endswith(b"THE-END"), caller.name + ": a slow reader misses nothing",
          (len(text), text[-20:]), "%d bytes" % (64 * 1024 + 7))
    terminal.close()


def check_no_reader(binary, caller):
    """Nobody reads: minibox must still hear what it is told, and keep its time limit."""
    loud = ["sh", "-c", "while echo chatter; do :; done"]
    for name, options, signo, wanted in (("SIGTERM", [], signal.SIGTERM, {143}), ("the time limit", ["--timeout", "1s"], None, {124})):
        label, state = "%s: nobody reads, %s" % (caller.name, name), State()
        terminal = Terminal([binary, "run", *options, *loud], caller)
        terminal.wait_raw()
        time.sleep(0.5) # until nothing more fits in
        if signo:
            terminal.process.send_signal(signo)
        try:
            status = terminal.process.wait(PATIENCE)
            status = 128 - status if status < 0 else status
        except subprocess.TimeoutExpired:
            status = "still running"
        point(status in wanted, label, status, wanted)
        terminal.close()
        nothing_left(state, label)
        # The same with a pipe that is full.
        end, start = os.pipe()
        process = subprocess.Popen([binary, "run", "-t", *options, *loud], stdin=subprocess.DEVNULL, stdout=start, cwd="/",
                                   stderr=subprocess.DEVNULL, **caller.options())
        os.close(start)
        select.select([end], [], [], PATIENCE)
        time.sleep(0.5)
        if signo:
            process.send_signal(signo)
        try:
            status = process.wait(PATIENCE)
            status = 128 - status if status < 0 else status
        except subprocess.TimeoutExpired:
            status = "still running"
            process.kill()
            process.wait()
        point(status in wanted, label + " (a full pipe)", status, wanted)
        os.close(end)
        nothing_left(state, label)


def check_background(binary, caller):
    """Under a shell with job control minibox is a job like any other: it is stopped when it touches the terminal from behind."""
    label, state = caller.name + " as a background job", State()
    terminal = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"], caller)
    terminal.send(b"PS1='ready> '\r")
    terminal.expect(rb"[^']ready> ") # not what was typed
    terminal.send(b"%s run sh -c 'echo in-the-box; read line; echo got-$line' &\r" % binary.encode())
    stopped, end = None, time.monotonic() + PATIENCE
    while not stopped and time.monotonic() < end:
        terminal.send(b"jobs\r")
        stopped = terminal.expect(rb"Stopped", 0.3)
    point(stopped, label + ": stopped", terminal.text, "Stopped")
    terminal.send(b"fg\r")
    point(terminal.expect(rb"in-the-box"), label + ": fg brings it to the front", terminal.text, "in-the-box")
    terminal.send(b"word\r")
    point(terminal.expect(rb"got-word"), label + ": and it reads", terminal.text, "got-word")
    point(terminal.expect(rb"ready> "), label + ": and the shell goes on", terminal.text, "a prompt")
    terminal.send(b"exit\r")
    terminal.wait()
    terminal.close()
    nothing_left(state, label)


def main():
    begin()
    _, binary = place()
    for caller in callers():
        check_shell(binary, caller)
        check_ends(binary, caller)
        check_resize(binary, caller)
        check_stop(binary, caller)
        check_hangup(binary, caller)
        check_no_tty(binary, caller)
        check_keyboard(binary, caller)
        check_pipe(binary, caller)
        check_large_output(binary, caller)
        check_no_reader(binary, caller)
        if os.path.exists("/bin/bash"):
            check_background(binary, caller)
    finish()


main()
