/* Whose work is it? A value of a task goes with it into all that it starts. */
#include <stdio.h>
#include <weft.h>

typedef struct order { const char *customer; int items; } order;

static weft_local(const char *) customer;

/* Anything below may log, without being told for whom. */
static void say(const char *what)
{
    printf("[%s] %s\n", weft_local_get(&customer, "nobody"), what);
}

static int reserve(const int *items)
{
    WEFT_TRY(weft_sleep_ms(10 * *items));
    say("reserved");
    return 0;
}

static int charge(const int *items)
{
    WEFT_TRY(weft_sleep_ms(15 * *items));
    say("charged");
    return 0;
}

static int handle(const order *in)
{
    WEFT_TRY(weft_local_set(&customer, in->customer));
    WEFT_TRY(weft_gather(weft_call(reserve, &in->items), weft_call(charge, &in->items)));
    say("done");
    return 0;
}

static int program(void)
{
    WEFT_TRY(weft_gather(weft_call(handle, (&(order){ "Ada", 2 })),
        weft_call(handle, (&(order){ "Ben", 20 }))));
    say("all orders are handled");
    return 0;
}

int main(void) { return weft_run(program); }
