/* Middleware that remembers: what clients have, how often they ask, sessions, tokens, answers by their key. */
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

/* ---- requests from other sites ---- */

static const weft_app guarded = { .middleware = WEFT_MIDDLEWARE(weft_csrf(.origins = "https://*.partner.example")), .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str),
    WEFT_POST("/", hello, weft_none, weft_str)) };
static const weft_app tokened = { .middleware = WEFT_MIDDLEWARE(weft_csrf(.token = true, .secrets = &secrets)), .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str),
    WEFT_POST("/", hello, weft_none, weft_str)) };

WEFT_TEST(requests_of_other_sites_change_nothing)
{
    const struct { const char *headers; int status; } facts[] = {
        { NULL, 200 }, { "Host: a.example\nOrigin: https://a.example", 200 }, { "Host: a.example:8000\nOrigin: http://A.example:8000", 200 },
        { "Host: a.example\nOrigin: https://b.example", 403 }, { "Host: a.example\nOrigin: null", 403 }, { "Host: a.example\nOrigin: https://a.example.evil", 403 },
        { "Host: a.example\nOrigin: https://x.partner.example", 200 }, { "Host: a.example\nReferer: https://a.example/page?x=://b", 200 },
        { "Host: a.example\nReferer: https://b.example/a.example", 403 }, { "Sec-Fetch-Site: same-origin", 200 }, { "Sec-Fetch-Site: none", 200 },
        { "Sec-Fetch-Site: cross-site", 403 }, { "Sec-Fetch-Site: same-site\nHost: a.example\nOrigin: https://a.example", 403 },
        { "Sec-Fetch-Site: cross-site\nOrigin: https://x.partner.example", 200 } };
    for (size_t i = 0; i < weft_count(facts); i++) {
        int status = ask(&guarded, "POST", "/", facts[i].headers).status;
        if (status != facts[i].status) weft__check_fail(__FILE__, __LINE__, "%s: expected %d, got %d", facts[i].headers ? facts[i].headers : "-", facts[i].status, status);
        WEFT_CHECK_EQ(ask(&guarded, "GET", "/", facts[i].headers).status, 200);
    }
}

WEFT_TEST(a_token_has_to_come_twice)
{
    char line[1200], token[500];
    WEFT_CHECK_EQ(ask(&tokened, "POST", "/", NULL).status, 403);
    weft_response r = ask(&tokened, "GET", "/", NULL);
    weft_str set = header(&r, "Set-Cookie");
    WEFT_NEED(has(set, "csrf=") && !has(set, "HttpOnly"));
    snprintf(token, sizeof token, "%.*s", (int)strcspn(set.ptr + 5, ";"), set.ptr + 5);
    snprintf(line, sizeof line, "Cookie: csrf=%s\nX-CSRF-Token: %s", token, token);
    WEFT_CHECK_EQ(ask(&tokened, "POST", "/", line).status, 200);
    r = ask(&tokened, "GET", "/", line);
    WEFT_CHECK_STR(header(&r, "Set-Cookie"), "");
    snprintf(line, sizeof line, "Cookie: csrf=%s", token);
    WEFT_CHECK_EQ(ask(&tokened, "POST", "/", line).status, 403);
    snprintf(line, sizeof line, "Cookie: csrf=%s\nX-CSRF-Token: %sx", token, token);
    WEFT_CHECK_EQ(ask(&tokened, "POST", "/", line).status, 403);
    WEFT_CHECK_EQ(ask(&tokened, "POST", "/", "Cookie: csrf=made-up\nX-CSRF-Token: made-up").status, 403);
}

/* ---- keys ---- */

static int orders;
WEFT_INPUT(order_in, query(int, wait_ms, .initial = "0"), query(int, fails, .initial = "0"), reply(reply));
static int order(const order_in *in, int *out)
{
    WEFT_TRY(weft_sleep_ms(in->wait_ms));
    *out = ++orders;
    weft_reply_header(in->reply, "X-Order", "%d", orders);
    weft_reply_cookie(in->reply, "c", WEFT_S("1"));
    return in->fails ? weft_fail(in->fails, "failed") : 0;
}
static const weft_app once = { .middleware = WEFT_MIDDLEWARE(weft_idempotency(.entries_max = 3, .ttl_s = 100)), .routes = WEFT_ROUTES(WEFT_POST("/", order, order_in, int, .status = 201),
    WEFT_PUT("/", order, order_in, int)) };

WEFT_TEST(a_request_with_a_key_is_done_once)
{
    weft_response r = ask(&once, "POST", "/", "Idempotency-Key: a");
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_STR(header(&r, "Idempotency-Replayed"), "");
    r = ask(&once, "POST", "/", "Idempotency-Key: a");
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_STR(r.body, "1");
    WEFT_CHECK_STR(header(&r, "X-Order"), "1");
    WEFT_CHECK_STR(header(&r, "Content-Type"), "application/json");
    WEFT_CHECK_STR(header(&r, "Set-Cookie"), "");
    WEFT_CHECK_STR(header(&r, "Idempotency-Replayed"), "true");
    WEFT_CHECK_STR(ask(&once, "POST", "/", "Idempotency-Key: b").body, "2");
    WEFT_CHECK_STR(ask(&once, "POST", "/", "Idempotency-Key: a\nAuthorization: Bearer x").body, "3");
    WEFT_CHECK_STR(ask(&once, "POST", "/", NULL).body, "4");
    WEFT_CHECK_STR(ask(&once, "PUT", "/", "Idempotency-Key: a").body, "5");
    WEFT_CHECK_STR(ask(&once, "POST", "/", "Idempotency-Key: c").body, "6");      /* the oldest went */
    WEFT_CHECK_STR(ask(&once, "POST", "/", "Idempotency-Key: a").body, "7");
    WEFT_CHECK_EQ(ask(&once, "POST", "/", "Idempotency-Key:  ").status, 400);
}

WEFT_TEST(failures_of_ours_are_not_kept_and_others_are)
{
    orders = 0;
    WEFT_CHECK_EQ(ask(&once, "POST", "/?fails=503", "Idempotency-Key: x").status, 503);
    WEFT_CHECK_EQ(ask(&once, "POST", "/?fails=503", "Idempotency-Key: x").status, 503);
    WEFT_CHECK_EQ(orders, 2);
    WEFT_CHECK_EQ(ask(&once, "POST", "/?fails=409", "Idempotency-Key: x").status, 409);
    WEFT_CHECK_EQ(ask(&once, "POST", "/?fails=409", "Idempotency-Key: x").status, 409);
    WEFT_CHECK_EQ(orders, 3);
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(ask(&once, "POST", "/?fails=429", "Idempotency-Key: y").status, 429);
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(ask(&once, "POST", "/?fails=401", "Idempotency-Key: z").status, 401);
    WEFT_CHECK_EQ(orders, 7);
}

WEFT_TEST(one_authorization_and_two_cookies_are_two_clients)
{
    orders = 0;
    WEFT_CHECK_STR(ask(&once, "POST", "/", "Idempotency-Key: k\nAuthorization: Basic gate\nCookie: user=ann").body, "1");
    WEFT_CHECK_STR(ask(&once, "POST", "/", "Idempotency-Key: k\nAuthorization: Basic gate\nCookie: user=bob").body, "2");
    WEFT_CHECK_STR(ask(&once, "POST", "/", "Idempotency-Key: k\nAuthorization: Basic gate\nCookie: user=ann").body, "1");
}

WEFT_TEST(the_same_request_meanwhile_is_a_conflict_and_keys_end)
{
    weft__shot shots[4];
    const int at_ms[] = { 0, 500, 2000, 200000 }, want[] = { 201, 409, 201, 201 };
    orders = 0;
    for (size_t i = 0; i < 4; i++)
        shots[i] = (weft__shot){ .bytes = WEFT_S("POST /?wait_ms=1000 HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n"), .start_ms = at_ms[i] };
    WEFT_CHECK(weft__test_fire(&once, NULL, shots, 4));
    for (size_t i = 0; i < 4; i++) WEFT_CHECK_EQ(shots[i].answer.status, want[i]);
    WEFT_CHECK_STR(shots[2].answer.body, "1");
    WEFT_CHECK_STR(shots[3].answer.body, "2");
}

/* ---- whose keys they are ---- */

WEFT_INPUT(token_in, header(WEFT_OPT(weft_str), x_token));
static int look_at_token(const token_in *in) { return in->x_token.set ? 0 : weft_fail(401, "no token"); }
static const weft_provider token_guard = WEFT_GUARD(token_in, look_at_token), api_key = WEFT_KEY_IN_HEADER("X-Shop-Key");
WEFT_INPUT(keyed_in, depends(weft_api_key, key, api_key));
static int order_by_key(const keyed_in *in, weft_str *out) { *out = weft_format("%d of %.*s", ++orders, WEFT_FMT(in->key->key)); return 0; }
static int order_by_token(const weft_none *in, int *out) { (void)in; *out = ++orders; return 0; }
static const weft_app shared_address = { .middleware = WEFT_MIDDLEWARE(weft_idempotency()), .routes = WEFT_ROUTES(WEFT_POST("/key", order_by_key, keyed_in, weft_str),
    WEFT_POST("/token", order_by_token, weft_none, int, .depends = WEFT_DEPENDS(&token_guard)), WEFT_POST("/any", order_by_token, weft_none, int)) };

WEFT_TEST(who_is_known_by_a_provider_alone_is_answered_with_nothing_of_others)
{
    orders = 0;
    WEFT_CHECK_STR(ask(&shared_address, "POST", "/key", "Idempotency-Key: 1\nX-Shop-Key: ann").body, "\"1 of ann\"");
    WEFT_CHECK_STR(ask(&shared_address, "POST", "/key", "Idempotency-Key: 1\nX-Shop-Key: bob").body, "\"2 of bob\"");
    WEFT_CHECK_STR(ask(&shared_address, "POST", "/key", "Idempotency-Key: 1\nX-Shop-Key: ann").body, "\"1 of ann\"");
    WEFT_CHECK_EQ(ask(&shared_address, "POST", "/key", "Idempotency-Key: 1").status, 401);
    WEFT_CHECK_STR(ask(&shared_address, "POST", "/token", "Idempotency-Key: 1\nX-Token: ann").body, "3");
    WEFT_CHECK_STR(ask(&shared_address, "POST", "/token", "Idempotency-Key: 1\nX-Token: bob").body, "4");
    WEFT_CHECK_EQ(ask(&shared_address, "POST", "/token", "Idempotency-Key: 1").status, 401);
    WEFT_CHECK_STR(ask(&shared_address, "POST", "/token", "Idempotency-Key: 1\nX-Token: ann").body, "3");
    /* No two sets of lines are one name. */
    const char *const different[] = { "Authorization: a", "Cookie: a", "Cookie: Authorization", "Authorization: Cookie", "Authorization: a\nCookie: a", "Authorization: ", "X-Api-Key: a",
        "X-Api-Key: a\nX-Api-Key: b", "X-Api-Key: ab", "Idempotency-Key: 12", "" };
    for (size_t i = 0; i < weft_count(different); i++) {
        char line[200], want[20];
        snprintf(line, sizeof line, "%s\nIdempotency-Key: 1", different[i]);
        snprintf(want, sizeof want, "%d", 5 + (int)i);
        WEFT_CHECK_STR(ask(&shared_address, "POST", "/any", *different[i] ? line : line + 1).body, want);
    }
}

static weft_str by_header(const weft_request *request) { return weft_request_header(request, "X-Client"); }
WEFT_INPUT(big_in, query(int, wait_ms, .initial = "0"), query(int, bytes, .initial = "1"));
static int big(const big_in *in, weft_str *out)
{
    orders++;
    WEFT_TRY(weft_sleep_ms(in->wait_ms));
    *out = weft_format("%0*d", in->bytes, orders);
    return 0;
}
static const weft_app narrow = { .middleware = WEFT_MIDDLEWARE(weft_idempotency(.entries_max = 8, .bytes_max = 20000, .client = by_header)), .routes = WEFT_ROUTES(WEFT_POST("/", big, big_in, weft_str)) };

/* Is the answer to this key of that client still kept? */
static bool is_kept(const char *client, const char *key)
{
    char line[100];
    snprintf(line, sizeof line, "X-Client: %s\nIdempotency-Key: %s", client, key);
    weft_response r = ask(&narrow, "POST", "/", line);
    return r.status == 200 && header(&r, "Idempotency-Replayed").len;
}
static int once_by(const char *client, int key, const char *path)
{
    char line[100];
    snprintf(line, sizeof line, "X-Client: %s\nIdempotency-Key: %d", client, key);
    return ask(&narrow, "POST", path, line).status;
}

WEFT_TEST(no_client_takes_the_place_of_answers_that_others_keep)
{
    WEFT_CHECK_EQ(once_by("ann", 1, "/"), 200);
    for (int i = 0; i < 50; i++) WEFT_CHECK_EQ(once_by("flood", i, "/"), 200);
    WEFT_CHECK(is_kept("ann", "1"));
    WEFT_CHECK(is_kept("flood", "49") && is_kept("flood", "43"));
    WEFT_CHECK_EQ(once_by("bob", 1, "/"), 200);          /* room for him is made where most is */
    WEFT_CHECK(is_kept("ann", "1") && is_kept("bob", "1"));
    for (int i = 0; i < 50; i++) WEFT_CHECK_EQ(once_by("flood", 100 + i, "/?bytes=4000"), 200);
    WEFT_CHECK(is_kept("ann", "1") && is_kept("bob", "1"));
    WEFT_CHECK_EQ(once_by("flood", 500, "/?bytes=19000"), 200);          /* larger than what it may take from others */
    WEFT_CHECK(is_kept("ann", "1") && is_kept("bob", "1"));
}

WEFT_TEST(what_is_being_answered_takes_no_more_than_a_share)
{
    enum { FLOOD = 20 };
    weft__shot shots[FLOOD + 2];
    char text[FLOOD + 2][200];
    int good = 0, busy = 0;
    for (int i = 0; i < FLOOD + 2; i++) {
        int n = snprintf(text[i], sizeof text[i], "POST /%s HTTP/1.1\r\nHost: x\r\nX-Client: %s\r\nIdempotency-Key: %d\r\nContent-Length: 0\r\n\r\n", i < FLOOD ? "?wait_ms=5000" : "",
            i < FLOOD ? "flood" : "ann", i < FLOOD ? i : 1);
        shots[i] = (weft__shot){ .bytes = { text[i], (size_t)n }, .start_ms = i == FLOOD ? 0 : i < FLOOD ? 100 + i : 3000 };
    }
    orders = 0;
    WEFT_CHECK(weft__test_fire(&narrow, NULL, shots, FLOOD + 2));
    for (int i = 0; i < FLOOD; i++) {
        good += shots[i].answer.status == 200;
        busy += shots[i].answer.status == 503;
    }
    WEFT_CHECK_EQ(good, 2);
    WEFT_CHECK_EQ(busy, FLOOD - 2);
    WEFT_CHECK_STR(shots[FLOOD + 1].answer.body, "\"1\"");
    WEFT_CHECK_EQ(orders, 3);
}

/* Names are of one length, however long what they are made of. */
WEFT_TEST(a_long_request_is_kept_in_little_room)
{
    static char path[5000], line[5000];
    snprintf(path, sizeof path, "/?x=%04900d", 1);
    snprintf(line, sizeof line, "Cookie: a=%04900d\nIdempotency-Key: k", 1);
    const weft_app *const apps[] = { &narrow };
    for (int i = 0; i < 8; i++) {
        path[10] = (char)('0' + i);
        WEFT_CHECK_EQ(ask(apps[0], "POST", path, line).status, 200);
    }
    for (int i = 0; i < 8; i++) {
        path[10] = (char)('0' + i);
        weft_response r = ask(apps[0], "POST", path, line);
        WEFT_CHECK_STR(header(&r, "Idempotency-Replayed"), "true");
    }
}

/* ---- what a replay says ---- */

static int inner_layer(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_TRY(weft_reply_header(reply, "X-Inner", "%d", orders));
    WEFT_TRY(weft_reply_vary(reply, "X-Inner"));
    return weft_next_run(next);
}
static int outer_layer(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_TRY(weft_reply_header(reply, "X-Outer", "%d", ++orders));
    WEFT_TRY(weft_reply_header(reply, "X-Both", "layer"));
    int rc = weft_next_run(next);
    WEFT_TRY(weft_reply_header(reply, "X-Behind", "%d", orders));
    return rc;
}
static int say_both(const reply_in *in, weft_str *out)
{
    *out = WEFT_S("x");
    WEFT_TRY(weft_reply_header(in->reply, "Vary", "X-Handler"));
    return weft_reply_header(in->reply, "X-Both", "handler");
}
static const weft_app around_once = { .middleware = WEFT_MIDDLEWARE(weft_request_ids(), weft_cors(.origins = "https://a.example", .credentials = true), outer_layer, weft_idempotency(), inner_layer),
    .routes = WEFT_ROUTES(WEFT_POST("/", say_both, reply_in, weft_str)) };

static unsigned count_of(const weft_response *r, const char *name)
{
    unsigned count = 0;
    for (size_t i = 0; i < r->header_count; i++) count += weft_str_equal(r->headers[i].name, weft_str_of(name));
    return count;
}

WEFT_TEST(a_replay_has_what_came_from_inside_and_layers_around_it_say_theirs_anew)
{
    static const char *const names[] = { "X-Request-Id", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Vary", "X-Outer", "X-Both", "X-Behind", "X-Inner", "Content-Type" };
    char id[80];
    orders = 0;
    weft_response r = ask(&around_once, "POST", "/", "Idempotency-Key: 1\nOrigin: https://a.example");
    WEFT_CHECK_STR(header(&r, "Vary"), "Origin, X-Inner, X-Handler");
    snprintf(id, sizeof id, "%s", header(&r, "X-Request-Id").ptr);
    r = ask(&around_once, "POST", "/", "Idempotency-Key: 1\nOrigin: https://a.example");
    WEFT_CHECK_STR(header(&r, "Idempotency-Replayed"), "true");
    for (size_t i = 0; i < weft_count(names); i++)
        if (!WEFT_CHECK_EQ(count_of(&r, names[i]), 1)) fprintf(stderr, "    of %s\n", names[i]);
    WEFT_CHECK(strcmp(header(&r, "X-Request-Id").ptr, id) != 0);
    WEFT_CHECK_STR(header(&r, "Vary"), "Origin, X-Inner, X-Handler");
    WEFT_CHECK_STR(header(&r, "X-Outer"), "2");
    WEFT_CHECK_STR(header(&r, "X-Behind"), "2");
    WEFT_CHECK_STR(header(&r, "X-Inner"), "1");
    WEFT_CHECK_STR(header(&r, "X-Both"), "handler");
    r = ask(&around_once, "POST", "/", "Idempotency-Key: 1");        /* not from that page: it is told nothing of it */
    WEFT_CHECK_STR(header(&r, "Access-Control-Allow-Origin"), "");
    WEFT_CHECK_STR(header(&r, "Idempotency-Replayed"), "true");
}
