/* Answers read piece by piece: their bytes and lines, however they are cut; what ends them too early; and that
 * their connection comes back whatever happens. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/client_world.h"
#include "weft/net.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED_HEAD OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define URL "GET http://127.0.0.1:PORT/x: "

/* An upstream whose answer is exchanged while it runs. */
#define UPSTREAM(u, answer) \
    net_upstream u = { 0 }; \
    WEFT_SCOPE(u##_scope, .forget = true); \
    net_upstream_start(&u, u##_scope, (answer), 1)

/* All of the body, as a text; < 0 on error. */
static int collect(weft_download *d, char *to, size_t room)
{
    weft_str piece;
    size_t n = 0;
    to[0] = 0;
    for (int rc; (rc = weft_download_read(d, &piece)) != 0;) {
        if (rc < 0) return rc;
        WEFT_CHECK(piece.len > 0);
        WEFT_CHECK_EQ(piece.ptr[piece.len], 0);
        WEFT_NEED(n + piece.len < room);
        memcpy(to + n, piece.ptr, piece.len);
        to[n += piece.len] = 0;
    }
    return (int)n;
}

/* Its lines, each with a '|' behind it. */
static int collect_lines(weft_download *d, char *to)
{
    weft_str line;
    to[0] = 0;
    for (int rc; (rc = weft_download_line(d, &line)) != 0;) {
        if (rc < 0) return rc;
        WEFT_CHECK_EQ(line.ptr[line.len], 0);
        to = stpcpy(stpcpy(to, line.ptr), "|");
    }
    return 0;
}

/* ---- what comes ---- */

static const char *const hellos[] = {
    OK_HEAD "Content-Length: 13\r\n\r\nhello, world\n",
    CHUNKED_HEAD "5\r\nhello\r\n2;a=\"b\";c\r\n, \r\n006;x\r\nworld\n\r\n0;last\r\nSum: 1\r\nMore: x\r\n\r\n",
    OK_HEAD "Connection: close\r\n\r\nhello, world\n",
    "HTTP/1.0 200 OK\r\n\r\nhello, world\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" CHUNKED_HEAD "D\r\nhello, world\n\r\n0\r\n\r\n",
};

static int wherever_it_is_cut(bool in_lines)
{
    for (size_t i = 0; i < weft_count(hellos); i++) {
        net_answer answer = { .bytes = hellos[i], .then = strstr(hellos[i], "h: ") ? NET_KEEP : NET_CLOSE };
        if (i == 1 || i == 4) answer.then = NET_KEEP;
        UPSTREAM(up, &answer);
        for (size_t cut = 1; cut <= strlen(hellos[i]); cut++) {
            char got[64];
            WEFT_DOWNLOAD(d);
            answer.first = cut;
            WEFT_TRY(weft_download(&d, "{+}/x", up.base));
            WEFT_CHECK_EQ(weft_download_status(d), 200);
            WEFT_CHECK_EQ(weft_download_length(d), i ? -1 : 13);
            WEFT_TRY(in_lines ? collect_lines(d, got) : collect(d, got, sizeof got));
            WEFT_CHECK_STR(weft_str_of(got), in_lines ? "hello, world|" : "hello, world\n");
            weft_str more = WEFT_S("untouched");
            WEFT_CHECK_EQ(weft_download_read(d, &more), 0);
            WEFT_CHECK_STR(more, "untouched");
        }
        if (answer.then == NET_KEEP) WEFT_CHECK_EQ(up.accepted, 1);
    }
    return 0;
}

NET_TEST(a_body_is_the_same_wherever_it_is_cut) { return wherever_it_is_cut(false); }
NET_TEST(lines_are_the_same_wherever_they_are_cut) { return wherever_it_is_cut(true); }

NET_TEST(a_body_that_comes_byte_by_byte_is_whole)
{
    for (size_t i = 0; i < weft_count(hellos); i++) {
        net_answer answer = { .bytes = hellos[i], .slice = 1, .then = NET_CLOSE };
        UPSTREAM(up, &answer);
        char got[64];
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download(&d, "{+}/x", up.base));
        WEFT_TRY(collect(d, got, sizeof got));
        WEFT_CHECK_STR(weft_str_of(got), "hello, world\n");
    }
    return 0;
}

#define ROWS "{\"n\":1}\n\n{\"n\":2}\r\na\rb\n\r\n{\"n\":3}"
#define ROWS_CUT "{\"n\":1}||{\"n\":2}|a\rb||{\"n\":3}|"
NET_TEST(lines_have_either_end_and_the_last_may_have_none)
{
    net_answer answer = { .bytes = OK_HEAD "Content-Length: 31\r\n\r\n" ROWS };
    UPSTREAM(up, &answer);
    for (answer.slice = 1; answer.slice < 40; answer.slice++) {
        char got[64];
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download(&d, "{+}/x", up.base));
        WEFT_TRY(collect_lines(d, got));
        WEFT_CHECK_STR(weft_str_of(got), ROWS_CUT);
    }
    return 0;
}

NET_TEST(a_line_too_long_stays_and_can_be_taken_otherwise)
{
    net_answer answer = { .bytes = OK_HEAD "Content-Length: 24\r\n\r\n12345678\r\n123456789\nabc\n" };
    UPSTREAM(up, &answer);
    for (answer.slice = 1; answer.slice < 30; answer.slice += 3) {
        weft_str line;
        size_t n = 0;
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download_open(&d, (.line_bytes_max = 8), "{+}/x", up.base));
        WEFT_CHECK_EQ(weft_download_line(d, &line), 1);
        WEFT_CHECK_STR(line, "12345678");
        for (int i = 0; i < 2; i++) {
            NET_CHECK_ERROR(weft_download_line(d, &line), WEFT_ELIMIT,
                URL "answered a line of more than 8 bytes (line_bytes_max)");
        }
        for (; n < 10; n += line.len) WEFT_TRY(weft_download_read(d, &line));
        if (n == 10) WEFT_CHECK_EQ(weft_download_line(d, &line), 1);
    }
    return 0;
}

NET_TEST(lines_and_pieces_take_turns)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 15\r\n\r\none\ntwo\nthree\n!", .slice = 2 });
    char got[64] = "";
    weft_str piece;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}/x", up_base));
    for (int i = 0, rc = 1; rc > 0; i++) {
        rc = i % 2 ? weft_download_read(d, &piece) : weft_download_line(d, &piece);
        WEFT_TRY(rc);
        if (rc) strcat(strcat(got, piece.ptr), i % 2 || strlen(got) == 14 ? "" : "\n");
    }
    WEFT_CHECK_STR(weft_str_of(got), "one\ntwo\nthree\n!");
    return 0;
}

WEFT_MODEL(Row, field(weft_str, name), field(int, n), list(int, more));
NET_TEST(each_line_is_read_into_a_model)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED_HEAD "28\r\n{\"name\":\"one\",\"n\":1,\"more\":[]}\n\n{\"name\":\r\n"
        "1C\r\n \"two\",\"n\":2,\"more\":[3,4]}\r\n\r\n"
        "F\r\n\n[]\n{\"name\":\"x\"\r\n"
        "14\r\n,\"n\":3,\"more\":[5]}\n\n\r\n"
        "0\r\n\r\n", .slice = 7 });
    Row row = { 0 };
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}/x", up_base));
    WEFT_CHECK_EQ(weft_download_item(Row, d, &row), 1);
    WEFT_CHECK_STR(row.name, "one");
    WEFT_CHECK_EQ(weft_download_item(Row, d, &row), 1);
    WEFT_CHECK_STR(row.name, "two");
    WEFT_CHECK(row.more.count == 2 && row.more.items[1] == 4);
    NET_CHECK_ERROR(weft_download_item(Row, d, &row), WEFT_STATUS(502), URL "answered JSON that is no Row after # ms: "
        "body: Input should be a valid dictionary or object to extract fields from");
    WEFT_CHECK_EQ(row.n, 2);
    WEFT_CHECK_EQ(weft_download_item(Row, d, &row), 1);
    WEFT_CHECK_EQ(row.n, 3);
    WEFT_CHECK_EQ(weft_download_item(Row, d, &row), 0);
    return 0;
}

/* ---- answers without a body ---- */

NET_TEST(answers_without_a_body_end_at_once_and_keep_their_connection)
{
    static const char *const bare[] = { "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", OK_HEAD "Content-Length: 0\r\n\r\n",
        CHUNKED_HEAD "0\r\n\r\n", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n" };
    net_answer answer = { .bytes = NULL };
    UPSTREAM(up, &answer);
    for (size_t i = 0; i < weft_count(bare); i++) {
        weft_str piece;
        WEFT_DOWNLOAD(d);
        answer.bytes = bare[i];
        WEFT_TRY(weft_download_open(&d, (), "{+}/x", up.base));
        WEFT_CHECK_EQ(weft_download_read(d, &piece), 0);
        WEFT_CHECK_EQ(weft_download_line(d, &piece), 0);
    }
    WEFT_DOWNLOAD(d);
    weft_str piece;
    answer.bytes = OK_HEAD "Content-Length: 5000000000\r\n\r\n";
    WEFT_TRY(weft_download_open(&d, (.method = "HEAD"), "{+}/x", up.base));
    WEFT_CHECK_EQ(weft_download_length(d), 5000000000);
    WEFT_CHECK_EQ(weft_download_read(d, &piece), 0);
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

NET_TEST(the_head_lives_as_long_as_the_download)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 404 Not Found\r\nX-One: 1\r\nX-TWO:  zwei \r\nContent-Length: 2\r\n\r\nno" });
    WEFT_DOWNLOAD(d);
    char got[64];
    {
        WEFT_TEMP;
        WEFT_TRY(weft_download_open(&d, (.method = weft_format("%s", "POST").ptr, .body = weft_format("%d", 1)),
            "{+}/x/{}", up_base, weft_format("%s", "a")));
    }
    WEFT_CHECK_EQ(weft_download_status(d), 404);
    WEFT_CHECK_STR(weft_download_header(d, "x-two"), "zwei");
    WEFT_CHECK_STR(weft_download_header(d, "x-three"), "");
    WEFT_CHECK_EQ(collect(d, got, sizeof got), 2);
    weft_download_close(d);
    NET_CHECK_ERROR(weft_download_read(d, &(weft_str){ 0 }), WEFT_ECLOSED, "POST http://127.0.0.1:PORT/x/a: "
        "the body is read after the download was closed, or a read failed");
    WEFT_CHECK_STR(weft_download_header(d, "X-ONE"), "1");
    return 0;
}

NET_TEST(an_answer_that_is_no_success_fails_with_how_it_begins)
{
    NET_UPSTREAM(up, { .bytes = "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n"
        "9\r\ntry later\r\n0\r\n\r\n" }, { .bytes = "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n" });
    weft_download *d = NULL;
    NET_CHECK_ERROR(weft_download(&d, "{+}/x", up_base), WEFT_STATUS(502),
        URL "answered 503 Service Unavailable after # ms: try later");
    NET_CHECK_ERROR(weft_download(&d, "{+}/x", up_base), WEFT_STATUS(502),
        URL "answered 302 Found after # ms, to /y: redirects are not followed");
    WEFT_CHECK(d == NULL);
    WEFT_CHECK_EQ(up.open, 1);
    return 0;
}

/* ---- bodies that end too early ---- */

static int ends_early(const char *bytes, int code, const char *text)
{
    net_answer answer = { .bytes = bytes, .then = NET_CLOSE };
    UPSTREAM(up, &answer);
    for (int lines = 0; lines < 2; lines++) {
        char got[64];
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download(&d, "{+}/x", up.base));
        int rc = lines ? collect_lines(d, got) : collect(d, got, sizeof got);
        NET_CHECK_ERROR(rc, code, text);
        WEFT_CHECK_STR(weft_str_of(got), lines ? "one|" : "one\ntw");
        WEFT_CHECK_EQ(weft_download_read(d, &(weft_str){ 0 }), WEFT_ECLOSED);
        WEFT_CHECK_EQ(net_conns(), 0);
    }
    return 0;
}

NET_TEST(fewer_bytes_than_content_length_are_no_end)
{
    return ends_early(OK_HEAD "Content-Length: 7\r\n\r\none\ntw", WEFT_ECONNRESET,
        URL "closed after 6 of 7 bytes of the body and # ms");
}

NET_TEST(a_chunk_cut_short_is_no_end)
{
    return ends_early(CHUNKED_HEAD "A\r\none\ntw", WEFT_ECONNRESET,
        URL "closed in the middle of a chunked body, after 6 bytes of it and # ms");
}

NET_TEST(chunks_without_the_last_one_are_no_end)
{
    static const char *const tails[] = { "", "\r", "\r\n", "\r\n0", "\r\n0\r\n", "\r\n0\r\nA: b\r\n", "\r\n0\r\n\r" };
    for (size_t i = 0; i < weft_count(tails); i++) {
        char bytes[128];
        snprintf(bytes, sizeof bytes, CHUNKED_HEAD "6\r\none\ntw%s", tails[i]);
        WEFT_TRY(ends_early(bytes, WEFT_ECONNRESET,
            URL "closed in the middle of a chunked body, after 6 bytes of it and # ms"));
    }
    return 0;
}

NET_TEST(chunks_that_are_none_are_told_when_what_came_before_was_given)
{
    WEFT_TRY(ends_early(CHUNKED_HEAD "6\r\none\ntw\r\nxyz\r\n", WEFT_EPROTO, URL "answered what is no chunked body "
        "after # ms: a chunk size that does not begin with a hex digit"));
    return ends_early(CHUNKED_HEAD "6\r\none\ntwo\r\n0\r\n\r\n", WEFT_EPROTO, URL "answered what is no chunked body "
        "after # ms: a chunk longer than its size");
}

/* Whoever closes with bytes unread breaks the connection off. */
static int break_off(weft_conn *c, void *ctx)
{
    char part[10];
    WEFT_TRY((int)weft_conn_read_into(c, part, sizeof part));
    WEFT_TRY(weft_conn_write(c, weft_str_of(ctx)));
    return weft_sleep_ms(20);
}

NET_TEST(a_connection_broken_off_is_no_end_even_of_a_body_without_another)
{
    static const char *const bodies[] = { OK_HEAD "Connection: close\r\n\r\none\ntw",
        OK_HEAD "Content-Length: 7\r\n\r\none\ntw", CHUNKED_HEAD "6\r\none\ntw" };
    for (size_t i = 0; i < weft_count(bodies); i++) {
        NET_TALKER(base, break_off, (void *)bodies[i]);
        char got[64];
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download(&d, "{+}/x", base));
        int rc = collect(d, got, sizeof got);
        WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
        WEFT_CHECK(strstr(net_error(rc), "broken off") != NULL);
        NET_TALKER_END(base);
    }
    return 0;
}

/* ---- bodies too long ---- */

NET_TEST(no_more_than_body_bytes_max_is_given)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED_HEAD "5\r\nhello\r\n0\r\n\r\n" },
        { .bytes = CHUNKED_HEAD "5\r\nhello\r\n4\r\n, wo\r\n0\r\n\r\n" }, { .bytes = OK_HEAD "Content-Length: 6\r\n\r\nhello," });
    for (int i = 0; i < 2; i++) {
        char got[64];
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download_open(&d, (.body_bytes_max = 5), "{+}/x", up_base));
        int rc = collect(d, got, sizeof got);
        WEFT_CHECK_STR(weft_str_of(got), "hello");
        if (i == 0) WEFT_CHECK_EQ(rc, 5);
        else NET_CHECK_ERROR(rc, WEFT_ELIMIT, URL "answered a body of more than 5 bytes (body_bytes_max) after # ms");
        WEFT_CHECK_EQ(net_conns(), i ? 0 : 1);
    }
    weft_download *d = NULL;
    NET_CHECK_ERROR(weft_download_open(&d, (.body_bytes_max = 5), "{+}/x", up_base), WEFT_ELIMIT,
        URL "answered a body of more than 5 bytes (body_bytes_max) after # ms");
    WEFT_CHECK_EQ(net_conns(), 0);
    return 0;
}

/* ---- the connection comes back ---- */

NET_TEST(a_connection_is_free_as_soon_as_the_body_has_come)
{
    net_client()->limits.origin_max = 1;
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 13\r\n\r\nhello, world\n" }, { .bytes = NULL });
    WEFT_DOWNLOAD(d);
    char got[64];
    Quote q;
    WEFT_TRY(weft_download(&d, "{+}/x", up_base));
    if (!net_os->ops->virtual_time) net_pause(20);
    weft_str line;
    WEFT_CHECK_EQ(weft_download_line(d, &line), 1);
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/7", up_base));
    WEFT_CHECK_STR(line, "hello, world");
    WEFT_CHECK_EQ(collect(d, got, sizeof got), 0);
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

/* (Where receives are short it is not there yet.) */
NET_SIM_TEST(a_small_rest_that_is_there_is_dropped_and_the_connection_kept)
{
    net_answer answer = { 0 };
    UPSTREAM(up, &answer);
    for (size_t i = 0; i < 2; i++) {
        answer = (net_answer){ .bytes = hellos[i], .first = strlen(hellos[i]) - 8, .slice_ms = 5 };
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download(&d, "{+}/x", up.base));
        net_pause(20);
    }
    WEFT_CHECK_EQ(net_conns(), 1);
    WEFT_CHECK_EQ(up.accepted, 1);
    return 0;
}

NET_TEST(a_rest_that_is_not_there_closes_the_connection)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 100\r\n\r\nhello", .then = NET_HANG },
        { .bytes = CHUNKED_HEAD "5\r\nhello\r\n", .then = NET_HANG },
        { .bytes = OK_HEAD "Content-Length: 100000000\r\n\r\nhello", .then = NET_HANG });
    for (int i = 0; i < 3; i++) {
        weft_str piece;
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download(&d, "{+}/x", up_base));
        WEFT_CHECK_EQ(weft_download_read(d, &piece), 1);
        WEFT_CHECK_EQ(net_conns(), 1);
        weft_download_free(d);
        d = NULL;
        WEFT_CHECK_EQ(net_conns(), 0);
    }
    return 0;
}

NET_TEST(bytes_behind_the_body_close_the_connection)
{
    static const char *const bodies[] = { OK_HEAD "Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n",
        CHUNKED_HEAD "5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 204 No Content\r\n\r\nhello" };
    net_answer answer = { 0 };
    UPSTREAM(up, &answer);
    for (size_t i = 0; i < weft_count(bodies); i++) {
        char got[64];
        answer = (net_answer){ .bytes = bodies[i] };
        WEFT_DOWNLOAD(d);
        WEFT_TRY(weft_download(&d, "{+}/x", up.base));
        WEFT_CHECK_EQ(collect(d, got, sizeof got), i < 2 ? 5 : 0);
        net_pause(5);
        WEFT_CHECK_EQ(net_conns(), 0);
    }
    return 0;
}

/* ---- upstreams without an end ---- */

static char page[16 * 1024];
static int64_t poured;

/* As many bytes as the target's number says, in chunks or by length. */
static int pour(weft_conn *c, void *ctx)
{
    weft_str head;
    (void)ctx;
    memset(page, 'x', sizeof page);
    while (weft_conn_until(c, WEFT_S("\r\n\r\n"), 4096, &head) > 0) {
        int64_t n = atoll(strchr(head.ptr, '/') + 1);
        bool chunked = strstr(head.ptr, "?chunked") != NULL;
        if (chunked) WEFT_TRY(weft_conn_write(c, WEFT_S(CHUNKED_HEAD)));
        else WEFT_TRY(weft_conn_print(c, OK_HEAD "Content-Length: %lld\r\n\r\n", (long long)n));
        for (int64_t left = n; left > 0; left -= (int64_t)sizeof page) {
            size_t part = left < (int64_t)sizeof page ? (size_t)left : sizeof page;
            if (chunked) WEFT_TRY(weft_conn_print(c, "%zx\r\n", part));
            WEFT_TRY(weft_conn_write(c, (weft_str){ page, part }));
            if (chunked) WEFT_TRY(weft_conn_write(c, WEFT_S("\r\n")));
            poured += (int64_t)part;
        }
        if (chunked) WEFT_TRY(weft_conn_write(c, WEFT_S("0\r\n\r\n")));
    }
    return 0;
}

static int drink(const char *url, int64_t n)
{
    weft_str piece;
    int64_t came = 0;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}", url));
    for (int rc; (rc = weft_download_read(d, &piece)) != 0; came += (int64_t)piece.len) WEFT_TRY(rc);
    WEFT_CHECK_EQ(came, n);
    return 0;
}

/* WEFT_DOWNLOAD_MB: how much comes through; a test that is run often takes less. */
NET_TEST(memory_is_bounded_however_much_comes)
{
    const char *mb = getenv("WEFT_DOWNLOAD_MB");
    int64_t n = mb ? atoll(mb) << 20 : net_os->ops->virtual_time ? 2 << 20 : 64 << 20;
    NET_TALKER(base, pour, NULL);
    char url[128];
    snprintf(url, sizeof url, "%s/%lld", base, (long long)n);
    long before = net_bytes_peak = net_bytes;
    WEFT_TRY(drink(url, n));
    strcat(url, "?chunked");
    WEFT_TRY(drink(url, n));
    WEFT_CHECK(net_bytes_peak - before < 320 * 1024);
    NET_TALKER_END(base);
    return 0;
}

NET_TEST(nothing_is_read_ahead_of_the_buffer)
{
    NET_TALKER(base, pour, NULL);
    WEFT_DOWNLOAD(d);
    weft_str piece;
    poured = 0;
    WEFT_TRY(weft_download(&d, "{+}/{}", base, 1 << 30));
    WEFT_CHECK_EQ(weft_download_read(d, &piece), 1);
    net_pause(100);
    WEFT_CHECK(poured < (net_os->ops->virtual_time ? 1 << 20 : 32 << 20));
    int64_t held = poured;
    net_pause(100);
    WEFT_CHECK_EQ(poured, held);
    NET_TALKER_END(base);
    return 0;
}

typedef struct sip_in { const char *base; int n; } sip_in;
static int sip(const sip_in *in, int *out)
{
    *out = 0;
    weft_str piece;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.connect_ms = 60000), "{+}/1000000000{+}", in->base, in->n % 2 ? "" : "?chunked"));
    for (int i = 0;; i++) {
        if (i == in->n % 7) return weft_fail(WEFT_EINVAL, "enough");
        WEFT_TRY(weft_download_read(d, &piece));
        WEFT_TRY(weft_sleep_ms(1));
    }
}

/* Each leaves in its own way: cancelled while it waits for its place, for the head, for the body; or by an error. */
NET_TEST(a_thousand_downloads_that_are_given_up_leave_no_place_taken)
{
    bool real = !net_os->ops->virtual_time;
    net_client()->limits.origin_max = 5;
    NET_TALKER(base, pour, NULL);
    int fds = net_fds();
    for (int round = 0; round < 10; round++) {
        static weft_error errors[100];
        static int outs[100];
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < (real ? 100 : 20); i++) {
            weft_spawn(s, sip, (&(sip_in){ base, round * 100 + i }), &outs[i], .error = &errors[i], .timeout_ms = 1 + i % 9 * 3);
        }
        net_pause(round * 3);
        if (round % 2) weft_cancel(s);
        else WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(net_conns(), 0);
    WEFT_TRY(drink(weft_format("%s/100000", base).ptr, 100000));
    WEFT_CHECK_EQ(net_conns(), 1);
    net_pause(50);
    WEFT_CHECK(net_fds() <= fds + 2);
    NET_TALKER_END(base);
    return 0;
}

/* ---- deadlines and cancels ---- */

NET_SIM_TEST(a_read_that_times_out_takes_nothing)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 12\r\n\r\nhello,world\n", .first = 44, .slice_ms = 500 });
    WEFT_DOWNLOAD(d);
    weft_str line;
    WEFT_TRY(weft_download_open(&d, (.read_ms = 200), "{+}/x", up_base));
    NET_CHECK_ERROR(weft_download_line(d, &line), WEFT_ETIMEDOUT,
        URL "no answer after # ms (read deadline, while the body came)");
    {
        WEFT_SCOPE(s, .timeout_ms = 100);
        NET_CHECK_ERROR(weft_download_line(d, &line), WEFT_ETIMEDOUT,
            URL "no answer after # ms (deadline of the call or scope around it)");
        WEFT_CHECK(weft_scope_caught(s));
        weft_cancel(s);
        WEFT_CHECK(weft_download_line(d, &line) < 0);
    }
    WEFT_CHECK_EQ(weft_download_line(d, &line), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_download_line(d, &line), 1);
    WEFT_CHECK_STR(line, "hello,world");
    WEFT_CHECK_EQ(net_conns(), 1);
    return 0;
}

NET_SIM_TEST(the_total_deadline_ends_a_body_that_never_pauses)
{
    NET_TALKER(base, pour, NULL);
    weft_str piece;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.total_ms = 300), "{+}/{}", base, 1LL << 40));
    int rc;
    while ((rc = weft_download_read(d, &piece)) > 0) net_pause(1);
    WEFT_CHECK_EQ(rc, WEFT_ETIMEDOUT);
    WEFT_CHECK(strstr(weft_error_of(rc)->text, "after 300 ms (total deadline") != NULL);
    NET_TALKER_END(base);
    return 0;
}

NET_SIM_TEST(without_a_total_deadline_a_log_may_go_on_for_hours)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 600\r\n\r\n" "0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789" "0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789" "0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789" "0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789" "0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789" "0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789" "0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789" "0123456789012345678901234567890123456789",
        .slice = 1, .first = 40, .slice_ms = 20000 });
    char got[1024];
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}/x", up_base));
    WEFT_CHECK_EQ(collect(d, got, sizeof got), 600);
    WEFT_CHECK(weft_now_ns() / 1000000000 >= 600 * 20);
    return 0;
}

NET_SIM_TEST(what_is_done_between_two_reads_is_no_wait)
{
    NET_TALKER(base, pour, NULL);
    weft_str piece;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.read_ms = 50), "{+}/{}", base, 300000));
    int64_t came = 0;
    for (int rc; (rc = weft_download_read(d, &piece)) != 0; came += (int64_t)piece.len) {
        WEFT_TRY(rc);
        net_pause(5000);
    }
    WEFT_CHECK_EQ(came, 300000);
    NET_TALKER_END(base);
    return 0;
}

/* ---- several tasks ---- */

static int read_one(weft_download *const *d, weft_str *piece)
{
    return weft_download_read(*d, piece);
}

NET_TEST(closing_it_ends_the_read_of_another_task)
{
    net_client()->limits.origin_max = 1;
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 12\r\n\r\n", .then = NET_HANG }, { .bytes = NULL });
    WEFT_SCOPE(s);
    weft_error error;
    weft_str piece, got;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}/x", up_base));
    weft_task *reader = weft_spawn(s, read_one, &d, &got, .error = &error);
    net_pause(10);
    NET_CHECK_ERROR(weft_download_read(d, &piece), WEFT_EBUSY,
        URL "task read_one reads the body already, and one at a time may");
    weft_download_close(d);
    Quote q;
    WEFT_TRY(weft_fetch(Quote, &q, "{+}/7", up_base));
    WEFT_CHECK(q.price == 7);
    WEFT_CHECK_EQ(weft_await(reader), WEFT_ECLOSED);
    WEFT_CHECK_EQ(weft_download_read(d, &piece), WEFT_ECLOSED);
    return 0;
}

NET_TEST(freeing_it_while_another_task_reads_is_safe)
{
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 12\r\n\r\n", .then = NET_HANG });
    WEFT_SCOPE(s);
    weft_error error;
    weft_str got;
    weft_download *d = NULL;
    WEFT_TRY(weft_download(&d, "{+}/x", up_base));
    weft_task *reader = weft_spawn(s, read_one, &d, &got, .error = &error);
    net_pause(10);
    weft_download_free(d);
    WEFT_CHECK_EQ(weft_await(reader), WEFT_ECLOSED);
    WEFT_CHECK_EQ(net_conns(), 0);
    return 0;
}

static int open_it(const char *const *base, weft_download **out)
{
    return weft_download(out, "{+}/x", *base);
}

NET_SIM_TEST(a_download_may_outlive_the_task_that_opened_it)
{
    net_client()->limits.origin_max = 1;
    NET_UPSTREAM(up, { .bytes = OK_HEAD "Content-Length: 12\r\n\r\n", .then = NET_HANG });
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_gather(weft_call(open_it, &up_base, &d)));
    weft_response r;
    NET_CHECK_ERROR(weft_exchange(&r, (.connect_ms = 100), "{+}/x", up_base), WEFT_ETIMEDOUT,
        URL "no connection became free within # ms (connect deadline): all 1 connections to "
        "127.0.0.1:PORT (limit per origin) are in use, by open_it (1), for up to # ms");
    return 0;
}

/* ---- when memory fails ---- */

NET_SIM_TEST(whatever_allocation_fails_costs_no_more_than_the_download)
{
    NET_UPSTREAM(up, { .bytes = CHUNKED_HEAD "5\r\nhello\r\n8\r\n, world\n\r\n0\r\n\r\n", .first = 60 });
    char got[64];
    for (long i = 0, done = 0; i < 200 && done < 3; i++) {
        WEFT_DOWNLOAD(d);
        net_fail_after = i;
        int rc = weft_download(&d, "{+}/x", up_base);
        if (rc == 0) rc = collect(d, got, sizeof got);
        bool failed = net_fail_after < 0;
        net_fail_after = -1;
        WEFT_CHECK(rc == WEFT_ENOMEM || (rc == 13 && strcmp(got, "hello, world\n") == 0));
        done += !failed;
    }
    weft_download *d = NULL;
    WEFT_TRY(weft_download(&d, "{+}/x", up_base));
    WEFT_CHECK_EQ(collect(d, got, sizeof got), 13);
    weft_download_free(d);
    WEFT_CHECK_EQ(net_conns(), 1);
    return 0;
}
