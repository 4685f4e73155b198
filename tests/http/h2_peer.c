#include "http/h2_peer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_HEAD = 9 };

/* ---- saying ---- */

static void put32(unsigned char *to, uint32_t n)
{
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(n >> (24 - 8 * i));
}

static uint32_t get32(const unsigned char *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

bool h2_frame(h2_peer *h, uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t n)
{
    unsigned char *all = malloc(FRAME_HEAD + n);
    put32(all, (uint32_t)n << 8 | type);
    all[4] = flags;
    put32(all + 5, id);
    if (n) memcpy(all + FRAME_HEAD, payload, n);
    int rc = peer_send(h->p, all, FRAME_HEAD + n);
    free(all);
    return rc == 0;
}

h2_peer *h2_open(const served *s, uint32_t window)
{
    unsigned char setting[6] = { 0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE };
    h2_peer *h = calloc(1, sizeof *h);
    server_alpn = "h2";
    h->p = peer_open(s);
    server_alpn = NULL;
    WEFT_NEED(nghttp2_hd_inflate_new(&h->inflater) == 0);
    put32(setting + 2, window);
    (void)peer_send(h->p, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    h2_frame(h, NGHTTP2_SETTINGS, 0, 0, setting, window ? sizeof setting : 0);
    return h;
}

void h2_forget(h2_peer *h)
{
    for (size_t i = 0; i < h->stream_count; i++) free(h->streams[i].body);
    memset(h->streams, 0, h->stream_count * sizeof *h->streams);
    h->stream_count = 0;
}

void h2_close(h2_peer *h)
{
    h2_forget(h);
    nghttp2_hd_inflate_del(h->inflater);
    free(h->block);
    peer_close(h->p);
    free(h);
}

/* Without Huffman codes; RFC 7541, 5.1 and 5.2 */
static char *put_text(char *to, const char *text)
{
    size_t n = strlen(text);
    if (n < 127) {
        *to++ = (char)n;
    } else {
        *to++ = 127;
        size_t rest = n - 127;
        for (; rest >= 128; rest >>= 7) *to++ = (char)(rest | 128);
        *to++ = (char)rest;
    }
    memcpy(to, text, n);
    return to + n;
}

size_t h2_block(char *to, const char *const *pairs)
{
    char *start = to;
    for (; pairs[0]; pairs += 2) {
        *to++ = 0;                   /* a literal that is not kept: RFC 7541, 6.2.2 */
        to = put_text(to, pairs[0]);
        to = put_text(to, pairs[1]);
    }
    return (size_t)(to - start);
}

bool h2_headers(h2_peer *h, uint32_t id, bool ends, const char *const *pairs)
{
    size_t room = 64;
    for (const char *const *p = pairs; *p; p++) room += strlen(*p) + 16;
    char *block = malloc(room);
    size_t n = h2_block(block, pairs);
    bool sent = h2_frame(h, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (ends ? NGHTTP2_FLAG_END_STREAM : 0), id, block, n);
    free(block);
    return sent;
}

bool h2_data(h2_peer *h, uint32_t id, bool ends, const void *bytes, size_t n)
{
    return h2_frame(h, NGHTTP2_DATA, ends ? NGHTTP2_FLAG_END_STREAM : 0, id, bytes, n);
}

void h2_window(h2_peer *h, uint32_t id, uint32_t n)
{
    unsigned char payload[4];
    put32(payload, n);
    h2_frame(h, NGHTTP2_WINDOW_UPDATE, 0, id, payload, sizeof payload);
}

void h2_reset(h2_peer *h, uint32_t id, uint32_t code)
{
    unsigned char payload[4];
    put32(payload, code);
    h2_frame(h, NGHTTP2_RST_STREAM, 0, id, payload, sizeof payload);
}

/* ---- hearing ---- */

h2_got *h2_of(h2_peer *h, uint32_t id)
{
    for (size_t i = 0; i < h->stream_count; i++)
        if (h->streams[i].id == id) return &h->streams[i];
    WEFT_NEED(h->stream_count < H2_STREAMS);
    h->streams[h->stream_count].id = id;
    return &h->streams[h->stream_count++];
}

const char *h2_header(const h2_got *g, const char *name)
{
    static char value[256];
    char line[80];
    snprintf(line, sizeof line, "%s: ", name);
    const char *at = strstr(g->head, line);
    snprintf(value, sizeof value, "%.*s", at ? (int)strcspn(at + strlen(line), "\n") : 0, at ? at + strlen(line) : "");
    return value;
}

static void add_header(h2_got *g, const nghttp2_nv *nv)
{
    size_t used = strlen(g->head);
    if (nv->namelen == 7 && memcmp(nv->name, ":status", 7) == 0) g->status = atoi((const char *)nv->value);
    for (size_t i = 0; i < nv->namelen; i++) WEFT_CHECK(nv->name[i] < 'A' || nv->name[i] > 'Z');
    g->fields++;
    g->field_bytes += nv->namelen + nv->valuelen;
    snprintf(g->head + used, sizeof g->head - used, "%.*s: %.*s\n", (int)nv->namelen, nv->name, (int)nv->valuelen, nv->value);
}

static void take_block(h2_peer *h, h2_got *g, const unsigned char *at, size_t n)
{
    g->head[0] = 0;
    g->fields = g->field_bytes = 0;
    for (int flags = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
        nghttp2_nv nv;
        ssize_t used = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, at, n, 1);
        WEFT_CHECK(used >= 0);
        if (used < 0) return;
        at += used;
        n -= (size_t)used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) add_header(g, &nv);
    }
    nghttp2_hd_inflate_end_headers(h->inflater);
    g->interim += g->status < 200;
}

static void take_headers(h2_peer *h, h2_got *g, uint8_t flags, const unsigned char *at, size_t n)
{
    h->block = realloc(h->block, h->block_bytes + n + 1);
    memcpy(h->block + h->block_bytes, at, n);
    h->block_bytes += n;
    h->block_ends |= flags & NGHTTP2_FLAG_END_STREAM;
    if (!(flags & NGHTTP2_FLAG_END_HEADERS)) return;
    n = h->block_bytes;
    take_block(h, g, h->block, n);
    g->ended |= h->block_ends;
    h->block_bytes = 0;
    h->block_ends = false;
}

static void take_data(h2_peer *h, h2_got *g, const unsigned char *at, size_t n)
{
    g->body = realloc(g->body, g->bytes + n + 1);
    memcpy(g->body + g->bytes, at, n);
    g->bytes += n;
    g->frames++;
    if (h->keeps_windows || !n) return;
    h2_window(h, 0, (uint32_t)n);
    if (!g->ended) h2_window(h, g->id, (uint32_t)n);
}

static void take_settings(h2_peer *h, uint8_t flags, const unsigned char *at, size_t n)
{
    if (flags & NGHTTP2_FLAG_ACK) {
        h->acks++;
        return;
    }
    h->greeted = true;
    for (; n >= 6; at += 6, n -= 6)
        if (at[0] == 0 && at[1] < 16) h->settings[at[1]] = get32(at + 2);
    if (!h->mute) h2_frame(h, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
}

static void take_away(h2_peer *h, const unsigned char *at)
{
    h->away_last = get32(at);
    if (!h->away) h->first_away_last = h->away_last;
    h->away = true;
    h->aways++;
    h->away_code = get32(at + 4);
}

static void take_ping(h2_peer *h, uint8_t flags, const unsigned char *at)
{
    if (flags & NGHTTP2_FLAG_ACK) h->pongs++;
    else if (!h->mute) h2_frame(h, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, at, 8);
}

static void take(h2_peer *h, uint8_t type, uint8_t flags, uint32_t id, const unsigned char *at, size_t n)
{
    h2_got *g = id ? h2_of(h, id) : NULL;
    if (g && type == NGHTTP2_DATA) g->ended |= flags & NGHTTP2_FLAG_END_STREAM;
    switch (type) {
    case NGHTTP2_DATA: take_data(h, g, at, n); break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION: take_headers(h, g, flags, at, n); break;
    case NGHTTP2_RST_STREAM:
        g->reset = true;
        g->code = get32(at);
        h->resets++;
        break;
    case NGHTTP2_SETTINGS: take_settings(h, flags, at, n); break;
    case NGHTTP2_PING: take_ping(h, flags, at); break;
    case NGHTTP2_GOAWAY: take_away(h, at); break;
    case NGHTTP2_WINDOW_UPDATE:
        *(id ? &h->stream_credit : &h->credit) += get32(at);
        if (g) g->credit += get32(at);
        break;
    default: WEFT_CHECK_EQ(type, -1);
    }
}

static bool take_frame(h2_peer *h)
{
    peer *p = h->p;
    const unsigned char *at = (const unsigned char *)p->got + p->at;
    if (p->have - p->at < FRAME_HEAD) return false;
    size_t n = get32(at) >> 8;
    if (p->have - p->at < FRAME_HEAD + n) return false;
    unsigned char head[FRAME_HEAD], *copy = malloc(n + 1);
    memcpy(head, at, FRAME_HEAD);
    memcpy(copy, at + FRAME_HEAD, n);
    p->at += FRAME_HEAD + n;             /* what is said in return may bring more, and move all */
    take(h, head[3], head[4], get32(head + 5) & INT32_MAX, copy, n);
    free(copy);
    if (p->at < p->have) return true;
    p->at = p->have = 0;
    return true;
}

bool h2_more(h2_peer *h, int ms)
{
    bool took = false;
    while (take_frame(h)) took = true;
    if (took) return true;
    if (!peer_more(h->p, ms)) return false;
    while (take_frame(h)) continue;
    return true;
}

h2_got *h2_answer(h2_peer *h, uint32_t id)
{
    int64_t end = server_ms() + server_patience_ms();
    h2_got *g = h2_of(h, id);
    while (!g->ended && !g->reset && server_ms() < end) {
        if (!h2_more(h, 1000) && (h->p->ended || h->p->rc < 0)) break;
    }
    return g;
}

bool h2_over(h2_peer *h)
{
    int64_t end = server_ms() + server_patience_ms();
    do (void)h2_more(h, 1000);           /* what came before the end is still to be looked at */
    while (!h->p->ended && h->p->rc >= 0 && server_ms() < end);
    return h->p->ended || h->p->rc < 0;
}
