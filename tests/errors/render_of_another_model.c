/* gcc:   initialization of .const Shelf \*.* from incompatible pointer type .Book \*
 * clang: incompatible pointer types initializing .*Shelf \*const'\) with an expression of type 'Book \*' */
#include "weft.h"

WEFT_MODEL(Shelf, field(weft_str, title));
WEFT_MODEL(Book, field(weft_str, title));
WEFT_TEMPLATE(shelf_page, Shelf, "shelf.html", "<h1>{{title}}</h1>");

int show(const Shelf *in, weft_reply *out);
int show(const Shelf *in, weft_reply *out)
{
    Book book = { in->title };
    return weft_render(out, shelf_page, &book);    /* HERE */
}
