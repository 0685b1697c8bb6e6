/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. libseccomp knows the calls up to its own release; a table here has later ones, and is asked when
 * libseccomp does not know. From 424 on all architectures use the same numbers, so one number for a name is enough; a
 * call of one architecture only has that in its row.
 */
#include "kernel/calls.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"

/* libseccomp's names of these architectures stand for the kernel's values. */
_Static_assert(SCMP_ARCH_X86_64 == AUDIT_ARCH_X86_64 && SCMP_ARCH_X86 == AUDIT_ARCH_I386, "x86");
_Static_assert(SCMP_ARCH_AARCH64 == AUDIT_ARCH_AARCH64 && SCMP_ARCH_ARM == AUDIT_ARCH_ARM, "arm");

/* The calls that Debian 12's libseccomp is too old for; and two that filter/guard.c refuses, which must be known
 * whatever library is installed. */
static const struct {
    const char *name;
    int number;
    uint32_t arch; /* 0: any */
} newer_calls[] = {
    /* clang-format off */
    {"uretprobe",         335, AUDIT_ARCH_X86_64},
    {"io_uring_setup",    425, 0},
    {"openat2",           437, 0},
    {"cachestat",         451, 0},
    {"fchmodat2",         452, 0},
    {"map_shadow_stack",  453, 0},
    {"futex_wake",        454, 0},
    {"futex_wait",        455, 0},
    {"futex_requeue",     456, 0},
    {"statmount",         457, 0},
    {"listmount",         458, 0},
    {"lsm_get_self_attr", 459, 0},
    {"lsm_set_self_attr", 460, 0},
    {"lsm_list_modules",  461, 0},
    {"mseal",             462, 0},
    {"setxattrat",        463, 0},
    {"getxattrat",        464, 0},
    {"listxattrat",       465, 0},
    {"removexattrat",     466, 0},
    {"open_tree_attr",    467, 0},
    {"file_getattr",      468, 0},
    {"file_setattr",      469, 0},
    /* clang-format on */
};
enum { NEWER_COUNT = MB_COUNT(newer_calls) };

int mb_calls_find(const char *name, uint32_t arch) {
    int number = seccomp_syscall_resolve_name_arch(arch, name);
    for (size_t i = 0; number == __NR_SCMP_ERROR && i < NEWER_COUNT; i++)
        if (strcmp(newer_calls[i].name, name) == 0 && (!newer_calls[i].arch || newer_calls[i].arch == arch))
            return newer_calls[i].number;
    return number >= 0 ? number : -1; /* libseccomp gives calls of other architectures negative numbers */
}

void mb_calls_name(uint32_t number, char ret_name[MB_CALLS_NAME_SIZE]) {
    char *known = number <= INT32_MAX ? seccomp_syscall_resolve_num_arch(MB_ARCH_NATIVE, (int)number) : NULL;
    if (known)
        snprintf(ret_name, MB_CALLS_NAME_SIZE, "%s", known);
    else
        snprintf(ret_name, MB_CALLS_NAME_SIZE, "%u", number);
    for (size_t i = 0; !known && i < NEWER_COUNT; i++)
        if ((uint32_t)newer_calls[i].number == number &&
            (!newer_calls[i].arch || newer_calls[i].arch == MB_ARCH_NATIVE))
            snprintf(ret_name, MB_CALLS_NAME_SIZE, "%s", newer_calls[i].name);
    free(known);
}
