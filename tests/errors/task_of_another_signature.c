/* gcc:   wait_ms.* must be declared: int wait_ms[(]const typeof[(][*]&ms[)] [*]in[)]
 * clang: wait_ms.* must be declared: int wait_ms[(]const typeof[(][*]&ms[)] [*]in[)] */
#include "weft/task.h"

static int wait_ms(int ms) { return ms; }
int start(void);
int start(void)
{
    int ms = 1;
    return weft_gather(weft_call(wait_ms, &ms));    /* HERE */
}
