/* Idempotency keys: what is done once, for whom, and what is told of it again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "faults.h"
#include "pairs.h"
#include "testing/client.h"

static weft_str header(const weft_response *r, const char *name) { return weft_response_header(r, name); }
static weft_response ask(const weft_app *app, const char *method, const char *path, const char *headers)
{
    weft_test_forget_cookies();                      /* each says its own, or none */
    return pair_send(app, &(pair){ method, path, headers, NULL, 0, NULL });
}

WEFT_INPUT(reply_in, reply(reply));

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
