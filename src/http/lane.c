/* One call over HTTP/2. Its request is taken from the lines of one of HTTP/1.1, its answer put together as such a one. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "http/client.h"
#include "http/h2_trailers.h"
#include "http/link.h"
#include "wire/bytes.h"

enum { FRAME_HEAD = 9, HEADS_MAX = WEFT__CALL_INTERIM_MAX + 2 };

static void mark(weft__lane *l) { weft__link_mark(l->link); }

/* ---- the request ---- */

static ssize_t pull(nghttp2_session *session, int32_t id, uint8_t *to, size_t length, uint32_t *flags, nghttp2_data_source *source, void *user)
{
    weft__lane *l = source->ptr;
    size_t n = l->lent.len;
    (void)to, (void)user;
    if (l->given_back && !l->parts) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (!n && !l->out_last) {
        l->waits_for_more = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n > length) n = length;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!l->out_last || n < l->lent.len) return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    l->end_sent = true;
    int rc = l->trailers.len ? weft__h2_send_trailers(session, id, weft__buf_str(&l->trailers), flags) : 0;
    return rc < 0 ? rc : (ssize_t)n;
}

int weft__lane_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t length, nghttp2_data_source *source, void *user)
{
    weft__lane *l = source->ptr;
    weft__link *k = user;
    (void)session, (void)frame;
    weft__buf_add(&k->out, framehd, FRAME_HEAD);
    weft__buf_add(&k->out, l->lent.ptr, length);
    if (k->out.failed) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (length) l->lent = (weft_str){ l->lent.ptr + length, l->lent.len - length };
    if (!l->lent.len && l->writer) weft__wake(l->writer, 0);
    if (!l->lent.len && l->piped) weft__lane_sent(l);
    weft__link_forgive(k);
    return k->out.len < LINK_OUT_FULL ? 0 : NGHTTP2_ERR_PAUSE;
}

static nghttp2_nv pair(weft_str name, weft_str value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len, value.len, NGHTTP2_NV_FLAG_NONE };
}

/* What the client itself wrote: no line of it is faulty. */
static bool line_next(weft_str *lines, weft_str *name, weft_str *value)
{
    if (lines->len <= 2) return false;
    const char *colon = memchr(lines->ptr, ':', lines->len), *end = lines->ptr + lines->len;
    const char *stop = colon ? memchr(colon, '\r', (size_t)(end - colon)) : NULL;
    if (!stop) return false;
    *name = (weft_str){ lines->ptr, (size_t)(colon - lines->ptr) };
    *value = weft__trim((weft_str){ colon + 1, (size_t)(stop - colon - 1) });
    *lines = (weft_str){ stop + 2, (size_t)(end - stop - 2) };
    return true;
}

/* connects: what an extended CONNECT has no use for. RFC 8441, 5 */
static bool is_left_out(weft_str name, bool connects)
{
    if (connects && (weft__same_nocase(name, WEFT_S("upgrade")) || weft__same_nocase(name, WEFT_S("sec-websocket-key")))) return true;
    return weft__same_nocase(name, WEFT_S("host")) || weft__same_nocase(name, WEFT_S("transfer-encoding"))
        || weft__same_nocase(name, WEFT_S("connection")) || weft__same_nocase(name, WEFT_S("keep-alive"))
        || weft__same_nocase(name, WEFT_S("proxy-connection"));
}

/* "GET /path HTTP/1.1\r\n" */
static weft_str word(weft_str *line)
{
    const char *space = memchr(line->ptr, ' ', line->len);
    weft_str out = { line->ptr, (size_t)(space - line->ptr) };
    *line = (weft_str){ space + 1, line->len - out.len - 1 };
    return out;
}

static size_t count_lines(weft_str head)
{
    size_t n = 0;
    for (size_t i = 0; i < head.len; i++) n += head.ptr[i] == '\n';
    return n;
}

static size_t make_pairs(weft__lane *l, weft_str head, nghttp2_nv *nv)
{
    size_t n = 0;
    weft_str method = word(&head), target = word(&head), name, value, host = l->link->origin->authority;
    const char *behind = memchr(head.ptr, '\n', head.len);
    head = (weft_str){ behind + 1, head.len - (size_t)(behind + 1 - head.ptr) };
    nv[n++] = pair(WEFT_S(":method"), l->connects ? WEFT_S("CONNECT") : method);
    if (l->connects) nv[n++] = pair(WEFT_S(":protocol"), WEFT_S("websocket"));
    nv[n++] = pair(WEFT_S(":scheme"), l->link->origin->tls ? WEFT_S("https") : WEFT_S("http"));
    nv[n++] = pair(WEFT_S(":authority"), host);
    nv[n++] = pair(WEFT_S(":path"), target);
    while (line_next(&head, &name, &value))
        if (!is_left_out(name, l->connects)) nv[n++] = pair(name, value);
    l->is_head = weft_str_equal(method, WEFT_S("HEAD"));
    return n;
}

int weft__lane_send(weft__lane *l, weft_str head, weft_str body, bool more)
{
    enum { NEAR = 24, OWN = 5 };
    weft__link *k = l->link;
    nghttp2_nv near[NEAR], *nv = near;
    size_t lines = count_lines(head) + OWN;
    if (k->lost || l->failed) return WEFT_ECONNRESET;
    if (lines > NEAR) nv = weft__malloc(lines * sizeof *nv);
    if (!nv) return WEFT_ENOMEM;
    size_t n = make_pairs(l, head, nv);
    l->lent = body;
    l->out_last = !more;
    nghttp2_data_provider source = { .source.ptr = l, .read_callback = pull };
    int32_t id = nghttp2_submit_request(k->session, NULL, nv, n, body.len || more ? &source : NULL, l);
    if (nv != near) weft__free(nv);
    /* Its identifiers may be used up: other calls go on another connection. RFC 9113, 5.1.1 */
    if (!nghttp2_session_check_request_allowed(k->session)) k->leaving = true;
    if (id < 0) return id == NGHTTP2_ERR_NOMEM ? WEFT_ENOMEM : WEFT_ECONNRESET;
    l->id = id;
    mark(l);
    return 0;
}

void weft__lane_go_on(weft__lane *l)
{
    if (l->waits_for_more && !l->closed && !l->link->lost) (void)nghttp2_session_resume_data(l->link->session, l->id);
    l->waits_for_more = false;
    mark(l);
}

int weft__lane_write(weft__lane *l, weft_str piece, int64_t deadline_ns)
{
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    if (l->failed || l->ended) return WEFT_ECONNRESET;
    l->lent = piece;
    weft__lane_go_on(l);
    while (rc >= 0 && l->lent.len && !l->failed && !l->ended && l->status < 300) {
        l->writer = weft__self();
        rc = weft__park("a slow peer to take a body", deadline_ns);
        l->writer = NULL;
    }
    bool gone = !l->lent.len;
    l->lent = (weft_str){ 0 };
    if (gone) return 0;
    return rc < 0 ? rc : WEFT_ECONNRESET;
}

int weft__lane_write_end(weft__lane *l, weft_str trailers)
{
    weft__buf_init(&l->trailers, SIZE_MAX / 2);
    weft__buf_add_str(&l->trailers, trailers);
    if (l->trailers.failed) return WEFT_ENOMEM;
    l->out_last = true;
    weft__lane_go_on(l);
    return 0;
}

void weft__lane_reset(weft__lane *l, uint32_t code)
{
    weft__link *k = l->link;
    if (l->closed || !l->id || k->lost) return;
    (void)nghttp2_submit_rst_stream(k->session, NGHTTP2_FLAG_NONE, l->id, code);
    mark(l);
}

/* ---- the answer ---- */

static void wake(weft__lane *l)
{
    if (l->reader) weft__wake(l->reader, 0);
    if (l->writer && (l->failed || l->ended || l->status >= 300)) weft__wake(l->writer, 0);
    if (l->piped) weft__lane_tell(l, WEFT__IN | (l->failed || l->ended ? WEFT__HUP : 0));
}

void weft__lane_heads(weft__lane *l)
{
    weft__buf_clear(&l->head);
    l->coming = 0;
}

/* One that is too large is given as far as it was kept, without an end: the parser refuses it. */
int weft__lane_header(weft__lane *l, weft_str name, weft_str value)
{
    if (weft_str_equal(name, WEFT_S(":status"))) {
        l->coming = (int)weft__decimal(value, 999);
        return 0;
    }
    if (l->coming && weft_str_equal(name, WEFT_S("content-length"))) l->left = weft__decimal(value, INT64_MAX);
    if (l->head.len > LINK_HEAD_MAX) return -1;
    weft__buf_add_str(&l->head, name);
    weft__buf_lit(&l->head, ": ");
    weft__buf_add_str(&l->head, value);
    weft__buf_lit(&l->head, "\r\n");
    if (l->head.failed == WEFT_ENOMEM) l->in.failed = WEFT_ENOMEM;
    return l->in.failed ? -1 : 0;
}

static void add_head(weft__lane *l, bool ends)
{
    bool whole = l->head.len <= LINK_HEAD_MAX && !l->head.failed;
    size_t before = l->in.len;
    bool empty = ends && l->left < 0 && !l->is_head && l->coming >= 200 && l->coming != 204 && l->coming != 304;
    weft__http_add_status(&l->in, l->coming);
    weft__buf_add_str(&l->in, weft__buf_str(&l->head));
    if (whole && empty) weft__buf_lit(&l->in, "Content-Length: 0\r\n");
    if (whole) weft__buf_lit(&l->in, "\r\n");
    l->heads_left += l->in.len - before;
    if (l->coming >= 200) l->status = l->coming;
    else l->left = -1;
}

/* Trailers have no status, and are the last that comes; nghttp2 sees to it. */
void weft__lane_head_ends(weft__lane *l, bool ends)
{
    weft__h2_compact(&l->in, &l->in_at);
    if (l->coming && ++l->heads <= HEADS_MAX) add_head(l, ends);
    l->trailed = !l->coming && ends;
    l->coming = 0;
    if (l->in.failed) weft__lane_fail(l);
    if (l->heads > HEADS_MAX) {                      /* an endless row of interim ones; what came tells so */
        weft__lane_fail(l);
        weft__lane_reset(l, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    if (ends) weft__lane_ends(l);
    wake(l);
}

static void give_room(weft__lane *l, size_t n)
{
    weft__link *k = l->link;
    if (n > l->in_held) n = l->in_held;
    l->in_held -= n;
    if (!n || k->lost || (l->piped && l->closed)) return;
    if (l->piped) (void)nghttp2_session_consume_stream(k->session, l->id, n);
    else if (l->closed) (void)nghttp2_session_consume_connection(k->session, n);
    else (void)nghttp2_session_consume(k->session, l->id, n);
    mark(l);
}

int weft__lane_data(weft__lane *l, const uint8_t *bytes, size_t n)
{
    if (l->piped) (void)nghttp2_session_consume_connection(l->link->session, n);
    if (l->piped && l->given_back) return 0;         /* no more than its window is sent for nothing */
    l->in_held += n;
    if (l->left >= 0) l->left -= (int64_t)n;
    if (l->given_back || l->failed) {
        give_room(l, n);
        return 0;
    }
    weft__h2_compact(&l->in, &l->in_at);
    weft__buf_add(&l->in, bytes, n);
    if (l->in.failed) {
        weft__lane_fail(l);
        weft__lane_reset(l, NGHTTP2_INTERNAL_ERROR);
    }
    wake(l);
    return 0;
}

void weft__lane_ends(weft__lane *l)
{
    l->ended = true;
    l->link->used = true;
    wake(l);
}

void weft__lane_fail(weft__lane *l)
{
    if (!l->ended) l->failed = true;
    wake(l);
}

void weft__lane_scrap(weft__lane *l)
{
    weft__lane_part_stop(l);
    weft__buf_free(&l->in);
    weft__buf_free(&l->head);
    weft__buf_free(&l->out);
    weft__buf_free(&l->trailers);
    weft__free(l);
}

void weft__lane_free(weft__lane *l)
{
    weft__link *k = l->link;
    if (l->prev) l->prev->next = l->next;
    else k->first = l->next;
    if (l->next) l->next->prev = l->prev;
    k->lanes--;
    weft__lane_scrap(l);
    weft__link_tell(k->origin, false);
}

/* Its connection is gone, and tells nothing any more. One that somebody works on frees it later: nghttp2 may still know it. */
void weft__lane_lost(weft__lane *l)
{
    weft__lane_fail(l);
    if (l->given_back && !l->link->busy) weft__lane_free(l);
}

bool weft__lane_leave(weft__lane *l)
{
    bool still_sends = l->in_line && !l->end_sent;           /* what its owner was told has gone; for PART_MS at most */
    if (!l->given_back || still_sends) return false;
    if (!l->left_over) weft__lane_reset(l, NGHTTP2_CANCEL);
    l->left_over = true;
    return true;
}

/* One that was reset is no sign of a connection that was closed before it was used. */
void weft__lane_closed(weft__lane *l, uint32_t code)
{
    weft__link *k = l->link;
    l->closed = true;
    l->code = code;
    l->refused = code == NGHTTP2_REFUSED_STREAM && !l->heads;
    l->conn.used &= l->ended;
    if (l->in_held && l->given_back && !l->piped && !k->lost) (void)nghttp2_session_consume_connection(k->session, l->in_held);
    if (l->given_back) l->in_held = 0;
    weft__lane_fail(l);
    if (l->given_back) weft__lane_free(l);
}

weft_str weft__lane_trailers(const weft__lane *l) { return l->trailed ? weft__buf_str(&l->head) : (weft_str){ "", 0 }; }
int weft__lane_status(const weft__lane *l) { return l->status; }

static int why_nothing(const weft__lane *l)
{
    if (l->shut) return WEFT_ECLOSED;
    if (l->in.failed == WEFT_ENOMEM) return WEFT_ENOMEM;
    return l->refused ? WEFT__LANE_REFUSED : WEFT_ECONNRESET;
}

ssize_t weft__lane_recv(weft__lane *l, void *to, size_t n, int64_t deadline_ns)
{
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    while (l->in_at == l->in.len || l->shut) {
        if (l->shut || l->failed) return why_nothing(l);
        if (l->ended) return 0;
        if (l->reader) return WEFT_EBUSY;
        l->reader = weft__self();
        rc = weft__park("an answer", deadline_ns);
        l->reader = NULL;
        if (rc < 0) return rc;
    }
    if (n > l->in.len - l->in_at) n = l->in.len - l->in_at;
    if (l->connects && l->heads_left && n > l->heads_left) n = l->heads_left;
    l->heads_left -= n < l->heads_left ? n : l->heads_left;
    memcpy(to, l->in.ptr + l->in_at, n);
    l->in_at += n;
    give_room(l, n);
    return (ssize_t)n;
}

void weft__lane_shut(weft__lane *l)
{
    l->shut = true;
    wake(l);
}

/* ---- the end ---- */

bool weft__lane_too_large(const weft__lane *l) { return l->status && l->head.len > LINK_HEAD_MAX; }

const char *weft__lane_how(const weft__lane *l)
{
    static const char *const codes[] = { "stream reset (NO_ERROR)", "stream reset (PROTOCOL_ERROR)", "stream reset (INTERNAL_ERROR)",
        "stream reset (FLOW_CONTROL_ERROR)", "stream reset (SETTINGS_TIMEOUT)", "stream reset (STREAM_CLOSED)",
        "stream reset (FRAME_SIZE_ERROR)", "stream reset (REFUSED_STREAM)", "stream reset (CANCEL)",
        "stream reset (COMPRESSION_ERROR)", "stream reset (CONNECT_ERROR)", "stream reset (ENHANCE_YOUR_CALM)",
        "stream reset (INADEQUATE_SECURITY)", "stream reset (HTTP_1_1_REQUIRED)" };
    if (l->link->lost) return l->link->why;
    if (weft__lane_too_large(l)) return "stream reset, as its head or trailers are too large,";
    return l->code < weft_count(codes) ? codes[l->code] : "stream reset";
}

/* All of a body whose length is known may have come before the end was said: no reason to break it off. */
void weft__lane_end(weft__lane *l)
{
    weft__link *k = l->link;
    bool whole = l->ended || (l->status && !l->left), before = k->busy;
    l->given_back = true;
    l->lent = (weft_str){ 0 };
    k->busy = true;                  /* it may be lost on the way, and this lane with it */
    give_room(l, l->in_held);
    if (l->connects) weft__lane_doubt(l);
    if (l->id && !l->closed && (!whole || !l->out_last || l->waits_for_more)) weft__lane_reset(l, NGHTTP2_CANCEL);
    k->busy = before;
    if (!l->id || l->closed || k->lost) weft__lane_free(l);
    weft__link_settle(k);
}
