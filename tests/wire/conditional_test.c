/* Conditions and ranges of requests: RFC 9110, 13 and 14. */
#include "wire/conditional.h"
#include <stdio.h>
#include <string.h>
#include "weft/check.h"

enum { MODIFIED = 784111777, BYTES = 10000 };        /* Sun, 06 Nov 1994 08:49:37 GMT */
#define WHEN "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static int judge(const char *method, const char *lines, const weft__selected *what, weft__range *range)
{
    char text[600];
    weft__http_header headers[20];
    weft__http_head head = { .headers = headers, .room = 20 };
    size_t scanned = 0;
    int n = snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, lines);
    WEFT_NEED(weft__http_parse_request(text, (size_t)n, &scanned, &WEFT__HTTP_LIMITS, &head) == n);
    int status = weft__conditions(&head, what, range);
    if (status != 200) WEFT_CHECK(weft__conditions_any(&head));
    return status;
}

typedef struct row { const char *lines; int status; int64_t from, bytes; } row;

static void hold(int line, const char *method, const weft__selected *what, const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        weft__range range = { -1, -1 };
        int status = judge(method, rows[i].lines, what, &range);
        bool part = rows[i].status == 206;
        int64_t from = part ? rows[i].from : 0, bytes = part ? rows[i].bytes : what->bytes;
        if (status != rows[i].status || range.from != from || range.bytes != bytes)
            weft__check_fail(__FILE__, line, "%s %s gives %d, %lld bytes from %lld", method, rows[i].lines, status, (long long)range.bytes, (long long)range.from);
    }
}
#define HOLD(method, what, ...) do { static const row rows_[] = { __VA_ARGS__ }; hold(__LINE__, (method), (what), rows_, weft_count(rows_)); } while (0)

static const weft__selected strong = { WEFT_S("\"a,b\""), MODIFIED, MODIFIED + 100, BYTES };
static const weft__selected weak = { WEFT_S("W/\"a\""), MODIFIED, MODIFIED + 100, BYTES };
static const weft__selected fresh = { WEFT_S("\"a\""), MODIFIED, MODIFIED, BYTES };
static const weft__selected empty = { WEFT_S("\"a\""), MODIFIED, MODIFIED + 100, 0 };

WEFT_TEST(who_has_it_already_is_told_so)
{
    static const char *const methods[] = { "GET", "HEAD" };
    for (size_t i = 0; i < weft_count(methods); i++) {
        HOLD(methods[i], &strong, { "", 200, 0, 0 }, { "If-None-Match: \"a,b\"\r\n", 304, 0, 0 }, { "If-None-Match: W/\"a,b\"\r\n", 304, 0, 0 },
            { "If-None-Match: *\r\n", 304, 0, 0 }, { "If-None-Match: \"x\", W/\"y\",, \"a,b\"\r\n", 304, 0, 0 }, { "If-None-Match: \"x\"\r\nIf-None-Match: \"a,b\"\r\n", 304, 0, 0 },
            { "If-None-Match: \"a\"\r\n", 200, 0, 0 }, { "If-None-Match: a,b\r\n", 200, 0, 0 }, { "If-None-Match: \"a,b\r\n", 200, 0, 0 }, { "If-None-Match:\r\n", 200, 0, 0 },
            { "If-Modified-Since: " WHEN "\r\n", 304, 0, 0 }, { "If-Modified-Since: " AFTER "\r\n", 304, 0, 0 }, { "If-Modified-Since: " BEFORE "\r\n", 200, 0, 0 },
            { "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304, 0, 0 }, { "If-Modified-Since: yesterday\r\n", 200, 0, 0 },
            { "If-Modified-Since: " WHEN "\r\nIf-Modified-Since: " WHEN "\r\n", 200, 0, 0 },
            { "If-None-Match: \"x\"\r\nIf-Modified-Since: " WHEN "\r\n", 200, 0, 0 });
        HOLD(methods[i], &weak, { "If-None-Match: \"a\"\r\n", 304, 0, 0 }, { "If-None-Match: W/\"a\"\r\n", 304, 0, 0 });
    }
}

WEFT_TEST(who_wants_another_one_is_refused)
{
    HOLD("GET", &strong, { "If-Match: \"a,b\"\r\n", 200, 0, 0 }, { "If-Match: *\r\n", 200, 0, 0 }, { "If-Match: \"x\"\r\n", 412, 0, 0 }, { "If-Match: W/\"a,b\"\r\n", 412, 0, 0 },
        { "If-Unmodified-Since: " WHEN "\r\n", 200, 0, 0 }, { "If-Unmodified-Since: " BEFORE "\r\n", 412, 0, 0 }, { "If-Unmodified-Since: nonsense\r\n", 200, 0, 0 },
        { "If-Match: \"a,b\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", 200, 0, 0 }, { "If-Match: \"x\"\r\nIf-None-Match: \"a,b\"\r\n", 412, 0, 0 });
    HOLD("GET", &weak, { "If-Match: W/\"a\"\r\n", 412, 0, 0 });
}

WEFT_TEST(a_range_is_the_part_it_names)
{
    HOLD("GET", &strong, { "Range: bytes=0-0\r\n", 206, 0, 1 }, { "Range: bytes=0-499\r\n", 206, 0, 500 }, { "Range: bytes=500-999\r\n", 206, 500, 500 },
        { "Range: bytes=9500-\r\n", 206, 9500, 500 }, { "Range: bytes=-500\r\n", 206, 9500, 500 }, { "Range: bytes=-1\r\n", 206, 9999, 1 }, { "Range: bytes=-10001\r\n", 206, 0, BYTES },
        { "Range: bytes=0-99999999999999999999999\r\n", 206, 0, BYTES }, { "Range: BYTES= 1-2 \r\n", 206, 1, 2 }, { "Range: bytes=0-\r\n", 206, 0, BYTES }, { "Range: bytes=,,5-6,\r\n", 206, 5, 2 },
        { "Range: bytes=10000-,5-6\r\n", 206, 5, 2 });
    HOLD("HEAD", &strong, { "Range: bytes=0-0\r\n", 200, 0, 0 });
}

WEFT_TEST(a_range_with_nothing_in_it_is_refused)
{
    HOLD("GET", &strong, { "Range: bytes=10000-\r\n", 416, 0, 0 }, { "Range: bytes=10000-20000\r\n", 416, 0, 0 }, { "Range: bytes=-0\r\n", 416, 0, 0 },
        { "Range: bytes=99999999999999999999-\r\n", 416, 0, 0 }, { "Range: bytes=20000-,10000-10001\r\n", 416, 0, 0 });
}

WEFT_TEST(what_is_no_range_or_several_is_answered_whole)
{
    HOLD("GET", &strong, { "Range: bytes\r\n", 200, 0, 0 }, { "Range: bytes=\r\n", 200, 0, 0 }, { "Range: bytes=-\r\n", 200, 0, 0 }, { "Range: bytes=5\r\n", 200, 0, 0 }, { "Range: bytes=5-4\r\n", 200, 0, 0 },
        { "Range: bytes=a-b\r\n", 200, 0, 0 }, { "Range: bytes=1 -2\r\n", 200, 0, 0 }, { "Range: bytes=--1\r\n", 200, 0, 0 }, { "Range: bytes=1-2x\r\n", 200, 0, 0 }, { "Range: items=0-1\r\n", 200, 0, 0 },
        { "Range: bytes=0-1,5-6\r\n", 200, 0, 0 }, { "Range: bytes=0-1,x\r\n", 200, 0, 0 }, { "Range: bytes=0-1\r\nRange: bytes=3-4\r\n", 200, 0, 0 });
    HOLD("GET", &empty, { "Range: bytes=0-\r\n", 200, 0, 0 }, { "Range: bytes=-5\r\n", 200, 0, 0 });
}

WEFT_TEST(a_range_of_what_has_changed_is_answered_whole)
{
    HOLD("GET", &strong, { "Range: bytes=0-0\r\nIf-Range: \"a,b\"\r\n", 206, 0, 1 }, { "Range: bytes=0-0\r\nIf-Range: \"x\"\r\n", 200, 0, 0 }, { "Range: bytes=0-0\r\nIf-Range: W/\"a,b\"\r\n", 200, 0, 0 },
        { "Range: bytes=0-0\r\nIf-Range: " WHEN "\r\n", 206, 0, 1 }, { "Range: bytes=0-0\r\nIf-Range: " AFTER "\r\n", 200, 0, 0 }, { "Range: bytes=0-0\r\nIf-Range: \r\n", 200, 0, 0 },
        { "Range: bytes=0-0\r\nIf-None-Match: \"a,b\"\r\n", 304, 0, 0 }, { "Range: bytes=0-0\r\nIf-None-Match: \"x\"\r\n", 206, 0, 1 });
    HOLD("GET", &weak, { "Range: bytes=0-0\r\nIf-Range: W/\"a\"\r\n", 200, 0, 0 });
    HOLD("GET", &fresh, { "Range: bytes=0-0\r\nIf-Range: " WHEN "\r\n", 200, 0, 0 });
}

WEFT_TEST(a_head_without_conditions_is_seen_to_have_none)
{
    weft__range range;
    WEFT_CHECK_EQ(judge("GET", "Accept: x\r\nIgnored: y\r\nReferer: z\r\n", &strong, &range), 200);
}
