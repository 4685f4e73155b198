/* gcc:   halve.* must be declared: int halve[(]const typeof[(][*]w[)] [*]in, typeof[(][*]&wrong[)] [*]out[)]
 * clang: halve.* must be declared: int halve[(]const typeof[(][*]w[)] [*]in, typeof[(][*]&wrong[)] [*]out[)] */
#include "weft/task.h"

typedef struct whole { int n; } whole;
typedef struct half { int n; } half;
static int halve(const whole *in, half *out) { out->n = in->n / 2; return 0; }
int both(whole *w);
int both(whole *w)
{
    whole wrong;
    return weft_gather(weft_call(halve, w, &wrong));    /* HERE */
}
