/* gcc:   slice.* must be declared: int slice[(]const typeof[(][*]pears[)] [*]in, typeof[(][*]counts[)] [*]out[)]
 * clang: slice.* must be declared: int slice[(]const typeof[(][*]pears[)] [*]in, typeof[(][*]counts[)] [*]out[)] */
#include "weft/sync.h"

typedef struct pear { int grams; } pear;
static int slice(const pear *in, int *slices) { *slices = in->grams / 10; return 0; }
int all(pear *pears, long *counts);
int all(pear *pears, long *counts)
{
    return weft_gather_each(slice, pears, 3, counts);    /* HERE */
}
