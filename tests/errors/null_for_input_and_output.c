/* gcc:   halve.* must be declared: int halve[(]void[)], as the call names neither input nor output
 * clang: halve.* must be declared: int halve[(]void[)], as the call names neither input nor output */
#include "weft/task.h"
#include <stddef.h>

static int halve(const int *in, int *out) { *out = *in / 2; return 0; }
int start(void);
int start(void)
{
    return weft_gather(weft_call(halve, NULL, NULL, .timeout_ms = 5));    /* HERE */
}
