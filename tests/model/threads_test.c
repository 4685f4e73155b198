/* Models on several threads at once: what is made of them when they are first needed is made safely. */
#include <pthread.h>
#include "model/plan.h"
#include "reading.h"

WEFT_MODEL(Wheel, field(int, size, .range = { 1, 99 }), field(weft_str, maker, .pattern = "^[A-Z][a-z]+$"));
WEFT_MODEL(Engine, field(double, litres), opt(weft_str, fuel, .pattern = "^(oil|gas)$"));
WEFT_MODEL(Car, field(weft_str, name, .pattern = "^\\w{2,20}$"), list(Wheel, wheels), embed(Engine, engine), ref(Car, trailer));

enum { THREADS = 4, ROUNDS = 30 };
/* Two barriers, lest who is late at the first has heard of those who are at the end already: a fault would be hidden. */
static pthread_barrier_t start, end;
typedef struct worker { int failures; } worker;

static void *read_and_write(void *arg)
{
    static const char text[] = "{\"name\":\"bus_7\",\"wheels\":[{\"size\":16,\"maker\":\"Alfa\"}],\"litres\":1.5,\"fuel\":\"oil\","
        "\"trailer\":{\"name\":\"ox\",\"wheels\":[],\"litres\":0.0,\"fuel\":null,\"trailer\":null}}";
    worker *w = arg;
    for (int i = 0; i < ROUNDS; i++) {
        reading r = reading_open();
        Car car;
        pthread_barrier_wait(&start);                  /* nothing is made yet */
        if (READ(&r, Car, &car, text) < 0) w->failures++;
        else if (!weft_str_equal(json_of(&r, &weft_schema_Car, &car), weft_str_of(text))) w->failures++;
        if (READ(&r, Wheel, (&(Wheel){ 0 }), "{\"size\":16,\"maker\":\"alfa\"}") != WEFT_EINVAL) w->failures++;
        reading_close(&r);
        if (pthread_barrier_wait(&end) == PTHREAD_BARRIER_SERIAL_THREAD) weft__model_forget();
    }
    return NULL;
}

WEFT_TEST(threads_read_and_write_models_that_were_never_used_before)
{
    pthread_t threads[THREADS];
    worker workers[THREADS];
    weft__model_forget();
    pthread_barrier_init(&start, NULL, THREADS);
    pthread_barrier_init(&end, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){ 0 };
        WEFT_NEED(pthread_create(&threads[i], NULL, read_and_write, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        WEFT_CHECK_EQ(workers[i].failures, 0);
    }
    pthread_barrier_destroy(&start);
    pthread_barrier_destroy(&end);
}
