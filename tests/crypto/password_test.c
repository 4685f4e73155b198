#include "crypto/password.h"
#include <string.h>
#include "weft/check.h"

static const weft__argon cheap = { 8, 1, 1 };
static const weft_str password = WEFT_S("correct horse");

static bool is_argon(const char *text)
{
    weft__argon a;
    return weft__argon_of(weft_str_of(text), &a);
}

WEFT_TEST(the_password_that_was_hashed_is_right_and_no_other)
{
    char hash[WEFT__PASSWORD_TEXT], again[WEFT__PASSWORD_TEXT];
    weft__argon a;
    WEFT_CHECK_EQ(weft__argon_hash(&cheap, password, hash), 0);
    WEFT_CHECK_EQ(weft__argon_check(password, weft_str_of(hash)), 1);
    WEFT_CHECK_EQ(weft__argon_check(WEFT_S("correct horsf"), weft_str_of(hash)), 0);
    WEFT_CHECK_EQ(weft__argon_check(WEFT_S("correct hors"), weft_str_of(hash)), 0);
    WEFT_CHECK_EQ(weft__argon_check(WEFT_S("correct horse\0"), weft_str_of(hash)), 0);
    WEFT_CHECK_EQ(weft__argon_check((weft_str){ 0 }, weft_str_of(hash)), 0);
    WEFT_CHECK(weft__argon_of(weft_str_of(hash), &a) && a.memory_kib == 8 && a.passes == 1 && a.lanes == 1);
    WEFT_CHECK_EQ(weft__argon_hash(&cheap, password, again), 0);
    WEFT_CHECK(strcmp(hash, again) != 0);
}

/* Of another program, which takes four lanes; the password is in FastAPI's tutorial. */
WEFT_TEST(a_hash_of_another_program_is_checked)
{
    static const weft_str hash = WEFT_S("$argon2id$v=19$m=65536,t=3,p=4$wagCPXjifgvUFBzq4hqe3w$CYaIb8sB+wtD+Vu/P4uod1+Qof8h+1g7bbDlBID48Rc");
    weft__argon a;
    WEFT_CHECK(weft__argon_of(hash, &a) && a.memory_kib == 65536 && a.passes == 3 && a.lanes == 4);
    WEFT_CHECK_EQ(weft__argon_check(WEFT_S("secret"), hash), 1);
}

WEFT_TEST(what_is_no_argon2id_hash_is_told_from_one)
{
    static const char *const bad[] = { "", "secret", "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
        "$argon2i$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=16$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=65536,t=2$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=065536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=+65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=99999999999999999999,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=65536,t=2,p=1$$AAECAwQFBgcICQoLDA0ODw", "$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$",
        "$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw", "$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAw",
        "$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw$x",
        "$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0OD!$AAECAwQFBgcICQoLDA0ODw",
        " $argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw" };
    for (size_t i = 0; i < weft_count(bad); i++)
        if (is_argon(bad[i])) weft__check_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
    WEFT_CHECK(is_argon("$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw"));
}

/* Whoever can write into the table of users must not be able to stop the program by it. */
WEFT_TEST(a_hash_that_asks_for_too_much_is_refused)
{
    static const char *const bad[] = { "m=1048577,t=1,p=1", "m=4294967295,t=1,p=1", "m=65536,t=17,p=1", "m=1048576,t=5,p=1", "m=7,t=1,p=1",
        "m=65536,t=0,p=1", "m=65536,t=1,p=0", "m=65536,t=1,p=17", "m=8,t=1,p=2" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        char text[200] = "$argon2id$v=19$";
        strcat(strcat(text, bad[i]), "$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw");
        if (is_argon(text)) weft__check_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
    }
}

WEFT_TEST(a_hash_longer_than_any_is_refused)
{
    char text[300] = "$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$";
    memset(text + strlen(text), 'A', 200);
    WEFT_CHECK(!is_argon(text));
}
