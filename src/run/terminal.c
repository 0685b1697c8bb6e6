/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. The command has a terminal of its own; bytes are copied between that and the user's. The user's is raw
 * meanwhile: so Ctrl-C is no signal for minibox, but a byte that the box's terminal turns into a signal for the program
 * in its foreground. Nothing here blocks: each direction has a buffer, and is polled for data if the buffer is empty,
 * else for room.
 */
#include "run/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"

enum { IN, OUT, MASTER_READ, MASTER_WRITE };

int mb_terminal_open(struct mb_terminal *terminal, int master) {
    *terminal = (struct mb_terminal){.master = master, .slave = -1, .out = STDOUT_FILENO};
    terminal->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal->slave < 0)
        return -1;
    /* Writing to a terminal may block in spite of poll(2). It is opened again for that, since other processes use the
     * same open file and may expect that it blocks. Where that is forbidden (another user opened it), writing may
     * block. */
    int number; /* opening the master of a terminal again would make another terminal */
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGPTN, &number) < 0) {
        int again = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        terminal->out = again < 0 ? STDOUT_FILENO : again;
    }
    int flags = fcntl(master, F_GETFL);
    if (flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    if (!isatty(STDIN_FILENO))
        return 0;
    if (tcgetattr(STDIN_FILENO, &terminal->saved) < 0)
        return -1;
    struct termios raw = terminal->saved;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        return -1;
    terminal->is_raw = true;
    return 0;
}

void mb_terminal_resize(const struct mb_terminal *terminal) {
    struct winsize size;
    if (terminal->master >= 0 &&
        (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0))
        ioctl(terminal->master, TIOCSWINSZ, &size);
}

void mb_terminal_prepare(const struct mb_terminal *terminal, struct pollfd *fds) {
    bool open = terminal->master >= 0;
    fds[IN] = (struct pollfd){open && !terminal->input_ended && !terminal->input_length ? STDIN_FILENO : -1, POLLIN, 0};
    /* Room for some bytes in a pipe is room for PIPE_BUF, and the buffer is no larger: the write does not block. */
    fds[OUT] = (struct pollfd){terminal->output_length ? terminal->out : -1, POLLOUT, 0};
    fds[MASTER_READ] = (struct pollfd){open && !terminal->output_length ? terminal->master : -1, POLLIN, 0};
    fds[MASTER_WRITE] = (struct pollfd){open && terminal->input_length ? terminal->master : -1, POLLOUT, 0};
}

/* False: the box's terminal has no other side any more (EIO), or all its output is read (0). */
static bool read_master(struct mb_terminal *terminal) {
    ssize_t n = read(terminal->master, terminal->output, sizeof(terminal->output));
    if (n > 0)
        terminal->output_length = (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/*
 * When minibox's input ends, the box's terminal gets its character for that, Ctrl-D. After a part of a line it takes
 * two: the first only ends that part. A shell that changes the terminal's mode just then loses the character; so it is
 * sent again after output that may be a prompt, as the end of a pipe can be read again; a few times only, since a
 * program may echo it.
 */
static void end_input(struct mb_terminal *terminal) {
    enum { MOST = 16 };
    struct termios settings;
    terminal->input_ended = true;
    if (terminal->input_length || terminal->ends_sent++ >= MOST || tcgetattr(terminal->master, &settings) < 0)
        return;
    terminal->input[0] = terminal->input[1] = (char)settings.c_cc[VEOF];
    terminal->input_length = terminal->is_in_line && (settings.c_lflag & ICANON) ? 2 : 1;
    terminal->is_in_line = false;
}

/* The user's terminal is gone, so the box's goes too. The kernel sends SIGHUP to its session, and an error to processes
 * that write; otherwise an endless command would go on without a reader. */
static void hang_up(struct mb_terminal *terminal) {
    mb_fd_close(&terminal->master);
    mb_fd_close(&terminal->slave);
}

void mb_terminal_forward(struct mb_terminal *terminal, const struct pollfd *fds) {
    if (fds[IN].revents) {
        ssize_t n = read(STDIN_FILENO, terminal->input, sizeof(terminal->input));
        if (n > 0) {
            terminal->input_length = (size_t)n;
            terminal->is_in_line = terminal->input[n - 1] != '\n';
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            end_input(terminal);
        }
    }
    int number = 0;
    if (fds[MASTER_WRITE].revents)
        mb_fd_write_some(terminal->master, terminal->input, &terminal->input_length, &terminal->input_sent);
    if (fds[OUT].revents)
        number = mb_fd_write_some(terminal->out, terminal->output, &terminal->output_length, &terminal->output_sent);
    if (number && mb_fd_reader_is_gone(terminal->out, number)) {
        hang_up(terminal);
        return;
    }
    if (number)
        terminal->lost = number;
    if (!fds[MASTER_READ].revents)
        return;
    if (!read_master(terminal))
        mb_fd_close(&terminal->master);
    else if (terminal->input_ended)
        end_input(terminal);
}

bool mb_terminal_has_output(const struct mb_terminal *terminal) {
    return terminal->master >= 0 || terminal->output_length;
}

void mb_terminal_end(struct mb_terminal *terminal) {
    mb_fd_close(&terminal->slave);
}

void mb_terminal_close(struct mb_terminal *terminal) {
    mb_fd_close(&terminal->master);
    mb_fd_close(&terminal->slave);
    if (terminal->out > STDERR_FILENO)
        mb_fd_close(&terminal->out);
    if (terminal->is_raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal->saved);
    terminal->is_raw = false;
}
