#include "wire/url.h"
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

/* ---- hostile first ---- */

WEFT_TEST(what_is_not_well_encoded_is_not_decoded)
{
    static const weft_str rows[] = {
        WEFT_S("%"),
        WEFT_S("%4"),
        WEFT_S("%4g"),
        WEFT_S("%g4"),
        WEFT_S("a%"),
        WEFT_S("%%41"),
        WEFT_S("%u0041"),
        WEFT_S("% 41"),
        WEFT_S("%+1"),
        WEFT_S("%0x"),
        WEFT_S("%\0"
               "1"),
        WEFT_S("%00"),
        WEFT_S("a%00b"),
        WEFT_S("a\0b"),
        WEFT_S("%FF"),
        WEFT_S("%C3"),
        WEFT_S("%C0%AF"),
        WEFT_S("%ED%A0%80"),
        WEFT_S("\xFF"),
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        char out[20];
        if (weft__url_decode(rows[i], 0, out) != WEFT_EINVAL)
            weft__check_fail(__FILE__, __LINE__, "row %zu", i);
    }
}

WEFT_TEST(decoding_reads_and_writes_within_the_length_it_was_given)
{
    static const char text[] = "%E2%82%AC%41+%2e.";
    for (size_t len = 0; len < sizeof text; len++) {
        char *in = malloc(len + 1), *out = malloc(len + 1);
        char *exact = in + 1, *room = out + 1;       /* so that both end where the block does */
        memcpy(exact, text, len);
        int n = weft__url_decode((weft_str){ exact, len }, WEFT__DECODE_BYTES, room);
        WEFT_CHECK(n == WEFT_EINVAL || (n >= 0 && (size_t)n <= len));
        free(in);
        free(out);
    }
}

static void check_decode(weft_str in, unsigned how, weft_str expected)
{
    char out[64];
    int n = weft__url_decode(in, how, out);
    WEFT_CHECK_EQ(n, expected.len);
    WEFT_CHECK(n >= 0 && memcmp(out, expected.ptr, expected.len) == 0);
}

WEFT_TEST(text_is_decoded_once)
{
    check_decode(WEFT_S(""), 0, WEFT_S(""));
    check_decode((weft_str){ 0 }, 0, WEFT_S(""));
    check_decode(WEFT_S("a%20b%2Fc%2fd"), 0, WEFT_S("a b/c/d"));
    check_decode(WEFT_S("%2541"), 0, WEFT_S("%41"));
    check_decode(WEFT_S("%E2%82%AC\xE2\x82\xAC"), 0, WEFT_S("\xE2\x82\xAC\xE2\x82\xAC"));
    check_decode(WEFT_S("a+b%2B"), 0, WEFT_S("a+b+"));
    check_decode(WEFT_S("a+b%2B"), WEFT__DECODE_PLUS, WEFT_S("a b+"));
    check_decode(WEFT_S("a%00\0"), WEFT__DECODE_NUL, WEFT_S("a\0\0"));
    check_decode(WEFT_S("%FF\xC3"), WEFT__DECODE_BYTES, WEFT_S("\xFF\xC3"));
}

WEFT_TEST(text_can_be_decoded_in_its_own_place)
{
    char text[] = "%41b%43+";
    int n = weft__url_decode((weft_str){ text, 8 }, WEFT__DECODE_PLUS, text);
    WEFT_CHECK_STR(((weft_str){ text, (size_t)n }), "AbC ");
}

WEFT_TEST(every_byte_is_encoded_so_that_it_decodes_to_itself)
{
    for (int c = 0; c < 256; c++) {
        char byte = (char)c, out[4];
        weft__buf b;
        weft__buf_init(&b, 10);
        weft__url_encode(&b, (weft_str){ &byte, 1 });
        bool kept = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c && strchr("-._~", c));
        WEFT_CHECK_EQ(b.len, kept ? 1 : 3);
        unsigned how = WEFT__DECODE_NUL | WEFT__DECODE_BYTES | WEFT__DECODE_PLUS;
        WEFT_CHECK_EQ(weft__url_decode(weft__buf_str(&b), how, out), 1);
        WEFT_CHECK_EQ(out[0], byte);
        weft__buf_free(&b);
    }
}

WEFT_TEST(encoding_past_the_limit_of_the_buffer_is_its_failure)
{
    weft__buf b;
    weft__buf_init(&b, 8);
    weft__url_encode(&b, WEFT_S("///"));
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    weft__url_encode(&b, (weft_str){ "", SIZE_MAX / 2 });
    WEFT_CHECK_EQ(b.failed, WEFT_ELIMIT);
    weft__buf_free(&b);
}

WEFT_TEST(a_path_segment_is_not_empty_no_dots_and_without_nul)
{
    static const weft_str bad[] = { WEFT_S(""), WEFT_S("."), WEFT_S(".."), WEFT_S("a\0"),
        WEFT_S("\0") };
    static const weft_str good[] = { WEFT_S("..."), WEFT_S(".a"), WEFT_S("a."), WEFT_S("a/b"),
        WEFT_S("%2e"), WEFT_S(" ") };
    for (size_t i = 0; i < weft_count(bad); i++)
        WEFT_CHECK(weft__url_segment_fault(bad[i]) != NULL);
    for (size_t i = 0; i < weft_count(good); i++)
        WEFT_CHECK(weft__url_segment_fault(good[i]) == NULL);
}

/* ---- queries ---- */

static void check_pairs(const char *query, unsigned max, const char *expected)
{
    weft__url_query q = weft__url_query_of(weft_str_of(query), max);
    weft__buf b;
    weft__buf_init(&b, 1000);
    weft_str name, value;
    int rc;
    while ((rc = weft__url_query_next(&q, &name, &value)) == 1) {
        weft__buf_printf(&b, "[%.*s|%.*s]", WEFT_FMT(name), WEFT_FMT(value));
    }
    if (rc < 0) weft__buf_lit(&b, "LIMIT");
    WEFT_CHECK_STR(weft__buf_str(&b), expected);
    weft__buf_free(&b);
}

WEFT_TEST(a_query_gives_its_pairs_in_order)
{
    check_pairs("", 9, "");
    check_pairs("a=1&b=2&a=3", 9, "[a|1][b|2][a|3]");
    check_pairs("a&b=&=c&=", 9, "[a|][b|][|c][|]");
    check_pairs("a=b=c&d;e=f", 9, "[a|b=c][d;e|f]");
    check_pairs("&&a=1&&b=2&&", 9, "[a|1][b|2]");
    check_pairs("a=%26&b=x+y", 9, "[a|%26][b|x+y]");
}

WEFT_TEST(a_query_of_more_pairs_than_allowed_says_so)
{
    check_pairs("a&b", 2, "[a|][b|]");
    check_pairs("a&b&", 2, "[a|][b|]");
    check_pairs("a&b&c", 2, "[a|][b|]LIMIT");
    check_pairs("a", 0, "LIMIT");
    check_pairs("&&&", 0, "");
}

WEFT_TEST(no_query_is_a_query_without_pairs)
{
    weft__url_query q = weft__url_query_of((weft_str){ 0 }, 9);
    weft_str name, value;
    WEFT_CHECK_EQ(weft__url_query_next(&q, &name, &value), 0);
}

WEFT_TEST(a_target_is_split_at_its_first_question_mark)
{
    weft_str path, query;
    weft__url_split(WEFT_S("/a?b?c"), &path, &query);
    WEFT_CHECK_STR(path, "/a");
    WEFT_CHECK_STR(query, "b?c");
    weft__url_split(WEFT_S("/a?"), &path, &query);
    WEFT_CHECK(query.ptr != NULL && query.len == 0);
    weft__url_split(WEFT_S("/a"), &path, &query);
    WEFT_CHECK_STR(path, "/a");
    WEFT_CHECK(query.ptr == NULL);
    weft__url_split((weft_str){ 0 }, &path, &query);
    WEFT_CHECK_EQ(path.len, 0);
}

/* ---- whole URLs ---- */

WEFT_TEST(a_url_that_leads_elsewhere_for_others_is_refused_with_a_reason)
{
    static const struct { weft_str text; const char *fault; } rows[] = {
        { WEFT_S(""), "http://" },
        { WEFT_S("/a"), "http://" },
        { WEFT_S("http:/a"), "http://" },
        { WEFT_S("http:a"), "http://" },
        { WEFT_S("ftp://a"), "http://" },
        { WEFT_S("javascript:alert(1)"), "http://" },
        { WEFT_S(" http://a"), "http://" },
        { WEFT_S("httpx://a"), "http://" },
        { WEFT_S("http://"), "without a host" },
        { WEFT_S("http:///a"), "without a host" },
        { WEFT_S("http://?a"), "without a host" },
        { WEFT_S("http://:80/"), "without a host" },
        { WEFT_S("http://a@b/"), "user" },
        { WEFT_S("http://a:b@c/"), "user" },
        { WEFT_S("http://a:80@c/"), "user" },
        { WEFT_S("http://@a/"), "user" },
        { WEFT_S("http://a\\@b/"), "user" },
        { WEFT_S("http://a\\b/"), "host name" },
        { WEFT_S("http://a b/"), "host name" },
        { WEFT_S("http://a%2eb/"), "host name" },
        { WEFT_S("http://a,b/"), "host name" },
        { WEFT_S("http://\xC3\xA9/"), "host name" },
        { WEFT_S("http://a\0.b/"), "host name" },
        { WEFT_S("http://a\r\nX: y/"), "host name" },
        { WEFT_S("http://a:/x y"), "percent-encoded" },
        { WEFT_S("http://a/\r\nX: y"), "percent-encoded" },
        { WEFT_S("http://a/\0"), "percent-encoded" },
        { WEFT_S("http://a/\x7F"), "percent-encoded" },
        { WEFT_S("http://a/?\t"), "percent-encoded" },
        { WEFT_S("http://a/\xC3\xA9"), "percent-encoded" },
        { WEFT_S("http://a/#b"), "fragment" },
        { WEFT_S("http://a#b"), "fragment" },
        { WEFT_S("http://a/?b#c"), "fragment" },
        { WEFT_S("http://a/%"), "hex" },
        { WEFT_S("http://a/%4"), "hex" },
        { WEFT_S("http://a/?%zz"), "hex" },
        { WEFT_S("http://a:0/"), "port" },
        { WEFT_S("http://a:65536/"), "port" },
        { WEFT_S("http://a:000080/"), "port" },
        { WEFT_S("http://a:-1/"), "port" },
        { WEFT_S("http://a:8o/"), "port" },
        { WEFT_S("http://a:80:81/"), "port" },
        { WEFT_S("http://[::1/"), "bracket" },
        { WEFT_S("http://[]/"), "IPv6" },
        { WEFT_S("http://[a.b]/"), "IPv6" },
        { WEFT_S("http://[fe80::1%25eth0]/"), "zone" },
        { WEFT_S("http://[::1]x/"), "between" },
        { WEFT_S("http://[::1][::2]/"), "between" },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft__url url = { .port = -7 };
        const char *fault = "none";
        int rc = weft__url_parse(rows[i].text, &url, &fault);
        bool told = rc == WEFT_EINVAL && strstr(fault, rows[i].fault) && url.port == -7;
        if (!told)
            weft__check_fail(
                __FILE__, __LINE__, "'%.*s': rc %d, %s", WEFT_FMT(rows[i].text), rc, fault);
    }
}

WEFT_TEST(a_url_gives_host_port_path_and_query)
{
    static const struct {
        const char *text;
        bool tls, is_ipv6, bare;
        int port;
        const char *host, *authority, *path, *query;
    } rows[] = {
        { "http://a", 0, 0, 1, 80, "a", "a", "/", NULL },
        { "https://a/", 1, 0, 0, 443, "a", "a", "/", NULL },
        { "HTTPS://A.b:8443/c/d?e=f&g", 1, 0, 0, 8443, "A.b", "A.b:8443", "/c/d", "e=f&g" },
        { "http://a?b", 0, 0, 1, 80, "a", "a", "/", "b" },
        { "http://a/?", 0, 0, 0, 80, "a", "a", "/", "" },
        { "http://a:/", 0, 0, 0, 80, "a", "a:", "/", NULL },
        { "http://a:65535//b", 0, 0, 0, 65535, "a", "a:65535", "//b", NULL },
        { "http://a:1", 0, 0, 1, 1, "a", "a:1", "/", NULL },
        { "http://[::1]", 0, 1, 1, 80, "::1", "[::1]", "/", NULL },
        { "http://[2001:DB8::7]:81/x", 0, 1, 0, 81, "2001:DB8::7", "[2001:DB8::7]:81", "/x", NULL },
        { "http://127.0.0.1:8000/%C3%a9?%20", 0, 0, 0, 8000, "127.0.0.1", "127.0.0.1:8000",
            "/%C3%a9", "%20" },
        { "http://a_b-c.d./[x]@:", 0, 0, 0, 80, "a_b-c.d.", "a_b-c.d.", "/[x]@:", NULL },
    };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft__url url = { 0 };
        const char *fault = "";
        if (weft__url_parse(weft_str_of(rows[i].text), &url, &fault) < 0)
            weft__check_fail(__FILE__, __LINE__, "%s: %s", rows[i].text, fault);
        WEFT_CHECK_EQ(url.tls, rows[i].tls);
        WEFT_CHECK_EQ(url.is_ipv6, rows[i].is_ipv6);
        WEFT_CHECK_EQ(url.bare, rows[i].bare);
        WEFT_CHECK_EQ(url.port, rows[i].port);
        WEFT_CHECK_STR(url.host, rows[i].host);
        WEFT_CHECK_STR(url.authority, rows[i].authority);
        WEFT_CHECK_STR(url.path, rows[i].path);
        WEFT_CHECK_EQ(url.query.ptr == NULL, rows[i].query == NULL);
        if (rows[i].query) WEFT_CHECK_STR(url.query, rows[i].query);
    }
}

WEFT_TEST(a_host_name_has_up_to_255_bytes)
{
    char text[300];
    memset(text, 'a', sizeof text);
    WEFT_CHECK(weft__url_host_valid((weft_str){ text, 255 }));
    WEFT_CHECK(!weft__url_host_valid((weft_str){ text, 256 }));
    WEFT_CHECK(!weft__url_host_valid((weft_str){ 0 }));
}

WEFT_TEST(ipv6_addresses_are_told_from_what_looks_like_them)
{
    static const char *const good[] = {
        "::",
        "::1",
        "1::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::8",
        "fe80::abcd:EF01",
        "::1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5::1.2.3.4",
        "::ffff:255.255.255.255",
        "1:2::5:1.2.3.4",
    };
    static const char *const bad[] = {
        "",
        ":",
        ":::",
        "1",
        "1:",
        ":1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "1::2::3",
        "::1::",
        "1:::2",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:",
        "::1:",
        "1.2.3.4",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.256",
        "::01.2.3.4",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:6::1.2.3.4",
        "::1..2.3",
        "::.1.2.3",
        "::1.2.3.",
        "::a.2.3.4",
        " ::1",
        "::1 ",
        "::1%1",
        "[::1]",
    };
    for (size_t i = 0; i < weft_count(good); i++) {
        if (!weft__url_ipv6_valid(weft_str_of(good[i])))
            weft__check_fail(__FILE__, __LINE__, "refused: %s", good[i]);
    }
    for (size_t i = 0; i < weft_count(bad); i++) {
        if (weft__url_ipv6_valid(weft_str_of(bad[i])))
            weft__check_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
    }
}
