#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library from C and C++: compiled against the public header and libminibox.a alone, run as root and as an ordinary user.
set -u
here=$(cd "$(dirname "$0")" && pwd)
library=${MINIBOX_LIBRARY:-$(dirname "${MINIBOX:?}")/libminibox.a}
skip() {
    echo "skipped: $1" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root"
[ -f "$library" ] || skip "no $library"
command -v cc >/dev/null || skip "needs a C compiler"
"$here/../make-user" || skip "cannot make the user mbtest"
libraries=$(pkg-config --libs libcap libseccomp json-c) || skip "needs pkg-config and the libraries"
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
chmod 755 "$directory"
failed=0

# $libraries is a list of words
# shellcheck disable=SC2086
cc -std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I"$here/../../include" -o "$directory/library" "$here/library.c" "$library" \
    $libraries -lpthread || exit 1
chmod 755 "$directory/library"

memory=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
cost=cost
if [ "$memory" -lt 1536 ]; then
    echo "# launch cost with 1 GiB resident: skipped, $memory MiB are free"
    cost=
fi
# What an ordinary user's other ids need.
helper=
if command -v newuidmap >/dev/null && grep -q '^mbtest:' /etc/subuid && grep -q '^mbtest:' /etc/subgid; then helper=keep-id; fi
echo "# as root"
(cd / && "$directory/library" $cost) </dev/null || failed=1
echo "# as mbtest, with supplementary groups"
(cd / && setpriv --reuid mbtest --regid mbtest --groups 60123,60124 "$directory/library" $cost $helper) </dev/null || failed=1

# The header stands alone, in C and in C++.
for pair in "cc c -std=c17" "c++ c++ -std=c++17"; do
    # shellcheck disable=SC2086
    set -- $pair
    if ! command -v "$1" >/dev/null; then
        echo "ok - header in $2 # SKIP no $1"
    elif printf '#include <minibox/minibox.h>\nint main() { struct minibox_error e; (void)e; return minibox_version() == 0; }\n' |
        "$1" "$3" -x "$2" -Wall -Wextra -Werror -pedantic -I"$here/../../include" -c -o "$directory/header.o" -; then
        echo "ok - header in $2"
    else
        echo "not ok - header in $2"
        failed=1
    fi
done
exit $failed
