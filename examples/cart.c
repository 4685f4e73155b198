/* What a client is remembered by: a cart in a signed cookie, requests from other sites refused, orders made once, so many requests a minute. Try it:
 *
 *     WEFT_SECRET=$(openssl rand -base64 32) ./cart
 *     curl -c jar -b jar -X POST 'localhost:8000/cart/yarn'
 *     curl -c jar -b jar localhost:8000/cart
 *     curl -c jar -b jar -H 'Idempotency-Key: 1' -X POST localhost:8000/orders  */
#include <stdlib.h>
#include <weft.h>

WEFT_MODEL(Cart, list(weft_str, items, .initial = "[]"));
WEFT_INPUT(item_in, path(weft_str, item, .max_len = 40), request(request));
WEFT_INPUT(cart_in, request(request));

static int add_item(const item_in *in, Cart *out)
{
    Cart *cart;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    if (cart->items.count == 20) return weft_fail(409, "the cart is full");
    weft_push(&cart->items, in->item);
    *out = *cart;
    return 0;
}

static int read_cart(const cart_in *in, Cart *out)
{
    Cart *cart;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    *out = *cart;
    return 0;
}

WEFT_MODEL(Order, field(int, number), field(int, items));
static int last_number;

static int order(const cart_in *in, Order *out)
{
    Cart *cart;
    WEFT_TRY(weft_session(Cart, in->request, &cart));
    *out = (Order){ .number = ++last_number, .items = (int)cart->items.count };
    weft_session_end(in->request);
    return 0;
}

/* For trying it out; who serves others sets WEFT_SECRET. */
static weft_secrets secrets = { .keys = { { "no secret: it stands in a file that everybody has", 49 } } };

const weft_app app = {
    .title = "Cart",
    .middleware = WEFT_MIDDLEWARE(
        weft_rate_limit(.limit = 120),
        weft_csrf(),
        weft_sessions(.model = WEFT_SCHEMA(Cart), .secrets = &secrets, .over_http = true)),
    .routes = WEFT_ROUTES(
        WEFT_GET ("/cart",        read_cart, cart_in, Cart),
        WEFT_POST("/cart/{item}", add_item,  item_in, Cart),
        WEFT_POST("/orders",      order,     cart_in, Order, .middleware = WEFT_MIDDLEWARE(weft_idempotency()))),
};

int main(void)
{
    const char *secret = getenv("WEFT_SECRET");
    if (secret) secrets.keys[0] = weft_str_of(secret);
    return weft_serve(&app, .port = 8000);
}
