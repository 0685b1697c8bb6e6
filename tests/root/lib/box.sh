# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For tests of programs in boxes, as root and as an ordinary user with extra groups: sourced, after `tools` says what they need.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
skip() {
    echo "skipped: $1" >&2
    exit 77
}
# In the box the path is the system's own.
has() { PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin command -v "$1" >/dev/null; }
[ "$(id -u)" = 0 ] || skip "needs root"
for tool in $tools python3 setpriv; do
    has "$tool" || skip "needs $tool"
done
"$source/tests/make-user" || skip "cannot make the user mbtest"
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
chmod 755 "$directory"
cp "${MINIBOX:?}" "$directory/minibox" && chmod 755 "$directory/minibox" || exit 1
count=0
failed=0

# point NAME SAW WANTED
point() {
    count=$((count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        printf '%s\n' "$2" | tail -n 15 | sed 's/^/#   saw:    /'
        printf '%s\n' "$3" | sed 's/^/#   wanted: /'
        failed=1
    fi
}

# box USER OPTION... : minibox run with the host's system directories and the present directory
box() {
    user=$1
    shift
    if [ "$user" = root ]; then
        setpriv --groups 60123,60124 "$directory/minibox" run --rootfs host -v .:rw -w . "$@" </dev/null
    else
        setpriv --reuid mbtest --regid mbtest --groups 60123,60124 "$directory/minibox" run --rootfs host -v .:rw -w . "$@" </dev/null
    fi
}
