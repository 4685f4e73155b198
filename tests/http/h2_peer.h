#ifndef WEFT_TESTS_HTTP_H2_PEER_H
#define WEFT_TESTS_HTTP_H2_PEER_H
/* A peer that speaks HTTP/2 frame by frame, as a test says: right or wrong. What the server says is read apart by hand; only its header
 * blocks are nghttp2's to read. RFC 9113, 4 to 6 */
#include <nghttp2/nghttp2.h>
#include "http/server_world.h"

enum { H2_STREAMS = 256 };

/* What came on a stream. */
typedef struct h2_got {
    uint32_t id;
    int status, interim;             /* interim: how many 1xx */
    char head[2048];                 /* "name: value\n" */
    size_t fields, field_bytes;      /* of the last head: names and values */
    char *body;
    size_t bytes, frames;            /* of DATA */
    uint64_t credit;                 /* WINDOW_UPDATE: bytes beyond the first */
    bool ended, reset;
    uint32_t code;                   /* it was reset with */
} h2_got;

typedef struct h2_peer {
    peer *p;
    nghttp2_hd_inflater *inflater;
    unsigned char *block;            /* of a head that goes on in CONTINUATION */
    size_t block_bytes;
    bool block_ends;                 /* ... with END_STREAM */
    h2_got streams[H2_STREAMS];
    size_t stream_count;
    bool greeted, away;              /* its SETTINGS came; GOAWAY did */
    int aways;
    uint32_t away_code, away_last, first_away_last;
    int acks, pongs, resets;
    uint64_t credit;                 /* WINDOW_UPDATE: bytes of the connection's window, beyond the first */
    uint64_t stream_credit;          /* of any stream's */
    uint32_t settings[16];
    bool keeps_windows;              /* else each DATA is given back at once */
    bool mute;                       /* answers no PING, acknowledges no SETTINGS */
} h2_peer;

/* Connect and say the preface and SETTINGS; window: of streams, 0: the usual one. */
h2_peer *h2_open(const served *s, uint32_t window);
void h2_close(h2_peer *h);
void h2_forget(h2_peer *h);           /* what came on streams so far */

/* A frame as it is. false: it could not be sent. */
bool h2_frame(h2_peer *h, uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t n);
/* A header block of literals, "name\0value" in pairs, NULL at the end. How long it is. */
size_t h2_block(char *to, const char *const *pairs);
/* HEADERS with END_HEADERS; `ends`: END_STREAM. */
bool h2_headers(h2_peer *h, uint32_t id, bool ends, const char *const *pairs);
#define H2_HEAD(...) (const char *const[]){ __VA_ARGS__, NULL }
#define H2_GET(path) H2_HEAD(":method", "GET", ":scheme", "http", ":authority", "x", ":path", path)
#define H2_POST(path, ...) H2_HEAD(":method", "POST", ":scheme", "http", ":authority", "x", ":path", path, ##__VA_ARGS__)
bool h2_data(h2_peer *h, uint32_t id, bool ends, const void *bytes, size_t n);
void h2_window(h2_peer *h, uint32_t id, uint32_t n);
void h2_reset(h2_peer *h, uint32_t id, uint32_t code);

/* Read what comes for at most ms. False: nothing did, or the connection is over. */
bool h2_more(h2_peer *h, int ms);
/* That of a stream so far. */
h2_got *h2_of(h2_peer *h, uint32_t id);
/* Until the stream has ended or was reset, or the connection is over; its record. */
h2_got *h2_answer(h2_peer *h, uint32_t id);
/* Until the server ends the connection: whether it did. */
bool h2_over(h2_peer *h);
const char *h2_header(const h2_got *g, const char *name);

#define H2_GETS(h, id, status_, text) do { \
    h2_got *h2__g = h2_answer((h), (id)); \
    WEFT_CHECK_EQ(h2__g->status, (status_)); \
    WEFT_CHECK(h2__g->ended && (!h2__g->reset || h2__g->code == NGHTTP2_NO_ERROR)); \
    WEFT_CHECK_STR(((weft_str){ h2__g->body ? h2__g->body : "", h2__g->bytes }), (text)); } while (0)
#define H2_RESETS(h, id, code_) do { \
    h2_got *h2__g = h2_answer((h), (id)); \
    WEFT_CHECK(h2__g->reset); \
    WEFT_CHECK_EQ(h2__g->code, (code_)); } while (0)
#endif
