/* gcc:   before .field.
 * clang: type name requires a specifier */
#include "weft/model.h"

WEFT_MODEL(Customer,
    field(weft_str, name)
    field(int,      age));    /* HERE */
