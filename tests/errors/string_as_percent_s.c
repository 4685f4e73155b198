/* gcc:   format .%s. expects argument of type .char [*]., but argument [0-9]+ has type .weft_str.
 * clang: format specifies type 'char [*]' but the argument has type 'weft_str' */
#include "weft/task.h"

int find(weft_str id);
int find(weft_str id) { return weft_fail(404, "no item %s", id); }    /* HERE */
