/* The buffer of a body: whatever is fed and taken in whatever pieces, the bytes are those that were sent. */
#include "http/body.h"
#include <string.h>
#include "weft/check.h"

enum { TEXT_MAX = 300, LONGEST = 24, ROOM = LONGEST + 2 };

static uint64_t state;
static unsigned below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

typedef struct message { char text[TEXT_MAX]; size_t len; char wire[TEXT_MAX * 12]; size_t wire_len; } message;

static void add(message *m, const char *bytes, size_t n)
{
    memcpy(m->wire + m->wire_len, bytes, n);
    m->wire_len += n;
}

/* Short lines, ended in either way, in chunks of any size; and bytes of another message behind it. */
static void make(message *m, bool chunked)
{
    *m = (message){ .len = below(TEXT_MAX) };
    for (size_t i = 0, column = 0; i < m->len; i++) {
        bool ends = column == LONGEST - 1 || below(6) == 0;
        m->text[i] = ends ? '\n' : below(9) ? (char)('a' + below(26)) : '\r';
        column = ends ? 0 : column + 1;
    }
    for (size_t at = 0, n; chunked && at < m->len; at += n) {
        char head[WEFT__CHUNK_HEAD];
        n = 1 + below((unsigned)(m->len - at));
        if (below(2) && n > 3) n = 3;
        add(m, head, weft__chunk_head(head, n));
        add(m, m->text + at, n);
        add(m, "\r\n", 2);
    }
    if (chunked) add(m, "0\r\nA: b\r\n\r\n", 11);
    else add(m, m->text, m->len);
}

/* What a line is, found the simple way; `at` goes behind it. */
static weft_str line_of(const message *m, size_t *at)
{
    size_t from = *at, to = from;
    while (to < m->len && m->text[to] != '\n') to++;
    *at = to < m->len ? to + 1 : to;
    if (to < m->len && to > from && m->text[to - 1] == '\r') to--;
    return (weft_str){ m->text + from, to - from };
}

static void take(weft__body *b, const message *m, size_t *at)
{
    weft_str got;
    size_t seen = 0;
    weft__body_take_back(b);
    if (below(3) == 0 && weft__body_have(b)) {
        got = weft__body_give(b, weft__body_have(b), 0);
        WEFT_CHECK(memcmp(got.ptr, m->text + *at, got.len) == 0);
        *at += got.len;
        return;
    }
    int rc = weft__body_line(b, LONGEST, b->ended, &seen, &got);
    if (rc != 1) {
        WEFT_CHECK_EQ(rc, 0);
        return;
    }
    weft_str want = line_of(m, at);
    WEFT_CHECK(weft_str_equal(got, want));
    WEFT_CHECK_EQ(got.ptr[got.len], 0);
}

static void run(weft__http_body kind)
{
    message m;
    weft__body b;
    make(&m, kind == WEFT__BODY_CHUNKED);
    add(&m, "GET /next", 9);
    weft__body_init(&b, kind, (int64_t)m.len, ROOM);
    size_t at = 0, fed = 0;
    for (int turns = 0; (!b.ended || weft__body_have(&b)) && turns < 10000; turns++) {
        size_t room, n;
        weft__body_take_back(&b);
        char *to = b.ended || below(3) == 0 ? NULL : weft__body_room(&b, 1 + below(3000), &room);
        if (to) {
            n = 1 + below((unsigned)room);
            if (n > m.wire_len - fed) n = m.wire_len - fed;
            /* In its own room, or from elsewhere. */
            const char *from = m.wire + fed;
            if (below(2)) from = memcpy(to, from, n);
            fed += weft__body_feed(&b, from, n);
        }
        take(&b, &m, &at);
    }
    WEFT_CHECK(b.ended);
    WEFT_CHECK_EQ(at, m.len);
    WEFT_CHECK_EQ(b.came, m.len);
    WEFT_CHECK_EQ(m.wire_len - fed, 9);
    WEFT_CHECK(b.room <= ROOM);
    weft__body_free(&b);
}

WEFT_TEST(what_is_fed_in_any_pieces_is_given_in_any_pieces)
{
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        state = seed;
        run(seed % 2 ? WEFT__BODY_CHUNKED : WEFT__BODY_LENGTH);
    }
}

WEFT_TEST(no_more_than_its_limit_is_ever_given)
{
    weft__body b;
    weft__body_init(&b, WEFT__BODY_CHUNKED, 0, ROOM);
    WEFT_NEED(weft__body_reserve(&b, 64));
    b.bytes_max = 4;
    (void)weft__body_feed(&b, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 20);
    WEFT_CHECK(b.over && !b.ended);
    WEFT_CHECK_STR(weft__body_give(&b, weft__body_have(&b), 0), "abcd");
    weft__body_free(&b);
}

/* Room grows with what waits, not with what has come. */
WEFT_TEST(a_body_that_always_leaves_half_a_line_holds_no_more_than_before)
{
    weft__body b;
    weft_str line;
    size_t room, seen = 0;
    weft__body_init(&b, WEFT__BODY_CLOSE, 0, 1 << 20);
    for (int i = 0; i < 100000; i++) {
        weft__body_take_back(&b);
        char *to = weft__body_room(&b, 4, &room);
        WEFT_NEED(to && room >= 4);
        memcpy(to, "a\nbc", 4);
        WEFT_CHECK_EQ(weft__body_feed(&b, to, 4), 4);
        seen = 0;
        WEFT_NEED(weft__body_line(&b, 100, false, &seen, &line) == 1);
    }
    WEFT_CHECK(b.room <= 4096);
    weft__body_free(&b);
}
