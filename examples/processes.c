/* Work in other processes: it computes beside the loop, its crash is an error of one call, and it can be stopped. */
#include <stdio.h>
#include <stdlib.h>
#include <weft.h>

WEFT_MODEL(Range, field(int64_t, from), field(int64_t, to));
WEFT_MODEL(Primes, field(int64_t, count), field(int64_t, largest));

static int is_prime(int64_t n)
{
    for (int64_t d = 2; d * d <= n; d++)
        if (n % d == 0) return 0;
    return n > 1;
}

/* Plain C. Where it crashes, another process takes its place. */
static int count_primes(const Range *in, Primes *out)
{
    if (in->from > in->to) return weft_fail(422, "from %lld to %lld is no range", (long long)in->from, (long long)in->to);
    if (in->from < 0) abort();
    for (int64_t n = in->from; n < in->to; n++)
        if (is_prime(n)) out->count++, out->largest = n;
    return 0;
}

static int ask(const Range *in, Primes *out)
{
    return weft_in_process(Range, Primes, count_primes, in, out, .timeout_ms = 10000);
}

static int program(void)
{
    Primes low = { 0 }, high = { 0 }, none = { 0 };
    weft_error error = { 0 };
    WEFT_TRY(weft_gather(weft_call(ask, (&(Range){ 0, 100000 }), &low), weft_call(ask, (&(Range){ 100000, 200000 }), &high)));
    printf("%lld primes, the largest is %lld\n", (long long)(low.count + high.count), (long long)high.largest);

    WEFT_TRY(weft_gather(weft_call(ask, (&(Range){ 9, 3 }), &none, .error = &error)));
    printf("%d %s\n", error.status, error.text);
    WEFT_TRY(weft_gather(weft_call(ask, (&(Range){ -1, 3 }), &none, .error = &error)));
    printf("%s\n", error.text);

    int rc = weft_in_process(Range, Primes, count_primes, (&(Range){ 0, INT64_MAX }), &none, .cpu_ms = 100);
    printf("%s\n", weft_error_of(rc)->text);
    return 0;
}

int main(void) { return weft_run(program); }
