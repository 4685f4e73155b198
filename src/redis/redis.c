/* Those that are open on a loop: opened, closed, and who is in them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "redis/inside.h"
#include "task/job.h"

enum { CONNECTIONS_MAX = 64, OWN_MAX = 1024, IN_FLIGHT_MAX = 1000000 };
static const size_t REPLY_MAX = (size_t)1 << 30;

/* ---- those of a loop ---- */

typedef struct opened { weft__loop *loop; weft_redis *first; } opened;

static void nodes_free(weft__rnode **nodes)
{
    for (weft__rnode *node; (node = *nodes);) {
        *nodes = node->next;
        weft__rnode_free(node);
    }
}

static void root_free(weft_redis *r)
{
    nodes_free(&r->nodes);
    nodes_free(&r->sentinels);
    if (r->flush.run) weft__loop_unhook(r->loop, &r->flush);
    weft__scripts_free(r);
    weft__tls_client_drop(r->tls);
    weft__free(r->slots);
    weft__buf_free(&r->scratch);
    weft__free(r->in);
    weft__free(r->name);
    weft__free(r);
}

/* The loop has ended: no task is there any more. */
static void abandon_all(void *arg)
{
    opened *all = arg;
    for (weft_redis *r; (r = all->first);) {
        all->first = r->next;
        root_free(r);
    }
    *weft__loop_slot(all->loop, WEFT__SLOT_REDIS) = NULL;
    weft__free(all);
}

static opened *opened_here(weft__loop *loop)
{
    void **slot = weft__loop_slot(loop, WEFT__SLOT_REDIS);
    if (*slot) return *slot;
    opened *all = weft__malloc(sizeof *all);
    if (!all) return NULL;
    *all = (opened){ .loop = loop };
    if (weft__loop_on_free(loop, abandon_all, all) < 0) {
        weft__free(all);
        return NULL;
    }
    return *slot = all;
}

static void link_redis(opened *all, weft_redis *r)
{
    r->next = all->first;
    if (r->next) r->next->prev = r;
    all->first = r;
}

static void unlink_redis(weft_redis *r)
{
    opened *all = *weft__loop_slot(r->loop, WEFT__SLOT_REDIS);
    *(r->prev ? &r->prev->next : &all->first) = r->next;
    if (r->next) r->next->prev = r->prev;
}

/* ---- open ---- */

static int refuse(const char *what, long long is, const char *range)
{
    return weft_fail(WEFT_EINVAL, "weft_redis_open: .%s is %lld; it must be %s", what, is, range);
}

static bool name_is_good(const char *name)
{
    for (; *name; name++)
        if (*name <= ' ' || *name > '~') return false;
    return true;
}

static int or_else(int given, int usual) { return given ? given : usual; }

static int check(weft_redis_opts *o)
{
    if (o->connections < 0 || o->connections > CONNECTIONS_MAX) return refuse("connections", o->connections, "1 to 64");
    if (o->own_max < 0 || o->own_max > OWN_MAX) return refuse("own_max", o->own_max, "1 to 1 024");
    if (o->connect_ms < 0) return refuse("connect_ms", o->connect_ms, "1 or more");
    if (o->command_ms < -1) return refuse("command_ms", o->command_ms, "-1 (none) or more");
    if (o->acquire_ms < -1) return refuse("acquire_ms", o->acquire_ms, "-1 (none) or more");
    if (o->in_flight_max < 0 || o->in_flight_max > IN_FLIGHT_MAX) return refuse("in_flight_max", o->in_flight_max, "1 to 1 000 000");
    if (o->retry_ms < 0) return refuse("retry_ms", o->retry_ms, "1 or more");
    if (o->reply_bytes_max > REPLY_MAX) return refuse("reply_bytes_max", (long long)o->reply_bytes_max, "at most 1 GiB");
    if (o->name && (strlen(o->name) > 200 || !name_is_good(o->name))) return weft_fail(WEFT_EINVAL, "weft_redis_open: .name is not 1 to 200 visible characters without spaces");
    o->connections = or_else(o->connections, 1);
    o->own_max = or_else(o->own_max, 32);
    o->connect_ms = or_else(o->connect_ms, 5000);
    o->command_ms = or_else(o->command_ms, 5000);
    o->acquire_ms = or_else(o->acquire_ms, 5000);
    o->in_flight_max = or_else(o->in_flight_max, 10000);
    o->retry_ms = or_else(o->retry_ms, 50);
    if (!o->reply_bytes_max) o->reply_bytes_max = (size_t)64 << 20;
    return 0;
}

static char *copy_of(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = weft__malloc(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

static int begin_tls(weft_redis *r)
{
    char why[WEFT__TLS_WHY] = "";
    if (!r->url.tls) return 0;
    int rc = weft__tls_client_of(r->loop, &r->opts.tls, NULL, &r->tls, why);
    if (rc < 0) return weft_fail(rc, "weft_redis_open: .tls: %s", *why ? why : weft__code_text(rc));
    weft__tls_client_keep(r->tls);
    return 0;
}

/* "host:port,host": the URL has been judged. */
static int add_sentinels(weft_redis *r)
{
    weft__rnode **end = &r->sentinels;
    for (const char *at = r->url.sentinels; at && *at; at += strspn(at, ",")) {
        char host[WEFT__REDIS_HOST];
        size_t n = strcspn(at, ",");
        const char *colon = memrchr(at, ':', n);
        snprintf(host, sizeof host, "%.*s", (int)(colon ? (size_t)(colon - at) : n), at);
        weft__rnode *node = weft__rnode_new(r, host, colon ? atoi(colon + 1) : 26379);
        if (!node) return WEFT_ENOMEM;
        node->sentinel = true;
        *end = node;
        end = &node->next;
        at += n;
    }
    return 0;
}

static int fill(weft_redis *r)
{
    weft__buf_init(&r->scratch, WEFT__REDIS_BYTES_MAX);
    if (r->opts.name && !(r->name = copy_of(r->opts.name))) return WEFT_ENOMEM;
    if (!(r->in = weft__malloc(WEFT__REDIS_IN))) return WEFT_ENOMEM;
    r->opts.name = r->name;
    int rc = begin_tls(r);
    r->opts.tls = (weft_tls_client){ 0 };
    if (rc < 0) return rc;
    if (r->url.cluster && !(r->slots = weft__calloc(WEFT__SLOTS_ALL * sizeof *r->slots))) return WEFT_ENOMEM;
    rc = add_sentinels(r);
    if (rc < 0) return rc;
    r->nodes = weft__rnode_new(r, r->url.host, r->url.port);
    return r->nodes ? 0 : WEFT_ENOMEM;
}

int weft_redis_open_with(const char *url, weft_redis **out, const weft_redis_opts *opts)
{
    const char *fault;
    weft__fiber *f = weft__self();
    if (!f) return weft__no_task("weft_redis_open");
    weft_redis_opts o = *opts;
    int rc = check(&o);
    if (rc < 0) return rc;
    weft_redis *r = weft__calloc(sizeof *r);
    if (!r) return weft_fail(WEFT_ENOMEM, "weft_redis_open: no memory");
    *r = (weft_redis){ .root = r, .opts = o, .loop = f->loop, .refs = 1 };
    opened *all = opened_here(f->loop);
    rc = weft__redis_url_parse(url ? url : "", &r->url, &fault);
    if (rc < 0) rc = weft_fail(rc, "weft_redis_open: the URL: %s", fault);        /* not itself: there may be a password in it */
    else rc = all ? fill(r) : WEFT_ENOMEM;
    if (rc < 0) return root_free(r), rc;
    link_redis(all, r);
    *out = r;
    return 0;
}

/* ---- calls ---- */

int weft__redis_closed(const char *place, const char *text)
{
    return weft__fail(place, WEFT_ECLOSED, "the Redis was closed: %.*s", WEFT__REDIS_SHOWN, text);
}

int weft__redis_enter(weft_redis *r, const char *place, const char *text)
{
    weft__fiber *f = weft__self();
    if (!f) return weft__no_task("a command of Redis");
    if (!r) return weft__fail(place, WEFT_EINVAL, "the Redis is NULL: %.*s", WEFT__REDIS_SHOWN, text);
    if (r == weft__redis_none()) return weft__fail(place, WEFT_ENOMEM, "there was no memory for this session: %.*s", WEFT__REDIS_SHOWN, text);
    if (f->loop != r->loop) return weft__fail(place, WEFT_EINVAL, "the Redis was opened by another loop: %.*s", WEFT__REDIS_SHOWN, text);
    if (r->root->closing) return weft__redis_closed(place, text);
    r->root->inside++;
    return 0;
}

void weft__redis_leave(weft_redis *r)
{
    weft_redis *root = r->root;
    weft__redis_spare(&root->scratch, &root->scratch_large_ns, weft__loop_now(root->loop));
    if (--root->inside == 0 && root->closing) weft__waiters_serve_all(&root->leaving, 0);
}

void weft__redis_keep(weft_redis *root) { root->refs++; }

void weft__redis_drop(weft_redis *root)
{
    if (--root->refs == 0) root_free(root);
}

/* ---- close ---- */

int weft_redis_close(weft_redis *r, int rc)
{
    if (!r) return rc;
    weft__fiber *f = weft__self();
    if (!f) return rc < 0 ? rc : weft__no_task("weft_redis_close");
    if (r->root != r || f->loop != r->loop || r->closing)
        return rc < 0 ? rc : weft_fail(r->closing ? WEFT_ECLOSED : WEFT_EINVAL, "weft_redis_close of %s", r->root != r ? "a session, whose block ends it" : r->closing ? "one that was closed" : "one that another loop opened");
    r->closing = true;
    for (weft__rnode *node = r->nodes; node; node = node->next) weft__rnode_close(node);
    weft__redis_subs_close(r);
    while (r->inside) {
        weft__waiter w = { .fiber = f };
        weft__waiters_add(&r->leaving, &w);
        (void)weft__park_through("calls of Redis to end", NULL);
        weft__waiters_remove(&r->leaving, &w);
    }
    unlink_redis(r);
    weft__redis_drop(r);
    return rc;
}
