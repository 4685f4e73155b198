/* Keys: which are taken, and what is signed with them. */
#include <openssl/err.h>
#include <string.h>
#include "crypto/base64url.h"
#include "crypto/jwt.h"
#include "keys.h"
#include "support/failing.h"
#include "weft/check.h"

static const char *why;

static int open_key(weft_jwt_algorithm algorithm, weft_str material, weft_jwt_key **out)
{
    *out = NULL;
    return weft__jwt_key_open(algorithm, material, NULL, out, &why);
}

static weft_jwt_key *key_of(weft_jwt_algorithm algorithm, const char *material)
{
    weft_jwt_key *key;
    WEFT_NEED(open_key(algorithm, weft_str_of(material), &key) == 0);
    return key;
}

static void refused(weft_jwt_algorithm algorithm, const char *material, const char *expected)
{
    weft_jwt_key *key;
    WEFT_CHECK_EQ(open_key(algorithm, weft_str_of(material), &key), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(why), expected);
    WEFT_CHECK(key == NULL);
    WEFT_CHECK_EQ(ERR_peek_error(), 0);
}

#define S16 "0123456789abcdef"

WEFT_TEST(a_secret_is_at_least_as_long_as_its_hash)
{
    static const char *const shorter = "the secret is shorter than its algorithm's hash";
    refused(WEFT_JWT_HS256, S16 "0123456789abcde", shorter);
    refused(WEFT_JWT_HS384, S16 S16 "0123456789abcde", shorter);
    refused(WEFT_JWT_HS512, S16 S16 S16 "0123456789abcde", shorter);
    weft_jwt_key_close(key_of(WEFT_JWT_HS256, S16 S16));
    weft_jwt_key_close(key_of(WEFT_JWT_HS384, S16 S16 S16));
    weft_jwt_key_close(key_of(WEFT_JWT_HS512, S16 S16 S16 S16));
}

/* RFC 8725, 2.1: who has the public key could sign with it. */
WEFT_TEST(a_public_key_is_never_taken_for_a_secret)
{
    refused(WEFT_JWT_HS256, RSA_PUBLIC, "a PEM text is no secret");
    refused(WEFT_JWT_HS512, "  " P256_PUBLIC, "a PEM text is no secret");
}

WEFT_TEST(a_key_is_of_the_kind_that_its_algorithm_asks_for)
{
    refused(WEFT_JWT_RS256, P256_PUBLIC, "it is no RSA key");
    refused(WEFT_JWT_PS256, ED_PRIVATE, "it is no RSA key");
    refused(WEFT_JWT_ES256, RSA_PUBLIC, "it is no key of an elliptic curve");
    refused(WEFT_JWT_ES256, P384_PUBLIC, "it is of another curve");
    refused(WEFT_JWT_ES256, K256_PRIVATE, "it is of another curve");
    refused(WEFT_JWT_ES384, P256_PRIVATE, "it is of another curve");
    refused(WEFT_JWT_EDDSA, P256_PUBLIC, "it is no Ed25519 key");
    refused(WEFT_JWT_EDDSA, X25519_PRIVATE, "it is no Ed25519 key");
    refused(WEFT_JWT_RS256, RSA_1024, "it has less than 2048 bits");
}

WEFT_TEST(what_is_no_key_is_refused_and_leaves_no_error_behind)
{
    static const char *const no_pem = "it is no key in PEM, or an encrypted one";
    refused(WEFT_JWT_RS256, "hello", no_pem);
    refused(WEFT_JWT_RS256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", no_pem);
    refused(WEFT_JWT_EDDSA, ED_LOCKED, no_pem);
    refused(WEFT_JWT_EDDSA, "", "it is empty, or has more than 64 KiB");
    refused((weft_jwt_algorithm)0, S16 S16, "there is no such algorithm");
    refused((weft_jwt_algorithm)99, S16 S16, "there is no such algorithm");
}

WEFT_TEST(an_id_is_utf8_and_short)
{
    weft_jwt_key *key = NULL;
    char id[300];
    memset(id, 'x', sizeof id);
    id[256] = 0;
    WEFT_CHECK_EQ(weft__jwt_key_open(WEFT_JWT_HS256, WEFT_S(S16 S16), id, &key, &why), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__jwt_key_open(WEFT_JWT_HS256, WEFT_S(S16 S16), "\xff", &key, &why), WEFT_EINVAL);
    id[255] = 0;
    WEFT_CHECK_EQ(weft__jwt_key_open(WEFT_JWT_HS256, WEFT_S(S16 S16), id, &key, &why), 0);
    WEFT_CHECK_EQ(weft__jwt_key_id(key).len, 255);
    weft_jwt_key_close(key);
}

WEFT_TEST(without_memory_no_key_is_opened_and_nothing_is_lost)
{
    static const struct { weft_jwt_algorithm algorithm; weft_str material; } rows[] = { { WEFT_JWT_HS256, WEFT_S(S16 S16) }, { WEFT_JWT_ES256, WEFT_S(P256_PUBLIC) } };
    for (size_t k = 0; k < weft_count(rows); k++) {
        FAIL_EACH_IN_TURN(i) {
            weft_jwt_key *key;
            int rc = open_key(rows[k].algorithm, rows[k].material, &key);
            WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
            weft_jwt_key_close(key);
        }
    }
}

/* ---- signatures ---- */

static const struct { weft_jwt_algorithm algorithm; const char *signs, *checks; size_t bytes; } pairs[] = {
    { WEFT_JWT_HS256, S16 S16, S16 S16, 32 },
    { WEFT_JWT_HS384, S16 S16 S16, S16 S16 S16, 48 },
    { WEFT_JWT_HS512, S16 S16 S16 S16, S16 S16 S16 S16, 64 },
    { WEFT_JWT_RS256, RSA_PRIVATE, RSA_PUBLIC, 256 },
    { WEFT_JWT_RS384, RSA_PRIVATE, RSA_PUBLIC, 256 },
    { WEFT_JWT_RS512, RSA_PRIVATE, RSA_PUBLIC, 256 },
    { WEFT_JWT_PS256, RSA_PRIVATE, RSA_PUBLIC, 256 },
    { WEFT_JWT_PS384, RSA_PRIVATE, RSA_PUBLIC, 256 },
    { WEFT_JWT_PS512, RSA_PRIVATE, RSA_PUBLIC, 256 },
    { WEFT_JWT_ES256, P256_PRIVATE, P256_PUBLIC, 64 },
    { WEFT_JWT_ES384, P384_PRIVATE, P384_PUBLIC, 96 },
    { WEFT_JWT_EDDSA, ED_PRIVATE, ED_PUBLIC, 64 },
};

static void check_pair(size_t i)
{
    static const weft_str bytes = WEFT_S("what is signed");
    weft_jwt_key *private = key_of(pairs[i].algorithm, pairs[i].signs), *public = key_of(pairs[i].algorithm, pairs[i].checks);
    weft__buf out;
    weft__buf_init(&out, 4096);
    WEFT_CHECK_EQ(weft__jwt_sign(private, bytes, &out), 0);
    WEFT_CHECK_EQ(out.len, pairs[i].bytes);
    WEFT_CHECK(weft__jwt_verify(public, bytes, weft__buf_str(&out)));
    WEFT_CHECK(weft__jwt_verify(private, bytes, weft__buf_str(&out)));
    WEFT_CHECK(!weft__jwt_verify(public, WEFT_S("what is Signed"), weft__buf_str(&out)));
    WEFT_CHECK(!weft__jwt_verify(public, bytes, (weft_str){ out.ptr, out.len - 1 }));
    WEFT_CHECK(!weft__jwt_verify(public, bytes, WEFT_S("")));
    out.ptr[out.len / 2] ^= 1;
    WEFT_CHECK(!weft__jwt_verify(public, bytes, weft__buf_str(&out)));
    memset(out.ptr, 0, out.len);
    WEFT_CHECK(!weft__jwt_verify(public, bytes, weft__buf_str(&out)));
    WEFT_CHECK_EQ(ERR_peek_error(), 0);
    WEFT_CHECK_EQ(weft__jwt_key_signs(public), pairs[i].algorithm <= WEFT_JWT_HS512);
    weft__buf_free(&out);
    weft_jwt_key_close(private);
    weft_jwt_key_close(public);
}

WEFT_TEST(what_one_half_of_a_key_signs_the_other_checks_and_nothing_else)
{
    for (size_t i = 0; i < weft_count(pairs); i++) check_pair(i);
}

WEFT_TEST(a_public_key_cannot_sign)
{
    weft_jwt_key *key = key_of(WEFT_JWT_ES256, P256_PUBLIC);
    weft__buf out;
    weft__buf_init(&out, 4096);
    WEFT_CHECK_EQ(weft__jwt_sign(key, WEFT_S("x"), &out), WEFT_EINVAL);
    WEFT_CHECK_EQ(ERR_peek_error(), 0);
    weft__buf_free(&out);
    weft_jwt_key_close(key);
}

/* The numbers of a signature as ASN.1, which other tools write, are no signature of a token. */
WEFT_TEST(signatures_of_curves_have_one_form)
{
    static const char der[] = "\x30\x06\x02\x01\x01\x02\x01\x01";
    weft_jwt_key *key = key_of(WEFT_JWT_ES256, P256_PUBLIC);
    WEFT_CHECK(!weft__jwt_verify(key, WEFT_S("x"), (weft_str){ der, 8 }));
    weft_jwt_key_close(key);
}

/* RFC 8037, A.4: Ed25519 signs the same bytes the same way each time. */
WEFT_TEST(eddsa_signs_as_the_rfc_does)
{
    static const weft_str bytes = WEFT_S("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    weft_jwt_key *key = key_of(WEFT_JWT_EDDSA, RFC_ED_PRIVATE), *public = key_of(WEFT_JWT_EDDSA, RFC_ED_PUBLIC);
    weft__buf out, letters;
    weft__buf_init(&out, 4096);
    weft__buf_init(&letters, 4096);
    WEFT_CHECK_EQ(weft__jwt_sign(key, bytes, &out), 0);
    weft__base64url_write(&letters, out.ptr, out.len);
    WEFT_CHECK_STR(weft__buf_str(&letters), "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
    WEFT_CHECK(weft__jwt_verify(public, bytes, weft__buf_str(&out)));
    weft__buf_free(&out);
    weft__buf_free(&letters);
    weft_jwt_key_close(key);
    weft_jwt_key_close(public);
}

/* A queue of errors that others read, TLS above all, must not have ours in it, nor lack its own. */
WEFT_TEST(errors_of_the_library_that_were_there_before_stay_alone)
{
    weft_jwt_key *key = key_of(WEFT_JWT_RS256, RSA_PUBLIC);
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 77);
    WEFT_CHECK(!weft__jwt_verify(key, WEFT_S("x"), WEFT_S("no signature")));
    weft_jwt_key_close(key);
    WEFT_CHECK(open_key(WEFT_JWT_RS256, WEFT_S("no key"), &key) < 0 && !key);
    WEFT_CHECK_EQ(ERR_GET_REASON(ERR_get_error()), 77);
    WEFT_CHECK_EQ(ERR_get_error(), 0);
}
