/* gcc:   none
 * clang: none */
#include "weft.h"

typedef struct pear { int grams; } pear;

static int ripen(void) { return weft_sleep_ms(5); }
static int peel(const pear *in) { return in->grams > 0 ? 0 : weft_fail(422, "no pear"); }
static int pick(pear *out) { out->grams = 3; return 0; }
static int slice(const pear *in, int *slices) { *slices = in->grams / 10; return 0; }

int kitchen(const pear *one);
int kitchen(const pear *one)
{
    pear picked[2], basket[3] = { { 1 }, { 2 }, { 3 } };
    int slices[2] = { 0 };
    weft_error error;
    WEFT_SCOPE(s, .timeout_ms = 50);
    weft_spawn(s, ripen);
    weft_spawn(s, ripen, NULL, NULL, .timeout_ms = 5);
    weft_spawn(s, peel, one, NULL, .error = &error, .timeout_ms = 5);
    weft_spawn(s, peel, (&(pear){ 7 }), NULL, .error = &error);
    weft_spawn(s, pick, NULL, &picked[0]);
    weft_spawn(s, pick, NULL, picked + 1, .error = &error);
    WEFT_TRY(weft_in_thread(pick, NULL, &picked[0]));
    weft_spawn(s, peel, basket, NULL, .timeout_ms = 1);
    weft_spawn(s, slice, &basket[1], slices + 1, .timeout_ms = 1);
    WEFT_TRY(weft_in_thread(peel, one, NULL, .timeout_ms = 100));
    WEFT_TRY(weft_gather(weft_call(peel, one, NULL, .error = &error), weft_call(slice, one, slices, .error = &error)));
    return weft_join(s);
}
