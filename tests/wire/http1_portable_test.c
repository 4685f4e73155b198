/* The parser once more, without vector instructions: what other machines run. */
#define WEFT__NO_SIMD
#define weft__http_parse_request portable_parse_request
#define weft__http_parse_response portable_parse_response
#include "../../src/wire/http1_parse.c"
#include "http1_feed.h"

WEFT_TEST(the_portable_parser_reads_a_request)
{
    static const char text[] = "GET /items/42?x=1 HTTP/1.1\r\nHost: shop:8000\r\n\r\n";
    weft__http_header headers[4];
    weft__http_head head = { .headers = headers, .room = 4 };
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    size_t scanned = 0;
    int rc = portable_parse_request(text, sizeof text - 1, &scanned, &limits, &head);
    WEFT_CHECK_EQ(rc, sizeof text - 1);
    WEFT_CHECK_STR(head.path, "/items/42");
    WEFT_CHECK_STR(head.host, "shop:8000");
}

WEFT_TEST(the_portable_parser_reads_a_response)
{
    static const char text[] = "HTTP/1.1 204 No Content\r\n\r\n";
    weft__http_header headers[4];
    weft__http_head head = { .headers = headers, .room = 4 };
    weft__http_limits limits = WEFT__HTTP_LIMITS;
    size_t scanned = 0;
    int rc = portable_parse_response(text, sizeof text - 1, &scanned, false, &limits, &head);
    WEFT_CHECK_EQ(rc, sizeof text - 1);
    WEFT_CHECK_EQ(head.status, 204);
}
