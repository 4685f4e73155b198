/* An application that documents itself: open /docs, /redoc or /openapi.json. */
#include <weft.h>

WEFT_ENUM(Unit, value(UNIT_PIECE, "piece"), value(UNIT_METRE, "metre"));

WEFT_MODEL(Product,
    field(weft_str, name,  .min_len = 1, .max_len = 80, .doc = "What it is called", .example = "Linen"),
    field(double,   price, .range = { 0, WEFT_NO_END }, .above = true, .doc = "In euros, for one unit"),
    field(Unit,     unit,  .initial = "piece"),
    opt  (weft_str, note));

WEFT_MODEL(Taken, field(weft_str, name), field(int64_t, by));

WEFT_INPUT(product_in, path(int64_t, product_id, .range = { 1, WEFT_NO_END }, .doc = "As the list has it", .example = "7"));
WEFT_INPUT(create_in,  body(Product, product));

static int read_product(const product_in *in, Product *out)
{
    if (in->product_id > 100) return weft_fail(404, "no product %lld", (long long)in->product_id);
    *out = (Product){ .name = WEFT_S("Linen"), .price = 12.5, .unit = UNIT_METRE };
    return 0;
}

static int create_product(const create_in *in, Product *out)
{
    *out = in->product;
    return 0;
}

static int price_list(const weft_none *in, weft_reply *out)
{
    (void)in;
    return weft_reply_text(out, WEFT_S("Linen;12.5\n"));
}

static const weft_router products = {
    .prefix = "/products", .tag = "products",
    .routes = WEFT_ROUTES(
        WEFT_GET("/{product_id}", read_product, product_in, Product,
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(404, "There is no such product"))),
        WEFT_POST("/", create_product, create_in, Product, .status = 201,
            .summary = "Add a product",
            .description = "Its name must be *new*.",
            .responses = WEFT_RESPONSES(
                WEFT_RESPONSE(409, "Another product has this name", .model = WEFT_SCHEMA(Taken))))),
};

const weft_app app = {
    .title = "Catalog",
    .version = "1.2",
    .description = "What the weavers sell.",
    .tag_docs = WEFT_TAG_DOCS({ "products", "Things with a price" }),
    .webhooks = WEFT_WEBHOOKS(WEFT_WEBHOOK("product-sold", Product, .description = "Sent to your URL after each sale.")),
    .routers = WEFT_ROUTERS(&products),
    .routes = WEFT_ROUTES(
        WEFT_GET("/prices", price_list, weft_none, weft_reply,
            .responses = WEFT_RESPONSES(WEFT_RESPONSE(200, "A line for each product", .content_type = "text/csv"))),
        WEFT_GET("/prices.old", price_list, weft_none, weft_reply, .deprecated = true),
        WEFT_GET("/health", price_list, weft_none, weft_reply, .undocumented = true)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
