/* Prices of a warehouse that speaks HTTP/2: asked for all at once, over one connection. */
#include <weft.h>

WEFT_MODEL(Price,  field(weft_str, sku), field(double, price, .range = { 0, 1e9 }));
WEFT_MODEL(Basket, list(Price, prices), field(double, total), field(weft_str, asked_over));
WEFT_INPUT(basket_in, query(weft_list_weft_str, sku, .max_items = 50), request(request));

typedef struct ask_in { weft_str sku; } ask_in;

static int ask(const ask_in *in, Price *out)
{
    return weft_fetch(Price, out, "http://warehouse.example/price/{}", in->sku);
}

static int basket(const basket_in *in, Basket *out)
{
    enum { MOST = 50 };
    ask_in asks[MOST];
    Price prices[MOST];
    weft_call calls[MOST] = { 0 };
    size_t n = in->sku.count;

    for (size_t i = 0; i < n; i++) {
        asks[i] = (ask_in){ in->sku.items[i] };
        calls[i] = weft_call(ask, &asks[i], &prices[i]);
    }
    WEFT_TRY(weft_gather_n(calls, n));

    for (size_t i = 0; i < n; i++) {
        weft_push(&out->prices, prices[i]);
        out->total += prices[i].price;
    }
    out->asked_over = weft_request_version(in->request);
    return 0;
}

const weft_app app = {
    .routes = WEFT_ROUTES(WEFT_GET("/basket", basket, basket_in, Basket)),
};

int main(void)
{
    WEFT_TRY(weft_client_limits(.http2 = WEFT_HTTP2_ALWAYS));
    return weft_serve(&app, .port = 8000, .streams_max = 50);
}
