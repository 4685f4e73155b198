/* What clients send that nobody should: each is ended with the code that stands for it, however its bytes are cut. */
#include <stdio.h>
#include <string.h>
#include "scratch.h"
#include "ws_peer.h"

static int handlers, last_rc;

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        rc = weft_ws_is_text(ws) ? weft_ws_send(ws, said) : weft_ws_send_binary(ws, said);
        if (rc < 0) break;
    }
    handlers++;
    last_rc = rc;
    return rc;
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none),
    WEFT_WS("/small", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 1000, .fragments_max = 4)),
    WEFT_WS("/deflate", echo, weft_none, .ws = WEFT_WS_WITH(.message_bytes_max = 1000, .deflate = true)),
    WEFT_WS("/context", echo, weft_none, .ws = WEFT_WS_WITH(.deflate = true, .deflate_context = true))) };

/* "first|payload" frames with '~' before each: written down as text, sent as masked frames. */
typedef struct frames { char bytes[256 * 1024]; size_t len; } frames;
static frames f;

static void add(unsigned first, const char *payload, size_t n) { f.len += ws_frame(f.bytes + f.len, first, payload, n); }
#define ADD(first, payload) add(first, payload, sizeof(payload) - 1)

/* What has come, frame by frame: "1:text 8:1000". */
static const char *told(const ws_peer *p)
{
    static char text[4096];
    static const weft__ws_rules rules = { .message_bytes_max = 1 << 24, .fragments_max = 1000, .deflate = true };
    weft__ws_in in = { 0 };
    size_t at = p->head, n = 0, used;
    weft__ws_event e;
    text[0] = 0;
    while (weft__ws_next(&in, &rules, p->got + at, p->have - at, &used, &e) > 0) {
        at += used;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d:", n ? " " : "", e.op);
        if (e.op == WEFT__WS_CLOSE) n += (size_t)snprintf(text + n, sizeof text - n, "%u", e.code);
        else n += (size_t)snprintf(text + n, sizeof text - n, "%.*s", (int)(e.bytes.len < 40 ? e.bytes.len : 40), e.bytes.ptr);
        if (n > sizeof text - 64) break;
    }
    if (in.fault) snprintf(text + n, sizeof text - n, " FAULT %s", in.fault);
    return text;
}

static void check_said_in(int line, const char *path, const char *lines, const char *expected, size_t step, bool over_h2)
{
    char *copy = malloc(f.len), how[64];
    memcpy(copy, f.bytes, f.len);
    ws_peer p = { .path = path, .lines = lines, .bytes = { copy, f.len }, .step = step, .patience_ms = 50, .over_h2 = over_h2 };
    ws_peer_run(&app, &p);
    free(copy);
    snprintf(how, sizeof how, "in pieces of %zu%s", step, over_h2 ? ", over HTTP/2" : "");
    if (strcmp(told(&p), expected) != 0) weft__check_fail(__FILE__, line, "%s: expected \"%s\", came \"%s\"", how, expected, told(&p));
    if (strstr(expected, "8:") && !p.ended && !p.broken) weft__check_fail(__FILE__, line, "%s: the connection was not ended", how);
}

static void check_said(int line, const char *path, const char *lines, const char *expected)
{
    static const size_t steps[] = { 0, 1, 2, 3, 7, 1000 };
    for (size_t i = 0; i < weft_count(steps); i++) {
        if (steps[i] && steps[i] < 100 && f.len > 2000) continue;
        for (int h2 = 0; h2 <= WEFT__HAS_HTTP2; h2++) check_said_in(line, path, lines, expected, steps[i], h2);
    }
    f.len = 0;
}
#define SAID(expected) check_said(__LINE__, "/echo", NULL, expected)
#define SAID_AT(path, expected) check_said(__LINE__, path, NULL, expected)
#define DEFLATE_LINE "Sec-WebSocket-Extensions: permessage-deflate\r\n"

WEFT_TEST(ws_fragments_are_joined_and_control_frames_answered_between_them)
{
    ADD(0x01, "fra"); ADD(0x89, "ping"); ADD(0x00, "gme"); ADD(0x8a, "pong"); ADD(0x80, "nts"); ADD(0x88, "\x03\xe8");
    SAID("10:ping 1:fragments 8:1000");
    ADD(0x01, ""); ADD(0x00, ""); ADD(0x80, ""); ADD(0x88, "");
    SAID("1: 8:1005");
    ADD(0x82, "\x00\x01"); ADD(0x02, "ab"); ADD(0x80, "c"); ADD(0x88, "\x0f\xa0" "own");
    SAID("2: 2:abc 8:4000");
}

WEFT_TEST(ws_pings_of_all_sizes_are_answered_and_pongs_are_not)
{
    char big[126];
    memset(big, 'p', sizeof big);
    ADD(0x89, ""); add(0x89, big, 125); ADD(0x8a, "unasked"); ADD(0x88, "\x03\xe8");
    SAID("10: 10:pppppppppppppppppppppppppppppppppppppppp 8:1000");
    add(0x89, big, 126);
    SAID("8:1002");
    for (int i = 0; i < 20; i++) ADD(0x89, "x");
    ADD(0x81, "end"); ADD(0x88, "");
    SAID("10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 10:x 1:end 8:1005");
}

WEFT_TEST(ws_what_the_protocol_forbids_is_1002)
{
    static const unsigned firsts[] = { 0xc1, 0xa1, 0x91, 0xf1, 0x83, 0x84, 0x85, 0x86, 0x87, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x03, 0x0b, 0x80, 0x00, 0x09, 0x0a, 0x08, 0xc9, 0xd8 };
    for (size_t i = 0; i < weft_count(firsts); i++) {
        ADD(0x81, "first"); ADD(firsts[i], "xx"); ADD(0x81, "behind");
        SAID("1:first 8:1002");
        WEFT_CHECK_EQ(last_rc, WEFT_EPROTO);
    }
    ADD(0x01, "a"); ADD(0x81, "b");
    SAID("8:1002");
    f.len = 7;
    memcpy(f.bytes, "\x81\x05hello", 7);             /* not masked */
    SAID("8:1002");
    f.len = 4;
    memcpy(f.bytes, "\x81\xfe\x00\x05", 4);          /* too long a length */
    SAID("8:1002");
}

WEFT_TEST(ws_texts_that_are_no_utf_8_are_1007_as_soon_as_they_are)
{
    static const char *const bad[] = { "\xff", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\xe2\x82", "abc\x80", "\xfe\xfe\xff\xff" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        add(0x81, bad[i], strlen(bad[i]));
        SAID("8:1007");
        WEFT_CHECK_EQ(last_rc, WEFT_EPROTO);
        ADD(0x01, "good "); add(0x80, bad[i], strlen(bad[i]));
        SAID("8:1007");
        add(0x82, bad[i], strlen(bad[i]));           /* binary is anything */
        ADD(0x88, "");
        char expected[64];
        snprintf(expected, sizeof expected, "2:%s 8:1005", bad[i]);
        SAID(expected);
    }
    ADD(0x01, "\xf4\x90");                           /* before its end, or even its frame's */
    SAID("8:1007");
    ADD(0x01, "\xce"); ADD(0x00, ""); ADD(0x80, "\xba"); ADD(0x88, "");
    SAID("1:\xce\xba 8:1005");
    ADD(0x01, "\xf0\x9f"); ADD(0x89, "\xff"); ADD(0x80, "\x98\x80"); ADD(0x88, "");
    SAID("10:\xff 1:\xf0\x9f\x98\x80 8:1005");
    ADD(0x81, "caf\xc3\xa9"); ADD(0x88, "\x03\xe8\xc3\x28");
    SAID("1:caf\xc3\xa9 8:1007");
}

WEFT_TEST(ws_codes_of_a_close_are_answered_with_themselves_or_1002)
{
    static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 };
    static const unsigned bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535 };
    for (size_t i = 0; i < weft_count(good); i++) {
        char expected[32], payload[] = { (char)(good[i] >> 8), (char)good[i], 'w', 'h', 'y' };
        snprintf(expected, sizeof expected, "8:%u", good[i]);
        add(0x88, payload, sizeof payload);
        SAID(expected);
        WEFT_CHECK_EQ(last_rc, 0);
    }
    for (size_t i = 0; i < weft_count(bad); i++) {
        char payload[] = { (char)(bad[i] >> 8), (char)bad[i] };
        add(0x88, payload, sizeof payload);
        SAID("8:1002");
    }
    ADD(0x88, "\x03");
    SAID("8:1002");
}

WEFT_TEST(ws_nothing_behind_a_close_is_looked_at)
{
    ADD(0x81, "one"); ADD(0x88, "\x03\xe8"); ADD(0x81, "two"); ADD(0x89, "ping"); ADD(0xff, "nonsense");
    SAID("1:one 8:1000");
}

WEFT_TEST(ws_messages_past_their_limits_are_1009_and_1008)
{
    char big[2000];
    memset(big, 'x', sizeof big);
    add(0x82, big, 1000); ADD(0x88, "");
    SAID_AT("/small", "2:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 8:1005");
    add(0x82, big, 1001);
    SAID_AT("/small", "8:1009");
    WEFT_CHECK_EQ(last_rc, WEFT_ELIMIT);
    add(0x02, big, 600); add(0x80, big, 600);
    SAID_AT("/small", "8:1009");
    memcpy(f.bytes, "\x82\xff\x00\x00\x7f\xff\xff\xff\xff\xff", 10);        /* told before it comes */
    f.len = 10;
    SAID_AT("/small", "8:1009");
    for (int i = 0; i < 5; i++) ADD(i ? 0x00 : 0x02, "");
    SAID_AT("/small", "8:1008");
    WEFT_CHECK_EQ(last_rc, WEFT_ELIMIT);
}

WEFT_TEST(ws_compressed_messages_are_what_was_agreed_or_1002_and_1007)
{
    if (!weft__ws_deflate_built()) return;
    ADD(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"); ADD(0x88, "");
    check_said(__LINE__, "/echo", DEFLATE_LINE, "8:1002");                  /* this route agrees to nothing */
    ADD(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"); ADD(0x41, "\xf2\x48"); ADD(0x89, ""); ADD(0x80, "\xcd\xc9\xc9\x07\x00"); ADD(0x81, "plain"); ADD(0x88, "");
    check_said(__LINE__, "/deflate", DEFLATE_LINE, "1:Hello 10: 1:Hello 1:plain 8:1005");
    ADD(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"); ADD(0xc1, "\xf2\x00\x11\x00\x00"); ADD(0x88, "");
    check_said(__LINE__, "/context", DEFLATE_LINE, "1:Hello 1:Hello 8:1005");
    ADD(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"); ADD(0xc1, "\xf2\x00\x11\x00\x00"); ADD(0x88, "");
    check_said(__LINE__, "/deflate", DEFLATE_LINE, "1:Hello 8:1007");       /* what came before is forgotten */
    ADD(0xc1, "\xff\xff\xff");
    check_said(__LINE__, "/deflate", DEFLATE_LINE, "8:1007");
    ADD(0xc2, "\xf2\x48\xcd\xc9\xc9\x07\x00"); ADD(0xc0, "x");
    check_said(__LINE__, "/deflate", DEFLATE_LINE, "2:Hello 8:1002");
    ADD(0x01, "x"); ADD(0xc0, "x");
    check_said(__LINE__, "/deflate", DEFLATE_LINE, "8:1002");
}

WEFT_TEST(ws_a_bomb_is_1009_and_a_compressed_text_is_checked_too)
{
    enum { ZEROS = 1 << 20 };
    char *zeros = scratch(ZEROS);
    weft__buf packed;
    weft__deflater *d = weft__deflater_new(15, 9);
    if (!d) return;
    weft__buf_init(&packed, 1 << 20);
    memset(zeros, 'z', ZEROS);
    WEFT_CHECK_EQ(weft__deflate(d, (weft_str){ zeros, 1000 }, true, &packed), 0);
    add(0xc2, packed.ptr, packed.len); ADD(0x88, "");
    ws_peer p = { .path = "/deflate", .lines = DEFLATE_LINE, .bytes = { f.bytes, f.len }, .patience_ms = 50 };
    ws_peer_run(&app, &p);
    WEFT_CHECK(strstr(told(&p), "8:1005") != NULL);
    f.len = 0;
    weft__buf_clear(&packed);
    WEFT_CHECK_EQ(weft__deflate(d, (weft_str){ zeros, ZEROS }, true, &packed), 0);
    add(0xc2, packed.ptr, packed.len < 1000 ? packed.len : 999);
    check_said(__LINE__, "/deflate", DEFLATE_LINE, "8:1009");
    weft__buf_clear(&packed);
    WEFT_CHECK_EQ(weft__deflate(d, WEFT_S("ab\xff"), true, &packed), 0);
    add(0xc1, packed.ptr, packed.len);
    check_said(__LINE__, "/deflate", DEFLATE_LINE, "8:1007");
    weft__buf_free(&packed);
    weft__deflater_free(d);
}

WEFT_TEST(ws_an_end_without_a_close_is_told_to_the_handler)
{
    handlers = 0;
    ADD(0x81, "x");
    ws_peer p = { .path = "/echo", .bytes = { f.bytes, f.len }, .step = 100, .patience_ms = 50, .ends = true };
    ws_peer_run(&app, &p);
    WEFT_CHECK_EQ(handlers, 1);
    WEFT_CHECK_EQ(last_rc, WEFT_ECONNRESET);
    WEFT_CHECK_STR(weft_str_of(told(&p)), "1:x");
    f.len = 0;
}

WEFT_TEST(ws_bytes_that_are_cut_anywhere_end_nothing_but_their_own_connection)
{
    ADD(0x81, "one"); ADD(0x01, "t"); ADD(0x89, "p"); ADD(0x80, "wo"); ADD(0x88, "\x03\xe8");
    handlers = 0;
    for (size_t n = 0; n < f.len; n++) {
        char *copy = malloc(n + 1);
        memcpy(copy, f.bytes, n);
        ws_peer p = { .path = "/echo", .bytes = { copy, n }, .step = 100, .patience_ms = 20, .ends = true };
        ws_peer_run(&app, &p);
        free(copy);
    }
    WEFT_CHECK_EQ(handlers, (int)f.len);
    f.len = 0;
}
