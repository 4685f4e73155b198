/* gcc:   weft_recv: .*&one.* does not point to what this channel carries
 * clang: weft_recv: .*&one.* does not point to what this channel carries */
#include "weft/sync.h"

typedef struct pear { int grams; } pear;
typedef weft_channel(pear) pears;
int eat(pears *basket);
int eat(pears *basket)
{
    int one;
    return weft_recv(basket, &one);    /* HERE */
}
