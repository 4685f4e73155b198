/* Two lines, a second apart: the smallest program that waits. */
#include <stdio.h>
#include <weft.h>

static int say_hello(void)
{
    printf("Hello\n");
    WEFT_TRY(weft_sleep_ms(1000));
    printf("World!\n");
    return 0;
}

int main(void) { return weft_run(say_hello); }
