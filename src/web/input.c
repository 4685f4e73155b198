/* From a request to a handler's input: path, query, headers, cookies, body, in FastAPI's order, with
 * every fault collected. The body comes last also because reading it may give the head's bytes away. */
#include "web/input.h"
#include <string.h>
#include "model/coerce.h"
#include "model/text.h"
#include "web/failure.h"
#include "wire/bytes.h"
#include "wire/cookie.h"
#include "wire/url.h"

typedef weft__reading reading;

/* Inlined into weft__input_read although inputs of providers are read by it, too: what a route without them takes costs no calls. */
#define HOT inline __attribute__((always_inline))

/* ---- path ---- */

static bool is_encoded(weft_str raw, unsigned how)
{
    return memchr(raw.ptr, '%', raw.len)
        || (how & WEFT__DECODE_PLUS && memchr(raw.ptr, '+', raw.len));
}

int weft__reading_decode(reading *r, weft_str raw, unsigned how, weft_str *out)
{
    *out = raw;
    if (!is_encoded(raw, how)) return 0;
    char *to = weft__arena_alloc(r->x->arena, raw.len);
    if (!to) return weft__arena_error(r->x->arena);
    int len = weft__url_decode(raw, how, to);
    *out = (weft_str){ to, len < 0 ? 0 : (size_t)len };
    return len < 0 ? WEFT_EINVAL : 0;
}

static HOT int read_path(reading *r, const weft__match *m)
{
    const weft__loc path = { NULL, WEFT_S("path"), 0 };
    for (uint32_t i = 0; i < r->from->paths.count; i++) {
        const weft__source *s = &r->from->paths.items[i];
        const weft__loc loc = { &path, s->name, 0 };
        weft_str text;
        int rc = weft__reading_decode(r, m->params[s->param], 0, &text);
        if (rc == WEFT_EINVAL) r->malformed = "the path is not percent-encoded UTF-8";
        if (rc < 0) return rc;
        rc = weft__go_on(weft__text_read(s->field->type, s->field, text, r->in + s->offset,
            r->x->arena, &r->problems, &loc));
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- query ---- */

/* On a frame of its own: nothing of it is to lie below who waits for a body. */
static __attribute__((noinline)) bool names_encoded(weft_str raw, weft_str name)
{
    char plain[3 * WEFT__LITERAL_MAX];
    int len = raw.len > sizeof plain ? -1 : weft__url_decode(raw, WEFT__DECODE_PLUS, plain);
    return len >= 0 && weft_str_equal((weft_str){ plain, (size_t)len }, name);
}

/* Whether an encoded name of the query means this one; names are short, so what is long is none. */
static bool names(weft_str raw, weft_str name)
{
    if (weft_str_equal(raw, name)) return true;
    return raw.len >= name.len && is_encoded(raw, WEFT__DECODE_PLUS) && names_encoded(raw, name);
}

static int query_text(reading *r, weft_str raw, weft_str *out)
{
    int rc = weft__reading_decode(r, raw, WEFT__DECODE_PLUS | WEFT__DECODE_NUL | WEFT__DECODE_BYTES, out);
    if (rc == WEFT_EINVAL) r->malformed = "the query is not percent-encoded text";
    return rc;
}

static int read_query_list(reading *r, const weft__source *s, void *out, const weft__loc *loc)
{
    weft__url_query q = weft__url_query_of(r->x->head->query, WEFT__PAIRS_MAX);
    weft_str name, value, text;
    while (weft__url_query_next(&q, &name, &value) > 0) {
        if (!names(name, s->name)) continue;
        int rc = query_text(r, value, &text);
        if (rc == 0)
            rc = weft__go_on(weft__text_append(
                s->field->type, s->field, text, out, r->x->arena, &r->problems, loc));
        if (rc < 0) return rc;
    }
    return weft__go_on(weft__text_items(s->field, out, &r->problems, loc));
}

/* Where each member's last value lies: repeated names of one value are no fault, the last one
 * counts. */
static HOT int find_values(reading *r, uint32_t count, weft_str *last)
{
    const weft__source *sources = r->from->queries.items;
    weft__url_query q = weft__url_query_of(r->x->head->query, WEFT__PAIRS_MAX);
    weft_str name, value;
    int more;
    for (uint32_t i = 0; i < count; i++) last[i] = (weft_str){ NULL, 0 };
    if (!r->x->head->query.len) return 0;
    while ((more = weft__url_query_next(&q, &name, &value)) > 0) {
        for (uint32_t i = 0; i < count; i++)
            if (names(name, sources[i].name)) last[i] = value;
    }
    if (more < 0) r->malformed = "the query has more than 1000 parameters";
    return more < 0 ? WEFT_EINVAL : 0;
}

/* A text for those who tell or refuse it: as it came, when it is no encoding. */
static int told_text(reading *r, weft_str raw, weft_str *out)
{
    int rc = weft__reading_decode(r, raw, WEFT__DECODE_PLUS | WEFT__DECODE_NUL | WEFT__DECODE_BYTES, out);
    if (rc == WEFT_EINVAL) *out = raw;
    return weft__go_on(rc);
}

/* With all of the query: what its models want to know. */
static void judge_query(reading *r, const weft__loc *place, weft__problems_mark mark)
{
    weft__entries all = { 0 };
    weft__url_query q = weft__url_query_of(r->x->head->query, WEFT__PAIRS_MAX);
    weft_str name, value;
    while (r->x->head->query.len && weft__url_query_next(&q, &name, &value) > 0) {
        weft__entry entry = { 0 };
        int rc = told_text(r, name, &entry.name);
        if (rc == 0) rc = told_text(r, value, &entry.value);
        if (rc == 0) rc = weft__entries_add(r, &all, entry);
        if (rc < 0) {
            r->problems.failed = rc;
            return;
        }
    }
    weft__entries_judge(r, &r->from->queries, place, &all, mark);
}

static HOT int read_query(reading *r)
{
    weft__problems_mark mark = weft__problems_mark_now(&r->problems);
    const weft__loc query = { NULL, WEFT_S("query"), 0 };
    weft_str last[WEFT__SOURCES_MAX], text;
    uint32_t count = r->from->queries.count;
    int rc = find_values(r, count, last);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        const weft__source *s = &r->from->queries.items[i];
        const weft__loc loc = { &query, s->name, 0 };
        void *out = r->in + s->offset;
        if (!last[i].ptr)
            rc = weft__go_on(weft__absent_read(s->field, out, r->x->arena, &r->problems, &loc));
        else if (s->many) rc = read_query_list(r, s, out, &loc);
        else if ((rc = query_text(r, last[i], &text)) == 0)
            rc = weft__go_on(weft__text_read(
                s->field->type, s->field, text, out, r->x->arena, &r->problems, &loc));
    }
    if (rc == 0 && weft__entries_wanted(r, &r->from->queries, mark)) judge_query(r, &query, mark);
    return rc;
}

/* ---- headers ---- */

/* A header is named in a model as its member is. */
static weft_str model_name(const reading *r, weft_str name)
{
    for (uint32_t i = 0; i < r->from->headers.count; i++)
        if (weft__same_nocase(name, r->from->headers.items[i].name)) return r->from->headers.items[i].loc;
    return name;
}

static void judge_headers(reading *r, const weft__loc *place, weft__problems_mark mark)
{
    const weft__http_head *head = r->x->head;
    weft__entries all = { 0 };
    for (unsigned i = 0; i < head->count; i++) {
        weft__entry entry = { model_name(r, head->headers[i].name), head->headers[i].value, NULL, false, false };
        if ((r->problems.failed = weft__entries_add(r, &all, entry)) < 0) return;
    }
    weft__entries_judge(r, &r->from->headers, place, &all, mark);
}

static int read_header(reading *r, const weft__source *s, const weft__loc *loc)
{
    const weft__http_head *head = r->x->head;
    const weft__http_header *h = weft__http_find(head, s->name, NULL);
    void *out = r->in + s->offset;
    if (!h) return weft__absent_read(s->field, out, r->x->arena, &r->problems, loc);
    if (!s->many)
        return weft__text_read(
            s->field->type, s->field, h->value, out, r->x->arena, &r->problems, loc);
    for (; h; h = weft__http_find(head, s->name, h)) {
        int rc = weft__go_on(weft__text_append(
            s->field->type, s->field, h->value, out, r->x->arena, &r->problems, loc));
        if (rc < 0) return rc;
    }
    return weft__text_items(s->field, out, &r->problems, loc);
}

static int read_headers(reading *r)
{
    weft__problems_mark mark = weft__problems_mark_now(&r->problems);
    const weft__loc header = { NULL, WEFT_S("header"), 0 };
    for (uint32_t i = 0; i < r->from->headers.count; i++) {
        const weft__loc loc = { &header, r->from->headers.items[i].loc, 0 };
        int rc = weft__go_on(read_header(r, &r->from->headers.items[i], &loc));
        if (rc < 0) return rc;
    }
    if (weft__entries_wanted(r, &r->from->headers, mark)) judge_headers(r, &header, mark);
    return 0;
}

/* ---- cookies ---- */

static int add_cookies(reading *r, weft_str header, weft__entries *all)
{
    weft__cookies cookies = weft__cookies_of(header);
    weft__entry entry = { 0 };
    while (weft__cookie_next(&cookies, &entry.name, &entry.value)) {
        if (all->count == WEFT__PAIRS_MAX) {
            r->malformed = "more than 1000 cookies";
            return WEFT_EINVAL;
        }
        if (weft__cookie_quoted(entry.value)) {
            char *to = weft__arena_alloc(r->x->arena, entry.value.len);
            if (!to) return weft__arena_error(r->x->arena);
            entry.value = (weft_str){ to, weft__cookie_unquote(entry.value, to) };
        }
        int rc = weft__entries_add(r, all, entry);
        if (rc < 0) return rc;
    }
    return 0;
}

/* HTTP/2 and what comes from it may send each cookie in a line of its own: RFC 9113, 8.2.3. */
static int read_cookies(reading *r)
{
    static const weft_str cookie = WEFT_S("cookie");
    weft__entries all = { 0 };
    const weft__http_header *h = NULL;
    while ((h = weft__http_find(r->x->head, cookie, h))) {
        int rc = add_cookies(r, h->value, &all);
        if (rc < 0) return rc;
    }
    return weft__entries_read(r, &r->from->cookies, "cookie", &all);
}

/* ---- body ---- */

/* The handler reads it. */
static int open_body(reading *r)
{
    weft_body *body = (weft_body *)(void *)(r->in + r->e->body->offset);
    return weft__exchange_intake(r->x, weft__reading_body_max(r), &body->inside, &r->fault);
}

static int read_body(reading *r)
{
    switch (r->e->takes) {
    case WEFT__TAKES_ONE: return weft__input_body(r);
    case WEFT__TAKES_SEVERAL: return weft__input_bodies(r);
    case WEFT__TAKES_FORM: return weft__input_form(r);
    default: return 0;
    }
}

/* ---- the whole ---- */

static void refuse(reading *r, int status, const char *why)
{
    weft__failure_refuse(r->e, r->x, status, weft_str_of(why));
}

static int status_of(const reading *r, int rc)
{
    bool has_status = rc <= WEFT_STATUS(400) && rc >= WEFT_STATUS(599);
    if (rc == 0) return 422;
    if (r->malformed) return 400;
    if (r->broken) return 500;
    if (r->fault) return has_status ? -rc - 10000 : 400;
    return r->x->arena->starved ? 500 : 413;
}

static void give_up(reading *r, int rc)
{
    int status = status_of(r, rc);
    if (r->malformed) refuse(r, status, r->malformed);
    else if (r->broken)
        weft__failure_internal(r->e, r->x, "a file of its form cannot be kept: %s", weft_error_of(rc)->text);
    else if (r->fault) refuse(r, status, r->fault);
    else if (r->x->arena->starved)
        weft__failure_internal(r->e, r->x, "no memory left for its input");
    else refuse(r, status, "the input needs more memory than request_bytes_max");
}

static HOT int read_head(reading *r, const weft__match *m)
{
    const weft__from_head *from = r->from;
    int rc = read_path(r, m);
    if (rc == 0 && from->queries.count) rc = read_query(r);
    if (rc == 0 && from->headers.count) rc = read_headers(r);
    if (rc == 0 && from->cookies.count) rc = read_cookies(r);
    return rc;
}

/* Its frame is large, and gone before the body is waited for. */
static __attribute__((noinline)) int read_own_head(reading *r, const weft__match *m) { return read_head(r, m); }

static inline int read_all(reading *r, const weft__match *m)
{
    int rc = read_own_head(r, m);
    if (rc == 0 && r->e->takes) rc = read_body(r);
    return rc < 0 ? rc : r->problems.failed;
}

/* The request is answered instead. Not inlined: the way of a good request is the shorter for it. */
static WEFT__COLD __attribute__((noinline)) int answer_instead(reading *r, int rc)
{
    const weft__endpoint *e = r->e;
    bool whole = e->takes == WEFT__TAKES_ONE || e->takes == WEFT__TAKES_SEVERAL;
    if (rc == 0) weft__failure_problems(e, r->x, &r->problems, whole ? r->body : (weft_str){ "", 0 });
    else give_up(r, rc);
    if (e->takes >= WEFT__TAKES_PIECES) weft__input_end(e, r->in);
    return 0;
}

void weft__reading_begin(reading *r, const weft__endpoint *e, weft__exchange *x)
{
    r->e = e;
    r->x = x;
    r->malformed = r->fault = NULL;
    r->broken = false;
    weft__problems_init(&r->problems, x->arena);
}

int weft__input_read(const weft__endpoint *e, weft__exchange *x, const weft__match *m, void *in)
{
    reading r;
    weft__reading_begin(&r, e, x);
    r.from = &e->head;
    r.in = in;
    int rc = read_all(&r, m);
    if (rc == 0 && !weft__problems_count(&r.problems)) {
        if (__builtin_expect(e->takes != WEFT__TAKES_PIECES, 1)) return 1;
        rc = open_body(&r);
        if (rc == 0) return 1;
    }
    return answer_instead(&r, rc);
}

int weft__reading_head(reading *r, const weft__from_head *from, const weft__match *m, char *in)
{
    r->from = from;
    r->in = in;
    int rc = read_head(r, m);
    return rc < 0 ? rc : r->problems.failed;
}

int weft__reading_body(reading *r)
{
    bool pieces = r->e->takes == WEFT__TAKES_PIECES;
    if (pieces && weft__problems_count(&r->problems)) return 0;
    int rc = pieces ? open_body(r) : read_body(r);
    return rc < 0 ? rc : r->problems.failed;
}

int weft__reading_refusal(const reading *r, int rc) { return WEFT_STATUS(status_of(r, rc)); }
void weft__reading_refuse(reading *r, int rc) { (void)answer_instead(r, rc); }

void weft__input_end(const weft__endpoint *e, void *in)
{
    if (e->takes == WEFT__TAKES_FORM) weft__form_end(*(weft__form **)(void *)((char *)in + e->form_at));
    else weft__intake_end(((weft_body *)(void *)((char *)in + e->body->offset))->inside);
}
