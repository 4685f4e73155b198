/* gcc:   unknown type name .Adress.
 * clang: unknown type name 'Adress'; did you mean 'Address' */
#include "weft/model.h"

WEFT_MODEL(Address, field(weft_str, street));
WEFT_MODEL(Customer,
    field(weft_str, name),
    field(Adress,   home));    /* HERE */
