/* gcc:   no keyword of an input: field[(]int64_t, id[)] [(]there are path, query, header, cookie, form, file, body, request, reply, depends, config[)]
 * clang: no keyword of an input: field[(]int64_t, id[)] [(]there are path, query, header, cookie, form, file, body, request, reply, depends, config[)] */
#include "weft/model.h"

WEFT_INPUT(read_item_in,    /* HERE */
    field(int64_t, id),
    query(int,     limit, .initial = "10"));
