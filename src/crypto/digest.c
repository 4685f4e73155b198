#include "crypto/digest.h"
#include <sodium.h>
#include <string.h>
#include "wire/bytes.h"

/* ---- reading ---- */

typedef struct scan { const char *at, *end; } scan;

static void past_spaces(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t')) s->at++;
}

static weft_str token(scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && weft__byte_is(*s->at, WEFT__TOKEN)) s->at++;
    return (weft_str){ from, (size_t)(s->at - from) };
}

/* Between quotes; the closing one is past then. */
static bool quoted(scan *s, weft_str *out)
{
    const char *from = ++s->at;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\' || (unsigned char)*s->at < ' ' || *s->at == 0x7F) return false;
        s->at++;
    }
    if (s->at == s->end) return false;
    *out = (weft_str){ from, (size_t)(s->at++ - from) };
    return true;
}

static bool value(scan *s, weft_str *out)
{
    if (s->at < s->end && *s->at == '"') return quoted(s, out);
    *out = token(s);
    return out->len != 0;
}

static weft_str *member(weft__digest *d, weft_str name)
{
    const struct { const char *name; weft_str *to; } all[] = { { "username", &d->username }, { "realm", &d->realm }, { "nonce", &d->nonce },
        { "uri", &d->uri }, { "response", &d->response }, { "algorithm", &d->algorithm }, { "qop", &d->qop }, { "nc", &d->nc },
        { "cnonce", &d->cnonce }, { "opaque", &d->opaque } };
    for (size_t i = 0; i < weft_count(all); i++)
        if (weft__same_nocase(name, weft_str_of(all[i].name))) return all[i].to;
    return NULL;
}

static bool pair(scan *s, weft__digest *d)
{
    weft_str name = token(s), said;
    past_spaces(s);
    if (!name.len || s->at == s->end || *s->at != '=') return false;
    s->at++;
    past_spaces(s);
    if (!value(s, &said)) return false;
    weft_str *to = member(d, name);
    if (to && to->ptr) return false;
    if (to) *to = said;
    past_spaces(s);
    return true;
}

bool weft__digest_read(weft_str text, weft__digest *out)
{
    weft__digest d = { .username = { 0 } };
    scan s = { text.ptr, text.ptr + text.len };
    if (!text.len) return false;
    for (;;) {
        past_spaces(&s);
        if (!pair(&s, &d)) return false;
        if (s.at == s.end) break;
        if (*s.at++ != ',') return false;
    }
    *out = d;
    return true;
}

/* ---- computing ---- */

static void hex_of(const weft_str *pieces, size_t count, char out[WEFT__DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    crypto_hash_sha256_state state;
    uint8_t sum[crypto_hash_sha256_BYTES];
    (void)!sodium_init();
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++) crypto_hash_sha256_update(&state, (const unsigned char *)(pieces[i].len ? pieces[i].ptr : ""), pieces[i].len);
    crypto_hash_sha256_final(&state, sum);
    for (size_t i = 0; i < sizeof sum; i++) {
        out[2 * i] = digits[sum[i] >> 4];
        out[2 * i + 1] = digits[sum[i] & 15];
    }
}

#define COLON WEFT_S(":")

void weft__digest_hash(weft_str username, weft_str realm, weft_str password, char out[WEFT__DIGEST_HEX])
{
    hex_of((const weft_str[]){ username, COLON, realm, COLON, password }, 5, out);
}

void weft__digest_response(const weft__digest *d, weft_str method, weft_str kept, char out[WEFT__DIGEST_HEX])
{
    char of_request[WEFT__DIGEST_HEX];
    hex_of((const weft_str[]){ method, COLON, d->uri }, 3, of_request);
    const weft_str all[] = { kept, COLON, d->nonce, COLON, d->nc, COLON, d->cnonce, COLON, d->qop, COLON, { of_request, sizeof of_request } };
    hex_of(all, weft_count(all), out);
}
