#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/screens.md shows what minibox prints, and is the one place where its wording is pinned.
#
# screens.sh --write: runs each command of docs/screens.md again and writes what it prints below it. So a changed wording is
# accepted: `cmake --build build/test --target screens`, then a look at what git diff shows.
#
# How it works. A command is a line that begins with four blanks and "$ "; the lines with four blanks and the empty ones below it are
# its screen, all else is text. The test writes the file anew, elsewhere, and compares. Two things differ between callers and hosts:
# the numbers of steps, which are written as N and M, and what `minibox check` says. Of that the first column of words must be as
# in the file; if they are, its screen stays.

# write OLD: the file, with new screens.
write() {
    awk '/^    \$ / { on = 1; print; next } on && /^    |^$/ { next } { on = 0; print }' "$1" |
        while IFS= read -r line; do
            case $line in
            '    $ '*)
                printf '%s\n' "$line"
                command=${line#'    $ '}
                sh -c "$command" 2>&1 </dev/null | sed 's/step [0-9]* of [0-9]* (/step N of M (/; s/^/    /; s/ *$//' >screen
                if [ "$command" = "minibox check" ]; then
                    screen_of "$command" "$1" >old
                    [ "$(checks screen)" != "$(checks old)" ] || cp old screen
                fi
                cat screen
                echo
                ;;
            *) printf '%s\n' "$line" ;;
            esac
        done | sed '${/^$/d}' # but none at the end
    rm -f screen old
}
# screen_of COMMAND FILE: its screen, as it is there.
screen_of() {
    awk -v command="    \$ $1" '$0 == command { on = 1; next } /^    \$ / || /^[^ ]/ { on = 0 } on && /^$/ { blank++; next }
        on { for (; blank; blank--) print ""; print }' "$2"
}
checks() { grep -E '^    (yes|no) ' "$1" | cut -c 10-35; }

if [ "${1-}" = --write ]; then
    set -eu
    docs=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")/docs
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work" && cd "$work"
    cp "${MINIBOX:-$docs/../build/test/minibox}" minibox
    export LC_ALL=C PATH="$work:$PATH"
    mkdir place && cd place
    write "$docs/screens.md" >../new
    cat ../new >"$docs/screens.md"
    exit
fi

# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
write "$work/docs/screens.md" >"$work/written"
is "there are screens" "$([ "$(grep -c '^    \$ ' "$work/written")" -ge 20 ]; echo $?)" 0
is "docs/screens.md is what minibox prints: cmake --build build/test --target screens writes it anew" \
    "$(diff "$work/docs/screens.md" "$work/written")" ""
is "no screen is wider than 80 columns, but for errors" "$(awk '/^## Errors/ { exit } /^    [^$]/ && length > 84' "$work/written")" ""
finish
