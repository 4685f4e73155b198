/* gcc:   none
 * clang: none */
#include "weft.h"

typedef struct pear { int grams; const char *name; } pear;
typedef weft_channel(pear) pears;
typedef weft_channel(const char *) names;
static weft_local(weft_str) trace_id;
static weft_mutex lock;
static weft_semaphore places = { .free = 2 };
static weft_cond ripe;
static weft_once opened;

static int open_it(void) { return 0; }
static int slice(const pear *in, int *slices) { *slices = in->grams / 10; return 0; }
static int peel(const pear *in) { return in->grams > 0 ? 0 : weft_fail(422, "no pear"); }

int garden(pears *basket, names *labels, weft_scope *s);
int garden(pears *basket, names *labels, weft_scope *s)
{
    pear one = { 5, "one" }, all[2] = { { 1, "a" }, { 2, "b" } };
    int slices[2] = { 0 }, rc;
    weft_error errors[2];
    WEFT_LOCKED(&lock);
    WEFT_TAKEN(&places);
    WEFT_TRY(weft_once_do(&opened, open_it));
    WEFT_TRY(weft_send(basket, one));
    WEFT_TRY(weft_send(basket, (pear){ 7, "seven" }), "while sending %s", "seven");
    WEFT_TRY(weft_send(labels, "a literal"));
    WEFT_TRY(weft_send(labels, one.name));
    while ((rc = weft_recv(basket, &one)) > 0) WEFT_TRY(weft_cond_wait(&ripe, &lock));
    WEFT_TRY(weft_local_set(&trace_id, WEFT_S("7f")));
    weft_str id = weft_local_get(&trace_id, WEFT_S("none"));
    WEFT_TRY(weft_race(weft_call(slice, &one, &slices[0]), weft_call(slice, (&(pear){ 1, "x" }), &slices[1], .timeout_ms = 5)));
    WEFT_TRY(weft_quorum(1, weft_call(peel, &one), weft_call(peel, &all[0])));
    WEFT_TRY(weft_gather_each(slice, all, weft_count(all), slices, .max_running = 8, .errors = errors));
    WEFT_TRY(weft_gather_each(peel, all, 2, NULL));
    WEFT_TRY(weft_start(s, slice, &one, &slices[0]));
    return id.len > 0 ? rc : 0;
}
