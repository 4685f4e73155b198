/* Passwords as programs keep them. */
#include <string.h>
#include <time.h>
#include "weft.h"

static int keep_and_check(void)
{
    weft_str hash = { 0 };
    WEFT_TRY(weft_password_hash(WEFT_S("correct horse"), &hash, .memory_kib = 8, .passes = 1));
    WEFT_CHECK_EQ(weft_password_check(WEFT_S("correct horse"), hash), 1);
    WEFT_CHECK_EQ(weft_password_check(WEFT_S("battery staple"), hash), 0);
    WEFT_CHECK_EQ(weft_password_check(WEFT_S(""), hash), 0);
    WEFT_CHECK(!weft_password_is_stale(hash, .memory_kib = 8, .passes = 1));
    WEFT_CHECK(weft_password_is_stale(hash));
    WEFT_CHECK(weft_password_is_stale(WEFT_S("")));
    return 0;
}

WEFT_TEST(a_password_that_was_kept_is_known_again) { WEFT_CHECK_EQ(weft_test_run(keep_and_check), 0); }

static int costs_of_a_hash(void)
{
    weft_str hash = { 0 };
    WEFT_TRY(weft_password_hash(WEFT_S("correct horse"), &hash));
    WEFT_CHECK(strncmp(hash.ptr, "$argon2id$v=19$m=65536,t=2,p=1$", 31) == 0);
    WEFT_CHECK(!weft_password_is_stale(hash));
    return 0;
}

WEFT_TEST(a_hash_takes_64_mib_twice) { WEFT_CHECK_EQ(weft_test_run(costs_of_a_hash), 0); }

/* The hash that is computed in its place must be one, else names without users would be answered at once, and 500. */
static int nobody(void) { return weft_password_check(WEFT_S("correct horse"), WEFT_S("")); }

WEFT_TEST(the_password_of_nobody_is_wrong_and_no_error) { WEFT_CHECK_EQ(weft_test_run(nobody), 0); }

/* CPU time of a check of nobody against that of a hash that costs eight thousand times as much: seen, given, and said with the check itself. */
static double ms_of(weft_str hash)
{
    clock_t from = clock();
    WEFT_CHECK_EQ(weft_password_check(WEFT_S("x"), hash), 0);
    return (double)(clock() - from) * 1e3 / CLOCKS_PER_SEC;
}
static int costs_of_nobody(void)
{
    static const weft_str usual = WEFT_S("$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    weft_str cheap = { 0 };
    clock_t from = clock();
    WEFT_CHECK_EQ(weft_password_check(WEFT_S("x"), WEFT_S(""), .memory_kib = 8, .passes = 1), 0);
    double said = (double)(clock() - from) * 1e3 / CLOCKS_PER_SEC;
    WEFT_TRY(weft_password_hash(WEFT_S("y"), &cheap, .memory_kib = 8, .passes = 1));
    double given = ms_of(WEFT_S("")), dear = ms_of(usual), seen = ms_of(WEFT_S("")), small = ms_of(cheap), after = ms_of(WEFT_S(""));
    WEFT_CHECK(said < dear / 4 && given < dear / 4 && small < dear / 4 && after < dear / 4);
    WEFT_CHECK(seen > dear / 4);
    WEFT_CHECK_EQ(weft_password_check(WEFT_S("x"), cheap, .memory_kib = 7), WEFT_EINVAL);
    return 0;
}

WEFT_TEST(the_password_of_nobody_costs_what_those_of_others_do) { WEFT_CHECK_EQ(weft_test_run(costs_of_nobody), 0); }

static int foreign(void)
{
    static const weft_str bcrypt = WEFT_S("$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW");
    WEFT_CHECK_EQ(weft_password_check(WEFT_S("secret"), bcrypt), WEFT_EINVAL);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EINVAL)->text, "no Argon2id hash") != NULL);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EINVAL)->text, "Eix") == NULL);
    WEFT_CHECK(weft_password_is_stale(bcrypt));
    return weft_password_check(WEFT_S("secret"), WEFT_S("$argon2id$v=19$m=4194304,t=100,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw"));
}

WEFT_TEST(a_foreign_hash_is_an_error_of_the_program) { WEFT_CHECK_EQ(weft_test_run(foreign), WEFT_EINVAL); }

static int long_passwords(void)
{
    static char text[1025];
    weft_str hash = { 0 }, longest = { text, 1024 }, longer = { text, 1025 };
    memset(text, 'x', sizeof text);
    WEFT_CHECK_EQ(weft_password_hash(longer, &hash, .memory_kib = 8, .passes = 1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_password_hash(WEFT_S(""), &hash, .memory_kib = 8, .passes = 1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_password_hash(WEFT_S("x"), &hash, .memory_kib = 7, .passes = 1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_password_hash(WEFT_S("x"), &hash, .memory_kib = -8, .passes = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_password_hash(WEFT_S("x"), &hash, .memory_kib = 8, .passes = 17), WEFT_EINVAL);
    WEFT_TRY(weft_password_hash(longest, &hash, .memory_kib = 8, .passes = 1));
    WEFT_CHECK_EQ(weft_password_check(longest, hash), 1);
    WEFT_CHECK_EQ(weft_password_check(longer, hash), 0);
    return 0;
}

WEFT_TEST(a_password_has_at_most_1024_bytes) { WEFT_CHECK_EQ(weft_test_run(long_passwords), 0); }

static int ticks;
static int tick(void) { for (;;) { ticks++; WEFT_TRY(weft_sleep_ms(1)); } }

static int hash_beside(void)
{
    weft_str hash;
    WEFT_SCOPE(s);
    weft_spawn(s, tick);
    WEFT_TRY(weft_password_hash(WEFT_S("correct horse"), &hash, .memory_kib = 8, .passes = 1));
    return 0;
}

WEFT_TEST(others_go_on_while_a_password_is_hashed)
{
    weft_test_job_ms(50);
    WEFT_CHECK_EQ(weft_test_run(hash_beside), 0);
    WEFT_CHECK(ticks > 40);
}
