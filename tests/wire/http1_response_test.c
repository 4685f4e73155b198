#include "http1_feed.h"

typedef struct response {
    weft__http_header headers[FEED_HEADERS];
    weft__http_head head;
    int rc;
} response;

static void parse_len(response *r, const char *text, size_t len, bool to_head)
{
    weft__http_limits limits = { .head_bytes_max = 4096 };
    size_t scanned = 0;
    char *copy = malloc(len);
    memcpy(copy, text, len);
    r->head = (weft__http_head){ .headers = r->headers, .room = FEED_HEADERS };
    r->rc = weft__http_parse_response(copy, len, &scanned, to_head, &limits, &r->head);
    free(copy);
}

typedef struct row { int line; const char *text; size_t len; } row;
#define BAD(text) { __LINE__, text, sizeof(text) - 1 }

WEFT_TEST(a_response_whose_end_is_in_doubt_is_refused_with_502)
{
    static const row rows[] = {
        BAD("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
        BAD("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\nX: y\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nX: y\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nX : y\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nX: \0\r\n\r\n"),
        BAD("HTTP/1.1 200 O\0K\r\n\r\n"),
        BAD("HTTP/1.1 200 O\rK\r\n\r\n"),
        BAD("HTTP/1.1  200 OK\r\n\r\n"),
        BAD("HTTP/1.1\t200 OK\r\n\r\n"),
        BAD("HTTP/1.1\r\n\r\n"),
        BAD("HTTP/1.1 20 OK\r\n\r\n"),
        BAD("HTTP/1.1 2000 OK\r\n\r\n"),
        BAD("HTTP/1.1 099 OK\r\n\r\n"),
        BAD("HTTP/1.1 2x0 OK\r\n\r\n"),
        BAD("HTTP/1.1 200\tOK\r\n\r\n"),
        BAD("HTTP/1.1 -20 OK\r\n\r\n"),
        BAD("HTTP/2.0 200 OK\r\n\r\n"),
        BAD("HTTP/1.1200 OK\r\n\r\n"),
        BAD("ICY 200 OK\r\n\r\n"),
        BAD("\r\nHTTP/1.1 200 OK\r\n\r\n"),
        BAD("<html>"),
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        response r;
        parse_len(&r, rows[i].text, rows[i].len, false);
        if (r.rc < 0 && r.head.fault_status == 502 && r.head.fault) continue;
        weft__check_fail(__FILE__, rows[i].line, "rc %d, status %d", r.rc, r.head.fault_status);
    }
}

WEFT_TEST(the_end_of_a_response_is_found_as_its_status_and_headers_say)
{
    static const struct {
        const char *text;
        bool to_head;
        weft__http_body body;
        int64_t length;
        bool keep;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, WEFT__BODY_LENGTH, 5, true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, WEFT__BODY_NONE, 0, true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", false, WEFT__BODY_CHUNKED, -1,
            true },
        { "HTTP/1.1 200 OK\r\n\r\n", false, WEFT__BODY_CLOSE, -1, false },
        { "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", false, WEFT__BODY_CLOSE, -1, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, WEFT__BODY_LENGTH, 5, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", false,
            WEFT__BODY_LENGTH, 5, true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", false,
            WEFT__BODY_LENGTH, 5, false },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, WEFT__BODY_NONE, 5, true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, WEFT__BODY_NONE, -1,
            true },
        { "HTTP/1.1 200 OK\r\n\r\n", true, WEFT__BODY_NONE, -1, true },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, WEFT__BODY_NONE, 5,
            true },
        { "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", false, WEFT__BODY_NONE,
            -1, true },
        { "HTTP/1.1 204 No Content\r\n\r\n", false, WEFT__BODY_NONE, -1, true },
        { "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false, WEFT__BODY_NONE, 0, true },
        { "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", false, WEFT__BODY_NONE, 5,
            false },
        { "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false, WEFT__BODY_NONE,
            -1, false },
        { "HTTP/1.1 100 Continue\r\n\r\n", false, WEFT__BODY_NONE, -1, true },
        { "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", false, WEFT__BODY_NONE, -1, true },
        { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false,
            WEFT__BODY_NONE, -1, true },
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n", false, WEFT__BODY_LENGTH, 1,
            true },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        response r;
        parse_len(&r, rows[i].text, strlen(rows[i].text), rows[i].to_head);
        if (r.rc < 0) weft__check_fail(__FILE__, __LINE__, "%s: %s", rows[i].text, r.head.fault);
        WEFT_CHECK_EQ(r.head.body, rows[i].body);
        WEFT_CHECK_EQ(r.head.content_length, rows[i].length);
        WEFT_CHECK_EQ(r.head.keep_alive, rows[i].keep);
    }
}

WEFT_TEST(a_status_line_is_read_with_and_without_its_phrase)
{
    static const struct { const char *text; int status; size_t reason_len; } rows[] = {
        { "HTTP/1.1 200 OK\r\n\r\n", 200, 2 },
        { "HTTP/1.1 200 \r\n\r\n", 200, 0 },
        { "HTTP/1.1 200\r\n\r\n", 200, 0 },
        { "HTTP/1.1 999 \xFFx y\r\n\r\n", 999, 4 },
        { "HTTP/1.0 100 Continue\r\n\r\n", 100, 8 },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        response r;
        parse_len(&r, rows[i].text, strlen(rows[i].text), false);
        WEFT_CHECK_EQ(r.rc, strlen(rows[i].text));
        WEFT_CHECK_EQ(r.head.status, rows[i].status);
        WEFT_CHECK_EQ(r.head.reason.len, rows[i].reason_len);
    }
}

WEFT_TEST(headers_that_only_requests_have_mean_nothing_in_a_response)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\nExpect: x\r\nContent-Type: a/b\r\n"
        "Content-Type: c/d\r\nContent-Length: 0\r\n\r\n";
    weft__http_header headers[FEED_HEADERS];
    weft__http_head head = { .headers = headers, .room = FEED_HEADERS };
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    size_t scanned = 0;
    WEFT_CHECK_EQ(weft__http_parse_response(text, sizeof text - 1, &scanned, false, &limits, &head),
        sizeof text - 1);
    WEFT_CHECK_STR(head.content_type, "a/b");
    WEFT_CHECK_EQ(head.count, 6);
}

WEFT_TEST(no_beginning_of_a_good_response_is_refused_and_every_cut_reads_the_same)
{
    static const char text[] = "HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 12\r\n\r\n";
    weft__http_header headers[FEED_HEADERS];
    weft__http_head head = { .headers = headers, .room = FEED_HEADERS };
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        size_t scanned = 0;
        WEFT_CHECK_EQ(weft__http_parse_response(text, cut, &scanned, false, &limits, &head), 0);
        int rc = weft__http_parse_response(text, sizeof text - 1, &scanned, false, &limits, &head);
        WEFT_CHECK_EQ(rc, sizeof text - 1);
        WEFT_CHECK_EQ(head.status, 404);
        WEFT_CHECK_EQ(head.content_length, 12);
    }
}

WEFT_TEST(a_response_head_past_its_limits_is_refused)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
    weft__http_header headers[2];
    weft__http_head head = { .headers = headers, .room = 2 };
    weft__http_limits limits = { .head_bytes_max = sizeof text - 1 };
    size_t scanned = 0;
    WEFT_CHECK(
        weft__http_parse_response(text, sizeof text - 1, &scanned, false, &limits, &head) > 0);
    head.room = 1;
    WEFT_CHECK(
        weft__http_parse_response(text, sizeof text - 1, &scanned, false, &limits, &head) < 0);
    head.room = 2;
    limits.head_bytes_max--;
    WEFT_CHECK(
        weft__http_parse_response(text, sizeof text - 1, &scanned, false, &limits, &head) < 0);
    WEFT_CHECK_EQ(head.fault_status, 502);
}
