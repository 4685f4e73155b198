/* Problem details: RFC 9457. */
#include <string.h>
#include "web/failure.h"
#include "wire/json.h"

static const char *const ours[] = { "type", "title", "status", "detail" };
enum { TYPE, TITLE, STATUS, DETAIL, OURS };

typedef struct member { weft_str key, value; } member;   /* both as they are written, the key with its quotes */

/* The next member of an object whose text is sound; `in` stands behind '{' or a value. */
static bool next_member(weft__json_in *in, member *m)
{
    weft__json_string key;
    unsigned char c = weft__json_peek(in);
    if (c == ',') in->at++, c = weft__json_peek(in);
    if (c != '"') return false;
    const char *from = in->at;
    if (!weft__json_string_read(in, &key)) return false;
    m->key = (weft_str){ from, (size_t)(in->at - from) };
    if (weft__json_peek(in) != ':') return false;
    in->at++;
    weft__json_peek(in);
    from = in->at;
    if (!weft__json_skip(in, 1)) return false;
    m->value = (weft_str){ from, (size_t)(in->at - from) };
    return true;
}

static int our_name(weft_str key)
{
    for (int i = 0; i < OURS; i++) {
        weft_str name = weft_str_of(ours[i]);
        if (key.len == name.len + 2 && memcmp(key.ptr + 1, name.ptr, name.len) == 0) return i;
    }
    return OURS;
}

static void add(weft__buf *out, const char *name, weft_str json)
{
    if (out->len && out->ptr[out->len - 1] != '{') weft__buf_add_char(out, ',');
    weft__buf_printf(out, "\"%s\":", name);
    weft__buf_add_str(out, json);
}

static void add_text(weft__buf *out, const char *name, weft_str text)
{
    add(out, name, WEFT_S(""));
    weft__json_add_text_lossy(out, text);
}

/* The text of a detail that is JSON is the beginning of that JSON, which says nothing that "errors" does not. */
static bool is_cut_of(weft_str text, weft_str detail)
{
    return detail.len >= text.len && memcmp(text.ptr, detail.ptr, text.len) == 0;
}

void weft__problem_write(weft__buf *out, int status, weft_str text, weft_str detail)
{
    bool object = detail.len && detail.ptr[0] == '{', taken[OURS + 1] = { false };
    weft__json_in in = weft__json_open(detail);
    weft_str reason = weft__http_reason(status);
    member m;
    weft__buf_add_char(out, '{');
    if (object) for (in.at++; next_member(&in, &m);) taken[our_name(m.key)] = true;
    if (!taken[TYPE]) add_text(out, "type", WEFT_S("about:blank"));
    if (!taken[TITLE]) add_text(out, "title", reason.len ? reason : WEFT_S("Error"));
    if (!taken[STATUS]) {
        add(out, "status", WEFT_S(""));
        weft__buf_add_int(out, status);
    }
    if (detail.len && detail.ptr[0] == '"') add(out, "detail", detail);
    else if (!taken[DETAIL] && !object && text.len && !is_cut_of(text, detail)) add_text(out, "detail", text);
    if (detail.len && !object) add(out, "errors", detail);
    if (object) {
        in = weft__json_open(detail);
        for (in.at++; next_member(&in, &m);) {
            if (out->len && out->ptr[out->len - 1] != '{') weft__buf_add_char(out, ',');
            weft__buf_add_str(out, m.key);
            weft__buf_add_char(out, ':');
            weft__buf_add_str(out, m.value);
        }
    }
    weft__buf_add_char(out, '}');
}
