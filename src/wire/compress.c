#include "wire/compress.h"
#include "base/mem.h"
#include "wire/bytes.h"
#if __has_include("wire/codings.h")
#include "wire/codings.h"            /* made by meson: which libraries there are */
#else
#define WEFT__HAS_GZIP 0
#define WEFT__HAS_BROTLI 0
#define WEFT__HAS_ZSTD 0
#endif
#if WEFT__HAS_GZIP
#include <zlib.h>
#endif
#if WEFT__HAS_BROTLI
#include <brotli/encode.h>
#endif
#if WEFT__HAS_ZSTD
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#endif

enum { PIECE = 16 * 1024 };

static const weft_str names[WEFT__CODINGS] = { WEFT_S("identity"), WEFT_S("gzip"), WEFT_S("br"), WEFT_S("zstd") };

weft_str weft__coding_name(weft__coding c) { return names[c]; }

weft__coding weft__coding_of(weft_str name)
{
    for (unsigned i = WEFT__GZIP; i < WEFT__CODINGS; i++)
        if (weft__same_nocase(name, names[i])) return (weft__coding)i;
    return weft__same_nocase(name, WEFT_S("x-gzip")) ? WEFT__GZIP : WEFT__IDENTITY;
}

bool weft__coding_built(weft__coding c)
{
    return c == WEFT__GZIP ? WEFT__HAS_GZIP : c == WEFT__BROTLI ? WEFT__HAS_BROTLI : c == WEFT__ZSTD ? WEFT__HAS_ZSTD : true;
}

/* ---- what a client wants ---- */

/* "q=0.5" in thousandths; what is none counts as 0: better no coding than a wrong one. */
static int weight_of(weft_str params)
{
    const char *semi = memchr(params.ptr, ';', params.len);
    if (semi) params.len = (size_t)(semi - params.ptr);
    params = weft__trim(params);
    if (params.len < 3 || weft__lower(params.ptr[0]) != 'q' || params.ptr[1] != '=') return 0;
    if (params.ptr[2] != '0' && params.ptr[2] != '1') return 0;
    int q = (params.ptr[2] - '0') * 1000, unit = 100;
    if (params.len > 3 && (params.ptr[3] != '.' || params.len > 7)) return 0;
    for (size_t i = 4; i < params.len; i++, unit /= 10) {
        if (!weft__byte_is(params.ptr[i], WEFT__DIGIT)) return 0;
        q += (params.ptr[i] - '0') * unit;
    }
    return q > 1000 ? 0 : q;
}

typedef struct weights { int of[WEFT__CODINGS], rest; } weights;

/* -1: it says nothing of it. */
static weights read_weights(weft_str accept)
{
    weights w = { { -1, -1, -1, -1 }, -1 };
    while (accept.len) {
        const char *comma = memchr(accept.ptr, ',', accept.len);
        size_t n = comma ? (size_t)(comma - accept.ptr) : accept.len, used = comma ? n + 1 : n;
        weft_str item = { accept.ptr, n };
        const char *semi = memchr(item.ptr, ';', n);
        int q = semi ? weight_of((weft_str){ semi + 1, n - (size_t)(semi + 1 - item.ptr) }) : 1000;
        weft_str name = weft__trim((weft_str){ item.ptr, semi ? (size_t)(semi - item.ptr) : n });
        weft__coding c = weft__coding_of(name);
        if (weft_str_equal(name, WEFT_S("*"))) w.rest = q;
        else if (c != WEFT__IDENTITY || weft__same_nocase(name, names[WEFT__IDENTITY])) w.of[c] = q;
        accept = (weft_str){ accept.ptr + used, accept.len - used };
    }
    return w;
}

weft__coding weft__coding_choose(weft_str accept, const weft__coding *ours, unsigned count)
{
    weights w = read_weights(accept);
    weft__coding best = WEFT__IDENTITY;
    int most = w.of[WEFT__IDENTITY] > 0 ? w.of[WEFT__IDENTITY] - 1 : 0;      /* a coding wanted as much as none is taken */
    for (unsigned i = 0; i < count; i++) {
        int q = w.of[ours[i]] >= 0 ? w.of[ours[i]] : w.rest;
        if (q <= most || !weft__coding_built(ours[i])) continue;
        best = ours[i];
        most = q;
    }
    return best;
}

/* ---- the libraries ---- */

struct weft__compressor {
    weft__coding coding;
    int level;
    bool small;
#if WEFT__HAS_GZIP
    z_stream gzip;
#endif
#if WEFT__HAS_BROTLI
    BrotliEncoderState *brotli;
#endif
#if WEFT__HAS_ZSTD
    ZSTD_CCtx *zstd;
#endif
};

#if WEFT__HAS_GZIP
static void *gzip_alloc(void *ctx, unsigned n, unsigned size) { (void)ctx; return weft__malloc((size_t)n * size); }
static void gzip_free(void *ctx, void *p) { (void)ctx; weft__free(p); }

static bool gzip_begin(weft__compressor *c)
{
    enum { GZIP_HEADER = 16 };
    c->gzip = (z_stream){ .zalloc = gzip_alloc, .zfree = gzip_free };
    return deflateInit2(&c->gzip, c->level ? c->level : 6, Z_DEFLATED, GZIP_HEADER + (c->small ? 13 : 15), c->small ? 6 : 8, Z_DEFAULT_STRATEGY) == Z_OK;
}

static int gzip_do(weft__compressor *c, weft_str in, weft__compress_now now, weft__buf *out)
{
    static const int how[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH };
    z_stream *z = &c->gzip;
    z->next_in = (Bytef *)(uintptr_t)in.ptr;
    z->avail_in = (uInt)in.len;
    do {
        char *to = weft__buf_reserve(out, PIECE);
        if (!to) return out->failed;
        z->next_out = (Bytef *)to;
        z->avail_out = PIECE;
        int rc = deflate(z, how[now]);
        out->len += PIECE - z->avail_out;
        if (rc == Z_STREAM_ERROR) return WEFT_EINVAL;
    } while (z->avail_out == 0);
    return now == WEFT__COMPRESS_LAST && deflateReset(z) != Z_OK ? WEFT_EINVAL : 0;
}
#endif

#if WEFT__HAS_BROTLI
static void *brotli_alloc(void *ctx, size_t n) { (void)ctx; return weft__malloc(n); }
static void brotli_free(void *ctx, void *p) { (void)ctx; weft__free(p); }

static bool brotli_begin(weft__compressor *c)
{
    c->brotli = BrotliEncoderCreateInstance(brotli_alloc, brotli_free, NULL);
    return c->brotli && BrotliEncoderSetParameter(c->brotli, BROTLI_PARAM_QUALITY, (uint32_t)(c->level ? c->level : c->small ? 2 : 4))
        && BrotliEncoderSetParameter(c->brotli, BROTLI_PARAM_LGWIN, c->small ? 14 : 18)
        && BrotliEncoderSetParameter(c->brotli, BROTLI_PARAM_LGBLOCK, c->small ? 16 : 0);
}

static int brotli_do(weft__compressor *c, weft_str in, weft__compress_now now, weft__buf *out)
{
    static const BrotliEncoderOperation how[] = { BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH };
    const uint8_t *from = (const uint8_t *)in.ptr;
    size_t left = in.len;
    if (!c->brotli && !brotli_begin(c)) return WEFT_ENOMEM;
    do {
        size_t room = 0;
        if (!BrotliEncoderCompressStream(c->brotli, how[now], &left, &from, &room, NULL, NULL)) return WEFT_ENOMEM;
        for (size_t n = 0; BrotliEncoderHasMoreOutput(c->brotli); n = 0) {
            const uint8_t *bytes = BrotliEncoderTakeOutput(c->brotli, &n);
            weft__buf_add(out, bytes, n);
        }
        if (out->failed) return out->failed;
    } while (left || (now == WEFT__COMPRESS_LAST && !BrotliEncoderIsFinished(c->brotli)));
    if (now != WEFT__COMPRESS_LAST) return 0;
    BrotliEncoderDestroyInstance(c->brotli);         /* it cannot begin anew */
    c->brotli = NULL;
    return 0;
}
#endif

#if WEFT__HAS_ZSTD
static void *zstd_alloc(void *ctx, size_t n) { (void)ctx; return weft__malloc(n); }
static void zstd_free(void *ctx, void *p) { (void)ctx; weft__free(p); }

static bool zstd_set(ZSTD_CCtx *z, ZSTD_cParameter what, int value) { return !ZSTD_isError(ZSTD_CCtx_setParameter(z, what, value)); }

static bool zstd_begin(weft__compressor *c)
{
    c->zstd = ZSTD_createCCtx_advanced((ZSTD_customMem){ zstd_alloc, zstd_free, NULL });
    if (!c->zstd || !zstd_set(c->zstd, ZSTD_c_compressionLevel, c->level ? c->level : c->small ? 1 : 3)) return false;
    if (!c->small) return zstd_set(c->zstd, ZSTD_c_windowLog, 18);
    return zstd_set(c->zstd, ZSTD_c_windowLog, 14) && zstd_set(c->zstd, ZSTD_c_hashLog, 12) && zstd_set(c->zstd, ZSTD_c_chainLog, 12);
}

static int zstd_do(weft__compressor *c, weft_str in, weft__compress_now now, weft__buf *out)
{
    static const ZSTD_EndDirective how[] = { ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end };
    ZSTD_inBuffer from = { in.ptr, in.len, 0 };
    size_t left;
    do {
        char *at = weft__buf_reserve(out, PIECE);
        if (!at) return out->failed;
        ZSTD_outBuffer to = { at, PIECE, 0 };
        left = ZSTD_compressStream2(c->zstd, &to, &from, how[now]);
        if (ZSTD_isError(left)) return WEFT_ENOMEM;
        out->len += to.pos;
    } while (now == WEFT__COMPRESS_GATHER ? from.pos < from.size : left != 0);
    return 0;
}
#endif

weft__compressor *weft__compressor_new(weft__coding coding, int level, bool small)
{
    weft__compressor *c = weft__calloc(sizeof *c);
    bool begun = false;
    if (!c) return NULL;
    c->coding = coding;
    c->level = level;
    c->small = small;
#if WEFT__HAS_GZIP
    if (coding == WEFT__GZIP) begun = gzip_begin(c);
#endif
#if WEFT__HAS_BROTLI
    if (coding == WEFT__BROTLI) begun = brotli_begin(c);
#endif
#if WEFT__HAS_ZSTD
    if (coding == WEFT__ZSTD) begun = zstd_begin(c);
#endif
    if (begun) return c;
    weft__compressor_free(c);
    return NULL;
}

void weft__compressor_free(weft__compressor *c)
{
    if (!c) return;
#if WEFT__HAS_GZIP
    if (c->coding == WEFT__GZIP) (void)deflateEnd(&c->gzip);
#endif
#if WEFT__HAS_BROTLI
    if (c->brotli) BrotliEncoderDestroyInstance(c->brotli);
#endif
#if WEFT__HAS_ZSTD
    ZSTD_freeCCtx(c->zstd);
#endif
    weft__free(c);
}

int weft__compress(weft__compressor *c, weft_str in, weft__compress_now now, weft__buf *out)
{
    switch (c->coding) {
#if WEFT__HAS_GZIP
    case WEFT__GZIP: return gzip_do(c, in, now, out);
#endif
#if WEFT__HAS_BROTLI
    case WEFT__BROTLI: return brotli_do(c, in, now, out);
#endif
#if WEFT__HAS_ZSTD
    case WEFT__ZSTD: return zstd_do(c, in, now, out);
#endif
    default: (void)in, (void)now, (void)out; return WEFT_EINVAL;
    }
}
