/* gcc:   has no member named .detial.
 * clang: field designator 'detial' does not refer to any field .*did you mean 'detail' */
#include "weft.h"

WEFT_MODEL(Taken, field(int, by));
extern int item(const weft_none *in, Taken *out);
const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/", item, weft_none, Taken, .responses = WEFT_RESPONSES(
    WEFT_RESPONSE(409, "Taken", .detial = WEFT_SCHEMA(Taken))))) };    /* HERE */
