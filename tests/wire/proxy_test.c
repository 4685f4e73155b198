/* The PROXY protocol, networks, and what proxies say in headers. */
#include "wire/proxy.h"
#include <stdio.h>
#include <string.h>
#include "weft/check.h"
#include "wire/forwarded.h"

static int parse(weft_str text, weft__proxied *p)
{
    *p = (weft__proxied){ .port = 4711 };
    return weft__proxy_parse(text.ptr, text.len, p);
}

static weft__ip ip_of(const char *text)
{
    weft__ip ip = { .family = WEFT__IP_NONE };
    WEFT_NEED(weft__ip_parse(weft_str_of(text), &ip) == 0);
    return ip;
}

static bool is_ip(weft__ip a, const char *text)
{
    weft__ip b = ip_of(text);
    return memcmp(&a, &b, sizeof a) == 0;
}

WEFT_TEST(a_line_of_version_1_tells_client_and_length)
{
    weft__proxied p;
    weft_str line = WEFT_S("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\nGET /");
    WEFT_CHECK_EQ(parse(line, &p), 45);
    WEFT_CHECK(is_ip(p.client, "192.0.2.1"));
    WEFT_CHECK_EQ(p.port, 56324);
    WEFT_CHECK_EQ(parse(WEFT_S("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), &p), 36);
    WEFT_CHECK(is_ip(p.client, "2001:db8::1"));
    WEFT_CHECK_EQ(parse(WEFT_S("PROXY UNKNOWN\r\n"), &p), 15);
    WEFT_CHECK_EQ(p.client.family, WEFT__IP_NONE);
    WEFT_CHECK_EQ(parse(WEFT_S("PROXY UNKNOWN ffff::1 x y\r\n"), &p), 27);
}

WEFT_TEST(every_beginning_of_a_header_asks_for_more)
{
    static const char two[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb";
    weft_str one = WEFT_S("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n");
    weft__proxied p;
    for (size_t n = 0; n < one.len; n++) WEFT_CHECK_EQ(parse((weft_str){ one.ptr, n }, &p), 0);
    for (size_t n = 0; n < sizeof two - 1; n++) WEFT_CHECK_EQ(parse((weft_str){ two, n }, &p), 0);
    WEFT_CHECK_EQ(parse((weft_str){ two, sizeof two - 1 }, &p), 28);
    WEFT_CHECK(is_ip(p.client, "192.0.2.1"));
    WEFT_CHECK_EQ(p.port, 56324);
}

WEFT_TEST(what_is_no_header_of_version_1_is_refused)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP6 [::1] ::1 1 2\r\n", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY \r\n", "PROXY\r\n",
        "\r\n",
    };
    weft__proxied p;
    for (size_t i = 0; i < weft_count(bad) - 1; i++) WEFT_CHECK_EQ(parse(weft_str_of(bad[i]), &p), WEFT_EPROTO);
    char endless[200];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "PROXY UNKNOWN ", 14);
    WEFT_CHECK_EQ(parse((weft_str){ endless, 106 }, &p), 0);
    WEFT_CHECK_EQ(parse((weft_str){ endless, 107 }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(p.port, 4711);
}

static size_t make_2(char *to, uint8_t command, uint8_t family, size_t length)
{
    memcpy(to, "\r\n\r\n\0\r\nQUIT\n", 12);
    to[12] = (char)command;
    to[13] = (char)family;
    to[14] = (char)(length >> 8);
    to[15] = (char)length;
    memset(to + 16, 1, length);
    return 16 + length;
}

WEFT_TEST(version_2_knows_families_commands_and_lengths)
{
    static char text[8192];
    weft__proxied p;
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x21, 36) }, &p), 52);
    WEFT_CHECK(is_ip(p.client, "101:101:101:101:101:101:101:101"));
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x20, 0x11, 12) }, &p), 28);      /* LOCAL: a health check of the balancer */
    WEFT_CHECK_EQ(p.client.family, WEFT__IP_NONE);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x20, 0, 0) }, &p), 16);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x31, 216) }, &p), 232);
    WEFT_CHECK_EQ(p.client.family, WEFT__IP_NONE);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x11, 100) }, &p), 116);    /* extensions behind the addresses */
    WEFT_CHECK(is_ip(p.client, "1.1.1.1"));
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x11, 11) }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x21, 35) }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x22, 0x11, 12) }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x11, 0x11, 12) }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x41, 12) }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x13, 12) }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x11, 4081) }, &p), WEFT_EPROTO);
    WEFT_CHECK_EQ(parse((weft_str){ text, make_2(text, 0x21, 0x11, 4080) }, &p), 4096);
}

static int networks(const char *list, weft__network *out, weft_str *wrong) { return weft__networks_parse(weft_str_of(list), out, wrong); }

WEFT_TEST(networks_hold_the_addresses_that_begin_with_their_bits)
{
    weft__network all[WEFT__NETWORKS_MAX];
    weft_str wrong;
    weft__ip unix_peer = { .family = WEFT__IP_NONE };
    int n = networks("10.0.0.0/8, 2001:db8::/33 ,192.0.2.7,unix, 0.0.0.0/32", all, &wrong);
    WEFT_CHECK_EQ(n, 5);
    const struct { const char *ip; bool in; } cases[] = {
        { "10.255.0.1", true }, { "11.0.0.0", false }, { "192.0.2.7", true }, { "192.0.2.6", false }, { "2001:db8:7fff::1", true },
        { "2001:db8:8000::1", false }, { "::ffff:10.1.2.3", true }, { "::1", false }, { "0.0.0.0", true }, { "0.0.0.1", false },
    };
    for (size_t i = 0; i < weft_count(cases); i++) {
        weft__ip ip = ip_of(cases[i].ip);
        WEFT_CHECK_EQ(weft__networks_have(all, n, &ip), cases[i].in);
    }
    WEFT_CHECK(weft__networks_have(all, n, &unix_peer));
    WEFT_CHECK(!weft__networks_have(all, 3, &unix_peer));
    WEFT_CHECK(!weft__networks_have(all, 0, &unix_peer));
    WEFT_CHECK_EQ(networks("0.0.0.0/0", all, &wrong), 1);
    weft__ip any = ip_of("255.1.2.3"), six = ip_of("2001:db8::1");
    WEFT_CHECK(weft__networks_have(all, 1, &any));
    WEFT_CHECK(!weft__networks_have(all, 1, &six));
}

WEFT_TEST(what_is_no_network_is_named)
{
    static const char *const bad[] = { "10.0.0.0/33", "10.0.0.1/8", "::/129", "2001:db8::1/32", "10.0.0.0/", "10.0.0.0/-1", "ten", "10.0.0.0/08x", "10.0.0", ", ", "unix/8", "fe80::1%eth0" };
    weft__network all[WEFT__NETWORKS_MAX];
    weft_str wrong;
    for (size_t i = 0; i < weft_count(bad); i++) WEFT_CHECK_EQ(networks(bad[i], all, &wrong), WEFT_EINVAL);
    WEFT_CHECK_EQ(networks("::1, 10.0.0.7/8", all, &wrong), WEFT_EINVAL);
    WEFT_CHECK_STR(wrong, "10.0.0.7/8");
    char many[400] = "";
    for (int i = 0; i <= WEFT__NETWORKS_MAX; i++) strcat(many, i ? ",::1" : "::1");
    WEFT_CHECK_EQ(networks(many, all, &wrong), WEFT_ELIMIT);
    WEFT_CHECK_EQ(networks("", all, &wrong), 0);
}

/* ---- headers ---- */

static weft__forwarded read_head(const char *text, const char *peer, const char *trusted, bool rfc7239)
{
    static weft__http_header headers[20];
    static char bytes[2048];
    weft__http_head head = { .headers = headers, .room = 20 };
    weft__http_limits limits = { .head_bytes_max = 4096, .target_bytes_max = 1024 };
    weft__network all[WEFT__NETWORKS_MAX];
    weft_str wrong;
    size_t scanned = 0;
    int n = strcpy(bytes, "GET / HTTP/1.1\r\nHost: inside\r\n") ? networks(trusted, all, &wrong) : 0;
    strcat(strcat(bytes, text), "\r\n");
    WEFT_NEED(n >= 0 && weft__http_parse_request(bytes, strlen(bytes), &scanned, &limits, &head) > 0 && !head.fault);
    return weft__forwarded_read(&head, ip_of(peer), all, n, rfc7239);
}

WEFT_TEST(nobody_who_is_not_trusted_says_who_the_client_is)
{
    const char *lines = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: example.com\r\nForwarded: for=198.51.100.2;proto=https\r\n";
    weft__forwarded f = read_head(lines, "192.0.2.1", "10.0.0.0/8", false);
    WEFT_CHECK(!f.told && !f.https && !f.host.len && is_ip(f.client, "192.0.2.1"));
    f = read_head(lines, "192.0.2.1", "", true);
    WEFT_CHECK(!f.told && !f.https && is_ip(f.client, "192.0.2.1"));
    f = read_head(lines, "10.0.0.1", "10.0.0.0/8", false);
    WEFT_CHECK(f.told && f.https && !f.http && is_ip(f.client, "198.51.100.1"));
    WEFT_CHECK_STR(f.host, "example.com");
    f = read_head(lines, "10.0.0.1", "10.0.0.0/8", true);
    WEFT_CHECK(f.told && f.https && is_ip(f.client, "198.51.100.2"));
}

WEFT_TEST(what_a_client_put_into_the_list_itself_does_not_count)
{
    weft__forwarded f = read_head("X-Forwarded-For: 10.0.0.9, 203.0.113.9\r\nX-Forwarded-For: 198.51.100.1, 10.0.0.2\r\n", "10.0.0.1", "10.0.0.0/8", false);
    WEFT_CHECK(is_ip(f.client, "198.51.100.1"));
    f = read_head("X-Forwarded-For: 203.0.113.9, garbage, 10.0.0.2\r\n", "10.0.0.1", "10.0.0.0/8", false);
    WEFT_CHECK(is_ip(f.client, "10.0.0.2"));
    f = read_head("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.1", "10.0.0.0/8", false);
    WEFT_CHECK(is_ip(f.client, "10.0.0.3"));
    f = read_head("X-Forwarded-For:\r\nX-Forwarded-For: ,\r\n", "10.0.0.1", "10.0.0.0/8", false);
    WEFT_CHECK(is_ip(f.client, "10.0.0.1"));
}

/* Whoever is behind the proxy says what stands in front of its word, and hides it by nothing. */
WEFT_TEST(quotes_that_a_client_opens_hide_nothing_of_what_the_proxy_says)
{
    static const char *const opened[] = { "\"", "\", \"", "\"\\", "a\"b", "\"\"\"", "\\\"", "for=\"", "for=\"\\", "for=\"\\\"", "for=1.1.1.1;x=\"" };
    char lines[256];
    for (size_t i = 0; i < weft_count(opened); i++) {
        snprintf(lines, sizeof lines, "X-Forwarded-For: %s, 203.0.113.9\r\nX-Forwarded-Proto: %s, https\r\nX-Forwarded-Host: %s, shop\r\n", opened[i], opened[i], opened[i]);
        weft__forwarded f = read_head(lines, "10.0.0.1", "10.0.0.0/8", false);
        WEFT_CHECK(f.told && is_ip(f.client, "203.0.113.9"));
        WEFT_CHECK(f.https);
        WEFT_CHECK_STR(f.host, "shop");
        snprintf(lines, sizeof lines, "Forwarded: %s, for=203.0.113.9;proto=https;host=shop\r\n", opened[i]);
        f = read_head(lines, "10.0.0.1", "10.0.0.0/8", true);
        WEFT_CHECK(f.told && is_ip(f.client, "203.0.113.9"));
        WEFT_CHECK(f.https);
        WEFT_CHECK_STR(f.host, "shop");
        snprintf(lines, sizeof lines, "Forwarded: %s, for=\"[2001:db8::9]:80\";host=\"shop\"\r\n", opened[i]);
        f = read_head(lines, "10.0.0.1", "10.0.0.0/8", true);
        WEFT_CHECK(f.told && is_ip(f.client, "2001:db8::9"));
        WEFT_CHECK_STR(f.host, "shop");
    }
}

WEFT_TEST(forwarded_is_read_with_quotes_ports_and_what_it_hides)
{
    weft__forwarded f = read_head("Forwarded: for=\"[2001:db8::17]:4711\";proto=HTTP;Host=\"shop.example:8443\"; by=10.0.0.1\r\n", "10.0.0.1", "10.0.0.0/8", true);
    WEFT_CHECK(is_ip(f.client, "2001:db8::17") && f.http && !f.https);
    WEFT_CHECK_STR(f.host, "shop.example:8443");
    f = read_head("Forwarded: for=192.0.2.60:80, For=\"_hidden\"\r\n", "10.0.0.1", "10.0.0.0/8", true);
    WEFT_CHECK(!f.told && is_ip(f.client, "10.0.0.1"));
    f = read_head("Forwarded: for=192.0.2.43, for=\"10.0.0.2, for=1.1.1.1\"\r\n", "10.0.0.1", "10.0.0.0/8", true);
    WEFT_CHECK(!f.told);
    f = read_head("Forwarded: for=192.0.2.43, for=10.0.0.2\r\n", "10.0.0.1", "10.0.0.0/8", true);
    WEFT_CHECK(is_ip(f.client, "192.0.2.43"));
    f = read_head("Forwarded: for=192.0.2.43;host=\"a b\";proto=gopher\r\n", "10.0.0.1", "10.0.0.0/8", true);
    WEFT_CHECK(f.told && !f.host.len && !f.http && !f.https);
}
