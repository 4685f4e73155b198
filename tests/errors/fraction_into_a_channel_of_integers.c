/* gcc:   weft_send: .*half / 2.* is not of the type that this channel carries
 * clang: weft_send: .*half / 2.* is not of the type that this channel carries */
#include "weft/sync.h"

typedef weft_channel(int64_t) counts;
int put(counts *to, double half);
int put(counts *to, double half)
{
    return weft_send(to, half / 2);    /* HERE */
}
