/* gcc:   incompatible types when initializing type 'const weft_provider [*]' .*using type 'weft_provider'
 * clang: initializing 'const weft_provider [*]const' .*with an expression of incompatible type 'const weft_provider' .* */
#include "weft.h"

extern const weft_provider token;
const weft_router orders = { .prefix = "/orders", .depends = WEFT_DEPENDS(token) };    /* HERE */
