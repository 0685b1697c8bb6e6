#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# structure.sh BUILD_DIR: what must stay true of the tree and of what was built, checked by tools that read it.
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

# The builder works in its parent's memory: nothing of the C library may be called, whatever the preset.
object=$build/CMakeFiles/inside.dir/src/inside/builder.c.o
if [ -e "$object" ]; then seen=$(nm -u "$object" | awk '{print $2}' | grep -vxE 'memcpy|memset|memmove'); else seen="no $object"; fi
result "the builder has no undefined symbols but memcpy, memset, memmove" "$seen"
[ -e "$object" ] && seen=$(nm "$object" | grep -E ' [BDbd] ')
result "the builder has no variables" "$seen"

# init is mapped and started by the kernel alone: nobody would apply relocations.
seen=$(readelf -rW "$build/minibox-init" | grep R_)
result "init has no relocations" "$seen"
seen=$(readelf -lW "$build/minibox-init" | grep -E 'INTERP|GNU_STACK.*E')
result "init has no interpreter and no executable stack" "$seen"

# The launcher handles hostile texts and paths with root's privileges: what the tools offer against a mistake in it is on.
# Not the processor's branch tracking (-fcf-protection): a static program has it only if the C library was built for it.
setting() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
program=$build/minibox library=$build/libminibox.a
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
symbols=$(nm -A "$library" 2>/dev/null)
seen=$(for object in error file profile options launch run record; do
    printf '%s\n' "$symbols" | grep -q ":$object\.c\.o:.* U __stack_chk_fail$" || echo "$object.c has no protected function"
done)
result "functions with arrays check their stack" "$seen"
if [ "$(setting CMAKE_BUILD_TYPE)" = Release ] && [ -z "$(setting MINIBOX_SANITIZE)" ]; then
    seen=$(for object in error file json options report; do
        printf '%s\n' "$symbols" | grep -q ":$object\.c\.o:.* U __[a-z]*printf_chk$" || echo "$object.c has no checked call"
    done)
    result "calls of the C library check the sizes that the compiler knows" "$seen"
fi

# A folder includes only what stands to its left.
order='base kernel filter spec read plan show inside launch run prove'
allowed='minibox'
for folder in $order; do
    allowed="$allowed|$folder"
    seen=$(grep -nE '^#include "' src/"$folder"/*.[chS] | grep -vE "#include \"($allowed)/")
    result "$folder includes only $allowed" "$seen"
done

# A path inside a root file system is hostile: one function walks it, and only what that returns is used.
seen=$(grep -nE '(raw|syscall)\(SYS_openat2|struct open_how|\bopenat2\(' src/*.c src/*/*.c | grep -v '^[^:]*:[0-9]*: \*')
result "openat2 is called in base/path.h only" "$seen"
seen=$(tr '\n' ' ' <src/inside/builder.c | grep -oE 'raw\(SYS_[^;]*step->(path|target)\b[^;]*;' | grep -vF 'raw(SYS_statx, b->slots[step->at], step->path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st);')
result "the builder gives no system call a path of the box, but to ask whether a kernel's file is absent" "$seen"
seen=$(grep -nE 'root_fd|rootfs_path' src/plan/*.c | grep -E '(at|statx|open|link|stat|access)\((c->)?root_fd|"%s/[^"]*", *(c->)?rootfs_path')
result "planning opens nothing in a root file system by itself" "$(printf '%s' "$seen" | grep -vE 'mb_path_open(_regular)?\((c->)?root_fd')"

seen=$(git ls-files src tests include rootfs configs docs examples | grep -v '^tests/unit/structure.sh$' | xargs grep -nE '\b(TODO|FIXME|XXX)\b|not implemented' /dev/null | grep -v 'Function not implemented')
result "nothing is left to do" "$seen"
seen=$(grep -nE '\bgoto\b' src/*.c src/*/*.[ch] | grep -v '/\*')
result "no goto" "$seen"
echo "1..$number"
exit $failed
