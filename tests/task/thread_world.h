#ifndef WEFT_TESTS_TASK_THREAD_WORLD_H
#define WEFT_TESTS_TASK_THREAD_WORLD_H
/* Tests of what runs on threads. On epoll a call takes its time by sleeping; in the simulator each takes JOB_MS of virtual
 * time, of which its function is run in the middle. */
#include "weft/thread.h"
#include "world.h"

enum { JOB_MS = 40 };

void thread_sim(weft_call body);         /* like world_sim, with calls of JOB_MS */
void thread_take_ms(int ms);             /* in a call: so much time passes (not in the simulator) */

#define THREAD_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__epoll) { world_epoll(weft_call(name)); } \
    WEFT_TEST(name##__sim) { thread_sim(weft_call(name)); } \
    static int name(void)
#define THREAD_SIM_TEST(name) static int name(void); WEFT_TEST(name##__sim) { thread_sim(weft_call(name)); } static int name(void)
#endif
