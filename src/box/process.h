/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a box that crosses into it: what its processes must be. No C library is needed to read it. */
#ifndef MB_BOX_PROCESS_H
#define MB_BOX_PROCESS_H

#include <stdint.h>

enum { MB_BOX_HOSTNAME_SIZE = 65 }; /* HOST_NAME_MAX and a NUL */

/* The five sets of capabilities(7); bit n: capability n. */
struct mb_capabilities {
    uint64_t effective, permitted, inheritable, bounding, ambient;
};

/*
 * What the command's process must be, and what init needs to make it so. Plain data without pointers: it is copied as a
 * whole into the memory that launcher, builder and init share, and the verifier compares the kernel's answers with it.
 */
struct mb_process {
    uint32_t uid, gid;
    uint32_t group_count; /* supplementary groups that it keeps, since the kernel lets an ordinary user drop none */
    uint32_t umask;
    struct mb_capabilities capabilities;
    uint32_t securebits, personality;
    uint8_t no_new_privs;
    uint8_t dumpable;       /* until it executes: whether others may trace it */
    uint8_t leads_session;  /* a session of its own */
    uint8_t terminal;       /* ... with the box's terminal, which is its standard input, output and error */
    uint8_t own_keyring;    /* its session keyring is another than callers_keyring */
    uint8_t private_mounts; /* no mount propagates to or from another */
    uint8_t init;           /* minibox's init is process 1 of the box; else the command itself is */
    uint8_t die_with_launcher;
    uint8_t has_hostname; /* ... of its own */
    char hostname[MB_BOX_HOSTNAME_SIZE];
    int32_t callers_keyring;   /* serial; 0: none */
    uint32_t preserve_fds;     /* descriptors passed on beyond standard error: 3 to 2 + n */
    uint64_t every_mount;      /* MOUNT_ATTR_* that each of its mounts must have */
    uint64_t shared_with_init; /* CLONE_* flags of init's fork: CLONE_IO, CLONE_SYSVSEM */
};

#endif
