/* SPDX-License-Identifier: Apache-2.0 */
/* What filters of system calls need to know of this machine's architecture, and of the other one whose programs its
 * kernel may run: seccomp(2). */
#ifndef MB_KERNEL_ARCH_H
#define MB_KERNEL_ARCH_H

#include <linux/audit.h>

/*
 * MB_ARCH_NATIVE, MB_ARCH_COMPATIBLE: the AUDIT_ARCH_* that a filter sees with a call by a program of this machine, and
 * by one of 32 bits.
 * MB_ARCH_X32_BIT: set in the number of a call of the x32 ABI, which has the native value; 0: there is no such ABI.
 * MB_ARCH_NAME: how docker's profiles call this machine.
 */
#if defined(__x86_64__)
#define MB_ARCH_NATIVE AUDIT_ARCH_X86_64
#define MB_ARCH_COMPATIBLE AUDIT_ARCH_I386
#define MB_ARCH_X32_BIT 0x40000000
#define MB_ARCH_NAME "amd64"
#elif defined(__aarch64__)
#define MB_ARCH_NATIVE AUDIT_ARCH_AARCH64
#define MB_ARCH_COMPATIBLE AUDIT_ARCH_ARM
#define MB_ARCH_X32_BIT 0
#define MB_ARCH_NAME "arm64"
#else
#error "minibox knows the system call numbers of x86-64 and arm64 only"
#endif

#endif
