/* Many tasks on one connection: together out, each its own back. */
#include "redis_world.h"

static int echo(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f;
    return weft_conn_print(c, "$%zu\r\n%.*s\r\n", words[count - 1].len, WEFT_FMT(words[count - 1]));
}

typedef struct asked { weft_redis *r; int n, after_ms; } asked;
static int get_own(const asked *in)
{
    int64_t n = -1;
    if (in->after_ms) WEFT_TRY(weft_sleep_ms(in->after_ms));
    WEFT_TRY(weft_redis_value(in->r, int64_t, &n, "GET {}", in->n));
    WEFT_CHECK_EQ(n, in->n);
    return 0;
}

enum { MANY = 300 };

/* Answers none before all of them have come. */
static int hold_back(fake *f, weft_conn *c, const weft_str *words, int count)
{
    weft_list_weft_str *held = f->ctx;
    weft_push(held, words[count - 1]);
    if (held->count < MANY) return 0;
    for (uint32_t i = 0; i < held->count; i++) WEFT_TRY(weft_conn_print(c, "$%zu\r\n%.*s\r\n", held->items[i].len, WEFT_FMT(held->items[i])));
    return 0;
}

TASK_TEST(commands_of_many_tasks_go_out_before_the_first_reply)
{
    weft_redis *r;
    weft_list_weft_str held = { 0 };
    FAKE(f, .answer = hold_back, .ctx = &held);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < MANY; i++) weft_spawn(s, get_own, (&(asked){ r, i, 0 }));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(f.connections, 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

TASK_TEST(each_task_gets_the_reply_to_its_own_command)
{
    weft_redis *r;
    FAKE(f, .answer = echo);
    WEFT_TRY(weft_redis_open(f.url, &r, .connections = 3));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < MANY; i++) weft_spawn(s, get_own, (&(asked){ r, i, i % 7 }));
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

TASK_TEST(tasks_that_are_cancelled_at_any_moment_cross_no_reply)
{
    weft_redis *r;
    enum { ROUNDS = 20, TASKS = 30 };
    FAKE(f, .answer = echo);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(get_own(&(asked){ .r = r, .n = 99998 }), 0);
    for (int round = 0; round < ROUNDS; round++) {
        WEFT_SCOPE(s);
        weft_task *tasks[TASKS];
        for (int i = 0; i < TASKS; i++) tasks[i] = weft_spawn(s, get_own, (&(asked){ r, round * TASKS + i, i % 3 }));
        WEFT_TRY(weft_sleep_ms(round % 4));
        for (int i = round % 2; i < TASKS; i += 2) weft_task_cancel(tasks[i]);
        for (int i = 0; i < TASKS; i++) {
            int rc = weft_await(tasks[i]);
            WEFT_CHECK(rc == 0 || (rc == WEFT_ECANCELED && i % 2 == round % 2));
        }
    }
    WEFT_CHECK_EQ(get_own(&(asked){ .r = r, .n = 99999 }), 0);
    WEFT_CHECK_EQ(f.connections, 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

typedef struct gate { int waiting; bool open; } gate;
static int gated(fake *f, weft_conn *c, const weft_str *words, int count)
{
    gate *g = f->ctx;
    g->waiting++;
    while (!g->open) WEFT_TRY(weft_sleep_ms(5));
    return echo(f, c, words, count);
}

TASK_TEST(who_finds_no_room_waits_for_it_and_is_told_when_there_is_none)
{
    weft_redis *r;
    gate g = { 0 };
    FAKE(f, .answer = gated, .ctx = &g);
    WEFT_TRY(weft_redis_open(f.url, &r, .in_flight_max = 2, .acquire_ms = 80, .command_ms = 60000));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 2; i++) weft_spawn(s, get_own, (&(asked){ r, i, 0 }));
        WEFT_TRY(weft_sleep_ms(20));
        int64_t since = weft_now_ns();
        WEFT_CHECK_EQ(weft_redis_do(r, "GET 3"), WEFT_EDB_BUSY);
        WORLD_TOOK(since, 80);
        WEFT_CHECK(redis_says(WEFT_EDB_BUSY, "in_flight_max") && redis_says(WEFT_EDB_BUSY, "GET 3"));
        WEFT_CHECK_EQ(weft_error_of(WEFT_EDB_BUSY)->status, 503);
        for (int i = 10; i < 20; i++) weft_spawn(s, get_own, (&(asked){ r, i, 0 }));
        world_turn();
        g.open = true;
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int count_words(fake *f, weft_conn *c, const weft_str *words, int count)
{
    weft_str *want = f->ctx;
    int n = 0;
    while (want[n].ptr) n++;
    WEFT_CHECK_EQ(count, n);
    for (int i = 0; i < n && i < count; i++)
        if (!weft_str_equal(words[i], want[i])) weft__check_fail(__FILE__, __LINE__, "word %d is '%.*s'; expected '%.*s'", i, WEFT_FMT(words[i]), WEFT_FMT(want[i]));
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}
#define WANT(...) f.ctx = (weft_str[]){ __VA_ARGS__, { 0 } }

WEFT_ENUM(Colour, value(COLOUR_RED, "red"), value(COLOUR_BLUE, "blue"));
WEFT_MODEL(Thing, field(int64_t, id), field(weft_str, name), opt(double, price), opt(weft_str, note), field(Colour, colour), list(int, sizes));

TASK_TEST(a_value_is_one_argument_whatever_is_in_it)
{
    weft_redis *r;
    FAKE(f, .answer = count_words);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WANT(WEFT_S("SET"), WEFT_S("user:1 EX 5\r\nFLUSHALL"), WEFT_S(""), WEFT_S("NX"));
    WEFT_CHECK_EQ(weft_redis_do(r, "SET {} {} NX", "user:1 EX 5\r\nFLUSHALL", ""), 1);
    WANT(WEFT_S("GET"), WEFT_S("a:7:b c:{x}"));
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a:{}:{}:{x}", 7, "b c"), 1);
    WANT(WEFT_S("GET"), WEFT_S("cart:{42}"));
    WEFT_CHECK_EQ(weft_redis_do(r, "GET cart:{{}}", 42), 1);
    WANT(WEFT_S("X"), WEFT_S("-9223372036854775808"), WEFT_S("18446744073709551615"), WEFT_S("1"), WEFT_S("0"), WEFT_S("0.1"), WEFT_S("3"), WEFT_S("-inf"), WEFT_S("1e+300"));
    WEFT_CHECK_EQ(weft_redis_do(r, "X {} {} {} {} {} {} {} {}", INT64_MIN, UINT64_MAX, true, false, 0.1, 3.0, -__builtin_inf(), 1e300), 1);
    WANT(WEFT_S("X"), (weft_str){ "\0\xff", 2 }, WEFT_S("2026-11-22"), WEFT_S("blue"));
    WEFT_CHECK_EQ(weft_redis_do(r, "X {} {} {}", ((weft_bytes){ (const uint8_t *)"\0\xff", 2 }), ((weft_date){ 2026, 11, 22 }), weft_enum(Colour, COLOUR_BLUE)), 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

TASK_TEST(models_lists_and_maps_are_as_many_arguments_as_they_have)
{
    weft_redis *r;
    int sizes[] = { 1, 2 };
    weft_str names[] = { WEFT_S("a"), WEFT_S("b c") };
    Thing thing = { .id = 7, .name = WEFT_S("x"), .price = WEFT_SOME(2.5), .colour = COLOUR_RED, .sizes = { sizes, 2, 2 } };
    weft_list_weft_str list = { names, 2, 2 };
    weft_list_int empty = { 0 };
    FAKE(f, .answer = count_words);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WANT(WEFT_S("HSET"), WEFT_S("k"), WEFT_S("id"), WEFT_S("7"), WEFT_S("name"), WEFT_S("x"), WEFT_S("price"), WEFT_S("2.5"), WEFT_S("colour"), WEFT_S("red"), WEFT_S("sizes"), WEFT_S("[1,2]"));
    WEFT_CHECK_EQ(weft_redis_do(r, "HSET k {}", weft_fields(Thing, &thing)), 1);
    WANT(WEFT_S("MGET"), WEFT_S("a"), WEFT_S("b c"), WEFT_S("last"));
    WEFT_CHECK_EQ(weft_redis_do(r, "MGET {} last", weft_fields(weft_list_weft_str, &list)), 1);
    WANT(WEFT_S("SADD"), WEFT_S("k"));
    WEFT_CHECK_EQ(weft_redis_do(r, "SADD k {}", weft_fields(weft_list_int, &empty)), 1);
    WANT(WEFT_S("SET"), WEFT_S("k"), WEFT_S("{\"id\":7,\"name\":\"x\",\"price\":2.5,\"note\":null,\"colour\":\"red\",\"sizes\":[1,2]}"));
    WEFT_CHECK_EQ(weft_redis_do(r, "SET k {}", weft_as_json(Thing, &thing)), 1);
    struct weft_entry_int entries[] = { { WEFT_S("x"), 1 }, { WEFT_S("y"), 2 } };
    weft_map_int map = { entries, 2, 2 };
    WANT(WEFT_S("MSET"), WEFT_S("x"), WEFT_S("1"), WEFT_S("y"), WEFT_S("2"));
    WEFT_CHECK_EQ(weft_redis_do(r, "MSET {}", weft_fields(weft_map_int, &map)), 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    weft__plan_forget();             /* what is kept of a model for good is no leak */
    return 0;
}

TASK_TEST(what_makes_no_command_is_refused_before_anything_is_sent)
{
    weft_redis *r;
    FAKE(f, .answer = echo);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(weft_redis_do(r, ""), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_redis_do(r, "SET {} {}", "a"), WEFT_EINVAL);
    WEFT_CHECK(redis_says(WEFT_EINVAL, "2 {} for 1 value"));
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a", "b"), WEFT_EINVAL);
    WEFT_CHECK(redis_says(WEFT_EINVAL, "0 {} for 1 value"));
    WEFT_CHECK_EQ(weft_redis_do(r, "{} a", "GET"), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a 'b c'"), WEFT_EINVAL);
    WEFT_CHECK(redis_says(WEFT_EINVAL, "quotes"));
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a {}", __builtin_nan("")), WEFT_EINVAL);
    WEFT_CHECK(redis_says(WEFT_EINVAL, "NaN"));
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a {}", weft_null), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a {}", ((weft_str){ 0 })), WEFT_EINVAL);
    static const char *const never[] = { "MULTI", "exec", "SUBSCRIBE a", "Select 1", "AUTH x", "CLIENT REPLY OFF", "client tracking on", "MONITOR", "RESET", "WATCH a", "WAIT 1 0", "QUIT" };
    for (size_t i = 0; i < weft_count(never); i++)
        if (weft_redis_do_with(r, &(weft_redis_command){ .text = never[i], .place = WEFT__HERE }) != WEFT_EINVAL) weft__check_fail(__FILE__, __LINE__, "%s was sent", never[i]);
    WEFT_CHECK_EQ(f.connections, 0);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}
