/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a box that its own processes read, without a C library: what they must be. */
#ifndef MB_BOX_PROCESS_H
#define MB_BOX_PROCESS_H

#include <stdint.h>

enum { MB_BOX_HOSTNAME_SIZE = 65 }; /* HOST_NAME_MAX and a NUL */

/* The five sets of capabilities(7); bit n: capability n. */
struct mb_capabilities {
    uint64_t effective, permitted, inheritable, bounding, ambient;
};

/*
 * The properties that the command's process must have, and what init needs to give it them. It is plain data without
 * pointers: the launcher copies it as a whole into the shared memory, and the verifier compares the kernel's answers
 * with it.
 */
struct mb_process {
    uint32_t uid, gid;
    uint32_t group_count; /* supplementary groups that it keeps: the kernel lets an ordinary user drop none */
    uint32_t umask;
    struct mb_capabilities capabilities;
    uint32_t securebits, personality;
    uint8_t no_new_privs;
    uint8_t dumpable;       /* until execve: whether other processes may trace it */
    uint8_t leads_session;  /* it leads a session of its own */
    uint8_t terminal;       /* that session has the box's terminal, which is its standard input, output and error */
    uint8_t own_keyring;    /* its session keyring is another than callers_keyring */
    uint8_t private_mounts; /* no mount propagates to or from another */
    uint8_t init;           /* minibox's init is process 1 of the box; else the command itself is */
    uint8_t die_with_launcher;
    uint8_t has_hostname; /* the box has a host name of its own: */
    char hostname[MB_BOX_HOSTNAME_SIZE];
    int32_t callers_keyring;   /* serial number; 0: none */
    uint32_t preserve_fds;     /* n: descriptors 3 to 2 + n are passed on too */
    uint64_t every_mount;      /* MOUNT_ATTR_* that each mount of the box must have */
    uint64_t shared_with_init; /* CLONE_* flags of init's fork: CLONE_IO, CLONE_SYSVSEM */
};

#endif
