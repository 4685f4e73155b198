/* One request's way through the layers around its handler, and its answer's way back. Every answer of this floor goes through the
 * exchange, where the onion takes it: so nothing that answers knows of middleware. */
#include "web/onion.h"
#include <string.h>
#include "base/author.h"
#include "io/log.h"
#include "web/failure.h"
#include "web/words.h"
#include "wire/bytes.h"

struct weft_next {
    weft__onion *onion;
    uint32_t index;
    bool ran;
    int rc;                          /* of what is inside, once it ran */
};

#define JSON_LINE "Content-Type: application/json\r\n"
enum { LINES_ON_STACK = 512 };

/* ---- headers of the answer, beside those of the layers ---- */

const weft_header *weft__reply_find(const weft_reply *r, weft_str name)
{
    for (uint32_t i = 0; i < r->headers.count; i++)
        if (weft__same_nocase(r->headers.items[i].name, name)) return &r->headers.items[i];
    return NULL;
}

/* Another answer takes its place: what layers have set stays, and comes back where the answer had said it otherwise. */
static void forget_answer(weft__onion *o)
{
    weft_reply *r = &o->reply;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->headers.count; i++) {
        bool of_the_body = o->answered && weft__header_of_body(&r->headers.items[i]);      /* a layer said it of the one that goes */
        if (!(o->of_answer >> i & 1) && !of_the_body) r->headers.items[kept++] = r->headers.items[i];
    }
    r->headers.count = kept;
    o->of_answer = 0;
    for (uint32_t i = 0; i < o->under.count; i++) {
        const weft_header *h = &o->under.items[i];
        bool gone = (o->answered && weft__header_of_body(h)) || weft__reply_find(r, h->name);
        if (!gone) r->headers.items[r->headers.count++] = *h;        /* where the answer's was */
    }
    o->under.count = 0;
    r->content_type = (weft_str){ 0 };
    weft__reply_drop_file(r);
}

/* What a layer has said, and the answer says otherwise. */
static int keep_under(weft__onion *o, const weft_header *h)
{
    if (o->of_answer >> (h - o->reply.headers.items) & 1) return 0;
    weft_header *slot = weft__list_slot(o->reply.arena, &o->under, sizeof *slot);
    if (!slot) return WEFT_ENOMEM;
    *slot = *h;
    return 0;
}

/* The words of both lists, each once. */
static weft_str add_up(weft_arena *arena, weft_str had, weft_str more)
{
    char *all = weft__arena_alloc(arena, had.len + 2 * more.len + 3), *to = all;
    weft_str word;
    if (!all) return (weft_str){ 0 };
    if (had.len) memcpy(to, had.ptr, had.len);
    to += had.len;
    while (weft__word_next(&more, &word)) {
        if (weft__http_list_has(had, word)) continue;
        if (to > all) to = memcpy(to, ", ", 2), to += 2;
        memcpy(to, word.ptr, word.len);
        to += word.len;
    }
    *to = 0;
    return (weft_str){ all, (size_t)(to - all) };
}

/* The answer comes later than what layers set before it, and says more of it; but what it depends on adds up. */
static int join(weft__onion *o, weft_str name, weft_str value)
{
    weft_reply *r = &o->reply;
    bool repeats = weft__same_nocase(name, WEFT_S("set-cookie"));
    weft_header *h = repeats ? NULL : (weft_header *)weft__reply_find(r, name);
    if (h && keep_under(o, h) < 0) return WEFT_ENOMEM;
    if (h && weft__same_nocase(name, WEFT_S("vary"))) value = add_up(r->arena, h->value, value);
    if (!value.ptr) return WEFT_ENOMEM;
    if (!h && r->headers.count == WEFT__REPLY_HEADERS_MAX) return WEFT_ELIMIT;
    if (!h) h = weft__list_slot(r->arena, &r->headers, sizeof *h);
    if (!h) return WEFT_ENOMEM;
    *h = (weft_header){ name, value };
    o->of_answer |= UINT64_C(1) << (h - r->headers.items);
    return 0;
}

/* Texts that end in a NUL are made of its lines: that of a name takes the colon's place, that of a value the line end's. */
static __attribute__((noinline)) int join_each(weft__onion *o, weft_str lines)
{
    weft_str name, value;
    lines = weft__arena_dup(o->exchange->arena, lines);
    if (!lines.ptr) return WEFT_ENOMEM;
    while (weft__header_line_next(&lines, &name, &value)) {
        ((char *)name.ptr)[name.len] = 0;
        ((char *)value.ptr)[value.len] = 0;
        int rc = 0;
        if (weft__same_nocase(name, WEFT_S("content-type"))) o->reply.content_type = value;
        else rc = join(o, name, value);
        if (rc < 0) return rc;
    }
    return 0;
}

static inline int join_lines(weft__onion *o, weft_str lines)
{
    if (!lines.len) return 0;
    if (lines.len != sizeof JSON_LINE - 1 || memcmp(lines.ptr, JSON_LINE, sizeof JSON_LINE - 1) != 0) return join_each(o, lines);
    o->reply.content_type = weft__json_type;
    return 0;
}

void weft__reply_drop_body(weft_reply *r)
{
    weft__onion *o = r->onion;
    uint32_t kept = 0;
    uint64_t of_answer = 0;
    o->stands_for = (weft__whole){ r->content_type, r->body.len, true };
    for (uint32_t i = 0; i < r->headers.count; i++) {
        weft_str name = r->headers.items[i].name;
        bool goes = name.len > 8 && weft__same_nocase((weft_str){ name.ptr, 8 }, WEFT_S("content-")) && !weft__same_nocase(name, WEFT_S("content-location"))
            && !weft__same_nocase(name, WEFT_S("content-security-policy"));
        if (goes) continue;
        of_answer |= (o->of_answer >> i & 1) << kept;
        r->headers.items[kept++] = r->headers.items[i];
    }
    r->headers.count = kept;
    o->of_answer = of_answer;
    r->content_type = (weft_str){ 0 };
    r->body = (weft_str){ "", 0 };
    weft__exchange_drop(o->exchange, &o->kept);
}

void weft__onion_stands_for(weft__exchange *x, weft_str type, uint64_t bytes)
{
    if (x->taker) ((weft__onion *)x->taker)->stands_for = (weft__whole){ type, bytes, true };
}

static void run_hooks(weft__onion *o)
{
    const weft__author *before = weft__author_begin(&(weft__author){ "a function of weft_reply_on_head", NULL });
    while (o->hooks) {
        weft__head_hook *h = o->hooks;
        o->hooks = h->next;
        h->fn(&o->reply, h->arg);
    }
    weft__author_end(before);
}

/* On the stack when they are few: the exchange copies them at once. */
static inline __attribute__((always_inline)) weft_str lines_of(const weft__onion *o, char room[LINES_ON_STACK])
{
    const weft_reply *r = &o->reply;
    weft_str type = weft__http_bodiless(r->status) ? (weft_str){ 0 } : r->content_type;
    size_t size = weft__reply_lines_size(r, type);
    char *out = size <= LINES_ON_STACK ? room : weft__arena_alloc(r->arena, size);
    if (!out) return (weft_str){ 0 };
    return (weft_str){ out, (size_t)(weft__reply_lines_put(out, r, type) - out) };
}

static inline void look_behind(weft__onion *o, const weft__behind *until)
{
    while (o->behind != until) {
        weft__behind *b = o->behind;
        o->behind = b->next;
        b->look(b, &o->request, &o->reply);
    }
}

/* ---- answers in one piece: held until all layers are through ---- */

/* Neither the answer nor a failure in its place can be held: better told without what the layers add than not at all. */
static int send_bare(weft__onion *o)
{
    weft__exchange *x = o->exchange;
    x->taker = NULL;
    x->failed = WEFT_ENOMEM;
    x->broken = o->bare = true;
    o->reply.sent = true;
    o->reply.status = 500;
    weft__log(WEFT_LOG_ERROR, "no memory for an answer's headers (request_bytes_max is %zu), or more than %d of them", x->arena->bytes_max,
        WEFT__REPLY_HEADERS_MAX);
    return weft__exchange_reply(x, 500, WEFT_S(JSON_LINE), WEFT_S("{\"detail\":\"Internal Server Error\"}"));
}

/* The body until all layers are through. What a handler gives back of a body that it reads in pieces goes with its input. */
static int keep_body(weft__onion *o, weft_str *body)
{
    const char *came = body->ptr;
    int rc = weft__exchange_keep_body(o->exchange, body, &o->kept);
    bool passes = o->endpoint && o->endpoint->takes >= WEFT__TAKES_PIECES && body->len && body->ptr == came && came != o->kept.ptr;
    if (rc < 0 || !passes) return rc;
    *body = weft__arena_dup(o->exchange->arena, *body);
    return body->ptr ? 0 : WEFT_ENOMEM;
}

static inline __attribute__((always_inline)) int send_whole(weft__onion *o)
{
    weft__exchange *x = o->exchange;
    weft_reply *r = &o->reply;
    char room[LINES_ON_STACK];
    if (o->hooks) run_hooks(o);
    weft_str lines = lines_of(o, room);
    if (!lines.ptr) return send_bare(o);
    x->taker = NULL;
    r->sent = true;
    return weft__exchange_reply(x, r->status ? r->status : 200, lines, r->body);
}

static int take(weft__taker *t, int status, weft_str headers, weft_str body)
{
    weft__onion *o = (weft__onion *)t;
    weft_reply *r = &o->reply;
    if (r->sent) return WEFT_EINVAL;
    forget_answer(o);
    if (keep_body(o, &body) < 0 || join_lines(o, headers) < 0) return send_bare(o);
    r->status = status;
    r->body = body;
    r->has_body = true;
    o->answered = true;
    return 0;
}

/* Where no layer is around what answers, nobody can change it any more. */
static int take_now(weft__taker *t, int status, weft_str headers, weft_str body)
{
    weft__onion *o = (weft__onion *)t;
    weft_reply *r = &o->reply;
    if (r->sent) return WEFT_EINVAL;
    if (join_lines(o, headers) < 0) return send_bare(o);
    r->status = status;
    r->body = body;
    r->has_body = o->answered = true;
    look_behind(o, NULL);
    return send_whole(o);
}

/* ---- answers in parts: their head goes out with their first one ---- */

static int begin_parts(weft__taker *t, int status, weft_str headers, int64_t length)
{
    weft__onion *o = (weft__onion *)t;
    weft__exchange *x = o->exchange;
    weft_reply *r = &o->reply;
    if (r->sent) return WEFT_EINVAL;
    forget_answer(o);
    if (join_lines(o, headers) < 0) return WEFT_ENOMEM;
    r->status = status;
    r->body = (weft_str){ "", 0 };
    r->has_body = false;
    o->length = length;
    o->in_parts = true;
    char room[LINES_ON_STACK];
    run_hooks(o);
    weft_str lines = lines_of(o, room);
    o->in_parts = lines.ptr;
    if (!lines.ptr) return WEFT_ENOMEM;
    r->sent = o->answered = true;
    x->taker = NULL;
    int rc = weft__exchange_begin(x, r->status, lines, o->filter ? -1 : length);
    if (rc == 0 && o->filter) x->taker = t;
    return rc;
}

/* What the filter makes of a part goes out as one, unless it is large: then others have their turn meanwhile. */
static int filter(weft__onion *o, weft_str bytes, weft__filter_now now)
{
    int rc = 0;
    bool last = false;
    o->filtering = true;
    while (rc == 0 && !last) {
        weft_str piece = { bytes.ptr, bytes.len < WEFT__FILTER_PIECE ? bytes.len : WEFT__FILTER_PIECE }, out = { "", 0 };
        last = piece.len == bytes.len;
        rc = o->filter->part(o->filter, piece, last ? now : WEFT__FILTER_GATHER, &out);
        if (rc == 0) rc = weft__exchange_write_out(o->exchange, out);
        bytes = (weft_str){ bytes.ptr + piece.len, bytes.len - piece.len };
        if (rc == 0 && !last) weft__give_way();
    }
    o->filtering = false;
    return rc;
}

/* Whoever writes many small parts at once has them filtered together: they can be read when the loop next waits. */
static int write_part(weft__taker *t, weft_str bytes)
{
    weft__onion *o = (weft__onion *)t;
    weft__exchange *x = o->exchange;
    if (!bytes.len || weft__exchange_left(x) || weft__exchange_is_bare(x)) return weft__exchange_write_out(x, bytes);
    if (o->length >= 0 && bytes.len > (uint64_t)o->length - o->plain) return WEFT_EINVAL;
    int rc = filter(o, bytes, WEFT__FILTER_GATHER);
    o->plain += bytes.len;
    o->held = rc == 0 && o->length < 0;
    if (o->held) weft__exchange_will_flush(x);
    if (rc < 0) weft__exchange_break(x);     /* what the filter holds is no beginning of anything */
    return rc;
}

static void flush_held(weft__taker *t)
{
    weft__onion *o = (weft__onion *)t;
    weft_str out = { "", 0 };
    if (!o->held || o->filtering) return;
    o->held = false;
    if (o->filter->part(o->filter, out, WEFT__FILTER_FLUSH, &out) == 0) weft__exchange_add(o->exchange, out);
    else weft__exchange_break(o->exchange);
}

static void beat_between(weft__taker *t, weft_str bytes)
{
    weft__onion *o = (weft__onion *)t;
    weft_str out;
    if (o->filtering || !weft__exchange_beats(o->exchange)) return;
    o->held = false;
    if (o->filter->part(o->filter, bytes, WEFT__FILTER_FLUSH, &out) == 0) weft__exchange_beat_out(o->exchange, out);
    else weft__exchange_break(o->exchange);
}

static int end_parts(weft__taker *t)
{
    weft__onion *o = (weft__onion *)t;
    weft__exchange *x = o->exchange;
    bool bare = weft__exchange_left(x) || weft__exchange_is_bare(x), short_of = !bare && o->length >= 0 && (uint64_t)o->length != o->plain;
    o->held = false;
    int rc = bare || short_of ? 0 : filter(o, (weft_str){ "", 0 }, WEFT__FILTER_LAST);
    x->taker = NULL;
    if (rc == 0 && !short_of) return weft__exchange_end(x);
    weft__exchange_break(x);
    return short_of ? WEFT_EINVAL : rc;
}

void weft__onion_keep(weft_reply *r, weft__buf *body)
{
    weft__onion *o = r->onion;
    weft__exchange_drop(o->exchange, &o->kept);
    o->kept = *body;
    r->body = weft__buf_str(body);
    r->has_body = true;
}

bool weft__onion_filter(weft_reply *r, weft__filter *f)
{
    weft__onion *o = r->onion;
    if (o->filter) return false;
    o->filter = f;
    return true;
}

/* ---- through the layers ---- */

static void mistake(weft__onion *o, const weft__layer *l, const char *what)
{
    weft__failure_mistake(o->site, o->endpoint, o->exchange, "middleware %s %s", l->name, what);
}

/* A failure of its own takes the answer's place, when that has not gone. */
static void replace(weft__onion *o, const weft__layer *l, int rc)
{
    if (!o->reply.sent) weft__failure_answer(o->site, o->endpoint, o->exchange, NULL, rc);
    else if (!weft__cancelled())
        weft__log(WEFT_LOG_ERROR, "middleware %s failed when its answer had gone: %s", l->name, weft_error_of(rc)->text);
}

static bool gave_out(weft__onion *o)
{
    bool lost = o->exchange->arena->lost && !o->lost;
    o->lost |= lost;
    return lost && !o->reply.sent;
}

static int settle(weft__onion *o, const weft__layer *l, const weft_next *next, int rc)
{
    weft_reply *r = &o->reply;
    if (rc > 0) {
        if (!r->sent) mistake(o, l, "returned a positive number; expected 0 or what weft_fail returns");
        rc = WEFT_EINVAL;
    } else if (rc < 0) {
        if (!next->ran || rc != next->rc) replace(o, l, rc);
    } else if (gave_out(o)) {
        mistake(o, l, "needs more memory than there is, or than request_bytes_max");
        rc = WEFT_ENOMEM;
    } else if (!next->ran && !r->has_body && !r->status) {
        mistake(o, l, "returned 0, ran nothing inside (weft_next_run) and gave no answer");
        rc = WEFT_EINVAL;
    }
    o->answered |= rc == 0 && (!next->ran || r->has_body);
    if (o->answered && !r->status) r->status = 200;
    return rc;
}

static int run_around(weft__onion *o, const weft__layer *l)
{
    weft_next next = { .onion = o, .index = (uint32_t)(l - o->layers->items) };
    int rc = l->run(&o->request, &o->reply, &next);
    rc = settle(o, l, &next, rc);
    return o->exchange->failed = o->bare ? WEFT_ENOMEM : rc;
}

/* One that only stands before what is inside has ended the way to it: with an answer, or with a failure. */
static __attribute__((noinline)) int stop_before(weft__onion *o, const weft__layer *l, int rc)
{
    if (rc < 0) {
        replace(o, l, rc);
        return o->exchange->failed = o->bare ? WEFT_ENOMEM : rc;
    }
    o->answered = true;
    if (!o->reply.status) o->reply.status = 200;
    return o->exchange->failed = 0;
}

static int run_from(weft__onion *o, uint32_t index)
{
    const weft__layer *l = o->layers->items + index, *end = o->layers->items + o->layers->count;
    const weft__behind *outer = o->behind;
    int rc = 0;
    while (rc == 0 && l < end && !l->run) {
        rc = l->before(&o->request, &o->reply, l->config);
        l++;
    }
    if (rc) rc = stop_before(o, l - 1, rc);
    else if (l < end) rc = run_around(o, l);
    else {
        o->inner(o);
        o->lost = o->exchange->arena->lost;
        rc = o->exchange->failed;
    }
    look_behind(o, outer);
    return rc;
}

int weft_next_run(weft_next *next)
{
    if (next->ran) return weft_fail(WEFT_EINVAL, "weft_next_run: it has run what is inside already");
    if (weft__self() != next->onion->task) return weft_fail(WEFT_EINVAL, "weft_next_run: expected in the task that the middleware was called in");
    next->ran = true;
    return next->rc = run_from(next->onion, next->index + 1);
}

const void *weft_next_config(const weft_next *next) { return next->onion->layers->items[next->index].config; }

/* A call of memset: gcc writes some hundred bytes of zeros with an instruction that takes long to begin. */
static inline void zero(void *bytes, size_t n)
{
    __asm__("" : "+r"(n));
    memset(bytes, 0, n);
}

static __attribute__((noinline)) void run_holding(weft__onion *o)
{
    weft__exchange *x = o->exchange;
    o->task = weft__self();
    /* A middleware may wait before the handler's own turn. */
    if (o->endpoint && o->endpoint->cancels && x->head->body == WEFT__BODY_NONE) weft__exchange_cancel_on_leave(x, true);
    (void)run_from(o, 0);
}

/* Those that are around nothing, in their order, and what is inside. */
static inline void run_straight(weft__onion *o)
{
    const weft__layer *l = o->layers->items;
    int rc = 0;
    for (uint32_t left = o->layers->count; left && rc == 0; left--, l++) rc = l->before(&o->request, &o->reply, l->config);
    if (rc == 0) o->inner(o);
    else (void)stop_before(o, l - 1, rc);
    look_behind(o, NULL);
}

void weft__onion_run(weft__onion *o)
{
    static const weft__taker holding = { take, begin_parts, write_part, beat_between, end_parts, flush_held },
        passing = { take_now, begin_parts, write_part, beat_between, end_parts, flush_held };
    weft__exchange *x = o->exchange;
    weft_reply *r = &o->reply;
    bool around = o->layers->around;
    zero(r, sizeof *o - offsetof(weft__onion, reply));
    const weft__taker *of = around ? &holding : &passing;
    __asm__("" : "+r"(of));          /* copied as it stands, not put together of addresses */
    o->taker = *of;
    o->request = (weft_request){ x, o->site, o->endpoint, false };
    r->site = o->site;
    r->arena = x->arena;
    r->onion = o;
    r->headers.items = o->first;
    r->headers.room = weft_count(o->first);
    x->taker = &o->taker;
    if (around) run_holding(o);
    else run_straight(o);
    if (o->answered && !r->sent) (void)send_whole(o);
    x->taker = NULL;
    if (o->filter) o->filter->drop(o->filter);
    if (o->kept.ptr) weft__exchange_drop(x, &o->kept);
}

/* ---- what layers are told, and say ---- */

int weft_reply_status_of(const weft_reply *r) { return r->status; }

weft_str weft_reply_header_of(const weft_reply *r, const char *name)
{
    if (weft__same_nocase(weft_str_of(name), WEFT_S("content-type")))
        return r->content_type.len ? r->content_type : (weft_str){ NULL, 0 };
    const weft_header *h = weft__reply_find(r, weft_str_of(name));
    return h ? h->value : (weft_str){ NULL, 0 };
}

weft_str weft_reply_body_of(const weft_reply *r) { return r->has_body ? r->body : (weft_str){ "", 0 }; }
bool weft_reply_begun(const weft_reply *r) { return r->sent; }

uint64_t weft_reply_bytes_of(const weft_reply *r)
{
    if (r->onion && r->onion->in_parts) return weft__exchange_written(r->onion->exchange);
    return r->has_body ? r->body.len : 0;
}

int weft_reply_on_head(weft_reply *r, weft_head_fn *fn, void *arg)
{
    if (!r->onion) return weft_fail(WEFT_EINVAL, "weft_reply_on_head: expected the reply that a middleware is given");
    if (r->sent) return weft_fail(WEFT_EINVAL, "weft_reply_on_head: the head has been sent");
    weft__head_hook *h = weft__arena_alloc(r->arena, sizeof *h);
    if (!h) return WEFT_ENOMEM;
    *h = (weft__head_hook){ r->onion->hooks, fn, arg };
    r->onion->hooks = h;
    return 0;
}

int weft_reply_vary(weft_reply *r, const char *header)
{
    const weft_header *h = weft__reply_find(r, WEFT_S("vary"));
    if (!h || !h->value.len) return weft_reply_header(r, "Vary", "%s", header);
    if (weft__http_list_has(h->value, weft_str_of(header)) || weft__http_list_has(h->value, WEFT_S("*"))) return 0;
    return weft_reply_header(r, "Vary", "%.*s, %s", WEFT_FMT(h->value), header);
}

weft_str weft_request_route(const weft_request *r) { return r->endpoint ? r->endpoint->name : (weft_str){ "", 0 }; }

weft_str weft_request_client(const weft_request *r)
{
    char text[WEFT__PEER_ROOM];
    size_t n = weft__exchange_peer(r->exchange, text);
    weft_str out = weft__arena_dup(r->exchange->arena, (weft_str){ text, n });
    if (out.ptr) return out;
    r->exchange->arena->lost = true;
    return (weft_str){ "", 0 };
}
