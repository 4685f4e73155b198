/* gcc:   initialization of .*const weft_failure \*.* from incompatible pointer type
 * clang: incompatible function pointer types initializing .*weft_failure_handler.* */
#include "weft.h"

extern int gone(const weft_request *request, weft_reply *out);
const weft_app app = { .on_failure = WEFT_ON_FAILURE(
    { 404, gone }) };    /* HERE */
