#include "crypto/password.h"
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "crypto/secret.h"
#include "wire/bytes.h"

enum { MEMORY_MIN = 8, MEMORY_MAX = 1 << 20, PASSES_MAX = 16, LANES_MAX = 16, WORK_MAX = 1 << 22, SALT_MIN = 8, HASH_MIN = 16 };

bool weft__argon_valid(const weft__argon *a)
{
    if (a->lanes < 1 || a->lanes > LANES_MAX || a->passes < 1 || a->passes > PASSES_MAX) return false;
    if (a->memory_kib < MEMORY_MIN * a->lanes || a->memory_kib > MEMORY_MAX) return false;
    return (uint64_t)a->memory_kib * a->passes <= WORK_MAX;
}

/* ---- the text: $argon2id$v=19$m=65536,t=2,p=1$SALT$HASH ---- */

static bool past(weft_str *text, weft_str prefix)
{
    if (text->len < prefix.len || memcmp(text->ptr, prefix.ptr, prefix.len) != 0) return false;
    *text = (weft_str){ text->ptr + prefix.len, text->len - prefix.len };
    return true;
}

/* Without zeros in front, as it is written. */
static bool past_number(weft_str *text, uint32_t *out)
{
    size_t n = 0;
    while (n < text->len && weft__byte_is(text->ptr[n], WEFT__DIGIT)) n++;
    int64_t value = weft__decimal((weft_str){ text->ptr, n }, UINT32_MAX);
    if (value < 1 || text->ptr[0] == '0') return false;
    *out = (uint32_t)value;
    *text = (weft_str){ text->ptr + n, text->len - n };
    return true;
}

/* Bytes in base64 without '='; how many, or -1. */
static int64_t past_bytes(weft_str *text)
{
    uint8_t bytes[WEFT__PASSWORD_TEXT];
    size_t n = 0, len;
    while (n < text->len && text->ptr[n] != '$') n++;
    bool good = sodium_base642bin(bytes, sizeof bytes, text->ptr, n, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
    *text = (weft_str){ text->ptr + n, text->len - n };
    return good ? (int64_t)len : -1;
}

bool weft__argon_of(weft_str hash, weft__argon *out)
{
    weft__argon a;
    if (hash.len >= WEFT__PASSWORD_TEXT) return false;
    bool good = past(&hash, WEFT_S("$argon2id$v=19$m=")) && past_number(&hash, &a.memory_kib) &&
                past(&hash, WEFT_S(",t=")) && past_number(&hash, &a.passes) &&
                past(&hash, WEFT_S(",p=")) && past_number(&hash, &a.lanes) && past(&hash, WEFT_S("$"));
    good = good && weft__argon_valid(&a) && past_bytes(&hash) >= SALT_MIN && past(&hash, WEFT_S("$")) &&
           past_bytes(&hash) >= HASH_MIN && !hash.len;
    if (good) *out = a;
    return good;
}

/* ---- computing ---- */

int weft__argon_hash(const weft__argon *a, weft_str password, char out[WEFT__PASSWORD_TEXT])
{
    (void)!sodium_init();
    int rc = crypto_pwhash_str_alg(out, password.ptr, password.len, a->passes, (size_t)a->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
    return rc == 0 ? 0 : WEFT_ENOMEM;
}

int weft__argon_check(weft_str password, weft_str hash)
{
    char text[WEFT__PASSWORD_TEXT] = { 0 };      /* as many bytes as the library may look at */
    memcpy(text, hash.ptr, hash.len);
    (void)!sodium_init();
    errno = 0;
    int rc = crypto_pwhash_str_verify(text, password.ptr ? password.ptr : "", password.len);
    if (rc == 0) return 1;
    if (errno == ENOMEM) return WEFT_ENOMEM;
    return errno == EINVAL ? 0 : WEFT_EINVAL;
}
