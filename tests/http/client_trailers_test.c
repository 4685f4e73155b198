/* Fields behind a body, as the client takes and sends them: over HTTP/1.1 here, over HTTP/2 in client_h2_trailers_test.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/client_world.h"

#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define NO_BODY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* ---- of answers: what deceives, what is too much ---- */

NET_TEST(trailers_that_belong_into_the_head_are_left_out_of_an_answer)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED_HEAD "3\r\nabc\r\n0\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\nX-Sum: 1\r\nLocation: /evil\r\nContent-Type: text/html\r\n"
                                             "Cache-Control: public\r\nContent-Digest: sha-256=:x:\r\nWWW-Authenticate: Basic\r\n\r\n" });
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (), "{+}/", up_base));
    WEFT_CHECK_STR(r.body, "abc");
    WEFT_CHECK_EQ(r.trailer_count, 2);
    WEFT_CHECK_STR(weft_response_trailer(&r, "x-sum"), "1");
    WEFT_CHECK_STR(weft_response_trailer(&r, "Content-Digest"), "sha-256=:x:");
    WEFT_CHECK_STR(weft_response_trailer(&r, "Set-Cookie"), "");
    WEFT_CHECK_STR(weft_response_trailer(&r, "Content-Length"), "");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Sum"), "");
    WEFT_CHECK_STR(weft_response_header(&r, "Set-Cookie"), "");
    return 0;
}

static int read_all(weft_download *d)
{
    weft_str piece;
    int rc;
    while ((rc = weft_download_read(d, &piece)) > 0) WEFT_CHECK_STR(weft_download_trailer(d, "X-Sum"), "");
    return rc;
}

/* By either way the same failure; and a fetch, which keeps none, has the same limits. */
static void check_refused(const char *base, int code, const char *text)
{
    weft_response r = { .status = 7 };
    weft_str body = WEFT_S("untouched");
    const char *said = net_error(weft_exchange(&r, (), "{+}/", base));
    WEFT_CHECK(strstr(said, text) != NULL);
    if (!strstr(said, text)) fprintf(stderr, "  (%s)\n", said);
    WEFT_CHECK_EQ(r.status, 7);
    WEFT_DOWNLOAD(d);
    int rc = weft_download_open(&d, (), "{+}/", base);
    if (rc == 0) rc = read_all(d);
    WEFT_CHECK_EQ(rc, code);
    WEFT_CHECK(strstr(net_error(rc), text) != NULL);
    if (rc == 0 || code == WEFT_EPROTO) WEFT_CHECK_EQ(weft_fetch(weft_str, &body, "{+}/", base), code);
    WEFT_CHECK_STR(body, "untouched");
}

NET_TEST(trailers_that_are_none_fail_the_call)
{
    NET_UPSTREAM(folded, { .bytes = CHUNKED_HEAD "3\r\nabc\r\n0\r\nX-Sum: 1\r\n 2\r\n\r\n" });
    NET_UPSTREAM(bare, { .bytes = CHUNKED_HEAD "3\r\nabc\r\n0\r\nX-Sum: 1\nSet-Cookie: a=b\r\n\r\n" });
    NET_UPSTREAM(cut, { .bytes = CHUNKED_HEAD "3\r\nabc\r\n0\r\nX-Sum: 1\r\n", .then = NET_CLOSE });
    check_refused(folded_base, WEFT_EPROTO, "a trailer line that does not begin with a name and a colon");
    check_refused(bare_base, WEFT_EPROTO, "a control character in a trailer line");
    check_refused(cut_base, WEFT_ECONNRESET, "closed in the middle of a chunked body, after 3 bytes of it");
    return 0;
}

NET_TEST(an_answer_with_too_many_trailers_fails)
{
    enum { LINES = 101, LARGE = 17 * 1024 };
    static char many[LINES * 8 + 200], large[LARGE + 200];
    char *to = stpcpy(many, CHUNKED_HEAD "3\r\nabc\r\n0\r\n");
    for (int i = 0; i < LINES; i++) to += sprintf(to, "X:%d\r\n", i % 10);
    stpcpy(to, "\r\n");
    to = stpcpy(large, CHUNKED_HEAD "3\r\nabc\r\n0\r\nX: ");
    memset(to, 'x', LARGE);
    stpcpy(to + LARGE, "\r\n\r\n");
    net_upstream lines = { 0 }, bytes = { 0 };
    WEFT_SCOPE(s, .forget = true);
    net_upstream_start(&lines, s, &(net_answer){ .bytes = many }, 1);
    net_upstream_start(&bytes, s, &(net_answer){ .bytes = large }, 1);
    check_refused(lines.base, WEFT_ELIMIT, "answered more trailers than a head may have headers");
    check_refused(bytes.base, WEFT_ELIMIT, "answered more bytes of trailers than a head may have");
    return 0;
}

/* ---- of answers: what comes ---- */

static int check_trailed(const char *base)
{
    weft_response r;
    weft_str text;
    WEFT_TRY(weft_exchange(&r, (), "{+}/", base));
    WEFT_CHECK_STR(r.body, "abcde");
    WEFT_CHECK_EQ(r.trailer_count, 3);
    WEFT_CHECK_STR(r.trailers[0].name, "X-Sum");
    WEFT_CHECK_STR(r.trailers[1].value, "two words");
    WEFT_CHECK_STR(r.trailers[2].value, "");
    for (size_t i = 0; i < r.trailer_count; i++) WEFT_CHECK(!r.trailers[i].name.ptr[r.trailers[i].name.len] && !r.trailers[i].value.ptr[r.trailers[i].value.len]);
    WEFT_TRY(weft_fetch(weft_str, &text, "{+}/", base));
    WEFT_CHECK_STR(text, "abcde");
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}/", base));
    WEFT_CHECK_EQ(read_all(d), 0);
    WEFT_CHECK_STR(weft_download_trailer(d, "x-SUM"), "1");
    WEFT_CHECK_STR(weft_download_trailer(d, "X-Two"), "two words");
    WEFT_CHECK_STR(weft_download_trailer(d, "X-None"), "");
    weft_download_close(d);
    WEFT_CHECK_STR(weft_download_trailer(d, "X-Sum"), "1");
    return 0;
}

NET_SIM_TEST(trailers_come_wherever_their_bytes_are_cut)
{
    static const char text[] = CHUNKED_HEAD "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\nX-Two: \ttwo words \r\nX-Void:\r\n\r\n";
    for (size_t cut = sizeof CHUNKED_HEAD - 1; cut < sizeof text; cut++) {
        WEFT_TEMP;
        net_upstream up;
        net_answer a = { .bytes = text, .first = cut, .slice_ms = 1 };
        WEFT_SCOPE(s, .forget = true);
        net_upstream_start(&up, s, &a, 1);
        WEFT_TRY(check_trailed(up.base));
        WEFT_CHECK_EQ(up.accepted, 1);               /* and the connection is kept */
    }
    return 0;
}

NET_TEST(an_answer_without_trailers_has_none)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED_HEAD "3\r\nabc\r\n0\r\n\r\n" }, { .bytes = NO_BODY }, { .bytes = CHUNKED_HEAD });
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (), "{+}/", up_base));
    WEFT_CHECK(!r.trailers && !r.trailer_count);
    WEFT_TRY(weft_exchange(&r, (), "{+}/", up_base));
    WEFT_CHECK(!r.trailers && !r.trailer_count);
    WEFT_TRY(weft_exchange(&r, (.method = "HEAD"), "{+}/", up_base));
    WEFT_CHECK(!r.trailers && !r.trailer_count);
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Sum"), "");
    return 0;
}

NET_TEST(lines_end_before_trailers_are_there)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED_HEAD "4\r\na\nb\n\r\n1\r\nc\r\n0\r\nX-Sum: 1\r\n\r\n" });
    weft_str line;
    char all[16] = "";
    int rc;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}/", up_base));
    while ((rc = weft_download_line(d, &line)) > 0) strcat(all, line.ptr);
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_STR(weft_str_of(all), "abc");
    WEFT_CHECK_STR(weft_download_trailer(d, "X-Sum"), "1");
    return 0;
}

/* ---- of requests ---- */

/* Three pieces; the trailer's value is set with the last of them. */
typedef struct source { int left; weft_header *sum; weft_str value; } source;
static int next(void *ctx, weft_str *piece)
{
    source *s = ctx;
    if (!s->left--) return 0;
    if (!s->left) s->sum->value = s->value;
    net_pause(1);                                    /* who hears it hears it as it comes */
    *piece = WEFT_S("ab");
    return 1;
}

/* What a talker got until its peer was silent about more, or said the last chunk. */
typedef struct heard { char text[2048]; size_t n; bool over; } heard;
static int hear(weft_conn *c, void *ctx)
{
    heard *h = ctx;
    weft_str in;
    char *end = NULL, *last = NULL;
    for (*h = (heard){ 0 }; weft_conn_read(c, &in) > 0 && h->n + in.len < sizeof h->text;) {
        memcpy(h->text + h->n, in.ptr, in.len);
        h->n += in.len;
        end = strstr(h->text, "\r\n\r\n");
        last = end ? strstr(end, "\r\n0\r\n") : NULL;
        if (last && strstr(last + 3, "\r\n\r\n")) return weft_conn_write(c, WEFT_S(NO_BODY));
    }
    h->over = true;
    return 0;
}

NET_TEST(what_may_be_no_trailer_is_not_sent)
{
    static const struct { weft_str name, value; const char *why; } rows[] = {
        { WEFT_S("Content-Length"), WEFT_S("1"), "trailer \"Content-Length\": it belongs into the head (RFC 9110, 6.5.1)" },
        { WEFT_S("Authorization"), WEFT_S("1"), "trailer \"Authorization\": it belongs into the head (RFC 9110, 6.5.1)" },
        { WEFT_S("X Sum"), WEFT_S("1"), "trailer \"X Sum\": its name must be letters" },
        { WEFT_S(""), WEFT_S("1"), "trailer \"\": its name must be letters" },
        { WEFT_S(":path"), WEFT_S("1"), "trailer \":path\": its name must be letters" },
        { WEFT_S("X-Sum\r\nHost: evil"), WEFT_S("1"), "its name must be letters" },
    };
    heard h = { 0 };
    NET_TALKER(base, hear, &h);
    weft_response r;
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft_header t = { rows[i].name, rows[i].value };
        source s = { 3, &t, t.value };
        int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = &t, .trailer_count = 1), "{+}/", base);
        WEFT_CHECK_EQ(rc, WEFT_EINVAL);
        WEFT_CHECK(strstr(net_error(rc), rows[i].why) != NULL);
        WEFT_CHECK_EQ(s.left, 3);                    /* nothing was asked for yet */
    }
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(a_value_that_cannot_be_sent_breaks_the_body_off)
{
    static const weft_str values[] = { WEFT_S("1\r\nHost: evil"), WEFT_S("1\n"), { "1\0002", 3 }, WEFT_S("1\r\n\r\nGET / HTTP/1.1\r\n\r\n") };
    for (size_t i = 0; i < weft_count(values); i++) {
        heard h = { 0 };
        NET_TALKER(base, hear, &h);
        weft_response r;
        weft_header t = { WEFT_S("X-Sum"), { NULL, 0 } };
        source s = { 3, &t, values[i] };
        int rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = &t, .trailer_count = 1), "{+}/", base);
        WEFT_CHECK_EQ(rc, WEFT_EINVAL);
        WEFT_CHECK(strstr(net_error(rc), "trailer \"X-Sum\": its value holds a control character") != NULL);
        for (int k = 0; k < 10000 && !h.over; k++) net_pause(1);
        WEFT_CHECK(h.over);
        NET_TALKER_END(base);
        WEFT_CHECK(h.n > 0 && !strstr(h.text, "\r\n0\r\n"));
        WEFT_CHECK(!strstr(h.text, "evil"));
    }
    return 0;
}

NET_TEST(trailers_need_a_body_in_pieces_of_no_known_length)
{
    NET_UPSTREAM(up, { .bytes = NO_BODY });
    static weft_header many[101];
    weft_header t = { WEFT_S("X-Sum"), WEFT_S("1") };
    weft_response r;
    source s = { 3, &t, WEFT_S("1") };
    static const char why[] = "trailers are sent behind what body_next gives, without body_length";
    for (int i = 0; i < 101; i++) many[i] = t;
    int rc = weft_exchange(&r, (.trailers = &t, .trailer_count = 1), "{+}/", up_base);
    WEFT_CHECK(rc == WEFT_EINVAL && strstr(net_error(rc), why));
    rc = weft_exchange(&r, (.method = "POST", .body = WEFT_S("{}"), .trailers = &t, .trailer_count = 1), "{+}/", up_base);
    WEFT_CHECK(rc == WEFT_EINVAL && strstr(net_error(rc), why));
    rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .body_length = 6, .trailers = &t, .trailer_count = 1), "{+}/", up_base);
    WEFT_CHECK(rc == WEFT_EINVAL && strstr(net_error(rc), why));
    rc = weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = many, .trailer_count = 101), "{+}/", up_base);
    WEFT_CHECK(rc == WEFT_EINVAL && strstr(net_error(rc), "more than 100 trailers"));
    WEFT_CHECK_EQ(up.requests, 0);
    return 0;
}

NET_TEST(a_body_in_pieces_ends_with_what_its_giver_says_last)
{
    heard h = { 0 };
    NET_TALKER(base, hear, &h);
    weft_response r;
    weft_header t[] = { { WEFT_S("X-Sum"), { NULL, 0 } }, { WEFT_S("X-Void"), { NULL, 0 } }, { WEFT_S("X-Two"), WEFT_S(" b ") } };
    source s = { 3, &t[0], WEFT_S("six") };
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = t, .trailer_count = 3), "{+}/", base));
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK(strstr(h.text, "\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Void, X-Two\r\n") != NULL);
    WEFT_CHECK(strstr(h.text, "\r\n\r\n2\r\nab\r\n2\r\nab\r\n2\r\nab\r\n0\r\nX-Sum: six\r\nX-Two: b\r\n\r\n") != NULL);
    WEFT_CHECK(!strstr(h.text, "\r\nTE:"));
    /* None of them has a value: as without. */
    t[0].value = t[2].value = (weft_str){ NULL, 0 };
    s = (source){ 1, &t[0], { NULL, 0 } };
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next, .body_ctx = &s, .trailers = t, .trailer_count = 3), "{+}/", base));
    WEFT_CHECK(strstr(h.text, "\r\n\r\n2\r\nab\r\n0\r\n\r\n") != NULL);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(who_takes_trailers_says_so_and_of_one_connection_alone)
{
    NET_UPSTREAM(up, { .bytes = NO_BODY });
    weft_response r;
    WEFT_TRY(weft_exchange(&r, (.takes_trailers = true), "{+}/", up_base));
    WEFT_CHECK(strstr(up.last, "\r\nTE: trailers\r\nConnection: TE\r\n") != NULL);
    WEFT_TRY(weft_exchange(&r, (), "{+}/", up_base));
    WEFT_CHECK(!strstr(up.last, "TE:"));
    return 0;
}
