/* gcc:   halve.* must be declared: int halve[(]typeof[(][*]&half[)] [*]out[)], as the call names no input
 * clang: halve.* must be declared: int halve[(]typeof[(][*]&half[)] [*]out[)], as the call names no input */
#include "weft/task.h"
#include <stddef.h>

static int halve(const int *in, int *out) { *out = *in / 2; return 0; }
int start(void);
int start(void)
{
    int half;
    return weft_gather(weft_call(halve, NULL, &half));    /* HERE */
}
