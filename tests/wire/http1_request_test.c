#include <stdio.h>
#include <time.h>
#include "http1_feed.h"

typedef struct request {
    weft__http_header headers[FEED_HEADERS];
    weft__http_head head;
    int rc;
} request;

static void parse(request *r, const char *text)
{
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    size_t scanned = 0;
    r->head = (weft__http_head){ .headers = r->headers, .room = FEED_HEADERS };
    r->rc = weft__http_parse_request(text, strlen(text), &scanned, &limits, &r->head);
    if (r->rc < 0) weft__check_fail(__FILE__, __LINE__, "refused: %s", r->head.fault);
}

static const char BROWSER[] = "GET /search?q=a+b&page=2 HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "Connection: keep-alive\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    "Accept: text/html, */*;q=0.8\r\n"
    "Accept-Encoding: gzip, br\r\n"
    "Cookie: session=0123456789abcdef\r\n"
    "Content-Length: 3\r\n"
    "\r\nabc";

WEFT_TEST(a_request_line_and_its_headers_are_read)
{
    request r;
    parse(&r, BROWSER);
    WEFT_CHECK_EQ(r.rc, sizeof BROWSER - 1 - 3);
    WEFT_CHECK_STR(r.head.method, "GET");
    WEFT_CHECK_EQ(r.head.verb, WEFT__GET);
    WEFT_CHECK_STR(r.head.target, "/search?q=a+b&page=2");
    WEFT_CHECK_STR(r.head.path, "/search");
    WEFT_CHECK_STR(r.head.query, "q=a+b&page=2");
    WEFT_CHECK_STR(r.head.host, "www.example.com");
    WEFT_CHECK_EQ(r.head.minor, 1);
    WEFT_CHECK_EQ(r.head.count, 7);
    WEFT_CHECK_STR(r.head.headers[2].name, "User-Agent");
    WEFT_CHECK_STR(r.head.headers[2].value, "Mozilla/5.0 (X11; Linux x86_64)");
    WEFT_CHECK_EQ(r.head.content_length, 3);
    WEFT_CHECK_EQ(r.head.body, WEFT__BODY_LENGTH);
    WEFT_CHECK_STR(r.head.content_type, "");
    WEFT_CHECK_STR(r.head.upgrade, "");
    WEFT_CHECK(r.head.keep_alive);
    WEFT_CHECK(!r.head.expect_continue);
}

WEFT_TEST(a_reused_head_keeps_nothing_of_the_request_before)
{
    request r;
    static const char next[] = "GET / HTTP/1.0\r\n\r\n";
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    size_t scanned = 0;
    parse(&r,
        "POST http://b/x?y HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nExpect: 100-continue\r\n"
        "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n");
    WEFT_CHECK_EQ(weft__http_parse_request(next, 4, &scanned, &limits, &r.head), 0);
    r.rc = weft__http_parse_request(next, sizeof next - 1, &scanned, &limits, &r.head);
    WEFT_CHECK_EQ(r.rc, sizeof next - 1);
    WEFT_CHECK_EQ(r.head.count, 0);
    WEFT_CHECK_STR(r.head.host, "");
    WEFT_CHECK_STR(r.head.content_type, "");
    WEFT_CHECK_STR(r.head.upgrade, "");
    WEFT_CHECK(r.head.query.ptr == NULL);
    WEFT_CHECK_EQ(r.head.content_length, -1);
    WEFT_CHECK_EQ(r.head.body, WEFT__BODY_NONE);
    WEFT_CHECK(!r.head.expect_continue);
    WEFT_CHECK(!r.head.keep_alive);
    WEFT_CHECK(r.head.fault == NULL);
}

WEFT_TEST(every_known_method_has_its_number_and_others_have_none)
{
    static const struct {
        const char *method;
        weft__http_verb verb;
    } rows[] = {
        { "GET", WEFT__GET },
        { "HEAD", WEFT__HEAD },
        { "POST", WEFT__POST },
        { "PUT", WEFT__PUT },
        { "PATCH", WEFT__PATCH },
        { "DELETE", WEFT__DELETE },
        { "OPTIONS", WEFT__OPTIONS },
        { "TRACE", WEFT__TRACE },
        { "get", WEFT__OTHER_METHOD },
        { "GETS", WEFT__OTHER_METHOD },
        { "PUS", WEFT__OTHER_METHOD },
        { "HEAP", WEFT__OTHER_METHOD },
        { "PATCX", WEFT__OTHER_METHOD },
        { "DELETX", WEFT__OTHER_METHOD },
        { "OPTIONX", WEFT__OTHER_METHOD },
        { "M-SEARCH", WEFT__OTHER_METHOD },
        { "X", WEFT__OTHER_METHOD },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        char text[100];
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].method);
        request r;
        parse(&r, text);
        WEFT_CHECK_EQ(r.head.verb, rows[i].verb);
        WEFT_CHECK_STR(r.head.method, rows[i].method);
    }
}

WEFT_TEST(the_forms_of_a_target_give_path_query_and_host)
{
    static const struct { const char *line, *path, *query, *host; } rows[] = {
        { "GET / HTTP/1.1", "/", NULL, "a" },
        { "GET /? HTTP/1.1", "/", "", "a" },
        { "GET /x??y?z HTTP/1.1", "/x", "?y?z", "a" },
        { "GET //x HTTP/1.1", "//x", NULL, "a" },
        { "GET http://b:81/x/y?z HTTP/1.1", "/x/y", "z", "b:81" },
        { "GET http://b HTTP/1.1", "/", NULL, "b" },
        { "GET https://[::1]?z HTTP/1.1", "/", "z", "[::1]" },
        { "OPTIONS * HTTP/1.1", "*", NULL, "a" },
        { "OPTIONS http://b HTTP/1.1", "*", NULL, "b" },
        { "OPTIONS http://b/ HTTP/1.1", "/", NULL, "b" },
        { "OPTIONS http://b?z HTTP/1.1", "/", "z", "b" },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        char text[100];
        snprintf(text, sizeof text, "%s\r\nHost: a\r\n\r\n", rows[i].line);
        request r;
        parse(&r, text);
        WEFT_CHECK_STR(r.head.path, rows[i].path);
        WEFT_CHECK_STR(r.head.host, rows[i].host);
        WEFT_CHECK_EQ(r.head.query.ptr == NULL, rows[i].query == NULL);
        if (rows[i].query) WEFT_CHECK_STR(r.head.query, rows[i].query);
    }
}

WEFT_TEST(the_version_and_connection_headers_decide_whether_another_request_may_follow)
{
    static const struct { const char *text; bool keep; } rows[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
        { "GET / HTTP/1.0\r\nHost: a\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: x,\tClose ,y\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: x\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: x\r\n\r\n", true },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
        { "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n", true },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        request r;
        parse(&r, rows[i].text);
        WEFT_CHECK_EQ(r.head.keep_alive, rows[i].keep);
    }
}

WEFT_TEST(an_upgrade_counts_only_when_connection_names_it_in_1_1)
{
    request r;
    parse(&r,
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n");
    WEFT_CHECK_STR(r.head.upgrade, "websocket");
    parse(&r,
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    WEFT_CHECK_STR(r.head.upgrade, "websocket");
    parse(&r, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n");
    WEFT_CHECK_STR(r.head.upgrade, "");
    parse(&r, "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    WEFT_CHECK_STR(r.head.upgrade, "");
    parse(&r, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n");
    WEFT_CHECK_STR(r.head.upgrade, "");
}

WEFT_TEST(a_body_is_framed_by_length_by_chunks_or_is_not_there)
{
    request r;
    parse(&r, "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
    WEFT_CHECK_EQ(r.head.body, WEFT__BODY_NONE);
    WEFT_CHECK_EQ(r.head.content_length, -1);
    parse(&r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    WEFT_CHECK_EQ(r.head.body, WEFT__BODY_NONE);
    WEFT_CHECK_EQ(r.head.content_length, 0);
    parse(&r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n");
    WEFT_CHECK_EQ(r.head.body, WEFT__BODY_LENGTH);
    WEFT_CHECK_EQ(r.head.content_length, INT64_MAX);
    parse(&r,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n");
    WEFT_CHECK_EQ(r.head.body, WEFT__BODY_CHUNKED);
    WEFT_CHECK_EQ(r.head.content_length, -1);
    WEFT_CHECK_STR(r.head.content_type, "text/plain");
    parse(&r, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    WEFT_CHECK(r.head.expect_continue);
}

WEFT_TEST(a_header_that_is_nearly_a_known_one_is_not_that_one)
{
    request r;
    parse(&r, "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent_Length: 3\r\n"
              "Hosx: b\r\nxost: b\r\nContent.Type: a/b\r\nExpecx: x\r\nUpgradx: x\r\n"
              "Connectiox: close\r\nTransfer-Encodinx: x\r\nxransfer-Encoding: x\r\nContent-Lengtx: x\r\n"
              "Xontent-Length: x\r\nTransfer-Xncoding: y\r\n\r\n");
    WEFT_CHECK_EQ(r.head.count, 14);
    WEFT_CHECK_EQ(r.head.body, WEFT__BODY_NONE);
    WEFT_CHECK_EQ(r.head.content_length, -1);
    WEFT_CHECK_STR(r.head.content_type, "");
    WEFT_CHECK(r.head.keep_alive);
}

WEFT_TEST(values_come_without_the_blanks_around_them_and_keep_those_inside)
{
    request r;
    parse(&r, "GET / HTTP/1.1\r\nHost:\t a \t\r\nX:\r\nY: \t \r\nZ: a \t b\r\n\r\n");
    WEFT_CHECK_STR(r.head.host, "a");
    WEFT_CHECK_STR(r.head.headers[1].value, "");
    WEFT_CHECK_STR(r.head.headers[2].value, "");
    WEFT_CHECK_STR(r.head.headers[3].value, "a \t b");
}

WEFT_TEST(headers_are_found_in_any_case_and_one_after_another)
{
    request r;
    parse(&r, "GET / HTTP/1.1\r\nHost: a\r\nX-Tag: 1\r\nx-tags: 2\r\nX-TAG: 3\r\n\r\n");
    const weft__http_header *h = weft__http_find(&r.head, WEFT_S("x-tag"), NULL);
    WEFT_NEED(h != NULL);
    WEFT_CHECK_STR(h->value, "1");
    h = weft__http_find(&r.head, WEFT_S("x-tag"), h);
    WEFT_NEED(h != NULL);
    WEFT_CHECK_STR(h->value, "3");
    WEFT_CHECK(weft__http_find(&r.head, WEFT_S("x-tag"), h) == NULL);
    WEFT_CHECK(weft__http_find(&r.head, WEFT_S("x-ta"), NULL) == NULL);
}

WEFT_TEST(a_list_names_a_token_only_as_a_whole_element)
{
    WEFT_CHECK(weft__http_list_has(WEFT_S("gzip"), WEFT_S("gzip")));
    WEFT_CHECK(weft__http_list_has(WEFT_S("br ,\tGZip"), WEFT_S("gzip")));
    WEFT_CHECK(weft__http_list_has(WEFT_S(",,gzip,"), WEFT_S("gzip")));
    WEFT_CHECK(!weft__http_list_has(WEFT_S("xgzip, gzipx, g zip"), WEFT_S("gzip")));
    WEFT_CHECK(!weft__http_list_has(WEFT_S("gzip;q=0"), WEFT_S("gzip")));
    WEFT_CHECK(!weft__http_list_has((weft_str){ 0 }, WEFT_S("gzip")));
}

WEFT_TEST(no_beginning_of_a_good_request_is_refused)
{
    for (size_t n = 0; n < sizeof BROWSER - 1 - 3; n++) {
        answer a = n ? feed_whole(weft__http_parse_request, BROWSER, n) : (answer) { 0 };
        if (a.rc != 0)
            weft__check_fail(
                __FILE__, __LINE__, "%zu bytes: rc %d, %s", n, a.rc, a.fault ? a.fault : "");
    }
}

WEFT_TEST(a_good_request_is_the_same_wherever_it_is_cut)
{
    answer whole = feed_whole(weft__http_parse_request, BROWSER, sizeof BROWSER - 1);
    WEFT_CHECK_EQ(whole.rc, sizeof BROWSER - 1 - 3);
    for (size_t cut = 1; cut < sizeof BROWSER - 1; cut++) {
        WEFT_CHECK(same_answer(
            whole, feed_cut(weft__http_parse_request, BROWSER, sizeof BROWSER - 1, cut)));
    }
    WEFT_CHECK(
        same_answer(whole, feed_bytewise(weft__http_parse_request, BROWSER, sizeof BROWSER - 1)));
}

WEFT_TEST(no_bytes_at_all_are_a_wait_even_without_a_buffer)
{
    weft__http_head head = { 0 };
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    size_t scanned = 0;
    WEFT_CHECK_EQ(weft__http_parse_request(NULL, 0, &scanned, &limits, &head), 0);
    WEFT_CHECK_EQ(scanned, 0);
}

WEFT_TEST(sixteen_pipelined_requests_are_read_one_behind_the_other)
{
    enum { COUNT = 16 };
    char bytes[COUNT * 80];
    size_t len = 0, at = 0, scanned = 0;
    for (int i = 0; i < COUNT; i++) {
        len += (size_t)snprintf(
            bytes + len, sizeof bytes - len, "GET /items/%d HTTP/1.1\r\nHost: a\r\n\r\n", i * 7);
    }
    weft__http_header headers[4];
    weft__http_head head = { .headers = headers, .room = 4 };
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    for (int i = 0; i < COUNT; i++) {
        int rc = weft__http_parse_request(bytes + at, len - at, &scanned, &limits, &head);
        WEFT_NEED(rc > 0);
        char path[20];
        snprintf(path, sizeof path, "/items/%d", i * 7);
        WEFT_CHECK_STR(head.path, path);
        WEFT_CHECK_EQ(scanned, 0);
        at += (size_t)rc;
    }
    WEFT_CHECK_EQ(at, len);
}

/* ---- limits ---- */

typedef struct limited { size_t head_max, target_max; unsigned room; } limited;

static answer parse_limited(const char *text, size_t len, limited l)
{
    weft__http_header headers[FEED_HEADERS];
    weft__http_head head = { .headers = headers, .room = l.room };
    weft__http_limits limits = { .head_bytes_max = l.head_max, .target_bytes_max = l.target_max };
    size_t scanned = 0;
    int rc = weft__http_parse_request(text, len, &scanned, &limits, &head);
    return (answer){ rc, rc < 0 ? head.fault_status : 0, rc < 0 ? head.fault : NULL };
}

WEFT_TEST(a_head_of_exactly_the_limit_passes_and_one_byte_more_is_431)
{
    static const char text[] = "GET /abc HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    size_t len = sizeof text - 1;
    WEFT_CHECK_EQ(parse_limited(text, len, (limited){ len, 100, 9 }).rc, len);
    WEFT_CHECK_EQ(parse_limited(text, len, (limited){ len - 1, 100, 9 }).status, 431);
    WEFT_CHECK_EQ(parse_limited(text, len - 1, (limited){ len - 1, 100, 9 }).status, 431);
    WEFT_CHECK_EQ(parse_limited(text, len - 2, (limited){ len - 1, 100, 9 }).rc, 0);
}

WEFT_TEST(a_target_of_exactly_the_limit_passes_and_one_byte_more_is_414)
{
    static const char text[] = "GET /abc?d HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t len = sizeof text - 1;
    WEFT_CHECK_EQ(parse_limited(text, len, (limited){ 999, 6, 9 }).rc, len);
    WEFT_CHECK_EQ(parse_limited(text, len, (limited){ 999, 5, 9 }).status, 414);
    WEFT_CHECK_EQ(parse_limited(text, strlen("GET /abc?d"), (limited){ 999, 5, 9 }).status, 414);
    WEFT_CHECK_EQ(parse_limited(text, strlen("GET /abc?"), (limited){ 999, 5, 9 }).rc, 0);
}

WEFT_TEST(as_many_headers_as_there_is_room_for_pass_and_one_more_is_431)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nZ: z\r\n\r\n";
    WEFT_CHECK_EQ(
        parse_limited(text, sizeof text - 1, (limited) { 999, 99, 3 }).rc, sizeof text - 1);
    WEFT_CHECK_EQ(parse_limited(text, sizeof text - 1, (limited) { 999, 99, 2 }).status, 431);
    WEFT_CHECK_EQ(parse_limited(text, sizeof text - 1, (limited) { 999, 99, 0 }).status, 431);
}

WEFT_TEST(a_large_body_behind_the_head_does_not_count_against_the_head)
{
    static char bytes[100000] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n";
    size_t head_len = strlen(bytes);
    WEFT_CHECK_EQ(parse_limited(bytes, sizeof bytes, (limited){ 1000, 99, 9 }).rc, head_len);
}

/* Searching a head of half a megabyte again for each of its bytes would take about a minute;
 * searching each byte once takes milliseconds. */
WEFT_TEST(a_head_that_comes_byte_by_byte_is_not_searched_again_for_each_byte)
{
    enum { LEN = 512 * 1024 };
    char *bytes = malloc(LEN);
    memset(bytes, 'x', LEN);
    static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    memcpy(bytes, start, sizeof start - 1);
    memcpy(bytes + LEN - 4, "\r\n\r\n", 4);
    weft__http_header headers[4];
    weft__http_head head = { .headers = headers, .room = 4 };
    weft__http_limits limits = { .head_bytes_max = LEN, .target_bytes_max = 99 };
    size_t scanned = 0;
    clock_t begin = clock();
    int rc = 0;
    for (size_t n = 1; n <= LEN && !rc; n++)
        rc = weft__http_parse_request(bytes, n, &scanned, &limits, &head);
    WEFT_CHECK_EQ(rc, LEN);
    WEFT_CHECK(clock() - begin < 2 * CLOCKS_PER_SEC);
    free(bytes);
}

/* What is known to be valid is compared whole: nothing that begins like it, or that it begins like, passes for it. */
WEFT_TEST(a_host_that_is_known_stands_for_itself_alone)
{
    static const struct { const char *host; bool good; } rows[] = { { "api.example.org:8000", true },
        { "api.example.org", true }, { "other.example.org:80", true }, { "api.example.org:8000 ", true },
        { "api.example.org:8000/", false }, { "api.example.org:80 00", false }, { "api.example.org:8000,a", false },
        { "api.example.org:", true }, { "", true }, { "a b", false } };
    for (size_t i = 0; i < weft_count(rows); i++) {
        char text[128];
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].host);
        int rc[2];
        for (int known = 0; known < 2; known++) {
            weft__http_header headers[FEED_HEADERS];
            weft__http_head head = { .headers = headers, .room = FEED_HEADERS };
            weft__http_limits limits = WEFT__HTTP_LIMITS;
            if (known) limits.known_host = WEFT_S("api.example.org:8000");
            size_t scanned = 0;
            rc[known] = weft__http_parse_request(text, (size_t)n, &scanned, &limits, &head);
        }
        WEFT_CHECK_EQ(rc[1], rc[0]);
        if (*rows[i].host) WEFT_CHECK_EQ(rc[1] > 0, rows[i].good);
    }
}
