/* gcc:   passing argument 3 of .weft__url_for. from incompatible pointer type
 * clang: incompatible function pointer types passing .* to parameter of type 'const char \*'|incompatible pointer types passing .* to parameter of type 'const char \*' */
#include "weft.h"

WEFT_INPUT(item_in, path(int, id));
extern int item(const item_in *in, int *out);

int link_to(const weft_request *request, weft_str *out);
int link_to(const weft_request *request, weft_str *out)
{
    return weft_url_for(request, item, item_in, &(item_in){ 1 }, out);    /* HERE */
}
