/* Many whole bodies on one connection: what they hold together is bounded, and all arrive. */
#include <string.h>
#include "http/h2_peer.h"

enum { STREAMS = 100, BODY = 500000, PIECE = 16000, WINDOW = 65535, KEPT_MOST = 24 << 20 };

static char piece[PIECE];

/* Each stream sends what its windows allow, in turn, until all is sent or nothing more may be. How much was. */
static size_t pour(h2_peer *h, bool to_the_end)
{
    size_t all = 0, sent[STREAMS] = { 0 }, most = to_the_end ? BODY : BODY - 1;
    for (bool moved = true; moved;) {
        moved = false;
        for (unsigned i = 0; i < STREAMS; i++) {
            const h2_got *g = h2_of(h, 2 * i + 1);
            size_t n = most - sent[i] < PIECE ? most - sent[i] : PIECE;
            if (!n || g->ended || sent[i] + n > WINDOW + g->credit || all + n > WINDOW + h->credit) continue;
            if (!h2_data(h, 2 * i + 1, sent[i] + n == BODY, piece, n)) return all;
            sent[i] += n;
            all += n;
            moved = true;
        }
        while (h2_more(h, moved ? 0 : 20)) moved = true;
    }
    return all;
}

static h2_peer *open_all(const served *s)
{
    h2_peer *h = h2_open(s, 0);
    server_settle();
    server_mem.peak = server_mem.bytes;
    for (unsigned i = 0; i < STREAMS; i++) h2_headers(h, 2 * i + 1, false, H2_POST("/echo"));
    return h;
}

SERVER_CALM_TEST(whole_bodies_of_a_hundred_requests_at_once_hold_a_bounded_part_of_them_and_all_arrive)
{
    h2_peer *h = open_all(s);
    long before = server_mem.bytes;
    WEFT_CHECK_EQ(pour(h, true), (size_t)STREAMS * BODY);
    for (unsigned i = 0; i < STREAMS; i++) {
        const h2_got *g = h2_answer(h, 2 * i + 1);
        WEFT_CHECK_EQ(g->status, 200);
        WEFT_CHECK_EQ(g->bytes, BODY);
    }
    WEFT_CHECK(server_mem.peak - before < KEPT_MOST);
    h2_close(h);
}

/* Each has yet to send its last byte, and none does. */
SERVER_TEST(whole_bodies_that_never_end_are_told_so_and_a_new_one_is_taken, .body_timeout_ms = 200)
{
    h2_peer *h = open_all(s);
    long before = server_mem.bytes;
    (void)pour(h, false);
    for (unsigned i = 0; i < STREAMS; i++) WEFT_CHECK_EQ(h2_answer(h, 2 * i + 1)->status, 408);
    WEFT_CHECK(server_mem.peak - before < KEPT_MOST);
    while (h->resets < STREAMS && h2_more(h, (int)server_patience_ms())) continue;       /* a moment behind their answers */
    WEFT_CHECK_EQ(h->resets, STREAMS);
    h2_headers(h, 2 * STREAMS + 1, false, H2_POST("/echo"));
    h2_data(h, 2 * STREAMS + 1, true, "abc", 3);
    H2_GETS(h, 2 * STREAMS + 1, 200, "abc");
    h2_close(h);
}
