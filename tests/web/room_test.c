/* Rooms: who hears what, who is there, and who holds nobody up. */
#include <stdio.h>
#include <string.h>
#include "support/failing.h"
#include "web/rooms.h"
#include "ws_peer.h"

WEFT_INPUT(chat_in, path(weft_str, room, .max_len = 300), query(weft_str, name, .initial = ""), query(bool, others, .initial = "false"), query(bool, announce, .initial = "false"),
    query(bool, skip, .initial = "false"));

static int chat(const chat_in *in, weft_ws *ws)
{
    weft_str said;
    int rc;
    weft_room *room = weft_room_join(ws, in->room, .id = in->name, .announce = in->announce, .slow = in->skip ? WEFT_ROOM_SKIP_SLOW : WEFT_ROOM_CLOSE_SLOW);
    if (weft_room_failed(room)) return weft_room_failed(room);
    while ((rc = weft_ws_recv(ws, &said)) > 0) {
        if (weft_str_equal(said, WEFT_S("leave"))) weft_room_leave(room);
        else if (weft_str_equal(said, WEFT_S("flood"))) {
            char big[8000];
            memset(big, 'x', sizeof big);
            const weft_str all = { big, sizeof big };
            for (int i = 0; i < 200; i++) {
                WEFT_TRY(weft_room_send(room, all));
                if (i % 8 == 0) WEFT_TRY(weft_sleep_ms(1));
            }
        } else {
            rc = weft_room_send(room, said, .others = in->others);
            if (rc == WEFT_ECLOSED) WEFT_TRY(weft_ws_send(ws, WEFT_S("you have left")));
        }
    }
    return rc;
}

WEFT_INPUT(room_in, path(weft_str, room));
WEFT_MODEL(Who, field(int64_t, count), list(weft_str, ids));
static int who(const room_in *in, Who *out)
{
    out->count = (int64_t)weft_room_count(in->room);
    return weft_room_members(in->room, &out->ids);
}

WEFT_INPUT(say_in, path(weft_str, room), query(weft_str, text));
static int say(const say_in *in, int *out)
{
    int rc = weft_room_publish(in->room, in->text);
    if (rc < 0) return rc;
    *out = rc;
    return 0;
}

WEFT_INPUT(deaf_in, path(weft_str, room));
typedef struct deaf { weft_room *room; } deaf;
static int deaf_open(const deaf_in *in, weft_ws *ws, deaf *d)
{
    d->room = weft_room_join(ws, in->room, .id = WEFT_S("deaf"));
    return weft_room_failed(d->room);
}
static int deaf_said(weft_ws *ws, deaf *d, weft_str msg) { (void)ws; return weft_room_send(d->room, msg, .others = true); }
static void deaf_closed(weft_ws *ws, deaf *d) { (void)ws; WEFT_CHECK_EQ(weft_room_send(d->room, WEFT_S("farewell")), 0); }

/* Comes and goes, under ids of all lengths. */
static int turns(const weft_none *in, weft_ws *ws)
{
    char id[255];
    long before = 0;
    (void)in;
    memset(id, 'i', sizeof id);
    WEFT_TRY(weft_ws_accept(ws));
    for (int i = 0; i < 2000; i++) {
        if (i == 255) before = fails.live;
        weft_room *a = weft_room_join(ws, WEFT_S("kitchen"), .id = { id, (size_t)(i % 256) }), *b = weft_room_join(ws, WEFT_S("attic"), .announce = i % 3 == 0);
        WEFT_CHECK(!weft_room_failed(a) && !weft_room_failed(b));
        WEFT_CHECK_EQ(weft_room_count(WEFT_S("attic")), 1);
        weft_room_leave(i % 2 ? a : b);
        weft_room_leave(i % 2 ? b : a);
    }
    WEFT_CHECK(fails.live - before <= 4);
    WEFT_CHECK_EQ(weft_room_count(WEFT_S("kitchen")), 0);
    return weft_ws_send(ws, WEFT_S("done"));
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_WS("/turns", turns, weft_none),
    WEFT_WS("/small/{room}", chat, chat_in, .ws = WEFT_WS_WITH(.deflate = true, .deflate_bits = 10, .deflate_level = 1)),
    WEFT_WS("/rooms/{room}", chat, chat_in),
    WEFT_WS("/packed/{room}", chat, chat_in, .ws = WEFT_WS_WITH(.deflate = true)),
    WEFT_WS_HANDLERS("/handled/{room}", deaf_in, deaf, deaf_open, deaf_said, deaf_closed),
    WEFT_GET("/who/{room}", who, room_in, Who),
    WEFT_POST("/say/{room}", say, say_in, int)) };

static void check_hears(int line, weft_test_ws *w, const char *expected)
{
    weft_str msg;
    int rc = weft_test_ws_recv(w, &msg, .within_ms = 1000);
    if (rc != 1 || !weft_str_equal(msg, weft_str_of(expected))) weft__check_fail(__FILE__, line, "expected \"%s\", came %d \"%.*s\"", expected, rc, WEFT_FMT(msg));
}
#define HEARS(w, expected) check_hears(__LINE__, w, expected)
#define HEARS_NOTHING(w) do { weft_str msg_; WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg_, .within_ms = 50), WEFT_ETIMEDOUT); } while (0)

WEFT_TEST(room_what_one_says_all_in_the_room_hear_and_nobody_else)
{
    weft_test_ws *a = weft_test_ws_open(&app, "/rooms/kitchen?name=ann"), *b = weft_test_ws_open(&app, "/rooms/kitchen?name=bob&others=true"),
                 *c = weft_test_ws_open(&app, "/rooms/cellar");
    weft_test_ws_send(a, "hello");
    HEARS(a, "hello");
    HEARS(b, "hello");
    weft_test_ws_send(b, "for the others");
    HEARS(a, "for the others");
    HEARS_NOTHING(b);
    HEARS_NOTHING(c);
    WEFT_CHECK_JSON(weft_test_get(&app, "/who/kitchen").body, { "count": 2, "ids": ["ann", "bob"] });
    WEFT_CHECK_JSON(weft_test_get(&app, "/who/cellar").body, { "count": 1, "ids": [] });
    WEFT_CHECK_JSON(weft_test_get(&app, "/who/attic").body, { "count": 0, "ids": [] });
    WEFT_CHECK_STR(weft_test_post(&app, "/say/kitchen?text=dinner", NULL).body, "2");
    WEFT_CHECK_STR(weft_test_post(&app, "/say/attic?text=dinner", NULL).body, "0");
    HEARS(a, "dinner");
    HEARS(b, "dinner");
    weft_test_ws_close(a, 1000);
    WEFT_CHECK_JSON(weft_test_get(&app, "/who/kitchen").body, { "count": 1, "ids": ["bob"] });
    weft_test_ws_send(b, "leave");
    weft_test_ws_send(b, "is anybody there");
    HEARS(b, "you have left");
    WEFT_CHECK_JSON(weft_test_get(&app, "/who/kitchen").body, { "count": 0, "ids": [] });
}

WEFT_TEST(room_who_comes_and_goes_is_told_to_who_wants_it)
{
    weft_test_ws *a = weft_test_ws_open(&app, "/rooms/kitchen?name=ann&announce=true"), *b = weft_test_ws_open(&app, "/rooms/kitchen?name=bob");
    HEARS(a, "{\"event\":\"join\",\"room\":\"kitchen\",\"id\":\"bob\"}");
    HEARS_NOTHING(b);
    weft_test_ws *c = weft_test_ws_open(&app, "/rooms/kitchen?name=%22eve%22");
    HEARS(a, "{\"event\":\"join\",\"room\":\"kitchen\",\"id\":\"\\\"eve\\\"\"}");
    weft_test_ws_leave(b);                           /* without a word */
    HEARS(a, "{\"event\":\"leave\",\"room\":\"kitchen\",\"id\":\"bob\"}");
    weft_test_ws_close(c, 1000);
    HEARS(a, "{\"event\":\"leave\",\"room\":\"kitchen\",\"id\":\"\\\"eve\\\"\"}");
    HEARS_NOTHING(a);
}

WEFT_TEST(room_message_handlers_and_compressed_ones_are_members_as_others_are)
{
    weft_test_ws *a = weft_test_ws_open(&app, "/packed/kitchen", .ws = WEFT_WS_WITH(.deflate = true)), *b = weft_test_ws_open(&app, "/handled/kitchen");
    static char text[2001];
    memset(text, 'z', 2000);
    weft_test_ws_send(b, text);
    HEARS(a, text);
    HEARS_NOTHING(b);
    weft_test_ws_send(a, "hi");
    HEARS(a, "hi");
    HEARS(b, "hi");
    weft_test_ws_close(b, 1000);
    HEARS(a, "farewell");
    WEFT_CHECK_JSON(weft_test_get(&app, "/who/kitchen").body, { "count": 1, "ids": [] });
}

WEFT_TEST(room_one_that_comes_and_goes_all_the_time_does_not_grow)
{
    failing_from(0);
    weft_test_ws *w = weft_test_ws_open(&app, "/turns");
    HEARS(w, "done");
}

/* Each window and each level is compressed for; who has agreed to nothing hears the same. */
WEFT_TEST(room_a_long_message_comes_to_all_however_they_compress)
{
    static const char *const paths[] = { "/packed/kitchen", "/packed/kitchen", "/small/kitchen", "/rooms/kitchen", "/small/kitchen", "/packed/kitchen" };
    weft_test_ws *w[weft_count(paths)];
    static char text[5001];
    for (size_t i = 0; i < 5000; i++) text[i] = (char)('a' + i * i % 17);
    for (size_t i = 0; i < weft_count(paths); i++) w[i] = weft_test_ws_open(&app, paths[i], .ws = WEFT_WS_WITH(.deflate = i != 1));
    for (int times = 0; times < 3; times++) {
        weft_test_ws_send(w[times], text);
        for (size_t i = 0; i < weft_count(paths); i++) HEARS(w[i], text);
        weft_test_ws_send(w[3], "short");
        for (size_t i = 0; i < weft_count(paths); i++) HEARS(w[i], "short");
    }
}

WEFT_TEST(room_one_that_does_not_read_is_closed_and_holds_nobody_up)
{
    static const char *const how[] = { "/rooms/kitchen", "/rooms/kitchen?skip=true" };
    for (size_t i = 0; i < weft_count(how); i++) {
        weft_str msg;
        weft_test_serve();
        weft_test_ws *slow = weft_test_ws_open(&app, how[i]), *a = weft_test_ws_open(&app, "/rooms/kitchen");
        int64_t began = weft_test_ms();
        weft_test_ws_send(a, "flood");
        for (int k = 0; k < 200; k++) {
            int rc = weft_test_ws_recv(a, &msg, .within_ms = 1000);
            if (rc == 1) continue;
            weft__check_fail(__FILE__, __LINE__, "message %d: %d", k, rc);
            break;
        }
        WEFT_CHECK(weft_test_ms() - began < 1000);
        int got = 0, rc;
        while ((rc = weft_test_ws_recv(slow, &msg, .within_ms = 100)) == 1) got++;
        WEFT_CHECK(got < 200);
        WEFT_CHECK_EQ(rc, i ? WEFT_ETIMEDOUT : 0);
        WEFT_CHECK_EQ(weft_test_ws_code(slow), i ? 0 : 1013);
        weft_test_ws_leave(slow);
        weft_test_ws_leave(a);
    }
}

WEFT_TEST(room_names_and_limits_are_kept)
{
    char path[400] = "/rooms/";
    memset(path + 7, 'x', 256);
    weft_test_ws *w = weft_test_ws_open(&app, path);
    WEFT_CHECK_EQ(weft_test_ws_status(w), 500);
    snprintf(path, sizeof path, "/say/%0256d?text=y", 1);
    WEFT_CHECK_EQ(weft_test_post(&app, path, NULL).status, 500);
    snprintf(path, sizeof path, "/say/%0255d?text=y", 1);
    WEFT_CHECK_STR(weft_test_post(&app, path, NULL).body, "0");
    WEFT_CHECK_EQ(weft_room_limits(.members_max = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_room_limits(.members_max = 1, .rooms_max = 2), 0);
    weft_test_ws_open(&app, "/rooms/a");
    weft_str msg;
    w = weft_test_ws_open(&app, "/rooms/a");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_test_ws_code(w), 1011);
    weft_test_ws_open(&app, "/rooms/b");
    w = weft_test_ws_open(&app, "/rooms/c");
    WEFT_CHECK_EQ(weft_test_ws_recv(w, &msg), 0);
    WEFT_CHECK_EQ(weft_room_limits(), 0);
}

/* ---- what leaves for other processes ---- */

static char spread[1024];
static void publish(void *ctx, weft_str room, bool binary, weft_str bytes) { (void)ctx; snprintf(spread + strlen(spread), sizeof spread - strlen(spread), "%.*s%s:%.*s ", WEFT_FMT(room), binary ? "!" : "", WEFT_FMT(bytes)); }
static void presence(void *ctx, weft_str room, weft_str id, bool joined) { (void)ctx; snprintf(spread + strlen(spread), sizeof spread - strlen(spread), "%.*s%c%.*s ", WEFT_FMT(room), joined ? '+' : '-', WEFT_FMT(id)); }
static const weft__spread to_others = { publish, presence, NULL };
static int set_spread(void) { return weft__rooms_spread(&to_others); }
static int deliver(void) { return weft__room_deliver(WEFT_S("kitchen"), false, WEFT_S("from elsewhere")); }

WEFT_TEST(room_what_is_said_leaves_once_and_what_comes_from_elsewhere_stays)
{
    WEFT_CHECK_EQ(weft_test_run(set_spread), 0);
    weft_test_ws *a = weft_test_ws_open(&app, "/rooms/kitchen?name=ann"), *b = weft_test_ws_open(&app, "/rooms/kitchen?name=bob");
    weft_test_ws_send(a, "hello");
    HEARS(b, "hello");
    WEFT_CHECK_EQ(weft_test_run(deliver), 2);
    HEARS(b, "from elsewhere");
    weft_test_post(&app, "/say/attic?text=x", NULL);
    weft_test_ws_close(b, 1000);
    weft_test_get(&app, "/who/kitchen");
    WEFT_CHECK_STR(weft_str_of(spread), "kitchen+ann kitchen+bob kitchen:hello attic:x kitchen-bob ");
}
