/* What is wrong with providers is told when the program starts: all of it, a line each. */
#include "faults.h"
#include "weft.h"

typedef struct thing { int n; } thing;
WEFT_MODEL(Item, field(int, n));
#define OPEN(name, In, T) static int name(const In *in, T **out) { (void)in; *out = weft_new(T); return *out ? 0 : WEFT_ENOMEM; }
#define HANDLER(name, In, Out) static int name(const In *in, Out *out) { (void)in; (void)out; return 0; }
static int thing_close(thing *t, int rc) { (void)t; return rc; }

/* ---- circles ---- */

extern const weft_provider egg, hen, chick, lonely;
WEFT_INPUT(egg_in, depends(thing, t, hen));
WEFT_INPUT(hen_in, depends(thing, t, chick));
WEFT_INPUT(chick_in, depends(thing, t, egg));
WEFT_INPUT(lonely_in, depends(thing, t, lonely));
OPEN(egg_open, egg_in, thing)
OPEN(hen_open, hen_in, thing)
OPEN(chick_open, chick_in, thing)
OPEN(lonely_open, lonely_in, thing)
const weft_provider egg = WEFT_PROVIDER(thing, egg_in, egg_open, NULL), hen = WEFT_PROVIDER(thing, hen_in, hen_open, NULL);
const weft_provider chick = WEFT_PROVIDER(thing, chick_in, chick_open, thing_close), lonely = WEFT_PROVIDER(thing, lonely_in, lonely_open, NULL);
WEFT_INPUT(farm_in, depends(thing, a, hen), depends(thing, b, egg));
HANDLER(farm, farm_in, Item)
static const weft_app circles = { .depends = WEFT_DEPENDS(&lonely), .routes = WEFT_ROUTES(WEFT_GET("/a", farm, farm_in, Item), WEFT_GET("/b", farm, farm_in, Item)) };

WEFT_TEST(providers_that_need_themselves_are_told_with_their_path)
{
    FAULTS(circles,
        "provider lonely_open: it needs itself: lonely_open -> lonely_open\n"
        "provider hen_open: it needs itself: hen_open -> chick_open -> egg_open -> hen_open\n");
}

/* ---- types and lifetimes ---- */

OPEN(plain_open, weft_none, thing)
OPEN(other_open, weft_none, Item)
static int nobody(const weft_none *in) { (void)in; return 0; }
static const weft_provider plain = WEFT_PROVIDER(thing, weft_none, plain_open, thing_close);
static const weft_provider other = WEFT_PROVIDER(Item, weft_none, other_open, NULL);
static const weft_provider guard = WEFT_GUARD(weft_none, nobody);
static const weft_provider by_hand = { .type = "thing" };
WEFT_INPUT(worker_in, depends(thing, t, plain), header(weft_str, x_a), reply(r), request(q), path(int, id), body(Item, b));
WEFT_INPUT(behind_in, depends(thing, t, plain));
WEFT_INPUT(bodied_in, body(Item, item), form(int, f), file(weft_str, u), reply(a), reply(b), header(int, x, .as = "a b"));
OPEN(worker_open, worker_in, thing)
OPEN(behind_open, behind_in, thing)
OPEN(bodied_open, bodied_in, thing)
OPEN(model_open, Item, thing)
static const weft_provider worker = WEFT_PROVIDER(thing, worker_in, worker_open, thing_close, .per = WEFT_PER_WORKER, .after_reply = true);
static const weft_provider behind = WEFT_PROVIDER(thing, behind_in, behind_open, thing_close, .after_reply = true);
static const weft_provider bodied = WEFT_PROVIDER(thing, bodied_in, bodied_open, NULL, .after_reply = true, .open_timeout_ms = -1);
static const weft_provider modelled = WEFT_PROVIDER(thing, Item, model_open, NULL, .per = (weft_lifetime)7);
WEFT_INPUT(mixed_in, depends(Item, a, plain), depends(thing, b, other), depends(thing, c, guard), depends(thing, d, by_hand));
HANDLER(mixed, mixed_in, Item)
HANDLER(none, weft_none, Item)
static const weft_app mixes = { .starts = WEFT_STARTS(&worker, &plain), .depends = WEFT_DEPENDS(&behind, &bodied, &modelled),
    .routes = WEFT_ROUTES(WEFT_GET("/mixed", mixed, mixed_in, Item)) };

WEFT_TEST(types_lifetimes_and_inputs_that_do_not_fit_are_told)
{
    FAULTS(mixes,
        "provider worker_open: after_reply is of a request, and it is per worker\n"
        "provider worker_open: it is opened when the program starts, and its input worker_in has header 'x_a' of a request\n"
        "provider worker_open: it is opened when the program starts, and its input worker_in has reply 'r' of a request\n"
        "provider worker_open: it is opened when the program starts, and its input worker_in has request 'q' of a request\n"
        "provider worker_open: it is opened when the program starts, and its input worker_in has path 'id' of a request\n"
        "provider worker_open: it is opened when the program starts, and its input worker_in has body 'b' of a request\n"
        "provider worker_open: it lives per worker and depends on plain_open, which lives per request\n"
        "provider worker_open: it is closed after the reply and depends on plain_open, which is closed before that\n"
        "application: .starts has plain_open, which lives per request; expected .per = WEFT_PER_WORKER\n"
        "provider behind_open: it is closed after the reply and depends on plain_open, which is closed before that\n"
        "provider bodied_open: open_timeout_ms is negative; expected milliseconds, or 0\n"
        "provider bodied_open: after_reply, but it has no close\n"
        "provider bodied_open: input bodied_in has body 'item'; a provider takes what stands in a request's head, and the body is the route's\n"
        "provider bodied_open: input bodied_in has form 'f'; a provider takes what stands in a request's head, and the body is the route's\n"
        "provider bodied_open: input bodied_in has file 'u'; a provider takes what stands in a request's head, and the body is the route's\n"
        "provider bodied_open: input bodied_in has two reply members, 'a' and 'b'; expected one\n"
        "provider bodied_open: input bodied_in: 'a b' cannot be the name of a header\n"
        "provider model_open: per 7; expected WEFT_PER_REQUEST or WEFT_PER_WORKER\n"
        "provider model_open: its input Item says not where values come from; declare it with WEFT_INPUT\n"
        "route GET /mixed: input mixed_in has depends(Item, a, ...), but plain_open provides thing\n"
        "route GET /mixed: input mixed_in has depends(thing, b, ...), but other_open provides Item\n"
        "route GET /mixed: input mixed_in has depends(thing, c, ...), but nobody provides nothing; it belongs into .depends\n"
        "provider ?: it has no open, input or type; write it with WEFT_PROVIDER or WEFT_GUARD\n");
}

static const weft_provider lasting = WEFT_GUARD(weft_none, nobody, .per = WEFT_PER_WORKER);
static const weft_app lastingly_guarded = { .depends = WEFT_DEPENDS(&lasting), .routes = WEFT_ROUTES(WEFT_GET("/", none, weft_none, Item)) };

WEFT_TEST(a_guard_that_outlives_its_request_is_told)
{
    FAULTS(lastingly_guarded, "provider nobody: a guard looks at a request, and it is per worker\n");
}

/* ---- routes ---- */

WEFT_INPUT(by_id_in, path(int, id), query(int, q, .range = { 5, 1 }));
OPEN(by_id_open, by_id_in, thing)
static const weft_provider by_id = WEFT_PROVIDER(thing, by_id_in, by_id_open, NULL);
WEFT_INPUT(only_id_in, path(int, id));
OPEN(only_id_open, only_id_in, thing)
static const weft_provider only_id = WEFT_PROVIDER(thing, only_id_in, only_id_open, NULL);
WEFT_INPUT(process_in, depends(thing, t, plain));
WEFT_INPUT(config_in, config(thing, t));
HANDLER(in_process, process_in, Item)
HANDLER(configured, config_in, Item)
static const weft_app routed = { .routes = WEFT_ROUTES(
    WEFT_GET("/a/{number}", none, weft_none, Item, .depends = WEFT_DEPENDS(&by_id)),
    WEFT_GET("/b", in_process, process_in, Item, .run = WEFT_IN_PROCESS),
    WEFT_GET("/c", none, weft_none, Item, .run = WEFT_IN_PROCESS, .depends = WEFT_DEPENDS(&guard)),
    WEFT_GET("/d", configured, config_in, Item)) };
static const weft_app sound = { .routes = WEFT_ROUTES(WEFT_GET("/a/{id}", none, weft_none, Item, .depends = WEFT_DEPENDS(&only_id, &guard)),
    WEFT_STATIC("/files", "files", .depends = WEFT_DEPENDS(&guard))) };

WEFT_TEST(what_a_provider_takes_must_be_in_the_path_of_each_route)
{
    FAULTS(routed,
        "by_id_in, member 'q': .range must let a value through, and it goes from 5 to 1\n"
        "route GET /a/{number}: input by_id_in has path member 'id', but the path has no {id}; it has {number}\n"
        "route GET /a/{number}: input weft_none has no path member 'number'; it has none\n"
        "route GET /b: input process_in: depends(t) stays behind when a handler runs in a process; expected values alone\n"
        "route GET /d: input config_in has config 't', which providers have and routes have not\n");
    FAULTS(sound, "");
}

WEFT_INPUT(wanting_in, config(thing, t));
OPEN(wanting_open, wanting_in, Item)
static const weft_provider wanting = WEFT_PROVIDER(Item, wanting_in, wanting_open, NULL);
static const weft_provider wronged = WEFT_PROVIDER(Item, wanting_in, wanting_open, NULL, WEFT_CONFIG(Item, .n = 1));
static const weft_app configs = { .routes = WEFT_ROUTES(WEFT_GET("/", none, weft_none, Item, .depends = WEFT_DEPENDS(&wanting, &wronged))) };

WEFT_TEST(a_config_of_another_type_is_told)
{
    FAULTS(configs,
        "provider wanting_open: input wanting_in has config(thing, t), and it says no WEFT_CONFIG(thing, ...)\n"
        "provider wanting_open: input wanting_in has config(thing, t), and its WEFT_CONFIG is a Item\n");
}

/* ---- many ---- */

static weft_provider crowd[257];
static const weft_provider *all[258];

WEFT_TEST(there_is_a_limit_to_their_number)
{
    for (int i = 0; i < 257; i++) {
        crowd[i] = guard;
        all[i] = &crowd[i];
    }
    weft_app app = { .depends = all, .routes = WEFT_ROUTES(WEFT_GET("/", none, weft_none, Item)) };
    FAULTS(app, "more than 256 providers\n");
    all[256] = NULL;
    FAULTS(app, "");
    all[256] = &crowd[256];
}
