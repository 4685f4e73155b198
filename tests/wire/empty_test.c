/* A weft_str of no bytes may have no pointer either: all that reads texts takes both for the same. */
#include "weft/check.h"
#include "weft/values.h"
#include "wire/bytes.h"
#include "wire/cookie.h"
#include "wire/date.h"
#include "wire/decimal.h"
#include "wire/duration.h"
#include "wire/email.h"
#include "wire/http1.h"
#include "wire/ip.h"
#include "wire/json.h"
#include "wire/multipart.h"
#include "wire/url.h"
#include "wire/url_check.h"
#include "wire/uuid.h"

static const weft_str none, empty = { "", 0 };
#define SAME(call) do { \
        weft_str s = none; \
        long long without = (long long)(call); \
        s = empty; \
        WEFT_CHECK_EQ(without, (long long)(call)); } while (0)

WEFT_TEST(a_value_of_no_bytes_is_read_as_an_empty_one)
{
    weft_date date;
    weft_time time;
    weft_datetime moment;
    weft_duration length;
    weft_uuid uuid;
    weft__exact exact;
    weft__uuid_fault uuid_fault;
    const char *fault;
    SAME(weft__date_read(s, &date));
    SAME(weft__time_read(s, &time));
    SAME(weft__datetime_read(s, &moment));
    SAME(weft__duration_read(s, &length));
    SAME(weft__uuid_read(s, &uuid, &uuid_fault));
    SAME(weft__decimal_read(s, &exact));
    SAME(weft__email_fault(s));
    SAME(weft__ipv4_valid(s));
    SAME(weft__ipv6_valid(s));
    SAME(weft__url_check(s, &fault));
    SAME(weft__decimal(s, 99));
    SAME(weft__trim(s).len);
    SAME(weft__same_nocase(s, WEFT_S("x")));
}

WEFT_TEST(parts_of_a_request_of_no_bytes_are_read_as_empty_ones)
{
    char out[4];
    int64_t at;
    weft_str name, value;
    const char *fault;
    weft__part part;
    weft__url url;
    SAME(weft__http_list_has(s, WEFT_S("x")));
    SAME(weft__http_name_valid(s));
    SAME(weft__http_value_valid(s));
    SAME(weft__http_date_parse(s, 0, &at));
    SAME(weft__multipart_is(s));
    SAME(weft__multipart_boundary(s).len);
    SAME(weft__part_read(s, &part, &fault));
    SAME(weft__part_text(s, false, out));
    SAME(weft__part_text(s, true, out));
    SAME(weft__url_decode(s, 0, out));
    SAME(weft__url_segment_fault(s));
    SAME((weft__url_split(s, &name, &value), name.len + value.len));
    SAME(weft__url_parse(s, &url, &fault));
    SAME(weft__url_has_scheme(s));
    SAME(weft__url_host_valid(s));
    SAME(weft__url_ipv6_valid(s));
    SAME(weft__cookie_unquote(s, out));
    SAME(weft__cookie_quoted(s));
    weft__cookies cookies = weft__cookies_of(none);
    WEFT_CHECK(!weft__cookie_next(&cookies, &name, &value));
    weft__url_query query = weft__url_query_of(none, 9);
    WEFT_CHECK_EQ(weft__url_query_next(&query, &name, &value), 0);
    weft__buf made;
    weft__buf_init(&made, 100);
    SAME(weft__url_format(&made, "{+}http://a/?b={}", (weft_str[]){ s, s }, 2, (char[WEFT__URL_FAULT]){ 0 }));
    SAME((weft__url_encode(&made, s), weft__buf_clear(&made), made.len));
    SAME((weft__buf_clear(&made), weft__json_add_text(&made, s) + 100 * (int)made.len));
    weft__buf_free(&made);
    SAME(weft__json_valid(s));
}
