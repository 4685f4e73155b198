#ifndef WEFT_TESTS_HTTP_H2_TALK_H
#define WEFT_TESTS_HTTP_H2_TALK_H
/* A server of HTTP/2 that a test writes frame by frame, on a connection of weft/net.h. */
#include <nghttp2/nghttp2.h>
#include "http/client_world.h"

static inline int frame(weft_conn *c, int type, int flags, unsigned id, const char *payload, size_t n)
{
    char head[9] = { (char)(n >> 16), (char)(n >> 8), (char)n, (char)type, (char)flags, 0, 0, (char)(id >> 8), (char)id };
    return weft_conn_write_n(c, (const weft_str[]){ { head, 9 }, { payload, n } }, 2);
}

/* Read the preface and frames until a request's HEADERS; its stream. */
static inline int request_of(weft_conn *c, bool first)
{
    weft_str in;
    if (first) {
        WEFT_TRY(weft_conn_exactly(c, NGHTTP2_CLIENT_MAGIC_LEN, &in));
        WEFT_CHECK_STR(in, NGHTTP2_CLIENT_MAGIC);
        WEFT_TRY(frame(c, NGHTTP2_SETTINGS, 0, 0, "", 0));
    }
    for (;;) {
        int rc = weft_conn_exactly(c, 9, &in);
        if (rc <= 0) return rc < 0 ? rc : WEFT_EOF;
        size_t n = (size_t)(unsigned char)in.ptr[0] << 16 | (size_t)(unsigned char)in.ptr[1] << 8 | (unsigned char)in.ptr[2];
        int type = in.ptr[3], id = (unsigned char)in.ptr[7] << 8 | (unsigned char)in.ptr[8];
        if (n && weft_conn_exactly(c, n, &in) <= 0) return WEFT_EOF;
        if (type == NGHTTP2_HEADERS) return id;
    }
}
#endif
