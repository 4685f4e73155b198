/* A client's WebSockets over HTTP/2 (RFC 8441): what is asked, and servers that refuse, know nothing of it, or mean no good. */
#include "ws_h2_server.h"

/* ---- what is asked, and what comes of it ---- */

static bool echoes(server *s)
{
    static const char *const said[] = { ":method: CONNECT\n", ":protocol: websocket\n", ":scheme: http\n", ":path: /chat?who=ann\n", ":authority: 127.0.0.1:",
        "sec-websocket-version: 13\n", "sec-websocket-protocol: b, a\n", "x-mine: yes\n" };
    static const char *const not_said[] = { "upgrade", "connection", "host", "sec-websocket-key", "content-length", "transfer-encoding" };
    char text[128];
    size_t at = 0;
    if (!greet(s, takes_them, 6)) return false;
    for (int op; until(s, NGHTTP2_HEADERS);) {
        unsigned id = s->id;
        for (size_t i = 0; i < weft_count(said); i++)
            if (!strstr(s->head, said[i])) weft__check_fail(__FILE__, __LINE__, "no '%s' in '%s'", said[i], s->head);
        for (size_t i = 0; i < weft_count(not_said); i++) WEFT_CHECK(!strstr(s->head, not_said[i]));
        WEFT_CHECK(!(s->flags & NGHTTP2_FLAG_END_STREAM));
        HEADERS(s, id, false, "\x88\0\26sec-websocket-protocol\1a");
        for (bool goes = true; goes && until(s, NGHTTP2_DATA);)
            while ((op = ws_frame_at(s, &at, text)) >= 0 && goes) {
                char back[128] = { (char)op, (char)strlen(text) };
                goes = op != 0x88;
                memcpy(back + 2, goes ? text : "\x03\xe8", goes ? strlen(text) : 2);
                (void)!frame(s, NGHTTP2_DATA, goes ? 0 : NGHTTP2_FLAG_END_STREAM, id, back, goes ? strlen(text) + 2 : 4);
            }
        while (s->have && s->ends == 0) if (next(s) < 0) return false;
        s->ends = 0;
    }
    return true;
}

NET_TEST(a_stream_is_asked_for_carries_messages_and_ends_on_both_sides)
{
    SERVER(base, echoes);
    for (int i = 0; i < 3; i++) {
        WEFT_WS_OPEN(ws);
        weft_str msg = { "", 0 };
        int status = 0;
        WEFT_TRY(weft_ws_connect(&ws, (.ws = WEFT_WS_WITH(.protocols = "b, a"), H2, .status = &status, .headers = &(weft_header){ WEFT_S("X-Mine"), WEFT_S("yes") }, .header_count = 1),
            "ws{+}/chat?who=ann", base + 4));
        WEFT_CHECK_EQ(status, 200);
        WEFT_CHECK_STR(weft_ws_protocol(ws), "a");
        for (int k = 0; k < 5; k++) {
            weft_str sent = weft_format("message %d", k);
            WEFT_TRY(weft_ws_send(ws, sent));
            WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 1);
            WEFT_CHECK(weft_str_equal(msg, sent));
        }
        WEFT_CHECK_EQ(weft_ws_close(ws, 1000, "done"), 0);
        WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 0);
        WEFT_CHECK_EQ(weft_ws_code(ws), 1000);
        for (int k = 0; k < 1000 && net_client()->conns && weft_ws_unsent(ws); k++) net_pause(1);
    }
    WEFT_CHECK_EQ(net_client()->opened, 1);
    SERVER_END(base);
    return 0;
}

/* ---- servers that refuse, or know nothing of it ---- */

static bool says_nothing(server *s) { return greet(s, NULL, 0) && drain(s); }
static bool says_no(server *s) { return greet(s, takes_none, 6) && drain(s); }
static bool says_nothing_of_it(server *s) { return greet(s, "", 0) && drain(s); }
static bool says_two(server *s) { return greet(s, "\0\10\0\0\0\2", 6) && drain(s); }
static bool takes_it_back(server *s) { return BEGINS(s) && !frame(s, NGHTTP2_SETTINGS, 0, 0, takes_none, 6) && drain(s); }
static bool forbids(server *s) { return BEGINS(s) && !HEADERS(s, 1, false, "\x48\3" "403\x5c\2" "12") && !DATA(s, 1, true, "not for you!") && drain(s); }
static bool forbids_in_silence(server *s) { return BEGINS(s) && !HEADERS(s, 1, true, "\x48\3" "404") && drain(s); }
static bool redirects(server *s) { return BEGINS(s) && !HEADERS(s, 1, true, "\x48\3" "307") && drain(s); }
static bool switches(server *s) { return BEGINS(s) && !HEADERS(s, 1, false, "\x48\3" "101") && drain(s); }
static bool says_its_protocol(server *s) { return BEGINS(s) && !HEADERS(s, 1, false, "\x88\0\11:protocol\7chatter") && drain(s); }
static bool chooses_what_was_not_offered(server *s) { return BEGINS(s) && !HEADERS(s, 1, false, "\x88\0\26sec-websocket-protocol\1z") && drain(s); }
static bool compresses_unasked(server *s) { return BEGINS(s) && !HEADERS(s, 1, false, "\x88\0\30sec-websocket-extensions\22permessage-deflate") && drain(s); }
static bool resets(server *s) { return BEGINS(s) && !frame(s, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\13", 4) && drain(s); }
static bool wants_http1(server *s) { return BEGINS(s) && !frame(s, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\15", 4) && drain(s); }
static bool refuses_each(server *s)
{
    if (!greet(s, takes_them, 6)) return false;
    while (until(s, NGHTTP2_HEADERS))
        if (frame(s, NGHTTP2_RST_STREAM, 0, s->id, "\0\0\0\7", 4) < 0) return false;
    return true;
}
static bool closes(server *s) { return BEGINS(s); }
static bool talks_nonsense(server *s) { return BEGINS(s) && !weft_conn_write(s->c, WEFT_S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) && drain(s); }
static bool sends_data_first(server *s) { return BEGINS(s) && !DATA(s, 1, false, "\x81\5hello") && drain(s); }
static bool never_answers(server *s) { return BEGINS(s) && drain(s); }
static bool answers_for_ever(server *s)
{
    if (!BEGINS(s)) return false;
    for (int i = 0; i < 30; i++)
        if (HEADERS(s, 1, false, "\x48\3" "103") < 0) return false;
    return drain(s);
}
static bool says_too_much(server *s)
{
    char block[5000] = "\x88";
    size_t n = 1;
    if (!BEGINS(s)) return false;
    block[n++] = 0x40;
    n += (size_t)(stpcpy(block + n, "\6x-long\x7f\x81\x1d") - (block + n));
    memset(block + n, 'v', 3840);
    n += 3840;
    if (frame(s, NGHTTP2_HEADERS, 0, 1, block, n) < 0) return false;
    return frame(s, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, "\xbe\xbe\xbe\xbe\xbe\xbe\xbe\xbe", 8) == 0 && drain(s);
}

NET_TEST(who_does_not_open_a_stream_is_told_of)
{
    static const struct { bool (*run)(server *s); int code, status; const char *text; } all[] = {
        { says_nothing, WEFT_ETIMEDOUT, 0, "while waiting for what the server takes (SETTINGS)" },
        { says_no, WEFT_EPROTO, 0, "the server takes no WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL)" },
        { says_nothing_of_it, WEFT_EPROTO, 0, "the server takes no WebSockets over HTTP/2" },
        { says_two, WEFT_ECONNRESET, 0, "broken off for what is no HTTP/2" },
        { takes_it_back, WEFT_ECONNRESET, 0, "broken off for what is no HTTP/2" },
        { forbids, WEFT_STATUS(502), 403, "answered 403 Forbidden instead of 200 OK after # ms: not for you!" },
        { forbids_in_silence, WEFT_STATUS(502), 404, "answered 404 Not Found instead of 200 OK" },
        { redirects, WEFT_STATUS(502), 307, "answered 307" },
        { switches, WEFT_ECONNRESET, 0, "stream reset (PROTOCOL_ERROR)" },
        { says_its_protocol, WEFT_ECONNRESET, 0, "stream reset (PROTOCOL_ERROR)" },
        { chooses_what_was_not_offered, WEFT_EPROTO, 200, "answered with the subprotocol 'z', which was not offered" },
        { compresses_unasked, WEFT_EPROTO, 200, "answered with extensions that cannot be" },
        { resets, WEFT_ECONNRESET, 0, "stream reset (ENHANCE_YOUR_CALM) after # ms, while waiting for the handshake's answer" },
        { wants_http1, WEFT_ECONNRESET, 0, "stream reset (HTTP_1_1_REQUIRED)" },
        { refuses_each, WEFT_ECONNRESET, 0, "stream reset (REFUSED_STREAM) after # ms, twice" },
        { closes, WEFT_ECONNRESET, 0, "closed after # ms, while waiting for the handshake's answer" },
        { talks_nonsense, WEFT_ECONNRESET, 0, "broken off for what is no HTTP/2" },
        { sends_data_first, WEFT_ECONNRESET, 0, "" },
        { never_answers, WEFT_ETIMEDOUT, 0, "while waiting for the handshake's answer" },
        { answers_for_ever, WEFT_EPROTO, 0, "more than 8 interim answers" },
        { says_too_much, WEFT_EPROTO, 0, "answered what is no HTTP: the head of the message is too large" },
    };
    for (size_t i = 0; i < weft_count(all); i++) {
        SERVER(base, all[i].run);
        weft_ws *ws = NULL;
        int status = 0;
        int rc = weft_ws_connect(&ws, (.connect_ms = all[i].code == WEFT_ETIMEDOUT ? 300 : 20000, H2, .status = &status), "ws{+}/x", base + 4);
        const char *text = net_error(rc);
        if (rc != all[i].code || status != all[i].status || ws || !strstr(text, all[i].text))
            weft__check_fail(__FILE__, __LINE__, "%zu: status %d, code %d, expected \"%s\" in \"%s\"", i, status, rc, all[i].text, text);
        SERVER_END(base);
    }
    return 0;
}

/* It does no more than the answer to a CONNECT may: RFC 9110, 9.3.6. */
static bool says_a_length(server *s)
{
    return BEGINS(s) && !HEADERS(s, 1, false, "\x48\3" "103") && !HEADERS(s, 1, false, "\x48\3" "202\x5c\1" "3") && !DATA(s, 1, false, "\x81\5hel") && !DATA(s, 1, false, "lo")
        && drain(s);
}

NET_TEST(any_success_opens_it_and_a_length_said_there_means_nothing)
{
    SERVER(base, says_a_length);
    WEFT_WS_OPEN(ws);
    weft_str msg = { "", 0 };
    int status = 0;
    WEFT_TRY(connect_to(&ws, base, NULL, &status));
    WEFT_CHECK_EQ(status, 202);
    WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 1);
    WEFT_CHECK_STR(msg, "hello");
    SERVER_END(base);
    return 0;
}

static int turns;
static bool refuses_once(server *s)
{
    if (!BEGINS(s)) return false;
    if (!turns++) return !frame(s, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8) && drain(s);
    return !HEADERS(s, s->id, false, "\x88") && !DATA(s, s->id, false, "\x81\6second") && drain(s);
}

NET_TEST(what_a_server_that_goes_has_not_looked_at_is_asked_once_more)
{
    SERVER(base, refuses_once);
    WEFT_WS_OPEN(ws);
    weft_str msg = { "", 0 };
    turns = 0;
    WEFT_TRY(connect_to(&ws, base, NULL, NULL));
    WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 1);
    WEFT_CHECK_STR(msg, "second");
    WEFT_CHECK_EQ(net_client()->opened, 2);
    SERVER_END(base);
    return 0;
}

/* ---- beyond what a connection carries ---- */

static bool takes_two(server *s)
{
    if (!greet(s, "\0\10\0\0\0\1\0\3\0\0\0\2", 12)) return false;
    while (until(s, NGHTTP2_HEADERS))
        if (HEADERS(s, s->id, false, "\x88") < 0) return false;
    return true;
}

NET_TEST(beyond_what_a_connection_carries_another_one_is_opened)
{
    enum { ALL = 6 };
    SERVER(base, takes_two);
    weft_ws *all[ALL] = { NULL };
    for (int i = 0; i < ALL; i++) WEFT_CHECK_EQ(connect_to(&all[i], base, NULL, NULL), 0);
    WEFT_CHECK_EQ(net_client()->opened, 3);
    for (int i = 0; i < ALL; i++) weft_ws_free(all[i]);
    SERVER_END(base);
    return 0;
}

static bool asks_by_http1(server *s)
{
    weft_str line;
    if (weft_conn_line(s->c, &line) != 1) return false;
    WEFT_CHECK_STR(line, "GET /x HTTP/1.1");
    return weft_conn_write(s->c, WEFT_S("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")) == 0;
}

NET_TEST(http2_is_for_who_asks_for_it)
{
    SERVER(base, asks_by_http1);
    weft_ws *ws = NULL;
    int rc = weft_ws_connect(&ws, (._ = NULL), "ws{+}/x", base + 4);
    NET_CHECK_ERROR(rc, WEFT_STATUS(502), "ws://127.0.0.1:PORT/x: answered 404 Not Found instead of 101 Switching Protocols after # ms");
    WEFT_CHECK_EQ(weft_ws_connect(&ws, (.http2 = (weft_http2)7), "ws{+}/x", base + 4), WEFT_EINVAL);
    SERVER_END(base);
    return 0;
}
