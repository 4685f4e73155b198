/* gcc:   expected expression before '.' token
 * clang: expected expression */
#include "weft/task.h"

static int work(const int *in) { return *in; }
int start(const int *ms);
int start(const int *ms)
{
    return weft_gather(weft_call(work, ms, .timeout_ms = 5));    /* HERE */
}
