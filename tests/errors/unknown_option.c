/* gcc:   has no member named .maxlen.
 * clang: field designator 'maxlen' does not refer to any field .*did you mean 'max_len' */
#include "weft/model.h"

WEFT_MODEL(Customer,
    field(weft_str, name, .maxlen = 80),    /* HERE */
    field(int,      age));
