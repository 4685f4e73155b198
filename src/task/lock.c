/* Mutex and semaphore. Both are handed to who waits longest at once, so that nobody who comes
 * later gets in between. */
#include "task/lock.h"
#include "task/waiters.h"

static void own(weft_mutex *m, weft__fiber *f, const char *place)
{
    m->owner = f->task;
    m->place = place;
    m->prev = NULL;
    m->next = f->locks;
    if (m->next) m->next->prev = m;
    f->locks = m;
}

static void disown(weft_mutex *m, weft__fiber *f)
{
    if (m->next) m->next->prev = m->prev;
    if (m->prev) m->prev->next = m->next;
    else f->locks = m->next;
    m->owner = NULL;
}

/* To the task that has waited longest, or to nobody. */
static void pass_on(weft_mutex *m, weft__fiber *f)
{
    disown(m, f);
    weft__waiter *next = weft__waiters_serve(&m->waiting, 0);
    if (next) own(m, next->fiber, next->item);
}

typedef struct held_mutex { weft__held held; const weft_mutex *mutex; } held_mutex;

static weft_task *holder(const weft__held *held, int i)
{
    return i ? NULL : ((const held_mutex *)held)->mutex->owner;
}

static held_mutex known(const weft_mutex *m, const char *name)
{
    return (held_mutex){ { "mutex", weft__waiters_name(name), holder }, m };
}

static WEFT__COLD int locked_twice(const weft_mutex *m, const char *name, const char *place)
{
    return weft__fail_as(place, WEFT_EDEADLK, 0,
        "mutex %s is locked at %s by task %s, which locks it again at %s and would wait for itself",
        weft__waiters_name(name), m->place, m->owner->name, place);
}

int weft__mutex_lock(weft_mutex *m, const char *name, const char *place)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_mutex_lock");
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    if (m->owner == f->task) return locked_twice(m, name, place);
    if (!m->owner) {
        own(m, f, place);
        return 0;
    }
    held_mutex on = known(m, name);
    weft__waiter w = { .fiber = f, .item = (void *)place };
    weft__waiters_add(&m->waiting, &w);
    return weft__waiters_wait(&m->waiting, &w, "a mutex", &on.held);
}

void weft__mutex_retake(weft_mutex *m, weft__fiber *f, const char *name, const char *place)
{
    if (!m->owner) {
        own(m, f, place);
        return;
    }
    held_mutex on = known(m, name);
    weft__waiter w = { .fiber = f, .item = (void *)place };
    weft__waiters_add(&m->waiting, &w);
    weft__park_through("a mutex, after a condition", &on.held);
}

bool weft__mutex_try_lock(weft_mutex *m, const char *place)
{
    weft__fiber *f = weft__running();
    if (!f || m->owner) return false;
    own(m, f, place);
    return true;
}

static WEFT__COLD void not_mine(const weft_mutex *m, const weft__fiber *f, const char *name,
    const char *place)
{
    const char *by = f ? f->task->name : "(outside of a task)";
    if (m->owner) {
        weft__say(
            "weft: %s: task %s unlocks mutex %s, which task %s holds since %s: it stays locked\n",
            place, by, weft__waiters_name(name), m->owner->name, m->place);
    } else {
        weft__say("weft: %s: task %s unlocks mutex %s, which is not locked\n", place, by,
            weft__waiters_name(name));
    }
}

void weft__mutex_unlock(weft_mutex *m, const char *name, const char *place)
{
    weft__fiber *f = weft__running();
    if (f && m->owner == f->task) pass_on(m, f);
    else not_mine(m, f, name, place);
}

void weft__mutex_leave(weft_mutex *const *m)
{
    weft__fiber *f = weft__running();
    if (f && (*m)->owner == f->task) pass_on(*m, f);
    else not_mine(*m, f, "of WEFT_LOCKED", "the end of a block");
}

void weft__locks_left(weft__fiber *f)
{
    while (f->locks) {
        weft__say("weft: task %s, started at %s, ended with a mutex locked at %s: it is unlocked\n",
            f->task->name, f->task->place, f->locks->place);
        pass_on(f->locks, f);
    }
}

/* ---- semaphore ---- */

int weft__semaphore_take(weft_semaphore *s, const char *name)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_semaphore_take");
    int rc = weft__checkpoint();
    if (rc < 0 || weft_semaphore_try_take(s)) return rc;
    weft__held on = { .kind = "semaphore", .name = weft__waiters_name(name) };
    weft__waiter w = { .fiber = f };
    weft__waiters_add(&s->waiting, &w);
    return weft__waiters_wait(&s->waiting, &w, "a semaphore", &on);
}

bool weft_semaphore_try_take(weft_semaphore *s)
{
    if (!s->free) return false;
    s->free--;
    return true;
}

void weft_semaphore_give(weft_semaphore *s)
{
    if (weft__waiters_serve(&s->waiting, 0) || s->free == UINT32_MAX) return;
    s->free++;
}

void weft__semaphore_leave(weft_semaphore *const *s) { weft_semaphore_give(*s); }
