#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pages.py BUILD_DIR: the manual pages as they were built, read by what users read them with: each renders without a
warning and without a trace of its markup, none lacks a row of the tables as the built minibox prints them, pages that they
name exist, and every example is accepted by the built minibox."""
import errno
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

build = os.path.abspath(sys.argv[1])
top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
minibox = os.path.join(build, "minibox")
count = failed = 0


def point(name, seen):
    """Passes if nothing was seen."""
    global count, failed
    count += 1
    print(f"{'not ok' if seen else 'ok'} {count} - {name}")
    if seen:
        failed += 1
        print("".join(f"# seen: {line}\n" for line in str(seen).splitlines()), end="")


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}")


def call(*words, **more):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60, **more)


pages = {os.path.basename(path): path for path in glob.glob(build + "/man/man*/*")}
if not pages:
    print("1..0 # SKIP no manual pages were built: scdoc is missing")
    print("SKIP: no manual pages were built: scdoc is missing", file=sys.stderr)
    sys.exit(77)

sources = {os.path.basename(path)[: -len(".scd")]: path for path in glob.glob(top + "/docs/*.scd")}
point("each source has a page", " ".join(sorted(set(sources) ^ set(pages))))

# ---- rendering -------------------------------------------------------------------------------------------------------

narrow = dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8", MAN_KEEP_FORMATTING="", MANROFFOPT="")
texts = {}  # as read: every run of blanks one blank, words that were cut at the end of a line whole again
for name, path in sorted(pages.items()):
    if shutil.which("man"):
        said = call("man", "-l", "--warnings", path, env=narrow)
        point(f"{name}: man has no warning", said.stderr + ("" if said.returncode == 0 else "status"))
    else:
        skip(f"{name}: man has no warning", "no man")
    if shutil.which("mandoc"):
        said = call("mandoc", "-Tlint", "-Werror", path)  # what scdoc writes is full of mandoc's lesser ones
        point(f"{name}: mandoc has no error", said.stdout + said.stderr)
        said = call("mandoc", "-Tutf8", "-Owidth=200", path).stdout
    elif shutil.which("man"):
        said = call("man", "-l", path, env=dict(narrow, MANWIDTH="400")).stdout
    else:
        skip(f"{name}: its text", "neither mandoc nor man")
        continue
    text = re.sub(".\b", "", said).replace("\u2010", "-").replace("\u2212", "-").replace("\xa0", " ")
    text = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
    texts[name] = re.sub(r"\s+", " ", text)
    # What scdoc took for text though it was meant as markup, and what no table was found for.
    traces = re.findall(r"\S*(?:\*{2}|\\[_*]|^[|:] |@\w+@|```)\S*|(?<!\w)_[\w/.-]+_(?!\w)", texts[name])
    point(f"{name}: no trace of markup", " ".join(traces))
    for other in re.findall(r"\b(minibox[\w-]*)\((\d)\)", texts[name]):
        if ".".join(other) not in pages:
            point(f"{name}: names {other[0]}({other[1]})", "no such page")

# ---- the tables ------------------------------------------------------------------------------------------------------

helped = call(minibox, "run", "--help").stdout
options = re.findall(r"^ +(?:-(\w), )?--([\w-]+)(\[=\S+\]| \S+)?", helped, re.M)
page = texts.get("minibox-run.1", "")
if page:
    point("there are options", "" if len(options) > 20 else len(options))
    point("every option", "\n".join(
        wanted for letter, name, value in options
        if (wanted := f"{'-' + letter + ', ' if letter else ''}--{name}{value} ") not in page))
    flat = re.sub(r"\s+", " ", helped)
    about = re.search(r"-w, --workdir DIR (.*?) -e, ", flat).group(1)
    point("an option with its text", "" if f"--workdir DIR {about}. " in page else about)
    repeated = re.search(r"each adds: (.*?) Examples:", flat).group(1).split(", ")
    point("what may be repeated", "" if page.count("May be repeated") == len(repeated) else page.count("May be repeated"))

listed = call(minibox, "--help").stdout
rows = re.findall(r"^(\w+) +CLONE_\w+ +(shares|isolates) ", call(minibox, "flags").stdout, re.M)
page = texts.get("minibox-flags.7", "")
if page:
    point("there are rows", "" if len(rows) == 17 else len(rows))
    for row, effect in rows:
        seen = "" if re.search(rf"│ ?{row} │ {effect} │", page) else "not in the table"
        seen += "" if re.search(rf" {row} \(CLONE_\w+\) [A-Z]", page) else " not explained"
        point(f"row {row}", seen)
page = texts.get("minibox.1", "")
if page:
    for command in re.findall(r"^  (\w+)  +\w", listed, re.M):
        point(f"command {command}", "" if re.search(rf"COMMANDS .*(?<![-\w]){command}\b.* EXIT STATUS", page) else "not explained")

page = texts.get("minibox-seccomp.5", "")
if page:
    with open(top + "/configs/seccomp/default.json", encoding="utf-8") as file:
        profile = json.load(file)
    group = page.partition(" CALLS BY GROUP ")[2].partition(" PROFILE FORMAT ")[0]
    for rule in profile["syscalls"]:
        answer = {"SCMP_ACT_ALLOW": "allowed", "SCMP_ACT_ERRNO": errno.errorcode.get(rule.get("errnoRet"))}[rule["action"]]
        caps = "".join(" with " + name for name in rule.get("includes", {}).get("caps", []))
        wanted = f"{answer}{caps}{': ' + rule['comment'] if 'comment' in rule else ''} {' '.join(rule['names'])} "
        # In their order: what was found is not looked at again.
        seen = "" if wanted in group else "not there, or not in its place: " + wanted
        group = group.partition(wanted)[2] if not seen else group
        point(f"rule for {' '.join(rule['names'])[:50]}", seen)
    point("and no other rule", group.replace(f"{errno.errorcode[profile['defaultErrnoRet']]}: all others.", "").strip())

# ---- examples --------------------------------------------------------------------------------------------------------

# Those that name files find them; their "minibox run" becomes a dry run, so that a plan is made and nothing is done.
with tempfile.TemporaryDirectory() as work:
    for directory in ("debian", "judge") + tuple("debian/" + f for f in ("bin", "proc", "sys", "dev", "tmp", "etc")):
        os.mkdir(os.path.join(work, directory))
    for file in ("in", "secret"):
        with open(os.path.join(work, file), "w", encoding="ascii"):
            pass
    with open(os.path.join(work, "web.pid"), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    known = re.findall(r"^  (\w+)  ", listed, re.M)
    for name, path in sorted(sources.items()):
        with open(path, encoding="utf-8") as file:
            blocks = re.findall(r"^```\n(.*?)^```\n", file.read(), re.M | re.S)
        for block in blocks:
            if block.startswith("{"):
                with open(os.path.join(work, "no-directories.json"), "w", encoding="ascii") as file:
                    file.write(block)
        for line in (line for block in blocks for line in block.splitlines() if line.startswith("minibox ")):
            words = line.split()
            if words[1] not in known or "--observe" in words:
                skip(f"{name}: {line}", "not in this minibox, or tested elsewhere")
                continue
            if "--user" in words and os.getuid() != 0:
                skip(f"{name}: {line}", "needs root")
                continue
            dry = line.split(" | ")[0].replace("minibox run", "minibox run --dry-run").replace(" &", "")
            dry = dry.replace("minibox ", f'"{minibox}" ', 1)
            done = call("sh", "-c", dry, cwd=work, stdin=subprocess.DEVNULL)
            shown = done.stdout
            if ">out" in line:
                with open(os.path.join(work, "out"), encoding="utf-8") as file:
                    shown = file.read()
            bad = done.returncode != 0 or done.stderr or (words[1] == "run" and "exec" not in shown and "command = " not in shown)
            point(f"{name}: {line}", f"status {done.returncode}: {done.stderr}" if bad else "")

print(f"1..{count}")
sys.exit(1 if failed else 0)
