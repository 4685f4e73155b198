#ifndef WEFT_SRC_CRYPTO_DIGEST_H
#define WEFT_SRC_CRYPTO_DIGEST_H
#include "weft/base.h"

/* HTTP's Digest: what a client sends taken apart, and what it should have answered. SHA-256 and qop=auth alone: MD5 is broken, and
 * without a nonce of the client's an answer is of more use to who listens. RFC 7616 */
enum { WEFT__DIGEST_HEX = 64 };

/* Values as they stand, without quotes; one with escapes is refused, as no client needs them. Empty: not there. */
typedef struct weft__digest { weft_str username, realm, nonce, uri, response, algorithm, qop, nc, cnonce, opaque; } weft__digest;

/* Read name=value, name="value", ... False: it is none, has a name twice, or a name of ours with a value that is none. Names that are
 * not ours are left out. */
bool weft__digest_read(weft_str text, weft__digest *out);

/* What is kept of a password: SHA-256 of username:realm:password, in hex. */
void weft__digest_hash(weft_str username, weft_str realm, weft_str password, char out[WEFT__DIGEST_HEX]);

/* What the client should have sent as response. `kept` is such a hash. */
void weft__digest_response(const weft__digest *d, weft_str method, weft_str kept, char out[WEFT__DIGEST_HEX]);
#endif
