/* gcc:   expected .}. before
 * clang: expected '}' */
#include "weft/task.h"

typedef struct step { const char *name; int ms; } step;
static int run(const step *in, int *out) { *out = in->ms; return 0; }
int start(void);
int start(void)
{
    int a;
    return weft_gather(weft_call(run, &(step){ "A", 1 }, &a));    /* HERE */
}
