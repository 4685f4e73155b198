/* gcc:   weft_send: .*apple.* is not of the type that this channel carries
 * clang: weft_send: .*apple.* is not of the type that this channel carries */
#include "weft/sync.h"

typedef struct pear { int grams; } pear;
typedef struct apple { int grams; } apple;
typedef weft_channel(pear) pears;
int put(pears *basket, apple apple);
int put(pears *basket, apple apple)
{
    return weft_send(basket, apple);    /* HERE */
}
