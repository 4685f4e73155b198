/* Where values of RESP end, however their bytes come, and what they say. */
#include "wire/resp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "weft/check.h"

/* Scan in pieces of `step` bytes. The result, and where the value ended or the fault was found. */
static int scan(const char *bytes, size_t n, size_t step, size_t *used, const char **fault, char *first)
{
    weft__resp_scan s = { 0 };
    *used = 0;
    for (size_t at = 0; at < n; at += step) {
        size_t some = n - at < step ? n - at : step, took = 0;
        int rc = weft__resp_scan_on(&s, bytes + at, some, &took, fault);
        *first = s.first;
        *used = at + took;
        if (rc != 0) return rc;
    }
    return 0;
}

/* However it is cut, it ends at the same place, and a value that ends is read to that place. */
static int scanned(const char *bytes, size_t n, size_t *used, const char **fault, char *first)
{
    int whole = scan(bytes, n, n, used, fault, first);
    for (size_t step = 1; step < n && step < 40; step++) {
        size_t again = 0;
        const char *said = NULL;
        char type = 0;
        WEFT_CHECK_EQ(scan(bytes, n, step, &again, &said, &type), whole);
        if (whole >= 0) WEFT_CHECK_EQ(again, *used);
        else WEFT_CHECK(said == *fault);
        WEFT_CHECK_EQ(type, *first);
    }
    if (whole != 1) return whole;
    weft_str rest = { bytes, *used };
    const char *bad;
    if (weft__resp_skip(&rest, &bad) == 0) WEFT_CHECK_EQ(rest.len, 0);
    return 1;
}

static void ends(const char *text, size_t at)
{
    size_t used;
    const char *fault = NULL;
    char first;
    size_t n = strlen(text);
    int rc = scanned(text, n, &used, &fault, &first);
    if (rc != (at ? 1 : 0) || (at && used != at)) weft__check_fail(__FILE__, __LINE__, "%s: %d, %zu, %s", text, rc, used, fault ? fault : "");
}

static void refused(const char *text, const char *why)
{
    size_t used;
    const char *fault = "";
    char first;
    int rc = scanned(text, strlen(text), &used, &fault, &first);
    if (rc != WEFT_EPROTO || !strstr(fault, why)) weft__check_fail(__FILE__, __LINE__, "%s: %d, %s; expected %s", text, rc, fault, why);
}

WEFT_TEST(a_value_ends_at_the_same_byte_however_it_is_cut)
{
    ends("+OK\r\n+next\r\n", 5);
    ends("+\r\n", 3);
    ends("-ERR no\r\n", 9);
    ends(":-17\r\n:1\r\n", 6);
    ends("$5\r\nh\r\nlo\r\n", 11);
    ends("$0\r\n\r\n$", 6);
    ends("$-1\r\n", 5);
    ends("*-1\r\n", 5);
    ends("*0\r\n+x\r\n", 4);
    ends("*2\r\n$1\r\na\r\n:2\r\n_\r\n", 15);
    ends("*2\r\n*1\r\n_\r\n*0\r\n+x\r\n", 15);
    ends("%1\r\n+k\r\n~2\r\n#t\r\n#f\r\n+x\r\n", 20);
    ends("%0\r\n", 4);
    ends(",1.5\r\n", 6);
    ends("(123456789012345678901234567890\r\n", 33);
    ends("=7\r\ntxt:abc\r\n", 13);
    ends("!5\r\nERR a\r\n", 11);
    ends(">2\r\n+message\r\n+x\r\n+next\r\n", 18);
    ends("+O", 0);
    ends("+OK\r", 0);
    ends("$5\r\nhell", 0);
    ends("$5\r\nhello", 0);
    ends("$5\r\nhello\r", 0);
    ends("*2\r\n:1\r\n", 0);
    ends("*1", 0);
}

WEFT_TEST(an_attribute_stands_before_the_value_it_is_said_of)
{
    ends("|1\r\n+ttl\r\n:3\r\n+OK\r\n:9\r\n", 19);
    ends("|0\r\n+OK\r\n:9\r\n", 9);
    ends("*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n:9\r\n", 24);
    ends("|1\r\n|1\r\n+a\r\n+b\r\n+c\r\n+d\r\n:7\r\n:9\r\n", 28);
    ends("|1\r\n+ttl\r\n:3\r\n", 0);
    weft_str rest = WEFT_S("|1\r\n+ttl\r\n*1\r\n:3\r\n:42\r\n");
    weft__resp step;
    const char *fault;
    WEFT_NEED(weft__resp_next(&rest, &step, &fault) == 0);
    WEFT_CHECK_EQ(step.kind, WEFT__RESP_INT);
    WEFT_CHECK_EQ(step.i, 42);
}

WEFT_TEST(a_push_is_known_by_its_first_byte_behind_attributes)
{
    size_t used;
    const char *fault;
    char first;
    WEFT_CHECK_EQ(scanned("|1\r\n+a\r\n+b\r\n>1\r\n+x\r\n", 21, &used, &fault, &first), 1);
    WEFT_CHECK_EQ(first, '>');
    WEFT_CHECK_EQ(scanned("*1\r\n>1\r\n+x\r\n", 12, &used, &fault, &first), 1);
    WEFT_CHECK_EQ(first, '*');
}

WEFT_TEST(what_is_no_resp_is_refused_at_once)
{
    refused("HTTP/1.1 200 OK\r\n", "begins no value");
    refused("\r\n", "begins no value");
    refused("$\r\n", "length");
    refused("$-2\r\n", "length");
    refused("$-\r\n", "length");
    refused("$1x\r\n", "length");
    refused("$--1\r\n", "length");
    refused("$?\r\n", "length");
    refused("%-1\r\n", "length");
    refused("*9999999999\r\n", "more values");
    refused("$1234567890123456789\r\n", "length");
    refused("$1\r\nab\r\n", "no end");
    refused("$1\r\na\rx", "no end");
    refused("+a\nb\r\n", "no end");
    refused("+a\rb", "no end");
    refused("*1\n:1\r\n", "length");
}

WEFT_TEST(a_line_and_a_depth_have_limits)
{
    enum { ROOM = 2 * WEFT__RESP_LINE_MAX };
    char *text = malloc(ROOM);
    size_t used, n = 0;
    const char *fault;
    char first;
    memset(text, 'a', ROOM);
    text[0] = '+';
    WEFT_CHECK_EQ(scan(text, ROOM, 1000, &used, &fault, &first), WEFT_EPROTO);
    WEFT_CHECK(used <= WEFT__RESP_LINE_MAX + 1000 && strstr(fault, "too long"));
    text[0] = ',';
    WEFT_CHECK_EQ(scan(text, ROOM, 100, &used, &fault, &first), WEFT_EPROTO);
    WEFT_CHECK(used <= WEFT__RESP_HEAD_MAX + 100);
    for (int depth = 0; depth <= WEFT__RESP_DEPTH_MAX; depth++) n += (size_t)sprintf(text + n, "*1\r\n");
    WEFT_CHECK_EQ(scan(text, n, n, &used, &fault, &first), WEFT_EPROTO);
    WEFT_CHECK(strstr(fault, "deeper") != NULL);
    WEFT_CHECK_EQ(scan(text + 4, n - 4, n, &used, &fault, &first), 0);
    free(text);
}

static weft__resp step_of(const char *text)
{
    weft_str rest = weft_str_of(text);
    weft__resp step = { 0 };
    const char *fault = "";
    if (weft__resp_next(&rest, &step, &fault) < 0) weft__check_fail(__FILE__, __LINE__, "%s: %s", text, fault);
    return step;
}

static void says_nothing(const char *text)
{
    weft_str rest = weft_str_of(text);
    weft__resp step;
    const char *fault = "";
    if (weft__resp_next(&rest, &step, &fault) != WEFT_EPROTO || !*fault) weft__check_fail(__FILE__, __LINE__, "%s was read", text);
}

WEFT_TEST(each_type_says_its_value)
{
    WEFT_CHECK_EQ(step_of(":-9223372036854775808\r\n").i, INT64_MIN);
    WEFT_CHECK_EQ(step_of(":+7\r\n").i, 7);
    WEFT_CHECK(step_of(",-1.5e3\r\n").d == -1500 && step_of(",10\r\n").d == 10 && step_of(",inf\r\n").d > 1e308 && step_of(",-inf\r\n").d < -1e308);
    WEFT_CHECK(step_of(",nan\r\n").d != step_of(",nan\r\n").d);
    WEFT_CHECK(step_of("#t\r\n").b && !step_of("#f\r\n").b);
    WEFT_CHECK_EQ(step_of("_\r\n").kind, WEFT__RESP_NIL);
    WEFT_CHECK_EQ(step_of("$-1\r\n").kind, WEFT__RESP_NIL);
    WEFT_CHECK_EQ(step_of("*-1\r\n").kind, WEFT__RESP_NIL);
    WEFT_CHECK_STR(step_of("$5\r\nh\r\nlo\r\n").s, "h\r\nlo");
    WEFT_CHECK_STR(step_of("=7\r\ntxt:abc\r\n").s, "abc");
    WEFT_CHECK_STR(step_of("(-12345678901234567890\r\n").s, "-12345678901234567890");
    WEFT_CHECK_EQ(step_of("!5\r\nERR a\r\n").kind, WEFT__RESP_ERROR);
    WEFT_CHECK_STR(step_of("-WRONGTYPE no\r\n").s, "WRONGTYPE no");
    WEFT_CHECK_EQ(step_of("%2\r\n").count, 4);
    WEFT_CHECK_EQ(step_of("~3\r\n").kind, WEFT__RESP_LIST);
}

WEFT_TEST(a_line_that_is_no_value_of_its_type_is_refused)
{
    static const char *const bad[] = { ":\r\n", ":-\r\n", ":1.5\r\n", ":9223372036854775808\r\n", ": 1\r\n", ",\r\n", ",1x\r\n", ",0x10\r\n", ",--1\r\n", "#x\r\n", "#\r\n", "_x\r\n",
        "(\r\n", "(12a\r\n", "=3\r\nabc\r\n", "=4\r\nabcd\r\n", "$3\r\nab\r\n", "*\r\n", "" };
    for (size_t i = 0; i < weft_count(bad); i++) says_nothing(bad[i]);
}

WEFT_TEST(a_command_is_written_as_words_with_their_lengths)
{
    weft__buf to;
    weft__buf_init(&to, 1000);
    weft__resp_put_head(&to, 3);
    weft__resp_put(&to, WEFT_S("SET"));
    weft__resp_put(&to, WEFT_S(""));
    weft__resp_put(&to, (weft_str){ "a\r\n\0b", 5 });
    WEFT_CHECK(weft_str_equal(weft__buf_str(&to), (weft_str){ "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n", 30 }));
    size_t used;
    const char *fault;
    char first;
    WEFT_CHECK_EQ(scanned(to.ptr, to.len, &used, &fault, &first), 1);
    WEFT_CHECK_EQ(used, to.len);
    weft__buf_free(&to);
}
