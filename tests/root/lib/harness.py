# SPDX-License-Identifier: Apache-2.0
"""What the root tests share: points, callers, places, programs made for a test.

A test prints one line a point (TAP) and, where one fails, what it saw and what it wanted. It ends with 0, 1, or 77 with a
reason on standard error when it cannot run here.

Other programs, and other tests, make mounts, cgroups, files and processes at the same time. So a test counts only what it
can attribute to itself and to the boxes that it started: mounts in a mount namespace of its own, files and locks in an
empty /run of that namespace, cgroups below one that it made and is in, its descendants, and processes that carry a random
word of its own. tests/root/attribution.py shows that each of these is seen, and that nobody else's is.
"""
import atexit
import ctypes
import errno
import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.dirname(os.path.dirname(HERE))
EXTRA_GROUPS = [60123, 60124]  # no names: the kernel knows numbers
SLOW = int(os.environ.get("MINIBOX_TEST_SLOW", "1"))  # an emulated machine: what should take a second may take so many
libc = ctypes.CDLL(None, use_errno=True)

_count = 0
_failed = []


def skip(reason):
    print("skipped: " + reason, file=sys.stderr)
    sys.exit(77)


def point(good, name, saw=None, wanted=None):
    """One thing that is so, or is not."""
    global _count
    _count += 1
    print("%s %d - %s" % ("ok" if good else "not ok", _count, name))
    if not good:
        _failed.append(name)
        print("#   saw:    %s" % (saw if isinstance(saw, str) else repr(saw)).replace("\n", "\n#           "))
        print("#   wanted: %s" % (wanted if isinstance(wanted, str) else repr(wanted)))
    sys.stdout.flush()
    return good


def same(saw, wanted, name):
    return point(saw == wanted, name, saw, wanted)


def skip_point(name, reason):
    global _count
    _count += 1
    print("ok %d - %s # SKIP %s" % (_count, name, reason))


def finish():
    print("1..%d" % _count)
    for name in _failed:
        print("failed: " + name, file=sys.stderr)
    sys.exit(1 if _failed or not _count else 0)


def check_libc(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, what + ": " + os.strerror(number))
    return result


def begin():
    """Root, in a mount namespace whose mounts are shared with nobody but would show what a box lets out, and in a cgroup of its own."""
    if os.geteuid() != 0:
        skip("needs root")
    if not os.path.exists(os.environ.get("MINIBOX", "")):
        skip("MINIBOX does not name the binary")
    # minibox leaves a signal ignored that its caller ignores, as nohup(1) does, and shells do for what runs in the background.
    for signo in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(signo) == signal.SIG_IGN:
            signal.signal(signo, signal.SIG_DFL)
    CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_SHARED = 0x20000, 0x4000, 1 << 18, 1 << 20
    try:
        check_libc(libc.unshare(CLONE_NEWNS), "unshare")
        check_libc(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate")
        check_libc(libc.mount(b"none", b"/", None, MS_REC | MS_SHARED, None), "mount --make-rshared")
        check_libc(libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755"), "mount /run")
    except OSError as problem:
        skip("no mount namespace: %s" % problem)
    # Orphans come to this process: what a killed launcher leaves behind is waited for here, and so counted.
    check_libc(libc.prctl(36, 1, 0, 0, 0), "PR_SET_CHILD_SUBREAPER")
    _enter_cgroups()


class Caller:
    """Who starts minibox, with which supplementary groups."""

    def __init__(self, name, uid, gid, groups, home):
        self.name, self.uid, self.gid, self.groups, self.home = name, uid, gid, groups, home
        self.is_root = uid == 0

    def options(self):
        if self.is_root:
            return {"extra_groups": self.groups}
        return {"user": self.uid, "group": self.gid, "extra_groups": self.groups}


def _user():
    done = subprocess.run([os.path.join(SOURCE, "tests/make-user")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        skip("cannot make the user mbtest: " + done.stderr.decode(errors="replace").strip())
    return pwd.getpwnam("mbtest")


def callers():
    """Root and an ordinary user; both have supplementary groups, for the box to get rid of."""
    user = _user()
    return [Caller("root", 0, 0, EXTRA_GROUPS, "/root"),
            Caller("user", user.pw_uid, user.pw_gid, EXTRA_GROUPS, user.pw_dir)]


_creator = os.getpid()


def _remove(path):
    if os.getpid() == _creator:
        shutil.rmtree(path, ignore_errors=True)


def place():
    """A directory that every caller can reach, with the binary in it. Returns its path and the binary's."""
    path = tempfile.mkdtemp(prefix="minibox-test-")
    atexit.register(_remove, path)
    os.chmod(path, 0o755)
    binary = os.path.join(path, "minibox")
    shutil.copyfile(os.environ["MINIBOX"], binary)
    os.chmod(binary, 0o755)
    return path, binary


def own_directory(path, caller):
    os.makedirs(path)
    os.chown(path, caller.uid, caller.gid)
    return path


def compile_static(path, source, name):
    """A program that runs in every box."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        skip("needs a C compiler")
    program = os.path.join(path, name)
    done = subprocess.run([compiler, "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-static", "-o", program, os.path.join(HERE, source)],
                          stderr=subprocess.PIPE)
    if done.returncode:
        skip("cannot make %s: %s" % (source, done.stderr.decode(errors="replace")))
    os.chmod(program, 0o755)
    return program


def make_rootfs(path):
    """A directory with busybox in it, for --rootfs DIR."""
    busybox = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    if not busybox:
        skip("needs busybox-static")
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "run", "mnt"):
        os.makedirs(os.path.join(path, name))
    os.chmod(path, 0o755)
    shutil.copyfile(busybox, os.path.join(path, "bin/busybox"))
    os.chmod(os.path.join(path, "bin/busybox"), 0o755)
    for applet in ("sh", "cat", "sleep", "id", "stty", "tty", "true", "ls", "touch", "mkdir", "kill", "grep", "head", "ps", "chmod"):
        os.symlink("busybox", os.path.join(path, "bin", applet))
    with open(os.path.join(path, "etc/passwd"), "w") as file:
        file.write("root:x:0:0:root:/:/bin/sh\n")
    return path


def run(argv, caller, timeout=30, **more):
    """Runs to the end; output and errors are kept. A test that hangs is a test that failed."""
    options = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
    options.update(caller.options())
    options.update(more)
    text = options.pop("input", None)
    if text is not None:
        options["stdin"] = subprocess.PIPE
    process = subprocess.Popen(argv, **options)
    try:
        out, err = process.communicate(text, timeout * SLOW)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        process.returncode = "still running after %d s" % (timeout * SLOW)
    return process.returncode, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")


# ---- what is left ----------------------------------------------------------------------------------------------------

def new_token(name):
    """A word for the arguments of a box, by which its processes are told from all others of the machine."""
    return ("%s-%s" % (name, secrets.token_hex(8))).encode()


def with_token(token):
    """Processes that have `token` in their arguments or environment. The builder has its launcher's, the init its command's."""
    found = []
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or int(pid) == os.getpid():
            continue
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%s/%s" % (pid, name), "rb") as file:
                    if token in file.read():
                        found.append(int(pid))
                        break
            except OSError:
                pass
    return found


def children_left():
    """Reaps whatever has ended; returns whether anything has not."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


_hierarchies = []  # (where a hierarchy is mounted and this process was, the cgroup that it made there)


def _cgroup_places():
    """Where this process is in each cgroup hierarchy, as far as these are mounted here."""
    hierarchies = []
    with open("/proc/self/mountinfo") as file:
        for line in file:
            before, _, after = line.rstrip("\n").partition(" - ")
            kind, _, options = after.split(" ", 2)
            if kind in ("cgroup", "cgroup2"):
                hierarchies.append((kind, set(options.split(",")), before.split()[3], before.split()[4]))
    with open("/proc/self/cgroup") as file:
        for line in file:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            for kind, options, root, point_ in hierarchies:
                is_it = kind == "cgroup2" if number == "0" else kind == "cgroup" and set(controllers.split(",")) <= options
                # Whoever put it into a cgroup of version 1 may end it by the list of those who are in that one.
                is_it = is_it and (number == "0" or path == "/")
                if is_it and not os.path.relpath(path, root).startswith(".."):
                    yield os.path.normpath(os.path.join(point_, os.path.relpath(path, root)))
                    break


def _enter_cgroups():
    """Makes a cgroup in each hierarchy, where that can be done, and moves there with all that will be started."""
    for above in list(_cgroup_places()):
        for name in os.listdir(above):  # of tests that were killed
            if re.fullmatch(r"minibox-test-\d+", name) and not os.path.exists("/proc/" + name.rpartition("-")[2]):
                _remove_cgroup(os.path.join(above, name))
        own = os.path.join(above, "minibox-test-%d" % os.getpid())
        try:
            os.mkdir(own)
            for name in ("cpuset.cpus", "cpuset.mems"):  # without them nobody may be in a cpuset of cgroup v1
                if os.path.exists(os.path.join(own, "cgroup.clone_children")) and os.path.exists(os.path.join(own, name)):
                    with open(os.path.join(above, name)) as file, open(os.path.join(own, name), "w") as copy:
                        copy.write(file.read())
            with open(os.path.join(own, "cgroup.procs"), "w") as file:
                file.write("0")
            _hierarchies.append((above, own))
        except OSError:
            _remove_cgroup(own)
    if _hierarchies:
        atexit.register(_leave_cgroups)
    else:
        print("# cgroups are not looked at: none can be made here")


def _remove_cgroup(path):
    try:
        os.rmdir(path)
    except OSError:
        pass


def _leave_cgroups():
    if os.getpid() != _creator:
        return
    for above, own in _hierarchies:
        try:
            with open(os.path.join(above, "cgroup.procs"), "w") as file:
                file.write("0")
        except OSError:
            pass
        for base, _, _ in os.walk(own, topdown=False):
            _remove_cgroup(base)


def cgroups():
    """Those below the cgroups that this process made, where all its boxes are."""
    found = set()
    for _, own in _hierarchies:
        for base, directories, _ in os.walk(own):
            found.update(os.path.join(base, name) for name in directories)
    return found


def mounts():
    """The mounts of this namespace, which nobody else changes; without the options of file systems that others use, too."""
    found = set()
    with open("/proc/self/mountinfo") as file:
        for line in file:
            mount, _, of_file_system = line.rstrip("\n").partition(" - ")
            is_own = mount.split()[4] == "/run"
            found.add(mount + " - " + (of_file_system if is_own else " ".join(of_file_system.split(" ", 2)[:2])))
    return found


def changed_mounts(before):
    """What has come and what is gone. Who removes a directory takes the mounts on it away in all namespaces: that is no box's doing."""
    now = mounts()
    for pause in (0.05, 0):  # the mounts go first, and then the directory
        gone = [line for line in before - now if os.path.lexists(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]))]
        if not gone:
            break
        time.sleep(pause)
    return ["mount " + line for line in now - before] + ["no more a mount " + line for line in gone]


def snapshot(*directories):
    """All that can be told of files without touching them: names, inodes, owners, modes, times, contents."""
    found = {}
    for directory in directories:
        for base, names, files in os.walk(directory):
            for path in [base] + [os.path.join(base, name) for name in names + files]:
                st = os.lstat(path)
                content = None
                if stat.S_ISLNK(st.st_mode):
                    content = os.readlink(path)
                elif stat.S_ISREG(st.st_mode):
                    with open(path, "rb") as file:
                        content = file.read()
                found[path] = (st.st_ino, st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_rdev, st.st_mtime_ns, st.st_ctime_ns, content)
    return found


def range_is_held():
    """Whether some descriptor still holds a range of ids."""
    F_OFD_SETLK = 37
    try:
        fd = os.open("/run/minibox/ids", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        return False
    except OSError as problem:
        if problem.errno in (errno.EAGAIN, errno.EACCES):
            return True
        raise
    finally:
        os.close(fd)


class State:
    """What there is now, to be compared with what there is later."""

    def __init__(self):
        self.mounts, self.cgroups = mounts(), cgroups()

    def left(self, token, patience=10.0):
        """What a box has left behind: a list of words, empty when nothing. What is being ended may take a moment, on a busy machine more;
        what is still there after `patience` seconds stays."""
        end = time.monotonic() + patience * SLOW
        pause = 0.0005
        while True:
            left = []
            if children_left():
                left.append("processes")
            elif token:
                left += ["process %d" % pid for pid in with_token(token)]
            if not left:
                left += changed_mounts(self.mounts)
                files = set(os.listdir("/run/minibox")) if os.path.isdir("/run/minibox") else set()
                left += ["file " + name for name in files - {"ids"}]
                if range_is_held():
                    left.append("a held range of ids")
                if not left:
                    left += ["cgroup " + name for name in cgroups() - self.cgroups]
            if not left or time.monotonic() > end:
                return left
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
