/* gcc:   initialization of .pear [*]. .*from incompatible pointer type .apple [*].
 * clang: incompatible pointer types initializing .*pear [*].* with an expression of type .apple [*]. */
#include "weft/sync.h"

typedef struct pear { int grams; } pear;
typedef struct apple { int grams; } apple;
typedef weft_channel(pear *) pears;
int put(pears *basket, apple *apple);
int put(pears *basket, apple *apple)
{
    return weft_send(basket, apple);    /* HERE */
}
