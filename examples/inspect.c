/* What every task waits for, and who has it: two tasks that take two locks in different orders are found out while a
 * deadline still holds them. On stderr, as SIGQUIT has it at any time. */
#include <stdio.h>
#include "weft.h"

static weft_mutex orders, stock;
typedef struct locks { weft_mutex *first, *second; } locks;

static int deal(const locks *in)
{
    WEFT_LOCKED(in->first);
    WEFT_TRY(weft_sleep_ms(10));
    WEFT_LOCKED(in->second);
    return 0;
}

static int program(void)
{
    WEFT_SCOPE(shop, .timeout_ms = 100);
    weft_task *pay = weft_spawn(shop, deal, (&(locks){ &orders, &stock }));
    weft_task *ship = weft_spawn(shop, deal, (&(locks){ &stock, &orders }));
    WEFT_TRY(weft_sleep_ms(50));
    weft_dump_tasks();
    int paid = weft_await(pay), shipped = weft_await(ship);
    printf("paid: %s, shipped: %s\n", weft_error_of(paid)->text, weft_error_of(shipped)->text);
    return 0;
}

int main(void) { return weft_run(program); }
