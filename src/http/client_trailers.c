/* Fields behind a body: those of an answer, handed over, and those of a request whose body is sent while it comes. */
#include "http/client.h"
#include "http/lane.h"
#include "wire/bytes.h"
#include "wire/trailer.h"

static const weft_header *find(const weft_header *all, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (weft__same_nocase(all[i].name, weft_str_of(name))) return &all[i];
    return NULL;
}

weft_str weft_response_trailer(const weft_response *r, const char *name)
{
    const weft_header *t = find(r->trailers, r->trailer_count, name);
    return t ? t->value : WEFT_S("");
}

/* ---- of an answer ---- */

void weft__call_keep_trailers(weft__chunk *chunk, weft__buf *lines)
{
    weft__buf_init(lines, WEFT__CALL_HEAD_MAX);
    chunk->kept = lines;
    chunk->trailer_bytes_max = WEFT__CALL_HEAD_MAX;
    chunk->trailers_max = WEFT__CLIENT_HEADERS;
}

void weft__call_lane_trailers(const weft__call *c, weft__buf *lines)
{
    weft_str came = c->conn && c->conn->lane ? weft__lane_trailers(c->conn->lane) : (weft_str){ "", 0 };
    if (!came.len) return;
    weft__buf_init(lines, WEFT__CALL_HEAD_MAX + 1);
    weft__buf_add_str(lines, came);
}

/* In one piece: the list, and behind it the bytes, with a NUL behind each name and value. */
static int copy(const weft__call *c, weft_str lines, size_t n, weft_response *out)
{
    weft_header *to = weft__arena_alloc(weft__arena_here(), n * sizeof *to + lines.len);
    if (!to) return weft__call_fail(c, WEFT_ENOMEM, "no memory for the answer's trailers, or past the request's limit");
    char *text = memcpy((char *)(to + n), lines.ptr, lines.len);
    weft_str rest = { text, lines.len };
    for (size_t i = 0; i < n && weft__trailer_next(&rest, &to[i].name, &to[i].value); i++) {
        text[to[i].name.ptr + to[i].name.len - text] = 0;    /* where a colon was, and the line's end or a space */
        text[to[i].value.ptr + to[i].value.len - text] = 0;
    }
    out->trailers = to;
    out->trailer_count = n;
    return 0;
}

int weft__call_trailers(const weft__call *c, const weft__buf *lines, weft_response *out)
{
    weft_str rest = weft__buf_str(lines), name, value;
    size_t n = 0;
    if (__builtin_expect(!lines->len && !lines->failed, 1)) return 0;
    while (weft__trailer_next(&rest, &name, &value)) n++;
    if (lines->failed == WEFT_ENOMEM) return weft__call_fail(c, WEFT_ENOMEM, "no memory for the answer's trailers");
    if (lines->failed || n > WEFT__CLIENT_HEADERS)
        return weft__call_fail(c, WEFT_ELIMIT, "answered more than %d trailers, or more than %d bytes of them (limits)", WEFT__CLIENT_HEADERS,
            WEFT__CALL_HEAD_MAX);
    return n ? copy(c, weft__buf_str(lines), n, out) : 0;
}

/* ---- of a request ---- */

int weft__call_check_trailers(const weft__call *c)
{
    const weft_exchange_opts *o = c->opts;
    if (!o->body_next || o->body_length) return weft__call_fail(c, WEFT_EINVAL, "trailers are sent behind what body_next gives, without body_length");
    if (o->trailer_count > WEFT__CLIENT_HEADERS) return weft__call_fail(c, WEFT_EINVAL, "more than %d trailers", WEFT__CLIENT_HEADERS);
    for (size_t i = 0; i < o->trailer_count; i++) {
        const char *fault = weft__trailer_fault(o->trailers[i].name, (weft_str){ "", 0 });
        if (fault) return weft__call_fail(c, WEFT_EINVAL, "trailer \"%.*s\": %s", WEFT_FMT(o->trailers[i].name), fault);
    }
    return 0;
}

void weft__call_announce_trailers(const weft__call *c, weft__buf *out)
{
    const weft_exchange_opts *o = c->opts;
    for (size_t i = 0; i < o->trailer_count; i++) {
        if (i) weft__buf_lit(out, ", ");
        else weft__buf_lit(out, "Trailer: ");
        weft__buf_add_str(out, o->trailers[i].name);
    }
    if (o->trailer_count) weft__buf_lit(out, "\r\n");
}

int weft__call_write_trailers(const weft__call *c, weft__buf *lines)
{
    const weft_exchange_opts *o = c->opts;
    for (size_t i = 0; i < o->trailer_count; i++) {
        const weft_header *t = &o->trailers[i];
        const char *fault = weft__trailer_fault(t->name, t->value);      /* its name may have been changed since */
        if (fault) return weft__call_fail(c, WEFT_EINVAL, "trailer \"%.*s\": %s", WEFT_FMT(t->name), fault);
        if (t->value.len) weft__trailer_add(lines, t->name, t->value);
    }
    if (lines->failed == WEFT_ENOMEM) return weft__call_fail(c, WEFT_ENOMEM, "no memory for the trailers");
    return lines->failed ? weft__call_fail(c, WEFT_ELIMIT, "trailers of more than %zu bytes (limit)", lines->bytes_max) : 0;
}
