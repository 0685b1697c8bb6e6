#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# structure.sh BUILD_DIR: what must stay true of the tree and of what was built, told by symbols, sections and includes.
set -u
top=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
build=$1
failed=0 number=0
result() { # NAME WHAT_WAS_SEEN: passes if nothing was seen
    number=$((number + 1))
    if [ -z "$2" ]; then echo "ok $number - $1"; else
        failed=1
        echo "not ok $number - $1"
        printf '%s\n' "$2" | sed 's/^/# seen: /'
    fi
}
cd "$top" || exit 1

objects_of() { ls "$build/CMakeFiles/$1.dir/src/$1"/*.c.o 2>/dev/null; } # of a room

# What runs between clone and execve works in its parent's memory: nothing of the C library may be called, whatever the preset.
inside=$(objects_of inside)
result "there is something inside" "$([ -n "$inside" ] || echo "no objects of src/inside")"
for object in $inside; do
    name=${object##*/}
    result "inside/$name: no undefined symbols but memcpy, memset, memmove and its neighbours'" "$(
        nm -u "$object" | awk '{ print $2 }' | grep -vxE 'memcpy|memset|memmove' | while read -r symbol; do
            # shellcheck disable=SC2086 # a list of words
            nm --defined-only $inside | grep -q " $symbol\$" || echo "$symbol"
        done)"
    result "inside/$name: no variables" "$(size -A "$object" | awk '$1 ~ /^\.(data|bss|tdata|tbss)($|\.)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0')"
done

# init is mapped and started by the kernel alone: nobody would apply relocations.
seen=$(readelf -rW "$build/minibox-init" | grep R_)
result "init has no relocations" "$seen"
seen=$(readelf -lW "$build/minibox-init" | grep -E 'INTERP|GNU_STACK.*E')
result "init has no interpreter and no executable stack" "$seen"

# The launcher handles hostile texts and paths with root's privileges: what the tools offer against a mistake in it is on.
# Not the processor's branch tracking (-fcf-protection): a static program has it only if the C library was built for it.
setting() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
program=$build/minibox
seen=$(readelf -hW "$program" | grep 'Type:' | grep -v 'DYN (Position-Independent Executable file)')
result "the program can be at any address" "$seen$([ -e "$program" ] || echo "no $program")"
[ "$(setting MINIBOX_STATIC)" != ON ] || result "the static program needs no loader" "$(readelf -lW "$program" | grep INTERP)"
segments=$(readelf -lW "$program")
seen=$(printf '%s\n' "$segments" | grep RWE)
result "nothing in it can be both written and executed, its stack included" "$seen$(case $segments in *GNU_STACK*) ;; *) echo 'no GNU_STACK' ;; esac)"
dynamic=$(readelf -dW "$program")
seen=$(case $segments in *GNU_RELRO*) ;; *) echo 'no GNU_RELRO' ;; esac
    case $dynamic in *BIND_NOW*) ;; *) echo 'no BIND_NOW' ;; esac
    printf '%s\n' "$dynamic" | grep TEXTREL)
result "what its start has relocated is read-only afterwards: full RELRO" "$seen"
# lacking PATTERN: the rooms without an object that needs such a symbol.
lacking() {
    for room in base filter spec box launch run; do
        # shellcheck disable=SC2046 # a list of words
        nm -u $(objects_of $room) | grep -qE "U ($1)\$" || echo "src/$room"
    done
}
result "functions with arrays check their stack" "$(lacking __stack_chk_fail)"
if [ "$(setting CMAKE_BUILD_TYPE)" = Release ] && [ -z "$(setting MINIBOX_SANITIZE)" ]; then
    result "calls of the C library check the sizes that the compiler knows" "$(lacking '__[a-z]*printf_chk')"
fi

# A room includes only the rooms to its left.
order='base kernel filter spec read box plan show inside launch run prove'
result "each room is looked at" "$(for room in src/*/; do case " $order " in *" $(basename "$room") "*) ;; *) echo "$room" ;; esac; done)"
allowed='minibox'
for room in $order; do
    allowed="$allowed|$room"
    result "$room includes only $allowed" "$(grep -nE '^#include "' src/"$room"/*.[chS] | grep -vE "#include \"($allowed)/")"
done

# A path inside a root file system is hostile: one function walks it, and only what that returns is used. Who wants to call
# openat2(2) needs its header.
result "openat2 is called in base/path.h only" "$(grep -lE '^#include <linux/openat2\.h>' src/*.[chS] src/*/*.[chS] | grep -vx src/base/path.h)"
# shellcheck disable=SC2046
seen=$(nm -u $(objects_of plan) | grep -E 'U (openat|openat64|fstatat|fstatat64|readlinkat|faccessat|unlinkat|mkdirat|linkat|symlinkat|renameat|fdopendir)$')
result "planning opens nothing below a descriptor by itself" "$seen"

# Each .c file without its comments.
without_comments() {
    for file in src/*.c src/*/*.[ch]; do
        cc -fpreprocessed -dD -E -P "$file" 2>/dev/null | sed "s|^|$file: |"
    done
}
result "no goto" "$(without_comments | awk '/[^A-Za-z0-9_]goto[^A-Za-z0-9_]/ { print } END { if (NR < 5000) print NR " lines were read" }')"
seen=$(git ls-files src tests include rootfs configs docs examples 2>/dev/null | grep -v '^tests/unit/structure.sh$' | xargs grep -nE '\b(TODO|FIXME|XXX)\b|not implemented' /dev/null | grep -v 'Function not implemented')
result "nothing is left to do" "$seen"

# What a label's tests need is installed by .ci/build.
result "each label has its packages" "$([ ! -e "$build/tests/CTestTestfile.cmake" ] || [ -n "$(setting MINIBOX_SANITIZE)" ] ||
    ctest --test-dir "$build" --print-labels | sed -n 's/^  //p' | grep -vxF "$(.ci/build --labels)")"
echo "1..$number"
exit $failed
