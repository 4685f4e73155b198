/* Two computations on one loop, each of which lets the other have a turn: for steps of microseconds. What computes for
 * longer holds up everybody, and belongs on a thread (executor.c) or in a process (processes.c). */
#include <stdio.h>
#include <weft.h>

typedef struct range { const char *name; int from, to; } range;

static int sum(const range *in, int *total)
{
    for (int n = in->from; n < in->to; n++) {
        *total += n;
        printf("%s: %d\n", in->name, *total);
        WEFT_TRY(weft_yield());
    }
    return 0;
}

static int program(void)
{
    int low = 0, high = 0;
    WEFT_TRY(weft_gather(
        weft_call(sum, (&(range){ "low", 1, 4 }), &low),
        weft_call(sum, (&(range){ "high", 100, 103 }), &high)));
    printf("%d\n", low + high);
    return 0;
}

int main(void) { return weft_run(program); }
