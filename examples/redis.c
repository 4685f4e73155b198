/* What is asked for often is kept in Redis: a cache, counts of visits, one of a kind at a time, messages. REDIS_URL names another server. */
#include <stdlib.h>
#include <weft.h>

WEFT_MODEL(Product, field(int64_t, id), field(weft_str, name), field(double, price));
WEFT_MODEL(Visits, field(int64_t, page), field(int64_t, total));
WEFT_MODEL(Move, field(weft_str, from), field(weft_str, to), field(int64_t, points, .range = { 1, 1000 }));
WEFT_MODEL(Note, field(weft_str, text, .max_len = 500));

/* ---- the connection: opened when the program starts, closed when it stops ---- */

static int redis_open(const weft_none *in, weft_redis **out)
{
    const char *url = getenv("REDIS_URL");
    (void)in;
    return weft_redis_open(url ? url : "redis://localhost", out, .command_ms = 1000);
}

static const weft_provider get_redis = WEFT_PROVIDER(weft_redis, weft_none, redis_open, weft_redis_close, .per = WEFT_PER_WORKER);

/* ---- a cache ---- */

static int look_up_slowly(int64_t id, Product *out)
{
    WEFT_TRY(weft_sleep_ms(200));
    *out = (Product){ .id = id, .name = weft_format("product %lld", (long long)id), .price = (double)id * 1.5 };
    return 0;
}

WEFT_INPUT(product_in, path(int64_t, id, .range = { 1, 1000000 }), depends(weft_redis, r, get_redis));

static int read_product(const product_in *in, Product *out)
{
    int rc = weft_redis_value(in->r, Product, out, "GET product:{}", in->id);
    if (rc != WEFT_ENOENT) return rc;
    WEFT_TRY(look_up_slowly(in->id, out));
    WEFT_TRY(weft_redis_do(in->r, "SET product:{} {} EX {}", in->id, weft_as_json(Product, out), 60));
    return 0;
}

/* ---- a hash as a model ---- */

WEFT_INPUT(save_in, path(int64_t, id), body(Product, product), depends(weft_redis, r, get_redis));

static int save_draft(const save_in *in, weft_none *out)
{
    (void)out;
    WEFT_TRY(weft_redis_do(in->r, "HSET draft:{} {}", in->id, weft_fields(Product, &in->product)));
    return 0;
}

WEFT_INPUT(draft_in, path(int64_t, id), depends(weft_redis, r, get_redis));

static int read_draft(const draft_in *in, Product *out)
{
    int rc = weft_redis_value(in->r, Product, out, "HGETALL draft:{}", in->id);
    return rc == WEFT_ENOENT ? weft_fail(404, "there is no such draft") : rc;
}

/* ---- several commands in one trip ---- */

WEFT_INPUT(visit_in, path(int64_t, page), depends(weft_redis, r, get_redis));

static int visit(const visit_in *in, Visits *out)
{
    return weft_redis_batch(in->r, weft_redis_step_value(int64_t, &out->page, "INCR visits:{}", in->page),
        weft_redis_step_value(int64_t, &out->total, "INCR visits"), weft_redis_step("EXPIRE visits:{} {}", in->page, 86400));
}

/* ---- only if nobody else has changed it ---- */

WEFT_INPUT(move_in, body(Move, move), depends(weft_redis, r, get_redis));

static int move_points(const move_in *in, weft_none *out)
{
    (void)out;
    const Move *m = &in->move;
    for (int done = 0; !done;) {
        WEFT_REDIS_SESSION(s, in->r);
        weft_opt_int64_t points;
        WEFT_TRY(weft_redis_do(s, "WATCH points:{}", m->from));
        WEFT_TRY(weft_redis_value(s, weft_opt_int64_t, &points, "GET points:{}", m->from));
        if (!points.set || points.value < m->points) return weft_fail(409, "%s has not so many points", m->from.ptr);
        WEFT_TRY(done = weft_redis_atomic(s, weft_redis_step("DECRBY points:{} {}", m->from, m->points), weft_redis_step("INCRBY points:{} {}", m->to, m->points)));
    }
    return 0;
}

/* ---- a script: one step on the server ---- */

static const char TAKE[] = "local n = tonumber(redis.call('GET', KEYS[1]) or ARGV[1]) "
                           "if n == 0 then return 0 end "
                           "redis.call('SET', KEYS[1], n - 1, 'EX', ARGV[2]) return n";

WEFT_INPUT(ticket_in, path(weft_str, who), depends(weft_redis, r, get_redis));

static int take_ticket(const ticket_in *in, Visits *out)
{
    int64_t left;
    WEFT_TRY(weft_redis_value(in->r, int64_t, &left, "EVAL {} 1 tickets:{} {} {}", TAKE, in->who, 3, 3600));
    if (!left) return weft_fail(429, "no more tickets for an hour");
    *out = (Visits){ .page = 0, .total = left - 1 };
    return 0;
}

/* ---- messages ---- */

WEFT_INPUT(say_in, path(weft_str, room), body(Note, note), depends(weft_redis, r, get_redis));

static int say(const say_in *in, weft_none *out)
{
    (void)out;
    WEFT_TRY(weft_redis_do(in->r, "PUBLISH room:{} {}", in->room, in->note.text));
    return 0;
}

WEFT_INPUT(listen_in, path(weft_str, room), depends(weft_redis, r, get_redis));

static int listen_to(const listen_in *in, weft_events *out)
{
    WEFT_REDIS_SUB(sub);
    WEFT_TRY(weft_redis_subscribe(in->r, &sub, weft_format("room:%s", in->room.ptr)));
    weft_redis_message m;
    for (int rc; (rc = weft_redis_next(sub, &m)) != 0;) {
        WEFT_TRY(rc);
        WEFT_TRY(weft_event(out, .type = weft_str_of(m.gap ? "missed" : "note"), .data = m.text));
    }
    return 0;
}

const weft_app app = {
    .title = "Redis",
    .routes = WEFT_ROUTES(
        WEFT_GET("/products/{id}", read_product, product_in, Product),
        WEFT_PUT("/drafts/{id}", save_draft, save_in, weft_none, .status = 204),
        WEFT_GET("/drafts/{id}", read_draft, draft_in, Product),
        WEFT_POST("/visits/{page}", visit, visit_in, Visits),
        WEFT_POST("/moves/", move_points, move_in, weft_none, .status = 204),
        WEFT_POST("/tickets/{who}", take_ticket, ticket_in, Visits),
        WEFT_POST("/rooms/{room}", say, say_in, weft_none, .status = 204),
        WEFT_GET("/rooms/{room}", listen_to, listen_in, weft_events)),
};

int main(int argc, char **argv) { return weft_serve(&app, .port = argc > 1 ? atoi(argv[1]) : 8000); }
