#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a default box is, seen from inside: three root file systems, as root and as an ordinary user with extra groups. What it
must not be is tests/probe's business."""
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import (State, begin, callers, check_libc, compile_static, finish, libc, make_rootfs, place, point, run, same,  # noqa: E402
                     skip_point)

# What the box is for must work. The shell is told apart from what it starts: the environment is what execve gave it.
SCRIPT = """
id -u; id -g; umask; cat /proc/sys/kernel/hostname; cat /proc/1/comm; echo $PPID; cat /sys/class/net/lo/flags
mkdir /tmp/new && touch /dev/shm/new && echo x >/dev/null && head -c 1 /dev/urandom >/dev/null && chmod 700 /tmp/new && echo works
cat /proc/$$/environ
"""


def check_box(binary, caller, label, options, wanted_ids):
    status, out, err = run([binary, "run"] + options + ["sh", "-c", SCRIPT], caller, env={"PATH": os.environ["PATH"], "TERM": "dumb"})
    lines = out.split("\n", 8)
    if not point(status == 0 and len(lines) == 9, label + ": runs to its end", "exit %s\n%s\n%s" % (status, err, out), "9 lines"):
        return
    same((lines[0], lines[1]), wanted_ids, label + ": ids")
    same(lines[2], "0022", label + ": umask")
    same(lines[3], "minibox", label + ": host name")
    same((lines[4], lines[5]), ("minibox-init", "1"), label + ": init is process 1 and the command its child")
    same(int(lines[6], 16) & 1, 1, label + ": lo is up")
    same(lines[7], "works", label + ": /tmp, /dev/shm and the devices work, and so does an ordinary chmod")
    names = {word.split("=", 1)[0] for word in lines[8].split("\0") if word}
    point({"PATH", "HOME", "container"} <= names <= {"PATH", "HOME", "container", "USER"}, label + ": environment", names,
          "PATH, HOME, container and perhaps USER")


def check_keyring(binary, caller, program):
    check_libc(libc.syscall(250, 1, 0, 0, 0, 0), "keyctl join") if os.uname().machine == "x86_64" else None
    host = run([program, "keyring"], caller)[1]
    status, box, err = run([binary, "run", "--seccomp", "off", "-v", program + ":/run/probe", "/run/probe", "keyring"], caller)
    point(status == 0 and host.startswith("keyring ") and box.startswith("keyring ") and box != host and "-" not in box,
          caller.name + ": the session keyring is the box's own", "host %s box %s %s" % (host, box, err), "two serial numbers")


def check_ends(binary, caller, program):
    volume = ["-v", program + ":/run/probe"]
    for name in ("SIGABRT", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGXCPU", "SIGKILL", "SIGSEGV", "SIGHUP", "SIGINT"):
        signo = getattr(signal, name)
        status, _, err = run([binary, "run"] + volume + ["/run/probe", "die", str(int(signo))], caller,
                             preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN))
        same((status, err), (128 + signo, ""), "%s: %s ends with %d" % (caller.name, name, 128 + signo))
    for ignored in ((), (signal.SIGCHLD,)):
        def spoil():
            for signo in ignored:
                signal.signal(signo, signal.SIG_IGN)
        note = " with SIGCHLD ignored" if ignored else ""
        for init in ("yes", "no"):
            status, _, err = run([binary, "run", "--init", init, "sh", "-c", "exit 7"], caller, preexec_fn=spoil)
            same((status, err), (7, ""), "%s: exit status, --init %s%s" % (caller.name, init, note))
        status, _, err = run([binary, "run", "/no/such/program"], caller, preexec_fn=spoil)
        same(status, 127, "%s: not found%s" % (caller.name, note))
        if caller.is_root:
            status, _, err = run([binary, "run", "--join", "net=%d" % os.getpid(), "sh", "-c", "exit 8"], caller,
                                 preexec_fn=spoil)
            same((status, err), (8, ""), "%s: exit status, joined network%s" % (caller.name, note))


def check_kept_groups(binary, caller):
    """--dry-run says which groups stay; with the helpers none does."""
    status, out, _ = run([binary, "run", "--dry-run", "true"], caller)
    line = [line for line in out.splitlines() if "supplementary groups" in line]
    point(status == 0 and any(str(len(caller.groups)) in word for word in line), "user: --dry-run shows the groups that stay",
          line, "a line with %d" % len(caller.groups))
    with open("/etc/subuid") as file:
        has_range = any(line.startswith(caller.name_on_host + ":") for line in file) if os.path.exists("/etc/subuid") else False
    if not has_range or not shutil.which("newuidmap"):
        skip_point("user: --userns keep-id has no groups", "needs newuidmap and subordinate ids of mbtest")
        return
    for ignored in (signal.SIG_DFL, signal.SIG_IGN):
        status, out, err = run([binary, "run", "--userns", "keep-id", "sh", "-c", "grep ^Groups: /proc/self/status; id -u"], caller,
                               preexec_fn=lambda: signal.signal(signal.SIGCHLD, ignored))
        same((status, out.split(), err), (0, ["Groups:", str(caller.uid)], ""), "user: --userns keep-id has no groups%s" %
             (" (SIGCHLD ignored)" if ignored == signal.SIG_IGN else ""))


def main():
    begin()
    directory, binary = place()
    program = compile_static(directory, "posture.c", "probe")
    tree = make_rootfs(os.path.join(directory, "rootfs"))
    state = State()
    for caller in callers():
        caller.name_on_host = "mbtest"
        check_box(binary, caller, caller.name + " busybox", [], ("0", "0"))
        check_box(binary, caller, caller.name + " DIR", ["--rootfs", tree], ("0", "0"))
        check_box(binary, caller, caller.name + " host", ["--rootfs", "host"], (str(caller.uid), str(caller.gid)))
        check_keyring(binary, caller, program)
        check_ends(binary, caller, program)
        if not caller.is_root:
            check_kept_groups(binary, caller)
        left = state.left(None) # a mount of a box that got out would be here: this namespace's mounts are shared
        same(left, [], caller.name + ": nothing is left, no mount came out")
    finish()


main()
