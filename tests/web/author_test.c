/* Functions of the author's that run in the middle of something: one that waits ends the program and is named. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "task/world.h"
#include "weft.h"

static const char *sleeps(weft_str *text) { return text->len && weft_sleep_ms(5) < 0 ? "cancelled" : NULL; }
static const char *yields(int *n) { return *n && weft_yield() < 0 ? "cancelled" : NULL; }

WEFT_DECLARE(Parcel);
static const char *joins(Parcel *parcel);
WEFT_DEFINE(Parcel, field(weft_str, to, .check = sleeps), field(int, grams, .initial = "1"), check(joins));
WEFT_INPUT(parcel_in, body(Parcel, parcel), query(int, n, .initial = "0", .check = yields));

static int nothing(void) { return 0; }
static const char *joins(Parcel *parcel)
{
    if (parcel->grams != 13) return NULL;
    WEFT_SCOPE(s);
    weft_spawn(s, nothing);
    return weft_join(s) < 0 ? "cancelled" : NULL;
}

static int takes(const parcel_in *in, int *out) { *out = in->parcel.grams; return 0; }

static void waits_at_head(weft_reply *reply, void *arg) { (void)reply; (void)arg; (void)!weft_sleep_ms(1); }
static int hooks(const weft_request *request, weft_reply *reply, weft_next *next)
{
    (void)request;
    WEFT_TRY(weft_reply_on_head(reply, waits_at_head, NULL));
    return weft_next_run(next);
}

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_POST("/parcels", takes, parcel_in, int), WEFT_POST("/hooked", takes, parcel_in, int, .middleware = WEFT_MIDDLEWARE(hooks))) };

static const char *path, *json;
static void post(void) { (void)weft_test_post(&app, path, json); }

static void check_ends(const char *where, const char *what, const char *want)
{
    char text[1024];
    path = where;
    json = what;
    int status = world_last_words(post, text, sizeof text);
    WEFT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    if (!WEFT_CHECK(strstr(text, want) != NULL)) WEFT_CHECK_STR(weft_str_of(text), want);
}

WEFT_TEST(a_check_of_a_member_that_waits_ends_the_program_and_is_named)
{
    check_ends("/parcels", "{\"to\":\"a\"}", "weft: the check of member to waits for a timer, in task a request of POST /parcels, started at ");
}

WEFT_TEST(a_check_of_a_query_value_that_gives_way_ends_the_program)
{
    check_ends("/parcels?n=1", "{\"to\":\"\"}", "weft: the check of member n waits, in task a request of POST /parcels");
}

WEFT_TEST(a_check_of_a_model_that_waits_for_a_task_ends_the_program)
{
    check_ends("/parcels", "{\"to\":\"\",\"grams\":13}", "weft: a check of the model Parcel waits");
}

WEFT_TEST(a_function_at_the_head_that_waits_ends_the_program)
{
    check_ends("/hooked", "{\"to\":\"\"}", "weft: a function of weft_reply_on_head waits for a timer");
}

WEFT_TEST(what_does_not_wait_is_not_disturbed)
{
    WEFT_CHECK_EQ(weft_test_post(&app, "/parcels", "{\"to\":\"\",\"grams\":5}").status, 200);
    WEFT_CHECK_EQ(weft_test_post(&app, "/parcels", "{\"to\":\"\",\"grams\":12}").status, 200);
}

/* Operations that succeed at once give way now and then; in a check they do not, or it would be a matter of luck. */
static weft_flag up = { .up = true };
static const char *looks(int *n)
{
    for (int i = 0; i < *n; i++)
        if (weft_flag_wait(&up) < 0) return "cancelled";
    return NULL;
}
WEFT_INPUT(looks_in, query(int, n, .check = looks));
static int looked(const looks_in *in, int *out) { *out = in->n; return 0; }
static const weft_app looking = { .routes = WEFT_ROUTES(WEFT_GET("/", looked, looks_in, int)) };

WEFT_TEST(operations_that_succeed_at_once_are_no_waits_however_many)
{
    WEFT_CHECK_STR(weft_test_get(&looking, "/?n=1000").body, "1000");
}
