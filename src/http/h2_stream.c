/* One request of HTTP/2: what comes of it, the task that answers it, and its end. */
#include <string.h>
#include "base/mem.h"
#include "http/h2_inside.h"
#include "wire/bytes.h"

enum { KEPT_MAX = 128, BUF_KEPT = 4096, DRAIN_BYTES_MAX = H2_WINDOW, MOMENT_MS = 300 };

/* ---- memory ---- */

/* Warm requests take none: the buffers of small bodies stay with the streams that are kept. */
static h2_stream *take(weft__server *s)
{
    h2_stream *st = s->h2_spare;
    if (!st) return weft__malloc(sizeof *st);
    s->h2_spare = st->next;
    s->h2_spares--;
    return st;
}

static void give(weft__server *s, h2_stream *st)
{
    weft__buf_free(&st->trailers);
    if (st->in.room > BUF_KEPT) weft__buf_free(&st->in);
    if (st->out.room > BUF_KEPT) weft__buf_free(&st->out);
    if (s->h2_spares >= KEPT_MAX) {
        weft__buf_free(&st->in);
        weft__buf_free(&st->out);
        weft__free(st);
        return;
    }
    st->next = s->h2_spare;
    s->h2_spare = st;
    s->h2_spares++;
}

void weft__server_free_streams(weft__server *s)
{
    for (h2_stream *st; (st = s->h2_spare);) {
        s->h2_spare = st->next;
        weft__buf_free(&st->in);
        weft__buf_free(&st->out);
        weft__free(st);
    }
    s->h2_spares = 0;
}

static weft__buf cleared(weft__buf b, size_t bytes_max)
{
    b.len = 0;
    b.failed = 0;
    b.bytes_max = bytes_max;
    return b;
}

h2_stream *weft__h2_stream_new(weft__h2 *h, int32_t id)
{
    weft__server *s = h->c->server;
    bool warm = s->h2_spare != NULL;
    h2_stream *st = take(s);
    if (!st) return NULL;
    weft__buf in = warm ? st->in : (weft__buf){ 0 }, out = warm ? st->out : (weft__buf){ 0 };
    *st = (h2_stream){ .h2 = h, .id = id, .prev = h->last };
    st->in = cleared(in, SIZE_MAX / 2);
    st->out = cleared(out, 2 * H2_WINDOW_ALL);
    weft__arena_init(&st->arena, weft__loop_blocks(s->loop), s->opts.request_bytes_max);
    if (h->last) h->last->next = st;
    else h->first = st;
    h->last = st;
    if (h->streams++ == 0) (void)weft__connection_waits(h->c, NULL);
    return st;
}

void weft__h2_stream_free(h2_stream *st)
{
    weft__h2 *h = st->h2;
    if (st->prev) st->prev->next = st->next;
    else h->first = st->next;
    if (st->next) st->next->prev = st->prev;
    else h->last = st->prev;
    h->streams--;
    weft__arena_free(&st->arena);
    give(h->c->server, st);
}

static bool in_use(const h2_stream *st) { return st->runs || st->starts || st->piped || !st->closed; }

/* ---- its task ---- */

/* Others are not to wait for bytes that nobody wants; but no more than its window are sent for nothing. */
static void drop(h2_stream *st, size_t n)
{
    weft__h2 *h = st->h2;
    if (n && !h->over && !h->lost) (void)nghttp2_session_consume_connection(h->session, n);
    weft__h2_mark(h);
}

static void answer_nothing(h2_stream *st)
{
    weft__exchange *x = &st->r.x;
    if (x->replied) return;
    (void)weft__exchange_reply(x, 500, WEFT_S("Content-Type: application/json\r\n"), WEFT_S("{\"detail\":\"Internal Server Error\"}"));
}

/* The task and what its request held are gone; what is left of the answer goes by itself. */
static void ended(h2_stream *st)
{
    weft__h2 *h = st->h2;
    weft__arena_free(&st->arena);
    if (!st->piped && st->in.room > BUF_KEPT) weft__buf_free(&st->in);     /* its answer may wait long for who takes it */
    weft__h2_forget_body(st);
    if (!st->piped) drop(st, st->in_held);
    if (!st->piped) st->in_held = 0;
    st->task = NULL;
    st->runs = false;
    h->tasks--;
    if (!in_use(st)) weft__h2_stream_free(st);
    else weft__h2_stream_rest(st);
    weft__h2_settle(h);
}

static int serve(void *arg)
{
    h2_stream *st = arg;
    weft__server *s = st->h2->c->server;
    weft_arena *before = weft__arena_swap(&st->arena);
    st->task = weft_task_self();
    /* Who has taken its request back before anybody looked at it is not served. */
    if (!st->left && s->front) weft__front_answer(s, &st->r);
    else if (!st->left) s->handler(s->ctx, &st->r.x);
    if (!st->left) answer_nothing(st);
    weft__arena_swap(before);
    ended(st);
    return 0;
}

void weft__h2_start_ready(weft__h2 *h)
{
    weft__server *s = h->c->server;
    while (h->ready) {
        h2_stream *st = h->ready;
        h->ready = st->behind;
        st->starts = false;
        if (st->left && st->closed) {
            weft__h2_stream_free(st);
            continue;
        }
        if (st->left) continue;
        if (weft__start(&s->scope, "a request", serve, st) < 0) {
            weft__h2_reset(st, NGHTTP2_INTERNAL_ERROR, true);
            continue;
        }
        st->runs = true;
        h->tasks++;
    }
}

static void add_ready(h2_stream *st)
{
    weft__h2 *h = st->h2;
    st->starts = true;
    st->behind = NULL;
    if (h->ready) h->ready_last->behind = st;
    else h->ready = st;
    h->ready_last = st;
}

/* ---- its head ---- */

/* Nobody has said which is more urgent: all have their turn, frame by frame. RFC 9218, 4.2 and 10 */
static void share(h2_stream *st)
{
    nghttp2_extpri each = { NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1 };
    if (!st->has_priority) (void)nghttp2_session_change_extpri_stream_priority(st->h2->session, st->id, &each, 0);
}

static void know(h2_stream *st)
{
    const weft__http_head *head = &st->head;
    st->r = (struct request){
        .x = { .head = head, .arena = &st->arena, .ops = &weft__h2_exchange, .connects = st->r.x.connects },
        .c = st->h2->c,
        .body = head->body,
        .body_left = head->body == WEFT__BODY_LENGTH ? head->content_length : 0,
        .body_done = head->body == WEFT__BODY_NONE,
        .is_head = head->verb == WEFT__HEAD || weft_str_equal(weft__buf_str(&st->h2->head.method), WEFT_S("HEAD")),   /* also of one refused unread */
        .keep_alive = true,
        .expects = head->expect_continue,
        .head_kept = true,
        .minor = 1,
    };
}

/* Requests that were reset count as long as their handlers run: resetting must not buy more of them than waiting does. */
static bool too_many(const weft__h2 *h) { return h->tasks >= (unsigned)h->c->server->opts.streams_max; }

void weft__h2_request(h2_stream *st, bool in_ended)
{
    weft__h2 *h = st->h2;
    st->in_ended = in_ended;
    if (too_many(h)) {
        weft__h2_reset(st, NGHTTP2_REFUSED_STREAM, false);
        return;
    }
    if (weft__h2_head_make(st, &h->head, in_ended) < 0) {
        weft__h2_reset(st, NGHTTP2_INTERNAL_ERROR, true);
        return;
    }
    know(st);
    share(st);
    if (st->head.fault) weft__h2_refuse(st, st->head.fault_status, weft__limit_passed(&st->head));
    else add_ready(st);
}

/* ---- its body ---- */

int weft__h2_stream_data(h2_stream *st, const uint8_t *bytes, size_t n)
{
    bool wanted = !st->left && (st->runs || st->starts || st->piped);
    if (!wanted) {
        drop(st, n);
        return 0;
    }
    weft__h2_compact(&st->in, &st->in_at);
    weft__buf_add(&st->in, bytes, n);
    if (st->in.failed) {
        drop(st, n);
        weft__h2_reset(st, NGHTTP2_INTERNAL_ERROR, true);
        return 0;
    }
    st->in_held += n;
    if (st->piped) drop(st, n);                      /* one that is not read for as long as it likes holds up no other */
    if (st->reader) weft__wake(st->reader, 0);
    weft__h2_pipe_tell(st, WEFT__IN);
    return 0;
}

static void narrow(h2_stream *st)
{
    if (!st->in_wide) return;
    st->in_wide = false;
    st->h2->wide--;
}

/* Cookies and hosts are not among the lines: they may be no trailers. */
void weft__h2_stream_trailers(h2_stream *st, const h2_head *head)
{
    const weft__server *s = st->h2->c->server;
    bool wanted = !st->left && (st->runs || st->starts) && !st->piped;
    if (!wanted || !head->bytes) return;
    st->in_too_much = head->too_large || head->count > (unsigned)s->opts.headers_max;
    if (st->in_too_much || weft__request_keep_trailers(&st->r, &head->lines)) return;
    st->arena.lost = true;           /* what the handler asks for would not be there */
}

void weft__h2_stream_ended(h2_stream *st)
{
    st->in_ended = true;
    narrow(st);
    if (st->reader) weft__wake(st->reader, 0);
    weft__h2_pipe_tell(st, WEFT__IN | WEFT__HUP);
}

/* Whoever has its answer need not send more, but for a little that is on its way. It is told so a moment later: curl 7.88 forgets an answer
 * that comes together with the reset, and until then it can send no more than its window. RFC 9113, 8.1 */
void weft__h2_stream_rest(h2_stream *st)
{
    if (!st->out_sent || st->in_ended || st->runs || st->closed) return;
    int64_t length = st->head.content_length;
    const weft__server *s = st->h2->c->server;
    bool on_its_way = st->head.body == WEFT__BODY_LENGTH && length <= DRAIN_BYTES_MAX && !st->r.expects;
    int ms = on_its_way ? s->opts.body_timeout_ms : MOMENT_MS;
    st->over_ns = weft__loop_now(s->loop) + ms * INT64_C(1000000);
    if (st->h2->c->ended) weft__h2_reset(st, NGHTTP2_NO_ERROR, true);
    else weft__h2_tick_start(st->h2);
}

/* ---- its end ---- */

void weft__h2_cut(h2_stream *st)
{
    if (!st->task || st->cancelled) return;
    st->cancelled = true;
    weft_task_cancel(st->task);
}

void weft__h2_leave(h2_stream *st)
{
    if (st->out_sent && st->in_ended) return;
    st->left |= !st->out_sent;
    st->lent = (weft_str){ 0 };
    if (st->reader) weft__wake(st->reader, 0);
    if (st->writer) weft__wake(st->writer, 0);
    weft__h2_pipe_tell(st, WEFT__IN | WEFT__HUP);
    if (st->left && st->cancels && weft_task_self() != st->task) weft__h2_cut(st);
}

void weft__h2_stream_closed(h2_stream *st)
{
    weft__h2 *h = st->h2;
    bool good = st->out_sent && st->in_ended;
    st->closed = true;
    narrow(st);
    if (good) weft__h2_forgive_reset(h);
    if (st->in_held && !h->over && !st->piped) (void)nghttp2_session_consume_connection(h->session, st->in_held);
    st->in_held = 0;
    weft__h2_leave(st);
    if (!in_use(st)) weft__h2_stream_free(st);
}
