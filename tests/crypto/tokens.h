#ifndef WEFT_TESTS_CRYPTO_TOKENS_H
#define WEFT_TESTS_CRYPTO_TOKENS_H
/* Tokens of any header and any claims, signed or not, and what becomes of them. */
#include <string.h>
#include "crypto/base64url.h"
#include "crypto/jwt.h"
#include "weft/check.h"

WEFT_MODEL(Claims, field(weft_str, sub, .initial = ""), field(int, level, .initial = "0"));

#define SECRET "a secret of thirty-two bytes ..."
enum { NOW = 1700000000 };

static inline weft_jwt_key *key_of(weft_jwt_algorithm algorithm, const char *material, const char *id)
{
    weft_jwt_key *key = NULL;
    const char *why;
    WEFT_NEED(weft__jwt_key_open(algorithm, weft_str_of(material), id, &key, &why) == 0);
    return key;
}

/* HEADER.PAYLOAD, and the signature of `key` unless it is NULL; the caller frees it. */
static inline weft__buf token_of(const char *header, const char *payload, const weft_jwt_key *key)
{
    weft__buf out, signature;
    weft__buf_init(&out, 1 << 20);
    weft__buf_init(&signature, 1 << 16);
    weft__base64url_write(&out, header, strlen(header));
    weft__buf_lit(&out, ".");
    weft__base64url_write(&out, payload, strlen(payload));
    if (key) WEFT_CHECK_EQ(weft__jwt_sign(key, weft__buf_str(&out), &signature), 0);
    weft__buf_lit(&out, ".");
    weft__base64url_write(&out, signature.ptr, signature.len);
    weft__buf_free(&signature);
    return out;
}

typedef struct outcome { int rc; const char *why; Claims claims; weft_arena arena; } outcome;

/* With NOW and these keys where the rules say none. The caller frees the arena. */
static inline outcome read_token(weft_str token, weft__jwt_rules rules)
{
    outcome o = { .why = NULL };
    if (!rules.now_s) rules.now_s = NOW;
    weft__arena_init(&o.arena, NULL, 1 << 20);
    o.rc = weft__jwt_read(&rules, token, &weft_schema_Claims, &o.claims, &o.arena, &o.why);
    return o;
}

static inline void token_is(weft_str token, weft__jwt_rules rules, int rc, const char *why, int line)
{
    outcome o = read_token(token, rules);
    if (o.rc != rc) weft__check_fail(__FILE__, line, "expected %d, got %d: %s", rc, o.rc, o.why ? o.why : "");
    if (rc < 0 && o.why) weft__check_str(__FILE__, line, "why", weft_str_of(o.why), why);
    weft__arena_free(&o.arena);
}
#endif
