#ifndef WEFT_TESTS_SUPPORT_DECODE_H
#define WEFT_TESTS_SUPPORT_DECODE_H
/* What compressed bytes mean, by the libraries that made them. */
#include "wire/codings.h"
#include "wire/compress.h"
#if WEFT__HAS_GZIP
#include <zlib.h>
#endif
#if WEFT__HAS_BROTLI
#include <brotli/decode.h>
#endif
#if WEFT__HAS_ZSTD
#include <zstd.h>
#endif

/* What there is to be read of it, also when it has no end yet; -1: it is none. */
static inline long long decode(weft__coding coding, weft_str in, char *out, size_t room)
{
#if WEFT__HAS_GZIP
    if (coding == WEFT__GZIP) {
        z_stream z = { .next_in = (Bytef *)(uintptr_t)in.ptr, .avail_in = (uInt)in.len, .next_out = (Bytef *)out, .avail_out = (uInt)room };
        inflateInit2(&z, 31);
        int rc = inflate(&z, Z_SYNC_FLUSH);
        long long n = (long long)z.total_out;
        inflateEnd(&z);
        return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? n : -1;
    }
#endif
#if WEFT__HAS_BROTLI
    if (coding == WEFT__BROTLI) {
        BrotliDecoderState *b = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        const uint8_t *from = (const uint8_t *)in.ptr;
        uint8_t *to = (uint8_t *)out;
        size_t left = in.len, space = room, total = 0;
        BrotliDecoderResult rc = BrotliDecoderDecompressStream(b, &left, &from, &space, &to, &total);
        BrotliDecoderDestroyInstance(b);
        return rc == BROTLI_DECODER_RESULT_ERROR ? -1 : (long long)total;
    }
#endif
#if WEFT__HAS_ZSTD
    if (coding == WEFT__ZSTD) {
        ZSTD_DCtx *z = ZSTD_createDCtx();
        ZSTD_inBuffer from = { in.ptr, in.len, 0 };
        ZSTD_outBuffer to = { out, room, 0 };
        size_t rc = 1;
        while (rc && from.pos < from.size && !ZSTD_isError(rc)) rc = ZSTD_decompressStream(z, &to, &from);
        ZSTD_freeDCtx(z);
        return ZSTD_isError(rc) ? -1 : (long long)to.pos;
    }
#endif
    (void)coding, (void)in, (void)out, (void)room;
    return -1;
}
#endif
