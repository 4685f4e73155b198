#include "http1_feed.h"

/* Requests that two readers could understand differently, and the status that refuses each; 0 is
 * for their harmless neighbours, which must not be refused. */
typedef struct row {
    int line, status;
    const char *text;
    size_t len;
} row;
#define R(status, text) \
    { \
        __LINE__, status, text, sizeof(text) - 1 \
    }
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CL "Content-Length: 3\r\n"
#define TE "Transfer-Encoding: chunked\r\n"

static const row rows[] = {
    /* Two ways to find the end of the body. */
    R(400, POST CL TE "\r\n0\r\n\r\n"),
    R(400, POST TE CL "\r\n0\r\n\r\n"),
    R(400, POST "Content-Length: 0\r\n" TE "\r\n"),
    R(400, POST CL CL "\r\nabc"),
    R(400, POST CL "Content-Length: 4\r\n\r\nabc"),
    R(400, POST CL "content-length: 3\r\n\r\nabc"),
    R(400, POST TE TE "\r\n"),
    R(400, POST TE "transfer-encoding: CHUNKED\r\n\r\n"),
    R(400, POST TE "Transfer-Encoding: identity\r\n\r\n"),
    R(0, POST CL "\r\nabc"),
    R(0, POST TE "\r\n"),
    R(0, POST "cOnTeNt-LeNgTh: 3\r\n\r\nabc"),
    R(0, POST "tRaNsFeR-eNcOdInG: cHuNkEd\r\n\r\n"),

    /* Lengths that are not plain numbers. */
    R(400, POST "Content-Length: +3\r\n\r\n"),
    R(400, POST "Content-Length: -3\r\n\r\n"),
    R(400, POST "Content-Length: -0\r\n\r\n"),
    R(400, POST "Content-Length:\r\n\r\n"),
    R(400, POST "Content-Length: \t \r\n\r\n"),
    R(400, POST "Content-Length: 3, 3\r\n\r\n"),
    R(400, POST "Content-Length: 3,3\r\n\r\n"),
    R(400, POST "Content-Length: ,3\r\n\r\n"),
    R(400, POST "Content-Length: 3 3\r\n\r\n"),
    R(400, POST "Content-Length: 3 ;\r\n\r\n"),
    R(400, POST "Content-Length: 0x3\r\n\r\n"),
    R(400, POST "Content-Length: 3.0\r\n\r\n"),
    R(400, POST "Content-Length: 3e0\r\n\r\n"),
    R(400, POST "Content-Length: \"3\"\r\n\r\n"),
    R(400, POST "Content-Length: 1_000\r\n\r\n"),
    R(400, POST "Content-Length: 9223372036854775808\r\n\r\n"),
    R(400, POST "Content-Length: 18446744073709551619\r\n\r\n"),
    R(400, POST "Content-Length: 99999999999999999999999999\r\n\r\n"),
    R(400, POST "Content-Length: \xEF\xBC\x93\r\n\r\n"),
    R(400, POST "Content-Length: 3\0\r\n\r\n"),
    R(400, POST "Content-Length: \0" "3\r\n\r\n"),
    R(400, POST "Content-Length: 3\v\r\n\r\n"),
    R(0, POST "Content-Length: 003\r\n\r\n"),
    R(0, POST "Content-Length: 9223372036854775807\r\n\r\n"),
    R(0, POST "Content-Length:3\r\n\r\n"),
    R(0, POST "Content-Length: \t 3 \t \r\n\r\n"),

    /* Codings. */
    R(501, POST "Transfer-Encoding: gzip\r\n\r\n"),
    R(501, POST "Transfer-Encoding: identity\r\n\r\n"),
    R(501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    R(501, POST "Transfer-Encoding: xchunked\r\n\r\n"),
    R(501, POST "Transfer-Encoding: chunkedx\r\n\r\n"),
    R(501, POST "Transfer-Encoding: chunk\r\n\r\n"),
    R(501, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    R(501, POST "Transfer-Encoding: chunked;q=1\r\n\r\n"),
    R(501, POST "Transfer-Encoding: chunked identity\r\n\r\n"),
    R(501, POST "Transfer-Encoding: ,chunked\r\n\r\n"),
    R(501, POST "Transfer-Encoding: c\xE4hunked\r\n\r\n"),
    R(400, POST "Transfer-Encoding: chunked, gzip\r\n\r\n"),
    R(400, POST "Transfer-Encoding: chunked, identity\r\n\r\n"),
    R(400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
    R(400, POST "Transfer-Encoding: chunked,\r\n\r\n"),
    R(400, POST "Transfer-Encoding:\r\n\r\n"),
    R(400, POST "Transfer-Encoding: chunked\0\r\n\r\n"),
    R(400, POST "Transfer-Encoding: \vchunked\r\n\r\n"),
    R(400, POST "Transfer-Encoding:\n chunked\r\n\r\n"),
    R(400, "POST / HTTP/1.0\r\nHost: a\r\n" TE "\r\n"),
    R(400, "POST / HTTP/1.0\r\n" TE "\r\n"),
    R(0, POST "Transfer-Encoding: \t chunked \t\r\n\r\n"),
    R(0, POST "Transfer_Encoding: chunked\r\n\r\n"),

    /* Headers that hide. */
    R(400, POST "Transfer-Encoding : chunked\r\n\r\n"),
    R(400, POST "Transfer-Encoding\t: chunked\r\n\r\n"),
    R(400, POST "Content-Length : 3\r\n\r\nabc"),
    R(400, POST " Content-Length: 3\r\n\r\nabc"),
    R(400, POST "\tContent-Length: 3\r\n\r\nabc"),
    R(400, POST "X: y\r\n Content-Length: 3\r\n\r\n"),
    R(400, POST "X: y\r\n\tz\r\n\r\n"),
    R(400, POST "X: y\r\n \r\n\r\n"),
    R(400, "POST / HTTP/1.1\r\n Host: a\r\n\r\n"),
    R(400, POST "X: y\nContent-Length: 3\r\n\r\n"),
    R(400, POST "X: y\rContent-Length: 3\r\n\r\n"),
    R(400, POST "X: y\r\rContent-Length: 3\r\n\r\n"),
    R(400, POST "X: y\r \nContent-Length: 3\r\n\r\n"),
    R(400, POST "X: y\r\n\rContent-Length: 3\r\n\r\n"),
    R(400, POST "X: a\0b\r\n\r\n"),
    R(400, POST "X\0: b\r\n\r\n"),
    R(400, POST "X: a\x7F\r\n\r\n"),
    R(400, POST "X: a\x1B[31m\r\n\r\n"),
    R(400, POST "X: a\b\r\n\r\n"),
    R(400, POST ": y\r\n\r\n"),
    R(400, POST ":\r\n\r\n"),
    R(400, POST "X\r\n\r\n"),
    R(400, POST "X y: z\r\n\r\n"),
    R(400, POST "X(y): z\r\n\r\n"),
    R(400, POST "\"X\": z\r\n\r\n"),
    R(400, POST "X/y: z\r\n\r\n"),
    R(400, POST "X@: z\r\n\r\n"),
    R(400, POST "Content-L\xC3\xA4nge: 3\r\n\r\n"),
    R(400, POST "\xEF\xBB\xBFX: y\r\n\r\n"),
    R(400, GET "\n"),
    R(400, GET "\rX"),
    R(400, GET "\r\r\n"),
    R(0, POST "X:\r\n\r\n"),
    R(0, POST "X: \xFF\x80 obs-text\r\n\r\n"),
    R(0, POST "X: tab\there\r\n\r\n"),
    R(0, POST "!#$%&'*+-.^_`|~09azAZ: y\r\n\r\n"),

    /* Request lines. */
    R(400, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
    R(400, "GET /\nHost: a\r\n\r\n"),
    R(400, "GET /\r\nHost: a\r\n\r\n"),
    R(400, "GET\r\nHost: a\r\n\r\n"),
    R(400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    R(400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, " / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "G\xC3\x89T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03"),
    R(400, "/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(501, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(501, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    R(0, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "get / HTTP/1.1\r\nHost: a\r\n\r\n"),

    /* Targets. */
    R(400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /a\x7F HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET /?q=\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "OPTIONS *?a HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET http://a:8o/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET http://a,b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET http:/a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET http://a/%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "GET HTTPS://b:8443?x HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "GET //a/../b?x=[|]{}^`\\\"<> HTTP/1.1\r\nHost: a\r\n\r\n"),
    R(0, "GET /? HTTP/1.1\r\nHost: a\r\n\r\n"),

    /* Versions. */
    R(505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    R(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    R(505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    R(400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    R(505, "GET / HTTP/3.1\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/11\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/1\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/1,1\r\nHost: a\r\n\r\n"),
    R(400, "GET / http/1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/1.1x\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP /1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/+1.1\r\nHost: a\r\n\r\n"),
    R(400, "GET / HTTP/1.\xB1\r\nHost: a\r\n\r\n"),
    R(400, "GET / SIP/2.0\r\nHost: a\r\n\r\n"),
    R(400, "GET / \r\n\r\n"),
    R(0, "GET / HTTP/1.0\r\n\r\n"),

    /* Hosts. */
    R(400, "GET / HTTP/1.1\r\n\r\n"),
    R(400, "GET http://a/ HTTP/1.1\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    R(400, "GET / HTTP/1.0\r\nHost:\r\n\r\n"),
    R(400, GET "Host: a\r\n\r\n"),
    R(400, GET "hOST: b\r\n\r\n"),
    R(400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: b@a\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a:0\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a?x\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a#x\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: a%00\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: ex\xC3\xA4mple\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n"),
    R(400, "GET / HTTP/1.1\r\nHost: [a]\r\n\r\n"),
    R(0, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
    R(0, "GET / HTTP/1.1\r\nHost: a_b-c.example.:8000\r\n\r\n"),
    R(0, "GET / HTTP/1.1\r\nhost:a:\r\n\r\n"),

    /* Others that must come once, or as expected. */
    R(400, GET "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"),
    R(417, GET "Expect: 200-ok\r\n\r\n"),
    R(417, GET "Expect: 100-continue, x\r\n\r\n"),
    R(0, GET "Expect: 100-Continue\r\n\r\n"),
    R(0, "GET / HTTP/1.0\r\nExpect: x\r\n\r\n"),
    R(0, GET "Connection: close, , keep-alive;x, \"y\"\r\n\r\n"),
};

static void check_row(const row *r, parse_request_fn *parse)
{
    answer whole = feed_whole(parse, r->text, r->len);
    if (whole.status != r->status || (r->status == 0 && whole.rc <= 0)) {
        weft__check_fail(__FILE__, r->line, "expected %d, came %d (rc %d, %s)", r->status,
            whole.status, whole.rc, whole.fault ? whole.fault : "no fault");
    }
    if (!pieces_agree(whole, feed_bytewise(parse, r->text, r->len), r->text, r->len)) {
        weft__check_fail(__FILE__, r->line, "byte by byte the answer is another");
    }
    for (size_t cut = 1; cut < r->len; cut++) {
        if (pieces_agree(whole, feed_cut(parse, r->text, r->len, cut), r->text, r->len)) continue;
        weft__check_fail(__FILE__, r->line, "cut at %zu the answer is another", cut);
    }
}

WEFT_TEST(a_request_with_two_readings_is_refused_with_its_status_however_it_is_cut)
{
    for (size_t i = 0; i < weft_count(rows); i++) check_row(&rows[i], weft__http_parse_request);
}

WEFT_TEST(the_portable_parser_refuses_the_same_requests)
{
    for (size_t i = 0; i < weft_count(rows); i++) check_row(&rows[i], portable_parse_request);
}

WEFT_TEST(each_refusal_says_what_was_wrong)
{
    for (size_t i = 0; i < weft_count(rows); i++) {
        if (!rows[i].status) continue;
        answer a = feed_whole(weft__http_parse_request, rows[i].text, rows[i].len);
        WEFT_NEED(a.fault != NULL);
        WEFT_CHECK(strlen(a.fault) > 10 && a.fault[strlen(a.fault) - 1] != '.');
    }
}

/* No byte of a request, whatever it becomes, leads outside the input or to an answer that depends
 * on the cut; that no mutation crashes is what the sanitizers say. */
WEFT_TEST(any_byte_changed_to_any_other_gives_one_answer)
{
    static const char text[] = POST "Content-Length: 3\r\nConnection: close\r\nX-Y: z\r\n\r\n";
    char changed[sizeof text];
    for (size_t at = 0; at < sizeof text - 1; at++) {
        memcpy(changed, text, sizeof text);
        for (int byte = 0; byte < 256; byte++) {
            changed[at] = (char)byte;
            answer a = feed_whole(weft__http_parse_request, changed, sizeof text - 1);
            answer b = feed_whole(portable_parse_request, changed, sizeof text - 1);
            answer c = feed_bytewise(weft__http_parse_request, changed, sizeof text - 1);
            if (same_answer(a, b) && pieces_agree(a, c, changed, sizeof text - 1)) continue;
            weft__check_fail(__FILE__, __LINE__, "byte %zu as %d has several answers", at, byte);
        }
    }
}
