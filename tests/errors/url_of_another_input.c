/* gcc:   initialization of .const item_in \*.* from incompatible pointer type .page_in \*
 * clang: incompatible pointer types initializing 'const item_in \*'.* with an expression of type 'page_in \*' */
#include "weft.h"

WEFT_INPUT(item_in, path(int, id));
WEFT_INPUT(page_in, path(int, id));

int link_to(const weft_request *request, weft_str *out);
int link_to(const weft_request *request, weft_str *out)
{
    return weft_url_for(request, "item", item_in, &(page_in){ 1 }, out);    /* HERE */
}
