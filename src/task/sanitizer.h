#ifndef WEFT_SRC_TASK_SANITIZER_H
#define WEFT_SRC_TASK_SANITIZER_H
/* AddressSanitizer and ThreadSanitizer are told of every switch and every stack; in ordinary builds all of this is
 * nothing. (valgrind is told of stacks when they are mapped: stack.c.) */
#include "base/poison.h"
#include "task/fiber.h"

#ifdef WEFT__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WEFT__TSAN
#include <sanitizer/tsan_interface.h>
#include <signal.h>
#include <sys/epoll.h>
#endif
static inline void sanitizer_leave(weft__loop *loop, weft__fiber *from, weft__fiber *to, bool for_good)
{
    (void)loop, (void)from, (void)to, (void)for_good;
#ifdef WEFT__ASAN
    void **keep = for_good ? NULL : from ? &from->asan_fake : &loop->asan_fake;
    if (to) __sanitizer_start_switch_fiber(keep, to->stack + WEFT__STACK_GUARD, WEFT__STACK_SIZE - WEFT__STACK_GUARD);
    else __sanitizer_start_switch_fiber(keep, loop->asan_low, loop->asan_size);
#endif
#ifdef WEFT__TSAN
    /* It keeps a signal for the fiber that was interrupted, until that one makes a call that it knows, like the first
     * of these: else a signal would wait for a task that waits for it. And it makes a fiber's room for signals in
     * the fiber's first call that may block, and loses one that comes meanwhile: so that call is made here. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    __tsan_switch_to_fiber(to ? to->tsan_fiber : loop->tsan_fiber, 0);
    (void)epoll_wait(-1, NULL, 0, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
#endif
}

/* The first stack is entered from the loop's own, whose bounds are then learnt. */
static inline void sanitizer_arrive(weft__loop *loop, weft__fiber *here)
{
    (void)loop, (void)here;
#ifdef WEFT__ASAN
    const void *low;
    size_t size;
    __sanitizer_finish_switch_fiber(here ? here->asan_fake : loop->asan_fake, &low, &size);
    if (!loop->asan_low) {
        loop->asan_low = low;
        loop->asan_size = size;
    }
#endif
#ifdef WEFT__TSAN
    if (loop->tsan_over) __tsan_destroy_fiber(loop->tsan_over);
    loop->tsan_over = NULL;
#endif
}

static inline void sanitizer_stack_new(weft__fiber *f)
{
    (void)f;
#ifdef WEFT__ASAN
    f->asan_fake = NULL;
#endif
#ifdef WEFT__TSAN
    f->tsan_fiber = __tsan_create_fiber(0);
#endif
}

/* Before a stack's bytes are written anew: the frames of the task before left their marks. */
static inline void sanitizer_stack_clean(char *low)
{
    (void)low;
#ifdef WEFT__ASAN
    __asan_unpoison_memory_region(low + WEFT__STACK_GUARD, WEFT__STACK_SIZE - WEFT__STACK_GUARD);
#endif
}

static inline void sanitizer_stack_over(weft__fiber *f)
{
    (void)f;
#ifdef WEFT__TSAN
    f->loop->tsan_over = f->tsan_fiber;              /* it still runs: destroyed by whoever runs next */
#endif
}

static inline void sanitizer_loop_start(weft__loop *loop)
{
    (void)loop;
#ifdef WEFT__TSAN
    loop->tsan_fiber = __tsan_get_current_fiber();
#endif
}
#endif
