/* gcc:   incompatible pointer type
 * clang: incompatible function pointer types */
#include "weft.h"

static const int limit = 5;
static int log_it(const weft_request *request, weft_next *next) { (void)request; return weft_next_run(next); }
const weft_app app = { .middleware = WEFT_MIDDLEWARE(weft_with(log_it, &limit)) };    /* HERE */
