/* gcc:   initialization of .const Taken \*.* from incompatible pointer type .Other \*
 * clang: incompatible pointer types initializing 'const Taken \*'.* with an expression of type 'Other \*' */
#include "weft.h"

WEFT_MODEL(Taken, field(int, by));
WEFT_MODEL(Other, field(int, by));

int take(void);
int take(void)
{
    Other other = { 1 };
    return weft_fail_json(409, Taken, &other);    /* HERE */
}
