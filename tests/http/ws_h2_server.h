#ifndef WEFT_TESTS_HTTP_WS_H2_SERVER_H
#define WEFT_TESTS_HTTP_WS_H2_SERVER_H
/* A server of HTTP/2 that a test writes frame by frame, for the client's WebSockets. RFC 8441 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/client_world.h"
#include "weft/ws.h"

typedef struct server {
    weft_conn *c;
    nghttp2_hd_inflater *inflater;
    char head[2048];                 /* of the last request: "name: value\n" */
    char *data;                      /* of DATA frames of any stream */
    size_t have;
    unsigned id, flags;              /* of the last frame; and the last RST_STREAM: */
    uint32_t code;
    int asked, resets, ends;         /* HEADERS, RST_STREAM, END_STREAM */
    bool over;                       /* nothing more can be read */
    bool greeted;                    /* it has said its SETTINGS */
    uint64_t room[512], room_all;    /* what the client lets it send: by stream */
} server;

static inline uint32_t get32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline int frame(server *s, int type, int flags, unsigned id, const void *payload, size_t n)
{
    char head[9] = { (char)(n >> 16), (char)(n >> 8), (char)n, (char)type, (char)flags, 0, 0, (char)(id >> 8), (char)id };
    return weft_conn_write_n(s->c, (const weft_str[]){ { head, 9 }, { payload, n } }, 2);
}

static inline void take_head(server *s, weft_str in)
{
    s->head[0] = 0;
    for (int flags = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
        nghttp2_nv nv;
        ssize_t used = nghttp2_hd_inflate_hd2(s->inflater, &nv, &flags, (const uint8_t *)in.ptr, in.len, 1);
        WEFT_NEED(used >= 0);
        in = (weft_str){ in.ptr + used, in.len - (size_t)used };
        size_t at = strlen(s->head);
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            snprintf(s->head + at, sizeof s->head - at, "%.*s: %.*s\n", (int)nv.namelen, nv.name, (int)nv.valuelen, nv.value);
    }
    nghttp2_hd_inflate_end_headers(s->inflater);
}

static inline void take_settings(server *s, weft_str in)
{
    for (; in.len >= 6; in = (weft_str){ in.ptr + 6, in.len - 6 })
        if (in.ptr[1] == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE)
            for (size_t i = 0; i < weft_count(s->room); i++) s->room[i] = get32(in.ptr + 2);
    if (s->greeted) (void)!frame(s, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
}

static inline void take(server *s, int type, weft_str in)
{
    s->asked += type == NGHTTP2_HEADERS;
    if (type == NGHTTP2_HEADERS) take_head(s, in);
    if ((type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) && s->flags & NGHTTP2_FLAG_END_STREAM) s->ends++;
    if (type == NGHTTP2_WINDOW_UPDATE) *(s->id ? &s->room[s->id] : &s->room_all) += get32(in.ptr);
    if (type == NGHTTP2_SETTINGS && !(s->flags & NGHTTP2_FLAG_ACK)) take_settings(s, in);
    if (type == NGHTTP2_RST_STREAM) {
        s->code = get32(in.ptr);
        s->resets++;
    }
    if (type != NGHTTP2_DATA || !in.len) return;
    s->data = realloc(s->data, s->have + in.len);
    memcpy(s->data + s->have, in.ptr, in.len);
    s->have += in.len;
}

/* The type of the next frame; < 0: there is none any more, also when one could not be read. */
static inline int next(server *s)
{
    weft_str in;
    s->over |= s->over || weft_conn_exactly(s->c, 9, &in) <= 0;
    if (s->over) return -1;
    size_t n = get32(in.ptr) >> 8;
    int type = in.ptr[3];
    s->flags = (unsigned char)in.ptr[4];
    s->id = get32(in.ptr + 5) & INT32_MAX;
    in.len = 0;
    s->over |= n && weft_conn_exactly(s->c, n, &in) <= 0;
    if (s->over) return -1;
    take(s, type, in);
    return type;
}

static inline bool until(server *s, int wanted)
{
    for (int type; (type = next(s)) >= 0;)
        if (type == wanted) return true;
    return false;
}

static inline bool drain(server *s)
{
    while (next(s) >= 0) continue;
    return false;
}

static const char takes_them[] __attribute__((unused)) = "\0\10\0\0\0\1", takes_none[] __attribute__((unused)) = "\0\10\0\0\0\0";

/* Its SETTINGS; NULL: it says nothing yet. */
static inline bool greet(server *s, const char *setting, size_t n)
{
    weft_str in;
    if (weft_conn_exactly(s->c, NGHTTP2_CLIENT_MAGIC_LEN, &in) <= 0) return false;
    WEFT_CHECK_STR(in, NGHTTP2_CLIENT_MAGIC);
    s->greeted = setting;
    return !setting || frame(s, NGHTTP2_SETTINGS, 0, 0, setting, n) == 0;
}

static inline int headers(server *s, unsigned id, bool ends, const char *block, size_t n)
{
    return frame(s, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (ends ? NGHTTP2_FLAG_END_STREAM : 0), id, block, n);
}
#define HEADERS(s, id, ends, literal) headers((s), (id), (ends), "" literal, sizeof(literal) - 1)
#define DATA(s, id, ends, literal) frame((s), NGHTTP2_DATA, (ends) ? NGHTTP2_FLAG_END_STREAM : 0, (id), "" literal, sizeof(literal) - 1)

/* A client's whole, short frame at *at: its op, its text unmasked; < 0: there is none. */
static inline int ws_frame_at(const server *s, size_t *at, char *text)
{
    if (s->have < *at + 6) return -1;
    const char *b = s->data + *at;
    size_t n = b[1] & 127;
    WEFT_CHECK((b[1] & 0x80) != 0);
    if (s->have < *at + 6 + n) return -1;
    for (size_t i = 0; i < n; i++) text[i] = (char)(b[6 + i] ^ b[2 + i % 4]);
    text[n] = 0;
    *at += 6 + n;
    return (unsigned char)b[0];
}

typedef struct act { bool (*run)(server *s); const char *name; } act;
static inline int talk(weft_conn *c, void *ctx)
{
    server s = { .c = c, .room_all = 65535 };
    WEFT_NEED(nghttp2_hd_inflate_new(&s.inflater) == 0);
    (void)((const act *)ctx)->run(&s);
    nghttp2_hd_inflate_del(s.inflater);
    free(s.data);
    return 0;
}

#define SERVER(base, fn) const act base##_act = { .run = fn }; NET_TALKER(base, talk, (void *)(uintptr_t)&base##_act)
#define SERVER_END(base) NET_TALKER_END(base)
#define H2 .http2 = WEFT_HTTP2_ALWAYS

static inline int connect_to(weft_ws **ws, const char *base, const weft_ws_opts *o, int *status)
{
    return weft_ws_connect(ws, (.ws = o, H2, .status = status), "ws{+}/chat?who=ann", base + 4);
}

static inline int broken(weft_ws *ws, const char *text, int line)
{
    weft_str msg;
    int rc = weft_ws_recv(ws, &msg);
    if (rc != WEFT_ECONNRESET || !strstr(weft_error_of(rc)->text, text))
        weft__check_fail(__FILE__, line, "code %d, expected \"%s\" in \"%s\"", rc, text, rc < 0 ? weft_error_of(rc)->text : "");
    WEFT_CHECK_EQ(weft_ws_code(ws), 1006);
    return rc;
}
#define BROKEN(ws, text) ((void)!broken((ws), (text), __LINE__))
#define BEGINS(s) (greet((s), takes_them, 6) && until((s), NGHTTP2_HEADERS))
#endif
