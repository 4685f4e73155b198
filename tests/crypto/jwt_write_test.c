/* Tokens as they are written, and that they are read again. */
#include "keys.h"
#include "support/failing.h"
#include "tokens.h"

WEFT_MODEL(Timed, field(weft_str, sub), field(int64_t, exp));
WEFT_MODEL(Nothing, opt(int, unused, .not_null = true));
WEFT_MODEL(Odd, field(weft_json, exp));

static weft_arena arena;
static weft__buf out;
static const char *why;
static char fault[240];

static int write_claims(const weft_jwt_key *key, weft__jwt_added added, const weft_schema *schema, const void *claims)
{
    weft__arena_init(&arena, NULL, 1 << 20);
    weft__buf_init(&out, WEFT__JWT_MAX);
    added.now_s = NOW;
    int rc = weft__jwt_write(key, &added, schema, claims, &arena, &out, &why, fault);
    weft__arena_free(&arena);
    return rc;
}

static void refused(const weft_jwt_key *key, weft__jwt_added added, const weft_schema *schema, const void *claims, const char *expected)
{
    WEFT_CHECK_EQ(write_claims(key, added, schema, claims), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(why), expected);
    weft__buf_free(&out);
}

/* A part of the token, decoded. */
static weft_str part(int n)
{
    static uint8_t plain[4096];
    const char *at = out.ptr, *end = out.ptr + out.len;
    for (; n; n--) at = (const char *)memchr(at, '.', (size_t)(end - at)) + 1;
    const char *stop = memchr(at, '.', (size_t)(end - at));
    int64_t len = weft__base64url_read((weft_str){ at, (size_t)((stop ? stop : end) - at) }, plain);
    WEFT_NEED(len >= 0);
    return (weft_str){ (char *)plain, (size_t)len };
}

WEFT_TEST(a_token_has_what_was_asked_for_and_is_read_again)
{
    weft_jwt_key *key = key_of(WEFT_JWT_ES256, P256_PRIVATE, "k1"), *public = key_of(WEFT_JWT_ES256, P256_PUBLIC, NULL);
    const weft_jwt_key *keys[] = { public };
    weft__jwt_added added = { .expires_in_s = 60, .issuer = WEFT_S("j\"oe"), .audience = WEFT_S("shop"), .type = WEFT_S("at+jwt") };
    WEFT_CHECK_EQ(write_claims(key, added, &weft_schema_Claims, &(Claims){ WEFT_S("ann"), 3 }), 0);
    WEFT_CHECK_STR(part(0), "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}");
    WEFT_CHECK_STR(part(1), "{\"sub\":\"ann\",\"level\":3,\"iss\":\"j\\\"oe\",\"aud\":\"shop\",\"iat\":1700000000,\"exp\":1700000060}");
    WEFT_CHECK_EQ(part(2).len, 64);
    token_is(weft__buf_str(&out), (weft__jwt_rules){ .keys = keys, .count = 1, .now_s = NOW + 59, .issuer = WEFT_S("j\"oe"),
        .audience = WEFT_S("shop"), .type = WEFT_S("at+jwt") }, 0, "", __LINE__);
    weft__buf_free(&out);
    weft_jwt_key_close(key);
    weft_jwt_key_close(public);
}

WEFT_TEST(a_model_without_a_value_is_an_object_all_the_same)
{
    weft_jwt_key *key = key_of(WEFT_JWT_HS256, SECRET, NULL);
    WEFT_CHECK_EQ(write_claims(key, (weft__jwt_added){ .expires_in_s = 1 }, &weft_schema_Nothing, &(Nothing){ 0 }), 0);
    WEFT_CHECK_STR(part(1), "{\"iat\":1700000000,\"exp\":1700000001}");
    weft__buf_free(&out);
    WEFT_CHECK_EQ(write_claims(key, (weft__jwt_added){ .without_exp = true }, &weft_schema_Nothing, &(Nothing){ 0 }), 0);
    WEFT_CHECK_STR(part(1), "{}");
    weft__buf_free(&out);
    weft_jwt_key_close(key);
}

WEFT_TEST(a_model_may_say_for_itself_when_it_expires)
{
    weft_jwt_key *key = key_of(WEFT_JWT_HS256, SECRET, NULL);
    WEFT_CHECK_EQ(write_claims(key, (weft__jwt_added){ 0 }, &weft_schema_Timed, &(Timed){ WEFT_S("ann"), 1600000000 }), 0);
    WEFT_CHECK_STR(part(1), "{\"sub\":\"ann\",\"exp\":1600000000}");
    weft__buf_free(&out);
    weft_jwt_key_close(key);
}

WEFT_TEST(what_readers_would_refuse_is_not_signed)
{
    weft_jwt_key *key = key_of(WEFT_JWT_HS256, SECRET, NULL), *public = key_of(WEFT_JWT_RS256, RSA_PUBLIC, NULL);
    const Claims claims = { WEFT_S("ann"), 3 }, no_text = { WEFT_S("\xff"), 3 };
    const weft__jwt_added minute = { .expires_in_s = 60 };
    refused(NULL, minute, &weft_schema_Claims, &claims, "there is no .key");
    refused(public, minute, &weft_schema_Claims, &claims, "the key is a public one, which cannot sign");
    refused(key, (weft__jwt_added){ 0 }, &weft_schema_Claims, &claims, "it has no exp");
    refused(key, (weft__jwt_added){ .expires_in_s = -1 }, &weft_schema_Claims, &claims, ".expires_in_s is no length of time");
    refused(key, (weft__jwt_added){ .expires_in_s = INT64_MAX }, &weft_schema_Claims, &claims, ".expires_in_s is no length of time");
    refused(key, (weft__jwt_added){ .expires_in_s = 1, .without_exp = true }, &weft_schema_Claims, &claims, ".without_exp and .expires_in_s exclude each other");
    refused(key, minute, &weft_schema_Timed, &(Timed){ WEFT_S("ann"), 5 }, "its claims are no JSON object");
    refused(key, minute, &weft_schema_Claims, &no_text, "its claims cannot be written");
    refused(key, (weft__jwt_added){ 0 }, &weft_schema_Odd, &(Odd){ { WEFT_S("\"soon\"") } }, "a time is no number");
    refused(key, minute, &weft_schema_int, &(int){ 3 }, "its claims are no model");
    refused(key, (weft__jwt_added){ .expires_in_s = 60, .issuer = WEFT_S("\xff") }, &weft_schema_Claims, &claims, "an issuer or audience is no UTF-8");
    weft_jwt_key_close(key);
    weft_jwt_key_close(public);
}

WEFT_TEST(a_token_that_would_be_too_long_is_not_written)
{
    static char name[20000];
    weft_jwt_key *key = key_of(WEFT_JWT_HS256, SECRET, NULL);
    memset(name, 'x', sizeof name);
    Claims claims = { { name, 13000 }, 1 };
    WEFT_CHECK_EQ(write_claims(key, (weft__jwt_added){ .expires_in_s = 60 }, &weft_schema_Claims, &claims), WEFT_ELIMIT);
    weft__buf_free(&out);
    claims.sub.len = sizeof name;
    WEFT_CHECK_EQ(write_claims(key, (weft__jwt_added){ .expires_in_s = 60 }, &weft_schema_Claims, &claims), WEFT_ELIMIT);
    weft__buf_free(&out);
    weft_jwt_key_close(key);
}

WEFT_TEST(without_memory_no_token_is_written_in_part)
{
    static const weft__jwt_added added = { .expires_in_s = 60, .issuer = WEFT_S("joe") };
    weft_jwt_key *key = key_of(WEFT_JWT_HS256, SECRET, "k1");
    const weft_jwt_key *keys[] = { key };
    WEFT_CHECK_EQ(write_claims(key, added, &weft_schema_Claims, &(Claims){ WEFT_S("ann"), 3 }), 0);      /* plans are made once */
    token_is(weft__buf_str(&out), (weft__jwt_rules){ .keys = keys, .count = 1 }, 0, "", __LINE__);
    weft__buf_free(&out);
    FAIL_EACH_IN_TURN(i) {
        int rc = write_claims(key, added, &weft_schema_Claims, &(Claims){ WEFT_S("ann"), 3 });
        WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
        fails.fail_at = 0;
        if (rc == 0) token_is(weft__buf_str(&out), (weft__jwt_rules){ .keys = keys, .count = 1 }, 0, "", __LINE__);
        weft__buf_free(&out);
    }
    weft_set_allocator(NULL, NULL);
    weft_jwt_key_close(key);
}
