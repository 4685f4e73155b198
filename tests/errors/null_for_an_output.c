/* gcc:   halve.* must be declared: int halve[(]const typeof[(][*]w[)] [*]in[)], as the call names no output
 * clang: halve.* must be declared: int halve[(]const typeof[(][*]w[)] [*]in[)], as the call names no output */
#include "weft/task.h"
#include <stddef.h>

static int halve(const int *in, int *out) { *out = *in / 2; return 0; }
int start(const int *w);
int start(const int *w)
{
    return weft_gather(weft_call(halve, w, NULL, .timeout_ms = 5));    /* HERE */
}
