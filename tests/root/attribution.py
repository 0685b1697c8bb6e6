#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the root tests take for left behind by a box: all that came from the test itself, and nothing of anybody else's.

A stranger, who is no child of the test, changes mounts, cgroups, files and processes meanwhile; then the test does the same.
"""
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import State, begin, changed_mounts, cgroups, check_libc, finish, libc, mounts, new_token, point, same, skip  # noqa: E402
import harness  # noqa: E402

NEWNS, REC, PRIVATE, DETACH = 0x20000, 0x4000, 1 << 18, 2


def mount(path):
    os.makedirs(path, exist_ok=True)
    check_libc(libc.mount(b"none", path.encode(), b"tmpfs", 0, None), "mount " + path)


def be_stranger(directory, orders, answers):
    """Never returns. Does one thing a line of orders, with what a test would do in its own places."""
    children = []
    for line in orders:
        word, _, path = line.rstrip("\n").partition(" ")
        if word == "mount":
            mount(os.path.join(directory, "new"))
        elif word == "remove":  # what a mount of the test's namespace is on
            libc.umount2(os.path.join(directory, "old").encode(), DETACH)
            os.rmdir(os.path.join(directory, "old"))
        elif word == "remount":
            check_libc(libc.mount(b"none", os.path.join(directory, "kept").encode(), b"tmpfs", 32, b"size=1m"), "remount")
        elif word == "cgroup":
            os.mkdir(path)
        elif word == "file":
            os.makedirs("/run/minibox", exist_ok=True)
            open("/run/minibox/of-a-stranger", "w").close()
        elif word == "process":
            children.append(subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, env={"WORD": path}))
        elif word == "end":
            while children:
                children[-1].kill()
                children.pop().wait()
        answers.write("done\n")
        answers.flush()
    os._exit(0)


def start_stranger(directory):
    """In a mount namespace that is the host's for this test. Returns a function that gives it an order."""
    check_libc(libc.unshare(NEWNS), "unshare")
    check_libc(libc.mount(b"none", b"/", None, REC | PRIVATE, None), "mount --make-rprivate")
    mount("/run")
    for name in ("old", "kept"):
        mount(os.path.join(directory, name))
    order_in, order_out = os.pipe()
    answer_in, answer_out = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.close(order_out)
            os.setsid()
            be_stranger(directory, os.fdopen(order_in), os.fdopen(answer_out, "w"))
        os._exit(0)
    os.wait()
    os.close(order_in)
    os.close(answer_out)
    orders, answers = os.fdopen(order_out, "w"), os.fdopen(answer_in)

    def order(text):
        orders.write(text + "\n")
        orders.flush()
        return answers.readline()
    return order


def check_strangers(order, state, token):
    beside = [os.path.join(above, "minibox-test-of-a-stranger-%d" % os.getpid()) for above, _ in harness._hierarchies]
    for text in ["mount", "remove", "remount", "file", "process " + new_token("attribution").decode(), *["cgroup " + path for path in beside]]:
        name = text.split(" ")[0] + (" beside " + text.split("/")[-2] if "/" in text else "")
        same((order(text), state.left(token, patience=0.3)), ("done\n", []), "a stranger's is not seen: " + name)
    for path in beside:
        os.rmdir(path)
    order("end")


def check_own(order, directory, state, token):
    def noticed(name, word):
        left = state.left(token, patience=0.3)
        point(any(word in one for one in left), name + " is seen", left, "something with " + word)

    def gone(name):
        same(state.left(token), [], name + " is seen to be gone")
    place = os.path.join(directory, "mine")
    mount(place)
    noticed("a mount", "mount ")
    libc.umount2(place.encode(), DETACH)
    gone("a mount")
    before = mounts()
    libc.umount2(os.path.join(directory, "kept").encode(), DETACH)
    point(changed_mounts(before) and "no more" in changed_mounts(before)[0], "a mount that was taken away is seen", changed_mounts(before), "it")
    state = State()
    os.makedirs("/run/minibox")
    open("/run/minibox/left", "w").close()
    noticed("a file", "file left")
    os.unlink("/run/minibox/left")
    gone("a file")
    with open("/run/minibox/ids", "w") as file:
        fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 5, 1, 0))  # F_OFD_SETLK
        noticed("a held range", "range")
    gone("a held range")
    child = subprocess.Popen(["sleep", "600"])
    noticed("a child", "processes")
    child.kill()
    gone("a child")
    order("process " + token.decode())
    noticed("a process that got away, by the word", "process ")
    order("end")
    gone("a process that got away")
    for _, own in harness._hierarchies:
        os.mkdir(own + "/left")
        noticed("a cgroup in " + own, own + "/left")
        os.rmdir(own + "/left")
        gone("a cgroup in " + own)
    same(cgroups(), set(), "no other cgroup is looked at")


def main():
    if os.geteuid() != 0:
        skip("needs root")
    directory = tempfile.mkdtemp(prefix="minibox-test-")
    token = new_token("attribution")
    try:
        order = start_stranger(directory)
        begin()
        state = State()
        check_strangers(order, state, token)
        check_own(order, directory, state, token)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    finish()


main()
