#include "http/client.h"
#include "http/lane.h"
#include "wire/bytes.h"

enum { TOTAL_MS = 60000 };


weft_str weft_response_header(const weft_response *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (weft__same_nocase(r->headers[i].name, weft_str_of(name))) return r->headers[i].value;
    }
    return WEFT_S("");
}

/* ---- one call ---- */

static int64_t connect_deadline(const weft__call *c)
{
    int64_t ms = c->opts->connect_ms > 0 ? c->opts->connect_ms : WEFT__CLIENT_CONNECT_MS;
    weft__loop *loop = c->client->loop;
    int64_t at_ns = (c->timed ? weft__loop_clock(loop) : weft__loop_now(loop)) + ms * 1000000;
    return at_ns < c->total_ns ? at_ns : c->total_ns;
}

/* ---- what does not wait: on the loop's own stack (weft__leaf) ---- */

static int locate_and_send(void *call)
{
    weft__call *c = call;
    int rc = c->kept.ptr ? 0 : weft__call_locate(c);
    return rc == 0 ? weft__call_send(c) : rc;
}

static int begin(weft__call *c)
{
    weft__loop *loop = weft__self() ? weft__loop_here() : NULL;
    int rc = loop ? weft__client_of(loop, &c->client) : WEFT_EINVAL;
    if (rc < 0) {
        weft__fail_as(WEFT__HERE, rc, 0, "%s %s: %s", c->method, c->url,
            loop ? "no memory for the client" : "called outside of a task");
        return rc;
    }
    const weft_exchange_opts *o = c->opts;
    c->timed = o->connect_ms || o->read_ms || o->total_ms;
    c->started_ns = c->timed ? weft__loop_clock(loop) : weft__loop_now(loop);
    c->total_ns = c->started_ns + (o->total_ms > 0 ? o->total_ms : TOTAL_MS) * 1000000LL;
    return 0;
}

/* Known, or to be asked of the server. */
static bool over_http2(const weft__call *c)
{
    weft_http2 own = c->opts->http2;
    if (__builtin_expect(own == WEFT_HTTP2_DEFAULT, 1)) own = c->client->http2;
    return __builtin_expect(own == WEFT_HTTP2_ALWAYS || c->origin->speaks != WEFT__SPEAKS_ONE, 0);
}

/* What happens before the first wait of a call whose origin has an idle connection. NO_CONN: it has
 * none. CANCELLED: nothing was done. BY_LANE: over HTTP/2; BY_HTTP1: not, as the server has chosen. */
enum { NO_CONN = 2, CANCELLED = 4, BY_LANE = 7, BY_HTTP1 = 8 };
static int send_at_once(void *call)
{
    weft__call *c = call;
    int rc = begin(c);
    if (rc < 0) return rc;
    if (__builtin_expect(weft__cancelled() != 0, 0)) return CANCELLED;
    rc = weft__call_check(c);
    if (rc == 0) rc = weft__call_locate(c);
    if (rc < 0) return rc;
    if (over_http2(c)) return BY_LANE;
    if (__builtin_expect(c->streams, 0)) return NO_CONN;
    c->conn = weft__conn_take(c->origin);
    if (c->conn) return weft__call_send(c);
    weft__call_keep(c);
    return NO_CONN;
}

/* ---- what may ---- */

static inline int sent(weft__call *c, int rc)
{
    return __builtin_expect(rc == WEFT__CALL_UNSENT, 0) ? weft__call_send_rest(c) : rc;
}

/* The server has chosen HTTP/2 although it did not the last time. 0: it has not; BY_LANE; or a code, recorded. */
static __attribute__((noinline)) int give_to_lanes(weft__call *c)
{
    if (!weft__conn_chose_http2(c->conn)) return 0;
    int rc = weft__lane_adopt(c->conn);
    c->conn = NULL;
    return rc < 0 ? weft__call_fail(c, rc, "no memory for a connection") : BY_LANE;
}

/* Open c->conn and send. The waiting may have taken the loop's buffer: what was not kept is put together again. */
static int open_and_send(weft__call *c, int64_t deadline_ns)
{
    const char *why = NULL;
    if (c->conn->stream.fd < 0) {
        int rc = weft__conn_open(c->conn, deadline_ns, &why);
        if (rc < 0) return weft__call_fail_connect(c, rc, why);
        if (__builtin_expect(c->conn->stream.tls != NULL, 0) && (rc = give_to_lanes(c)) != 0) return rc;
    }
    int rc = sent(c, weft__leaf(locate_and_send, c));
    return rc == 0 && c->streams ? weft__upload(c) : rc;
}

/* When no connection is idle: one in turn, opened unless its last user hands it over. */
static __attribute__((noinline)) int send_after_waiting(weft__call *c)
{
    int64_t deadline_ns = connect_deadline(c);
    int rc = weft__conn_wait(c->origin, c->timed ? deadline_ns : INT64_MAX, &c->conn);
    /* A body that cannot be made twice never meets a connection that its peer has just closed. */
    if (rc == 0 && c->streams) weft__conn_close(c->conn);
    return rc < 0 ? weft__call_fail_wait(c, rc) : open_and_send(c, deadline_ns);
}

/* Of the defaults, the one between two reads ends first. */
static int first_bytes(weft__call *c)
{
    bool usual = !c->timed && weft__conn_asks(c->conn);
    int64_t deadline_ns = usual ? INT64_MAX : weft__call_deadline(c);
    weft__stream *s = &c->conn->stream;
    ssize_t n = weft__stream_recv(s, c->client->in, WEFT__CLIENT_IN, deadline_ns);
    if (usual) weft__conn_answered(c->conn);
    if (__builtin_expect(n <= 0, 0)) return weft__call_no_answer(c, (int)n);
    c->came = (size_t)n;
    return 0;
}

/* What may be asked twice without harm (RFC 9110, 9.2.2). */
static bool idempotent(const weft__call *c)
{
    return strcmp(c->method, "POST") != 0 && strcmp(c->method, "PATCH") != 0;
}

static int ask_over_http2(weft__call *c);

/* A kept connection that the peer closed as we began to use it: not a failure of this call, if it
 * can be made anew. That is done once, on a connection just opened. */
static __attribute__((noinline)) int ask_again(weft__call *c)
{
    if (c->went && !idempotent(c)) {
        return weft__call_fail(c, WEFT_ECONNRESET,
            "%s without an answer after %lld ms, and %s must not be sent twice",
            c->broken ? "broken off" : "closed", weft__call_ms(c), c->method);
    }
    c->client->retried++;
    c->broken = c->cut_short = false;
    weft__conn_close(c->conn);
    int rc = open_and_send(c, connect_deadline(c));
    if (rc == BY_LANE) return ask_over_http2(c);
    return rc == 0 ? first_bytes(c) : rc;
}

/* ---- over HTTP/2 ---- */

/* A lane, the request on it, and the first bytes of the answer; STALE: once more, elsewhere. */
static int ask_on_lane(weft__call *c, weft_str head, int64_t deadline_ns)
{
    const char *why = NULL;
    bool opening = false;
    int rc = weft__lane_take(c->origin, deadline_ns, &c->conn, &why, &opening);
    if (rc == WEFT__LANE_HTTP1) return BY_HTTP1;
    if (rc < 0) return opening || why ? weft__call_fail_connect(c, rc, why) : weft__call_fail_wait(c, rc);
    weft__lane *lane = c->conn->lane;
    rc = weft__lane_send(lane, head, c->opts->body, c->streams);
    if (rc == WEFT_ECONNRESET) return WEFT__CALL_STALE;
    if (rc < 0) return weft__call_fail(c, rc, "no memory for the request");
    if (c->streams) rc = weft__upload(c);
    if (rc < 0) return rc;
    ssize_t n = weft__lane_recv(lane, c->client->in, WEFT__CLIENT_IN, weft__call_deadline(c));
    c->went = n != WEFT__LANE_REFUSED;
    if (n == WEFT__LANE_REFUSED && c->streams) return weft__call_fail(c, WEFT_ECONNRESET, "the server refused the request, whose body cannot be sent twice");
    if (n == WEFT__LANE_REFUSED) return WEFT__CALL_STALE;
    if (n <= 0) return weft__call_no_answer(c, (int)n);
    c->came = (size_t)n;
    return 0;
}

/* What a server chose that was asked: on the connection where it said so, or on one of those it has. It does not change its mind twice. */
static int ask_over_http1(weft__call *c)
{
    int rc = c->conn ? open_and_send(c, connect_deadline(c)) : send_after_waiting(c);
    if (rc == BY_LANE) return weft__call_fail(c, WEFT_EPROTO, "the server chooses HTTP/1.1 and HTTP/2 by turns");
    if (rc == 0) rc = first_bytes(c);
    if (rc != WEFT__CALL_STALE) return rc == WEFT__CALL_EARLY ? 0 : rc;
    return ask_again(c);
}

/* What the server said it had not looked at is asked once more, whatever it was. */
static __attribute__((noinline)) int ask_over_http2(weft__call *c)
{
    weft_str head;
    int rc = weft__call_head(c, &head);
    if (rc == 0) rc = ask_on_lane(c, head, connect_deadline(c));
    if (rc == BY_HTTP1) return ask_over_http1(c);
    if (rc != WEFT__CALL_STALE) return rc;
    if (c->went && (c->streams || !idempotent(c))) {
        return weft__call_fail(c, WEFT_ECONNRESET, "%s without an answer after %lld ms, and %s must not be sent twice",
            weft__call_how_it_ended(c), weft__call_ms(c), c->method);
    }
    c->client->retried++;
    weft__conn_drop(c->conn);
    c->conn = NULL;
    c->broken = false;
    rc = ask_on_lane(c, head, connect_deadline(c));
    if (rc == BY_HTTP1) return ask_over_http1(c);
    if (rc != WEFT__CALL_STALE) return rc;
    return weft__call_fail(c, WEFT_ECONNRESET, "%s without an answer after %lld ms, twice", weft__call_how_it_ended(c), weft__call_ms(c));
}

int weft__call_ask(weft__call *c)
{
    int rc = sent(c, weft__leaf(send_at_once, c));
    if (__builtin_expect(rc == CANCELLED, 0)) return weft__call_yield(c);
    if (__builtin_expect(rc == BY_LANE, 0)) return ask_over_http2(c);
    if (__builtin_expect(rc == NO_CONN, 0)) rc = send_after_waiting(c);
    if (__builtin_expect(rc == BY_LANE, 0)) return ask_over_http2(c);
    if (rc == 0) rc = first_bytes(c);
    if (__builtin_expect(rc <= 0, 1)) return rc;
    return rc == WEFT__CALL_EARLY ? 0 : ask_again(c);
}

/* Only of a connection whose answer was read to its end is it known that no bytes are to come. */
static int give_back(weft__call *c, int rc, const weft__answer *a)
{
    if (!c->conn) return rc;
    if (rc == 0 && a->reusable) weft__conn_keep(c->conn, a->keep_ms);
    else weft__conn_drop(c->conn);
    return rc;
}

int weft__call_answered(weft__call *c, int rc, weft__answer *a)
{
    return give_back(c, rc == 0 ? weft__answer_read(c, a) : rc, a);
}

int weft__call_answered_now(weft__call *c, weft__answer *a)
{
    int rc = weft__answer_now(c, a);
    return rc == WEFT__CALL_MORE ? rc : give_back(c, rc, a);
}

static __attribute__((noinline)) int exchange_end(weft__call *c, int rc, weft_response *out)
{
    weft__answer a = { .kept = true, .kept_headers = true };
    rc = weft__call_answered(c, rc, &a);
    weft_response got = { .status = a.status, .body = a.body, .headers = a.headers, .header_count = a.header_count };
    if (rc >= 0) rc = weft__call_trailers(c, &a.trailers, &got);
    weft__answer_free(&a);
    if (rc < 0) return rc;
    *out = got;
    return 0;
}

static __attribute__((noinline)) int exchange_streamed(weft__call *c, weft_response *out)
{
    weft_exchange_opts own = *c->opts;
    c->opts = &own;
    int rc = weft__upload_begin(c, &own);
    if (rc == 0) rc = weft__call_ask(c);
    return exchange_end(c, rc, out);
}

int weft_exchange_with(weft_response *out, const weft_exchange_opts *opts, const char *url,
    const weft_val *values, size_t count)
{
    const char *method = opts->method ? opts->method : "GET";
    weft__call c = { .opts = opts, .method = method, .url = url, .values = values,
        .value_count = count };
    if (__builtin_expect(weft__call_may_stream(opts), 0)) return exchange_streamed(&c, out);
    int rc = weft__call_ask(&c);
    return exchange_end(&c, rc, out);
}
