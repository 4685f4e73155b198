/* Blocking code, moved off the loop: what loop.run_in_executor is for. A ticker goes on while a function sleeps on a thread,
 * which it could not if that function were called here. A call is a function with its input: there is nothing to bind
 * first, as functools.partial does. */
#include <stdio.h>
#include <unistd.h>
#include <weft.h>

/* From a library: it blocks until the printer is done, and knows nothing of tasks. */
static int print_pages(const int *pages, int *lines)
{
    if (*pages <= 0) return weft_fail(422, "%d pages are no document", *pages);
    usleep(900 * 1000);
    *lines = *pages * 40;
    return 0;
}

/* It blocks too: by computing. */
static int logarithm_of_2(const int *terms, double *sum)
{
    *sum = 0;
    for (int n = *terms; n > 0; n--) *sum += (n % 2 ? 1.0 : -1.0) / n;
    return 0;
}

static int tick(void)
{
    for (int n = 1;; n++) {
        WEFT_TRY(weft_sleep_ms(250));
        printf("tick %d\n", n);
    }
}

static int program(void)
{
    int lines = 0, pages = 3, terms = 2000000;
    double sum = 0;
    {
        WEFT_SCOPE(meanwhile);
        weft_spawn(meanwhile, tick);
        WEFT_TRY(weft_in_thread_of(&weft_blocking, print_pages, &pages, &lines), "printing %d pages", pages);
        weft_cancel(meanwhile);
    }
    printf("%d pages printed: %d lines\n", pages, lines);
    WEFT_TRY(weft_in_thread(logarithm_of_2, &terms, &sum));
    printf("%d terms: %.6f\n", terms, sum);
    return 0;
}

int main(void) { return weft_run(program); }
