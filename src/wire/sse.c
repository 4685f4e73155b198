#include "wire/sse.h"

static bool has(weft_str s, char c) { return s.len && memchr(s.ptr, c, s.len); }
static bool has_end(weft_str s) { return has(s, '\r') || has(s, '\n'); }

const char *weft__sse_fault(const weft__sse *e)
{
    if (has_end(e->id)) return "its id has more than one line";
    if (has(e->id, 0)) return "its id has a NUL";
    if (has_end(e->type)) return "its type has more than one line";
    if (has(e->type, 0)) return "its type has a NUL";
    return e->retry_ms < 0 ? "its retry_ms is negative" : NULL;
}

static void add_line(weft__buf *out, weft_str name, weft_str value)
{
    weft__buf_add_str(out, name);
    weft__buf_add_str(out, value);
    weft__buf_add_char(out, '\n');
}

static void add_lines(weft__buf *out, weft_str name, weft_str text)
{
    if (!text.ptr) return;
    const char *at = text.ptr, *end = at + text.len;
    for (;;) {
        const char *line = at;
        while (at < end && *at != '\r' && *at != '\n') at++;
        add_line(out, name, (weft_str){ line, (size_t)(at - line) });
        if (at == end) return;
        at += at + 1 < end && at[0] == '\r' && at[1] == '\n' ? 2 : 1;
    }
}

void weft__sse_add(weft__buf *out, const weft__sse *e)
{
    size_t before = out->len;
    add_lines(out, WEFT_S(": "), e->comment);
    if (e->id.ptr) add_line(out, WEFT_S("id: "), e->id);
    if (e->type.len) add_line(out, WEFT_S("event: "), e->type);
    if (e->retry_ms) {
        weft__buf_lit(out, "retry: ");
        weft__buf_add_int(out, e->retry_ms);
        weft__buf_add_char(out, '\n');
    }
    add_lines(out, WEFT_S("data: "), e->data);
    if (out->len > before) weft__buf_add_char(out, '\n');
}
