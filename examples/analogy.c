/* One person, two hands: while the water heats up and the telephone rings, other things get done. The loop is that
 * person; each task says what it waits for, and whoever need not wait is next. */
#include <stdio.h>
#include <weft.h>

static int cook(void)
{
    printf("Cooking: the stove is on, the water heats up\n");
    WEFT_TRY(weft_sleep_ms(5000));
    printf("Cooking: the water boils, in go the vegetables\n");
    return 0;
}

static int chop(void)
{
    for (int n = 1; n <= 3; n++) {
        printf("Cooking: meanwhile, vegetable %d is chopped\n", n);
        WEFT_TRY(weft_sleep_ms(1500));
    }
    return 0;
}

static int call_a_friend(void)
{
    printf("Phone: dialled, it rings\n");
    WEFT_TRY(weft_sleep_ms(4000));
    printf("Phone: they answer, we talk\n");
    return 0;
}

static int fold_laundry(void)
{
    for (int n = 1; n <= 2; n++) {
        printf("Phone: meanwhile, shirt %d is folded\n", n);
        WEFT_TRY(weft_sleep_ms(2000));
    }
    return 0;
}

static int program(void)
{
    return weft_gather(weft_call(cook), weft_call(chop), weft_call(call_a_friend), weft_call(fold_laundry));
}

int main(void) { return weft_run(program); }
