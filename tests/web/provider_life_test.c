/* Providers per worker: opened when the application starts, closed when it stops. */
#include "testing/client.h"
#include "told.h"
#include "base/buf.h"
#include "web/app.h"

typedef struct pool { int id, uses; } pool;
static int fail_at, close_fails;

static int pool_opened(const char *name, int id, pool **out)
{
    tell("open %s", name);
    WEFT_TRY(weft_sleep_ms(100));
    if (fail_at == id) return weft_fail(WEFT_ECONNREFUSED, "%s is not there", name);
    *out = weft_new(pool);
    if (*out) (*out)->id = id;
    return *out ? 0 : WEFT_ENOMEM;
}
static int pool_close(pool *p, int rc)
{
    tell("close %d %d after %d", p->id, rc, p->uses);
    WEFT_TRY(weft_sleep_ms(100));
    return close_fails == p->id ? weft_fail(WEFT_EPROTO, "no goodbye") : 0;
}

static int config_open(const weft_none *in, pool **out) { (void)in; return pool_opened("config", 1, out); }
static const weft_provider config_of = WEFT_PROVIDER(pool, weft_none, config_open, pool_close, .per = WEFT_PER_WORKER);
WEFT_INPUT(db_in, depends(pool, settings, config_of));
static int db_open(const db_in *in, pool **out) { WEFT_CHECK_EQ(in->settings->id, 1); return pool_opened("db", 2, out); }
static const weft_provider db = WEFT_PROVIDER(pool, db_in, db_open, pool_close, .per = WEFT_PER_WORKER);
static int cache_open(const weft_none *in, pool **out) { (void)in; return pool_opened("cache", 3, out); }
static const weft_provider cache = WEFT_PROVIDER(pool, weft_none, cache_open, pool_close, .per = WEFT_PER_WORKER);

typedef struct session { pool *of; } session;
WEFT_INPUT(session_in, depends(pool, db, db));
static int session_open(const session_in *in, session **out)
{
    *out = weft_new(session);
    if (*out) (*out)->of = in->db;
    return *out ? 0 : WEFT_ENOMEM;
}
static const weft_provider session_of = WEFT_PROVIDER(session, session_in, session_open, NULL);

WEFT_INPUT(count_in, depends(pool, db, db), depends(session, s, session_of));
static int count(const count_in *in, int *out) { *out = ++in->db->uses; return in->s->of == in->db ? 0 : weft_fail(500, "another"); }
WEFT_INPUT(plain_in, depends(pool, db, db));
static int plain(const plain_in *in, int *out) { *out = ++in->db->uses; return 0; }
static int on_thread(const plain_in *in, int *out) { *out = in->db->id; return 0; }
static const weft_app inside = { .starts = WEFT_STARTS(&cache) };
static const weft_app app = { .starts = WEFT_STARTS(&config_of), .mounts = WEFT_MOUNTS(WEFT_MOUNT("/inside", inside)),
    .routes = WEFT_ROUTES(WEFT_GET("/count", count, count_in, int), WEFT_GET("/plain", plain, plain_in, int),
        WEFT_GET("/thread", on_thread, plain_in, int, .run = WEFT_IN_THREAD)) };

WEFT_TEST(what_lives_per_worker_is_opened_once_and_closed_in_the_reverse_order)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/count").body, "1");
    TOLD("open config, open cache, open db");
    WEFT_CHECK_STR(weft_test_get(&app, "/plain").body, "2");
    WEFT_CHECK_STR(weft_test_get(&app, "/thread").body, "2");
    TOLD("");
    WEFT_CHECK_EQ(weft_test_stop(&app), 0);
    TOLD("close 2 0 after 2, close 3 0 after 0, close 1 0 after 0");
    WEFT_CHECK_EQ(weft_test_stop(&app), 0);
    TOLD("");
    WEFT_CHECK_EQ(weft_test_start(&app), 0);
    TOLD("open config, open cache, open db");
    WEFT_CHECK_STR(weft_test_get(&app, "/count").body, "1");
}

WEFT_TEST(a_start_that_fails_closes_what_was_opened_and_is_status_3)
{
    fail_at = 2;
    WEFT_CHECK_EQ(weft_test_start(&app), 3);
    TOLD("open config, open cache, open db, close 3 -111 after 0, close 1 -111 after 0");
    fail_at = 1;
    WEFT_CHECK_EQ(weft_test_start(&app), 3);
    TOLD("open config");
    fail_at = 0;
    WEFT_CHECK_STR(weft_test_get(&app, "/count").body, "1");
}

WEFT_TEST(a_close_that_fails_at_the_stop_keeps_no_other_and_is_status_1)
{
    close_fails = 3;
    WEFT_CHECK_EQ(weft_test_start(&app), 0);
    TOLD("open config, open cache, open db");
    WEFT_CHECK_EQ(weft_test_stop(&app), 1);
    TOLD("close 2 0 after 0, close 3 0 after 0, close 1 0 after 0");
}

/* ---- what hangs ---- */

static int never_open(const weft_none *in, pool **out) { (void)in; (void)out; return weft_sleep_ms(3600 * 1000); }
static int never_close(pool *p, int rc) { (void)p; (void)rc; return weft_sleep_ms(3600 * 1000); }
static const weft_provider hangs = WEFT_PROVIDER(pool, weft_none, never_open, NULL, .per = WEFT_PER_WORKER);
static const weft_provider stays = WEFT_PROVIDER(pool, weft_none, config_open, never_close, .per = WEFT_PER_WORKER, .close_timeout_ms = 700);
static const weft_app hanging = { .starts = WEFT_STARTS(&stays, &hangs) };

WEFT_TEST(a_start_that_hangs_ends_and_so_does_a_stop)
{
    WEFT_CHECK_EQ(weft_test_start(&hanging), 3);
    WEFT_CHECK_EQ(weft_test_ms(), 100 + 30000 + 700);
}

/* ---- instead of another ---- */

static int fake_open(const weft_none *in, pool **out) { (void)in; return pool_opened("fake", 9, out); }
static const weft_provider fake = WEFT_PROVIDER(pool, weft_none, fake_open, pool_close, .per = WEFT_PER_WORKER);

WEFT_TEST(one_per_worker_is_replaced_in_a_test)
{
    WEFT_CHECK_STR(weft_test_get(&app, "/count").body, "1");
    TOLD("open config, open cache, open db");
    weft_test_override(&db, &fake);
    TOLD("close 2 0 after 1, close 3 0 after 0, close 1 0 after 0");
    WEFT_CHECK_STR(weft_test_get(&app, "/thread").body, "9");
    TOLD("open config, open cache, open fake");
}

/* ---- upstreams while it starts and stops ---- */

WEFT_MODEL(Word, field(weft_str, word));
static int greet(const weft_none *in, Word *out) { (void)in; out->word = WEFT_S("hello"); return 0; }
static const weft_app upstream = { .routes = WEFT_ROUTES(WEFT_GET("/", greet, weft_none, Word)) };
static int remote_open(const weft_none *in, Word **out)
{
    (void)in;
    *out = weft_new(Word);
    return *out ? weft_fetch(Word, *out, "http://upstream.example/") : WEFT_ENOMEM;
}
static int remote_close(Word *w, int rc)
{
    Word again;
    (void)w;
    WEFT_TRY(weft_fetch(Word, &again, "http://upstream.example/"));
    return rc;
}
static const weft_provider remote = WEFT_PROVIDER(Word, weft_none, remote_open, remote_close, .per = WEFT_PER_WORKER);
WEFT_INPUT(remote_in, depends(Word, word, remote));
static int say(const remote_in *in, weft_str *out) { *out = in->word->word; return 0; }
static const weft_app asks = { .routes = WEFT_ROUTES(WEFT_GET("/", say, remote_in, weft_str)) };

WEFT_TEST(starting_and_stopping_may_ask_upstreams)
{
    weft_test_upstream("upstream.example", &upstream);
    WEFT_CHECK_STR(weft_test_get(&asks, "/").body, "\"hello\"");
}

/* ---- how long a stop may take ---- */

static int held_open(const weft_none *in, pool **out) { (void)in; *out = weft_new(pool); return *out ? 0 : WEFT_ENOMEM; }
static const weft_provider usual = WEFT_PROVIDER(pool, weft_none, held_open, pool_close);
static const weft_provider quick = WEFT_PROVIDER(pool, weft_none, held_open, pool_close, .close_timeout_ms = 300, .depends = WEFT_DEPENDS(&usual));
static const weft_provider slow = WEFT_PROVIDER(pool, weft_none, held_open, pool_close, .close_timeout_ms = 5200, .after_reply = true);
static const weft_provider none = WEFT_PROVIDER(pool, weft_none, held_open, NULL);
static const weft_provider worker = WEFT_PROVIDER(pool, weft_none, held_open, pool_close, .per = WEFT_PER_WORKER, .close_timeout_ms = 1000);
static const weft_app closing = { .starts = WEFT_STARTS(&worker, &config_of), .openapi_path = "", .routes = WEFT_ROUTES(
    WEFT_GET("/none", plain, plain_in, int, .depends = WEFT_DEPENDS(&none)),
    WEFT_GET("/two", plain, plain_in, int, .depends = WEFT_DEPENDS(&quick, &none)),
    WEFT_GET("/slow", plain, plain_in, int, .depends = WEFT_DEPENDS(&slow))) };

WEFT_TEST(a_stop_may_take_the_closes_of_the_request_with_the_most_and_of_all_per_worker)
{
    weft__app *compiled;
    weft__buf faults;
    weft__buf_init(&faults, 4096);
    WEFT_NEED(weft__app_compile(&closing, &compiled, &faults) == 0);
    WEFT_CHECK_EQ(weft__app_stop_ms(compiled), 5300 + 1000 + 2 * 5000);      /* those per worker: worker, config and db */
    WEFT_CHECK_EQ(weft__app_close_ms(compiled), 0);                          /* nothing is open */
    weft__app_free(compiled);
    weft__buf_free(&faults);
}
