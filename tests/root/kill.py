#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minibox is killed at random instants of its set-up and of its run: nothing of the box may be left two seconds later.

Left would be: a process, a mount, a file in /run/minibox but the lock's, a held range of ids, a cgroup. The test is a
subreaper, so that a process which outlives its launcher becomes its child; /proc is searched for the box's token too.
The random numbers start from MINIBOX_TEST_SEED (printed), the counts are multiplied by MINIBOX_TEST_FACTOR.
"""
import os
import pty
import random
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import SLOW, State, begin, callers, check_libc, children_left, compile_static, finish, libc, new_token, place, point, run  # noqa: E402

FACTOR = float(os.environ.get("MINIBOX_TEST_FACTOR", "1"))


def times(number):
    return max(1, int(number * FACTOR))


class Box:
    """A running minibox whose command is a tree of processes; with a terminal of the caller's, if asked for."""

    def __init__(self, binary, program, caller, how="deaf", tty=False, options=()):
        self.token = new_token("mbkill")
        self.out, self.terminal = None, None
        argv = [binary, "run", *options, "-v", program + ":/run/tree", "/run/tree", self.token.decode(), how]
        if tty:
            self.terminal, end = pty.openpty()
            if not caller.is_root:
                os.fchown(end, caller.uid, -1)
            ends = dict(stdin=end, stdout=end, stderr=end, start_new_session=True)
            self.out = self.terminal
        else:
            self.out, end = os.pipe()
            ends = dict(stdin=subprocess.DEVNULL, stdout=end, stderr=subprocess.DEVNULL)
        self.started = time.monotonic()
        self.process = subprocess.Popen(argv, cwd="/", **ends, **caller.options())
        os.close(end)

    def wait_up(self):
        text, end = b"", time.monotonic() + 30 * SLOW
        while b"up" not in text and time.monotonic() < end:
            if select.select([self.out], [], [], 0.1)[0]:
                try:
                    more = os.read(self.out, 4096)
                except OSError:
                    break
                if not more:
                    break
                text += more
        return b"up" in text

    def sleep_until(self, seconds):
        end = self.started + seconds
        while True: # sleep() alone is too coarse
            left = end - time.monotonic()
            if left <= 0:
                return
            if left > 0.001:
                time.sleep(left - 0.0005)

    def wait(self, seconds=20 * SLOW):
        """Exit status as a shell would say it; a text if there is none."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return "still running after %d s" % seconds
        return 128 - status if status < 0 else status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.out is not None:
            os.close(self.out)
        self.out = None


def children_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(word) for word in file.read().split()]


def end_children():
    end = time.monotonic() + 20 * SLOW
    while children_left() and time.monotonic() < end:
        for pid in children_of(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.005)


def trials(name, number, make, act, wanted=None):
    """`number` boxes; act() ends each. One point: nothing is left of any, and each ended as it should."""
    state, problems = State(), []
    slowest = 0.0
    for i in range(times(number)):
        box = make()
        try:
            note = act(box)
        finally:
            begun = time.monotonic()
            if note and note.startswith("stop:"):
                problems.append("trial %d: %s" % (i, note))
                box.close()
            status = box.wait()
            left = state.left(box.token)
            slowest = max(slowest, time.monotonic() - begun)
            if wanted is not None and status not in wanted:
                problems.append("trial %d (%s): exit %s" % (i, note, status))
            if left:
                problems.append("trial %d (%s): left %s" % (i, note, ", ".join(left)))
            box.close()
            end_children() # else what one trial leaves would count against the next
        if len(problems) > 2:
            break
    point(not problems, "%s: %d times, slowest end %.0f ms" % (name, times(number), slowest * 1000), "\n".join(problems),
          "nothing left" + ("" if wanted is None else ", exit %s" % sorted(wanted)))


def measure_set_up(make):
    """Seconds from the start of minibox to the first word of its command, as a rule: so long lasts what is to be disturbed, here and now."""
    took = []
    for _ in range(5):
        box = make()
        box.wait_up()
        took.append(time.monotonic() - box.started)
        box.close()
        end_children()
    return sorted(took)[2]


def at_random(send, set_up):
    def act(box):
        instant = random.uniform(0, set_up)
        box.sleep_until(instant)
        send(box)
        return "after %.3f ms" % (instant * 1000)
    return act


def when_up(send):
    def act(box):
        if not box.wait_up():
            return "stop: the command did not come up"
        time.sleep(random.uniform(0, 0.003))
        send(box)
        return "while it ran"
    return act


def sender(signo):
    return lambda box: box.process.send_signal(signo)


def init_of(box):
    """The box's process 1: the launcher's child."""
    with open("/proc/%d/task/%d/children" % (box.process.pid, box.process.pid)) as file:
        return int(file.read().split()[0])


def kill_init(box):
    os.kill(init_of(box), signal.SIGKILL)


def kill_stopped_box(box):
    """A stopped box does not stop the end."""
    init = init_of(box)
    for pid in [*children_of(init), init]:
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            pass
    box.process.kill()


def kill_stopped_launcher(box):
    box.process.send_signal(signal.SIGSTOP)
    time.sleep(0.002)
    box.process.kill()


def kill_command(box):
    """The leader alone, from outside: init hands on its status and takes the rest along."""
    for pid in children_of(init_of(box)):
        try:
            with open("/proc/%d/status" % pid) as file:
                last = [line for line in file if line.startswith("NSpid:")][0].split()[-1]
        except OSError:
            continue # the process between the leader and a daemon, just reaped
        if last == "2":
            os.kill(pid, signal.SIGKILL)


def check_full_directory(binary, caller):
    """Nothing can be written where minibox keeps its lock."""
    for options, wanted in ((b"nr_inodes=1", 125 if caller.is_root else 0), (b"size=4k,nr_inodes=16", 0)):
        check_libc(libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755," + options), "mount /run")
        status, _, err = run([binary, "run", "true"], caller)
        libc.umount2(b"/run", 2)
        point(status == wanted and (status == 0 or "No space left on device" in err), "%s: /run with %s" % (caller.name, options.decode()),
              "%s, %s" % (status, err), "exit %d, and why" % wanted)


def main():
    begin()
    seed = int(os.environ.get("MINIBOX_TEST_SEED") or random.randrange(1 << 30))
    random.seed(seed)
    print("# MINIBOX_TEST_SEED=%d" % seed)
    directory, binary = place()
    program = compile_static(directory, "tree.c", "tree")
    kill = sender(signal.SIGKILL)
    for caller in callers():
        def make(how="deaf", tty=False, options=()):
            return lambda: Box(binary, program, caller, how, tty, options)

        def during(send, *arguments, **more):
            """How to make a box, and how to disturb it at any instant of its set-up."""
            return make(*arguments, **more), at_random(send, measure_set_up(make(*arguments, **more)))

        name = caller.name + ": kill -9 "
        trials(name + "during set-up", 100, *during(kill))
        trials(name + "during set-up, --tty", 50, *during(kill, tty=True, options=("--tty",)))
        trials(name + "during set-up, --rootfs host", 20, *during(kill, options=("--rootfs", "host")))
        trials(name + "during set-up, memory not shared", 20, *during(kill, options=("--isolate", "vm")))
        trials(name + "during set-up, no init", 20, *during(kill, "tame", options=("--init", "no")))
        if caller.is_root:
            trials(name + "during set-up, joined network", 30, *during(kill, options=("--join", "net=%d" % os.getpid())))
        else:
            trials(name + "during set-up, keep-id by the helpers", 30, *during(kill, options=("--userns", "keep-id")))
        trials(name + "while it runs", 30, make(), when_up(kill))
        trials(name + "while it runs, --tty", 20, make(tty=True, options=("--tty",)), when_up(kill))
        trials(name + "of the box's init", 5, make(), when_up(kill_init), {137})
        trials(name + "of the command", 5, make(), when_up(kill_command), {137})
        trials(name + "with the box stopped", 5, make(), when_up(kill_stopped_box))
        trials(name + "of a stopped minibox", 5, make(), when_up(kill_stopped_launcher))
        pid_file = os.path.join(directory, caller.name + "-pids")
        os.makedirs(pid_file)
        os.chown(pid_file, caller.uid, caller.gid)
        for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            word = "%s: %s " % (caller.name, signo.name)
            trials(word + "during set-up", 15, *during(sender(signo), "plain"), {128 + signo})
            trials(word + "during set-up, --tty", 5, *during(sender(signo), "plain", True, ("--tty",)), {128 + signo})
            options = ("--pid-file", os.path.join(pid_file, "pid"))
            trials(word + "while it runs", 5, make("plain", options=options), when_up(sender(signo)), {128 + signo})
            trials(word + "while it runs, --tty", 3, make("plain", True, ("--tty",)), when_up(sender(signo)), {128 + signo})
        check_full_directory(binary, caller)
        point(os.listdir(pid_file) == [], caller.name + ": the pid file is removed", os.listdir(pid_file), "an empty directory")
        trials(caller.name + ": the time limit, deaf command", 3, make(options=("--timeout", "1s")), when_up(lambda box: None),
               {124})
        trials(caller.name + ": a time limit that falls into the set-up", 10,
               lambda: Box(binary, program, caller, options=("--timeout", "%dms" % random.randint(1, 8))), lambda box: "", {124})
    finish()


main()
