/* gcc:   no keyword of a union: wen[(].*[(]there are when[)]
 * clang: no keyword of a union: wen[(].*[(]there are when[)] */
#include "weft/model.h"

WEFT_MODEL(Created, field(int, id));
WEFT_UNION(Event, type, wen("created", Created, created));    /* HERE */
