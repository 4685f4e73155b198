/* gcc:   has no member named .hots.
 * clang: field designator 'hots' does not refer to any field in type 'const weft_router' */
#include "weft.h"

const weft_router tenants = {
    .hots = "{tenant}.example.com",    /* HERE */
};
