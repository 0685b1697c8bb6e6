/* SPDX-License-Identifier: Apache-2.0 */
/* The architecture that minibox is built for, and the 32-bit one whose programs its kernel may run too, as filters of
 * system calls see them: seccomp(2). */
#ifndef MB_KERNEL_ARCH_H
#define MB_KERNEL_ARCH_H

#include <linux/audit.h>

/*
 * MB_ARCH_NATIVE, MB_ARCH_COMPATIBLE: the AUDIT_ARCH_* of calls by native and by 32-bit programs.
 * MB_ARCH_X32_BIT: the bit in the number of a call by the x32 ABI, whose AUDIT_ARCH_* is the native one; 0: no such
 * ABI. MB_ARCH_NAME: the architecture's name in docker's profiles.
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
