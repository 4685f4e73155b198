/* What happens while a task waits: the others run. What stands below the wait runs when it is over, not before. */
#include <stdio.h>
#include <weft.h>

static int example(void)
{
    printf("Before await\n");
    WEFT_TRY(weft_sleep_ms(3000));
    printf("After await\n");
    return 0;
}

static int another(void)
{
    for (int n = 1; n <= 2; n++) {
        WEFT_TRY(weft_sleep_ms(1000));
        printf("Another task, step %d\n", n);
    }
    return 0;
}

static int program(void)
{
    WEFT_SCOPE(tasks);
    weft_spawn(tasks, another);
    return example();
}

int main(void) { return weft_run(program); }
