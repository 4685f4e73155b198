/* gcc:   has no member named .timeout.
 * clang: field designator 'timeout' does not refer to any field */
#include "weft/task.h"

static int work(const int *in) { return *in; }
int start(const int *ms);
int start(const int *ms)
{
    return weft_gather(weft_call(work, ms, NULL, .timeout = 5));    /* HERE */
}
