#include "wire/ws_deflate.h"
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

static void check_inflated(weft__inflater *f, const char *bytes, size_t len, bool fresh, const char *expected, size_t step)
{
    weft__buf out;
    int rc = 0;
    weft__buf_init(&out, 1 << 20);
    for (size_t at = 0; rc == 0 && at < len; at += step) {
        size_t n = len - at < step ? len - at : step;
        rc = weft__inflate(f, (weft_str){ bytes + at, n }, at + n == len, fresh, &out);
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_STR(weft__buf_str(&out), expected);
    weft__buf_free(&out);
}

/* RFC 7692, 7.2.3.1 to 7.2.3.4 */
WEFT_TEST(ws_messages_of_rfc_7692_are_decompressed_however_they_are_cut)
{
    if (!weft__ws_deflate_built()) return;
    for (size_t step = 1; step < 8; step++) {
        weft__inflater *f = weft__inflater_new(15);
        WEFT_NEED(f != NULL);
        check_inflated(f, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, false, "Hello", step);
        check_inflated(f, "\xf2\x00\x11\x00\x00", 5, false, "Hello", step);                          /* by what came before */
        check_inflated(f, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, false, "Hello", step);
        check_inflated(f, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, false, "Hello", step);              /* a last block is not the last */
        check_inflated(f, "\xf2\x00\x11\x00\x00", 5, false, "Hello", step);                          /* nor does it forget */
        check_inflated(f, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, true, "Hello", step);
        weft__inflater_free(f);
    }
}

WEFT_TEST(ws_what_came_before_is_forgotten_when_that_was_agreed)
{
    weft__inflater *f = weft__inflater_new(15);
    WEFT_NEED(f != NULL);
    weft__buf out;
    if (!f) return;
    weft__buf_init(&out, 100);
    WEFT_CHECK_EQ(weft__inflate(f, WEFT_S("\xf2\x48\xcd\xc9\xc9\x07\x00"), true, true, &out), 0);
    WEFT_CHECK_EQ(weft__inflate(f, WEFT_S("\xf2\x00\x11\x00\x00"), true, true, &out), WEFT_EPROTO);
    weft__buf_free(&out);
    weft__inflater_free(f);
}

WEFT_TEST(ws_a_bomb_is_stopped_at_the_limit)
{
    weft__deflater *d = weft__deflater_new(15, 9);
    weft__inflater *f = weft__inflater_new(15);
    WEFT_NEED(d && f);
    weft__buf packed, out;
    char *zeros = calloc(1, 1 << 20);
    if (!d || !f) return;
    weft__buf_init(&packed, 1 << 20);
    weft__buf_init(&out, (1 << 20) - 1);
    WEFT_CHECK_EQ(weft__deflate(d, (weft_str){ zeros, 1 << 20 }, true, &packed), 0);
    WEFT_CHECK(packed.len < 2000);
    WEFT_CHECK_EQ(weft__inflate(f, weft__buf_str(&packed), true, true, &out), WEFT_ELIMIT);
    WEFT_CHECK(out.len <= out.bytes_max && out.room <= 2 << 20);
    weft__inflater_free(f);
    f = weft__inflater_new(15);
    WEFT_NEED(f != NULL);
    weft__buf_free(&out);
    weft__buf_init(&out, 1 << 20);
    WEFT_CHECK_EQ(weft__inflate(f, weft__buf_str(&packed), true, true, &out), 0);         /* to the byte */
    WEFT_CHECK_EQ(out.len, 1 << 20);
    weft__buf_free(&out);
    weft__buf_free(&packed);
    weft__deflater_free(d);
    weft__inflater_free(f);
    free(zeros);
}

WEFT_TEST(ws_what_is_no_deflate_is_refused)
{
    static const char *const bad[] = { "\xff\xff\xff\xff", "\x06", "hello, this is no deflate", "\x00\x05\x00\x00\x00" };
    char ends[4096];
    weft__buf out;
    if (!weft__ws_deflate_built()) return;
    weft__buf_init(&out, 1 << 16);
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft__inflater *f = weft__inflater_new(15);
        WEFT_NEED(f != NULL);
        weft_str in = { bad[i], i == 3 ? 5 : strlen(bad[i]) };
        WEFT_CHECK(weft__inflate(f, in, true, true, &out) < 0);
        weft__inflater_free(f);
    }
    for (size_t i = 0; i < sizeof ends; i += 2) memcpy(ends + i, "\x03\x00", 2);        /* thousands of last blocks */
    weft__inflater *f = weft__inflater_new(15);
    WEFT_NEED(f != NULL);
    WEFT_CHECK_EQ(weft__inflate(f, (weft_str){ ends, sizeof ends }, true, true, &out), WEFT_EPROTO);
    weft__inflater_free(f);
    weft__buf_free(&out);
}

WEFT_TEST(ws_what_is_compressed_is_decompressed_with_and_without_what_came_before)
{
    static const unsigned bits[] = { 9, 12, 15 };
    if (!weft__ws_deflate_built()) return;
    for (size_t i = 0; i < weft_count(bits); i++) {
        for (int fresh = 0; fresh < 2; fresh++) {
            weft__deflater *d = weft__deflater_new(bits[i], 6);
            weft__inflater *f = weft__inflater_new(bits[i]);
            WEFT_NEED(d && f);
            for (int k = 0; k < 6; k++) {
                char text[3000];
                weft__buf packed, out;
                size_t n = k == 3 ? 0 : 500 * (size_t)k;
                weft__buf_init(&packed, 1 << 16);
                weft__buf_init(&out, 1 << 16);
                for (size_t j = 0; j < n; j++) text[j] = (char)("the same again "[j % 15]);
                WEFT_CHECK_EQ(weft__deflate(d, (weft_str){ text, n }, fresh, &packed), 0);
                WEFT_CHECK_EQ(weft__inflate(f, weft__buf_str(&packed), true, fresh, &out), 0);
                WEFT_CHECK(out.len == n && (!n || memcmp(out.ptr, text, n) == 0));
                weft__buf_free(&packed);
                weft__buf_free(&out);
            }
            weft__deflater_free(d);
            weft__inflater_free(f);
        }
    }
    WEFT_CHECK(weft__deflater_new(8, 6) == NULL);
}

WEFT_TEST(ws_what_came_before_makes_the_same_again_short)
{
    char text[400];
    uint32_t x = 1;
    if (!weft__ws_deflate_built()) return;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
    for (int fresh = 0; fresh < 2; fresh++) {
        weft__deflater *d = weft__deflater_new(15, 6);
        WEFT_NEED(d != NULL);
        weft__buf first, again;
        weft__buf_init(&first, 1 << 16);
        weft__buf_init(&again, 1 << 16);
        WEFT_CHECK_EQ(weft__deflate(d, (weft_str){ text, sizeof text }, fresh, &first), 0);
        WEFT_CHECK_EQ(weft__deflate(d, (weft_str){ text, sizeof text }, fresh, &again), 0);
        WEFT_CHECK(fresh ? again.len == first.len : again.len < 40);
        weft__buf_free(&first);
        weft__buf_free(&again);
        weft__deflater_free(d);
    }
}
