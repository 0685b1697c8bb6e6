/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A table holds the names, in the order of linux/capability.h. A kernel newer than the table may have
 * more capabilities: they have no name here, so no option can ask for one alone. A test compares the table with
 * libcap's names.
 */
#include "kernel/caps.h"

#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

/* clang-format off */
const char *const mb_caps[MB_CAP_COUNT] = {
    [CAP_CHOWN] = "CHOWN",                       [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
    [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",   [CAP_FOWNER] = "FOWNER",
    [CAP_FSETID] = "FSETID",                     [CAP_KILL] = "KILL",
    [CAP_SETGID] = "SETGID",                     [CAP_SETUID] = "SETUID",
    [CAP_SETPCAP] = "SETPCAP",                   [CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
    [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE", [CAP_NET_BROADCAST] = "NET_BROADCAST",
    [CAP_NET_ADMIN] = "NET_ADMIN",               [CAP_NET_RAW] = "NET_RAW",
    [CAP_IPC_LOCK] = "IPC_LOCK",                 [CAP_IPC_OWNER] = "IPC_OWNER",
    [CAP_SYS_MODULE] = "SYS_MODULE",             [CAP_SYS_RAWIO] = "SYS_RAWIO",
    [CAP_SYS_CHROOT] = "SYS_CHROOT",             [CAP_SYS_PTRACE] = "SYS_PTRACE",
    [CAP_SYS_PACCT] = "SYS_PACCT",               [CAP_SYS_ADMIN] = "SYS_ADMIN",
    [CAP_SYS_BOOT] = "SYS_BOOT",                 [CAP_SYS_NICE] = "SYS_NICE",
    [CAP_SYS_RESOURCE] = "SYS_RESOURCE",         [CAP_SYS_TIME] = "SYS_TIME",
    [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",     [CAP_MKNOD] = "MKNOD",
    [CAP_LEASE] = "LEASE",                       [CAP_AUDIT_WRITE] = "AUDIT_WRITE",
    [CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",       [CAP_SETFCAP] = "SETFCAP",
    [CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",         [CAP_MAC_ADMIN] = "MAC_ADMIN",
    [CAP_SYSLOG] = "SYSLOG",                     [CAP_WAKE_ALARM] = "WAKE_ALARM",
    [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",       [CAP_AUDIT_READ] = "AUDIT_READ",
    [CAP_PERFMON] = "PERFMON",                   [CAP_BPF] = "BPF",
    [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};
/* clang-format on */

int mb_caps_read(uint64_t *ret_effective, uint64_t *ret_permitted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    *ret_effective = (uint64_t)data[1].effective << 32 | data[0].effective;
    *ret_permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    return 0;
}

int mb_caps_find(const char *name) {
    if (strncasecmp(name, "cap_", 4) == 0)
        name += 4;
    for (int cap = 0; cap < MB_CAP_COUNT; cap++)
        if (strcasecmp(name, mb_caps[cap]) == 0)
            return cap;
    return -1;
}
