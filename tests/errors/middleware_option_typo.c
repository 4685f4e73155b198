/* gcc:   has no member named .origin.; did you mean .origins.
 * clang: field designator 'origin' does not refer to any field in type 'const weft_cors_opts' */
#include "weft.h"

const weft_app app = { .middleware = WEFT_MIDDLEWARE(weft_cors(.origin = "https://a.example")) };    /* HERE */
