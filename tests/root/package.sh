#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library as others get it: installed, found by pkg-config and by CMake, linked into programs in C and C++. And the
# examples, each built by the line in its first comment, whose output is known to the last byte.
set -u
top=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
build=$(dirname "${MINIBOX:?}")
skip() {
    echo "skipped: $1" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root"
# In a mount namespace of its own, so that mounts that come and go are the examples' doing and nobody else's.
[ -n "${OWN_MOUNTS-}" ] || OWN_MOUNTS=1 exec unshare --mount --propagation private "$0"
for tool in cc c++ cmake pkg-config; do
    command -v "$tool" >/dev/null || skip "needs $tool"
done
"$top/tests/make-user" || skip "cannot make the user mbtest"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
number=0 failed=0
is() { # NAME GOT WANT
    number=$((number + 1))
    [ "$2" = "$3" ] && echo "ok $number - $1" && return
    failed=1
    printf 'not ok %d - %s\n# saw:    %s\n# wanted: %s\n' "$number" "$1" "$2" "$3"
}
as_user() { setpriv --reuid mbtest --regid mbtest --clear-groups "$@"; }

seen=$(nm -g --defined-only "$build/libminibox.a" | awk 'NF == 3 { print $3 }' | grep -vE '^(minibox|mb)_')
is "the archive defines no name that may clash" "$seen" ""

# Installed by one prefix, used from where it was moved to.
(umask 022 && cmake --install "$build" --prefix "$work/staged" >"$work/log" 2>&1) || cat "$work/log"
mv "$work/staged" "$work/prefix"
prefix=$work/prefix
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name minibox.pc)")
export PKG_CONFIG_PATH
is "pkg-config knows the version" "$(pkg-config --modversion minibox)" "$("$prefix/bin/minibox" --version | cut -d' ' -f2)"
is "and the header's place" "$(pkg-config --cflags-only-I minibox | tr ' ' '\n' | grep -c "$prefix/lib.*/../../include\|$prefix/include")" 1

cat >"$work/program.c" <<'END'
#include <minibox/minibox.h>
#include <stdio.h>
int main(void) {
    struct minibox_error err;
    struct minibox_spec *spec;
    if (minibox_spec_new(&spec, &err) || minibox_spec_set(spec, "hostname", "blue", &err))
        return 1;
    minibox_spec_free(spec);
    printf("%s\n", minibox_version());
    return 0;
}
END
cp "$work/program.c" "$work/program.cc"
version=$(pkg-config --modversion minibox)
# pkg-config's answer is a list of words
# shellcheck disable=SC2046
for how in "cc program.c" "c++ program.cc" "cc -static program.c"; do
    # shellcheck disable=SC2086
    set -- $how
    compiler=$1
    shift
    rm -f "$work/program"
    (cd "$work" && "$compiler" -Wall -Wextra -Werror "$@" -o program $(pkg-config --cflags --libs $([ "$1" != -static ] || echo --static) minibox))
    is "$how, by pkg-config" "$("$work/program")" "$version"
done

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(user C CXX)
find_package(minibox $version REQUIRED)
add_executable(in_c ../program.c)
add_executable(in_cxx ../program.cc)
target_link_libraries(in_c PRIVATE minibox::minibox)
target_link_libraries(in_cxx PRIVATE minibox::minibox)
END
if cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
    cmake --build "$work/project/build" >"$work/log" 2>&1; then
    is "C and C++, by find_package" "$("$work/project/build/in_c") $("$work/project/build/in_cxx")" "$version $version"
else
    is "C and C++, by find_package" "$(cat "$work/log")" ""
fi
sed -i 's/find_package(minibox [0-9.]*/find_package(minibox 9.0/' "$work/project/CMakeLists.txt"
cmake -S "$work/project" -B "$work/project/other" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1
is "another version than asked for is refused" "$? $(grep -c 'compatible with requested version' "$work/log")" "1 1"

# ---- examples ------------------------------------------------------------------------------------------------------

for source in "$top"/examples/*.c; do
    name=$(basename "$source" .c)
    line=$(sed -n 's/^ \*     \(cc .*\)$/\1/p' "$source")
    cp "$source" "$work"
    is "$name: its line builds it, without a warning" "$(cd "$work" && sh -c "${line:-false} -Wall -Wextra -Wshadow -Wconversion" 2>&1; echo $?)" "0"
done
chmod 755 "$work"/*

fork='before: the variable is 7, the file open
after:  the variable is 7, the file open'
share='before: the variable is 7, the file open
child:  I have changed both
after:  the variable is 42, the file closed'
isolate="VM, FILES  host name: the parent's; pid: as outside; mount on /tmp: the parent's
+ NEWUTS   host name: isolated; pid: as outside; mount on /tmp: the parent's
+ NEWPID   host name: isolated; pid: 1; mount on /tmp: the parent's
+ NEWNS    host name: isolated; pid: 1; mount on /tmp: its own"
sandbox='a box without a network: lo'
host() { hostname && cut -d " " -f 1-5 /proc/self/mountinfo; }
before=$(host)
for source in "$top"/examples/*.c; do
    name=$(basename "$source" .c)
    eval "wanted=\${$name-an example without a test}"
    set --
    # shellcheck disable=SC2016 # it is for the shell in the box
    [ "$name" != sandbox ] || set -- sh -c 'echo "a box without a network:" $(sed -n "s/^ *\([a-z0-9]*\):.*/\1/p" /proc/net/dev)'
    is "$name, as root" "$(cd / && "$work/$name" "$@" </dev/null 2>&1)" "$wanted"
    is "$name, as an ordinary user" "$(cd / && as_user "$work/$name" "$@" </dev/null 2>&1)" "$wanted"
done
is "the host is as before: nothing new, and its name" "$(host | grep -vxF "$before")" "" # what others take away is theirs
"$work/sandbox" sh -c 'exit 7' </dev/null
is "sandbox passes on the status" $? 7
"$work/sandbox" no-such-command </dev/null 2>"$work/log"
is "and says what is wrong" "$? $(head -n 1 "$work/log")" "127 minibox: cannot execute \"no-such-command\": No such file or directory"

# Where memory is not shared, tools that watch memory can watch.
if command -v valgrind >/dev/null; then
    valgrind -q --error-exitcode=99 --leak-check=full "$work/fork" >"$work/log" 2>&1
    is "fork under valgrind" "$? $(cat "$work/log")" "0 $fork"
else
    echo "ok $((number += 1)) - fork under valgrind # SKIP no valgrind"
fi
# shellcheck disable=SC2046
if (cd "$work" && cc -fsanitize=address,undefined -o fork-asan fork.c $(pkg-config --cflags --libs minibox) 2>"$work/log"); then
    "$work/fork-asan" >"$work/log" 2>&1
    is "fork under AddressSanitizer" "$? $(cat "$work/log")" "0 $fork"
else
    echo "ok $((number += 1)) - fork under AddressSanitizer # SKIP $(head -n 1 "$work/log")"
fi
echo "1..$number"
exit $failed
