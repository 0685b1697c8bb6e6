#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Directories that become links while minibox walks over them: nothing is ever made, changed or mounted outside of the box's tree.

How it works. swap.c exchanges directories of a tree (or of a volume) for links out of it, some hundred thousand times a second, while
boxes are launched again and again with mount points, masks, devices and working directories below these directories. Each launch
works or is refused; the places that the links lead to, and the mounts, are compared with what was there before. First of all a
stand-in without a resolver is raced in the same way, and has to be seen to lose: else this test could not fail.
"""
import multiprocessing.pool
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import (SLOW, State, begin, callers, changed_mounts, compile_static, finish, make_rootfs, mounts, own_directory, place,  # noqa: E402
                     point, run, same, snapshot)

UP = "../" * 20
SWAPS, OF_ROUND = 100000, 50000  # in all, and in each round at the least
AT_ONCE = 2
ROUND = float(os.environ.get("RACE_SECONDS", "2.2"))  # of one round, as a rule; more finds what is hit rarely
LONGEST = ROUND + 60  # if swapping is slow
LONGEST_LAUNCH = 30  # seconds: one that tries again for ever is told from one on a busy machine
CANARY, DECOY, CONTROL = "/run/canary", "/run/decoy", "/run/control"  # of the host
PLACES = {"1": UP + DECOY[1:],  # the box's tree has a directory of that name too
          "2": UP + CANARY[1:], "3": CANARY, "4": "/proc/self/root" + CANARY, "5": "/proc/self/cwd"}
KERNEL = {"proc": UP + CANARY[1:], "dev": CANARY, "sys": "h", "tmp": UP + DECOY[1:], "etc": UP + CANARY[1:]}


def make_shape(path):
    for name in ("c", "t"):
        os.makedirs(os.path.join(path, "b", name))
    for name in ("b/m", "b/d", "passwd"):
        with open(os.path.join(path, name), "w") as file:
            file.write("root:x:0:0:root:/stolen:/bin/sh\n" if path in (CANARY, DECOY) else "")
    for base, _, _ in os.walk(path):
        os.chmod(base, 0o777)  # who gets there can do harm


def make_places(directory, caller):
    """Returns the places to swap."""
    for name, text in PLACES.items():
        make_shape(os.path.join(directory, name))
        os.symlink(text, os.path.join(directory, name + ".link"))
    give(directory, caller)
    return [os.path.join(directory, name) for name in PLACES]


def give(directory, caller):
    for base, names, files in os.walk(directory):
        for name in [base] + [os.path.join(base, name) for name in names + files]:
            os.chown(name, caller.uid, caller.gid, follow_symlinks=False)


def consumers(at, source, number):
    """Options that name something below `at`."""
    yield ["-v", source + ":" + at + "/b/c"]
    yield ["--tmpfs", at + "/b/t"]
    yield ["--mask", at + "/b/m"]
    yield ["--mask", at + "/b/c"]
    yield ["--device", "/dev/null:" + at + "/b/d"]
    yield ["-w", at + "/b"]
    yield ["-v", source + ":%s/b/new%d/x/y" % (at, number)]
    yield ["-v", source + "/marker:%s/b/file%d" % (at, number)]
    yield ["--tmpfs", "%s/b/new%d" % (at, number)]
    yield ["--device", "/dev/null:%s/b/new%d/null" % (at, number)]
    yield ["-v", source + ":" + at + "/b/c", "--tmpfs", at + "/b/t", "--mask", at + "/b/m", "-w", at + "/b", "-v", source + ":%s/b/all%d" % (at, number)]


class Race:
    def __init__(self, swapper, counter, caller, binary, places):
        self.counter, self.caller, self.binary = counter, caller, binary
        self.files, self.mounts = snapshot(CANARY, DECOY), mounts()
        open(counter, "w").close()
        self.process = subprocess.Popen([swapper, "swap", counter, *places], stderr=subprocess.PIPE)
        while not self.swaps():
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read().decode())

    def swaps(self):
        with open(self.counter, "rb") as file:
            data = file.read(8)
        return struct.unpack("Q", data)[0] if len(data) == 8 else 0

    def launch(self, argv):
        begun = time.monotonic()
        code, out, err = run([self.binary, "run", *argv], self.caller, timeout=LONGEST_LAUNCH)
        return argv, code, out, err, time.monotonic() - begun

    def round(self, what, make_options):
        """Launches until enough has been swapped meanwhile."""
        begun, first, number = time.monotonic(), self.swaps(), 0
        worked = refused = 0
        longest, wrong = 0.0, []
        with multiprocessing.pool.ThreadPool(AT_ONCE) as pool:
            while time.monotonic() < begun + ROUND or (self.swaps() - first < OF_ROUND and time.monotonic() < begun + LONGEST):
                batch = [make_options(number + i) for i in range(4 * AT_ONCE)]
                number += len(batch)
                for argv, code, out, err, took in pool.imap(self.launch, batch):
                    worked += code == 0
                    refused += code == 125
                    longest = max(longest, took)
                    if code not in (0, 125) or "stolen" in out or err.count("minibox: ") != (code == 125):
                        wrong.append((" ".join(argv), code, out, err))
        swaps = self.swaps() - first
        self.process.kill()
        self.process.communicate()
        files = snapshot(CANARY, DECOY)
        effects = [path for path in set(files) | set(self.files) if files.get(path) != self.files.get(path)] + changed_mounts(self.mounts)
        what = "%s, %s" % (self.caller.name, what)
        point(swaps >= OF_ROUND and worked + refused == number, "%s: %d swaps, %d launches, %d worked, %d refused" % (what, swaps, number, worked, refused),
              wrong[:3], "at least %d swaps, and each launch works or is refused" % OF_ROUND)
        point(not wrong, what + ": each of them says so", wrong[:3], "status 0 or 125, with one message")
        point(not effects, "%s: %d effects on the host" % (what, len(effects)), "\n".join(effects[:5]), "none")
        point(longest < LONGEST_LAUNCH * SLOW, "%s: the longest took %.2f s" % (what, longest), longest, "an end")
        return swaps, worked, refused


def race_naively(swapper, directory):
    """The control: with a check and then a use by path, each of the three comes out at the other end of the link."""
    tree = os.path.join(directory, "control")
    os.makedirs(CONTROL + "/b/d/e/e/p/c")  # deep, as such paths are: the way from the check to the use is long
    os.makedirs(tree + "/a/b/d/e/e/p/c")
    os.symlink(UP + CONTROL[1:], os.path.join(tree, "a.link"))
    done = subprocess.run([swapper, "naive", os.path.join(tree, "a"), tree, CONTROL, str(10 * OF_ROUND)], stdout=subprocess.PIPE, timeout=200)
    numbers = [int(word) for word in done.stdout.split()]
    swaps, tries, made, written, mounted = numbers if len(numbers) == 5 else [0] * 5
    point(made and written and mounted, "control: without a resolver %d directories, %d files, %d mounts came out on the host, after %d swaps and %d tries"
          % (made, written, mounted, swaps, tries), numbers, "at least one of each within %d swaps, which the boxes stand together" % (10 * OF_ROUND))


def main():
    begin()
    directory, binary = place()
    swapper = compile_static(directory, "swap.c", "swap")
    make_shape(CANARY)
    make_shape(DECOY)
    race_naively(swapper, directory)
    source = os.path.join(directory, "source")
    os.mkdir(source)
    open(source + "/marker", "w").close()
    total, state = [0, 0, 0], State()
    for caller in callers():
        home = own_directory(os.path.join(directory, "of-" + caller.name), caller)
        os.chmod(home, 0o700)  # else root may not have it writable
        tree, volume = os.path.join(home, "tree"), os.path.join(home, "volume")
        make_rootfs(tree)
        in_tree = make_places(os.path.join(tree, "a"), caller)
        in_volume = make_places(volume, caller)
        make_shape(tree + DECOY)
        for name, text in KERNEL.items():
            os.symlink(text, os.path.join(tree, name + ".link"))
        os.makedirs(os.path.join(tree, "h/b"))
        give(tree, caller)
        kernel = [os.path.join(tree, name) for name in KERNEL]
        kinds = [(access, ["--rootfs", tree + ":" + access], in_tree) for access in ("rw", "ro", "overlay")]
        kinds.append(("volume", ["-v", volume + ":/a:rw"], in_volume))
        if caller.is_root:  # with root's own power over the host's files
            kinds.append(("rw, no user namespace", ["--rootfs", tree + ":rw", "--share", "user"], in_tree))

        def below(base):
            def make(number):
                names, ways = list(PLACES), list(consumers("", source, number))
                at = "/a/" + names[number % len(names)]
                return [*base, *list(consumers(at, source, number))[number // len(names) % len(ways)], "true"]
            return make

        def kernel_places(number):
            return ["--rootfs", tree + ":rw", *(["--user", "root"] if number % 2 else []), "/bin/sh", "-c", "echo $HOME"]
        for what, base, places in kinds:
            seen = Race(swapper, os.path.join(directory, "counter"), caller, binary, places).round(what, below(base))
            total = [a + b for a, b in zip(total, seen)]
        seen = Race(swapper, os.path.join(directory, "counter"), caller, binary, kernel).round("/proc /dev /sys /tmp /etc", kernel_places)
        total = [a + b for a, b in zip(total, seen)]
        same(state.left(None), [], caller.name + ": nothing is left")
    point(all(total) and total[0] >= SWAPS, "in all %d swaps, %d launches worked, %d were refused" % tuple(total), total, "at least %d swaps, some of each" % SWAPS)
    finish()


main()
