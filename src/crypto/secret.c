#include "crypto/secret.h"
#include <sodium.h>

bool weft__same_bytes(const void *a, const void *b, size_t n) { return sodium_memcmp(a, b, n) == 0; }

bool weft_same_secret(weft_str a, weft_str b)
{
    if (a.len != b.len) return false;
    return !a.len || weft__same_bytes(a.ptr, b.ptr, a.len);
}

void weft__random_bytes(void *to, size_t n)
{
    (void)!sodium_init();
    randombytes_buf(to, n);
}

void weft__mac_of(weft_str key, const weft_str *pieces, size_t count, uint8_t out[WEFT__MAC])
{
    crypto_auth_hmacsha256_state state;
    (void)!sodium_init();
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.ptr, key.len);
    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)pieces[i].ptr, pieces[i].len);
    crypto_auth_hmacsha256_final(&state, out);
    weft__wipe(&state, sizeof state);
}

void weft__wipe(void *bytes, size_t n) { sodium_memzero(bytes, n); }
