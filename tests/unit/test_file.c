/* SPDX-License-Identifier: Apache-2.0 */
/* Files of options: what is read and what is refused, where the error points, and every option there and back again. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/count.h"
#include "read/read.h"

static char directory[] = "/tmp/mbfile.XXXXXX";

static const char *write_file(const char *name, const char *text, size_t length) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, length, out), length);
    fclose(out);
    return path;
}

static struct minibox_spec *new_spec(void) {
    struct minibox_spec *spec;
    struct minibox_error err;
    assert_int_equal(minibox_spec_new(&spec, &err), 0);
    return spec;
}

static struct minibox_spec *read_text(const char *text, size_t length) {
    struct minibox_spec *spec = new_spec();
    struct minibox_error err = {0};
    if (minibox_spec_parse_file(spec, write_file("box.conf", text, length), &err)) {
        minibox_error_print(&err, stderr);
        fail_msg("refused: %.*s", (int)length, text);
    }
    return spec;
}
#define READ(text) read_text(text, sizeof(text) - 1)

static void forms(void **state) {
    (void)state;
    static const struct {
        const char *text, *user;
    } good[] = {
        {"user = blue\n", "blue"},
        {"user=blue\n", "blue"},
        {"\t user\t=\tblue \t\n", "blue"},
        {"user = blue", "blue"},
        {"user = blue\r\n", "blue"},
        {"\xef\xbb\xbfuser = blue\n", "blue"},
        {"# c\n\n  # c\nuser = b\n", "b"},
        {"user = a\nuser = b\n", "b"},
        {"user = \"b l\"\n", "b l"},
        {"user = \" a\\t\\\"\\\\\\n\\r\\'\"\n", " a\t\"\\\n\r'"},
        {"user = a \"b\" # c\n", "a \"b\" # c"},
        {"user = a=b\n", "a=b"},
        {"#!/usr/bin/env x\nuser = \xff\xfe\n", "\xff\xfe"},
    };
    for (size_t i = 0; i < MB_COUNT(good); i++) {
        struct minibox_spec *spec = read_text(good[i].text, strlen(good[i].text));
        assert_string_equal(spec->user, good[i].user);
        minibox_spec_free(spec);
    }
    minibox_spec_free(READ(""));
    minibox_spec_free(READ("\n\n"));
}

static void commands(void **state) {
    (void)state;
    static const struct {
        const char *value;
        const char *words[6];
    } good[] = {
        {"a b  c", {"a", "b", "c"}},
        {"sh -c 'a \"$x\" \\n'", {"sh", "-c", "a \"$x\" \\n"}},
        {"sh \"a 'b' \\\" \\\\ \\n $x `y`\"", {"sh", "a 'b' \" \\ \\n $x `y`"}},
        {"a\\ b '' \"\" c'd'\"e\"", {"a b", "", "", "cde"}},
        {"a $'x\\n\\r\\t\\'\\\\\\q' $b $", {"a", "x\n\r\t'\\\\q", "$b", "$"}},
        {"a # b", {"a", "#", "b"}},
        {"\"a b\" c", {"a b", "c"}},
        {"a *", {"a", "*"}},
    };
    for (size_t i = 0; i < MB_COUNT(good); i++) {
        char text[256];
        snprintf(text, sizeof(text), "command = %s\n", good[i].value);
        struct minibox_spec *spec = read_text(text, strlen(text));
        size_t n = 0;
        for (; spec->command[n]; n++)
            assert_string_equal(spec->command[n], good[i].words[n]);
        assert_null(good[i].words[n]);
        minibox_spec_free(spec);
    }
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        int line, column;
        const char *what, *remedy;
    } bad[] = {
#define BAD(text, ...) {text, sizeof(text) - 1, __VA_ARGS__}
        BAD("hostnme = x\n", 1, 1, "unknown option", "did you mean hostname?"),
        BAD("rootfs = host\n  qqqqqq = x\n", 2, 3, "unknown option", "a long name"),
        BAD("rootfs\n", 1, 7, "bad line", ""),
        BAD("= x\n", 1, 1, "bad line", ""),
        BAD("two words = x\n", 1, 5, "bad line", ""),
        BAD("hostname = a\0b\n", 1, 13, "bad line", ""),
        BAD("\n\nulimit = core=x\n", 3, 10, "bad value for --ulimit", ""),
        BAD("hostname = \"a\n", 1, 12, "bad value", ""),
        BAD("hostname = \"a\" b\n", 1, 15, "bad value", ""),
        BAD("hostname = \"a\\q\"\n", 1, 14, "bad escape", ""),
        BAD("hostname = \"a\\", 1, 14, "bad escape", ""),
        BAD("hostname = \n", 1, 12, "bad value for --hostname", ""),
        BAD("hostname = \"a\\n10.0.0.1 b\"\n", 1, 12, "bad value for --hostname", ""),
        BAD("tty =\n", 1, 6, "value of --tty", ""),
        BAD("command = 'a\n", 1, 11, "bad command", ""),
        BAD("command = a $'b\n", 1, 11, "bad command", ""),
        BAD("command =\n", 1, 10, "no command given", ""),
        BAD("command = ''\n", 1, 11, "no command given", ""),
        BAD("help = yes\n", 1, 1, "not an option of a file:", ""),
        BAD("file = x\n", 1, 1, "not an option of a file:", ""),
        BAD("dry-run = text\n", 1, 1, "not an option of a file:", ""),
        BAD("include = no-such-file\n", 1, 11, "cannot read options from", "make it first"),
        BAD("include = box.conf\n", 1, 11, "this file has been read already:", ""),
        BAD("a\rhostname = b\n", 1, 1, "unknown option", ""),
    };
    for (size_t i = 0; i < MB_COUNT(bad); i++) {
        struct minibox_spec *spec = new_spec();
        struct minibox_error err = {0};
        char origin[300];
        const char *path = write_file("box.conf", bad[i].text, bad[i].length);
        if (minibox_spec_parse_file(spec, path, &err) == 0)
            fail_msg("accepted: %s", bad[i].text);
        snprintf(origin, sizeof(origin), "%s:%d:%d", path, bad[i].line, bad[i].column);
        assert_string_equal(err.origin, origin);
        if (strcmp(err.what, bad[i].what) != 0 || !strstr(err.remedy, bad[i].remedy))
            fail_msg("%s: saw %s; %s", bad[i].text, err.what, err.remedy);
        assert_int_equal(err.status, 125);
        minibox_spec_free(spec);
    }
}

static void points_at_the_place(void **state) {
    (void)state;
    struct minibox_error err = {0};
    char line[200], text[1024] = "", *caret, *shown;
    memset(line, 'x', sizeof(line) - 2);
    memcpy(line, "timeout = ", 10);
    line[sizeof(line) - 2] = '\n', line[sizeof(line) - 1] = '\0';
    for (int is_long = 0; is_long < 2; is_long++) {
        const char *path = is_long ? write_file("box.conf", line, strlen(line))
                                   : write_file("box.conf", "env = A\n timeout =\033[1mz\n", 24);
        struct minibox_spec *spec = new_spec();
        assert_int_equal(minibox_spec_parse_file(spec, path, &err), -1);
        minibox_spec_free(spec);
        FILE *out = fmemopen(text, sizeof(text), "w");
        minibox_error_print(&err, out);
        fclose(out);
        assert_null(strchr(text, '\033'));
        shown = strchr(text, '\n') + 1;
        caret = strchr(shown, '\n') + 1;
        size_t column = strspn(caret, " ");
        assert_int_equal(caret[column], '^');
        if (strncmp(shown + column, is_long ? "xxxx" : "?[1mz", 4) != 0)
            fail_msg("the caret does not point at the value:\n%s", text);
        assert_true(strcspn(shown, "\n") < 200);
    }
}

static void kinds_of_files(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    struct minibox_error err = {0};
    char path[128];
    static const struct {
        const char *name, *reason;
    } bad[] = {{".", "it is no regular file"},
               {"fifo", "it is no regular file"},
               {"large", "it has more than 1 MiB"},
               {"missing", "No such file or directory"}};
    snprintf(path, sizeof(path), "%s/fifo", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/large", directory);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(ftruncate(fd, 100 << 20), 0); /* no block of it is on the disk */
    close(fd);
    for (size_t i = 0; i < MB_COUNT(bad); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, bad[i].name);
        assert_int_equal(minibox_spec_parse_file(spec, path, &err), -1);
        assert_string_equal(err.what, "cannot read options from");
        assert_string_equal(err.reason, bad[i].reason);
    }
    minibox_spec_free(spec);
}

static void includes(void **state) {
    (void)state;
    char path[128], text[128];
    struct minibox_error err = {0};
    snprintf(path, sizeof(path), "%s/sub", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file("sub/inner.conf", "hostname = inner\nenv = A=1\nvolume = x:/x\n", 41);
    struct minibox_spec *spec = READ("env = B=2\ninclude = sub/inner.conf\nname = outer\n");
    assert_string_equal(spec->hostname, "inner");
    assert_string_equal(spec->name, "outer");
    assert_int_equal(spec->env_count, 2);
    snprintf(path, sizeof(path), "%s/sub/x", directory);
    assert_string_equal(spec->volumes[0].source, path); /* seen from the file's directory */
    snprintf(path, sizeof(path), "%s/sub/inner.conf", directory);
    assert_string_equal(spec->volumes[0].origin.name, path);
    assert_int_equal(spec->volumes[0].origin.line, 3);
    assert_int_equal(minibox_spec_parse_file(spec, path, &err), -1);
    assert_string_equal(err.what, "this file has been read already:");
    minibox_spec_free(spec);

    /* A chain that is too long ends, though no file is read twice. */
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), "chain%d", i);
        snprintf(text, sizeof(text), "include = chain%d\n", i + 1);
        write_file(path, text, strlen(text));
    }
    spec = new_spec();
    assert_int_equal(minibox_spec_parse_file(spec, write_file("chain0", "include = chain1\n", 17), &err), -1);
    assert_string_equal(err.reason, "too many files include each other");
    minibox_spec_free(spec);
}

/* Values that are no paths stay as they are; paths are the file's. */
static void relative_paths(void **state) {
    (void)state;
    static const struct {
        enum mb_option_id id;
        const char *value, *wanted;
    } cases[] = {
        {MB_OPTION_ROOTFS, "host", "host"},
        {MB_OPTION_ROOTFS, "busybox:rw", "busybox:rw"},
        {MB_OPTION_ROOTFS, "tree:rw", "/f/tree:rw"},
        {MB_OPTION_ROOTFS, "/tree", "/tree"},
        {MB_OPTION_ROOTFS, "DIR", "/f/DIR"}, /* what help calls a value is a name like any other */
        {MB_OPTION_ROOTFS, "busybox:old", "/f/busybox:old"},
        {MB_OPTION_SECCOMP, "off", "off"},
        {MB_OPTION_SECCOMP, "default", "default"},
        {MB_OPTION_SECCOMP, "p.json", "/f/p.json"},
        {MB_OPTION_SECCOMP, "learn=p.json", "learn=/f/p.json"},
        {MB_OPTION_SECCOMP, "learn=off", "learn=/f/off"},
        {MB_OPTION_SECCOMP, "FILE", "/f/FILE"},
        {MB_OPTION_VOLUME, ".:rw", "/f/.:rw"},
        {MB_OPTION_VOLUME, "FILE:/data", "/f/FILE:/data"},
        {MB_OPTION_VOLUME, "FILE", "/f/FILE"},
        {MB_OPTION_VOLUME, "../a:/b", "/f/../a:/b"},
        {MB_OPTION_ENV_FILE, "e", "/f/e"},
        {MB_OPTION_PID_FILE, "p", "/f/p"},
        {MB_OPTION_WORKDIR, "w", "/f/w"},
        {MB_OPTION_ENV_FILE, "FILE", "/f/FILE"},
        {MB_OPTION_STDOUT, "FILE", "/f/FILE"},
        {MB_OPTION_WORKDIR, "DIR", "/f/DIR"},
        {MB_OPTION_JOIN, "net=FILE", "net=/f/FILE"},
        {MB_OPTION_JOIN, "net=12", "net=12"},
        {MB_OPTION_JOIN, "net=n", "net=/f/n"},
        {MB_OPTION_JOIN, "net=/n", "net=/n"},
        {MB_OPTION_ENV, "A=b", "A=b"},
        {MB_OPTION_MASK, "/m", "/m"},
        {MB_OPTION_HOSTNAME, "h", "h"},
        {MB_OPTION_TTY, "yes", "yes"},
    };
    struct mb_arena arena = {0};
    for (size_t i = 0; i < MB_COUNT(cases); i++) {
        assert_string_equal(mb_options_rebase(&arena, cases[i].id, cases[i].value, "/f/box.conf"), cases[i].wanted);
        assert_string_equal(mb_options_rebase(&arena, cases[i].id, cases[i].value, "box.conf"), cases[i].value);
    }
    mb_arena_free(&arena);
}

/* Every option, written as a file and read again: the same settings. A new option needs a row here. */
static void there_and_back(void **state) {
    (void)state;
    static const char *const values[MB_OPTION_COUNT][3] = {
        [MB_OPTION_ROOTFS] = {"host", "/a b:rw"},
        [MB_OPTION_VOLUME] = {"/a:/b:rw,noexec", "/with\\:colon:/c"},
        [MB_OPTION_TMPFS] = {"/t:size=1m,mode=0700", "/u"},
        [MB_OPTION_DEVICE] = {"/dev/fuse", "/dev/a:/dev/b"},
        [MB_OPTION_MASK] = {"/proc/x", "/a b"},
        [MB_OPTION_WORKDIR] = {"/w", " /blanks "},
        [MB_OPTION_ENV] = {"A", "B=", "C= two\nlines\t\"\\ \r"},
        [MB_OPTION_ENV_FILE] = {"/dev/null"},
        [MB_OPTION_TTY] = {"yes", "no"},
        [MB_OPTION_INIT] = {"no"},
        [MB_OPTION_STDIN] = {"/i"},
        [MB_OPTION_STDOUT] = {"/o"},
        [MB_OPTION_STDERR] = {"/e"},
        [MB_OPTION_OUTPUT_LIMIT] = {"64k"},
        [MB_OPTION_PRESERVE_FDS] = {"2"},
        [MB_OPTION_USER] = {"1000:1000", "\"quoted\""},
        [MB_OPTION_USERNS] = {"keep-id", "u0:1000:1,g0:1000:1"},
        [MB_OPTION_HOSTNAME] = {"blue", "my_box.example"},
        [MB_OPTION_CAP_ADD] = {"NET_ADMIN", "ALL"},
        [MB_OPTION_CAP_DROP] = {"cap_kill"},
        [MB_OPTION_SECCOMP] = {"off", "/p.json"},
        [MB_OPTION_ALLOW] = {"suid"},
        [MB_OPTION_ULIMIT] = {"nofile=10:20", "as=1g"},
        [MB_OPTION_NETWORK] = {"host"},
        [MB_OPTION_SHARE] = {"ipc,uts"},
        [MB_OPTION_ISOLATE] = {"vm", "time"},
        [MB_OPTION_JOIN] = {"net=/run/n", "pid=7"},
        [MB_OPTION_TIMEOUT] = {"1.5s"},
        [MB_OPTION_DIE_WITH_LAUNCHER] = {"no"},
        [MB_OPTION_NAME] = {"box"},
        [MB_OPTION_PID_FILE] = {"/p"},
        [MB_OPTION_REPORT] = {"/r"},
        [MB_OPTION_VERBOSE] = {"yes"},
    };
    struct minibox_spec *spec = new_spec();
    struct minibox_error err = {0};
    size_t wanted = 0;
    for (int id = 0; id < MB_OPTION_COUNT; id++) {
        bool is_apart = id == MB_OPTION_FILE || id == MB_OPTION_HELP || id == MB_OPTION_DRY_RUN;
        if (!values[id][0] != is_apart)
            fail_msg("--%s: a row here, or none", mb_options[id].name);
        for (int n = 0; n < 3 && values[id][n]; n++) {
            if (mb_options_set(spec, (enum mb_option_id)id, values[id][n],
                               (struct mb_origin){.kind = MB_ORIGIN_ARGV, .name = "x\ny", .line = 1}, &err)) {
                minibox_error_print(&err, stderr);
                fail_msg("--%s %s", mb_options[id].name, values[id][n]);
            }
            wanted += mb_options[id].list || n == 0;
        }
    }
    static const char *const command[] = {"/bin/sh", "-c", "echo \"$x\" 'y'\n\texit", "", " ", "$'", "\\", "#",
                                          "\xff",    NULL};
    spec->command = (char *const *)(uintptr_t)command;

    char path[128];
    snprintf(path, sizeof(path), "%s/again", directory);
    FILE *out = fopen(path, "w");
    mb_file_print(spec, "/cwd", out);
    fclose(out);
    struct minibox_spec *again = new_spec();
    if (minibox_spec_parse_file(again, path, &err)) {
        minibox_error_print(&err, stderr);
        fail_msg("what was written cannot be read");
    }
    assert_int_equal(again->setting_count, wanted);
    for (size_t i = 0, n = 0; i < spec->setting_count; i++) {
        bool is_last = mb_options[spec->settings[i].id].list || i + 1 == spec->setting_count ||
                       spec->settings[i + 1].id != spec->settings[i].id;
        if (!is_last)
            continue;
        assert_int_equal(again->settings[n].id, spec->settings[i].id);
        const char *text = spec->settings[i].text[0] == ' ' ? "/cwd/ /blanks " : spec->settings[i].text;
        assert_string_equal(again->settings[n].text, text);
        n++;
    }
    for (size_t i = 0; i < MB_COUNT(command) - 1; i++)
        assert_string_equal(again->command[i], command[i]);
    assert_null(again->command[MB_COUNT(command) - 1]);
    minibox_spec_free(spec);
    minibox_spec_free(again);
}

/* What the command line says counts for more, wherever it stands; its words come last. */
static void precedence(void **state) {
    (void)state;
    struct minibox_spec *spec = new_spec();
    struct minibox_error err = {0};
    const char *path = write_file("box.conf", "hostname = file\nname = file\nenv = A=1\ncommand = sh -c\n", 54);
    const char *words[] = {"--hostname", "line", "-e", "B=2", "-f", path, "--timeout=5s", "true", NULL};
    assert_int_equal(minibox_spec_parse_argv(spec, 8, (char *const *)(uintptr_t)words, &err), 0);
    assert_string_equal(spec->hostname, "line");
    assert_string_equal(spec->name, "file");
    assert_int_equal(spec->env_count, 2);
    assert_string_equal(spec->env[0].name, "A");
    assert_string_equal(spec->command[0], "sh");
    assert_string_equal(spec->command[1], "-c");
    assert_string_equal(spec->command[2], "true");
    assert_null(spec->command[3]);
    minibox_spec_free(spec);

    static const char *const spellings[] = {"-f%s", "--file=%s", "-tf%s"};
    for (size_t i = 0; i < MB_COUNT(spellings); i++) {
        char word[300];
        snprintf(word, sizeof(word), spellings[i], path);
        const char *one[] = {word, NULL};
        spec = new_spec();
        assert_int_equal(minibox_spec_parse_argv(spec, 1, (char *const *)(uintptr_t)one, &err), 0);
        assert_string_equal(spec->hostname, "file");
        minibox_spec_free(spec);
    }

    spec = new_spec();
    const char *twice[] = {"-f", path, "--file", path, NULL};
    assert_int_equal(minibox_spec_parse_argv(spec, 4, (char *const *)(uintptr_t)twice, &err), -1);
    assert_string_equal(err.what, "this file has been read already:");
    minibox_spec_free(spec);
}

static int make_directory(void **state) {
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),          cmocka_unit_test(commands),
        cmocka_unit_test(refusals),       cmocka_unit_test(points_at_the_place),
        cmocka_unit_test(kinds_of_files), cmocka_unit_test(includes),
        cmocka_unit_test(relative_paths), cmocka_unit_test(there_and_back),
        cmocka_unit_test(precedence),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
