/* Tokens from outside, most of them made to get through. */
#include "keys.h"
#include "tokens.h"

#define HS256 "{\"alg\":\"HS256\"}"
#define GOOD "{\"sub\":\"ann\",\"exp\":1700000600}"

static weft_jwt_key *key;
static const weft_jwt_key *all[1];
static weft__jwt_rules rules;

static void begin(void)
{
    key = key_of(WEFT_JWT_HS256, SECRET, NULL);
    all[0] = key;
    rules = (weft__jwt_rules){ .keys = all, .count = 1 };
}

static void end(void) { weft_jwt_key_close(key); }

static void claims_are_at(int line, const char *header, const char *payload, int rc, const char *why)
{
    weft__buf token = token_of(header, payload, key);
    token_is(weft__buf_str(&token), rules, rc, why, line);
    weft__buf_free(&token);
}

#define IS(header, payload, rc, why) claims_are_at(__LINE__, (header), (payload), (rc), (why))
#define TAKEN(payload) IS(HS256, payload, 0, "")
#define REFUSED(payload, why) IS(HS256, payload, WEFT_EINVAL, why)
#define BAD_HEADER(header, why) IS(header, GOOD, WEFT_EINVAL, why)

WEFT_TEST(a_good_token_gives_its_claims)
{
    begin();
    weft__buf token = token_of(HS256, "{\"level\":3,\"sub\":\"ann\\u00e9\",\"exp\":1700000600,\"else\":[1]}", key);
    outcome o = read_token(weft__buf_str(&token), rules);
    WEFT_CHECK_EQ(o.rc, 0);
    WEFT_CHECK_STR(o.claims.sub, "ann\xc3\xa9");
    WEFT_CHECK_EQ(o.claims.level, 3);
    weft__arena_free(&o.arena);
    weft__buf_free(&token);
    end();
}

/* ---- the RFCs' own ---- */

/* RFC 7515, A.1, with RFC 7519, 3.1: a header with line ends in it, a key of 64 bytes. */
WEFT_TEST(the_hmac_token_of_the_rfc_is_taken)
{
    static const weft_str token = WEFT_S("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    uint8_t secret[80];
    const char *why;
    int64_t len = weft__base64url_read(
        WEFT_S("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"), secret);
    WEFT_NEED(len == 64);
    WEFT_NEED(weft__jwt_key_open(WEFT_JWT_HS256, (weft_str){ (char *)secret, 64 }, NULL, &key, &why) == 0);
    all[0] = key;
    rules = (weft__jwt_rules){ .keys = all, .count = 1, .now_s = 1300819379, .issuer = WEFT_S("joe"), .type = WEFT_S("jwt") };
    token_is(token, rules, 0, "", __LINE__);
    rules.now_s = 1300819380;
    token_is(token, rules, WEFT_ETIMEDOUT, "it has expired", __LINE__);
    end();
}

/* RFC 7515, A.3 */
WEFT_TEST(the_token_of_a_curve_of_the_rfc_is_taken)
{
    key = key_of(WEFT_JWT_ES256, RFC_P256_PUBLIC, NULL);
    all[0] = key;
    rules = (weft__jwt_rules){ .keys = all, .count = 1, .now_s = 1300819379 };
    token_is(WEFT_S("eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"), rules, 0, "", __LINE__);
    end();
}

WEFT_TEST(rsa_tokens_of_another_program_are_taken)
{
    static const struct { weft_jwt_algorithm algorithm; const char *token; } rows[] = { { WEFT_JWT_RS256, TOKEN_RS256 },
        { WEFT_JWT_RS384, TOKEN_RS384 }, { WEFT_JWT_RS512, TOKEN_RS512 }, { WEFT_JWT_PS256, TOKEN_PS256 },
        { WEFT_JWT_PS384, TOKEN_PS384 }, { WEFT_JWT_PS512, TOKEN_PS512 } };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft_jwt_key *public = key_of(rows[i].algorithm, RSA_PUBLIC, NULL);
        const weft_jwt_key *keys[] = { public };
        for (size_t k = 0; k < weft_count(rows); k++)
            token_is(weft_str_of(rows[k].token), (weft__jwt_rules){ .keys = keys, .count = 1 }, i == k ? 0 : WEFT_EINVAL,
                "no key is of its algorithm and id", __LINE__);
        weft_jwt_key_close(public);
    }
}

/* ---- algorithms: RFC 8725, 3.1 ---- */

WEFT_TEST(a_token_without_a_signature_is_refused_however_it_spells_none)
{
    static const char *const headers[] = { "{\"alg\":\"none\"}", "{\"alg\":\"None\"}", "{\"alg\":\"NONE\"}", "{\"alg\":\"nOnE\"}",
        "{\"alg\":\"\"}", "{}", "{\"alg\":\"HS256 \"}", "{\"alg\":\"hs256\"}" };
    begin();
    for (size_t i = 0; i < weft_count(headers); i++) {
        weft__buf bare = token_of(headers[i], GOOD, NULL), with = token_of(headers[i], GOOD, key);
        token_is(weft__buf_str(&bare), rules, WEFT_EINVAL, "no key is of its algorithm and id", __LINE__);
        token_is(weft__buf_str(&with), rules, WEFT_EINVAL, "no key is of its algorithm and id", __LINE__);
        weft__buf_free(&bare);
        weft__buf_free(&with);
    }
    weft__buf empty = token_of(HS256, GOOD, NULL);
    token_is(weft__buf_str(&empty), rules, WEFT_EINVAL, "its signature is not that of the key", __LINE__);
    weft__buf_free(&empty);
    end();
}

/* Signed with HMAC, the secret being the public key that everybody has. The secret is made here by hand, as no key can be
 * opened so. */
WEFT_TEST(a_token_cannot_choose_hmac_over_a_public_key)
{
    weft_jwt_key *public = key_of(WEFT_JWT_RS256, RSA_PUBLIC, NULL), *hmac = key_of(WEFT_JWT_HS256, SECRET, NULL);
    const weft_jwt_key *keys[] = { public };
    weft__buf token = token_of(HS256, GOOD, hmac), lying = token_of("{\"alg\":\"RS256\"}", GOOD, hmac);
    token_is(weft__buf_str(&token), (weft__jwt_rules){ .keys = keys, .count = 1 }, WEFT_EINVAL, "no key is of its algorithm and id", __LINE__);
    token_is(weft__buf_str(&lying), (weft__jwt_rules){ .keys = keys, .count = 1 }, WEFT_EINVAL, "its signature is not that of the key", __LINE__);
    weft__buf_free(&token);
    weft__buf_free(&lying);
    weft_jwt_key_close(public);
    weft_jwt_key_close(hmac);
}

WEFT_TEST(a_key_of_one_hash_takes_no_token_of_another)
{
    begin();
    BAD_HEADER("{\"alg\":\"HS384\"}", "no key is of its algorithm and id");
    BAD_HEADER("{\"alg\":\"HS512\"}", "no key is of its algorithm and id");
    end();
}

/* ---- headers ---- */

WEFT_TEST(a_header_is_an_object_of_texts_each_named_once)
{
    begin();
    BAD_HEADER("", "its header is no JSON object");
    BAD_HEADER("[]", "its header is no JSON object");
    BAD_HEADER("\"HS256\"", "its header is no JSON object");
    BAD_HEADER("{\"alg\":\"HS256\"", "its header is no JSON object");
    BAD_HEADER("{\"alg\":\"none\",\"alg\":\"HS256\"}", "its header is no JSON object");
    BAD_HEADER("{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}", "its header is no JSON object");
    BAD_HEADER("{\"alg\":256}", "its alg is no text");
    BAD_HEADER("{\"alg\":null}", "its alg is no text");
    BAD_HEADER("{\"alg\":[\"HS256\"]}", "its alg is no text");
    BAD_HEADER("{\"alg\":\"HS256\",\"kid\":7}", "its kid is no text");
    BAD_HEADER("{\"alg\":\"HS256\",\"typ\":{}}", "its typ is no text");
    IS("{\"\\u0061lg\":\"HS\\u003256\",\"jku\":\"https://evil.example\",\"jwk\":{}}", GOOD, 0, "");
    end();
}

/* RFC 7515, 4.1.11: what is critical and not understood is a reason to refuse. RFC 7797's b64 is one. */
WEFT_TEST(critical_extensions_are_refused)
{
    begin();
    BAD_HEADER("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "it has critical extensions");
    BAD_HEADER("{\"alg\":\"HS256\",\"crit\":[]}", "it has critical extensions");
    BAD_HEADER("{\"alg\":\"HS256\",\"crit\":null}", "it has critical extensions");
    BAD_HEADER("{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", "it has critical extensions");
    end();
}

WEFT_TEST(a_type_is_asked_for_without_case_and_prefix)
{
    begin();
    rules.type = WEFT_S("at+jwt");
    IS("{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", GOOD, 0, "");
    IS("{\"alg\":\"HS256\",\"typ\":\"application/AT+JWT\"}", GOOD, 0, "");
    BAD_HEADER("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "it is of another type");
    BAD_HEADER("{\"alg\":\"HS256\"}", "it is of another type");
    end();
}

/* ---- letters ---- */

WEFT_TEST(a_token_has_three_parts)
{
    static const char *const bad[] = { "", ".", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "...", "....." };
    begin();
    for (size_t i = 0; i < weft_count(bad); i++) token_is(weft_str_of(bad[i]), rules, WEFT_EINVAL, "it has not three parts", __LINE__);
    token_is(WEFT_S(".."), rules, WEFT_EINVAL, "its header is no JSON object", __LINE__);
    token_is((weft_str){ 0 }, rules, WEFT_EINVAL, "it has not three parts", __LINE__);
    end();
}

WEFT_TEST(each_altered_letter_of_a_token_is_noticed)
{
    begin();
    weft__buf token = token_of(HS256, GOOD, key);
    for (size_t i = 0; i < token.len; i++) {
        char was = token.ptr[i];
        for (const char *c = "A_z.=+ "; *c; c++) {
            token.ptr[i] = *c;
            outcome o = read_token(weft__buf_str(&token), rules);
            if (*c != was && o.rc != WEFT_EINVAL) weft__check_fail(__FILE__, __LINE__, "letter %zu became '%c' and was taken", i, *c);
            weft__arena_free(&o.arena);
        }
        token.ptr[i] = was;
    }
    weft__buf_free(&token);
    end();
}

WEFT_TEST(each_beginning_of_a_token_is_refused)
{
    begin();
    weft__buf token = token_of(HS256, GOOD, key);
    for (size_t len = 0; len < token.len; len++) {
        outcome o = read_token((weft_str){ token.ptr, len }, rules);
        WEFT_CHECK_EQ(o.rc, WEFT_EINVAL);
        weft__arena_free(&o.arena);
    }
    weft__buf_free(&token);
    end();
}

WEFT_TEST(a_token_past_its_limits_is_refused_before_it_is_read)
{
    static char long_header[2000], long_claims[20000];
    begin();
    memset(long_header, ' ', sizeof long_header - 1);
    memcpy(long_header, HS256, sizeof HS256 - 1);
    BAD_HEADER(long_header, "its header has more than 1 KiB");
    memset(long_claims, ' ', sizeof long_claims - 1);
    memcpy(long_claims, GOOD, sizeof GOOD - 1);
    REFUSED(long_claims, "it has more than 16 KiB");
    end();
}

/* ---- claims ---- */

WEFT_TEST(a_token_expires_at_its_second_and_leeway_bears_with_that)
{
    begin();
    TAKEN("{\"exp\":1700000001}");
    TAKEN("{\"exp\":1700000000.5}");
    TAKEN("{\"exp\":1.700000001e9}");
    IS(HS256, "{\"exp\":1700000000}", WEFT_ETIMEDOUT, "it has expired");
    IS(HS256, "{\"exp\":0}", WEFT_ETIMEDOUT, "it has expired");
    IS(HS256, "{\"exp\":-1}", WEFT_ETIMEDOUT, "it has expired");
    rules.leeway_s = 30;
    TAKEN("{\"exp\":1699999971}");
    IS(HS256, "{\"exp\":1699999970}", WEFT_ETIMEDOUT, "it has expired");
    end();
}

WEFT_TEST(a_token_that_never_expires_has_to_be_asked_for)
{
    begin();
    REFUSED("{\"sub\":\"ann\"}", "it has no exp");
    REFUSED("{}", "it has no exp");
    rules.without_exp = true;
    TAKEN("{\"sub\":\"ann\"}");
    IS(HS256, "{\"exp\":1}", WEFT_ETIMEDOUT, "it has expired");
    end();
}

WEFT_TEST(times_are_numbers)
{
    begin();
    REFUSED("{\"exp\":\"1700000600\"}", "a time is no number");
    REFUSED("{\"exp\":null}", "a time is no number");
    REFUSED("{\"exp\":true}", "a time is no number");
    REFUSED("{\"exp\":[1700000600]}", "a time is no number");
    REFUSED("{\"exp\":1e400}", "a time is none");
    REFUSED("{\"exp\":1e300}", "a time is none");
    REFUSED("{\"exp\":1700000600,\"nbf\":\"0\"}", "a time is no number");
    REFUSED("{\"exp\":1700000600,\"iat\":{}}", "a time is no number");
    REFUSED("{\"exp\":NaN}", "its claims are no JSON object");
    end();
}

WEFT_TEST(a_token_of_the_future_is_refused)
{
    begin();
    TAKEN("{\"exp\":1700000600,\"nbf\":1700000000,\"iat\":1700000000}");
    REFUSED("{\"exp\":1700000600,\"nbf\":1700000001}", "its nbf lies ahead");
    REFUSED("{\"exp\":1700000600,\"iat\":1700000001}", "its iat lies ahead");
    rules.leeway_s = 1;
    TAKEN("{\"exp\":1700000600,\"nbf\":1700000001,\"iat\":1700000001}");
    end();
}

WEFT_TEST(an_audience_is_a_text_or_among_texts)
{
    begin();
    rules.audience = WEFT_S("shop");
    TAKEN("{\"exp\":1700000600,\"aud\":\"shop\"}");
    TAKEN("{\"exp\":1700000600,\"aud\":[\"bank\",\"shop\"]}");
    REFUSED("{\"exp\":1700000600}", "it has no aud");
    REFUSED("{\"exp\":1700000600,\"aud\":\"Shop\"}", "it is for another audience");
    REFUSED("{\"exp\":1700000600,\"aud\":\"\"}", "it is for another audience");
    REFUSED("{\"exp\":1700000600,\"aud\":[]}", "it is for another audience");
    REFUSED("{\"exp\":1700000600,\"aud\":[\"shop\",7]}", "its aud is neither a text nor a list of texts");
    REFUSED("{\"exp\":1700000600,\"aud\":{\"shop\":1}}", "its aud is neither a text nor a list of texts");
    REFUSED("{\"exp\":1700000600,\"aud\":null}", "its aud is neither a text nor a list of texts");
    end();
}

/* RFC 7519, 4.1.3: who does not find himself among the audience refuses. */
WEFT_TEST(a_token_for_an_audience_is_refused_by_who_has_none)
{
    begin();
    REFUSED("{\"exp\":1700000600,\"aud\":\"shop\"}", "it is for an audience, and none was asked for");
    REFUSED("{\"exp\":1700000600,\"aud\":[]}", "it is for an audience, and none was asked for");
    end();
}

WEFT_TEST(an_issuer_is_compared_when_it_is_asked_for)
{
    begin();
    TAKEN("{\"exp\":1700000600,\"iss\":\"joe\"}");
    REFUSED("{\"exp\":1700000600,\"iss\":7}", "its iss is no text");
    rules.issuer = WEFT_S("joe");
    TAKEN("{\"exp\":1700000600,\"iss\":\"joe\"}");
    TAKEN("{\"exp\":1700000600,\"iss\":\"j\\u006fe\"}");
    REFUSED("{\"exp\":1700000600,\"iss\":\"joe \"}", "it is of another issuer");
    REFUSED("{\"exp\":1700000600}", "it is of another issuer");
    end();
}

WEFT_TEST(claims_that_are_no_json_or_no_model_are_refused)
{
    begin();
    REFUSED("", "its claims are no JSON object");
    REFUSED("[]", "its claims are no JSON object");
    REFUSED("{\"exp\":1700000600", "its claims are no JSON object");
    REFUSED("{\"exp\":1700000600}x", "its claims are no JSON object");
    REFUSED("{\"exp\":1,\"exp\":1700000600}", "its claims are no JSON object");
    REFUSED("{\"exp\":1700000600,\"sub\":\"\xff\"}", "its claims are no JSON object");
    REFUSED("{\"exp\":1700000600,\"sub\":7}", "its claims are not those of the model");
    REFUSED("{\"exp\":1700000600,\"level\":\"high\"}", "its claims are not those of the model");
    REFUSED("{\"exp\":1700000600,\"sub\":\"ann\",\"sub\":\"bob\"}", "its claims are no JSON object");
    end();
}

WEFT_TEST(an_expired_token_is_only_told_so_when_nothing_else_is_wrong)
{
    begin();
    rules.issuer = WEFT_S("joe");
    REFUSED("{\"exp\":1,\"iss\":\"eve\"}", "it is of another issuer");
    IS(HS256, "{\"exp\":1,\"iss\":\"joe\"}", WEFT_ETIMEDOUT, "it has expired");
    end();
}

/* ---- several keys ---- */

WEFT_TEST(of_several_keys_those_of_the_algorithm_and_the_id_are_asked)
{
    weft_jwt_key *old = key_of(WEFT_JWT_HS256, SECRET, "old"), *new = key_of(WEFT_JWT_HS256, "another secret of as many bytes.", "new");
    weft_jwt_key *bare = key_of(WEFT_JWT_HS256, "the third secret, of many bytes.", NULL), *pair = key_of(WEFT_JWT_EDDSA, ED_PRIVATE, "old");
    const weft_jwt_key *keys[] = { new, old, pair, bare };
    const weft__jwt_rules among = { .keys = keys, .count = 4 };
    const struct { const char *header; const weft_jwt_key *signs; int rc; } rows[] = {
        { "{\"alg\":\"HS256\",\"kid\":\"old\"}", old, 0 }, { "{\"alg\":\"HS256\",\"kid\":\"new\"}", new, 0 },
        { "{\"alg\":\"HS256\"}", old, 0 }, { "{\"alg\":\"HS256\",\"kid\":\"any\"}", bare, 0 },
        { "{\"alg\":\"EdDSA\",\"kid\":\"old\"}", pair, 0 }, { "{\"alg\":\"HS256\",\"kid\":\"new\"}", old, WEFT_EINVAL },
        { "{\"alg\":\"HS256\",\"kid\":\"any\"}", old, WEFT_EINVAL }, { "{\"alg\":\"EdDSA\",\"kid\":\"new\"}", pair, WEFT_EINVAL } };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft__buf token = token_of(rows[i].header, GOOD, rows[i].signs);
        outcome o = read_token(weft__buf_str(&token), among);
        if (o.rc != rows[i].rc) weft__check_fail(__FILE__, __LINE__, "row %zu: %d, %s", i, o.rc, o.why ? o.why : "");
        weft__arena_free(&o.arena);
        weft__buf_free(&token);
    }
    weft_jwt_key_close(old);
    weft_jwt_key_close(new);
    weft_jwt_key_close(bare);
    weft_jwt_key_close(pair);
}

WEFT_TEST(without_memory_reading_a_token_says_so)
{
    begin();
    weft__buf token = token_of(HS256, GOOD, key);
    Claims claims;
    const char *why;
    weft_arena arena;
    rules.now_s = NOW;
    weft__arena_init(&arena, NULL, 16);
    int rc = weft__jwt_read(&rules, weft__buf_str(&token), &weft_schema_Claims, &claims, &arena, &why);
    WEFT_CHECK(rc == WEFT_ENOMEM || rc == WEFT_ELIMIT);
    weft__arena_free(&arena);
    weft__buf_free(&token);
    end();
}
