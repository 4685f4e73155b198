/* Several calls at once. The time is that of the slowest; the results have their places, whoever is done first. */
#include <stdio.h>
#include <weft.h>

static int task_one(weft_str *out)
{
    WEFT_TRY(weft_sleep_ms(2000));
    *out = WEFT_S("Task One Complete");
    return 0;
}

static int task_two(weft_str *out)
{
    WEFT_TRY(weft_sleep_ms(1000));
    *out = WEFT_S("Task Two Complete");
    return 0;
}

/* Two that are known when you write them down ... */
static int two(void)
{
    weft_str one, two;
    WEFT_TRY(weft_gather(weft_call(task_one, NULL, &one), weft_call(task_two, NULL, &two)));
    printf("%s, %s\n", one.ptr, two.ptr);
    return 0;
}

typedef struct step { const char *name; int ms; } step;

static int work(const step *in, weft_str *out)
{
    WEFT_TRY(weft_sleep_ms(in->ms));
    *out = weft_format("Task %s completed", in->name);
    return 0;
}

/* ... and as many as there are. */
static int many(const step *steps, size_t n)
{
    weft_str *results = weft_alloc(n * sizeof *results);
    if (!results) return WEFT_ENOMEM;
    WEFT_TRY(weft_gather_each(work, steps, n, results));
    for (size_t i = 0; i < n; i++) printf("%s\n", results[i].ptr);
    return 0;
}

static int program(void)
{
    static const step steps[] = { { "A", 3000 }, { "B", 1000 }, { "C", 2000 } };
    WEFT_TRY(two());
    return many(steps, weft_count(steps));
}

int main(void) { return weft_run(program); }
