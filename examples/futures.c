/* A pool of threads of one's own, and a handle for each call: what ThreadPoolExecutor and its futures are for. A task is
 * the future; the call it makes runs on a thread of the pool, and its failure comes back as its own. */
#include <stdio.h>
#include <weft.h>

static const weft_threads pool = { .name = "factorials", .threads_max = 2, .queue_max = 100 };

/* Plain C: it may block or compute, on its thread. */
static int factorial(const int *n, double *out)
{
    if (*n < 0) return weft_fail(422, "%d has no factorial", *n);
    *out = 1;
    for (int i = 2; i <= *n; i++) *out *= i;
    return 0;
}

static int submit(const int *n, double *out) { return weft_in_thread_of(&pool, factorial, n, out); }

static int program(void)
{
    enum { N = 4 };
    static const int inputs[N] = { 5, 10, -1, 20 };
    double results[N];
    weft_error errors[N];
    weft_task *futures[N];
    WEFT_SCOPE(calls);
    for (int i = 0; i < N; i++)
        futures[i] = weft_spawn(calls, submit, &inputs[i], &results[i], .error = &errors[i]);
    printf("%d calls for %d threads\n", N, pool.threads_max);

    for (int i = 0; i < N; i++) {
        if (weft_await(futures[i]) < 0) printf("%s\n", errors[i].text);
        else printf("%d! = %.0f\n", inputs[i], results[i]);
    }
    return 0;
}

int main(void) { return weft_run(program); }
