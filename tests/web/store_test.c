/* Middleware that remembers: what clients have, how often they ask, sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "faults.h"
#include "pairs.h"
#include "testing/client.h"
#include "wire/compress.h"

static weft_response ask(const weft_app *app, const char *method, const char *path, const char *headers)
{
    weft_test_forget_cookies();                      /* each says its own, or none */
    return pair_send(app, &(pair){ method, path, headers, NULL, 0, NULL });
}

WEFT_INPUT(reply_in, reply(reply));
static int hello(const weft_none *in, weft_str *out) { (void)in; *out = WEFT_S("hello"); return 0; }
static int tagged(const reply_in *in, weft_str *out) { *out = WEFT_S("x"); return weft_reply_header(in->reply, "ETag", "\"own\""); }
static int dated(const reply_in *in, weft_str *out) { *out = WEFT_S("x"); return weft_reply_header(in->reply, "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"); }
static int unkept(const reply_in *in, weft_str *out) { *out = WEFT_S("x"); return weft_reply_header(in->reply, "Cache-Control", "private, no-store"); }
static int parts(const weft_none *in, weft_stream *out) { (void)in; return weft_write(out, WEFT_S("parts")); }
static const weft_app conditional = { .middleware = WEFT_MIDDLEWARE(weft_conditional()), .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str), WEFT_POST("/", hello, weft_none, weft_str),
    WEFT_GET("/tagged", tagged, reply_in, weft_str), WEFT_GET("/dated", dated, reply_in, weft_str), WEFT_GET("/unkept", unkept, reply_in, weft_str), WEFT_GET("/parts", parts, weft_none, weft_stream)) };

WEFT_TEST(who_has_an_answer_already_is_told_so)
{
    char line[100];
    weft_response r = ask(&conditional, "GET", "/", NULL);
    weft_str etag = header(&r, "ETag");
    WEFT_CHECK(etag.len > 4 && etag.ptr[0] == '"');
    snprintf(line, sizeof line, "If-None-Match: \"other\", %s", etag.ptr);
    r = ask(&conditional, "GET", "/", line);
    WEFT_CHECK_EQ(r.status, 304);
    WEFT_CHECK_EQ(r.body.len, 0);
    WEFT_CHECK_STR(header(&r, "ETag"), etag.ptr);
    WEFT_CHECK_STR(header(&r, "Content-Type"), "");
    WEFT_CHECK_EQ(ask(&conditional, "HEAD", "/", line).status, 304);
    WEFT_CHECK_EQ(ask(&conditional, "POST", "/", line).status, 200);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/", "If-None-Match: \"other\"").status, 200);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/", "If-Match: \"other\"").status, 412);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/", "Range: bytes=0-1").status, 200);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/tagged", "If-None-Match: W/\"own\"").status, 304);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/dated", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT").status, 304);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/dated", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT").status, 200);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/", "If-Modified-Since: Sun, 06 Nov 2094 08:49:36 GMT").status, 200);
    WEFT_CHECK_EQ(ask(&conditional, "GET", "/", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT").status, 200);
    r = ask(&conditional, "GET", "/unkept", NULL);
    WEFT_CHECK_STR(header(&r, "ETag"), "");
    r = ask(&conditional, "GET", "/parts", "If-None-Match: *");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(r.body, "parts");
}

/* ---- rates ---- */

static const weft_app limited = { .middleware = WEFT_MIDDLEWARE(weft_rate_limit(.limit = 6, .burst = 2, .header = "X-Key")), .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str)) };

WEFT_TEST(a_client_has_so_many_requests_and_gets_them_back)
{
    weft_response r = ask(&limited, "GET", "/", NULL);
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_STR(header(&r, "RateLimit-Limit"), "6");
    WEFT_CHECK_STR(header(&r, "RateLimit-Remaining"), "1");
    WEFT_CHECK_STR(header(&r, "RateLimit-Reset"), "10");
    WEFT_CHECK_EQ(ask(&limited, "GET", "/", NULL).status, 200);
    r = ask(&limited, "GET", "/", NULL);
    WEFT_CHECK_EQ(r.status, 429);
    WEFT_CHECK_STR(r.body, "{\"detail\":\"Too Many Requests\"}");
    WEFT_CHECK_STR(header(&r, "Retry-After"), "10");
    WEFT_CHECK_STR(header(&r, "RateLimit-Remaining"), "0");
    WEFT_CHECK_EQ(ask(&limited, "GET", "/", "X-Key: other").status, 200);
    WEFT_CHECK_EQ(ask(&limited, "GET", "/", "X-Key: ").status, 429);      /* as without one */
}

WEFT_TEST(requests_come_back_one_by_one)
{
    weft__shot shots[12];
    const int at_ms[] = { 0, 0, 0, 9000, 11000, 11000, 21000, 22000, 60000, 60000, 60000, 70001 }, want[] = { 200, 200, 429, 429, 200, 429, 200, 429, 200, 200, 429, 200 };
    int good = 0;
    for (size_t i = 0; i < weft_count(shots); i++) shots[i] = (weft__shot){ .bytes = WEFT_S("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), .start_ms = at_ms[i] + (int)i % 3 };
    WEFT_CHECK(weft__test_fire(&limited, NULL, shots, weft_count(shots)));
    for (size_t i = 0; i < weft_count(shots); i++) {
        good += shots[i].answer.status == 200;
        if (i < 8 || i > 10) WEFT_CHECK_EQ(shots[i].answer.status, want[i]);
    }
    WEFT_CHECK_EQ(good, 7);
}

static const weft_app crowded = { .middleware = WEFT_MIDDLEWARE(weft_rate_limit(.limit = 1, .header = "X-Key", .keys_max = 16)), .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str)) };

WEFT_TEST(more_clients_than_are_known_are_still_served)
{
    char line[40];
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "X-Key: client %d", i);
        WEFT_CHECK_EQ(ask(&crowded, "GET", "/", line).status, 200);
        WEFT_CHECK_EQ(ask(&crowded, "GET", "/", line).status, 429);
    }
}

/* ---- sessions ---- */

WEFT_MODEL(Cart, field(int, items, .initial = "0"), list(weft_str, names, .initial = "[]"), field(weft_str, owner, .initial = "nobody"));
WEFT_INPUT(cart_in, request(request), query(weft_str, name, .initial = ""));
static weft_secrets secrets = { .keys = { { "a secret of thirty-two bytes, more", 33 } } };

static int put_in(const cart_in *in, Cart *out)
{
    Cart *cart, *again;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    WEFT_TRY(weft_session(Cart, in->request, &again));
    WEFT_CHECK(cart == again);
    cart->items++;
    weft_push(&cart->names, in->name);
    *out = *cart;
    return 0;
}
static int look(const cart_in *in, Cart *out)
{
    Cart *cart;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    *out = *cart;
    return 0;
}
static int leave(const cart_in *in, weft_str *out) { weft_session_end(in->request); *out = WEFT_S("bye"); return 0; }
static int put_in_parts(const cart_in *in, weft_stream *out)
{
    Cart *cart;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    cart->items = 70;
    WEFT_TRY(weft_write(out, WEFT_S("x")));
    cart->items = 71;
    return 0;
}
static int overfill(const cart_in *in, Cart *out)
{
    WEFT_TRY(look(in, out));
    Cart *cart;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    cart->owner = weft_format("%5000d", 1);
    return 0;
}
static int unaware(const cart_in *in, weft_str *out) { (void)in; *out = WEFT_S("x"); return 0; }
#define CART_ROUTES .routes = WEFT_ROUTES(WEFT_POST("/put", put_in, cart_in, Cart), WEFT_GET("/look", look, cart_in, Cart), WEFT_POST("/leave", leave, cart_in, weft_str), \
    WEFT_POST("/parts", put_in_parts, cart_in, weft_stream), WEFT_POST("/overfill", overfill, cart_in, Cart), WEFT_GET("/unaware", unaware, cart_in, weft_str))
static const weft_app shop = { .middleware = WEFT_MIDDLEWARE(weft_sessions(.model = WEFT_SCHEMA(Cart), .secrets = &secrets, .max_age_s = 1000)), CART_ROUTES };
static const weft_app without = { .debug = true, CART_ROUTES };

/* What a browser would send next: "Cookie: session=...". */
static const char *cookie_of(const weft_response *r)
{
    static char line[5000];
    weft_str set = header(r, "Set-Cookie");
    snprintf(line, sizeof line, "Cookie: other=1; %.*s", (int)strcspn(set.ptr ? set.ptr : "", ";"), set.ptr ? set.ptr : "");
    return line;
}

WEFT_TEST(a_session_stays_with_its_client)
{
    weft_response r = ask(&shop, "POST", "/put?name=yarn", NULL);
    WEFT_CHECK_JSON(r.body, { "items": 1, "names": ["yarn"], "owner": "nobody" });
    WEFT_CHECK(has(header(&r, "Set-Cookie"), "; Max-Age=1000") && has(header(&r, "Set-Cookie"), "HttpOnly") && has(header(&r, "Set-Cookie"), "Secure"));
    WEFT_CHECK_STR(header(&r, "Vary"), "Cookie");
    WEFT_CHECK_STR(header(&r, "Cache-Control"), "private");
    r = ask(&shop, "POST", "/put?name=loom", cookie_of(&r));
    WEFT_CHECK_JSON(r.body, { "items": 2, "names": ["yarn", "loom"], "owner": "nobody" });
    const char *cookie = cookie_of(&r);
    r = ask(&shop, "GET", "/look", cookie);
    WEFT_CHECK_JSON(r.body, { "items": 2, "names": ["yarn", "loom"], "owner": "nobody" });
    WEFT_CHECK_STR(header(&r, "Set-Cookie"), "");
    r = ask(&shop, "GET", "/unaware", cookie);
    WEFT_CHECK_STR(header(&r, "Vary"), "");
    r = ask(&shop, "POST", "/leave", cookie);
    WEFT_CHECK(has(header(&r, "Set-Cookie"), "session=; ") && has(header(&r, "Set-Cookie"), "Max-Age=0"));
    WEFT_CHECK_JSON(ask(&shop, "GET", "/look", NULL).body, { "items": 0, "names": [], "owner": "nobody" });
}

WEFT_TEST(a_session_that_was_altered_is_none)
{
    weft_response r = ask(&shop, "POST", "/put", NULL);
    char line[5000];
    snprintf(line, sizeof line, "%s", cookie_of(&r));
    line[strlen(line) - 3] ^= 1;
    WEFT_CHECK_JSON(ask(&shop, "GET", "/look", line).body, { "items": 0, "names": [], "owner": "nobody" });
    const char *const bad[] = { "Cookie: session=", "Cookie: session=x", "Cookie: session=\"", "Cookie: session=eyJpdGVtcyI6MX0" };
    for (size_t i = 0; i < weft_count(bad); i++) WEFT_CHECK_EQ(ask(&shop, "GET", "/look", bad[i]).status, 200);
}

WEFT_TEST(a_session_of_an_answer_in_parts_is_what_it_was_when_the_head_went)
{
    weft_response r = ask(&shop, "POST", "/parts", NULL);
    WEFT_CHECK_STR(r.body, "x");
    r = ask(&shop, "GET", "/look", cookie_of(&r));
    WEFT_CHECK_JSON(r.body, { "items": 70, "names": [], "owner": "nobody" });
}

WEFT_TEST(a_session_that_no_cookie_holds_is_a_failure)
{
    weft_response r = ask(&shop, "POST", "/overfill", NULL);
    WEFT_CHECK_EQ(r.status, 500);
    WEFT_CHECK_STR(header(&r, "Set-Cookie"), "");
    r = ask(&without, "GET", "/look", NULL);
    WEFT_CHECK_EQ(r.status, 500);
    WEFT_CHECK(has(r.body, "weft_session(Cart): there is no weft_sessions around this route"));
}

WEFT_MODEL(Staff, field(weft_str, owner, .initial = "nobody"));
static int who_works(const cart_in *in, Staff *out)
{
    Staff *staff;
    WEFT_TRY(weft_session(Staff, in->request, &staff));
    *out = *staff;
    return 0;
}
static const weft_app staff = { .middleware = WEFT_MIDDLEWARE(weft_sessions(.model = WEFT_SCHEMA(Staff), .secrets = &secrets)),
    .routes = WEFT_ROUTES(WEFT_GET("/", who_works, cart_in, Staff)) };
static int name_owner(const cart_in *in, Cart *out)
{
    WEFT_TRY(put_in(in, out));
    Cart *cart;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    cart->owner = in->name;
    return 0;
}
static const weft_app owned = { .middleware = WEFT_MIDDLEWARE(weft_sessions(.model = WEFT_SCHEMA(Cart), .secrets = &secrets)),
    .routes = WEFT_ROUTES(WEFT_POST("/", name_owner, cart_in, Cart), WEFT_GET("/", look, cart_in, Cart)) };

WEFT_TEST(a_session_of_one_model_is_none_of_another_with_the_same_secrets)
{
    weft_response r = ask(&owned, "POST", "/?name=root", NULL);
    const char *line = cookie_of(&r);
    WEFT_CHECK(has(ask(&owned, "GET", "/", line).body, "\"owner\":\"root\""));
    WEFT_CHECK_STR(ask(&staff, "GET", "/", line).body, "{\"owner\":\"nobody\"}");
}

/* What cannot be read for want of memory may be anybody's: it is not nobody's. */
static int hungry_rc;
WEFT_INPUT(hungry_in, request(request), query(int, piece));
static int hungry(const hungry_in *in, weft_str *out)
{
    Cart *cart;
    while (weft_alloc((size_t)in->piece)) {}
    hungry_rc = weft_session(Cart, in->request, &cart);
    if (hungry_rc == 0) hungry_rc = cart->owner.len == 1000 ? 1 : 2;
    *out = WEFT_S("");
    return 0;
}
static const weft_app starving = { .middleware = WEFT_MIDDLEWARE(weft_sessions(.model = WEFT_SCHEMA(Cart), .secrets = &secrets)),
    .routes = WEFT_ROUTES(WEFT_POST("/", name_owner, cart_in, Cart), WEFT_GET("/", hungry, hungry_in, weft_str)) };

WEFT_TEST(a_session_that_is_not_read_for_want_of_memory_is_not_none)
{
    char path[2200], line[5000];
    snprintf(path, sizeof path, "/?name=%01000d", 7);
    weft_response r = ask(&starving, "POST", path, NULL);
    snprintf(line, sizeof line, "%s", cookie_of(&r));
    const int pieces[] = { 16, 64, 256, 1000, 2000, 2500, 3000, 4000, 100000 };
    int good = 0;
    for (size_t i = 0; i < weft_count(pieces); i++) {
        snprintf(path, sizeof path, "/?piece=%d", pieces[i]);
        hungry_rc = 0;
        (void)ask(&starving, "GET", path, line);
        if (hungry_rc != 1) WEFT_CHECK_EQ(hungry_rc, WEFT_ENOMEM);
        good += hungry_rc == 1;
    }
    WEFT_CHECK(good < (int)weft_count(pieces));
}

/* ---- failures behind a whole answer ---- */

static int spoil(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    weft_reply_header(reply, "ETag", "\"of a layer\"");
    WEFT_TRY(weft_next_run(next));
    WEFT_CHECK_STR(weft_reply_header_of(reply, "Content-Encoding"), "gzip");
    return weft_fail(418, "spoiled");
}
static int long_text(const weft_none *in, weft_str *out) { (void)in; *out = weft_format("%2000d", 7); return 0; }
static const weft_app spoiled = { .middleware = WEFT_MIDDLEWARE(spoil, weft_compression(.types = "application/json")), .routes = WEFT_ROUTES(WEFT_GET("/", long_text, weft_none, weft_str)) };

WEFT_TEST(a_failure_in_place_of_a_compressed_answer_is_not_said_to_be_compressed)
{
    if (!weft__coding_built(WEFT__GZIP)) WEFT_SKIP("zlib was not there when weft was built");
    weft_response r = ask(&spoiled, "GET", "/", "Accept-Encoding: gzip");
    WEFT_CHECK_EQ(r.status, 418);
    WEFT_CHECK_STR(r.body, "{\"detail\":\"spoiled\"}");
    WEFT_CHECK_STR(header(&r, "Content-Encoding"), "");
    WEFT_CHECK_STR(header(&r, "ETag"), "");
}

static weft_secrets no_secrets;
static const weft_app wrong = { .openapi_path = "", .middleware = WEFT_MIDDLEWARE(weft_sessions(), weft_sessions(.model = WEFT_SCHEMA(Cart), .secrets = &no_secrets, .cookie = "a b"),
    weft_rate_limit(), weft_csrf(.origins = "*, null", .token = true), weft_csrf(.header = "X"), weft_idempotency(.ttl_s = -1, .header = "a b")) };

WEFT_TEST(mistakes_in_middleware_that_remembers_are_told_at_the_start)
{
    const char *all = faults_of(&wrong);
    WEFT_CHECK(strstr(all, "application: weft_sessions: no .model; expected WEFT_SCHEMA of a model\n") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_sessions: .secrets: there are none\n") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_sessions: cookie 'a b' is no token of up to 64 letters\n") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_rate_limit: limit 0, window_s 0, burst 0, keys_max 0; expected positive numbers") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_csrf: .secrets: there are none\n") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_csrf: origins of \"*\": then nothing is refused; name them\n") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_csrf: origin 'null' is that of every page in a sandboxed frame") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_csrf: .secrets, .cookie and .header are those of the token; expected .token = true with them\n") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_idempotency: ttl_s -1, entries_max 0; expected positive numbers, and entries_max up to 100000\n") != NULL);
    WEFT_CHECK(strstr(all, "application: weft_idempotency: header 'a b' is no token\n") != NULL);
}
