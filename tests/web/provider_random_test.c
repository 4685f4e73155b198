/* Random graphs of providers, each of which may wait, fail, hang or give nothing, asked by clients that may leave: what was opened is closed
 * once, in the reverse order, while all that it depends on is open. */
#include <stdlib.h>
#include "testing/client.h"
#include "weft.h"

enum { NODES_MAX = 12, SEEDS = 150, SEEDS_SOAK = 20000 };

typedef struct node {
    const weft_provider *before[NODES_MAX + 1];
    int opens_ms, closes_ms, open_rc, close_rc;
    bool null, ignores;              /* its close keeps its cut to itself */
    bool is_open;
} node;
static node nodes[NODES_MAX];
static weft_provider providers[NODES_MAX];
static int count, stack[NODES_MAX], deep, handler_ms, handler_rc, failures;
static uint64_t state;
static bool handled;

static unsigned draw(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static int id_of(const node *n) { return (int)(n - nodes); }

static int fails(int rc)
{
    failures++;
    return rc > 0 ? weft_fail(rc, "drawn") : rc;
}

WEFT_INPUT(node_in, config(node, self));
static int node_open(const node_in *in, node **out)
{
    node *n = &nodes[id_of(in->self)];
    for (int i = 0; n->before[i]; i++) {
        const node *on = n->before[i]->config;
        WEFT_CHECK(on->is_open || on->null);
    }
    WEFT_CHECK(!n->is_open);
    WEFT_TRY(weft_sleep_ms(n->opens_ms));
    if (n->open_rc) return fails(n->open_rc);
    if (n->null) return 0;
    n->is_open = true;
    stack[deep++] = id_of(n);
    *out = n;
    return 0;
}

/* The one that was opened last, of those that are closed now. */
static void check_order(const node *n)
{
    bool behind = providers[id_of(n)].after_reply;
    for (int i = deep; i-- > 0;) {
        if (stack[i] == id_of(n)) return;
        const weft_provider *other = &providers[stack[i]];
        WEFT_CHECK(!other->close || !nodes[stack[i]].is_open || (other->after_reply && !behind));
    }
}

static int node_close(node *n, int rc)
{
    WEFT_CHECK(n->is_open);
    check_order(n);
    n->is_open = false;
    int slept = weft_sleep_ms(n->closes_ms);
    WEFT_CHECK_EQ(slept, n->closes_ms > 20 ? WEFT_ETIMEDOUT : 0);
    if (slept < 0) return n->ignores ? 0 : fails(slept);
    return n->close_rc ? fails(n->close_rc) : draw(2) ? rc : 0;
}

WEFT_INPUT(work_in, query(int, n, .initial = "0"));
static int work(const work_in *in, int *out)
{
    handled = true;
    *out = in->n;
    WEFT_TRY(weft_sleep_ms(handler_ms));
    return handler_rc ? fails(handler_rc) : 0;
}
static int write_some(const work_in *in, weft_stream *out)
{
    handled = true;
    for (int i = 0; i < handler_ms; i++) {
        WEFT_TRY(weft_write(out, WEFT_S("x")));
        WEFT_TRY(weft_sleep_ms(in->n + 1));
    }
    return handler_rc ? fails(handler_rc) : 0;
}

static int draw_rc(unsigned one_of) { return draw(one_of) ? 0 : (int[]){ 404, 500, WEFT_EPROTO, 503 }[draw(4)]; }

static void draw_node(int i)
{
    static int (*const closes)(node *, int) = node_close;
    node *n = &nodes[i];
    *n = (node){ .opens_ms = (int)draw(4), .closes_ms = draw(12) ? (int)draw(4) : 50, .open_rc = draw_rc(25), .close_rc = draw_rc(15),
        .null = !draw(10), .ignores = draw(2) };
    bool close = draw(4) != 0;
    providers[i] = (weft_provider)WEFT_PROVIDER(node, node_in, node_open, NULL, .may_be_null = true, .depends = n->before, .config = n, .config_type = "node");
    if (close) providers[i].close = (weft__fn *)closes;
    if (close) providers[i].close_timeout_ms = 20;
    providers[i].after_reply = close && !draw(4);
    for (int on = 0, k = 0; on < i; on++) {
        bool fits = !providers[i].after_reply || !providers[on].close || providers[on].after_reply;
        if (fits && !draw(3)) n->before[k++] = &providers[on];
    }
}

static void draw_all(uint64_t seed)
{
    state = seed * 2654435761u + 1;
    count = 1 + (int)draw(NODES_MAX);
    deep = failures = 0;
    handled = false;
    for (int i = 0; i < count; i++) draw_node(i);
    handler_ms = (int)draw(6);
    handler_rc = draw_rc(5);
}

static void try_one(uint64_t seed)
{
    const weft_provider *of_app[4] = { 0 }, *of_route[NODES_MAX + 1] = { 0 };
    draw_all(seed);
    for (int i = 0; i < 3; i++) of_app[i] = &providers[draw((unsigned)count)];
    for (int i = 0, k = 0; i < count; i++)
        if (draw(2)) of_route[k++] = &providers[i];
    bool stream = draw(3) == 0;
    int timeout_ms = draw(5) ? 0 : 1 + (int)draw(20);
    const weft_app app = { .openapi_path = "", .depends = of_app, .routes = WEFT_ROUTES(
        WEFT_GET("/", work, work_in, int, .depends = of_route, .timeout_ms = timeout_ms),
        WEFT_GET("/stream", write_some, work_in, weft_stream, .depends = of_route, .timeout_ms = timeout_ms)) };
    weft__shot shot = { .bytes = stream ? WEFT_S("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n") : WEFT_S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .leave_ms = draw(3) ? 0 : 1 + (int)draw(40) };
    weft_test_override(&providers[0], NULL);         /* compiled anew: it is another application */
    bool good = weft__test_fire(&app, NULL, &shot, 1);
    for (int i = 0; i < count; i++) good &= !nodes[i].is_open || !providers[i].close;
    if (shot.answer.status == 200) good &= handled;
    if (!shot.leave_ms && !timeout_ms && !failures) good &= shot.answer.status == 200;
    if (!good) weft__check_fail(__FILE__, __LINE__, "seed %llu: status %d, %d failures", (unsigned long long)seed, shot.answer.status, failures);
}

WEFT_TEST(random_providers_are_closed_once_in_the_reverse_order_whatever_happens)
{
    uint64_t seeds = getenv("WEFT_SOAK") ? SEEDS_SOAK : SEEDS;
    for (uint64_t seed = 1; seed <= seeds; seed++) try_one(seed);
}
