/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts for the shells, in which completion.c replaces two lines by the tables. Each ends in a NUL. */
    .section .rodata
    .globl mb_completion_bash, mb_completion_zsh, mb_completion_fish
mb_completion_bash:
    .incbin "minibox.bash"
    .byte 0
mb_completion_zsh:
    .incbin "minibox.zsh"
    .byte 0
mb_completion_fish:
    .incbin "minibox.fish"
    .byte 0
    .section .note.GNU-stack,"",%progbits
