#include "http1_feed.h"

WEFT_TEST(every_status_line_is_read_back_as_its_status_and_phrase)
{
    int known = 0;
    for (int status = 100; status < 1000; status++) {
        weft__buf b;
        weft__buf_init(&b, 1000);
        weft__http_add_status(&b, status);
        weft__buf_lit(&b, "\r\n");
        weft__http_header headers[1];
        weft__http_head head = { .headers = headers, .room = 1 };
        weft__http_limits limits = WEFT__HTTP_LIMITS;
        size_t scanned = 0;
        int rc = weft__http_parse_response(b.ptr, b.len, &scanned, false, &limits, &head);
        WEFT_NEED(rc == (int)b.len);
        WEFT_CHECK_EQ(head.status, status);
        WEFT_CHECK(weft_str_equal(head.reason, weft__http_reason(status)));
        known += weft__http_status_line(status).len > 0;
        weft__buf_free(&b);
    }
    WEFT_CHECK_EQ(known, 62);
}

WEFT_TEST(a_status_has_its_registered_phrase_or_none)
{
    WEFT_CHECK_STR(weft__http_status_line(200), "HTTP/1.1 200 OK\r\n");
    WEFT_CHECK_STR(weft__http_reason(422), "Unprocessable Content");
    WEFT_CHECK_STR(weft__http_reason(499), "");
    WEFT_CHECK_STR(weft__http_status_line(-1), "");
}

WEFT_TEST(no_value_and_no_name_can_start_a_line_of_its_own)
{
    static const struct { weft_str name, value; } rows[] = {
        { WEFT_S("X"), WEFT_S("a\r\nSet-Cookie: b") }, { WEFT_S("X"), WEFT_S("a\nb") },
        { WEFT_S("X"), WEFT_S("a\rb") },               { WEFT_S("X"), WEFT_S("a\0b") },
        { WEFT_S("X"), WEFT_S("\x7F") },               { WEFT_S("X"), WEFT_S("\x1B") },
        { WEFT_S("X: y\r\nZ"), WEFT_S("a") },          { WEFT_S("X "), WEFT_S("a") },
        { WEFT_S("X:"), WEFT_S("a") },                 { WEFT_S(""), WEFT_S("a") },
        { WEFT_S("X\0"), WEFT_S("a") },                { WEFT_S("X\xC3\xA9"), WEFT_S("a") },
        { WEFT_S("X"), WEFT_S("a value of more than one vector\r") },
    };
    weft__buf b;
    weft__buf_init(&b, 1000);
    for (size_t i = 0; i < weft_count(rows); i++) {
        WEFT_CHECK_EQ(weft__http_add_header(&b, rows[i].name, rows[i].value), WEFT_EINVAL);
    }
    WEFT_CHECK_EQ(b.len, 0);
    weft__buf_free(&b);
}

WEFT_TEST(header_lines_are_written_as_they_are_read)
{
    weft__buf b;
    weft__buf_init(&b, 1000);
    WEFT_CHECK_EQ(weft__http_add_header(&b, WEFT_S("X-Y"), WEFT_S("a\tb \xE2\x82\xAC")), 0);
    WEFT_CHECK_EQ(weft__http_add_header(&b, WEFT_S("Z"), (weft_str){ 0 }), 0);
    weft__http_add_length(&b, 0);
    weft__http_add_length(&b, UINT64_MAX);
    WEFT_CHECK_STR(weft__buf_str(&b), "X-Y: a\tb \xE2\x82\xAC\r\nZ: \r\nContent-Length: 0\r\n"
                                      "Content-Length: 18446744073709551615\r\n");
    weft__buf_free(&b);
}

WEFT_TEST(a_header_past_the_limit_of_the_buffer_is_left_out_whole)
{
    weft__buf b;
    weft__buf_init(&b, 6);
    WEFT_CHECK_EQ(weft__http_add_header(&b, WEFT_S("A"), WEFT_S("b")), 0);
    WEFT_CHECK_EQ(b.failed, 0);
    WEFT_CHECK_EQ(weft__http_add_header(&b, WEFT_S("A"), WEFT_S("b")), 0);
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    WEFT_CHECK_STR(weft__buf_str(&b), "A: b\r\n");
    weft__buf_free(&b);
}

WEFT_TEST(a_written_request_is_read_back)
{
    static const struct {
        weft__http_request_line line;
        const char *text;
    } rows[] = {
        { { WEFT_S("GET"), WEFT_S("/a%20b"), WEFT_S("c=d"), WEFT_S("h:80") },
            "GET /a%20b?c=d HTTP/1.1\r\nHost: h:80\r\n" },
        { { WEFT_S("POST"), WEFT_S("/"), { 0 }, WEFT_S("[::1]") },
            "POST / HTTP/1.1\r\nHost: [::1]\r\n" },
        { { WEFT_S("PUT"), WEFT_S("/"), WEFT_S(""), WEFT_S("h") },
            "PUT /? HTTP/1.1\r\nHost: h\r\n" },
        { { WEFT_S("OPTIONS"), WEFT_S("*"), { 0 }, WEFT_S("h") },
            "OPTIONS * HTTP/1.1\r\nHost: h\r\n" },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft__buf b;
        weft__buf_init(&b, 1000);
        WEFT_CHECK_EQ(weft__http_add_request(&b, &rows[i].line), 0);
        WEFT_CHECK_STR(weft__buf_str(&b), rows[i].text);
        weft__buf_lit(&b, "\r\n");
        WEFT_CHECK_EQ(feed_whole(weft__http_parse_request, b.ptr, b.len).rc, b.len);
        weft__buf_free(&b);
    }
}

WEFT_TEST(a_request_that_its_reader_would_take_for_two_is_not_written)
{
    static const weft__http_request_line rows[] = {
        { WEFT_S("GET /x HTTP/1.1\r\nX:"), WEFT_S("/"), { 0 }, WEFT_S("h") },
        { WEFT_S(""), WEFT_S("/"), { 0 }, WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("/ HTTP/1.1\r\nX: y\r\n\r\nGET /"), { 0 }, WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("/a b"), { 0 }, WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("/a?b"), { 0 }, WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("/a#b"), { 0 }, WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("a"), { 0 }, WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S(""), { 0 }, WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("*"), { 0 }, WEFT_S("h") },
        { WEFT_S("OPTIONS"), WEFT_S("*"), WEFT_S("x"), WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("/"), WEFT_S("a\r\nb"), WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("/"), WEFT_S("a\0b"), WEFT_S("h") },
        { WEFT_S("GET"), WEFT_S("/"), { 0 }, WEFT_S("h\r\nX: y") },
        { WEFT_S("GET"), WEFT_S("/"), { 0 }, WEFT_S("") },
        { WEFT_S("GET"), WEFT_S("/"), { 0 }, WEFT_S("u@h") },
    };
    weft__buf b;
    weft__buf_init(&b, 1000);
    for (size_t i = 0; i < weft_count(rows); i++)
        WEFT_CHECK_EQ(weft__http_add_request(&b, &rows[i]), WEFT_EINVAL);
    WEFT_CHECK_EQ(b.len, 0);
    weft__buf_free(&b);
}
