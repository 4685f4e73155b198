/* Fields behind a body, as handlers say and read them. */
#include <stdio.h>
#include <string.h>
#include "ask.h"
#include "http/features.h"
#include "testing/client.h"
#include "wire/compress.h"

WEFT_INPUT(said_in, query(weft_str, name, .initial = "X-Sum"), query(weft_str, value, .initial = "1"), query(bool, late, .initial = "true"),
    query(WEFT_OPT(int), length), query(int, status, .initial = "200"), query(int, times, .initial = "1"));

static int said_rc;
static int said(const said_in *in, weft_stream *out)
{
    if (in->length.set) WEFT_TRY(weft_stream_length(out, in->length.value));
    WEFT_TRY(weft_reply_status(weft_stream_reply(out), in->status));
    if (in->late) WEFT_TRY(weft_write(out, WEFT_S("abc")));
    for (int i = 0; i < in->times; i++)
        said_rc = weft_stream_trailer(out, in->times == 1 ? in->name.ptr : weft_format("%s-%d", in->name.ptr, i).ptr, in->value);
    if (!in->late && said_rc == 0) WEFT_TRY(weft_write(out, WEFT_S("abc")));
    return said_rc;
}

static int again(const weft_none *in, weft_stream *out)
{
    (void)in;
    char name[] = "X-Sum", value[] = "first";
    WEFT_TRY(weft_stream_trailer(out, name, weft_str_of(value)));
    memset(value, 'x', sizeof value - 1);                            /* they are copied */
    memset(name, 'x', sizeof name - 1);
    WEFT_TRY(weft_stream_trailer(out, "X-Void", WEFT_S("")));
    WEFT_TRY(weft_write(out, WEFT_S("abc")));
    WEFT_TRY(weft_stream_trailer(out, "x-sum", WEFT_S(" second ")));
    {
        WEFT_TEMP;
        return weft_stream_trailer(out, "X-Late", weft_format("%d", 3));
    }
}

static int nothing(const weft_none *in, weft_stream *out)
{
    (void)in;
    return weft_stream_trailer(out, "X-Sum", WEFT_S("0"));
}

static int one_piece(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_stream_trailer(out, "X-Sum", WEFT_S("0")));
    return weft_reply_text(weft_stream_reply(out), WEFT_S("text"));
}

static int large(const weft_none *in, weft_stream *out)
{
    (void)in;
    static char value[8192 - 5 + 1];
    memset(value, 'v', sizeof value);
    WEFT_TRY(weft_stream_trailer(out, "X-Sum", (weft_str){ value, sizeof value - 1 }));
    return weft_stream_trailer(out, "X-Sum", (weft_str){ value, sizeof value });
}

static int table(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "text/csv"));
    WEFT_TRY(weft_stream_trailer(out, "X-Rows", WEFT_S("")));
    for (int i = 0; i < 500; i++) WEFT_TRY(weft_write(out, WEFT_S("one row is as the other is\n")));
    return weft_stream_trailer(out, "X-Rows", WEFT_S("500"));
}

static int breaks(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_stream_trailer(out, "X-Sum", WEFT_S("0")));
    WEFT_TRY(weft_write(out, WEFT_S("abc")));
    return weft_fail(500, "it broke");
}

WEFT_INPUT(asked_in, request(request));
static int asked(const asked_in *in, weft_str *out)
{
    *out = weft_format("%d %d", weft_request_takes_trailers(in->request), weft_request_trailer(in->request, "X-Sum").ptr != NULL);
    return 0;
}

/* Whole, as JSON; the handler is called when all of it is there. */
WEFT_MODEL(Point, field(int, x));
WEFT_INPUT(whole_in, body(Point, point), request(request));
static int whole(const whole_in *in, weft_str *out)
{
    weft_str sum = weft_request_trailer(in->request, "x-SUM"), none = weft_request_trailer(in->request, "Content-Type");
    WEFT_CHECK(!none.ptr);
    *out = weft_format("%d %s", in->point.x, sum.ptr ? sum.ptr : "none");
    return 0;
}

WEFT_INPUT(pieces_in, body(weft_body, body), request(request));
static int pieces(const pieces_in *in, weft_str *out)
{
    weft_str piece;
    int n = 0;
    for (int rc; (rc = weft_body_read(&in->body, &piece)) != 0; n += (int)piece.len) {
        WEFT_TRY(rc);
        WEFT_CHECK(!weft_request_trailer(in->request, "X-Sum").ptr);
    }
    weft_str sum = weft_request_trailer(in->request, "X-Sum");
    *out = weft_format("%d %s", n, sum.ptr ? sum.ptr : "none");
    return 0;
}

/* The client's side of it: how many pieces, and what is said behind them. */
static int next_piece(void *ctx, weft_str *piece)
{
    int *left = ctx;
    *piece = WEFT_S("{\"x\":3}");
    return (*left)-- > 0;
}
WEFT_INPUT(post_in, query(weft_str, path), query(bool, http2));
static int post(const post_in *in, weft_reply *out)
{
    int left = 1;
    weft_response r;
    weft_header sum = { WEFT_S("X-Sum"), WEFT_S("four") };
    WEFT_TRY(weft_exchange(&r, (.method = "POST", .body_next = next_piece, .body_ctx = &left, .content_type = "application/json",
        .trailers = &sum, .trailer_count = 1, .http2 = in->http2 ? WEFT_HTTP2_ALWAYS : WEFT_HTTP2_NEVER), "http://other{+}", in->path));
    return weft_reply_response(out, &r);
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/said", said, said_in, weft_stream), WEFT_GET("/again", again, weft_none, weft_stream),
    WEFT_GET("/nothing", nothing, weft_none, weft_stream), WEFT_GET("/one", one_piece, weft_none, weft_stream),
    WEFT_GET("/large", large, weft_none, weft_stream), WEFT_GET("/breaks", breaks, weft_none, weft_stream), WEFT_GET("/asked", asked, asked_in, weft_str),
    WEFT_POST("/whole", whole, whole_in, weft_str), WEFT_POST("/pieces", pieces, pieces_in, weft_str),
    WEFT_GET("/post", post, post_in, weft_reply)) };

static const weft_app small = { .middleware = WEFT_MIDDLEWARE(weft_compression()), .routes = WEFT_ROUTES(
    WEFT_GET("/table", table, weft_none, weft_stream)) };

/* ---- what deceives ---- */

WEFT_TEST(nothing_is_smuggled_in_by_a_trailer)
{
    static const char *const rows[] = { "/said?value=a%0D%0AX-Evil:+b", "/said?value=a%0A", "/said?value=a%0D", "/said?value=a%01",
        "/said?name=X-Sum:+1%0D%0AX-Evil", "/said?name=", "/said?name=a+b", "/said?name=:status", "/said?name=Content-Length", "/said?name=transfer-encoding",
        "/said?name=Set-Cookie", "/said?name=Content-Type", "/said?name=Location", "/said?name=Trailer" };
    for (size_t i = 0; i < weft_count(rows); i++) {
        weft_test_stream *s = weft_test_open(&app, rows[i]);
        weft_str piece;
        int rc;
        while ((rc = weft_test_read(s, &piece)) > 0) WEFT_CHECK_STR(piece, "abc");
        WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);          /* it breaks off: never an end, and never another's line */
        WEFT_CHECK_EQ(said_rc, WEFT_EINVAL);
    }
    weft_response r = weft_test_get(&app, "/said?late=false&name=Host");
    WEFT_CHECK_EQ(r.status, 500);
    WEFT_CHECK_EQ(r.trailer_count, 0);
}

WEFT_TEST(there_are_limits_on_what_is_said)
{
    char path[9000] = "/said?late=false&value=";
    WEFT_CHECK_EQ(weft_test_get(&app, "/said?late=false&times=64").trailer_count, 64);
    WEFT_CHECK_EQ(weft_test_get(&app, "/said?late=false&times=65").status, 500);
    size_t n = strlen(path);
    memset(path + n, 'v', 8000);
    WEFT_CHECK_STR(weft_response_trailer((weft_response[]){ weft_test_get(&app, path) }, "X-Sum"), path + n);
    WEFT_CHECK_EQ(weft_test_get(&app, "/large").status, 500);        /* 8 KiB and a byte */
}

WEFT_TEST(what_breaks_off_has_no_trailers)
{
    weft_test_stream *s = weft_test_open(&app, "/breaks");
    weft_str piece;
    int rc;
    while ((rc = weft_test_read(s, &piece)) > 0) continue;
    WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
}

/* ---- what goes ---- */

WEFT_TEST(trailers_that_are_known_are_announced_and_the_last_value_is_sent)
{
    weft_response r = weft_test_get(&app, "/again");
    WEFT_CHECK_STR(r.body, "abc");
    WEFT_CHECK_STR(header(&r, "Trailer"), "X-Sum, X-Void");
    WEFT_CHECK_EQ(r.trailer_count, 2);
    WEFT_CHECK_STR(r.trailers[0].name, "X-Sum");
    WEFT_CHECK_STR(r.trailers[0].value, "second");
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Late"), "3");
    r = weft_test_get(&app, "/said");
    WEFT_CHECK(!header(&r, "Trailer").len);
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Sum"), "1");
    r = weft_test_get(&app, "/nothing");
    WEFT_CHECK_STR(r.body, "");
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Sum"), "0");
}

WEFT_TEST(where_they_have_no_place_they_are_left_out)
{
    weft_response r = weft_test_get(&app, "/said?late=false&length=3");
    WEFT_CHECK_STR(r.body, "abc");
    WEFT_CHECK_EQ(r.trailer_count, 0);
    WEFT_CHECK(!header(&r, "Trailer").len);
    r = weft_test_get(&app, "/said?late=false&status=204");
    WEFT_CHECK_EQ(r.status, 204);
    WEFT_CHECK_EQ(r.trailer_count, 0);
    r = weft_test_get(&app, "/one");
    WEFT_CHECK_STR(r.body, "text");
    WEFT_CHECK_EQ(r.trailer_count, 0);
    r = weft_test_send(&app, "HEAD", "/again", NULL, 0, NULL);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(header(&r, "Trailer"), "X-Sum, X-Void");          /* as GET would */
    WEFT_CHECK_EQ(r.trailer_count, 0);
}

WEFT_TEST(an_answer_that_is_compressed_on_its_way_keeps_its_trailers)
{
    if (!weft__coding_built(WEFT__GZIP)) WEFT_SKIP("zlib was not there when weft was built");
    weft_header accepts = { WEFT_S("Accept-Encoding"), WEFT_S("gzip") };
    weft_response r = weft_test_send(&small, "GET", "/table", &accepts, 1, NULL);
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "gzip");
    WEFT_CHECK(r.body.len > 0 && r.body.len < 1000);
    WEFT_CHECK_STR(header(&r, "Trailer"), "X-Rows");
    WEFT_CHECK_STR(weft_response_trailer(&r, "X-Rows"), "500");
}

/* ---- what comes ---- */

static bool takes(const char *te)
{
    weft_header h = { WEFT_S("TE"), weft_str_of(te) };
    weft_response r = weft_test_send(&app, "GET", "/asked", &h, 1, NULL);
    return weft_str_equal(r.body, WEFT_S("\"1 0\""));
}

WEFT_TEST(a_client_that_takes_trailers_is_known_by_its_TE)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/asked").body, "\"0 0\"");
    WEFT_CHECK(takes("trailers"));
    WEFT_CHECK(takes("gzip, Trailers"));
    WEFT_CHECK(!takes("gzip"));
    WEFT_CHECK(!takes("trailersx, xtrailers"));
}

WEFT_TEST(trailers_of_a_request_are_there_when_its_body_is)
{
    weft_test_upstream("other", &app);
    WEFT_CHECK_STR(weft_test_get(&app, "/post?path=/whole&http2=false").body, "\"3 four\"");
    WEFT_CHECK_STR(weft_test_get(&app, "/post?path=/pieces&http2=false").body, "\"7 four\"");
    WEFT_CHECK_STR(weft_test_post(&app, "/whole", "{\"x\":3}").body, "\"3 none\"");
    WEFT_CHECK_STR(weft_test_post(&app, "/pieces", "{\"x\":3}").body, "\"7 none\"");
}

WEFT_TEST(trailers_of_a_request_are_there_when_its_body_is_over_http2)
{
    if (!WEFT__HAS_HTTP2) return;
    weft_test_upstream("other", &app);
    WEFT_CHECK_STR(weft_test_get(&app, "/post?path=/whole&http2=true").body, "\"3 four\"");
    WEFT_CHECK_STR(weft_test_get(&app, "/post?path=/pieces&http2=true").body, "\"7 four\"");
}
