/* gcc:   work.* must be declared: int work[(]const typeof[(][*][(]&[(]invoice[)]
 * clang: work.* must be declared: int work[(]const typeof[(][*][(]&[(]invoice[)] */
#include "weft/task.h"

typedef struct order { int id; } order;
typedef struct invoice { int id; } invoice;
static int work(const order *in) { return in->id; }
int start(void);
int start(void)
{
    WEFT_SCOPE(s, .timeout_ms = 10);
    weft_spawn(s, work, (&(invoice){ 1 }));    /* HERE */
    return weft_join(s);
}
