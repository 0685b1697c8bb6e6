/* SPDX-License-Identifier: Apache-2.0 */
/* Connects the user's terminal and the box's: raw mode, window size, and the bytes in between. */
#ifndef MB_RUN_TERMINAL_H
#define MB_RUN_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct mb_terminal {
    int master;  /* of the box's terminal; -1: none, or closed */
    int slave;   /* held open while the box lives, so that a box which closes its terminal for a while keeps it */
    int out;     /* standard output, maybe opened again */
    bool is_raw; /* standard input is a terminal in raw mode; before that its settings were `saved` */
    struct termios saved;
    bool input_ended;
    unsigned ends_sent;
    bool is_in_line;                /* the last byte of input was no newline */
    char input[4096], output[4096]; /* bytes on their way to the box, and from it; at most PIPE_BUF */
    size_t input_length, input_sent, output_length, output_sent;
    int lost; /* errno: output could not be written; 0: it was, or its reader is gone */
};

enum { MB_TERMINAL_FDS = 4 };

/* Puts the user's terminal into raw mode; the box's has its size already. Owns `master` from now on. 0, or -1 with
 * errno. */
int mb_terminal_open(struct mb_terminal *terminal, int master);

/* Fills in MB_TERMINAL_FDS entries for poll(2); passes on bytes as its answer permits. */
void mb_terminal_prepare(const struct mb_terminal *terminal, struct pollfd *fds);
void mb_terminal_forward(struct mb_terminal *terminal, const struct pollfd *fds);

/* Gives the box's terminal the size of the user's window. */
void mb_terminal_resize(const struct mb_terminal *terminal);

/* Whether the box's terminal may still have bytes to read, or some are still to be written. */
bool mb_terminal_has_output(const struct mb_terminal *terminal);

/* Says that the box has ended, so that its output ends when all is read. */
void mb_terminal_end(struct mb_terminal *terminal);

/* Restores the user's terminal without waiting for output. */
void mb_terminal_close(struct mb_terminal *terminal);

#endif
