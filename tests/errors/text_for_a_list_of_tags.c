/* gcc:   incompatible pointer type
 * clang: incompatible pointer types
 */
#include "weft.h"

extern int count(const weft_none *in, int *out);
const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/count", count, weft_none, int, .tags = "numbers")) };    /* HERE */
