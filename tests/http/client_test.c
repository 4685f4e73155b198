#include "http/client_world.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/model.h"
#include "weft/task.h"

WEFT_MODEL(Price, field(double, price, .range = { 0, 1e9 }), field(weft_str, currency,
    .initial = "EUR"));

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define OK_PRICE \
    OK_HEAD "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"price\": 12.5}"

/* ---- what a call sends and brings ---- */

NET_TEST(a_model_is_fetched_and_the_request_is_what_http_wants)
{
    NET_UPSTREAM(up, { .bytes = OK_PRICE });
    Price price = { 0 };
    WEFT_TRY(weft_fetch(Price, &price, "{+}/price/{}?q={}", up_base, "a b/c", 7));
    WEFT_CHECK(price.price == 12.5);
    WEFT_CHECK_STR(price.currency, "EUR");
    char want[512];
    snprintf(want, sizeof want,
        "GET /price/a%%20b%%2Fc?q=7 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        "User-Agent: weft/0.1\r\n\r\n", up.port);
    WEFT_CHECK_STR(weft_str_of(up.last), want);
    return 0;
}

NET_TEST(each_type_of_c_is_a_value_of_a_url)
{
    NET_UPSTREAM(up, { .bytes = OK_PRICE });
    Price price;
    short small = -3;
    unsigned char byte = 200;
    size_t size = SIZE_MAX;
    bool yes = true;                     /* a literal `true` is an int before C23 */
    WEFT_TRY(weft_fetch(Price, &price, "{+}/{}/{}/{}/{}/{}/{}/{}", up_base, small, byte, size, INT64_MIN, UINT64_MAX, 0.5f, yes));
    const char *want = "GET /-3/200/18446744073709551615/-9223372036854775808/18446744073709551615/0.5/true HTTP/1.1\r\n";
    up.last[strlen(want)] = 0;
    WEFT_CHECK_STR(weft_str_of(up.last), want);
    return 0;
}

NET_TEST(calls_one_after_the_other_share_a_connection)
{
    NET_UPSTREAM(up, { .bytes = OK_PRICE });
    for (int i = 0; i < 20; i++) {
        Price price = { 0 };
        WEFT_TRY(weft_fetch(Price, &price, "{+}/{}", up_base, i));
        WEFT_CHECK(price.price == 12.5);
    }
    WEFT_CHECK_EQ(up.requests, 20);
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

NET_TEST(text_is_fetched_as_it_is)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 6\r\n\r\nhello\n" });
    weft_str text = { 0 };
    WEFT_TRY(weft_fetch(weft_str, &text, "{+}/", up_base));
    WEFT_CHECK_STR(text, "hello\n");
    WEFT_CHECK_EQ(text.ptr[text.len], 0);
    return 0;
}

NET_TEST(a_list_is_fetched)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 42\r\n\r\n"
        "[{\"price\":1},{\"price\":2,\"currency\":\"USD\"}]" });
    weft_list_Price list = { 0 };
    WEFT_TRY(weft_fetch(weft_list_Price, &list, "{+}/", up_base));
    WEFT_CHECK_EQ(list.count, 2);
    WEFT_CHECK_STR(list.items[1].currency, "USD");
    return 0;
}

NET_TEST(an_exchange_gives_status_headers_and_body_as_they_came)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 404 Not Found\r\nX-Empty:\r\nX-A:  spaced \t\r\n"
        "Content-Length: 4\r\n\r\ngone" });
    weft_response r = { 0 };
    WEFT_TRY(weft_exchange(&r, (.method = "DELETE"), "{+}/items/{}", up_base, 3));
    WEFT_CHECK_EQ(r.status, 404);
    WEFT_CHECK_STR(r.body, "gone");
    WEFT_CHECK_EQ(r.header_count, 3);
    WEFT_CHECK_STR(weft_response_header(&r, "x-a"), "spaced");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Empty"), "");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Absent"), "");
    WEFT_CHECK_STR(weft_str_of(r.headers[1].value.ptr), "spaced");
    WEFT_CHECK_STR(weft_str_of(r.headers[1].name.ptr), "X-A");
    WEFT_CHECK(strstr(up.last, "DELETE /items/3 HTTP/1.1\r\n") == up.last);
    WEFT_CHECK(!strstr(up.last, "Content-Length"));
    return 0;
}

NET_TEST(a_body_and_headers_are_sent)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" });
    weft_response r = { 0 };
    const weft_header headers[] = { { WEFT_S("X-Key"), WEFT_S("secret") } };
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body = WEFT_S("{\"a\":1}"), .headers = headers,
        .header_count = 1), "{+}/items", up_base));
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_STR(r.body, "");
    char want[512];
    snprintf(want, sizeof want, "POST /items HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        "User-Agent: weft/0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 7\r\nX-Key: secret\r\n\r\n{\"a\":1}", up.port);
    WEFT_CHECK_STR(weft_str_of(up.last), want);
    WEFT_TRY(weft_exchange(&r, (.method = "POST"), "{+}/items", up_base));
    WEFT_CHECK(strstr(up.last, "Content-Length: 0\r\n") != NULL);
    return 0;
}

NET_TEST(an_answer_to_head_has_no_body)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 5000\r\n\r\n" });
    weft_response r = { 0 };
    for (int i = 0; i < 3; i++) WEFT_TRY(weft_exchange(&r, (.method = "HEAD"), "{+}/", up_base));
    WEFT_CHECK_STR(r.body, "");
    WEFT_CHECK_STR(weft_response_header(&r, "content-length"), "5000");
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

NET_TEST(answers_204_and_304_have_no_body)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 204 No Content\r\n\r\n" },
        { .bytes = "HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n" });
    weft_response r = { 0 };
    WEFT_TRY(weft_exchange(&r, (), "{+}/", up_base));
    WEFT_CHECK_EQ(r.status, 204);
    WEFT_TRY(weft_exchange(&r, (), "{+}/", up_base));
    WEFT_CHECK_EQ(r.status, 304);
    WEFT_CHECK_STR(r.body, "");
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

#define INTERIM \
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

NET_TEST(interim_answers_are_skipped)
{
    NET_UPSTREAM(up, { .bytes = INTERIM OK_PRICE });
    Price price = { 0 };
    for (int i = 0; i < 2; i++) WEFT_TRY(weft_fetch(Price, &price, "{+}/", up_base));
    WEFT_CHECK(price.price == 12.5);
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

/* ---- the same bytes in other pieces ---- */

#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\nX-A: b\r\n\r\n" \
    "5;x=y\r\n{\"pri\r\nA\r\nce\": 12.5}\r\n0\r\nTrailer: t\r\n\r\n"

/* One answer, cut at every place: each piece is a send of its own. */
static int in_two_pieces(const net_answer *base, bool reuses)
{
    size_t len = strlen(base->bytes);
    for (size_t cut = 1; cut < len; cut++) {
        WEFT_TEMP;
        net_upstream up;
        net_answer a = *base;
        WEFT_SCOPE(s, .forget = true);
        a.first = cut;
        a.slice_ms = 1;
        net_upstream_start(&up, s, &a, 1);
        for (int i = 0; i < 2; i++) {
            Price price = { 0 };
            weft_response r = { 0 };
            WEFT_TRY(weft_fetch(Price, &price, "{+}/", up.base));
            WEFT_CHECK(price.price == 12.5);
            WEFT_TRY(weft_exchange(&r, (), "{+}/", up.base));
            WEFT_CHECK_STR(r.body, "{\"price\": 12.5}");
        }
        WEFT_CHECK_EQ(up.accepted, reuses ? 1 : 4);
    }
    return 0;
}

NET_SIM_TEST(a_body_with_a_length_comes_in_any_pieces)
{
    return in_two_pieces(&(net_answer){ .bytes = OK_PRICE }, true);
}

NET_SIM_TEST(a_chunked_body_comes_in_any_pieces)
{
    return in_two_pieces(&(net_answer){ .bytes = CHUNKED }, true);
}

NET_SIM_TEST(a_body_until_the_close_comes_in_any_pieces)
{
    return in_two_pieces(&(net_answer){ .bytes = OK_HEAD "\r\n{\"price\": 12.5}",
        .then = NET_CLOSE }, false);
}
NET_SIM_TEST(interim_answers_come_in_any_pieces)
{
    return in_two_pieces(&(net_answer){ .bytes = INTERIM OK_PRICE }, true);
}

NET_TEST(an_answer_comes_byte_by_byte)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED, .slice = 1 }, { .bytes = OK_PRICE, .slice = 1 });
    for (int i = 0; i < 3; i++) {
        Price price = { 0 };
        WEFT_TRY(weft_fetch(Price, &price, "{+}/", up_base));
        WEFT_CHECK(price.price == 12.5);
    }
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

/* ---- large bodies ---- */

enum { LARGE = 3 * 1024 * 1024 };
static char *large_bytes(const char *head, size_t body)
{
    size_t n = strlen(head);
    char *all = malloc(n + body + 1);
    memcpy(all, head, n);
    for (size_t i = 0; i < body; i++) all[n + i] = (char)('a' + i % 23);
    all[n + body] = 0;
    return all;
}

static int fetch_large(const char *head, net_then then)
{
    char *bytes = large_bytes(head, LARGE);
    {
        WEFT_TEMP;
        net_upstream up;
        net_answer a = { .bytes = bytes, .then = then };
        WEFT_SCOPE(s, .forget = true);
        net_upstream_start(&up, s, &a, 1);
        weft_response r = { 0 };
        WEFT_TRY(weft_exchange(&r, (), "{+}/", up.base));
        WEFT_CHECK_EQ(r.body.len, LARGE);
        WEFT_CHECK(r.body.len == LARGE && memcmp(r.body.ptr, bytes + strlen(head), LARGE) == 0);
        weft_str text = { 0 };
        WEFT_TRY(weft_fetch(weft_str, &text, "{+}/", up.base));
        WEFT_CHECK(weft_str_equal(text, r.body));
        WEFT_CHECK_EQ(up.accepted, then == NET_KEEP ? 1 : 2);
    }
    free(bytes);
    return 0;
}

NET_TEST(a_large_body_with_a_length_comes_whole)
{
    return fetch_large(OK_HEAD "Content-Length: 3145728\r\n\r\n", NET_KEEP);
}

NET_TEST(a_large_body_until_the_close_comes_whole)
{
    return fetch_large(OK_HEAD "Connection: close\r\n\r\n", NET_CLOSE);
}


NET_TEST(a_large_body_is_sent_to_a_slow_peer)
{
    static char body[60 * 1024];
    memset(body, 'x', sizeof body);
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 2\r\n\r\nok" });
    weft_response r = { 0 };
    WEFT_TRY(weft_exchange(&r, (.method = "PUT", .body = { body, sizeof body },
        .content_type = "text/plain"), "{+}/", up_base));
    WEFT_CHECK_STR(r.body, "ok");
    WEFT_CHECK(strstr(up.last, "Content-Length: 61440\r\n") != NULL);
    return 0;
}

/* ---- failures, each with its text ---- */

typedef struct hostile {
    const char *what;
    int code;
    const char *text;
    net_then then;
    const char *bytes;
} hostile;

#define URL "GET http://127.0.0.1:PORT/price/7: "
static const hostile hostiles[] = {
    { "not found", WEFT_STATUS(502), "answered 404 Not Found after # ms: no such sku",
      NET_KEEP, "HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\n\r\nno such sku" },
    { "no reason", WEFT_STATUS(502), "answered 599 after # ms",
      NET_KEEP, "HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n" },
    { "redirect", WEFT_STATUS(502),
        "answered 302 Found after # ms, to http://other/: redirects are not followed",
      NET_KEEP, "HTTP/1.1 302 Found\r\nLocation: http://other/\r\nContent-Length: 0\r\n\r\n" },
    { "no body", WEFT_STATUS(502),
        "answered 204 without a body where JSON was expected, after # ms",
      NET_KEEP, "HTTP/1.1 204 No Content\r\n\r\n" },
    { "no json", WEFT_STATUS(502),
        "answered what is no JSON after # ms: Expecting value at character 0 of \"<html>\"",
      NET_KEEP, OK_HEAD "Content-Length: 6\r\n\r\n<html>" },
    { "no price", WEFT_STATUS(502),
        "answered JSON that is no Price after # ms: body.price: Field required",
      NET_KEEP, OK_HEAD "Content-Length: 2\r\n\r\n{}" },
    { "below zero", WEFT_STATUS(502),
      "answered JSON that is no Price after # ms: body.price: Input should be greater "
      "than or equal to 0",
      NET_KEEP, OK_HEAD "Content-Length: 12\r\n\r\n{\"price\":-1}" },
    { "garbage", WEFT_EPROTO,
        "answered what is no HTTP after # ms: no HTTP version where it belongs",
      NET_KEEP, "SSH-2.0-OpenSSH_9.2p1 Debian\r\n" },
    { "no answer", WEFT_ECONNRESET, "closed without an answer after # ms",
      NET_CLOSE, "" },
    { "cut head", WEFT_ECONNRESET,
        "closed in the middle of the answer's head, after 27 bytes and # ms",
      NET_CLOSE, OK_HEAD "Content-Le" },
    { "cut body", WEFT_ECONNRESET, "closed after 8 of 500 bytes of the body and # ms",
      NET_CLOSE, OK_HEAD "Content-Length: 500\r\n\r\n{\"price\"" },
    { "cut chunks", WEFT_ECONNRESET,
        "closed in the middle of a chunked body, after 5 bytes of it and # ms",
      NET_CLOSE, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"pri\r\n" },
    { "bad chunk", WEFT_EPROTO, NULL,
      NET_KEEP, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n-5\r\n{\"pri\r\n" },
    { "both lengths", WEFT_EPROTO,
        "answered what is no HTTP after # ms: both Transfer-Encoding and Content-Length",
      NET_KEEP, OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" },
    { "two lengths", WEFT_EPROTO,
        "answered what is no HTTP after # ms: more than one Content-Length header",
      NET_KEEP, OK_HEAD "Content-Length: 3\r\nContent-Length: 4\r\n\r\n" },
    { "a negative length", WEFT_EPROTO,
        "answered what is no HTTP after # ms: Content-Length is not a number of bytes",
      NET_KEEP, OK_HEAD "Content-Length: -3\r\n\r\n" },
    { "a vast length", WEFT_ELIMIT,
        "answered a body of 9223372036854775807 bytes; the limit is 16777216 (body_bytes_max)",
      NET_KEEP, OK_HEAD "Content-Length: 9223372036854775807\r\n\r\n" },
    { "switching", WEFT_EPROTO, "answered 101 Switching Protocols, which nobody asked for",
      NET_KEEP, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" },
    { "http 2", WEFT_EPROTO,
        "answered what is no HTTP after # ms: an HTTP version other than 1.0 and 1.1",
      NET_KEEP, "HTTP/2.0 200 OK\r\n\r\n" },
    { "status 42", WEFT_EPROTO,
        "answered what is no HTTP after # ms: the status is not three digits",
      NET_KEEP, "HTTP/1.1 42 OK\r\n\r\n" },
};

static int ask_hostile(const hostile *h, size_t slice)
{
    WEFT_TEMP;
    net_upstream up;
    net_answer a = { .bytes = h->bytes, .then = h->then, .slice = slice };
    WEFT_SCOPE(s, .forget = true);
    net_upstream_start(&up, s, &a, 1);
    Price price = { .price = 77 };
    int rc = weft_fetch(Price, &price, "{+}/price/{}", up.base, 7);
    char want[512];
    snprintf(want, sizeof want, URL "%s", h->text ? h->text : "");
    if (h->text) NET_CHECK_ERROR(rc, h->code, want);
    WEFT_CHECK_EQ(rc, h->code);
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 502);
    WEFT_CHECK(price.price == 77);
    return 0;
}

NET_TEST(each_hostile_answer_fails_with_its_text)
{
    for (size_t i = 0; i < weft_count(hostiles); i++) {
        for (size_t slice = 0; slice <= 3; slice++) WEFT_TRY(ask_hostile(&hostiles[i], slice));
    }
    return 0;
}

NET_TEST(a_flood_of_interim_answers_fails)
{
    char *flood = malloc(64 * 1024);
    size_t n = 0;
    while (n < 60 * 1024) n += (size_t)sprintf(flood + n, "HTTP/1.1 100 Continue\r\n\r\n");
    {
        net_upstream up;
        net_answer a = { .bytes = flood };
        WEFT_SCOPE(s, .forget = true);
        net_upstream_start(&up, s, &a, 1);
        Price price;
        int rc = weft_fetch(Price, &price, "{+}/price/7", up.base);
        NET_CHECK_ERROR(rc, WEFT_ELIMIT, URL "answered more than 16 interim (1xx) heads (limit)");
    }
    free(flood);
    return 0;
}

static int long_head(const char *line, size_t bytes, int code, const char *text)
{
    char *head = malloc(bytes + 512);
    size_t n = (size_t)sprintf(head, "HTTP/1.1 200 OK\r\n");
    while (n < bytes) n += (size_t)sprintf(head + n, "%s", line);
    strcpy(head + n, "\r\n\r\n");
    {
        net_upstream up;
        net_answer a = { .bytes = head };
        WEFT_SCOPE(s, .forget = true);
        net_upstream_start(&up, s, &a, 1);
        Price price;
        int rc = weft_fetch(Price, &price, "{+}/price/7", up.base);
        NET_CHECK_ERROR(rc, code, text);
    }
    free(head);
    return 0;
}

NET_TEST(a_head_without_end_fails)
{
    return long_head("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20000, WEFT_ELIMIT,
        URL "answered a head of more than 16384 bytes (limit) after # ms");
}
NET_TEST(too_many_headers_fail)
{
    return long_head("X: y\r\n", 900, WEFT_ELIMIT,
        URL "answered more than 100 headers (limit) after # ms");
}

/* As many header lines as are allowed, and then something else is wrong. */
NET_TEST(a_fault_behind_a_hundred_headers_is_not_taken_for_the_limit)
{
    static char head[1024];
    strcpy(head, OK_HEAD);
    for (int i = 0; i < 100; i++) strcat(head, "X: y\r\n");
    strcat(head, "X y\r\n\r\n");
    NET_UPSTREAM(up, { .bytes = head });
    Price price;
    int rc = weft_fetch(Price, &price, "{+}/price/7", up_base);
    NET_CHECK_ERROR(rc, WEFT_EPROTO,
        URL "answered what is no HTTP after # ms: a space in or behind a header name");
    return 0;
}

NET_TEST(the_limit_on_a_body_is_kept_in_every_form)
{
    static const char *const forms[] = {
        OK_HEAD "Content-Length: 11\r\n\r\nhello world",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        OK_HEAD "\r\nhello world",
    };
    for (size_t i = 0; i < weft_count(forms) * 3; i++) {
        net_upstream up;
        net_answer a = { .bytes = forms[i / 3], .then = NET_CLOSE, .slice = i % 3 };
        WEFT_SCOPE(s, .forget = true);
        net_upstream_start(&up, s, &a, 1);
        weft_response r = { 0 };
        WEFT_TRY(weft_exchange(&r, (.body_bytes_max = 11), "{+}/price/7", up.base));
        WEFT_CHECK_STR(r.body, "hello world");
        int rc = weft_exchange(&r, (.body_bytes_max = 10), "{+}/price/7", up.base);
        const char *known = URL "answered a body of 11 bytes; the limit is 10 (body_bytes_max)";
        const char *unknown = URL "answered a body of more than 10 bytes (body_bytes_max) "
            "after # ms";
        NET_CHECK_ERROR(rc, WEFT_ELIMIT, i < 3 ? known : unknown);
    }
    return 0;
}

/* An upstream that closes with the request unread resets the connection. */
NET_TEST(a_body_until_the_close_that_ends_in_a_reset_is_no_body)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "\r\n{\"price\":1}", .first = 25, .slice_ms = 5,
        .unread = true });
    Price price = { .price = 5 };
    int rc = weft_fetch(Price, &price, "{+}/price/7", up_base);
    WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
    WEFT_CHECK(strstr(net_error(rc), URL "broken off ") == net_error(rc));
    WEFT_CHECK(price.price == 5);
    return 0;
}

NET_TEST(a_connection_that_nobody_answers_is_refused)
{
    net_upstream up;
    WEFT_SCOPE(s, .forget = true);
    net_upstream_start(&up, s, NULL, 0);
    net_upstream_stop(&up);
    Price price;
    int rc = weft_fetch(Price, &price, "{+}/price/7", up.base);
    NET_CHECK_ERROR(rc, WEFT_ECONNREFUSED, URL "connection refused after # ms");
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 502);
    return 0;
}

NET_SIM_TEST(a_name_that_does_not_resolve_says_so)
{
    Price price;
    int rc = weft_fetch(Price, &price, "http://nowhere.example/x");
    WEFT_CHECK_EQ(rc, WEFT_EDNS);
    const char *text = "GET http://nowhere.example/x: the host name 'nowhere.example' does not "
        "resolve after 0 ms: ";
    WEFT_CHECK(strncmp(weft_error_of(rc)->text, text, strlen(text)) == 0);
    WEFT_CHECK_EQ(weft_error_of(rc)->status, 502);
    return 0;
}

static void refused(int rc, const char *text)
{
    WEFT_CHECK_EQ(rc, WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), text);
}

NET_SIM_TEST(what_must_not_be_called_is_refused)
{
    Price price;
    refused(weft_fetch(Price, &price, "http://me:pw@shop/x"),
        "GET http://me:pw@shop/x: no URL to call: a user name or password ('@') before the host");
    refused(weft_fetch(Price, &price, "{+}", "file:///etc/passwd"),
        "GET file:///etc/passwd: no URL to call: a URL that does not begin with http:// or "
        "https://");
    WEFT_CHECK_EQ(weft_fetch(Price, &price, "http://shop/{}/x", ".."), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_fetch(Price, &price, "http://shop/{}", ""), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_fetch(Price, &price, "http://shop/?x={}", 0.0 / 0.0), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_fetch(Price, &price, "{+}/x", "http://shop/ HTTP/1.1\r\nX: y"), WEFT_EINVAL);
    WEFT_CHECK_EQ(net_client()->opened, 0);
    return 0;
}

NET_TEST(a_url_of_a_known_origin_is_looked_at_like_any_other)
{
    NET_UPSTREAM(up, { .bytes = OK_PRICE });
    Price price;
    WEFT_TRY(weft_fetch(Price, &price, "{+}/a?b=c", up_base));
    WEFT_CHECK(strstr(up.last, "GET /a?b=c HTTP/1.1\r\n") == up.last);
    WEFT_TRY(weft_fetch(Price, &price, "{+}", up_base));
    WEFT_CHECK(strstr(up.last, "GET / HTTP/1.1\r\n") == up.last);
    WEFT_TRY(weft_fetch(Price, &price, "{+}?b={}", up_base, "a/b"));
    WEFT_CHECK(strstr(up.last, "GET /?b=a%2Fb HTTP/1.1\r\n") == up.last);
    WEFT_CHECK_EQ(weft_fetch(Price, &price, "{+}/100%", up_base), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_fetch(Price, &price, "{+}/a{+}", up_base, " b"), WEFT_EINVAL);
    WEFT_CHECK_EQ(up.requests, 3);
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

NET_SIM_TEST(headers_that_would_smuggle_are_refused)
{
    weft_response r;
    const weft_header value = { WEFT_S("X-A"), WEFT_S("b\r\nX-C: d") }, name = { WEFT_S("X A"),
        WEFT_S("b") };
    const weft_header ours = { WEFT_S("host"), WEFT_S("evil") };
    refused(weft_exchange(&r, (.headers = &value, .header_count = 1), "http://shop/x"),
        "GET http://shop/x: the value of header X-A holds a control character");
    refused(weft_exchange(&r, (.headers = &name, .header_count = 1), "http://shop/x"),
        "GET http://shop/x: a header's name must be letters, digits and -_.!#$%&'*+^`|~, "
        "not \"X A\"");
    refused(weft_exchange(&r, (.headers = &ours, .header_count = 1), "http://shop/x"),
        "GET http://shop/x: header host is written by the client itself");
    refused(weft_exchange(&r, (.method = "GET /admin"), "http://shop/x"),
        "GET /admin http://shop/x: the method must be GET, HEAD, POST, PUT, PATCH, DELETE "
        "or OPTIONS");
    refused(weft_exchange(&r, (.content_type = "a\nb"), "http://shop/x"),
        "GET http://shop/x: content_type holds a control character");
    return 0;
}
