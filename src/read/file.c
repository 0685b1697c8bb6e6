/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A file of options is the options table again: a line "NAME = VALUE" says what "--NAME VALUE" says, and
 * goes the same way, through mb_options_set(), with FILE:LINE:COLUMN as its origin. Beside the table there are two
 * names: "command", whose value is split into words, and "include".
 *
 * What must stay true: nothing is guessed and nothing skipped but blank and # lines; nothing is expanded; a file is
 * read once and to its end before any of it counts; whatever it holds, reading ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/text.h"
#include "read/read.h"

enum { MAX_FILE = 1 << 20, MAX_DEPTH = 16 };

struct reader {
    struct minibox_spec *spec;
    struct minibox_error *err;
    const char *path, *line; /* line: as it stands in the file */
    int number, depth;
};

static struct mb_origin origin_at(const struct reader *r, const char *place) {
    return (struct mb_origin){MB_ORIGIN_FILE, r->path, r->number, (int)(place - r->line) + 1};
}

/* Adds the line and the column to an error about it. Returns -1. */
static int show_line(const struct reader *r, const char *place) {
    size_t column = (size_t)(place - r->line), size = sizeof(r->err->excerpt),
           start = column >= size / 2 ? column - size / 2 : 0;
    snprintf(r->err->excerpt, size, "%s", r->line + start);
    r->err->column = (int)(column - start) + 1;
    return -1;
}

static int refuse(const struct reader *r, const char *place, const char *what, const char *object, const char *reason) {
    struct mb_origin origin = origin_at(r, place);
    mb_error_usage(r->err, &origin, MB_REMEDY_NONE, what, object, reason ? "%s" : NULL, reason);
    return show_line(r, place);
}

static int refuse_name(const struct reader *r, const char *place, const char *name) {
    const char *names[MB_OPTION_COUNT + 2] = {"command", "include"};
    for (int i = 0; i < MB_OPTION_COUNT; i++)
        names[i + 2] = mb_options[i].name;
    refuse(r, place, "unknown option", name, NULL);
    const char *near = mb_text_suggest(name, names, MB_OPTION_COUNT + 2);
    if (near)
        mb_error_remedy(r->err, "did you mean %s?", near);
    else
        mb_error_remedy(r->err, "a long name of minibox run --help, command or include");
    return -1;
}

/* What a backslash and this letter stand for, in quotes that can hold any byte; 0: nothing. */
static char unescape(char letter) {
    static const char letters[] = "\\\"'nrt", bytes[] = "\\\"'\n\r\t";
    const char *at = letter ? strchr(letters, letter) : NULL;
    return at ? bytes[at - letters] : '\0';
}

/* "...": a value that has blanks at its ends, or more than one line. NULL after an error. */
static const char *unquote(const struct reader *r, const char *value, const char *place) {
    char *text = mb_arena_alloc(&r->spec->arena, strlen(value) + 1), *to = text;
    const char *c = value + 1;
    if (!text)
        return mb_error_memory(r->err), NULL;
    for (; *c && *c != '"'; c++) {
        char byte = *c == '\\' ? unescape(c[1]) : *c;
        if (!byte)
            return refuse(r, place + (c - value), "bad escape", NULL,
                          "in quotes there are \\\\, \\\", \\', \\n, \\r and \\t"),
                   NULL;
        c += *c == '\\';
        *to++ = byte;
    }
    *to = '\0';
    if (*c != '"' || c[1])
        return refuse(r, place + (*c ? c + 1 - value : 0), "bad value", NULL,
                      *c ? "nothing may follow the closing quote" : "no closing quote"),
               NULL;
    return text;
}

/* Into words, as a shell does it ('...', "...", $'...', backslash), but nothing is expanded. */
static int set_command(const struct reader *r, const char *value, const char *place) {
    char *text = mb_arena_alloc(&r->spec->arena, strlen(value) + 1);
    const char **words = mb_arena_alloc(&r->spec->arena, (strlen(value) / 2 + 2) * sizeof(*words));
    size_t count = 0;
    if (!text || !words)
        return mb_error_memory(r->err);
    for (const char *c = value; *(c += strspn(c, " \t"));) {
        char quote = '\0'; /* '$': of $'...' */
        words[count++] = text;
        for (; *c && (quote || !strchr(" \t", *c)); c++) {
            bool is_escape = *c == '\\' && c[1] && quote != '\'';
            if (quote && *c == (quote == '$' ? '\'' : quote))
                quote = '\0';
            else if (!quote && (*c == '\'' || *c == '"' || (*c == '$' && c[1] == '\'')))
                c += (quote = *c) == '$';
            else if (is_escape && quote == '$' && unescape(c[1]))
                *text++ = unescape(*++c);
            else if (is_escape && quote != '$' && (!quote || strchr("\\\"", c[1])))
                *text++ = *++c;
            else
                *text++ = *c;
        }
        if (quote)
            return refuse(r, place, "bad command", NULL, quote == '"' ? "a \" is not closed" : "a ' is not closed");
        *text++ = '\0';
    }
    words[count] = NULL;
    if (!count || !words[0][0])
        return refuse(r, place, "no command given", NULL, NULL);
    r->spec->command = (char *const *)(uintptr_t)words;
    return 0;
}

static int read_file(struct reader *r, const char *path, const struct mb_origin *origin);

static int set_option(struct reader *r, const char *name, const char *value, const char *name_place,
                      const char *place) {
    struct mb_origin origin = origin_at(r, place);
    int id = mb_options_find(name);
    if (strcmp(name, "command") == 0)
        return set_command(r, value, place);
    if (strcmp(name, "include") == 0) {
        const char *path = mb_options_rebase(&r->spec->arena, MB_OPTION_FILE, value, r->path);
        struct reader inner = {.spec = r->spec, .err = r->err, .depth = r->depth + 1};
        return read_file(&inner, path ? path : value, &origin);
    }
    if (id < 0)
        return refuse_name(r, name_place, name);
    if (id == MB_OPTION_FILE || id == MB_OPTION_HELP || id == MB_OPTION_DRY_RUN)
        return refuse(r, name_place, "not an option of a file:", name, "it belongs on the command line");
    return mb_options_set(r->spec, (enum mb_option_id)id, value, origin, r->err) ? show_line(r, place) : 0;
}

/* One line, cut up in a copy: NAME, blanks, "=", blanks, VALUE, blanks. */
static int parse_line(struct reader *r) {
    const char *name_place = r->line + strspn(r->line, " \t");
    if (!*name_place || *name_place == '#')
        return 0;
    size_t length = strcspn(name_place, "= \t");
    const char *name = mb_arena_copy(&r->spec->arena, name_place, length), *equals = name_place + length;
    equals += strspn(equals, " \t");
    if (*equals != '=' || !length)
        return refuse(r, equals, "bad line", NULL, "it must be NAME = VALUE, or begin with #");
    const char *place = equals + 1 + strspn(equals + 1, " \t"), *end = place + strlen(place);
    while (end > place && strchr(" \t", end[-1]))
        end--;
    const char *value = mb_arena_copy(&r->spec->arena, place, (size_t)(end - place));
    if (!name || !value)
        return mb_error_memory(r->err);
    if (value[0] == '"' && strcmp(name, "command") != 0 && !(value = unquote(r, value, place)))
        return -1;
    return set_option(r, name, value, name_place, place);
}

/* Each file once: so a cycle of includes ends, and no list is doubled. */
static int note_file(struct reader *r, const struct stat *st, const char *path, const struct mb_origin *origin) {
    for (size_t i = 0; i < r->spec->file_count; i++)
        if (r->spec->files[i].device == st->st_dev && r->spec->files[i].inode == st->st_ino)
            return mb_error_usage(r->err, origin, MB_REMEDY_NONE, "this file has been read already:", path,
                                  "a cycle, or named twice");
    struct mb_file *file = mb_arena_push(&r->spec->arena, &r->spec->files, &r->spec->file_count, sizeof(*file));
    if (!file)
        return mb_error_memory(r->err);
    *file = (struct mb_file){st->st_dev, st->st_ino};
    return 0;
}

static int read_file(struct reader *r, const char *path, const struct mb_origin *origin) {
    struct stat st;
    mb_autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO would hold us */
    if (fd < 0 || fstat(fd, &st) < 0)
        return mb_error_host(r->err, origin, errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                             "cannot read options from", path);
    const char *reason = !S_ISREG(st.st_mode)     ? "it is no regular file"
                         : st.st_size >= MAX_FILE ? "it has more than 1 MiB"
                         : r->depth > MAX_DEPTH   ? "too many files include each other"
                                                  : NULL;
    if (reason)
        return mb_error_usage(r->err, origin, MB_REMEDY_NONE, "cannot read options from", path, "%s", reason);
    size_t size = (size_t)st.st_size + 2; /* a file that grows meanwhile is refused: EFBIG */
    char *text = mb_arena_alloc(&r->spec->arena, size);
    ssize_t length = text ? mb_fd_read_all(fd, text, size) : 0;
    if (!text)
        return mb_error_memory(r->err);
    if (length < 0)
        return mb_error_host(r->err, origin, MB_REMEDY_NONE, errno, "cannot read options from", path);
    if (note_file(r, &st, path, origin))
        return -1;
    r->path = mb_arena_copy(&r->spec->arena, path, strlen(path));
    for (char *line = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0), *end; line < text + length;
         line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + length - line));
        end = end ? end : text + length;
        r->line = line;
        r->number++;
        char *nul = memchr(line, '\0', (size_t)(end - line));
        if (nul)
            return refuse(r, nul, "bad line", NULL, "it has a NUL byte");
        end[end > line && end[-1] == '\r' ? -1 : 0] = '\0'; /* text + length is there: the reader put a NUL */
        if (parse_line(r))
            return -1;
    }
    return r->spec->arena.failed ? mb_error_memory(r->err) : 0;
}

int minibox_spec_parse_file(struct minibox_spec *spec, const char *path, struct minibox_error *err) {
    struct reader r = {.spec = spec, .err = err};
    return read_file(&r, path, NULL);
}

/* ---- back into a file ------------------------------------------------------------------------------------------ */

/* In quotes, which `quote` ends. */
static void print_quoted(FILE *out, const char *text, char quote) {
    for (const char *c = text; *c; c++)
        fprintf(out,
                *c == '\n'                  ? "\\n"
                : *c == '\r'                ? "\\r"
                : *c == '\t'                ? "\\t"
                : *c == '\\' || *c == quote ? "\\%c"
                                            : "%c",
                *c);
    fputc(quote, out);
}

static void print_value(FILE *out, const char *value) {
    size_t length = strlen(value);
    if (length && !strchr("\" \t", value[0]) && !strchr(" \t", value[length - 1]) && !strpbrk(value, "\n\r")) {
        fputs(value, out);
    } else {
        fputc('"', out);
        print_quoted(out, value, '"');
    }
    fputc('\n', out);
}

static bool is_plain(const char *word) {
    return word[0] && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:=,@%")];
}

void mb_file_print(const struct minibox_spec *spec, const char *cwd, FILE *out) {
    struct mb_arena arena = {0};
    const char *folder = mb_arena_printf(&arena, "%s/", cwd);
    for (size_t i = 0; i < spec->setting_count; i++) {
        const struct mb_setting *setting = &spec->settings[i];
        char origin[160];
        bool is_last = true; /* of a scalar's values the last counts */
        for (size_t n = i + 1; n < spec->setting_count; n++)
            is_last &= spec->settings[n].id != setting->id || mb_options[setting->id].list;
        if (!is_last)
            continue;
        mb_origin_print(&setting->origin, origin, sizeof(origin));
        for (char *c = origin; *c; c++)
            *c = *c == '\n' || *c == '\r' ? '?' : *c;
        fprintf(out, "# %s\n%s = ", origin, mb_options[setting->id].name);
        const char *text = folder ? mb_options_rebase(&arena, setting->id, setting->text, folder) : NULL;
        print_value(out, text ? text : setting->text);
    }
    mb_arena_free(&arena);
    if (spec->command)
        fputs("command =", out);
    for (char *const *word = spec->command; word && *word; word++) {
        fputs(is_plain(*word) ? " " : " $'", out);
        if (is_plain(*word))
            fputs(*word, out);
        else
            print_quoted(out, *word, '\'');
    }
    if (spec->command)
        fputc('\n', out);
}
