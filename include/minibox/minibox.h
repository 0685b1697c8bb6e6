/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minibox: start a program in a private view of the system.
 *
 * How it is used, in order:
 *
 *     struct minibox_error err;
 *     struct minibox_spec *spec;
 *     struct minibox_box *box;
 *     int status;
 *
 *     minibox_spec_new(&spec, &err);                       the wish, with safe defaults
 *     minibox_spec_set(spec, "rootfs", "host", &err);      any option of `minibox run --help`
 *     minibox_spec_command(spec, argv, &err);              what to run
 *     minibox_launch(spec, &box, &err);                    returns once the command has been executed
 *     minibox_wait(box, &status, &err);                    status as from waitpid(2)
 *     minibox_box_free(box);
 *     minibox_spec_free(spec);
 *
 * Every function that can fail returns 0 on success, or -1 with *err filled in. Nothing is printed, nothing exits,
 * and there is no state but the caller's own and, while launches run, the process's dumpable flag, which is restored.
 * Strings given to the library are copied unless a comment says that they are kept.
 *
 * With SIGCHLD ignored a box's status may be lost.
 *
 * A launch belongs to the thread that made it: the box's parent-death signal fires when that *thread* ends
 * (prctl(2), PR_SET_PDEATHSIG), and the box dies with it.
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

/* Exit statuses of the command line tool, and values of minibox_error.status. The same as docker's and podman's. */
enum {
    MINIBOX_EXIT_TIMEOUT = 124,      /* --timeout ended the box, as timeout(1) */
    MINIBOX_EXIT_FAILED = 125,       /* minibox itself failed, bad usage included: nothing was run */
    MINIBOX_EXIT_NOT_EXECUTED = 126, /* the command was found, but the kernel refused to execute it */
    MINIBOX_EXIT_NOT_FOUND = 127,    /* the command was not found */
    MINIBOX_EXIT_SIGNAL = 128,       /* plus n: the command died of signal n */
};

/* Where an error arose. */
enum minibox_phase {
    MINIBOX_PHASE_USAGE,  /* an option or its value is wrong */
    MINIBOX_PHASE_PLAN,   /* what was asked for cannot be had on this host; nothing was started */
    MINIBOX_PHASE_LAUNCH, /* a step of the launch failed; all of it was undone */
    MINIBOX_PHASE_WAIT,   /* the box was lost after it had started */
};

/*
 * One error, owned by the caller, of fixed size: it can be on the stack and be copied. Texts are NUL-terminated and
 * empty where they do not apply; what does not fit is cut. Printed by minibox_error_print() as at most four lines.
 */
struct minibox_error {
    enum minibox_phase phase;
    int status;       /* exit status that a command line tool should end with: 125, 126 or 127 */
    int number;       /* errno value of the refused system call, or 0 */
    int step, steps;  /* number of the failed step of the plan, counted from 1, and of how many; 0: no step */
    char kind[24];    /* the step's kind, as --dry-run shows it */
    char what[160];   /* what could not be done: "cannot mount tmpfs on" */
    char object[256]; /* on which object: "/tmp" */
    char reason[160]; /* why: the text of `number`, or a rule */
    char origin[160]; /* where it was asked for: "--tmpfs (argument 4)", "box.conf:4:1", "default" */
    char detail[256]; /* what this means on this host */
    char excerpt[80]; /* of a file's line that `origin` names: what stands there */
    int column;       /* in excerpt, counted from 1 */
    char remedy[256]; /* what to do about it */
};

/* Writes *err to `out` in at most four lines that each start with "minibox:" or two spaces. Bytes that would control
 * a terminal are shown escaped. */
void minibox_error_print(const struct minibox_error *err, FILE *out);

/* Version of the library, as "0.1.0". Static storage. */
const char *minibox_version(void);

/* ---- the wish ------------------------------------------------------------------------------------------------- */

struct minibox_spec;
struct minibox_box;

/* Makes a spec that holds the defaults. *ret_spec is the caller's, to be freed with minibox_spec_free(). */
int minibox_spec_new(struct minibox_spec **ret_spec, struct minibox_error *err);

/* Frees a spec; NULL is ignored. A box already launched from it goes on. */
void minibox_spec_free(struct minibox_spec *spec);

/*
 * Sets one option, named as on the command line without its dashes ("hostname", "volume", "cap-add"), from the text
 * that would follow it there; NULL stands for an option without a value ("tty"). Options that can be repeated add to
 * their list. Both strings are copied.
 * Errors: MINIBOX_PHASE_USAGE for an unknown name or a value of the wrong form.
 */
int minibox_spec_set(struct minibox_spec *spec, const char *option, const char *value, struct minibox_error *err);

/*
 * Reads the words that follow `minibox run`: options, then the command. `argv` needs a final NULL, which argc does not
 * count; its strings are kept, not copied, and must outlive the spec.
 */
int minibox_spec_parse_argv(struct minibox_spec *spec, int argc, char *const *argv, struct minibox_error *err);

/*
 * Reads options from a file, as `minibox run -f`: see minibox.conf(5). What it sets later calls may set again; its
 * lists are added to. Paths in it are relative to its directory. Nothing is read but a regular file of at most 1 MiB,
 * and none twice. Errors: MINIBOX_PHASE_USAGE with origin "PATH:LINE:COLUMN" and the line in excerpt; _PLAN if it
 * cannot be read.
 */
int minibox_spec_parse_file(struct minibox_spec *spec, const char *path, struct minibox_error *err);

/* The command and its arguments, NULL-terminated, as for execve(2). Kept, not copied: must outlive the spec. */
int minibox_spec_command(struct minibox_spec *spec, char *const *argv, struct minibox_error *err);

/* ---- the launch ----------------------------------------------------------------------------------------------- */

/*
 * Starts the command in its box and returns once execve(2) has succeeded in it. The command gets the caller's
 * descriptors 0, 1 and 2, which must be open; no pseudo-terminal is made. All signals are blocked in the calling
 * thread meanwhile, and its mask is restored. On failure the error says which step failed, and nothing is left.
 * *ret_box is the caller's, to be freed with minibox_box_free().
 */
int minibox_launch(const struct minibox_spec *spec, struct minibox_box **ret_box, struct minibox_error *err);

/* Waits until the box has ended. *ret_status is the command's wait status, as from waitpid(2). May be called again. */
int minibox_wait(struct minibox_box *box, int *ret_status, struct minibox_error *err);

/* Sends signal `signo` to the command (through the box's init); SIGKILL ends the whole box. */
int minibox_kill(struct minibox_box *box, int signo, struct minibox_error *err);

/* A pidfd of the box's first process, for poll(2): readable once the box has ended. Owned by the box. */
int minibox_box_pidfd(const struct minibox_box *box);

/* The box's first process as its pid in the caller's pid namespace. */
int minibox_box_pid(const struct minibox_box *box);

/* Ends the box if it still runs, and frees it. NULL is ignored. */
void minibox_box_free(struct minibox_box *box);

/* ---- clone ---------------------------------------------------------------------------------------------------- */

/*
 * clone(2) with a stack that cannot be got wrong: `stack_size` bytes (rounded up to pages; 0: 64 KiB) in a mapping of
 * its own with a page below that nobody may touch. `fn` runs in the child; the value it returns is the child's exit
 * status. A child that shares memory (CLONE_VM) shares errno, stdio and the heap's locks with its parent, who goes on:
 * it should make system calls only (write(2), not printf(3)), unless CLONE_VFORK lets the parent sleep.
 *
 * flags: CLONE_* flags and, in the low byte, the signal sent when the child ends (normally SIGCHLD).
 * Refused with EINVAL in err->number, and the reason in err: combinations that the kernel refuses (the two flags and
 * the rule), CLONE_THREAD, CLONE_NEWTIME (not a flag of clone(2)), and flags that need further arguments. Else errors
 * of clone(2).
 *
 * *ret_child is the caller's. minibox_clone_wait() waits for the child, stores its wait status, as from waitpid(2), and
 * frees what belongs to it. A child that overflowed its stack died of SIGSEGV: then it stores that status and frees as
 * always, but returns -1 with an error that says so - unless handlers are shared (CLONE_SIGHAND), or fn has set its own
 * for SIGSEGV: then the child just dies (and before Linux 5.16, if it dumps core, all that share its memory die with
 * it). A frame larger than a page can miss the page: compile with -fstack-clash-protection. With CLONE_PARENT the
 * caller has no child to wait for (ECHILD).
 */
struct minibox_child {
    int pid;
    int pidfd;         /* pidfd_open(2) */
    void *stack;       /* lowest address of the mapping, the page included that nobody may touch */
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
