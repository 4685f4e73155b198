/* Inboxes: what other threads want run on a loop's thread. */
#include <pthread.h>
#include "base/mem.h"
#include "os/jobs.h"
#include "task/fiber.h"
#include "weft/thread.h"

enum { POSTS_USUAL = 1024, POSTS_MOST = 1 << 20, AT_ONCE = 64 };

typedef struct post { void (*fn)(void *arg); void *arg; } post;

/* Those of a loop. */
typedef struct inboxes { weft__loop *loop; weft_inbox *first; } inboxes;

/* Invariant: while posts wait somebody has knocked, or is about to, or the loop is at them. */
struct weft_inbox {
    pthread_mutex_t lock;
    uint32_t first, count;               /* these three are under the lock */
    bool closed;
    uint32_t room;
    int refs;                            /* atomic: the loop, and those who keep it */
    weft__door *door;                    /* kept as long as the inbox: a knock may come after the loop's end */
    weft__watch watch;                   /* from here on the loop's alone */
    inboxes *of;
    weft_inbox *next, *prev;
    post ring[];
};

/* ---- any thread ---- */

weft_inbox *weft_inbox_keep(weft_inbox *inbox)
{
    __atomic_fetch_add(&inbox->refs, 1, __ATOMIC_RELAXED);
    return inbox;
}

void weft_inbox_drop(weft_inbox *inbox)
{
    if (!inbox || __atomic_sub_fetch(&inbox->refs, 1, __ATOMIC_ACQ_REL)) return;
    weft__door_drop(inbox->door);
    pthread_mutex_destroy(&inbox->lock);
    weft__free(inbox);
}

int weft_post(weft_inbox *inbox, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&inbox->lock);
    int rc = inbox->closed ? WEFT_ECLOSED : inbox->count == inbox->room ? WEFT_ELIMIT : 0;
    if (rc == 0) inbox->ring[(inbox->first + inbox->count++) % inbox->room] = (post){ fn, arg };
    pthread_mutex_unlock(&inbox->lock);
    if (rc == 0) weft__door_knock(inbox->door);
    return rc;
}

/* ---- the loop's thread ---- */

static bool take(weft_inbox *inbox, post *out)
{
    pthread_mutex_lock(&inbox->lock);
    bool any = inbox->count != 0;
    if (any) {
        *out = inbox->ring[inbox->first];
        inbox->first = (inbox->first + 1) % inbox->room;
        inbox->count--;
    }
    pthread_mutex_unlock(&inbox->lock);
    return any;
}

/* One by one, since a post may close the inbox: that runs those behind it. */
static void on_knock(weft__watch *watch, uint32_t events)
{
    weft_inbox *inbox = weft_inbox_keep((weft_inbox *)((char *)watch - offsetof(weft_inbox, watch)));
    post p;
    int n = 0;
    (void)events;
    while (n < AT_ONCE && take(inbox, &p)) {
        p.fn(p.arg);
        n++;
    }
    if (n == AT_ONCE) weft__door_knock(inbox->door); /* there may be more: after a look at what else there is */
    weft_inbox_drop(inbox);
}

static void inbox_unlink(weft_inbox *inbox)
{
    *(inbox->prev ? &inbox->prev->next : &inbox->of->first) = inbox->next;
    if (inbox->next) inbox->next->prev = inbox->prev;
}

static void inbox_link(weft_inbox *inbox, inboxes *of)
{
    inbox->of = of;
    inbox->prev = NULL;
    inbox->next = of->first;
    if (inbox->next) inbox->next->prev = inbox;
    of->first = inbox;
}

void weft_inbox_close(weft_inbox *inbox)
{
    if (!inbox) return;
    pthread_mutex_lock(&inbox->lock);
    bool before = inbox->closed;
    inbox->closed = true;
    pthread_mutex_unlock(&inbox->lock);
    if (before) return;
    weft__loop *loop = inbox->of->loop;
    inbox_unlink(inbox);
    weft__loop_forget(loop, &inbox->watch);
    loop->os->ops->jobs->door_close(loop->os, inbox->door);
    for (post p; take(inbox, &p);) p.fn(p.arg);
    weft_inbox_drop(inbox);
}

/* The posts of the end run as others do: on the loop's own stack. */
static void close_all(void *arg)
{
    inboxes *all = arg;
    weft__loop *before = weft__the_loop;
    weft__the_loop = all->loop;
    while (all->first) weft_inbox_close(all->first);
    weft__the_loop = before;
    *weft__loop_slot(all->loop, WEFT__SLOT_INBOXES) = NULL;
    weft__free(all);
}

static inboxes *inboxes_here(weft__loop *loop)
{
    void **slot = weft__loop_slot(loop, WEFT__SLOT_INBOXES);
    if (*slot) return *slot;
    inboxes *all = weft__malloc(sizeof *all);
    if (!all) return NULL;
    *all = (inboxes){ .loop = loop };
    if (weft__loop_on_free(loop, close_all, all) < 0) {
        weft__free(all);
        return NULL;
    }
    return *slot = all;
}

static uint32_t room_of(const weft_inbox_opts *opts)
{
    int n = opts->posts_max > 0 ? opts->posts_max : POSTS_USUAL;
    return n < POSTS_MOST ? (uint32_t)n : POSTS_MOST;
}

weft_inbox *weft_inbox_open_with(const weft_inbox_opts *opts)
{
    weft__loop *loop = weft__loop_here();
    inboxes *all = loop && loop->os->ops->jobs ? inboxes_here(loop) : NULL;
    uint32_t room = room_of(opts);
    weft_inbox *inbox = all ? weft__malloc(sizeof *inbox + room * sizeof(post)) : NULL;
    if (!inbox) return NULL;
    *inbox = (weft_inbox){ .room = room, .refs = 1, .watch = { on_knock } };
    inbox->door = loop->os->ops->jobs->door_open(loop->os, &inbox->watch);
    if (!inbox->door) {
        weft__free(inbox);
        return NULL;
    }
    weft__door_keep(inbox->door);
    pthread_mutex_init(&inbox->lock, NULL);
    inbox_link(inbox, all);
    return inbox;
}
