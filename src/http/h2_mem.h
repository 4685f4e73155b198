#ifndef WEFT_SRC_HTTP_H2_MEM_H
#define WEFT_SRC_HTTP_H2_MEM_H
/* The memory of one session of nghttp2: through weft's hook, and known block by block. When some is refused, nghttp2 1.52 can forget what it
 * has freed already (an item of a stream that found no room in its queue), so a session that was refused any is not taken apart by it. */
#include <nghttp2/nghttp2.h>
#include "base/buf.h"

/* Of a head, or of trailers, that goes out: names, values and 12 bytes for each. Past it nghttp2 sends nothing of them, and past 64 KiB unless told
 * otherwise; weft's own limits on what a program may say are below. */
enum { WEFT__H2_BLOCK_MAX = 1 << 20 };

typedef struct weft__h2_block weft__h2_block;
typedef struct weft__h2_mem { weft__h2_block *first; bool failed; } weft__h2_mem;    /* failed: some was refused; zero at first */

/* What nghttp2 is given; `m` lives as long as the session. */
nghttp2_mem weft__h2_mem_of(weft__h2_mem *m);
/* What was taken of a buffer, up to *at, makes room for what comes: whoever takes slower than that may never find it empty. */
void weft__h2_compact(weft__buf *b, size_t *at);
/* Delete the session, and all that it has. */
void weft__h2_mem_free(weft__h2_mem *m, nghttp2_session *session);
#endif
