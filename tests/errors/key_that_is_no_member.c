/* gcc:   .Customer. has no member named .idd.
 * clang: no member named 'idd' in 'struct Customer' */
#include "weft/model.h"

WEFT_MODEL(Customer, table("customers"), field(int64_t, id), key(idd));    /* HERE */
