/* Tests of an application of which something ignores its cancel: what outliving_test.c runs. Each goes on to say that it did. */
#include <stdio.h>
#include "weft/background.h"
#include "weft/provider.h"
#include "weft/stream.h"
#include "weft/test.h"

static int for_ever(void)
{
    for (;;) (void)!weft_sleep_ms(60 * 1000);
    return 0;
}

static int never_ends(const weft_none *in) { (void)in; return for_ever(); }
static int shielded(const weft_none *in) { WEFT_SCOPE(s, .shield = true); return never_ends(in); }
static int leaves_shielded(const weft_none *in, int *out) { (void)in; *out = 1; return weft_background(weft_none, shielded, NULL); }
static int leaves_behind(const weft_none *in, int *out) { (void)in; *out = 1; return weft_background(weft_none, never_ends, NULL); }

static int streams(const weft_none *in, weft_stream *out)
{
    (void)in;
    WEFT_TRY(weft_write(out, WEFT_S("a")));
    return for_ever();
}

typedef struct thing { char unused; } thing;
static int thing_open(const weft_none *in, thing **out) { (void)in; *out = weft_new(thing); return *out ? 0 : WEFT_ENOMEM; }
static int thing_close(thing *t, int rc) { (void)t; (void)rc; return for_ever(); }
static const weft_provider held = WEFT_PROVIDER(thing, weft_none, thing_open, thing_close, .per = WEFT_PER_WORKER);
static int answers(const weft_none *in, int *out) { (void)in; *out = 1; return 0; }

static const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/behind", leaves_behind, weft_none, int), WEFT_GET("/shielded", leaves_shielded, weft_none, int), WEFT_GET("/streams", streams, weft_none, weft_stream)) };
static const weft_app holds = { .starts = WEFT_STARTS(&held), .routes = WEFT_ROUTES(WEFT_GET("/", answers, weft_none, int)) };

WEFT_TEST(a_background_task_ignores_its_cancel)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/behind").status, 200);
    puts("went on");
}

WEFT_TEST(a_background_task_shields_itself)
{
    WEFT_CHECK_EQ(weft_test_get(&app, "/shielded").status, 200);
    puts("went on");
}

WEFT_TEST(a_handler_ignores_its_cancel)
{
    weft_test_leave(weft_test_open(&app, "/streams"));
}

WEFT_TEST(a_handler_ignores_its_cancel_while_others_ask)
{
    weft_test_stream *s = weft_test_open(&app, "/streams");
    weft_test_leave(s);
    WEFT_CHECK_EQ(weft_test_get(&app, "/none").status, 404);
}

WEFT_TEST(a_close_per_worker_ignores_its_cancel)
{
    WEFT_CHECK_EQ(weft_test_get(&holds, "/").status, 200);
    WEFT_CHECK_EQ(weft_test_stop(&holds), 1);
    puts("went on");
}
