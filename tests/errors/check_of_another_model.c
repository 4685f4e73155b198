/* gcc:   check .'is_even.' must be declared: const char [*]is_even[(]Customer [*]value[)]
 * clang: check 'is_even' must be declared: const char [*]is_even[(]Customer [*]value[)] */
#include "weft/model.h"

static const char *is_even(int *n) { return *n % 2 ? "must be even" : NULL; }

WEFT_MODEL(Customer, field(int, age), check(is_even));    /* HERE */
