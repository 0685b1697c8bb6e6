#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# minibox flags: the table, a row in words, JSON, and the rows proved on the running kernel.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "needs python3"

# From include/uapi/linux/sched.h, in the order of the table.
rows='vm:100 files:400 fs:200 sighand:800 io:80000000 sysvsem:40000 vfork:4000 thread:10000 parent:8000 clone_pid:0 mnt:20000
pid:20000000 uts:4000000 net:40000000 ipc:8000000 user:10000000 cgroup:2000000 time:80'
names=$(printf '%s\n' "$rows" | tr ' ' '\n' | sed 's/:.*//')

# ---- the table -----------------------------------------------------------------------------------------------------

minibox flags >table
is "a row for each flag, in order" "$(sed -n '2,/^$/s/ .*//p' table)" "$names"
is "nothing is wider than 80 columns" "$(awk 'length > 80' table)" ""
is "columns are aligned" "$(sed -n '2,/^$/p' table | grep -cvE '^[a-z_]{2,9} +CLONE_[A-Z]+ +(shares|isolates|-) +(set|clear|-) +(free|free, join|fixed|-) +[a-zA-Z/]|^$')" 0
like "pid can be joined" "$(grep '^pid ' table)" "pid *CLONE_NEWPID *isolates set *free, join process ids"
like "fs is fixed" "$(grep '^fs ' table)" "fs *CLONE_FS *shares *clear fixed *root, cwd, umask"
is "rows by name only" "$(minibox flags net vm | sed -n '2,/^$/s/ .*//p')" "vm
net"

for name in $names; do
    minibox flags "$name" >row || echo failed >row
    like "flags $name explains it" "$(cat row)" "$name: *CLONE_*to see*"
    is "flags $name fits into 80 columns" "$(awk 'length > 80' row)" ""
done
like "a rule is a part of both of its rows" "$(minibox flags fs)$(minibox flags mnt)" "*not with*mnt: a shared root*not with*fs: a shared root*"
like "what a row needs" "$(minibox flags thread)" "*needs*sighand: *not with*user: *not with*pid: *"
like "what became of CLONE_PID" "$(minibox flags clone_pid)" "*2.5.16*"

minibox flags --json >json
is "JSON has every value" "$(python3 -c '
import json
print(*("%s:%x" % (row["name"], row["value"]) for row in json.load(open("json"))))')" "$(printf '%s' "$rows" | tr '\n' ' ')"
is "JSON of one row, with its rules" "$(minibox flags --json sighand | python3 -c '
import json, sys
row, = json.load(sys.stdin)
print(row["refused"][0]["without"], row["set_by_run"], row["can_be_chosen"])')" "vm False False"

# ---- proof ---------------------------------------------------------------------------------------------------------

# Others may make semaphores and change the host's name where this test has not namespaces of its own for that.
host() { changed_mounts; [ -z "$own" ] || { hostname; ipcs -sq 2>/dev/null; }; }
host >before
minibox flags --observe --json >seen
is "observing succeeds" $? 0
host >after
ok "the host is as it was" cmp before after

# What the kernel does not offer here is skipped by name; all else must be as the table says.
python3 - <<'END' >verdicts
import json
seen = json.load(open("seen"))
for entry in seen["observations"]:
    print("%s:%s:%s:%s" % (entry["verdict"].replace(" ", "_"), entry["flags"], "with" if entry["set"] else "without",
                           entry["resource"].replace(" ", "_")), entry["saw"], sep="\t")
END
while IFS="	" read -r key saw; do
    name="observed: $(echo "${key#*:}" | tr ':_' '  ')"
    case $key in
    not_offered:*) skip "$name" "$saw" ;;
    *) is "$name ($saw)" "${key%%:*}" "as_the_table_says" ;;
    esac
done <verdicts
for name in $names; do
    [ "$name" = clone_pid ] || ok "$name is observed with and without" \
        awk -F: -v name="$name" '("," $2 ",") ~ "," name "," { seen[$3] = 1 } END { exit !(seen["with"] && seen["without"]) }' verdicts
done
like "a copied page is counted" "$(grep 'without:64_MiB' verdicts)" "*its own byte; $(($(getconf PAGESIZE) / 1024)) KiB of 65536 were copied*"
is "a fork costs more the larger its parent, sharing memory does not" "$(python3 -c '
import json
cost = {row["flags"]: row for row in json.load(open("seen"))["cost"]}
fork, vm = cost["-"], cost["vm"]
print(fork["microseconds_of_256_mib"] > 2 * fork["microseconds"] > 0, 0 < vm["microseconds_of_256_mib"] < fork["microseconds_of_256_mib"])')" "True True"

minibox flags --observe fs umask >text 2>&1
is "a word that is no row" $? 125
minibox flags --observe fs >text
is "one row" "$? $(grep -c . text) $(tail -n 1 text)" "0 8 6 as the table says, 0 otherwise, 0 not offered here"
is "the text is not wider than 80 columns" "$(minibox flags --observe | awk 'length > 80')" ""

# A kernel that only says that it did something: the table's claim is not repeated, but compared.
if command -v strace >/dev/null; then
    strace -f -o /dev/null -e trace=sethostname -e inject=sethostname:retval=0 "$work/minibox" flags --observe uts >text
    is "what is not as the table says ends with 1" "$?" 1
    like "and is shown" "$(cat text)" "*NOT AS THE TABLE SAYS*1 as the table says, 1 otherwise, 0 not offered here*"
    strace -f -o /dev/null -e trace=close -e inject=close:retval=0 "$work/minibox" flags --observe --json files >json
    is "of two resources that are to be shared one is not enough" "$? $(python3 -c '
import json
print([(row["set"], row["verdict"]) for row in json.load(open("json"))["observations"] if row["flags"] == "vm,files"])')" \
        "1 [(False, 'as the table says'), (True, 'otherwise')]"
    strace -f -o /dev/null -e trace=sethostname -e inject=sethostname:error=EPERM "$work/minibox" flags --observe uts >text
    is "with nothing seen it ends with 1" "$?" 1
    like "what is not offered is said" "$(cat text)" "*not offered here: Operation not permitted*0 as the table says, 0 otherwise, 2 not offered here*"
else
    skip "a kernel that lies" "no strace"
fi
minibox run --rootfs host -v "$work/minibox:/run/minibox" /run/minibox flags --observe >text 2>&1
is "in a box: what may be seen there is as the table says" "$? $(tail -n 1 text | cut -d, -f2)" "0  0 otherwise"

# ---- bad words -----------------------------------------------------------------------------------------------------

for word in nett --observ --foo ''; do
    minibox flags "$word" >out 2>err
    is "flags '$word' is refused" "$? $(cat out)" "125 "
    like "flags '$word': the error" "$(cat err)" "minibox: unknown *asked for at $word (argument 1)*try: *"
done
like "did you mean" "$(minibox flags nett 2>&1)" "*try: did you mean net?"
like "--help" "$(minibox flags --help)" "Usage: minibox flags*--observe*"
finish
