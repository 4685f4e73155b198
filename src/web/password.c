/* Hashes of passwords, computed on threads of their own. */
#include "weft/password.h"
#include <stdio.h>
#include "crypto/password.h"
#include "weft/thread.h"

static const weft_threads hashing = { .name = "passwords", .queue_max = 100, .when_full = WEFT_FAIL };

/* What hashes of this program cost, of any thread: each one number, so that none is read by halves. 0: none was seen. */
static uint64_t last_given, last_checked;

static void remember(uint64_t *which, const weft__argon *a)
{
    __atomic_store_n(which, (uint64_t)a->memory_kib << 32 | a->passes << 16 | a->lanes, __ATOMIC_RELAXED);
}

static bool recall(const uint64_t *which, weft__argon *out)
{
    uint64_t n = __atomic_load_n(which, __ATOMIC_RELAXED);
    if (n) *out = (weft__argon){ (uint32_t)(n >> 32), (uint32_t)(n >> 16 & 0xffff), (uint32_t)(n & 0xffff) };
    return n;
}

/* Of nobody: what is computed for an empty hash, at the cost of others. */
static weft_str nobody(char room[WEFT__PASSWORD_TEXT])
{
    weft__argon a = { 65536, 2, 1 };
    if (!recall(&last_checked, &a)) (void)recall(&last_given, &a);
    int n = snprintf(room, WEFT__PASSWORD_TEXT, "$argon2id$v=19$m=%u,t=%u,p=%u$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        a.memory_kib, a.passes, a.lanes);
    return (weft_str){ room, (size_t)n };
}

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

static bool is_given(const weft_password_cost *cost) { return cost->memory_kib || cost->passes; }

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
    remember(&last_given, &in.cost);
    WEFT_TRY(weft_in_thread_of(&hashing, hash_there, &in, &made));
    weft_str text = weft_format("%s", made.text);
    if (!text.len) return WEFT_ENOMEM;
    *out = text;
    return 0;
}

int weft_password_check_with(weft_str password, weft_str hash, const weft_password_cost *given)
{
    weft__argon cost = argon_of(given);
    int right = 0;
    char room[WEFT__PASSWORD_TEXT];
    if (!weft__argon_valid(&cost))
        return weft_fail(WEFT_EINVAL, "no cost of a hash: .memory_kib = %d, .passes = %d", given->memory_kib, given->passes);
    if (is_given(given)) remember(&last_given, &cost);
    check_in in = { password, hash.len ? hash : nobody(room) };
    if (!weft__argon_of(in.hash, &cost))
        return weft_fail(WEFT_EINVAL, "what is kept of a password, %zu bytes, is no Argon2id hash, or one that asks for too much", hash.len);
    if (hash.len) remember(&last_checked, &cost);
    if (password.len > WEFT__PASSWORD_MAX) in.password = WEFT_S("");     /* nobody's, and it takes the same time */
    WEFT_TRY(weft_in_thread_of(&hashing, check_there, &in, &right));
    return right && hash.len && in.password.len;
}

bool weft_password_is_stale_with(weft_str hash, const weft_password_cost *cost)
{
    weft__argon wanted = argon_of(cost), has;
    if (is_given(cost) && weft__argon_valid(&wanted)) remember(&last_given, &wanted);
    if (!weft__argon_of(hash, &has)) return true;
    return has.memory_kib != wanted.memory_kib || has.passes != wanted.passes || has.lanes != wanted.lanes;
}
