#ifndef WEFT_TESTS_MODEL_SMALL_STACK_H
#define WEFT_TESTS_MODEL_SMALL_STACK_H
#include <pthread.h>
#include "weft/check.h"

/* A coroutine has 192 KiB; the sanitizers' frames are several times as large. `run` gets a bool to say that it failed. */
static inline void holds_on_a_small_stack(void *(*run)(void *failed))
{
    pthread_attr_t attr;
    pthread_t thread;
    bool failed = true;
    pthread_attr_init(&attr);
    WEFT_NEED(pthread_attr_setstacksize(&attr, 192 * 1024) == 0);
    WEFT_NEED(pthread_create(&thread, &attr, run, &failed) == 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    WEFT_CHECK(!failed);
}
#endif
