#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# format.sh: the C of the tree is as .clang-format says, and no line of it is wider than 120 columns. Other versions of
# clang-format than 14, Debian 12's, wrap other lines.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
files=$(find src include tests docs examples -name '*.[ch]' | sort)
count=0 failed=0
point() { # NAME WHAT_WAS_SEEN: passes if nothing was seen
    count=$((count + 1))
    if [ -z "$2" ]; then
        echo "ok $count - $1"
    else
        failed=1
        echo "not ok $count - $1"
        printf '%s\n' "$2" | sed 's/^/# seen: /'
    fi
}

point "there is C to look at" "$([ "$(printf '%s\n' "$files" | wc -l)" -ge 80 ] || echo "$files")"
# shellcheck disable=SC2086 # a list of words
point "no line is over 120 columns" "$(LC_ALL=C.UTF-8 grep -nE '.{121}' /dev/null $files)"
for tool in clang-format-14 clang-format; do
    case $($tool --version 2>/dev/null) in *"version 14."*) ;; *) continue ;; esac
    # shellcheck disable=SC2086
    point "clang-format changes nothing: $tool -i FILE does" "$($tool --dry-run -Werror $files 2>&1)"
    echo "1..$count"
    exit $failed
done
[ $failed -eq 0 ] || exit 1
echo "SKIP: needs clang-format 14" >&2
exit 77
