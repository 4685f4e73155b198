#include "http/client.h"
#include "wire/bytes.h"

enum { CONNECT_MS = 5000, TOTAL_MS = 60000 };

weft_val weft_val_int(int64_t i) { return (weft_val){ .kind = WEFT__VAL_INT, .i = i }; }
weft_val weft_val_bool(bool b) { return (weft_val){ .kind = WEFT__VAL_BOOL, .i = b }; }
weft_val weft_val_double(double d) { return (weft_val){ .kind = WEFT__VAL_DOUBLE, .d = d }; }
weft_val weft_val_str(weft_str s) { return (weft_val){ .kind = WEFT__VAL_STR, .s = s }; }
weft_val weft_val_cstr(const char *s) { return weft_val_str(weft_str_of(s)); }

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
    int64_t ms = c->opts->connect_ms > 0 ? c->opts->connect_ms : CONNECT_MS;
    int64_t at_ns = weft__loop_clock(c->client->loop) + ms * 1000000;
    return at_ns < c->total_ns ? at_ns : c->total_ns;
}

/* Open c->conn. The waiting may have taken the loop's buffer from the URL, so that is put together again. */
static int open_conn(weft__call *c, int64_t deadline_ns, weft__url *url)
{
    const char *why = NULL;
    int rc = weft__conn_open(c->conn, deadline_ns, &why);
    if (rc < 0) return weft__call_fail_connect(c, rc, why);
    return weft__call_locate(c, url);
}

/* A connection when none is idle: in turn, and opened unless it is handed over by its last user. */
static int wait_conn(weft__call *c, weft__url *url)
{
    int64_t deadline_ns = connect_deadline(c);
    int rc = weft__conn_wait(c->origin, deadline_ns, &c->conn);
    if (rc < 0) return weft__call_fail_wait(c, rc);
    return c->conn->stream.fd < 0 ? open_conn(c, deadline_ns, url) : weft__call_locate(c, url);
}

/* What may be asked twice without harm (RFC 9110, 9.2.2). */
static bool idempotent(const weft__call *c) { return strcmp(c->method, "POST") != 0 && strcmp(c->method, "PATCH") != 0; }

/* A kept connection that the peer closed as we began to use it: not a failure of this call, if it can be made anew.
 * That is done once, on a connection just opened. */
static int ask_again(weft__call *c, weft__url *url, weft__answer *a)
{
    if (c->went && !idempotent(c)) {
        return weft__call_fail(c, WEFT_ECONNRESET, 502, "%s without an answer after %lld ms, and %s must not be sent twice",
            c->broken ? "broken off" : "closed", weft__call_ms(c), c->method);
    }
    c->client->retried++;
    int rc = open_conn(c, connect_deadline(c), url);
    if (rc == 0) rc = weft__call_send(c, url);
    return rc == 0 ? weft__answer_read(c, a) : rc;
}

static int ask(weft__call *c, weft__answer *a)
{
    weft__url url;
    int rc = weft__call_check(c);
    if (rc == 0) rc = weft__call_locate(c, &url);
    if (rc < 0) return rc;
    c->conn = weft__conn_take(c->origin);
    if (__builtin_expect(!c->conn, 0)) rc = wait_conn(c, &url);
    if (rc == 0) rc = weft__call_send(c, &url);
    if (rc == 0) rc = weft__answer_read(c, a);
    return __builtin_expect(rc == WEFT__CALL_STALE, 0) ? ask_again(c, &url, a) : rc;
}

/* Only a connection whose answer was read to its end can be told from one with bytes still to come. */
static void give_back(weft__call *c, const weft__answer *a, int rc)
{
    if (rc == 0 && a->reusable) weft__conn_keep(c->conn, a->keep_ms);
    else weft__conn_drop(c->conn);
}

static int begin(weft__call *c)
{
    weft__loop *loop = weft__self() ? weft__loop_here() : NULL;
    if (!loop) return weft_fail(WEFT_EINVAL, "%s %s: called outside of a task", c->method, c->url);
    int rc = weft__client_of(loop, &c->client);
    if (rc < 0) return weft_fail(rc, "%s %s: no memory for the client", c->method, c->url);
    const weft_exchange_opts *o = c->opts;
    c->timed = o->connect_ms || o->read_ms || o->total_ms;
    c->started_ns = c->timed ? weft__loop_clock(loop) : weft__loop_now(loop);
    c->total_ns = c->started_ns + (o->total_ms > 0 ? o->total_ms : TOTAL_MS) * 1000000LL;
    c->to_head = c->method[0] == 'H';
    return 0;
}

/* Of a task that is cancelled already nothing is sent; it still lets others run. */
static int cancelled(weft__call *c)
{
    int rc = weft_yield(), cut = weft__call_cut(c);
    return cut ? cut : rc;
}

int weft__call_run(weft__call *c, weft__answer *a)
{
    int rc = begin(c);
    if (__builtin_expect(rc == 0 && weft__cancelled(), 0)) rc = cancelled(c);
    if (rc == 0) rc = ask(c, a);
    if (c->conn) give_back(c, a, rc);
    return rc;
}

int weft_exchange_with(weft_response *out, const weft_exchange_opts *opts, const char *url, const weft_val *values, size_t count)
{
    weft__call c = { .opts = opts, .method = opts->method ? opts->method : "GET", .url = url, .values = values, .value_count = count };
    weft__answer a = { .kept = true, .kept_headers = true };
    int rc = weft__call_run(&c, &a);
    weft__answer_free(&a);
    if (rc == 0) *out = (weft_response){ .status = a.status, .body = a.body, .headers = a.headers, .header_count = a.header_count };
    return rc;
}
