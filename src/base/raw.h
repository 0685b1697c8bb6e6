/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls without a C library: raw() touches no errno, lock or thread state, so a child may use it in memory that
 * it shares with a parent that goes on. It returns what the kernel returns: -errno on failure.
 */
#ifndef MB_BASE_RAW_H
#define MB_BASE_RAW_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#if defined(__x86_64__)
static inline long mb_raw(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long mb_raw(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#else
#error "minibox knows the system call convention of x86-64 and arm64 only"
#endif

/* raw(name, arguments...): up to six arguments, each an integer or a pointer. */
#define MB_RAW_ARG(value) ((long)(value))
#define MB_RAW_0(n) mb_raw(n, 0, 0, 0, 0, 0, 0)
#define MB_RAW_1(n, a) mb_raw(n, MB_RAW_ARG(a), 0, 0, 0, 0, 0)
#define MB_RAW_2(n, a, b) mb_raw(n, MB_RAW_ARG(a), MB_RAW_ARG(b), 0, 0, 0, 0)
#define MB_RAW_3(n, a, b, c) mb_raw(n, MB_RAW_ARG(a), MB_RAW_ARG(b), MB_RAW_ARG(c), 0, 0, 0)
#define MB_RAW_4(n, a, b, c, d) mb_raw(n, MB_RAW_ARG(a), MB_RAW_ARG(b), MB_RAW_ARG(c), MB_RAW_ARG(d), 0, 0)
#define MB_RAW_5(n, a, b, c, d, e)                                                                                     \
    mb_raw(n, MB_RAW_ARG(a), MB_RAW_ARG(b), MB_RAW_ARG(c), MB_RAW_ARG(d), MB_RAW_ARG(e), 0)
#define MB_RAW_6(n, a, b, c, d, e, f)                                                                                  \
    mb_raw(n, MB_RAW_ARG(a), MB_RAW_ARG(b), MB_RAW_ARG(c), MB_RAW_ARG(d), MB_RAW_ARG(e), MB_RAW_ARG(f))
#define MB_RAW_PICK(n, a, b, c, d, e, f, macro, ...) macro
#define raw(...)                                                                                                       \
    MB_RAW_PICK(__VA_ARGS__, MB_RAW_6, MB_RAW_5, MB_RAW_4, MB_RAW_3, MB_RAW_2, MB_RAW_1, MB_RAW_0)(__VA_ARGS__)

#endif
