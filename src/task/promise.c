/* Promises: a value from another thread, for which a task waits. */
#include <string.h>
#include "base/mem.h"
#include "os/jobs.h"
#include "task/fiber.h"
#include "task/job.h"
#include "weft/thread.h"

enum { AT_ONCE = 64 };
static const size_t BYTES_MAX = (size_t)1 << 30;

/* What all promises of a loop share: fulfilled ones are put on a stack, which the loop takes whole. It is counted, as
 * they are fulfilled after the loop's end too. */
typedef struct mail {
    int refs;                            /* atomic: the loop, each promise, each thread at work on one */
    weft_promise *newest;                /* atomic; CLOSED after the loop's end */
    weft__door *door;
    weft__watch watch;                   /* from here on the loop's alone */
    weft__loop *loop;
    weft_promise *first, **end;          /* taken and not looked at yet, in order */
} mail;

struct weft_promise {
    int refs;                            /* atomic: who opened it, and who fulfils it */
    int rc;
    mail *mail;
    weft_promise *next;
    weft__fiber *waiter;
    bool done;                           /* the loop knows */
    size_t bytes;
    char value[] __attribute__((aligned(16)));
};

static weft_promise closed_mark;
#define CLOSED (&closed_mark)

static void mail_drop(mail *m)
{
    if (__atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL)) return;
    weft__door_drop(m->door);
    weft__free(m);
}

static void promise_drop(weft_promise *p)
{
    if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL)) return;
    mail_drop(p->mail);
    weft__free(p);
}

/* ---- any thread ---- */

static bool push(mail *m, weft_promise *p)
{
    p->next = __atomic_load_n(&m->newest, __ATOMIC_ACQUIRE);
    do {
        if (p->next == CLOSED) return false;
    } while (!__atomic_compare_exchange_n(&m->newest, &p->next, p, true, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE));
    return true;
}

/* Once it is on the stack the loop may free it, and with it the mail. */
void weft_promise_fulfil(weft_promise *p, int rc, const void *value)
{
    mail *m = p->mail;
    p->rc = rc;
    if (p->bytes && rc >= 0 && value) memcpy(p->value, value, p->bytes);
    __atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
    if (push(m, p)) weft__door_knock(m->door);
    else promise_drop(p);
    mail_drop(m);
}

/* ---- the loop's thread ---- */

static void fulfilled(weft_promise *p)
{
    p->done = true;
    if (p->waiter) weft__wake_parked(p->waiter, 0);
    promise_drop(p);
}

/* The stack has its newest on top. */
static void take_all(mail *m, weft_promise *mark)
{
    weft_promise *p = __atomic_exchange_n(&m->newest, mark, __ATOMIC_ACQ_REL), *in_order = NULL, **end = m->end;
    if (p) m->end = &p->next;
    while (p) {
        weft_promise *next = p->next;
        p->next = in_order;
        in_order = p;
        p = next;
    }
    *end = in_order;
}

static bool tell(mail *m, int most)
{
    for (int n = 0; m->first && n < most; n++) {
        weft_promise *p = m->first;
        m->first = p->next;
        if (!m->first) m->end = &m->first;
        fulfilled(p);
    }
    return m->first != NULL;
}

static void on_knock(weft__watch *watch, uint32_t events)
{
    mail *m = (mail *)((char *)watch - offsetof(mail, watch));
    (void)events;
    take_all(m, NULL);
    if (tell(m, AT_ONCE)) weft__door_knock(m->door); /* the others after a look at what else there is */
}

static void mail_end(void *arg)
{
    mail *m = arg;
    m->loop->os->ops->jobs->door_close(m->loop->os, m->door);
    take_all(m, CLOSED);
    while (tell(m, AT_ONCE)) continue;
    mail_drop(m);
}

static mail *mail_new(weft__loop *loop)
{
    mail *m = loop->os->ops->jobs ? weft__calloc(sizeof *m) : NULL;
    if (!m) return NULL;
    m->refs = 1;
    m->loop = loop;
    m->watch.ready = on_knock;
    m->end = &m->first;
    m->door = loop->os->ops->jobs->door_open(loop->os, &m->watch);
    if (m->door && weft__loop_on_free(loop, mail_end, m) == 0) {
        weft__door_keep(m->door);
        return m;
    }
    if (m->door) loop->os->ops->jobs->door_close(loop->os, m->door);
    weft__free(m);
    return NULL;
}

weft_promise *weft_promise_open(size_t bytes)
{
    weft__loop *loop = weft__loop_here();
    if (!loop || bytes > BYTES_MAX) return NULL;
    void **slot = weft__loop_slot(loop, WEFT__SLOT_PROMISES);
    if (!*slot && !(*slot = mail_new(loop))) return NULL;
    weft_promise *p = weft__calloc(sizeof *p + bytes);
    if (!p) return NULL;
    p->refs = 2;
    p->bytes = bytes;
    p->mail = *slot;
    __atomic_fetch_add(&p->mail->refs, 1, __ATOMIC_RELAXED);
    return p;
}

void weft_promise_close(weft_promise *p)
{
    if (p) promise_drop(p);
}

static int wait_for(weft__fiber *f, weft_promise *p)
{
    int rc = 0;
    while (!p->done && rc == 0) {
        p->waiter = f;
        rc = weft__park_undelivered("a promise", NULL, INT64_MAX);
        p->waiter = NULL;
    }
    return p->done ? 0 : weft__deliver(f, rc);
}

int weft_promise_await(weft_promise *p, void *out)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_promise_await");
    if (p->done) weft__give_way();
    int rc = 0;
    while (!p->done && rc == 0 && weft__scope_effective(f->scope)) rc = weft_yield();
    if (rc == 0 && !p->done && p->waiter) return weft_fail(WEFT_EBUSY, "another task waits for this promise");
    if (rc == 0) rc = wait_for(f, p);
    if (rc < 0) return rc;
    if (p->rc < 0 && f->errors) weft__errors_over(f->errors, p->rc);     /* an earlier one is another */
    if (p->rc >= 0 && p->bytes && out) memcpy(out, p->value, p->bytes);
    return p->rc;
}
