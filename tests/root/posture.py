#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a default box is, seen from inside: three root file systems, as root and as an ordinary user with extra groups."""
import errno
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import (State, begin, callers, check_libc, compile_static, finish, libc, make_rootfs, place, point, run, same,  # noqa: E402
                     skip_point)

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS)


class Findings:
    """The probe's lines by kind."""

    def __init__(self, text):
        self.text, self.facts, self.tries, self.reads, self.writes, self.files = text, {}, {}, {}, {}, {}
        self.descriptors, self.environment, self.interfaces, self.processes, self.namespaces = [], [], [], [], {}
        block = None
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            if block is not None:
                if line == "end " + block:
                    block = None
                else:
                    self.files[block].append(line)
            elif kind == "begin":
                block = rest
                self.files[block] = []
            elif kind == "fact":
                name, _, value = rest.partition(" ")
                self.facts[name] = value
            elif kind in ("try", "write"):
                name, _, value = rest.partition(" ")
                (self.tries if kind == "try" else self.writes)[name] = int(value) if value.isdigit() else value
            elif kind == "read":
                name, _, value = rest.partition(" ")
                self.reads[name] = value
            elif kind == "descriptor":
                self.descriptors.append(int(rest))
            elif kind == "environment":
                self.environment.append(rest)
            elif kind == "interface":
                self.interfaces.append(rest)
            elif kind == "process":
                pid, parent, name = rest.split(" ", 2)
                self.processes.append((int(pid), int(parent), name))
            elif kind == "namespace":
                name, _, value = rest.partition(" ")
                self.namespaces[name] = value

    def field(self, name, file="status"):
        for line in self.files.get(file, []):
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
        return None


def host_namespaces():
    return {name: os.readlink("/proc/self/ns/" + name) for name in NAMESPACES if os.path.exists("/proc/self/ns/" + name)}


def check_privileges(label, found, caller):
    for file in ("status", "init-status"):
        sets = {name: found.field(name, file) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        point(len(sets) == 5 and all(value and int(value, 16) == 0 for value in sets.values()),
              "%s: five empty capability sets (%s)" % (label, file), sets, "all zero")
        same(found.field("NoNewPrivs", file), "1", "%s: no_new_privs (%s)" % (label, file))
    same(found.field("Seccomp"), "2", label + ": a filter is loaded")
    groups = int(found.facts.get("groups", "-1"))
    if caller.is_root:
        same(groups, 0, label + ": no supplementary groups")
    else: # the kernel lets an ordinary user drop none; they are shown by --dry-run, and mean nothing but access on the host
        same(groups, len(caller.groups), label + ": the caller's supplementary groups are kept, no other is there")
        same(set(found.field("Groups").split()) - {"65534"}, set(), label + ": kept groups have no name or number in the box")


def check_process(label, found, wanted_ids):
    same(found.descriptors, [0, 1, 2], label + ": no descriptor above 2")
    same((found.facts.get("sid"), found.facts.get("pgrp")), (found.facts.get("pid"),) * 2, label + ": a session of its own")
    same(found.facts.get("umask"), "0022", label + ": umask")
    same(found.facts.get("core"), "0 0", label + ": core limit")
    same(found.facts.get("signals"), "0 ignored 0 caught", label + ": signals are default")
    same(tuple(found.field(name) for name in ("SigBlk", "SigIgn", "SigCgt")), ("0" * 16,) * 3, label + ": signal masks")
    same(found.facts.get("ids"), "%d %d %d %d" % wanted_ids, label + ": ids")
    same(found.facts.get("hostname"), "minibox", label + ": host name")
    names = {word.split("=", 1)[0] for word in found.environment}
    point({"PATH", "HOME", "container"} <= names <= {"PATH", "HOME", "container", "USER"}, label + ": clean environment",
          found.environment, "PATH, HOME, container and perhaps USER")
    same(found.processes[:1] + [p[1] for p in found.processes[1:]], [(1, 0, "minibox-init"), 1],
         label + ": init is process 1 and the command its only child")


def check_namespaces(label, found):
    host = host_namespaces()
    equal = [name for name in host if found.namespaces.get(name) in (host[name], "-", None)]
    same(equal, [], label + ": no namespace is the host's (%d looked at)" % len(host))
    same(found.interfaces, ["lo"], label + ": lo and no other interface")
    same(found.facts.get("lo"), "up", label + ": lo is up")
    same((found.tries.get("connect-loopback"), found.tries.get("connect-outside")), (0, errno.ENETUNREACH),
         label + ": loopback is reached, the outside is not")


def check_init(label, found):
    for name in ("mem", "exe-read", "exe-link", "root", "root-link", "root-below", "cwd", "environ", "maps", "ptrace-attach",
                 "ptrace-seize", "vm-read", "pidfd-getfd"):
        saw = found.tries.get("init-" + name)
        point(saw in REFUSED, "%s: init's %s is closed to the command" % (label, name), saw, "EPERM, EACCES or ENOSYS")
    point(found.tries.get("init-fd") in REFUSED + (errno.ENOENT,), label + ": init's descriptors cannot be opened",
          found.tries.get("init-fd"), "refused, or not there")
    point(found.reads.get("/proc/1/fd") in ("entries-0", "error-13"), label + ": init's descriptors are not listed",
          found.reads.get("/proc/1/fd"), "none, or refused")
    same(found.facts.get("survived"), "yes", label + ": init survives what the command sends it")


def check_mounts(label, found):
    roots, unsafe, shared, devices = [], [], [], []
    for line in found.files.get("mountinfo", []):
        fields = line.split(" ")
        target, options = fields[4], fields[5].split(",")
        tags = fields[6:fields.index("-")]
        if target == "/":
            roots.append(options)
        if "nosuid" not in options:
            unsafe.append(line)
        if tags:
            shared.append(line)
        node = re.fullmatch(r"/dev/(null|zero|full|random|urandom|tty|pts)", target)
        if "nodev" not in options and not node:
            devices.append(line)
    point(len(roots) == 1 and {"ro", "nosuid", "nodev"} <= set(roots[0]), label + ": root is ro, nosuid, nodev, and one",
          roots, "one, with ro, nosuid, nodev")
    same(unsafe, [], label + ": every mount is nosuid")
    same(shared, [], label + ": every mount is private")
    same(devices, [], label + ": nodev everywhere but on the device nodes")
    readable = {p: r for p, r in found.reads.items()
                if p != "/proc/1/fd" and not (r in ("absent", "bytes-0", "entries-0") or r.startswith("error-"))}
    same(readable, {}, label + ": masked paths are unreadable")
    point(any(r != "absent" for p, r in found.reads.items() if p.startswith("/proc/") and p != "/proc/1/fd"),
          label + ": some masked path exists", found.reads, "at least one")
    same({p: e for p, e in found.writes.items() if e == 0}, {}, label + ": /proc/sys is not writable")
    for name in ("root-mkdir", "etc-create", "dev-create", "sys-write"):
        point(found.tries.get(name) in (errno.EROFS, errno.EACCES, errno.EPERM), "%s: %s refused" % (label, name),
              found.tries.get(name), "EROFS, EACCES or EPERM")
    for name in ("tmp-mkdir", "shm-create", "null-write", "urandom-read"):
        same(found.tries.get(name), 0, "%s: %s works" % (label, name))


def check_calls(label, found):
    allowed = []
    for name in ("mount umount pivot_root open_tree fsopen move_mount mount_setattr unshare-user unshare-mnt unshare-net clone-user "
                 "clone-pid clone3 chroot setuid setgroups setns keyctl add_key request_key bpf perf_event_open userfaultfd "
                 "io_uring_setup open_by_handle_at kexec_load init_module openat2 reboot swapon acct sethostname mknod-device "
                 "socket-raw tiocsti tiocsti-bit-32 tioclinux suid-chmod sgid-chmod suid-creat suid-open suid-mknod suid-fchmod "
                 "suid-fchmodat suid-fchmodat2 suid-openat suid-mknodat suid-openat2").split():
        if name in found.tries and found.tries[name] not in REFUSED:
            # An id that the box has not is no id: that is the kernel's own refusal.
            if name == "setuid" and found.tries[name] == errno.EINVAL:
                continue
            allowed.append((name, found.tries[name]))
    same(allowed, [], label + ": kernel calls are refused with EPERM, EACCES or ENOSYS")
    for name in ("socket-packet", "socket-vsock", "socket-alg"):
        point(found.tries.get(name) in REFUSED + (errno.EAFNOSUPPORT,), "%s: %s refused" % (label, name),
              found.tries.get(name), "refused")
    for name in ("x32", "int80"):
        if name in found.tries:
            point(found.tries[name] in REFUSED or str(found.tries[name]).startswith("signal-"),
                  "%s: calls of another architecture refused (%s)" % (label, name), found.tries[name], "refused")
    same(found.tries.get("plain-chmod"), 0, label + ": an ordinary chmod works")
    same((found.facts.get("suid-file"), found.facts.get("suid-bits")), ("made", "0"), label + ": no set-id bit was set")


def check_box(binary, caller, label, options, program, wanted_ids):
    # Inherited on purpose: a descriptor, a variable, ignored and blocked signals, a umask, a core limit.
    def spoil():
        for signo in (signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGUSR1):
            signal.signal(signo, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGUSR2})
        os.umask(0)
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    leak = os.open("/", os.O_RDONLY)
    os.set_inheritable(leak, True)
    status, out, err = run([binary, "run"] + options + [program], caller, preexec_fn=spoil, pass_fds=(leak,),
                           env={"PATH": os.environ["PATH"], "SECRET": "1", "LD_PRELOAD": "", "TERM": "dumb"})
    os.close(leak)
    found = Findings(out)
    if not point(status == 0 and found.facts.get("end") == "yes", label + ": the probe ran to its end",
                 "exit %s\n%s\n%s" % (status, err, out[-300:]), "exit 0"):
        return
    check_privileges(label, found, caller)
    check_process(label, found, wanted_ids)
    check_namespaces(label, found)
    check_init(label, found)
    check_mounts(label, found)
    check_calls(label, found)


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
    folder, binary = place()
    program = compile_static(folder, "probe.c", "probe")
    tree = make_rootfs(os.path.join(folder, "rootfs"))
    shutil.copy2(program, os.path.join(tree, "bin/probe"))
    state = State()
    for caller in callers():
        caller.name_on_host = "mbtest"
        volume = ["-v", program + ":/run/probe"]
        own = (caller.uid, caller.uid, caller.gid, caller.gid)
        zero = (0, 0, 0, 0)
        check_box(binary, caller, caller.name + " busybox", volume, "/run/probe", zero)
        check_box(binary, caller, caller.name + " DIR", ["--rootfs", tree], "/bin/probe", zero)
        check_box(binary, caller, caller.name + " host", ["--rootfs", "host"] + volume, "/run/probe", own)
        check_keyring(binary, caller, program)
        check_ends(binary, caller, program)
        if not caller.is_root:
            check_kept_groups(binary, caller)
        left = state.left(None) # a mount of a box that got out would be here: this namespace's mounts are shared
        same(left, [], caller.name + ": nothing is left, no mount came out")
    finish()


main()
