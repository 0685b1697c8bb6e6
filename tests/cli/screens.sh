#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/screens.md shows what minibox prints.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

sed -n 's/^    \$ //p' "$work/docs/screens.md" >commands
is "there are screens" "$([ "$(wc -l <commands)" -ge 7 ]; echo $?)" 0
while read -r command; do
    awk -v command="    \$ $command" '$0 == command { on = 1; next } /^    \$ / { on = 0 } on' "$work/docs/screens.md" | sed 's/^    //; s/^ *$//' |
        awk 'NF { for (; blank; blank--) print ""; print; next } { blank++ }' >wanted
    sh -c "$command" 2>&1 </dev/null | sed 's/ *$//' >seen
    if [ "$command" = "minibox check" ]; then
        for file in wanted seen; do
            grep -E '^(yes|no) ' $file | cut -c6-31 >names && mv names $file
        done
    fi
    is "$command" "$(diff wanted seen)" ""
    is "$command: 80 columns" "$(awk 'length > 80' seen)" ""
done <commands
finish
