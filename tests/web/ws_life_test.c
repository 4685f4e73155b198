/* WebSockets that live long, are slow, or end at a bad moment: nothing is forgotten, nothing grows, and who is there is not taken for gone. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/ws.h"
#include "scratch.h"
#include "task/fiber.h"
#include "ws_peer.h"

/* ---- handlers ---- */

static struct { int rc, opened, closed, count; int64_t ended_ms; size_t room_most; } seen;

static weft_ws *echoes;              /* the last one */

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    echoes = ws;
    while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_ws_send(ws, said));
    return rc;
}

static int ended(int rc)
{
    seen.rc = rc;
    seen.ended_ms = weft_test_ms();
    return rc;
}

/* Takes one message, and works for ten seconds. */
static int works(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc = weft_ws_recv(ws, &said);
    if (rc > 0) rc = weft_sleep_ms(10000);
    return ended(rc);
}

static int talks(const weft_none *in, weft_ws *ws)
{
    (void)in;
    char text[1024];
    memset(text, 'x', sizeof text);
    for (int rc; (rc = weft_ws_send(ws, (weft_str){ text, sizeof text })) >= 0; seen.count++) {
        if (ws->io && ws->io->out.room > seen.room_most) seen.room_most = ws->io->out.room;
        if (seen.count == 4 << 10) break;
    }
    return ended(0);
}

static int never_ends(const weft_none *in, weft_ws *ws)
{
    (void)in;
    char text[1024];
    int rc;
    memset(text, 'x', sizeof text);
    while ((rc = weft_ws_send(ws, (weft_str){ text, sizeof text })) >= 0) seen.count++;
    return ended(rc);
}

static char large[1 << 20];

static int says_much(const weft_none *in, weft_ws *ws)
{
    (void)in;
    memset(large, 'm', sizeof large);
    return ended(weft_ws_send(ws, (weft_str){ large, sizeof large }));
}

/* Closes while a message waits and a Close lies behind it. */
static int closes_late(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    WEFT_CHECK_EQ(weft_ws_recv(ws, &said), 1);
    WEFT_TRY(weft_sleep_ms(10));
    WEFT_TRY(weft_ws_close(ws, 1000, ""));
    WEFT_TRY(weft_sleep_ms(10));
    ws->hub->spares_count = 64;                      /* what it gives back is freed */
    while (weft_ws_recv(ws, &said) > 0) seen.count++;
    return ended(0);
}

static int sends_small(weft_ws *const *ws)
{
    char text[8 << 10];
    memset(text, 's', sizeof text);
    while (weft_ws_send(*ws, (weft_str){ text, sizeof text }) == 0) seen.count++;
    return 0;
}

static int sends_both(const weft_none *in, weft_ws *ws)
{
    (void)in;
    WEFT_TRY(weft_ws_accept(ws));
    WEFT_SCOPE(many);
    for (int i = 0; i < 4; i++) weft_spawn(many, sends_small, (&(weft_ws *const){ ws }));
    WEFT_TRY(weft_sleep_ms(1000));
    int before = seen.count;
    int rc = weft_ws_send(ws, (weft_str){ large, 60 << 10 });
    seen.count -= before;
    return ended(rc < 0 ? rc : weft_ws_close(ws, 1000, ""));
}

static int opens(const weft_none *in, weft_ws *ws, int *state)
{
    (void)in;
    seen.opened++;
    *state = 7;
    WEFT_TRY(weft_ws_send(ws, WEFT_S("hello")));
    return weft_fail(409, "after all not");
}
static int handles(weft_ws *ws, int *state, weft_str msg) { (void)ws, (void)state, (void)msg; return 0; }
static void closed(weft_ws *ws, int *state)
{
    WEFT_CHECK_EQ(*state, 7);
    WEFT_CHECK_EQ(weft_ws_code(ws), 1008);
    seen.closed++;
}

/* One handler that waits must not hold the others up. */
static int waits_if_told(weft_ws *ws, weft_none *none, weft_str msg)
{
    (void)none;
    if (weft_str_equal(msg, WEFT_S("wait"))) WEFT_TRY(weft_sleep_ms(100));
    seen.count++;
    return weft_ws_send(ws, msg);
}

static int packs(const weft_none *in, weft_ws *ws)
{
    (void)in;
    memset(large, 'p', 1000);
    for (int i = 0; i < 3; i++) WEFT_TRY(weft_ws_send(ws, (weft_str){ large, 1000 }));
    WEFT_CHECK(ws->terms.on);
    WEFT_CHECK(!ws->context);
    seen.count++;
    return 0;
}

static const weft_app app = { .openapi_path = "", .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none),
    WEFT_WS("/works", works, weft_none),
    WEFT_WS("/kept", works, weft_none, .keep_when_client_leaves = true),
    WEFT_WS("/talks", talks, weft_none),
    WEFT_WS("/never", never_ends, weft_none),
    WEFT_WS("/much", says_much, weft_none, .ws = WEFT_WS_WITH(.close_ms = 100)),
    WEFT_WS("/late", closes_late, weft_none),
    WEFT_WS("/both", sends_both, weft_none),
    WEFT_WS("/packs", packs, weft_none, .ws = WEFT_WS_WITH(.deflate = true)),
    WEFT_WS("/fast", packs, weft_none, .ws = WEFT_WS_WITH(.deflate = true, .deflate_level = 1)),
    WEFT_WS_HANDLERS("/opens", weft_none, int, opens, handles, closed),
    WEFT_WS_HANDLERS("/waits", weft_none, weft_none, NULL, waits_if_told, NULL)) };

/* ---- a peer of raw bytes ---- */

static int port;

typedef struct raw { weft__stream s; char got[64 << 10]; size_t have; } raw;

static int more(raw *r, int ms)
{
    ssize_t n = weft__stream_recv(&r->s, r->got + r->have, sizeof r->got - 1 - r->have, weft__loop_clock(weft__loop_here()) + ms * INT64_C(1000000));
    if (n > 0) r->have += (size_t)n;
    r->got[r->have] = 0;
    return n > 0 ? 1 : n == 0 ? 0 : (int)n;
}

static int raw_open(raw *r, const char *path)
{
    weft__addr at;
    memset(r, 0, sizeof *r);
    weft_str head = weft_format("GET %s HTTP/1.1\r\n" WS_LINES "\r\n", path);
    WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), port, &at));
    WEFT_TRY(weft__stream_connect(&r->s, weft__loop_here(), &at, INT64_MAX));
    WEFT_TRY(ws_peer_send(&r->s, head.ptr, head.len));
    for (int rc; !strstr(r->got, "\r\n\r\n");)
        if ((rc = more(r, 1000)) <= 0) return rc < 0 ? rc : WEFT_ECONNRESET;
    size_t answer = (size_t)(strstr(r->got, "\r\n\r\n") - r->got) + 4;
    r->have -= answer;
    memmove(r->got, r->got + answer, r->have + 1);
    return 0;
}

typedef struct bundle { char bytes[8192]; size_t len; } bundle;
static void add(bundle *b, unsigned first, const char *text) { b->len += ws_frame(b->bytes + b->len, first, text, strlen(text)); }
static int raw_send(raw *r, const bundle *b) { return ws_peer_send(&r->s, b->bytes, b->len); }
static bool has(const raw *r, const char *bytes, size_t n) { return memmem(r->got, r->have, bytes, n) != NULL; }

static void with_peer(int (*peer)(void))
{
    seen = (typeof(seen)){ 0 };
    weft__live_begin();
    WEFT_CHECK_EQ(weft__live_call(&app, &(weft_call){ .fn = (weft__fn *)peer, .arity = 0, .name = "a peer" }, &port), 0);
    weft__live_end();
}

/* ---- nothing is forgotten ---- */

static int pings_behind(void)
{
    for (int i = 0; i < 3; i++) {
        raw r;
        bundle b = { .len = 0 };
        WEFT_TRY(raw_open(&r, "/works"));
        add(&b, 0x81, "work");
        add(&b, 0x89, "first");
        add(&b, 0x81, "next");
        add(&b, 0x89, "second");
        int64_t before = weft_test_ms();
        WEFT_TRY(raw_send(&r, &b));
        while (!has(&r, "\x8a\x06" "second", 8) && more(&r, 100) > 0) continue;
        WEFT_CHECK(has(&r, "\x8a\x05" "first", 7));
        WEFT_CHECK(has(&r, "\x8a\x06" "second", 8));
        WEFT_CHECK(weft_test_ms() - before < 50);
        weft__stream_reset(&r.s);
        WEFT_TRY(weft_sleep_ms(20));
        WEFT_CHECK(!weft__ws_hub_here()->again);
        WEFT_CHECK(!weft__ws_hub_here()->unsent);
    }
    return 0;
}

WEFT_TEST(ws_a_ping_behind_messages_is_answered_while_their_handler_works_and_nothing_stays_behind) { with_peer(pings_behind); }

static int closes_behind(void)
{
    raw r;
    bundle b = { .len = 0 };
    WEFT_TRY(raw_open(&r, "/late"));
    add(&b, 0x81, "one");
    add(&b, 0x81, "two");
    add(&b, 0x88, "\x03\xe8");
    WEFT_TRY(raw_send(&r, &b));
    while (more(&r, 1000) > 0) continue;
    WEFT_CHECK(has(&r, "\x88\x02\x03\xe8", 4));
    WEFT_TRY(weft_sleep_ms(100));
    WEFT_CHECK_EQ(seen.count, 1);
    WEFT_CHECK(seen.ended_ms > 0);
    weft__stream_close(&r.s);
    return 0;
}

WEFT_TEST(ws_a_close_behind_what_waits_ends_it_when_that_was_taken) { with_peer(closes_behind); }

static int one_waits(void)
{
    enum { ALL = 20 };
    static raw r[ALL];
    bundle wait = { .len = 0 }, go = { .len = 0 };
    add(&wait, 0x81, "wait");
    add(&go, 0x81, "go");
    for (int i = 0; i < ALL; i++) WEFT_TRY(raw_open(&r[i], "/waits"));
    int64_t before = weft_test_ms();
    for (int i = 0; i < ALL; i++) WEFT_TRY(raw_send(&r[i], i % 5 ? &go : &wait));
    for (int i = 0; i < ALL; i++)
        if (i % 5) WEFT_CHECK_EQ(more(&r[i], 1000), 1);
    WEFT_CHECK(weft_test_ms() - before < 50);
    WEFT_CHECK_EQ(seen.count, ALL - ALL / 5);
    for (int i = 0; i < ALL; i += 5) WEFT_CHECK_EQ(more(&r[i], 1000), 1);
    WEFT_CHECK(weft_test_ms() - before < 150);
    for (int i = 0; i < ALL; i++) weft__stream_close(&r[i].s);
    return 0;
}

WEFT_TEST(ws_handlers_that_wait_hold_up_nobody_whose_message_came_with_theirs) { with_peer(one_waits); }

static int opens_and_fails(void)
{
    raw r;
    WEFT_TRY(raw_open(&r, "/opens"));
    while (more(&r, 1000) > 0) continue;
    WEFT_CHECK_EQ(seen.opened, 1);
    WEFT_CHECK_EQ(seen.closed, 1);
    weft__stream_close(&r.s);
    return 0;
}

WEFT_TEST(ws_handlers_whose_first_one_accepts_and_fails_have_their_last_one_called) { with_peer(opens_and_fails); }

/* ---- nothing grows ---- */

static int says_much_at_once(void)
{
    raw r;
    bundle b = { .len = 0 };
    WEFT_TRY(raw_open(&r, "/echo"));
    for (int i = 0; i < 5; i++) add(&b, 0x81, "five");
    for (int times = 0; times < 3; times++) {
        r.have = 0;
        WEFT_TRY(raw_send(&r, &b));
        while (r.have < 5 * 6 && more(&r, 1000) > 0) continue;
        WEFT_TRY(weft_sleep_ms(10));
        WEFT_CHECK(r.have >= 5 * 6 && !echoes->io);
    }
    weft__stream_close(&r.s);
    return 0;
}

WEFT_TEST(ws_one_that_is_idle_holds_no_buffer_whatever_came_before) { with_peer(says_much_at_once); }

static int takes_steadily(void)
{
    raw r;
    WEFT_TRY(raw_open(&r, "/talks"));
    for (int rc = 1; rc > 0 && !seen.ended_ms;) {
        r.have = sizeof r.got - 1 - 8192;            /* less than there is: the queue is full again before it is empty */
        rc = more(&r, 1000);
        WEFT_TRY(weft_sleep_ms(1));
    }
    WEFT_CHECK_EQ(seen.count, 4 << 10);
    WEFT_CHECK(seen.room_most > 64 << 10);
    WEFT_CHECK(seen.room_most < 300 << 10);
    weft__stream_reset(&r.s);
    return 0;
}

WEFT_TEST(ws_a_queue_that_is_never_empty_does_not_grow) { with_peer(takes_steadily); }

/* A window that a client wishes for costs the loop one, not the client's WebSocket. */
static int asks_for_windows(void)
{
    for (int bits = 9; bits <= 15; bits++) {
        char lines[100];
        snprintf(lines, sizeof lines, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=%d\r\n", bits);
        ws_peer p = { .path = bits % 2 ? "/fast" : "/packs", .lines = lines, .port = &port, .patience_ms = 10 };
        WEFT_TRY(ws_peer_go(&(ws_peer *){ &p }));
        WEFT_CHECK(weft__ws_hub_here()->deflaters[bits]);
    }
    WEFT_CHECK_EQ(seen.count, 7);
    return 0;
}

WEFT_TEST(ws_compression_that_begins_anew_holds_nothing_between_messages)
{
    if (weft__ws_deflate_built()) with_peer(asks_for_windows);
}

/* ---- who is there, and who is not ---- */

static int listens_only(void)
{
    raw r;
    WEFT_TRY(raw_open(&r, "/never"));
    for (int i = 0; i < 300; i++) {
        r.have = 0;
        WEFT_CHECK_EQ(more(&r, 5000), 1);
        WEFT_TRY(weft_sleep_ms(1000));
    }
    WEFT_CHECK_EQ(seen.ended_ms, 0);
    weft__stream_reset(&r.s);
    return 0;
}

WEFT_TEST(ws_a_slow_listener_that_takes_all_the_time_is_not_taken_for_gone) { with_peer(listens_only); }

static int begins_only(void)
{
    raw r;
    bundle begun = { .len = 0 }, pong = { .len = 0 };
    add(&begun, 0x01, "the beginning of a message");
    add(&pong, 0x8a, "");
    WEFT_TRY(raw_open(&r, "/echo"));
    WEFT_TRY(raw_send(&r, &begun));
    for (int i = 0; i < 30 && !has(&r, "\x03\xf0", 2); i++) {
        if (more(&r, 5000) == 0) break;
        if (ws_peer_send(&r.s, pong.bytes, pong.len) < 0) break;
    }
    WEFT_CHECK(has(&r, "\x03\xf0", 2));              /* 1008 */
    WEFT_CHECK(weft_test_ms() < 120000);
    weft__stream_reset(&r.s);
    return 0;
}

WEFT_TEST(ws_a_message_that_has_begun_and_does_not_go_on_is_not_waited_for_for_ever) { with_peer(begins_only); }

static int ends_behind_a_message(void)
{
    raw r;
    bundle b = { .len = 0 };
    WEFT_TRY(raw_open(&r, "/works"));
    add(&b, 0x81, "work");
    add(&b, 0x81, "next");
    add(&b, 0x88, "\x03\xe9");
    WEFT_TRY(raw_send(&r, &b));
    WEFT_TRY(weft_sleep_ms(100));
    int64_t before = weft_test_ms();
    WEFT_CHECK_EQ(weft__loop_os(weft__loop_here())->ops->shutdown(weft__loop_os(weft__loop_here()), r.s.fd), 0);
    WEFT_TRY(weft_sleep_ms(3000));
    WEFT_CHECK_EQ(seen.rc, WEFT_ECANCELED);
    WEFT_CHECK(seen.ended_ms - before <= 600);
    weft__stream_close(&r.s);
    return 0;
}

WEFT_TEST(ws_a_client_that_ends_behind_a_message_that_nobody_takes_cancels_the_handler) { with_peer(ends_behind_a_message); }

static int says_close(void)
{
    raw r;
    bundle b = { .len = 0 }, close = { .len = 0 };
    WEFT_TRY(raw_open(&r, "/kept"));
    add(&b, 0x81, "work");
    add(&close, 0x88, "\x03\xe8");
    WEFT_TRY(raw_send(&r, &b));
    WEFT_TRY(weft_sleep_ms(50));
    int64_t before = weft_test_ms();
    WEFT_TRY(raw_send(&r, &close));
    while (more(&r, 8000) > 0) continue;
    WEFT_CHECK(has(&r, "\x88\x02\x03\xe8", 4));
    WEFT_CHECK(weft_test_ms() - before < 50);        /* its end has come too, though the handler works on */
    WEFT_CHECK_EQ(seen.ended_ms, 0);
    weft__stream_close(&r.s);
    WEFT_TRY(weft_sleep_ms(11000));
    WEFT_CHECK_EQ(seen.rc, 0);
    return 0;
}

WEFT_TEST(ws_the_connection_ends_with_the_closing_handshake_whatever_the_handler_still_does) { with_peer(says_close); }

static int takes_slowly(void)
{
    char *all = scratch(2 << 20);              /* no variable: for leaks all of those are searched at the end of each test there is */
    raw r;
    WEFT_TRY(raw_open(&r, "/much"));
    size_t have = r.have;
    for (ssize_t n = 1; n > 0 && have < sizeof large; have += n > 0 ? (size_t)n : 0) {
        WEFT_TRY(weft_sleep_ms(20));
        n = weft__stream_recv(&r.s, all + have, 64 << 10, weft__loop_clock(weft__loop_here()) + INT64_C(1000000000));
    }
    while (!has(&r, "\x88", 1) && more(&r, 1000) > 0) continue;
    WEFT_CHECK(have >= sizeof large);
    WEFT_CHECK(memmem(all, have, "\x88\x02\x03\xe8", 4) || has(&r, "\x88\x02\x03\xe8", 4));
    weft__stream_close(&r.s);
    return 0;
}

WEFT_TEST(ws_what_was_sent_before_a_close_goes_out_however_long_the_peer_takes_for_it) { with_peer(takes_slowly); }

static int takes_from_both(void)
{
    raw r;
    WEFT_TRY(raw_open(&r, "/both"));
    for (int i = 0; i < 400 && !seen.ended_ms; i++) {
        r.have = 0;
        (void)more(&r, 100);
        WEFT_TRY(weft_sleep_ms(10));
    }
    WEFT_CHECK_EQ(seen.rc, 0);
    WEFT_CHECK(seen.count < 30);
    weft__stream_reset(&r.s);
    return 0;
}

WEFT_TEST(ws_a_large_message_has_its_turn_among_small_ones) { with_peer(takes_from_both); }
