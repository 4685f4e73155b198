/* Answers that are written while they are made: a table without an end in memory, lines of JSON, live prices. Try it:
 *
 *     curl localhost:8000/table?rows=1000000
 *     curl localhost:8000/orders
 *     curl -N localhost:8000/prices
 *     curl -N -H 'Last-Event-ID: 7' localhost:8000/prices  */
#include <weft.h>

WEFT_INPUT(table_in, query(int, rows, .initial = "10", .range = { 0, WEFT_NO_END }));

static int table(const table_in *in, weft_stream *out)
{
    WEFT_TRY(weft_reply_header(weft_stream_reply(out), "Content-Type", "text/csv; charset=utf-8"));
    WEFT_TRY(weft_write(out, WEFT_S("n,square\n")));
    for (int i = 1; i <= in->rows; i++) {
        WEFT_TEMP;
        WEFT_TRY(weft_write(out, weft_format("%d,%lld\n", i, (long long)i * i)));
    }
    return 0;
}

/* ---- a model a line ---- */

WEFT_MODEL(Order, field(int, id), field(weft_str, item), field(double, price));
static const Order kept[] = { { 1, WEFT_S("loom"), 450 }, { 2, WEFT_S("yarn"), 4.5 }, { 3, WEFT_S("shuttle"), 12 } };

static int orders(const weft_none *in, weft_stream *out)
{
    (void)in;
    for (size_t i = 0; i < weft_count(kept); i++) WEFT_TRY(weft_write_item(Order, out, &kept[i]));
    return 0;
}

/* ---- events ---- */

WEFT_MODEL(Price, field(weft_str, item), field(double, price));
WEFT_INPUT(prices_in, header(WEFT_OPT(int64_t), last_event_id, .range = { 0, 1e9 }), query(int, count, .initial = "3600", .range = { 1, 3600 }));

static double price_at(int64_t n) { return 100 + (double)(n * 37 % 11) / 2; }

static int prices(const prices_in *in, weft_events *out)
{
    int64_t seen = in->last_event_id.set ? in->last_event_id.value : 0;
    WEFT_TRY(weft_event(out, .retry_ms = 1000));
    for (int64_t n = seen + 1; n <= seen + in->count; n++) {
        WEFT_TEMP;
        Price price = { WEFT_S("loom"), price_at(n) };
        WEFT_TRY(weft_event_item(Price, out, &price, .type = WEFT_S("price"), .id = weft_format("%lld", (long long)n)));
        WEFT_TRY(weft_sleep_ms(1000));
    }
    return 0;
}

static int page(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_html(out, WEFT_S("<!doctype html><title>Prices</title><h1 id=price>...</h1><script>"
        "new EventSource('/prices').addEventListener('price', e => price.textContent = JSON.parse(e.data).price)"
        "</script>"));
}

const weft_app app = {
    .title = "streams",
    .routes = WEFT_ROUTES(
        WEFT_GET("/", page, weft_none, weft_reply),
        WEFT_GET("/table", table, table_in, weft_stream,
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(200, "Numbers and their squares", .content_type = "text/csv"))),
        WEFT_GET("/orders", orders, weft_none, weft_stream,
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(200, "An order a line", .content_type = "application/jsonl"))),
        WEFT_GET("/prices", prices, prices_in, weft_events)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
