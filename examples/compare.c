/* The price comparison: stores asked at once, all of them with one deadline; each may fail alone. */
#include <weft.h>

WEFT_MODEL(Price,      field(double, price, .range = { 0, 1e9 }));
WEFT_MODEL(Offer,      field(weft_str, store), field(double, price));
WEFT_MODEL(Comparison, field(Offer, best), list(Offer, offers), list(weft_str, failed));
WEFT_INPUT(compare_in, path(weft_str, sku, .max_len = 64));

typedef struct store { weft_str name; const char *url; } store;

static const store stores[] = {
    { WEFT_S("alfa"), "http://alfa.example/price" },
    { WEFT_S("beta"), "http://beta.example/price" },
    { WEFT_S("gama"), "http://gama.example/price" },
};

typedef struct ask_in { const store *store; weft_str sku; } ask_in;

static int ask(const ask_in *in, Price *out)
{
    return weft_fetch(Price, out, "{+}/{}", in->store->url, in->sku);
}

static int compare(const compare_in *in, Comparison *out)
{
    enum { N = weft_count(stores) };
    ask_in asks[N];
    Price prices[N];
    weft_error errors[N];
    weft_call calls[N];

    for (int i = 0; i < N; i++) {
        asks[i] = (ask_in){ &stores[i], in->sku };
        calls[i] = weft_call(ask, &asks[i], &prices[i], .error = &errors[i]);
    }
    WEFT_TRY(weft_gather_n(calls, N, .timeout_ms = 300));

    for (int i = 0; i < N; i++) {
        if (errors[i].code < 0) {
            weft_push(&out->failed, stores[i].name);
            continue;
        }
        Offer offer = { stores[i].name, prices[i].price };
        weft_push(&out->offers, offer);
        if (out->offers.count == 1 || offer.price < out->best.price) out->best = offer;
    }
    if (!out->offers.count) return weft_fail(502, "no store answered in time");
    return 0;
}

const weft_app app = {
    .routes = WEFT_ROUTES(WEFT_GET("/compare/{sku}", compare, compare_in, Comparison)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
