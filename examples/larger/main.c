/* An application of several files: each has a router, and this one has them all. */
#include "parts.h"

static int hello(const weft_none *in, weft_str *out)
{
    (void)in;
    *out = WEFT_S("Hello");
    return 0;
}

const weft_app app = {
    .title = "Larger",
    .routes = WEFT_ROUTES(WEFT_GET("/", hello, weft_none, weft_str)),
    .routers = WEFT_ROUTERS(&items, &users),
};

int main(void) { return weft_serve(&app, .port = 8000); }
