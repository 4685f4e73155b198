#include "crypto/secret.h"
#include <string.h>
#include "weft/check.h"

WEFT_TEST(secrets_are_the_same_when_all_their_bytes_are)
{
    WEFT_CHECK(weft_same_secret(WEFT_S("open sesame"), WEFT_S("open sesame")));
    WEFT_CHECK(!weft_same_secret(WEFT_S("open sesame"), WEFT_S("open sesamf")));
    WEFT_CHECK(!weft_same_secret(WEFT_S("open sesame"), WEFT_S("Open sesame")));
    WEFT_CHECK(!weft_same_secret(WEFT_S("open"), WEFT_S("open sesame")));
    WEFT_CHECK(!weft_same_secret(WEFT_S("a\0b"), WEFT_S("a\0c")));
    WEFT_CHECK(weft_same_secret(WEFT_S(""), (weft_str){ 0 }));
}

/* RFC 4231, 4.3, 4.4 (a key of 20 bytes) and 4.7 (one longer than a block). */
WEFT_TEST(codes_are_those_of_the_rfc)
{
    static const uint8_t jefe[WEFT__MAC] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
        0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43 };
    static const uint8_t large[WEFT__MAC] = { 0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26, 0xaa, 0xcb, 0xf5, 0xb7, 0x7f,
        0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28, 0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54 };
    uint8_t code[WEFT__MAC];
    char key[131];
    memset(key, 0xaa, sizeof key);
    weft__mac_of(WEFT_S("Jefe"), (const weft_str[]){ WEFT_S("what do ya want "), WEFT_S("for nothing?") }, 2, code);
    WEFT_CHECK(memcmp(code, jefe, sizeof code) == 0);
    weft__mac_of((weft_str){ key, sizeof key }, (const weft_str[]){ WEFT_S("Test Using Larger Than Block-Size Key - Hash Key First") }, 1, code);
    WEFT_CHECK(memcmp(code, large, sizeof code) == 0);
}

WEFT_TEST(random_bytes_are_others_each_time)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };
    weft__random_bytes(a, sizeof a);
    weft__random_bytes(b, sizeof b);
    WEFT_CHECK(memcmp(a, b, sizeof a) != 0);
    weft__wipe(a, sizeof a);
    for (size_t i = 0; i < sizeof a; i++) WEFT_CHECK_EQ(a[i], 0);
}
