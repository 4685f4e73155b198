/* Fields behind a body: which may be, and how they are taken out of chunks, wherever those are cut. */
#include "wire/trailer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"
#include "wire/chunk.h"

WEFT_TEST(what_must_stand_in_a_head_may_be_no_trailer)
{
    static const char *const never[] = { "Transfer-Encoding", "content-length", "TRAILER", "TE", "Host", "Connection", "Keep-Alive", "Upgrade",
        "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Cookie", "Set-Cookie", "Content-Type", "Content-Encoding", "Content-Range",
        "Content-Security-Policy", "Content-", "Cache-Control", "Expires", "Location", "Vary", "Range", "If-Match", "If-None-Match", "Expect", "Max-Forwards",
        "Forwarded", "X-Forwarded-For", "x-forwarded-proto", "Sec-WebSocket-Key", "Date", "Age", "Retry-After", "Origin" };
    static const char *const well[] = { "Content-Digest", "content-digest", "Repr-Digest", "ETag", "Server-Timing", "X-Sum", "grpc-status", "Hostess",
        "Contents", "X-Forwarded", "a" };
    for (size_t i = 0; i < weft_count(never); i++)
        if (!WEFT_CHECK(!weft__trailer_allowed(weft_str_of(never[i])))) fprintf(stderr, "  (%s)\n", never[i]);
    for (size_t i = 0; i < weft_count(well); i++)
        if (!WEFT_CHECK(weft__trailer_allowed(weft_str_of(well[i])))) fprintf(stderr, "  (%s)\n", well[i]);
}

WEFT_TEST(what_cannot_be_sent_is_told)
{
    WEFT_CHECK(weft__trailer_fault(WEFT_S("X-Sum"), WEFT_S("a b\t\xe4")) == NULL);
    WEFT_CHECK(weft__trailer_fault(WEFT_S("X-Sum"), WEFT_S("")) == NULL);
    WEFT_CHECK_STR(weft_str_of(weft__trailer_fault(WEFT_S("X-Sum"), WEFT_S("a\r\nSet-Cookie: b"))), "its value holds a control character");
    WEFT_CHECK_STR(weft_str_of(weft__trailer_fault(WEFT_S("X-Sum"), WEFT_S("a\nb"))), "its value holds a control character");
    WEFT_CHECK_STR(weft_str_of(weft__trailer_fault(WEFT_S("X-Sum"), (weft_str){ "a\0b", 3 })), "its value holds a control character");
    WEFT_CHECK_STR(weft_str_of(weft__trailer_fault(WEFT_S("Host"), WEFT_S("a"))), "it belongs into the head (RFC 9110, 6.5.1)");
    static const char *const names[] = { "", "a b", "a:", ":status", "a\r\nb", "\xe4", "a(" };
    for (size_t i = 0; i < weft_count(names); i++) {
        const char *why = weft__trailer_fault(weft_str_of(names[i]), WEFT_S("x"));
        WEFT_CHECK(why && strncmp(why, "its name must be", 16) == 0);
    }
}

WEFT_TEST(lines_are_taken_one_by_one_past_those_that_may_not_be)
{
    weft_str lines = WEFT_S("Host: x\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 5\r\nX-B: \t two \r\nX-C:\r\n"), rest = lines, name, value;
    WEFT_CHECK(weft__trailer_next(&rest, &name, &value));
    WEFT_CHECK_STR(name, "X-A");
    WEFT_CHECK_STR(value, "1");
    WEFT_CHECK(weft__trailer_next(&rest, &name, &value));
    WEFT_CHECK_STR(value, "2");
    WEFT_CHECK(weft__trailer_next(&rest, &name, &value));
    WEFT_CHECK_STR(value, "two");
    WEFT_CHECK(weft__trailer_next(&rest, &name, &value));
    WEFT_CHECK_STR(name, "X-C");
    WEFT_CHECK_STR(value, "");
    WEFT_CHECK(!weft__trailer_next(&rest, &name, &value));
    WEFT_CHECK_STR(weft__trailer_find(lines, WEFT_S("x-A")), "1");
    WEFT_CHECK_STR(weft__trailer_find(lines, WEFT_S("x-b")), "two");
    WEFT_CHECK(weft__trailer_find(lines, WEFT_S("x-c")).ptr != NULL);
    WEFT_CHECK(weft__trailer_find(lines, WEFT_S("host")).ptr == NULL);
    WEFT_CHECK(weft__trailer_find(lines, WEFT_S("content-length")).ptr == NULL);
    WEFT_CHECK(weft__trailer_find(lines, WEFT_S("x-d")).ptr == NULL);
    WEFT_CHECK(weft__trailer_find(WEFT_S(""), WEFT_S("x-d")).ptr == NULL);
}

/* In pieces of `step` bytes, each a copy of its exact size; the last event. */
static int decode(weft__chunk *c, const char *text, size_t len, size_t step)
{
    int rc = WEFT__CHUNK_MORE;
    for (size_t at = 0; at < len && rc == WEFT__CHUNK_MORE; at += step) {
        size_t n = len - at < step ? len - at : step, done = 0, used;
        char *copy = malloc(n);
        weft_str data;
        memcpy(copy, text + at, n);
        do {
            rc = weft__chunk_next(c, copy + done, n - done, &used, &data);
            done += used;
        } while (rc == WEFT__CHUNK_DATA);
        free(copy);
    }
    return rc;
}

WEFT_TEST(trailers_are_kept_whole_wherever_their_chunks_are_cut)
{
    static const char text[] = "3;x=y\r\nabc\r\n0\r\nX-A: 1\r\nX-B:\t two\r\nX-C:\r\n\r\n";
    for (size_t step = 1; step < sizeof text; step++) {
        weft__buf kept;
        weft__buf_init(&kept, 100);
        weft__chunk c = { .kept = &kept };
        WEFT_CHECK_EQ(decode(&c, text, sizeof text - 1, step), WEFT__CHUNK_END);
        WEFT_CHECK_STR(weft__buf_str(&kept), "X-A: 1\r\nX-B:\t two\r\nX-C:\r\n");
        WEFT_CHECK_EQ(c.trailers, 3);
        weft__buf_free(&kept);
    }
}

WEFT_TEST(a_body_without_trailers_keeps_none)
{
    weft__buf kept;
    weft__buf_init(&kept, 100);
    weft__chunk c = { .kept = &kept };
    WEFT_CHECK_EQ(decode(&c, "3\r\nabc\r\n0\r\n\r\n", 13, 13), WEFT__CHUNK_END);
    WEFT_CHECK_EQ(kept.len, 0);
    WEFT_CHECK(kept.ptr == NULL);
}

/* n trailers of `bytes` bytes each. */
static int many(unsigned n, size_t bytes, unsigned most, unsigned bytes_most, weft__chunk *c)
{
    char *text = malloc(n * bytes + 16), *to = stpcpy(text, "0\r\n");
    for (unsigned i = 0; i < n; i++) {
        memset(to, 'x', bytes);
        memcpy(to + 1, ":", 1);
        memcpy(to + bytes - 2, "\r\n", 2);
        to += bytes;
    }
    to = stpcpy(to, "\r\n");
    *c = (weft__chunk){ .trailers_max = most, .trailer_bytes_max = bytes_most };
    int rc = decode(c, text, (size_t)(to - text), 1000);
    free(text);
    return rc;
}

WEFT_TEST(more_trailers_than_the_limits_are_refused_and_said_to_be_too_many)
{
    weft__chunk c;
    WEFT_CHECK_EQ(many(5, 10, 5, 51, &c), WEFT__CHUNK_END);
    WEFT_CHECK(!c.too_much);
    WEFT_CHECK_EQ(many(6, 10, 5, 1000, &c), WEFT_EPROTO);
    WEFT_CHECK(c.too_much);
    WEFT_CHECK_STR(weft_str_of(c.fault), "more trailers than a head may have headers");
    WEFT_CHECK_EQ(many(5, 10, 5, 50, &c), WEFT_EPROTO);
    WEFT_CHECK(c.too_much);
    WEFT_CHECK_STR(weft_str_of(c.fault), "more bytes of trailers than a head may have");
    WEFT_CHECK_EQ(many(WEFT__CHUNK_TRAILERS_MAX, 5, 0, 0, &c), WEFT__CHUNK_END);
    WEFT_CHECK_EQ(many(WEFT__CHUNK_TRAILERS_MAX + 1, 5, 0, 0, &c), WEFT_EPROTO);
    WEFT_CHECK_EQ(decode(&c, "0\r\nX\r\n", 6, 6), WEFT_EPROTO);
    c = (weft__chunk){ 0 };
    WEFT_CHECK_EQ(decode(&c, "0\r\nX\r\n", 6, 6), WEFT_EPROTO);
    WEFT_CHECK(!c.too_much);
}
