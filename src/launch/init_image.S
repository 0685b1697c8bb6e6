/* SPDX-License-Identifier: Apache-2.0 */
/* init's program, as a part of the launcher; launch.c copies it into a sealed memory file. */
    .section .rodata
    .globl mb_init_image
    .globl mb_init_image_end
    .balign 64
mb_init_image:
    .incbin INIT_IMAGE
mb_init_image_end:
    .section .note.GNU-stack,"",%progbits
