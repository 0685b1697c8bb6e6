#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boxes beside each other, and beside whoever mounts and renames meanwhile: no launch fails because of another.

While a path with ".." in one of its links is resolved below a root, openat2(2) gives EAGAIN when anything on the machine is
mounted or renamed at that moment: that is to be tried again, not to be reported.
"""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import SLOW, State, begin, callers, finish, libc, make_rootfs, place, point  # noqa: E402

LAUNCHES, AT_ONCE = 240, 6


def make_noise(directory):
    """A child that mounts and renames until it is killed, in a mount namespace of its own."""
    pid = os.fork()
    if pid:
        return pid
    os.makedirs(directory)
    libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG
    libc.unshare(0x20000)
    libc.mount(b"none", b"/", None, 0x4000 | 1 << 18, None)
    place_, a, b = directory.encode(), os.path.join(directory, "a"), os.path.join(directory, "b")
    libc.mount(b"tmpfs", place_, b"tmpfs", 0, None)
    os.mkdir(a)
    while True:
        libc.mount(b"tmpfs", place_, b"tmpfs", 0, None)
        libc.umount2(place_, 2)
        os.rename(a, b)
        os.rename(b, a)


def launch_many(argv, caller, number):
    """Failures: (exit status, message) of those that did not end with 0."""
    failures, running = [], []
    for i in range(number + AT_ONCE):
        if i >= AT_ONCE and running:
            process = running.pop(0)
            try:
                _, err = process.communicate(timeout=30 * SLOW)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                failures.append("still running after %d s" % (30 * SLOW))
                continue
            if process.returncode:
                failures.append((process.returncode, err.decode(errors="replace")))
        if i < number and len(failures) < 5:
            running.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                            cwd="/", **caller.options()))
    return failures


def main():
    begin()
    directory, binary = place()
    tree = make_rootfs(os.path.join(directory, "rootfs"))
    # Links as distributions have them: /etc/passwd and the mount points are reached over "..".
    os.makedirs(os.path.join(tree, "usr/share"))
    shutil.move(os.path.join(tree, "etc/passwd"), os.path.join(tree, "usr/share/passwd"))
    os.symlink("../usr/share/passwd", os.path.join(tree, "etc/passwd"))
    os.makedirs(os.path.join(tree, "real"))
    os.symlink("../../real", os.path.join(tree, "usr/share/data"))
    state = State()
    for caller in callers():
        noise = make_noise(os.path.join(directory, "noise-" + caller.name))
        time.sleep(0.05)
        for name, options in (("busybox", []), ("a directory with links, --user by name", ["--rootfs", tree, "--user", "root"]),
                              ("a volume over a link", ["--rootfs", tree, "-v", "/etc:/usr/share/data"])):
            failures = launch_many([binary, "run", *options, "true"], caller, LAUNCHES)
            point(not failures, "%s: %s, %d launches, %d at once, all well" % (caller.name, name, LAUNCHES, AT_ONCE),
                  "%d failed: %s" % (len(failures), failures[:2]), "none")
        os.kill(noise, 9)
        os.waitpid(noise, 0)
        left = state.left(None)
        point(not left, caller.name + ": nothing is left", left, "nothing")
    finish()


main()
