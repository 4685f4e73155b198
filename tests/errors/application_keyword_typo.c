/* gcc:   has no member named .on_failures.
 * clang: field designator 'on_failures' does not refer to any field .*did you mean 'on_failure' */
#include "weft.h"

extern int gone(const weft_failure *failure, weft_reply *out);
const weft_app app = {
    .on_failures = WEFT_ON_FAILURE({ 404, gone }),    /* HERE */
};
