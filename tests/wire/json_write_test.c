#include "wire/json.h"
#include <string.h>
#include "weft/check.h"

static weft_str written(weft__buf *out, weft_str text)
{
    weft__buf_clear(out);
    WEFT_CHECK(weft__json_add_text(out, text));
    return weft__buf_str(out);
}

WEFT_TEST(json_text_escapes_what_must_be_and_nothing_else)
{
    weft__buf out;
    weft__buf_init(&out, 4096);
    WEFT_CHECK_STR(written(&out, WEFT_S("")), "\"\"");
    WEFT_CHECK_STR(written(&out, (weft_str){ 0 }), "\"\"");
    WEFT_CHECK_STR(written(&out, WEFT_S("plain/'<>&\x7F")), "\"plain/'<>&\x7F\"");
    WEFT_CHECK_STR(written(&out, WEFT_S("a\"b\\c")), "\"a\\\"b\\\\c\"");
    WEFT_CHECK_STR(written(&out, WEFT_S("\b\f\n\r\t")), "\"\\b\\f\\n\\r\\t\"");
    WEFT_CHECK_STR(written(&out, WEFT_S("\0\x01\x1F")), "\"\\u0000\\u0001\\u001f\"");
    WEFT_CHECK_STR(written(&out, WEFT_S("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")),
        "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    WEFT_CHECK_STR(written(&out, WEFT_S("a rather long text with a \" in it, and \xC3\xA9 behind")),
                   "\"a rather long text with a \\\" in it, and \xC3\xA9 behind\"");
    weft__buf_free(&out);
}

WEFT_TEST(json_text_of_every_length_and_byte_reads_back)
{
    weft__buf out;
    weft__buf_init(&out, 4096);
    for (size_t len = 1; len <= 40; len++) {
        for (int c = 0; c < 128; c++) {
            for (size_t at = 0; at < len; at += 1 + at / 8) {
                char text[40], back[256];
                memset(text, 'x', len);
                text[at] = (char)c;
                weft_str w = written(&out, (weft_str){ text, len });
                bool nul = false;
                WEFT_CHECK(weft__json_valid(w));
                size_t n = weft__json_unescape((weft_str){ w.ptr + 1, w.len - 2 }, back, &nul);
                WEFT_CHECK(n == len && memcmp(back, text, len) == 0);
            }
        }
    }
    weft__buf_free(&out);
}

WEFT_TEST(text_that_is_not_utf8_is_not_written)
{
    static const char *const bad[] = { "\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\x80",
        "0123456789abcdef\xE2\x82", "\"\\\n\xF8" };
    weft__buf out;
    weft__buf_init(&out, 4096);
    weft__buf_lit(&out, "before");
    for (size_t i = 0; i < weft_count(bad); i++)
        WEFT_CHECK(!weft__json_add_text(&out, weft_str_of(bad[i])));
    WEFT_CHECK_STR(weft__buf_str(&out), "before");
    weft__buf_free(&out);
}

WEFT_TEST(lossy_json_text_replaces_what_is_not_utf8)
{
    weft__buf out;
    weft__buf_init(&out, 4096);
    weft__json_add_text_lossy(&out, WEFT_S("a\xFF" "b\xC3\"\xC3\xA9\xE2\x82"));
    WEFT_CHECK_STR(weft__buf_str(&out), "\"a\xEF\xBF\xBD"
                                        "b\xEF\xBF\xBD\\\"\xC3\xA9\xEF\xBF\xBD\"");
    weft__buf_clear(&out);
    weft__json_add_text_lossy(&out, (weft_str){ 0 });
    WEFT_CHECK_STR(weft__buf_str(&out), "\"\"");
    weft__buf_free(&out);
}

WEFT_TEST(lossy_json_text_of_any_bytes_is_json)
{
    weft__buf out;
    weft__buf_init(&out, 4096);
    uint64_t state = 88172645463325252;
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        for (size_t i = 0; i < sizeof bytes; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            bytes[i] = (char)(state >> 24);
        }
        weft__buf_clear(&out);
        weft__json_add_text_lossy(&out, (weft_str){ bytes, 1 + (size_t)round % sizeof bytes });
        WEFT_CHECK(weft__json_valid(weft__buf_str(&out)));
    }
    weft__buf_free(&out);
}

WEFT_TEST(json_text_past_the_buffers_limit_fails_the_buffer)
{
    weft__buf out;
    weft__buf_init(&out, 10);
    WEFT_CHECK(weft__json_add_text(&out, WEFT_S("0123456789")));
    WEFT_CHECK_EQ(out.failed, WEFT_ELIMIT);
    weft__buf_free(&out);
}
