/* What stands around handlers: pages of other origins. */
#include "pairs.h"

WEFT_MODEL(Hello, field(weft_str, message));
static int hello(const weft_none *in, Hello *out) { (void)in; out->message = WEFT_S("Hello World"); return 0; }

static const fact preflights_facts[] = {
    { 87, "OPTIONS", "/", "Origin: https://localhost.tiangolo.com\nAccess-Control-Request-Method: GET\n"
        "Access-Control-Request-Headers: X-Example", 0, 200, .text = "OK",
        .says = "access-control-allow-origin: https://localhost.tiangolo.com\naccess-control-allow-headers: X-Example" },
    { 88, "GET", "/", "Origin: https://localhost.tiangolo.com", 0, 200, JSON({ "message": "Hello World" }),
        .says = "access-control-allow-origin: https://localhost.tiangolo.com" },
};
GROUP(preflights, .middleware = WEFT_MIDDLEWARE(weft_cors(.origins = "http://localhost.tiangolo.com, https://localhost.tiangolo.com, http://localhost, http://localhost:8080",
        .credentials = true, .methods = "*", .headers = "*")),
    .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, Hello)))
