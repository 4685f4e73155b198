/* A client's WebSockets over HTTP/2 once they are open: how they end, what their windows hold up and what they do not, servers that are silent. */
#include "http/link.h"
#include "ws_h2_server.h"

static bool never_answers(server *s) { return BEGINS(s) && drain(s); }

/* ---- how it ends in the middle ---- */

static bool accepts_two(server *s)
{
    if (!BEGINS(s) || HEADERS(s, 1, false, "\x88") < 0 || !until(s, NGHTTP2_HEADERS)) return false;
    return HEADERS(s, 3, false, "\x88") == 0;
}
static bool answers_the_second(server *s)
{
    char text[128];
    for (size_t at = 0; until(s, NGHTTP2_DATA);)
        while (ws_frame_at(s, &at, text) == 0x81)
            if (DATA(s, 3, false, "\x81\5still") < 0) return false;
    return true;
}
static bool resets_the_first(server *s) { return accepts_two(s) && !frame(s, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\2", 4) && answers_the_second(s); }
static bool ends_the_first(server *s) { return accepts_two(s) && !DATA(s, 1, true, "\x81\5hel") && answers_the_second(s); }
static bool ends_the_first_with_trailers(server *s) { return accepts_two(s) && !HEADERS(s, 1, true, "\0\1x\1y") && answers_the_second(s); }

NET_TEST(a_stream_that_breaks_off_is_told_of_and_takes_no_other_with_it)
{
    static const struct { bool (*run)(server *s); const char *text; } all[] = { { resets_the_first, "the WebSocket is over: stream reset (INTERNAL_ERROR)" },
        { ends_the_first, "the WebSocket is over: the peer has broken it off" }, { ends_the_first_with_trailers, "the peer has broken it off" } };
    for (size_t i = 0; i < weft_count(all); i++) {
        SERVER(base, all[i].run);
        WEFT_WS_OPEN(first);
        WEFT_WS_OPEN(second);
        weft_str msg = { "", 0 };
        WEFT_TRY(connect_to(&first, base, NULL, NULL));
        WEFT_TRY(connect_to(&second, base, NULL, NULL));
        BROKEN(first, all[i].text);
        WEFT_CHECK_EQ(weft_ws_send(first, WEFT_S("x")), WEFT_ECONNRESET);
        WEFT_TRY(weft_ws_send(second, WEFT_S("there?")));
        WEFT_CHECK_EQ(weft_ws_recv(second, &msg), 1);
        WEFT_CHECK_STR(msg, "still");
        WEFT_CHECK_EQ(net_client()->opened, i + 1);
        SERVER_END(base);
    }
    return 0;
}

static bool goes_away(server *s) { return accepts_two(s) && !frame(s, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0", 8) && answers_the_second(s); }

NET_TEST(behind_a_goaway_streams_go_on_and_others_are_opened_elsewhere)
{
    SERVER(base, goes_away);
    WEFT_WS_OPEN(first);
    WEFT_WS_OPEN(second);
    weft_str msg = { "", 0 };
    WEFT_TRY(connect_to(&first, base, NULL, NULL));
    WEFT_TRY(connect_to(&second, base, NULL, NULL));
    net_pause(20);
    WEFT_TRY(weft_ws_send(second, WEFT_S("there?")));
    WEFT_CHECK_EQ(weft_ws_recv(second, &msg), 1);
    WEFT_CHECK_STR(msg, "still");
    WEFT_WS_OPEN(third);
    WEFT_TRY(connect_to(&third, base, NULL, NULL));
    WEFT_CHECK_EQ(net_client()->opened, 2);
    SERVER_END(base);
    return 0;
}

static bool closes_all(server *s) { return accepts_two(s) && !DATA(s, 1, false, "\x81\3one\x81\3two"); }

NET_TEST(a_connection_that_ends_takes_all_of_its_streams_behind_what_they_brought)
{
    SERVER(base, closes_all);
    WEFT_WS_OPEN(first);
    WEFT_WS_OPEN(second);
    weft_str msg = { "", 0 };
    WEFT_TRY(connect_to(&first, base, NULL, NULL));
    WEFT_TRY(connect_to(&second, base, NULL, NULL));
    WEFT_CHECK_EQ(weft_ws_recv(first, &msg), 1);
    WEFT_CHECK_STR(msg, "one");
    WEFT_CHECK_EQ(weft_ws_recv(first, &msg), 1);
    WEFT_CHECK_STR(msg, "two");
    BROKEN(first, "the WebSocket is over: closed");
    BROKEN(second, "the WebSocket is over: closed");
    SERVER_END(base);
    return 0;
}

static int seen_resets;
static uint32_t seen_code;
static bool waits_for_a_reset(server *s)
{
    if (!BEGINS(s) || HEADERS(s, 1, false, "\x88") < 0 || !until(s, NGHTTP2_HEADERS)) return false;
    if (!until(s, NGHTTP2_RST_STREAM)) return false;
    seen_resets++;
    seen_code = s->code;
    WEFT_CHECK_EQ(s->id, 3);
    return !DATA(s, 1, false, "\x81\5still") && drain(s);
}

NET_TEST(a_handshake_that_is_called_off_resets_its_own_stream_alone)
{
    for (int how = 0; how < 2; how++) {
        SERVER(base, waits_for_a_reset);
        WEFT_WS_OPEN(first);
        weft_ws *second = NULL;
        weft_str msg = { "", 0 };
        seen_resets = 0;
        WEFT_TRY(connect_to(&first, base, NULL, NULL));
        if (how) {
            WEFT_SCOPE(soon, .timeout_ms = 50);
            WEFT_NEED(connect_to(&second, base, NULL, NULL) == WEFT_ETIMEDOUT);
        } else {
            int rc = weft_ws_connect(&second, (H2, .connect_ms = 50), "ws{+}/x", base + 4);
            WEFT_NEED(rc == WEFT_ETIMEDOUT);
            WEFT_CHECK(strstr(weft_error_of(rc)->text, "while waiting for the handshake's answer") != NULL);
        }
        WEFT_CHECK(!second);
        WEFT_CHECK_EQ(weft_ws_recv(first, &msg), 1);
        WEFT_CHECK_STR(msg, "still");
        WEFT_CHECK_EQ(seen_resets, 1);
        WEFT_CHECK_EQ(seen_code, NGHTTP2_CANCEL);
        SERVER_END(base);
    }
    return 0;
}

static int receive_late(weft_ws *const *ws, int *out)
{
    weft_str msg = { "", 0 };
    int rc = weft_ws_recv(*ws, &msg);
    *out = rc;
    return rc == 1 ? 0 : rc;
}

static bool speaks_late(server *s)
{
    if (!BEGINS(s) || HEADERS(s, 1, false, "\x88") < 0) return false;
    return until(s, NGHTTP2_DATA) && !DATA(s, 1, false, "\x81\4late") && drain(s);
}

NET_TEST(a_wait_for_a_message_that_is_cancelled_takes_nothing)
{
    SERVER(base, speaks_late);
    WEFT_WS_OPEN(ws);
    weft_str msg = { "", 0 };
    int rc = 0;
    WEFT_TRY(connect_to(&ws, base, NULL, NULL));
    {
        WEFT_SCOPE(soon, .timeout_ms = 20);
        weft_spawn(soon, receive_late, &ws, &rc);
        WEFT_CHECK(weft_join(soon) < 0);
    }
    WEFT_TRY(weft_ws_send(ws, WEFT_S("now")));
    WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 1);
    WEFT_CHECK_STR(msg, "late");
    SERVER_END(base);
    return 0;
}

/* ---- windows ---- */

/* Streams of 100 bytes at a time, which it gives back one by one. */
static bool takes_little(server *s)
{
    if (!greet(s, "\0\10\0\0\0\1\0\4\0\0\0\x64", 12) || !until(s, NGHTTP2_HEADERS) || HEADERS(s, 1, false, "\x88") < 0) return false;
    while (s->have < 20008) {
        size_t before = s->have;
        if (next(s) < 0) return false;
        WEFT_CHECK(s->have - before <= 100);
        if (s->have == before) continue;
        char n[4] = { 0, 0, 0, (char)(s->have - before) };
        if (frame(s, NGHTTP2_WINDOW_UPDATE, 0, 1, n, 4) < 0 || frame(s, NGHTTP2_WINDOW_UPDATE, 0, 0, n, 4) < 0) return false;
    }
    WEFT_CHECK_EQ((unsigned char)s->data[0], 0x82);
    WEFT_CHECK_EQ(s->data[8 + 4321] ^ s->data[4 + 4321 % 4], (char)(4321 * 7));
    return !DATA(s, 1, false, "\x81\3all") && drain(s);
}

NET_TEST(a_message_goes_into_windows_of_any_size_as_they_open)
{
    SERVER(base, takes_little);
    WEFT_WS_OPEN(ws);
    weft_str msg = { "", 0 };
    char bytes[20000];
    for (int i = 0; i < (int)sizeof bytes; i++) bytes[i] = (char)(i * 7);
    WEFT_TRY(connect_to(&ws, base, NULL, NULL));
    WEFT_TRY(weft_ws_send_binary(ws, (weft_str){ bytes, sizeof bytes }));
    WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 1);
    WEFT_CHECK_STR(msg, "all");
    WEFT_CHECK_EQ(weft_ws_unsent(ws), 0);
    SERVER_END(base);
    return 0;
}

static bool takes_nothing(server *s)
{
    if (!BEGINS(s) || HEADERS(s, 1, false, "\x88") < 0) return false;
    return drain(s);
}

NET_SIM_TEST(who_sends_to_a_server_that_gives_no_room_waits_and_is_told_when_it_is_gone)
{
    SERVER(base, takes_nothing);
    static const char piece[4096];
    WEFT_WS_OPEN(ws);
    int rc = 0, n = 0;
    WEFT_TRY(connect_to(&ws, base, WEFT_WS_WITH(.ping_ms = 500), NULL));
    int64_t before = weft_now_ns();
    while (rc == 0 && n < 1000) {
        rc = weft_ws_send_binary(ws, (weft_str){ piece, sizeof piece });
        n += rc == 0;
    }
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK(n * 4096 <= 65535 + (16 << 10) + (64 << 10) + 4096);
    WEFT_CHECK(n * 4096 >= 65535);
    WEFT_CHECK(weft_now_ns() - before < 2000 * INT64_C(1000000));
    SERVER_END(base);
    return 0;
}

/* One that is not read takes its own window and no more, and costs the others nothing of the connection's. */
enum { UNREAD = 80, MESSAGE = 1004 };
static uint64_t poured;
static bool pours(server *s)
{
    char message[MESSAGE] = "\x82\x7e\x03\xe8";
    if (!greet(s, takes_them, 6)) return false;
    for (int i = 0; i < UNREAD; i++)
        if (!until(s, NGHTTP2_HEADERS) || headers(s, s->id, false, "\x88", 1) < 0) return false;
    poured = 0;
    for (unsigned id = 1; id < 2 * UNREAD; id += 2) {
        for (; s->room[id] >= MESSAGE; s->room[id] -= MESSAGE, s->room_all -= MESSAGE, poured += MESSAGE) {
            while (s->room_all < MESSAGE)
                if (next(s) < 0) return false;
            if (frame(s, NGHTTP2_DATA, 0, id, message, MESSAGE) < 0) return false;
        }
    }
    while (s->asked <= UNREAD)
        if (next(s) < 0) return false;
    return !HEADERS(s, 2 * UNREAD + 1, false, "\x88") && !DATA(s, 2 * UNREAD + 1, false, "\x81\5hello") && drain(s);
}

NET_SIM_TEST(streams_that_nobody_reads_do_not_take_the_connection_from_others)
{
    SERVER(base, pours);
    static weft_ws *all[UNREAD];
    for (int i = 0; i < UNREAD; i++) {
        all[i] = NULL;
        WEFT_CHECK_EQ(connect_to(&all[i], base, WEFT_WS_WITH(.ping_ms = -1), NULL), 0);
    }
    WEFT_WS_OPEN(ws);
    weft_str msg = { "", 0 };
    int rc = connect_to(&ws, base, NULL, NULL);
    if (rc == 0) rc = weft_ws_recv(ws, &msg);
    for (int i = 0; i < UNREAD; i++) weft_ws_free(all[i]);
    WEFT_CHECK_EQ(rc, 1);
    if (rc == 1) WEFT_CHECK_STR(msg, "hello");
    WEFT_CHECK(poured > LINK_WINDOW_ALL);
    WEFT_CHECK(poured < UNREAD * (LINK_WINDOW + (uint64_t)(128 << 10)));
    SERVER_END(base);
    return rc < 0 ? rc : 0;
}

/* ---- who does not end, and who is gone ---- */

static bool never_ends(server *s)
{
    if (!BEGINS(s) || HEADERS(s, 1, false, "\x88") < 0 || !until(s, NGHTTP2_DATA)) return false;
    if (DATA(s, 1, false, "\x88\2\x03\xe8") < 0 || !until(s, NGHTTP2_RST_STREAM)) return false;
    WEFT_CHECK_EQ(s->ends, 1);
    seen_resets++;
    seen_code = s->code;
    return drain(s);
}

NET_SIM_TEST(a_stream_whose_server_does_not_end_it_behind_both_closes_is_reset_in_time)
{
    SERVER(base, never_ends);
    WEFT_WS_OPEN(ws);
    weft_str msg = { "", 0 };
    seen_resets = 0;
    WEFT_TRY(connect_to(&ws, base, NULL, NULL));
    WEFT_TRY(weft_ws_close(ws, 1000, ""));
    WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), 0);
    net_pause(4000);
    WEFT_CHECK_EQ(seen_resets, 0);
    net_pause(2000);
    WEFT_CHECK_EQ(seen_resets, 1);
    WEFT_CHECK_EQ(seen_code, NGHTTP2_CANCEL);
    SERVER_END(base);
    return 0;
}

/* Else who connects anew would do so on the same dead connection. */
NET_SIM_TEST(a_connection_whose_server_is_silent_is_left)
{
    SERVER(base, never_answers);
    SERVER(other, takes_nothing);
    WEFT_WS_OPEN(ws);
    weft_str msg = { "", 0 };
    WEFT_TRY(connect_to(&ws, other, WEFT_WS_WITH(.ping_ms = 1000), NULL));
    WEFT_CHECK_EQ(net_client()->conns, 1);
    WEFT_CHECK_EQ(weft_ws_recv(ws, &msg), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_ws_code(ws), 1006);
    net_pause(1);
    WEFT_CHECK_EQ(net_client()->conns, 0);
    weft_ws *none = NULL;
    WEFT_CHECK_EQ(weft_ws_connect(&none, (H2, .connect_ms = 3000), "ws{+}/x", base + 4), WEFT_ETIMEDOUT);
    net_pause(1);
    WEFT_CHECK_EQ(net_client()->conns, 0);
    SERVER_END(other);
    SERVER_END(base);
    return 0;
}

/* Quiet is not silent: nobody has waited for it for long. */
static bool accepts_the_third(server *s)
{
    if (!BEGINS(s) || HEADERS(s, 1, false, "\x88") < 0 || !until(s, NGHTTP2_RST_STREAM) || !until(s, NGHTTP2_HEADERS)) return false;
    return !HEADERS(s, 5, false, "\x88") && drain(s);
}

NET_SIM_TEST(a_handshake_that_is_called_off_at_once_is_no_doubt_in_a_quiet_connection)
{
    SERVER(base, accepts_the_third);
    WEFT_WS_OPEN(quiet);
    WEFT_WS_OPEN(third);
    weft_ws *none = NULL;
    WEFT_TRY(connect_to(&quiet, base, WEFT_WS_WITH(.ping_ms = -1), NULL));
    net_pause(5000);
    WEFT_CHECK_EQ(weft_ws_connect(&none, (H2, .connect_ms = 20), "ws{+}/x", base + 4), WEFT_ETIMEDOUT);
    WEFT_TRY(connect_to(&third, base, NULL, NULL));
    WEFT_CHECK_EQ(net_client()->opened, 1);
    SERVER_END(base);
    return 0;
}

static bool is_heard_again(server *s)
{
    if (!BEGINS(s) || HEADERS(s, 1, false, "\x88") < 0 || !until(s, NGHTTP2_RST_STREAM)) return false;
    return !DATA(s, 1, false, "\x81\5there") && until(s, NGHTTP2_HEADERS) && !HEADERS(s, 5, false, "\x88") && drain(s);
}

NET_SIM_TEST(a_connection_whose_server_is_heard_again_is_used_again)
{
    SERVER(base, is_heard_again);
    WEFT_WS_OPEN(chat);
    WEFT_WS_OPEN(third);
    weft_ws *none = NULL;
    weft_str msg = { "", 0 };
    WEFT_TRY(connect_to(&chat, base, WEFT_WS_WITH(.ping_ms = -1), NULL));
    WEFT_CHECK_EQ(weft_ws_connect(&none, (H2, .connect_ms = 3000), "ws{+}/x", base + 4), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_ws_recv(chat, &msg), 1);
    WEFT_CHECK_STR(msg, "there");
    WEFT_TRY(connect_to(&third, base, NULL, NULL));
    WEFT_CHECK_EQ(net_client()->opened, 1);
    SERVER_END(base);
    return 0;
}

/* ---- who still sends ---- */

/* One stream at a time, and ten bytes of it until it has been left. */
enum { SENT_BYTES = 6 + 100, CLOSE_BYTES = 6 + 2 };
static int connections_seen;
static size_t seen_bytes;
static bool takes_it_late(server *s)
{
    static const char one_narrow[] = "\0\10\0\0\0\1\0\3\0\0\0\1\0\4\0\0\0\x0a";
    if (!greet(s, one_narrow, 18) || !until(s, NGHTTP2_HEADERS) || HEADERS(s, 1, false, "\x88") < 0) return false;
    if (connections_seen++) return drain(s);
    if (!until(s, NGHTTP2_DATA) || DATA(s, 1, false, "\x88\2\x03\xe8") < 0 || weft_sleep_ms(1000) < 0) return false;
    if (frame(s, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\3\xe8", 4) < 0) return false;
    while (!s->ends && !s->resets && next(s) >= 0) continue;
    seen_bytes = s->have;
    seen_resets += s->resets;
    return drain(s);
}

NET_SIM_TEST(a_full_connection_does_not_take_from_one_that_parts_what_it_still_has_to_send)
{
    SERVER(base, takes_it_late);
    static const char text[100];
    weft_ws *first = NULL;
    WEFT_WS_OPEN(second);
    weft_str msg = { "", 0 };
    connections_seen = seen_resets = 0;
    seen_bytes = 0;
    WEFT_TRY(connect_to(&first, base, NULL, NULL));
    WEFT_TRY(weft_ws_send_binary(first, (weft_str){ text, sizeof text }));
    WEFT_CHECK_EQ(weft_ws_recv(first, &msg), 0);
    weft_ws_free(first);
    WEFT_TRY(connect_to(&second, base, NULL, NULL));
    WEFT_CHECK_EQ(net_client()->opened, 2);
    net_pause(2000);
    WEFT_CHECK_EQ(seen_resets, 0);
    WEFT_CHECK_EQ(seen_bytes, SENT_BYTES + CLOSE_BYTES);
    SERVER_END(base);
    return 0;
}
