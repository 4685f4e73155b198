/* A service as those who run it see it: settings, a log, numbers for Prometheus, and whether it is ready. Try it:
 *
 *     SHOP_PORT=8001 WEFT_LOG_FORMAT=json ./watched
 *     curl localhost:8001/orders/loom -X POST; curl localhost:8001/metrics; curl localhost:8001/readyz
 *     kill -USR1 PID                       debug lines on, and off again  */
#include <weft.h>

/* ---- settings ---- */

WEFT_MODEL(Store, field(weft_str, url, .format = WEFT_URL), field(int, timeout_ms, .initial = "300", .range = { 1, 60000 }));
WEFT_MODEL(Settings,
    field(int,      port,    .initial = "8000", .range = { 1, 65535 }),
    field(weft_str, api_key, .initial = "none", .secret = true),
    list (weft_str, kinds,   .initial = "[\"loom\",\"yarn\"]"),
    opt  (Store,    store));

static Settings settings;

int read_settings(void);
int read_settings(void) { return weft_settings(Settings, &settings, .prefix = "SHOP_", .print = true); }

/* ---- numbers of its own ---- */

static weft_metric orders = WEFT_COUNTER("shop_orders_total", "Orders taken, by kind.", .labels = "kind");
static weft_metric stock = WEFT_GAUGE("shop_stock", "Pieces that are left.");
static weft_metric price = WEFT_HISTOGRAM("shop_price_euros", "Prices of orders.", .buckets = WEFT_BUCKETS(1, 10, 100, 1000));

WEFT_INPUT(order_in, path(weft_str, kind));
WEFT_MODEL(Order, field(weft_str, kind), field(int, left));
static int left = 3;

static bool sells(weft_str kind)
{
    for (uint32_t i = 0; i < settings.kinds.count; i++)
        if (weft_str_equal(settings.kinds.items[i], kind)) return true;
    return false;
}

static int order(const order_in *in, Order *out)
{
    if (!sells(in->kind)) return weft_fail(404, "no %.*s is sold here", WEFT_FMT(in->kind));
    if (!left) return weft_fail(409, "sold out");
    weft_counter_add(&orders, 1, in->kind);
    weft_gauge_set(&stock, --left);
    weft_histogram_observe(&price, 450);
    weft_log_event(WEFT_LOG_INFO, "ordered", weft_log_text("kind", in->kind), weft_log_int("left", left));
    weft_log_debug("the order came from %.*s", WEFT_FMT(in->kind));
    *out = (Order){ in->kind, left };
    return 0;
}

/* ---- ready? ---- */

static int store_answers(void)
{
    weft_response answer;
    if (!settings.store.set) return 0;
    WEFT_TRY(weft_exchange(&answer, (.total_ms = settings.store.value.timeout_ms), "{+}/health", settings.store.value.url));
    return answer.status == 200 ? 0 : weft_fail(WEFT_EPROTO, "it answers %d", answer.status);
}

static int something_left(void) { return left ? 0 : weft_fail(WEFT_ELIMIT, "nothing is left"); }

const weft_app app = {
    .title = "shop",
    .trace = true,
    .ready = WEFT_READY_WHEN({ "store", store_answers }, { "stock", something_left }),
    .metrics = WEFT_OWN_METRICS(&orders, &stock, &price),
    .routes = WEFT_ROUTES(
        WEFT_POST("/orders/{kind}", order, order_in, Order),
        WEFT_METRICS("/metrics"),
        WEFT_HEALTH("/healthz"),
        WEFT_READY("/readyz")),
};

int main(void)
{
    if (read_settings() < 0) return 2;
    return weft_serve(&app, .port = settings.port, .unready_ms = 1000);
}
