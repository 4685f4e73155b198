/* Tests of chat.c. */
#include <weft.h>

extern const weft_app app;

WEFT_TEST(what_is_said_comes_back)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/ws");
    weft_test_ws_send(w, "hello");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
    WEFT_CHECK_STR(msg, "Message received: hello");
    WEFT_CHECK_EQ(weft_test_ws_close(w, 1000), 1000);
}

WEFT_TEST(those_in_a_room_hear_each_other)
{
    weft_str msg;
    weft_test_ws *ann = weft_test_ws_open(&app, "/rooms/kitchen?name=ann");
    weft_test_ws *bob = weft_test_ws_open(&app, "/rooms/kitchen?name=bob");
    WEFT_CHECK_EQ(weft_test_ws_recv(ann, &msg), 1);
    WEFT_CHECK_JSON(msg, { "event": "join", "room": "kitchen", "id": "bob" });
    weft_test_ws_send(bob, "hi");
    WEFT_CHECK_EQ(weft_test_ws_recv(ann, &msg), 1);
    WEFT_CHECK_JSON(msg, { "name": "bob", "text": "hi" });
    WEFT_CHECK_JSON(weft_test_get(&app, "/rooms/kitchen/members").body, ["ann", "bob"]);
    WEFT_CHECK_STR(weft_test_post(&app, "/rooms/kitchen?text=dinner", NULL).body, "2");
    WEFT_CHECK_EQ(weft_test_ws_recv(ann, &msg), 1);
    WEFT_CHECK_STR(msg, "dinner");
    weft_test_ws_leave(bob);
    WEFT_CHECK_EQ(weft_test_ws_recv(ann, &msg), 1);
    WEFT_CHECK_JSON(msg, { "event": "leave", "room": "kitchen", "id": "bob" });
}

WEFT_TEST(a_room_without_a_name_is_refused)
{
    WEFT_CHECK_EQ(weft_test_ws_status(weft_test_ws_open(&app, "/rooms/kitchen")), 422);
}

WEFT_TEST(a_counter_counts_for_each_connection)
{
    weft_str msg;
    weft_test_ws *w = weft_test_ws_open(&app, "/count");
    for (int i = 1; i <= 2; i++) {
        weft_test_ws_send(w, "x");
        WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 1);
        WEFT_CHECK_STR(msg, i == 1 ? "1: x" : "2: x");
    }
}
