/* gcc:   from incompatible pointer type .const char . [(][*][)][(]int [*][)].
 * clang: incompatible function pointer types initializing .*'const char [*][(]int [*][)]' */
#include "weft/model.h"

static const char *is_even(int *n) { return *n % 2 ? "must be even" : NULL; }

WEFT_MODEL(Customer,
    field(weft_str, name, .check = is_even),    /* HERE */
    field(int,      age));
