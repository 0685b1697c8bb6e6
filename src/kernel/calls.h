/* SPDX-License-Identifier: Apache-2.0 */
/* System calls by name and by number, including those that are newer than the installed libseccomp. */
#ifndef MB_KERNEL_CALLS_H
#define MB_KERNEL_CALLS_H

#include <stdint.h>

#include "kernel/arch.h"

enum { MB_CALLS_NAME_SIZE = 40 };

/* The number of a call on an architecture, MB_ARCH_NATIVE or MB_ARCH_COMPATIBLE. -1: the architecture has no such call,
 * or no call of that name is known. */
int mb_calls_find(const char *name, uint32_t arch);

/* The name of a native call; its number as text if no name is known. */
void mb_calls_name(uint32_t number, char ret_name[MB_CALLS_NAME_SIZE]);

#endif
