/* gcc:   none
 * clang: none */
#include "weft.h"

WEFT_MODEL(Cart, field(int, items, .initial = "0"));
static weft_secrets secrets;
static const int seconds = 5;
static int own(const weft_request *request, weft_reply *reply, weft_next *next) { (void)request; (void)reply; return weft_next_run(next); }
static weft_middleware *const by_pointer = own;
const weft_app app = { .middleware = WEFT_MIDDLEWARE(own, &own, weft_with(own, &seconds), weft_access_log(), weft_request_ids(.fresh = true), weft_timing(),
    weft_cors(.origins = "*"), weft_trusted_hosts(.hosts = "a"), weft_security_headers(), weft_compression(.level = 9), weft_conditional(),
    weft_rate_limit(.limit = 5), weft_sessions(.model = WEFT_SCHEMA(Cart), .secrets = &secrets), weft_csrf(), weft_idempotency(.required = true)) };
void use(void);
void use(void) { (void)by_pointer; }
