#ifndef WEFT_JWT_H
#define WEFT_JWT_H
/* JSON Web Tokens: claims, signed by one who has a key, that others can check.
 *
 *     WEFT_MODEL(Login, field(weft_str, sub), field(weft_str, scope, .initial = ""));
 *     WEFT_TRY(weft_jwt_write(Login, &(Login){ .sub = user->name }, &token, .key = key, .expires_in_s = 1800));
 *     WEFT_TRY(weft_jwt_read(Login, token, &login, .key = key));
 *
 * (a literal with several members in parentheses: (&(Login){ .sub = name, .scope = "me" })). A key has one algorithm, and a token is good for it only when it says the same one: what a token says never chooses how it is
 * checked. Tokens without a signature ("none"), encrypted ones and those with critical extensions are refused.
 * RFC 7515, 7518, 7519, 8037, 8725                                                Example: examples/tokens.c  */
#include "weft/model.h"

/* ---- keys ---- */

/* HS: one secret that signs and checks. The others have a private key that signs, and a public one that checks. Ed25519 (EDDSA) and
 * ES256 take some 50 to 150 µs each way; RS and PS check in 30 µs and sign in a millisecond or more, on the loop. */
typedef enum weft_jwt_algorithm {
    WEFT_JWT_HS256 = 1, WEFT_JWT_HS384, WEFT_JWT_HS512,
    WEFT_JWT_RS256, WEFT_JWT_RS384, WEFT_JWT_RS512,
    WEFT_JWT_PS256, WEFT_JWT_PS384, WEFT_JWT_PS512,
    WEFT_JWT_ES256, WEFT_JWT_ES384,
    WEFT_JWT_EDDSA
} weft_jwt_algorithm;

/* A key, read once, when the program starts; it never changes, and any thread may use it. */
typedef struct weft_jwt_key weft_jwt_key;

/* Read a key. For HS256, 384 and 512 `material` is the secret itself, at least 32, 48 or 64 bytes (RFC 7518, 3.2) and no PEM text;
 * for the others PEM: a private key (PKCS #8 or the older forms, not encrypted), which signs and checks, or a public one, which checks.
 * RSA: 2048 to 16384 bits; ES256: curve P-256, ES384: P-384; EdDSA: Ed25519. At most 64 KiB.
 * .id: written into tokens as "kid"; a token that names another one is not checked with this key. At most 255 bytes of UTF-8.
 * The key is yours until weft_jwt_key_close. WEFT_EINVAL, recorded: it is no such key. WEFT_ENOMEM. Waits: never. */
typedef struct weft_jwt_key_opts { weft__named_options_only _; const char *id; } weft_jwt_key_opts;
#define weft_jwt_key_open(algorithm, material, out, ...) \
    weft_jwt_key_open_with((algorithm), (material), (out), &(weft_jwt_key_opts){ __VA_ARGS__ })
int weft_jwt_key_open_with(weft_jwt_algorithm, weft_str material, weft_jwt_key **out, const weft_jwt_key_opts *) WEFT_NODISCARD;

/* Give a key back. NULL is fine. Waits: never. */
void weft_jwt_key_close(weft_jwt_key *key);

/* ---- tokens ---- */

/* Sign a model's values as the claims of a token, which lives like weft_alloc's and has at most 16 KiB.
 * .expires_in_s adds "iat" and "exp"; without it the model must have an "exp" of its own, unless .without_exp = true.
 * .issuer and .audience add "iss" and "aud", .type replaces "JWT" in the header ("at+jwt"). What is added must not be a claim of the
 * model's. WEFT_EINVAL, recorded: that, no key or one that cannot sign, values that cannot be written, a claim that readers would
 * refuse. WEFT_ELIMIT, WEFT_ENOMEM. Waits: never; see above for how long it computes. */
typedef struct weft_jwt_write_opts {
    weft__named_options_only _;
    const weft_jwt_key *key;
    int64_t expires_in_s;
    const char *issuer, *audience, *type;
    bool without_exp;
} weft_jwt_write_opts;
#define weft_jwt_write(Model, claims, out, ...) \
    weft_jwt_write_with(&weft_schema_##Model, (const Model *){ (claims) }, (out), &(weft_jwt_write_opts){ __VA_ARGS__ })
int weft_jwt_write_with(const weft_schema *, const void *claims, weft_str *out, const weft_jwt_write_opts *) WEFT_NODISCARD;

/* Check a token and read its claims into a model, as JSON is read; claims that are no members are left out. What the model holds
 * lives like weft_alloc's.
 *
 * .key, or .keys = (const weft_jwt_key *const[]){ now, before, NULL } (at most 8): of those with the token's algorithm, and with its
 * "kid" where both have one, one must have signed it.
 * "exp" must be there, unless .without_exp = true, and must not have come; "nbf" and "iat" must not lie ahead; .leeway_s (0)
 * bears with clocks that differ. .audience: "aud" is it or holds it; a token with an audience is refused where none is asked
 * for. .issuer: "iss" is it. .type: "typ" is it, without case and with or without "application/"; say it where tokens of several
 * kinds are signed with one key.
 *
 * A token that is not good is WEFT_STATUS(401), recorded with the text "Could not validate credentials" or, of one that was good,
 * "The token has expired", for the client, WWW-Authenticate: Bearer error="invalid_token", and the reason in its trace.
 * WEFT_EINVAL: no key. WEFT_ENOMEM, WEFT_ELIMIT: no room for its claims. *out is then not to be used.
 * Waits: never. At most 16 KiB, of which 1 KiB for the header. */
typedef struct weft_jwt_read_opts {
    weft__named_options_only _;
    const weft_jwt_key *key;
    const weft_jwt_key *const *keys;
    int64_t leeway_s;
    const char *issuer, *audience, *type;
    bool without_exp;
} weft_jwt_read_opts;
#define weft_jwt_read(Model, token, out, ...) \
    weft_jwt_read_with(&weft_schema_##Model, (token), (Model *){ (out) }, &(weft_jwt_read_opts){ __VA_ARGS__ })
int weft_jwt_read_with(const weft_schema *, weft_str token, void *out, const weft_jwt_read_opts *) WEFT_NODISCARD;
#endif
