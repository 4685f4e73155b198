/* p3_orders.c and p4_shop.c run: with a database that is made here, in the place of the one that they name. */
#include <string.h>
#include "shop.h"

extern const weft_app app;

static int made_open(const weft_none *in, weft_db **out)
{
    weft_db *db;
    (void)in;
    WEFT_TRY(weft_db_connect("sqlite://:memory:", &db));
    int rc = weft_db_script(db,
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, quantity INTEGER NOT NULL, gift INTEGER NOT NULL DEFAULT 0,"
        " status TEXT NOT NULL DEFAULT 'open', stock TEXT NOT NULL DEFAULT '{\"here\":3}', password_hash TEXT NOT NULL DEFAULT 'secret')");
    if (rc < 0) return weft_db_close(db, rc);
    *out = db;
    return 0;
}

static const weft_provider made = WEFT_PROVIDER(weft_db, weft_none, made_open, weft_db_close, .per = WEFT_PER_WORKER);

static weft_response order(const char *json)
{
    const weft_header who = { WEFT_S("Authorization"), WEFT_S("Basic x") };
    return weft_test_send(&app, "POST", "/orders", &who, 1, json);
}

WEFT_TEST(an_order_without_a_name_or_with_a_wrong_body_is_refused_before_the_database_is_asked)
{
    weft_test_override(&database, &made);
    WEFT_CHECK_EQ(weft_test_post(&app, "/orders", "{\"email\":\"a@example.com\",\"quantity\":1,\"gift\":false}").status, 422);
    const weft_header nobody = { WEFT_S("Authorization"), WEFT_S("") };
    WEFT_CHECK_EQ(weft_test_send(&app, "POST", "/orders", &nobody, 1, "{\"email\":\"a@example.com\",\"quantity\":1,\"gift\":false}").status, 401);
    WEFT_CHECK_EQ(order("{\"email\":\"nobody\",\"quantity\":0,\"gift\":false}").status, 422);
}

WEFT_TEST(an_order_is_stored_answered_and_remembered)
{
    weft_test_override(&database, &made);
    weft_response r = order("{\"email\":\"a@example.com\",\"quantity\":2,\"gift\":true}");
    WEFT_CHECK_EQ(r.status, 201);
    WEFT_CHECK_JSON(r.body, { "id": 1, "email": "a@example.com", "quantity": 2, "gift": false, "status": "open", "stock": { "here": 3 } });
    WEFT_CHECK_STR(weft_response_header(&r, "Location"), "/orders/1");
    WEFT_CHECK_STR(weft_test_cookie(&app, "last"), "a@example.com");
    WEFT_CHECK_EQ(order("{\"email\":\"a@example.com\",\"quantity\":2,\"gift\":true}").status, 409);
    WEFT_CHECK_EQ(order("{\"email\":\"b@example.com\",\"quantity\":2,\"gift\":true}").status, 201);
}

WEFT_TEST(a_patch_tells_absent_null_and_value_apart)
{
    weft_test_override(&database, &made);
    weft_response r = weft_test_send(&app, "PATCH", "/orders/7?tag=a", NULL, 0, "{\"email\":\"new@example.com\"}");
    WEFT_CHECK_EQ(r.status, 200);
    WEFT_CHECK_JSON(r.body, { "id": 0, "email": "new@example.com", "quantity": 0, "gift": false, "status": "open", "stock": {} });
    WEFT_CHECK_JSON(weft_test_send(&app, "PATCH", "/orders/7/x?tag=a", NULL, 0, "{\"status\":\"sent\",\"email\":null}").body, { "email": null, "status": "sent", "quantity": 3 });
    WEFT_CHECK_EQ(weft_test_send(&app, "PATCH", "/orders/7?tag=a", NULL, 0, "{\"quantity\":101}").status, 422);
}

WEFT_TEST(models_that_hold_themselves_and_unions_go_both_ways)
{
    weft_test_override(&database, &made);
    WEFT_CHECK_STR(weft_test_post(&app, "/orders/count", "{\"text\":\"a\",\"replies\":[{\"text\":\"b\",\"replies\":[],\"quoted\":null}],\"quoted\":{\"text\":\"c\",\"replies\":[]}}").body, "3");
    WEFT_CHECK_JSON(weft_test_get(&app, "/orders/newest").body, { "type": "order.deleted", "id": 3, "reason": null });
}

WEFT_TEST(a_page_a_table_and_a_number_from_another_process_are_answered_with_the_id_of_the_request)
{
    const weft_header id = { WEFT_S("X-Request-Id"), WEFT_S("r-1") };
    weft_test_override(&database, &made);
    weft_response r = weft_test_send(&app, "GET", "/", &id, 1, NULL);
    WEFT_CHECK_STR(r.body, "<h1>chat</h1>");
    WEFT_CHECK_STR(weft_response_header(&r, "X-Request-Id"), "r-1");
    WEFT_CHECK_STR(weft_test_get(&app, "/download/3").body, "row\nrow\nrow\n");
    WEFT_CHECK_STR(weft_test_get(&app, "/fibonacci/10").body, "55");
    WEFT_CHECK_EQ(weft_test_get(&app, "/fibonacci/46").status, 422);
}

WEFT_TEST(a_clock_ticks_each_second_until_its_client_leaves)
{
    weft_test_message m;
    weft_test_override(&database, &made);
    weft_test_stream *s = weft_test_open(&app, "/ticks");
    for (int i = 0; i < 3; i++) {
        WEFT_CHECK_EQ(weft_test_event(s, &m), 1);
        WEFT_CHECK_STR(m.type, "clock");
        WEFT_CHECK_STR(m.data, "tick");
    }
    WEFT_CHECK(weft_test_ms() >= 2000);
    weft_test_leave(s);
}

WEFT_TEST(those_in_a_room_hear_what_is_said_in_it)
{
    weft_str msg;
    weft_test_override(&database, &made);
    weft_test_ws *a = weft_test_ws_open(&app, "/chat/kitchen"), *b = weft_test_ws_open(&app, "/chat/kitchen"), *far = weft_test_ws_open(&app, "/chat/attic");
    weft_test_ws_send(a, "hello");
    for (int i = 0; i < 2; i++) {
        WEFT_CHECK_EQ(weft_test_ws_recv(i ? a : b, &msg), 1);
        WEFT_CHECK_STR(msg, "hello");
    }
    WEFT_CHECK_EQ(weft_test_ws_recv(far, &msg, .within_ms = 1000), WEFT_ETIMEDOUT);
    WEFT_CHECK_EQ(weft_test_ws_close(a, 1000), 1000);
}
