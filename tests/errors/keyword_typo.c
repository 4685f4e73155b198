/* gcc:   feild
 * clang: type name requires a specifier|feild */
#include "weft/model.h"

WEFT_MODEL(Customer,    /* HERE */
    field(weft_str, name),
    feild(int,      age));
