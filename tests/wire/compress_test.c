/* Content codings: what clients want, and that what comes out can be read. */
#include <stdlib.h>
#include <string.h>
#include "support/decode.h"
#include "weft/check.h"
#include "wire/compress.h"

static const weft__coding all[] = { WEFT__ZSTD, WEFT__BROTLI, WEFT__GZIP };

static bool all_built(void)
{
    for (size_t i = 0; i < weft_count(all); i++)
        if (!weft__coding_built(all[i])) return false;
    return true;
}

WEFT_TEST(a_client_gets_the_coding_that_it_wants_most)
{
    const struct { const char *accept; weft__coding want; } facts[] = {
        { "gzip", WEFT__GZIP }, { "gzip, br", WEFT__BROTLI }, { "gzip, deflate, br, zstd", WEFT__ZSTD }, { "GZIP", WEFT__GZIP }, { "x-gzip", WEFT__GZIP },
        { "zstd;q=0.5, gzip", WEFT__GZIP }, { "zstd;q=0.5, gzip;q=0.5", WEFT__ZSTD }, { "br;q=0, gzip;q=0.001", WEFT__GZIP }, { "*", WEFT__ZSTD }, { "*;q=0", WEFT__IDENTITY },
        { "zstd;q=0, *", WEFT__BROTLI }, { "identity;q=1, *;q=0.5", WEFT__IDENTITY }, { "identity, gzip", WEFT__GZIP }, { "identity;q=0", WEFT__IDENTITY },
        { "", WEFT__IDENTITY }, { "deflate", WEFT__IDENTITY }, { "gzip;q=2", WEFT__IDENTITY }, { "gzip;q=1.001", WEFT__IDENTITY }, { "gzip;q=0.1234", WEFT__IDENTITY },
        { "gzip;q=", WEFT__IDENTITY }, { "gzip;level=9", WEFT__IDENTITY }, { "gzip ; q=0.8 , br;q=0.9", WEFT__BROTLI }, { "gzip;Q=1.000", WEFT__GZIP }, { ",,;,gzip", WEFT__GZIP },
        { ";q=1", WEFT__IDENTITY }, { "gz\0ip", WEFT__IDENTITY } };
    if (!all_built()) WEFT_SKIP("a library of a coding was not there when weft was built");
    for (size_t i = 0; i < weft_count(facts); i++)
        if (weft__coding_choose(weft_str_of(facts[i].accept), all, 3) != facts[i].want)
            weft__check_fail(__FILE__, __LINE__, "'%s': expected %s, got %s", facts[i].accept, weft__coding_name(facts[i].want).ptr,
                weft__coding_name(weft__coding_choose(weft_str_of(facts[i].accept), all, 3)).ptr);
    const weft__coding gzip_alone[] = { WEFT__GZIP };
    WEFT_CHECK_EQ(weft__coding_choose(WEFT_S("br, gzip;q=0.1"), gzip_alone, 1), WEFT__GZIP);
    WEFT_CHECK_EQ(weft__coding_choose(WEFT_S("br"), gzip_alone, 1), WEFT__IDENTITY);
}

static char *text_of(size_t n, unsigned seed)
{
    char *text = malloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1103515245 + 12345;
        text[i] = i % 7 ? "abcdefgh"[seed >> 20 & 7] : (char)(seed >> 24);
    }
    return text;
}

WEFT_TEST(what_is_compressed_can_be_read_in_whole)
{
    const size_t sizes[] = { 0, 1, 100, 65536, 300000 };
    for (size_t c = 0; c < weft_count(all); c++) {
        if (!weft__coding_built(all[c])) continue;
        for (int small = 0; small < 2; small++) {
            weft__compressor *z = weft__compressor_new(all[c], small ? 9 : 0, small);
            for (size_t i = 0; i < weft_count(sizes); i++) {
                char *text = text_of(sizes[i], (unsigned)i);
                weft__buf out;
                weft__buf_init(&out, 1 << 20);
                WEFT_CHECK_EQ(weft__compress(z, (weft_str){ text, sizes[i] / 2 }, WEFT__COMPRESS_GATHER, &out), 0);
                WEFT_CHECK_EQ(weft__compress(z, (weft_str){ text + sizes[i] / 2, sizes[i] - sizes[i] / 2 }, WEFT__COMPRESS_LAST, &out), 0);
                char *read = malloc(sizes[i] + 1);
                WEFT_CHECK_EQ(decode(all[c], weft__buf_str(&out), read, sizes[i]), (long long)sizes[i]);
                WEFT_CHECK(memcmp(read, text, sizes[i]) == 0);
                if (sizes[i] > 100) WEFT_CHECK(out.len < sizes[i]);
                free(read);
                free(text);
                weft__buf_free(&out);
            }
            weft__compressor_free(z);
        }
    }
}

WEFT_TEST(what_was_flushed_can_be_read_at_once)
{
    for (size_t c = 0; c < weft_count(all); c++) {
        if (!weft__coding_built(all[c])) continue;
        weft__compressor *z = weft__compressor_new(all[c], 0, true);
        weft__buf out;
        char read[100];
        weft__buf_init(&out, 1 << 20);
        WEFT_CHECK_EQ(weft__compress(z, WEFT_S("data: one\n\n"), WEFT__COMPRESS_FLUSH, &out), 0);
        WEFT_CHECK_EQ(decode(all[c], weft__buf_str(&out), read, sizeof read), 11);
        WEFT_CHECK_EQ(weft__compress(z, WEFT_S("data: two\n\n"), WEFT__COMPRESS_FLUSH, &out), 0);
        WEFT_CHECK_EQ(decode(all[c], weft__buf_str(&out), read, sizeof read), 22);
        WEFT_CHECK(memcmp(read, "data: one\n\ndata: two\n\n", 22) == 0);
        weft__compressor_free(z);
        weft__buf_free(&out);
    }
}

static size_t held, held_most;
static void *counting(void *ctx, void *ptr, size_t n)
{
    size_t *old = ptr ? (size_t *)ptr - 2 : NULL;
    (void)ctx;
    if (old) held -= *old;
    if (!n) {
        free(old);
        return NULL;
    }
    size_t *fresh = realloc(old, n + 16);
    if (!fresh) return NULL;
    *fresh = n;
    held += n;
    if (held > held_most) held_most = held;
    return fresh + 2;
}

WEFT_TEST(a_compressor_that_lives_long_is_small)
{
    char *text = text_of(200000, 1);
    weft_set_allocator(counting, NULL);
    for (size_t c = 0; c < weft_count(all); c++) {
        if (!weft__coding_built(all[c])) continue;
        for (int small = 0; small < 2; small++) {
            weft__buf out;
            held = held_most = 0;
            weft__buf_init(&out, 1 << 20);
            weft__compressor *z = weft__compressor_new(all[c], 0, small);
            for (int i = 0; i < 10; i++) {
                weft__buf_clear(&out);
                WEFT_CHECK_EQ(weft__compress(z, (weft_str){ text + 20000 * i, 20000 }, WEFT__COMPRESS_FLUSH, &out), 0);
            }
            size_t most = held_most - out.room;
            if (most > (small ? 640u : 2048u) * 1024) weft__check_fail(__FILE__, __LINE__, "%s holds %zu bytes", weft__coding_name(all[c]).ptr, most);
            weft__compressor_free(z);
            weft__buf_free(&out);
            WEFT_CHECK_EQ(held, 0);
        }
    }
    free(text);
}
