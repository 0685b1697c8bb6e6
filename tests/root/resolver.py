#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile root file systems: whatever a path of the box leads over, a launch is right or refused, and the host stays as it was.

How it works. A tree has a directory /h with a trick a name: links out of it, loops, /proc's magic links, devices, FIFOs. Each way of
naming a place of the box (--volume, --tmpfs, --mask, --device, --workdir, --user, the command ...) is pointed at each of them,
as root and as an ordinary user, with the tree as root file system (read-only, writable, overlay) and as a writable volume. Beside
the tree are canaries, to which the links lead. After each launch they and the mounts are compared with what was there before.
"""
import multiprocessing.pool
import os
import shutil
import socket
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import begin, callers, changed_mounts, finish, make_rootfs, mounts, own_directory, place, point, run, same, snapshot  # noqa: E402

UP = "../" * 20
CANARY, DECOY = "/run/canary", "/run/decoy"  # of the host
AT_ONCE = 6
REFUSED, WORKS, EITHER = "refused", "works", "either"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def make_canary(path):
    """A directory of the host, of the shape that a launch would like to find."""
    for name in ("d", "d/d", "new"):
        os.makedirs(os.path.join(path, name))
    for name in ("f", "d/f", "marker"):
        write(os.path.join(path, name), "of the host\n")
    write(os.path.join(path, "passwd"), "alice:x:0:0:alice:/stolen:/bin/sh\nroot:x:0:0:root:/stolen:/bin/sh\n")
    write(os.path.join(path, "group"), "staff:x:0:\n")
    shutil.copyfile(os.environ["MINIBOX"], os.path.join(path, "prog"))
    os.chmod(os.path.join(path, "prog"), 0o755)
    for base, _, _ in os.walk(path):
        os.chmod(base, 0o777)  # who gets there can do harm


class Host:
    """What must stay as it is."""

    def __init__(self, *directories):
        self.directories = directories
        self.files, self.mounts = snapshot(*directories), mounts()

    def effects(self):
        files = snapshot(*self.directories)
        return ["%s: was %s, is %s" % (path, self.files.get(path), files.get(path))
                for path in sorted(set(files) | set(self.files)) if files.get(path) != self.files.get(path)] + \
               changed_mounts(self.mounts)


def tricks():
    """Name of a link in /h, its text, and what becomes of a directory's place that leads over it."""
    yield "out", UP + CANARY[1:], REFUSED
    yield "absolute", CANARY, REFUSED
    yield "out-d", UP + CANARY[1:] + "/d", REFUSED
    yield "dotdot", "/h/real/../../../.." + CANARY, REFUSED
    yield "loop", "loop", REFUSED
    yield "loop2", "loop2-back", REFUSED
    yield "loop2-back", "loop2", REFUSED
    yield "self-below", "self-below/x", REFUSED
    yield "dangling", "/nowhere", REFUSED
    yield "magic-root", "/proc/self/root" + CANARY, REFUSED
    yield "magic-root1", "/proc/1/root" + CANARY, REFUSED
    yield "magic-cwd", "/proc/self/cwd", REFUSED
    yield "magic-thread", "/proc/thread-self/root/h/real", REFUSED
    for number in (0, 3, 4, 5, 6, 7, 8, 9):
        yield "magic-fd%d" % number, "/proc/self/fd/%d" % number, REFUSED
    yield "chain41", "chain/41", REFUSED
    yield "chain19", "chain/18", WORKS
    yield "inside", "/h/real", WORKS
    yield "inside-up", UP + "h/real", WORKS  # there is nothing above /
    yield "inside-dotdot", "../h/real/../real", WORKS
    yield "decoy", UP + DECOY[1:], WORKS  # the tree has a directory of that name, the host too


OTHERS = ("file", "fifo", "null", "zero", "socket")  # where a directory is wanted


def make_chain(directory, end, length):
    os.makedirs(directory)
    for number in range(1, length + 1):
        os.symlink(end if number == 1 else str(number - 1), os.path.join(directory, str(number)))


def fill_hostile(directory):
    for name in ("real", "real/d", "real/t", "real/new"):
        os.makedirs(os.path.join(directory, name))
    for name in ("file", "real/f"):
        write(os.path.join(directory, name), "of the image\n")
    for name, text, _ in tricks():
        os.symlink(text, os.path.join(directory, name))
    make_chain(os.path.join(directory, "chain"), "../real", 41)
    os.mkfifo(os.path.join(directory, "fifo"))
    os.mknod(os.path.join(directory, "null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(os.path.join(directory, "zero"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(directory)
    listener.bind("socket")
    os.chdir(here)
    listener.close()


def give(path, caller):
    for base, names, files in os.walk(path):
        for name in [base] + [os.path.join(base, name) for name in names + files]:
            os.chown(name, caller.uid, caller.gid, follow_symlinks=False)


class Trial:
    """One caller: its tree, and the launches, of which each has to be right or refused."""

    def __init__(self, caller, directory, binary):
        self.caller, self.binary = caller, binary
        self.source = os.path.join(directory, "source")  # what is shown in the box
        self.home = own_directory(os.path.join(directory, "of-" + caller.name), caller)
        os.chmod(self.home, 0o700)  # else root may not have it writable
        self.tree, self.volume = os.path.join(self.home, "tree"), os.path.join(self.home, "volume")
        make_rootfs(self.tree)
        fill_hostile(os.path.join(self.tree, "h"))
        os.makedirs(self.tree + DECOY + "/d")
        fill_hostile(self.volume)
        give(self.home, caller)
        self.host = Host(CANARY, DECOY, self.source)
        self.wrong, self.effects, self.count = [], [], {REFUSED: 0, WORKS: 0}

    def launch(self, options, command, wanted, what, says=None, status=(0,)):
        """says: what the box has to say if it is there."""
        self.judge((options, command, wanted, what, says, status), self.start(options, command))
        self.compare(what)

    def launch_all(self, launches, what):
        """Several at once."""
        with multiprocessing.pool.ThreadPool(AT_ONCE) as pool:
            for launch, result in zip(launches, pool.map(lambda launch: self.start(*launch[:2]), launches)):
                self.judge(launch, result)
        self.compare(what)

    def start(self, options, command):
        return run([self.binary, "run", *options, *command], self.caller)

    def judge(self, launch, result):
        options, command, wanted, what, says, status = launch
        code, out, err = result
        lines = err.splitlines()
        is_refused = code == 125 and out == "" and 1 <= len(lines) <= 4 and lines[0].startswith("minibox: ") and \
            not any(line.startswith("minibox: ") for line in lines[1:])
        is_right = code in status and (says is None or out == says) and (err == "" or code != 0)
        self.count[REFUSED] += is_refused
        self.count[WORKS] += is_right
        if not (is_refused and wanted != WORKS or is_right and wanted != REFUSED):
            self.wrong.append("%s: wanted %s, saw %s, %r, %r\n  %s" % (what, wanted, code, out, err, " ".join(["run", *options, *command])))

    def compare(self, what):
        effects = self.host.effects()
        if effects:
            self.effects.append("%s: %s" % (what, effects[:3]))
            self.host = Host(*self.host.directories)

    def end(self, what):
        good = "%s: %s" % (self.caller.name, what)
        point(not self.wrong, "%s: %d launches are right, %d refused, none is anything else" % (good, self.count[WORKS], self.count[REFUSED]),
              "%d: %s" % (len(self.wrong), "\n".join(self.wrong[:6])), "none")
        point(not self.effects, good + ": no effect on the host", "\n".join(self.effects[:3]), "none")
        self.wrong, self.effects, self.count = [], [], {REFUSED: 0, WORKS: 0}


def try_places(trial, base, access, links):
    """Each consumer of a path, with each trick: at the place itself, and below it."""
    is_made = access != "ro"  # what is missing
    show, show_file = "if [ -d %s ]; then ls -A %s; else cat %s 2>/dev/null; fi; true", trial.source + "/marker:"
    for name, wanted in [(name, wanted) for name, _, wanted in links] + [(name, REFUSED) for name in OTHERS]:
        at, launches = "/h/" + name, []
        below = EITHER if name == "decoy" else wanted  # it has other things in it
        itself = EITHER if name in OTHERS else REFUSED if wanted == WORKS else wanted

        def add(what, options, command, want, says=None, status=(0,)):
            launches.append(([*base, *options], command, want, "%s %s %s" % (access, name, what), says, status))
        for path, want in ((at, wanted), (at + "/d", wanted), (at + "/new/x/y", below if is_made else REFUSED)):
            add("volume", ["-v", trial.source + ":" + path], ["cat", path + "/marker"], want, "of the source\n")
            add("tmpfs", ["--tmpfs", path], ["ls", "-A", path], want, "")
        for path, want in ((at, EITHER if name in OTHERS else wanted), (at + "/f", below)):
            add("mask", ["--mask", path], ["sh", "-c", show % (path, path, path)], want, "")
        for path, want in ((at, itself), (at + "/f", below)):
            add("file", ["-v", show_file + path], ["cat", path], want, "of the source\n")
            add("device", ["--device", "/dev/null:" + path], ["sh", "-c", "[ -c %s ]" % path], want, "")
        add("workdir", ["-w", at], ["sh", "-c", "pwd -P >/dev/null && ls -d d"], wanted, "d\n")
        add("command", [], [at + "/prog"], WORKS, "", status=(126, 127))
        trial.launch_all(launches, "%s %s" % (access, name))


def try_commands(trial):
    for name in ("out", "absolute", "dotdot", "magic-root"):
        for option in ([], ["--init", "no"]):
            trial.launch(["--rootfs", trial.tree, *option], ["/h/%s/prog" % name, "--version"], WORKS, name, says="", status=(126, 127))
    trial.end("commands behind links")
    # What the mounts are is read in the kernel's /proc, whatever has been put over the file.
    trial.launch(["-v", trial.source + "/marker:/proc/1/mountinfo"], ["true"], REFUSED, "mountinfo")
    code, _, err = run([trial.binary, "run", "-v", trial.source + "/marker:/proc/1/mountinfo", "true"], trial.caller)
    same((code, "cross-device" in err), (125, True), trial.caller.name + ": a volume over the file of which the verifier reads: " + err)


def try_accounts(trial):
    """What is read of the image while planning: /etc/passwd and /etc/group, by --user and for HOME."""
    etc = os.path.join(trial.tree, "etc")
    before = os.path.join(trial.home, "etc-before")
    os.rename(etc, before)
    by_name = ["--rootfs", trial.tree, "--user", "alice:staff"]
    home = ["sh", "-c", "echo $HOME"]

    def special(kind, number=0):
        def make(path):
            os.mknod(path, kind | 0o644, number)
        return make

    def link(text):
        return lambda path: os.symlink(text, path)
    makers = [("absolute", link(CANARY + "/passwd")), ("out", link(UP + CANARY[1:] + "/passwd")), ("loop", link("passwd")),
              ("dangling", link("/nowhere")), ("magic", link("/proc/self/root" + CANARY + "/passwd")), ("magic-fd", link("/proc/self/fd/0")),
              ("FIFO", special(stat.S_IFIFO)), ("zero", special(stat.S_IFCHR, os.makedev(1, 5))), ("directory", os.mkdir),
              ("below a file", link("/bin/busybox/passwd"))]
    for name, make in makers:
        os.mkdir(etc)
        make(os.path.join(etc, "passwd"))
        with open(CANARY + "/passwd") as stdin:
            trial.launch(by_name, ["true"], REFUSED, "passwd " + name)
            code, out, err = run([trial.binary, "run", "--rootfs", trial.tree, "--user", "alice", "id", "-u"], trial.caller, stdin=stdin)
            same((code, out, "no such user in the box" in err), (125, "", True), "%s: --user by name, passwd is %s" % (trial.caller.name, name))
        trial.launch(["--rootfs", trial.tree], home, WORKS, "HOME, passwd " + name, "/\n")
        shutil.rmtree(etc)
    # The directory itself is a link to the host's, where a passwd lies.
    os.mkdir(CANARY + "/etc")
    for name in ("passwd", "group"):
        shutil.copyfile(CANARY + "/" + name, CANARY + "/etc/" + name)
    trial.host = Host(*trial.host.directories)
    for name, text in (("out", UP + CANARY[1:] + "/etc"), ("absolute", CANARY + "/etc"), ("host's", UP + "etc"), ("self", "etc"),
                       ("magic", "/proc/self/root" + CANARY + "/etc")):
        os.symlink(text, etc)
        trial.launch(by_name, ["true"], REFUSED, "etc " + name)
        trial.launch(["--rootfs", trial.tree], home, WORKS, "HOME, etc " + name, "/\n")
        os.unlink(etc)
    # As distributions have it.
    inside = os.path.join(trial.tree, "usr/share/accounts")
    write(inside + "/passwd", "alice:x:0:0:alice:/home/alice:/bin/sh\n")
    write(inside + "/group", "staff:x:0:\n")
    for text in ("../usr/share/accounts/", "/usr/share/accounts/", UP + "usr/share/accounts/", "/bin/../usr/share/accounts/"):
        os.mkdir(etc)
        for name in ("passwd", "group"):
            os.symlink(text + name, os.path.join(etc, name))
        trial.launch(by_name, home, WORKS, "link inside", "/home/alice\n")
        shutil.rmtree(etc)
    os.rename(before, etc)
    shutil.rmtree(CANARY + "/etc")
    trial.host = Host(*trial.host.directories)
    trial.end("passwd and group")


def try_kernel_mounts(trial):
    """The image's own /dev, /proc, /sys, /tmp, /run."""
    for access in ("ro", "rw", "overlay"):
        base = ["--rootfs", trial.tree + ":" + access]
        for name in ("dev", "proc", "sys", "tmp", "run"):
            here, aside = os.path.join(trial.tree, name), os.path.join(trial.tree, name + "-before")
            os.rename(here, aside)
            for kind, text in (("out", UP + CANARY[1:]), ("absolute", CANARY), ("loop", name), ("magic", "/proc/self/root" + CANARY),
                               ("magic-fd", "/proc/self/fd/5"), ("inside", "/h/real"), ("root", "/"), ("file", None), ("fifo", None)):
                if text:
                    os.symlink(text, here)
                elif kind == "fifo":
                    os.mkfifo(here)
                else:
                    write(here, "of the image\n")
                want = WORKS if name == "run" or (name, kind) == ("tmp", "inside") else REFUSED
                trial.launch(base, ["true"], want, "%s: /%s is %s" % (access, name, kind))
                os.unlink(here)
            os.rename(aside, here)
    trial.end("the image's /dev, /proc, /sys, /tmp, /run")


def try_resolv_conf(trial):
    """The host's is shown where the image has a file of that name; the canary is what it must not be shown on."""
    conf = os.path.join(trial.tree, "etc/resolv.conf")
    base = ["--rootfs", trial.tree, "--network", "host"]
    for kind, text in (("out", UP + CANARY[1:] + "/f"), ("absolute", CANARY + "/f"), ("loop", "resolv.conf"), ("host's", UP + "etc/hosts"),
                       ("magic", "/proc/self/root" + CANARY + "/f"), ("fifo", None), ("directory", None)):
        if text:
            os.symlink(text, conf)
        else:
            (os.mkfifo if kind == "fifo" else os.mkdir)(conf)
        trial.launch(base, ["true"], WORKS, "resolv.conf " + kind, "")
        os.rmdir(conf) if kind == "directory" else os.unlink(conf)
    if os.path.isfile("/etc/resolv.conf"):
        with open("/etc/resolv.conf") as file:
            text = file.read()
        write(os.path.join(trial.tree, "h/real/f"), "of the image\n")
        os.symlink("../h/inside/f", conf)
        trial.launch(base, ["cat", "/etc/resolv.conf"], WORKS, "resolv.conf over links inside", text)
        os.unlink(conf)
    trial.end("resolv.conf")


def try_usual_links(trial):
    """The links that distributions have."""
    tree = os.path.join(trial.home, "usual")
    shutil.copytree(trial.tree, tree, symlinks=True, ignore=lambda base, names: [n for n in names if base == trial.tree and n in ("h", "tmp")])
    os.makedirs(tree + "/usr/lib/modules")
    os.makedirs(tree + "/var/lib")
    os.mkdir(tree + "/tmp")
    os.mkdir(tree + "/run/lock")
    make_chain(tree + "/chain", "../usr/lib", 30)
    os.rename(tree + "/bin", tree + "/usr/bin")
    for name, text in (("bin", "/usr/bin"), ("lib", "usr/lib"), ("var/run", "/run"), ("var/lock", "../run/lock"), ("var/up", "../../../../usr/lib"),
                       ("var/lib/abs", "/var/up/modules")):
        os.symlink(text, os.path.join(tree, name))
    give(tree, trial.caller)
    for access in ("ro", "rw", "overlay"):
        base = ["--rootfs", tree + ":" + access]
        for at, real in (("/var/run", "/run"), ("/var/lock", "/run/lock"), ("/lib/modules", "/usr/lib/modules"), ("/var/up", "/usr/lib"),
                         ("/var/lib/abs", "/usr/lib/modules")):
            trial.launch([*base, "-v", trial.source + ":" + at], ["cat", real + "/marker"], WORKS, access + " volume on " + at, "of the source\n")
            trial.launch([*base, "--tmpfs", at], ["sh", "-c", "grep -c ' %s rw,.* tmpfs ' /proc/self/mountinfo" % real], WORKS, access + " tmpfs on " + at, "1\n")
            trial.launch([*base, "-w", at], ["sh", "-c", "pwd -P"], WORKS, access + " workdir " + at, real + "\n")
    # The kernel gives up at 40 links, and counts those of a first try that something else disturbed: up to 20 are sure, 31 are
    # found by who tries again.
    for option, says in ((["-v", trial.source + ":/chain/30"], "marker\n"), (["--tmpfs", "/chain/30"], "")):
        for _ in range(20):
            seen = run([trial.binary, "run", "--rootfs", tree, *option, "ls", "/chain/30"], trial.caller)
            if "Too many levels" not in seen[2]:
                break
        same(seen, (0, says, ""), "%s: a chain of 30 links, %s" % (trial.caller.name, option[0]))
    trial.end("usual links")


def main():
    begin()
    directory, binary = place()
    make_canary(CANARY)
    make_canary(DECOY)
    write(os.path.join(directory, "source/marker"), "of the source\n")
    for caller in callers():
        trial = Trial(caller, directory, binary)
        links = list(tricks())
        for access in ("ro", "rw", "overlay"):
            try_places(trial, ["--rootfs", trial.tree + ":" + access], access, links)
            trial.end("as root file system, " + access)
        # The box's root has no such directory as the decoy; its own /proc, /dev and directories made in memory are there.
        try_places(trial, ["-v", trial.volume + ":/h:rw"], "rw", [link for link in links if link[0] != "decoy"])
        trial.end("as writable volume")
        try_commands(trial)
        try_accounts(trial)
        try_kernel_mounts(trial)
        try_resolv_conf(trial)
        try_usual_links(trial)
    finish()


main()
