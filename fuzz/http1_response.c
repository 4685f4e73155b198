/* Responses: what is accepted is unambiguous and reads the same however it is cut. Their dates,
 * too, are written back as they were read. */
#include "http1_check.h"

static void parse(parsed *p, const char *bytes, size_t len, size_t *scanned)
{
    p->head = (weft__http_head){ .headers = p->headers, .room = ROOM };
    p->rc = weft__http_parse_response(bytes, len, scanned, false, &LIMITS, &p->head);
}

static void parse_to_head(parsed *p, const char *bytes, size_t len, size_t *scanned)
{
    p->head = (weft__http_head){ .headers = p->headers, .room = ROOM };
    p->rc = weft__http_parse_response(bytes, len, scanned, true, &LIMITS, &p->head);
}

static const int64_t EARLIEST = -62167219200, LATEST = 253402300799;     /* of four-digit years */

static void check_date(weft_str text)
{
    int64_t s, again;
    if (weft__http_date_parse(text, 1700000000, &s) < 0) return;
    char out[WEFT__HTTP_DATE];
    weft__http_date(out, s);
    int rc = weft__http_date_parse((weft_str){ out, sizeof out }, 1700000000, &again);
    MUST(rc == 0 && (again == s || s == LATEST + 1));    /* a leap second at the very end */
}

static void check_response(const parsed *p, const char *bytes, size_t len)
{
    const weft__http_head *head = &p->head;
    check_accepted(p, bytes, len);
    MUST(head->status >= 100 && head->status <= 999);
    MUST(weft__http_value_valid(head->reason));
    bool bodiless = head->status < 200 || head->status == 204 || head->status == 304;
    MUST(!bodiless || head->body == WEFT__BODY_NONE);
    MUST(head->body != WEFT__BODY_CLOSE || (!head->keep_alive && head->content_length < 0));
    for (unsigned i = 0; i < head->count; i++) check_date(head->headers[i].value);
}

/* Nothing is both a request and a response. */
static void check_no_request(const parsed *p, const char *bytes, size_t len)
{
    parsed other;
    size_t scanned = 0;
    other.head = (weft__http_head){ .headers = other.headers, .room = ROOM };
    other.rc = weft__http_parse_request(bytes, len, &scanned, &LIMITS, &other.head);
    MUST(p->rc <= 0 || other.rc < 0);
    if (other.rc > 0) check_accepted(&other, bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *bytes = (const char *)data;
    check_date((weft_str){ bytes, len });
    for (int messages = 0; messages < 4; messages++) {
        parsed p, to_head;
        size_t scanned = 0;
        parse(&p, bytes, len, &scanned);
        if (p.rc < 0) MUST(p.head.fault_status == 502);
        check_cuts(parse, &p, bytes, len);
        scanned = 0;
        parse_to_head(&to_head, bytes, len, &scanned);
        MUST(to_head.rc == p.rc);
        check_no_request(&p, bytes, len);
        if (p.rc <= 0) break;
        MUST(to_head.head.body == WEFT__BODY_NONE);
        check_response(&p, bytes, len);
        bytes += p.rc;
        len -= (size_t)p.rc;
    }
    int64_t s = 0;
    memcpy(&s, data, len < sizeof s ? 0 : sizeof s);
    char out[WEFT__HTTP_DATE];
    weft__http_date(out, s);
    int64_t again;
    int rc = weft__http_date_parse((weft_str){ out, sizeof out }, 0, &again);
    MUST(rc == 0 && (again == s || s < EARLIEST || s > LATEST));
    return 0;
}
