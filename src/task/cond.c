#include "task/lock.h"
#include "task/waiters.h"

int weft__cond_wait(weft_cond *c, weft_mutex *m, const char *name, const char *mutex_name,
    const char *place)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_cond_wait");
    if (m->owner != f->task) {
        return weft__fail_as(place, WEFT_EINVAL, 0,
            "weft_cond_wait: task %s does not hold mutex %s", f->task->name,
            weft__waiters_name(mutex_name));
    }
    weft__held on = { .kind = "condition", .name = weft__waiters_name(name) };
    weft__waiter w = { .fiber = f };
    weft__waiters_add(&c->waiting, &w);              /* first: from the unlock on a signal counts */
    weft__mutex_unlock(m, mutex_name, place);
    int rc = weft__waiters_wait(&c->waiting, &w, "a condition", &on);
    weft__mutex_retake(m, f, mutex_name, place);
    return rc;
}

void weft_cond_signal(weft_cond *c) { (void)weft__waiters_serve(&c->waiting, 0); }
void weft_cond_broadcast(weft_cond *c) { weft__waiters_serve_all(&c->waiting, 0); }
