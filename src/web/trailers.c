/* Fields behind a body: those of a request, and those that a handler sends behind what it has written. */
#include "web/request.h"
#include "web/reply.h"
#include "web/stream.h"
#include "wire/bytes.h"
#include "wire/trailer.h"

/* ---- of a request ---- */

weft_str weft_request_trailer(const weft_request *r, const char *name)
{
    weft__exchange *x = r->exchange;
    weft_str value = weft__trailer_find(weft__exchange_trailers(x), weft_str_of(name));
    if (!value.ptr) return value;
    weft_str out = weft__arena_dup(x->arena, value);
    if (out.ptr) return out;
    x->arena->lost = true;
    return (weft_str){ "", 0 };
}

/* It stands in TE, and if that comes twice in either. */
bool weft_request_takes_trailers(const weft_request *r)
{
    const weft__http_header *h = NULL;
    while ((h = weft__http_find(r->exchange->head, WEFT_S("te"), h)))
        if (weft__http_list_has(h->value, WEFT_S("trailers"))) return true;
    return false;
}

/* ---- of an answer ---- */

static weft__trailer **place_of(weft_stream *s, weft_str name, unsigned *before)
{
    weft__trailer **at = &s->trailers;
    for (*before = 0; *at && !weft__same_nocase((*at)->name, name); at = &(*at)->next) ++*before;
    return at;
}

static int fail(weft_str name, const char *why) { return weft_fail(WEFT_EINVAL, "trailer '%.*s': %s", WEFT_FMT(name), why); }

int weft_stream_trailer(weft_stream *s, const char *text, weft_str value)
{
    weft_arena *arena = s->exchange->arena;
    weft_str name = weft_str_of(text);
    unsigned before;
    const char *fault = weft__trailer_fault(name, value);
    if (fault) return fail(name, fault);
    if (name.len + value.len > WEFT__REPLY_HEADER_BYTES_MAX) return fail(name, "more than 8192 bytes");
    weft__trailer **at = place_of(s, name, &before);
    if (!*at && before == WEFT__REPLY_HEADERS_MAX) return fail(name, "there are 64 already");
    weft_str kept = weft__arena_dup(arena, value);
    weft__trailer *t = kept.ptr && !*at ? weft__arena_zalloc(arena, sizeof *t) : *at;
    if (kept.ptr && t && !*at) t->name = weft__arena_dup(arena, name);
    if (!kept.ptr || !t || !t->name.ptr) return weft__fail_as(NULL, WEFT_ENOMEM, 0, "no memory for a trailer (request_bytes_max is %zu)", arena->bytes_max);
    t->value = kept;
    *at = t;
    return 0;
}

weft_str weft__trailers_line(const weft_stream *s)
{
    weft__buf line;
    if (!s->trailers || !weft__exchange_may_trail(s->exchange, s->length)) return (weft_str){ "", 0 };
    weft__buf_init(&line, SIZE_MAX / 2);
    weft__buf_lit(&line, "Trailer: ");
    for (const weft__trailer *t = s->trailers; t; t = t->next) {
        if (t != s->trailers) weft__buf_lit(&line, ", ");
        weft__buf_add_str(&line, t->name);
    }
    weft__buf_lit(&line, "\r\n");
    weft_str kept = line.failed ? (weft_str){ 0 } : weft__arena_dup(s->exchange->arena, weft__buf_str(&line));
    weft__buf_free(&line);
    return kept.ptr ? kept : (weft_str){ "", 0 };    /* to announce them is a courtesy */
}

int weft__trailers_end(const weft_stream *s)
{
    weft__exchange *x = s->exchange;
    weft__buf lines;
    if (!s->trailers || !weft__exchange_may_trail(x, s->length)) return 0;
    weft__buf_init(&lines, SIZE_MAX / 2);
    for (const weft__trailer *t = s->trailers; t; t = t->next)
        if (t->value.len) weft__trailer_add(&lines, t->name, t->value);
    x->trailers = weft__arena_dup(x->arena, weft__buf_str(&lines));
    bool kept = !lines.failed && x->trailers.ptr;
    weft__buf_free(&lines);
    return kept ? 0 : WEFT_ENOMEM;
}
