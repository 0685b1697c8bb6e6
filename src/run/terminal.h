/* SPDX-License-Identifier: Apache-2.0 */
/* The user's terminal and the box's: raw mode, window size, and the bytes in between. */
#ifndef MB_RUN_TERMINAL_H
#define MB_RUN_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct mb_terminal {
    int master;  /* of the box's terminal; -1: none, or closed */
    int slave;   /* held open while the box lives: one that lets go of its terminal for a while must not lose it */
    int out;     /* where the box's output goes: standard output */
    bool is_raw; /* standard input is a terminal, was put into raw mode, and `saved` is what it was before */
    struct termios saved;
    bool input_ended;
    unsigned ends_sent;
    bool is_in_line;                /* the last byte of input was no newline */
    char input[4096], output[4096]; /* on their way to the box, and from it; at most PIPE_BUF */
    size_t input_length, input_sent, output_length, output_sent;
    int lost; /* errno: output could not be written; 0: it was, or its reader is gone */
};

enum { MB_TERMINAL_FDS = 4 };

/* Puts the user's terminal into raw mode; the box's has its size already. Takes ownership of `master`. 0, or -1 with
 * errno. */
int mb_terminal_open(struct mb_terminal *terminal, int master);

/* What to poll for (MB_TERMINAL_FDS entries; unused ones have fd -1), and what to do with the answer. */
void mb_terminal_prepare(const struct mb_terminal *terminal, struct pollfd *fds);
void mb_terminal_forward(struct mb_terminal *terminal, const struct pollfd *fds);

/* The user's window has another size now. */
void mb_terminal_resize(const struct mb_terminal *terminal);

/* Whether the box's terminal may still have something to read, or some of it is still to be written. */
bool mb_terminal_has_output(const struct mb_terminal *terminal);

/* The box has ended: what is left to read ends now. */
void mb_terminal_end(struct mb_terminal *terminal);

/* Restores the user's terminal, at once. */
void mb_terminal_close(struct mb_terminal *terminal);

#endif
