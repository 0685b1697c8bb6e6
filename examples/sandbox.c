/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox COMMAND [ARG...]: a command of the host in a box, without network, with no more than its standard
 * descriptors.
 *
 *     cc -o sandbox sandbox.c $(pkg-config --cflags --libs minibox)
 */
#include <minibox/minibox.h>
#include <sys/wait.h>

static int fail(const struct minibox_error *err) {
    minibox_error_print(err, stderr);
    return err->status;
}

int main(int argc, char **argv) {
    struct minibox_error err;
    struct minibox_spec *spec;
    struct minibox_box *box;
    int status;
    if (argc < 2) {
        fputs("usage: sandbox COMMAND [ARG...]\n", stderr);
        return MINIBOX_EXIT_FAILED;
    }
    if (minibox_spec_new(&spec, &err) || minibox_spec_set(spec, "rootfs", "host", &err) ||
        minibox_spec_set(spec, "ulimit", "as=1g", &err) || minibox_spec_command(spec, argv + 1, &err) ||
        minibox_launch(spec, &box, &err) || minibox_wait(box, &status, &err))
        return fail(&err);
    minibox_box_free(box);
    minibox_spec_free(spec);
    return WIFSIGNALED(status) ? MINIBOX_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}
