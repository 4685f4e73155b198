/* Failures: one call may fail alone, a deadline ends what is late, an error says where it came from. */
#include <stdio.h>
#include <weft.h>

typedef struct order { int number, ms; } order;

static int cook(const order *in)
{
    if (in->number == 13) return weft_fail(404, "no dish has number %d", in->number);
    WEFT_TRY(weft_sleep_ms(in->ms), "cooking number %d", in->number);
    return 0;
}

static int serve_table(const order *in, int *out)
{
    WEFT_TRY(cook(in), "at the table");
    *out = in->number;
    return 0;
}

static int program(void)
{
    int soup = 0, fish = 0, cake = 0;
    weft_error no_fish, late_cake;

    WEFT_TRY(weft_gather(
        weft_call(serve_table, (&(order){ 1, 10 }), &soup),
        weft_call(serve_table, (&(order){ 13, 10 }), &fish, .error = &no_fish),
        weft_call(serve_table, (&(order){ 3, 5000 }), &cake, .error = &late_cake, .timeout_ms = 50)));
    printf("soup: number %d\n", soup);
    printf("fish: %d %s\n", no_fish.status, no_fish.text);
    printf("cake: %s\n", late_cake.code == WEFT_ETIMEDOUT ? "too late" : "served");

    WEFT_TRY(serve_table(&(order){ 13, 0 }, &fish), "trying again");
    return 0;
}

int main(void) { return weft_run(program); }
