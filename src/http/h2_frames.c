/* What nghttp2 tells of a server's session, frame by frame, and how it is set up. It is called while the session is fed or emptied, and must
 * not wait. */
#include "http/h2_inside.h"
#include "io/log.h"

enum { HEADS_FORGIVE = 10 };

static h2_stream *stream_of(weft__h2 *h, int32_t id) { return id ? nghttp2_session_get_stream_user_data(h->session, id) : NULL; }

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    weft__h2 *h = user;
    (void)session;
    h->frame_data = 0;
    bool carries = hd->type == NGHTTP2_DATA || hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_CONTINUATION;
    if (!carries) weft__h2_count_frame(h);
    if (hd->type == NGHTTP2_RST_STREAM) weft__h2_count_reset(h);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    weft__h2 *h = user;
    if (frame->hd.type != NGHTTP2_HEADERS || h->over) return 0;
    weft__h2_head_begin(&h->head, h->c->server);
    h->head_ns = weft__loop_now(h->c->server->loop);
    h->head_id = frame->hd.stream_id;
    weft__h2_tick_start(h);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;        /* trailers: RFC 9113, 8.1; nghttp2 refuses others, and pseudo-fields in them */
    h2_stream *st = weft__h2_stream_new(h, frame->hd.stream_id);
    if (!st) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, st);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
    weft__h2 *h = user;
    weft_str key = { (const char *)name, name_len };
    (void)session, (void)flags;
    if (h->over) return 0;
    h2_stream *st = stream_of(h, frame->hd.stream_id);
    if (st && weft_str_equal(key, WEFT_S("priority"))) st->has_priority = true;
    if (weft__h2_head_add(&h->head, key, (weft_str){ (const char *)value, value_len }, h->c->server) == 0) return 0;
    weft__h2_count_reset(h);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* A name or a value that none may be is no header to leave out, but a fault of the whole. RFC 9113, 8.2.1 */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len, const uint8_t *value,
    size_t value_len, uint8_t flags, void *user)
{
    (void)session, (void)frame, (void)name, (void)name_len, (void)value, (void)value_len, (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n, void *user)
{
    weft__h2 *h = user;
    h2_stream *st = stream_of(h, id);
    (void)flags;
    h->frame_data += n;
    if (h->over) return 0;
    if (st) return weft__h2_stream_data(st, bytes, n);
    (void)nghttp2_session_consume(session, id, n);
    return 0;
}

static void head_came(weft__h2 *h, const nghttp2_frame *frame, h2_stream *st)
{
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    h->head_ns = 0;
    if (!st || st->left) return;
    weft__h2_forgive_frames(h, HEADS_FORGIVE);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) weft__h2_request(st, ends);
    else if (ends) weft__h2_stream_trailers(st, &h->head), weft__h2_stream_ended(st);
}

static void data_came(weft__h2 *h, const nghttp2_frame *frame, h2_stream *st)
{
    bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (!h->frame_data && !ends) weft__h2_count_frame(h);
    if (st && ends) weft__h2_stream_ended(st);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    weft__h2 *h = user;
    (void)session;
    if (h->over) return 0;
    h2_stream *st = stream_of(h, frame->hd.stream_id);
    bool parting = frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK && h->part_ns;
    if (frame->hd.type == NGHTTP2_HEADERS) head_came(h, frame, st);
    else if (frame->hd.type == NGHTTP2_DATA) data_came(h, frame, st);
    else if (parting) weft__h2_name_the_last(h);
    return 0;
}

/* What a client forces us to reset costs as much as what it resets itself. */
static bool is_forced(uint32_t code) { return code != NGHTTP2_NO_ERROR && code != NGHTTP2_INTERNAL_ERROR && code != NGHTTP2_CANCEL; }

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    weft__h2 *h = user;
    h2_stream *st = stream_of(h, frame->hd.stream_id);
    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM && is_forced(frame->rst_stream.error_code) && !(st && st->mine)) weft__h2_count_reset(h);
    bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!st || !carries || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    st->out_sent = true;
    weft__h2_stream_rest(st);
    return 0;
}

static void cannot_send(h2_stream *st, int code)
{
    weft_str name = st->r.name_len ? (weft_str){ st->r.name, st->r.name_len } : WEFT_S("a request");    /* its memory may be gone */
    const char *why = code == NGHTTP2_ERR_FRAME_SIZE_ERROR ? "they are larger than 1 MiB" : nghttp2_strerror(code);
    weft__log(WEFT_LOG_ERROR, "%.*s: its answer was reset, as its head or trailers cannot be sent over HTTP/2: %s", WEFT_FMT(name), why);
    st->left = true;
    weft__h2_reset(st, NGHTTP2_INTERNAL_ERROR, true);
}

/* A head or trailers that do not go out are all that a client waits for. */
static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int code, void *user)
{
    weft__h2 *h = user;
    h2_stream *st = stream_of(h, frame->hd.stream_id);
    bool ends_anyway = code == NGHTTP2_ERR_STREAM_CLOSED || code == NGHTTP2_ERR_STREAM_CLOSING || code == NGHTTP2_ERR_SESSION_CLOSING;
    (void)session;
    if (frame->hd.type == NGHTTP2_HEADERS && st && !st->closed && !ends_anyway) cannot_send(st, code);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    weft__h2 *h = user;
    h2_stream *st = stream_of(h, id);
    (void)session, (void)code;
    if (id == h->head_id) h->head_ns = 0;            /* it was refused before it was whole */
    if (st) weft__h2_stream_closed(st);
    return 0;
}

/* A frame of no known type is dropped: RFC 9113, 5.5 */
static int on_unknown(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd, void *user)
{
    (void)session, (void)payload, (void)hd, (void)user;
    return NGHTTP2_ERR_CANCEL;
}

/* ---- the beginning ---- */

static void set_callbacks(nghttp2_session_callbacks *to)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(to, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(to, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(to, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(to, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(to, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(to, on_frame_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(to, on_close);
    nghttp2_session_callbacks_set_send_data_callback(to, weft__h2_send_data);
    nghttp2_session_callbacks_set_unpack_extension_callback(to, on_unknown);
}

static void set_options(nghttp2_option *to)
{
    nghttp2_option_set_no_auto_window_update(to, 1);
    nghttp2_option_set_no_closed_streams(to, 1);
    nghttp2_option_set_max_send_header_block_length(to, WEFT__H2_BLOCK_MAX);
    /* Those that nobody knows are told as well, so that they are counted. */
    for (unsigned type = NGHTTP2_ALTSVC; type < 256; type++) nghttp2_option_set_user_recv_extension_type(to, (uint8_t)type);
    nghttp2_option_set_builtin_recv_extension_type(to, NGHTTP2_PRIORITY_UPDATE);
#if WEFT__NGHTTP2_COUNTS_RESETS
    nghttp2_option_set_stream_reset_rate_limit(to, UINT64_MAX, 0);   /* h2_guard.c does, by the loop's clock and for either side */
#endif
}

static int make_session(weft__h2 *h)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_mem mem = weft__h2_mem_of(&h->mem);
    int rc = nghttp2_session_callbacks_new(&callbacks);
    if (rc == 0) rc = nghttp2_option_new(&option);
    if (rc == 0) {
        set_callbacks(callbacks);
        set_options(option);
        rc = nghttp2_session_server_new3(&h->session, callbacks, h, option, &mem);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return rc;
}

static int greet(weft__h2 *h)
{
    const weft_serve_opts *o = &h->c->server->opts;
    uint32_t head = o->head_bytes_max < UINT32_MAX ? (uint32_t)o->head_bytes_max : UINT32_MAX;
    nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)o->streams_max },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
        { NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },     /* RFC 8441, 3 */
    };
    int rc = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, weft_count(settings));
    if (rc == 0) rc = nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, H2_WINDOW_ALL);
    return rc;
}

int weft__h2_make(weft__h2 *h)
{
    int rc = make_session(h);
    return rc == 0 ? greet(h) : rc;
}
