/* The fastest of three mirrors, two of three copies, a service that says when it is ready. */
#include <stdio.h>
#include <weft.h>

typedef struct host { const char *name; int ms; bool down; } host;

static int fetch(const host *in, const char **page)
{
    WEFT_TRY(weft_sleep_ms(in->ms), "asking %s", in->name);
    if (in->down) return weft_fail(502, "%s is down", in->name);
    *page = in->name;
    return 0;
}

static int store(const host *in)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    if (in->down) return weft_fail(502, "%s is down", in->name);
    printf("stored on %s\n", in->name);
    return 0;
}

static int serve(const host *in)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    if (in->down) return weft_fail(503, "%s has no port", in->name);
    weft_started();
    return weft_sleep_ms(60 * 1000);
}

static int program(void)
{
    const host alfa = { "alfa", 300, false }, beta = { "beta", 50, true },
        gamma = { "gamma", 100, false };
    const char *page[3] = { 0 };
    int who = weft_race(weft_call(fetch, &alfa, &page[0]), weft_call(fetch, &beta, &page[1]),
        weft_call(fetch, &gamma, &page[2]));
    WEFT_TRY(who);
    printf("the page is from %s\n", page[who]);

    WEFT_TRY(weft_quorum(2, weft_call(store, &alfa), weft_call(store, &beta),
        weft_call(store, &gamma)));

    WEFT_SCOPE(services);
    WEFT_TRY(weft_start(services, serve, &gamma));
    printf("gamma is ready\n");
    int rc = weft_start(services, serve, &beta);
    if (rc < 0) printf("beta is not: %s\n", weft_error_of(rc)->text);
    weft_cancel(services);
    return 0;
}

int main(void) { return weft_run(program); }
