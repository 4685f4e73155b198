/* gcc:   no keyword of a model: feild[(]int, age, .range = .*[(]there are field, list, opt, map, ref, embed, hidden, extra, no_extra, check, table, key, unique, index, reference[)]
 * clang: no keyword of a model: feild[(]int, age, .range = .*[(]there are field, list, opt, map, ref, embed, hidden, extra, no_extra, check, table, key, unique, index, reference[)] */
#include "weft/model.h"

WEFT_MODEL(Customer,    /* HERE */
    field(weft_str, name),
    feild(int,      age, .range = { 0, 150 }));
