/* gcc:   makes pointer from integer
 * clang: incompatible integer to pointer conversion
 */
#include "weft/model.h"

WEFT_MODEL(Customer,
    field(int, age, .initial = 18));    /* HERE */
