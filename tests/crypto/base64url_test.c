#include "crypto/base64url.h"
#include <string.h>
#include "weft/check.h"

static int64_t read_text(const char *text, uint8_t *to) { return weft__base64url_read(weft_str_of(text), to); }

WEFT_TEST(base64url_writes_the_rows_of_the_rfc_without_padding)
{
    /* RFC 4648, 10, and bytes whose letters differ from plain base64. */
    static const struct { weft_str plain; const char *text; } rows[] = { { WEFT_S(""), "" }, { WEFT_S("f"), "Zg" },
        { WEFT_S("fo"), "Zm8" }, { WEFT_S("foo"), "Zm9v" }, { WEFT_S("foob"), "Zm9vYg" }, { WEFT_S("fooba"), "Zm9vYmE" },
        { WEFT_S("foobar"), "Zm9vYmFy" }, { WEFT_S("\xff\xef\xfe"), "_-_-" } };
    for (size_t i = 0; i < weft_count(rows); i++) {
        uint8_t back[16];
        weft__buf out;
        weft__buf_init(&out, 100);
        weft__base64url_write(&out, rows[i].plain.ptr, rows[i].plain.len);
        WEFT_CHECK_STR(weft__buf_str(&out), rows[i].text);
        WEFT_CHECK_EQ(read_text(rows[i].text, back), rows[i].plain.len);
        WEFT_CHECK(memcmp(back, rows[i].plain.ptr, rows[i].plain.len) == 0);
        weft__buf_free(&out);
    }
}

WEFT_TEST(base64url_refuses_padding_other_alphabets_and_second_spellings)
{
    static const char *const bad[] = { "Zg==", "Zg=", "Zm8=", "Z", "Zm9vY", "Zm9+", "Zm9/", "Zm 9v", "Zm9v\n", " Zm9v", "Zh", "Zm9", "Zm\xc3\xa9v" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        uint8_t back[16];
        if (read_text(bad[i], back) != WEFT_EINVAL) weft__check_fail(__FILE__, __LINE__, "'%s' was taken", bad[i]);
    }
}

WEFT_TEST(base64url_reads_into_the_place_of_its_text)
{
    char text[] = "Zm9vYmFy";
    WEFT_CHECK_EQ(weft__base64url_read((weft_str){ text, 8 }, (uint8_t *)text), 6);
    WEFT_CHECK(memcmp(text, "foobar", 6) == 0);
}
