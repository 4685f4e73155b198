/* What a client of WebSockets makes of handshakes that are refused, and of options that cannot be. */
#include <string.h>
#include "http/client_world.h"
#include "weft/ws.h"

static void check_refused(int line, int port, int status, const char *text)
{
    int came = 0;
    int64_t before = weft_now_ns();
    weft_ws *ws = NULL;
    int rc = weft_ws_connect(&ws, (.status = &came), "ws://127.0.0.1:{+}/x", port);
    if (rc != WEFT_STATUS(502) || came != status || ws) weft__check_fail(__FILE__, line, "status %d, code %d", came, rc);
    else if (!strstr(weft_error_of(rc)->text, text)) weft__check_fail(__FILE__, line, "expected \"%s\" in \"%s\"", text, weft_error_of(rc)->text);
    if (weft_now_ns() - before > 500 * INT64_C(1000000)) weft__check_fail(__FILE__, line, "it took %lld ms", (long long)(weft_now_ns() - before) / 1000000);
}
#define REFUSED(status, text) check_refused(__LINE__, up.port, status, text)

NET_TEST(a_refusal_of_a_handshake_is_told_as_soon_as_it_is_whole)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" },
        { .bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhere?", .slice = 10, .slice_ms = 1 },
        { .bytes = "HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlater\r\n0\r\n\r\n" },
        { .bytes = "HTTP/1.1 204 No Content\r\n\r\n" });
    REFUSED(403, "answered 403");
    REFUSED(404, "here?");
    REFUSED(429, "answered 429");
    REFUSED(204, "answered 204");
    return 0;
}

NET_TEST(interim_answers_to_a_handshake_are_passed_over)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" },
        { .bytes = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", .slice = 7 });
    REFUSED(401, "answered 401");
    REFUSED(401, "answered 401");
    return 0;
}

NET_TEST(interim_answers_to_a_handshake_without_an_end_are_none)
{
    static char many[20 * 64];
    for (int i = 0; i < 20; i++) strcat(many, "HTTP/1.1 102 Processing\r\n\r\n");
    NET_UPSTREAM(up, { .bytes = many, .then = NET_HANG });
    weft_ws *ws = NULL;
    WEFT_CHECK_EQ(weft_ws_connect(&ws, (._ = NULL), "ws://127.0.0.1:{+}/x", up.port), WEFT_EPROTO);
    many[0] = 0;
    return 0;
}

NET_TEST(options_of_a_client_that_cannot_be_are_named)
{
    static const struct { weft_ws_opts ws; const char *text; } wrong[] = {
        { { .deflate_level = 50 }, ".deflate_level 50; expected 1 to 9" },
        { { .leave_ms = -1 }, ".leave_ms -1; expected 0 (the default) or more" },
        { { .ping_ms = -2 }, ".ping_ms -2; expected -1 (none)" },
        { { .protocols = "a, b c" }, "subprotocol 'b c' is no token" },
        { { .protocols = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" }, "more than 16 subprotocols" },
        { { .deflate_bits = 16 }, ".deflate_bits 16; expected 9 to 15" },
        { { .origins = "*" }, ".origins are of routes" },
    };
    for (size_t i = 0; i < weft_count(wrong); i++) {
        weft_ws *ws = NULL;
        int rc = weft_ws_connect(&ws, (.ws = &wrong[i].ws), "ws://127.0.0.1:9/x");
        WEFT_CHECK_EQ(rc, WEFT_EINVAL);
        if (!strstr(weft_error_of(rc)->text, wrong[i].text)) weft__check_fail(__FILE__, __LINE__, "expected \"%s\" in \"%s\"", wrong[i].text, weft_error_of(rc)->text);
    }
    return 0;
}
