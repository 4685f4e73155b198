/* weft_conditional: who has an answer already is told so. RFC 9110, 13 */
#include <string.h>
#include "task/loop.h"
#include "web/onion.h"
#include "wire/conditional.h"

enum { SECOND_US = 1000000 };

/* What the bytes come down to: told apart are answers of one URL, which nobody else makes. */
static uint64_t sum_of(weft_str s)
{
    uint64_t sum = (uint64_t)s.len * UINT64_C(0x9e3779b97f4a7c15), word;
    for (; s.len >= 8; s.ptr += 8, s.len -= 8) {
        memcpy(&word, s.ptr, 8);
        sum = (sum ^ word) * UINT64_C(0xff51afd7ed558ccd);
        sum ^= sum >> 32;
    }
    word = 0;
    if (s.len) memcpy(&word, s.ptr, s.len);
    sum = (sum ^ word) * UINT64_C(0xc4ceb9fe1a85ec53);
    return sum ^ sum >> 29;
}

static int tag(weft_reply *r, weft_str *out)
{
    const weft_header *own = weft__reply_find(r, WEFT_S("ETag"));
    *out = own ? own->value : weft__arena_printf(r->arena, "\"%016llx-%zx\"", (unsigned long long)sum_of(r->body), r->body.len);
    if (!out->ptr) return WEFT_ENOMEM;
    return own ? 0 : weft__reply_put(r, WEFT_S("ETag"), *out);
}

static bool date_of(const weft_reply *r, int64_t now_s, int64_t *out)
{
    const weft_header *h = weft__reply_find(r, WEFT_S("Last-Modified"));
    *out = INT64_MAX;
    return h && weft__http_date_parse(h->value, now_s, out) == 0;
}

/* Of an answer without a date nothing is known of when it changed: what asks for one is as if it were not there. */
static int judge(const weft__http_head *head, const weft_reply *r, weft_str etag)
{
    weft__os *os = weft__loop_os(weft__loop_here());
    weft__selected what = { .etag = etag, .now_s = os->ops->wall_us(os) / SECOND_US, .bytes = (int64_t)r->body.len };
    weft__range all;
    bool dated = date_of(r, what.now_s, &what.modified_s), by_tag = weft__http_find(head, WEFT_S("if-match"), NULL);
    if (!dated && !by_tag && weft__http_find(head, WEFT_S("if-unmodified-since"), NULL)) return 200;
    return weft__conditions(head, &what, &all);
}

static int run(const weft_request *request, weft_reply *r, weft_next *next)
{
    const weft__http_head *head = weft__request_head(request);
    bool reads = head->verb == WEFT__GET || head->verb == WEFT__HEAD;
    int rc = weft_next_run(next);
    head = weft__request_head(request);
    const weft_header *cache = weft__reply_find(r, WEFT_S("Cache-Control"));
    weft_str etag;
    if (!reads || weft_reply_begun(r) || !r->has_body || r->file || r->status != 200) return rc;
    if (cache && weft__http_list_has(cache->value, WEFT_S("no-store"))) return rc;
    WEFT_TRY(tag(r, &etag));
    int status = judge(head, r, etag);
    if (status == 412) return weft_fail(412, "Precondition Failed");
    if (status != 304) return rc;
    weft__reply_drop_body(r);
    r->status = 304;
    return rc;
}

const weft__layer_kind weft__conditional_kind = { .name = "weft_conditional", .run = run, .looks_back = true };
