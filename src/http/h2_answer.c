/* A request of HTTP/2 as its handler sees it: the body as it comes, the answer as the client takes it. What waits does so for its own
 * stream alone. */
#include <string.h>
#include "base/mem.h"
#include "http/h2_inside.h"
#include "http/h2_trailers.h"
#include "wire/bytes.h"

enum { FRAME_HEAD = 9, DATA_FORGIVES = 4 };

static h2_stream *of(weft__exchange *x) { return (h2_stream *)(void *)x; }
static const h2_stream *looked_at(const weft__exchange *x) { return (const h2_stream *)(const void *)x; }

/* ---- the body ---- */

void weft__h2_credit(h2_stream *st, size_t n)
{
    weft__h2 *h = st->h2;
    if (n > st->in_held) n = st->in_held;
    st->in_held -= n;
    if (!n || h->over || h->lost) return;
    if (st->piped && st->closed) return;
    if (st->piped) (void)nghttp2_session_consume_stream(h->session, st->id, n);      /* the connection's was given back as it came */
    else if (st->closed) (void)nghttp2_session_consume_connection(h->session, n);
    else (void)nghttp2_session_consume(h->session, st->id, n);
    weft__h2_mark(h);
}

/* Who reads may have more on its way at a time than who may never do so; as many of them as the connection's window is for. */
static void widen(h2_stream *st)
{
    if (st->in_wide || st->in_ended || st->closed || st->h2->wide == H2_WIDE_MAX) return;
    st->in_wide = true;
    st->h2->wide++;
    if (st->head.body == WEFT__BODY_LENGTH && st->head.content_length <= H2_WINDOW) return;
    (void)nghttp2_session_set_local_window_size(st->h2->session, NGHTTP2_FLAG_NONE, st->id, H2_WINDOW_READ);
    weft__h2_mark(st->h2);
}

/* RFC 9110, 10.1.1 */
static void go_on(h2_stream *st)
{
    static const nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE };
    if (!st->r.expects) return;
    st->r.expects = false;
    if (st->r.x.replied || st->in_ended || st->in.len) return;
    (void)nghttp2_submit_headers(st->h2->session, NGHTTP2_FLAG_NONE, st->id, NULL, &status, 1, NULL);
    weft__h2_mark(st->h2);
}

/* Until something comes of the body, or nothing ever will. */
static int wait_in(h2_stream *st, int64_t deadline_ns)
{
    if (st->left || st->closed) return WEFT_ECONNRESET;
    if (st->h2->c->ended) return WEFT_EOF;
    if (st->reader) return WEFT_EBUSY;
    go_on(st);
    widen(st);
    st->reader = weft__self();
    int rc = weft__park("a request's body", deadline_ns);
    st->reader = NULL;
    return rc;
}

static size_t there(const h2_stream *st) { return st->in.len - st->in_at; }

static ssize_t receive(weft__exchange *x, void *to, size_t n, int64_t deadline_ns)
{
    h2_stream *st = of(x);
    int rc = weft__checkpoint();
    while (rc >= 0 && !there(st) && !st->in_ended) rc = wait_in(st, deadline_ns);
    if (rc < 0) return rc;
    if (n > there(st)) n = there(st);
    if (!n && st->in_too_much) return WEFT_STATUS(431);
    if (!n) {
        st->r.body_done = true;
        return 0;
    }
    memcpy(to, st->in.ptr + st->in_at, n);
    st->in_at += n;
    weft__h2_credit(st, n);
    return (ssize_t)n;
}

static int fault_is(const char **fault, int status, const char *text)
{
    *fault = text;
    return WEFT_STATUS(status);
}

/* All of it, or why not. A client's time does not run while it is not to send; but not for as long as others of its requests like. */
static int gather(h2_stream *st, size_t max, const char **fault)
{
    enum { TURNS = 8 };
    const weft__server *s = st->r.c->server;
    weft__coming coming = weft__body_coming(s);
    int64_t patience_ns = coming.since_ns + TURNS * (coming.until_ns - coming.since_ns);
    size_t first = there(st);
    for (bool held_up = false;;) {
        if (there(st) > max) return fault_is(fault, 413, "the body is larger than body_bytes_max");
        if (st->in.len > s->opts.request_bytes_max) return fault_is(fault, 413, "the body is larger than request_bytes_max");
        bool goes_on = weft__h2_keep(st);
        if (st->in_ended) return 0;
        if (goes_on && held_up) {
            coming = weft__body_coming(s);
            first = there(st);
        }
        held_up = !goes_on;
        coming.bytes = there(st) - first;
        int rc = wait_in(st, goes_on ? weft__coming_until(s, &coming) : patience_ns);
        if (rc == WEFT_ETIMEDOUT && !weft__cancelled())
            return fault_is(fault, 408, goes_on ? weft__coming_late(s, &coming) : "bodies of other requests of the connection took too long");
        if (rc < 0) return rc;
    }
}

static int body(weft__exchange *x, size_t max, weft_str *out, const char **fault)
{
    h2_stream *st = of(x);
    struct request *r = &st->r;
    *out = (weft_str){ "", 0 };
    if (r->body_done) return 0;
    if (r->body == WEFT__BODY_LENGTH && (uint64_t)r->body_left > max) return fault_is(fault, 413, "the body is larger than body_bytes_max");
    int rc = gather(st, max, fault);
    weft__h2_gathered(st);
    if (rc < 0) return rc;
    if (st->in_too_much) return fault_is(fault, 431, WEFT__TRAILERS_TOO_LARGE);
    r->body_done = true;
    *out = (weft_str){ there(st) ? st->in.ptr + st->in_at : "", there(st) };
    return 0;
}

/* ---- the head of an answer ---- */

/* Of a connection of HTTP/1.1, or said by the frames. RFC 9113, 8.2.2 */
static bool is_left_out(weft_str name)
{
    static const char *const names[] = { "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade" };
    for (size_t i = 0; i < weft_count(names); i++)
        if (weft__same_nocase(name, weft_str_of(names[i]))) return true;
    return false;
}

static nghttp2_nv pair(weft_str name, weft_str value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len, value.len, NGHTTP2_NV_FLAG_NONE };
}

/* The next of whole lines, "Name: value\r\n". */
static bool line_next(weft_str *lines, weft_str *name, weft_str *value)
{
    if (!lines->len) return false;
    const char *from = lines->ptr, *end = from + lines->len, *colon = memchr(from, ':', lines->len);
    const char *stop = colon ? memchr(colon, '\r', (size_t)(end - colon)) : NULL;
    if (!stop || end - stop < 2) return false;
    *name = (weft_str){ from, (size_t)(colon - from) };
    *value = weft__trim((weft_str){ colon + 1, (size_t)(stop - colon - 1) });
    *lines = (weft_str){ stop + 2, (size_t)(end - stop - 2) };
    return true;
}

static size_t count_lines(weft_str lines)
{
    size_t n = 0;
    for (size_t i = 0; i < lines.len; i++) n += lines.ptr[i] == '\n';
    return n;
}

static weft_str number(char room[24], uint64_t n)
{
    char *at = room + 24;
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return (weft_str){ at, (size_t)(room + 24 - at) };
}

static ssize_t pull(nghttp2_session *session, int32_t id, uint8_t *to, size_t length, uint32_t *flags, nghttp2_data_source *source, void *user)
{
    h2_stream *st = source->ptr;
    size_t n = weft__h2_unsent(st);
    (void)to, (void)user;
    if (!n && st->broken) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;      /* it is reset */
    if (!n && !st->out_last) {
        st->waits_for_more = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n > length) n = length;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!st->out_last || st->broken || n < weft__h2_unsent(st)) return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    int rc = st->trailers.len ? weft__h2_send_trailers(session, id, weft__buf_str(&st->trailers), flags) : 0;
    return rc < 0 ? rc : (ssize_t)n;
}

/* They go when their request's memory may be gone: what is said of those that are not sent still names it. */
static void name_large(h2_stream *st, weft_str lines)
{
    enum { LARGE = 16 * 1024 };
    if (lines.len > LARGE) (void)weft__request_name(&st->r);
}

/* length: -1: it is not told. */
static int submit(h2_stream *st, int status, weft_str lines, int64_t length, bool has_body)
{
    enum { NEAR = 32, OWN = 3 };
    name_large(st, lines);
    nghttp2_nv near[NEAR], *nv = near;
    char code[24], bytes[24];
    size_t n = 0, most = count_lines(lines) + OWN;
    weft_str name, value;
    if (most > NEAR) nv = weft__malloc(most * sizeof *nv);
    if (!nv) return WEFT_ENOMEM;
    nv[n++] = pair(WEFT_S(":status"), number(code, (uint64_t)status));
    while (line_next(&lines, &name, &value))
        if (!is_left_out(name)) nv[n++] = pair(name, value);
    if (length >= 0) nv[n++] = pair(WEFT_S("content-length"), number(bytes, (uint64_t)length));
    nv[n++] = pair(WEFT_S("date"), weft__server_date(st->h2->c->server));
    nghttp2_data_provider source = { .source.ptr = st, .read_callback = pull };
    int rc = nghttp2_submit_response(st->h2->session, st->id, nv, n, has_body ? &source : NULL);
    if (nv != near) weft__free(nv);
    if (rc != 0) return rc == NGHTTP2_ERR_NOMEM ? WEFT_ENOMEM : WEFT_EINVAL;
    weft__h2_mark(st->h2);
    return 0;
}

/* ---- its body ---- */

/* It has bytes to send from now on, or its end: the client's time to take them begins. */
static void begin_to_send(h2_stream *st)
{
    weft__h2 *h = st->h2;
    if (!weft__h2_unsent(st)) {
        st->began_ns = st->moved_ns = weft__loop_now(h->c->server->loop);
        st->took = 0;
    }
    weft__h2_tick_start(h);
}

void weft__h2_go_on(h2_stream *st)
{
    weft__h2 *h = st->h2;
    if (st->waits_for_more && !st->closed) (void)nghttp2_session_resume_data(h->session, st->id);
    st->waits_for_more = false;
    weft__h2_mark(h);
}

int weft__h2_add(h2_stream *st, weft_str bytes)
{
    weft__buf *out = &st->out;
    begin_to_send(st);
    if (st->out_at) {
        memmove(out->ptr, out->ptr + st->out_at, out->len - st->out_at);
        out->len -= st->out_at;
        st->out_at = 0;
    }
    weft__buf_add_str(out, bytes);
    return out->failed;
}

/* Until no more than `left` bytes wait to be taken. */
static int wait_out(h2_stream *st, size_t left)
{
    int rc = 0;
    while (rc >= 0 && weft__h2_unsent(st) > left) {
        if (st->left || st->closed) return WEFT_ECONNRESET;
        st->wakes_at = left;
        st->writer = weft__self();
        rc = weft__park("a slow peer to take bytes", INT64_MAX);
        st->writer = NULL;
    }
    if (rc < 0 && !st->left && weft__h2_unsent(st) <= left) rc = 0;
    return rc < 0 ? rc : st->left ? WEFT_ECONNRESET : 0;
}

/* Straight from where they lie, which the caller's frame holds until they have gone. */
static int lend(h2_stream *st, weft_str bytes)
{
    begin_to_send(st);
    st->lent = bytes;
    weft__h2_go_on(st);
    int rc = wait_out(st, 0);
    st->lent = (weft_str){ 0 };
    return rc;
}

/* A peer that has ended its side cancels the handler, not the answer on its way; nor does a stop, which breaks it off after hard_ms. */
static int lend_shielded(h2_stream *st, weft_str bytes)
{
    WEFT_SCOPE(answering, .shield = true);
    return lend(st, bytes);
}

static int send_large(h2_stream *st, weft_str bytes)
{
    weft__server *s = st->h2->c->server;
    weft__buf mine = { 0 };
    if (weft__scratch_has(s, bytes)) mine = weft__scratch_take(s);
    int rc = lend_shielded(st, bytes);
    if (mine.ptr) weft__scratch_give(s, &mine);
    return rc;
}

static void copy_out(h2_stream *st, char *to, size_t n)
{
    size_t mine = st->out.len - st->out_at;
    if (mine > n) mine = n;
    if (mine) memcpy(to, st->out.ptr + st->out_at, mine);
    st->out_at += mine;
    n -= mine;
    if (!n) return;
    memcpy(to + mine, st->lent.ptr, n);
    st->lent = (weft_str){ st->lent.ptr + n, st->lent.len - n };
}

int weft__h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t length, nghttp2_data_source *source, void *user)
{
    h2_stream *st = source->ptr;
    weft__h2 *h = user;
    char *to = weft__buf_reserve(weft__connection_out(h->c), FRAME_HEAD + length);
    (void)session, (void)frame;
    if (!to) return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy(to, framehd, FRAME_HEAD);
    copy_out(st, to + FRAME_HEAD, length);
    h->c->out.len += FRAME_HEAD + length;
    st->took += length;
    st->moved_ns = weft__loop_now(h->c->server->loop);
    if (length) weft__h2_forgive_frames(h, DATA_FORGIVES);
    if (st->writer && weft__h2_unsent(st) <= st->wakes_at) weft__wake(st->writer, 0);
    if (st->pipe_full && weft__h2_unsent(st) <= H2_PIPE_OUT / 2) weft__h2_pipe_tell(st, WEFT__OUT);
    return h->c->out.len < H2_OUT_FULL ? 0 : NGHTTP2_ERR_PAUSE;      /* else all that windows allow would come in one call */
}

/* Whoever asked for a WebSocket would take any success for one. RFC 8441, 5 */
static bool is_no_pipe(const h2_stream *st, int status) { return st->r.x.connects && status / 100 == 2; }

/* ---- answers in one piece ---- */

/* No answer can be given. */
static int fail(h2_stream *st, int rc)
{
    st->r.x.broken |= rc == WEFT_ENOMEM;
    st->left = true;
    weft__h2_reset(st, NGHTTP2_INTERNAL_ERROR, true);
    return rc;
}

static int send_body(h2_stream *st, weft_str bytes)
{
    st->out_last = true;
    if (bytes.len > H2_INLINE_MAX) return send_large(st, bytes);
    int rc = weft__h2_add(st, bytes);
    if (rc == 0) weft__h2_go_on(st);
    return rc;
}

static int reply(weft__exchange *x, int status, weft_str headers, weft_str bytes)
{
    h2_stream *st = of(x);
    if (x->replied) return WEFT_EINVAL;
    if (is_no_pipe(st, status)) {
        status = 501;
        headers = WEFT_S("Content-Type: application/json\r\n");
        bytes = WEFT_S("{\"detail\":\"there is no WebSocket here\"}");
    }
    x->replied = true;
    x->status = (uint16_t)status;
    if (st->left) return WEFT_EOF;
    bool bodiless = weft__http_bodiless(status);
    if (bodiless) bytes.len = 0;
    int64_t length = !bodiless || status == 205 ? (int64_t)bytes.len : -1;
    if (st->r.is_head) bytes.len = 0;
    int rc = submit(st, status, headers, length, bytes.len != 0);
    if (rc == 0 && bytes.len) rc = send_body(st, bytes);
    if (rc < 0) (void)fail(st, rc);
    return rc;
}

void weft__h2_refuse(h2_stream *st, int status, const char *why)
{
    char text[512];
    size_t n = sizeof "{\"detail\":\"" - 1;
    memcpy(text, "{\"detail\":\"", n);
    for (const char *p = why; *p && n < sizeof text - 4; p++) {
        if (*p == '"' || *p == '\\') text[n++] = '\\';
        text[n++] = *p;
    }
    memcpy(text + n, "\"}", 2);
    (void)reply(&st->r.x, status, WEFT_S("Content-Type: application/json\r\n"), (weft_str){ text, n + 2 });
}

/* ---- answers in parts ---- */

static int begin(weft__exchange *x, int status, weft_str headers, int64_t length)
{
    h2_stream *st = of(x);
    weft__parts *p = &st->r.parts;
    bool bodiless = weft__http_bodiless(status);
    if (x->replied) return WEFT_EINVAL;
    if (is_no_pipe(st, status)) {
        status = 501;
        bodiless = true;
        length = 0;
    }
    x->replied = true;
    x->status = (uint16_t)status;
    p->framing = st->r.is_head || bodiless ? WEFT__FRAME_NO_BODY : length >= 0 ? WEFT__FRAME_LENGTH : WEFT__FRAME_CHUNKS;
    p->length = p->left = length;
    if (st->left) return WEFT_ECONNRESET;
    int64_t told = status == 205 ? 0 : bodiless ? -1 : length;
    bool pipe = status == 101;                       /* which has no number here: RFC 8441, 5 */
    int rc = submit(st, pipe ? 200 : status, headers, told, pipe || p->framing != WEFT__FRAME_NO_BODY);
    if (rc == 0) return 0;
    x->broken = true;
    return fail(st, rc);
}

static int write_part(h2_stream *st, weft_str bytes)
{
    bool large = bytes.len > WEFT__PART_BYTES;
    int rc = 0;
    if (!bytes.len) return 0;
    if (!large && weft__h2_unsent(st) + bytes.len > WEFT__PART_BYTES) rc = wait_out(st, WEFT__PART_BYTES - bytes.len);
    if (rc < 0) return rc;
    if (large) {
        rc = lend(st, bytes);
        if (rc == 0) weft__give_way();
        return rc;
    }
    rc = weft__h2_add(st, bytes);
    if (rc == 0) weft__h2_go_on(st);
    return rc;
}

static int write(weft__exchange *x, weft_str bytes)
{
    h2_stream *st = of(x);
    weft__parts *p = &st->r.parts;
    if (st->left) return WEFT_ECONNRESET;
    if (p->framing == WEFT__FRAME_NO_BODY) return 0;
    if (p->framing == WEFT__FRAME_LENGTH && bytes.len > (uint64_t)p->left) return WEFT_EINVAL;
    int rc = write_part(st, bytes);
    if (rc == 0) p->left -= (int64_t)bytes.len;
    else if (!st->left) (void)fail(st, rc);
    x->broken |= rc < 0 && rc != WEFT_ECONNRESET && (rc != WEFT_ETIMEDOUT || weft__cancelled());
    return rc;
}

static void add(weft__exchange *x, weft_str bytes)
{
    h2_stream *st = of(x);
    if (!bytes.len || st->left) return;
    int rc = weft__h2_add(st, bytes);
    if (rc == 0) st->r.parts.left -= (int64_t)bytes.len;
    else x->broken = true, (void)fail(st, rc);
    if (rc == 0) weft__h2_go_on(st);
}

static void will_flush(weft__exchange *x)
{
    h2_stream *st = of(x);
    if (st->left) return;
    st->holds = st->h2->holds = true;
    weft__h2_mark(st->h2);
}

static bool beats(weft__exchange *x)
{
    h2_stream *st = of(x);
    return !st->left && !st->writer && st->r.parts.framing != WEFT__FRAME_NO_BODY && !weft__h2_unsent(st);
}

/* What was written before goes first. */
static void break_off(weft__exchange *x)
{
    h2_stream *st = of(x);
    if (st->r.parts.framing == WEFT__FRAME_NO_BODY) return;
    x->broken |= !st->left;
    if (st->left) return;
    begin_to_send(st);
    st->broken = st->left = true;
    weft__h2_go_on(st);
}

/* They are sent when the client has room for what is before them; the task has ended by then. */
static int keep_trailers(h2_stream *st)
{
    name_large(st, st->r.x.trailers);
    weft__buf_init(&st->trailers, SIZE_MAX / 2);
    weft__buf_add_str(&st->trailers, st->r.x.trailers);
    return st->trailers.failed;
}

static int end(weft__exchange *x)
{
    h2_stream *st = of(x);
    if (st->left || st->r.parts.framing == WEFT__FRAME_NO_BODY) return 0;
    if (st->r.parts.framing == WEFT__FRAME_LENGTH && st->r.parts.left) {
        break_off(x);
        return WEFT_EINVAL;
    }
    if (x->trailers.len && keep_trailers(st) < 0) {
        break_off(x);
        return WEFT_ENOMEM;
    }
    st->out_last = true;
    begin_to_send(st);
    weft__h2_go_on(st);
    return 0;
}

/* ---- who listens ---- */

static void cancel_on_leave(weft__exchange *x, bool cancels)
{
    h2_stream *st = of(x);
    st->cancels = cancels;
    if (cancels && (st->left || st->h2->c->ended)) weft__h2_cut(st);
}

static bool left(const weft__exchange *x) { return looked_at(x)->left; }
static bool was_cut(const weft__exchange *x) { return looked_at(x)->cancelled; }
static void cut(weft__exchange *x) { weft__h2_cut(of(x)); }
static void flush(weft__exchange *x) { weft__h2_push(of(x)->h2); }

const weft__exchange_ops weft__h2_exchange = { .version = { "HTTP/2", 6 }, .body = body, .recv = receive, .cancel_on_leave = cancel_on_leave,
    .reply = reply, .flush = flush, .begin = begin, .write = write, .will_flush = will_flush, .add = add, .beats = beats, .end = end,
    .breaks = break_off, .upgrade = weft__h2_upgrade, .left = left, .was_cut = was_cut, .cut = cut };
