/* Bodies of requests that are sent piece by piece: whole, however slowly they are taken; cut where they must be; and that
 * whatever happens their connection comes back. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/client_world.h"
#include "weft/file.h"
#include "wire/chunk.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define NO_BODY "Content-Length: 0\r\n\r\n"
#define URL "POST http://127.0.0.1:PORT/x: "

/* ---- what is sent ---- */

/* `pieces` pieces of `size` bytes, and an empty one between any two. */
typedef struct source { int pieces, size, given, fail_at; int64_t bytes; bool empty; } source;

static char pattern[64 * 1024];
static int next(void *ctx, weft_str *piece)
{
    source *s = ctx;
    if (s->fail_at && s->given == s->fail_at) return weft_fail(418, "no more tea");
    s->empty = !s->empty;
    if (s->empty) return 1;
    if (s->given == s->pieces) return 0;
    for (int i = 0; i < s->size; i++) pattern[i] = (char)('a' + (s->given + i) % 26);
    *piece = (weft_str){ pattern, (size_t)s->size };
    s->given++;
    s->bytes += s->size;
    return 1;
}

/* ---- who takes it ---- */

typedef struct taker {
    char head[1024];                 /* of the last request */
    int64_t bytes, sum;              /* of its body */
    int requests, whole;             /* whole: bodies that came to their end */
    int pause_ms;                    /* between two reads */
    const char *early;               /* said before the body is read */
    bool deaf;                       /* ... and then nothing more is read */
    int64_t stop_after;              /* > 0: it closes after so many bytes */
} taker;

static void count(taker *t, weft_str piece)
{
    t->bytes += (int64_t)piece.len;
    for (size_t i = 0; i < piece.len; i++) t->sum += piece.ptr[i];
}

static int take_chunks(taker *t, weft__chunk *chunk, weft_str came)
{
    for (;;) {
        size_t used;
        weft_str piece;
        int event = weft__chunk_next(chunk, came.ptr, came.len, &used, &piece);
        if (event == WEFT__CHUNK_DATA) count(t, piece);
        came = (weft_str){ came.ptr + used, came.len - used };
        if (event == WEFT__CHUNK_END) WEFT_CHECK_EQ(came.len, 0);
        if (event != WEFT__CHUNK_DATA) return event;
    }
}

/* 1: all of it came. */
static int take_body(taker *t, weft_conn *c)
{
    weft__chunk chunk = { 0 };
    char *length = strcasestr(t->head, "Content-Length: ");
    bool chunked = strcasestr(t->head, "Transfer-Encoding: chunked");
    WEFT_CHECK(chunked == !length);
    int64_t want = length ? atoll(length + 16) : 0;
    while (chunked || t->bytes < want) {
        weft_str came;
        if (t->pause_ms) WEFT_TRY(weft_sleep_ms(t->pause_ms));
        int rc = weft_conn_read(c, &came);
        if (rc <= 0) return rc;
        if (!chunked) count(t, came);
        else if ((rc = take_chunks(t, &chunk, came)) != 0) return rc == WEFT__CHUNK_END ? 1 : WEFT_EPROTO;
        if (t->stop_after && t->bytes >= t->stop_after) return 0;
    }
    return 1;
}

static int take(weft_conn *c, void *ctx)
{
    taker *t = ctx;
    weft_str head;
    while (weft_conn_until(c, WEFT_S("\r\n\r\n"), 4096, &head) > 0) {
        snprintf(t->head, sizeof t->head, "%s\r\n", head.ptr);
        t->requests++;
        t->bytes = t->sum = 0;
        if (t->early) WEFT_TRY(weft_conn_write(c, weft_str_of(t->early)));
        if (t->deaf) return weft_sleep_ms(60000);
        int rc = take_body(t, c);
        if (rc <= 0) return rc;
        t->whole++;
        WEFT_TRY(weft_conn_print(c, OK_HEAD "Content-Length: %d\r\n\r\n%lld", snprintf(NULL, 0, "%lld", (long long)t->bytes),
            (long long)t->bytes));
    }
    return 0;
}

static int64_t sum_of(source s)
{
    int64_t sum = 0;
    for (int n = 0; n < s.pieces; n++)
        for (int i = 0; i < s.size; i++) sum += 'a' + (n + i) % 26;
    return sum;
}

/* ---- what arrives ---- */

static int arrives(source s, bool with_length)
{
    taker t = { .pause_ms = 0 };
    weft_response r;
    int64_t length = with_length ? (int64_t)s.pieces * s.size : 0;
    NET_TALKER(base, take, &t);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .body_length = length),
        "{+}/x", base));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_EQ(atoll(r.body.ptr), (int64_t)s.pieces * s.size);
    WEFT_CHECK_EQ(t.sum, sum_of(s));
    WEFT_CHECK_EQ(t.whole, 1);
    WEFT_CHECK_EQ(net_conns(), 1);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(pieces_of_every_size_arrive_in_chunks)
{
    WEFT_TRY(arrives((source){ .pieces = 0 }, false));
    WEFT_TRY(arrives((source){ .pieces = 1, .size = 1 }, false));
    WEFT_TRY(arrives((source){ .pieces = 300, .size = 7 }, false));
    return arrives((source){ .pieces = 9, .size = 65536 }, false);
}

NET_TEST(pieces_of_a_known_length_arrive_with_it)
{
    WEFT_TRY(arrives((source){ .pieces = 1, .size = 1 }, true));
    WEFT_TRY(arrives((source){ .pieces = 300, .size = 7 }, true));
    return arrives((source){ .pieces = 9, .size = 65536 }, true);
}

NET_TEST(the_head_says_how_the_body_is_framed)
{
    taker t = { .pause_ms = 0 };
    source one = { .pieces = 1, .size = 3 }, two = one;
    weft_response r;
    char want[512];
    NET_TALKER(base, take, &t);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &one), "{+}/x", base));
    snprintf(want, sizeof want, "POST /x HTTP/1.1\r\nHost: %s\r\nUser-Agent: weft/0.1\r\nContent-Type: application/octet-stream\r\n"
        "Transfer-Encoding: chunked\r\n", base + 7);
    WEFT_CHECK_STR(weft_str_of(t.head), want);
    WEFT_TRY(weft_exchange(&r, (.method = "PUT", .body_next = next, .body_ctx = &two, .body_length = 3,
        .content_type = "text/plain"), "{+}/x", base));
    snprintf(want, sizeof want, "PUT /x HTTP/1.1\r\nHost: %s\r\nUser-Agent: weft/0.1\r\nContent-Type: text/plain\r\n"
        "Content-Length: 3\r\n", base + 7);
    WEFT_CHECK_STR(weft_str_of(t.head), want);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(a_file_is_sent_from_its_position_to_its_end)
{
    taker t = { .pause_ms = 0 };
    weft_response r;
    char bytes[10];
    source s = { .pieces = 5, .size = 60000 }, all = s;
    weft_str piece;
    WEFT_FILE(f);
    WEFT_TRY(weft_file_temp(&f, net_os->ops->virtual_time ? "." : NULL));
    for (int rc; (rc = next(&s, &piece)) != 0; piece.len = 0) WEFT_TRY(rc > 0 && piece.len ? weft_file_write(f, piece) : rc);
    NET_TALKER(base, take, &t);
    WEFT_TRY(weft_file_seek(f, 0));
    WEFT_CHECK_EQ(weft_file_read(f, bytes, 10), 10);
    for (int i = 0; i < 10; i++) t.sum -= bytes[i];
    WEFT_TRY(weft_exchange(&r, (.method = "PUT", .body_file = f), "{+}/x", base));
    WEFT_CHECK_EQ(t.bytes, 299990);
    for (int i = 0; i < 10; i++) t.sum += bytes[i];
    WEFT_CHECK_EQ(t.sum, sum_of(all));
    WEFT_CHECK_EQ(weft_file_position(f), 300000);
    WEFT_TRY(weft_exchange(&r, (.method = "PUT", .body_file = f), "{+}/x", base));
    WEFT_CHECK_EQ(t.bytes, 0);
    WEFT_CHECK_EQ(t.whole, 2);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(an_answer_to_pieces_may_be_read_in_pieces)
{
    taker t = { .pause_ms = 0 };
    source s = { .pieces = 10, .size = 1000 };
    weft_str line;
    NET_TALKER(base, take, &t);
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base));
    WEFT_CHECK_EQ(weft_download_line(d, &line), 1);
    WEFT_CHECK_STR(line, "10000");
    WEFT_CHECK_EQ(t.whole, 1);
    NET_TALKER_END(base);
    return 0;
}

/* ---- memory and pressure ---- */

NET_TEST(a_body_without_an_end_in_sight_needs_no_more_than_a_piece)
{
    taker t = { .pause_ms = 0 };
    source s = { .pieces = net_os->ops->virtual_time ? 40 : 1000, .size = 65536 };
    int64_t bytes = (int64_t)s.pieces * s.size;
    weft_response r;
    NET_TALKER(base, take, &t);
    long before = net_bytes_peak = net_bytes;
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base));
    WEFT_CHECK_EQ(t.bytes, bytes);
    WEFT_CHECK(net_bytes_peak - before < 400 * 1024);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(pieces_are_asked_for_only_when_the_last_was_taken)
{
    taker t = { .deaf = true };
    source s = { .pieces = 100000, .size = 65536 };
    weft_response r;
    NET_TALKER(base, take, &t);
    int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .read_ms = 100), "{+}/x", base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no answer after # ms (read deadline, while sending the request's body)");
    WEFT_CHECK(s.bytes < (net_os->ops->virtual_time ? 1 << 20 : 32 << 20));
    WEFT_CHECK_EQ(net_conns(), 0);
    NET_TALKER_END(base);
    return 0;
}

NET_SIM_TEST(a_body_that_takes_hours_has_no_default_deadline)
{
    taker t = { .pause_ms = 9000 };
    source s = { .pieces = 500, .size = 65536 };
    weft_response r;
    NET_TALKER(base, take, &t);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base));
    WEFT_CHECK_EQ(t.whole, 1);
    WEFT_CHECK(weft_now_ns() / 1000000000 > 3600);
    s = (source){ .pieces = 200, .size = 65536 };
    int64_t began = weft_now_ns();
    int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .total_ms = 90000), "{+}/x", base);
    NET_CHECK_ERROR(rc, WEFT_ETIMEDOUT, URL "no answer after # ms (total deadline, while sending the request's body)");
    WEFT_CHECK_EQ((weft_now_ns() - began) / 1000000, 90000);
    NET_TALKER_END(base);
    return 0;
}

/* ---- what is wrong with the body ---- */

NET_TEST(a_body_that_is_not_as_long_as_was_said_is_never_whole)
{
    taker t = { .pause_ms = 0 };
    weft_response r;
    NET_TALKER(base, take, &t);
    for (int i = 0; i < 2; i++) {
        source s = { .pieces = 4, .size = 100 };
        int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .body_length = i ? 399 : 401),
            "{+}/x", base);
        NET_CHECK_ERROR(rc, WEFT_EINVAL, i ? URL "the body has more than the 399 bytes that body_length says"
                                           : URL "the body ended after 400 of 401 bytes");
        WEFT_CHECK_EQ(net_conns(), 0);
        net_pause(20);
        WEFT_CHECK_EQ(t.requests, i + 1);
        WEFT_CHECK_EQ(t.whole, 0);
        WEFT_CHECK(t.bytes <= 400);
    }
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(a_source_that_fails_ends_the_call_with_its_code_and_the_body_without_an_end)
{
    taker t = { .pause_ms = 0 };
    source s = { .pieces = 100, .size = 100, .fail_at = 3 };
    weft_response r;
    NET_TALKER(base, take, &t);
    NET_CHECK_ERROR(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base),
        WEFT_STATUS(418), "no more tea");
    WEFT_CHECK_EQ(net_conns(), 0);
    net_pause(20);
    WEFT_CHECK_EQ(t.whole, 0);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(options_that_contradict_each_other_are_refused)
{
    source s = { .pieces = 1 };
    weft_response r;
    WEFT_FILE(f);
    WEFT_TRY(weft_file_temp(&f, net_os->ops->virtual_time ? "." : NULL));
    NET_CHECK_ERROR(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .body_file = f), "http://h/x"),
        WEFT_EINVAL, "POST http://h/x: both body_next and body_file");
    NET_CHECK_ERROR(weft_exchange(&r, (.method = "POST", .body_next = next, .body = WEFT_S("x")), "http://h/x"),
        WEFT_EINVAL, "POST http://h/x: a body in pieces, and body besides");
    NET_CHECK_ERROR(weft_exchange(&r, (.method = "POST", .body_next = next, .body_length = -1), "http://h/x"),
        WEFT_EINVAL, "POST http://h/x: body_length makes no sense");
    return 0;
}

/* ---- what the peer does meanwhile ---- */

NET_TEST(a_refusal_that_comes_early_is_the_answer)
{
    taker t = { .early = "HTTP/1.1 413 Content Too Large\r\n" NO_BODY, .deaf = true };
    source s = { .pieces = 100000, .size = 65536 };
    weft_response r;
    NET_TALKER(base, take, &t);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base));
    WEFT_CHECK_EQ(r.status, 413);
    WEFT_CHECK(s.given < 2000);
    WEFT_CHECK_EQ(net_conns(), 0);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(hints_that_come_early_do_not_end_the_body)
{
    taker t = { .early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", .pause_ms = 1 };
    source s = { .pieces = 30, .size = 65536 };
    weft_response r;
    NET_TALKER(base, take, &t);
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_EQ(atoll(r.body.ptr), 30 * 65536);
    WEFT_CHECK_EQ(net_conns(), 1);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(a_peer_that_goes_away_in_the_middle_is_told)
{
    taker t = { .stop_after = 100000 };
    source s = { .pieces = 100000, .size = 65536 };
    weft_response r;
    NET_TALKER(base, take, &t);
    int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base);
    WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
    WEFT_CHECK(strstr(net_error(rc), "without an answer after") != NULL);
    WEFT_CHECK_EQ(net_conns(), 0);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(a_body_in_pieces_never_meets_a_connection_that_was_used)
{
    NET_UPSTREAM(up, { .bytes = NULL });
    Quote q;
    source s = { .pieces = 1, .size = 10 };
    weft_response r;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/1", up_base));
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .body_length = 10), "{+}/2", up_base));
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/3", up_base));
    WEFT_CHECK_EQ(up.accepted, 2);
    WEFT_CHECK_EQ(net_conns(), 1);
    WEFT_CHECK_EQ(up.requests, 3);
    return 0;
}

static int send_it(const net_ask_in *in, weft_response *out)
{
    source s = { .pieces = 100000, .size = 65536 };
    return weft_exchange(out, (.method = "POST", .body_next = next, .body_ctx = &s, .connect_ms = 60000), "{+}/x", in->base);
}

NET_TEST(uploads_that_are_cancelled_leave_no_place_taken)
{
    net_client()->limits.origin_max = 4;
    taker t = { .pause_ms = 1 };
    NET_TALKER(base, take, &t);
    {
        weft_error errors[60];
        weft_response rs[60];
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < 60; i++)
            weft_spawn(s, send_it, (&(net_ask_in){ base, i }), &rs[i], .error = &errors[i], .timeout_ms = 5 + i);
        net_pause(40);
        weft_cancel(s);
    }
    WEFT_CHECK_EQ(net_conns(), 0);
    NET_TALKER_END(base);
    return 0;
}

NET_SIM_TEST(whatever_allocation_fails_costs_no_more_than_the_upload)
{
    taker t = { .early = "HTTP/1.1 103 Early Hints\r\n\r\n" };
    weft_response r;
    NET_TALKER(base, take, &t);
    for (long i = 0, done = 0; i < 200 && done < 3; i++) {
        source s = { .pieces = 5, .size = 1000 };
        net_fail_after = i;
        int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s), "{+}/x", base);
        bool failed = net_fail_after < 0;
        net_fail_after = -1;
        /* (It may have been the taker's.) */
        WEFT_CHECK(rc == WEFT_ENOMEM || rc == WEFT_ECONNRESET || (rc == 0 && r.status == 200));
        done += !failed;
    }
    NET_TALKER_END(base);
    return 0;
}
