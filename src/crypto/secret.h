#ifndef WEFT_SRC_CRYPTO_SECRET_H
#define WEFT_SRC_CRYPTO_SECRET_H
#include "weft/secret.h"

/* What keeps secrets: random bytes, codes over bytes, constant time. Each function here is a leaf: it allocates nothing and
 * fails at nothing. Those that use libsodium make it ready first (sodium_init, once a process, from any thread). */

/* From the kernel; the process ends when it has none. Nothing is kept for later, so a fork repeats nothing. */
void weft__random_bytes(void *to, size_t n);

/* HMAC-SHA256 of pieces one behind the other. RFC 2104; FIPS 180-4 */
enum { WEFT__MAC = 32 };
void weft__mac_of(weft_str key, const weft_str *pieces, size_t count, uint8_t out[WEFT__MAC]);

/* n bytes each; in constant time. */
bool weft__same_bytes(const void *a, const void *b, size_t n);

/* Overwrite what must not stay in memory, also where a compiler sees that nobody reads it. */
void weft__wipe(void *bytes, size_t n);
#endif
