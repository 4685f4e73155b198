#ifndef WEFT_SRC_WIRE_HTTP1_FIELDS_H
#define WEFT_SRC_WIRE_HTTP1_FIELDS_H
#include "wire/http1.h"

/* What the header lines of one head mean together: gathered line by line, judged at the end. Shared
 * by http1_parse.c and http1_fields.c only. */
typedef struct weft__http_fields {
    bool request, to_head;            /* to_head: a response to HEAD */
    bool coded;                       /* Transfer-Encoding: chunked came */
    bool host, expect;                /* a Host came; Expect: 100-continue came */
    bool close, keep_alive, upgrades; /* what Connection named */
    weft_str known_host;    /* of the limits: valid */
    weft_str absolute_host; /* of an absolute target; it wins over Host (RFC 9112, 3.2.2) */
} weft__http_fields;

/* All return > 0 to go on, or < 0 with head->fault set, as below. */
int weft__http_fields_add(
    weft__http_fields *f, weft__http_head *head, weft_str name, weft_str value);
int weft__http_fields_request(weft__http_fields *f, weft__http_head *head);
int weft__http_fields_response(weft__http_fields *f, weft__http_head *head);

/* Sets the fault; returns WEFT_EPROTO. */
int weft__http_refuse(weft__http_head *head, int status, const char *fault) WEFT__COLD;

/* True for the lengths of the names that matter here: most others differ by this alone. */
static inline bool weft__http_fields_may_know(size_t name_len)
{
    const uint32_t known = 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 12 | 1 << 14 | 1 << 17;
    return name_len < 18 && known >> name_len & 1;
}
#endif
