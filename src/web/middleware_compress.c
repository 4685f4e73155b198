/* weft_compression: answers made smaller for those who say that they understand it. RFC 9110, 8.4 and 12.5.3 */
#include <string.h>
#include "base/mem.h"
#include "task/loop.h"
#include "web/onion.h"
#include "web/words.h"
#include "wire/compress.h"

enum { BYTES_MIN = 500, STREAMS_MAX = 1000, ROOM = 16 * 1024 };

typedef struct compression {
    const weft_compression_opts *opts;
    weft__coding order[WEFT__CODINGS];
    unsigned count;
    size_t bytes_min;
    int streams, streams_max;        /* answers in parts, each with a compressor of its own */
    weft__compressor *idle[WEFT__CODINGS];       /* of the last answer in one piece */
} compression;

/* What one request wants. */
typedef struct wanted { compression *c; weft__coding coding; } wanted;

/* ---- which answers ---- */

/* What is text in one way or the other; pictures, archives and the like are small already. */
static bool type_suits(const compression *c, weft_str type)
{
    static const char known[] = "application/json, application/jsonl, application/x-ndjson, application/javascript, application/xml, application/wasm, "
        "application/manifest+json, application/x-javascript, application/rtf, image/bmp, image/svg+xml, font/ttf, font/otf, application/vnd.ms-fontobject";
    const char *semi = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    if (semi) type.len = (size_t)(semi - type.ptr);
    type = weft__trim(type);
    if (type.len > 5 && weft__same_nocase((weft_str){ type.ptr, 5 }, WEFT_S("text/"))) return true;
    if (type.len > 5 && weft__same_nocase((weft_str){ type.ptr + type.len - 5, 5 }, WEFT_S("+json"))) return true;
    if (type.len > 4 && weft__same_nocase((weft_str){ type.ptr + type.len - 4, 4 }, WEFT_S("+xml"))) return true;
    return type.len && (weft__http_list_has(weft_str_of(known), type) || weft__http_list_has(weft_str_of(c->opts->types), type));
}

/* Other bytes than those that the ETag is of. Also of what does not become smaller: the 304 that stands for it later knows its type and length
 * alone, and both are to say the same. RFC 9110, 8.8.1 */
static bool weaken(weft_reply *r)
{
    weft_header *tag = (weft_header *)weft__reply_find(r, WEFT_S("ETag"));
    if (!tag || !tag->value.len || tag->value.ptr[0] != '"') return true;
    weft_str weak = weft__arena_printf(r->arena, "W/%.*s", WEFT_FMT(tag->value));
    if (weak.ptr) tag->value = weak;
    return weak.ptr;
}

static bool may_change(const weft_reply *r)
{
    const weft_header *cache = weft__reply_find(r, WEFT_S("Cache-Control"));
    return !weft__reply_find(r, WEFT_S("Content-Encoding")) && (!cache || !weft__http_list_has(cache->value, WEFT_S("no-transform")));
}

/* Is this answer to be compressed? If it would be for somebody, caches are told so. A part of a whole (206) is not, nor what is compressed already. */
static bool suits(const wanted *w, weft_reply *r, uint64_t bytes)
{
    if (weft__http_bodiless(r->status) || r->status == 206) return false;
    if (bytes < w->c->bytes_min || !type_suits(w->c, r->content_type) || !may_change(r)) return false;
    (void)weft_reply_vary(r, "Accept-Encoding");
    return w->coding != WEFT__IDENTITY && weaken(r);
}

/* It says what the whole answer would have said. Of one that only its handler knows, that is taken to be compressed. RFC 9110, 15.4.5 */
static void tell_unchanged(const wanted *w, weft_reply *r)
{
    const weft__whole *whole = &r->onion->stands_for;
    if (whole->known && (whole->bytes < w->c->bytes_min || !type_suits(w->c, whole->type))) return;
    if (!may_change(r)) return;
    (void)weft_reply_vary(r, "Accept-Encoding");
    if (w->coding != WEFT__IDENTITY) (void)weaken(r);
}

/* ---- bytes: on the loop's own stack, as libraries go deep ---- */

typedef struct piece { weft__compressor *z; weft_str in; weft__compress_now now; weft__buf *out; } piece;

static int compress_piece(void *arg)
{
    piece *p = arg;
    return weft__compress(p->z, p->in, p->now, p->out);
}

/* ---- answers in one piece ---- */

/* Piece by piece, so that others have their turn. */
static int compress_all(weft__compressor *z, weft_str body, weft__buf *out)
{
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < body.len;) {
        size_t n = body.len - at < WEFT__FILTER_PIECE ? body.len - at : WEFT__FILTER_PIECE;
        bool last = at + n == body.len;
        rc = weft__leaf(compress_piece, &(piece){ z, { body.ptr + at, n }, last ? WEFT__COMPRESS_LAST : WEFT__COMPRESS_GATHER, out });
        at += n;
        if (rc == 0 && !last) (void)!weft_yield();
    }
    return rc;
}

static void compress_whole(const wanted *w, weft_reply *r)
{
    compression *c = w->c;
    weft__buf out;
    if (r->status == 304) tell_unchanged(w, r);
    if (!r->has_body || r->file || !suits(w, r, r->body.len)) return;
    weft__compressor *z = c->idle[w->coding];
    c->idle[w->coding] = NULL;
    if (!z) z = weft__compressor_new(w->coding, c->opts->level, false);
    if (!z) return;
    weft__buf_init(&out, r->body.len + ROOM);
    int rc = compress_all(z, r->body, &out);
    if (rc == 0 && !c->idle[w->coding]) c->idle[w->coding] = z;
    else weft__compressor_free(z);
    bool smaller = rc == 0 && out.len < r->body.len;
    if (smaller && weft__reply_put(r, WEFT_S("Content-Encoding"), weft__coding_name(w->coding)) == 0) weft__onion_keep(r, &out);
    else weft__buf_free(&out);       /* it goes as it is */
}

/* ---- answers in parts ---- */

typedef struct stream { weft__filter filter; compression *c; weft__compressor *z; weft__buf out; } stream;

static int stream_part(weft__filter *f, weft_str in, weft__filter_now now, weft_str *out)
{
    static const weft__compress_now how[] = { WEFT__COMPRESS_GATHER, WEFT__COMPRESS_FLUSH, WEFT__COMPRESS_LAST };
    stream *s = (stream *)f;
    piece p = { s->z, in, how[now], &s->out };
    weft__buf_clear(&s->out);
    int rc = weft__leaf(compress_piece, &p);
    *out = weft__buf_str(&s->out);
    return rc;
}

static void stream_drop(weft__filter *f)
{
    stream *s = (stream *)f;
    s->c->streams--;
    weft__compressor_free(s->z);
    weft__buf_free(&s->out);
}

static void begin_stream(weft_reply *r, void *arg)
{
    const wanted *w = arg;
    compression *c = w->c;
    weft__onion *o = r->onion;
    if (!o->in_parts || o->filter || !suits(w, r, o->length < 0 ? UINT64_MAX : (uint64_t)o->length)) return;
    if (c->streams >= c->streams_max) return;
    stream *s = weft__arena_alloc(r->arena, sizeof *s);
    weft__compressor *z = s ? weft__compressor_new(w->coding, c->opts->level, true) : NULL;
    if (!z || weft__reply_put(r, WEFT_S("Content-Encoding"), weft__coding_name(w->coding)) < 0) {
        weft__compressor_free(z);
        return;
    }
    *s = (stream){ .filter = { stream_part, stream_drop }, .c = c, .z = z };
    weft__buf_init(&s->out, 2 * WEFT__FILTER_PIECE + ROOM);
    c->streams++;
    (void)weft__onion_filter(r, &s->filter);
}

/* ---- the layer ---- */

static int run(const weft_request *request, weft_reply *reply, weft_next *next)
{
    compression *c = (compression *)(uintptr_t)weft_next_config(next);
    const weft__http_header *accept = weft__http_find(weft__request_head(request), WEFT_S("Accept-Encoding"), NULL);
    wanted *w = weft__arena_alloc(reply->arena, sizeof *w);
    if (!w) return WEFT_ENOMEM;
    *w = (wanted){ c, accept ? weft__coding_choose(accept->value, c->order, c->count) : WEFT__IDENTITY };
    WEFT_TRY(weft_reply_on_head(reply, begin_stream, w));
    int rc = weft_next_run(next);
    if (!weft_reply_begun(reply)) compress_whole(w, reply);
    return rc;
}

static void drop(void *made)
{
    compression *c = made;
    for (unsigned i = 0; i < WEFT__CODINGS; i++) weft__compressor_free(c->idle[i]);
}

static void add_coding(weft__layer_making *m, compression *c, weft_str name, bool said)
{
    weft__coding coding = weft__coding_of(name);
    if (coding == WEFT__IDENTITY) WEFT__LAYER_FAULT(m, "coding '%.*s'; expected gzip, br or zstd", WEFT_FMT(name));
    else if (weft__coding_built(coding) && c->count < WEFT__CODINGS) c->order[c->count++] = coding;
    else if (said) WEFT__LAYER_FAULT(m, "coding '%.*s': this weft was built without it, or it stands there twice", WEFT_FMT(name));
}

static int make(weft__layer_making *m, const void *config)
{
    const weft_compression_opts *o = config;
    compression *c = weft__arena_zalloc(m->arena, sizeof *c);
    weft_str rest = weft_str_of(o->codings ? o->codings : "zstd, br, gzip"), name;
    if (!c) return WEFT_ENOMEM;
    c->opts = o;
    c->bytes_min = o->bytes_min ? o->bytes_min : BYTES_MIN;
    c->streams_max = o->streams_max ? o->streams_max : STREAMS_MAX;
    while (weft__word_next(&rest, &name)) add_coding(m, c, name, o->codings);
    if (o->level < 0 || o->level > 9) WEFT__LAYER_FAULT(m, "level %d; expected 1 (fast) to 9 (small)", o->level);
    if (o->streams_max < -1) WEFT__LAYER_FAULT(m, "streams_max %d; expected a number, or -1 for none", o->streams_max);
    m->made = c;
    return 0;
}

const weft__layer_kind weft__compression_kind = { .name = "weft_compression", .run = run, .make = make, .drop = drop };
