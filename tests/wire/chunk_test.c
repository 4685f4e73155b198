#include "wire/chunk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

/* What became of a whole body: the data in one piece, how many bytes of input it took, its end. */
typedef struct body {
    int rc;
    size_t used, data_len;
    char *data;
    const char *fault;
} body;

/* Decode `len` bytes that come in pieces of `step`, each from a copy of its exact size. */
static body decode(const char *bytes, size_t len, size_t step)
{
    weft__chunk c = { 0 };
    body b = { .data = malloc(len + 1) };
    for (size_t at = 0; at < len && b.rc >= 0 && b.rc != WEFT__CHUNK_END; at += step) {
        size_t n = len - at < step ? len - at : step, done = 0, used;
        char *copy = malloc(n);
        memcpy(copy, bytes + at, n);
        do {
            weft_str data;
            b.rc = weft__chunk_next(&c, copy + done, n - done, &used, &data);
            if (data.len) memcpy(b.data + b.data_len, data.ptr, data.len);
            b.data_len += data.len;
            done += used;
        } while (b.rc == WEFT__CHUNK_DATA);
        if (b.rc == WEFT__CHUNK_MORE) WEFT_CHECK_EQ(done, n);
        b.used += done;
        free(copy);
    }
    b.fault = c.fault;
    return b;
}

static bool same_body(body a, body b)
{
    if (a.rc != b.rc || a.used != b.used || a.data_len != b.data_len || a.fault != b.fault)
        return false;
    return memcmp(a.data, b.data, a.data_len) == 0;
}

typedef struct row { int line; weft_str text; } row;
#define ROW(text) { __LINE__, WEFT_S(text) }

static const row bad[] = {
    ROW("\r\n"),
    ROW("\n"),
    ROW("0\n"),
    ROW("0\r\n\n"),
    ROW("0\r\r\n"),
    ROW("0\rX"),
    ROW("g\r\n"),
    ROW(" 0\r\n"),
    ROW("0 \r\n"),
    ROW("\t0\r\n"),
    ROW("0\t\r\n"),
    ROW("0x0\r\n"),
    ROW("+1\r\na\r\n"),
    ROW("-1\r\n"),
    ROW("1,\r\n"),
    ROW(";x\r\n"),
    ROW("1 ;x\r\na\r\n"),
    ROW("1\0\r\na\r\n"),
    ROW("0000000000000000\r\n"),
    ROW("1000000000000000\r\n"),
    ROW("FFFFFFFFFFFFFFFFF\r\n"),
    ROW("1;a\0b\r\na\r\n"),
    ROW("1;a\nb\r\na\r\n"),
    ROW("1;a\rb\r\na\r\n"),
    ROW("1;\x7F\r\na\r\n"),
    ROW("1\na\r\n0\r\n\r\n"),
    ROW("1\r\nab\r\n0\r\n\r\n"),
    ROW("1\r\na\n0\r\n\r\n"),
    ROW("1\r\na0\r\n\r\n"),
    ROW("2\r\na\r\n0\r\n\r\n"),
    ROW("1\r\na\rX"),
    ROW("1\r\na\r\n\r\n"),
    ROW("\xEF\xBC\x91\r\na\r\n"),
    ROW("0\r\nX\r\n\r\n"),
    ROW("0\r\n: y\r\n\r\n"),
    ROW("0\r\n X: y\r\n\r\n"),
    ROW("0\r\nX : y\r\n\r\n"),
    ROW("0\r\nX: y\n\r\n"),
    ROW("0\r\nX: y\rz\r\n\r\n"),
    ROW("0\r\nX: \0\r\n\r\n"),
    ROW("0\r\nX: y\r\n z\r\n\r\n"),
    ROW("0\r\nX\0: y\r\n\r\n"),
    ROW("0\r\nX: y\r\n\rX"),
    ROW("0\r\nX: y\r\n\n"),
    ROW("GET / HTTP/1.1\r\n\r\n"),
};

WEFT_TEST(a_body_with_two_readings_is_refused_wherever_it_is_cut)
{
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft_str t = bad[i].text;
        body whole = decode(t.ptr, t.len, t.len);
        if (whole.rc >= 0 || !whole.fault)
            weft__check_fail(__FILE__, bad[i].line, "not refused: rc %d", whole.rc);
        for (size_t step = 1; step < t.len; step++) {
            body pieces = decode(t.ptr, t.len, step);
            if (pieces.rc != whole.rc || pieces.fault != whole.fault ||
                pieces.data_len != whole.data_len) {
                weft__check_fail(
                    __FILE__, bad[i].line, "in steps of %zu the answer is another", step);
            }
            free(pieces.data);
        }
        free(whole.data);
    }
}

static const struct { weft_str text; const char *data; size_t behind; } good[] = {
    { WEFT_S("0\r\n\r\n"), "", 0 },
    { WEFT_S("00\r\n\r\nGET"), "", 3 },
    { WEFT_S("1\r\na\r\n0\r\n\r\n"), "a", 0 },
    { WEFT_S("a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n\r\n"), "0123456789abcdefghij", 2 },
    { WEFT_S("000000000000003\r\n\r\n0\r\n0\r\n\r\n"), "\r\n0", 0 },
    { WEFT_S("1;\r\na\r\n0;a=b;c=\"d e\"\r\n\r\n"), "a", 0 },
    { WEFT_S("1;x\xFF\ty\r\na\r\n0\r\nX: y\r\nContent-Length:\r\n\r\n0"), "a", 1 },
};

WEFT_TEST(a_good_body_is_the_same_in_any_pieces_and_never_refused_before_its_end)
{
    for (size_t i = 0; i < weft_count(good); i++) {
        weft_str t = good[i].text;
        body whole = decode(t.ptr, t.len, t.len);
        WEFT_CHECK_EQ(whole.rc, WEFT__CHUNK_END);
        WEFT_CHECK_EQ(whole.used, t.len - good[i].behind);
        WEFT_CHECK_STR(((weft_str){ whole.data, whole.data_len }), good[i].data);
        for (size_t step = 1; step < t.len; step++) {
            body pieces = decode(t.ptr, t.len, step);
            WEFT_CHECK(same_body(whole, pieces));
            free(pieces.data);
        }
        for (size_t n = 1; n < whole.used; n++) {
            body part = decode(t.ptr, n, n);
            WEFT_CHECK_EQ(part.rc, WEFT__CHUNK_MORE);
            free(part.data);
        }
        free(whole.data);
    }
}

WEFT_TEST(a_piece_of_data_points_into_the_input)
{
    static const char text[] = "5\r\nabcde\r\n";
    weft__chunk c = { 0 };
    size_t used;
    weft_str data;
    WEFT_CHECK_EQ(weft__chunk_next(&c, text, sizeof text - 1, &used, &data), WEFT__CHUNK_DATA);
    WEFT_CHECK(data.ptr == text + 3);
    WEFT_CHECK_EQ(used, 8);
    WEFT_CHECK_EQ(
        weft__chunk_next(&c, text + used, sizeof text - 1 - used, &used, &data), WEFT__CHUNK_MORE);
    WEFT_CHECK_EQ(c.data_bytes, 5);
}

WEFT_TEST(after_the_end_and_after_a_fault_nothing_more_is_taken)
{
    weft__chunk c = { 0 };
    size_t used;
    weft_str data;
    WEFT_CHECK_EQ(weft__chunk_next(&c, "0\r\n\r\n1", 6, &used, &data), WEFT__CHUNK_END);
    WEFT_CHECK_EQ(used, 5);
    WEFT_CHECK_EQ(weft__chunk_next(&c, "1", 1, &used, &data), WEFT__CHUNK_END);
    WEFT_CHECK_EQ(used, 0);
    c = (weft__chunk){ 0 };
    WEFT_CHECK_EQ(weft__chunk_next(&c, "x", 1, &used, &data), WEFT_EPROTO);
    WEFT_CHECK_EQ(weft__chunk_next(&c, "0\r\n\r\n", 5, &used, &data), WEFT_EPROTO);
    WEFT_CHECK_EQ(used, 0);
}

/* A text of `n` fillers between two literals; the caller frees. */
static weft_str long_text(const char *before, char filler, size_t n, const char *after)
{
    size_t a = strlen(before), b = strlen(after);
    char *text = malloc(a + n + b);
    memcpy(text, before, a);
    memset(text + a, filler, n);
    memcpy(text + a + n, after, b);
    return (weft_str){ text, a + n + b };
}

static void check_length(const char *before, size_t n, const char *after, bool allowed)
{
    weft_str text = long_text(before, 'x', n, after);
    body b = decode(text.ptr, text.len, text.len);
    WEFT_CHECK_EQ(b.rc, allowed ? WEFT__CHUNK_END : WEFT_EPROTO);
    free(b.data);
    free((char *)text.ptr);
}

WEFT_TEST(extensions_and_trailers_pass_up_to_their_limits_and_not_beyond)
{
    check_length("0;", WEFT__CHUNK_EXTENSIONS_MAX, "\r\n\r\n", true);
    check_length("0;", WEFT__CHUNK_EXTENSIONS_MAX + 1, "\r\n\r\n", false);
    check_length("3\r\nabc\r\n0;", WEFT__CHUNK_EXTENSIONS_MAX + 3, "\r\n\r\n", true);
    check_length("3\r\nabc\r\n0;", WEFT__CHUNK_EXTENSIONS_MAX + 4, "\r\n\r\n", false);
    check_length("0\r\nX:", WEFT__CHUNK_TRAILER_BYTES_MAX - 5, "\r\n\r\n", true);
    check_length("0\r\nX:", WEFT__CHUNK_TRAILER_BYTES_MAX - 4, "\r\n\r\n", false);
}

WEFT_TEST(the_largest_size_is_read_whole)
{
    weft__chunk c = { 0 };
    size_t used;
    weft_str data;
    WEFT_CHECK_EQ(
        weft__chunk_next(&c, "fffffffffffffff\r\nab", 19, &used, &data), WEFT__CHUNK_DATA);
    WEFT_CHECK_EQ(data.len, 2);
    WEFT_CHECK_EQ(c.left, (1ULL << 60) - 1 - 2);
}

WEFT_TEST(what_is_written_in_chunks_is_read_back)
{
    static const uint64_t sizes[] = { 1, 9, 10, 15, 16, 255, 256, 4096, 70000 };
    for (size_t i = 0; i < weft_count(sizes); i++) {
        char head[WEFT__CHUNK_HEAD + 1] = { 0 };
        size_t n = weft__chunk_head(head, sizes[i]);
        WEFT_CHECK_EQ(strlen(head), n);
        weft_str text = long_text(head, '\r', sizes[i], "\r\n0\r\n\r\n");
        body b = decode(text.ptr, text.len, 1000);
        WEFT_CHECK_EQ(b.rc, WEFT__CHUNK_END);
        WEFT_CHECK_EQ(b.data_len, sizes[i]);
        free(b.data);
        free((char *)text.ptr);
    }
    char head[WEFT__CHUNK_HEAD];
    WEFT_CHECK_EQ(weft__chunk_head(head, UINT64_MAX), WEFT__CHUNK_HEAD);
    WEFT_CHECK_STR(WEFT__CHUNK_TAIL, "\r\n");
    WEFT_CHECK_STR(WEFT__CHUNK_LAST, "0\r\n\r\n");
}
