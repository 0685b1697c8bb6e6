/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from names and files, which may be anything, on their way to a terminal or into a document. */
#ifndef MB_BASE_UTF8_H
#define MB_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the UTF-8 character that starts at `text`; 0: what stands there is none (or the end). */
size_t mb_utf8_length(const char *text);

/* The same, but 0 also for what would drive a terminal or show text in another order: controls, direction marks. */
size_t mb_utf8_printable(const char *text);

#endif
