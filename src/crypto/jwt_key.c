/* Keys of tokens, each with its one algorithm: read, signed and checked with. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include "base/mem.h"
#include "crypto/jwt.h"
#include "crypto/secret.h"
#include "wire/utf8.h"

typedef enum family { HMAC_OF, RSA_PKCS1, RSA_PSS, EC_OF, EDWARDS } family;

typedef struct algorithm {
    const char *name;
    family family;
    int bits;                        /* of the hash; EdDSA has its own */
    const char *curve;
} algorithm;

static const algorithm algorithms[] = {
    [WEFT_JWT_HS256] = { "HS256", HMAC_OF, 256, NULL },
    [WEFT_JWT_HS384] = { "HS384", HMAC_OF, 384, NULL },
    [WEFT_JWT_HS512] = { "HS512", HMAC_OF, 512, NULL },
    [WEFT_JWT_RS256] = { "RS256", RSA_PKCS1, 256, NULL },
    [WEFT_JWT_RS384] = { "RS384", RSA_PKCS1, 384, NULL },
    [WEFT_JWT_RS512] = { "RS512", RSA_PKCS1, 512, NULL },
    [WEFT_JWT_PS256] = { "PS256", RSA_PSS, 256, NULL },
    [WEFT_JWT_PS384] = { "PS384", RSA_PSS, 384, NULL },
    [WEFT_JWT_PS512] = { "PS512", RSA_PSS, 512, NULL },
    [WEFT_JWT_ES256] = { "ES256", EC_OF, 256, "prime256v1" },
    [WEFT_JWT_ES384] = { "ES384", EC_OF, 384, "secp384r1" },
    [WEFT_JWT_EDDSA] = { "EdDSA", EDWARDS, 0, NULL },
};

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384, SIGNATURE_MAX = RSA_BITS_MAX / 8 };

struct weft_jwt_key {
    const algorithm *algorithm;
    EVP_PKEY *pkey;                  /* NULL: of an HMAC, whose secret follows */
    bool is_private;
    size_t id_len, secret_len;
    char bytes[];                    /* id, NUL, secret */
};

const char *weft__jwt_key_name(const weft_jwt_key *key) { return key->algorithm->name; }
weft_str weft__jwt_key_id(const weft_jwt_key *key) { return (weft_str){ key->bytes, key->id_len }; }
bool weft__jwt_key_signs(const weft_jwt_key *key) { return !key->pkey || key->is_private; }

static const EVP_MD *hash_of(const algorithm *a)
{
    switch (a->bits) {
    case 256: return EVP_sha256();
    case 384: return EVP_sha384();
    case 512: return EVP_sha512();
    default: return NULL;
    }
}

/* ---- reading keys ---- */

static int no_password(char *to, int room, int writes, void *ctx)
{
    (void)to;
    (void)room;
    (void)writes;
    (void)ctx;
    return -1;
}

/* NULL when it is neither. */
static EVP_PKEY *read_pem(weft_str text, bool *is_private)
{
    BIO *in = BIO_new_mem_buf(text.ptr, (int)text.len);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
    *is_private = key != NULL;
    if (in && !key) {
        (void)BIO_reset(in);
        key = PEM_read_bio_PUBKEY(in, NULL, no_password, NULL);
    }
    BIO_free(in);
    return key;
}

static const char *fault_of_curve(const algorithm *a, EVP_PKEY *key)
{
    char name[64];
    size_t len;
    if (!EVP_PKEY_is_a(key, "EC")) return "it is no key of an elliptic curve";
    if (!EVP_PKEY_get_group_name(key, name, sizeof name, &len)) return "its curve has no name";
    return strcmp(name, a->curve) == 0 ? NULL : "it is of another curve";
}

static const char *fault_of(const algorithm *a, EVP_PKEY *key)
{
    if (a->family == EC_OF) return fault_of_curve(a, key);
    if (a->family == EDWARDS) return EVP_PKEY_is_a(key, "ED25519") ? NULL : "it is no Ed25519 key";
    bool fits = EVP_PKEY_is_a(key, "RSA") || (a->family == RSA_PSS && EVP_PKEY_is_a(key, "RSA-PSS"));
    if (!fits) return "it is no RSA key";
    int bits = EVP_PKEY_get_bits(key);
    if (bits < RSA_BITS_MIN) return "it has less than 2048 bits";
    return bits > RSA_BITS_MAX ? "it has more than 16384 bits" : NULL;
}

static bool holds(weft_str text, weft_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (memcmp(text.ptr + i, part.ptr, part.len) == 0) return true;
    return false;
}

/* A public key in the place of a secret is what everybody has: whoever opens one so would take tokens that anybody signs. */
static const char *fault_of_secret(const algorithm *a, weft_str secret)
{
    if (secret.len < (size_t)a->bits / 8) return "the secret is shorter than its algorithm's hash";
    if (holds(secret, WEFT_S("-----BEGIN "))) return "a PEM text is no secret";
    return NULL;
}

static weft_jwt_key *key_new(const algorithm *a, const char *id, weft_str secret)
{
    size_t id_len = id ? strlen(id) : 0;
    weft_jwt_key *key = weft__malloc(sizeof *key + id_len + 1 + secret.len);
    if (!key) return NULL;
    *key = (weft_jwt_key){ .algorithm = a, .id_len = id_len, .secret_len = secret.len };
    if (id_len) memcpy(key->bytes, id, id_len);
    key->bytes[id_len] = 0;
    if (secret.len) memcpy(key->bytes + id_len + 1, secret.ptr, secret.len);
    return key;
}

static weft_str secret_of(const weft_jwt_key *key)
{
    return (weft_str){ key->bytes + key->id_len + 1, key->secret_len };
}

static int open_pem(const algorithm *a, weft_str material, const char *id, weft_jwt_key **out, const char **why)
{
    bool is_private;
    ERR_set_mark();
    EVP_PKEY *pkey = read_pem(material, &is_private);
    *why = pkey ? fault_of(a, pkey) : "it is no key in PEM, or an encrypted one";
    ERR_pop_to_mark();
    weft_jwt_key *key = *why ? NULL : key_new(a, id, (weft_str){ "", 0 });
    if (!key) {
        EVP_PKEY_free(pkey);
        return *why ? WEFT_EINVAL : WEFT_ENOMEM;
    }
    key->pkey = pkey;
    key->is_private = is_private;
    *out = key;
    return 0;
}

int weft__jwt_key_open(weft_jwt_algorithm algorithm_, weft_str material, const char *id, weft_jwt_key **out, const char **why)
{
    size_t id_len = id ? strnlen(id, WEFT__JWT_ID_MAX + 1) : 0;
    *why = "there is no such algorithm";
    if (algorithm_ < WEFT_JWT_HS256 || algorithm_ > WEFT_JWT_EDDSA) return WEFT_EINVAL;
    *why = "its id has more than 255 bytes, or is no UTF-8";
    if (id_len > WEFT__JWT_ID_MAX || (id && !weft__utf8_valid(id, id_len))) return WEFT_EINVAL;
    *why = "it is empty, or has more than 64 KiB";
    if (!material.len || material.len > WEFT__JWT_MATERIAL_MAX) return WEFT_EINVAL;
    const algorithm *a = &algorithms[algorithm_];
    if (a->family != HMAC_OF) return open_pem(a, material, id, out, why);
    *why = fault_of_secret(a, material);
    if (*why) return WEFT_EINVAL;
    weft_jwt_key *key = key_new(a, id, material);
    if (!key) return WEFT_ENOMEM;
    *out = key;
    return 0;
}

void weft_jwt_key_close(weft_jwt_key *key)
{
    if (!key) return;
    EVP_PKEY_free(key->pkey);
    weft__wipe(key->bytes, key->id_len + 1 + key->secret_len);
    weft__free(key);
}

/* ---- codes of secrets ---- */

/* How many bytes it has; 0: the library has no memory. */
static unsigned hmac(const weft_jwt_key *key, weft_str bytes, uint8_t code[EVP_MAX_MD_SIZE])
{
    weft_str secret = secret_of(key);
    unsigned len = 0;
    ERR_set_mark();
    if (!HMAC(hash_of(key->algorithm), secret.ptr, (int)secret.len, (const uint8_t *)bytes.ptr, bytes.len, code, &len)) len = 0;
    ERR_pop_to_mark();
    return len;
}

/* ---- signatures of key pairs ---- */

/* Tokens have the two numbers of a curve's signature one behind the other, the library an ASN.1 sequence of them. RFC 7518, 3.4 */
static int ec_to_token(const algorithm *a, const uint8_t *der, size_t len, weft__buf *out)
{
    const BIGNUM *r, *s;
    int half = a->bits / 8;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    char *to = pair ? weft__buf_reserve(out, 2 * (size_t)half) : NULL;
    bool good = false;
    if (to) {
        ECDSA_SIG_get0(pair, &r, &s);
        good = BN_bn2binpad(r, (uint8_t *)to, half) == half && BN_bn2binpad(s, (uint8_t *)to + half, half) == half;
        if (good) out->len += 2 * (size_t)half;
    }
    ECDSA_SIG_free(pair);
    return good ? 0 : out->failed ? out->failed : WEFT_EINVAL;
}

/* Into `der`, which has SIGNATURE_MAX bytes; 0 when it is none. */
static size_t ec_from_token(const algorithm *a, weft_str signature, uint8_t *der)
{
    int half = a->bits / 8, len = 0;
    if (signature.len != 2 * (size_t)half) return 0;
    const uint8_t *at = (const uint8_t *)signature.ptr;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(at, half, NULL), *s = BN_bin2bn(at + half, half, NULL);
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s)) {
        len = i2d_ECDSA_SIG(pair, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return len > 0 ? (size_t)len : 0;
}

/* PSS has a salt as long as the hash: RFC 7518, 3.5 */
static bool set_padding(const algorithm *a, EVP_PKEY_CTX *ctx)
{
    if (a->family != RSA_PSS) return true;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* How long it is; 0: refused. */
static size_t pair_sign(const weft_jwt_key *key, weft_str bytes, uint8_t *to)
{
    EVP_PKEY_CTX *ctx = NULL;
    size_t len = SIGNATURE_MAX;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md && EVP_DigestSignInit(md, &ctx, hash_of(key->algorithm), NULL, key->pkey) > 0 &&
                set_padding(key->algorithm, ctx) && EVP_DigestSign(md, to, &len, (const uint8_t *)bytes.ptr, bytes.len) > 0;
    EVP_MD_CTX_free(md);
    return good ? len : 0;
}

static bool pair_verify(const weft_jwt_key *key, weft_str bytes, const uint8_t *signature, size_t len)
{
    EVP_PKEY_CTX *ctx = NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool good = md && EVP_DigestVerifyInit(md, &ctx, hash_of(key->algorithm), NULL, key->pkey) > 0 &&
                set_padding(key->algorithm, ctx) &&
                EVP_DigestVerify(md, signature, len, (const uint8_t *)bytes.ptr, bytes.len) == 1;
    EVP_MD_CTX_free(md);
    return good;
}

int weft__jwt_sign(const weft_jwt_key *key, weft_str bytes, weft__buf *out)
{
    uint8_t signature[SIGNATURE_MAX];
    int rc = 0;
    ERR_set_mark();
    size_t len = key->pkey ? pair_sign(key, bytes, signature) : hmac(key, bytes, signature);
    if (!len) rc = WEFT_EINVAL;
    else if (key->algorithm->family == EC_OF) rc = ec_to_token(key->algorithm, signature, len, out);
    else weft__buf_add(out, signature, len);
    ERR_pop_to_mark();
    return rc ? rc : out->failed;
}

bool weft__jwt_verify(const weft_jwt_key *key, weft_str bytes, weft_str signature)
{
    uint8_t code[SIGNATURE_MAX];
    if (!key->pkey) {
        size_t len = hmac(key, bytes, code);
        return len && weft_same_secret((weft_str){ (char *)code, len }, signature);
    }
    const uint8_t *at = (const uint8_t *)signature.ptr;
    size_t len = signature.len;
    ERR_set_mark();
    if (key->algorithm->family == EC_OF) {
        len = ec_from_token(key->algorithm, signature, code);
        at = code;
    }
    bool good = len && pair_verify(key, bytes, at, len);
    ERR_pop_to_mark();
    return good;
}
