#include "wire/ws_handshake.h"
#include <stdio.h>
#include <string.h>
#include "weft/check.h"

static weft__http_header lines[32];

static weft__http_head parse(const char *request)
{
    weft__http_head head = { .headers = lines, .room = weft_count(lines) };
    size_t scanned = 0;
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    WEFT_CHECK(weft__http_parse_request(request, strlen(request), &scanned, &limits, &head) > 0);
    return head;
}

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define GOOD "Host: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n"

static void check_fault(int line, const char *request, int status, const char *part)
{
    int came = 0;
    weft__http_head head = parse(request);
    const char *fault = weft__ws_request_fault(&head, false, &came);
    if (!part && fault) weft__check_fail(__FILE__, line, "refused: %s", fault);
    if (part && (!fault || came != status || !strstr(fault, part))) weft__check_fail(__FILE__, line, "expected %d \"%s\", came %d \"%s\"", status, part, came, fault ? fault : "");
}
#define FAULT(request, status, part) check_fault(__LINE__, request, status, part)

WEFT_TEST(ws_a_handshake_is_what_rfc_6455_says)
{
    FAULT("GET /chat HTTP/1.1\r\n" GOOD "\r\n", 0, NULL);
    FAULT("GET /chat HTTP/1.1\r\n" GOOD "Content-Length: 0\r\n\r\n", 0, NULL);
    FAULT("GET /chat HTTP/1.1\r\nHost: a\r\n\r\n", 426, "expected Connection: Upgrade");
    FAULT("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", 426, "expected Connection: Upgrade");
    FAULT("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 426, "expected Connection: Upgrade");
    FAULT("POST /chat HTTP/1.1\r\n" GOOD "Content-Length: 0\r\n\r\n", 400, "is a GET");
    FAULT("GET /chat HTTP/1.1\r\n" GOOD "Content-Length: 1\r\n\r\n", 400, "no body");
    FAULT("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: UPGRADE\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", 400, "Version: 13");
    FAULT("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " KEY "\r\n\r\n", 426, "13 alone");
    FAULT("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n", 400, "one Sec-WebSocket-Key");
    FAULT("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n\r\n", 400, "16 bytes");
    FAULT("GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Key: " KEY "\r\n\r\n", 400, "one Sec-WebSocket-Key");
    FAULT("GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Version: 13\r\n\r\n", 426, "13 alone");
}

WEFT_TEST(ws_a_key_is_answered_with_the_digest_of_rfc_6455)
{
    char out[WEFT__WS_ACCEPT];
    WEFT_CHECK(weft__ws_accept(WEFT_S(KEY), out));
    WEFT_CHECK(memcmp(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof out) == 0);
    WEFT_CHECK(!weft__ws_accept(WEFT_S("short"), out));
}

WEFT_TEST(ws_subprotocols_are_found_in_all_lines_with_their_case)
{
    weft__http_head head = parse("GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: chat.v2, ,chat.v1\r\nSec-WebSocket-Protocol: other\r\n\r\n");
    weft_str name = WEFT_S("Sec-WebSocket-Protocol");
    WEFT_CHECK(weft__ws_offers(&head, name, WEFT_S("chat.v1")) && weft__ws_offers(&head, name, WEFT_S("chat.v2")) && weft__ws_offers(&head, name, WEFT_S("other")));
    WEFT_CHECK(!weft__ws_offers(&head, name, WEFT_S("Chat.v1")) && !weft__ws_offers(&head, name, WEFT_S("chat")));
}

/* ---- permessage-deflate ---- */

static const weft__ws_terms fresh = { true, true, true, 15, 15 }, kept = { true, false, false, 15, 15 }, small = { true, false, false, 10, 11 };

static void check_agreed(int line, const char *offer, const weft__ws_terms *ours, const char *expected)
{
    char request[1024];
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Extensions: %s\r\n\r\n", offer);
    weft__http_head head = parse(request);
    weft__ws_terms t = weft__ws_agree(&head, ours);
    weft__buf out;
    weft__buf_init(&out, 4096);
    if (t.on) weft__ws_add_terms(&out, &t);
    weft_str came = weft__buf_str(&out);
    if (!weft_str_equal(came, weft_str_of(expected))) weft__check_fail(__FILE__, line, "\"%s\": expected \"%s\", came \"%.*s\"", offer, expected, WEFT_FMT(came));
    weft__buf_free(&out);
}
#define AGREED(offer, ours, expected) check_agreed(__LINE__, offer, &ours, expected)

WEFT_TEST(ws_compression_is_agreed_as_the_client_can_and_we_want)
{
    AGREED("permessage-deflate", kept, "permessage-deflate");
    AGREED("permessage-deflate; client_max_window_bits", kept, "permessage-deflate");
    AGREED("permessage-deflate", fresh, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    AGREED("permessage-deflate; server_no_context_takeover", kept, "permessage-deflate; server_no_context_takeover");
    AGREED("permessage-deflate; client_no_context_takeover", kept, "permessage-deflate; client_no_context_takeover");
    AGREED("permessage-deflate; server_max_window_bits=9", kept, "permessage-deflate; server_max_window_bits=9");
    AGREED("permessage-deflate; server_max_window_bits=\"9\"", kept, "permessage-deflate; server_max_window_bits=9");
    AGREED("permessage-deflate; client_max_window_bits=12", kept, "permessage-deflate; client_max_window_bits=12");
    AGREED("permessage-deflate; client_max_window_bits", small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11");
    AGREED("permessage-deflate", small, "permessage-deflate; server_max_window_bits=10");
    AGREED("x-webkit-deflate-frame, permessage-deflate ; server_max_window_bits = 12", kept, "permessage-deflate; server_max_window_bits=12");
    AGREED("permessage-deflate; unknown, permessage-deflate; client_no_context_takeover", kept, "permessage-deflate; client_no_context_takeover");
}

WEFT_TEST(ws_offers_of_compression_that_make_no_sense_are_passed_over)
{
    static const weft__ws_terms none = { 0 };
    AGREED("permessage-deflate", none, "");
    AGREED("permessage-bzip2", kept, "");
    AGREED("permessage-deflate; server_max_window_bits", kept, "");
    AGREED("permessage-deflate; server_max_window_bits=7", kept, "");
    AGREED("permessage-deflate; server_max_window_bits=16", kept, "");
    AGREED("permessage-deflate; server_max_window_bits=08", kept, "");
    AGREED("permessage-deflate; server_max_window_bits=+9", kept, "");
    AGREED("permessage-deflate; client_max_window_bits=0", kept, "");
    AGREED("permessage-deflate; server_no_context_takeover=1", kept, "");
    AGREED("permessage-deflate; server_no_context_takeover; server_no_context_takeover", kept, "");
    AGREED("permessage-deflate; server_max_window_bits=\"9", kept, "");
    AGREED("permessage-deflate; ; server_max_window_bits=9", kept, "");
    AGREED("permessage-deflate; =9", kept, "");
    AGREED("permessage-deflate foo", kept, "");
    AGREED(",,;;", kept, "");
}

static void check_answer(int line, const char *extensions, const weft__ws_terms *ours, const char *expected)
{
    char answer[1024], told[128];
    size_t scanned = 0;
    weft__ws_terms t;
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    weft__http_head head = { .headers = lines, .room = weft_count(lines) };
    snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: %s\r\n\r\n", extensions);
    WEFT_CHECK(weft__http_parse_response(answer, strlen(answer), &scanned, false, &limits, &head) > 0);
    const char *fault = weft__ws_agreed(&head, ours, &t);
    snprintf(told, sizeof told, "%d %d %d %u %u", t.on, t.server_fresh, t.client_fresh, t.server_bits, t.client_bits);
    if (fault ? !strstr(fault, expected) : strcmp(told, expected) != 0) weft__check_fail(__FILE__, line, "\"%s\": expected \"%s\", came \"%s\"", extensions, expected, fault ? fault : told);
}
#define ANSWER(extensions, ours, expected) check_answer(__LINE__, extensions, &ours, expected)

WEFT_TEST(ws_a_server_that_agrees_to_more_than_was_offered_is_refused)
{
    static const weft__ws_terms none = { 0 };
    ANSWER("permessage-deflate", kept, "1 0 0 15 15");
    ANSWER("permessage-deflate; server_no_context_takeover; client_max_window_bits=9", kept, "1 1 0 15 9");
    ANSWER("permessage-deflate; server_max_window_bits=8", kept, "1 0 0 8 15");
    ANSWER("permessage-deflate", none, "was not offered");
    ANSWER("x-other", kept, "was not offered");
    ANSWER("permessage-deflate; client_max_window_bits", kept, "make no sense");
    ANSWER("permessage-deflate, permessage-deflate", kept, "twice");
    ANSWER("permessage-deflate", fresh, "server_no_context_takeover");
    ANSWER("permessage-deflate; server_max_window_bits=15", small, "larger server_max_window_bits");
}
