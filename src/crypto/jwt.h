#ifndef WEFT_SRC_CRYPTO_JWT_H
#define WEFT_SRC_CRYPTO_JWT_H
#include "base/arena.h"
#include "base/buf.h"
#include "weft/jwt.h"

/* JSON Web Tokens as functions of bytes, keys and a time. `why` is static text for a log, never for a client. Whatever OpenSSL
 * says of its errors is taken back before a function returns: nothing of it is left in the thread's queue for others to
 * take for theirs, and what was there before stays. */
enum { WEFT__JWT_MAX = 16 * 1024, WEFT__JWT_HEADER_MAX = 1024, WEFT__JWT_KEYS_MAX = 8, WEFT__JWT_ID_MAX = 255,
    WEFT__JWT_MATERIAL_MAX = 64 * 1024 };

/* ---- jwt_key.c ---- */

/* 0; WEFT_EINVAL with *why, WEFT_ENOMEM. */
int weft__jwt_key_open(weft_jwt_algorithm, weft_str material, const char *id, weft_jwt_key **out, const char **why) WEFT_NODISCARD;
const char *weft__jwt_key_name(const weft_jwt_key *key);     /* of its algorithm, as tokens say it */
weft_str weft__jwt_key_id(const weft_jwt_key *key);          /* empty: none */
bool weft__jwt_key_signs(const weft_jwt_key *key);

/* Append the signature of bytes, as it is (no base64). 0; WEFT_EINVAL: the library refused; or out->failed. */
int weft__jwt_sign(const weft_jwt_key *key, weft_str bytes, weft__buf *out) WEFT_NODISCARD;
bool weft__jwt_verify(const weft_jwt_key *key, weft_str bytes, weft_str signature);

/* ---- jwt_read.c ---- */

typedef struct weft__jwt_rules {
    const weft_jwt_key *const *keys;
    size_t count;
    int64_t now_s, leeway_s;
    weft_str issuer, audience, type; /* empty: not asked for */
    bool without_exp;
    bool shape_only;                 /* times and audiences have only to be some: of a token that is being written */
} weft__jwt_rules;

/* Check a token and read its claims; what they hold lies in the arena. 0; WEFT_EINVAL: it is not good, *why says what is wrong;
 * WEFT_ETIMEDOUT: it was, and has expired; WEFT_ENOMEM, WEFT_ELIMIT: of the arena. */
int weft__jwt_read(const weft__jwt_rules *rules, weft_str token, const weft_schema *schema, void *claims, weft_arena *arena,
    const char **why) WEFT_NODISCARD;

/* What the claims say of themselves, against the rules; the same codes. */
int weft__jwt_judge(const weft__jwt_rules *rules, weft_str payload, weft_arena *arena, const char **why) WEFT_NODISCARD;

/* ---- jwt_write.c ---- */

typedef struct weft__jwt_added {
    weft_str issuer, audience, type; /* empty: not added */
    int64_t now_s, expires_in_s;     /* 0: not added */
    bool without_exp;
} weft__jwt_added;

/* Append a token. 0; WEFT_EINVAL with *why; out->failed. `fault` says more of values that cannot be written. */
int weft__jwt_write(const weft_jwt_key *key, const weft__jwt_added *added, const weft_schema *schema, const void *claims,
    weft_arena *arena, weft__buf *out, const char **why, char fault[240]) WEFT_NODISCARD;
#endif
