/* Signals as events, for users. */
#include "base/mem.h"
#include "os/signal.h"
#include "task/error.h"
#include "task/job.h"
#include "task/loop.h"
#include "weft/command.h"

struct weft_signals {
    weft__watch watch;
    weft__loop *loop;
    weft__taker *taker;
    weft__fiber *waiter;             /* parked in weft_signals_next */
    uint64_t came;                   /* and not given yet */
    bool inside, freed;
};

static const weft__signal_ops *ops(const weft_signals *s)
{
    return weft__loop_os(s->loop)->ops->takers;
}

static void told(weft__watch *w, uint32_t events)
{
    (void)events;
    weft_signals *s = (weft_signals *)w;
    s->came |= ops(s)->taken(s->taker);
    if (s->came && s->waiter) weft__wake(s->waiter, 0);
}

static int set_of(const int *numbers, size_t n, uint64_t *set)
{
    *set = 0;
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] < 1 || numbers[i] > 64 ||
            !weft__signals_may_be_taken(weft__signal_bit(numbers[i])))
            return weft__fail_as(
                NULL, WEFT_EINVAL, 0, "signal %d cannot be waited for", numbers[i]);
        *set |= weft__signal_bit(numbers[i]);
    }
    return 0;
}

static int open_set(weft_signals **out, uint64_t set)
{
    weft_signals *s = weft__calloc(sizeof *s);
    if (!s) return WEFT_ENOMEM;
    s->watch.ready = told;
    s->loop = weft__loop_here();
    int rc = ops(s)->take(weft__loop_os(s->loop), set, &s->watch, &s->taker);
    if (rc == 0) *out = s;
    else weft__free(s);
    return rc;
}

int weft_signals_open_n(weft_signals **out, const int *numbers, size_t n)
{
    uint64_t set;
    if (!weft__self()) return weft__no_task("weft_signals_open");
    int rc = set_of(numbers, n, &set);
    if (rc < 0) return rc;
    rc = open_set(out, set);
    if (rc == WEFT_ELIMIT)
        return weft__fail_as(NULL, rc, 0, "weft_signals_open: %d are open in this process already",
            WEFT__TAKERS_MAX);
    return rc < 0 ? weft__fail_as(NULL, rc, 0, "weft_signals_open: %s", weft__code_text(rc)) : 0;
}

void weft_signals_free(weft_signals *s)
{
    if (!s) return;
    if (s->taker) {
        weft__loop_forget(s->loop, &s->watch);
        ops(s)->drop(weft__loop_os(s->loop), s->taker);
        s->taker = NULL;
    }
    s->freed = true;
    if (s->waiter) weft__wake(s->waiter, WEFT_ECLOSED);
    if (!s->inside) weft__free(s);
}

void weft__signals_leave(weft_signals **s) { weft_signals_free(*s); }

static int next_one(weft_signals *s)
{
    int rc = weft__checkpoint();
    while (rc == 0 && !s->came && !s->freed) {
        s->waiter = weft__self();
        rc = weft__park("a signal", INT64_MAX);
        s->waiter = NULL;
    }
    if (s->freed) return WEFT_ECLOSED;
    if (rc < 0) return rc;
    int number = __builtin_ctzll(s->came) + 1;
    s->came &= s->came - 1;
    return number;
}

int weft_signals_next(weft_signals *s)
{
    if (!weft__self()) return weft__no_task("weft_signals_next");
    if (s->inside)
        return weft__fail_as(NULL, WEFT_EBUSY, 0,
            "another task waits on these signals already: open them a second time");
    s->inside = true;
    int number = next_one(s);
    s->inside = false;
    if (s->freed) weft__free(s);
    return number;
}

int weft_signal_wait_n(const int *numbers, size_t n)
{
    WEFT_SIGNALS(s);
    int rc = weft_signals_open_n(&s, numbers, n);
    return rc < 0 || !s ? rc : weft_signals_next(s);
}
