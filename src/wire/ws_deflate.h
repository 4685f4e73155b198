#ifndef WEFT_SRC_WIRE_WS_DEFLATE_H
#define WEFT_SRC_WIRE_WS_DEFLATE_H
/* The payload of compressed messages: raw DEFLATE whose last four bytes are left out. Memory comes from base/mem.h. Nothing of it works
 * when zlib was not there when weft was built. RFC 7692, 7.2. */
#include "base/buf.h"

bool weft__ws_deflate_built(void);

/* One direction, in. bits: of the window, 8 to 15. */
typedef struct weft__inflater weft__inflater;
weft__inflater *weft__inflater_new(unsigned bits);           /* NULL: no memory */
void weft__inflater_free(weft__inflater *f);
/* Some bytes of a message; `last`: there are no more, and the next message begins, anew when `fresh`. What comes out is appended, of a bomb no
 * more than out->bytes_max. 0; WEFT_ELIMIT: out would be larger; WEFT_EPROTO: it is no DEFLATE; WEFT_ENOMEM. After any of them f is
 * of no more use. */
int weft__inflate(weft__inflater *f, weft_str in, bool last, bool fresh, weft__buf *out) WEFT_NODISCARD;

/* And out. bits: 9 to 15 (8 is not to be had: such a peer is sent what is not compressed). */
typedef struct weft__deflater weft__deflater;
weft__deflater *weft__deflater_new(unsigned bits, int level);
/* How hard it tries from the next message on, one that begins anew. False: it is of no more use. */
bool weft__deflater_level(weft__deflater *d, int level);
void weft__deflater_free(weft__deflater *d);
/* A whole message, appended. 0, or WEFT_ENOMEM, or what failed in `out`: d is then of no more use. */
int weft__deflate(weft__deflater *d, weft_str in, bool fresh, weft__buf *out) WEFT_NODISCARD;
#endif
