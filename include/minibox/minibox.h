/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minibox: start a program in a box, a private view of the system.
 *
 * The calls, in order:
 *
 *     struct minibox_error err;
 *     struct minibox_spec *spec;
 *     struct minibox_box *box;
 *     int status;
 *
 *     minibox_spec_new(&spec, &err);                       a description of the box, with safe defaults
 *     minibox_spec_set(spec, "rootfs", "host", &err);      any option of `minibox run --help`
 *     minibox_spec_command(spec, argv, &err);              the command and its arguments
 *     minibox_launch(spec, &box, &err);                    returns once the command has been executed
 *     minibox_wait(box, &status, &err);                    status as from waitpid(2)
 *     minibox_box_free(box);
 *     minibox_spec_free(spec);
 *
 * Each function that returns int returns 0, or -1 with *err filled in, unless its comment says otherwise. The library
 * prints nothing, never exits, and installs no signal handler. Strings are copied unless a comment says that they are
 * kept. Several threads may use the library at once, but not the same spec or box.
 *
 * The process should not ignore SIGCHLD: otherwise the kernel may drop the status of a box.
 */
#ifndef MINIBOX_H
#define MINIBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exit statuses of the command line tool, and values of minibox_error.status; docker and podman use the same. */
enum {
    MINIBOX_EXIT_TIMEOUT = 124,      /* --timeout ended the box, as timeout(1) */
    MINIBOX_EXIT_FAILED = 125,       /* minibox itself failed, or was called wrongly: nothing was run */
    MINIBOX_EXIT_NOT_EXECUTED = 126, /* the command was found, but the kernel refused to execute it */
    MINIBOX_EXIT_NOT_FOUND = 127,    /* the command was not found */
    MINIBOX_EXIT_SIGNAL = 128,       /* plus n: the command died of signal n */
};

/* When an error arose. */
enum minibox_phase {
    MINIBOX_PHASE_USAGE,  /* an option or its value is wrong */
    MINIBOX_PHASE_PLAN,   /* this host cannot do what the options ask for; nothing was started */
    MINIBOX_PHASE_LAUNCH, /* a step of the launch failed; all of it was undone */
    MINIBOX_PHASE_WAIT,   /* the box was lost after it had started */
};

/*
 * An error. The caller owns it; it has no pointers, so it can be on the stack and be copied. Texts are NUL-terminated,
 * cut if they do not fit, and empty if they do not apply.
 */
struct minibox_error {
    enum minibox_phase phase;
    int status;       /* exit status for a command line tool: 124, 125, 126 or 127 */
    int number;       /* errno of the refused system call, or 0 */
    int step, steps;  /* the failed step of the plan, counted from 1, and how many there are; 0: no step */
    char kind[24];    /* the step's kind, as --dry-run shows it */
    char what[160];   /* what could not be done: "cannot mount tmpfs on" */
    char object[256]; /* the object of that: "/tmp" */
    char reason[160]; /* why: the text of `number`, or a rule */
    char origin[160]; /* where the user asked for it: "--tmpfs (argument 4)", "box.conf:4:1", "default" */
    char detail[256]; /* what this means on this host */
    char excerpt[80]; /* the line of the file that `origin` names, or a part of it */
    int column;       /* the position of the mistake in `excerpt`, counted from 1 */
    char remedy[256]; /* what the user can do about it */
};

/* Writes *err to `out`, in at most four lines that each start with "minibox:" or two blanks (an excerpt takes one line
 * more, for a caret). Bytes that would control a terminal are shown escaped. */
void minibox_error_print(const struct minibox_error *err, FILE *out);

/* The version of the library, as "0.1.0". The text is constant. */
const char *minibox_version(void);

/* ---- the description of a box --------------------------------------------------------------------------------- */

struct minibox_spec;
struct minibox_box;

/* Makes a spec that holds the defaults. The caller frees it with minibox_spec_free(). */
int minibox_spec_new(struct minibox_spec **ret_spec, struct minibox_error *err);

/* Frees a spec; NULL is ignored. A box that was launched from it goes on. */
void minibox_spec_free(struct minibox_spec *spec);

/*
 * Sets one option. `option` is its name on the command line without dashes ("hostname", "volume", "cap-add"), `value`
 * the text that would follow it there, or NULL for an option without a value ("tty"). A repeatable option adds to its
 * list. Errors: MINIBOX_PHASE_USAGE for an unknown name or a value of the wrong form; _PLAN if a file that the value
 * names cannot be read.
 */
int minibox_spec_set(struct minibox_spec *spec, const char *option, const char *value, struct minibox_error *err);

/*
 * Reads the words that follow `minibox run`: options, then the command. argv[argc] must be NULL. The array is not kept,
 * but its strings are, and must outlive the spec. Errors: as of minibox_spec_set() and minibox_spec_parse_file().
 */
int minibox_spec_parse_argv(struct minibox_spec *spec, int argc, char *const *argv, struct minibox_error *err);

/*
 * Reads options from a file, as `minibox run -f` does: minibox.conf(5). Later calls count for more than the file, and
 * add to its lists. Paths in the file are relative to its directory. It must be a regular file of less than 1 MiB that
 * the spec has not read yet. Errors: MINIBOX_PHASE_USAGE, with origin "PATH:LINE:COLUMN" and the line in `excerpt`;
 * _PLAN if the file cannot be read.
 */
int minibox_spec_parse_file(struct minibox_spec *spec, const char *path, struct minibox_error *err);

/* Sets the command and its arguments: a NULL-terminated array as for execve(2), which is kept and must outlive the
 * spec. Errors: MINIBOX_PHASE_USAGE if there is no first word, or it is empty. */
int minibox_spec_command(struct minibox_spec *spec, char *const *argv, struct minibox_error *err);

/* ---- the launch ----------------------------------------------------------------------------------------------- */

/*
 * Starts the command in its box, and returns once execve(2) has succeeded there; a launch takes a few milliseconds. The
 * caller frees the box with minibox_box_free(). On failure *err tells which step failed, and nothing is left.
 *
 * The thread: unless the option die-with-launcher is "no", the box dies when the calling *thread* ends, not only with
 * the process (prctl(2), PR_SET_PDEATHSIG). So launch from a thread that lives as long as the box. Signals: all are
 * blocked in the calling thread during the call; then its mask is as before. Descriptors: 0, 1, 2 and those of the
 * option preserve-fds must be open, and none of them a directory; the command gets copies of them. All others are
 * closed in the box. The process: it may lose its dumpable flag (prctl(2), PR_SET_DUMPABLE) during the call. Options:
 * the library neither stays beside the box nor prints, so it refuses tty "yes", output-limit, seccomp "learn=FILE",
 * report, pid-file, dry-run, help and verbose "yes". timeout counts until the command is executed.
 */
int minibox_launch(const struct minibox_spec *spec, struct minibox_box **ret_box, struct minibox_error *err);

/* Waits until the box has ended, and sets *ret_status to the command's wait status, as from waitpid(2). It may be
 * called again. Errors: MINIBOX_PHASE_WAIT. */
int minibox_wait(struct minibox_box *box, int *ret_status, struct minibox_error *err);

/* Sends signal `signo` to the command; SIGKILL ends the whole box. If the box has ended, nothing is sent, and that is
 * no error. */
int minibox_kill(struct minibox_box *box, int signo, struct minibox_error *err);

/* A pidfd of the box's first process, for poll(2): it is readable once the box has ended. The box owns it. */
int minibox_box_pidfd(const struct minibox_box *box);

/* The pid of the box's first process in the caller's pid namespace. */
int minibox_box_pid(const struct minibox_box *box);

/* Kills the box if it still runs, and frees it. NULL is ignored. */
void minibox_box_free(struct minibox_box *box);

/* ---- clone ---------------------------------------------------------------------------------------------------- */

/*
 * clone(2) that makes the child's stack itself: `stack_size` bytes (rounded up to pages; 0: 64 KiB) in a mapping of its
 * own, below which lies a page that nobody may touch. `fn` runs in the child; its return value is the child's exit
 * status. A child that shares memory (CLONE_VM) also shares errno, stdio and the heap's locks with its parent, which
 * goes on: it should make system calls only (write(2), not printf(3)), unless CLONE_VFORK makes the parent sleep.
 *
 * flags: CLONE_* flags and, in the low byte, the signal that the parent gets when the child ends (normally SIGCHLD).
 * Errors: those of clone(2). EINVAL in err->number, with the reason in *err: flags that the kernel refuses together,
 * CLONE_THREAD, CLONE_NEWTIME (which clone(2) does not have), and flags that need further arguments.
 *
 * minibox_clone_wait() waits for the child, stores its wait status, as from waitpid(2), and frees its stack and pidfd.
 * If the child died since it overflowed its stack, it does the same, but returns -1 with an error that tells so. It
 * cannot tell if handlers are shared (CLONE_SIGHAND) or `fn` has set its own handler for SIGSEGV. (Before Linux 5.16,
 * if such a child dumps core, all processes that share its memory die too.) A frame larger than a page can reach beyond
 * the page: compile with -fstack-clash-protection. With CLONE_PARENT the caller has no child to wait for: ECHILD.
 */
struct minibox_child {
    int pid;
    int pidfd;         /* pidfd_open(2); closed by minibox_clone_wait() */
    void *stack;       /* the lowest address of the mapping, which begins with the page that nobody may touch */
    size_t stack_size; /* of the whole mapping, bytes */
    void *note;        /* the library's own */
};
int minibox_clone(int (*fn)(void *), void *arg, uint64_t flags, size_t stack_size, struct minibox_child *ret_child,
                  struct minibox_error *err);
int minibox_clone_wait(struct minibox_child *child, int *ret_status, struct minibox_error *err);

#ifdef __cplusplus
}
#endif
#endif
