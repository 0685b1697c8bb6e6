/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MB_BASE_COUNT_H
#define MB_BASE_COUNT_H

/* The number of elements of an array, not of a pointer. A constant expression. */
#define MB_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
