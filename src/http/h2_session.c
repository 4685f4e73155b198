/* A server's connection that speaks HTTP/2: its session of nghttp2, fed with what comes and emptied once a turn, both on the loop's own
 * stack. It never waits; the tasks of its requests wait for their streams. */
#include "http/h2_inside.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "io/log.h"

enum {
    SENDS_AT_ONCE = 4, RECEIVES_AT_ONCE = 16,
    QUEUE_MAX = 2000,                /* frames that wait to be sent, beside those of answers' bodies */
    PART_MS = 1000,                  /* until the last stream is named, if the peer does not answer */
    TICKS = 8,                       /* of each deadline that is watched */
    DROPPED_MAX = 16 << 20           /* of what comes when nothing is wanted any more */
};

static const uint8_t parting_ping[8] = "parting";

static weft__loop *loop_of(const weft__h2 *h) { return h->c->server->loop; }
static int64_t now_of(const weft__h2 *h) { return weft__loop_now(loop_of(h)); }

/* ---- the end of streams and of all ---- */

static void leave_all(weft__h2 *h)
{
    for (h2_stream *st = h->first; st; st = st->next) weft__h2_leave(st);
}

static void lose(weft__h2 *h)
{
    if (h->lost) return;
    h->lost = true;
    h->c->left = true;
    weft__connection_unmark(h->c);
    weft__stream_close(&h->c->stream);
    leave_all(h);
    if (h->to_tell && !h->again.place) (void)weft__timer_start(loop_of(h), &h->again, now_of(h));    /* else owners find out when they next look */
}

/* A code of its own is no fault of the client's. */
void weft__h2_reset(h2_stream *st, uint32_t code, bool mine)
{
    weft__h2 *h = st->h2;
    st->mine |= mine;
    weft__h2_leave(st);
    if (h->mem.failed) lose(h);
    if (st->closed || h->over || h->lost) return;
    (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, st->id, code);
    weft__h2_mark(h);
}

void weft__h2_end(weft__h2 *h, uint32_t code)
{
    if (h->mem.failed) lose(h);
    if (h->over || h->lost) return;
    h->over = true;
    (void)nghttp2_session_terminate_session(h->session, code);
    leave_all(h);
    weft__h2_mark(h);
    weft__h2_tick_start(h);
}

/* What nghttp2 found no memory for leaves its session in no state to go on in. */
void weft__h2_mark(weft__h2 *h)
{
    if (h->mem.failed) lose(h);
    if (!h->lost) weft__connection_mark(h->c);
}

void weft__h2_free(connection *c)
{
    weft__h2 *h = c->h2;
    if (!h) return;
    weft__h2_pipes_over(h);
    for (h2_stream *st, *next = h->first; (st = next);) {
        next = st->next;
        weft__h2_stream_free(st);
    }
    weft__timer_stop(loop_of(h), &h->tick);
    weft__timer_stop(loop_of(h), &h->again);
    weft__h2_mem_free(&h->mem, h->session);
    weft__h2_head_free(&h->head);
    weft__free(h);
    c->h2 = NULL;
    c->state = CONNECTION_BUSY;
}

static void close_now(weft__h2 *h)
{
    connection *c = h->c;
    bool lost = h->lost;
    weft__h2_free(c);
    if (lost) weft__connection_close(c);
    else weft__connection_linger(c);
}

static bool all_sent(weft__h2 *h) { return h->lost || (!h->c->out.len && !nghttp2_session_want_write(h->session)); }

/* nghttp2 reads no more once it has said GOAWAY for a fault, or when the last stream behind one has ended. */
static bool session_is_over(weft__h2 *h)
{
    return !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
}

static void go_on_soon(weft__h2 *h)
{
    if (!h->again.place && weft__timer_start(loop_of(h), &h->again, now_of(h)) < 0) lose(h);
}

/* What is next for the connection: it may be freed here. */
void weft__h2_settle(weft__h2 *h)
{
    connection *c = h->c;
    if (h->tells) return;                            /* whoever tells settles it afterwards */
    if (h->mem.failed) lose(h);
    if (!h->over && !h->lost && session_is_over(h)) {
        h->over = true;
        leave_all(h);
    }
    if (h->to_tell) go_on_soon(h);
    bool answers = c->ended && h->streams && !h->over && !h->lost;
    if (h->over || h->lost || c->ended) {
        if (!h->tasks && !h->pipes && !answers && all_sent(h)) close_now(h);
        else (void)weft__connection_waits(c, NULL);      /* for its client to take the rest; nobody waits for it to be idle */
        return;
    }
    if (!h->streams && !h->head_ns) weft__h2_head_shed(&h->head);
    (void)weft__connection_waits(c, h->streams || h->part_ns ? NULL : &c->server->idle);
}

/* ---- deadlines ---- */

static int64_t ms_ns(int ms) { return ms * INT64_C(1000000); }

/* The end, trailers and a break need room in the windows as well: nghttp2 asks for nothing while there is none. */
static bool owes(const h2_stream *st)
{
    if (st->closed || st->out_sent) return false;
    return weft__h2_unsent(st) || st->out_last || st->broken;
}

/* Who is served slowly, or not at all, for as long as this, is left. */
static bool stalls(const weft__h2 *h, const h2_stream *st, int64_t now_ns)
{
    const weft__server *s = h->c->server;
    if (!owes(st)) return false;
    bool slow = now_ns - st->began_ns > weft__server_rated_ns(s, s->opts.write_timeout_ms, st->took);
    return slow || now_ns - st->moved_ns > ms_ns(s->opts.write_timeout_ms);
}

static bool body_lags(const h2_stream *st, int64_t now_ns) { return st->over_ns && !st->in_ended && !st->closed && now_ns >= st->over_ns; }

static bool head_lags(const weft__h2 *h, int64_t now_ns)
{
    const weft__server *s = h->c->server;
    int64_t took_ns = now_ns - h->head_ns;
    return took_ns > ms_ns(s->opts.head_timeout_ms) || took_ns > weft__server_rated_ns(s, 0, h->head.bytes);
}

/* True: there is something to look at again. */
static bool look_at(weft__h2 *h, h2_stream *st, int64_t now_ns)
{
    if (body_lags(st, now_ns)) weft__h2_reset(st, NGHTTP2_NO_ERROR, true);
    if (!stalls(h, st, now_ns)) return owes(st) || st->over_ns;
    if (st->writer) weft__wake(st->writer, WEFT_ETIMEDOUT);
    weft__h2_reset(st, NGHTTP2_CANCEL, true);
    return true;
}

void weft__h2_name_the_last(weft__h2 *h)
{
    if (h->parted || h->over || h->lost) return;
    h->parted = true;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h->session);
    (void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
    weft__h2_mark(h);
}

static int64_t part_ns(const weft__server *s)
{
    int ms = s->opts.grace_ms / 2;
    return ms_ns(ms < PART_MS ? ms : PART_MS);
}

static int64_t tick_ns(const weft__server *s)
{
    int least = s->opts.write_timeout_ms;
    if (s->opts.head_timeout_ms < least) least = s->opts.head_timeout_ms;
    if (s->opts.body_timeout_ms < least) least = s->opts.body_timeout_ms;
    if (s->stopping && part_ns(s) < ms_ns(least)) return part_ns(s) + 1;
    int64_t ns = ms_ns(least) / TICKS, most = ms_ns(1000);
    return ns < 1000000 ? 1000000 : ns > most ? most : ns;
}

/* Without memory for a timer nobody would look after the slow. */
void weft__h2_tick_start(weft__h2 *h)
{
    if (h->tick.place || h->lost) return;
    if (weft__timer_start(loop_of(h), &h->tick, now_of(h) + tick_ns(h->c->server)) < 0) lose(h);
}

static void tick(weft__timer *t)
{
    weft__h2 *h = (weft__h2 *)((char *)t - offsetof(weft__h2, tick));
    const weft__server *s = h->c->server;
    int64_t now_ns = now_of(h);
    bool goes_on = h->c->out.len || h->head_ns || h->part_ns || h->over;
    for (h2_stream *st = h->first, *next; st; st = next) {
        next = st->next;
        goes_on |= look_at(h, st, now_ns);
    }
    if (h->head_ns && head_lags(h, now_ns)) weft__h2_end(h, NGHTTP2_ENHANCE_YOUR_CALM);
    if (h->part_ns && now_ns - h->part_ns >= part_ns(s)) weft__h2_name_the_last(h);
    bool stuck = h->c->out.len && now_ns - h->sent_ns > ms_ns(s->opts.write_timeout_ms);
    if (stuck) lose(h);
    if (goes_on && !stuck) weft__h2_tick_start(h);
    weft__h2_settle(h);
}

/* ---- sending ---- */

/* Out of nghttp2, until there is enough for one send: of DATA, which weft__h2_send_data adds, any number of frames a call. False: it cannot go on. */
static bool gather(weft__h2 *h)
{
    weft__buf *out = weft__connection_out(h->c);
    const uint8_t *bytes;
    ssize_t n = 1;
    while (n > 0 && out->len < H2_OUT_FULL) {
        n = nghttp2_session_mem_send(h->session, &bytes);
        if (n > 0) weft__buf_add(out, bytes, (size_t)n);
    }
    return n >= 0 && !out->failed;
}

static void forget_sent(connection *c, size_t went)
{
    if (went == c->out.len) {
        weft__connection_sent(c);
        return;
    }
    memmove(c->out.ptr, c->out.ptr + went, c->out.len - went);
    c->out.len -= went;
}

/* True: all that was gathered has gone, and there may be more. */
static bool send_some(weft__h2 *h)
{
    connection *c = h->c;
    if (!c->out.len) h->sent_ns = now_of(h);
    if (!gather(h)) {
        lose(h);
        return false;
    }
    if (!c->out.len) return false;
    struct iovec iov = { c->out.ptr, c->out.len };
    ssize_t went = weft__stream_try_send(&c->stream, &iov, 1);
    if (went < 0) {
        lose(h);
        return false;
    }
    if (went) h->sent_ns = now_of(h);
    if (went) forget_sent(c, (size_t)went);
    return !c->out.len;
}

static void flush_held(weft__h2 *h)
{
    h->holds = false;
    for (h2_stream *st = h->first; st; st = st->next) {
        weft__taker *taker = st->r.x.taker;
        if (!st->holds) continue;
        st->holds = false;
        if (taker) taker->flush(taker);
    }
}

void weft__h2_push(weft__h2 *h)
{
    connection *c = h->c;
    if (h->lost) return;
    weft__connection_unmark(c);
    if (!c->stream.may_write) return;
    if (h->holds) flush_held(h);
    int sends = 0;
    while (sends < SENDS_AT_ONCE && send_some(h)) sends++;
    if (h->lost) return;
    /* What TLS took a part of brings no edge while the socket has room. */
    bool more = c->out.len ? c->stream.may_write : sends == SENDS_AT_ONCE && nghttp2_session_want_write(h->session);
    if (more) go_on_soon(h);
    if (h->to_tell) go_on_soon(h);
    if (!c->out.len) weft__connection_sent(c);       /* its room is the server's again */
    else weft__h2_tick_start(h);
}

void weft__h2_flush(connection *c)
{
    weft__h2 *h = c->h2;
    weft__h2_push(h);
    weft__h2_settle(h);
}

/* ---- receiving ---- */

static void feed(weft__h2 *h, const char *bytes, size_t n)
{
    ssize_t used = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, n);
    /* Of CONTINUATION it counts calls as well as frames: a head of one that trickles in is a flood to it. */
    if (used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) weft__h2_end(h, NGHTTP2_ENHANCE_YOUR_CALM);
    else if (used < 0) lose(h);
    else if (nghttp2_session_get_outbound_queue_size(h->session) > QUEUE_MAX) weft__h2_end(h, NGHTTP2_ENHANCE_YOUR_CALM);
    weft__h2_start_ready(h);
}

/* No more comes: who wants to be told is; all answers still go out. */
static void peer_ended(weft__h2 *h)
{
    h->c->ended = true;
    for (h2_stream *st = h->first; st; st = st->next) {
        if (st->reader) weft__wake(st->reader, 0);
        weft__h2_pipe_tell(st, WEFT__IN | WEFT__HUP);
        weft__h2_stream_rest(st);
        if (st->cancels && !st->out_sent) weft__h2_cut(st);
    }
}

/* False: nothing more is to be received now. */
static bool receive_some(weft__h2 *h, inbuf *in)
{
    connection *c = h->c;
    ssize_t n = weft__stream_try_recv(&c->stream, in->bytes, in->room);
    if (n == -EAGAIN) return false;
    if (n < 0) lose(h);
    else if (n == 0) peer_ended(h);
    else if (!h->over) feed(h, in->bytes, (size_t)n);
    else if ((c->lingered += (size_t)n) > DROPPED_MAX) lose(h);
    return n > 0 && !h->lost;
}

static void receive(weft__h2 *h)
{
    connection *c = h->c;
    if (h->lost || c->ended || !c->stream.may_read) return;
    if (!weft__connection_in(c)) {
        lose(h);
        return;
    }
    int times = 0;
    while (times < RECEIVES_AT_ONCE && receive_some(h, c->in)) times++;
    weft__inbuf_give(c);
    if (times == RECEIVES_AT_ONCE && c->stream.may_read) go_on_soon(h);
    if (!h->lost && nghttp2_session_want_write(h->session)) weft__h2_mark(h);
}

static void again(weft__timer *t)
{
    weft__h2 *h = (weft__h2 *)((char *)t - offsetof(weft__h2, again));
    receive(h);
    weft__h2_pipes_told(h);
    weft__h2_mark(h);
    weft__h2_settle(h);
}

void weft__h2_edge(connection *c, uint32_t events)
{
    weft__h2 *h = c->h2;
    if (events & WEFT__OUT) weft__h2_mark(h);
    if (events & (WEFT__IN | WEFT__HUP)) receive(h);
    weft__h2_pipes_told(h);
    weft__h2_settle(h);
}

/* ---- the beginning ---- */

void weft__h2_begin(connection *c)
{
    weft__h2 *h = weft__calloc(sizeof *h);
    inbuf *in = c->in;
    c->h2 = h;
    if (!h) {
        weft__connection_close(c);
        return;
    }
    h->c = c;
    h->tick.fire = tick;
    h->again.fire = again;
    h->sent_ns = now_of(h);
    if (weft__h2_make(h) != 0) lose(h);
    else feed(h, in->bytes + in->at, in->have - in->at);
    weft__inbuf_give(c);
    weft__h2_mark(h);
    if (!h->lost) receive(h);
    if (c->server->stopping) weft__h2_part(c);
    else weft__h2_settle(h);
}

/* ---- the stop ---- */

/* Two steps, so that no request is lost which crosses this on its way: that more will not be taken, and once the client knows, which was
 * the last. RFC 9113, 6.8 */
void weft__h2_part(connection *c)
{
    weft__h2 *h = c->h2;
    if (h->part_ns || h->over || h->lost) {
        weft__h2_settle(h);
        return;
    }
    h->part_ns = now_of(h);
    weft__timer_stop(loop_of(h), &h->tick);
    (void)weft__connection_waits(c, NULL);
    bool said = nghttp2_submit_shutdown_notice(h->session) == 0;
    if (said) said = nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, parting_ping) == 0;
    if (!said) lose(h);
    weft__h2_tick_start(h);
    weft__h2_mark(h);
    weft__h2_settle(h);
}

void weft__h2_idle_over(connection *c)
{
    weft__h2_end(c->h2, NGHTTP2_NO_ERROR);
    (void)weft__connection_waits(c, NULL);
    weft__h2_settle(c->h2);
}

void weft__h2_end_streams(connection *c)
{
    for (h2_stream *st = c->h2->first; st; st = st->next)
        if (st->r.parts.until_stop) weft__h2_cut(st);
}

void weft__h2_break(connection *c)
{
    weft__h2 *h = c->h2;
    lose(h);
    weft__h2_settle(h);
}

int64_t weft__h2_closes_until(const connection *c)
{
    int64_t last_ns = 0;
    for (const h2_stream *st = c->h2->first; st; st = st->next)
        if (st->runs && st->r.x.closes_until_ns > last_ns) last_ns = st->r.x.closes_until_ns;
    return last_ns;
}

void weft__h2_say_who_hangs(connection *c)
{
    for (h2_stream *st = c->h2->first; st; st = st->next) {
        if (!st->runs) continue;
        bool closes = st->r.x.closes_until_ns;
        weft__log(WEFT_LOG_ERROR, "%.*s still runs after grace_ms and hard_ms; %s ignores its cancel", WEFT_FMT(weft__request_name(&st->r)),
            closes ? "the close of what it depends on" : "its handler");
    }
}
