/* From a request to a handler's input: path, query, headers, body, in FastAPI's order, with every
 * fault collected. The body comes last also because reading it may give the head's bytes away. */
#include <string.h>
#include "model/coerce.h"
#include "model/text.h"
#include "web/endpoint.h"
#include "wire/bytes.h"
#include "wire/url.h"

enum { QUERY_PAIRS_MAX = 1000 };

typedef struct reading {
    const weft__endpoint *e;
    weft__exchange *x;
    char *in;
    weft__problems problems;
    const char *malformed;           /* why the request is answered 400, or NULL */
} reading;

/* A reader of the model floor has returned: problems are kept there, all else ends the request. */
static int go_on(int rc) { return rc == WEFT_EINVAL ? 0 : rc; }

/* ---- path ---- */

static bool is_encoded(weft_str raw, unsigned how)
{
    return memchr(raw.ptr, '%', raw.len)
        || (how & WEFT__DECODE_PLUS && memchr(raw.ptr, '+', raw.len));
}

/* The text as it was meant: `raw` itself when it is not encoded, else a copy in the arena. */
static int decoded(reading *r, weft_str raw, unsigned how, weft_str *out)
{
    *out = raw;
    if (!is_encoded(raw, how)) return 0;
    char *to = weft__arena_alloc(r->x->arena, raw.len);
    if (!to) return weft__arena_error(r->x->arena);
    int len = weft__url_decode(raw, how, to);
    *out = (weft_str){ to, len < 0 ? 0 : (size_t)len };
    return len < 0 ? WEFT_EINVAL : 0;
}

static int read_path(reading *r, const weft__match *m)
{
    const weft__loc path = { NULL, WEFT_S("path"), 0 };
    for (uint32_t i = 0; i < r->e->paths.count; i++) {
        const weft__source *s = &r->e->paths.items[i];
        const weft__loc loc = { &path, s->name, 0 };
        weft_str text;
        int rc = decoded(r, m->params[s->param], 0, &text);
        if (rc == WEFT_EINVAL) r->malformed = "the path is not percent-encoded UTF-8";
        if (rc < 0) return rc;
        rc = go_on(weft__text_read(s->field->type, s->field, text, r->in + s->field->offset,
            r->x->arena, &r->problems, &loc));
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- query ---- */

/* Whether an encoded name of the query means this one; names are short, so what is long is none. */
static bool same_name(weft_str raw, weft_str name)
{
    char plain[3 * WEFT__LITERAL_MAX];
    if (weft_str_equal(raw, name)) return true;
    if (raw.len < name.len || raw.len > sizeof plain || !is_encoded(raw, WEFT__DECODE_PLUS))
        return false;
    int len = weft__url_decode(raw, WEFT__DECODE_PLUS, plain);
    return len >= 0 && weft_str_equal((weft_str){ plain, (size_t)len }, name);
}

static int query_text(reading *r, weft_str raw, weft_str *out)
{
    int rc = decoded(r, raw, WEFT__DECODE_PLUS | WEFT__DECODE_NUL | WEFT__DECODE_BYTES, out);
    if (rc == WEFT_EINVAL) r->malformed = "the query is not percent-encoded text";
    return rc;
}

static int read_query_list(reading *r, const weft__source *s, void *out, const weft__loc *loc)
{
    weft__url_query q = weft__url_query_of(r->x->head->query, QUERY_PAIRS_MAX);
    weft_str name, value, text;
    while (weft__url_query_next(&q, &name, &value) > 0) {
        if (!same_name(name, s->name)) continue;
        int rc = query_text(r, value, &text);
        if (rc == 0)
            rc = go_on(weft__text_append(
                s->field->type, s->field, text, out, r->x->arena, &r->problems, loc));
        if (rc < 0) return rc;
    }
    return go_on(weft__text_items(s->field, out, &r->problems, loc));
}

/* Where each member's last value lies: repeated names of one value are no fault, the last one
 * counts. */
static int find_values(reading *r, uint32_t count, weft_str *last)
{
    const weft__source *sources = r->e->queries.items;
    weft__url_query q = weft__url_query_of(r->x->head->query, QUERY_PAIRS_MAX);
    weft_str name, value;
    int more;
    for (uint32_t i = 0; i < count; i++) last[i] = (weft_str){ NULL, 0 };
    if (!r->x->head->query.len) return 0;
    while ((more = weft__url_query_next(&q, &name, &value)) > 0) {
        for (uint32_t i = 0; i < count; i++)
            if (same_name(name, sources[i].name)) last[i] = value;
    }
    if (more < 0) r->malformed = "the query has more than 1000 parameters";
    return more < 0 ? WEFT_EINVAL : 0;
}

static int read_query(reading *r)
{
    const weft__loc query = { NULL, WEFT_S("query"), 0 };
    weft_str last[WEFT__SOURCES_MAX], text;
    uint32_t count = r->e->queries.count;
    int rc = find_values(r, count, last);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        const weft__source *s = &r->e->queries.items[i];
        const weft__loc loc = { &query, s->name, 0 };
        void *out = r->in + s->field->offset;
        if (!last[i].ptr)
            rc = go_on(weft__absent_read(s->field, out, r->x->arena, &r->problems, &loc));
        else if (s->many) rc = read_query_list(r, s, out, &loc);
        else if ((rc = query_text(r, last[i], &text)) == 0)
            rc = go_on(weft__text_read(
                s->field->type, s->field, text, out, r->x->arena, &r->problems, &loc));
    }
    return rc;
}

/* ---- headers ---- */

static int read_header(reading *r, const weft__source *s, const weft__loc *loc)
{
    const weft__http_head *head = r->x->head;
    const weft__http_header *h = weft__http_find(head, s->name, NULL);
    void *out = r->in + s->field->offset;
    if (!h) return weft__absent_read(s->field, out, r->x->arena, &r->problems, loc);
    if (!s->many)
        return weft__text_read(
            s->field->type, s->field, h->value, out, r->x->arena, &r->problems, loc);
    for (; h; h = weft__http_find(head, s->name, h)) {
        int rc = go_on(weft__text_append(
            s->field->type, s->field, h->value, out, r->x->arena, &r->problems, loc));
        if (rc < 0) return rc;
    }
    return weft__text_items(s->field, out, &r->problems, loc);
}

static int read_headers(reading *r)
{
    const weft__loc header = { NULL, WEFT_S("header"), 0 };
    for (uint32_t i = 0; i < r->e->headers.count; i++) {
        const weft__loc loc = { &header, r->e->headers.items[i].name, 0 };
        int rc = go_on(read_header(r, &r->e->headers.items[i], &loc));
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- body ---- */

/* application/json, application/problem+json; charset=... */
static bool is_json(weft_str type)
{
    const char *end = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    weft_str essence =
        weft__trim((weft_str){ type.ptr, end ? (size_t)(end - type.ptr) : type.len });
    static const weft_str json = WEFT_S("application/json"), prefix = WEFT_S("application/"),
                          suffix = WEFT_S("+json");
    if (weft__same_nocase(essence, json)) return true;
    if (essence.len < prefix.len + suffix.len) return false;
    return weft__same_nocase((weft_str){ essence.ptr, prefix.len }, prefix)
        && weft__same_nocase(
            (weft_str){ essence.ptr + essence.len - suffix.len, suffix.len }, suffix);
}

/* A body that is no JSON is a text: good for what can be read from text, and a problem for all
 * else. */
static int read_text_body(reading *r, weft_str body, void *out, const weft__loc *loc)
{
    const weft_field *f = r->e->body;
    const weft_schema *t = f->type->kind == WEFT__opt ? f->type->of : f->type;
    if (t->kind == WEFT__list) {
        weft__finding found = weft__wrong_kind(t);
        weft__problems_add(&r->problems, &found, loc, (weft__input){ WEFT__INPUT_TEXT, body });
        return r->problems.failed;
    }
    return weft__text_read(f->type, f, body, out, r->x->arena, &r->problems, loc);
}

static int read_body(reading *r, const char **fault)
{
    const weft_field *f = r->e->body;
    const weft__loc loc = { NULL, WEFT_S("body"), 0 };
    size_t max = r->e->route->body_bytes_max;
    void *out = r->in + f->offset;
    weft_str body;
    int rc = weft__exchange_body(r->x, max ? max : weft__exchange_body_max(r->x), &body, fault);
    if (rc < 0) {
        if (!*fault) *fault = "the body broke off";
        return rc;
    }
    if (!body.len) return go_on(weft__absent_read(f, out, r->x->arena, &r->problems, &loc));
    if (!is_json(r->x->head->content_type)) return go_on(read_text_body(r, body, out, &loc));
    return go_on(weft__json_read(f->type, f, body, out, r->x->arena, &r->problems, &loc));
}

/* The handler reads it. */
static int open_body(reading *r, const char **fault)
{
    size_t max = r->e->route->body_bytes_max;
    weft_body *body = (weft_body *)(void *)(r->in + r->e->body->offset);
    return weft__exchange_intake(
        r->x, max ? max : weft__exchange_body_max(r->x), &body->inside, fault);
}

/* ---- the whole ---- */

static void refuse(reading *r, int status, const char *why)
{
    weft__detail_reply(r->x, NULL, status, (weft_str){ 0 }, weft_str_of(why));
}

static void reply_problems(reading *r)
{
    weft__buf *body = weft__exchange_scratch(r->x);
    int rc = weft__problems_write(&r->problems, body);
    if (rc < 0) refuse(r, 422, "the input does not fit, and its faults are too many to list");
    else
        weft__exchange_reply(
            r->x, 422, WEFT_S("Content-Type: application/json\r\n"), weft__buf_str(body));
}

static void give_up(reading *r, int rc, const char *fault)
{
    int status = rc <= WEFT_STATUS(400) && rc >= WEFT_STATUS(599) ? -rc - 10000 : 400;
    if (r->malformed) refuse(r, 400, r->malformed);
    else if (fault) refuse(r, status, fault);
    else if (r->x->arena->starved)
        weft__failure_internal(r->e, r->x, "no memory left for its input");
    else refuse(r, 413, "the input needs more memory than request_bytes_max");
}

int weft__input_read(const weft__endpoint *e, weft__exchange *x, const weft__match *m, void *in)
{
    const char *fault = NULL;
    reading r;
    r.e = e;
    r.x = x;
    r.in = in;
    r.malformed = NULL;
    weft__problems_init(&r.problems, x->arena);
    int rc = read_path(&r, m);
    if (rc == 0 && e->queries.count) rc = read_query(&r);
    if (rc == 0 && e->headers.count) rc = read_headers(&r);
    if (rc == 0 && e->body) rc = e->streams ? 0 : read_body(&r, &fault);
    if (rc == 0) rc = r.problems.failed;
    if (rc == 0 && !weft__problems_count(&r.problems)) {
        if (__builtin_expect(!e->streams, 1)) return 1;
        rc = open_body(&r, &fault);
        if (rc == 0) return 1;
    }
    if (rc == 0) reply_problems(&r);
    else give_up(&r, rc, fault);
    return 0;
}
