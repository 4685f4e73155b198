/* gcc:   must be declared: int log_it.const weft_request .request, weft_reply .reply, weft_next .next
 * clang: must be declared: int log_it.const weft_request .request, weft_reply .reply, weft_next .next */
#include "weft.h"

static int log_it(const weft_request *request, weft_next *next) { (void)request; return weft_next_run(next); }
const weft_app app = { .middleware = WEFT_MIDDLEWARE(log_it) };    /* HERE */
