/* gcc:   has no member named .timeout.
 * clang: field designator 'timeout' does not refer to any field */
#include "weft.h"

extern int count(const weft_none *in, int *out);
const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/count", count, weft_none, int, .timeout = 5000)) };    /* HERE */
