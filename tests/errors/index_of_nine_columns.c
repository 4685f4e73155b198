/* gcc:   a key, unique or index has at most 8 columns
 * clang: a key, unique or index has at most 8 columns */
#include "weft/model.h"

WEFT_MODEL(Customer, table("customers"), field(int64_t, a), key(a), index(a, a, a, a, a, a, a, a, a));    /* HERE */
