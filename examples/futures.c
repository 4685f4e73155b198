/* A pool of threads of one's own, and a handle for each call: what ThreadPoolExecutor and its futures are for. */
#include <math.h>
#include <stdio.h>
#include <weft.h>

static const weft_threads roots = { .name = "roots", .threads_max = 2, .queue_max = 100 };

/* Plain C: it may block or compute, on its thread. */
static int root(const double *in, double *out)
{
    if (*in < 0) return weft_fail(422, "%g has no square root", *in);
    *out = sqrt(*in);
    return 0;
}

static int submit(const double *in, double *out) { return weft_in_thread_of(&roots, root, in, out); }

static int program(void)
{
    enum { N = 4 };
    static const double inputs[N] = { 2, 16, -1, 81 };
    double results[N];
    weft_error errors[N];
    weft_task *futures[N];
    WEFT_SCOPE(calls);
    for (int i = 0; i < N; i++)
        futures[i] = weft_spawn(calls, submit, &inputs[i], &results[i], .error = &errors[i]);
    printf("%d calls for %d threads\n", N, roots.threads_max);

    for (int i = 0; i < N; i++) {
        if (weft_await(futures[i]) < 0) printf("%s\n", errors[i].text);
        else printf("the root of %g is %.4f\n", inputs[i], results[i]);
    }
    return 0;
}

int main(void) { return weft_run(program); }
