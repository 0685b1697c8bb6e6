#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A real job: minibox is built inside minibox with the host's tools. The box can write to the directory that it was given and to
# nothing else; the caller's home is hidden. As root and as an ordinary user.
# shellcheck disable=SC2034 # box.sh's
tools='cmake ninja cc make pkg-config'
# shellcheck source=tests/root/lib/box.sh
. "$(dirname "$0")/lib/box.sh"
secret=
other=
trap 'rm -rf "$directory"; [ -z "$secret" ] || rm -f "$secret"; [ -z "$other" ] || rmdir "$other" 2>/dev/null' EXIT

job() {
    user=$1
    tree=$directory/$user/tree
    mkdir -p "$tree"
    # The sources without what was built from them.
    (cd "$source" && tar -c --exclude=./.git --exclude='./build*' --exclude='*.pyc' .) | tar -x --no-same-owner -C "$tree" || exit 1
    chown -R "$user:" "$directory/$user"
    cd "$tree" || exit 1

    out=$(box "$user" sh -c 'cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug && cmake --build build' 2>&1)
    point "$user: cmake and ninja build minibox inside minibox" "$?" 0
    [ -x build/minibox ] || printf '%s\n' "$out" | tail -n 30 | sed 's/^/# /'
    point "$user: what was built runs" "$(build/minibox --version 2>&1 | cut -d' ' -f1)" minibox
    point "$user: the files belong to the caller" "$(stat -c %U build/minibox 2>&1)" "$user"
    point "$user: what was built runs in a box, too" "$(box "$user" build/minibox --version 2>&1 | cut -d' ' -f1)" minibox

    # Everything else is read-only, or the box's own, or not there at all.
    for place in / /usr /etc /home /var /dev /sys /proc; do
        out=$(box "$user" sh -c "touch '$place/made-by-the-box' 2>/dev/null && echo written || echo refused")
        point "$user: a write to $place" "$out$([ -e "$place/made-by-the-box" ] && echo ', on the host')" refused
    done
    # The directories above the volume are made in the box's own memory; the home is an empty one of the box's.
    for place in "$directory" "$directory/$user" /root /home /run; do
        box "$user" touch "$place/made-by-the-box" 2>/dev/null
        point "$user: no write to $place comes out" "$([ -e "$place/made-by-the-box" ] && echo 'on the host')" ""
    done
    for place in /tmp /var/tmp /dev/shm; do
        out=$(box "$user" sh -c "touch '$place/made-by-the-box' && ls '$place'" 2>&1)
        point "$user: $place is the box's own" "$out$([ -e "$place/made-by-the-box" ] && echo ', on the host')" \
            "$(case $place in "$(dirname "$directory")") printf '%s\n' made-by-the-box "${directory##*/}" ;; *) echo made-by-the-box ;; esac)"
    done

    # ~ is hidden, and so are the homes of others.
    home=$(getent passwd "$user" | cut -d: -f6)
    other=$(mktemp -d /home/minibox-build-test-XXXXXX) || exit 1
    for place in "$home" "$other"; do
        [ -d "$place" ] || continue
        secret=$place/.minibox-build-test
        echo secret >"$secret"
        chown "$user:" "$secret" "$other"
        # shellcheck disable=SC2088
        point "$user: $([ "$place" = "$home" ] && echo '~' || echo 'the home of another') is hidden" \
            "$(box "$user" sh -c "cat '$secret' ~/.minibox-build-test 2>/dev/null; ls -A '$place' ~ /home 2>/dev/null |
                grep minibox-build-test")" ""
        rm -f "$secret"
    done
    rmdir "$other"
    secret=
    point "$user: what lies beside the volume is hidden" "$(box "$user" ls -A "$directory" 2>&1)" "$user"
    cd / || exit 1
}

job root
job mbtest
echo "1..$count"
exit $failed
