/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How it works. A file of options uses the options table too: a line "NAME = VALUE" means the same as "--NAME VALUE",
 * and goes the same way, through mb_options_set(), with FILE:LINE:COLUMN as its origin. There are two more names:
 * "command", whose value is split into words, and "include".
 *
 * What must stay true: only blank lines and # lines are skipped, nothing is guessed or expanded; a file is read to its
 * end before any of it counts, and once only, so reading ends whatever files include each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/count.h"
#include "base/fd.h"
#include "base/text.h"
#include "read/read.h"

enum { MAX_FILE = 1 << 20, MAX_DEPTH = 16 };

struct file_reader {
    struct minibox_spec *spec;
    struct minibox_error *err;
    const char *path, *line; /* line: the whole, to which columns and excerpts refer */
    int number, depth;
};

static struct mb_origin origin_at(const struct file_reader *r, const char *place) {
    return (struct mb_origin){MB_ORIGIN_FILE, r->path, r->number, (int)(place - r->line) + 1};
}

/* Adds an excerpt of the line and the column to the error. Returns -1. */
static int show_line(const struct file_reader *r, const char *place) {
    size_t column = (size_t)(place - r->line), size = sizeof(r->err->excerpt),
           start = column >= size / 2 ? column - size / 2 : 0;
    snprintf(r->err->excerpt, size, "%s", r->line + start);
    r->err->column = (int)(column - start) + 1;
    return -1;
}

static int refuse_at(const struct file_reader *r, const char *place, const char *what, const char *object,
                     const char *reason) {
    struct mb_origin origin = origin_at(r, place);
    mb_error_usage(r->err, &origin, MB_REMEDY_NONE, what, object, reason ? "%s" : NULL, reason);
    return show_line(r, place);
}

static int refuse_name(const struct file_reader *r, const char *place, const char *name) {
    static const char *const names[] = {"command", "include"};
    const char *near = mb_text_suggest(name, names, MB_COUNT(names));
    if (!near)
        near = mb_options_suggest(name);
    refuse_at(r, place, "unknown option", name, NULL);
    if (near)
        mb_error_remedy(r->err, "did you mean %s?", near);
    else
        mb_error_remedy(r->err, "a long name of minibox run --help, command or include");
    return -1;
}

/* "..." of a value and $'...' of a command can hold any byte: these letters behind a backslash stand for these bytes.
 */
static const char escape_letters[] = "\\\"'nrt", escaped_bytes[] = "\\\"'\n\r\t";

/* The byte for a letter behind a backslash; 0: none. */
static char unescape(char letter) {
    const char *at = letter ? strchr(escape_letters, letter) : NULL;
    return at ? escaped_bytes[at - escape_letters] : '\0';
}

/* Reads a value in quotes, which may have blanks at its ends, or more than one line. NULL after an error. */
static const char *unquote(const struct file_reader *r, const char *value, const char *place) {
    char *text = mb_arena_alloc(&r->spec->arena, strlen(value) + 1), *to = text;
    const char *c = value + 1, *wrong = NULL;
    if (!text) {
        mb_error_memory(r->err);
        return NULL;
    }
    for (; *c && *c != '"'; c++) {
        char byte = *c == '\\' ? unescape(c[1]) : *c;
        if (!byte) {
            refuse_at(r, place + (c - value), "bad escape", NULL,
                      "in quotes there are \\\\, \\\", \\', \\n, \\r and \\t");
            return NULL;
        }
        if (*c == '\\')
            c++;
        *to++ = byte;
    }
    *to = '\0';
    if (!*c)
        wrong = "no closing quote";
    else if (c[1])
        wrong = "nothing may follow the closing quote";
    if (!wrong)
        return text;
    refuse_at(r, place + (*c ? c + 1 - value : 0), "bad value", NULL, wrong);
    return NULL;
}

/* ---- the command's words ---------------------------------------------------------------------------------------- */

struct splitter {
    const char *from; /* the rest of the text */
    char *to;         /* the end of the word that is being copied */
    char open;        /* the quote that is not closed, or 0 */
};

/* The byte for a letter behind a backslash in "..."; 0: the backslash is a byte like any other. */
static char unescape_double(char letter) {
    return letter == '"' || letter == '\\' ? letter : '\0';
}

/* Copies up to `quote`, and goes on behind it. meaning: of a letter behind a backslash; NULL: none has any. */
static void copy_quoted(struct splitter *s, char quote, char (*meaning)(char letter)) {
    while (*s->from && *s->from != quote) {
        char byte = meaning && *s->from == '\\' ? meaning(s->from[1]) : '\0';
        if (byte)
            s->from++;
        *s->to++ = byte ? byte : *s->from;
        s->from++;
    }
    if (*s->from)
        s->from++;
    else
        s->open = quote;
}

/* Copies a word, up to a blank that is in no quotes. */
static void copy_word(struct splitter *s) {
    while (*s->from && !strchr(" \t", *s->from)) {
        char first = *s->from++;
        if (first == '\'') {
            copy_quoted(s, '\'', NULL);
        } else if (first == '"') {
            copy_quoted(s, '"', unescape_double);
        } else if (first == '$' && *s->from == '\'') {
            s->from++;
            copy_quoted(s, '\'', unescape);
        } else {
            bool is_escape = first == '\\' && *s->from;
            *s->to++ = is_escape ? *s->from++ : first;
        }
    }
    *s->to++ = '\0';
}

/* Splits a command into words as a shell does ('...', "...", $'...', backslash), but expands nothing. */
static int split_command(const struct file_reader *r, const char *value, const char *place) {
    size_t most = strlen(value) / 2 + 1, count = 0; /* a word and the blank behind it take two bytes or more */
    struct splitter s = {.from = value, .to = mb_arena_alloc(&r->spec->arena, strlen(value) + 1)};
    const char **words = mb_arena_alloc(&r->spec->arena, (most + 1) * sizeof(*words));
    if (!s.to || !words)
        return mb_error_memory(r->err);
    while (*(s.from += strspn(s.from, " \t"))) {
        words[count++] = s.to;
        copy_word(&s);
    }
    if (s.open)
        return refuse_at(r, place, "bad command", NULL, s.open == '"' ? "a \" is not closed" : "a ' is not closed");
    words[count] = NULL;
    if (!count || !words[0][0])
        return refuse_at(r, place, "no command given", NULL, NULL);
    r->spec->command = (char *const *)(uintptr_t)words;
    return 0;
}

/* ---- lines and files -------------------------------------------------------------------------------------------- */

static int read_options_file(struct file_reader *r, const char *path, const struct mb_origin *origin);

static int set_option(struct file_reader *r, const char *name, const char *value, const char *name_place,
                      const char *place) {
    struct mb_origin origin = origin_at(r, place);
    int id = mb_options_find(name);
    if (strcmp(name, "command") == 0)
        return split_command(r, value, place);
    if (strcmp(name, "include") == 0) {
        struct file_reader inner = {.spec = r->spec, .err = r->err, .depth = r->depth + 1};
        return read_options_file(&inner, mb_options_rebase(&r->spec->arena, MB_OPTION_FILE, value, r->path), &origin);
    }
    if (id < 0)
        return refuse_name(r, name_place, name);
    if (mb_options[id].argv_only)
        return refuse_at(r, name_place, "not an option of a file:", name, "it belongs on the command line");
    return mb_options_set(r->spec, (enum mb_option_id)id, value, origin, r->err) ? show_line(r, place) : 0;
}

/* Reads a line: NAME, blanks, "=", blanks, VALUE, blanks. */
static int parse_line(struct file_reader *r) {
    const char *name_place = r->line + strspn(r->line, " \t");
    if (!*name_place || *name_place == '#')
        return 0;
    size_t length = strcspn(name_place, "= \t");
    const char *name = mb_arena_copy(&r->spec->arena, name_place, length), *equals = name_place + length;
    equals += strspn(equals, " \t");
    if (*equals != '=' || !length)
        return refuse_at(r, equals, "bad line", NULL, "it must be NAME = VALUE, or begin with #");
    const char *place = equals + 1 + strspn(equals + 1, " \t"), *end = place + strlen(place);
    while (end > place && strchr(" \t", end[-1]))
        end--;
    const char *value = mb_arena_copy(&r->spec->arena, place, (size_t)(end - place));
    if (r->spec->arena.failed)
        return mb_error_memory(r->err);
    if (value[0] == '"' && strcmp(name, "command") != 0 && !(value = unquote(r, value, place)))
        return -1;
    return set_option(r, name, value, name_place, place);
}

/* No file is read twice: so a cycle of includes ends, and no list is doubled. */
static int note_file(struct file_reader *r, const struct stat *st, const char *path, const struct mb_origin *origin) {
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

/* Returns a descriptor of a regular file, or -1 after an error. */
static int open_file(struct file_reader *r, const char *path, const struct mb_origin *origin, struct stat *ret_st) {
    mb_autofd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* opening a FIFO would wait */
    if (fd < 0 || fstat(fd, ret_st) < 0)
        return mb_error_host(r->err, origin, errno == ENOENT ? MB_REMEDY_NO_SUCH_PATH : MB_REMEDY_NONE, errno,
                             "cannot read options from", path);
    const char *reason = NULL;
    if (!S_ISREG(ret_st->st_mode))
        reason = "it is no regular file";
    else if (ret_st->st_size >= MAX_FILE)
        reason = "it has more than 1 MiB";
    else if (r->depth > MAX_DEPTH)
        reason = "too many files include each other";
    if (reason)
        return mb_error_usage(r->err, origin, MB_REMEDY_NONE, "cannot read options from", path, "%s", reason);
    return mb_fd_steal(&fd);
}

/* Reads the text line by line. A NUL stands at its end. */
static int parse_lines(struct file_reader *r, char *text, const char *end) {
    static const char mark[] = "\xef\xbb\xbf"; /* the byte order mark that some editors write */
    if (strncmp(text, mark, sizeof(mark) - 1) == 0)
        text += sizeof(mark) - 1;
    for (char *line = text, *next; line < end; line = next + 1) {
        next = memchr(line, '\n', (size_t)(end - line));
        if (!next)
            next = line + (end - line);
        r->line = line;
        r->number++;
        const char *nul = memchr(line, '\0', (size_t)(next - line));
        if (nul)
            return refuse_at(r, nul, "bad line", NULL, "it has a NUL byte");
        *next = '\0';
        if (next > line && next[-1] == '\r')
            next[-1] = '\0';
        if (parse_line(r))
            return -1;
    }
    return 0;
}

static int read_options_file(struct file_reader *r, const char *path, const struct mb_origin *origin) {
    struct stat st = {0};
    mb_autofd fd = open_file(r, path, origin, &st);
    if (fd < 0)
        return -1;
    size_t size = (size_t)st.st_size + 2; /* for a NUL, and one more to notice a file that grows meanwhile: EFBIG */
    char *text = mb_arena_alloc(&r->spec->arena, size);
    if (!text)
        return mb_error_memory(r->err);
    ssize_t length = mb_fd_read_all(fd, text, size);
    if (length < 0)
        return mb_error_host(r->err, origin, MB_REMEDY_NONE, errno, "cannot read options from", path);
    if (note_file(r, &st, path, origin))
        return -1;
    r->path = mb_arena_copy(&r->spec->arena, path, strlen(path));
    if (parse_lines(r, text, text + length))
        return -1;
    return r->spec->arena.failed ? mb_error_memory(r->err) : 0;
}

int minibox_spec_parse_file(struct minibox_spec *spec, const char *path, struct minibox_error *err) {
    struct file_reader r = {.spec = spec, .err = err};
    return read_options_file(&r, path, NULL);
}

/* ---- back into a file ------------------------------------------------------------------------------------------ */

/* Writes a text so that unescape() reads it again, and the quote that ends it. The other quote takes no backslash. */
static void write_quoted(FILE *out, const char *text, char quote) {
    for (const char *c = text; *c; c++) {
        const char *at = strchr(escaped_bytes, *c);
        bool is_other_quote = (*c == '"' || *c == '\'') && *c != quote;
        if (at && !is_other_quote)
            fprintf(out, "\\%c", escape_letters[at - escaped_bytes]);
        else
            fputc(*c, out);
    }
    fputc(quote, out);
}

static void write_value(FILE *out, const char *value) {
    size_t length = strlen(value);
    if (length && !strchr("\" \t", value[0]) && !strchr(" \t", value[length - 1]) && !strpbrk(value, "\n\r")) {
        fputs(value, out);
    } else {
        fputc('"', out);
        write_quoted(out, value, '"');
    }
    fputc('\n', out);
}

static bool is_plain(const char *word) {
    return word[0] && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:=,@%")];
}

/* Whether a setting counts: of an option that is no list, only the last one does. */
static bool is_setting_used(const struct minibox_spec *spec, size_t i) {
    for (size_t later = i + 1; later < spec->setting_count; later++)
        if (spec->settings[later].id == spec->settings[i].id && !mb_options[spec->settings[i].id].list)
            return false;
    return true;
}

static void write_setting(FILE *out, const struct mb_setting *setting, const char *text) {
    char origin[160];
    mb_origin_print(&setting->origin, origin, sizeof(origin));
    for (char *c = origin; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = '?';
    fprintf(out, "# %s\n%s = ", origin, mb_options[setting->id].name);
    write_value(out, text);
}

static void write_command(FILE *out, char *const *command) {
    fputs("command =", out);
    for (char *const *word = command; *word; word++) {
        if (is_plain(*word)) {
            fprintf(out, " %s", *word);
        } else {
            fputs(" $'", out);
            write_quoted(out, *word, '\'');
        }
    }
    fputc('\n', out);
}

void mb_file_print(const struct minibox_spec *spec, const char *cwd, FILE *out) {
    struct mb_arena arena = {0};
    const char *directory = mb_arena_printf(&arena, "%s/", cwd);
    for (size_t i = 0; i < spec->setting_count; i++) {
        const struct mb_setting *setting = &spec->settings[i];
        const char *text = mb_options_rebase(&arena, setting->id, setting->text, directory);
        if (is_setting_used(spec, i))
            write_setting(out, setting, arena.failed ? setting->text : text);
    }
    mb_arena_free(&arena);
    if (spec->command)
        write_command(out, spec->command);
}
