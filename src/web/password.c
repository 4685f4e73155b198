/* Hashes of passwords, computed on threads of their own. */
#include "weft/password.h"
#include "crypto/password.h"
#include "weft/thread.h"

static const weft_threads hashing = { .name = "passwords", .queue_max = 100, .when_full = WEFT_FAIL };

/* Of nobody, at the usual cost: what is computed for an empty hash. */
static const weft_str nobody = WEFT_S("$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");

typedef struct hash_in { weft__argon cost; weft_str password; } hash_in;
typedef struct hash_out { char text[WEFT__PASSWORD_TEXT]; } hash_out;
typedef struct check_in { weft_str password, hash; } check_in;

static int hash_there(const hash_in *in, hash_out *out) { return weft__argon_hash(&in->cost, in->password, out->text); }

static int check_there(const check_in *in, int *out)
{
    int rc = weft__argon_check(in->password, in->hash);
    if (rc < 0) return rc;
    *out = rc;
    return 0;
}

static weft__argon argon_of(const weft_password_cost *cost)
{
    return (weft__argon){ .memory_kib = cost->memory_kib ? (uint32_t)cost->memory_kib : 65536,
        .passes = cost->passes ? (uint32_t)cost->passes : 2, .lanes = 1 };
}

int weft_password_hash_with(weft_str password, weft_str *out, const weft_password_cost *cost)
{
    hash_in in = { argon_of(cost), password };
    hash_out made;
    if (!password.len || password.len > WEFT__PASSWORD_MAX)
        return weft_fail(WEFT_EINVAL, "a password has 1 to %d bytes, this one has %zu", WEFT__PASSWORD_MAX, password.len);
    if (!weft__argon_valid(&in.cost))
        return weft_fail(WEFT_EINVAL, "no cost of a hash: .memory_kib = %d, .passes = %d", cost->memory_kib, cost->passes);
    WEFT_TRY(weft_in_thread_of(&hashing, hash_there, &in, &made));
    weft_str text = weft_format("%s", made.text);
    if (!text.len) return WEFT_ENOMEM;
    *out = text;
    return 0;
}

int weft_password_check(weft_str password, weft_str hash)
{
    weft__argon cost;
    int right = 0;
    check_in in = { password, hash.len ? hash : nobody };
    if (!weft__argon_of(in.hash, &cost))
        return weft_fail(WEFT_EINVAL, "what is kept of a password, %zu bytes, is no Argon2id hash, or one that asks for too much", hash.len);
    if (password.len > WEFT__PASSWORD_MAX) in.password = WEFT_S("");     /* nobody's, and it takes the same time */
    WEFT_TRY(weft_in_thread_of(&hashing, check_there, &in, &right));
    return right && hash.len && in.password.len;
}

bool weft_password_is_stale_with(weft_str hash, const weft_password_cost *cost)
{
    weft__argon wanted = argon_of(cost), has;
    if (!weft__argon_of(hash, &has)) return true;
    return has.memory_kib != wanted.memory_kib || has.passes != wanted.passes || has.lanes != wanted.lanes;
}
