#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the box sees: --rootfs, --volume, --tmpfs, --device, --mask.
# shellcheck disable=SC2016 # variables in single quotes are the box's
. "$(dirname "$0")/lib.sh"

try='touch $0 2>/dev/null && echo yes || echo no' # whether $0 of the box can be written

# ---- busybox ---------------------------------------------------------------------------------------------------------

in_box "busybox is the default, and read-only" no sh -c "$try" /usr/x
in_box "nothing of the host is in it" "bin dev etc home proc root run sbin sys tmp usr var" sh -c 'echo $(ls /)'
in_box "busybox:ro" no --rootfs busybox:ro sh -c "$try" /usr/x
in_box "busybox:rw" yes --rootfs busybox:rw sh -c "$try" /usr/x
in_box "busybox:overlay" yes --rootfs busybox:overlay sh -c "$try" /usr/x
in_box "what was written is gone in the next box" no --rootfs busybox:rw sh -c '[ -e /usr/x ] && echo yes || echo no'
in_box "/tmp can be written" yes sh -c "$try" /tmp/x
in_box "/tmp and /dev/shm are for all" "1777 1777" sh -c 'echo $(stat -c %a /tmp /dev/shm)'
in_box "the applets are there" /bin/busybox sh -c 'readlink -f /usr/bin/awk'
in_box "passwd, group and hosts" "root
root
127.0.0.1	localhost minibox
::1	localhost minibox" sh -c 'sed -n "s/:x:0:.*//p" /etc/passwd /etc/group; cat /etc/hosts'
in_box "no resolver without a network" "" cat /etc/resolv.conf
in_box "the host's resolver with its network" "$(cat /etc/resolv.conf 2>/dev/null)" --network host cat /etc/resolv.conf

# ---- host ------------------------------------------------------------------------------------------------------------

in_box "host: its programs" "$(ls /usr)" --rootfs host ls /usr
in_box "host: read-only" no --rootfs host sh -c "$try" /usr/x
in_box "host: read-only /etc" no --rootfs host sh -c "$try" /etc/x
in_box "host: /home is empty but for the user's own" "" --rootfs host ls -A /home
in_box "host: nothing that is not on the list" no --rootfs host sh -c '[ -e "$0" ] && echo yes || echo no' "$work/minibox"
in_box "host: private files stay private" no --rootfs host sh -c 'cat /etc/shadow >/dev/null 2>&1 && echo yes || echo no'
in_box "host: /var/tmp can be written" yes --rootfs host sh -c "$try" /var/tmp/x
ok "host: nothing of that on the host" [ ! -e /var/tmp/x ]

# ---- a directory --------------------------------------------------------------------------------------------------------

make_rootfs root
in_box "directory: read-only by default" no --rootfs root sh -c "$try" /data/x
in_box "directory: a relative path, :ro" no --rootfs ./root:ro sh -c "$try" /data/x
in_box "directory: :overlay" yes --rootfs "$work/home/root:overlay" sh -c "$try" /data/x
ok "directory: :overlay drops what was written" [ ! -e root/data/x ]
in_box "directory: :overlay over what is there" "new" --rootfs root:overlay sh -c 'echo new >/etc/passwd; cat /etc/passwd'
is "directory: :overlay leaves what was there" "$(head -n 1 root/etc/passwd)" "root:x:0:0::/root:/bin/sh"
# Root's files in a writable root file system could become programs that anyone runs as root.
if [ "$mode" = root ]; then
    chmod 755 root
    run_minibox --rootfs root:rw true
    like "directory: :rw, where other users can reach it" "$status $err" "125 *other users of the host can reach*--rootfs*allow suid*"
    in_box "directory: :rw, where other users can reach it, by name" yes --allow suid --rootfs root:rw sh -c "$try" /data/x
    rm -f root/data/x
    chmod 700 root
fi
in_box "directory: :rw" yes --rootfs root:rw sh -c "$try" /data/x
is "directory: :rw, the file is the caller's" "$(stat -c %u:%g root/data/x)" "$uid:$gid"
in_box "directory: the caller's files are the box's root's" 0:0 --rootfs root stat -c %u:%g /data/x
in_box "directory: no set-uid, no devices" "ro nosuid nodev" --rootfs root sh -c \
    'for o in ro nosuid nodev; do grep " / " /proc/self/mounts | grep -q "[ ,]$o[ ,]" && echo $o; done | (echo $(cat))'
make_rootfs 'a b,c:d\e'
in_box "directory: any name" yes --rootfs 'a b,c:d\e:overlay' sh -c "$try" /data/x
ok "directory: any name, overlay drops" [ ! -e 'a b,c:d\e/data/x' ]

# Whether a mount point is there is not told by what the image has where another mount will be.
ln -s /dev/shm root/data/shm && ln -s ../tmp root/data/tmp && mkdir -p root/data/below && : >root/data/below/file
in_box "directory: over a link to a mount of minibox's own" ok --rootfs root:overlay --tmpfs /data/shm sh -c '[ ! -e /dev/shm/x ] && echo ok'
in_box "directory: below a link to a mount of minibox's own" ok --rootfs root:overlay --tmpfs /data/tmp/new sh -c '[ -d /tmp/new ] && echo ok'
in_box "directory: below a mount that hides what the image has" ok --rootfs root --tmpfs /data/below/ --tmpfs /data/below/file sh -c '[ -d /data/below/file ] && echo ok'
rm -r root/data/shm root/data/tmp root/data/below

in_box "tmpfs: docker's words for what is so" yes --tmpfs /t:rw,nosuid,nodev,size=64k sh -c "$try" /t/x

# A link in a root file system leads nowhere but into it.
mkdir outside
rm -r root/data
ln -s "$work/home/outside" root/data
run_minibox --rootfs root:overlay -v /usr:/data/usr ls /
is "directory: a mount point under a link to the host" "$(ls -A outside)" ""
rm root/data
mkdir root/data
rmdir root/tmp
ln -s ../../outside root/tmp
run_minibox --rootfs root:rw sh -c 'touch /tmp/x'
is "directory: /tmp a link to the host" "$(ls -A outside)" ""
rm -rf root

# ---- volumes ---------------------------------------------------------------------------------------------------------

mkdir -p v/sub w
echo text >v/file
printf '#!/bin/sh\necho ran\n' >v/program
chmod 755 v/program
in_box "volume: at a place of its own" text -v v:/data cat /data/file
in_box "volume: the long name" text --volume v:/data cat /data/file
in_box "volume: the same path by default" text -v "$work/home/v" cat "$work/home/v/file"
in_box "volume: a relative source" text -v ./v cat "$work/home/v/file"
in_box "volume: read-only by default" no -v v:/data sh -c "$try" /data/x
in_box "volume: ro" no -v v:/data:ro sh -c "$try" /data/x
in_box "volume: rw" yes -v v:/data:rw sh -c "$try" /data/x
is "volume: rw, the file is the caller's" "$(stat -c %u:%g v/x)" "$uid:$gid"
rm -f v/x
in_box "volume: SRC:rw" yes -v .:rw sh -c "$try" "$work/home/v/x"
ok "volume: SRC:rw, it is on the host" [ -e v/x ]
rm -f v/x
in_box "volume: overlay" yes -v v:/data:overlay sh -c "$try" /data/x
ok "volume: overlay drops what was written" [ ! -e v/x ]
in_box "volume: programs run" ran -v v:/data /data/program
run_minibox -v v:/data:ro,noexec /data/program
is "volume: noexec" "$status" 126
if [ "$mode" = root ]; then
    in_box "volume: noatime" yes -v v:/data:rw,noatime sh -c 'grep -q " /data [^ ]* [^ ]*noatime" /proc/self/mounts && echo yes'
else
    skip "volume: noatime" "a user namespace may not change how a mount of the host keeps access times"
fi
in_box "volume: nosymfollow" no -v v:/data:nosymfollow,rw sh -c 'ln -s file /data/l; cat /data/l 2>/dev/null || echo no; rm /data/l'
in_box "volume: one file" text -v v/file:/data/name cat /data/name
in_box "volume: in the other, in any order" "text x" -v v:/a/sub -v w:/a:rw sh -c 'touch /a/x; echo $(cat /a/sub/file; ls /a | grep x)'
in_box "volume: escaped colon" text -v 'v:/a\:b' cat /a:b/file
in_box "volume: never set-uid, never a device" "nosuid nodev" -v v:/data:rw sh -c \
    'for o in nosuid nodev; do grep " /data " /proc/self/mounts | grep -q "[ ,]$o[ ,]" && echo $o; done | (echo $(cat))'
in_box "volume: with the host's root file system" text --rootfs host -v v:/srv/deep/data cat /srv/deep/data/file
mkdir a,b
in_box "volume: overlay of any name" yes -v a,b:/data:overlay sh -c "$try" /data/x
ln -s v link
in_box "volume: a link as source" text -v link:/data cat /data/file

# ---- tmpfs -----------------------------------------------------------------------------------------------------------

in_box "tmpfs: for all by default" 1777 --tmpfs /t stat -c %a /t
in_box "tmpfs: mode" 750 --tmpfs /t:mode=0750 stat -c %a /t
in_box "tmpfs: size" 65536 --tmpfs /t:size=64k,mode=755 sh -c 'head -c 1m /dev/zero >/t/x 2>/dev/null; stat -c %s /t/x'
in_box "tmpfs: can be written" yes --tmpfs /t sh -c "$try" /t/x
in_box "tmpfs: ro" no --tmpfs /t:ro sh -c "$try" /t/x
in_box "tmpfs: noexec" 126 --tmpfs /t:noexec sh -c 'cp /bin/busybox /t/true; /t/true 2>/dev/null; echo $?'
in_box "tmpfs: over a directory of a volume" "" -v v:/data --tmpfs /data/sub ls /data/sub
in_box "tmpfs: more than one" "1777 700" --tmpfs /t --tmpfs /u:mode=700 sh -c 'echo $(stat -c %a /t /u)'

# ---- devices ---------------------------------------------------------------------------------------------------------

in_box "the six usual devices, and no other" "full null random tty urandom zero" sh -c \
    'cd /dev; for f in *; do [ -c $f ] && [ ! -L $f ] && echo $f; done | (echo $(cat))'
in_box "they work" "0 8" sh -c 'echo $(wc -c </dev/null; head -c 8 /dev/urandom | wc -c)'
in_box "device: another name" 4 --device /dev/zero:/dev/mine sh -c 'head -c 4 /dev/mine | wc -c'
in_box "device: anywhere" 4 --device /dev/zero:/opt/mine sh -c 'head -c 4 /opt/mine | wc -c'
if [ -c /dev/kmsg ]; then
    in_box "device: the same name" yes --device /dev/kmsg sh -c '[ -c /dev/kmsg ] && echo yes'
else
    skip "device: the same name" "the host has no /dev/kmsg"
fi
if [ "$mode" = root ]; then
    mknod -m 666 node c 1 3
    run_minibox --share user --device "$work/home/node:/dev/node" sh -c 'chmod 0 /dev/node; chown 5 /dev/node; echo x >/dev/node && echo written'
    is "a device of the host keeps its mode and owner, and can be written" "$(stat -c %a:%u node) $out" "666:0 written"
    rm node
fi
in_box "no device can be made" no --rootfs busybox:rw sh -c 'mknod /tmp/n c 1 3 2>/dev/null && echo yes || echo no'

# ---- masks -----------------------------------------------------------------------------------------------------------

read='cat $0 >/dev/null 2>&1 && echo yes || echo no' # whether the box may read $0
in_box "without --mask the file is there" yes sh -c "$read" /etc/passwd
in_box "mask: a file cannot be read" no --mask /etc/passwd sh -c "$read" /etc/passwd
in_box "mask: a directory is empty" "" --mask /etc ls -A /etc
in_box "mask: a file and a directory of a volume" no -v v:/data:rw --mask /data/file --mask /data/sub sh -c \
    'cat /data/file 2>/dev/null || echo no$(ls /data/sub)'
in_box "mask: a file of /proc" no --mask /proc/uptime sh -c "$read" /proc/uptime
in_box "mask: cannot be written" no -v v:/data:rw --mask /data/sub sh -c "$try" /data/sub/x
is "mask: the host's file is as before" "$(cat v/file)" text
for file in kallsyms kcore keys timer_list; do
    if [ -e /proc/$file ]; then
        in_box "/proc/$file is masked" no sh -c "$read" /proc/$file
    else
        skip "/proc/$file is masked" "the host has none"
    fi
done
in_box "/proc/sys is read-only" no sh -c 'echo x 2>/dev/null >/proc/sys/kernel/hostname && echo yes || echo no'

# ---- the box's own root, until it is entered -------------------------------------------------------------------------

# It hangs below the host's /proc then: no source that has /proc below it may show it, without masks and writable.
mkdir -p bare/proc bare/dev bare/sys bare/tmp bare/bin bare/h bare/etc && cp /bin/busybox bare/bin && ln -s busybox bare/bin/sh
echo hidden >bare/etc/secret
chmod 755 . bare
find_root='for place in /proc /h/proc /h; do for path in $place/driver $place/../proc/driver; do
    /bin/busybox ls $path 2>/dev/null; /bin/busybox cat $path/etc/secret 2>/dev/null; /bin/busybox touch $path/x 2>/dev/null; done; done
    /bin/busybox ls / | /bin/busybox grep -x x'
host_driver=$(ls /proc/driver)
for options in "--share pid --die-with-launcher no" "-v /proc:/h" "-v /proc:/h:rw"; do
    run_minibox --rootfs "$PWD/bare" --mask /etc/secret $options /bin/sh -c "$find_root"
    seen=$(printf '%s' "$out" | grep -vxF "${host_driver:-none}" | sort -u)
    is "$options: the root is not to be found below /proc" "$seen" ""
done
run_minibox --mask /etc/passwd -v /:/h sh -c 'ls /h/proc/driver; ls /h'
is "-v /: nor there, and it is the host's root" "$(printf '%s\n' "$out" | grep -cxE 'busybox|root|boot|usr')" "$(ls / | grep -cxE 'busybox|root|boot|usr')"

# ---- what the user puts over a file system of the kernel's -----------------------------------------------------------

mkdir -p over && echo seen >over/uptime && : >over/fuse && chmod 777 over
in_box "--mask below a volume over /proc hides what is there" "refused" -v "$PWD/over:/proc" --mask /proc/uptime sh -c 'cat /proc/uptime 2>/dev/null || echo refused'
run_minibox --tmpfs /proc --mask /proc/uptime true
is "--mask below a tmpfs over /proc, which has nothing to hide, is refused" "$status" 125
if [ -c /dev/fuse ]; then
    in_box "--device below a volume over /dev is there" "c" -v "$PWD/over:/dev" --device /dev/fuse sh -c 'test -c /dev/fuse && echo c'
fi

finish
