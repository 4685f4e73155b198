/* gcc:   weft_security.* has no member named .optionl.; did you mean .optional.
 * clang: field designator 'optionl' does not refer to any field in type 'const weft_security' */
#include "weft/web.h"

const weft_provider scheme = WEFT_HTTP_BEARER(.optionl = true);    /* HERE */
