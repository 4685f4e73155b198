#include "wire/ws_deflate.h"
#include "base/mem.h"
#if __has_include("wire/codings.h")
#include "wire/codings.h"            /* made by meson: which libraries there are */
#else
#define WEFT__HAS_GZIP 0
#endif

#if WEFT__HAS_GZIP
#include <zlib.h>

enum { PIECE = 4096, MEM_LEVEL = 8, TAIL = 4, ENDS_MAX = 64 };
static const char tail[TAIL] = { 0, 0, (char)0xff, (char)0xff };     /* what every message ends with, and leaves out: 7.2.1 */

bool weft__ws_deflate_built(void) { return true; }

static void *take(void *ctx, unsigned n, unsigned size) { (void)ctx; return weft__malloc((size_t)n * size); }
static void give(void *ctx, void *p) { (void)ctx; weft__free(p); }

/* ---- in ---- */

struct weft__inflater { z_stream z; unsigned ends; };      /* ends: of the message so far */

weft__inflater *weft__inflater_new(unsigned bits)
{
    weft__inflater *f = weft__calloc(sizeof *f);
    if (!f) return NULL;
    f->z = (z_stream){ .zalloc = take, .zfree = give };
    if (inflateInit2(&f->z, -(int)bits) == Z_OK) return f;
    weft__free(f);
    return NULL;
}

void weft__inflater_free(weft__inflater *f)
{
    if (!f) return;
    (void)inflateEnd(&f->z);
    weft__free(f);
}

/* A block that says it is the last ends DEFLATE, but neither the message nor the window: 7.2.3.4 */
static int go_on(weft__inflater *f)
{
    z_stream *z = &f->z;
    if (++f->ends > ENDS_MAX) return WEFT_EPROTO;    /* each costs a copy of the window for two bytes that came */
    Bytef *window = weft__malloc(1 << MAX_WBITS);
    uInt n = 0;
    if (!window) return WEFT_ENOMEM;
    bool done = inflateGetDictionary(z, window, &n) == Z_OK && inflateReset(z) == Z_OK && inflateSetDictionary(z, window, n) == Z_OK;
    weft__free(window);
    return done ? 0 : WEFT_EPROTO;
}

/* Where the next bytes go; past the limit a single one of them goes to `over`, and that there is one is all that matters. */
static bool give_room(z_stream *z, weft__buf *out, char *over)
{
    size_t left = out->bytes_max - out->len, n = left < PIECE ? left : PIECE;
    char *to = n ? weft__buf_reserve(out, n) : over;
    z->next_out = (Bytef *)to;
    z->avail_out = n ? (uInt)n : 1;
    return to;
}

static int inflate_some(weft__inflater *f, weft__buf *out)
{
    z_stream *z = &f->z;
    for (;;) {
        char over;
        if (!give_room(z, out, &over)) return WEFT_ENOMEM;
        bool full = z->next_out == (Bytef *)&over;
        uInt room = z->avail_out;
        int rc = inflate(z, Z_SYNC_FLUSH);
        uInt came = room - z->avail_out;
        if (full && came) return WEFT_ELIMIT;
        if (!full) out->len += came;
        if (rc == Z_MEM_ERROR) return WEFT_ENOMEM;
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) return WEFT_EPROTO;
        if (rc == Z_STREAM_END && (rc = go_on(f)) < 0) return rc;
        if (!z->avail_in && z->avail_out) return 0;
    }
}

int weft__inflate(weft__inflater *f, weft_str in, bool last, bool fresh, weft__buf *out)
{
    z_stream *z = &f->z;
    z->next_in = (Bytef *)(uintptr_t)in.ptr;
    z->avail_in = (uInt)in.len;
    int rc = in.len ? inflate_some(f, out) : 0;
    if (rc < 0 || !last) return rc;
    z->next_in = (Bytef *)(uintptr_t)tail;
    z->avail_in = TAIL;
    rc = inflate_some(f, out);
    f->ends = 0;
    if (rc == 0 && fresh && inflateReset(z) != Z_OK) return WEFT_EPROTO;
    return rc;
}

/* ---- out ---- */

struct weft__deflater { z_stream z; int level; };

weft__deflater *weft__deflater_new(unsigned bits, int level)
{
    weft__deflater *d = bits > 8 ? weft__calloc(sizeof *d) : NULL;
    if (!d) return NULL;
    d->z = (z_stream){ .zalloc = take, .zfree = give };
    d->level = level;
    if (deflateInit2(&d->z, level, Z_DEFLATED, -(int)bits, MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK) return d;
    weft__free(d);
    return NULL;
}

bool weft__deflater_level(weft__deflater *d, int level)
{
    if (d->level == level) return true;
    d->level = level;
    return deflateParams(&d->z, level, Z_DEFAULT_STRATEGY) == Z_OK;
}

void weft__deflater_free(weft__deflater *d)
{
    if (!d) return;
    (void)deflateEnd(&d->z);
    weft__free(d);
}

int weft__deflate(weft__deflater *d, weft_str in, bool fresh, weft__buf *out)
{
    z_stream *z = &d->z;
    if (!in.len) {                   /* an empty block: 7.2.3.6 */
        weft__buf_add_char(out, 0);
        return out->failed;
    }
    z->next_in = (Bytef *)(uintptr_t)in.ptr;
    z->avail_in = (uInt)in.len;
    do {
        char *to = weft__buf_reserve(out, PIECE);
        if (!to) return out->failed;
        z->next_out = (Bytef *)to;
        z->avail_out = PIECE;
        int rc = deflate(z, Z_SYNC_FLUSH);
        if (rc != Z_OK && rc != Z_BUF_ERROR) return WEFT_ENOMEM;
        out->len += PIECE - z->avail_out;
    } while (z->avail_out == 0);
    out->len -= TAIL;                /* a flush always ends with it */
    if (fresh && deflateReset(z) != Z_OK) return WEFT_ENOMEM;
    return 0;
}

#else
bool weft__ws_deflate_built(void) { return false; }
weft__inflater *weft__inflater_new(unsigned bits) { (void)bits; return NULL; }
void weft__inflater_free(weft__inflater *f) { (void)f; }
int weft__inflate(weft__inflater *f, weft_str in, bool last, bool fresh, weft__buf *out)
{
    (void)f, (void)in, (void)last, (void)fresh, (void)out;
    return WEFT_EPROTO;
}
weft__deflater *weft__deflater_new(unsigned bits, int level) { (void)bits, (void)level; return NULL; }
bool weft__deflater_level(weft__deflater *d, int level) { (void)d, (void)level; return false; }
void weft__deflater_free(weft__deflater *d) { (void)d; }
int weft__deflate(weft__deflater *d, weft_str in, bool fresh, weft__buf *out)
{
    (void)d, (void)in, (void)fresh, (void)out;
    return WEFT_EINVAL;
}
#endif
