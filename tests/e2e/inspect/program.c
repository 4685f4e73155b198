/* Two tasks in a deadlock, one that naps, one that has not begun: what tests/e2e/inspect.sh looks at from outside. */
#include <stdio.h>
#include <sys/prctl.h>
#include "weft.h"

static weft_mutex orders, stock;
typedef struct needs { weft_mutex *first, *second; int number; } needs;

static __attribute__((noinline)) int take_second(const needs *in)
{
    WEFT_LOCKED(in->second);
    return in->number;
}

static int deal(const needs *in)
{
    WEFT_LOCKED(in->first);
    WEFT_TRY(weft_sleep_ms(1));
    int rc = take_second(in);
    return rc < 0 ? rc : 0;
}

static int nap(void)
{
    WEFT_TRY(weft_sleep_ms(600000));
    return 0;
}

static int program(void)
{
    WEFT_SCOPE(shop);
    weft_spawn(shop, deal, (&(needs){ &orders, &stock, 7 }));
    weft_spawn(shop, deal, (&(needs){ &stock, &orders, 8 }));
    weft_spawn(shop, nap);
    WEFT_TRY(weft_sleep_ms(20));
    printf("ready\n");
    fflush(stdout);
    return weft_join(shop);
}

int main(void)
{
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);        /* gdb is not its parent */
    return weft_run(program);
}
