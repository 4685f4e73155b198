#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "os/parts.h"
#include "weft/check.h"

static void check_form(int line, const char *host, int port, const char *want)
{
    weft__addr a;
    char text[64];
    int rc = weft__addr_parse(weft_str_of(host), port, &a);
    if (rc < 0) {
        weft__check_fail(__FILE__, line, "expected %s to parse, got %d", host, rc);
        return;
    }
    weft__addr_format(&a, text);
    weft__check_str(__FILE__, line, host, weft_str_of(text), want);
}

WEFT_TEST(literals_are_parsed_and_written)
{
    check_form(__LINE__, "127.0.0.1", 8000, "127.0.0.1:8000");
    check_form(__LINE__, "0.0.0.0", 0, "0.0.0.0:0");
    check_form(__LINE__, "255.255.255.255", 65535, "255.255.255.255:65535");
    check_form(__LINE__, "::1", 8000, "[::1]:8000");
    check_form(__LINE__, "[::1]", 8000, "[::1]:8000");
    check_form(__LINE__, "1:2:3:4:5:6:7:8", 1, "[1:2:3:4:5:6:7:8]:1");
    check_form(__LINE__, "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", 65535, "[abcd:ef01:2345:6789:abcd:ef01:2345:6789]:65535");
    check_form(__LINE__, "::ffff:192.0.2.1", 80, "[::ffff:192.0.2.1]:80");
    check_form(__LINE__, "/run/x.sock", 80, "unix:/run/x.sock");
    check_form(__LINE__, "unix:x.sock", 0, "unix:x.sock");
    check_form(__LINE__, "unix:@name", 0, "unix:@name");
}

WEFT_TEST(what_is_no_literal_is_refused_and_leaves_the_output_alone)
{
    static const char *const bad[] = {
        "", "localhost", "example.org", "127.1", "127.0.0.01", "127.0.0.1 ", " 127.0.0.1", "127.0.0.256", "1.2.3.4.5",
        "0x7f000001", "2130706433", "[127.0.0.1]", "[", "[]", "[::1", "::1]", "::1%1", ":::", "12345::", "unix:", "*",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd", "[1111:2222:3333:4444:5555:6666:7777:8888:9]",
    };
    weft__addr a, untouched;
    memset(&a, 0x5a, sizeof a);
    memset(&untouched, 0x5a, sizeof untouched);
    for (size_t i = 0; i < weft_count(bad); i++) {
        if (weft__addr_parse(weft_str_of(bad[i]), 80, &a) != WEFT_EINVAL)
            weft__check_fail(__FILE__, __LINE__, "expected '%s' to be refused", bad[i]);
    }
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("127.0.0.1\0x"), 80, &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("127.0.0.1\0"), 80, &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("/run/x\0y"), 80, &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("127.0.0.1"), -1, &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("127.0.0.1"), 65536, &a), WEFT_EINVAL);
    WEFT_CHECK_EQ(memcmp(&a, &untouched, sizeof a), 0);
}

WEFT_TEST(a_literal_need_not_be_terminated)
{
    weft__addr a;
    char text[64], *exact = strdup("127.0.0.1");
    WEFT_CHECK_EQ(weft__addr_parse((weft_str){ exact, 8 }, 80, &a), WEFT_EINVAL);    /* 127.0.0. */
    char *bytes = malloc(9);
    memcpy(bytes, exact, 9);
    WEFT_CHECK_EQ(weft__addr_parse((weft_str){ bytes, 9 }, 80, &a), 0);
    weft__addr_format(&a, text);
    WEFT_CHECK_STR(weft_str_of(text), "127.0.0.1:80");
    free(bytes);
    free(exact);
}

WEFT_TEST(a_path_of_107_bytes_fits_and_a_longer_one_does_not)
{
    char path[120];
    weft__addr a;
    char text[64];
    memset(path, 'p', sizeof path);
    path[0] = '/';
    memcpy(path + 96, "end-of-path", 11);
    WEFT_CHECK_EQ(weft__addr_parse((weft_str){ path, 107 }, 0, &a), 0);
    weft__addr_format(&a, text);
    WEFT_CHECK_EQ(strlen(text), 63);
    WEFT_CHECK(!strncmp(text, "unix:...p", 9));
    WEFT_CHECK(!strcmp(text + 63 - 11, "end-of-path"));
    WEFT_CHECK_EQ(weft__addr_parse((weft_str){ path, 108 }, 0, &a), WEFT_EINVAL);
}

/* A peer chooses the path that it binds to: nothing in it may reach a terminal or a log line. */
WEFT_TEST(what_cannot_be_printed_is_not_written)
{
    weft__addr a = { .len = sizeof(struct sockaddr_un) };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    char text[64];
    memset(un.sun_path, 'x', sizeof un.sun_path);        /* no NUL at all */
    memcpy(&a.sa, &un, sizeof un);
    weft__addr_format(&a, text);
    WEFT_CHECK_EQ(strlen(text), 63);
    memcpy(un.sun_path, "a\n\033[\xffz", 7);
    memcpy(&a.sa, &un, sizeof un);
    weft__addr_format(&a, text);
    WEFT_CHECK_STR(weft_str_of(text), "unix:a??[?z");
    a.len = sizeof(sa_family_t);
    weft__addr_format(&a, text);
    WEFT_CHECK_STR(weft_str_of(text), "unix:");
    a.sa.ss_family = AF_APPLETALK;
    weft__addr_format(&a, text);
    WEFT_CHECK_STR(weft_str_of(text), "unknown");
}

WEFT_TEST(a_scope_is_written)
{
    weft__addr a;
    char text[64];
    WEFT_CHECK_EQ(weft__addr_parse(WEFT_S("fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 65535, &a), 0);
    ((struct sockaddr_in6 *)&a.sa)->sin6_scope_id = 4294967295u;
    weft__addr_format(&a, text);
    WEFT_CHECK_STR(weft_str_of(text), "[fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

WEFT_TEST(addresses_are_equal_by_family_address_and_port)
{
    static const char *const hosts[] = { "127.0.0.1", "127.0.0.2", "::1", "::2", "/a", "/ab", "unix:@a" };
    for (size_t i = 0; i < weft_count(hosts); i++)
        for (size_t k = 0; k < weft_count(hosts); k++) {
            weft__addr a, b;
            memset(&a, 0xff, sizeof a);                  /* what is no part of the address does not count */
            memset(&b, 0, sizeof b);
            WEFT_CHECK_EQ(weft__addr_parse(weft_str_of(hosts[i]), 80, &a), 0);
            WEFT_CHECK_EQ(weft__addr_parse(weft_str_of(hosts[k]), 80, &b), 0);
            WEFT_CHECK_EQ(weft__addr_equal(&a, &b), i == k);
        }
    weft__addr a, b;
    weft__addr_parse(WEFT_S("::1"), 80, &a);
    weft__addr_parse(WEFT_S("::1"), 81, &b);
    WEFT_CHECK(!weft__addr_equal(&a, &b));
    WEFT_CHECK_EQ(weft__addr_port(&b), 81);
}

/* ---- the order to try ---- */

enum { MANY = 40 };
typedef struct made { struct addrinfo info[MANY]; weft__addr addr[MANY]; int count; } made;

static void make(made *m, const char *host)
{
    int i = m->count++;
    WEFT_NEED(i < MANY && weft__addr_parse(weft_str_of(host), 0, &m->addr[i]) == 0);
    m->info[i] = (struct addrinfo){ .ai_family = m->addr[i].sa.ss_family, .ai_addrlen = m->addr[i].len,
        .ai_addr = (struct sockaddr *)&m->addr[i].sa };
    if (i) m->info[i - 1].ai_next = &m->info[i];
}

/* The addresses in their order, a space behind each. */
static weft_str order_of(const made *m, int max)
{
    static char text[WEFT__ADDRS_MAX * 65];
    weft__addr out[WEFT__ADDRS_MAX];
    char *at = text;
    int n = weft__addrs_order(m->count ? m->info : NULL, 7, out, max);
    for (int i = 0; i < n; i++) {
        weft__addr_format(&out[i], at);
        at += strlen(at);
        *at++ = ' ';
    }
    return (weft_str){ text, (size_t)(at - text) };
}

WEFT_TEST(families_take_turns_and_the_first_one_begins)
{
    made m = { .count = 0 }, four = { .count = 0 };
    const char *six_first[] = { "::1", "::2", "::3", "10.0.0.1", "10.0.0.2" };
    for (size_t i = 0; i < weft_count(six_first); i++) make(&m, six_first[i]);
    WEFT_CHECK_STR(order_of(&m, 16), "[::1]:7 10.0.0.1:7 [::2]:7 10.0.0.2:7 [::3]:7 ");
    make(&four, "10.0.0.1");
    make(&four, "::1");
    make(&four, "10.0.0.2");
    WEFT_CHECK_STR(order_of(&four, 16), "10.0.0.1:7 [::1]:7 10.0.0.2:7 ");
    WEFT_CHECK_STR(order_of(&four, 2), "10.0.0.1:7 [::1]:7 ");
}

WEFT_TEST(an_address_is_tried_once)
{
    made m = { .count = 0 };
    const char *hosts[] = { "10.0.0.1", "10.0.0.1", "::1", "10.0.0.2", "::1", "10.0.0.1" };
    for (size_t i = 0; i < weft_count(hosts); i++) make(&m, hosts[i]);
    WEFT_CHECK_STR(order_of(&m, 16), "10.0.0.1:7 [::1]:7 10.0.0.2:7 ");
}

WEFT_TEST(a_flood_of_one_family_leaves_room_for_the_other)
{
    made m = { .count = 0 };
    char host[16];
    for (int i = 0; i < 30; i++) {
        snprintf(host, sizeof host, "fd00::%x", i + 1);
        make(&m, host);
    }
    make(&m, "10.0.0.1");
    weft__addr out[WEFT__ADDRS_MAX];
    WEFT_CHECK_EQ(weft__addrs_order(m.info, 7, out, WEFT__ADDRS_MAX), WEFT__ADDRS_MAX);
    WEFT_CHECK_EQ(out[1].sa.ss_family, AF_INET);
}

WEFT_TEST(other_families_are_left_out)
{
    made m = { .count = 0 };
    make(&m, "/run/x");
    WEFT_CHECK_STR(order_of(&m, 16), "");
    make(&m, "10.0.0.1");
    WEFT_CHECK_STR(order_of(&m, 16), "10.0.0.1:7 ");
    m.count = 0;
    WEFT_CHECK_STR(order_of(&m, 16), "");
}
