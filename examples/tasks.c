/* Two tasks at once, awaited later, with values: what asyncio.create_task is for. */
#include <stdio.h>
#include <weft.h>

typedef struct step { const char *name; int ms; } step;

static int work(const step *in, int *out)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    printf("Task %s completed\n", in->name);
    *out = in->ms;
    return 0;
}

static int program(void)
{
    int a = 0, b = 0;
    WEFT_SCOPE(tasks);
    weft_task *first = weft_spawn(tasks, work, (&(step){ "A", 2000 }), &a);
    weft_task *second = weft_spawn(tasks, work, (&(step){ "B", 1000 }), &b);
    WEFT_TRY(weft_await(first));
    WEFT_TRY(weft_await(second), "while waiting for %s", "B");
    printf("%d ms of work\n", a + b);
    return 0;
}

int main(void) { return weft_run(program); }
