/* A client's connection that speaks HTTP/2: shared by all calls to its origin, fed and emptied on the loop's own stack. */
#include "http/link.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"

enum {
    OUT_BYTES_MAX = 1 << 20, OUT_ROOM_KEPT = 16 * 1024,
    SENDS_AT_ONCE = 16, RECEIVES_AT_ONCE = 16,
    QUEUE_MAX = 2000,
    HEADS_FREE = 4,                  /* on a lane: interim ones, the answer's, trailers */
    FORGIVEN = 4, FRAMES_AT_ONCE = 10000, FRAME_NS = 1000000   /* what a server may send that carries nothing */
};
static const char NO_MEMORY[] = "broken off for want of memory", NO_HTTP2[] = "broken off for what is no HTTP/2", HELD_BY[] = "HTTP/2",
    SILENT[] = "closed as its server was silent";

static int64_t now_of(const weft__link *k) { return weft__loop_now(k->client->loop); }

/* ---- the end of it ---- */

static void unlist(weft__link *k)
{
    weft__link **at = &k->origin->links;
    while (*at && *at != k) at = &(*at)->next;
    if (*at) *at = k->next;
    weft__link **un = &k->client->links_unsent;
    while (*un && *un != k) un = &(*un)->next_unsent;
    if (*un) *un = k->next_unsent;
}

void weft__link_free(weft__link *k)
{
    unlist(k);
    weft__timer_stop(k->client->loop, &k->idle);
    weft__timer_stop(k->client->loop, &k->again);
    weft__h2_mem_free(&k->mem, k->session);
    weft__buf_free(&k->out);
    if (k->conn) weft__conn_drop(k->conn);
    weft__link_tell(k->origin, true);
    weft__free(k);
}

void weft__link_lose(weft__link *k, const char *why)
{
    if (k->lost) return;
    k->lost = k->leaving = true;
    k->why = why;
    if (k->conn) weft__stream_close(&k->conn->stream);
    for (weft__lane *l = k->first, *next; l; l = next) {
        next = l->next;
        weft__lane_lost(l);
    }
}

static void free_given_back(weft__link *k)
{
    for (weft__lane *l = k->first, *next; l; l = next) {
        next = l->next;
        if (l->given_back) weft__lane_free(l);
    }
}

static bool nobody_waits(const weft__link *k)
{
    const weft__lane *l = k->first;
    while (l && l->given_back) l = l->next;
    return !l;
}

static bool all_sent(weft__link *k) { return !k->out.len && !nghttp2_session_want_write(k->session); }
static bool session_is_over(weft__link *k) { return all_sent(k) && !nghttp2_session_want_read(k->session); }

void weft__link_settle(weft__link *k)
{
    if (k->busy || k->opening) return;
    if (k->mem.failed) weft__link_lose(k, NO_MEMORY);
    /* nghttp2 has told the server what is wrong with it, or no stream is left behind a GOAWAY. */
    if (!k->lost && session_is_over(k)) weft__link_lose(k, k->leaving ? "closed" : NO_HTTP2);
    if (k->silent && !k->lost && nobody_waits(k)) weft__link_lose(k, SILENT);
    if (k->lost) free_given_back(k);
    if (k->lanes) {
        weft__timer_stop(k->client->loop, &k->idle);
        return;
    }
    if (k->lost || (k->leaving && all_sent(k))) {
        weft__link_free(k);
        return;
    }
    if (k->idle.place) return;
    int64_t until_ns = now_of(k) + k->client->limits.idle_ms * INT64_C(1000000);
    if (weft__timer_start(k->client->loop, &k->idle, until_ns) < 0) weft__link_lose(k, "closed");
    if (k->lost) weft__link_free(k);
}

/* It is said goodbye to as well as it goes. */
static void send_some(weft__link *k);
static void part(weft__link *k)
{
    k->leaving = true;
    if (!k->lost) (void)nghttp2_session_terminate_session(k->session, NGHTTP2_NO_ERROR);
    if (!k->lost) send_some(k);
    weft__link_lose(k, "closed");
    weft__link_free(k);
}

static void idle_over(weft__timer *t)
{
    weft__link *k = (weft__link *)((char *)t - offsetof(weft__link, idle));
    if (!k->lanes) part(k);
}

static weft__link *idle_link(weft__client *client)
{
    for (size_t i = 0; i < WEFT__ORIGIN_BUCKETS; i++)
        for (weft__origin *o = client->buckets[i]; o; o = o->next)
            for (weft__link *k = o->links; k; k = k->next)
                if (!k->lanes && !k->opening && !k->busy) return k;
    return NULL;
}

bool weft__links_make_room(weft__client *client)
{
    weft__link *k = idle_link(client);
    if (k) part(k);
    return k != NULL;
}

/* The loop has ended: no task is there any more. */
void weft__links_free(weft__client *client)
{
    for (size_t i = 0; i < WEFT__ORIGIN_BUCKETS; i++)
        for (weft__origin *o = client->buckets[i]; o; o = o->next)
            for (weft__link *k; (k = o->links);) {
                k->busy = true;
                weft__link_lose(k, "closed");
                weft__lanes_over(k);
                while (k->first) {
                    weft__lane *l = k->first;
                    k->first = l->next;
                    weft__lane_scrap(l);
                }
                k->lanes = 0;
                weft__link_free(k);
            }
    weft__timer_stop(client->loop, &client->parting.timer);
    if (client->links_hooked) weft__loop_unhook(client->loop, &client->links_flush);
    client->links_hooked = false;
}

/* ---- sending ---- */

void weft__link_forgive(weft__link *k) { k->frames_until_ns -= FORGIVEN * (int64_t)FRAME_NS; }

void weft__link_mark(weft__link *k)
{
    if (k->mem.failed) weft__link_lose(k, NO_MEMORY);
    if (k->unsent || k->lost) return;
    k->unsent = true;
    k->next_unsent = k->client->links_unsent;
    k->client->links_unsent = k;
}

void weft__link_soon(weft__link *k)
{
    if (!k->again.place && weft__timer_start(k->client->loop, &k->again, now_of(k)) < 0) weft__link_lose(k, NO_MEMORY);
}

static bool gather(weft__link *k)
{
    const uint8_t *bytes;
    ssize_t n = 1;
    while (n > 0 && k->out.len < LINK_OUT_FULL) {
        n = nghttp2_session_mem_send(k->session, &bytes);
        if (n > 0) weft__buf_add(&k->out, bytes, (size_t)n);
    }
    return n >= 0 && !k->out.failed;
}

static bool send_once(weft__link *k)
{
    if (!gather(k)) {
        weft__link_lose(k, NO_MEMORY);
        return false;
    }
    if (!k->out.len) return false;
    struct iovec iov = { k->out.ptr, k->out.len };
    ssize_t went = weft__stream_try_send(&k->conn->stream, &iov, 1);
    if (went < 0) {
        weft__link_lose(k, "broken off");
        return false;
    }
    memmove(k->out.ptr, k->out.ptr + went, k->out.len - (size_t)went);
    k->out.len -= (size_t)went;
    return !k->out.len;
}

static void send_some(weft__link *k)
{
    for (int i = 0; i < SENDS_AT_ONCE && k->conn->stream.may_write && send_once(k); i++) continue;
    if (k->lost) return;
    if (!k->out.len && k->out.room > OUT_ROOM_KEPT) weft__buf_free(&k->out);
    bool more = k->out.len ? k->conn->stream.may_write : nghttp2_session_want_write(k->session) != 0;
    if (more) weft__link_soon(k);
}

void weft__link_push(weft__link *k)
{
    bool before = k->busy;
    k->busy = true;
    if (!k->lost) send_some(k);
    k->busy = before;
}

static void flush_all(weft__hook *h)
{
    weft__client *client = (weft__client *)((char *)h - offsetof(weft__client, links_flush));
    weft__link *k = client->links_unsent;
    client->links_unsent = NULL;
    for (weft__link *next; k; k = next) {
        next = k->next_unsent;
        k->unsent = false;
        weft__link_push(k);
        weft__link_settle(k);
    }
}

/* ---- receiving ---- */

static void feed(weft__link *k, const char *bytes, size_t n)
{
    ssize_t used = nghttp2_session_mem_recv(k->session, (const uint8_t *)bytes, n);
    bool floods = k->floods || used == NGHTTP2_ERR_FLOODED || (used >= 0 && nghttp2_session_get_outbound_queue_size(k->session) > QUEUE_MAX);
    if (floods) weft__link_lose(k, "broken off for a flood of frames");
    else if (used < 0) weft__link_lose(k, NO_HTTP2);
}

static void hear(weft__link *k)
{
    k->heard_ns = now_of(k);
    if (k->silent) weft__link_tell(k->origin, true);
    k->silent = false;
}

static void receive(weft__link *k)
{
    weft__client *client = k->client;
    int times = 0;
    for (; times < RECEIVES_AT_ONCE && !k->lost && k->conn->stream.may_read; times++) {
        ssize_t n = weft__stream_try_recv(&k->conn->stream, client->in, WEFT__CLIENT_IN);
        if (n == -EAGAIN) break;
        if (n > 0) hear(k);
        if (n > 0) feed(k, client->in, (size_t)n);
        else weft__link_lose(k, n == 0 ? "closed" : "broken off");
    }
    if (times == RECEIVES_AT_ONCE && !k->lost) weft__link_soon(k);
    weft__link_mark(k);
}

static void again(weft__timer *t)
{
    weft__link *k = (weft__link *)((char *)t - offsetof(weft__link, again));
    k->busy = k->hears = true;
    if (!k->lost) receive(k);
    weft__lanes_told(k);
    k->busy = k->hears = false;
    weft__link_settle(k);
}

static void told(weft__stream *s, uint32_t events)
{
    weft__conn *c = (weft__conn *)s;
    weft__link *k = c->link;
    if (!k) return;
    k->busy = k->hears = true;
    if (events & WEFT__OUT) weft__link_mark(k);
    if (events & (WEFT__IN | WEFT__HUP)) receive(k);
    weft__lanes_told(k);
    k->busy = k->hears = false;
    weft__link_settle(k);
}

/* ---- what nghttp2 tells ---- */

static weft__lane *lane_of(weft__link *k, int32_t id) { return id ? nghttp2_session_get_stream_user_data(k->session, id) : NULL; }

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    weft__link *k = user;
    int64_t now_ns = now_of(k);
    const weft__lane *l = hd->type == NGHTTP2_HEADERS ? lane_of(k, hd->stream_id) : NULL;
    bool carries = (l && l->heads < HEADS_FREE) || (hd->type == NGHTTP2_DATA && hd->length);
    (void)session;
    if (carries) return 0;
    if (k->frames_until_ns < now_ns) k->frames_until_ns = now_ns;
    k->frames_until_ns += FRAME_NS;
    k->floods = k->frames_until_ns - now_ns > (int64_t)FRAMES_AT_ONCE * FRAME_NS;
    return k->floods ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    weft__lane *l = lane_of(user, frame->hd.stream_id);
    (void)session;
    if (l && frame->hd.type == NGHTTP2_HEADERS) weft__lane_heads(l);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
    weft__lane *l = lane_of(user, frame->hd.stream_id);
    (void)session, (void)flags;
    if (!l) return 0;
    int rc = weft__lane_header(l, (weft_str){ (const char *)name, name_len }, (weft_str){ (const char *)value, value_len });
    if (rc == 0) return 0;
    weft__lane_head_ends(l, false);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
    (void)session, (void)frame, (void)name, (void)name_len, (void)value, (void)value_len, (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n, void *user)
{
    weft__lane *l = lane_of(user, id);
    (void)flags;
    if (l) return weft__lane_data(l, bytes, n);
    (void)nghttp2_session_consume(session, id, n);
    return 0;
}

bool weft__link_connects(const weft__link *k)
{
    return nghttp2_session_get_remote_settings(k->session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

static void greeted(weft__link *k)
{
    k->origin->connects = weft__link_connects(k);
    for (weft__lane *l = k->greeted ? NULL : k->first; l; l = l->next)
        if (l->reader) weft__wake(l->reader, 0);     /* it may wait for just this */
    k->greeted = true;
    k->origin->lanes_told = true;
    k->origin->lanes_max = nghttp2_session_get_remote_settings(k->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    weft__link_tell(k->origin, true);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    weft__link *k = user;
    weft__lane *l = lane_of(k, frame->hd.stream_id);
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY) k->leaving = true;
    if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) greeted(k);
    if (!l) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS) weft__lane_head_ends(l, ends);
    else if (frame->hd.type == NGHTTP2_DATA && ends) weft__lane_ends(l);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    weft__lane *l = lane_of(user, id);
    (void)session;
    if (l) weft__lane_closed(l, code);
    return 0;
}

/* ---- opening ---- */

static void set_callbacks(nghttp2_session_callbacks *to)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(to, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(to, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(to, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(to, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(to, on_close);
    nghttp2_session_callbacks_set_send_data_callback(to, weft__lane_send_data);
}

static int make_session(weft__link *k)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_mem mem = weft__h2_mem_of(&k->mem);
    int rc = nghttp2_session_callbacks_new(&callbacks);
    if (rc == 0) rc = nghttp2_option_new(&option);
    if (rc == 0) {
        set_callbacks(callbacks);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_max_send_header_block_length(option, WEFT__H2_BLOCK_MAX);
        rc = nghttp2_session_client_new3(&k->session, callbacks, k, option, &mem);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return rc;
}

static int greet(weft__link *k)
{
    static const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, LINK_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LINK_HEAD_MAX },
    };
    int rc = nghttp2_submit_settings(k->session, NGHTTP2_FLAG_NONE, settings, weft_count(settings));
    if (rc == 0) rc = nghttp2_session_set_local_window_size(k->session, NGHTTP2_FLAG_NONE, 0, LINK_WINDOW_ALL);
    return rc;
}

weft__link *weft__link_new(weft__origin *o)
{
    weft__client *client = o->client;
    weft__link *k = weft__calloc(sizeof *k);
    if (!k) return NULL;
    *k = (weft__link){ .origin = o, .client = client, .next = o->links, .idle.fire = idle_over, .again.fire = again, .opening = true };
    weft__buf_init(&k->out, OUT_BYTES_MAX);
    if (make_session(k) != 0 || greet(k) != 0) {
        weft__h2_mem_free(&k->mem, k->session);
        weft__free(k);
        return NULL;
    }
    if (!client->links_hooked) {
        client->links_flush.run = flush_all;
        client->parting.timer.fire = weft__lanes_parted;
        weft__loop_hook_last(client->loop, &client->links_flush);    /* behind what WebSockets gather */
        client->links_hooked = true;
    }
    o->links = k;
    return k;
}

/* What came while it was opened brings no edge any more. */
int weft__link_begin(void *link)
{
    weft__link *k = link;
    k->opening = false;
    k->heard_ns = now_of(k);
    k->conn->link = k;
    k->conn->holder = NULL;
    k->conn->held_by = HELD_BY;
    k->conn->stream.idle = told;
    k->busy = true;
    if (k->conn->stream.may_read) receive(k);
    k->busy = false;
    weft__link_mark(k);
    weft__link_tell(k->origin, true);
    return 0;
}
