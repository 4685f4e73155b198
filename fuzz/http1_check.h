#ifndef WEFT_FUZZ_HTTP1_CHECK_H
#define WEFT_FUZZ_HTTP1_CHECK_H
/* What holds for every head that a parser of http1.h has answered for. */
#include <stdlib.h>
#include <string.h>
#include "wire/bytes.h"
#include "wire/http1.h"

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

enum { ROOM = 8, HEAD_MAX = 1500, TARGET_MAX = 200 };
static const weft__http_limits LIMITS = { .head_bytes_max = HEAD_MAX,
    .target_bytes_max = TARGET_MAX };

typedef struct parsed { weft__http_header headers[ROOM]; weft__http_head head; int rc; } parsed;

static inline bool inside(weft_str s, const char *bytes, size_t len)
{
    return s.ptr >= bytes && s.ptr + s.len <= bytes + len;
}

static inline unsigned times(const weft__http_head *head, weft_str name)
{
    unsigned n = 0;
    const weft__http_header *h = NULL;
    while ((h = weft__http_find(head, name, h))) n++;
    return n;
}

/* No byte of an accepted head is ambiguous, nor is its framing. */
static inline void check_accepted(const parsed *p, const char *bytes, size_t len)
{
    const weft__http_head *head = &p->head;
    MUST((size_t)p->rc <= len && p->rc <= HEAD_MAX && head->count <= ROOM);
    MUST(p->rc >= 4 && memcmp(bytes + p->rc - 4, "\r\n\r\n", 4) == 0);
    for (unsigned i = 0; i < head->count; i++) {
        weft_str name = head->headers[i].name, value = head->headers[i].value;
        MUST(inside(name, bytes, (size_t)p->rc) && inside(value, bytes, (size_t)p->rc));
        MUST(weft__http_name_valid(name) && weft__http_value_valid(value));
        MUST(weft_str_equal(value, weft__trim(value)));
    }
    unsigned lengths = times(head, WEFT_S("content-length"));
    unsigned codings = times(head, WEFT_S("transfer-encoding"));
    MUST(lengths + codings <= 1);
    MUST((head->content_length >= 0) == (lengths == 1));
    MUST(codings == 0 || head->minor == 1);
    if (head->body == WEFT__BODY_LENGTH) MUST(head->content_length > 0);
    if (head->body == WEFT__BODY_CHUNKED) MUST(codings == 1);
}

static inline bool same_str(weft_str a, weft_str b) { return a.ptr == b.ptr && a.len == b.len; }

/* The same answer, from the same bytes at the same place. */
static inline void check_same(const parsed *a, const parsed *b)
{
    MUST(a->rc == b->rc);
    if (a->rc < 0) {
        MUST(a->head.fault_status == b->head.fault_status &&
             strcmp(a->head.fault, b->head.fault) == 0);
        return;
    }
    if (a->rc == 0) return;
    MUST(a->head.count == b->head.count && a->head.body == b->head.body);
    MUST(a->head.content_length == b->head.content_length &&
         a->head.keep_alive == b->head.keep_alive);
    for (unsigned i = 0; i < a->head.count; i++) {
        MUST(same_str(a->head.headers[i].name, b->head.headers[i].name));
        MUST(same_str(a->head.headers[i].value, b->head.headers[i].value));
    }
}

typedef void parse_fn(parsed *p, const char *bytes, size_t len, size_t *scanned);

/* Cut anywhere: a beginning is refused only if the whole is, and the rest makes no difference. */
static inline void check_cut(
    parse_fn *parse, const parsed *whole, const char *bytes, size_t len, size_t cut)
{
    parsed p;
    size_t scanned = 0;
    parse(&p, bytes, cut, &scanned);
    if (p.rc == 0) {
        MUST(whole->rc <= 0 || cut < (size_t)whole->rc);
        parse(&p, bytes, len, &scanned);
        if (p.rc == 0 && whole->rc < 0) return;      /* no end yet: the fault is told later */
    }
    check_same(whole, &p);
}

static inline void check_cuts(parse_fn *parse, const parsed *whole, const char *bytes, size_t len)
{
    size_t step = len / 16 + 1;
    for (size_t cut = 0; cut <= len; cut += step) check_cut(parse, whole, bytes, len, cut);
    if (whole->rc > 1) check_cut(parse, whole, bytes, len, (size_t)whole->rc - 1);
}
#endif
