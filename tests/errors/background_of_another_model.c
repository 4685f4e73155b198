/* gcc:   background task .*send.* must be declared: int send[(]const Mail \*in[)]
 * clang: background task .send. must be declared: int send[(]const Mail \*in[)] */
#include "weft.h"

WEFT_MODEL(Mail, field(weft_str, to));
WEFT_MODEL(Letter, field(weft_str, to));
int send(const Letter *in);
int ask(const Mail *in);
int ask(const Mail *in)
{
    return weft_background(Mail, send, in);    /* HERE */
}
