/* What the texts about asynchronous programming promise, measured: the same calls one after the other, then at
 * once, against services that take their time. */
#include <stdio.h>
#include <time.h>
#include <weft.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int call_service(const int *ms) { return weft_sleep_ms(*ms); }

static int one_after_the_other(const int *ms, int n)
{
    for (int i = 0; i < n; i++) WEFT_TRY(call_service(&ms[i]));
    return 0;
}

static int at_once(const int *ms, int n)
{
    weft_call calls[8];
    for (int i = 0; i < n; i++) calls[i] = weft_call(call_service, &ms[i]);
    return weft_gather_n(calls, (size_t)n);
}

typedef struct claim { const char *what; int ms[8], n; } claim;

static int measure(const claim *c)
{
    double began = now_s();
    WEFT_TRY(one_after_the_other(c->ms, c->n));
    double turns = now_s() - began;
    began = now_s();
    WEFT_TRY(at_once(c->ms, c->n));
    printf("| %-34s | %6.2f s | %6.2f s |\n", c->what, turns, now_s() - began);
    fflush(stdout);
    return 0;
}

static int program(void)
{
    static const claim claims[] = {
        { "price comparison: 5 stores x 2 s", { 2000, 2000, 2000, 2000, 2000 }, 5 },
        { "travel search: 2 s + 3 s", { 2000, 3000 }, 2 },
        { "weather, stocks, user: 3 x 3 s", { 3000, 3000, 3000 }, 3 },
    };
    printf("| %-34s | in turn  | at once  |\n|%.36s|----------|----------|\n", "what", "------------------------------------");
    for (size_t i = 0; i < weft_count(claims); i++) WEFT_TRY(measure(&claims[i]));
    return 0;
}

int main(void) { return weft_run(program); }
