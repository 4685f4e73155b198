#define _GNU_SOURCE
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/parts.h"

enum { THREADS_MAX = 4, STACK_BYTES = 256 * 1024 };

/* WAITING in the queue, RUNNING in a thread, ENDED in the list of what is to be told. */
typedef enum resolve_state { WAITING, RUNNING, ENDED, TOLD } resolve_state;

struct weft__resolve {
    weft__resolve *next;
    resolve_state state;             /* under the lock */
    bool abandoned;                  /* under the lock: its thread frees it */
    bool told;                       /* the loop's own: the result may be read */
    void *cookie;
    int port, result;                /* result: how many addresses, or a code */
    const char *why;
    weft__addr addrs[WEFT__ADDRS_MAX];
    char host[WEFT__HOST_MAX + 1];
};

typedef struct resolve_list { weft__resolve *first, **end; int count; } resolve_list;

struct weft__resolver {
    pthread_mutex_t lock;
    pthread_cond_t work, left;
    weft__lookup_fn *look_up;
    resolve_list waiting, ended;
    int wake;                        /* -1: the os is gone */
    int threads, idle, running;      /* of the threads: those that wait for work, and those in a look-up */
    bool orphaned;                   /* the last thread frees */
    pid_t owner;                     /* a forked child has none of the threads */
};

static void list_init(resolve_list *l) { *l = (resolve_list){ .end = &l->first }; }

static void list_add(resolve_list *l, weft__resolve *one)
{
    one->next = NULL;
    *l->end = one;
    l->end = &one->next;
    l->count++;
}

static void list_remove(resolve_list *l, weft__resolve *one)
{
    weft__resolve **at = &l->first;
    while (*at && *at != one) at = &(*at)->next;
    if (!*at) return;
    *at = one->next;
    if (l->end == &one->next) l->end = at;
    l->count--;
}

static weft__resolve *list_take(resolve_list *l)
{
    weft__resolve *one = l->first;
    if (one) list_remove(l, one);
    return one;
}

weft__resolver *weft__resolver_new(int wake, weft__lookup_fn *look_up)
{
    weft__resolver *r = weft__calloc(sizeof *r);
    if (!r) return NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    pthread_cond_init(&r->left, NULL);
    list_init(&r->waiting);
    list_init(&r->ended);
    r->wake = wake;
    r->look_up = look_up;
    r->owner = getpid();
    return r;
}

static void destroy(weft__resolver *r)
{
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->left);
    weft__free(r);
}

/* Waits for the threads that have nothing to do, so that usually nothing is left behind. A look-up can take
 * half a minute: whoever is in one is left to it. */
void weft__resolver_free(weft__resolver *r)
{
    if (r->owner != getpid()) {
        weft__free(r);
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->wake = -1;
    pthread_cond_broadcast(&r->work);
    while (r->threads > r->running) pthread_cond_wait(&r->left, &r->lock);
    r->orphaned = r->threads > 0;
    bool done = !r->orphaned;
    pthread_mutex_unlock(&r->lock);
    if (done) destroy(r);
}

static void settle(weft__resolve *one, int result, const char *why)
{
    one->result = result;
    one->why = why;
}

static void look_up(const weft__resolver *r, weft__resolve *one)
{
    struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list = NULL;
    int rc = r->look_up(one->host, NULL, &want, &list);
    if (rc) {
        settle(one, rc == EAI_MEMORY ? WEFT_ENOMEM : WEFT_EDNS, gai_strerror(rc));
        return;
    }
    int n = weft__addrs_order(list, one->port, one->addrs, WEFT__ADDRS_MAX);
    freeaddrinfo(list);
    settle(one, n ? n : WEFT_EDNS, n ? NULL : "the name has no IPv4 or IPv6 address");
}

/* Under the lock. */
static void ended(weft__resolver *r, weft__resolve *one)
{
    if (one->abandoned) {
        weft__free(one);
        return;
    }
    one->state = ENDED;
    list_add(&r->ended, one);
    uint64_t add = 1;
    if (write(r->wake, &add, sizeof add) < 0) { /* full: then it is awake already */ }
}

/* Under the lock, and gives it up meanwhile. */
static void run(weft__resolver *r, weft__resolve *one)
{
    one->state = RUNNING;
    r->running++;
    pthread_mutex_unlock(&r->lock);
    look_up(r, one);
    pthread_mutex_lock(&r->lock);
    r->running--;
    ended(r, one);
}

static void *work(void *arg)
{
    weft__resolver *r = arg;
    pthread_mutex_lock(&r->lock);
    while (r->wake >= 0) {
        weft__resolve *one = list_take(&r->waiting);
        if (one) {
            run(r, one);
            continue;
        }
        r->idle++;
        pthread_cond_wait(&r->work, &r->lock);
        r->idle--;
    }
    r->threads--;
    bool last = r->orphaned && !r->threads;
    pthread_cond_signal(&r->left);
    pthread_mutex_unlock(&r->lock);
    if (last) destroy(r);
    return NULL;
}

/* Under the lock. Signals are for the loop's thread. */
static bool start_thread(weft__resolver *r)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    if (pthread_attr_init(&attr)) return false;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = !pthread_create(&thread, &attr, work, r);
    if (started) pthread_setname_np(thread, "weft-dns");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    r->threads += started;
    return started;
}

int weft__resolve_at_once(const char *host, size_t n, int port, weft__addr *out, const char **why)
{
    *why = NULL;
    if (!n) *why = "the host name is empty";
    else if (n > WEFT__HOST_MAX) *why = "the host name is longer than 253 bytes";
    else if (port < 0 || port > 65535) *why = "the port is not in 0 to 65535";
    if (*why) return WEFT_EDNS;
    return weft__addr_parse((weft_str){ host, n }, port, out) == 0;
}

/* Under the lock. */
static bool enqueue(weft__resolver *r, weft__resolve *one)
{
    if (r->waiting.count >= WEFT__RESOLVES_MAX) {
        settle(one, WEFT_ELIMIT, "1024 names are waiting to be resolved already");
        return false;
    }
    bool one_more = r->waiting.count >= r->idle && r->threads < THREADS_MAX;
    if (one_more && !start_thread(r) && !r->threads) {
        settle(one, WEFT_ENOMEM, "no thread could be started to resolve the name");
        return false;
    }
    one->state = WAITING;
    list_add(&r->waiting, one);
    pthread_cond_signal(&r->work);
    return true;
}

weft__resolve *weft__resolver_start(weft__resolver *r, const char *host, int port, void *cookie)
{
    weft__resolve *one = weft__calloc(sizeof *one);
    if (!one) return NULL;
    one->cookie = cookie;
    one->port = port;
    size_t n = strnlen(host, sizeof one->host);
    one->result = weft__resolve_at_once(host, n, port, &one->addrs[0], &one->why);
    if (!one->result) memcpy(one->host, host, n);

    pthread_mutex_lock(&r->lock);
    if (one->result || !enqueue(r, one)) ended(r, one);
    pthread_mutex_unlock(&r->lock);
    return one;
}

void weft__resolver_end(weft__resolver *r, weft__resolve *one)
{
    if (!one) return;
    pthread_mutex_lock(&r->lock);
    bool running = one->state == RUNNING;
    if (running) one->abandoned = true;
    if (one->state == WAITING) list_remove(&r->waiting, one);
    if (one->state == ENDED) list_remove(&r->ended, one);
    pthread_mutex_unlock(&r->lock);
    if (!running) weft__free(one);
}

int weft__resolver_result(weft__resolve *one, weft__addr *out, int max, const char **why)
{
    if (!one->told) return WEFT_EBUSY;
    if (why) *why = one->why;
    if (one->result < 0) return one->result;
    int n = one->result < max ? one->result : max;
    memcpy(out, one->addrs, (size_t)n * sizeof *out);
    return n;
}

int weft__resolver_told(weft__resolver *r, weft__event *events, int max)
{
    int n = 0;
    pthread_mutex_lock(&r->lock);
    while (n < max && r->ended.first) {
        weft__resolve *one = list_take(&r->ended);
        one->state = TOLD;
        one->told = true;
        events[n++] = (weft__event){ one->cookie, WEFT__IN };
    }
    pthread_mutex_unlock(&r->lock);
    return n;
}
