/* Conditions and ranges: whatever a request says, what it is given lies in what there is. */
#include "wire/conditional.h"
#include <stdlib.h>
#include <string.h>

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static void check(const weft__http_head *head, const weft__selected *what)
{
    weft__range range = { -1, -1 };
    int status = weft__conditions(head, what, &range);
    MUST(range.from >= 0 && range.bytes >= 0 && range.bytes <= what->bytes && range.from <= what->bytes - range.bytes);
    MUST(status == 200 || status == 206 || status == 304 || status == 412 || status == 416);
    MUST(status == 200 || weft__conditions_any(head));
    if (status == 206) MUST(range.bytes > 0 && head->verb == WEFT__GET);
    else MUST(range.from == 0 && range.bytes == what->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char begin[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    enum { BEGIN = sizeof begin - 1 };
    static const weft__selected whats[] = { { WEFT_S("\"a,b\""), 784111777, 784111800, 10 }, { WEFT_S("W/\"x\""), 784111777, 784111777, 0 },
        { { "", 0 }, 0, 0, INT64_MAX } };
    weft__http_header headers[16];
    weft__http_head head = { .headers = headers, .room = 16 };
    size_t scanned = 0;
    char *text = malloc(BEGIN + len + 2);
    memcpy(text, begin, BEGIN);
    if (len) memcpy(text + BEGIN, bytes, len);
    memcpy(text + BEGIN + len, "\r\n", 2);
    if (weft__http_parse_request(text, BEGIN + len + 2, &scanned, &WEFT__HTTP_LIMITS, &head) > 0)
        for (size_t i = 0; i < weft_count(whats); i++) check(&head, &whats[i]);
    free(text);
    return 0;
}
