/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

struct json_object *mb_json_string(struct mb_arena *arena, const char *text) {
    size_t length = strlen(text);
    char *copy = mb_arena_alloc(arena, length * 3 + 1), *to = copy;
    for (const char *from = text; copy && *from;) {
        size_t size = mb_text_utf8_length(from);
        memcpy(to, size ? from : "\xef\xbf\xbd", size ? size : 3);
        to += size ? size : 3;
        from += size ? size : 1;
    }
    return json_object_new_string(copy ? copy : "");
}

int mb_json_print(FILE *out, struct json_object *document, struct minibox_error *err) {
    const char *text =
        json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    int result = text && fprintf(out, "%s\n", text) > 0
                     ? 0
                     : mb_error_host(err, NULL, MB_REMEDY_NONE, ENOMEM, "cannot print", "JSON");
    json_object_put(document);
    return result;
}
