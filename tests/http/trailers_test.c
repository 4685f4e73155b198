/* Fields behind a body, over HTTP/1.1: those of a request come to its handler apart from the head, those of an answer go out behind it; and what
 * stands there to deceive. Over HTTP/2: h2_trailers_test.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/server_world.h"

#define CHUNKED_HEAD "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\n" CHUNKED_HEAD "Date: #\r\n\r\n"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\nDate: #\r\n\r\nhello"

static const char *const both[] = { "/trail/whole", "/trail/pieces" };

/* What comes when the path is sent this body in chunks, and then another request on the same connection. */
static void check_trail(const served *s, const char *path, const char *body, const char *expected)
{
    char *text = malloc(strlen(body) + 200);
    peer *p = peer_open(s);
    sprintf(text, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%s" GET_CLOSE("/hello"), path, body);
    peer_say(p, text);
    WEFT_CHECK_STR(weft_str_of(peer_rest(p)), expected);
    WEFT_CHECK(p->ended);
    peer_close(p);
    free(text);
}

/* ---- what deceives ---- */

SERVER_TEST(trailers_that_belong_into_the_head_are_given_to_nobody)
{
    for (size_t i = 0; i < weft_count(both); i++)
        check_trail(s, both[i],
            "3\r\nabc\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nAuthorization: x\r\nCookie: a=b\r\n"
            "Content-Type: text/html\r\nX-Forwarded-For: 1.2.3.4\r\nX-Sum: 1\r\nConnection: close\r\n\r\n",
            OK_HEAD "0003\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n" HELLO);
}

static void check_refused(const served *s, const char *path, const char *behind, int status, const char *why)
{
    char text[4096], expected[300];
    const char *body;
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n%s" GET("/hello"), path, behind);
    int got = ask(s, text, &body);
    WEFT_CHECK_EQ(got, status);
    snprintf(expected, sizeof expected, "%s", why);
    WEFT_CHECK_STR(weft_str_of(body), expected);
    if (got != status) fprintf(stderr, "  (%s: %.60s)\n", path, behind);
}

SERVER_TEST(trailers_that_are_none_or_too_many_are_refused, .headers_max = 5, .head_bytes_max = 300)
{
    static char large[400] = "X-Large: ";
    const struct { const char *behind; int status; const char *why; } rows[] = {
        { "X Sum: 1\r\n\r\n", 400, "a trailer line that does not begin with a name and a colon" },
        { "X-Sum : 1\r\n\r\n", 400, "a trailer line that does not begin with a name and a colon" },
        { ": 1\r\n\r\n", 400, "a trailer line that does not begin with a name and a colon" },
        { "X-Sum\r\n\r\n", 400, "a trailer line that does not begin with a name and a colon" },
        { "X-Sum: 1\r\n folded\r\n\r\n", 400, "a trailer line that does not begin with a name and a colon" },
        { "X-Sum: 1\n\r\n", 400, "a control character in a trailer line" },
        { "X-Sum: 1\rX: 2\r\n\r\n", 400, "a CR without LF" },
        { "X-Sum: \x01\r\n\r\n", 400, "a control character in a trailer line" },
        { ":status: 200\r\n\r\n", 400, "a trailer line that does not begin with a name and a colon" },
        { "A:1\r\nB:1\r\nC:1\r\nD:1\r\nE:1\r\nF:1\r\n\r\n", 431, "more trailers than a head may have headers" },
        { large, 431, "more bytes of trailers than a head may have" },
    };
    memset(large + 9, 'x', 380);
    for (size_t i = 0; i < weft_count(rows); i++)
        for (size_t k = 0; k < weft_count(both); k++) check_refused(s, both[k], rows[i].behind, rows[i].status, rows[i].why);
    for (size_t k = 0; k < weft_count(both); k++)
        check_trail(s, both[k], "0\r\nA:1\r\nB:1\r\nC:1\r\nD:1\r\nE:1\r\n\r\n", OK_HEAD "0\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n" HELLO);
}

SERVER_TEST(a_body_that_breaks_off_among_its_trailers_has_no_end)
{
    static const char *const cuts[] = { "0\r\n", "0\r\nX-S", "0\r\nX-Sum: 1", "0\r\nX-Sum: 1\r\n", "0\r\nX-Sum: 1\r\n\r" };
    for (size_t i = 0; i < weft_count(cuts); i++) {
        for (size_t k = 0; k < weft_count(both); k++) {
            char text[200];
            answer a = { 0 };
            peer *p = peer_open(s);
            snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n%s", both[k], cuts[i]);
            peer_say_end(p, text);
            WEFT_CHECK(peer_answer(p, &a));
            WEFT_CHECK_EQ(a.status, 400);
            peer_close(p);
        }
    }
}

/* ---- what comes and goes ---- */

SERVER_TEST(trailers_of_a_request_come_to_its_handler_and_those_of_an_answer_go_out)
{
    for (size_t i = 0; i < weft_count(both); i++) {
        check_trail(s, both[i], "3\r\nabc\r\n0\r\nX-Sum:1\r\nx-two: \t b \r\n\r\n", OK_HEAD "0003\r\nabc\r\n0\r\nX-Sum: 1\r\nx-two: b\r\n\r\n" HELLO);
        check_trail(s, both[i], "0\r\nX-Sum: 1\r\n\r\n", OK_HEAD "0\r\nX-Sum: 1\r\n\r\n" HELLO);
        check_trail(s, both[i], "0\r\n\r\n", OK_HEAD "0\r\n\r\n" HELLO);
    }
}

/* Nothing of them lies in the head, and nothing of a former request's in the next one. */
SERVER_TEST(each_request_has_its_own_trailers)
{
    peer *p = peer_open(s);
    peer_say(p, POST_CHUNKED("/trail/whole", "0\r\nX-Sum: 1\r\n\r\n") POST_CHUNKED("/trail/pieces", "0\r\n\r\n") POST_CHUNKED("/trail/whole", "0\r\nX-B: 2\r\n\r\n")
        POST("/trail/whole", "3", "abc") GET_CLOSE("/hello"));
    WEFT_CHECK_STR(weft_str_of(peer_rest(p)), OK_HEAD "0\r\nX-Sum: 1\r\n\r\n" OK_HEAD "0\r\n\r\n" OK_HEAD "0\r\nX-B: 2\r\n\r\n" OK_HEAD "0003\r\nabc\r\n0\r\n\r\n" HELLO);
    peer_close(p);
}

SERVER_TEST(where_there_is_no_place_for_trailers_none_go_out)
{
    static const char until_close[] = "POST /trail/whole HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc";
    peer *p = peer_open(s);
    peer_say(p, "HEAD /trail/own HTTP/1.1\r\nHost: x\r\n\r\n" GET("/trail/own/204") GET("/trail/own/length") GET_CLOSE("/trail/own"));
    WEFT_CHECK_STR(weft_str_of(peer_rest(p)),
        "HTTP/1.1 200 OK\r\n" CHUNKED_HEAD "Date: #\r\n\r\n"
        "HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\nDate: #\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nDate: #\r\n\r\nown"
        "HTTP/1.1 200 OK\r\n" CHUNKED_HEAD "Connection: close\r\nDate: #\r\n\r\n0003\r\nown\r\n0\r\nX-Own: yes\r\n\r\n");
    peer_close(p);
    p = peer_open(s);
    peer_say(p, until_close);
    WEFT_CHECK_STR(weft_str_of(peer_rest(p)), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nDate: #\r\n\r\nabc");
    peer_close(p);
}

/* ---- memory that runs out ---- */

static void converse(const served *s, const char *path)
{
    char text[400];
    peer *p = peer_open(s);
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: %0200d\r\n\r\n", path, 1);
    if (p->rc == 0 && peer_send(p, text, strlen(text)) == 0) {
        const char *came = peer_rest(p);
        bool ended = strstr(came, "\r\n0\r\n") != NULL;
        if (ended) WEFT_CHECK(strstr(came, "00001\r\n\r\n") != NULL);    /* whole: then with its trailers */
    }
    peer_close(p);
}

SERVER_CALM_TEST(each_allocation_may_fail_and_no_trailers_are_lost_unseen, .idle_timeout_ms = 500)
{
    for (size_t i = 0; i < weft_count(both); i++) {
        long after = 0;
        for (server_mem.failed = 1; after < 300 && server_mem.failed; after++) {
            server_mem.failed = 0;
            server_mem.fail_after = after;
            converse(s, both[i]);
            server_mem.fail_after = -1;
            SERVER_UNTIL(s->server->connections == 0);
        }
        WEFT_CHECK(after > 1 && after < 300);
    }
    check_trail(s, both[0], "0\r\nX-Sum: 1\r\n\r\n", OK_HEAD "0\r\nX-Sum: 1\r\n\r\n" HELLO);
}
