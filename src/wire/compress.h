#ifndef WEFT_SRC_WIRE_COMPRESS_H
#define WEFT_SRC_WIRE_COMPRESS_H
/* Content codings: which one a client wants, and bytes made smaller by it. Pure: memory comes from base/mem.h, nothing waits. Each
 * coding is there when its library was when weft was built. */
#include "base/buf.h"
#include "weft/base.h"

typedef enum weft__coding { WEFT__IDENTITY, WEFT__GZIP, WEFT__BROTLI, WEFT__ZSTD, WEFT__CODINGS } weft__coding;

/* "gzip", "br", "zstd"; "identity". */
weft_str weft__coding_name(weft__coding c);
/* The coding of a name, in any case; WEFT__IDENTITY for all others. */
weft__coding weft__coding_of(weft_str name);
bool weft__coding_built(weft__coding c);

/* Of `count` codings, the one that an Accept-Encoding wants most; of several wanted alike, the first. WEFT__IDENTITY: none of them, or it
 * wants none more than that. RFC 9110, 12.5.3 */
weft__coding weft__coding_choose(weft_str accept, const weft__coding *ours, unsigned count);

/* ---- compressing ---- */

typedef struct weft__compressor weft__compressor;

/* level: 1 (fast) to 9 (small), 0: what suits answers that are made anew each time. small: with memory of less than 640 KiB, for
 * those that live long; otherwise up to 2 MiB. NULL: no memory, or the coding is not built. */
weft__compressor *weft__compressor_new(weft__coding coding, int level, bool small);
void weft__compressor_free(weft__compressor *c);

/* GATHER: more will follow; FLUSH: it has to be readable now; LAST: the end. What comes out is appended. 0, or WEFT_ENOMEM, or what
 * failed in `out` (WEFT_ELIMIT): it is then of no more use. After LAST a new text may begin. */
typedef enum weft__compress_now { WEFT__COMPRESS_GATHER, WEFT__COMPRESS_FLUSH, WEFT__COMPRESS_LAST } weft__compress_now;
int weft__compress(weft__compressor *c, weft_str in, weft__compress_now now, weft__buf *out) WEFT_NODISCARD;
#endif
