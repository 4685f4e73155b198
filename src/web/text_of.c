#include "web/text_of.h"
#include "wire/json.h"

int weft__text_of(const weft_schema *type, const void *value, weft__buf *room, weft_str *out, weft__fault *fault)
{
    weft__json_string string;
    bool nul = false;
    weft__buf_clear(room);
    int rc = weft__json_write(type, value, room, fault);
    if (rc < 0) return rc;
    weft__json_in in = weft__json_open(weft__buf_str(room));
    *out = weft__buf_str(room);
    if (weft_str_equal(*out, WEFT_S("null"))) return 1;
    if (weft__json_peek(&in) != '"' || !weft__json_string_read(&in, &string)) return 0;
    *out = (weft_str){ room->ptr, weft__json_unescape(string.raw, room->ptr, &nul) };
    return 0;
}
