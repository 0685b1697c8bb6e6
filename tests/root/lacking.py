#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A kernel that lacks a system call, as the oldest that will do lacks those of newer ones, and one too old for minibox more:
a filter answers ENOSYS for one call, for minibox and all that it starts. Whichever it is, there comes a box that is in
nothing weaker than with the call, or exit status 125 with one error that can be understood; and never a wait."""
import ctypes
import errno
import os
import platform
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import begin, callers, check_libc, finish, libc, make_rootfs, own_directory, place, point, run, same  # noqa: E402

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# From 424 on the numbers are the same on all architectures.
CALLS = {"pidfd_send_signal": 424, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
         "pidfd_open": 434, "clone3": 435, "close_range": 436, "openat2": 437, "pidfd_getfd": 438, "faccessat2": 439,
         "mount_setattr": 442}
CALLS.update({"x86_64": {"seccomp": 317, "memfd_create": 319, "execveat": 322, "statx": 332},
              "aarch64": {"seccomp": 277, "memfd_create": 279, "execveat": 281, "statx": 291}}[platform.machine()])
# What minibox says that it needs Linux 5.12 for: there must be no box without these.
NEEDED = {"openat2", "mount_setattr"}

NO_CALL = 0xFFFF

# What a box is, said from inside; mounts without their numbers.
LOOK = r"""
id
grep -E '^(Umask|Uid|Gid|Groups|NoNewPrivs|Seccomp|Sig(Blk|Ign|Cgt)|Cap...):' /proc/self/status
sed 's/^[^ ]* [^ ]* [^ ]* [^ ]* //; s/size=[^,]*//; s/nr_inodes=[^,]*//' /proc/self/mountinfo
for fd in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || echo "descriptor $fd"; done
for path in /x /etc/x /proc/sys/kernel/x /sys/x /usr/x; do (: >$path) 2>/dev/null && echo "can write $path"; done
cat /proc/kcore 2>/dev/null | head -c 1 | wc -c
ulimit -c
echo "process 1 is $(cat /proc/1/comm)"
ls -l /proc/self/ns | sed -n 's/.*-> //p'
"""


def without(number, answer=errno.ENOSYS):
    """An argument for preexec_fn: a filter, without which this call is there. answer 0: it says that all was done."""
    code = [(0x20, 0, 0, 4), (0x15, 0, 3, ARCHITECTURE[platform.machine()]), (0x20, 0, 0, 0), (0x15, 0, 1, number),
            (0x06, 0, 0, 0x00050000 | answer), (0x06, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
    pointer = ctypes.create_string_buffer(struct.pack("HP", len(code), ctypes.addressof(program)))

    def load():
        os.dup2(2, 9) # one descriptor too many, which a box must not have
        check_libc(libc.prctl(38, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
        check_libc(libc.prctl(22, 2, ctypes.byref(pointer), 0, 0), "PR_SET_SECCOMP")
    load.keeps = program
    return load


def look(binary, options, caller, number=NO_CALL):
    """Status, what the box is, what was said. Namespaces are told by whether they are the host's."""
    status, out, err = run([binary, "run", *options, "sh", "-c", LOOK], caller, preexec_fn=without(number), close_fds=False)
    hosts = {os.readlink("/proc/self/ns/" + name) for name in os.listdir("/proc/self/ns")}
    lines = [line if line not in hosts else "the host's " + line.split(":")[0] for line in out.split("\n")]
    lines = [line.split(":[")[0] for line in lines]
    return status, lines, err


def main():
    begin()
    directory, binary = place()
    tree = make_rootfs(os.path.join(directory, "rootfs"))
    for caller in callers():
        # A call that loads no filter but says so: that there is some filter, this one, must not be taken for the box's.
        for options in ([], ["--init", "no"]):
            status, out, err = run([binary, "run", *options, "echo", "ran"], caller, preexec_fn=without(CALLS["seccomp"], 0))
            point(status == 125 and not out and "seccomp filter: not as planned" in err, "%s: a filter that is not loaded is missed %s" % (caller.name, options),
                  (status, out, err), "125, and why")
        data = own_directory(os.path.join(directory, "data-" + caller.name), caller)
        for name, options in (("busybox", []), ("host, a volume", ["--rootfs", "host", "-v", data + ":/mnt:rw"]),
                              ("a directory, overlaid", ["--rootfs", tree + ":overlay"]),
                              ("the host's network, no init", ["--network", "host", "--init", "no", "--timeout", "20s"])):
            status, wanted, err = look(binary, options, caller)
            if not same((status, err), (0, ""), "%s: %s: a box, with all calls" % (caller.name, name)):
                continue
            for call, number in CALLS.items():
                status, saw, err = look(binary, options, caller, number)
                label = "%s: %s, without %s: " % (caller.name, name, call)
                if status == 0:
                    point(saw == wanted and not err and call not in NEEDED, label + "as strong a box",
                          [line for line in saw if line not in wanted] + [line for line in wanted if line not in saw] + [err], "no difference")
                else:
                    lines = err.rstrip("\n").split("\n")
                    point(status == 125 and lines[0].startswith("minibox: ") and len([line for line in lines if line.startswith("minibox: ")]) == 1
                          and os.strerror(errno.ENOSYS) in err and "try: " in err and not any(saw), label + "refused, clearly", (status, err, saw), "125 and one error")
    finish()


main()
