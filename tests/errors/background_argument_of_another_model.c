/* gcc:   initialization of .const Mail \*.* from incompatible pointer type .const Letter \*
 * clang: incompatible pointer types initializing .const Mail \*.* with an expression of type .const Letter \* */
#include "weft.h"

WEFT_MODEL(Mail, field(weft_str, to));
WEFT_MODEL(Letter, field(weft_str, to));
int send(const Mail *in);
int ask(const Letter *in);
int ask(const Letter *in)
{
    return weft_background(Mail, send, in, .timeout_ms = 5);    /* HERE */
}
